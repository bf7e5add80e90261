"""The parts that each notebook has."""

from itertools import pairwise

import nbformat

from tools import NOTEBOOKS


def test_neighbours_are_linked_at_both_ends(path):
    cells, place = nbformat.read(path, as_version=4).cells, NOTEBOOKS.index(path)
    for neighbour in NOTEBOOKS[max(place - 1, 0) : place] + NOTEBOOKS[place + 1 : place + 2]:
        assert f"]({neighbour.name})" in cells[0].source
        assert f"]({neighbour.name})" in cells[-1].source


def test_each_notebook_has_something_to_play_with_and_without_widgets_a_sentence_and_a_figure(path):
    cells = nbformat.read(path, as_version=4).cells
    widgets = [i for i, cell in enumerate(cells) if "widget" in cell.metadata.get("tags", [])]
    assert widgets
    headings = [0, *(i for i, cell in enumerate(cells) if cell.source.startswith("## ")), len(cells)]
    for i in widgets:
        assert [cells[i - 1].cell_type, cells[i + 1].cell_type] == ["markdown", "markdown"]
        *_, sentence, how_to_use_it = cells[i].outputs[0].data["text/plain"].rstrip().splitlines()
        assert sentence.endswith((".", "!"))
        assert how_to_use_it.startswith("(")
        section = next(slice(*ends) for ends in pairwise(headings) if ends[0] < i < ends[1])
        shown = [output for cell in cells[section] for output in cell.get("outputs", [])]
        assert any("image/png" in output.get("data", {}) for output in shown), f"no figure beside {cells[i].id}"
