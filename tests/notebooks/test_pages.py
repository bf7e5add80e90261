"""What a reader finds on every page: links that lead somewhere, and the parts that each notebook promises to have."""

import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from tools.notebooks import NOTEBOOKS, ROOT

PAGES = [*NOTEBOOKS, ROOT / "README.md", ROOT / "data" / "README.md"]


def _prose(path: Path) -> str:
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_inside_the_course_lead_somewhere(path):
    targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", _prose(path))
    assert targets
    assert not [target for target in targets if not (path.parent / target).exists()]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_notebook_has_its_parts(path):
    prose = _prose(path)
    number = int(path.stem[:2])
    assert prose.startswith(f"# {number}. ")
    for part in ("**You will be able to**", "**Time** about", "**Builds on**", "**Before:**", "## Recap"):
        assert part in prose, f"{path.name} lacks {part}"
    assert prose.count("**Predict, then run.**") >= 2
    assert prose.count("### A mistake on purpose") >= (3 if number <= 4 else 1)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_neighbours_are_linked_at_both_ends(path):
    cells = nbformat.read(path, as_version=4).cells
    place = NOTEBOOKS.index(path)
    for neighbour in NOTEBOOKS[max(place - 1, 0) : place] + NOTEBOOKS[place + 1 : place + 2]:
        assert f"]({neighbour.name})" in cells[0].source
        assert f"]({neighbour.name})" in cells[-1].source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_has_its_sentence(path):
    """A picture without a caption under it would be compared by nobody and read by nobody who cannot see."""
    for cell in nbformat.read(path, as_version=4).cells:
        outputs = cell.get("outputs", [])
        for output, below in pairwise([*outputs, None]):
            if "image/png" in output.get("data", {}):
                sentence = output.metadata.get("image/png", {}).get("alt")
                assert sentence, f"{cell.id} shows a picture without show()"
                assert below is not None
                assert below.data["text/plain"] == sentence


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_notebook_has_something_to_play_with(path):
    """The text before asks, the text after concludes, and a page without widgets makes the point all the same.

    There the stored output says in words what the widget shows, and its section has a plain figure.
    """
    cells = nbformat.read(path, as_version=4).cells
    places = [i for i, cell in enumerate(cells) if "widget" in cell.metadata.get("tags", [])]
    assert places
    for i in places:
        assert [cells[i - 1].cell_type, cells[i + 1].cell_type] == ["markdown", "markdown"]
        assert "?" in cells[i - 1].source
        assert cells[i].outputs[0].data["text/plain"].rstrip().endswith((".", "!"))
        headings = [k for k, cell in enumerate(cells) if cell.source.startswith("## ")]
        start, end = max(k for k in headings if k < i), min((k for k in headings if k > i), default=len(cells))
        shown = [output for cell in cells[start:end] for output in cell.get("outputs", [])]
        assert any("image/png" in output.get("data", {}) for output in shown), f"no figure beside {cells[i].id}"
