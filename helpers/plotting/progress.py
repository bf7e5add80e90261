"""A classifier while it learns: how its numbers change, and what it says of a few pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from helpers.plotting.captions import describe, set_caption
from helpers.plotting.curves import learning_curves
from helpers.plotting.images import FRAMES, RIGHT, WRONG
from helpers.plotting.style import FONT, GREY, INK, WIDTH, new_figure, styled
from helpers.plotting.values import count, finite, shape

_CURVES, _LEFT, _RIGHT, _GAP = 1.75, 0.62, 0.2, 0.14  # inches: of the curves, beside them, between two pictures
_BELOW, _ABOVE = 0.5, 0.42  # inches: for the labels of the curves, for two lines of title
_LARGEST = 1.3  # inches; a picture of 28 x 28 pixels gains nothing by more


@styled()
def training_progress(
    history: Mapping[str, Sequence[float]],
    images: Any,  # noqa: ANN401
    titles: Sequence[str],
    *,
    correct: Sequence[bool],
    xlabel: str = "epochs",
) -> Figure:
    """Draw curves as `learning_curves` does and, under them, a row of pictures with what the model says of them.

    Shapes:
        images: [N, H, W] or [N, 1, H, W] grey, 0 to 1. titles: N texts. correct: N truth values.

    Raises: ValueError where there are not as many titles and truth values as pictures; as `learning_curves`.
    """
    pixels = finite(images, "images")
    pixels = pixels[:, 0] if pixels.ndim == 4 else pixels
    if pixels.ndim != 3:
        raise ValueError(f"Expected images of shape [N, H, W]: received {shape(pixels)}. Stack some pictures.")
    if not len(pixels) == len(titles) == len(correct):
        raise ValueError(
            f"Expected one title and one truth value per image: {count(len(pixels), 'images')}, "
            f"{count(len(titles), 'titles')}, {count(len(correct), 'truth values')}. Pass one for each."
        )
    n, cell = len(pixels), min((WIDTH - _GAP) / len(pixels) - _GAP, _LARGEST)
    height = 0.1 + _CURVES + _BELOW + _ABOVE + cell + 0.08
    figure = new_figure(figsize=(WIDTH, height), layout="none")
    wide = WIDTH / 2 - _LEFT - _RIGHT
    axes = []
    for left in (_LEFT, WIDTH / 2 + _LEFT):
        axes.append(figure.add_axes((left / WIDTH, 1 - (0.1 + _CURVES) / height, wide / WIDTH, _CURVES / height)))
        axes[-1].tick_params(color=GREY, labelcolor=INK, labelsize=9, labelfontfamily=FONT)
        axes[-1].grid(axis="y", color="#E3E3E3", linewidth=0.8)
    learning_curves(history, axes=axes)
    for ax in axes:
        ax.set_xlabel(xlabel)
    sentence = describe(axes).replace("epochs", xlabel)
    row = figure.add_axes((0, 0.08 / height, 1, (cell + _ABOVE) / height))
    row.set(xlim=(0, WIDTH), ylim=(0, cell + _ABOVE))
    row.axis("off")
    for i, (image, title, right) in enumerate(zip(pixels, titles, correct, strict=True)):
        left = _GAP + i * (cell + _GAP)
        row.imshow(image, cmap="gray", vmin=0, vmax=1, extent=(left, left + cell, 0, cell), aspect="auto")
        row.add_patch(Rectangle((left, 0), cell, cell, fill=False, **FRAMES[bool(right)]))
        words = f"{RIGHT if right else WRONG} {title}"
        row.text(left + cell / 2, cell + 0.06, words, ha="center", va="bottom", fontsize=9)
    return set_caption(figure, f"{sentence} {count(n, 'pictures')}, {sum(map(bool, correct))} named rightly.")
