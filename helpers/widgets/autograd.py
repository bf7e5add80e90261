"""Gradient descent step by step, and the graph of an expression with its values and gradients."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from helpers.plotting import descent_on_contours, descent_on_curve, draw_graph, learning_curves, set_caption
from helpers.plotting.graph import Graph, Node
from helpers.plotting.style import new_axes, styled
from helpers.plotting.values import format_count, format_number
from helpers.widgets.expressions import Expression, parse
from helpers.widgets.panel import Answer, Panel, RefusalError, choice, place, scale, slider, text
from helpers.widgets.runner import Runner


class Landscape(NamedTuple):
    """A loss of one parameter w, from -4 to 4, or of two, u from -4 to 4 and v from -3 to 3, given as a tensor."""

    names: tuple[str, ...]
    loss: Callable[[Tensor], Tensor]


LANDSCAPES: Mapping[str, Landscape] = {
    "curve: w²": Landscape(("w",), lambda p: p[0] ** 2),
    "curve, two valleys: w⁴/8 - w² + w/2 + 4": Landscape(("w",), lambda p: p[0] ** 4 / 8 - p[0] ** 2 + p[0] / 2 + 4),
    "surface, a bowl: u² + 5v²": Landscape(("u", "v"), lambda p: p[0] ** 2 + 5 * p[1] ** 2),
    "surface, a saddle: v⁴/4 + u² - v² + 1": Landscape(("u", "v"), lambda p: p[1] ** 4 / 4 + p[0] ** 2 - p[1] ** 2 + 1),
}
RATES = (0.001, 0.003, 0.01, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.0, 1.05, 1.5)
_MOST_STEPS = 60
_LOST = 1e3  # so far out, a path does not come back
_ROUNDING = 1e-12


def descent_explorer() -> Panel:
    """Roll down a curve or a surface: where to start, how long the steps are, how much of the last one is kept."""
    controls = {
        "landscape": choice("loss", list(LANDSCAPES)),
        "across": slider("start at w or u", 3.0, -4.0, 4.0, step=0.1, digits=1),
        "up": slider("start at v (surface)", 1.0, -3.0, 3.0, step=0.1, digits=1),
        "lr": scale("learning rate", RATES, 0.1),
        "momentum": slider("momentum", 0.0, 0.0, 0.95, step=0.05),
        "steps": Runner("steps", _MOST_STEPS, pause=250),
    }
    return Panel("Gradient descent", controls, _descend, adjust=_adjust)


def _adjust(panel: Panel) -> None:
    """A curve has no v to start at."""
    panel.controls["up"].disabled = len(LANDSCAPES[panel.values["landscape"]].names) == 1


def _descend(*, landscape: str, across: float, up: float, lr: float, momentum: float, steps: int) -> Answer:
    chosen = LANDSCAPES[landscape]
    start = [across, up][: len(chosen.names)]
    path = descent_path(chosen.loss, start, lr=lr, momentum=momentum, steps=steps + 1)
    sentence = _in_words(chosen.names, path, steps, f"learning rate {lr:g} and momentum {format_number(momentum)}")
    return _picture(chosen, path[: steps + 1]), sentence


def descent_path(
    loss: Callable[[Tensor], Tensor], start: list[float], *, lr: float, momentum: float, steps: int
) -> np.ndarray:
    """Parameters, loss and gradient before the first step of SGD and after each; it ends early where the path is lost.

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
        if p.detach().abs().max() > _LOST:
            break
        optimizer.step()
    return np.array(path)


@styled()
def _picture(landscape: Landscape, path: np.ndarray) -> np.ndarray:
    axes = new_axes(2, height=3.2, grid="y")
    place(axes, (0.09, 0.15, 0.39, 0.79), (0.59, 0.15, 0.39, 0.79))
    axes[0].grid(visible=False)
    # A little beyond where a path may start, so that its square is whole.
    across = torch.linspace(-4.2, 4.2, 85, dtype=torch.float64)
    if len(landscape.names) == 1:
        descent_on_curve(across, landscape.loss(across[None]), {"": path}, tangents=[len(path) - 1], axes=axes[0])
    else:
        up = torch.linspace(-3.2, 3.2, 65, dtype=torch.float64)
        heights = landscape.loss(torch.stack(torch.meshgrid(across, up, indexing="xy")))
        descent_on_contours(across, up, heights, {"": path[:, :3]}, axes=axes[0])
    losses = path[:, len(landscape.names)]
    learning_curves({"epoch": range(len(losses)), "loss": losses}, metrics="loss", axes=axes[1])
    axes[1].set(xlabel="step", xlim=(-0.2, max(10, len(losses)) + 0.2), ylim=(0, 1.06 * losses.max() + 0.1))
    return axes


def _in_words(names: tuple[str, ...], path: np.ndarray, steps: int, settings: str) -> str:
    n = len(names)
    done = min(steps, len(path) - 1)
    here, loss, slopes = path[done, :n], path[done, n], path[done, n + 1 :]
    place = _named(names, here)
    slope = f"the slope is {_number(slopes[0])}" if n == 1 else f"the gradient is {_point(slopes)}"
    if done == len(path) - 1:
        return (
            f"After {format_count(done, 'steps')} with {settings} the path is lost, far outside the picture: {place}, "
            f"loss {_number(loss)}. Choose a smaller learning rate, or less momentum."
        )
    move = path[done + 1, :n] - here
    ahead = f"With {settings} the next step moves {names[0] if n == 1 else 'u and v'} by {_point(move)}"
    if done == 0:
        return f"At the start, {place}, the loss is {_number(loss)} and {slope}. {ahead}."
    before, now = _number(path[0, n]), _number(loss)
    since = (
        f"{'falls' if loss < path[0, n] else 'rises'} from {before} to {now}" if now != before else f"stays at {now}"
    )
    return f"After {format_count(done, 'steps')}: {place}. The loss {since}. Here {slope}. {ahead}."


def _named(names: tuple[str, ...], values: np.ndarray) -> str:
    return ", ".join(f"{name} = {_number(value)}" for name, value in zip(names, values, strict=True))


def _point(values: np.ndarray) -> str:
    words = ", ".join(_number(value) for value in values)
    return words if len(values) == 1 else f"({words})"


def _number(value: float) -> str:
    """The number, with what is left of a zero after rounding errors as 0."""
    return format_number(0 if abs(value) < _ROUNDING else value)


def graph_explorer() -> Panel:
    """Type an expression of x and w: its graph, with the value of each box and the gradient that arrives there."""
    controls = {
        "expression": text("expression of x and w", "(w * x - 1) ** 2"),
        "x": slider("x", 2.0, -3.0, 3.0, step=0.1, digits=1),
        "w": slider("w", 1.5, -3.0, 3.0, step=0.1, digits=1),
    }
    return Panel("Computational graph", controls, _graph)


def _graph(expression: str, x: float, w: float) -> Answer:
    axes = expression_graph(expression, x=x, w=w)
    place(axes, (0, 0, 1, 1))
    return axes


def expression_graph(expression: str, *, x: float, w: float) -> Axes:
    """Draw the graph of an expression of x and w with the value of each box and the gradient that arrives there.

    Raises: RefusalError, a ValueError, where the expression is none of x and w, or has no slope.
    """
    parsed = parse(expression, ("x", "w"), example=_EXAMPLE)
    if not parsed.names:
        raise RefusalError(f"Expected an expression that depends on x or w: received {parsed.text}. Type {_EXAMPLE}.")
    leaves = {name: torch.tensor(float(value), requires_grad=True) for name, value in {"x": x, "w": w}.items()}
    trace = Trace(parsed, leaves)
    trace.result.backward()
    gradients = " and ".join(f"{format_number(leaves[name].grad)} for {name}" for name in parsed.names)
    values = " and ".join(f"{name} = {format_number(leaves[name].detach())}" for name in parsed.names)
    sentence = f"For {values}, {parsed.text} is {format_number(trace.result.detach())}; its gradient is {gradients}."
    if not all(step.tensor.isfinite() for step in trace.steps):
        sentence += " On the way stands nan, which is not a number, or inf, which is too large for one."
    return set_caption(draw_graph(trace.graph()), sentence)


_EXAMPLE = "(w * x - 1) ** 2"
_MOST_BOXES = 16
_LEFT, _RIGHT = ast.Name("left"), ast.Name("right")


class Step(NamedTuple):
    """One box: a leaf, a number, or what an operation gave, and the steps it was computed from."""

    node: Node
    tensor: Tensor
    sources: tuple[int, ...] = ()


class Trace:
    """An expression computed operation by operation, as autograd records it, each result kept with its gradient.

    Raises: RefusalError where one of them is none that has a slope, or where there are too many to draw.
    """

    def __init__(self, expression: Expression, leaves: Mapping[str, Tensor]) -> None:
        """Compute it for these leaves."""
        self._expression, self._leaves = expression, leaves
        self._place: dict[str, int] = {}
        self.steps: list[Step] = []
        self._visit(expression.tree)

    @property
    def result(self) -> Tensor:
        """What the whole expression gives."""
        return self.steps[-1].tensor

    def graph(self) -> Graph:
        """The boxes with values and, after `backward`, gradients, and the arrows between them."""
        nodes = [step.node._replace(note=_note(step)) for step in self.steps]
        edges = [(source, i) for i, step in enumerate(self.steps) for source in step.sources]
        value = format_number(self.result.detach())
        return Graph([*nodes, Node("result", "result", note=f"= {value}")], [*edges, (len(nodes) - 1, len(nodes))])

    def _visit(self, node: ast.expr) -> int:
        """Compute this part of the expression, and what it needs before; the place of its step."""
        if not any(isinstance(part, ast.Name) and part.id in self._leaves for part in ast.walk(node)):
            return self._number(node)
        match node:
            case ast.Name(id=name):
                if name not in self._place:
                    self._place[name] = self._add(Step(Node("leaf", name), self._leaves[name]))
                return self._place[name]
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow() as op, right=right):
                return self._compute(ast.BinOp(_LEFT, op, _RIGHT), left=left, right=right)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
                return self._compute(ast.UnaryOp(op, _LEFT), left=operand)
            case ast.Call(func=ast.Attribute(ast.Name("torch"), name) | ast.Name(name), args=[operand]):
                return self._compute(ast.Call(ast.Name(name), [_LEFT], []), left=operand)
            case ast.Call(func=ast.Attribute(value=operand, attr=name)):
                return self._compute(ast.Call(ast.Name(name), [_LEFT], []), left=operand)
            case _:
                raise RefusalError(
                    f"Expected + - * / ** and functions such as relu or exp: received {ast.unparse(node)}, which has "
                    f"no slope to draw. Type {_EXAMPLE}, for example."
                )

    def _compute(self, operation: ast.expr, **operands: ast.expr) -> int:
        """The result of one operation; it names its operands `left` and `right`, and they are computed before it."""
        sources = {name: self._visit(operand) for name, operand in operands.items()}
        single = replace(self._expression, tree=operation)
        result = single.value(**{name: self.steps[source].tensor for name, source in sources.items()})
        if result.grad_fn is None:  # + before a leaf does nothing
            return sources["left"]
        result.retain_grad()
        return self._add(Step(Node("operation", result.grad_fn.name()), result, tuple(sources.values())))

    def _number(self, node: ast.expr) -> int:
        """A number in the expression, or what is computed of numbers alone."""
        value = replace(self._expression, text=ast.unparse(node), tree=node).value()
        if value.is_complex():
            raise RefusalError(f"Expected real numbers: received {ast.unparse(node)}. Type {_EXAMPLE}, for example.")
        return self._add(Step(Node("constant", format_number(value)), value))

    def _add(self, step: Step) -> int:
        if len(self.steps) == _MOST_BOXES:
            raise RefusalError(f"Expected up to {_MOST_BOXES} boxes: received more. Make the expression shorter.")
        self.steps.append(step)
        return len(self.steps) - 1


def _note(step: Step) -> str:
    if step.node.role == "constant":
        return ""
    slope = "none" if step.tensor.grad is None else format_number(step.tensor.grad)
    return f"= {format_number(step.tensor.detach())}, grad {slope}"
