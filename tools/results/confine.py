"""One process for one job, kept in by what this machine has: time, memory, processes, files and network.

Where bubblewrap (`bwrap`) works, a job sees the system's programs and the course, both read-only, an empty home that
vanishes with it, no network, and no process but its own. Elsewhere it gets an empty folder and limits, and can reach
what the person who started it can reach. What holds is tried out at the start (`inside/probe.py`), and said.
"""

from __future__ import annotations

import compileall
import json
import os
import queue
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from helpers.data import DATASETS, dataset_root
from tools.notebooks import ROOT, SURROUNDINGS

INSIDE = Path(__file__).parent / "inside"
MB = 2**20
MOST_SAID = 2_000_000  # characters of what a job may say
LOOK = 0.2  # seconds between two looks at a job's memory and processes


@dataclass(frozen=True)
class Limits:
    """What one job may use."""

    memory: int = 3000 * MB  # the course's own notebooks stay under 1200 MB
    files: int = 500 * MB
    processes: int = 60


@dataclass
class Outcome:
    """What a job said, and what ended it: nothing where it ended by itself after all was said."""

    said: list[dict[str, Any]] = field(default_factory=list)
    ended: str = ""


@dataclass(eq=False)
class _Job:
    process: subprocess.Popen
    mark: str
    folder: Path | None
    ended: str = ""

    def end(self, why: str) -> None:
        self.ended = self.ended or why
        if self.folder is None:
            # At once: all others in its namespace go with it, and a fork bomb leaves no time to look for them.
            with suppress(OSError):
                self.process.kill()
        _kill(self.process.pid)


class Cage:
    """Starts jobs, watches over them, and ends them; used as a context, at whose end none is left."""

    def __init__(self, limits: Limits, *, bwrap: bool = True) -> None:
        """Make the course ready for jobs, and try out what this machine has to keep them in."""
        self.limits = limits
        self.program = shutil.which("bwrap") if bwrap and sys.platform == "linux" else None
        self.jobs: set[_Job] = set()
        self.closed = False
        self._lock = threading.Lock()
        self._data = {dataset_root(name, "drawn").parent for name in DATASETS}.pop()
        self._folder = Path(tempfile.mkdtemp(prefix="course-results-"))
        self._course = self._folder / "course"
        self._copy_course()
        threading.Thread(target=self._watch, daemon=True).start()
        self.why_open = "" if self.program else _no_bubblewrap()
        self.reached = self._probe()
        if self.program and not self.reached:
            self.why_open = f"bubblewrap is installed, but the system does not let it work ({self._trouble})"
            self.program = None
            self.reached = self._probe()

    def __enter__(self) -> Cage:
        """Use it: `with Cage(Limits()) as cage`."""
        return self

    def __exit__(self, *_: object) -> None:
        """End what is left."""
        self.close()

    def close(self) -> None:
        """End every job and remove what was made for them."""
        with self._lock:
            self.closed = True
        for job in list(self.jobs):
            job.end("interrupted")
        _remove(self._folder)

    def _copy_course(self) -> None:
        """The course as it is now, without the solutions: a job cannot change it, or has a copy of its own."""
        shutil.copytree(ROOT / "helpers", self._course / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(INSIDE, self._course / "inside", ignore=shutil.ignore_patterns("__pycache__"))
        for name in DATASETS:
            folder = Path("data", "drawn", name)
            (self._course / folder).mkdir(parents=True)
            shutil.copy(ROOT / folder / "SHA256SUMS", self._course / folder)
        compileall.compile_dir(self._course, quiet=2)

    # What is open

    def _probe(self) -> dict[str, bool]:
        """Which ways out of a job lead out; nothing where no job can be started."""
        canary = self._folder / "canary"
        canary.write_text("canary", encoding="ascii")
        with socket.create_server(("127.0.0.1", 0)) as server:
            task = {
                "port": server.getsockname()[1],
                "canary": str(canary),
                "course": str(self._course),
                "runner": os.getpid(),
            }
            outcome = self.run("probe.py", task, seconds=30)
        reached = dict(outcome.said[0]) if outcome.said else {}
        if reached:
            reached["write"] |= canary.read_text(encoding="ascii") != "canary" or (self._course / "canary").exists()
            (self._course / "canary").unlink(missing_ok=True)
        return reached

    def description(self) -> list[tuple[str, bool, str]]:
        """What was and what was not confined, as tried out on this machine: the thing, whether, and in words."""
        memory = self.limits.memory // MB
        reached = self.reached
        words = {
            "network": ("no network", "The network is open: a notebook can reach it."),
            "read": (
                "cannot read your files or other learners' notebooks",
                "Files are open: a notebook can read whatever you can read.",
            ),
            "write": (
                "cannot change any file outside its own temporary folder",
                "Files are open: a notebook can change or delete whatever you can, the course and this table too.",
            ),
            "processes": ("sees no process but its own", "A notebook can see and end your other programs."),
        }
        rows = [(name, not reached.get(name, True), words[name][reached.get(name, True)]) for name in words]
        often = f"{LOOK:g} seconds" if not reached.get("memory", True) else f"{LOOK:g} seconds only"
        rows.append(("memory", True, f"at most {memory:,} MB, looked at every {often}"))
        rows.append(("time", True, "stopped when its time is up"))
        return rows

    # Running

    def run(self, script: str, task: dict[str, Any], *, seconds: float, silence: float | None = None) -> Outcome:
        """Run one of the programs of `inside/` on a task, and return what it said and what ended it.

        It is ended after so many `seconds`, or after so long a `silence`.
        """
        outcome = Outcome()
        password = secrets.token_hex(16)
        task = {
            **task,
            "password": password,
            "memory": self.limits.memory,
            "file": self.limits.files,
            "processes": 1000 + (0 if self.program else _running()),  # a namespace counts its own alone
        }
        with self._started(script) as job:
            lines: queue.Queue[bytes | None] = queue.Queue()
            threading.Thread(target=_talk, args=(job.process, json.dumps(task), lines), daemon=True).start()
            end = time.monotonic() + seconds
            said, other = 0, b""
            while True:
                wait = min(end - time.monotonic(), silence or seconds)
                try:
                    line = lines.get(timeout=max(wait, 0.01))
                except queue.Empty:
                    job.end("time")
                    break
                if line is None:
                    break
                said += len(line)
                if said > MOST_SAID:
                    job.end("said too much")
                    break
                if line.startswith(password.encode()):
                    with suppress(ValueError):
                        outcome.said.append(json.loads(line[len(password) :]))
                else:
                    other = line
            job.process.poll()
            complete = bool(outcome.said) and ("done" in outcome.said[-1] or script == "probe.py")
            outcome.ended = job.ended or ("" if complete else "ended")
            if not outcome.said:
                self._trouble = other.decode("utf-8", "replace").strip()[-200:] or f"status {job.process.returncode}"
                if script != "probe.py" and outcome.ended == "ended":
                    outcome.ended = f"could not be started: {self._trouble}"
        return outcome

    @contextmanager
    def _started(self, script: str) -> Iterator[_Job]:
        mark = secrets.token_hex(8)
        folder = None if self.program else Path(tempfile.mkdtemp(prefix="job-", dir=self._folder))
        course = Path("/course") if self.program else folder / "course"
        if folder:
            shutil.copytree(self._course, course)
            (folder / "home").mkdir()
        home = Path("/tmp/home") if self.program else folder / "home"
        environment = self._environment(course, home, mark)
        command = [sys.executable, "-I" if script != "execute.py" else "-s", "-B", str(course / "inside" / script)]
        if self.program:
            command = [self.program, *self._walls(environment), "--", *command]
        options: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x208}
        with self._lock:
            if self.closed:
                raise KeyboardInterrupt
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=folder / "home" if folder else "/",
                **options,
            )
            job = _Job(process, mark, folder)
            self.jobs.add(job)
        try:
            yield job
        finally:
            _kill(process.pid)
            if not self.program:
                _kill_marked(mark)
            process.wait()
            process.stdout.close()
            self.jobs.discard(job)
            if folder:
                _remove(folder)

    def _environment(self, course: Path, home: Path, mark: str) -> dict[str, str]:
        """As little as a job needs; nothing of what the instructor's own shell holds."""
        system = ("SYSTEMROOT", "COMSPEC", "PATHEXT", "WINDIR", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE")
        kept = {name: os.environ[name] for name in system if name in os.environ}
        return {
            **kept,
            **SURROUNDINGS,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
            "PYTHONPATH": str(course),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COURSE_DATA": "/data" if self.program else str(self._data),
            "COURSE_JOB": mark,
            "HOME": str(home),
            "USERPROFILE": str(home),
            "TMPDIR": "/tmp" if self.program else str(home),
            "TEMP": str(home),
            "TMP": str(home),
            "LANG": "C.UTF-8",
            "PYTHONUTF8": "1",
            "OMP_NUM_THREADS": "1",  # notebooks run beside each other; threads of each would wait for the others'
            "MKL_NUM_THREADS": "1",
            "MPLBACKEND": "Agg",
            "CUDA_VISIBLE_DEVICES": "",
        }

    def _walls(self, environment: dict[str, str]) -> list[str]:
        """The arguments of bubblewrap: a file system made of nothing but what is named here."""
        walls = [
            "--unshare-all",
            "--die-with-parent",
            "--new-session",
            "--cap-drop",
            "ALL",
            "--hostname",
            "class",
            "--clearenv",
        ]
        for name, value in environment.items():
            walls += ["--setenv", name, value]
        walls += ["--proc", "/proc", "--dev", "/dev"]
        size = ["--size", str(self.limits.files)] if _knows_sizes(self.program) else []
        for folder in ("/tmp", "/dev/shm"):
            walls += [*size, "--tmpfs", folder]
        for path in ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/nix", "/opt"):
            if Path(path).is_symlink():
                walls += ["--symlink", str(Path(path).readlink()), path]
            elif Path(path).is_dir():
                walls += ["--ro-bind", path, path]
        for name in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime", "ssl"):
            walls += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        for path in _python():
            walls += ["--ro-bind", path, path]
        walls += ["--ro-bind", str(self._course), "/course", "--ro-bind", str(self._data), "/data"]
        return [*walls, "--dir", "/tmp/home", "--remount-ro", "/", "--chdir", "/tmp/home"]

    # Watching

    def _watch(self) -> None:
        while not self.closed:
            time.sleep(LOOK)
            for job in list(self.jobs):
                with suppress(psutil.Error, OSError):
                    self._look(job)

    def _look(self, job: _Job) -> None:
        main = psutil.Process(job.process.pid)
        family = [main, *main.children(recursive=True)]
        if len(family) > self.limits.processes:
            job.end("processes")
        elif sum(map(_own, family)) > self.limits.memory and sum(map(_share, family)) > self.limits.memory:
            job.end("memory")
        elif job.folder and _size(job.folder / "home", self.limits.files) > self.limits.files:
            job.end("files")


def _running() -> int:
    """Threads of all programs of the person who started this, which the system's limit of processes counts."""
    count = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error, AttributeError):
            count += process.num_threads() if process.uids().real == os.getuid() else 0
    return count


def _own(process: psutil.Process) -> int:
    """Bytes in memory that no file stands behind."""
    with suppress(psutil.Error):
        memory = process.memory_info()
        return memory.rss - getattr(memory, "shared", 0)
    return 0


def _share(process: psutil.Process) -> int:
    """The same, what several processes have in common counted once; slower to find out."""
    with suppress(psutil.Error):
        memory = process.memory_full_info()
        return getattr(memory, "pss", memory.uss)
    return 0


def _size(folder: Path, limit: int) -> int:
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_size  # noqa: PTH118 - there may be very many
        if total > limit:
            break
    return total


def _talk(process: subprocess.Popen, task: str, lines: queue.Queue) -> None:
    with suppress(OSError, ValueError):
        process.stdin.write(task.encode())
        process.stdin.close()
    with suppress(OSError, ValueError):
        while line := process.stdout.readline(100_000):
            lines.put(line)
            while lines.qsize() > 1000:  # a job that floods us waits for us
                time.sleep(0.01)
    lines.put(None)


def _kill(pid: int) -> None:
    """End a process and all that it started, however fast that is at starting more."""
    for _ in range(50):
        try:
            main = psutil.Process(pid)
            family = [main, *main.children(recursive=True)]
        except psutil.Error:
            return
        living = [one for one in family if _lives(one)]
        if not living:
            return
        for one in living[1:]:
            with suppress(psutil.Error):
                one.suspend()
        for one in living:
            with suppress(psutil.Error):
                one.kill()
        time.sleep(0.01)


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    return False


def _kill_marked(mark: str) -> None:
    """End what a job left behind on its own: it still has the job's mark in its environment."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get("COURSE_JOB") == mark:
                _kill(process.pid)


def _remove(folder: Path) -> None:
    """Delete a folder, even where somebody took away the right to."""

    def once_more(remove: Any, path: str, _: Any) -> None:
        with suppress(OSError):
            for place in (Path(path).parent, Path(path)):
                # Only what is to go: not the folder around it, and not what a link points at.
                if place.is_relative_to(folder) and not place.is_symlink():
                    place.chmod(stat.S_IRWXU)
            remove(path)

    shutil.rmtree(folder, onerror=once_more)
    shutil.rmtree(folder, ignore_errors=True)


def _python() -> list[str]:
    """Where this Python and its packages are, without what is below the system's own folders."""
    wanted = {sys.prefix, sys.base_prefix, sys.exec_prefix, str(Path(sys.executable).resolve().parents[1])}
    wanted |= {path for path in sys.path if Path(path).is_dir() and Path(path).name.endswith("-packages")}
    paths = sorted({str(Path(path).absolute()) for path in wanted})
    return [path for path in paths if path not in ("/", str(Path.home())) and not path.startswith("/usr/")]


def _knows_sizes(program: str) -> bool:
    said = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    return "--size" in said.stdout + said.stderr


def _no_bubblewrap() -> str:
    if sys.platform == "linux":
        return "bubblewrap is not installed (on Debian and Ubuntu: apt-get install bubblewrap)"
    return "there is no bubblewrap for this system; a container or virtual machine with Linux has it"


def end_on_terminate() -> None:
    """Let `kill` end a run as Ctrl+C does: with a table of what is done, and no process left."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, interrupt)
