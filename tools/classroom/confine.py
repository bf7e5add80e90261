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

from tools import ROOT
from tools.notebooks import SURROUNDINGS

UNCONFINED = "COURSE_UNCONFINED"  # the environment variable by which `--unconfined` reaches nbgrader's own process
DATA = Path(os.environ.get("COURSE_DATA", ROOT / "data")).absolute()
GB = 2**30
MOST_MEMORY = 3 * GB  # of all processes of a notebook; the course's own notebooks use under 1.2
MOST_DISK = GB // 2
MOST_PROCESSES = 60
MOST_TIMEOUTS = 3  # cells that reach nbgrader's time limit before the whole notebook is stopped
STOPPED = "The notebook was stopped: "
SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/nix", "/opt")
SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime", "ssl")


def why_not_confined() -> str:
    """Why this machine cannot confine a notebook; empty where it can."""
    if not shutil.which("bwrap") or not shutil.which("prlimit"):
        return "bubblewrap is not installed (on Debian and Ubuntu: apt-get install bubblewrap)"
    with tempfile.TemporaryDirectory() as folder:
        command = [*_walls(folder), sys.executable, "-c", "import zmq"]
        trial = subprocess.run(command, capture_output=True, text=True, check=False)
    return trial.stderr.strip()[-200:] if trial.returncode else ""


def _walls(folder: str) -> list[str]:
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
        "CUDA_VISIBLE_DEVICES": "",
    }
    walls = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    for name, text in environment.items():
        walls += ["--setenv", name, text]
    walls += ["--proc", "/proc", "--dev", "/dev"]
    for place in ("/tmp", "/dev/shm"):
        walls += ["--size", str(MOST_DISK), "--tmpfs", place]
    for place in SYSTEM:
        if Path(place).is_symlink():
            walls += ["--symlink", str(Path(place).readlink()), place]
        else:
            walls += ["--ro-bind-try", place, place]
    for name in SETTINGS:
        walls += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for place in (*_python(), str(ROOT / "helpers"), str(DATA)):
        walls += ["--ro-bind", place, place]
    walls += ["--bind", folder, folder, "--dir", "/tmp/home", "--remount-ro", "/", "--chdir", "/tmp/home", "--"]
    return [*walls, "prlimit", f"--data={MOST_MEMORY}", f"--fsize={MOST_DISK}", "--core=0", "--"]


def _python() -> list[str]:
    """The folders of this Python and of its packages, except those below the system's own."""
    wanted = {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parents[1])}
    wanted |= {place for place in sys.path if Path(place).is_dir() and Path(place).name.endswith("-packages")}
    return sorted(place for place in wanted if place != "/" and not place.startswith("/usr"))


class ConfinedKernelManager(AsyncKernelManager):
    """Starts a kernel behind walls, talks to it through sockets in a folder, and ends one that misbehaves."""

    def __init__(self, **options: Any) -> None:
        """Choose the sockets, or ordinary ports where confinement was switched off by name."""
        super().__init__(**options)
        self.confined = not os.environ.get(UNCONFINED)
        self.timeouts = 0
        if self.confined:
            self.folder = tempfile.TemporaryDirectory(prefix="class-")
            self.transport, self.ip = "ipc", f"{self.folder.name}/socket"
            self.connection_file = f"{self.folder.name}/kernel.json"

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """The kernel's command, with the walls before it."""
        self.kernel_spec.interrupt_mode = "message"  # a signal would end bubblewrap
        command = super().format_kernel_cmd(extra_arguments)
        return [*_walls(self.folder.name), *command] if self.confined else command

    async def _async_post_start_kernel(self, **options: Any) -> None:
        await super()._async_post_start_kernel(**options)
        self.process = psutil.Process(self.provisioner.pid)
        threading.Thread(target=self._watch, daemon=True).start()

    post_start_kernel = _async_post_start_kernel

    async def _async_interrupt_kernel(self) -> None:
        """Interrupt a cell that has reached its time limit; code may catch that, so the patience is limited."""
        self.timeouts += 1
        if self.timeouts == MOST_TIMEOUTS:
            self._stop(f"{MOST_TIMEOUTS} cells reached the time limit")
        else:
            await super()._async_interrupt_kernel()

    interrupt_kernel = _async_interrupt_kernel

    def _watch(self) -> None:
        """Limit all the kernel's processes together, which the system's own limits cannot."""
        with suppress(psutil.NoSuchProcess):
            while self.process.is_running():
                family = [self.process, *self.process.children(recursive=True)]
                if len(family) > MOST_PROCESSES:
                    self._stop(f"it started more than {MOST_PROCESSES} processes")
                elif sum(map(_memory, family)) > MOST_MEMORY:
                    self._stop(f"it used more than {MOST_MEMORY // GB} GB of memory")
                time.sleep(0.2)

    def _stop(self, reason: str) -> None:
        self.log.error("%s%s.", STOPPED, reason)
        family = [] if self.confined else self.process.children(recursive=True)
        for process in (self.process, *family):  # behind walls, all that the kernel started ends with it
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _memory(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        memory = process.memory_info()
        return memory.rss - getattr(memory, "shared", 0)
    return 0


class ConfinedExecute(Execute):
    """The step of nbgrader that runs a notebook, with a confined kernel."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Differ only in the kernel manager."""
        super().__init__(*arguments, **{"kernel_manager_class": ConfinedKernelManager, **options})
