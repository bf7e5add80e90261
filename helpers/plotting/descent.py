"""The path of gradient descent: on a curve with its tangents, and on the contours of a loss of two parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from helpers.plotting.captions import set_caption
from helpers.plotting.style import BLUE, GREY, INK, ORANGE, new_axes, styled
from helpers.plotting.values import finite, format_count, format_number, vector


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
