"""The exercises in the notebooks, each a check and four cells: task, answer, hint and solution."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.checks.core import Book, Exercise

PARTS = ("task", "exercise", "hint", "solution")


@dataclass(frozen=True)
class Place:
    """An exercise in its notebook: four consecutive cells, from the task to the solution."""

    exercise: Exercise
    task: NotebookNode
    cell: NotebookNode
    hint: NotebookNode
    solution: NotebookNode


def book_of(notebook: NotebookNode) -> Book | None:
    """Return the checks that a notebook imports (`from helpers.checks import tensors as check`), or None."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            found = re.search(r"^from helpers\.checks import (\w+) as check$", cell.source, re.MULTILINE)
            return import_module(f"helpers.checks.{found[1]}").book if found else None
    return None


def places(path: Path) -> Iterator[Place]:
    """Yield the exercises of a notebook in their order, found by the tag `exercise`.

    Raises:
        ValueError: a cell with that tag calls no check of the notebook's module, or the cells around it are not its
            own task, hint and solution.
    """
    notebook = nbformat.read(path, as_version=4)
    book = book_of(notebook)
    for place, cell in enumerate(notebook.cells):
        if "exercise" not in cell.metadata.get("tags", []):
            continue
        name = next(iter(re.findall(r"\bcheck\.(\w+)\(", cell.source)), None)
        if book is None or name not in book.exercises:
            raise ValueError(f"Expected cell {cell.id} of {path.name} to call a check of the notebook; found {name}.")
        four = notebook.cells[place - 1 : place + 3]
        wanted = [f"{name.replace('_', '-')}-{part}" for part in PARTS]
        if [neighbour.id for neighbour in four] != wanted:
            found = ", ".join(neighbour.id for neighbour in four)
            raise ValueError(f"Expected the cells {', '.join(wanted)} beside each other in {path.name}; found {found}.")
        yield Place(book.exercises[name], *four)
