"""What every learner's server gets on a JupyterHub: see "A hub for 200" in docs/teaching.md.

On The Littlest JupyterHub copy this file to /opt/tljh/config/jupyterhub_config.d/ and reload the hub;
elsewhere jupyterhub_config.py, beside this file, loads it.
"""

c = get_config()  # noqa: F821 - JupyterHub defines it

c.Spawner.default_url = "/lab"

# docs/teaching.md has what was measured. The limit leaves room for a second kernel that somebody forgot to stop; the
# guarantee is enough with the CPU build of PyTorch.
c.Spawner.mem_limit = "3G"
c.Spawner.mem_guarantee = "1.2G"
c.Spawner.cpu_limit = 2
c.Spawner.cpu_guarantee = 0.25

# Members of the group `graders`, which an administrator makes on the admin page of the hub: grading a notebook may take
# 3 GB beside their own server.
c.Spawner.group_overrides = {
    "graders": {"groups": ["graders"], "spawner_override": {"mem_limit": "6G", "mem_guarantee": "2G"}}
}

# OMP_NUM_THREADS: by default every kernel starts a thread for each core of the machine, and they wait for each other.
# PYTHONPATH: the folder above the notebook's, so that a notebook uses the helpers that the learner got with it.
c.Spawner.environment = {"OMP_NUM_THREADS": "1", "PYTHONPATH": ".."}

# If 200 learners follow the link in the same minute, their servers are started twenty at a time.
c.JupyterHub.concurrent_spawn_limit = 20
c.Spawner.start_timeout = 180
c.Spawner.http_timeout = 120
