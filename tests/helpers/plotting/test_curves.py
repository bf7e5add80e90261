"""Curves, points and paths: how lines are told apart, and what is said about them."""

import pytest
import torch

from helpers.plotting import (
    accuracy_against_time,
    compare_curves,
    descent_on_contours,
    descent_on_curve,
    describe,
    learning_curves,
    regression_progress,
)


def test_learning_curves_tell_training_from_validation_and_have_ticks_at_epochs():
    (ax,) = learning_curves({"train_loss": [2.1, 1.2], "val_loss": [1.98, 0.8]})
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()
    assert all(float(tick).is_integer() for tick in ax.get_xticks())


def test_learning_curves_draw_what_there_is():
    (ax,) = learning_curves({"train_loss": [torch.tensor(2.0, requires_grad=True)], "val_loss": [], "seconds": [3]})
    assert describe(ax) == "Loss, epoch 1: training at 2."
    (ax,) = learning_curves({"epoch": [10, 20], "loss": [3.0, float("nan")]})
    assert ax.lines[0].get_xdata().tolist() == [10, 20]
    assert ax.get_legend() is None
    assert describe(ax) == "Loss, epoch 10 to 20: from 3 to nan."


def test_compare_curves_tell_every_run_apart():
    ax = compare_curves({i: [i / 10, 0.8] for i in range(6)}, x=[0, 4], xlabel="pixels", ylabel="accuracy")
    assert len({(line.get_color(), line.get_marker()) for line in ax.lines}) == 6


def test_accuracy_against_time_labels_each_point_inside_the_axes():
    runs = {"plain": 0.5, "convolution": 0.9}
    ax = accuracy_against_time(runs, {"convolution": 4.0, "plain": 1.0}, ylabel="accuracy")
    assert ax.collections[0].get_offsets().tolist() == [[1, 0.5], [4, 0.9]]
    assert [(text.get_text(), text.xy) for text in ax.texts] == [("plain", (1, 0.5)), ("convolution", (4, 0.9))]
    ax.figure.canvas.draw()
    assert all(ax.bbox.x0 < box.x0 and box.x1 < ax.bbox.x1 for box in (t.get_window_extent() for t in ax.texts))


def test_the_lines_of_all_epochs_are_drawn_on_one_scale():
    first, last = regression_progress([2, 0, 1], [3, 1, 2], {0: torch.zeros(3, 1, requires_grad=True), 50: [4, 2, 3]})
    assert first.get_ylim() == last.get_ylim()
    assert last.lines[0].get_xydata().tolist() == [[0, 2], [1, 3], [2, 4]]  # from left to right


@pytest.mark.parametrize("end", [[2, 4, 0], [-2, 1, 0], [4, 1, 0]], ids=["above", "left", "right"])
def test_a_path_that_leaves_the_curve_changes_no_limits_and_is_said_to(end):
    left, right = descent_on_curve([-1, 0, 3], [1, 0, 2], {"a": [[0, 0, 0], end], "b": [[0, 0, 0]]})
    assert (left.get_xlim(), left.get_ylim()) == (right.get_xlim(), right.get_ylim())
    assert describe(left).endswith("outside the figure at step 1.")
    assert "outside" not in describe(right)


def test_paths_on_contours_are_in_two_rows_of_one_scale():
    u, v = torch.linspace(-3, 3, 7), torch.linspace(-2, 2, 5)
    paths = {name: [[-2, 1, 9], [2 * up, up, 31]] for name, up in zip("abcd", (0, 2.5, -2.5, 0), strict=True)}
    axes = descent_on_contours(u, v, u[None, :] ** 2 + 5 * v[:, None] ** 2, paths, rows=2)
    a, b, c, d = (ax.get_position() for ax in axes)
    assert a.x1 < b.x0 == d.x0
    assert c.y1 < a.y0 == b.y0
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in axes}) == 1
    assert ["outside the figure at step 1" in describe(ax) for ax in axes] == [False, True, True, False]
