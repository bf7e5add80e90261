"""Tensor expressions that a learner types: every part of them is checked, then Python computes them.

A cell may do anything. A widget computes at every key, also what is only half typed: so it computes only what is listed
here, and nothing that grows large.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from helpers.widgets.panel import RefusalError, error_line

FUNCTIONS = ("relu", "sigmoid", "tanh", "exp", "log", "sqrt", "sin", "cos", "abs", "sum", "mean")
_LONGEST, _LARGEST_IN_POWER = 100, 100
_MOST_CELLS = 100_000  # of a result
_NODES = (
    *(ast.expr_context, ast.unaryop, ast.cmpop, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow),
    *(ast.MatMult, ast.BitAnd, ast.BitOr, ast.Name, ast.Constant, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Call),
    *(ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple, ast.List),
)


class _Small(TorchFunctionMode):
    """Refuses an operation whose result is large, before the next one makes it larger still."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.numel() > _MOST_CELLS:
            raise RefusalError(f"Expected results of up to {_MOST_CELLS:,} cells: received more. Combine less.")
        return result


@dataclass(frozen=True)
class Expression:
    """A checked expression of the tensors in `names`; `example` is one that works."""

    text: str
    names: Sequence[str]
    example: str

    @property
    def is_index(self) -> bool:
        """Whether it only picks cells out of a tensor: `x[0]`, `x[:, 1][2]`, and `x` itself."""
        node = ast.parse(self.text, mode="eval").body
        while isinstance(node, ast.Subscript):
            node = node.value
        return isinstance(node, ast.Name)

    def value(self, tensors: Mapping[str, Tensor], mode: TorchFunctionMode | None = None) -> Tensor:
        """Compute it with these tensors, as autograd records it; `mode` is told of every operation.

        Raises: RefusalError, with PyTorch's own message, where it cannot be computed.
        """
        known = {name: getattr(torch, name) for name in FUNCTIONS}
        try:
            with mode or _Small():
                result = eval(self.text, {"__builtins__": {}, "torch": torch, **known}, dict(tensors))
            return torch.as_tensor(result)
        except RefusalError:
            raise
        except Exception as error:  # whatever PyTorch says of it
            raise RefusalError(
                f"Expected something that PyTorch can compute: received {self.text}, and it raised "
                f"{error_line(error)} Change the expression."
            ) from error

    def refuse(self, fault: str) -> NoReturn:
        """Raise RefusalError: `fault` says what was received, or also what was expected; the example is the remedy."""
        if not fault.startswith("Expected"):
            fault = f"Expected an expression of {' and '.join(self.names)}: received {fault}"
        raise RefusalError(f"{fault}. Type {self.example}.")

    def check(self, node: ast.AST) -> None:
        """Refuse a node of the expression that is not listed here, might grow large, or means something else soon."""
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) if name not in {*self.names, *FUNCTIONS, "torch"}:
                known = f"{' and '.join(self.names)}, numbers, or the functions {', '.join(FUNCTIONS)}"
                self.refuse(f"Expected {known}: received {name}")
            case ast.Compare(ops=[_, _, *_]):
                self.refuse("Expected one comparison at a time: received several. Write (x > 1) & (x < 5), for example")
            case ast.BinOp(left=left, op=ast.Pow(), right=right) if _is_number(node) and any(
                getattr(part, "value", math.inf) > _LARGEST_IN_POWER for part in (left, right)
            ):
                self.refuse(f"{ast.unparse(node)}, a power of numbers that may be too large")
            case ast.List(elts=parts) if not all(map(_is_number, parts)):
                # Between brackets, PyTorch takes such a list for a tuple today, warns, and means to stop.
                self.refuse(f"Expected numbers in a list between the brackets: received {ast.unparse(node)}")
            case ast.BinOp(left=ast.List() | ast.Tuple()) | ast.BinOp(right=ast.List() | ast.Tuple()):
                self.refuse(f"{ast.unparse(node)}, which is not possible here")
            case _ if not isinstance(node, _NODES) or isinstance(getattr(node, "value", None), str | bytes | complex):
                self.refuse(f"{ast.unparse(node) or self.text}, which is not possible here")


def parse(text: str, names: Sequence[str], *, example: str) -> Expression:
    """Check what a learner typed; a function may be written as `relu(x)`, `torch.relu(x)` or `x.relu()`.

    Raises: RefusalError where it is not one short Python expression of these names, numbers, operators, indices and
        `FUNCTIONS`.
    """
    expression = Expression(text.strip(), names, example)
    if not expression.text:
        expression.refuse("nothing")
    if len(expression.text) > _LONGEST:
        expression.refuse(f"Expected up to {_LONGEST} characters: received {len(expression.text)}")
    if "^" in expression.text:
        expression.refuse("^, which is not a power in Python. Write ** for a power")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Python warns of `1if` and of `1(x)`
            tree = ast.parse(expression.text, mode="eval").body
            compile(expression.text, "expression", "eval")
    except (SyntaxError, SyntaxWarning, DeprecationWarning, ValueError, RecursionError, MemoryError):
        expression.refuse(f"{expression.text}, which is not complete")
    for node in ast.walk(tree):
        expression.check(node)
    return expression


def _is_number(node: ast.AST) -> bool:
    """Whether a node is computed from numbers alone."""
    if isinstance(node, ast.UnaryOp | ast.BinOp):
        return all(_is_number(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)
