"""The numbers that a figure draws, in one line: tests of the notebooks compare text, not pixels."""

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
_VARIES = "varies"  # the gid of an artist that other machines draw differently


def exclude_from_fingerprint(artist: Artist) -> None:
    """Mark what another processor draws differently, such as a trained model's worst mistakes."""
    artist.set_gid(_VARIES)


def fingerprint(figure: Figure) -> str:
    """How many numbers of each type a figure draws, with their mean and a weighted mean; '' where it draws none.

    Each position in the order of drawing has its own weight, from 0 to 2, so the weighted mean changes where two
    numbers are swapped. Five digits: they show a changed number, and hide the rounding of another processor. An Axes
    with seconds on an axis is left out, because measured times are never the same.
    """
    found: dict[str, list[np.ndarray]] = {}
    for ax in figure.axes:
        if "seconds" in ax.get_xlabel() + ax.get_ylabel() or ax.get_label() == "<colorbar>":
            continue
        for artist in ax.get_children():
            if artist.get_visible() and artist is not ax.patch and artist.get_gid() != _VARIES:
                for name, values in _drawn_numbers(ax, artist):
                    found.setdefault(name, []).append(np.asarray(values, dtype=np.float64).ravel())
    return "; ".join(_summary(name, np.concatenate(parts)) for name, parts in found.items() if sum(map(len, parts)))


def _drawn_numbers(ax: Axes, artist: Artist) -> Iterator[tuple[str, Iterable[float]]]:
    """What an artist draws, by name; what only explains, such as a legend or a label, draws no numbers."""
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


def _summary(name: str, values: np.ndarray) -> str:
    values = np.nan_to_num(values, posinf=0, neginf=0)
    weights = 2 * (np.arange(1, len(values) + 1) * _GOLDEN % 1)  # never in step with the data, and never repeated
    means = (values.mean(), (values * weights).mean())
    mean, weighted = (0.0 if abs(value) < 1e-9 else value for value in means)
    return f"{name} {len(values):,}, mean {mean:#.5g}, weighted {weighted:#.5g}"
