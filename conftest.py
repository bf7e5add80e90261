"""Every test run, on whichever folder: the notebook plugin, and the environment that the stored outputs assume."""

import os

import matplotlib.font_manager  # noqa: F401 - builds its cache here, where it is missing: in a kernel that writes to stderr

from tools.notebooks import SURROUNDINGS

pytest_plugins = ["tests.notebooks.nbval_approx", "pytester"]

os.environ.update(SURROUNDINGS)  # kernels inherit them
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores: threads that wait for each other's cores make everything many times slower.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
