"""Widgets of notebook 1: how shapes broadcast, and which elements an index selects."""

from __future__ import annotations

import math
import re

import torch
from torch import Tensor

from helpers.plotting import broadcasting, indexing
from helpers.plotting.style import without_pyplot
from helpers.widgets.expressions import parse
from helpers.widgets.panel import Answer, Panel, RefusalError, text

_MOST_DIMENSIONS, _MOST_CELLS = 4, 100_000
_DRAWN = 5  # cells along one side; more take too long to draw at every key


def broadcast_explorer(a: str = "3, 1", b: str = "4") -> Panel:
    """Type two shapes, and see how they are aligned and expanded, or which rule they break."""
    return Panel("Broadcasting: a + b", {"a": text("shape of a", a), "b": text("shape of b", b)}, _broadcast)


def index_explorer(x: Tensor) -> Panel:
    """Type an index expression of `x`: the elements that it selects turn blue, beside the resulting tensor.

    Shapes: x [H, W] up to 8 x 8, all values different. It is copied: later changes do not show.

    Raises: ValueError for another tensor.
    """
    x = torch.as_tensor(x).detach().cpu().clone()
    with without_pyplot():
        indexing(x, "x", x)  # a tensor that cannot be drawn is an error in the cell, not a message in the panel

    def answer(index: str) -> Answer:
        expression = parse(index, ["x"], example="x[0, 1:]")
        if not expression.is_index:
            raise RefusalError(
                f"Expected x and an index in brackets: received {index.strip()}, which computes new values. "
                "Type x[0, 1:], for example."
            )
        return indexing(x, expression.text, expression.value({"x": x}))

    return Panel("Indexing: which elements?", {"index": text("expression", "x[:, 1]")}, answer)


def _broadcast(a: str, b: str) -> Answer:
    shapes = [_shape(size, name) for size, name in ((a, "a"), (b, "b"))]
    try:
        result = torch.broadcast_shapes(*shapes)
    except RuntimeError:  # an error is an answer, too
        result = None
    for shape in (*shapes, result or ()):
        if math.prod(shape) > _MOST_CELLS:
            raise RefusalError(
                f"Expected up to {_MOST_CELLS:,} elements: received {math.prod(shape):,} in {list(shape)}. "
                "Type smaller sizes."
            )
    first = torch.arange(math.prod(shapes[0])).reshape(shapes[0])
    second = 10 * torch.arange(math.prod(shapes[1])).reshape(shapes[1])
    return broadcasting(first, second, None if result is None else first + second, most=_DRAWN)


def _shape(text: str, name: str) -> tuple[int, ...]:
    """Parse the shape that a learner typed: sizes with commas or spaces between, with or without brackets."""
    parts = re.findall(r"[^\s,()\[\]]+", text.strip().removeprefix("torch.Size"))
    if not all(re.fullmatch(r"[1-9][0-9]{0,8}", part) for part in parts):
        raise RefusalError(
            f"Expected positive integers as the shape of {name}: received {text.strip():.40}. "
            "Type 3, 1, for example, or nothing for a scalar."
        )
    if len(parts) > _MOST_DIMENSIONS:
        raise RefusalError(
            f"Expected up to {_MOST_DIMENSIONS} dimensions in {name}: received {len(parts)}. Leave some out."
        )
    return tuple(map(int, parts))
