"""What a classifier answers: rows and columns, bars and names."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.contour import ContourSet

from helpers.plotting import confusion_matrix, decision_boundary, describe, probability_bars, readings
from helpers.plotting.style import GREY, INK, PAPER

NAMES = ["T-shirt/top", "Trouser", "Bag"]
COUNTS = torch.tensor([[6, 3, 1], [1, 19, 0], [0, 0, 10]])


def test_the_confusion_matrix_has_the_true_class_in_rows():
    ax = confusion_matrix(COUNTS, NAMES)
    np.testing.assert_allclose(ax.images[0].get_array(), COUNTS / COUNTS.sum(1, keepdim=True))
    written = {text.get_position(): (text.get_text(), text.get_color()) for text in ax.texts}
    assert (written[1, 0], written[2, 0], written[2, 1]) == (("30", INK), ("10", INK), ("0", GREY))
    assert written[1, 1] == ("95", PAPER)  # readable on its cell
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    for axis in (ax.xaxis, ax.yaxis):
        assert [label.get_text() for label in axis.get_ticklabels()] == NAMES
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


def test_probability_bars_mark_prediction_and_truth():
    ax = probability_bars(torch.tensor([0.34, 0.62, 0.04], dtype=torch.bfloat16, requires_grad=True), NAMES, truth=0)
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, True, False]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["★ T-shirt/top", "Trouser", "Bag"]
    assert ([text.get_text() for text in ax.texts], ax.get_xlim()) == (["0.34", "0.62", "0.04"], (0, 1))
    assert ax.yaxis_inverted()


def test_the_decision_boundary_is_where_the_probability_is_one_half():
    across, up = torch.linspace(0, 4, 5), torch.linspace(0, 1, 3)
    grid = (across[None, :] / 4).expand(3, 5)  # 0.5 at across = 2
    (ax, sure) = decision_boundary([[1, 0.2], [3, 0.8]], [[1], [0]], across, up, {"slope": grid, "never": 0 * grid})
    (contour,) = (child for child in ax.get_children() if isinstance(child, ContourSet))
    assert np.allclose(contour.get_paths()[0].vertices[:, 0], 2)
    assert not any(isinstance(child, ContourSet) for child in sure.get_children())
    assert [(line.get_label(), line.get_xydata().tolist()) for line in ax.lines] == [
        ("yes", [[1, 0.2]]),
        ("no", [[3, 0.8]]),
    ]
    assert describe(ax) == "slope: probability 0 to 1, above 0.5 in 40 % of the area; 2 points, 1 of them yes."


def test_each_reading_shows_its_drawing_its_image_and_its_bars_under_its_name():
    drawn, received = np.eye(56), np.eye(28)[::-1]
    figure = readings({"mine": SimpleNamespace(drawn=drawn, picture=received, probabilities=np.eye(10)[4])})
    pad, image, bars = figure.axes
    assert pad.get_title(loc="left") == "mine"
    assert (pad.images[0].get_array() == drawn).all()
    assert (image.images[0].get_array() == received).all()
    assert pad.images[0].get_clim() == image.images[0].get_clim() == (0, 255)
    assert [bool(bar.get_hatch()) for bar in bars.patches] == [i == 4 for i in range(10)]
    assert "mine: read as 4." in describe(figure)
