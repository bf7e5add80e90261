"""How a model is fitted: points with predictions and residuals, and the path of gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from helpers.plotting.captions import set_caption
from helpers.plotting.style import BLUE, GREY, INK, ORANGE, new_axes, styled
from helpers.plotting.values import finite, format_count, format_number, format_range, join_words, one_each, vector


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


@styled()
def descent_on_curve(w: ArrayLike, loss: ArrayLike, paths: Mapping[str, ArrayLike]) -> np.ndarray:
    """Draw a loss of one parameter and, one Axes per path, where gradient descent was after each step.

    At the start and at the first two steps, the tangent is drawn, too. `paths` maps a title, such as "lr 0.1", to its
    path.

    Shapes: w, loss: [N], the curve. Each path: [steps + 1, 3], a row of w, loss and slope for each step.
    """
    w, loss, paths = vector(w, "w"), vector(loss, "loss"), _paths(paths)
    axes = new_axes(len(paths), height=2.9, sharey=True)
    for ax, (title, path) in zip(axes, paths.items(), strict=True):
        draw_on_curve(ax, w, loss, path, title=title, tangents=range(3))
    axes[0].set_ylabel("loss")
    _draw_key(axes)
    return axes


def draw_on_curve(
    ax: Axes, w: np.ndarray, loss: np.ndarray, path: np.ndarray, *, title: str, tangents: Iterable[int]
) -> None:
    """Draw one path on given Axes, as `descent_on_curve` does."""
    room, reach = 0.06 * np.ptp(loss), 0.14 * np.ptp(w)
    ax.plot(w, loss, color=GREY, linewidth=1.2, label="loss")
    for at, height, slope in (row for step, row in enumerate(path) if step in tangents):
        ends = np.array([at - reach, at + reach])
        ax.plot(ends, height + slope * (ends - at), color=INK, linestyle="--", linewidth=1.2, label="tangent")
    _draw_path(ax, path)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.set(xlabel="w", title=title, xlim=(w.min(), w.max()), ylim=(loss.min() - room, loss.max()))
    inside = (path[:, 0] >= w.min()) & (path[:, 0] <= w.max()) & (path[:, 1] <= loss.max())
    first, last = format_number(path[0, 0]), format_number(path[-1, 0])
    set_caption(ax, _sentence(title, f"w {first} to {last}", path[:, 1], inside))


@styled()
def descent_on_contours(
    u: ArrayLike, v: ArrayLike, loss: ArrayLike, paths: Mapping[str, ArrayLike], *, rows: int = 1
) -> np.ndarray:
    """Draw a loss of two parameters as contours, the lower the darker, and where gradient descent was after each step.

    Both parameters have one scale, so that a gradient is perpendicular to the contours. `paths` maps a title to a path,
    which has an Axes of its own; they are in `rows`.

    Shapes:
        u: [U]; v: [V]; loss: [V, U], at each u (across) and v (up). Each path: [steps + 1, 3], rows of u, v and loss.
    """
    u, v, loss, paths = vector(u, "u"), vector(v, "v"), finite(loss, "loss"), _paths(paths)
    height = 2.6 if rows == 1 else 2.05 * rows + 0.4
    axes = new_axes(len(paths) // rows, rows=rows, height=height, sharey=True)
    for ax, (title, path) in zip(axes, paths.items(), strict=True):
        draw_on_contours(ax, u, v, loss, path, title=title)
    axes[0].set_ylabel("v")
    _draw_key(axes)
    return axes


def draw_on_contours(ax: Axes, u: np.ndarray, v: np.ndarray, loss: np.ndarray, path: np.ndarray, *, title: str) -> None:
    """Draw one path on given Axes, as `descent_on_contours` does."""
    levels = loss.min() + np.ptp(loss) * np.linspace(0, 1, 10)[1:-1] ** 2  # denser where it is flat
    shades = mpl.colormaps["Greys"](np.linspace(0.8, 0.25, len(levels)))  # the path is blue
    ax.contour(u, v, loss, levels=levels, colors=shades, linewidths=1)
    _draw_path(ax, path)
    ax.set(xlabel="u", title=title, xlim=(u.min(), u.max()), ylim=(v.min(), v.max()), aspect="equal")
    inside = (np.abs(path[:, 0] - u.mean()) <= np.ptp(u) / 2) & (np.abs(path[:, 1] - v.mean()) <= np.ptp(v) / 2)
    first, last = (f"({format_number(row[0])}, {format_number(row[1])})" for row in path[[0, -1]])
    set_caption(ax, _sentence(title, f"{first} to {last}", path[:, 2], inside))


def _paths(paths: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
    return {title: finite(path, f"the path {title!r}").astype(np.float64) for title, path in paths.items()}


def _draw_path(ax: Axes, path: np.ndarray) -> None:
    """A line with a marker per step; a square where it starts, a star where it ends."""
    across, up = path[:, 0], path[:, 1]
    ax.plot(across, up, color=BLUE, marker="o", markersize=3, linewidth=1.2, label="step")
    ax.plot(across[:1], up[:1], color=INK, marker="s", markersize=7, linestyle="", label="start")
    ax.plot(across[-1:], up[-1:], color=ORANGE, marker="*", markersize=11, linestyle="", label="end")


def _draw_key(axes: np.ndarray) -> None:
    """One legend above all Axes, each of its signs once."""
    signs = {line.get_label(): line for line in axes[0].lines}
    axes[0].figure.legend(signs.values(), signs.keys(), loc="outside upper center", ncols=len(signs))


def _sentence(title: str, way: str, losses: np.ndarray, inside: np.ndarray) -> str:
    steps = format_count(len(losses) - 1, "steps")
    words = f"{title}, {steps} from {way}, loss {format_number(losses[0])} to {format_number(losses[-1])}"
    return f"{words}." if inside.all() else f"{words}, outside the figure at step {int(np.argmin(inside))}."


def _points(X: ArrayLike, y: ArrayLike, name: str) -> tuple[np.ndarray, np.ndarray]:
    X, y = vector(X, f"X of {name}"), vector(y, name)
    one_each(y, len(X), f"number per X in {name}")
    return X, y


def _in_words(points: tuple[np.ndarray, np.ndarray], plural: str) -> str:
    X, y = points
    return f"{format_count(len(X), plural)} (X {format_range(X)}, y {format_range(y)})"
