"""Every test run, on whichever folder: the notebook plugin, and the environment that the stored outputs assume."""

import os

import matplotlib.font_manager  # noqa: F401 - builds its cache here, where it is missing: in a kernel that writes to stderr
import pytest

from tools.notebooks import SURROUNDINGS

pytest_plugins = ["tests.notebooks.nbval_approx", "pytester"]

os.environ.update(SURROUNDINGS)  # kernels inherit them
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores: threads that wait for each other's cores make everything many times slower.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the last notebooks, which train the longest, so that two workers end at about the same time."""
    notebooks = [item for item in items if item.path.suffix == ".ipynb"]
    notebooks.sort(key=lambda item: item.path.name, reverse=True)
    items[:] = [item for item in items if item.path.suffix != ".ipynb"] + notebooks
