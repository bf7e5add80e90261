"""What a classifier answers: rows and columns, bars and names."""

import numpy as np
import pytest
import torch
from matplotlib.contour import ContourSet

from helpers.plotting import confusion_matrix, decision_boundary, describe, probability_bars
from helpers.plotting.style import GREY, INK, PAPER

NAMES = ["T-shirt/top", "Trouser", "Bag"]


def test_the_confusion_matrix_has_the_true_class_in_rows():
    ax = confusion_matrix(torch.tensor([[6, 3, 1], [1, 19, 0], [0, 0, 10]]), NAMES)
    written = {text.get_position(): (text.get_text(), text.get_color()) for text in ax.texts}
    assert (written[1, 0], written[2, 0], written[2, 1]) == (("30", INK), ("10", INK), ("0", GREY))
    assert written[1, 1] == ("95", PAPER)  # readable on its cell
    assert ax.images[0].get_array()[0].tolist() == pytest.approx([0.6, 0.3, 0.1])
    absent = confusion_matrix([[3, 1], [0, 0]], ["a", "b"])  # no b to be recognised
    assert [text.get_text() for text in absent.texts] == ["75", "25", "–", "–"]


@pytest.mark.parametrize(
    ("counts", "end"),
    [
        ([[90, 10, 0], [10, 90, 0], [9, 0, 91]], "from 90 % to 91 %; most frequent confusion 10 % of a true class."),
        ([[5, 0, 0], [0, 5, 0], [0, 0, 5]], "100 % on the diagonal, by class from 100 % to 100 %; no confusion."),
    ],
)
def test_a_confusion_is_named_only_where_it_is_clearly_ahead(counts, end):
    assert describe(confusion_matrix(counts, NAMES)).endswith(end)


def test_probability_bars_mark_the_prediction_and_list_class_0_first():
    ax = probability_bars(torch.tensor([0.34, 0.62, 0.04], dtype=torch.bfloat16, requires_grad=True), NAMES, truth=0)
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, True, False]
    assert ax.get_xlim() == (0, 1)
    assert ax.yaxis_inverted()


def test_the_decision_boundary_is_where_the_probability_is_one_half():
    across, up = torch.linspace(0, 4, 5), torch.linspace(0, 1, 3)
    grid = (across[None, :] / 4).expand(3, 5)  # 0.5 at across = 2
    (ax, sure) = decision_boundary([[1, 0.2], [3, 0.8]], [[1], [0]], across, up, {"slope": grid, "never": 0 * grid})
    (contour,) = (child for child in ax.get_children() if isinstance(child, ContourSet))
    assert np.allclose(contour.get_paths()[0].vertices[:, 0], 2)
    assert not any(isinstance(child, ContourSet) for child in sure.get_children())
    assert [line.get_xydata().tolist() for line in ax.lines] == [[[1, 0.2]], [[3, 0.8]]]  # yes, no
    assert (ax.images[0].origin, list(ax.images[0].get_extent())) == ("lower", [0, 4, 0, 1])
