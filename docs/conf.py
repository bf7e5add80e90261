"""Sphinx settings. The sources are the repository itself: `python -m sphinx -W -b html -c docs . build/site`.

COURSE_STUDENT=yes leaves out solutions and the pages for instructors. GITHUB_REPOSITORY, COURSE_REPOSITORY (an address)
and COURSE_HUB (a JupyterHub with nbgitpuller) give each notebook buttons that open it on Colab, Binder or the hub.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from nbformat import NotebookNode
from sphinx.application import Sphinx

from tools import LEFT_OUT, NOTEBOOKS

project = "A first course in PyTorch"
html_title = project
language = "en"
root_doc = "docs/index"
include_patterns = ["docs/*.md", "notebooks/[0-9]*.ipynb", "data/README.md", "CONTRIBUTING.md"]
exclude_patterns = [".*", "build", "shared"]  # Sphinx would search these folders, too
STUDENT = bool(os.environ.get("COURSE_STUDENT"))
FOR_INSTRUCTORS = (
    *("docs/teaching.md", "docs/classroom.md", "docs/written_test.md", "docs/verification.md"),
    "CONTRIBUTING.md",
)
if STUDENT:
    exclude_patterns += FOR_INSTRUCTORS
extensions = ["myst_nb"]
nitpicky = True  # a reference that leads nowhere is an error
smartquotes = False  # messages are shown as Python prints them

nb_execution_mode = "off"  # the stored outputs are shown, and tests compare them
nb_ipywidgets_js = {}  # no script from elsewhere
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_block"]
suppress_warnings = ["myst.header"]  # the heading of an exercise is small, whatever level is above it

html_theme = "sphinx_book_theme"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_extra_path = ["_extra"]
html_css_files = ["course.css"]
html_js_files = [("course.js", {"defer": "defer"})]
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system
html_copy_source = False
html_use_index = False
html_theme_options = {
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "show_toc_level": 1,
    "navbar_persistent": [],
    "use_download_button": False,  # a link at the top of each notebook says what else it needs
    "use_fullscreen_button": False,
    "pygments_light_style": "a11y-light",
    "pygments_dark_style": "a11y-dark",
    "footer_content_items": [],
}
# GitHub's workflow knows the address of the repository.
github = os.environ.get("GITHUB_REPOSITORY") and "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}".format_map(os.environ)
if repository := os.environ.get("COURSE_REPOSITORY") or github:
    html_theme_options |= {
        "repository_url": repository,
        "repository_branch": os.environ.get("COURSE_BRANCH", "main"),
        "use_repository_button": not STUDENT,
        "launch_buttons": {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com" if "//github.com/" in repository else "",
            "jupyterhub_url": os.environ.get("COURSE_HUB", ""),
            "notebook_interface": "jupyterlab",
        },
    }

PAD = """\
![The drawing pad: a drawn 3, the 28 x 28 image that the network receives, ten probabilities](../docs/images/pad.png)

*The pad as it was once used in JupyterLab; here it cannot be drawn on.*"""
NOTE = """\
{{.reading}}
You are reading this notebook with its outputs. To run it and have your answers checked,
[install the course](../docs/install.md), which includes {notebook}."""


def setup(app: Sphinx) -> None:
    """Prepare the pages that are more than their own text."""
    app.connect("source-read", prepare)


def prepare(app: Sphinx, page: str, source: list[str]) -> None:
    """Change the text of a page, the only element of `source`, after Sphinx has read it."""
    if page.startswith("notebooks/"):
        notebook = nbformat.reads(source[0], as_version=4)
        source[0] = nbformat.writes(as_page(notebook, f"{Path(page).name}.ipynb"))
    # On the site, the page that corresponds to README is the first one.
    source[0] = source[0].replace("](../README.md", "](index.md")
    if STUDENT:
        for left_out in map(Path, FOR_INSTRUCTORS):  # a link to it becomes plain text, its line of the contents goes
            source[0] = re.sub(rf"\[([^\]]+)\]\((\.\./|docs/)*{left_out.name}[^)]*\)", r"\1", source[0])
            source[0] = re.sub(rf"^(\.\./)?{left_out.stem}\n", "", source[0], flags=re.MULTILINE)
    made_of_notebooks = {
        "docs/index": lambda text: text.replace("<!-- notebooks -->", cards()),
        "docs/cheat_sheet": lambda text: text + recap_tables("what it does"),
        "docs/errors": lambda text: text + recap_tables("remedy"),
    }
    if page in made_of_notebooks:
        source[0] = made_of_notebooks[page](source[0])
        for path in NOTEBOOKS:
            app.env.note_dependency(path)


def as_page(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the notebook with folded solutions, and with the caption of each figure as its alternative text."""
    if STUDENT:
        notebook.cells = [cell for cell in notebook.cells if not LEFT_OUT & set(cell.metadata.get("tags", []))]
    cells, notebook.cells = notebook.cells, []
    for cell in cells:
        notebook.cells.append(cell)
        tags = cell.metadata.get("tags", [])
        if "widget" in tags and not list(figures(cell)):  # the pad: what it looks like in JupyterLab
            notebook.cells.append(nbformat.v4.new_markdown_cell(PAD, id=f"{cell.id}-recorded"))
        if "solution" in tags:
            tags.append("hide-cell")
            cell.metadata.mystnb = {"code_prompt_show": "Solution", "code_prompt_hide": "Solution"}
        for figure in figures(cell):
            known = figure.metadata["image/png"]  # the file has more pixels than the page, for sharp screens
            cell.metadata.mystnb = {"image": {"alt": known["alt"], "width": f"{known['width']}px"}}
            if "widget" in tags:
                cell.metadata.mystnb["figure"] = {"caption": known["alt"]}
    notebook_file = "it" if STUDENT else f"{{download}}`this notebook <{name}>`"  # the file has the solutions
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(NOTE.format(notebook=notebook_file), id="about-this-page"))
    return notebook


def figures(cell: NotebookNode) -> Iterator[NotebookNode]:
    """Yield the outputs of a cell that are figures."""
    yield from (output for output in cell.get("outputs", []) if "image/png" in output.get("data", {}))


def cards() -> str:
    """Return the notebooks as cards: the first figure, the title, what you learn and how long it takes."""
    items = []
    for number, path in enumerate(NOTEBOOKS, 1):
        notebook = nbformat.read(path, as_version=4)
        about = notebook.metadata.course
        figure = next(figure for cell in notebook.cells for figure in figures(cell))
        able_to = MarkdownIt().renderInline(about.able_to)
        items.append(
            f'<li><a href="../notebooks/{path.stem}.html">'
            f'<img src="data:image/png;base64,{figure.data["image/png"].replace(chr(10), "")}" alt="">'
            f"<strong>{number}. {about.title}</strong><span>You will be able to {able_to}.</span>"
            f"<small>{about.minutes} minutes and the exercises</small></a></li>"
        )
    return f'<ol class="notebooks">{"".join(items)}</ol>'


def recap_tables(last_column: str) -> str:
    """Return the tables with this last column from the recaps, under the titles of their notebooks, as Markdown."""
    parts = []
    for number, path in enumerate(NOTEBOOKS, 1):
        notebook = nbformat.read(path, as_version=4)
        parts.append(f"\n## {number}. {notebook.metadata.course.title}\n")
        parts.append(f"From the [recap](../notebooks/{path.name}#recap) of the notebook.\n")
        for block in "\n\n".join(cell.source for cell in notebook.cells).split("\n\n"):
            if block.startswith("|") and block.partition("\n")[0].endswith(f"| {last_column} |"):
                parts += ["{.fold}", re.sub(r"\]\((?=\d\d_\w+\.ipynb)", "](../notebooks/", block), ""]
    return "\n".join(parts)
