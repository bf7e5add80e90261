"""Make what a class gets: `python -m tools.handout` writes the folder build/pytorch-course and build/handout.zip.

It has the notebooks cell by cell, without outputs and without the cells tagged `solution` or `after-solution` (which
talk about a solution, or compute with it), and everything they need: helpers, drawn data, packages to install, a README
of its own (`tools/handout.md`) and the first lines of the Makefile. Tests and tools are not in it. `--weeks 1 2` takes
these notebooks alone, `--hand-in "Moodle, by Friday"` says at the end of each where it goes, and `--folder ../students`
writes into a folder of yours, such as a clone of the repository that learners pull from: only its `.git` stays.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import nbformat

from tools import NOTEBOOKS, ROOT
from tools.notebooks import normal, title, without_solutions

HANDOUT = ROOT / "build" / "pytorch-course"  # the name of the only folder in the ZIP file
COPIED = ("helpers", "data", "pyproject.toml", "requirements.txt", "LICENSE", ".gitignore")
NOT_COPIED = shutil.ignore_patterns("__pycache__", "raw", "original", ".*")
README = ROOT / "tools" / "handout.md"


def chosen(weeks: list[int]) -> list[Path]:
    """Return the notebooks of these weeks, or all.

    Raises:
        ValueError: there is no such notebook.
    """
    if unknown := set(weeks) - set(range(1, len(NOTEBOOKS) + 1)):
        raise ValueError(f"Expected numbers of notebooks, 1 to {len(NOTEBOOKS)}; received {sorted(unknown)}.")
    return [path for number, path in enumerate(NOTEBOOKS, 1) if not weeks or number in weeks]


def fill(folder: Path, notebooks: list[Path] = NOTEBOOKS, hand_in: str = "") -> None:
    """Write the handout into the folder, which is emptied first, except for its `.git`.

    Raises:
        ValueError: there are other things in the folder than a handout.
    """
    old = [path for path in folder.iterdir() if path.name != ".git"] if folder.exists() else []
    names = sorted(path.name for path in old)
    if old and (not {"notebooks", "helpers"} <= set(names) or "tools" in names):  # `tools`: it is the course itself
        raise ValueError(
            f"Expected an empty folder or an older handout, because all in it is replaced: {folder} holds "
            f"{', '.join(sorted(names, key='tools'.__ne__)[:5])}. Give another folder."
        )
    for path in old:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (folder / "notebooks").mkdir(parents=True)
    contents = []
    for path in notebooks:
        notebook = without_solutions(nbformat.read(path, as_version=4))
        if hand_in:
            source = f"## Hand in\n\nSave the notebook, then hand it in: {hand_in}."
            notebook.cells.append(nbformat.v4.new_markdown_cell(source, id="hand-in"))
        (folder / "notebooks" / path.name).write_text(normal(notebook), encoding="utf-8", newline="\n")
        contents.append(f"- [{title(notebook)}](notebooks/{path.name})")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=NOT_COPIED)
        else:
            shutil.copyfile(ROOT / name, folder / name)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\n# Not in the handout")[0]
    (folder / "Makefile").write_text(makefile, encoding="utf-8", newline="\n")
    readme = README.read_text(encoding="utf-8").replace("NOTEBOOKS", "\n".join(contents))
    (folder / "README.md").write_text(readme, encoding="utf-8", newline="\n")


def main(arguments: list[str] | None = None) -> int:
    """Make the handout and say where it is; 2 where it cannot be made as asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weeks", type=int, nargs="*", default=[], help="numbers of notebooks (default: all)")
    parser.add_argument("--hand-in", default="", help="where learners hand in, and by when")
    parser.add_argument("--folder", type=Path, help="write there, and no ZIP file")
    options = parser.parse_args(arguments)
    folder = options.folder or HANDOUT
    try:
        fill(folder, chosen(options.weeks), options.hand_in.rstrip("."))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.folder:
        print(f"{folder} is written.")
        return 0
    target = Path(shutil.make_archive(str(HANDOUT.with_name("handout")), "zip", HANDOUT.parent, HANDOUT.name))
    print(f"{target} ({target.stat().st_size / 1e6:.1f} MB): unpack it, read README.md, run.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
