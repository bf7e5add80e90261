"""Tensor expressions that a learner types: parsed by Python, then computed node by node by the code below.

Nothing is ever passed to `eval` or `exec`. Whatever is not listed here is refused, and so is what would grow large.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, NoReturn

import torch
from torch import Tensor

from helpers.widgets.panel import RefusalError, error_line

FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    function.__name__: function
    for function in (
        *(torch.relu, torch.sigmoid, torch.tanh, torch.exp, torch.log, torch.sqrt, torch.sin, torch.cos, torch.abs),
        *(torch.sum, torch.mean),
    )
}
_OPERATORS: Mapping[type, Callable[..., Any]] = {
    **{ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv},
    **{ast.Pow: operator.pow, ast.Mod: operator.mod, ast.MatMult: operator.matmul},
    **{ast.BitAnd: operator.and_, ast.BitOr: operator.or_},
    **{ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert},
    **{ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt},
    **{ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge},
}
_CHARACTERS = r"A-Za-z0-9_ .,:()\[\]+\-*/%@<>=!&|~"
_LONGEST, _MOST_NODES, _LARGEST_NUMBER = 100, 60, 1_000_000
_MOST_CELLS = 100_000  # of a result


@dataclass(frozen=True)
class Expression:
    """A parsed expression; `names` are the tensors that it may use, `example` is one that works."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]
    example: str

    @property
    def is_index(self) -> bool:
        """Whether it only picks cells out of a tensor: `x[0]`, `x[:, 1][2]`, and `x` itself."""
        node = self.tree
        while isinstance(node, ast.Subscript):
            node = node.value
        return isinstance(node, ast.Name)

    def value(self, **tensors: Tensor) -> Tensor:
        """Compute it with these tensors, which stay as they are; gradients flow through it as usual.

        Raises: RefusalError for anything but numbers, operators, indices and `FUNCTIONS` of these tensors, and, with
            PyTorch's own message, where it cannot be computed.
        """
        return Evaluation(self, tensors).run()

    def refuse(self, fault: str) -> NoReturn:
        """Raise RefusalError: `fault` says what was received, or also what was expected; the example is the remedy."""
        rule = f"Expected an expression of {' and '.join(self.names)}: received "
        raise RefusalError(f"{fault if fault.startswith('Expected') else rule + fault}. Type {self.example}.")


def parse(text: str, names: Iterable[str], *, example: str) -> Expression:
    """Parse what a learner typed; a function may be written as `relu(x)`, `torch.relu(x)` or `x.relu()`.

    Raises: RefusalError where it is not one short Python expression.
    """
    text = text.strip()
    expression = Expression(text, ast.Constant(0), tuple(names), example)
    if not text:
        expression.refuse("nothing")
    if len(text) > _LONGEST:
        expression.refuse(f"Expected up to {_LONGEST} characters: received {len(text)}")
    if "^" in text:
        expression.refuse("^, which is not a power in Python. Write ** for a power")
    if strange := re.search(f"[^{_CHARACTERS}]", text):
        expression.refuse(f"the character {strange.group()!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of `1if`, which is refused below
            tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        expression.refuse(f"{text}, which is not complete")
    if len(list(ast.walk(tree))) > _MOST_NODES:
        expression.refuse("Expected a few terms: received too many")
    return Expression(text, tree, tuple(names), example)


class Evaluation:
    """Computes the nodes of one expression, and refuses every node that is not listed."""

    def __init__(self, expression: Expression, tensors: Mapping[str, Tensor]) -> None:
        """Prepare to compute the expression with these tensors."""
        self.expression, self.tensors = expression, tensors

    def run(self) -> Tensor:
        """Compute the whole expression. Raises: as `Expression.value`."""
        try:
            return torch.as_tensor(self.value(self.expression.tree))
        except RefusalError:
            raise
        except (ArithmeticError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
            raise RefusalError(
                f"Expected something that PyTorch can compute: received {self.expression.text}, and it raised "
                f"{error_line(error)} Change the expression."
            ) from error

    def value(self, node: ast.expr) -> Any:  # noqa: ANN401, PLR0911 - a tensor or a number; a case per kind of node
        """Compute one node and all below it."""
        match node:
            case ast.Name(id=name) if name in self.tensors:
                return self.tensors[name]
            case ast.Name(id=name):
                self.expression.refuse(f"the name {name}")
            case ast.Constant(value=int() | float() as constant) if not isinstance(constant, bool):
                if abs(constant) > _LARGEST_NUMBER:
                    self.expression.refuse(f"Expected numbers up to {_LARGEST_NUMBER:,}: received a larger one")
                return constant
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
                return _OPERATORS[type(op)](self.value(operand))
            case ast.Compare(ops=[_, _, *_]):
                self.expression.refuse(
                    "Expected one comparison at a time: received several. Write (x > 1) & (x < 5), for example"
                )
            case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]) if (
                type(op) in _OPERATORS
            ):
                return self._combine(op, self.value(left), self.value(right))
            case ast.Call(func=ast.Attribute(ast.Name("torch"), name) | ast.Name(name), args=operands, keywords=[]):
                return self._call(name, operands)
            case ast.Call(func=ast.Attribute(value=owner, attr=name), args=operands, keywords=[]):
                return self._call(name, [owner, *operands])
            case ast.Subscript(value=owner, slice=index):
                tensor, at = torch.as_tensor(self.value(owner)), self._index(index)
                _check_size(tensor, *(at if isinstance(at, tuple) else (at,)))
                return tensor[at]
            case _:
                self.expression.refuse(f"{ast.unparse(node)}, which is not possible here")

    def _call(self, name: str, operands: list[ast.expr]) -> Tensor:
        if name not in FUNCTIONS:
            self.expression.refuse(f"Expected one of the functions {', '.join(FUNCTIONS)}: received {name}")
        if len(operands) != 1:
            self.expression.refuse(f"Expected one tensor for {name}: received {len(operands)}")
        return FUNCTIONS[name](torch.as_tensor(self.value(operands[0])))

    def _combine(self, op: ast.operator | ast.cmpop, left: Any, right: Any) -> Any:  # noqa: ANN401
        _check_size(left, right)
        if isinstance(op, ast.Pow) and not isinstance(left, Tensor) and not isinstance(right, Tensor):
            return float(left) ** float(right)  # integers would be computed to the last of a billion digits
        return _OPERATORS[type(op)](left, right)

    def _index(self, node: ast.expr) -> Any:  # noqa: ANN401
        match node:
            case ast.Constant(value=None | bool() | EllipsisType() as constant):
                return constant
            case ast.List(elts=parts) if not all(map(_is_number, parts)):
                # PyTorch takes such a list for a tuple today, warns, and means to stop.
                self.expression.refuse(f"Expected numbers in a list between the brackets: received {ast.unparse(node)}")
            case ast.Tuple(elts=parts):
                return tuple(map(self._index, parts))
            case ast.List(elts=parts):
                return list(map(self._index, parts))
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(*(None if part is None else self.value(part) for part in (lower, upper, step)))
            case _:
                return self.value(node)


def _is_number(part: ast.expr) -> bool:
    """Whether a part of a list between brackets is not `...`, None, a list or a tuple."""
    return not isinstance(part, ast.List | ast.Tuple) and getattr(part, "value", 0) not in (None, ...)


def _check_size(*operands: Any) -> None:  # noqa: ANN401
    """Refuse what might grow large before any memory is asked for: two tensors may give the product of their cells."""
    tensors = [operand for operand in operands if isinstance(operand, Tensor)]
    same = len({tensor.shape for tensor in tensors}) == 1
    if math.prod(max(tensor.numel(), 1) for tensor in tensors[: 1 if same else None]) > _MOST_CELLS:
        raise RefusalError(f"Expected results of up to {_MOST_CELLS:,} cells: received more. Combine less.")
