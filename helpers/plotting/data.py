"""What is in a data set: how many samples of each class, how it is split, and how its pixel values are distributed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.plotting.captions import set_caption
from helpers.plotting.style import AMBER, BLUE, GREY, ORANGE, PALE, PAPER, SKY, new_axes, styled, text_on
from helpers.plotting.values import finite, format_count, format_number, format_percent, one_each, vector

# Parts of a data set are told apart by colour and by hatching, in the order in which they are given.
_FILLS = ((BLUE, ""), (AMBER, "///"), (SKY, "..."), (GREY, "xx"))


@styled()
def class_bars(counts: Mapping[str, ArrayLike], class_names: Sequence[str]) -> Axes:
    """Draw how many images of each class up to four parts of a data set hold, for example training and validation.

    Shapes: `counts` maps the name of a part to [C] integers, for example `torch.bincount(labels, minlength=C)`.

    Raises: ValueError where counts and class names do not fit.
    """
    parts = {name: vector(values, name).astype(np.int64) for name, values in counts.items()}
    for values in parts.values():
        names = one_each(class_names, len(values), "name per class")
    (ax,) = new_axes(1, height=3.2, grid="y")
    width = 0.8 / len(parts)
    words = []
    for i, ((name, values), (color, hatch)) in enumerate(zip(parts.items(), _FILLS, strict=False)):
        left = np.arange(len(values)) - 0.4 + i * width
        ax.bar(left, values, width, align="edge", label=name, color=color, hatch=hatch, edgecolor=PAPER)
        total, least, most = format_count(int(values.sum()), "images"), values.argmin(), values.argmax()
        words.append(f"{name}: {total}, from {values[least]:,} ({names[least]}) to {values[most]:,} ({names[most]})")
    ax.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    ax.set(xlabel="class", ylabel="number of images")
    # Above the bars, which may fill the whole height.
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(parts))
    return set_caption(ax, f"{'; '.join(words)}.")


@styled()
def split_bar(sizes: Mapping[str, int]) -> Axes:
    """Draw up to four parts of a data set as one bar, each part as long as its fraction, with its name and size."""
    total = sum(sizes.values())
    (ax,) = new_axes(1, height=1.4)
    start = 0
    for (name, size), (color, hatch) in zip(sizes.items(), _FILLS, strict=False):
        ax.barh(0, size, left=start, height=0.8, color=color, edgecolor=PAPER, hatch=hatch, label=name)
        # A box of the bar's colour keeps the letters readable on the hatching.
        look = {"color": text_on(color), "fontsize": 9, "bbox": {"facecolor": color, "edgecolor": "none", "pad": 1.5}}
        ax.text(start + size / 2, 0, f"{name}\n{size:,}", ha="center", va="center", **look)
        start += size
    ax.set(xlim=(0, total), yticks=[], xlabel="number of images")
    ax.spines["left"].set_visible(False)
    words = ", ".join(f"{name} {size:,} ({format_percent(size / total)})" for name, size in sizes.items())
    return set_caption(ax, f"{format_count(total, 'images')}: {words}.")


@styled()
def value_histograms(values: Mapping[str, ArrayLike]) -> np.ndarray:
    """Draw how often each value occurs, one Axes per set of values over one common range; return the Axes.

    A dashed line marks the mean, a pale band one standard deviation on either side.

    Shapes: `values` maps a title to pixel values in any shape.
    """
    sets = {title: finite(pixels, title) for title, pixels in values.items()}
    axes = new_axes(len(sets), height=2.8, grid="y")
    _draw_histograms(axes, sets)
    axes[0].figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return axes


@styled()
def images_with_histograms(images: Mapping[str, ArrayLike], values: Mapping[str, ArrayLike]) -> np.ndarray:
    """Draw images and, to the right of them, histograms of sets of numbers; return the Axes.

    Shapes: `images` maps a title to [H, W] or [1, H, W], 0 (black) to 1 (white); `values` as in `value_histograms`.
    """
    grids = {title: finite(image, title).squeeze() for title, image in images.items()}
    sets = {title: finite(pixels, title) for title, pixels in values.items()}
    axes = new_axes(len(grids) + len(sets), height=2.4, widths=[1.0] * len(grids) + [1.35] * len(sets))
    for ax, (title, pixels) in zip(axes, grids.items(), strict=False):
        ax.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.set(title=title, xticks=[], yticks=[])
        set_caption(ax, f"A greyscale image, {title}, {pixels.shape[0]} x {pixels.shape[1]} pixels.")
    _draw_histograms(axes[len(grids) :], sets)
    return axes


def _draw_histograms(axes: np.ndarray, sets: Mapping[str, np.ndarray]) -> None:
    sets = {title: pixels.astype(np.float64).ravel() for title, pixels in sets.items()}
    low, high = min(map(np.min, sets.values())), max(map(np.max, sets.values()))
    margin = 0.03 * (high - low) or 0.5
    words = []
    for ax, (title, pixels) in zip(axes, sets.items(), strict=True):
        mean, std = pixels.mean(), pixels.std()
        ax.axvspan(mean - std, mean + std, color=PALE, alpha=0.5, label="1 standard deviation")
        ax.hist(pixels, bins=20, weights=np.full(pixels.size, 100 / pixels.size), color=BLUE)
        ax.axvline(mean, color=ORANGE, linestyle="--", label="mean")
        ax.set(title=title, xlabel="pixel value", xlim=(low - margin, high + margin))
        rounded = [format_number(round(float(value), 2)) for value in (pixels.min(), pixels.max(), mean, std)]
        words.append("{}: {} to {}, mean {}, standard deviation {}".format(title, *rounded))
    axes[0].set_ylabel("per cent of the values")
    top = max(ax.get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.set_ylim(0, top)  # one scale, or heights could not be compared by eye
    set_caption(axes[0], f"{'; '.join(words)}.")
