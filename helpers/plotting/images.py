"""Pictures side by side, with what they are called and whether that is right."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.plotting.captions import set_caption
from helpers.plotting.style import BLUE, GREY, ORANGE, WIDTH, new_figure, styled
from helpers.plotting.values import as_array, count, finite, listing, number, shape

RIGHT, WRONG = "✓", "✗"
FRAMES: dict[bool | None, dict[str, Any]] = {
    None: {"edgecolor": GREY, "linestyle": "-", "linewidth": 0.8},
    True: {"edgecolor": BLUE, "linestyle": "-", "linewidth": 2.5},
    False: {"edgecolor": ORANGE, "linestyle": (0, (3, 1.5)), "linewidth": 2.5},
}

_TITLE_SIZE = 9  # points
_LETTER = 0.072  # inches, the mean width of a letter of that size
_GAP = 0.14  # inches between two pictures
_LARGEST = 1.3  # inches; a picture of 28 x 28 pixels gains nothing by more


@styled()
def image_grid(
    images: Any,  # noqa: ANN401
    titles: Sequence[str] | None = None,
    *,
    correct: Sequence[bool] | None = None,
    columns: int | None = None,
    what: str = "pictures",
    value_range: tuple[float, float] | None = None,
) -> Figure:
    """Draw pictures in a grid, each with its title; right ones in a blue frame with ✓, wrong ones dashed orange with ✗.

    Shapes:
        images: [N, H, W] or [N, 1, H, W] grey, [N, 3, H, W] colour; 0 to 1 (floats, bool) or 0 to 255 (integers).
        titles: N texts. correct: N truth values, for example `pred == y`.
        value_range: what to draw as black and as white, for pictures on another scale (normalised ones, weights).

    Raises: ValueError or TypeError where shapes, numbers of pictures and titles, or pixel values do not fit.
    """
    pixels, low, high = _pixels(images, value_range)
    n, height, width = pixels.shape[:3]
    titles = _titles(titles, n)
    marks = _marks(correct, n)
    columns = _columns(columns, n, titles, marks)
    rows = math.ceil(n / columns)

    cell = min(_LARGEST, WIDTH / columns - _GAP)
    letters = max(int((cell + _GAP) / _LETTER) - (2 if marks else 0), 4)
    wrapped = [_wrapped(title, letters) for title in titles]
    lines = max((text.count("\n") + 1 for text in wrapped if text), default=1 if marks else 0)

    above = 0.05 + 0.16 * lines  # room for the title, in inches
    row = cell * height / width + above + 0.08
    figure = new_figure(figsize=(columns * (cell + _GAP), rows * row), layout="none")
    for i, image in enumerate(pixels):
        left, top = (i % columns) * (cell + _GAP) + _GAP / 2, (i // columns) * row + above
        box = (left, rows * row - top - cell * height / width, cell, cell * height / width)
        ax = figure.add_axes(tuple(np.divide(box, (*figure.get_size_inches(),) * 2)))
        _draw(ax, image, (low, high), wrapped[i], None if marks is None else marks[i])
    sentence = f"{_counted(pixels, what)}, {height} x {width} pixels from {number(low)} to {number(high)} "
    sentence += f"(mean {number(pixels.mean())}), in {count(rows, 'rows')}"
    sentence += _titles_in_words(titles) + _marks_in_words(marks) + "."
    return set_caption(figure, sentence)


def _wrapped(title: str, letters: int) -> str:
    """The title in lines of at most `letters`; 'Coat (true Shirt)' breaks before the bracket."""
    if len(title) > letters:
        title = title.replace(" (", "\n(")
    lines = [textwrap.fill(line, letters, break_long_words=False) for line in title.splitlines()]
    return "\n".join(lines)


def _draw(ax: Axes, image: np.ndarray, limits: tuple[float, float], title: str, right: bool | None) -> None:
    low, high = limits
    if image.ndim == 3:
        image = (image - low) / (high - low)  # imshow applies no limits to colour
    ax.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, **FRAMES[right])
    if right is not None:
        title = f"{RIGHT if right else WRONG} {title}".rstrip()
    ax.set_title(title, fontsize=_TITLE_SIZE, pad=4)


def _pixels(images: Any, value_range: tuple[float, float] | None) -> tuple[np.ndarray, float, float]:  # noqa: ANN401
    """The pictures as [N, H, W] or [N, H, W, 3], and what is black and what is white in them."""
    pixels = finite(images, "images")
    integers = pixels.dtype.kind in "iu"
    if pixels.ndim == 4 and pixels.shape[1] in (1, 3):
        pixels = pixels[:, 0] if pixels.shape[1] == 1 else pixels.transpose(0, 2, 3, 1)
    elif pixels.ndim != 3:
        remedy = "Add the batch with images.unsqueeze(0)." if pixels.ndim == 2 else "Reshape them, or choose channels."
        raise ValueError(
            f"Expected images of shape [N, H, W], [N, 1, H, W] or [N, 3, H, W]: received {shape(pixels)}. {remedy}"
        )
    pixels = pixels.astype(np.float64)
    low, high = value_range if value_range is not None else (0, 255 if integers else 1)
    if not low < high:
        raise ValueError(f"Expected value_range=(black, white), black below white: received {value_range}. Swap them.")
    # Resizing a picture may step a hair over the limits: draw that as black and white, and stop at anything more.
    slack = 1e-3 * (high - low)
    if value_range is None and (pixels.min() < low - slack or pixels.max() > high + slack):
        scale = "0 to 255 (integers)" if integers else "0 to 1 (floats)"
        raise ValueError(
            f"Expected pixels from {scale}: received {number(pixels.min())} to {number(pixels.max())}. "
            "Undo the normalisation, or say what is black and white with value_range=(black, white)."
        )
    return pixels.clip(low, high), low, high


def _titles(titles: Sequence[str] | None, n: int) -> list[str]:
    if titles is None:
        return [""] * n
    if isinstance(titles, str):
        raise TypeError(f"Expected a sequence of titles: received the text {titles!r}. Pass a list of texts.")
    titles = [str(title.item() if hasattr(title, "item") else title) for title in titles]  # labels do as well
    if len(titles) != n:
        raise ValueError(
            f"Expected one title per image: {count(n, 'images')}, {count(len(titles), 'titles')}. "
            f"Pass {count(n, 'titles')}, or none."
        )
    return titles


def _marks(correct: Sequence[bool] | None, n: int) -> list[bool] | None:
    if correct is None:
        return None
    marks = as_array(correct, "correct")
    if marks.shape != (n,):
        raise ValueError(
            f"Expected one truth value per image in correct: {count(n, 'images')}, shape {shape(marks)}. "
            f"Pass {n} of them, or none."
        )
    if not np.isin(marks, (0, 1)).all():
        raise ValueError("Expected truth values in correct: received other numbers. Pass a comparison, pred == y.")
    return [bool(mark) for mark in marks]


def _columns(columns: int | None, n: int, titles: list[str], marks: list[bool] | None) -> int:
    if columns is not None:
        if columns < 1:
            raise ValueError(f"Expected at least one column: received columns={columns}. Pass 1 or more, or none.")
        return min(columns, n)
    longest = max(len(line) for title in titles for line in title.splitlines() or [""]) + (2 if marks else 0)
    most = int(np.clip(WIDTH // (longest * _LETTER + _GAP), 4, 8))
    return math.ceil(n / math.ceil(n / most))  # as many rows as needed, filled as evenly as possible


def _counted(pixels: np.ndarray, what: str) -> str:
    return count(len(pixels), f"{'grey' if pixels.ndim == 3 else 'colour'} {what}")


def _titles_in_words(titles: list[str]) -> str:
    """The titles as a list; where that is long, how often each occurs; where that is long too, nothing."""
    if not any(titles):
        return ""
    short = listing(titles)
    if len(titles) > 12 or len(short) > 200:
        short = listing(f"{title} ({times})" for title, times in sorted(Counter(titles).items()))
    return f": {short}" if len(short) <= 200 else ""


def _marks_in_words(marks: list[bool] | None) -> str:
    if marks is None:
        return ""
    return f"; {sum(marks)} right ({RIGHT}), {len(marks) - sum(marks)} wrong ({WRONG})"
