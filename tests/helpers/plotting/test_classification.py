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


def _texts(ax):
    return [text.get_text() for text in ax.texts]


def test_the_confusion_matrix_has_the_true_class_in_rows():
    ax = confusion_matrix(COUNTS, NAMES)
    np.testing.assert_allclose(ax.images[0].get_array(), COUNTS / COUNTS.sum(1, keepdim=True))
    assert _texts(ax) == ["60", "30", "10", "5", "95", "0", "0", "0", "100"]
    assert [text.get_position() for text in ax.texts[:4]] == [(0, 0), (1, 0), (2, 0), (0, 1)]
    assert [ax.texts[i].get_color() for i in (4, 2, 5)] == [PAPER, INK, GREY]  # readable on its cell; no confusion
    assert _texts(confusion_matrix([[3, 1], [0, 0]], ["a", "b"])) == ["75", "25", "–", "–"]  # no b to be recognised
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    for axis in (ax.xaxis, ax.yaxis):
        assert axis.get_ticklocs().tolist() == [0, 1, 2]
        assert [label.get_text() for label in axis.get_ticklabels()] == NAMES


@pytest.mark.parametrize(
    ("counts", "end"),
    [
        ([[90, 10, 0], [10, 90, 0], [9, 0, 91]], "from 90 % to 91 %; most frequent confusion 10 % of a true class."),
        ([[5, 0, 0], [0, 5, 0], [0, 0, 5]], "100 % on the diagonal, by class from 100 % to 100 %; no confusion."),
    ],
)
def test_a_confusion_is_named_only_where_it_is_clearly_ahead(counts, end):
    assert describe(confusion_matrix(counts, NAMES)).endswith(end)


def test_probability_bars_mark_prediction_and_truth_and_end_at_1():
    ax = probability_bars(torch.tensor([0.34, 0.62, 0.04], requires_grad=True), NAMES, truth=torch.tensor(0))
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], [0.34, 0.62, 0.04])
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, True, False]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["★ T-shirt/top", "Trouser", "Bag"]
    assert _texts(ax) == ["0.34", "0.62", "0.04"]
    assert ax.get_xlim() == (0, 1)
    assert ax.yaxis_inverted()
    ax = probability_bars(torch.tensor([0.25, 0.25, 0.5], dtype=torch.bfloat16), NAMES)
    assert "★" not in ax.get_xlabel() + "".join(label.get_text() for label in ax.get_yticklabels())


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
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 4), (0, 1))
    assert describe(ax) == "slope: probability 0 to 1, above 0.5 in 40 % of the area; 2 points, 1 of them yes."


def test_each_reading_shows_its_drawing_its_image_and_its_bars_under_its_name():
    rng = np.random.default_rng(0)
    read = {}
    for digit in range(2):
        images = {"drawn": rng.integers(0, 256, (56, 56)), "picture": rng.integers(0, 256, (28, 28))}
        read[f"number {digit}"] = SimpleNamespace(**images, probabilities=np.eye(10)[digit] * 0.8 + 0.02)
    figure = readings(read)
    axes = iter(figure.axes)
    for digit, (name, reading) in enumerate(read.items()):
        pad, received, bars = next(axes), next(axes), next(axes)
        assert pad.get_title(loc="left") == name
        assert (pad.images[0].get_array() == reading.drawn).all()
        assert (received.images[0].get_array() == reading.picture).all()
        assert pad.images[0].get_clim() == received.images[0].get_clim() == (0, 255)
        assert [bar.get_height() for bar in bars.patches] == pytest.approx(reading.probabilities.tolist())
        assert [bar.get_hatch() is not None for bar in bars.patches] == [i == digit for i in range(10)]
        assert bars.get_ylim() == (0, 1)
    assert not list(axes)
    assert "number 1: read as 1." in describe(figure)
