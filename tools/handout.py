"""Make what a class gets, `build/handout.zip`: `python -m tools.handout`.

It has the notebooks cell by cell, without outputs and without the cells tagged `solution` or `after-solution` (which
talk about a solution, or compute with it), and everything they need: helpers, drawn data, packages to install, a README
and a Makefile of its own (`tools/handout_files/`). Tests and tools are not in it.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools import NOTEBOOKS, ROOT
from tools.notebooks import normal, title

HANDOUT = ROOT / "build" / "pytorch-course"  # the name of the only folder in the ZIP file
LEFT_OUT = {"solution", "after-solution"}
COPIED = ("helpers", "data", "pyproject.toml", "requirements.txt", "LICENSE")
NOT_COPIED = shutil.ignore_patterns("__pycache__", "raw", "original", ".*")
OWN = ROOT / "tools" / "handout_files"


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of the notebook without outputs and without the cells that have or need a solution."""
    notebook = nbformat.from_dict(notebook)
    notebook.cells = [cell for cell in notebook.cells if not LEFT_OUT & set(cell.metadata.get("tags", []))]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def fill(folder: Path) -> None:
    """Write the handout into the folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "notebooks").mkdir(parents=True)
    contents = []
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        text = normal(without_solutions(notebook))
        (folder / "notebooks" / path.name).write_text(text, encoding="utf-8", newline="\n")
        contents.append(f"- [{title(notebook)}](notebooks/{path.name})")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=NOT_COPIED)
        else:
            shutil.copyfile(ROOT / name, folder / name)
    shutil.copyfile(OWN / "Makefile", folder / "Makefile")
    readme = (OWN / "README.md").read_text(encoding="utf-8").replace("NOTEBOOKS", "\n".join(contents))
    (folder / "README.md").write_text(readme, encoding="utf-8", newline="\n")


def main() -> int:
    """Make the handout and say where it is."""
    fill(HANDOUT)
    target = Path(shutil.make_archive(str(HANDOUT.with_name("handout")), "zip", HANDOUT.parent, HANDOUT.name))
    print(f"{target} ({target.stat().st_size / 1e6:.1f} MB): unpack it, read README.md, run.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
