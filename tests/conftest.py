"""What all tests share: no figure left over, and the site and the slides, each built once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from filelock import FileLock

from tools import NOTEBOOKS, ROOT
from tools.slides import write

plt.switch_backend("agg")  # no window, whatever the machine has


@pytest.fixture(autouse=True)
def _no_figures() -> Iterator[None]:
    """No test sees the figures of another one."""
    yield
    plt.close("all")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    """Each of the notebooks."""
    return request.param


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built by the first worker that asks for it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # that of all workers
    target = folder / "site"
    with FileLock(folder / "site.lock"):
        if not target.exists():
            options = ["-q", "-W", "--keep-going", "-b", "html", "-d", folder / "doctrees", "-c", "docs"]
            command = [sys.executable, "-m", "sphinx", *options, ".", folder / "site-part"]
            built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
            assert built.returncode == 0, f"make site failed:\n{built.stderr}"
            (folder / "site-part").rename(target)
    return target


@pytest.fixture(scope="session")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The slides of all notebooks."""
    folder = tmp_path_factory.mktemp("slides")
    write(NOTEBOOKS, folder)
    return folder
