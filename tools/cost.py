"""What a notebook costs a machine: its time, its memory, its place on the disk: `python tools/cost.py [NOTEBOOK ...]`.

Each notebook is run from its first cell to its last, alone, as a learner's kernel would run it, while the memory of
the kernel and of every process that it starts is read fifty times a second. A Jupyter server is started and looked at
in the same way; server and kernel together are what one learner needs. The table is Markdown, and what a run of
all notebooks found stands in PROOF.md (`make proof`). The command ends with 1 where a notebook takes longer than 20
seconds, or more than 1.2 GB: its kernel, or the kernel with all that it starts, without what other programs share.

Seconds count on two processors that nothing else uses: on a busy machine, read the column "processor".
"""

from __future__ import annotations

import argparse
import os
import platform
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import psutil
import torch
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from tools.notebooks import NOTEBOOKS, SURROUNDINGS, execute  # noqa: E402 - found above
from tools.proof import record  # noqa: E402

LONGEST = 20.0  # seconds of a clock on the wall, on two processors
MOST = 1.2e9  # bytes
EVERY = 0.02  # seconds between two looks at the memory


@dataclass(frozen=True)
class Cost:
    """What it takes to run one notebook from its first cell to its last.

    Shapes:
        seconds: on the wall, with the start of the kernel; processor_seconds: of all processors together.
        kernel_memory, memory, own_memory: bytes at their highest, of the kernel; of the kernel and all that it starts,
        such as the workers of a loader; and of these, what no other program can share.
        size: bytes of the notebook's file.
    """

    name: str
    cells: int
    seconds: float
    processor_seconds: float
    kernel_memory: int
    memory: int
    own_memory: int
    size: int

    def verdict(self) -> str:
        """Whether the limits hold, in words."""
        beyond = []
        if self.seconds > LONGEST:
            beyond.append(f"longer than {LONGEST:.0f} s")
        if max(self.kernel_memory, self.own_memory) > MOST:
            beyond.append(f"more than {MOST / 1e9:.1f} GB")
        return ", ".join(beyond) or "ok"


class Watch:
    """Reads the memory of processes while a `with` block runs, and keeps the highest sums.

    It watches the process that is given and everything that it starts; without one, everything that this very process
    starts inside the block. Pages of files, the libraries above all, are in memory once, however many processes use
    them: of these only the largest share counts.

    Shapes:
        memory, own_memory: bytes, of all the processes together; largest: bytes, of the largest one;
        processor_seconds: of all the processes together.
    """

    def __init__(self, process: psutil.Process | None = None) -> None:
        """Set the process to watch, with what it starts."""
        self.memory = self.own_memory = self.largest = 0
        self.processor_seconds = 0.0
        self._process = process
        self._before = set(psutil.Process().children(recursive=True))
        self._spent: dict[psutil.Process, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join()
        self.processor_seconds = sum(self._spent.values())

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            self._look()

    def _look(self) -> None:
        own, files, processes = 0, 0, self._watched()
        for process in processes:
            try:
                memory, used = process.memory_info(), process.cpu_times()
            except psutil.Error:  # it has ended meanwhile
                continue
            of_files = getattr(memory, "shared", 0)  # only Linux tells
            own += memory.rss - of_files
            self.largest = max(self.largest, memory.rss)
            files = max(files, of_files)
            self._spent[process] = used.user + used.system
        if own > self.own_memory and len(processes) > 1:
            # A process that is being forked seems to hold all that its parent holds: look again, thoroughly.
            own = min(own, sum(_own_share(process) for process in processes))
        self.memory = max(self.memory, own + files)
        self.own_memory = max(self.own_memory, own)

    def _watched(self) -> list[psutil.Process]:
        try:
            if self._process is not None:
                return [self._process, *self._process.children(recursive=True)]
            return [child for child in psutil.Process().children(recursive=True) if child not in self._before]
        except psutil.Error:
            return []


def _own_share(process: psutil.Process) -> int:
    """Bytes that are of no file, where pages that are shared with another process count in parts: slow, but exact."""
    try:
        facts = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
        return 1024 * next(int(line.split()[1]) for line in facts.splitlines() if line.startswith("Pss_Anon:"))
    except (OSError, StopIteration):  # another system, or the process has ended
        try:
            return process.memory_info().rss
        except psutil.Error:
            return 0


def cost_of(path: Path) -> Cost:
    """What this notebook costs; it is executed, and its file stays as it is.

    Raises:
        CellExecutionError: a cell without the tag `raises-exception` raised.
    """
    start = time.perf_counter()
    with Watch() as watch:
        notebook = execute(path, **SURROUNDINGS)
    seconds = time.perf_counter() - start
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    size = path.stat().st_size
    return Cost(path.stem, cells, seconds, watch.processor_seconds, watch.largest, watch.memory, watch.own_memory, size)


def server_memory(notebook: Path) -> tuple[int, int]:
    """The memory of a Jupyter server that hands out a notebook, without its kernel: all of it, and its own, in bytes.

    Raises:
        TimeoutError: the server did not answer within a minute.
    """
    token = secrets.token_hex(16)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        settings = dict.fromkeys(("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"), folder)
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
                *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"),
                f"--ServerApp.root_dir={notebook.parent}",
            ],
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with Watch(psutil.Process(server.pid)) as watch:
                for page in ("lab", f"api/contents/{notebook.name}", "api/kernelspecs", "lab/api/settings"):
                    _fetch(f"http://127.0.0.1:{port}/{page}?token={token}")
        finally:
            server.terminate()
            server.wait(timeout=30)
    return watch.memory, watch.own_memory


def _fetch(address: str) -> None:
    """Ask until the server answers, for a minute at most."""
    last = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                answer.read()
            return
        except OSError as error:
            if time.monotonic() > last:
                raise TimeoutError(f"Expected the Jupyter server to answer within a minute; last: {error}.") from error
            time.sleep(0.2)


def table(costs: Sequence[Cost]) -> str:
    """The figures as a Markdown table, a row per notebook."""
    head = (
        "| notebook | cells | seconds | processor | memory of the kernel | with workers | not shared | file | limits |"
    )
    rows = [
        f"| {one.name} | {one.cells} | {one.seconds:.1f} | {one.processor_seconds:.1f} s "
        f"| {one.kernel_memory / 1e6:.0f} MB | {one.memory / 1e6:.0f} MB "
        f"| {one.own_memory / 1e6:.0f} MB | {one.size / 1e3:.0f} kB | {one.verdict()} |"
        for one in costs
    ]
    return "\n".join([head, "|---|---|---|---|---|---|---|---|---|", *rows])


def size_of(folder: Path) -> int:
    """The bytes of all files in a folder, each counted once."""
    seen = {}
    for place, _, names in os.walk(folder):
        for name in names:
            facts = (Path(place) / name).lstat()
            seen[facts.st_dev, facts.st_ino, name if facts.st_ino == 0 else ""] = facts.st_size
    return sum(seen.values())


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the tables, and return 1 where a limit does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=_notebook, default=NOTEBOOKS, help="all of the course by default")
    parser.add_argument("--repeat", type=_times, default=3, help="runs of each (%(default)s)")
    chosen = parser.parse_args(arguments)
    began = time.perf_counter()
    costs = []
    for path in chosen.notebooks:
        print(f"{path.stem} ...", file=sys.stderr, flush=True)
        try:
            runs = [cost_of(path) for _ in range(chosen.repeat)]
        except CellExecutionError as error:
            print(f"{path.name} stopped: {error.ename}: {error.evalue}", file=sys.stderr)
            return 2
        middle = statistics.median_low(run.seconds for run in runs)
        highest = {name: max(getattr(run, name) for run in runs) for name in ("kernel_memory", "memory", "own_memory")}
        costs.append(replace(next(run for run in runs if run.seconds == middle), **highest))
    memory, own = server_memory(chosen.notebooks[0])
    largest, largest_own = max(one.memory for one in costs), max(one.own_memory for one in costs)
    machine = f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}"
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    print(table(costs))
    print(
        f"\nOne learner: a Jupyter server with {memory / 1e6:.0f} MB ({own / 1e6:.0f} MB of its own) and one kernel, "
        f"together {(memory + largest) / 1e6:.0f} MB at the highest ({(own + largest_own) / 1e6:.0f} MB of their own)."
    )
    disk = {"notebooks": ROOT / "notebooks", "data": ROOT / "data", "environment": Path(sys.prefix)}
    sizes = {name: size_of(folder) for name, folder in disk.items()}
    print("On the disk: " + ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in sizes.items()) + ".")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"Measured on {machine}{load}; {versions}.")
    beyond = [f"{one.name}: {one.verdict()}" for one in costs if one.verdict() != "ok"]
    slowest, hungriest = max(costs, key=lambda one: one.seconds), max(costs, key=lambda one: one.kernel_memory)
    together = max(costs, key=lambda one: one.own_memory)
    record.write(
        "cost",
        section="Cost",
        tried=f"{len(costs)} notebooks were run, one after another, {chosen.repeat} times each (seconds: the median, "
        "memory: the highest), and their memory was read 50 times a second.",
        outcome=f"The longest, {slowest.name}, took {slowest.seconds:.1f} s (limit {LONGEST:.0f} s). Of memory (limit "
        f"{MOST / 1e6:,.0f} MB) the largest kernel, {hungriest.name}, took {hungriest.kernel_memory / 1e6:,.0f} MB, "
        f"and with the processes that it started, without what other programs share, {together.name} "
        f"{together.own_memory / 1e6:,.0f} MB. {'; '.join(beyond) or 'Nothing is beyond a limit'}. A learner's Jupyter "
        f"server took {memory / 1e6:,.0f} MB more; on the disk the environment takes "
        f"{sizes['environment'] / 1e9:.1f} GB, the data {sizes['data'] / 1e6:,.0f} MB.",
        passed=not beyond,
        command="make cost",
        seconds=time.perf_counter() - began,
        rows=[_row(one) for one in costs],
        whole=list(chosen.notebooks) == NOTEBOOKS and chosen.repeat >= 3,
    )
    return int(bool(beyond))


def _row(one: Cost) -> dict[str, str | int | float]:
    return {
        "notebook": one.name,
        "seconds": round(one.seconds, 1),
        "kernel, MB": round(one.kernel_memory / 1e6),
        "with workers, MB": round(one.memory / 1e6),
        "of it not shared, MB": round(one.own_memory / 1e6),
        "file, kB": round(one.size / 1e3),
    }


def _notebook(name: str) -> Path:
    path = Path(name).resolve()
    try:
        nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        raise argparse.ArgumentTypeError(f"Expected a notebook, received {name}: {error}") from None
    return path


def _times(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"Expected how many times, 1 or more; received {text}.")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
