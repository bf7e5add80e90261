"""Which cells of a notebook others need: those that assign what they read."""

from __future__ import annotations

import ast
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
            read, assigned = reads(cell.source)
            if assigned & needed:
                found.insert(0, cell)
                needed = (needed - assigned) | read
    return found


def reads(source: str) -> tuple[set[str], set[str]]:
    """The names that code takes from elsewhere, and those that it assigns outside functions and classes."""
    tree = ast.parse(source)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    assigned, waiting = set(), [tree]
    for node in waiting:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            assigned.add(node.name)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            assigned |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            assigned.add(node.id)
        waiting += ast.iter_child_nodes(node)
    return {node.id for node in names if isinstance(node.ctx, ast.Load)} - own - assigned, assigned
