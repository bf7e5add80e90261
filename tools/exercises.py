"""The exercises of the course, read from the notebooks: `python -m tools.exercises` prints them as a Markdown table."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
from helpers.checks.core import Book, Exercise
from tools.notebooks import NOTEBOOKS

PARTS = ("task", "exercise", "hint", "solution")


@dataclass(frozen=True)
class Place:
    """An exercise in its notebook: four cells beside each other, from the task to the solution."""

    exercise: Exercise
    task: NotebookNode
    cell: NotebookNode
    hint: NotebookNode
    solution: NotebookNode


def book_of(notebook: NotebookNode) -> Book | None:
    """The checks that a notebook imports, `from helpers.checks import tensors as check`; None where it imports none."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            found = re.search(r"^from helpers\.checks import (\w+) as check$", cell.source, re.MULTILINE)
            return import_module(f"helpers.checks.{found[1]}").book if found else None
    return None


def places(path: Path) -> Iterator[Place]:
    """The exercises of a notebook in their order, found by the tag `exercise`.

    Raises:
        ValueError: a cell of that tag calls no check of the notebook's module, or its neighbours are not its own
            task, hint and solution.
    """
    notebook = nbformat.read(path, as_version=4)
    book = book_of(notebook)
    for place, cell in enumerate(notebook.cells):
        if "exercise" not in cell.metadata.get("tags", []):
            continue
        name = next(iter(re.findall(r"\bcheck\.(\w+)\(", cell.source)), None)
        if book is None or name not in book.exercises:
            raise ValueError(f"Expected cell {cell.id} of {path.name} to call a check of the notebook; found {name}.")
        around = notebook.cells[place - 1 : place + 3]
        slug = name.replace("_", "-")
        if [one.id for one in around] != [f"{slug}-{part}" for part in PARTS]:
            raise ValueError(
                f"Expected the cells {slug}-task, {slug}-exercise, {slug}-hint and {slug}-solution beside each other "
                f"in {path.name}; found {', '.join(one.id for one in around)}."
            )
        yield Place(book.exercises[name], *around)


def main() -> int:
    """Print a row per exercise, and the minutes of each notebook."""
    print("| exercise | title | you can | minutes | difficulty |\n|---|---|---|---|---|")
    for path in NOTEBOOKS:
        found = [place.exercise for place in places(path)]
        for one in found:
            print(f"| {one.number} | {one.title} | {one.goal} | {one.minutes} | {one.difficulty} of 3 |")
        if found:
            total = sum(one.minutes for one in found)
            print(f"| **{found[0].number.partition('.')[0]}** | **{len(found)} exercises** | | **{total}** | |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
