"""Make what a class is given: `python -m tools.handout` fills build/handout/ and build/handout.zip.

The notebooks are those of the course, cell by cell, without the solutions and without any output: who takes the course
answers first and runs first. Left out are the cells tagged `solution`, and those tagged `after-solution`, which speak
of a solution or compute with it. Beside the notebooks lies all that they need: the helpers, the drawn data, a README,
the packages to install. Tests and tools are not in it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import zipfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
from tools.notebooks import NOTEBOOKS, normal, title

HANDOUT = ROOT / "build" / "handout"
LEFT_OUT = {"solution", "after-solution"}
AS_THEY_ARE = ("helpers", "data", "pyproject.toml", "LICENSE")
NOT_COPIED = shutil.ignore_patterns("__pycache__", "raw", "original", ".*")
# Of requirements.txt and of the Makefile, the parts that a learner needs, by the line with which each begins.
PACKAGES = ("# What the notebooks import", "# Where they are read and run", "# The helpers module")
RULES = ("PYTHON ?=", ".DEFAULT_GOAL", "help:", "# Made again only", "lab:")
FOLDER_IN_ZIP = "pytorch-course"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # in place of today, so that the same course makes the same file


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """A copy of the notebook without the cells that hold or need a solution, and without outputs."""
    notebook = nbformat.from_dict(notebook)
    notebook.cells = [cell for cell in notebook.cells if not LEFT_OUT & set(cell.metadata.get("tags", []))]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def parts(text: str, beginnings: tuple[str, ...], name: str) -> str:
    """The paragraphs of a file that begin as given.

    Raises: ValueError where one of them is missing.
    """
    paragraphs = re.split(r"\n{2,}", text.strip())
    chosen = [next((one for one in paragraphs if _begins(one, start)), None) for start in beginnings]
    if None in chosen:
        lost = beginnings[chosen.index(None)]
        raise ValueError(
            f"Expected a part of {name} to begin with {lost!r}: none does. Mend tools/handout.py or {name}."
        )
    return "\n\n".join(chosen) + "\n"


def _begins(paragraph: str, start: str) -> bool:
    return any(line.startswith(start) for line in paragraph.splitlines())


def fill(folder: Path) -> None:
    """Write the handout into the folder, in the place of whatever was there, and print a line for each notebook.

    Raises: ValueError where a part of the course that belongs into it cannot be found.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "notebooks").mkdir(parents=True)
    contents = []
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        handed_out = without_solutions(notebook)
        (folder / "notebooks" / path.name).write_text(normal(handed_out), encoding="utf-8", newline="\n")
        contents.append(f"- [{title(notebook)}](notebooks/{path.name})")
        left_out = len(notebook.cells) - len(handed_out.cells)
        print(f"{path.stem:<28}{len(handed_out.cells):>4} cells, {left_out:>2} left out")
    for name in AS_THEY_ARE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=NOT_COPIED)
        else:
            shutil.copyfile(ROOT / name, folder / name)
    made = {
        "README.md": (ROOT / "tools" / "handout.md")
        .read_text(encoding="utf-8")
        .replace("NOTEBOOKS", "\n".join(contents)),
        "requirements.txt": parts(_read("requirements.txt"), PACKAGES, "requirements.txt"),
        "Makefile": "# `make lab` to take the course.\n" + _makefile(),
    }
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _makefile() -> str:
    rules = parts(_read("Makefile"), RULES, "Makefile")
    without_title = rules[rules.index(RULES[0]) :]
    without_site = without_title.replace(" requirements-site.txt", "")
    return re.sub(r"(\.PHONY:).*", r"\1 help lab", without_site)


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pack(folder: Path) -> Path:
    """Pack the folder into a ZIP file beside it, in which everything lies in one folder; return its path."""
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(f"{FOLDER_IN_ZIP}/{path.relative_to(folder).as_posix()}", LONG_AGO)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return target


def main(arguments: list[str] | None = None) -> int:
    """Make the handout and say where it is; 1 where something is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=HANDOUT, help="where to; it is emptied first")
    folder = parser.parse_args(arguments).folder.resolve()
    if folder.exists() and folder != HANDOUT:
        parser.error(f"Expected a folder that does not exist yet: {folder} does. Name another one.")
    try:
        fill(folder)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    target = pack(folder)
    print(f"\n{target} ({target.stat().st_size / 1e6:.1f} MB): unpack it, read README.md, run.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
