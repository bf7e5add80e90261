"""The numbers that a figure draws, in one line: a test compares text, and sees no pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection, LineCollection
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle, StepPatch
from matplotlib.text import Text

_GOLDEN = (5**0.5 - 1) / 2


def fingerprint(figure: Figure) -> str:
    """How many numbers of each kind a figure draws, with their mean and a weighted mean; '' where it draws none.

    Each place in the order of drawing has a weight of its own, from 0 to 2, so the weighted mean changes where two
    numbers change places. Five digits: a changed number shows in them, and the noise of another processor does not.
    """
    kinds: dict[str, list[np.ndarray]] = {}
    for ax in figure.axes:
        for artist in ax.get_children():
            if artist.get_visible() and artist is not ax.patch:
                for kind, values in _numbers(ax, artist):
                    kinds.setdefault(kind, []).append(np.asarray(values, dtype=np.float64).ravel())
    return "; ".join(_in_words(kind, np.concatenate(parts)) for kind, parts in kinds.items() if sum(map(len, parts)))


def _numbers(ax: Axes, artist: Artist) -> Iterator[tuple[str, Iterable[float]]]:
    """What an artist draws, by kind; what only explains, such as a legend or a label, draws no numbers."""
    if isinstance(artist, Line2D):
        points = np.asarray(artist.get_xydata(), dtype=np.float64)
        yield "lines across", points[:, 0]
        yield "lines up", points[:, 1]
    elif isinstance(artist, AxesImage):
        yield "pixels", np.ma.filled(np.ma.asarray(artist.get_array(), dtype=np.float64), 0)
    elif isinstance(artist, Rectangle):
        yield "boxes", artist.get_bbox().bounds
        yield "colours", mpl.colors.to_rgb(artist.get_facecolor())
    elif isinstance(artist, StepPatch):
        yield "steps", np.append(artist.get_data().values, artist.get_data().edges)
    elif isinstance(artist, ContourSet):
        yield "levels", artist.levels
        yield "contours", np.concatenate([path.vertices for path in artist.get_paths()])
    elif isinstance(artist, LineCollection):
        yield "segments", np.concatenate([np.ravel(segment) for segment in artist.get_segments()] or [np.empty(0)])
    elif isinstance(artist, Collection):
        yield "points", np.ma.filled(artist.get_offsets(), 0)
    elif isinstance(artist, Text) and artist not in (ax.title, ax._left_title, ax._right_title):
        try:
            yield "written", [float(artist.get_text().replace(",", "").rstrip("%"))]
        except ValueError:
            return  # a word


def _in_words(kind: str, values: np.ndarray) -> str:
    values = np.nan_to_num(values, posinf=0, neginf=0)
    weights = 2 * (np.arange(1, len(values) + 1) * _GOLDEN % 1)  # never in step with the data, and never the same twice
    means = (values.mean(), (values * weights).mean())
    mean, weighted = (0.0 if abs(value) < 1e-9 else value for value in means)
    return f"{kind} {len(values):,}, mean {mean:#.5g}, weighted {weighted:#.5g}"
