"""What a network reads in a drawing, step by step: the drawing, the picture that it receives, its probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.plotting.captions import set_caption
from helpers.plotting.style import BLUE, GREY, PALE, WIDTH, styled
from helpers.plotting.values import count, finite, shape


class Reading(Protocol):
    """The parts of a reading: the drawing and the picture, 0 to 255, and ten probabilities."""

    drawn: Any
    picture: Any
    probabilities: Any


@styled()
def readings(read: Mapping[str, Reading]) -> Figure:
    """Draw readings side by side, each under its name: what was drawn, what the network receives, what it reads.

    Shapes:
        read: 1 to 4 readings, by name, such as `DigitPad.read` returns: drawn [H, W] and picture [28, 28], 0 (black)
            to 255 (white); probabilities [10].

    Raises: ValueError where there are not 1 to 4, or where one has other shapes.
    """
    if not 1 <= len(read) <= 4:
        raise ValueError(f"Expected 1 to 4 readings: received {len(read)}. Draw more of them one after another.")
    checked = {str(name): _checked(str(name), reading) for name, reading in read.items()}
    n = len(checked)
    figure = plt.figure(figsize=(WIDTH / max(n, 3) * n, 0.6 + 2 * WIDTH / max(n, 3) / 2))
    grid = figure.add_gridspec(2, 2 * n)
    for column, (name, (drawn, picture, probabilities)) in enumerate(checked.items()):
        pad, received = (figure.add_subplot(grid[0, 2 * column + i]) for i in range(2))
        _image(pad, drawn)
        _image(received, picture)
        pad.set_title(name, loc="left", fontsize=9)
        _bars(figure.add_subplot(grid[1, 2 * column : 2 * column + 2]), probabilities, labelled=column == 0)
    said = "; ".join(f"{name}: read as {p.argmax()}" for name, (_, _, p) in checked.items())
    words = f"{count(n, 'drawings')}, what the network receives of each, and its ten probabilities"
    return set_caption(figure, f"{words}. {said}.")


def _image(ax: Axes, image: np.ndarray) -> None:
    ax.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, edgecolor=GREY, linewidth=0.8)


def _bars(ax: Axes, probabilities: np.ndarray, *, labelled: bool) -> None:
    bars = ax.bar(range(10), probabilities, color=PALE)
    bars[int(probabilities.argmax())].set(facecolor=BLUE, hatch="///", edgecolor=PALE, linewidth=0)
    ax.set_xticks(range(10))
    ax.set(ylim=(0, 1), yticks=[0, 0.5, 1])
    ax.tick_params(labelsize=8, labelleft=labelled)
    if labelled:
        ax.set_ylabel("probability", fontsize=9)


def _checked(name: str, reading: Reading) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    drawn, picture = finite(reading.drawn, "drawn"), finite(reading.picture, "picture")
    probabilities = finite(reading.probabilities, "probabilities")
    if (drawn.ndim, picture.shape, probabilities.shape) != (2, (28, 28), (10,)):
        raise ValueError(
            "Expected a reading with drawn [H, W], picture [28, 28] and probabilities [10]: "
            f"{name} has {shape(drawn)}, {shape(picture)} and {shape(probabilities)}. Pass what pad.read returned."
        )
    return drawn, picture, probabilities
