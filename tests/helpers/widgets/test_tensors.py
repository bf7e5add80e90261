"""Notebook 1's widgets say what PyTorch does, whatever is typed."""

import re

import pytest
import torch
from matplotlib.colors import to_hex

from helpers.plotting import indexing
from helpers.plotting.style import without_pyplot
from helpers.widgets import broadcast_explorer, index_explorer
from tests.helpers.widgets.panels import assert_survives

X = torch.arange(12).reshape(3, 4)


@pytest.fixture
def index():
    return index_explorer(X)


@pytest.mark.parametrize("a", ["3, 1", "3 1", "[3, 1]", "(3, 1)", "(3, 1,)", " 3,1 ", "torch.Size([3, 1])"])
def test_shapes_in_every_spelling(a):
    panel = broadcast_explorer(a, "4")
    assert panel.sentence.startswith("The shapes a [3, 1] and b [4], aligned from the right; ")
    assert panel.sentence.endswith("so the result has shape [3, 4].")


@pytest.mark.parametrize("b", ["", " ", "[]", "()", "torch.Size([])"])
def test_nothing_is_the_shape_of_a_number(b):
    assert "b [], aligned" in broadcast_explorer("2", b).sentence


@pytest.mark.parametrize("a", [(2, 3), (3,), (), (4, 1, 3), (1, 5, 1, 2), (3, 28, 28)])
@pytest.mark.parametrize("b", [(3,), (2, 1), (2, 1, 1), (3, 1, 1)])
def test_combined_or_refused_as_pytorch_does(a, b):
    panel = broadcast_explorer(str(a), str(b))
    try:
        end = f"so the result has shape {list((torch.ones(a) + torch.ones(b)).shape)}."
    except RuntimeError:
        end = "so they are refused."
    assert panel.sentence.endswith(end)


def test_the_rule_that_refused_is_named():
    assert "dimension -1: 4 and 3 differ and neither is 1; " in broadcast_explorer("3, 4", "3").sentence


@pytest.mark.parametrize(
    ("a", "said"),
    [
        ("3, x", r"integers as the shape of a: received 3, x\."),
        ("-1", "integers"),
        ("1, 1, 1, 1, 1", "up to 4 dimensions in a: received 5"),
        ("0", "sizes from 1 to 100 in the shape of a: received 0"),
        ("99, 99, 99", "up to 100,000 elements: received 970,299"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_the_last_picture_stays(a, said):
    panel = broadcast_explorer()
    picture = panel._picture
    panel.controls["a"].value = a
    assert re.search(said, panel.sentence)
    assert panel._picture == picture
    assert 'data-kind="refusal"' in panel._output.value
    assert "opacity" in panel._output.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x[1]", "x[1] takes 4 elements (4, 5, 6, 7) of x, shape [3, 4]; the result has shape [4]."),
        ("x[:, 1:2]", "x[:, 1:2] takes 3 elements (1, 5, 9) of x, shape [3, 4]; the result has shape [3, 1]."),
        ("x[x > 9]", "x[x > 9] takes 2 elements (10, 11) of x, shape [3, 4]; the result has shape [2]."),
        ("x[1, 2]", "x[1, 2] takes 1 element (6) of x, shape [3, 4]; the result has shape []."),
        ("x[3:]", "x[3:] takes no element of x, shape [3, 4]; the result has shape [0, 4]."),
        ("x[[0, 0], 1]", "x[[0, 0], 1] takes 2 elements (1, 1) of x, shape [3, 4]; the result has shape [2]."),
    ],
)
def test_cells_and_shape(index, text, expected):
    index.controls["index"].value = text
    assert index.sentence == expected


def test_new_numbers_are_no_index(index):
    index.controls["index"].value = "x + 1"
    assert index.sentence.startswith("Expected x and an index in brackets: received x + 1")


def test_a_refusal_says_what_pytorch_says(index):
    index.controls["index"].value = "x[3]"
    assert "IndexError: index 3 is out of bounds for dimension 0 with size 3" in index.sentence


def test_later_changes_of_the_tensor_do_not_show():
    x = X.clone()
    panel = index_explorer(x)
    x.zero_()
    panel.controls["index"].value = "x[2]"
    assert "(8, 9, 10, 11)" in panel.sentence


def test_a_tensor_that_cannot_be_drawn_is_an_error_in_the_cell():
    with pytest.raises(ValueError, match="every number only once"):
        index_explorer(torch.zeros(2, 2))


@without_pyplot()
def test_indexing_draws_the_cells_taken_in_blue():
    figure = indexing(X, "x[:, 1]", X[:, 1])
    blue = [patch for patch in figure.axes[0].patches if to_hex(patch.get_facecolor()) == "#0072b2"]
    assert len(blue) == 3 + 3  # in x, and in the result
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words.count("5") == 2
    assert "shape [3]" in words


@without_pyplot()
def test_what_has_no_room_is_not_drawn():
    words = [text.get_text() for text in indexing(X, "x", X[:, :, None, None]).axes[0].texts]
    assert "shape [3, 4, 1, 1], not drawn" in words
    with pytest.raises(ValueError, match="Expected x to consist of numbers of the tensors"):
        indexing(X, "x", X + 1)


@pytest.mark.parametrize("make", [broadcast_explorer, lambda: index_explorer(X)])
def test_survives_everything(make):
    assert_survives(make)
