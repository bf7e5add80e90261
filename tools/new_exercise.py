"""Put the cells of a new exercise into its notebook: `python -m tools.new_exercise NOTEBOOK CHECK --after CELL`.

The check comes first: a function in the notebook's module of `helpers/checks/`, in the order of the exercises. This
command then adds the four cells that belong to it, behind the cell of that id, with the words TODO where yours are
wanted; it numbers all exercises of the notebook anew, and corrects their minutes at the top. Nothing is executed.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

ROOT = Path(__file__).resolve().parents[1]
from helpers.checks.core import Book, Exercise
from tools.exercises import PARTS, book_of
from tools.notebooks import normal

TASK = "TODO: what is given, what is wanted, in which shapes."
HINT = "<details>\n<summary>Hint</summary>\n\nTODO: the idea, not the line.\n\n</details>"


def add(notebook: NotebookNode, check: str, after: str) -> None:
    """Insert the task, the answer's cell, the hint and the solution of an exercise; number and count all anew.

    Raises:
        ValueError: the notebook's module has no such check, the cells are there already, or no cell has that id.
    """
    book = book_of(notebook)
    if book is None or check not in book.exercises:
        known = ", ".join(book.exercises) if book else "none: the notebook imports no module of checks"
        raise ValueError(f"Expected the name of a check of this notebook, received {check}. Its checks: {known}.")
    slug = check.replace("_", "-")
    ids = [cell.id for cell in notebook.cells]
    if f"{slug}-exercise" in ids:
        raise ValueError(f"Expected an exercise that is not in the notebook yet; {slug}-exercise is there.")
    if after not in ids:
        raise ValueError(
            f"Expected the id of a cell of the notebook behind which to put the exercise, received {after}."
        )
    place = ids.index(after) + 1
    notebook.cells[place:place] = _cells(book.exercises[check], slug)
    _number(notebook, book)


def _cells(exercise: Exercise, slug: str) -> list[NotebookNode]:
    call = f"check.{exercise.name}(TODO"
    task, answer, hint, solution = (f"{slug}-{part}" for part in PARTS)
    return [
        new_markdown_cell("\n\n".join((*exercise.lines, TASK)), id=task),
        new_code_cell(f"TODO = ...\n\n{call})", id=answer, metadata={"tags": ["exercise"]}),
        new_markdown_cell(HINT, id=hint),
        new_code_cell(
            f"# Solution\nTODO = ...\n\n{call}, solution=True)", id=solution, metadata={"tags": ["solution"]}
        ),
    ]


def _number(notebook: NotebookNode, book: Book) -> None:
    """Headings as the checks say them, and the sum of their minutes at the top."""
    tasks = {f"{name.replace('_', '-')}-task": exercise for name, exercise in book.exercises.items()}
    for cell in notebook.cells:
        if cell.id in tasks:
            *_, text = re.split(r"^\*About .*\*$", cell.source, maxsplit=1, flags=re.MULTILINE)
            cell.source = "\n\n".join((*tasks[cell.id].lines, text.strip("\n")))
    total = sum(exercise.minutes for exercise in book.exercises.values())
    top = notebook.cells[0]
    top.source = re.sub(r"and \d+ for the exercises", f"and {total} for the exercises", top.source)


def main(arguments: list[str] | None = None) -> int:
    """Add the cells and say what to do next; 2 where that cannot be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path, help="such as notebooks/04_autograd.ipynb")
    parser.add_argument("check", help="the name of the check's function")
    parser.add_argument("--after", required=True, metavar="CELL", help="the id of the cell behind which it goes")
    chosen = parser.parse_args(arguments)
    try:
        notebook = nbformat.read(chosen.notebook, as_version=4)
        add(notebook, chosen.check, chosen.after)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        parser.error(str(error))
    chosen.notebook.write_text(normal(notebook), encoding="utf-8", newline="\n")
    print(f"Four cells are in {chosen.notebook}: replace every TODO, then run `make notebooks`.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
