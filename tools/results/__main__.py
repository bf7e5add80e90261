"""Run a class's returned notebooks and write a table of what is solved: `make results SUBMISSIONS=folder`.

The folder (or a zip of it) may hold `anna_06_quickstart.ipynb` beside each other, a folder for each learner, or what a
learning platform exports. Each notebook runs in a process of its own, kept in as far as this machine allows, and its
answers are judged by the course's own checks. The table goes to build/results/: index.html to read, results.csv for a
spreadsheet. Ctrl+C ends it with a table of what is done.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from helpers.data import DataError
from tools.notebooks import ROOT
from tools.results.confine import MB, Cage, Limits, end_on_terminate
from tools.results.marking import Row, Times, mark
from tools.results.report import Facts, write
from tools.results.submissions import Handed, handed_in

OUT = ROOT / "build" / "results"


def run(files: list[Handed], cage: Cage, times: Times, *, jobs: int, quick: bool) -> tuple[list[Row], bool]:
    """A row for each file, in their order, and whether it was interrupted."""
    rows: dict[int, Row] = {}
    interrupted = False
    pool = ThreadPoolExecutor(jobs)
    waiting: dict[Future[Row], int] = {}
    bar = tqdm(total=len(files), unit="file", disable=None if sys.stderr.isatty() else False, mininterval=0.5)
    try:
        waiting = {pool.submit(mark, one, cage, times, quick=quick): place for place, one in enumerate(files)}
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                place = waiting.pop(future)
                rows[place] = _row(future, files[place])
                bar.update()
    except KeyboardInterrupt:
        interrupted = True
        bar.write("Interrupted: ending what runs, writing what is done.", file=sys.stderr)
        pool.shutdown(wait=False, cancel_futures=True)
        cage.close()
    finally:
        bar.close()
        pool.shutdown(wait=True, cancel_futures=True)
    for future, place in waiting.items():
        if future.done() and not future.cancelled() and future.exception() is None:
            rows[place] = future.result()
    missing = (Row(one.learner, one.name, fault="was not run: interrupted") for one in files)
    return [rows.get(place, empty) for place, empty in enumerate(missing)], interrupted


def _row(future: Future[Row], handed: Handed) -> Row:
    """The row of a file; a fault of this program costs that row, not the table."""
    try:
        return future.result()
    except Exception as error:
        return Row(handed.learner, handed.name, fault=f"could not be marked: {type(error).__name__}: {error}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command of the command line and return its exit status."""
    start = time.monotonic()
    parser = argparse.ArgumentParser(
        prog="tools.results", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    limits, times = Limits(), Times()
    parser.add_argument("submissions", type=Path, help="the class's folder, or a zip of it")
    parser.add_argument("--out", type=Path, default=OUT, help="where the table goes (build/results)")
    parser.add_argument("--quick", action="store_true", help="judge the exercises only, do not run whole notebooks")
    parser.add_argument("--jobs", type=_positive, default=os.cpu_count() or 1, help="how many at once (one a core)")
    parser.add_argument("--seconds", type=_positive, default=int(times.notebook), help="for one notebook (%(default)s)")
    parser.add_argument("--cell-seconds", type=_positive, default=int(times.cell), help="for one cell (%(default)s)")
    parser.add_argument("--memory", type=_positive, default=limits.memory // MB, help="MB for one (%(default)s)")
    parser.add_argument("--no-bwrap", action="store_true", help="do not use bubblewrap, even where it works")
    chosen = parser.parse_args(arguments)
    if chosen.memory < 1200:
        parser.error(f"Expected 1200 MB or more for a notebook, received {chosen.memory}: the course's own need that.")
    end_on_terminate()
    try:
        files = handed_in(chosen.submissions)
        if not files:
            raise ValueError(f"Expected returned notebooks in {chosen.submissions}; there are no files in it.")
        with Cage(Limits(memory=chosen.memory * MB), bwrap=not chosen.no_bwrap) as cage:
            if not cage.reached:
                raise ValueError(f"No confined process could be started on this machine: {cage.why_open}.")
            described = cage.description()
            _tell(described, cage.why_open)
            print(f"\n{len(files)} files, {chosen.jobs} at once\n", flush=True)
            rows, interrupted = run(
                files, cage, Times(chosen.seconds, chosen.cell_seconds), jobs=chosen.jobs, quick=chosen.quick
            )
            facts = Facts(described, cage.why_open, time.monotonic() - start, chosen.quick, interrupted)
            page = write(rows, facts, chosen.out)
    except KeyboardInterrupt:
        print("Interrupted before anything was run.", file=sys.stderr)
        return 130
    except (ValueError, OSError, DataError) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    solved = sum(row.count("solved") for row in rows)
    print(f"\n{solved:,} answers solved in {sum(bool(row.notebook) for row in rows):,} notebooks, ", end="")
    print(f"{facts.seconds / 60:.1f} minutes.")
    with suppress(ValueError):
        page = page.relative_to(Path.cwd())
    print(f"Open {page} in a browser; results.csv beside it is for a spreadsheet.")
    return 130 if interrupted else 0


def _tell(described: list[tuple[str, bool, str]], why_open: str) -> None:
    print("Each notebook runs in a process of its own. On this machine:")
    for _, confined, words in described:
        print(f"  {'✓' if confined else '✗'} {words}")
    if why_open:
        print(f"  Why: {why_open}.")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, received {text}")
    return number


if __name__ == "__main__":
    sys.exit(main())
