"""Execute notebooks and store their outputs: `python -m tools.notebooks store [NOTEBOOK ...]`, all without a name.

The stored form is always the same, so that a diff shows only what changed. `tests/notebooks/` checks the form, and
nbval compares the outputs.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbval.plugin import coalesce_streams

from helpers.files import replace_whole
from tools import LEFT_OUT, NOTEBOOKS

# Stored outputs are those of the drawn edition, without progress bars.
SURROUNDINGS = {"COURSE_EDITION": "drawn", "TQDM_DISABLE": "1"}
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
COURSE = {"title", "minutes", "able_to"}  # what README and the site say about the notebook: see tools/tables.py
CELL_METADATA = {"tags", "rtol"}
IMAGE_METADATA = {"alt", "height", "width"}  # the description of a figure, and its size on the page
TAGS = {
    "after-solution", "approx", "exercise", "once", "raises-exception", "skip-slide", "solution", "timing", "widget",
}  # fmt: skip
RUN_AGAIN = "# Run again, "  # a comment in each cell with the tag `once`, whose output changes when you run it again
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}}  # Colab and JupyterLab fold a solution
WIDGET = "application/vnd.jupyter.widget-view+json"
LARGEST_FILE = 500_000  # bytes; a larger notebook is hard to review

LIBRARY_FRAME = re.compile(r"(?:\x1b\[[0-9;]*m)*File \S*?site-packages[/\\](\w+)")


def execute(path: Path, **surroundings: str) -> NotebookNode:
    """Run a notebook from its first cell to its last, in its own folder, and return it with its outputs.

    Raises:
        CellExecutionError: a cell without the tag `raises-exception` raised.
    """
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": path.parent}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources, store_widget_state=False)
    client.execute(env={**os.environ, **surroundings})
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            # It refers to an object in the kernel that has just ended, so a viewer would show an error.
            output.get("data", {}).pop(WIDGET, None)
    return notebook


def normal(notebook: NotebookNode) -> str:
    """Return the text of a notebook in the stored form."""
    notebook = nbformat.from_dict(notebook)
    course = {"course": notebook.metadata.course} if "course" in notebook.metadata else {}
    notebook.metadata = NotebookNode(kernelspec=KERNEL, language_info={"name": "python"}, **course)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    executed = 0
    for cell in notebook.cells:
        cell.metadata = NotebookNode({key: cell.metadata[key] for key in CELL_METADATA & cell.metadata.keys()})
        if "solution" in cell.metadata.get("tags", []):
            cell.metadata |= nbformat.from_dict(FOLDED)
        cell.source = cell.source.strip("\n")
        if cell.cell_type == "code":
            executed += 1
            cell.execution_count = executed if cell.execution_count is not None else None
            cell.outputs = coalesce_streams(cell.outputs)
            for output in cell.outputs:
                _tidy(output, cell.execution_count)
    return nbformat.writes(notebook, indent=1, sort_keys=True, ensure_ascii=False, split_lines=True).rstrip("\n") + "\n"


def _tidy(output: NotebookNode, execution_count: int | None) -> None:
    """Drop what differs from one machine to the next: counts, library frames and metadata other than an image's."""
    if output.output_type == "error":
        output.traceback = list(_without_library_frames(output.traceback))
    if output.output_type == "execute_result":
        output.execution_count = execution_count
    if "metadata" in output:
        output.metadata = NotebookNode(
            {
                mime: {key: value for key, value in kept.items() if key in IMAGE_METADATA}
                for mime, kept in output.metadata.items()
                if "alt" in kept
            }
        )


def _without_library_frames(frames: list[str]) -> Iterator[str]:
    """Yield a line in place of each run of frames inside a library: their paths and lines differ between machines."""
    for library, run in groupby(frames, lambda frame: (found := LIBRARY_FRAME.match(frame)) and found[1]):
        count = len(own := list(run))
        yield from own if library is None else [f"... {count} frame{'s' if count > 1 else ''} inside {library} ..."]


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of the notebook without outputs and without the cells that have or need a solution."""
    notebook = nbformat.from_dict(notebook)
    notebook.cells = [cell for cell in notebook.cells if not LEFT_OUT & set(cell.metadata.get("tags", []))]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def faults(path: Path) -> Iterator[str]:
    """Yield a sentence for each rule of the stored form that a notebook breaks, with the remedy."""
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    if text != normal(notebook):
        yield "is not in the stored form: run `make notebooks`"
    if path.stat().st_size > LARGEST_FILE:
        yield f"is larger than {LARGEST_FILE:,} bytes: use fewer or smaller figures"
    if set(notebook.metadata.get("course", {})) != COURSE:
        yield f"has no metadata `course` with {', '.join(sorted(COURSE))}: see CONTRIBUTING.md"
    for cell in notebook.cells:
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", cell.id) or re.fullmatch(r"[0-9a-f-]{8,}", cell.id):
            yield f"cell {cell.id}: the id must be two or more words joined by hyphens, as in 'broadcast-rule'"
        yield from (f"cell {cell.id}: {fault}" for fault in _cell_faults(cell))


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
    if any(output.output_type == "error" for output in cell.outputs) != ("raises-exception" in tags):
        yield "must have the tag raises-exception if and only if it stores an error"
    if ("once" in tags) != (RUN_AGAIN in cell.source):
        yield f"must say what a second run does in a comment `{RUN_AGAIN}...`, if and only if it has the tag once"
    if "rtol" in cell.metadata and "approx" not in tags:
        yield "states rtol without the tag approx"
    if any(output.get("name") == "stderr" for output in cell.outputs):
        yield "stores a warning or a progress bar: remove its cause"
    text = "\n".join(_texts(cell))
    if "solution" in tags and "✗" in text:
        yield "stores a solution that its own check rejects: fix one of them, then run `make notebooks`"
    if "approx" in tags and re.search(r"\b(nan|inf)\b", text):
        yield "prints nan or inf under the tag approx, where only trained numbers belong"
    if re.search(r" at 0x[0-9a-f]{6,}|<Figure size", text):
        yield "prints a memory address or a figure's size: end the cell with another value"
    if re.search(r"(?:^|[\s'\"(])(?:/(?:home|root|tmp|usr|work|Users)/|[A-Z]:\\)", text, re.MULTILINE):
        yield "prints a path of the machine that ran it: print only the file's name"


def _texts(cell: NotebookNode) -> Iterator[str]:
    for output in cell.outputs:
        yield output.get("text", "")
        yield from output.get("traceback", [])
        yield from (text for mime, text in output.get("data", {}).items() if mime.startswith("text/"))


def store(paths: list[Path]) -> None:
    """Execute each notebook, write it back in the stored form, and print the rules that it breaks."""
    for path in paths:
        text = normal(execute(path, **SURROUNDINGS))
        with replace_whole(path) as part:
            part.write_text(text, encoding="utf-8", newline="\n")
        print(path.name, *(f"\n  {fault}" for fault in faults(path)))


def title(notebook: NotebookNode) -> str:
    """Return the first heading of a notebook."""
    return next(line.removeprefix("# ") for line in notebook.cells[0].source.splitlines() if line.startswith("# "))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["store"])
    parser.add_argument("notebooks", nargs="*", type=lambda name: Path(name).resolve(), default=NOTEBOOKS)
    store(parser.parse_args().notebooks)


if __name__ == "__main__":
    main()
