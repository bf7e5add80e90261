"""Lines that approach their points: what is drawn, what is said about it, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from helpers.plotting import describe, regression_progress
from helpers.plotting.style import INK

X = torch.tensor([0.0, 1.0, 2.0]).unsqueeze(1)
Y = torch.tensor([1.0, 2.0, 3.0]).unsqueeze(1)
PREDICTIONS = {0: torch.zeros(3, 1, requires_grad=True), 50: Y + 0.5, 100: Y}


def test_one_axes_an_epoch_holds_points_line_and_residuals():
    axes = regression_progress(X, Y, PREDICTIONS)
    assert [ax.get_title() for ax in axes] == ["epoch 0", "epoch 50", "epoch 100"]
    residuals, points = axes[1].collections
    (line,) = axes[1].lines
    np.testing.assert_array_equal(points.get_offsets(), [[0, 1], [1, 2], [2, 3]])
    np.testing.assert_array_equal(line.get_xydata(), [[0, 1.5], [1, 2.5], [2, 3.5]])
    np.testing.assert_array_equal(
        residuals.get_segments(), [[[0, 1], [0, 1.5]], [[1, 2], [1, 2.5]], [[2, 3], [2, 3.5]]]
    )


def test_shuffled_points_still_give_one_straight_line():
    order = [2, 0, 1]
    axes = regression_progress(X[order], Y[order], {7: Y[order]})
    np.testing.assert_array_equal(axes[0].lines[0].get_xydata(), [[0, 1], [1, 2], [2, 3]])


def test_every_axis_has_a_label_and_the_first_axes_the_legend():
    axes = regression_progress(X, Y, PREDICTIONS)
    assert {ax.get_xlabel() for ax in axes} == {"X"}
    assert [ax.get_ylabel() for ax in axes] == ["y", "", ""]
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["residual", "data", "prediction"]
    assert len({ax.get_ylim() for ax in axes}) == 1  # or the residuals could not be compared by eye


def test_numbers_on_the_axes_are_dark_even_if_the_reader_prefers_a_dark_style():
    with plt.style.context("dark_background"):
        axes = regression_progress(X, Y, PREDICTIONS)
        axes[0].figure.canvas.draw()  # tick labels are made only now
    assert {text.get_color() for ax in axes for text in [*ax.get_xticklabels(), *ax.get_yticklabels()]} == {INK}
    assert [bool("".join(text.get_text() for text in ax.get_yticklabels())) for ax in axes] == [True, False, False]


def test_sentence_says_how_far_the_line_is_from_the_points():
    assert describe(regression_progress(X, Y, PREDICTIONS)) == (
        "3 points and the line predicted for them at epoch 0, 50, 100: mean absolute residual 2, 0.5, 0."
    )


def test_sentence_follows_the_data():
    changed = PREDICTIONS | {100: Y + 0.25}
    assert describe(regression_progress(X, Y, changed)).endswith("residual 2, 0.5, 0.25.")


def test_draws_on_the_axes_given():
    given = plt.subplots(1, 3)[1]
    returned = regression_progress(X, Y, PREDICTIONS, axes=given)
    assert list(returned) == list(given)
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, Y[:2], PREDICTIONS), r"Expected one y per X: 3 in X, 2 in y\."),
        ((X, Y, {}), r"at least one epoch: received none"),
        ((X, Y, {0: Y, 5: Y[:2]}), r"one prediction per point in epoch 5: 3 points, 2 predictions"),
        ((X, Y, {5: Y.expand(3, 3)}), r"predictions\[5\] of shape \[N\] or \[N, 1\]: received \[3, 3\]"),
        ((X, Y, {5: Y / 0}), r"finite numbers in predictions\[5\]: 3 of 3"),
    ],
)
def test_refuses_with_the_rule_and_what_it_received(arguments, message):
    with pytest.raises(ValueError, match=message):
        regression_progress(*arguments)
    assert not plt.get_fignums()  # an error leaves no half-drawn figure behind


def test_refuses_axes_that_are_not_one_per_epoch():
    with pytest.raises(ValueError, match="one Axes per epoch: 3 needed, 2 received"):
        regression_progress(X, Y, PREDICTIONS, axes=plt.subplots(1, 2)[1])
