"""What every learner's server gets on a JupyterHub: see "For two hundred" in TEACHING.md.

On The Littlest JupyterHub copy this file to /opt/tljh/config/jupyterhub_config.d/ and reload the hub;
elsewhere jupyterhub_config.py, beside this file, loads it.
"""

c = get_config()  # noqa: F821 - JupyterHub defines it

c.Spawner.default_url = "/lab"

# What `make cost` measures of every notebook, and of a learner's server, stands in PROOF.md. The limit leaves room for
# a second kernel that somebody forgot; the guarantee is enough with the CPU build of PyTorch.
c.Spawner.mem_limit = "3G"
c.Spawner.mem_guarantee = "1.2G"
c.Spawner.cpu_limit = 2
c.Spawner.cpu_guarantee = 0.25

# Left alone, PyTorch starts a thread for every core of the machine in every kernel: they would wait for each other.
c.Spawner.environment = {"OMP_NUM_THREADS": "1"}

# Two hundred who press the link at the same minute are started twenty at a time.
c.JupyterHub.concurrent_spawn_limit = 20
c.Spawner.start_timeout = 180
c.Spawner.http_timeout = 120
