"""Every test run, whichever folder it is given: the notebook plugin, and the surroundings the stored outputs assume."""

import os

pytest_plugins = ["tests.notebooks.nbval_approx", "pytester"]

# Kernels inherit these: stored outputs are those of the drawn edition, and hold no progress bars.
os.environ["COURSE_EDITION"] = "drawn"
os.environ["TQDM_DISABLE"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores: threads that wait for each other's cores make everything many times slower.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
