"""Which cells of a notebook others need: those that assign what they read."""

from __future__ import annotations

import symtable
from collections.abc import Mapping

from nbformat import NotebookNode


def cells_needed(notebook: NotebookNode, readers: Mapping[str, set[str]]) -> list[NotebookNode]:
    """The code cells above each reader that assign, directly or not, a name that it reads; none with a solution.

    `readers` has the names that are read in the cell with that id. A cell that only changes something, as training
    changes a model, is not among them.
    """
    needed, found = set(), []
    for cell in reversed(notebook.cells):
        if cell.id in readers:
            needed |= readers[cell.id]
        elif cell.cell_type == "code" and not {"exercise", "solution"} & {*cell.metadata.get("tags", [])}:
            assigned, read = global_names(cell.source)
            if assigned & needed:
                found.insert(0, cell)
                needed = (needed - assigned) | read
    return found


def global_names(source: str) -> tuple[set[str], set[str]]:
    """The global names that code assigns, and those that it takes from elsewhere, also inside its functions."""
    top = symtable.symtable(source, "cell", "exec")
    tables = [top]
    for table in tables:
        tables += table.get_children()
    assigned = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    read = {
        symbol.get_name()
        for table in tables
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (table is top or symbol.is_global())
    }
    return assigned, read - assigned
