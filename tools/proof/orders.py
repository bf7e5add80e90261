"""Any order that a learner takes: run the notebooks, every output compared, in other orders than from top to bottom.

    python -m tools.proof.orders             everything below, about twenty minutes on two cores
    python -m tools.proof.orders twice       every cell twice in a row
    python -m tools.proof.orders alone       each notebook first, in a checkout in which nothing was run before
    python -m tools.proof.orders pairs       two notebooks, and all of them, at once in one new checkout
    python -m tools.proof.orders restart     run to some cell, interrupt, restart, run all
    python -m tools.proof.orders twice --notebooks 04

Each writes what it found for the page PROOF.md (`make proof`). `tools.proof.kills` kills instead of interrupting.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from queue import Empty
from time import perf_counter

import nbformat
import numpy as np
from jupyter_client.manager import start_new_kernel
from nbformat import NotebookNode

from tools.notebooks import NOTEBOOKS, execute
from tools.proof import record
from tools.proof.runs import (
    Result,
    add_notebooks,
    all_notebooks,
    checkout,
    fresh_checkout,
    in_words,
    strict,
    surroundings,
)

STOPPED = "in the middle"  # of a cell: how the setting of a run says that the interrupt met one
# The notebooks that unpack data, against each other and against themselves; then everybody at once.
PAIRS = (("02", "06"), ("06", "07"), ("02", "02"), ("06", "06"), ("07", "07"))


@dataclass(frozen=True)
class Plan:
    """What the command line asks for."""

    notebooks: tuple[str, ...]
    samples: int
    seed: int


def twice(plan: Plan) -> Iterator[Result]:
    """Every cell twice in a row; those tagged `once`, which say what a second run does, once."""
    with checkout() as folder:
        course = fresh_checkout(Path(folder, "course"))
        for name in plan.notebooks:
            yield strict(f"{name}, every cell twice", course, [name], options=["-p", "tools.proof.twice"])


def alone(plan: Plan) -> Iterator[Result]:
    """Each notebook first, in a checkout of its own in which nothing is unpacked."""
    for name in plan.notebooks:
        with checkout() as folder:
            yield strict(f"{name} first", fresh_checkout(Path(folder, "course")), [name])


def pairs(plan: Plan) -> Iterator[Result]:
    """Several notebooks started at the same moment in one checkout in which nothing is unpacked."""
    chosen = [[name for number in pair for name in plan.notebooks if name[:2] == number] for pair in PAIRS]
    together = [names for names in chosen if len(names) == 2]
    if len(plan.notebooks) == len(NOTEBOOKS):
        together.append(list(plan.notebooks))
    for names in together or [list(plan.notebooks) * 2]:
        with checkout() as folder, ThreadPoolExecutor(len(names)) as threads:
            course = fresh_checkout(Path(folder, "course"))
            beside = "all at once" if len(names) > 2 else "beside {}"
            runs = [
                threads.submit(strict, f"{name} {beside.format(other[:2])}", course, [name], OMP_NUM_THREADS="1")
                for name, other in zip(names, names[::-1], strict=True)
            ]
            yield from (run.result() for run in runs)


def restart(plan: Plan) -> Iterator[Result]:
    """Run to a moment drawn at random, interrupted there, restarted, and run from top to bottom."""
    draw = np.random.default_rng(plan.seed)
    for name in plan.notebooks:
        with checkout() as folder:
            course = fresh_checkout(Path(folder, "course"))
            cells = execute(course / "notebooks" / f"{name}.ipynb", **surroundings(course)).cells
        seconds = np.array([_seconds(cell) for cell in cells])
        # A moment of the run, so a cell that takes long is drawn more often: that is where learners interrupt.
        samples = min(plan.samples, np.count_nonzero(seconds))
        for place in sorted(draw.choice(len(cells), samples, replace=False, p=seconds / seconds.sum()).tolist()):
            delay, now = draw.uniform(0, seconds[place]), draw.random() < 0.5
            with checkout() as folder:  # in which nothing is unpacked
                course = fresh_checkout(Path(folder, "course"))
                path = course / "notebooks" / f"{name}.ipynb"
                try:
                    stopped = interrupt(path, place, delay, now, surroundings(course))
                except RuntimeError as error:
                    yield Result(f"{name} to {cells[place].id}", 0, (str(error),), 0)
                    continue
                ended = f"{STOPPED if stopped else 'ended'}, {'killed' if now else 'restarted'}"
                yield strict(f"{name} to {cells[place].id}: {ended}", course, [name])


def _seconds(cell: NotebookNode) -> float:
    """How long a cell ran; 0 for one of text."""
    if cell.cell_type != "code":
        return 0.0
    began, ended = (
        datetime.strptime(cell.metadata.execution[moment], "%Y-%m-%dT%H:%M:%S.%fZ")
        for moment in ("iopub.execute_input", "shell.execute_reply")
    )
    return (ended - began).total_seconds()


def interrupt(path: Path, place: int, delay: float, now: bool, environment: dict[str, str]) -> bool:
    """Run the cells before `place`, interrupt that one after `delay` seconds, end the kernel; whether the cell was cut.

    With `now` the kernel is killed, otherwise asked to end, as JupyterLab's *Restart Kernel* does.

    Raises: RuntimeError where a cell before it fails, or the cell goes on after the interrupt.
    """
    cells = nbformat.read(path, as_version=4).cells
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(path.parent), env=environment)
    try:
        for cell in cells[:place]:
            if cell.cell_type == "code":
                reply = client.execute_interactive(cell.source, timeout=300, output_hook=lambda message: None)
                if reply["content"]["status"] != "ok" and "raises-exception" not in cell.metadata.get("tags", []):
                    raise RuntimeError(f"{cell.id} failed before the interrupt: {reply['content'].get('evalue')}")
        request = client.execute(cells[place].source)
        time.sleep(delay)
        manager.interrupt_kernel()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(Empty):
                reply = client.get_shell_msg(timeout=1)
                if reply["parent_header"].get("msg_id") == request:
                    return reply["content"].get("ename") == "KeyboardInterrupt"
        raise RuntimeError(f"{cells[place].id} went on for 60 s after the interrupt")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=now)


GROUPS: dict[str, tuple[Callable[[Plan], Iterator[Result]], str]] = {
    "twice": (twice, "Every cell of {notebooks} notebooks was run twice in a row, but those tagged `once`."),
    "alone": (alone, "Each of {notebooks} notebooks was run first, in a checkout in which nothing had been unpacked."),
    "pairs": (pairs, "In pairs, then all at once, notebooks were run {runs} times in checkouts with nothing unpacked."),
    "restart": (
        restart,
        "At {runs} moments drawn at random notebooks were stopped, {cut} times in the middle of a cell, restarted, and "
        "run whole.",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the groups of the command line; return 1 where a cell failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"among {', '.join(GROUPS)}; all without")
    add_notebooks(parser)
    parser.add_argument(
        "--samples", type=int, default=3, help="moments at which each notebook is stopped (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the moments drawn (%(default)s)")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.groups) - GROUPS.keys():
        parser.error(f"Expected groups among {', '.join(GROUPS)}, received {', '.join(sorted(unknown))}.")
    plan = Plan(tuple(chosen.notebooks or all_notebooks()), max(chosen.samples, 1), chosen.seed)
    failed = False
    for group in chosen.groups or GROUPS:
        run, tried = GROUPS[group]
        print(f"\n{group}: {run.__doc__}", flush=True)
        started = perf_counter()
        results = list(run(plan))
        failed |= any(result.failures for result in results)
        cut = sum(f": {STOPPED}" in result.setting for result in results)
        record.write(
            f"orders-{group}",
            section="Any order that a learner takes",
            tried=tried.format(notebooks=len(plan.notebooks), runs=len(results), cut=cut),
            outcome=in_words(results),
            passed=not any(result.failures for result in results),
            command=f"make orders GROUPS={group}",
            seconds=perf_counter() - started,
            rows=[result.row for result in results if result.failures],
            whole=chosen.notebooks is None and plan.samples >= 3,
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
