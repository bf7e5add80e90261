"""Tensors as pictures: what rank means, and which cells an operation takes, joins or stretches.

Nothing is computed here: a cell is coloured by where its number stood before, found in the result that was passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from helpers.plotting.captions import set_caption
from helpers.plotting.style import AMBER, BLUE, GREY, ORANGE, PAPER, SKY, WIDTH, new_axes, new_figure, styled, text_on
from helpers.plotting.values import as_array, count, finite, listing, number, shape, span

Look = dict[str, Any]  # how a cell is drawn: keywords of a Rectangle

_CELL = 0.29  # inches; room for three digits
_LETTER = 0.28  # cells, the width of one letter of a title
_MOST = 8  # cells along one side, or pictures in a batch: nobody reads more
_MOST_NAMED = 24  # numbers in a sentence
_LONGEST_TITLE = 40  # letters

# Hatching says the same as the colour does, so that nobody needs the colour.
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
def ranks(tensors: Mapping[str, Any]) -> Figure:
    """Draw tensors of rank 1 to 4 beside each other, each as what such a tensor commonly holds.

    Shapes:
        tensors: name and tensor. [T] a curve, [H, W] a grey picture, [3, H, W] a colour picture, [N, 1, H, W] or
            [N, 3, H, W] a batch of up to 8 pictures, number 0 in front; pixels from 0 to 1.

    Raises: ValueError for another rank, number of channels or of pictures, or pixels beyond 0 to 1.
    """
    arrays = {name: finite(tensor, name) for name, tensor in _some(tensors, "tensors").items()}
    for name, array in arrays.items():
        _check_rank(name, array)
    axes = new_axes(len(arrays), height=2.3)
    for ax, (name, array) in zip(axes, arrays.items(), strict=True):
        if array.ndim == 1:
            ax.plot(array, color=BLUE, linewidth=1)
            ax.set(xlabel="time step", ylabel="amplitude", box_aspect=1)
        else:
            _draw_pictures(ax, array)
        ax.set_title(f"{name}\n{array.ndim}-D {shape(array)}", fontsize=9)
    words = (f"{name}, {array.ndim}-D of shape {shape(array)} ({span(array)})" for name, array in arrays.items())
    return set_caption(axes[0].figure, f"{count(len(arrays), 'tensors')} beside each other: {'; '.join(words)}.")


def _check_rank(name: str, array: np.ndarray) -> None:
    channels = {3: (3,), 4: (1, 3)}.get(array.ndim)
    if not 1 <= array.ndim <= 4 or (channels and array.shape[-3] not in channels):
        raise ValueError(
            f"Expected {name} of shape [T], [H, W], [3, H, W], [N, 1, H, W] or [N, 3, H, W]: received {shape(array)}. "
            "Choose a part of it, or reshape it."
        )
    if array.ndim == 4 and len(array) > _MOST:
        raise ValueError(
            f"Expected a batch of up to {_MOST} pictures as {name}: received {len(array)}. Pass batch[:{_MOST}]."
        )
    if array.ndim > 1 and (array.min() < 0 or array.max() > 1):
        raise ValueError(f"Expected pixels from 0 to 1 in {name}: received {span(array)}. Scale them.")


def _draw_pictures(ax: Axes, array: np.ndarray) -> None:
    """A picture, or a batch of them like a hand of cards, with the axes of the one in front."""
    height, width = array.shape[-2:]
    pictures = array if array.ndim == 4 else array.reshape(1, -1, height, width)
    step = 0.12 * np.array([width, -height])  # right and up: image coordinates grow downwards
    for i in reversed(range(len(pictures))):
        right, down = i * step
        pixels = pictures[i].transpose(1, 2, 0) if pictures.shape[1] == 3 else pictures[i, 0]
        box = (right, right + width, down + height, down)
        ax.imshow(pixels, cmap="gray", vmin=0, vmax=1, extent=box, interpolation="nearest")
        ax.add_patch(Rectangle((right, down), width, height, fill=False, edgecolor=PAPER, linewidth=1.2))
    right, up = (len(pictures) - 1) * step
    ax.set(xlim=(0, width + right), ylim=(height, up), xlabel="width", ylabel="height")
    ax.set(xticks=[0, width], yticks=[0, height], box_aspect=1, aspect="auto")
    if len(pictures) > 1:
        ax.spines[["left", "bottom"]].set_visible(False)


@styled()
def selections(x: Any, results: Mapping[str, Any]) -> Figure:  # noqa: ANN401
    """Draw a tensor once per index expression, the cells that the expression took in blue.

    Shapes:
        x: [H, W] up to 8 x 8, no number twice, so that a result shows where it came from.
        results: the expression as text, and what it gave: `{"x[0]": x[0]}`.

    Raises: ValueError for another shape, a number that stands twice in `x`, or one in a result that is not in `x`.
    """
    grid = _grid(x, "x")
    taken = {text: finite(result, text) for text, result in _some(results, "results").items()}
    _check_origin(taken, grid)
    figure = _draw_in_rows(
        [
            _Drawing(text, f"shape {shape(result)}", [grid], [[_TAKEN if n in result else _PLAIN for n in grid.flat]])
            for text, result in taken.items()
        ]
    )
    words = (f"{text} takes {_cells(result)}, shape {shape(result)}" for text, result in taken.items())
    return set_caption(figure, f"A tensor of shape {shape(grid)}, the cells taken in blue: {'; '.join(words)}.")


@styled()
def indexing(x: Any, text: str, result: Any) -> Figure:  # noqa: ANN401
    """Draw a tensor, the cells that an index expression took in blue, and beside it the result in its own shape.

    Shapes:
        x: [H, W] up to 8 x 8, no number twice. result: any shape, also without cells; drawn where there is room.

    Raises: ValueError for another shape of x, a number that stands twice in it, or one in the result that is not in x.
    """
    grid, taken = _grid(x, "x"), as_array(result, text)
    _check_origin({text: taken}, grid)
    name = text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"
    looks = [_TAKEN if n in taken else _PLAIN for n in grid.flat]
    source = _Drawing("x", f"shape {shape(grid)}", [grid], [looks])
    sheets = list(taken) if taken.ndim == 3 else [_two_dimensional(taken)]
    target = _Drawing(name, f"shape {shape(taken)}", sheets, [[_TAKEN] * sheet.size for sheet in sheets])
    left = source.width + 2  # x keeps its place, whatever comes out
    across = WIDTH / _CELL - left
    if taken.size == 0 or taken.ndim > 3 or target.width > across or max(taken.shape, default=1) > _MOST:
        note = f"{target.subtitle}, {'not drawn' if taken.size else 'no cell'}"
        target = _Drawing(name, note, [np.empty((0, 1))], [[]])
    ax = _paper(WIDTH / _CELL, max(source.height, target.height))
    _draw_sheets(ax, source, left - source.width / 2, 0)
    _draw_sheets(ax, target, left + across / 2, 0)
    numbers = listing(number(n) for n in taken.flat[:_MOST_NAMED]) + (", ..." if taken.size > _MOST_NAMED else "")
    cells = f"{count(taken.size, 'cells')} ({numbers})" if taken.size else "no cell"
    return set_caption(
        ax.figure, f"{text} takes {cells} of x, shape {shape(grid)}; the result has shape {shape(taken)}."
    )


@styled()
def joined(parts: Mapping[str, Any], results: Mapping[str, Any]) -> Figure:
    """Draw two or three tensors and what came of joining them, each cell in the look of the tensor it came from.

    Shapes:
        parts: name and tensor, [H, W] up to 8 x 8; no number twice, so that a result shows where it came from.
        results: the call as text, and what it gave: [H, W], or [N, H, W], drawn as N sheets.

    Raises: ValueError for another shape, a number that stands twice, or one in a result that is in no part.
    """
    grids = {name: _grid(part, name) for name, part in _some(parts, "parts").items()}
    if not 2 <= len(grids) <= len(_PARTS):
        raise ValueError(f"Expected 2 or 3 parts: received {len(grids)}. Join fewer, or draw them apart.")
    made = {text: finite(result, text) for text, result in _some(results, "results").items()}
    _check_origin(made, np.concatenate([grid.ravel() for grid in grids.values()]))
    looks = {n: look for grid, look in zip(grids.values(), _PARTS, strict=False) for n in grid.flat}

    drawings = []
    for text, array in {**grids, **made}.items():
        sheets = list(array) if array.ndim == 3 else [array]
        for sheet in sheets:
            _grid(sheet, text)
        drawings.append(
            _Drawing(text, f"shape {shape(array)}", sheets, [[looks[n] for n in sheet.flat] for sheet in sheets])
        )
    figure = _draw_in_rows(drawings)
    names = " and ".join(f"{name} {shape(grid)}" for name, grid in grids.items())
    words = (f"{text} has shape {shape(result)}: {_origins(result, grids)}" for text, result in made.items())
    return set_caption(figure, f"The tensors {names}, joined. {'; '.join(words)}.")


@styled()
def broadcasting(
    first: Any,  # noqa: ANN401
    second: Any,  # noqa: ANN401
    result: Any = None,  # noqa: ANN401
    *,
    names: tuple[str, str] = ("a", "b"),
    symbol: str = "+",
    most: int = _MOST,
) -> Figure:
    """Draw how two shapes are aligned from the right, what is stretched (hatched), and what comes of it.

    Shapes:
        first, second: any two shapes; their cells are drawn where both have up to 2 dimensions of up to `most`.
        result: what combining them gave; left out where they cannot be combined, which is drawn as refused.

    Raises: ValueError where `result` is not of the shape that the rule gives, or is given although there is none.
    """
    first, second = finite(first, names[0]), finite(second, names[1])
    columns = [_Column(*sizes) for sizes in zip_longest(first.shape[::-1], second.shape[::-1])][::-1]
    sizes = [column.size for column in columns]
    if result is not None:
        result = finite(result, "result")
        if list(result.shape) != sizes:
            rule = "none, as these shapes do not fit" if None in sizes else str(sizes)
            raise ValueError(
                f"Expected result for {shape(first)} and {shape(second)}: {rule}, received {shape(result)}. "
                f"Pass {names[0]} {symbol} {names[1]}, or leave it out."
            )
    readable = all(a.ndim <= 2 and max(a.shape, default=1) <= most for a in (first, second))
    rows = max(_two_dimensional(a).shape[0] for a in (first, second))
    ax = _paper(WIDTH / _CELL, 4.4 + (1.5 + rows if readable else 0))
    _draw_rule(ax, columns, [*names, "result"])
    if readable:
        _draw_equation(ax, 5.7, (first, second, result), sizes, [*names, "result"], symbol=symbol)
    return set_caption(ax.figure, _broadcasting_in_words(first, second, columns, names))


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


def _broadcasting_in_words(
    first: np.ndarray, second: np.ndarray, columns: list[_Column], names: tuple[str, str]
) -> str:
    def in_words(column: _Column) -> str:
        sizes = " and ".join("nothing" if size is None else str(size) for size in column)
        stretched = [name for name, is_stretched in zip(names, column.stretched, strict=True) if is_stretched]
        if column.size is None:
            return f"{sizes} differ and neither is 1"
        return f"{sizes}, {stretched[0]} is stretched" if stretched else f"{sizes} fit as they are"

    words = [f"dimension {-i}: {in_words(column)}" for i, column in enumerate(columns[::-1], start=1)]
    sizes = [column.size for column in columns]
    end = "so they are refused" if None in sizes else f"so the result has shape {sizes}"
    shapes = f"{names[0]} {shape(first)} and {names[1]} {shape(second)}"
    return f"The shapes {shapes}, aligned from the right; {'; '.join([*words, end])}."


def _draw_rule(ax: Axes, columns: list[_Column], names: Sequence[str]) -> None:
    """A row of sizes for each tensor and for the result, and what happens; the last dimension is on the right."""
    wide = 4.0  # cells
    left = (WIDTH / _CELL - wide * len(columns)) / 2 + 1
    for row, name in enumerate(names):
        ax.text(left - 0.5, 0.6 + 1.1 * row, name, ha="right", va="center", family="monospace", fontsize=9.5)
    for i, column in enumerate(columns):
        x = left + wide * i
        refused = column.size is None
        for row, (size, is_stretched) in enumerate(zip(column, column.stretched, strict=True)):
            text = "" if size is None else str(size)
            if is_stretched:
                text = f"{text} → {column.size}".strip()
            look = _REFUSED if refused else _STRETCHED if is_stretched else _PARTS[row]
            _draw_cell(ax, (x, 0.1 + 1.1 * row), text, look, width=wide - 0.4)
        text, look = ("✗", _REFUSED) if refused else (str(column.size), _PLAIN)
        _draw_cell(ax, (x, 2.3), text, look, width=wide - 0.4)
        verdict = "refused" if refused else "stretched" if any(column.stretched) else "fits"
        ax.text(x + wide / 2 - 0.2, 3.8, verdict, ha="center", va="center", fontsize=9)


def _two_dimensional(array: np.ndarray) -> np.ndarray:
    return array.reshape((1,) * (2 - array.ndim) + array.shape)


def _draw_equation(
    ax: Axes,
    top: float,
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray | None],
    sizes: list[int | None],
    names: Sequence[str],
    *,
    symbol: str,
) -> None:
    """The cells of both tensors, stretched ones hatched, and those of the result, like a sum on paper."""
    grids = []  # each with the shape of the cells that are its own
    for array in arrays:
        if array is not None:
            stretched = array if None in sizes else np.broadcast_to(array, sizes)
            grids.append((_two_dimensional(stretched), _two_dimensional(array).shape))
    gap = 2.0
    refused = 3.0 if None in sizes else 0.0
    left = (WIDTH / _CELL - sum(grid.shape[1] for grid, _ in grids) - gap * (len(grids) - 1) - refused) / 2
    middle = top + max(len(grid) for grid, _ in grids) / 2
    for i, (grid, own) in enumerate(grids):
        if i:
            ax.text(left - gap / 2, middle, (symbol, "=")[i - 1], ha="center", va="center", fontsize=13)
        title = {"ha": "center", "va": "center", "family": "monospace", "fontsize": 9.5}
        ax.text(left + grid.shape[1] / 2, top - 0.5, names[i], **title)
        for (row, column), n in np.ndenumerate(grid):
            look = _PLAIN if i == 2 else _PARTS[i] if row < own[0] and column < own[1] else _STRETCHED
            _draw_cell(ax, (left + column, top + row), number(n), look)
        left += grid.shape[1] + gap
    if refused:
        ax.text(left - gap / 2, middle, "✗ refused", va="center", color=ORANGE, weight="bold")


class _Drawing(NamedTuple):
    """A tensor as one or more sheets of cells, with two lines above it."""

    title: str
    subtitle: str
    sheets: list[np.ndarray]
    looks: list[list[Look]]

    @property
    def width(self) -> float:
        """In cells: the sheets beside each other, or the title where that is longer."""
        sheets = sum(sheet.shape[1] for sheet in self.sheets) + 0.8 * (len(self.sheets) - 1)
        return max(sheets, _LETTER * len(self.title), 0.8 * _LETTER * len(self.subtitle))

    @property
    def height(self) -> float:
        """In cells, with the two lines and, under more sheets than one, their numbers."""
        return 2.0 + len(self.sheets[0]) + (0.9 if len(self.sheets) > 1 else 0.2)


def _draw_in_rows(drawings: list[_Drawing]) -> Figure:
    """Drawings from left to right and, where the page ends, from top to bottom."""
    across = WIDTH / _CELL
    rows = _rows(drawings, across, len(drawings))
    rows = _rows(drawings, across, -(-len(drawings) // len(rows)))  # as many rows, filled as evenly as possible
    ax = _paper(across, sum(max(drawing.height for drawing in row) for row in rows) + 0.5 * (len(rows) - 1))
    top = 0.0
    for row in rows:
        space = (across - sum(drawing.width for drawing in row)) / len(row)  # shared out evenly
        left = space / 2
        for drawing in row:
            _draw_sheets(ax, drawing, left + drawing.width / 2, top)
            left += drawing.width + space
        top += max(drawing.height for drawing in row) + 0.5
    return ax.figure


def _rows(drawings: list[_Drawing], across: float, most: int) -> list[list[_Drawing]]:
    """The drawings in order, as many in a row as there is room for, `most` at most."""
    gap = 1.2
    rows: list[list[_Drawing]] = [[]]
    for drawing in drawings:
        used = sum(other.width + gap for other in rows[-1])
        if rows[-1] and (len(rows[-1]) == most or used + drawing.width + gap > across):
            rows.append([])
        rows[-1].append(drawing)
    return rows


def _draw_sheets(ax: Axes, drawing: _Drawing, middle: float, top: float) -> None:
    ax.text(middle, top + 0.5, drawing.title, ha="center", va="center", family="monospace", fontsize=9.5)
    ax.text(middle, top + 1.35, drawing.subtitle, ha="center", va="center", fontsize=9)
    gap = 0.8
    left = middle - (sum(sheet.shape[1] for sheet in drawing.sheets) + gap * (len(drawing.sheets) - 1)) / 2
    for i, (sheet, looks) in enumerate(zip(drawing.sheets, drawing.looks, strict=True)):
        for ((row, column), n), look in zip(np.ndenumerate(sheet), looks, strict=True):
            _draw_cell(ax, (left + column, top + 2 + row), number(n), look)
        if len(drawing.sheets) > 1:
            x, y = left + sheet.shape[1] / 2, top + 2.45 + len(sheet)
            ax.text(x, y, f"[{i}]", ha="center", va="center", fontsize=9, color=GREY)
        left += sheet.shape[1] + gap


def _draw_cell(ax: Axes, corner: tuple[float, float], text: str, look: Look, *, width: float = 1.0) -> None:
    """A cell of height 1 with its text, which is grey where the cell is only stretched."""
    frame = {"edgecolor": GREY, "linewidth": 0.8}
    if "hatch" in look:  # the hatching has the colour of its edge, so the frame is one by itself
        ax.add_artist(Rectangle(corner, width, 1, linewidth=0, **look))
        ax.add_artist(Rectangle(corner, width, 1, fill=False, **frame))
    else:  # as an artist, not a patch: its limits need not be found, and drawing takes half the time
        ax.add_artist(Rectangle(corner, width, 1, **look, **frame))
    color = GREY if look is _STRETCHED else text_on(look["facecolor"])
    x, y = corner[0] + width / 2, corner[1] + 0.52
    # The hatching keeps clear of the number.
    around = {"facecolor": look["facecolor"], "edgecolor": "none", "pad": 0.8} if "hatch" in look else None
    size = 9 if len(text) < 4 or width > 1 else 7
    ax.text(x, y, text, ha="center", va="center", fontsize=size, color=color, bbox=around)


def _paper(width: float, height: float) -> Axes:
    """Axes without axes, measured in cells from the upper left corner, in a figure of their own."""
    figure = new_figure(figsize=(width * _CELL, height * _CELL), layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(height, 0))
    ax.set_axis_off()
    return ax


def _some(named: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(named, Mapping):
        raise TypeError(
            f"Expected {name} as a dictionary from text to tensor: received {type(named).__name__}. "
            'Pass {"x[0]": x[0]}, for example.'
        )
    if not named:
        raise ValueError(f"Expected at least one tensor in {name}: received none. Pass one.")
    return named


def _grid(values: Any, name: str) -> np.ndarray:  # noqa: ANN401
    """The values as a readable grid of finite numbers, none of them twice."""
    array = finite(values, name)
    if array.ndim != 2 or max(array.shape) > _MOST:
        raise ValueError(
            f"Expected {name} of shape [H, W], up to {_MOST} x {_MOST}: received {shape(array)}. Choose a part of it."
        )
    return array


def _check_origin(results: Mapping[str, np.ndarray], origin: np.ndarray) -> None:
    """Raise where a number does not say where it came from."""
    if len(np.unique(origin)) < origin.size:
        raise ValueError(
            "Expected every number only once, to see where a result came from: some stand twice. "
            "Use torch.arange(12).reshape(3, 4), for example."
        )
    for text, result in results.items():
        if foreign := [n for n in result.flat if n not in origin]:
            raise ValueError(
                f"Expected {text} to hold numbers of the tensors it came from: {number(foreign[0])} is in none. "
                "Pass what came of them, unchanged."
            )


def _cells(result: np.ndarray) -> str:
    return f"{count(result.size, 'cells')} ({listing(number(n) for n in result.flat)})"


def _origins(result: np.ndarray, grids: Mapping[str, np.ndarray]) -> str:
    """Row by row, the name of the part that each cell came from: 'aaa, bbb'."""
    rows = result.reshape(-1, result.shape[-1])
    return listing("".join(next(name for name, grid in grids.items() if n in grid) for n in row) for row in rows)
