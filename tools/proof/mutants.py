"""Put deliberate faults into a copy of the course, one at a time, and see that a test notices each: `make mutants`.

    python -m tools.proof.mutants                    all faults; prints what caught each, and the list of survivors
    python -m tools.proof.mutants training notebooks  only those whose file, name or cell holds one of these words
    python -m tools.proof.mutants --list              the faults, without trying them

The faults are listed in `tools/proof/faults.py`. A fault is caught where the tests chosen for it pass without it and
fail with it. Each worker has a copy of the repository of its own; the repository itself is never touched.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple, NoReturn

import nbformat
import pytest
from nbformat import NotebookNode

from tools.notebooks import normal
from tools.proof import record
from tools.proof.faults import AREAS, FAULTS, KINDS, OTHER, Fault

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600.0  # what the tests may take without the fault
PATIENCE = (
    5.0  # with it they may take so many times as long, and half a minute: one that makes them hang is caught, too
)
_COPIED = ("conftest.py", "data", "helpers", "Makefile", "notebooks", "pyproject.toml", "README.md", "tests", "tools")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "raw", "original", ".staging-*", "records")


class DoesNotApplyError(ValueError):
    """The text that a fault replaces is not there, or is there more than once."""


class Result(NamedTuple):
    """What became of a fault: caught by a test (its name, or what happened instead), or survived."""

    fault: Fault
    caught: bool
    by: str
    seconds: float


def apply(fault: Fault, root: Path) -> str:
    """The text of the fault's file under `root` with the fault in it.

    Raises: DoesNotApplyError where the text to replace is not there exactly once.
    """
    path = root / fault.file
    if not path.is_file():
        raise DoesNotApplyError(f"Expected the file {fault.file} for '{fault.name}', found none.")
    if not fault.cell:
        return _replaced(fault, path.read_text(encoding="utf-8"))
    notebook = nbformat.read(path, as_version=4)
    holder, key, text = changed_cell(fault, notebook)
    holder[key] = text
    return normal(notebook)


def changed_cell(fault: Fault, notebook: NotebookNode) -> tuple[NotebookNode, str, str]:
    """The cell or output that holds the fault's text, under which key, and that text with the fault in it.

    Raises: DoesNotApplyError where the text to replace is not there exactly once.
    """
    cells = [cell for cell in notebook.cells if cell.id == fault.cell]
    if not cells:
        raise DoesNotApplyError(f"Expected a cell {fault.cell} in {fault.file} for '{fault.name}', found none.")
    places = [(cells[0], "source")]
    for output in cells[0].get("outputs", []):
        places += [(output, key) for key in ("text", "evalue") if key in output]
        places += [(output["data"], mime) for mime in output.get("data", {}) if mime.startswith("text/")]
    # A text that no place holds is looked for in the source, which says that it is not there.
    holder, key = next((place for place in places if fault.old in place[0][place[1]]), places[0])
    return holder, key, _replaced(fault, holder[key])


def _replaced(fault: Fault, text: str) -> str:
    if (found := text.count(fault.old)) != 1 or fault.old == fault.new:
        raise DoesNotApplyError(
            f"Expected the text of '{fault.name}' once in {fault.file}, found it {found} times: {fault.old!r}. "
            "The course has changed: bring the fault up to date in tools/proof/faults.py."
        )
    return text.replace(fault.old, fault.new)


class Copies:
    """A few copies of the repository, for a worker each, and what the tests said in them without any fault."""

    def __init__(self, folder: Path, workers: int) -> None:
        """Copy what the tests need: not the environment, nothing built, nothing downloaded."""
        self._free: Queue[Path] = Queue()
        self._sound: dict[str, tuple[str, float]] = {}
        for number in range(workers):
            copy = folder / f"copy-{number}"
            copy.mkdir()
            for name in _COPIED:
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, copy / name, ignore=_LEFT_OUT)
                else:
                    shutil.copy2(ROOT / name, copy / name)
            self._free.put(copy)

    def judge(self, fault: Fault) -> Result:
        """Run the fault's tests without it (once for all faults with the same tests), then with it."""
        copy, start = self._free.get(), time.perf_counter()
        try:
            if fault.tests not in self._sound:
                before = run_tests(fault.tests, copy)
                self._sound[fault.tests] = before, time.perf_counter() - start
            before, usual = self._sound[fault.tests]
            if before:
                return Result(fault, False, f"NOT TRIED: its tests fail without it ({before})", 0.0)
            path = copy / fault.file
            sound = path.read_bytes()
            try:
                path.write_text(apply(fault, copy), encoding="utf-8", newline="\n")
                by = run_tests(fault.tests, copy, PATIENCE * usual + 30)
            finally:
                path.write_bytes(sound)
            return Result(fault, bool(by), by or "SURVIVED", time.perf_counter() - start)
        except DoesNotApplyError as error:
            return Result(fault, False, f"NOT TRIED: {error}", 0.0)
        finally:
            self._free.put(copy)


def run_tests(tests: str, folder: Path, seconds: float = SECONDS) -> str:
    """The first test that fails of these, run in this folder; '' where all pass.

    Each run is a process of its own, forked from a server that has imported what is slow to import.

    Raises: RuntimeError where there are no such tests.
    """
    with tempfile.TemporaryDirectory(prefix="mutants-said-") as said:
        report = Path(said, "report.txt")
        child = _SERVER.Process(target=_run_here, args=(_words(tests), str(folder), str(report)))
        child.start()
        child.join(seconds)
        if child.is_alive():
            os.killpg(child.pid, signal.SIGKILL)
            child.join()
            return f"{tests}: no end within {seconds:.0f} s"
        text = report.read_text(encoding="utf-8", errors="replace")
    if child.exitcode in (4, 5):
        raise RuntimeError(f"Expected tests for {tests!r}, pytest found none:\n{text}")
    if child.exitcode == 0:
        return ""
    failed = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", text, re.MULTILINE)
    return failed[0] if failed else f"{tests}: exit status {child.exitcode}"


_SERVER = multiprocessing.get_context("forkserver")
_PRELOADED = (
    "pytest",
    "hypothesis",
    "nbval.plugin",
    "nbconvert",
    "torch._dynamo",  # imported when the first optimizer is built
    "torchvision.transforms.v2",
    "sklearn.datasets",
    "anywidget",
)
_SURROUNDINGS = ("COURSE_EDITION", "COURSE_MIRROR", "COURSE_DATA", "PYTEST_ADDOPTS", "GENERATED_ANSWERS")


def _run_here(words: list[str], folder: str, report: str) -> NoReturn:
    """In a process of its own: run pytest in this folder, on its own copy of the course, and end with its status."""
    gc.freeze()  # whoever looks for garbage in what the server has imported copies all of it
    os.setsid()  # the leader of a group, so that kernels end with it
    os.chdir(folder)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("helpers", "tests", "tools")]:
        del sys.modules[name]
    sys.path[:] = [folder, *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
    sys.dont_write_bytecode = True  # a file that changes twice a second would be taken for the one before
    for name in _SURROUNDINGS:
        os.environ.pop(name, None)
    os.environ |= {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    with Path(report).open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header", "-rfE", "--tb=no"]
    sys.exit(pytest.main([*options, "-o", "addopts=--nbval", *words]))


def _words(tests: str) -> list[str]:
    """'tests/test_x.py -k one_or_other' as arguments; the expression behind -k may hold spaces."""
    files, _, expression = tests.partition(" -k ")
    return [*files.split(), *(["-k", expression] if expression else [])]


def chosen(words: Iterable[str]) -> list[Fault]:
    """The faults whose file, cell or name holds one of these words; all where there are none."""
    words = [word.lower() for word in words]
    return [
        fault
        for fault in FAULTS
        if not words or any(word in f"{fault.file} {fault.name} {fault.cell}".lower() for word in words)
    ]


def judge_all(faults: Sequence[Fault], workers: int) -> list[Result]:
    """Every fault tried, each reported as it is done."""
    _SERVER.set_forkserver_preload(list(_PRELOADED))
    results = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(workers) as pool:
        copies = Copies(Path(folder), workers)
        for result in pool.map(copies.judge, faults):
            place = f"{result.fault.file}{f', {result.fault.cell}' if result.fault.cell else ''}"
            verdict = f"caught by {result.by}" if result.caught else result.by
            print(f"{result.seconds:5.0f} s  {result.fault.name} ({place}): {verdict}", flush=True)
            results.append(result)
    return results


def main(arguments: list[str] | None = None) -> int:
    """Run the command of the command line and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="try only faults whose file, cell or name holds one of these")
    parser.add_argument("--list", action="store_true", help="list the faults, try none")
    parser.add_argument("--workers", type=int, default=2, help="how many are tried at once")
    options = parser.parse_args(arguments)
    faults = chosen(options.words)
    if not faults or options.workers < 1:
        parser.error(f"expected a word that occurs and 1 worker or more, received {options.words}, {options.workers}")
    if options.list:
        print(*(f"{fault.file}: {fault.name}" for fault in faults), sep="\n")
        return 0
    os.environ["OMP_NUM_THREADS"] = "1"  # workers share the cores
    start = time.perf_counter()
    results = judge_all(faults, options.workers)
    survivors = [result for result in results if not result.caught]
    print(f"\n{len(results)} faults, {len(results) - len(survivors)} caught, {len(survivors)} survived.")
    print("Survivors:", *([f"\n  {one.fault.name} ({one.fault.file}): {one.by}" for one in survivors] or ["none"]))
    rows = [
        {
            "fault": kind,
            **{area: sum((fault.kind, fault.area) == (kind, area) for fault in faults) for area in AREAS},
            "caught": sum(result.fault.kind == kind and result.caught for result in results),
        }
        for kind in (*KINDS, OTHER)
    ]
    named = ", ".join(f"{one.fault.name} ({one.fault.file})" for one in survivors) or "none"
    record.write(
        "mutants",
        section="Mutants",
        tried=f"{len(results)} deliberate faults were put into a copy of the course, one at a time.",
        outcome=f"The tests caught {len(results) - len(survivors)} of them; survivors: {named}.",
        passed=not survivors,
        command="make mutants",
        seconds=time.perf_counter() - start,
        rows=rows,
        whole=not options.words,
    )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
