"""The parts that each notebook has."""

from itertools import pairwise

import nbformat
import pytest

from tools import NOTEBOOKS

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def _cells(path):
    return nbformat.read(path, as_version=4).cells


@each_notebook
def test_neighbours_are_linked_at_both_ends(path):
    cells, place = _cells(path), NOTEBOOKS.index(path)
    for neighbour in NOTEBOOKS[max(place - 1, 0) : place] + NOTEBOOKS[place + 1 : place + 2]:
        assert f"]({neighbour.name})" in cells[0].source
        assert f"]({neighbour.name})" in cells[-1].source


@each_notebook
def test_every_figure_has_its_caption(path):
    """A figure without a caption is compared by no test, and not accessible to anyone who cannot see it."""
    for cell in _cells(path):
        if "widget" in cell.metadata.get("tags", []):
            continue  # its sentence is in its text
        for output, below in pairwise([*cell.get("outputs", []), None]):
            if "image/png" in output.get("data", {}):
                caption = output.metadata.get("image/png", {}).get("alt")
                assert caption, f"{cell.id} shows a figure without show()"
                assert below is not None
                assert caption in below.data["text/plain"].splitlines()


@each_notebook
def test_each_notebook_has_something_to_play_with(path):
    """The text before asks, the text after concludes, and without widgets a sentence and a plain figure do as well."""
    cells = _cells(path)
    widgets = [i for i, cell in enumerate(cells) if "widget" in cell.metadata.get("tags", [])]
    assert widgets
    for i in widgets:
        assert [cells[i - 1].cell_type, cells[i + 1].cell_type] == ["markdown", "markdown"]
        assert "?" in cells[i - 1].source
        *_, sentence, how_to_use_it = cells[i].outputs[0].data["text/plain"].rstrip().splitlines()
        assert sentence.endswith((".", "!"))
        assert how_to_use_it.startswith("(")
        headings = [k for k, cell in enumerate(cells) if cell.source.startswith("## ")]
        start, end = max(k for k in headings if k < i), min((k for k in headings if k > i), default=len(cells))
        shown = [output for cell in cells[start:end] for output in cell.get("outputs", [])]
        assert any("image/png" in output.get("data", {}) for output in shown), f"no figure beside {cells[i].id}"
