"""Tensors as cells: which numbers, where they came from, and what is stretched."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from helpers.plotting import broadcasting, describe, indexing, joined, ranks, selections
from helpers.plotting import tensors as module
from helpers.plotting.style import BLUE

X = torch.arange(12).reshape(3, 4)
A = torch.arange(6).reshape(2, 3)
B = A + 10
COLUMN, ROW = torch.tensor([[0], [10], [20]]), torch.arange(4)


def _texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def _cells(figure):
    """Every cell from the top row to the bottom one: its text and how it is filled, 'hatched' or a colour."""
    ax = figure.axes[0]
    filled = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_fill() and p.get_width() == 1]
    found = []
    for patch in sorted(filled, key=lambda p: (p.get_y(), p.get_x())):
        middle = (patch.get_x() + patch.get_width() / 2, patch.get_y() + 0.52)
        text = next(t.get_text() for t in ax.texts if t.get_position() == pytest.approx(middle))
        hatched = patch.get_hatch() == module._STRETCHED["hatch"]
        found.append((text, "hatched" if hatched else to_hex(patch.get_facecolor()).upper()))
    return found


def test_ranks_draw_each_tensor_as_what_it_holds():
    sound, grey = torch.linspace(-1, 1, 50), torch.linspace(0.2, 0.8, 12).reshape(3, 4)
    colour, batch = torch.rand(3, 3, 4), torch.arange(24).reshape(2, 1, 3, 4) / 24
    _, image, coloured, cards = ranks({"a sound": sound, "grey": grey, "colour": colour, "a batch": batch}).axes
    assert list(image.images[0].get_extent()) == [0, 4, 3, 0]  # the first row on top
    assert np.asarray(coloured.images[0].get_array()) == pytest.approx(colour.permute(1, 2, 0).numpy())
    behind, front = cards.images  # what is drawn last is in front
    assert np.asarray(front.get_array()) == pytest.approx(batch[0, 0].numpy())
    assert front.get_extent()[0] == 0 < behind.get_extent()[0]
    assert not any(frame.get_fill() for frame in cards.patches)  # or it would hide the image


@pytest.mark.parametrize(
    "result", [X[1], X[:, 1], X[-1, 2:], X[:, ::2], X[X > 6], X[2, 3]], ids=lambda r: str(r.tolist())
)
def test_selections_and_indexing_colour_the_cells_that_were_taken_and_no_others(result):
    taken = sorted(result.reshape(-1).tolist())
    cells = _cells(selections(X, {"it": result}))
    assert [number for number, _ in cells] == [str(n) for n in range(12)]
    assert sorted(int(number) for number, fill in cells if fill == BLUE) == taken
    blue = [int(number) for number, fill in _cells(indexing(X, "it", result)) if fill == BLUE]
    assert sorted(blue) == sorted(2 * taken)  # in x, and in the result beside it


@pytest.mark.parametrize(("result", "note"), [(X[:0], "no element"), (torch.arange(12).repeat(9), "not drawn")])
def test_indexing_says_why_a_result_is_not_drawn(result, note):
    figure = indexing(X, "it", result)
    assert len(_cells(figure)) == 12
    assert f"shape {list(result.shape)}, {note}" in _texts(figure)


@pytest.mark.parametrize(("many", "rows"), [(1, [1]), (4, [4]), (5, [3, 2]), (12, [4, 4, 4])])
def test_drawings_fill_the_page_evenly_without_overlap(many, rows):
    figure = selections(X, {f"x[{'0' * i}]": X[0] for i in range(many)})
    corners = [p.get_xy() for p in figure.axes[0].patches if p.get_fill()]
    assert len(set(corners)) == 12 * many
    assert all(0 <= x <= module._ACROSS - 1 for x, _ in corners)
    titles = [t.get_position()[1] for t in figure.axes[0].texts if t.get_text().startswith("x[")]
    assert [titles.count(y) for y in sorted(set(titles))] == rows


def test_joined_numbers_the_sheets_of_a_stack():
    figure = joined({"a": A, "b": B}, {"dim=2": torch.stack([A, B], dim=2)})
    assert describe(figure).endswith("dim=2 has shape [2, 3, 2]: ab, ab, ab, ab, ab, ab.")
    assert [text for text in _texts(figure) if text in ("[0]", "[1]")] == ["[0]", "[1]"]


def test_broadcasting_hatches_exactly_the_stretched_cells():
    figure = broadcasting(COLUMN, ROW, COLUMN * ROW, symbol="*", names=("column", "row"))
    cells = _cells(figure)
    hatched = [fill == "hatched" for _, fill in cells]
    first_row = [False, True, True, True] + [False] * 4 + [False] * 4
    assert hatched == first_row + 2 * ([False, True, True, True] + [True] * 4 + [False] * 4)
    assert [text for text in _texts(figure) if text in ("*", "=")] == ["*", "="]


@pytest.mark.parametrize(
    ("first", "second"), [((3, 1), (4,)), ((3, 4), ()), ((2, 2), (2, 2)), ((5, 1, 4), (3, 1)), ((1,), (1, 1))]
)
def test_the_rule_is_that_of_torch(first, second):
    a, b = torch.zeros(first), torch.ones(second)
    figure = broadcasting(a, b, a + b)
    assert f"so the result has shape {list((a + b).shape)}" in describe(figure)
    assert "None" not in _texts(figure)  # a missing size is drawn as an empty box
    for tensor, name in ((a, "a"), (b, "b")):
        # A 1 in front of a shape changes no cell: only a tensor that grows is stretched.
        assert (f"{name} is stretched" in describe(figure)) == (tensor.numel() < (a + b).numel())


@pytest.mark.parametrize(("first", "second"), [((3, 4), (3,)), ((2,), (3,)), ((2, 3, 4), (3, 3, 4))])
def test_what_torch_refuses_is_drawn_as_refused(first, second):
    a, b = torch.zeros(first), torch.ones(second)
    with pytest.raises(RuntimeError, match="must match"):
        a + b
    figure = broadcasting(a, b)
    assert describe(figure).endswith("so they are refused.")
    assert "✗" in _texts(figure)
