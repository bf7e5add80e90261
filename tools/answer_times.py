"""Measure how long every control of every widget takes to answer, in the kernel of its own notebook.

    python tools/answer_times.py [--repeat N] [NOTEBOOK ...]

Runs each notebook up to its last widget, moves each control over its whole range there, then all of them at random.
Prints a line for each: how many moves it answered, the median and the worst answer in milliseconds. What is refused at
once, as half of a word is, does not count. Exit status 1 where a worst answer is over the limit: 100 ms for text,
300 ms for a figure drawn anew.

Other work on the machine counts as well: measure while it is idle, or with `--repeat 5`, where the best of five moves
to each position counts. What the browser needs on top is measured by tests/browser/test_widgets.py.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from tools.notebooks import NOTEBOOKS, SURROUNDINGS  # noqa: E402 - found above

TEXT_LIMIT, FIGURE_LIMIT = 100, 300  # milliseconds
POSITIONS, AT_RANDOM = 21, 60
TYPED = ("5, 4, 3, 2", "28, 28", "x[[0, 2], 1:]", "relu(sin(w * x) - 4) ** 2 + exp(-x)")  # each is tried in every box

Move = tuple[Any, str, Any]  # a widget, the name of its trait, and the value that the trait gets


def rows(path: Path, repeat: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The id of each widget cell of the notebook, and a row for each of its controls; the file stays as it is."""
    notebook = nbformat.read(path, as_version=4)
    # Out holds what the cells have shown, the widget last.
    measure = f"from tools.answer_times import measured\nprint(measured(Out[max(Out)], {repeat}))"
    cells, last = [], 0
    for cell in notebook.cells:
        cells.append(cell)
        if "widget" in cell.metadata.get("tags", []):
            cells.append(nbformat.v4.new_code_cell(measure, metadata={"of": cell.id}))
            last = len(cells)
    notebook.cells = cells[:last]
    resources = {"metadata": {"path": path.parent}}
    client = NotebookClient(notebook, timeout=1200, kernel_name="python3", resources=resources)
    client.execute(env={**os.environ, **SURROUNDINGS, "PYTHONPATH": str(ROOT)})
    for cell in notebook.cells:
        if "of" in cell.metadata:
            for row in json.loads(cell.outputs[0].text):
                yield cell.metadata["of"], row


def measured(widget: Any, repeat: int) -> str:
    """A row for each control of a widget, a Panel or a DigitPad, as JSON."""
    found, limit = (_of_panel if hasattr(widget, "controls") else _of_pad)(widget, repeat)
    return json.dumps([row | {"limit": limit} for row in found])


def _of_panel(panel: Any, repeat: int) -> tuple[list[dict[str, Any]], int]:
    def answered() -> bool:
        return 'data-kind="answer"' in panel._output.value

    limit = FIGURE_LIMIT if "<img" in panel._output.value else TEXT_LIMIT
    found = []
    for control in panel.controls.values():
        _enable(panel, control)
        moves = [(control, "value", place) for place in _positions(control)]
        found.append(_row(control.description, moves * repeat, answered))
    chance = random.Random(0)
    free = [control for control in panel.controls.values() if not hasattr(control, "request")]
    chosen = chance.choices(free, k=AT_RANDOM)
    moves = [(control, "value", chance.choice(_positions(control))) for control in chosen]
    found.append(_row("all, at random", moves * repeat, answered))
    return found, limit


def _of_pad(pad: Any, repeat: int) -> tuple[list[dict[str, Any]], int]:
    from helpers.widgets import RECORDED  # noqa: PLC0415 - needed in the kernel alone

    (stroke,) = RECORDED["3"]
    moves = {
        "strokes": [[stroke[: i + 1]] for i in range(len(stroke))],
        "width": [percent / 100 for percent in range(1, 26)],
        "framed": [False, True],
    }
    found = [
        _row(trait, [(pad, trait, value) for value in moves[trait]] * repeat, lambda: not pad.failed) for trait in moves
    ]
    return found, TEXT_LIMIT


def _row(name: str, moves: Iterable[Move], answered: Callable[[], bool]) -> dict[str, Any]:
    """Make the moves, and time each; of those to the same position the best counts, and only where it was answered."""
    best: dict[str, float] = {}
    for widget, trait, value in moves:
        if getattr(widget, trait) == value:
            continue  # nothing moves
        start = time.perf_counter()
        setattr(widget, trait, value)
        took = 1000 * (time.perf_counter() - start)
        if answered():
            position = f"{widget.model_id} {value}"
            best[position] = min(took, best.get(position, took))
    times = list(best.values()) or [0.0]  # no move was answered: the row says 0
    return {"control": name, "moves": len(best), "median": statistics.median(times), "worst": max(times)}


def _enable(panel: Any, control: Any) -> None:
    """Where the control is disabled, move the lists beside it until it is not."""
    for other in panel.controls.values():
        for value in _positions(other) if hasattr(other, "options") else []:
            if not getattr(control, "disabled", False):
                return
            other.value = value


def _positions(control: Any) -> list[Any]:
    """A control's whole range: every option, texts typed letter by letter, up to 21 places of a slider."""
    if hasattr(control, "options"):
        return [value for _, value in control._options_full]
    if isinstance(control.value, str):
        return [text[:end] for text in (*TYPED, control.value) for end in range(len(text) + 1)]
    if hasattr(control, "request"):
        return list(range(POSITIONS))  # the browser asks for one step at a time
    step = getattr(control, "step", 1)
    steps = round((control.max - control.min) / step)
    places = min(steps + 1, POSITIONS)
    return [control.min + step * round(i * steps / (places - 1)) for i in range(places)]


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=lambda name: Path(name).resolve(), default=NOTEBOOKS)
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="moves to each position; the best counts")
    chosen = parser.parse_args(arguments)
    slow = 0
    print(f"{'widget':<28}{'control':<32}{'moves':>6}{'median ms':>11}{'worst ms':>10}")
    for path in chosen.notebooks:
        for widget, row in rows(path, chosen.repeat):
            over = row["worst"] > row["limit"]
            slow += over
            numbers = f"{row['moves']:>6}{row['median']:>11.0f}{row['worst']:>10.0f}"
            print(
                f"{widget:<28}{row['control']:<32}{numbers}{'  over ' + str(row['limit']) if over else ''}", flush=True
            )
    print(f"{slow} controls over their limit." if slow else "Every control answers within its limit.")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
