"""Widgets of notebook 4: gradient descent step by step, and the graph of an expression with its gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor
from torch.overrides import TorchFunctionMode

from helpers.plotting import set_caption
from helpers.plotting.curves import draw_metric
from helpers.plotting.fitting import draw_on_contours, draw_on_curve
from helpers.plotting.graph import Graph, Node, draw_graph
from helpers.plotting.style import new_axes, styled
from helpers.plotting.values import format_count, format_number
from helpers.widgets.expressions import Expression, parse
from helpers.widgets.panel import Answer, Panel, RefusalError, Runner, choice, place, scale, slider, text


class Landscape(NamedTuple):
    """A loss of one parameter w, from -4 to 4, or of two, u from -4 to 4 and v from -3 to 3: a tensor, or arrays."""

    names: tuple[str, ...]
    loss: Callable[[Any], Any]


LANDSCAPES: Mapping[str, Landscape] = {
    "curve: w²": Landscape(("w",), lambda p: p[0] ** 2),
    "curve, two valleys: w⁴/8 - w² + w/2 + 4": Landscape(("w",), lambda p: p[0] ** 4 / 8 - p[0] ** 2 + p[0] / 2 + 4),
    "surface, a bowl: u² + 5v²": Landscape(("u", "v"), lambda p: p[0] ** 2 + 5 * p[1] ** 2),
    "surface, a saddle: v⁴/4 + u² - v² + 1": Landscape(("u", "v"), lambda p: p[1] ** 4 / 4 + p[0] ** 2 - p[1] ** 2 + 1),
}
RATES = (0.001, 0.003, 0.01, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.0, 1.05, 1.5)
_MOST_STEPS = 60
_DIVERGED = 1e3  # from that far out, a path does not come back
_EXAMPLE = "(w * x - 1) ** 2"
_MOST_NODES = 16  # of a graph


def descent_explorer() -> Panel:
    """Descend on a curve or a surface with SGD: choose the start, the learning rate and the momentum."""
    controls = {
        "landscape": choice("loss", list(LANDSCAPES)),
        "first": slider("start at w or u", 3.0, -4.0, 4.0, step=0.1, digits=1),
        "second": slider("start at v (surface)", 1.0, -3.0, 3.0, step=0.1, digits=1),
        "lr": scale("learning rate", RATES, 0.1),
        "momentum": slider("momentum", 0.0, 0.0, 0.95, step=0.05),
        "steps": Runner(max=_MOST_STEPS, pause=250),
    }
    return Panel("Gradient descent", controls, _descend, adjust=_adjust)


def _adjust(panel: Panel) -> None:
    """A curve has no v to start at."""
    panel.controls["second"].disabled = len(LANDSCAPES[panel.values["landscape"]].names) == 1


def _descend(*, landscape: str, first: float, second: float, lr: float, momentum: float, steps: int) -> Answer:
    chosen = LANDSCAPES[landscape]
    start = [first, second][: len(chosen.names)]
    path = descent_path(chosen.loss, start, lr=lr, momentum=momentum, steps=steps + 1)
    settings = f"learning rate {lr:g} and momentum {format_number(momentum)}"
    return _draw(chosen, path[: steps + 1]), _sentence(chosen.names, path, min(steps, len(path) - 1), settings)


def descent_path(
    loss: Callable[[Tensor], Tensor], start: list[float], *, lr: float, momentum: float, steps: int
) -> np.ndarray:
    """Parameters, loss and gradient before the first step of SGD and after each step, until the path diverges.

    Shapes:
        start: P numbers. Returned: [steps + 1, 2 P + 1].
    """
    p = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=lr, momentum=momentum)
    path = []
    for _ in range(steps + 1):
        value = loss(p)
        optimizer.zero_grad()
        value.backward()
        path.append([*p.tolist(), value.item(), *p.grad.tolist()])
        if p.detach().abs().max() > _DIVERGED:
            break
        optimizer.step()
    return np.array(path)


@styled()
def _draw(landscape: Landscape, path: np.ndarray) -> np.ndarray:
    axes, n = new_axes(2, height=3.2, grid="y"), len(landscape.names)
    place(axes, (0.09, 0.15, 0.39, 0.79), (0.59, 0.15, 0.39, 0.79))
    axes[0].grid(visible=False)
    axes[0].set_ylabel("loss" if n == 1 else "v")
    # A little beyond where a path may start, so that its marker is not cut off.
    across, up = np.linspace(-4.2, 4.2, 85), np.linspace(-3.2, 3.2, 65)
    if n == 1:
        draw_on_curve(axes[0], across, landscape.loss([across]), path, title="", tangents=[len(path) - 1])
    else:
        draw_on_contours(axes[0], across, up, landscape.loss(np.meshgrid(across, up)), path, title="")
    losses = path[:, n]
    draw_metric(axes[1], "loss", range(len(losses)), {"": losses}, xlabel="step")
    axes[1].set(xlim=(-0.2, max(10, len(losses)) + 0.2), ylim=(0, 1.06 * losses.max() + 0.1))
    return axes


def _sentence(names: tuple[str, ...], path: np.ndarray, step: int, settings: str) -> str:
    n = len(names)
    here, loss, slopes = path[step, :n], _rounded(path[step, n]), path[step, n + 1 :]
    position = ", ".join(f"{name} = {_rounded(value)}" for name, value in zip(names, here, strict=True))
    slope = f"the slope is {_rounded(slopes[0])}" if n == 1 else f"the gradient is {_point(slopes)}"
    if step == len(path) - 1:
        return (
            f"After {format_count(step, 'steps')} with {settings} the path has diverged, far outside the plot: "
            f"{position}, loss {loss}. Choose a smaller learning rate, or less momentum."
        )
    ahead = f"With {settings} the next step moves {' and '.join(names)} by {_point(path[step + 1, :n] - here)}"
    if step == 0:
        return f"At the start, {position}, the loss is {loss} and {slope}. {ahead}."
    before = _rounded(path[0, n])
    direction = "falls" if path[step, n] < path[0, n] else "rises"
    change = f"stays at {loss}" if loss == before else f"{direction} from {before} to {loss}"
    return f"After {format_count(step, 'steps')}: {position}. The loss {change}. Here {slope}. {ahead}."


def _point(values: np.ndarray) -> str:
    numbers = ", ".join(map(_rounded, values))
    return numbers if len(values) == 1 else f"({numbers})"


def _rounded(value: float) -> str:
    """The number in words; what rounding errors left of a zero is 0."""
    return format_number(0 if abs(value) < 1e-12 else value)


def graph_explorer() -> Panel:
    """Type an expression of x and w, and see its graph with the value and the gradient of each node."""
    controls = {
        "expression": text("expression of x and w", _EXAMPLE),
        "x": slider("x", 2.0, -3.0, 3.0, step=0.1, digits=1),
        "w": slider("w", 1.5, -3.0, 3.0, step=0.1, digits=1),
    }
    return Panel("Computational graph", controls, _graph)


def _graph(expression: str, x: float, w: float) -> Answer:
    ax = expression_graph(expression, x=x, w=w)
    place([ax], (0, 0, 1, 1))
    return ax


def expression_graph(expression: str, *, x: float, w: float) -> Axes:
    """Draw the graph of an expression of x and w, with the value and the gradient of each node.

    Raises: RefusalError, a ValueError, where the expression does not depend on x or w, or has no gradient.
    """
    parsed = parse(expression, ("x", "w"), example=_EXAMPLE)
    leaves = {name: torch.tensor(float(value), requires_grad=True) for name, value in {"x": x, "w": w}.items()}
    trace = Trace(parsed, leaves)
    trace.result.backward()
    used = {name: leaf for name, leaf in leaves.items() if leaf.grad is not None}
    gradients = " and ".join(f"{format_number(leaf.grad)} for {name}" for name, leaf in used.items())
    values = " and ".join(f"{name} = {format_number(leaf.detach())}" for name, leaf in used.items())
    sentence = f"For {values}, {parsed.text} is {format_number(trace.result.detach())}; its gradient is {gradients}."
    if not all(torch.as_tensor(value).isfinite() for value in trace.tensors):
        sentence += " One of the values is nan (not a number) or inf (too large for a float)."
    return set_caption(draw_graph(trace.graph()), sentence)


class Trace(TorchFunctionMode):
    """An expression of scalars as PyTorch computes it, operation by operation; each result keeps its gradient.

    Raises: RefusalError where a result has no gradient, or where there are too many nodes to draw.
    """

    def __init__(self, expression: Expression, leaves: Mapping[str, Tensor]) -> None:
        """Compute the expression for these leaves."""
        super().__init__()
        self._expression, self._names = expression, {id(leaf): name for name, leaf in leaves.items()}
        self.nodes: list[Node] = []
        self.tensors: list[Tensor | float] = []  # the value of each node
        self.edges: list[tuple[int, int]] = []
        self.result = expression.value(leaves, mode=self)
        if not self.result.requires_grad:
            expression.refuse(expression.text)
        self._index(self.result)  # where the expression is a name
        if len(self.nodes) > _MOST_NODES:
            raise RefusalError(f"Expected up to {_MOST_NODES} nodes: received more. Make the expression shorter.")

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Tensor:  # noqa: ANN401
        """Compute one operation, and keep its result as a node."""
        result = func(*args, **(kwargs or {}))
        if not getattr(result, "requires_grad", False) or result.ndim:
            self._expression.refuse(f"{self._expression.text}, which has no gradient to draw")
        if not result.is_leaf:  # as that of `+x` is
            # In `1 - x`, PyTorch is given x first.
            sources = [self._index(operand) for operand in (args[::-1] if func.__name__.startswith("__r") else args)]
            result.retain_grad()
            user = self._add(Node("operation", result.grad_fn.name()), result)
            self.edges += [(source, user) for source in sources]
        return result

    def graph(self) -> Graph:
        """The nodes with values and, after `backward`, gradients, and the arrows between them."""
        nodes = [node._replace(note=_note(value)) for node, value in zip(self.nodes, self.tensors, strict=True)]
        end = Node("result", "result", note=f"= {format_number(self.result.detach())}")
        return Graph([*nodes, end], [*self.edges, (len(nodes) - 1, len(nodes))])

    def _index(self, operand: Tensor | float) -> int:
        """The node of an operand: that of an earlier result, or a new one for a leaf or a number."""
        if not isinstance(operand, Tensor):
            return self._add(Node("constant", format_number(operand)), operand)
        known = [i for i, tensor in enumerate(self.tensors) if tensor is operand]
        return known[0] if known else self._add(Node("leaf", self._names[id(operand)]), operand)

    def _add(self, node: Node, value: Tensor | float) -> int:
        self.nodes.append(node)
        self.tensors.append(value)
        return len(self.nodes) - 1


def _note(value: Tensor | float) -> str:
    if not isinstance(value, Tensor):
        return ""
    gradient = "none" if value.grad is None else format_number(value.grad)
    return f"= {format_number(value.detach())}, grad {gradient}"
