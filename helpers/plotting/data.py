"""What is in a data set: how many of each class, how it is split, and how its pixels are distributed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from helpers.plotting.captions import set_caption
from helpers.plotting.style import (
    AMBER,
    BLUE,
    GREY,
    ORANGE,
    PALE,
    SKY,
    axes_for,
    axes_or_new,
    ink,
    new_axes,
    styled,
    text_on,
)
from helpers.plotting.values import check_names, count, finite, number, percent, shape, vector

# Parts of a data set are told apart by colour and by hatching, in the order in which they are given.
_FILLS = ((BLUE, ""), (AMBER, "///"), (SKY, "..."), (GREY, "xx"))


@styled()
def class_bars(
    counts: Mapping[str, Any],
    class_names: Sequence[str],
    *,
    what: str = "pictures",
    ax: Axes | None = None,
) -> Axes:
    """Draw how many examples of each class every part of a data set holds, for example training and validation.

    Shapes: `counts` maps the name of a part to [C] whole numbers, for example `torch.bincount(labels, minlength=C)`.

    Raises: ValueError where there is no part or too many, or where counts or class names do not fit.
    """
    parts = {name: _counts(values, name) for name, values in counts.items()}
    _check_number_of_parts(parts)
    names = check_names(class_names, len(next(iter(parts.values()))), "one name per class")
    for name, values in parts.items():
        check_names(names, len(values), f"as many classes in every part, as in {name}")

    ax = axes_or_new(ax, height=3.2, grid="y")
    width = 0.8 / len(parts)
    for i, (name, values) in enumerate(parts.items()):
        left = np.arange(len(values)) - 0.4 + i * width
        color, hatch = _FILLS[i]
        ax.bar(left, values, width, align="edge", label=name, color=color, hatch=hatch, edgecolor="white")
    ax.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    ax.set(xlabel="class", ylabel=f"number of {what}")
    if len(parts) > 1:
        # Above the bars, which may fill the whole height.
        ax.legend(labelcolor=ink(ax), loc="lower left", bbox_to_anchor=(0, 1), ncols=len(parts))
    words = "; ".join(f"{name}: {_balance(values, names, what)}" for name, values in parts.items())
    return set_caption(ax, f"{words}.")


@styled()
def split_bar(sizes: Mapping[str, int], *, what: str = "pictures", ax: Axes | None = None) -> Axes:
    """Draw the parts of a data set as one bar, each as long as its share, with its name and size.

    Raises: ValueError where there is no part or too many, or where a size is not a whole number above 0.
    """
    parts = {name: int(_counts([size], name)[0]) for name, size in sizes.items()}
    _check_number_of_parts(parts)
    total = sum(parts.values())

    ax = axes_or_new(ax, height=1.4)
    start = 0
    for (name, size), (color, hatch) in zip(parts.items(), _FILLS, strict=False):
        ax.barh(0, size, left=start, height=0.8, color=color, edgecolor="white", hatch=hatch, label=name)
        # A box of the bar's colour keeps the letters readable on the hatching.
        box = {"facecolor": color, "edgecolor": "none", "pad": 1.5}
        middle = start + size / 2
        ax.text(middle, 0, f"{name}\n{size:,}", ha="center", va="center", color=text_on(color), fontsize=9, bbox=box)
        start += size
    ax.set(xlim=(0, total), yticks=[], xlabel=f"number of {what}")
    ax.spines["left"].set_visible(False)
    words = ", ".join(f"{name} {size:,} ({percent(size / total)})" for name, size in parts.items())
    return set_caption(ax, f"{count(total, what)}: {words}.")


@styled()
def value_histograms(
    values: Mapping[str, Any],
    *,
    bins: int = 20,
    xlabel: str = "pixel value",
    axes: Iterable[Axes] | None = None,
) -> np.ndarray:
    """Draw how often each value occurs, one Axes a set of values over one common range, with mean and spread marked.

    A dashed line marks the mean, a pale band one standard deviation on either side. Returns an array of the Axes.

    Shapes: `values` maps a title to numbers of any shape; `bins` divides the range of each set by itself.

    Raises: ValueError where there is nothing to draw, a number is not finite, or the Axes do not fit.
    """
    sets = {title: finite(numbers, title).astype(np.float64).ravel() for title, numbers in values.items()}
    if not sets:
        raise ValueError("Expected at least one set of values: received none. Pass {'before': pixels}.")
    axes = axes_for(sets, axes, each="set of values", height=2.8, grid="y")
    low, high = min(map(np.min, sets.values())), max(map(np.max, sets.values()))
    margin = 0.03 * (high - low) or 0.5
    words = []
    for ax, (title, numbers) in zip(axes, sets.items(), strict=True):
        mean, std = numbers.mean(), numbers.std()
        ax.axvspan(mean - std, mean + std, color=PALE, alpha=0.5, label="1 standard deviation")
        ax.hist(numbers, bins=bins, weights=np.full(numbers.size, 100 / numbers.size), color=BLUE)
        ax.axvline(mean, color=ORANGE, linestyle="--", label="mean")
        ax.set(title=title, xlabel=xlabel, xlim=(low - margin, high + margin))
        low_here, high_here = (_two_decimals(end) for end in (numbers.min(), numbers.max()))
        words.append(
            f"{title}: {low_here} to {high_here}, mean {_two_decimals(mean)}, standard deviation {_two_decimals(std)}"
        )
    axes[0].set_ylabel("per cent of the values")
    top = max(ax.get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.set_ylim(0, top)  # one scale, or heights could not be compared by eye
    axes[-1].legend(labelcolor=ink(axes[-1]), loc="upper right")
    set_caption(axes[0], f"{'; '.join(words)}.")
    return axes


@styled()
def pictures_with_histograms(pictures: Mapping[str, Any], values: Mapping[str, Any], *, bins: int = 20) -> np.ndarray:
    """Draw pictures and, to the right of them, how often each value occurs in sets of numbers; return the Axes.

    Shapes: `pictures` maps a title to [H, W] or [1, H, W], 0 (black) to 1 (white); `values` as in `value_histograms`.

    Raises: ValueError where a picture has another shape or a set is empty; as `value_histograms`.
    """
    grids = {title: finite(picture, title).squeeze() for title, picture in pictures.items()}
    for title, grid in grids.items():
        if grid.ndim != 2:
            raise ValueError(
                f"Expected {title} of shape [H, W] or [1, H, W]: received {shape(grid)}. Choose a channel."
            )
    widths = [1.0] * len(grids) + [1.35] * len(values)
    axes = new_axes(len(widths), height=2.4, widths=widths)
    for ax, (title, grid) in zip(axes, grids.items(), strict=False):
        ax.imshow(grid, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.set(title=title, xticks=[], yticks=[])
        set_caption(ax, f"A grey picture, {title}, {grid.shape[0]} x {grid.shape[1]} pixels.")
    value_histograms(values, bins=bins, axes=axes[len(grids) :])
    axes[-1].get_legend().remove()  # no room: the sentence says mean and standard deviation
    return axes


def _counts(values: Any, name: str) -> np.ndarray:  # noqa: ANN401
    counts = vector(values, f"the counts of {name}")
    if (counts < 0).any() or (counts != np.round(counts)).any() or not counts.any():
        raise ValueError(
            f"Expected whole numbers, one of them above 0, as the counts of {name}: received "
            f"{number(counts.min())} to {number(counts.max())} in shape {shape(counts)}. Count with torch.bincount."
        )
    return counts.astype(np.int64)


def _check_number_of_parts(parts: Mapping[str, Any]) -> None:
    if not 1 <= len(parts) <= len(_FILLS):
        raise ValueError(f"Expected 1 to {len(_FILLS)} parts: received {len(parts)}. Pass {{'training': ...}}.")


def _balance(counts: np.ndarray, names: list[str], what: str) -> str:
    total, least, most = count(int(counts.sum()), what), counts.argmin(), counts.argmax()
    if counts[least] == counts[most]:
        return f"{total}, {counts[0]:,} of each of {len(names)} classes"
    return f"{total}, from {counts[least]:,} ({names[least]}) to {counts[most]:,} ({names[most]})"


def _two_decimals(value: float) -> str:
    return number(round(float(value), 2))
