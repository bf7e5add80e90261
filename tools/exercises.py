"""The exercises in the notebooks, each a check and four cells: task, answer, hint and solution.

    python -m tools.exercises NOTEBOOK CHECK --after CELL

adds the four cells of a new exercise after the cell with that id, with TODO where your text and code go. Write its
check first, in the notebook's module of `helpers/checks/`. Then `python -m tools.tables` numbers the exercises again.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from helpers.checks.core import Book, Exercise
from tools.notebooks import normal

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
        wanted = _ids(name)
        if [neighbour.id for neighbour in four] != wanted:
            found = ", ".join(neighbour.id for neighbour in four)
            raise ValueError(f"Expected the consecutive cells {', '.join(wanted)} in {path.name}; found {found}.")
        yield Place(book.exercises[name], *four)


def _ids(name: str) -> list[str]:
    return [f"{name.replace('_', '-')}-{part}" for part in PARTS]


def add(notebook: NotebookNode, name: str, after: str) -> None:
    """Insert the four cells of a new exercise.

    Raises:
        ValueError: the notebook's module has no such check, its cells exist already, or no cell has the id `after`.
    """
    book = book_of(notebook)
    known = list(book.exercises) if book else []
    ids = [cell.id for cell in notebook.cells]
    if name not in known or _ids(name)[1] in ids or after not in ids:
        raise ValueError(
            f"Expected the name of a check that has no cells yet and the id of a cell, received {name} and {after}. "
            f"The checks of this notebook are {', '.join(known)}."
        )
    task, answer, hint, solution = _ids(name)
    description = "\n\n".join((*book.exercises[name].lines, "TODO: what is given, what is asked for, in which shapes."))
    folded = "<details>\n<summary>Hint</summary>\n\nTODO: the idea, not the line.\n\n</details>"
    blank = f"TODO = ...\n\ncheck.{name}(TODO)"
    solved = f"# Solution\nTODO = ...\n\ncheck.{name}(TODO, solution=True)"
    place = ids.index(after) + 1
    notebook.cells[place:place] = [
        new_markdown_cell(description, id=task),
        new_code_cell(blank, id=answer, metadata={"tags": ["exercise"]}),
        new_markdown_cell(folded, id=hint),
        new_code_cell(solved, id=solution, metadata={"tags": ["solution"]}),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Add the cells and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path, help="such as notebooks/04_autograd.ipynb")
    parser.add_argument("check", help="the name of the check's function")
    parser.add_argument("--after", required=True, metavar="CELL", help="the id of the cell before the new ones")
    chosen = parser.parse_args(arguments)
    try:
        notebook = nbformat.read(chosen.notebook, as_version=4)
        add(notebook, chosen.check, chosen.after)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    chosen.notebook.write_text(normal(notebook), encoding="utf-8", newline="\n")
    print(f"Four cells are in {chosen.notebook}. Replace each TODO, then run `make notebooks`.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
