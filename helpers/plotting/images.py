"""Images with what a model says about them: in a grid, below the curves of a training, or above their probabilities."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from helpers.plotting.captions import describe, set_caption
from helpers.plotting.classification import mark_predicted
from helpers.plotting.curves import draw_metric
from helpers.plotting.fingerprint import exclude_from_fingerprint
from helpers.plotting.style import BLUE, GREY, ORANGE, PALE, WIDTH, axes_in_inches, new_figure, prepare_ticks, styled
from helpers.plotting.values import finite, format_count, format_number, format_shape, join_words, one_each

SIGNS: dict[bool | None, str] = {None: "", True: "✓ ", False: "✗ "}
FRAMES: dict[bool | None, dict[str, Any]] = {
    None: {"edgecolor": GREY, "linestyle": "-", "linewidth": 0.8},
    True: {"edgecolor": BLUE, "linestyle": "-", "linewidth": 2.5},
    False: {"edgecolor": ORANGE, "linestyle": (0, (3, 1.5)), "linewidth": 2.5},
}
_LETTER = 0.072  # inches, the mean width of a letter of 9 points
_GAP = 0.14  # inches between two images
_LARGEST = 1.3  # inches; an image of 28 x 28 pixels gains nothing by more
_SCALE = 0.6  # inches for a colour bar on the right


@styled()
def image_grid(
    images: ArrayLike,
    titles: Sequence[str] | None = None,
    *,
    correct: ArrayLike | None = None,
    columns: int | None = None,
    what: str = "images",
    value_range: tuple[float, float] | None = None,
) -> Figure:
    """Draw images in a grid, each with its title; right ones in a blue frame with ✓, wrong ones dashed orange with ✗.

    Shapes:
        images: [N, H, W] or [N, 1, H, W] greyscale, [N, 3, H, W] colour; 0 to 1 (floats, bool) or 0 to 255 (integers).
        titles: N strings or labels. correct: N truth values, for example `pred == y`.
        value_range: which values to draw black and white, for images on another scale (normalised images, weights);
            a colour bar shows it.

    Raises: ValueError or TypeError where shapes, the number of images and titles, or pixel values do not fit.
    """
    pixels, low, high = _pixels(images, value_range)
    n, height, width = pixels.shape[:3]
    titles = [""] * n if titles is None else one_each(titles, n, "title per image")
    marks = [None] * n if correct is None else list(map(bool, correct))
    one_each(marks, n, "truth value per image, such as pred == y")
    sign = 0 if correct is None else 2  # letters
    if columns is None:  # as many rows as needed, filled as evenly as possible
        longest = max(len(line) for title in titles for line in title.splitlines() or [""]) + sign
        columns = math.ceil(n / math.ceil(n / np.clip(WIDTH // (longest * _LETTER + _GAP), 4, 8)))
    columns = min(columns, n)
    rows = math.ceil(n / columns)

    page = WIDTH - (_SCALE if value_range else 0)
    cell = min(_LARGEST, page / columns - _GAP)
    letters = max(int((cell + _GAP) / _LETTER) - sign, 4)
    wrapped = [_wrapped(title, letters) for title in titles]
    headings = [f"{SIGNS[mark]}{title}".rstrip() for mark, title in zip(marks, wrapped, strict=True)]
    lines = max(heading.count("\n") + bool(heading) for heading in headings)

    above = 0.05 + 0.16 * lines  # inches for the title
    tall = cell * height / width
    row = tall + above + 0.08
    across = columns * (cell + _GAP)
    figure = new_figure(figsize=(across + (_SCALE if value_range else 0), rows * row), layout="none")
    for i, image in enumerate(pixels):
        left, bottom = (i % columns) * (cell + _GAP) + _GAP / 2, (rows - i // columns - 1) * row + 0.08
        ax = axes_in_inches(figure, left, bottom, cell, tall)
        drawn = ax.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        if correct is not None:
            exclude_from_fingerprint(drawn)  # which images a model gets wrong differs between processors
        ax.spines[:].set(visible=True, **FRAMES[marks[i]])
        ax.set(xticks=[], yticks=[])
        ax.set_title(headings[i], fontsize=9, pad=4)
    if value_range:
        scale = axes_in_inches(figure, across, 0.08, 0.12, rows * row - above - 0.08)
        figure.colorbar(ax.images[0], cax=scale, ticks=np.linspace(low, high, 3))
    colour = "greyscale" if pixels.ndim == 3 else "colour"
    size = f"{height} x {width} pixels from {format_number(low)} to {format_number(high)}"
    words = f"{format_count(n, f'{colour} {what}')}, {size}, in {format_count(rows, 'rows')}{_listed(titles)}"
    if correct is not None:
        words += f"; {sum(marks)} right (✓), {n - sum(marks)} wrong (✗)"
    return set_caption(figure, f"{words}.")


@styled()
def training_progress(
    history: Mapping[str, Sequence[float]], images: ArrayLike, titles: Sequence[str], *, correct: Sequence[bool]
) -> Figure:
    """Draw two metrics and, under them, a row of images with what the model says about them.

    Shapes:
        history: "batches" and two metrics, each a list of equal length.
        images: [N, H, W] or [N, 1, H, W] greyscale, 0 to 1. titles: N strings. correct: N truth values.
    """
    pixels, low, high = _pixels(images, None)
    cell = min((WIDTH - _GAP) / len(pixels) - _GAP, _LARGEST)
    curves, below, words = 1.75, 0.5, 0.42  # inches: the curves, their labels, two lines of title
    figure = new_figure(figsize=(WIDTH, 0.18 + curves + below + words + cell), layout="none")
    bottom = 0.08 + cell + words + below
    axes = [axes_in_inches(figure, left, bottom, WIDTH / 2 - 0.82, curves) for left in (0.62, WIDTH / 2 + 0.62)]
    metrics = [name for name in history if name != "batches"]
    for ax, metric in zip(axes, metrics, strict=True):
        draw_metric(ax, metric, history["batches"], {"": history[metric]}, xlabel="batches")
        ax.grid(axis="y")
    row = axes_in_inches(figure, 0, 0.08, WIDTH, cell + words)  # one Axes for all images: faster to draw
    row.set(xlim=(0, WIDTH), ylim=(0, cell + words))
    row.axis("off")
    for i, (image, title, right) in enumerate(zip(pixels, titles, correct, strict=True)):
        left = _GAP + i * (cell + _GAP)
        row.imshow(image, cmap="gray", vmin=low, vmax=high, extent=(left, left + cell, 0, cell), aspect="auto")
        row.add_patch(Rectangle((left, 0), cell, cell, fill=False, **FRAMES[bool(right)]))
        row.text(left + cell / 2, cell + 0.06, f"{SIGNS[bool(right)]}{title}", ha="center", va="bottom", fontsize=9)
    named = f"{format_count(len(pixels), 'images')}, {sum(map(bool, correct))} classified correctly."
    return set_caption(figure, f"{describe(axes)} {named}")


@styled()
def readings(read: Mapping[str, Any]) -> Figure:
    """Draw up to four readings side by side: what was drawn, the image that the network receives, its probabilities.

    Shapes:
        read: readings by name, such as `DigitPad.read` returns: drawn [H, W] and picture [28, 28], 0 (black)
            to 255 (white); probabilities [10].
    """
    n = len(read)
    column = WIDTH / max(n, 3)
    figure = new_figure(figsize=(column * n, 0.7 + column))
    grid = figure.add_gridspec(2, 2 * n)
    words = []
    for i, (name, reading) in enumerate(read.items()):
        pad, received = (figure.add_subplot(grid[0, 2 * i + half]) for half in range(2))
        for ax, image in ((pad, reading.drawn), (received, reading.picture)):
            ax.imshow(finite(image, name), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set(visible=True, edgecolor=GREY, linewidth=0.8)
        pad.set_title(name, loc="left", fontsize=9)
        p = finite(reading.probabilities, name)
        bars = figure.add_subplot(grid[1, 2 * i : 2 * i + 2])
        prepare_ticks(bars)
        mark_predicted(bars.bar(range(10), p, color=PALE))
        bars.set(xticks=range(10), ylim=(0, 1), yticks=[0, 0.5, 1], xlabel="digit")
        bars.tick_params(labelsize=8, labelleft=not i)
        if not i:
            bars.set_ylabel("probability", fontsize=9)
        words.append(f"{name}: read as {p.argmax()}")
    sentence = f"{format_count(n, 'drawings')}, the image of each that the network receives, and its ten probabilities"
    return set_caption(figure, f"{sentence}, the highest one dark and hatched. {'; '.join(words)}.")


def _wrapped(title: str, letters: int) -> str:
    """The title in lines of at most `letters`; 'Coat (true Shirt)' breaks before the bracket."""
    if len(title) > letters:
        title = title.replace(" (", "\n(")
    return "\n".join(textwrap.fill(line, letters, break_long_words=False) for line in title.splitlines())


def _pixels(images: ArrayLike, value_range: tuple[float, float] | None) -> tuple[np.ndarray, float, float]:
    """The images as [N, H, W] or [N, H, W, 3], and which values are black and white."""
    pixels = finite(images, "images")
    integers = pixels.dtype.kind in "iu"
    if pixels.ndim == 4 and pixels.shape[1] in (1, 3):
        pixels = pixels[:, 0] if pixels.shape[1] == 1 else pixels.transpose(0, 2, 3, 1)
    elif pixels.ndim != 3:
        remedy = "Add the batch with images.unsqueeze(0)." if pixels.ndim == 2 else "Reshape them, or select channels."
        raise ValueError(
            f"Expected images of shape [N, H, W], [N, 1, H, W] or [N, 3, H, W]: received {format_shape(pixels)}. "
            f"{remedy}"
        )
    pixels = pixels.astype(np.float64)
    low, high = value_range or (0, 255 if integers else 1)
    # Resizing may overshoot the limits slightly: draw that as black and white, and stop at anything more.
    slack = 1e-3 * (high - low)
    if value_range is None and (pixels.min() < low - slack or pixels.max() > high + slack):
        scale = "0 to 255 (integers)" if integers else "0 to 1 (floats)"
        raise ValueError(
            f"Expected pixels from {scale}: received {format_number(pixels.min())} to {format_number(pixels.max())}. "
            "Undo the normalisation, or say what is black and white with value_range=(black, white)."
        )
    pixels = pixels.clip(low, high)
    return (pixels - low) / (high - low) if pixels.ndim == 4 else pixels, low, high  # imshow limits no colours


def _listed(titles: list[str]) -> str:
    """The titles as a list; where that is long, how often each occurs; where that is long too, nothing."""
    if not any(titles):
        return ""
    words = join_words(titles)
    if len(titles) > 12 or len(words) > 200:
        words = join_words(f"{title} ({times})" for title, times in sorted(Counter(titles).items()))
    return f": {words}" if len(words) <= 200 else ""
