"""Tensors as grids of cells: what rank means, and which cells an operation takes, joins or stretches.

Nothing is computed here: a cell is coloured by where its number was before, found in the result that is passed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from helpers.plotting.captions import set_caption
from helpers.plotting.style import AMBER, BLUE, GREY, ORANGE, PAPER, SKY, WIDTH, new_axes, new_figure, styled, text_on
from helpers.plotting.values import (
    as_array,
    finite,
    format_count,
    format_number,
    format_range,
    format_shape,
    join_words,
)

Look = dict[str, Any]  # how a cell is drawn: keywords of a Rectangle

_CELL = 0.29  # inches; room for three digits
_ACROSS = WIDTH / _CELL  # cells
_LETTER = 0.28  # cells, the width of one letter of a title
_MOST = 8  # cells along one side: nobody reads more
_MOST_LISTED = 24  # numbers in a sentence
_SHEET_GAP = 0.8  # cells between two sheets of one tensor
_TITLE = {"ha": "center", "va": "center", "family": "monospace", "fontsize": 9.5}

# Hatching backs up every colour, so that nobody needs the colour.
_PARTS: tuple[Look, ...] = (
    {"facecolor": SKY},
    {"facecolor": "#F3C65F", "hatch": "....", "edgecolor": AMBER},
    {"facecolor": PAPER, "hatch": "----", "edgecolor": GREY},
)
_PLAIN: Look = {"facecolor": PAPER}
_TAKEN: Look = {"facecolor": BLUE}
_REFUSED: Look = {"facecolor": ORANGE}
_STRETCHED: Look = {"facecolor": PAPER, "hatch": "////", "edgecolor": "#CCCCCC"}


@styled()
def ranks(tensors: Mapping[str, ArrayLike]) -> Figure:
    """Draw tensors of rank 1 to 4 beside each other, each as what such a tensor commonly holds.

    Shapes:
        tensors: name and tensor. [T] a curve, [H, W] a greyscale image, [3, H, W] a colour image, [N, 1, H, W] or
            [N, 3, H, W] a batch of images, number 0 in front; pixels from 0 to 1.
    """
    arrays = {name: finite(tensor, name) for name, tensor in tensors.items()}
    axes = new_axes(len(arrays), height=2.3)
    words = []
    for ax, (name, array) in zip(axes, arrays.items(), strict=True):
        if array.ndim == 1:
            ax.plot(array, color=BLUE, linewidth=1)
            ax.set(xlabel="time step", ylabel="amplitude", box_aspect=1)
        else:
            _draw_batch(ax, array)
        ax.set_title(f"{name}\n{array.ndim}-D {format_shape(array)}", fontsize=9)
        words.append(f"{name}, {array.ndim}-D of shape {format_shape(array)} ({format_range(array)})")
    return set_caption(axes[0].figure, f"{format_count(len(arrays), 'tensors')} beside each other: {'; '.join(words)}.")


def _draw_batch(ax: Axes, array: np.ndarray) -> None:
    """An image, or a batch of them like a hand of cards, with the axes of the one in front."""
    height, width = array.shape[-2:]
    images = array if array.ndim == 4 else array.reshape(1, -1, height, width)
    step = 0.12 * np.array([width, -height])  # right and up: image coordinates grow downwards
    for i in reversed(range(len(images))):
        right, down = i * step
        pixels = images[i].transpose(1, 2, 0) if images.shape[1] == 3 else images[i, 0]
        box = (right, right + width, down + height, down)
        ax.imshow(pixels, cmap="gray", vmin=0, vmax=1, extent=box, interpolation="nearest")
        ax.add_patch(Rectangle((right, down), width, height, fill=False, edgecolor=PAPER, linewidth=1.2))
    right, up = (len(images) - 1) * step
    ax.set(xlim=(0, width + right), ylim=(height, up), xlabel="width", ylabel="height")
    ax.set(xticks=[0, width], yticks=[0, height], box_aspect=1, aspect="auto")
    if len(images) > 1:
        ax.spines[["left", "bottom"]].set_visible(False)


@styled()
def selections(x: ArrayLike, results: Mapping[str, ArrayLike]) -> Figure:
    """Draw a tensor once per index expression, the cells that the expression took in blue.

    Shapes:
        x: [H, W] up to 8 x 8, no number twice, so that a result shows where it came from.
        results: the expression as text, and its result: `{"x[0]": x[0]}`.

    Raises: ValueError for another shape, a number that is twice in `x`, or one in a result that is not in `x`.
    """
    grid = _grid(x, "x")
    taken = {text: finite(result, text) for text, result in results.items()}
    _check_origin(taken, grid)
    looks = {text: dict.fromkeys(result.flat, _TAKEN) for text, result in taken.items()}
    figure = _draw_in_rows([_Drawing(text, result, [grid], looks[text]) for text, result in taken.items()])
    words = (f"{text} takes {_elements(result)}, shape {format_shape(result)}" for text, result in taken.items())
    shape = format_shape(grid)
    return set_caption(figure, f"A tensor of shape {shape}, the elements taken in blue: {'; '.join(words)}.")


@styled()
def indexing(x: ArrayLike, text: str, result: ArrayLike) -> Figure:
    """Draw a tensor, the cells that an index expression took in blue, and beside it the result in its own shape.

    Shapes: x: [H, W] up to 8 x 8, no number twice. result: any shape, or empty; drawn where there is room.

    Raises: ValueError for another shape of x, a number that is twice in it, or one in the result that is not in it.
    """
    grid, taken = _grid(x, "x"), as_array(result, text)
    _check_origin({text: taken}, grid)
    looks = dict.fromkeys(taken.flat, _TAKEN)
    source = _Drawing("x", grid, [grid], looks)
    sheets = list(taken) if taken.ndim == 3 else [np.atleast_2d(taken)]
    target = _Drawing(text if len(text) <= 40 else f"{text[:39]}…", taken, sheets, looks)
    left = source.width + 2  # x keeps its position, whatever the result
    if taken.size == 0 or taken.ndim > 3 or target.width > _ACROSS - left or max(taken.shape, default=1) > _MOST:
        target = replace(target, sheets=[], note=", not drawn" if taken.size else ", no element")
    ax = _paper(max(source.height, target.height))
    _draw_sheets(ax, source, left - source.width / 2, 0)
    _draw_sheets(ax, target, left + (_ACROSS - left) / 2, 0)
    words = f"{text} takes {_elements(taken)} of x, shape {format_shape(grid)}"
    return set_caption(ax.figure, f"{words}; the result has shape {format_shape(taken)}.")


@styled()
def joined(parts: Mapping[str, ArrayLike], results: Mapping[str, ArrayLike]) -> Figure:
    """Draw two or three tensors and the results of joining them, each cell in the look of the tensor it came from.

    Shapes:
        parts: name and tensor, [H, W] up to 8 x 8; no number twice, so that a result shows where it came from.
        results: the call as text, and its result: [H, W], or [N, H, W], drawn as N sheets.

    Raises: ValueError for another shape, a number that is there twice, or one in a result that is in no part.
    """
    grids = {name: _grid(part, name) for name, part in parts.items()}
    made = {text: finite(result, text) for text, result in results.items()}
    _check_origin(made, np.concatenate([grid.ravel() for grid in grids.values()]))
    looks = {n: _PARTS[i] for i, grid in enumerate(grids.values()) for n in grid.flat}
    names = {n: name for name, grid in grids.items() for n in grid.flat}
    drawings, words = [_Drawing(name, grid, [grid], looks) for name, grid in grids.items()], []
    for text, array in made.items():
        sheets = [_grid(sheet, text) for sheet in (array if array.ndim == 3 else [array])]
        drawings.append(_Drawing(text, array, sheets, looks))
        origins = join_words("".join(names[n] for n in row) for row in array.reshape(-1, array.shape[-1]))
        words.append(f"{text} has shape {format_shape(array)}: {origins}")
    sources = " and ".join(f"{name} {format_shape(grid)}" for name, grid in grids.items())
    return set_caption(_draw_in_rows(drawings), f"The tensors {sources}, joined. {'; '.join(words)}.")


@styled()
def broadcasting(
    first: ArrayLike,
    second: ArrayLike,
    result: ArrayLike | None = None,
    *,
    names: tuple[str, str] = ("a", "b"),
    symbol: str = "+",
    most: int = _MOST,
) -> Figure:
    """Draw how two shapes are aligned from the right, what is stretched (hatched), and the result.

    Shapes:
        first, second: any two shapes; their cells are drawn where both have up to 2 dimensions of up to `most`.
        result: that of combining them; left out where they cannot be combined, which is drawn as refused.
    """
    first, second = finite(first, names[0]), finite(second, names[1])
    columns = [_Column(*sizes) for sizes in zip_longest(first.shape[::-1], second.shape[::-1])][::-1]
    sizes = [column.size for column in columns]
    arrays = [first, second] if result is None else [first, second, finite(result, "result")]
    readable = all(array.ndim <= 2 and max(array.shape, default=1) <= most for array in (first, second))
    rows = max(np.atleast_2d(array).shape[0] for array in (first, second))
    ax = _paper(4.4 + (1.5 + rows if readable else 0))
    _draw_rule(ax, columns, [*names, "result"])
    if readable:
        _draw_equation(ax, arrays, sizes, [*names, "result"], symbol)
    words = [f"dimension {-i}: {column.in_words(names)}" for i, column in enumerate(columns[::-1], start=1)]
    words.append("so they are refused" if None in sizes else f"so the result has shape {sizes}")
    hatched = "; what is stretched is hatched" if any(any(column.stretched) for column in columns) else ""
    shapes = f"{names[0]} {format_shape(first)} and {names[1]} {format_shape(second)}"
    return set_caption(ax.figure, f"The shapes {shapes}, aligned from the right{hatched}; {'; '.join(words)}.")


class _Column(NamedTuple):
    """One dimension of two shapes aligned from the right; None where a shape has run out of dimensions."""

    first: int | None
    second: int | None

    @property
    def size(self) -> int | None:
        """The size after stretching, None where neither can be stretched to the other."""
        a, b = (1 if size is None else size for size in self)
        return max(a, b) if a == b or 1 in (a, b) else None

    @property
    def stretched(self) -> tuple[bool, bool]:
        """Whether the first is stretched, and whether the second is."""
        return tuple(self.size is not None and (size or 1) != self.size for size in self)

    def in_words(self, names: Sequence[str]) -> str:
        """Both sizes, and what happens to them."""
        sizes = " and ".join("nothing" if size is None else str(size) for size in self)
        if self.size is None:
            return f"{sizes} differ and neither is 1"
        stretched = [name for name, is_stretched in zip(names, self.stretched, strict=True) if is_stretched]
        return f"{sizes}, {stretched[0]} is stretched" if stretched else f"{sizes} match"


def _draw_rule(ax: Axes, columns: list[_Column], names: Sequence[str]) -> None:
    """A row of sizes for each tensor and for the result, and what happens; the last dimension is on the right."""
    wide = 4.0  # cells
    left = (_ACROSS - wide * len(columns)) / 2 + 1
    for row, name in enumerate(names):
        ax.text(left - 0.5, 0.6 + 1.1 * row, name, ha="right", va="center", family="monospace", fontsize=9.5)
    for i, column in enumerate(columns):
        x = left + wide * i
        refused = column.size is None
        for row, (size, is_stretched) in enumerate(zip(column, column.stretched, strict=True)):
            text = "" if size is None else str(size)
            look = _REFUSED if refused else _STRETCHED if is_stretched else _PARTS[row]
            text = f"{text} → {column.size}".strip() if is_stretched else text
            _draw_cell(ax, (x, 0.1 + 1.1 * row), text, look, width=wide - 0.4)
        text, look = ("✗", _REFUSED) if refused else (str(column.size), _PLAIN)
        _draw_cell(ax, (x, 2.3), text, look, width=wide - 0.4)
        verdict = "refused" if refused else "stretched" if any(column.stretched) else "match"
        ax.text(x + wide / 2 - 0.2, 3.8, verdict, ha="center", va="center", fontsize=9)


def _draw_equation(
    ax: Axes, arrays: list[np.ndarray], sizes: list[int | None], names: Sequence[str], symbol: str
) -> None:
    """The cells of both tensors, stretched ones hatched, and those of the result, like a sum on paper."""
    top, gap, refused = 5.7, 2.0, 3.0 if None in sizes else 0.0
    grids = [np.atleast_2d(array if None in sizes else np.broadcast_to(array, sizes)) for array in arrays]
    left = (_ACROSS - sum(grid.shape[1] for grid in grids) - gap * (len(grids) - 1) - refused) / 2
    middle = top + max(map(len, grids)) / 2
    for i, (grid, array) in enumerate(zip(grids, arrays, strict=True)):
        if i:
            ax.text(left - gap / 2, middle, (symbol, "=")[i - 1], ha="center", va="center", fontsize=13)
        ax.text(left + grid.shape[1] / 2, top - 0.5, names[i], **_TITLE)
        height, width = np.atleast_2d(array).shape
        for (row, column), n in np.ndenumerate(grid):
            look = _PLAIN if i == 2 else _PARTS[i] if row < height and column < width else _STRETCHED
            _draw_cell(ax, (left + column, top + row), format_number(n), look)
        left += grid.shape[1] + gap
    if refused:
        ax.text(left - gap / 2, middle, "✗ refused", va="center", color=ORANGE, weight="bold")


@dataclass
class _Drawing:
    """A tensor as one or more sheets of cells, with its title and its shape above it; sizes in cells."""

    title: str
    array: np.ndarray
    sheets: list[np.ndarray]
    looks: Mapping[float, Look]  # of each number
    note: str = ""  # why it is not drawn

    def __post_init__(self) -> None:
        self.subtitle = f"shape {format_shape(self.array)}{self.note}"
        self.across = sum(sheet.shape[1] for sheet in self.sheets) + _SHEET_GAP * (len(self.sheets) - 1)
        self.width = max(self.across, _LETTER * len(self.title), 0.8 * _LETTER * len(self.subtitle))
        numbered = len(self.sheets) > 1
        self.height = 2.0 + max(map(len, self.sheets), default=0) + (0.9 if numbered else 0.2)


def _draw_in_rows(drawings: list[_Drawing]) -> Figure:
    """Drawings in as few rows as the page has room for, filled as evenly as possible."""
    most = max(1, int((_ACROSS + 1.2) // (max(drawing.width for drawing in drawings) + 1.2)))
    columns = math.ceil(len(drawings) / math.ceil(len(drawings) / most))
    rows = [drawings[i : i + columns] for i in range(0, len(drawings), columns)]
    heights = [max(drawing.height for drawing in row) + 0.5 for row in rows]
    ax = _paper(sum(heights) - 0.5)
    for i, row in enumerate(rows):
        space = (_ACROSS - sum(drawing.width for drawing in row)) / len(row)  # distributed evenly
        left = space / 2
        for drawing in row:
            _draw_sheets(ax, drawing, left + drawing.width / 2, sum(heights[:i]))
            left += drawing.width + space
    return ax.figure


def _draw_sheets(ax: Axes, drawing: _Drawing, middle: float, top: float) -> None:
    ax.text(middle, top + 0.5, drawing.title, **_TITLE)
    ax.text(middle, top + 1.35, drawing.subtitle, ha="center", va="center", fontsize=9)
    left = middle - drawing.across / 2
    for i, sheet in enumerate(drawing.sheets):
        for (row, column), n in np.ndenumerate(sheet):
            _draw_cell(ax, (left + column, top + 2 + row), format_number(n), drawing.looks.get(n, _PLAIN))
        if len(drawing.sheets) > 1:
            x, y = left + sheet.shape[1] / 2, top + 2.45 + len(sheet)
            ax.text(x, y, f"[{i}]", ha="center", va="center", fontsize=9, color=GREY)
        left += sheet.shape[1] + _SHEET_GAP


def _draw_cell(ax: Axes, corner: tuple[float, float], text: str, look: Look, *, width: float = 1.0) -> None:
    """A cell of height 1 with its text, which is grey where the cell is only stretched."""
    frame = {"edgecolor": GREY, "linewidth": 0.8}
    around = None
    # As artists, not patches: their limits need not be found, and drawing takes half the time.
    if "hatch" in look:  # the hatching has the colour of its edge, so the frame is one by itself, and the number a box
        ax.add_artist(Rectangle(corner, width, 1, linewidth=0, **look))
        ax.add_artist(Rectangle(corner, width, 1, fill=False, **frame))
        around = {"facecolor": look["facecolor"], "edgecolor": "none", "pad": 0.8}
    else:
        ax.add_artist(Rectangle(corner, width, 1, **look, **frame))
    color = GREY if look is _STRETCHED else text_on(look["facecolor"])
    size = 9 if len(text) < 4 or width > 1 else 7
    place = corner[0] + width / 2, corner[1] + 0.52
    ax.text(*place, text, ha="center", va="center", fontsize=size, color=color, bbox=around)


def _paper(height: float) -> Axes:
    """Axes without axes, measured in cells from the upper left corner, in a figure of their own."""
    figure = new_figure(figsize=(WIDTH, height * _CELL), layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, _ACROSS), ylim=(height, 0))
    ax.set_axis_off()
    return ax


def _grid(values: ArrayLike, name: str) -> np.ndarray:
    array = finite(values, name)
    if array.ndim != 2 or max(array.shape) > _MOST:
        raise ValueError(
            f"Expected {name} of shape [H, W], up to {_MOST} x {_MOST}: received {format_shape(array)}. "
            "Select a part of it."
        )
    return array


def _check_origin(results: Mapping[str, np.ndarray], origin: np.ndarray) -> None:
    """Raise where a number does not show where it came from."""
    if len(np.unique(origin)) < origin.size:
        raise ValueError(
            "Expected every number only once, to see where a result came from: received some twice. "
            "Use torch.arange(12).reshape(3, 4), for example."
        )
    for text, result in results.items():
        if foreign := [n for n in result.flat if n not in origin]:
            raise ValueError(
                f"Expected {text} to consist of numbers of the tensors it came from: received "
                f"{format_number(foreign[0])}, which is in none. Pass the result unchanged."
            )


def _elements(result: np.ndarray) -> str:
    if not result.size:
        return "no element"
    listed = join_words(format_number(n) for n in result.flat[:_MOST_LISTED])
    return f"{format_count(result.size, 'elements')} ({listed}{', ...' if result.size > _MOST_LISTED else ''})"
