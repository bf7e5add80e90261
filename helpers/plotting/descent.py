"""The path of gradient descent: on a curve with its tangents, and on the contours of a loss of two parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from helpers.plotting.captions import set_caption
from helpers.plotting.style import BLUE, GREY, ORANGE, SEQUENTIAL, axes_for, ink, styled
from helpers.plotting.values import as_array, count, finite, number, shape, vector

_FIRST = (0, 1, 2)  # steps; more tangents would hide the path


@styled()
def descent_on_curve(
    w: Any,  # noqa: ANN401
    loss: Any,  # noqa: ANN401
    paths: Mapping[str, Any],
    *,
    tangents: Iterable[int] = _FIRST,
    axes: Axes | Iterable[Axes] | None = None,
) -> np.ndarray:
    """Draw a loss of one parameter and, one Axes a path, where gradient descent stood after each step.

    At the steps named in `tangents`, where a path has them, the tangent is drawn, too. `paths` maps a title, such as
    "lr 0.1", to its path.

    Shapes:
        w, loss: [N], the curve. Each path: [steps + 1, 3], a row of w, loss and slope for each step.

    Raises: ValueError where lengths differ, there is no path, or the Axes are not one per path.
    """
    w, loss = vector(w, "w"), vector(loss, "loss")
    if len(w) != len(loss):
        raise ValueError(f"Expected one loss per w: {len(w)} w, {len(loss)} losses. Compute the loss at every w.")
    paths = _paths(paths)
    tangents = set(tangents)
    axes = axes_for(paths, axes, each="path", height=2.7, sharey=True)
    room = 0.06 * (loss.max() - loss.min())
    limits = {"xlim": (w.min(), w.max()), "ylim": (loss.min() - room, loss.max())}
    for ax, (title, path) in zip(axes, paths.items(), strict=True):
        ax.plot(w, loss, color=GREY, linewidth=1.2)
        reach = 0.14 * (w.max() - w.min())
        for at, height, slope in (row for step, row in enumerate(path) if step in tangents):
            ends = np.array([at - reach, at + reach])
            ax.plot(ends, height + slope * (ends - at), color=ink(ax), linestyle="--", linewidth=1.2)
        _draw(ax, path[:, 0], path[:, 1])
        ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        ax.set(xlabel="w", title=title, **limits)
        inside = (path[:, 0] >= w.min()) & (path[:, 0] <= w.max()) & (path[:, 1] <= loss.max())
        words = f"from w {number(path[0, 0])} to {number(path[-1, 0])}"
        set_caption(ax, _in_words(title, words, path[:, 1], inside))
    axes[0].set_ylabel("loss")
    return _explained(axes, "Each path leads from the square to the star; dashed lines are tangents.")


@styled()
def descent_on_contours(
    u: Any,  # noqa: ANN401
    v: Any,  # noqa: ANN401
    loss: Any,  # noqa: ANN401
    paths: Mapping[str, Any],
    *,
    axes: Axes | Iterable[Axes] | None = None,
) -> np.ndarray:
    """Draw a loss of two parameters as contours and, one Axes a path, where gradient descent stood after each step.

    Shapes:
        u: [U]; v: [V]; loss: [V, U], at each u (across) and v (up). Each path: [steps + 1, 3], rows of u, v and loss.

    Raises: ValueError where shapes do not fit, there is no path, or the Axes are not one per path.
    """
    u, v, loss = vector(u, "u"), vector(v, "v"), finite(loss, "loss")
    if loss.shape != (len(v), len(u)):
        raise ValueError(
            f"Expected a loss of shape [V, U]: {len(v)} v, {len(u)} u, received {shape(loss)}. "
            "Compute it at v[:, None] and u[None, :]."
        )
    paths = _paths(paths)
    axes = axes_for(paths, axes, each="path", height=2.6, sharey=True)
    levels = loss.min() + np.ptp(loss) * np.linspace(0, 1, 10)[1:-1] ** 2  # denser where it is flat
    shades = mpl.colormaps[SEQUENTIAL](np.linspace(1, 0.3, len(levels)))
    for ax, (title, path) in zip(axes, paths.items(), strict=True):
        ax.contour(u, v, loss, levels=levels, colors=shades, linewidths=1)
        _draw(ax, path[:, 0], path[:, 1])
        ax.set(xlabel="u", title=title, xlim=(u.min(), u.max()), ylim=(v.min(), v.max()))
        inside = (np.abs(path[:, 0] - u.mean()) <= np.ptp(u) / 2) & (np.abs(path[:, 1] - v.mean()) <= np.ptp(v) / 2)
        words = f"from {_point(path[0])} to {_point(path[-1])}"
        set_caption(ax, _in_words(title, words, path[:, 2], inside))
    axes[0].set_ylabel("v")
    return _explained(axes, "Each path leads from the square to the star; darker contours have lower loss.")


def _paths(paths: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not paths:
        raise ValueError('Expected at least one path to draw: received none. Pass {"lr 0.1": path}.')
    return {title: _path(path, title) for title, path in paths.items()}


def _path(path: Any, title: str) -> np.ndarray:  # noqa: ANN401
    array = as_array(path, f"the path {title!r}").astype(np.float64)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(
            f"Expected the path {title!r} of shape [steps + 1, 3]: received {shape(array)}. "
            "Write down three numbers before the first step and after each."
        )
    return finite(array, f"the path {title!r}")


def _draw(ax: Axes, across: np.ndarray, up: np.ndarray) -> None:
    """The path as a line with a marker a step; a square where it starts, a star where it ends."""
    ax.plot(across, up, color=BLUE, marker="o", markersize=4, linewidth=1.2, label="path")
    ax.plot(across[:1], up[:1], color=ink(ax), marker="s", markersize=7, linestyle="", label="start")
    ax.plot(across[-1:], up[-1:], color=ORANGE, marker="*", markersize=13, linestyle="", label="end")


def _point(row: np.ndarray) -> str:
    return f"({number(row[0])}, {number(row[1])})"


def _in_words(title: str, way: str, losses: np.ndarray, inside: np.ndarray) -> str:
    steps = count(len(losses) - 1, "steps")
    words = f"{title}, {steps} {way}, loss {number(losses[0])} to {number(losses[-1])}"
    if not inside.all():
        words += f", out of the picture at step {int(np.argmin(inside))}"
    return f"{words}."


def _explained(axes: np.ndarray, key: str) -> np.ndarray:
    """The Axes, with what the signs mean before the sentence of the first."""
    set_caption(axes[0], f"{key} {axes[0].get_label()}")
    return axes
