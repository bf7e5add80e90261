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
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from tools.notebooks import NOTEBOOKS, SURROUNDINGS  # noqa: E402 - found above


def rows(path: Path, repeat: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The id of each widget cell of the notebook, and a row for each of its controls; the file stays as it is."""
    notebook = nbformat.read(path, as_version=4)
    # Out holds what the cells have shown, the widget last.
    measure = f"from tools.moves import measured\nprint(measured(Out[max(Out)], {repeat}))"
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
