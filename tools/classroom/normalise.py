"""What a learner handed in, as the notebook that nbgrader expects: UTF-8, format 4, nbgrader's own marks on the cells.

Nothing is run. A file is refused in words, never lost; a notebook keeps the learner's cells in the learner's order.
"""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, v4

LARGEST = 200_000_000  # bytes of a file; outputs of 21 MB have been handed in
MAKE = {"code": v4.new_code_cell, "raw": v4.new_raw_cell}  # any other cell is text
BEGINNINGS = {
    "%PDF": "is a PDF: hand in the notebook itself",
    "<": "is a web page: hand in the notebook itself",
    "PK": "is an archive that cannot be unpacked, or a document of an office program",
}


class RefusedError(ValueError):
    """A file cannot be graded; the message completes "this file ..."."""


@dataclass
class Normalised:
    """The notebook to grade, how many exercises were changed in it, and what the instructor should know of it."""

    notebook: NotebookNode
    answered: int
    notes: list[str]


def normalise(path: Path, release: NotebookNode) -> Normalised:
    """The notebook in a file, with the cells found again that the release has marked for nbgrader.

    Raises:
        RefusedError: it is no notebook, or none of this assignment.
    """
    cells, notes = read_cells(path)
    marked = [cell for cell in release.cells if "nbgrader" in cell.metadata]
    exercises = list(zip(marked[::2], marked[1::2], strict=True))
    tests = {test.id: test for _, test in exercises}
    handed_in = len(cells)
    cells = [cell for cell in cells if "solution=True" not in cell.source]
    if handed_in > len(cells):
        notes.append(f"{handed_in - len(cells)} cells with the course's solutions were left out")
    cells = [
        cell for cell in cells if cell.id not in tests and cell.source not in {one.source for one in tests.values()}
    ]
    places = {stub.id: _answer(cells, stub) for stub, _ in exercises}
    if all(place is None for place in places.values()):
        raise RefusedError("is a notebook, but none of this assignment: none of its exercises is in it")
    made, answered = [], 0
    imports, first = (next((cell for cell in of if cell.cell_type == "code"), None) for of in (release.cells, cells))
    if first is None or (imports.id != first.id and imports.source != first.source):
        made.append(imports)
        notes.append("the cell with the imports did not come first: it was put first")
    for place, cell in enumerate(cells):
        made.append(cell)
        for stub, test in exercises:
            if places[stub.id] == place:
                made.append(test)
                answered += not _same(cell, stub)
                if cell.cell_type == "code":
                    cell.metadata = stub.metadata
                else:
                    notes.append(f"{stub.id} is not a code cell, so it was not run")
    if lost := [(stub, test) for stub, test in exercises if places[stub.id] is None]:
        made += [test for _, test in lost]
        notes.append(f"not in the notebook: {', '.join(stub.id for stub, _ in lost)}")
    made = copy.deepcopy(made)
    for number, cell in enumerate(made):
        cell.id = f"cell-{number}"  # unique, and the same each time
    return Normalised(v4.new_notebook(cells=made, metadata=release.metadata), answered, notes)


def read_cells(path: Path) -> tuple[list[NotebookNode], list[str]]:
    """The cells of a notebook of any encoding and format, without outputs, and what was odd about it.

    Raises:
        RefusedError: it is no notebook.
    """
    if path.stat().st_size > LARGEST:
        raise RefusedError(f"is larger than {LARGEST // 10**6} MB")
    text, encoding = _decoded(path.read_bytes())
    begins = text.lstrip()[:4]
    if reason := next((reason for beginning, reason in BEGINNINGS.items() if begins.startswith(beginning)), None):
        raise RefusedError(reason)
    if re.search(r"^(<<<<<<<|>>>>>>>) ", text, re.MULTILINE):
        raise RefusedError("has conflict marks of git (<<<<<<<, >>>>>>>): settle them, and hand it in again")
    try:
        document = json.loads(text)
        sheets = document.get("worksheets") or [document]
        cells = [_cell(raw) for sheet in sheets for raw in sheet["cells"]]
    except (ValueError, RecursionError):
        broken = "is a notebook that breaks off or is damaged" if begins.startswith("{") else "is not a notebook"
        raise RefusedError(broken if begins else "is empty") from None
    except (AttributeError, KeyError, TypeError):
        raise RefusedError("is JSON, but not a notebook") from None
    odd = {f"its text was in {encoding}": encoding != "utf-8-sig", "its format was 3": "worksheets" in document}
    return cells, [note for note, holds in odd.items() if holds]


def _decoded(data: bytes) -> tuple[str, str]:
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise RefusedError("is not text")


def _cell(raw: dict[str, Any]) -> NotebookNode:
    source = raw["source"] if "source" in raw else raw["input"]
    source = source if isinstance(source, str) else "".join(source)
    cell = MAKE.get(raw["cell_type"], v4.new_markdown_cell)(
        source.encode("utf-8", "replace").decode("utf-8").strip("\n")
    )
    cell.id = str(raw.get("metadata", {}).get("nbgrader", {}).get("grade_id") or raw.get("id", ""))
    return cell


def _answer(cells: list[NotebookNode], stub: NotebookNode) -> int | None:
    """Where the answer to an exercise is complete: the last cell with its id, its check, or all names that it asks for.

    A cell as it was given out is taken only where there is no other.
    """
    call = ast.parse(stub.source).body[-1].value
    names = {argument.id for argument in call.args if isinstance(argument, ast.Name)}

    def matches(cell: NotebookNode) -> bool:
        code = cell.cell_type == "code"
        return cell.id == stub.id or (
            code and (f"check.{call.func.attr}(" in cell.source or names <= set(_bound(cell)))
        )

    found = [place for place, cell in enumerate(cells) if matches(cell)]
    return max([place for place in found if not _same(cells[place], stub)] or found, default=None)


def _bound(cell: NotebookNode) -> Iterator[str]:
    """The names that a cell binds at its top level, also one that is not Python to the last line."""
    return (match[1] for match in re.finditer(r"^(?:def |class )?(\w+) *(?:[(:]|=(?!=))", cell.source, re.MULTILINE))


def _same(cell: NotebookNode, other: NotebookNode) -> bool:
    return cell.source.split() == other.source.split()
