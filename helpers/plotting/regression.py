"""Points, the numbers that a model predicts for them, and how far apart the two are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.plotting.captions import set_caption
from helpers.plotting.style import BLUE, GREY, INK, ORANGE, new_axes, styled
from helpers.plotting.values import format_count, format_number, format_range, join_words, one_each, vector


@styled()
def regression_plot(
    X_train: ArrayLike, y_train: ArrayLike, X_val: ArrayLike, y_val: ArrayLike, *, predictions: ArrayLike | None = None
) -> Axes:
    """Draw training points, validation points and, where given, what a model predicts for the latter, with residuals.

    Shapes: X_train, y_train: [N] or [N, 1]. X_val, y_val, predictions: [M] or [M, 1].

    Raises: ValueError where lengths differ, or a number is not finite.
    """
    train, val = _points(X_train, y_train, "y_train"), _points(X_val, y_val, "y_val")
    predicted = None if predictions is None else _points(X_val, predictions, "predictions")
    (ax,) = new_axes(1, height=3.4, grid="both")
    if predicted is not None:
        ax.vlines(val[0], val[1], predicted[1], colors=GREY, linewidth=1, label="residual")
    ax.scatter(*train, s=24, color=BLUE, marker="o", label="training data")
    ax.scatter(*val, s=24, color=ORANGE, marker="s", label="validation data")
    if predicted is not None:
        ax.scatter(*predicted, s=34, color=INK, marker="x", label="prediction")
    ax.set(xlabel="X", ylabel="y")
    ax.legend()
    words = f"Scatter plot of {_in_words(train, 'training points')} and {_in_words(val, 'validation points')}"
    if predicted is not None:
        error = format_number(np.abs(val[1] - predicted[1]).mean())
        words += f"; predictions {format_range(predicted[1])}, mean absolute residual {error}"
    return set_caption(ax, f"{words}.")


@styled()
def regression_progress(X: ArrayLike, y: ArrayLike, predictions: Mapping[int, ArrayLike]) -> np.ndarray:
    """Draw the line that a model predicts at several epochs, one Axes per epoch, with a residual at each point.

    `predictions` maps an epoch to what the model predicted for X then. Returns an array of the Axes.

    Shapes: X, y and each of the predictions: [N] or [N, 1].

    Raises: ValueError where lengths differ.
    """
    points = _points(X, y, "y")
    lines = {epoch: _points(X, values, f"predictions[{epoch}]")[1] for epoch, values in predictions.items()}
    axes = new_axes(len(lines), height=2.6, sharey=True)
    order = np.argsort(points[0], kind="stable")
    for ax, (epoch, predicted) in zip(axes, lines.items(), strict=True):
        ax.vlines(points[0], points[1], predicted, colors=GREY, linewidth=0.8, label="residual")
        ax.scatter(*points, s=10, color=BLUE, marker="o", label="data")
        ax.plot(points[0][order], predicted[order], color=INK, label="prediction")
        ax.set(title=f"epoch {epoch}", xlabel="X")
    axes[0].set_ylabel("y")
    axes[0].legend(fontsize=8, handlelength=1.2)
    means = join_words(format_number(np.abs(points[1] - predicted).mean()) for predicted in lines.values())
    words = f"{format_count(len(order), 'points')} and the line predicted for them at epoch {join_words(lines)}"
    set_caption(axes[0], f"{words}: mean absolute residual {means}.")
    return axes


def _points(X: ArrayLike, y: ArrayLike, name: str) -> tuple[np.ndarray, np.ndarray]:
    X, y = vector(X, f"X of {name}"), vector(y, name)
    one_each(y, len(X), f"number per X in {name}")
    return X, y


def _in_words(points: tuple[np.ndarray, np.ndarray], plural: str) -> str:
    X, y = points
    return f"{format_count(len(X), plural)} (X {format_range(X)}, y {format_range(y)})"
