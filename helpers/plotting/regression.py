"""Points, the numbers a model predicts for them, and how far apart the two are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from helpers.plotting.captions import set_caption
from helpers.plotting.style import BLUE, GREY, ORANGE, axes_for, axes_or_new, ink, styled
from helpers.plotting.values import count, listing, number, span, vector


@styled()
def regression_plot(
    X_train: Any,  # noqa: ANN401
    y_train: Any,  # noqa: ANN401
    X_test: Any,  # noqa: ANN401
    y_test: Any,  # noqa: ANN401
    *,
    predictions: Any = None,  # noqa: ANN401
    residuals: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw training points, test points and, where given, what a model predicts for the test points.

    Shapes:
        X_train, y_train: [N] or [N, 1]. X_test, y_test, predictions: [M] or [M, 1].
        residuals: also draw a line from each test point to its prediction.

    Raises: ValueError where lengths differ, a number is not finite, or residuals lack predictions.
    """
    train = _points(X_train, y_train, "train")
    test = _points(X_test, y_test, "test")
    predicted = None if predictions is None else vector(predictions, "predictions")
    if predicted is not None and len(predicted) != len(test[0]):
        raise ValueError(
            f"Expected one prediction per test point: {count(len(test[0]), 'points')}, "
            f"{count(len(predicted), 'predictions')}. Pass model(X_test)."
        )
    if residuals and predicted is None:
        raise ValueError("Expected predictions for residuals=True: received none. Pass predictions=model(X_test).")

    ax = axes_or_new(ax, height=3.8, grid="both")
    if residuals:
        ax.vlines(test[0], test[1], predicted, colors=GREY, linewidth=1, label="residual")
    ax.scatter(*train, s=24, color=BLUE, marker="o", label="training data")
    ax.scatter(*test, s=24, color=ORANGE, marker="s", label="test data")
    if predicted is not None:
        ax.scatter(test[0], predicted, s=34, color=ink(ax), marker="x", label="prediction")
    ax.set(xlabel="X", ylabel="y")
    ax.legend(labelcolor=ink(ax))

    words = [f"Scatter plot of {_in_words(train, 'training points')}", _in_words(test, "test points")]
    if predicted is None:
        return set_caption(ax, f"{' and '.join(words)}.")
    words.append(f"{count(len(predicted), 'predictions')} ({span(predicted)})")
    mean = number(np.abs(test[1] - predicted).mean())
    return set_caption(ax, f"{', '.join(words)}; mean absolute residual {mean}.")


@styled()
def regression_progress(
    X: Any,  # noqa: ANN401
    y: Any,  # noqa: ANN401
    predictions: Mapping[int, Any],
    *,
    axes: Iterable[Axes] | None = None,
) -> np.ndarray:
    """Draw the line that a model predicts at several epochs, one Axes an epoch, with a residual at each point.

    `predictions` maps an epoch to what the model predicted for X then. Returns an array of the Axes.

    Shapes:
        X, y: [N] or [N, 1]. Each of the predictions: [N] or [N, 1].

    Raises: ValueError where there is no epoch, lengths differ, or the Axes are not one per epoch.
    """
    points = _points(X, y, "")
    if not predictions:
        raise ValueError("Expected the predictions of at least one epoch: received none. Pass {0: model(X)}.")
    lines = {epoch: vector(values, f"predictions[{epoch}]") for epoch, values in predictions.items()}
    for epoch, predicted in lines.items():
        if len(predicted) != len(points[0]):
            raise ValueError(
                f"Expected one prediction per point in epoch {epoch}: {count(len(points[0]), 'points')}, "
                f"{count(len(predicted), 'predictions')}. Pass model(X)."
            )

    axes = axes_for(lines, axes, each="epoch", height=2.6, sharey=True)
    order = np.argsort(points[0], kind="stable")
    for ax, (epoch, predicted) in zip(axes, lines.items(), strict=True):
        ax.vlines(points[0], points[1], predicted, colors=GREY, linewidth=0.8, label="residual")
        ax.scatter(*points, s=10, color=BLUE, marker="o", label="data")
        ax.plot(points[0][order], predicted[order], color=ink(ax), label="prediction")
        ax.set(title=f"epoch {epoch}", xlabel="X")
    axes[0].set_ylabel("y")
    axes[0].legend(fontsize=8, handlelength=1.2, labelcolor=ink(axes[0]))
    means = listing(number(np.abs(points[1] - predicted).mean()) for predicted in lines.values())
    words = f"{count(len(points[0]), 'points')} and the line predicted for them at epoch {listing(map(str, lines))}"
    set_caption(axes[0], f"{words}: mean absolute residual {means}.")
    return axes


def _points(X: Any, y: Any, part: str) -> tuple[np.ndarray, np.ndarray]:  # noqa: ANN401
    X_name, y_name = (f"X_{part}", f"y_{part}") if part else ("X", "y")
    X, y = vector(X, X_name), vector(y, y_name)
    if len(X) != len(y):
        raise ValueError(
            f"Expected one y per X: {len(X)} in {X_name}, {len(y)} in {y_name}. Split X and y at the same place."
        )
    return X, y


def _in_words(points: tuple[np.ndarray, np.ndarray], what: str) -> str:
    return f"{count(len(points[0]), what)} (X {span(points[0])}, y {span(points[1])})"
