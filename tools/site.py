"""Build the course as a static site: `python -m tools.site`, then open build/site/index.html.

Everything comes out of the repository: the notebooks with their stored outputs (nothing is executed), the pages in
docs/, README.md, TEACHING.md, CONTRIBUTING.md and the data card; `tools/lookup.py` makes the pages to look things up
in. The sources are put together in build/site-source/, with links that fit their new places; Sphinx makes build/site/
of them and takes every warning for an error.
"""

from __future__ import annotations

import argparse
import base64
import html
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import nbformat
import yaml
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
from tools import lookup
from tools.lookup import DOCS, NOTEBOOKS, Notebook

# Where the pages of the repository stand on the site. What README says is part of another page.
PAGES = {
    "README.md": "take.md",
    "TEACHING.md": "teach.md",
    "CONTRIBUTING.md": "contribute.md",
    "PROOF.md": "proof.md",
    "data/README.md": "data.md",
    **{f"docs/{path.name}": path.name for path in DOCS.glob("*.md")},
    **{f"docs/{name}.md": f"{name}.md" for name in ("errors", "cheat_sheet", "glossary")},  # made by `lookup_pages`
    **{f"notebooks/{path.name}": f"notebooks/{path.name}" for path in NOTEBOOKS},
}

# A link or a picture of this repository; or code, in which nothing is a link.
LINK = re.compile(
    r"```.*?```|`[^`\n]+`"
    r"|(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?!https?:|mailto:|#)(?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)",
    re.DOTALL,
)
# The picture that stands for a notebook on the first page: the cell that shows it.
PICTURES = {
    1: "column-plus-row",
    2: "look-at-examples",
    3: "show-channels",
    4: "chain-rule-boxes",
    5: "walk-pictures",
    6: "show-confusions",
    7: "recorded-drawings",
}
READING = """\
<p class="reading">You are reading the notebook with its outputs. To run it, change it and have your answers to the
exercises checked, <a href="../take.html">take the course</a>.</p>"""


def assemble(folder: Path) -> None:
    """Write the sources of the site into this folder, from nothing.

    Raises: ValueError where a page links to what does not exist, or a page to look things up in cannot be made.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder, ignore=shutil.ignore_patterns("*.md", "*.yml", "__pycache__"))
    notebooks = [Notebook.read(path) for path in NOTEBOOKS]
    made = lookup_pages(notebooks)
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    for page, place in PAGES.items():
        if page.endswith(".md") and place not in made:
            text = (ROOT / page).read_text(encoding="utf-8").replace("<!-- notebooks -->", cards(notebooks))
            # README is not a page, but part of one that stands beside it.
            at = folder / ("README.md" if page == "README.md" else place)
            at.write_text(relink(text, page, place, folder), encoding="utf-8")
    for notebook in notebooks:
        page = f"notebooks/{notebook.stem}.ipynb"
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = relink(cell.source, page, page, folder)
        (folder / page).parent.mkdir(exist_ok=True)
        nbformat.write(as_page(notebook, folder / "_static" / "figures"), folder / page)


def lookup_pages(notebooks: list[Notebook]) -> dict[str, str]:
    """The pages to look things up in, by their file names, in MyST Markdown."""
    places, glossary = (
        yaml.safe_load((DOCS / name).read_text(encoding="utf-8")) for name in ("places.yml", "glossary.yml")
    )
    return {
        "errors.md": lookup.errors_page(lookup.errors(notebooks, places["errors"])),
        "cheat_sheet.md": lookup.calls_page(lookup.calls(notebooks, places["calls"])),
        "glossary.md": lookup.glossary_page(lookup.terms(glossary, notebooks)),
    }


def relink(text: str, page: str, place: str, folder: Path) -> str:
    """The text of `page` with links that lead from its new `place` to the new places of their targets.

    A file that is no page is copied beside the pages, to be shown or handed out. Of a link to a folder, or to a text
    that is no page, the words stay.

    Raises: ValueError for a link to what does not exist.
    """

    def link(found: re.Match[str]) -> str:
        if found["target"] is None:
            return found[0]
        target = os.path.normpath(PurePosixPath(page).parent / found["target"]).replace(os.sep, "/")
        if target not in PAGES and not (ROOT / target).exists():
            raise ValueError(f"Expected the links of {page} to lead somewhere; {found['target']} does not exist.")
        if (ROOT / target).is_dir() or (target.endswith(".md") and target not in PAGES):
            return found["text"]
        if target not in PAGES:
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / target, folder / target)
        new = os.path.relpath(PAGES.get(target, target), PurePosixPath(place).parent).replace(os.sep, "/")
        return f"{found['image']}[{found['text']}]({new}{found['anchor'] or ''})"

    return LINK.sub(link, text)


def as_page(notebook: Notebook, figures: Path) -> NotebookNode:
    """The notebook as it is shown: figures as files with their descriptions, the solutions folded."""
    cells = [*notebook.cells]
    for cell in cells:
        if cell.cell_type == "code":
            cell.outputs = list(_outputs(cell, f"{notebook.stem}-{cell.id}", figures))
            if "solution" in cell.metadata.get("tags", []):
                cell.metadata.tags.append("hide-cell")
                cell.metadata.mystnb = {"code_prompt_show": "Solution", "code_prompt_hide": "Solution"}
    cells.insert(1, nbformat.v4.new_markdown_cell(READING, id="reading"))
    return nbformat.v4.new_notebook(
        cells=cells,
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


def _outputs(cell: NotebookNode, name: str, figures: Path) -> Iterator[NotebookNode]:
    """The outputs of a cell, each picture and the sentence under it made one figure."""
    outputs = iter(cell.outputs)
    for i, output in enumerate(outputs):
        if "image/png" not in output.get("data", {}):
            yield output
            continue
        picture = base64.b64decode(output.data["image/png"])
        sentence = html.escape(output.metadata["image/png"]["alt"])
        next(outputs)  # the same sentence, as the text below the picture
        figures.mkdir(parents=True, exist_ok=True)
        file = figures / (f"{name}-{i}.png" if i else f"{name}.png")
        file.write_bytes(picture)
        width, height = struct.unpack(">II", picture[16:24])
        # The description is read aloud once: as that of the picture.
        output.data = {
            "text/html": f'<figure><img src="../_static/figures/{file.name}" alt="{sentence}" width="{width}" '
            f'height="{height}" loading="lazy"><figcaption aria-hidden="true">{sentence}</figcaption></figure>'
        }
        output.metadata = {}
        yield output


def cards(notebooks: list[Notebook]) -> str:
    """The notebooks as cards for the first page: what README's table says of them, and a picture of each."""
    rows = re.findall(
        r"^\| (\d+) \| \[(.+?)\]\(notebooks/(.+?)\.ipynb\) \| (.+?) \| (\d+) \| (\d+), (\d+) minutes \|$",
        (ROOT / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    if (found := [row[2] for row in rows]) != [notebook.stem for notebook in notebooks]:
        raise ValueError(f"Expected a row for each notebook in the table of README.md; found {', '.join(found)}.")
    items = []
    for number, title, stem, able, minutes, exercises, more in rows:
        able = re.sub(r"`(.+?)`", r"<code>\1</code>", able)
        items.append(
            f'<li><a href="notebooks/{stem}.html"><img src="_static/figures/{stem}-{PICTURES[int(number)]}.png" alt="">'
            f"<strong>{number}. {title}</strong><span>{able[0].upper()}{able[1:]}.</span>"
            f"<small>{minutes} minutes, and {more} for {exercises} exercises</small></a></li>"
        )
    return f'<ol class="notebooks">\n{"".join(items)}\n</ol>'


def build(folder: Path = ROOT / "build") -> int:
    """Build `folder`/site from nothing, and return the exit status of Sphinx: 0 where it has no complaint."""
    source, site = folder / "site-source", folder / "site"
    assemble(source)
    shutil.rmtree(site, ignore_errors=True)
    options = ["-b", "html", "-q", "-W", "--keep-going", "-d", source / ".doctrees"]
    return subprocess.run([sys.executable, "-m", "sphinx", *options, source, site], check=False).returncode


def main(arguments: list[str] | None = None) -> int:
    """Build the site and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=ROOT / "build", metavar="FOLDER", help="build/ unless you say so")
    folder = parser.parse_args(arguments).into
    try:
        failed = build(folder)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if not failed:
        print(f"Open {folder / 'site' / 'index.html'} in a browser.")
    return failed


if __name__ == "__main__":
    sys.exit(main())
