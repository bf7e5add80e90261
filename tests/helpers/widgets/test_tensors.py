"""Notebook 1's widgets say what PyTorch does, whatever is typed."""

import re

import pytest
import torch

from helpers.widgets import broadcast_explorer, index_explorer
from tests.helpers.widgets.panels import move

X = torch.arange(12).reshape(3, 4)


@pytest.mark.parametrize("a", ["3, 1", "3 1", "[3, 1]", "(3, 1,)", " 3,1 ", "torch.Size([3, 1])"])
@pytest.mark.parametrize("b", ["4", "[4]", "", "()"])
def test_shapes_in_every_spelling(a, b):
    b_shape, result = ("[4]", "[3, 4]") if "4" in b else ("[]", "[3, 1]")
    panel = broadcast_explorer(a, b)
    assert panel.sentence.startswith(f"The shapes a [3, 1] and b {b_shape}, aligned from the right; ")
    assert panel.sentence.endswith(f"so the result has shape {result}.")


@pytest.mark.parametrize(
    ("a", "message"),
    [
        ("3, x", r"integers as the shape of a: received 3, x\."),
        ("-1", "integers"),
        ("1, 1, 1, 1, 1", "up to 4 dimensions in a: received 5"),
        ("0", "positive integers as the shape of a: received 0"),
        ("99, 99, 99", "up to 100,000 elements: received 970,299"),
    ],
)
def test_what_cannot_be_drawn_is_refused(a, message):
    panel = broadcast_explorer(a)
    assert re.search(message, panel.sentence)
    assert 'data-kind="refusal"' in panel._output.value


@pytest.mark.parametrize(
    ("text", "values", "shape"),
    [
        ("x[:, 1:2]", "3 elements (1, 5, 9)", "[3, 1]"),
        ("x[1, 2]", "1 element (6)", "[]"),
        ("x[3:]", "no element", "[0, 4]"),
        ("x[0][1:]", "3 elements (1, 2, 3)", "[3]"),
        ("x[[0, 0], 1]", "2 elements (1, 1)", "[2]"),
    ],
)
def test_an_index_selects_what_pytorch_selects(text, values, shape):
    panel = index_explorer(X)
    move(panel, index=text)
    assert panel.sentence == f"{text} takes {values} of x, shape [3, 4]; the result has shape {shape}."
    move(panel, index=f"relu({text})[0]")
    assert panel.sentence.startswith(f"Expected x and an index in brackets: received relu({text})[0]")


def test_the_tensor_is_copied_and_one_that_cannot_be_drawn_is_an_error_in_the_cell():
    x = X.clone()
    panel = index_explorer(x)
    x.zero_()
    move(panel, index="x[2]")
    assert "(8, 9, 10, 11)" in panel.sentence
    with pytest.raises(ValueError, match="Expected"):
        index_explorer(torch.zeros(2, 2))
