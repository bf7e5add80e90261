"""One palette, one size and one set of Matplotlib settings for every figure of the course."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import RLock
from typing import Any, Literal

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.typing import ColorType

WIDTH = 7.0  # inches; the text column of a notebook, so that no viewer has to shrink a figure
DPI = 100  # pixels of the page per inch: a figure is 700 wide

# Colours that stay apart in every common form of colour blindness (Okabe and Ito, "Color Universal Design",
# 2008), and never red against green. A colour that carries a meaning is always backed by a shape or a pattern.
BLUE, ORANGE, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
SKY, AMBER = "#56B4E9", "#E69F00"
PALE = "#A9CCE3"  # a light blue for the background
INK, GREY, PAPER = "#222222", "#757575", "#FFFFFF"
FONT = "DejaVu Sans"  # comes with Matplotlib: the same letters, and ✓, ✗ and ★, on every machine

SEQUENTIAL = "Blues"  # for amounts: from nothing (white) to much (dark blue)
DIVERGING = "PuOr"  # for numbers on both sides of zero: below (orange), zero (white), above (purple)

# Lines told apart by colour, by dashes and by marker, in the order in which to use them.
LINES: tuple[dict[str, str], ...] = (
    {"color": BLUE, "linestyle": "-", "marker": "o"},
    {"color": ORANGE, "linestyle": "--", "marker": "s"},
    {"color": PURPLE, "linestyle": "-.", "marker": "^"},
    {"color": GREY, "linestyle": ":", "marker": "D"},
    {"color": SKY, "linestyle": "-", "marker": "v"},
    {"color": AMBER, "linestyle": "--", "marker": "P"},
)

# A widget may draw in its own thread while a cell draws: one at a time, or one would keep the other's settings.
_DRAWING = RLock()
_WITHOUT_PYPLOT: ContextVar[bool] = ContextVar("_WITHOUT_PYPLOT", default=False)


@contextmanager
def styled() -> Iterator[None]:
    """Draw with Matplotlib's defaults and the course's style, then restore the user's settings; also a decorator.

    `mpl.rc_context` would not do: the first figure in a notebook switches Matplotlib to interactive mode, and
    `rc_context` would switch it back, so that the user's own plots would never be shown.
    """
    with _DRAWING:
        before = mpl.rcParams.copy()
        _set_style()
        try:
            yield
        finally:
            kept = {"backend", "interactive"}
            dict.update(mpl.rcParams, {key: dict.get(before, key) for key in before if key not in kept})


def _set_style() -> None:
    mpl.rcdefaults()
    # Paper is opaque white, because a transparent figure loses its dark text on a dark page.
    mpl.rc("figure", dpi=DPI, edgecolor=PAPER, facecolor=PAPER)
    mpl.rc("figure.constrained_layout", use=True)
    mpl.rc("axes", axisbelow=True, edgecolor=GREY, facecolor=PAPER, labelcolor=INK, labelsize=10)
    mpl.rc("axes", titlecolor=INK, titlesize=11)
    mpl.rc("axes.spines", right=False, top=False)
    mpl.rc(("xtick", "ytick"), color=GREY, labelcolor=INK, labelsize=9)
    mpl.rc("grid", color="#E3E3E3")
    mpl.rc("legend", fontsize=9, frameon=False)
    mpl.rc("lines", linewidth=1.8, markersize=5)
    mpl.rc("font", family=[FONT], size=10)
    mpl.rc("text", color=INK)


@contextmanager
def without_pyplot() -> Iterator[None]:
    """Create figures that pyplot does not know: no cell shows them when it ends, and nobody has to close them."""
    token = _WITHOUT_PYPLOT.set(True)
    try:
        yield
    finally:
        _WITHOUT_PYPLOT.reset(token)


def new_figure(**options: Any) -> Figure:  # noqa: ANN401
    """A new figure with Matplotlib's own options: pyplot's current one, except in `without_pyplot`."""
    return Figure(**options) if _WITHOUT_PYPLOT.get() else plt.figure(**options)


def new_axes(
    n: int,
    *,
    height: float,
    grid: Literal["x", "y", "both"] | None = None,
    rows: int = 1,
    sharey: bool = False,
    widths: Sequence[float] | None = None,
) -> np.ndarray:
    """`n` Axes side by side, in each of `rows`, row by row; in a new figure, `WIDTH` by `height` inches."""
    figure = new_figure(figsize=(WIDTH, height))
    axes = figure.subplots(rows, n, squeeze=False, sharey=sharey, width_ratios=widths).reshape(-1)
    for ax in axes:
        prepare_ticks(ax)
        if grid:
            ax.grid(axis=grid)
    return axes


def prepare_ticks(ax: Axes) -> None:
    """Make a first tick, which later ones copy: Matplotlib would make it when `styled` is over, in the user's style."""
    ax.tick_params(labelsize=9)  # said explicitly, because it decides how many ticks there is room for
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_major_ticks(1)


def axes_in_inches(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """New Axes in a figure without a layout engine, placed in inches from the lower left corner."""
    across, up = figure.get_size_inches()
    ax = figure.add_axes((left / across, bottom / up, width / across, height / up))
    prepare_ticks(ax)
    return ax


def text_on(background: ColorType) -> str:
    """Dark or white, whichever is easier to read on `background`."""
    return INK if np.dot(to_rgb(background), (0.299, 0.587, 0.114)) > 0.45 else PAPER  # its brightness
