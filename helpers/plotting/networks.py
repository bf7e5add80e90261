"""What happens inside a network: shapes from layer to layer, activations, and the numbers that layers output."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from helpers.plotting.captions import set_caption
from helpers.plotting.style import (
    BLUE,
    DIVERGING,
    GREY,
    INK,
    ORANGE,
    PALE,
    WIDTH,
    new_axes,
    prepare_ticks,
    styled,
    text_on,
)
from helpers.plotting.values import finite, format_count, format_number, format_range, join_words, vector

Steps = Iterable[tuple[str, Sequence[int]]]  # the input, then each layer, with the shape of the batch after it

# The diagram of shapes is laid out in inches: one row per tensor; the layer, the tensor, its shape, parameters.
_ROW = 0.5
_NAME_AT, _TENSOR_AT, _TENSOR_END, _SHAPE_AT = 0.22, 1.6, 4.3, 4.55
_SHEETS_SHOWN, _SHEET_STEP = 8, 0.05  # more channels than that would be a smear
# One scale for all diagrams, so that two can be compared: a tensor of this size has the full length.
_FULL_FEATURES, _FULL_PIXELS = 2048, 28

_MOST_BARS = 64


@styled()
def shape_flow(steps: Steps, *, parameters: Sequence[int] | None = None) -> Axes:
    """Draw the shape of a batch after every layer, from top to bottom, one sample of it as a strip or sheets.

    Features are a strip, as long as there are features; images are squares, one sheet per channel (at most 8). All
    diagrams have one scale, except those of larger tensors than 2,048 features or 28 pixels.

    Shapes:
        steps: (layer, shape after it) in order, the first one the input; each shape [N, features] or [N, C, H, W].
        parameters: how many parameters each step has, 0 for the input.

    Raises: ValueError where a shape has other dimensions.
    """
    steps = [(str(name), [int(size) for size in sizes]) for name, sizes in steps]
    if wrong := [f"{sizes} for {name}" for name, sizes in steps if len(sizes) not in (2, 4)]:
        raise ValueError(
            f"Expected shapes [N, features] or [N, C, H, W]: received {wrong[0]}. Pass a batch of such a shape."
        )
    (ax,) = new_axes(1, height=_ROW * (len(steps) + 1))
    longest = max([_FULL_FEATURES, *(sizes[1] for _, sizes in steps if len(sizes) == 2)])
    largest = max([_FULL_PIXELS, *(max(sizes[2:]) for _, sizes in steps if len(sizes) == 4)])
    header = {"fontsize": 9, "color": GREY, "va": "center"}
    for x, word in ((_NAME_AT, "layer"), (_TENSOR_AT, "one sample"), (_SHAPE_AT, "shape of the batch")):
        ax.text(x, 0, word, **header)
    if parameters is not None:
        ax.text(WIDTH, 0, "parameters", ha="right", **header)
    for row, (name, sizes) in enumerate(steps, start=1):
        y = -row * _ROW
        ax.text(_NAME_AT, y, name, va="center")
        if row > 1:
            ax.annotate("", (0.08, y), (0.08, y + _ROW - 0.1), arrowprops={"arrowstyle": "-|>", "color": GREY})
        if len(sizes) == 2:
            length = (_TENSOR_END - _TENSOR_AT) * sizes[1] / longest
            ax.add_patch(Rectangle((_TENSOR_AT, y - 0.07), length, 0.14, facecolor=BLUE, edgecolor=BLUE, linewidth=0.8))
        else:
            _draw_sheets(ax, y, sizes[1], sizes[2] / largest, sizes[3] / largest)
        ax.text(_SHAPE_AT, y, str(sizes), va="center", family="monospace", fontsize=9)
        if parameters is not None:
            ax.text(WIDTH, y, f"{int(parameters[row - 1]):,}", va="center", ha="right")
    ax.set(xlim=(0, WIDTH), ylim=(-_ROW * (len(steps) + 0.5), _ROW / 2), aspect="equal")
    ax.axis("off")
    total = "" if parameters is None else f"; {sum(map(int, parameters)):,} parameters"
    words = join_words(f"{name} {sizes}" for name, sizes in steps)
    return set_caption(ax, f"Shape after every layer: {words}{total}.")


def _draw_sheets(ax: Axes, y: float, channels: int, height: float, width: float) -> None:
    """A sheet per channel, each a little to the right of and below the one behind it."""
    shown, largest = min(channels, _SHEETS_SHOWN), _ROW - 0.2
    for sheet in range(shown):
        left, middle = _TENSOR_AT + sheet * _SHEET_STEP, y + ((shown - 1) / 2 - sheet) * _SHEET_STEP * 0.4
        corner, size = (left, middle - largest * height / 2), (largest * width, largest * height)
        ax.add_patch(Rectangle(corner, *size, facecolor=PALE, edgecolor=BLUE, linewidth=0.6))
    if channels > 1:
        ax.text(left + largest * width + 0.08, y, f"× {channels}", va="center", fontsize=9)


@styled()
def activation_curves(z: ArrayLike, outputs: Mapping[str, ArrayLike], slopes: Mapping[str, ArrayLike]) -> np.ndarray:
    """Draw each activation (solid) with its slope (dashed), one Axes each, side by side; return the Axes.

    Shapes: z: [N], the inputs. outputs, slopes: for the name of each activation [N] numbers.
    """
    z = vector(z, "z")
    curves = {name: (vector(outputs[name], name), vector(slopes[name], f"the slope of {name}")) for name in outputs}
    axes = new_axes(len(curves), height=2.5, sharey=True)
    for ax, (name, (output, slope)) in zip(axes, curves.items(), strict=True):
        ax.axhline(0, color=GREY, linewidth=0.8)
        ax.plot(z, output, color=BLUE, linestyle="-", label="output")
        ax.plot(z, slope, color=ORANGE, linestyle="--", label="slope")
        ax.set(title=name, xlabel="input z")
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        ranges = f"output {format_range(output)}, slope {format_range(slope)}"
        set_caption(ax, f"{name} for z from {format_range(z)}: {ranges}.")
    axes[0].set_ylabel("output, slope")
    axes[0].legend(loc="upper left")
    return axes


@styled()
def output_histograms(outputs: Mapping[str, Mapping[str, ArrayLike]]) -> np.ndarray:
    """Draw how the outputs of layers are distributed: a column per initialisation, a row per layer; return the Axes.

    The axis goes from -3 to 3; what lies beyond is counted in the outermost bars. Each histogram has its own height,
    and the standard deviation of its numbers above it.

    Shapes:
        outputs: for the name of each initialisation {name of the layer: numbers of any shape}, the same layers in each.
    """
    rows = list(next(iter(outputs.values())))
    limit = 3.0
    axes = new_axes(len(outputs), rows=len(rows), height=0.9 + 1.05 * len(rows)).reshape(len(rows), -1)
    words = []
    for column, (name, layers) in zip(axes.T, outputs.items(), strict=True):
        spreads = []
        for ax, (layer, values) in zip(column, layers.items(), strict=True):
            values = finite(values, f"{layer} of {name}").astype(np.float64).ravel()
            spreads.append(format_number(float(f"{values.std():.2g}")))
            counts, edges = np.histogram(values.clip(-limit, limit), bins=41, range=(-limit, limit))
            ax.stairs(counts, edges, fill=True, color=BLUE)  # one shape is drawn faster than 41 bars
            ax.set_title(f"{name}\nstd {spreads[-1]}" if ax is column[0] else f"std {spreads[-1]}", fontsize=9)
            ax.set(yticks=[], xlim=(-limit, limit))
            ax.tick_params(labelbottom=ax is column[-1])
        column[-1].set_xlabel("output")
        words.append(f"{name}: {join_words(spreads)}")
    for ax, layer in zip(axes[:, 0], rows, strict=True):
        ax.set_ylabel(f"{layer}\nfrequency", fontsize=9)
    set_caption(axes[0, 0], f"Standard deviation of the outputs of {join_words(rows)}. {'; '.join(words)}.")
    return axes


@styled()
def value_tables(tables: Mapping[str, ArrayLike]) -> np.ndarray:
    """Draw matrices (samples by features) side by side as tables of numbers, coloured on one scale; return the Axes.

    Shapes: tables: for each title a matrix [R, C], all of one shape.
    """
    matrices = {str(title): finite(values, str(title)).astype(np.float64) for title, values in tables.items()}
    rows, columns = next(iter(matrices.values())).shape
    axes = new_axes(len(matrices), height=0.8 + WIDTH / len(matrices) * min(rows / columns, 1.5))
    largest = max(abs(matrix).max() for matrix in matrices.values()) or 1.0
    for ax, (title, matrix) in zip(axes, matrices.items(), strict=True):
        image = ax.imshow(matrix, cmap=DIVERGING, vmin=-largest, vmax=largest)
        for (i, j), value in np.ndenumerate(matrix):
            look = {"fontsize": 9, "color": text_on(image.to_rgba(value))}
            ax.text(j, i, f"{_rounded(value):.1f}", ha="center", va="center", **look)
        ax.set(title=title, xlabel="feature", xticks=range(columns), yticks=range(rows))
        ax.tick_params(length=0)
        ax.spines[:].set(visible=True, color=INK, linewidth=0.8)
        set_caption(ax, f"{title[:1].upper() + title[1:]}: {_table_in_words(matrix)}.")
    axes[0].set_ylabel("sample")
    return axes


def _table_in_words(matrix: np.ndarray) -> str:
    words = f"{matrix.shape[0]} x {matrix.shape[1]} numbers"
    values = [format_number(value) for value in sorted({_rounded(value) for value in matrix.flat})]
    if len(values) <= 2:  # as dropout makes them: which numbers, not how many of each, since that is left to chance
        return f"{words}, each {' or '.join(values)}"
    return f"{words} from {values[0]} to {values[-1]}, mean {format_number(_rounded(matrix.mean()))}"


def _rounded(value: float) -> float:
    """Rounded to one decimal, and never -0: the sign of a rounding error differs between processors."""
    return round(float(value), 1) + 0.0


@styled()
def layer_values(
    steps: Steps, at: int, values: ArrayLike, *, parameters: Sequence[int], class_names: Sequence[str] | None = None
) -> np.ndarray:
    """Draw the list of a network's layers, one of them marked, and beside it the numbers that this one outputs.

    Up to 64 numbers are bars, more are laid in rows as an image; images are tiles. Returns the two Axes.

    Shapes:
        steps: (layer, shape after it) in order, the first one the input. at: index of the marked one.
        values: [F] or [C, H, W], one sample after that step.
        parameters: how many each step has, 0 for the input.
        class_names: F names for the bars; ignored where there are more or fewer numbers.
    """
    steps = [(str(name), [int(size) for size in sizes]) for name, sizes in steps]
    array = finite(values, "values").astype(np.float64)
    rows, ax = new_axes(2, height=max(3.2, 0.29 * (len(steps) + 1)), widths=[1.1, 1.0])
    _draw_layers(rows, steps, at, parameters)
    name, sizes = steps[at]
    if array.ndim == 1 and array.size <= _MOST_BARS:
        ax.axvline(0, color=GREY, linewidth=0.8)
        ax.barh(range(array.size), array, color=[BLUE if value >= 0 else ORANGE for value in array])
        ax.invert_yaxis()
        ax.set_xlabel("value")
        if class_names is not None and len(class_names) == array.size:
            ax.set_yticks(range(array.size), [str(name) for name in class_names])
    else:
        largest = abs(array).max() or 1.0
        tiles = _tiles(array if array.ndim == 3 else _in_rows(array)[None])
        image = ax.imshow(tiles, cmap=DIVERGING, vmin=-largest, vmax=largest, interpolation="nearest")
        prepare_ticks(ax.figure.colorbar(image, ax=ax, shrink=0.8).ax)
        ax.set(xticks=[], yticks=[])
    ax.set_title(name)
    before = f"from {steps[at - 1][1]} to {sizes}" if at else f"{sizes}"
    known = f", {format_count(int(parameters[at]), 'parameters')}" if at else ""
    set_caption(ax, f"Step {at} of {len(steps) - 1}, {name}: {before}{known}; numbers from {format_range(array)}.")
    return np.array([rows, ax])


def _draw_layers(ax: Axes, steps: list[tuple[str, list[int]]], at: int, parameters: Sequence[int]) -> None:
    ax.set(xlim=(0, 1), ylim=(len(steps) - 0.4, -1.4))
    ax.axis("off")
    for x, word, side in ((0.06, "layer", "left"), (0.42, "shape after it", "left"), (0.98, "parameters", "right")):
        ax.text(x, -1, word, ha=side, va="center", fontsize=9, color=GREY)
    ax.add_patch(Rectangle((0, at - 0.45), 1, 0.9, facecolor=PALE, edgecolor=BLUE, linewidth=0.8))
    for row, (name, sizes) in enumerate(steps):
        weight = "bold" if row == at else "normal"  # so that nobody needs the colour
        ax.text(0.06, row, name, va="center", fontsize=9, weight=weight)
        ax.text(0.42, row, str(sizes), va="center", fontsize=8.5, family="monospace")
        ax.text(0.98, row, f"{int(parameters[row]):,}", ha="right", va="center", fontsize=9)


def _in_rows(array: np.ndarray) -> np.ndarray:
    """Many numbers in rows that are about as many; where they do not fill a rectangle, it ends with gaps."""
    side = math.isqrt(array.size - 1) + 1
    width = next((n for n in range(side, 3 * side) if array.size % n == 0), side)
    return np.pad(array, (0, -array.size % width), constant_values=np.nan).reshape(-1, width)


def _tiles(images: np.ndarray) -> np.ndarray:
    """Images [C, H, W] beside and below each other, with a gap of one pixel, as one image."""
    columns = math.isqrt(len(images) - 1) + 1
    padded = np.pad(images, ((0, -len(images) % columns), (0, 1), (0, 1)), constant_values=np.nan)
    rows = [np.hstack(padded[i : i + columns]) for i in range(0, len(padded), columns)]
    return np.vstack(rows)[:-1, :-1]
