"""Execute the notebooks: store their outputs in the one normal form, or write them as pages to browse.

    python -m tools.notebooks store [NOTEBOOK ...]   execute, and write outputs and form back into the notebook
    python -m tools.notebooks html  [NOTEBOOK ...]   execute a copy, and write pages with an index to build/html/

Without names, all notebooks of the course. `tests/test_notebooks.py` checks the form; nbval checks the outputs.
"""

from __future__ import annotations

import argparse
import html
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from jinja2 import DictLoader
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbval.plugin import coalesce_streams

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
PAGES = ROOT / "build" / "html"

# Stored outputs are those of the drawn edition, without progress bars: as in the tests (conftest.py).
SURROUNDINGS = {"COURSE_EDITION": "drawn", "TQDM_DISABLE": "1"}
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CELL_METADATA = {"tags", "rtol"}
TAGS = {"after-solution", "approx", "exercise", "once", "raises-exception", "skip-slide", "solution", "widget"}
RUN_AGAIN = "# Run again, "  # such a cell goes on or fails when it is run twice in a row: tag `once`
FOLDED = {"source_hidden": True}  # whoever wants to see a solution unfolds it
WIDGET = "application/vnd.jupyter.widget-view+json"
# A page folds the code of a solution, as JupyterLab does.
FOLDING_PAGE = """{% extends "lab/index.html.j2" %}
{% block input_group %}
{% if "solution" in cell.metadata.get("tags", []) %}
<details><summary class="jp-RenderedHTMLCommon" style="margin-left: 81px">Solution</summary>{{ super() }}</details>
{% else %}{{ super() }}{% endif %}
{% endblock %}"""
LARGEST_FILE = 500_000  # bytes; a larger notebook cannot be reviewed


def execute(path: Path, **surroundings: str) -> NotebookNode:
    """The notebook of this file, run from its first cell to its last in the file's folder; the file stays as it is.

    Raises:
        CellExecutionError: a cell without the tag `raises-exception` raised.
    """
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": path.parent}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources, store_widget_state=False)
    client.execute(env={**os.environ, **surroundings})
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            # It names an object of the kernel that has just ended: a page would show an error in place of the text.
            output.get("data", {}).pop(WIDGET, None)
    return notebook


def normal(notebook: NotebookNode) -> str:
    """The one form in which a notebook is stored, so that a difference between two versions shows only what changed."""
    notebook = nbformat.from_dict(notebook)
    notebook.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL), language_info=NotebookNode(name="python"))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    count = 0
    for cell in notebook.cells:
        cell.metadata = NotebookNode({key: cell.metadata[key] for key in CELL_METADATA & cell.metadata.keys()})
        if "solution" in cell.metadata.get("tags", []):
            cell.metadata.jupyter = NotebookNode(FOLDED)
        cell.source = cell.source.strip("\n")
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count if cell.execution_count is not None else None
            cell.outputs = coalesce_streams(cell.outputs)
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = _own_frames(output.traceback)
                if output.output_type == "execute_result":
                    output.execution_count = cell.execution_count
                if "metadata" in output:
                    alt = {mime: {"alt": kept["alt"]} for mime, kept in output.metadata.items() if "alt" in kept}
                    output.metadata = NotebookNode(alt)
    return nbformat.writes(notebook, indent=1, sort_keys=True, ensure_ascii=False, split_lines=True).rstrip("\n") + "\n"


def _own_frames(traceback: list[str]) -> list[str]:
    """A traceback without the frames of libraries: their paths and line numbers are those of one machine."""
    library = re.compile(r"^(?:\x1b\[[0-9;]*m)*File ")
    return [frame for frame in traceback if not library.match(frame)]


def faults(path: Path) -> Iterator[str]:
    """Every rule of the stored form that this notebook breaks, each as a sentence with the cell and the remedy."""
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    if text != normal(notebook):
        yield "is not stored in the normal form: run `make notebooks`"
    if path.stat().st_size > LARGEST_FILE:
        yield f"is larger than {LARGEST_FILE:,} bytes: use fewer or smaller pictures"
    yield from (
        f"has the cell id {cell.id!r}: use two or more words joined by hyphens, as in 'broadcast-rule'"
        for cell in notebook.cells
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", cell.id) or re.fullmatch(r"[0-9a-f-]{8,}", cell.id)
    )
    for cell in notebook.cells:
        for fault in _cell_faults(cell):
            yield f"cell {cell.id}: {fault}"


def _cell_faults(cell: NotebookNode) -> Iterator[str]:
    tags = set(cell.metadata.get("tags", []))
    if unknown := tags - TAGS:
        yield f"has the unknown tag {', '.join(sorted(unknown))}: use one of {', '.join(sorted(TAGS))}"
    if cell.cell_type != "code":
        return
    if cell.execution_count is None:
        yield "was never executed, so nothing would be compared: run `make notebooks`"
    if cell.source.rstrip().endswith(";"):
        yield "ends with ';', which hides nothing under nbval: end with show() or another call that returns None"
    raised = [output for output in cell.outputs if output.output_type == "error"]
    if bool(raised) != ("raises-exception" in tags):
        yield "an error on purpose and the tag raises-exception go together: one of them is missing"
    text = "\n".join(_texts(cell))
    if ("once" in tags) != (RUN_AGAIN in cell.source):
        yield f"must say what a second run does in a comment `{RUN_AGAIN}...`, if and only if it has the tag once"
    if "solution" in tags and "✗" in text:
        yield "stores a solution that its own check does not accept: mend one of them, then run `make notebooks`"
    if "rtol" in cell.metadata and "approx" not in tags:
        yield "states rtol without the tag approx"
    if "approx" in tags and re.search(r"\b(nan|inf)\b", text):
        yield "prints nan or inf under the tag approx, where only trained numbers belong"
    if re.search(r" at 0x[0-9a-f]{6,}|<Figure size", text):
        yield "prints a memory address or a figure's size: end the cell with another value"
    if re.search(r"(?:^|[\s'\"(])(?:/(?:home|root|tmp|usr|work|Users)/|[A-Z]:\\)", text, re.MULTILINE):
        yield "prints a path of the machine that ran it: print the file's name"
    if any(output.get("name") == "stderr" for output in cell.outputs):
        yield "stores a warning or a progress bar: mend its cause"


def _texts(cell: NotebookNode) -> Iterator[str]:
    for output in cell.outputs:
        yield output.get("text", "")
        yield from output.get("traceback", [])
        yield from (text for mime, text in output.get("data", {}).items() if mime.startswith("text/"))


def store(paths: list[Path]) -> int:
    """Execute each notebook and write it back in the normal form, whole or not at all."""
    for path in paths:
        part = path.with_suffix(".part")
        part.write_text(normal(execute(path, **SURROUNDINGS)), encoding="utf-8", newline="\n")
        part.replace(path)
        print(path.name, *(f"\n  {fault}" for fault in faults(path)))
    return 0


def write_pages(paths: list[Path]) -> int:
    """Execute a copy of each notebook and write it as a page; a line per notebook, and 1 if any cell failed."""
    PAGES.mkdir(parents=True, exist_ok=True)
    exporter = page_exporter()
    rows, failed = [], 0
    print(f"{'notebook':<28}{'cells':>6}{'seconds':>9}  result")
    for path in paths:
        start = time.perf_counter()
        try:
            notebook, result = execute(path, TQDM_DISABLE="1"), "ok"
        except CellExecutionError as error:
            notebook, result = nbformat.read(path, as_version=4), f"{error.ename}: {error.evalue}".splitlines()[0]
            failed = 1
        seconds = time.perf_counter() - start
        cells = sum(cell.cell_type == "code" for cell in notebook.cells)
        page, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": path.stem}})
        (PAGES / f"{path.stem}.html").write_text(page.replace(".ipynb", ".html"), encoding="utf-8")
        print(f"{path.stem:<28}{cells:>6}{seconds:>9.1f}  {result}")
        rows.append(f"<li><a href='{path.stem}.html'>{html.escape(title(notebook))}</a> {html.escape(result)}</li>")
    index = f"<!doctype html><meta charset='utf-8'><title>The course</title><h1>The course</h1><ol>{''.join(rows)}</ol>"
    (PAGES / "index.html").write_text(index, encoding="utf-8")
    print(f"\nOpen {(PAGES / 'index.html').relative_to(ROOT)} in a browser.")
    return failed


def page_exporter() -> HTMLExporter:
    """Writes a notebook as a page on which the solutions are folded."""
    return HTMLExporter(extra_loaders=[DictLoader({"folding.html.j2": FOLDING_PAGE})], template_file="folding.html.j2")


def title(notebook: NotebookNode) -> str:
    """The first heading of the notebook."""
    return next(line.removeprefix("# ") for line in notebook.cells[0].source.splitlines() if line.startswith("# "))


def main(arguments: list[str] | None = None) -> int:
    """Run the command of the command line and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["store", "html"])
    parser.add_argument("notebooks", nargs="*", type=lambda name: Path(name).resolve(), default=NOTEBOOKS)
    chosen = parser.parse_args(arguments)
    return {"store": store, "html": write_pages}[chosen.command](chosen.notebooks)


if __name__ == "__main__":
    sys.exit(main())
