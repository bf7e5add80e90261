"""Tensor expressions that a learner types: read by Python's own parser, checked node by node, computed by ourselves.

Nothing is ever given to `eval` or `exec`. What is not named here is refused, and so is what would grow large.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor

from helpers.widgets.panel import RefusalError

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
_LETTERS = r"A-Za-z0-9_ .,:()\[\]+\-*/%@<>=!&|~"
_LONGEST, _MOST_NODES, _LARGEST_NUMBER = 100, 60, 1_000_000
_MOST_CELLS = 100_000  # of a result


@dataclass(frozen=True)
class Expression:
    """An expression that has passed the grammar; `names` are those that occur in it, in the order given to `parse`."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]

    @property
    def is_index(self) -> bool:
        """Whether it only picks cells out of a tensor: `x[0]`, `x[:, 1][2]`, and `x` itself."""
        node = self.tree
        while isinstance(node, ast.Subscript):
            node = node.value
        return isinstance(node, ast.Name)

    def value(self, **tensors: Tensor) -> Tensor:
        """What it gives for these tensors, which stay as they are; gradients flow through it as usual.

        Raises: RefusalError, with what PyTorch says, where it cannot be computed.
        """
        try:
            return torch.as_tensor(_value(self.tree, tensors))
        except RefusalError:
            raise
        except (ArithmeticError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
            said = str(error).splitlines()[0][:200].rstrip(".") if str(error) else "no more"
            raise RefusalError(
                f"Expected something that PyTorch can compute: received {self.text}, and it says "
                f"{type(error).__name__}: {said}. Change the expression."
            ) from error


def parse(text: str, names: Iterable[str], *, example: str) -> Expression:
    """Read an expression of these names, of numbers, operators, indices and `FUNCTIONS`.

    A function may be written as `relu(x)`, `torch.relu(x)` or `x.relu()`. `example` is one that works: the remedy.

    Raises: RefusalError for anything else, in words for the learner.
    """
    names, text = tuple(names), text.strip()
    expected, remedy = f"Expected an expression of {' and '.join(names)}", f"Type {example}, for example."
    if not text:
        raise RefusalError(f"{expected}: received nothing. {remedy}")
    if len(text) > _LONGEST:
        raise RefusalError(f"{expected} of up to {_LONGEST} letters: received {len(text)}. Make it shorter.")
    if "^" in text:
        raise RefusalError(f"{expected}: received ^, which is no power in Python. Write ** for a power.")
    if strange := re.search(f"[^{_LETTERS}]", text):
        raise RefusalError(f"{expected}: received the sign {strange.group()!r}, which none can hold. {remedy}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of `1if`, which is refused below
            tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise RefusalError(f"{expected}: received {text}, which is not complete. {remedy}") from None
    nodes = list(ast.walk(tree))
    if len(nodes) > _MOST_NODES:
        raise RefusalError(f"{expected} of a few terms: received too many. Make it shorter.")
    _Grammar(names, expected, remedy).check(tree)
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    return Expression(text, tree, tuple(name for name in names if name in used))


class _Grammar:
    """Lets pass what `_value` can compute, and says of anything else what it is."""

    def __init__(self, names: tuple[str, ...], expected: str, remedy: str) -> None:
        self.names, self.expected, self.remedy = names, expected, remedy

    def check(self, node: ast.expr) -> None:  # noqa: PLR0912 - one case for each kind of node
        match node:
            case ast.Name(id=name) if name in self.names:
                pass
            case ast.Name(id=name):
                self._refuse(f"{self.expected}: received the name {name}")
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                if abs(number) > _LARGEST_NUMBER:
                    self._refuse(f"Expected numbers up to {_LARGEST_NUMBER:,}: received a larger one")
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                self.check(left)
                self.check(right)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
                self.check(operand)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
                self.check(left)
                self.check(right)
            case ast.Compare(ops=[_, _, *_]):
                self._refuse("Expected one comparison at a time: received several. Write (x > 1) & (x < 5)")
            case ast.Subscript(value=value, slice=index):
                self.check(value)
                self._check_index(index)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), keywords=[]):
                if name not in FUNCTIONS:
                    self._refuse(f"Expected one of the functions {', '.join(FUNCTIONS)}: received {name}")
                operands = _operands(node)
                if len(operands) != 1:
                    self._refuse(f"Expected one tensor for {name}: received {len(operands)}")
                self.check(operands[0])
            case _:
                self._refuse(f"{self.expected}: received {ast.unparse(node)}, which cannot stand there")

    def _check_index(self, node: ast.expr) -> None:
        match node:
            case ast.Constant(value=value) if value is None or value is ... or isinstance(value, bool):
                pass
            case ast.List(elts=parts) if any(map(_is_no_number, parts)):
                # PyTorch takes such a list for a tuple today, warns, and means to stop.
                self._refuse(f"Expected numbers in a list between the brackets: received {ast.unparse(node)}")
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._check_index(part)
            case ast.Slice(lower=lower, upper=upper, step=step):
                for part in filter(None, (lower, upper, step)):
                    self.check(part)
            case _:
                self.check(node)

    def _refuse(self, fault: str) -> NoReturn:
        raise RefusalError(f"{fault}. {self.remedy}")


def _is_no_number(part: ast.expr) -> bool:
    """Whether a part of an index is `...`, None, a list or a tuple."""
    return isinstance(part, ast.List | ast.Tuple) or (isinstance(part, ast.Constant) and part.value in (None, ...))


def _operands(call: ast.Call) -> list[ast.expr]:
    """What a function is called with: in `relu(x)`, `torch.relu(x)` and `x.relu()` it is x."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="torch")) | ast.Name():
            return call.args
        case ast.Attribute(value=owner):
            return [owner, *call.args]


def _value(node: ast.expr, tensors: Mapping[str, Tensor]) -> Any:  # noqa: ANN401 - a tensor, or a number in the text
    match node:
        case ast.Name(id=name):
            return tensors[name]
        case ast.Constant(value=number):
            return number
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATORS[type(op)](_value(operand, tensors))
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            return _combined(op, _value(left, tensors), _value(right, tensors))
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return FUNCTIONS[name](torch.as_tensor(_value(_operands(node)[0], tensors)))
        case ast.Subscript(value=value, slice=index):
            tensor, index = torch.as_tensor(_value(value, tensors)), _index(index, tensors)
            parts = index if isinstance(index, tuple) else (index,)
            _check_size(tensor, *(part for part in parts if isinstance(part, Tensor)))
            return tensor[index]
    raise TypeError(f"{type(node).__name__} is in no expression")  # `_Grammar` and this function differ


def _combined(op: ast.operator | ast.cmpop, left: Any, right: Any) -> Any:  # noqa: ANN401
    _check_size(*(value for value in (left, right) if isinstance(value, Tensor)))
    if isinstance(op, ast.Pow) and not isinstance(left, Tensor) and not isinstance(right, Tensor):
        return float(left) ** float(right)  # whole numbers would be computed to their last of a billion digits
    return _OPERATORS[type(op)](left, right)


def _index(node: ast.expr, tensors: Mapping[str, Tensor]) -> Any:  # noqa: ANN401
    match node:
        case ast.Tuple(elts=parts):
            return tuple(_index(part, tensors) for part in parts)
        case ast.List(elts=parts):
            return [_index(part, tensors) for part in parts]
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(None if part is None else _value(part, tensors) for part in (lower, upper, step)))
        case _:
            return _value(node, tensors)


def _check_size(*tensors: Tensor) -> None:
    """Refuse what might grow large before any memory is asked for: two tensors may give the product of their cells."""
    same = len({tensor.shape for tensor in tensors}) == 1
    if math.prod(max(tensor.numel(), 1) for tensor in tensors[: 1 if same else None]) > _MOST_CELLS:
        raise RefusalError(f"Expected results of up to {_MOST_CELLS:,} cells: received more. Combine less.")
