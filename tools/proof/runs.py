"""Running the notebooks, strict, in a checkout of its own: what the proof commands share."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import nbformat

from tools.notebooks import NOTEBOOKS, SURROUNDINGS
from tools.proof.record import ROOT, TRIES

# What the machine of whoever runs the proof may have set, and what would change the thing that is proven.
SETTINGS = (
    *("COURSE_EDITION", "COURSE_MIRROR", "COURSE_DATA", "GENERATED_ANSWERS", "PYTEST_ADDOPTS", "PYTHONPATH"),
    *("PYTHONUTF8", "ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "MKL_CBWR", "MKL_NUM_THREADS", "OMP_NUM_THREADS"),
)


@dataclass(frozen=True)
class Result:
    """What came out of one run: how many cells were compared, and a line for each that failed.

    `untried` says why this machine cannot offer the setting; it counts as neither passed nor failed.
    """

    setting: str
    cells: int
    failures: tuple[str, ...]
    seconds: float
    untried: str = ""

    @property
    def row(self) -> dict[str, str | int]:
        """A row of the page's table."""
        return {
            "setting": self.setting,
            "cells": self.cells,
            "failed": len(self.failures),
            "seconds": round(self.seconds),
        }


def fresh_checkout(folder: Path) -> Path:
    """Copy what git would hand out of this working tree to `folder`: nothing unpacked, nothing built.

    Raises: FileNotFoundError where this is not a checkout.
    """
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if listed.returncode:
        raise FileNotFoundError(
            f"Expected {ROOT} to be a git checkout, but git says: {listed.stderr.strip()} Clone the course with git."
        )
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return folder


def checkout() -> AbstractContextManager[str]:
    """A temporary folder, gone afterwards; `fresh_checkout(Path(folder, "course"))` fills it."""
    return TemporaryDirectory(prefix="proof-", ignore_cleanup_errors=True)


def surroundings(checkout: Path, **changes: str) -> dict[str, str]:
    """The environment of a run in this checkout: its own helpers, and nothing that this shell has set."""
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return environment | SURROUNDINGS | {"PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"} | changes


def strict(
    setting: str,
    folder: Path,
    notebooks: Sequence[str],
    *,
    python: str | Path = sys.executable,
    within: Sequence[str] = (),
    options: Sequence[str] = (),
    workers: int = 0,
    cwd: Path | None = None,
    **changes: str,
) -> Result:
    """Run notebooks of the checkout `folder` with every output compared, and print a line about it.

    `within` is a command that runs another one (in a namespace, as another user); `changes` are environment variables.
    Without `cwd` pytest is started in the checkout. With several workers each gets one thread, as in `make test`.
    """
    where = [folder / "notebooks" / f"{name}.ipynb" for name in notebooks]
    parallel = ["-n", str(workers)] if workers > 1 else []
    expected = sum(cell.cell_type == "code" for path in where for cell in nbformat.read(path, as_version=4).cells)
    command = [*within, str(python), "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider"]
    started = perf_counter()
    run = subprocess.run(
        [*command, *parallel, *options, *map(str, where)],
        cwd=cwd or folder,
        env=surroundings(folder, **changes),
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    seconds = perf_counter() - started
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", run.stdout[-2000:])}
    failures = re.findall(r"^(?:FAILED|ERROR) .*", run.stdout, re.MULTILINE)
    if run.returncode and not failures:  # pytest itself stopped
        failures = [(run.stderr.strip() or run.stdout.strip() or "no word").splitlines()[-1]]
    cells = sum(counts.values())
    if cells != expected and not (failures and cells < expected):  # skipped, or taken for one another
        failures.append(f"{cells} cells were compared, not {expected}")
    result = Result(setting, cells, tuple(failures), seconds)
    print(f"{setting:<44}{result.cells:>6} cells{len(failures):>5} failed{seconds:>8.1f} s", flush=True)
    if failures:
        TRIES.mkdir(parents=True, exist_ok=True)
        said = TRIES / f"{re.sub('[^0-9A-Za-z]+', '-', setting)}.txt"
        said.write_text(f"{run.stdout}\n{run.stderr}", encoding="utf-8")
        print(*(f"  {line[:200]}" for line in failures), f"  all of it: {said.relative_to(ROOT)}", sep="\n", flush=True)
    return result


def in_words(results: Sequence[Result]) -> str:
    """What came out of the runs, as a sentence or two."""
    cells, failed = sum(result.cells for result in results), [result for result in results if result.failures]
    words = f"All {cells:,} cells gave the stored output."
    if failed:
        names = ", ".join(result.setting for result in failed)
        words = f"Of {cells:,} cells, {sum(len(result.failures) for result in failed):,} failed, in: {names}."
    untried = ", ".join(f"{result.setting} ({result.untried})" for result in results if result.untried)
    return f"{words} Not tried: {untried}." if untried else words


def add_notebooks(parser: argparse.ArgumentParser) -> None:
    """The option that all proof commands have."""
    parser.add_argument(
        "--notebooks",
        nargs="+",
        metavar="NUMBER",
        type=_notebook,
        help="only these, for example 04 06; the page then stays as it is",
    )


def _notebook(number: str) -> str:
    found = [path.stem for path in NOTEBOOKS if path.stem.startswith(number)]
    if len(found) != 1:
        known = ", ".join(path.stem[:2] for path in NOTEBOOKS)
        raise argparse.ArgumentTypeError(
            f"Expected the number of a notebook, received {number!r}. Name one of {known}."
        )
    return found[0]


def all_notebooks() -> list[str]:
    """The names of all notebooks of the course."""
    return [path.stem for path in NOTEBOOKS]
