"""A JupyterHub on one machine: `jupyterhub --config deploy/jupyterhub/jupyterhub_config.py`, see docs/teaching.md.

It needs `jupyterhub`, `jupyterhub-idle-culler` and `nbgitpuller` beside the course's requirements, and the program
`configurable-http-proxy`. HUB_AUTHENTICATOR says how people log in: `pam` (accounts of the machine, the default),
the name of another installed authenticator, or, to try it alone, `dummy`, which lets in anyone who knows HUB_PASSWORD.
"""

import os
import sys

c = get_config()  # noqa: F821 - JupyterHub defines it
load_subconfig("course.py")  # noqa: F821 - what every learner's server gets

c.JupyterHub.authenticator_class = os.environ.get("HUB_AUTHENTICATOR", "pam")
c.Authenticator.allow_all = True  # everyone whom the authenticator knows; name a group of yours to be stricter
c.Authenticator.admin_users = set(os.environ.get("HUB_ADMINS", "").split())
if c.JupyterHub.authenticator_class == "dummy":  # one password for all: only on this machine
    c.JupyterHub.bind_url = "http://127.0.0.1:8000"
    c.JupyterHub.spawner_class = "simple"
    c.DummyAuthenticator.password = os.environ["HUB_PASSWORD"]

# A server that nobody has used for an hour ends, and gives its memory back; what is saved stays.
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]
c.JupyterHub.services = [
    {"name": "idle-culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"]}
]
