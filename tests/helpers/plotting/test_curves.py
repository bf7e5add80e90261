"""Curves, points and paths: the numbers in their lines, and what is said about them."""

import numpy as np
import pytest
import torch

from helpers.plotting import (
    accuracy_against_time,
    compare_curves,
    descent_on_contours,
    descent_on_curve,
    describe,
    learning_curves,
    regression_plot,
    regression_progress,
)


def test_learning_curves_draw_one_axes_per_metric():
    history = {"train_loss": [2.1, 1.2], "val_loss": [1.98, 0.8], "train_accuracy": [0.3, 0.6], "val_accuracy": [1, 0]}
    axes = learning_curves(history)
    for ax, metric in zip(axes, ("loss", "accuracy"), strict=True):
        drawn = {line.get_label(): line.get_xydata().tolist() for line in ax.lines}
        (t1, t2), (v1, v2) = history[f"train_{metric}"], history[f"val_{metric}"]
        assert drawn == {"training": [[1, t1], [2, t2]], "validation": [[1, v1], [2, v2]]}
        assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", metric)
        assert all(float(tick).is_integer() for tick in ax.get_xticks())


def test_learning_curves_draw_what_there_is():
    (ax,) = learning_curves({"train_loss": [torch.tensor(2.0, requires_grad=True)], "val_loss": [], "seconds": [3]})
    assert describe(ax) == "Loss, epoch 1: training at 2."
    (ax,) = learning_curves({"epoch": [10, 20], "loss": [3.0, float("nan")]})
    assert ax.lines[0].get_xdata().tolist() == [10, 20]
    assert ax.get_legend() is None
    assert describe(ax) == "Loss, epoch 10 to 20: from 3 to nan."


def test_compare_curves_tell_every_run_apart():
    runs = {f"lr {i / 10}": [i / 10, 0.8] for i in range(6)}
    ax = compare_curves(runs, x=[0, 4], xlabel="pixels", ylabel="accuracy")
    assert [line.get_label() for line in ax.lines] == list(runs)
    assert [line.get_xydata().tolist() for line in ax.lines] == [[[0, i / 10], [4, 0.8]] for i in range(6)]
    assert len({(line.get_color(), line.get_marker()) for line in ax.lines}) == 6
    assert describe(ax).startswith("Accuracy, pixels 0 to 4: lr 0.0 from 0 to 0.8, ")


def test_accuracy_against_time_labels_each_point_inside_the_axes():
    runs = {"plain": 0.5, "convolution": 0.9}
    ax = accuracy_against_time(runs, {"convolution": 4.0, "plain": 1.0}, ylabel="accuracy")
    assert ax.collections[0].get_offsets().tolist() == [[1, 0.5], [4, 0.9]]
    assert [(text.get_text(), text.xy) for text in ax.texts] == [("plain", (1, 0.5)), ("convolution", (4, 0.9))]
    ax.figure.canvas.draw()
    assert all(ax.bbox.x0 < box.x0 and box.x1 < ax.bbox.x1 for box in (t.get_window_extent() for t in ax.texts))


def test_regression_plot_shows_points_predictions_and_residuals():
    ax = regression_plot([0, 1], [[2], [3]], [8, 9], [16, 18], predictions=torch.tensor([[15], [17]]))
    residuals, *points = ax.collections
    assert {artist.get_label(): artist.get_offsets().tolist() for artist in points} == {
        "training data": [[0, 2], [1, 3]],
        "validation data": [[8, 16], [9, 18]],
        "prediction": [[8, 15], [9, 17]],
    }
    assert np.array(residuals.get_segments()).tolist() == [[[8, 16], [8, 15]], [[9, 18], [9, 17]]]


def test_regression_progress_has_one_line_with_residuals_per_epoch():
    X, y = torch.tensor([2.0, 0.0, 1.0]).unsqueeze(1), torch.tensor([3.0, 1.0, 2.0]).unsqueeze(1)
    axes = regression_progress(X, y, {0: torch.zeros(3, 1, requires_grad=True), 50: y + 0.5})
    assert [ax.get_title() for ax in axes] == ["epoch 0", "epoch 50"]
    residuals, points = axes[1].collections
    assert points.get_offsets().tolist() == [[2, 3], [0, 1], [1, 2]]
    assert axes[1].lines[0].get_xydata().tolist() == [[0, 1.5], [1, 2.5], [2, 3.5]]  # one straight line
    assert residuals.get_segments()[0].tolist() == [[2, 3], [2, 3.5]]
    assert axes[0].get_ylim() == axes[1].get_ylim()  # or the residuals could not be compared by eye


# Gradient descent

W = torch.linspace(-2, 2, 41)
FAR = [[-1.0, 1.0, -2.0], [1.5, 2.25, 3.0], [-3.0, 9.0, -6.0], [1.0, 1.0, 2.0]]  # w, loss w², slope 2w
U, V = torch.linspace(-3, 3, 7), torch.linspace(-2, 2, 5)
BOWL = U[None, :] ** 2 + 5 * V[:, None] ** 2
ON_BOWL = [[-2.0, 1.0, 9.0], [1.0, -0.5, 2.25], [0.0, 2.5, 31.25]]


@pytest.mark.parametrize(
    ("draw", "path", "labels"),
    [
        (lambda paths: descent_on_curve(W, W**2, paths), FAR, ("w", "loss")),
        (lambda paths: descent_on_contours(U, V, BOWL, paths), ON_BOWL, ("u", "v")),
    ],
)
def test_a_path_with_its_ends_in_axes_of_one_scale(draw, path, labels):
    left, right = draw({"a": path, "b": torch.tensor(path[:2], requires_grad=True)})
    lines = {line.get_label(): line.get_xydata().tolist() for line in left.lines}
    points = [row[:2] for row in path]
    assert (lines["step"], lines["start"], lines["end"]) == (points, points[:1], points[-1:])
    assert (left.get_xlabel(), left.get_ylabel(), left.get_title()) == (*labels, "a")
    assert (left.get_xlim(), left.get_ylim()) == (right.get_xlim(), right.get_ylim())
    assert ", outside the figure at step 2. b, " in describe([left, right])
    assert "outside" not in describe(right)


def test_paths_in_two_rows():
    axes = descent_on_contours(U, V, BOWL, dict.fromkeys("abcd", ON_BOWL), rows=2)
    assert [ax.get_title() for ax in axes] == list("abcd")
    places = [ax.get_position() for ax in axes]
    assert places[0].x1 < places[1].x0 == places[3].x0
    assert places[2].y1 < places[0].y0 == places[1].y0


@pytest.mark.parametrize("outside", [[2, 4, 0], [-2, 1, 0], [4, 1, 0]], ids=["above", "left", "right"])
def test_a_point_beside_or_above_the_curve_is_outside(outside):
    axes = descent_on_curve([-1, 0, 3], [1, 0, 2], {"lr": [[0, 0, 0], outside]})
    assert describe(axes).endswith("outside the figure at step 1.")


def test_tangents_go_through_the_points_asked_for_with_their_slopes():
    (ax,) = descent_on_curve(W, W**2, {"lr": FAR}, tangents=(0, 2, 9))
    tangents = [line.get_xydata() for line in ax.lines if line.get_label() == "tangent"]
    for (start, end), (w, loss, slope) in zip(tangents, [FAR[0], FAR[2]], strict=True):
        assert np.allclose((start + end) / 2, [w, loss])
        assert np.isclose((end - start)[1] / (end - start)[0], slope)
