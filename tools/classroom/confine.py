"""Runs the kernel of a stranger's notebook under bubblewrap; nbgrader itself stays outside and only exchanges messages.

The kernel sees the system's programs, this Python and the course's helpers and data, all read-only, and an empty home
that vanishes with it. It has no network, no other process, and neither the class's folder nor the gradebook.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.manager import AsyncKernelManager
from nbgrader.preprocessors import Execute

from tools.notebooks import ROOT, SURROUNDINGS

UNCONFINED = "COURSE_UNCONFINED"  # the environment variable by which `--unconfined` reaches the kernel manager
DATA = Path(os.environ.get("COURSE_DATA", ROOT / "data")).absolute()
GB = 2**30
MOST_MEMORY = int(float(os.environ.get("COURSE_MEMORY_GB", "3")) * GB)  # the course's own notebooks use under 1.2
MOST_DISK = GB // 2  # of one file, and of the temporary folder
MOST_PROCESSES = 60
MOST_TIMEOUTS = 3  # cells that run into nbgrader's timeout before the notebook is stopped as a whole
STOPPED = "The notebook was stopped: "


def why_not_confined() -> str:
    """Why this machine cannot confine a notebook; empty where it can."""
    if shutil.which("bwrap") is None or shutil.which("prlimit") is None:
        return "bubblewrap is not installed (on Debian and Ubuntu: apt-get install bubblewrap)"
    with tempfile.TemporaryDirectory() as folder:
        trial = subprocess.run(
            [*_walls(Path(folder)), sys.executable, "-c", "import zmq"], capture_output=True, text=True, check=False
        )
    return trial.stderr.strip()[-200:] if trial.returncode else ""


def _walls(folder: Path) -> list[str]:
    """The command that confines the command after it; both sides can write to `folder`, for the kernel's sockets."""
    environment = {
        **SURROUNDINGS,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_NO_INDEX": "1",  # `!pip install` fails at once instead of waiting for a network
        "COURSE_DATA": str(DATA),
        "HOME": "/tmp/home",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "CUDA_VISIBLE_DEVICES": "",
    }
    walls = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    for name, text in environment.items():
        walls += ["--setenv", name, text]
    walls += ["--proc", "/proc", "--dev", "/dev"]
    for place in ("/tmp", "/dev/shm"):
        walls += ["--size", str(MOST_DISK), "--tmpfs", place]
    for place in ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/nix", "/opt"):
        if Path(place).is_symlink():
            walls += ["--symlink", str(Path(place).readlink()), place]
        elif Path(place).is_dir():
            walls += ["--ro-bind", place, place]
    for name in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime", "ssl"):
        walls += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for place in (*_python(), str(ROOT / "helpers"), str(DATA)):
        walls += ["--ro-bind", place, place]
    walls += ["--bind", str(folder), str(folder), "--dir", "/tmp/home", "--remount-ro", "/", "--chdir", "/tmp/home"]
    return [*walls, "--", "prlimit", f"--data={MOST_MEMORY}", f"--fsize={MOST_DISK}", "--core=0", "--"]


def _python() -> list[str]:
    """The folders of this Python and of its packages, except those below the system's own."""
    wanted = {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parents[1])}
    wanted |= {place for place in sys.path if Path(place).is_dir() and Path(place).name.endswith("-packages")}
    return sorted(place for place in wanted if not place.startswith("/usr") and Path(place) not in (Path("/"), ROOT))


class ConfinedKernelManager(AsyncKernelManager):
    """Starts a kernel behind walls, talks to it through sockets in a folder of its own, and ends one that misbehaves."""

    def __init__(self, **options: Any) -> None:
        """Choose the sockets, or ordinary ports where confinement was switched off by name."""
        super().__init__(**options)
        self.confined = UNCONFINED not in os.environ
        self.timeouts = 0
        if self.confined:
            if reason := why_not_confined():
                raise RuntimeError(f"Expected to confine the notebook; this machine cannot: {reason}.")
            self.folder = tempfile.TemporaryDirectory(prefix="class-")
            self.transport, self.ip = "ipc", f"{self.folder.name}/socket"
            self.connection_file = f"{self.folder.name}/kernel.json"

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """The kernel's command, with the walls before it."""
        self.kernel_spec.interrupt_mode = "message"  # a signal would end bubblewrap
        command = super().format_kernel_cmd(extra_arguments)
        return [*_walls(Path(self.folder.name)), *command] if self.confined else command

    async def _async_post_start_kernel(self, **options: Any) -> None:
        await super()._async_post_start_kernel(**options)
        threading.Thread(target=self._watch, args=(psutil.Process(self.provisioner.pid),), daemon=True).start()

    post_start_kernel = _async_post_start_kernel

    async def _async_interrupt_kernel(self) -> None:
        """nbgrader interrupts a cell that runs into its timeout; code may catch that, so its patience is limited."""
        self.timeouts += 1
        if self.timeouts < MOST_TIMEOUTS:
            await super()._async_interrupt_kernel()
        else:
            self._stop(psutil.Process(self.provisioner.pid), f"{MOST_TIMEOUTS} cells ran into the time limit")

    interrupt_kernel = _async_interrupt_kernel

    def _watch(self, kernel: psutil.Process) -> None:
        """The limits of all the kernel's processes together, which the system's limits do not know."""
        with suppress(psutil.NoSuchProcess):
            while kernel.is_running():
                family = [kernel, *kernel.children(recursive=True)]
                if len(family) > MOST_PROCESSES:
                    self._stop(kernel, f"it started more than {MOST_PROCESSES} processes")
                elif sum(map(_memory, family)) > MOST_MEMORY:
                    self._stop(kernel, f"it used more than {MOST_MEMORY / GB:g} GB of memory")
                time.sleep(0.2)

    def _stop(self, kernel: psutil.Process, reason: str) -> None:
        self.log.error("%s%s.", STOPPED, reason)
        family = [] if self.confined else kernel.children(recursive=True)
        for process in (kernel, *family):  # behind walls, what the kernel started ends with it
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _memory(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        memory = process.memory_info()
        return memory.rss - memory.shared if hasattr(memory, "shared") else memory.rss
    return 0


class ConfinedExecute(Execute):
    """nbgrader's own step that runs a notebook, with a confined kernel."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As nbgrader's; only the kernel manager differs."""
        super().__init__(*arguments, **{"kernel_manager_class": ConfinedKernelManager, **options})
