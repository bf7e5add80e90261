"""What happens inside a network: shapes from layer to layer, activations, and the numbers that layers give."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from helpers.plotting.captions import set_caption
from helpers.plotting.style import (
    BLUE,
    DIVERGING,
    GREY,
    INK,
    ORANGE,
    PALE,
    WIDTH,
    axes_for,
    axes_or_new,
    new_axes,
    styled,
    text_on,
)
from helpers.plotting.values import count, finite, listing, number, shape, span, vector

# The diagram of shapes is laid out in inches: a row a tensor, the layer left, the tensor in the middle, words right.
_ROW = 0.5
_NAME_AT, _TENSOR_AT, _TENSOR_END, _SHAPE_AT, _PARAMETERS_END = 0.22, 1.6, 4.3, 4.55, WIDTH
_SHEETS_SHOWN = 8  # more channels than that are drawn as that many, or they become a smear
_SHEET_STEP = 0.05

_MOST_BARS = 64


@styled()
def shape_flow(
    steps: Iterable[tuple[str, Sequence[int]]],
    *,
    parameters: Sequence[int] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the shape of a batch after every layer, from top to bottom, one example of it as strip or sheets.

    Rows of numbers are strips, as long as they have numbers; pictures are squares, one sheet a channel (at most 8).

    Shapes:
        steps: (layer, shape after it) in order, the first one the input; each shape [N, features] or [N, C, H, W].
        parameters: how many parameters each step has, 0 for the input.

    Raises: ValueError where there are fewer than two steps, a shape has other dimensions, or counts do not fit.
    """
    steps = [(str(name), tuple(int(size) for size in sizes)) for name, sizes in steps]
    _check_steps(steps, parameters)

    ax = axes_or_new(ax, height=_ROW * (len(steps) + 1))
    longest = max((sizes[1] for _, sizes in steps if len(sizes) == 2), default=1)
    largest = max((max(sizes[2:]) for _, sizes in steps if len(sizes) == 4), default=1)
    _header(ax, parameters is not None)
    for row, (name, sizes) in enumerate(steps, start=1):
        y = -row * _ROW
        ax.text(_NAME_AT, y, name, va="center")
        if row > 1:
            ax.annotate("", (0.08, y), (0.08, y + _ROW - 0.1), arrowprops={"arrowstyle": "-|>", "color": GREY})
        if len(sizes) == 2:
            _strip(ax, y, sizes[1] / longest)
        else:
            _sheets(ax, y, sizes[1], sizes[2] / largest, sizes[3] / largest)
        ax.text(_SHAPE_AT, y, str(list(sizes)), va="center", family="monospace", fontsize=9)
        if parameters is not None:
            ax.text(_PARAMETERS_END, y, f"{int(parameters[row - 1]):,}", va="center", ha="right")
    ax.set(xlim=(0, WIDTH), ylim=(-_ROW * (len(steps) + 0.5), _ROW / 2), aspect="equal")
    ax.axis("off")
    return set_caption(ax, _steps_in_words(steps, parameters))


@styled()
def activation_curves(
    z: Any,  # noqa: ANN401
    outputs: Mapping[str, Any],
    slopes: Mapping[str, Any],
    *,
    axes: Iterable[Axes] | None = None,
) -> np.ndarray:
    """Draw each activation (solid) with its slope (dashed), one Axes each, side by side; return the Axes.

    Shapes:
        z: [N], the inputs. outputs, slopes: for each activation's name [N] numbers.

    Raises: ValueError where names or lengths differ, or the Axes are not one per activation.
    """
    z = vector(z, "z")
    if not outputs or list(outputs) != list(slopes):
        raise ValueError(
            f"Expected outputs and slopes of the same activations: received {listing(outputs) or 'none'} and "
            f"{listing(slopes) or 'none'}. Compute both from one list of activations."
        )
    axes = axes_for(outputs, axes, each="activation", height=2.5, sharey=True)
    for ax, name in zip(axes, outputs, strict=True):
        output, slope = (_as_long_as(z, part[name], name) for part in (outputs, slopes))
        ax.axhline(0, color=GREY, linewidth=0.8)
        ax.plot(z, output, color=BLUE, linestyle="-", label="output")
        ax.plot(z, slope, color=ORANGE, linestyle="--", label="slope")
        ax.set(title=name, xlabel="input z")
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        set_caption(ax, f"{name} for z from {span(z)}: output {span(output)}, slope {span(slope)}.")
    axes[0].set_ylabel("output, slope")
    axes[0].legend(loc="upper left")
    return axes


@styled()
def output_histograms(
    outputs: Mapping[str, Mapping[str, Any]], *, limit: float = 3.0, axes: np.ndarray | None = None
) -> np.ndarray:
    """Draw how the outputs of layers are distributed: a column an initialisation, a row a layer; return the Axes.

    The axis goes from -`limit` to `limit`; what lies beyond is counted in the outermost bars. Each histogram says
    the standard deviation of its numbers.

    Shapes:
        outputs: for each initialisation's name {layer's name: numbers of any shape}, the same layers in each.
        axes: [layers, initialisations].

    Raises: ValueError where layers differ, there is none, the limit is not above 0, or the Axes do not fit.
    """
    rows = list(next(iter(outputs.values()), ()))
    if not rows or any(list(layers) != rows for layers in outputs.values()):
        raise ValueError(
            "Expected the same layers, at least one, for every initialisation: received "
            f"{'; '.join(f'{name}: {listing(layers)}' for name, layers in outputs.items()) or 'none'}. "
            "Collect the outputs of every network in the same way."
        )
    if not limit > 0:
        raise ValueError(f"Expected a limit above 0: received {limit}. Pass the largest number to draw.")
    axes = _grid_of_axes(axes, len(rows), len(outputs))
    words = []
    for column, (name, layers) in zip(axes.T, outputs.items(), strict=True):
        spreads = []
        for ax, (row, values) in zip(column, layers.items(), strict=True):
            values = finite(values, f"{row} of {name}").astype(np.float64).ravel()
            spreads.append(number(float(f"{values.std():.2g}")))
            counts, edges = np.histogram(values.clip(-limit, limit), bins=41, range=(-limit, limit))
            ax.stairs(counts, edges, fill=True, color=BLUE)  # one shape is drawn faster than 41 bars
            ax.set_title(f"{name}\nstd {spreads[-1]}" if ax is column[0] else f"std {spreads[-1]}", fontsize=9)
            ax.set(yticks=[], xlim=(-limit, limit))
            if ax is column[-1]:
                ax.set_xlabel("output")
            else:
                ax.tick_params(labelbottom=False)
        words.append(f"{name}: {listing(spreads)}")
    for ax, row in zip(axes[:, 0], rows, strict=True):
        ax.set_ylabel(row)
    set_caption(axes[0, 0], f"Standard deviation of the outputs of {listing(rows)}. {'; '.join(words)}.")
    return axes


@styled()
def value_tables(
    tables: Mapping[str, Any],
    *,
    digits: int = 1,
    xlabel: str = "feature",
    ylabel: str = "example",
    axes: Iterable[Axes] | None = None,
) -> np.ndarray:
    """Draw matrices side by side as tables of numbers, coloured on one scale; return the Axes.

    Shapes:
        tables: for each title a matrix [R, C], all of one shape.

    Raises: ValueError where there is none, shapes differ, or the Axes are not one per table.
    """
    matrices = {str(title): finite(values, str(title)).astype(np.float64) for title, values in tables.items()}
    shapes = {matrix.shape for matrix in matrices.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        received = ", ".join(f"{title} {shape(matrix)}" for title, matrix in matrices.items()) or "none"
        raise ValueError(f"Expected matrices of one shape [R, C]: received {received}. Pass one example per row.")
    rows, columns = shapes.pop()
    height = 0.8 + WIDTH / len(matrices) * min(rows / columns, 1.5)
    axes = axes_for(matrices, axes, each="matrix", height=height)
    largest = max(abs(matrix).max() for matrix in matrices.values()) or 1.0
    for ax, (title, matrix) in zip(axes, matrices.items(), strict=True):
        _table(ax, matrix, largest, digits)
        ax.set(title=title, xlabel=xlabel)
        set_caption(ax, f"{title[:1].upper() + title[1:]}: {_table_in_words(matrix, digits)}.")
    axes[0].set_ylabel(ylabel)
    return axes


@styled()
def layer_values(
    steps: Iterable[tuple[str, Sequence[int]]],
    at: int,
    values: Any,  # noqa: ANN401
    *,
    parameters: Sequence[int],
    class_names: Sequence[str] | None = None,
) -> np.ndarray:
    """Draw the list of a network's layers, one of them marked, and beside it the numbers that come out of that one.

    Up to 64 numbers are bars, more are laid in rows as an image; pictures are tiles. Returns the two Axes.

    Shapes:
        steps: (layer, shape after it) in order, the first one the input. at: which of them is marked.
        values: [F] or [C, H, W], one example after that step.
        parameters: how many each step has, 0 for the input.
        class_names: F names for the bars; ignored where there are more or fewer numbers.

    Raises: ValueError where `at` is no step, counts do not fit, or the values have another shape.
    """
    steps = [(str(name), [int(size) for size in sizes]) for name, sizes in steps]
    array = finite(values, "values").astype(np.float64)
    if not 0 <= at < len(steps) or len(parameters) != len(steps):
        raise ValueError(
            f"Expected a step from 0 to {len(steps) - 1}, and parameters of {len(steps)} steps: received step {at}, "
            f"{len(parameters)} numbers. Count the input as step 0."
        )
    if array.ndim not in (1, 3):
        raise ValueError(f"Expected values [F] or [C, H, W]: received {shape(array)}. Take one example of the batch.")
    rows, ax = new_axes(2, height=max(3.2, 0.29 * (len(steps) + 1)), widths=[1.1, 1.0])
    _list_of_layers(rows, steps, at, parameters)
    (name, sizes), largest = steps[at], abs(array).max() or 1.0
    if array.ndim == 1 and array.size <= _MOST_BARS:
        _bars(ax, array, class_names)
    else:
        tiles = _tiles(array if array.ndim == 3 else _in_rows(array)[None])
        picture = ax.imshow(tiles, cmap=DIVERGING, vmin=-largest, vmax=largest, interpolation="nearest")
        ax.figure.colorbar(picture, ax=ax, shrink=0.8)
        ax.set(xticks=[], yticks=[])
    ax.set_title(name)
    before = f"from {steps[at - 1][1]} to {sizes}" if at else f"{sizes}"
    known = f", {count(int(parameters[at]), 'parameters')}" if at else ""
    set_caption(ax, f"Step {at} of {len(steps) - 1}, {name}: {before}{known}; numbers from {span(array)}.")
    return np.array([rows, ax])


def _list_of_layers(ax: Axes, steps: list[tuple[str, list[int]]], at: int, parameters: Sequence[int]) -> None:
    ax.set(xlim=(0, 1), ylim=(len(steps) - 0.4, -1.4))
    ax.axis("off")
    for x, word, side in ((0.06, "layer", "left"), (0.42, "shape after it", "left"), (0.98, "parameters", "right")):
        ax.text(x, -1, word, ha=side, va="center", fontsize=9, color=GREY)
    ax.add_patch(Rectangle((0, at - 0.45), 1, 0.9, facecolor=PALE, edgecolor=BLUE, linewidth=0.8))
    for row, (name, sizes) in enumerate(steps):
        weight = "bold" if row == at else "normal"  # said twice, so that nobody needs the colour
        ax.text(0.06, row, name, va="center", fontsize=9, weight=weight)
        ax.text(0.42, row, str(sizes), va="center", fontsize=8.5, family="monospace")
        ax.text(0.98, row, f"{int(parameters[row]):,}", ha="right", va="center", fontsize=9)


def _bars(ax: Axes, array: np.ndarray, class_names: Sequence[str] | None) -> None:
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.barh(range(array.size), array, color=[BLUE if value >= 0 else ORANGE for value in array])
    ax.invert_yaxis()
    ax.set_xlabel("value")
    if class_names is not None and len(class_names) == array.size:
        ax.set_yticks(range(array.size), [str(name) for name in class_names])


def _in_rows(array: np.ndarray) -> np.ndarray:
    """Many numbers as rows of about as many; where they do not fill a rectangle, it ends with gaps."""
    side = math.isqrt(array.size - 1) + 1
    width = next((n for n in range(side, 3 * side) if array.size % n == 0), side)
    padded = np.full(-(-array.size // width) * width, np.nan)
    padded[: array.size] = array
    return padded.reshape(-1, width)


def _tiles(pictures: np.ndarray) -> np.ndarray:
    """Pictures [C, H, W] beside and below each other, with a gap of one pixel, as one picture."""
    n, height, width = pictures.shape
    columns = math.isqrt(n - 1) + 1
    tiles = np.full((-(-n // columns) * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for i, picture in enumerate(pictures):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        tiles[top : top + height, left : left + width] = picture
    return tiles


def _check_steps(steps: list[tuple[str, tuple[int, ...]]], parameters: Sequence[int] | None) -> None:
    if len(steps) < 2:
        raise ValueError(f"Expected the input and at least one layer: received {count(len(steps), 'steps')}. Add them.")
    for name, sizes in steps:
        if len(sizes) not in (2, 4):
            raise ValueError(
                f"Expected shapes [N, features] or [N, C, H, W]: received {list(sizes)} for {name}. "
                "Give the network a batch of such a shape."
            )
    if parameters is not None and len(parameters) != len(steps):
        raise ValueError(
            f"Expected one number of parameters per step: {count(len(steps), 'steps')}, {len(parameters)} numbers. "
            "The input is a step too, with 0."
        )


def _header(ax: Axes, parameters: bool) -> None:
    words = {"fontsize": 9, "color": GREY, "va": "center"}
    ax.text(_NAME_AT, 0, "layer", **words)
    ax.text(_TENSOR_AT, 0, "one example", **words)
    ax.text(_SHAPE_AT, 0, "shape of the batch", **words)
    if parameters:
        ax.text(_PARAMETERS_END, 0, "parameters", ha="right", **words)


def _strip(ax: Axes, y: float, length: float) -> None:
    width = (_TENSOR_END - _TENSOR_AT) * length
    ax.add_patch(Rectangle((_TENSOR_AT, y - 0.07), width, 0.14, facecolor=BLUE, edgecolor=BLUE, linewidth=0.8))


def _sheets(ax: Axes, y: float, channels: int, height: float, width: float) -> None:
    shown, largest = min(channels, _SHEETS_SHOWN), _ROW - 0.2
    for sheet in range(shown):  # each a little to the right of and below the one behind it
        left, middle = _TENSOR_AT + sheet * _SHEET_STEP, y + ((shown - 1) / 2 - sheet) * _SHEET_STEP * 0.4
        corner, size = (left, middle - largest * height / 2), (largest * width, largest * height)
        ax.add_patch(Rectangle(corner, *size, facecolor=PALE, edgecolor=BLUE, linewidth=0.6))
    if channels > 1:
        ax.text(left + largest * width + 0.08, y, f"× {channels}", va="center", fontsize=9)


def _steps_in_words(steps: list[tuple[str, tuple[int, ...]]], parameters: Sequence[int] | None) -> str:
    words = listing(f"{name} {list(sizes)}" for name, sizes in steps)
    total = "" if parameters is None else f"; {sum(map(int, parameters)):,} parameters"
    return f"Shape after every layer: {words}{total}."


def _grid_of_axes(axes: np.ndarray | None, rows: int, columns: int) -> np.ndarray:
    if axes is None:
        axes = new_axes(columns, rows=rows, height=0.9 + 1.05 * rows).reshape(rows, columns)
    if np.shape(axes) != (rows, columns):
        raise ValueError(
            f"Expected Axes of shape [{rows}, {columns}]: received {list(np.shape(axes))}. "
            f"Pass plt.subplots({rows}, {columns}, squeeze=False)[1], or none."
        )
    return axes


def _as_long_as(z: np.ndarray, values: Any, name: str) -> np.ndarray:  # noqa: ANN401
    values = vector(values, name)
    if len(values) != len(z):
        raise ValueError(
            f"Expected one number per input: {len(z)} in z, {len(values)} for {name}. Compute them from the same z."
        )
    return values


def _table(ax: Axes, matrix: np.ndarray, largest: float, digits: int) -> None:
    cmap = mpl.colormaps[DIVERGING]
    ax.imshow(matrix, cmap=cmap, vmin=-largest, vmax=largest, aspect="equal")
    for (i, j), value in np.ndenumerate(matrix):
        color = text_on(cmap((value / largest + 1) / 2))
        ax.text(j, i, f"{_rounded(value, digits):.{digits}f}", ha="center", va="center", fontsize=9, color=color)
    rows, columns = matrix.shape
    ax.set(xticks=range(columns), yticks=range(rows))
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set(visible=True, color=INK, linewidth=0.8)


def _table_in_words(matrix: np.ndarray, digits: int) -> str:
    words = f"{matrix.shape[0]} x {matrix.shape[1]} numbers"
    values = [number(value) for value in sorted({_rounded(value, digits) for value in matrix.flat})]
    if len(values) == 1:
        return f"{words}, all {values[0]}"
    if len(values) == 2:  # as dropout makes them: which numbers, not how many of each, since that is left to chance
        return f"{words}, each {values[0]} or {values[1]}"
    return f"{words} from {values[0]} to {values[-1]}, mean {number(_rounded(matrix.mean(), digits))}"


def _rounded(value: float, digits: int) -> float:
    """Rounded, and never -0: the sign of a number that is zero but for rounding differs between processors."""
    rounded = round(float(value), digits)
    return 0.0 if math.isclose(rounded, 0) else rounded
