"""The computational graph behind a tensor: walked from the tensor itself, then drawn from its leaves down to it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise
from statistics import fmean
from typing import Any, Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from helpers.plotting.captions import set_caption
from helpers.plotting.style import AMBER, BLUE, GREY, INK, PAPER, SKY, WIDTH, new_axes, styled
from helpers.plotting.values import format_count

Role = Literal["leaf", "constant", "accumulation", "operation", "result"]

# Autograd's names for operations that say little by themselves.
_READABLE = {
    "mm": "matrix product",
    "mv": "matrix product",
    "addmm": "matrix product and add",
    "t": "transpose",
    "sub": "subtract",
    "rsub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "pow": "power",
}

# How a node looks: by the colour of its box and by its frame, so that colour is not the only sign.
_LOOKS: dict[str, dict[str, Any]] = {
    "leaf": {"facecolor": "#DCEEF9", "edgecolor": BLUE, "linewidth": 1.8},
    "constant": {"facecolor": PAPER, "edgecolor": GREY, "linestyle": "--"},
    "accumulation": {"facecolor": "#FBEBCB", "edgecolor": AMBER, "linestyle": ":", "linewidth": 1.8},
    "operation": {"facecolor": "#EEEEEE", "edgecolor": GREY},
    "result": {"facecolor": SKY, "edgecolor": INK, "linewidth": 1.8},
}
_ROW, _HEIGHT, _LETTER, _GAP = 0.58, 0.3, 0.072, 0.3  # inches: from row to row, of a box, of a letter, between boxes


class Node(NamedTuple):
    """One box of the graph.

    A `leaf` collects gradients, a `constant` is a given tensor that does not; an `accumulation` adds to a leaf's
    `.grad`; an `operation` is a `grad_fn`, named by its `grad_fn.name()`; the `result` is the tensor walked from.
    A `note` is written after the name: the shape, or the value.
    """

    role: Role
    name: str
    note: str = ""

    @property
    def label(self) -> str:
        """The text of the box: 'w [5, 3]', 'matrix product', 'add to w.grad', 'multiply = 6'."""
        name = operation_name(self.name) if self.role == "operation" else self.name
        return f"{name} {self.note}".rstrip()


class Graph(NamedTuple):
    """Nodes, and edges as pairs of indices into `nodes`, each from what was computed first to what uses it."""

    nodes: list[Node]
    edges: list[tuple[int, int]]


def computational_graph(result: Any, tensors: Mapping[str, Any]) -> Graph:  # noqa: ANN401
    """Walk from `result` along `grad_fn` and `next_functions` to its leaves; return what was found.

    `tensors` names the leaves; a leaf without a name is called "unnamed". Of the tensors that require no gradient,
    autograd keeps only those that it needs for `backward`: such a tensor in `tensors` becomes a constant.

    Raises: ValueError where `result` has no graph; TypeError where it is not a tensor.
    """
    if not hasattr(result, "grad_fn"):
        raise TypeError(f"Expected a tensor to walk from: received {type(result).__name__}. Pass the loss.")
    if result.grad_fn is None:
        raise ValueError(
            "Expected a tensor with a graph: this one has no grad_fn. "
            "Compute it from a tensor with requires_grad=True, outside no_grad and inference_mode."
        )
    nodes = [Node("result", "loss", str(list(result.shape))), Node("operation", result.grad_fn.name())]
    edges = [(1, 0)]
    operations = [result.grad_fn]  # it grows while we walk
    index = {result.grad_fn: 1}  # of each function (held, so that it stays itself) and constant (by name)
    for function in operations:
        for source, _ in function.next_functions:
            if source is None:  # an input that requires no gradient
                continue
            if source not in index:
                if hasattr(source, "variable"):  # the accumulation node of a leaf
                    leaf = source.variable
                    name = next((key for key, tensor in tensors.items() if tensor is leaf), "unnamed")
                    edges.append((len(nodes), len(nodes) + 1))
                    nodes += [Node("leaf", name, str(list(leaf.shape))), Node("accumulation", f"add to {name}.grad")]
                else:
                    nodes.append(Node("operation", source.name()))
                    operations.append(source)
                index[source] = len(nodes) - 1
            edges.append((index[source], index[function]))
        for constant in _constants(function, tensors):
            if constant not in index:
                index[constant] = len(nodes)
                nodes.append(Node("constant", constant, str(list(tensors[constant].shape))))
            edges.append((index[constant], index[function]))
    return Graph(nodes, edges)


def graph_picture(result: Any, tensors: Mapping[str, Any]) -> Axes:  # noqa: ANN401
    """Draw the computational graph of `result`: leaves on top, `result` (called "loss") at the bottom.

    `tensors` maps names to tensors, for example dict(model.named_parameters()). Raises: as `computational_graph`.
    """
    return draw_graph(computational_graph(result, tensors))


@styled()
def draw_graph(graph: Graph) -> Axes:
    """Draw a graph as `computational_graph` returns it, or one put together by hand."""
    middles, routes, widths = _layout(graph)
    left = min(x - widths[i] / 2 for i, (x, _) in middles.items()) - 0.5
    right = max(x + widths[i] / 2 for i, (x, _) in middles.items()) + 0.5
    bottom = min(y for _, y in middles.values())
    scale = min(1.0, WIDTH / (right - left + 0.3))  # a graph wider than the page is drawn smaller, letters too
    (ax,) = new_axes(1, height=scale * (0.5 - bottom))
    middle, half = (left + right) / 2, WIDTH / scale / 2
    ax.set(xlim=(middle - half, middle + half), ylim=(bottom - 0.25, 0.25), aspect="equal")
    ax.axis("off")
    for x, way, word in ((left, (0, bottom), "forward"), (right, (bottom, 0), "backward")):
        _arrow(ax, [(x, y) for y in way], scale, linewidth=0.8)
        look = {"rotation": 90, "fontsize": 9 * scale, "color": GREY}
        background = {"facecolor": PAPER, "edgecolor": "none", "pad": 2}
        ax.text(x, sum(way) / 2, word, ha="center", va="center", bbox=background, **look)
    for k, route in enumerate(routes):
        aside = 0.16 * sum(route[:1] + route[-1:] == other[:1] + other[-1:] for other in routes[:k])
        points = [(middles[i][0] + aside, middles[i][1]) for i in route]
        points[0] = _frame_crossing(points[0], points[1], widths[route[0]])
        points[-1] = _frame_crossing(points[-1], points[-2], widths[route[-1]])
        _arrow(ax, points, scale, linestyle="--" if graph.nodes[route[0]].role == "constant" else "-")
    for i, node in enumerate(graph.nodes):
        (x, y), pad = middles[i], 0.06
        corner, size = (x - widths[i] / 2 + pad, y - _HEIGHT / 2 + pad), (widths[i] - 2 * pad, _HEIGHT - 2 * pad)
        ax.add_patch(FancyBboxPatch(corner, *size, boxstyle=f"round,pad={pad}", **_LOOKS[node.role]))
        ax.text(x, y - 0.01, node.label, ha="center", va="center", fontsize=9 * scale, color=INK)
    return set_caption(ax, _sentence(graph))


def operation_name(name: str) -> str:
    """A `grad_fn.name()` in words: 'MmBackward0' is 'matrix product', 'SigmoidBackward0' is 'sigmoid'."""
    bare = re.sub(r"Backward\d*$", "", name.rpartition("::")[2])
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", bare).lower()
    return _READABLE.get(words, words)


def _constants(function: Any, tensors: Mapping[str, Any]) -> list[str]:  # noqa: ANN401
    """The names of those tensors without a gradient that this function keeps for `backward`."""
    kept = set()
    for attribute in dir(function):
        if attribute.startswith("_saved_"):
            try:
                saved = getattr(function, attribute)
            except RuntimeError:  # freed by an earlier backward, or changed in place since
                continue
            if hasattr(saved, "data_ptr") and saved.numel():
                kept.add(saved.data_ptr())  # the tensor itself, or a view of it: a vector is kept as a matrix
    return [name for name, tensor in tensors.items() if not tensor.requires_grad and tensor.data_ptr() in kept]


def _layout(graph: Graph) -> tuple[dict[int, tuple[float, float]], list[list[int]], dict[int, float]]:
    """The middle of each node (inches, x and y), the route of each edge as a list of nodes, and each node's width.

    A node is in the row above the first that uses it. An edge over several rows goes through a node of no
    width in each row between, so that it never runs through a box (the layout of Sugiyama, Tagawa and Toda, 1981).
    """
    import networkx as nx  # noqa: PLC0415 - only those who draw a graph wait for it

    directed = nx.DiGraph(graph.edges)
    row = {i: y for y, nodes in enumerate(nx.topological_generations(directed.reverse())) for i in nodes}
    last = max(row.values())
    widths = {i: max(0.5, 0.25 + _LETTER * len(node.label)) for i, node in enumerate(graph.nodes)}
    routes, users = [], defaultdict(list)
    for source, user in graph.edges:
        between = range(len(row), len(row) + row[source] - row[user] - 1)
        route = [source, *between, user]
        row.update(zip(between, range(row[source] - 1, row[user], -1), strict=True))
        widths.update(dict.fromkeys(between, 0.1))
        for upper, lower in pairwise(route):
            users[upper].append(lower)
        routes.append(route)
    x: dict[int, float] = {}
    for y in range(last + 1):  # from the result upwards, each node wants to be above those that use it
        wish = {i: fmean(x[user] for user in users[i]) if users[i] else 0.0 for i in row if row[i] == y}
        x.update(_apart(wish, widths))
    return {i: (x[i], (row[i] - last) * _ROW) for i in row}, routes, widths


def _apart(wish: Mapping[int, float], widths: Mapping[int, float]) -> dict[int, float]:
    """Positions in the order of the wishes, no two boxes touching, on average where they wished to be."""
    x, edge = {}, None
    for i in sorted(wish, key=wish.__getitem__):
        x[i] = wish[i] if edge is None else max(wish[i], edge + _GAP + widths[i] / 2)
        edge = x[i] + widths[i] / 2
    shift = fmean(wish.values()) - fmean(x.values())
    return {i: position + shift for i, position in x.items()}


def _frame_crossing(middle: tuple[float, float], outside: tuple[float, float], width: float) -> tuple[float, float]:
    """Where the way from the middle of a box to a point outside it crosses the frame of the box."""
    dx, dy = outside[0] - middle[0], outside[1] - middle[1]
    fraction = min(width / 2 / abs(dx) if dx else 1.0, _HEIGHT / 2 / abs(dy))
    return middle[0] + fraction * dx, middle[1] + fraction * dy


def _arrow(ax: Axes, points: list[tuple[float, float]], scale: float, **look: Any) -> None:  # noqa: ANN401
    arrow = {"arrowstyle": "-|>", "mutation_scale": 11 * scale, "color": GREY, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(path=Path(points), **arrow, **look))


def _sentence(graph: Graph) -> str:
    def listed(role: Role) -> str:
        labels = Counter(node.label for node in graph.nodes if node.role == role)
        return ", ".join(label if n == 1 else f"{label} ({n} times)" for label, n in labels.items())

    roles = Counter(node.role for node in graph.nodes)
    operations, leaves = format_count(roles["operation"], "operations"), format_count(roles["leaf"], "leaf tensors")
    words = f"Computational graph of {graph.nodes[0].name}: {operations} ({listed('operation')}), "
    words += f"{leaves} to collect gradients ({listed('leaf')})"
    constants = f", kept for backward without a gradient: {listed('constant')}" if roles["constant"] else ""
    return f"{words}{constants}."
