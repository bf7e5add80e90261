"""What beginners do wrong in every exercise, recognised in one place: from the source, the error and the values.

`diagnose` returns one sentence, or None where there is no evidence: a hint that points at the wrong thing is worse than
none. A rule that says "perhaps" does not belong here.
"""

from __future__ import annotations

import ast
import difflib
import math
import re
from collections.abc import Callable, Iterator
from itertools import permutations
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from helpers.checks.compare import UNSET, NotYet, brief, kind, plain, same
from helpers.checks.source import called_name, cell_names, free_names, function_of, is_library, tree_of


def diagnose(finding: NotYet) -> str | None:
    """A hint for an answer that was found wrong, where its source or its result shows what went wrong."""
    tree = _tree(finding)
    rules: list[Iterator[str]] = []
    if finding.error is not None:
        rules += [_of_names(finding, tree), _of_the_page(finding, tree), _of_fixed_sizes(finding, tree)]
        rules += [_of_layers(tree), _of_messages(finding, tree)]
    elif finding.observed is not UNSET:
        observed, wanted = plain(finding.observed), plain(finding.wanted)
        rules += [_of_returns(observed, wanted, tree), _of_the_page(finding, tree), _of_types(observed, wanted)]
        rules += [_of_constants(finding), _of_elements(observed, wanted), _of_tensors(observed, wanted, tree)]
        rules += [_of_fixed_sizes(finding, tree)]
    else:
        rules += [_of_the_page(finding, tree)]
    rules += [_of_dead_lines(tree), _of_unused(tree)]
    return next((hint for rule in rules for hint in rule), None)


def evident(finding: NotYet) -> str | None:
    """A hint that is true beside any other one: data of the notebook, or a line that does nothing."""
    tree = _tree(finding)
    return next((hint for rule in (_of_the_page(finding, tree), _of_dead_lines(tree)) for hint in rule), None)


def _tree(finding: NotYet) -> ast.AST | None:
    return tree_of(finding.calls[-1].function) if finding.calls else None


# Names


def _of_names(finding: NotYet, tree: ast.AST | None) -> Iterator[str]:
    """A name that does not exist: a letter of the task, a name of PyTorch without its module, a typing error."""
    error = finding.error
    if isinstance(error, UnboundLocalError):
        yield f"`{_quoted(error)}` is used before your function gives it a value on this path."
        return
    if not isinstance(error, NameError):
        return
    name = error.name or _quoted(error)
    call = finding.calls[-1]
    known = _known(call.function, tree)
    if re.fullmatch(r"[A-Z]", name):
        sized = next((one for one in _arguments(tree) if one not in ("self", "cls")), "X")
        yield (
            f"`{name}` is only the task's letter for a size, and Python does not know it. Take the "
            f"size from an argument, "
            f"as in `{sized}.shape[0]`."
            if name != "F"
            else "`F` is not imported in this notebook, and a letter of the task is not a Python name: a size comes "
            "from `.shape`, a function from `torch.nn.functional`."
        )
    elif any(
        isinstance(one, ast.Attribute) and one.attr == name for one in ast.walk(tree or ast.Pass())
    ) and isinstance(tree, ast.ClassDef):
        yield f"`{name}` belongs to the object: write `self.{name}`."
    elif close := difflib.get_close_matches(name, known, 1, 0.75):
        yield f"There is no `{name}`. Do you mean `{close[0]}`?"
    elif hasattr(torch, name):
        yield f"There is no `{name}` by itself: it belongs to PyTorch, `torch.{name}`."
    else:
        yield f"`{name}` has no value here: use what the function is given, or give `{name}` a value first."


def _known(function: Any, tree: ast.AST | None) -> list[str]:
    names = [*_arguments(tree)]
    if tree is not None:
        names += [one.id for one in ast.walk(tree) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
    own = function_of(function)
    return [*names, *(name for name in (own.__globals__ if own else ()) if not name.startswith("_"))]


def _of_the_page(finding: NotYet, tree: ast.AST | None) -> Iterator[str]:
    """Data of the notebook where an argument was meant: what copying the section above produces."""
    function = _method_or_function(finding.calls[-1].function) if finding.calls else None
    if tree is None or function is None:
        return
    own = cell_names(function)
    for name in free_names(tree):
        value = function.__globals__.get(name)
        if name not in own and isinstance(
            value, Tensor | np.ndarray | DataLoader | Dataset | nn.Module | Optimizer | list | float | int
        ):
            shown = f" ({brief(value)})" if type(value) is Tensor else ""
            arguments = [one for one in _arguments(tree) if one not in ("self", "cls")]
            listed = " and ".join(f"`{one}`" for one in arguments) or "its arguments"
            yield (
                f"Your code uses `{name}`, a variable of the notebook{shown}, and not only what it is given. It should "
                f"work with {listed} alone."
            )
            return


def _method_or_function(answer: Any) -> FunctionType | None:
    function = function_of(answer)
    if function is not None and not is_library(function.__code__.co_filename):
        return function
    cls = answer if issubclass(type(answer), type) else type(answer)
    own = type.__dict__["__dict__"].__get__(cls).values()
    return next((method for method in own if type(method) is FunctionType), None)


def _arguments(tree: ast.AST | None) -> list[str]:
    return [one.arg for one in ast.walk(tree) if isinstance(one, ast.arg)] if tree is not None else []


def _quoted(error: BaseException) -> str:
    found = re.search(r"'(\w+)'", str(error.args[0]) if error.args else "")
    return found[1] if found else ""


def _of_dead_lines(tree: ast.AST | None) -> Iterator[str]:
    """A method without its brackets in a line of its own, lines after a `return`."""
    for one in ast.walk(tree) if tree is not None else ():
        if isinstance(one, ast.Expr) and isinstance(one.value, ast.Attribute):
            yield f"`{ast.unparse(one)}` alone does nothing: a call has brackets, `{ast.unparse(one)}()`."
        lines = getattr(one, "body", None)
        for line in lines[:-1] if isinstance(lines, list) else ():
            line = line.body[-1] if isinstance(line, ast.With) else line
            if isinstance(line, ast.Return):
                yield f"`{ast.unparse(line)}` ends the function: the lines after it never run."


def _of_unused(tree: ast.AST | None) -> Iterator[str]:
    """An argument that the function never reads."""
    if isinstance(tree, ast.FunctionDef):
        read = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}
        for name in _arguments(tree):
            if name not in read and not name.startswith("_") and name not in ("self", "cls"):
                yield f"Your function never uses `{name}`, which it is given."


# What is returned


def _of_returns(observed: Any, wanted: Any, tree: ast.AST | None) -> Iterator[str]:
    """No `return`, `print` in its place, a `return` that comes in the first round of a loop."""
    if isinstance(tree, ast.ClassDef):  # a model returns what its `forward` does
        tree = next((one for one in tree.body if getattr(one, "name", "") in ("forward", "__call__")), tree)
    if isinstance(tree, ast.FunctionDef):
        returns = [one for one in _own_nodes(tree) if isinstance(one, ast.Return) and one.value is not None]
        if observed is None and wanted is not None and not returns:
            printing = any(called_name(one) == "print" for one in ast.walk(tree))
            yield (
                "`print` only shows a value; the function itself returns None. Hand the value back with `return`."
                if printing
                else "Your function has no `return`, so it returns None."
            )
            return
        if observed is None and wanted is not None:
            for one in returns:
                method = called_name(one.value).rpartition(".")[2]
                if method in _RETURN_NONE:
                    yield f"`{method}()` does its work in place and returns None: call it in a line of its own."
                    return
        loop = next((one for one in ast.walk(tree) if isinstance(one, ast.For | ast.While)), None)
        if loop and any(isinstance(one, ast.Return) for one in loop.body):
            yield "The `return` is inside the loop, so the function ends in its first round. Move it to the left."
            return
    if observed is None and wanted is not None:
        yield _of_none(tree)


def _of_none(tree: ast.AST | None) -> str:
    source = ast.unparse(tree) if tree is not None else ""
    if ".grad" in source and "backward(" not in source:
        return "Your function returned None: a `.grad` is None until `backward()` has run."
    if ".grad" in source:
        return (
            "Your function returned a `.grad` that is None: `backward()` fills it for leaves that "
            "require gradients, not "
            "for what was computed from them."
        )
    return "Your function returned None."


_RETURN_NONE = {"backward", "append", "extend", "step", "zero_grad", "sort", "update", "print", "insert", "reverse"}


def _own_nodes(tree: ast.FunctionDef) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        one = waiting.pop()
        yield one
        if not isinstance(one, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(one)


def _of_types(observed: Any, wanted: Any) -> Iterator[str]:  # noqa: PLR0912 - a table of kinds
    """A value of another kind than the one that is wanted."""
    cls = type(observed)
    if cls in (FunctionType, BuiltinFunctionType, MethodType):
        name = getattr(observed, "__name__", "it")
        yield f"`{name}` is a function, and it was not called: brackets are missing, as in `{name}()`."
    elif cls is ModuleType:
        yield "This is a Python module, not a value."
    elif issubclass(cls, type):
        yield f"This is {kind(observed)} itself, not an object of it: brackets are missing."
    elif issubclass(cls, nn.Module) and not isinstance(wanted, nn.Module):
        yield f"This is {kind(observed)}, a layer, not a result. Make the layer first, then call it with the inputs."
    elif type(wanted) is Tensor:
        if cls is np.ndarray:
            yield (
                "This is a NumPy array: `torch.from_numpy` makes a tensor of it, or compute with torch from the start."
            )
        elif cls in (int, float, bool):
            yield "This is a Python number, and a tensor is asked for: leave out `item()`, or use `torch.tensor`."
        elif cls in (list, tuple) and all(type(one) is Tensor for one in observed) and observed:
            yield (
                "These are several tensors, and one is asked for: `torch.stack` or `torch.cat` combines "
                "them, if all belong to it."
            )
        elif cls in (list, tuple):
            yield "This is a list of Python values, and a tensor is asked for: `torch.tensor` makes one of it."
        elif hasattr(torch.return_types, cls.__name__):
            yield (
                "With `dim=`, this reduction returns two tensors, `values` and `indices`. Choose the one "
                "that is asked for."
            )
        elif issubclass(cls, Dataset | DataLoader):
            yield f"This is {kind(observed)}, not a tensor: loop over it, or index it, to get at its tensors."
    elif type(wanted) in (int, float, bool) and cls is Tensor:
        if observed.numel() == 1:
            yield "This is a tensor, and a Python number is asked for: `item()` takes it out."
        else:
            yield f"This is a tensor with {observed.numel()} elements, and one number is asked for: reduce it first."
    elif type(wanted) is int and cls is float:
        yield "This is a float, and an integer is asked for. `/` always gives a float; `//` divides integers."
    elif type(wanted) is float and cls is bool:
        yield "This is True or False, and a number is asked for."
    elif cls is str and type(wanted) in (int, float, list, tuple, dict):
        yield "This is text: leave out the quotation marks or the f-string, and return the value itself."
    elif cls.__name__ == "generator":
        yield "This is a generator, which has not computed anything yet: `list(...)` collects what it gives."
    elif {cls, type(wanted)} == {list, tuple} and _all_same(observed, wanted):
        said = "`return a, b` makes a tuple" if cls is list else "square brackets make a list"
        yield f"The values are right, in {kind(observed)}, and the task asks for {kind(wanted)}: {said}."
    elif cls is dict and type(wanted) in (list, tuple):
        yield f"This is a dict, and {kind(wanted)} is asked for: one without names."
    elif cls is set and type(wanted) in (list, tuple):
        yield "This is a set, which has no order."


def _of_constants(finding: NotYet) -> Iterator[str]:
    """The same result for other inputs, which was right the first time."""
    if len(finding.calls) < 2 or type(finding.observed) not in (int, float, str, bool, list, tuple, Tensor):
        return
    first, last = finding.calls[0], finding.calls[-1]
    if first.result is UNSET or first.function is not last.function or same(first.inputs, last.inputs):
        return
    results = [call.result for call in finding.calls]
    if not same(finding.observed, finding.wanted) and all(same(result, finding.observed) for result in results):
        if type(finding.observed) is Tensor and finding.observed.numel() == 0:
            return
        yield "Your function returns the same for every input: a value from one example is written into it."


# Lists and tuples


def _of_elements(observed: Any, wanted: Any) -> Iterator[str]:
    if type(observed) not in (list, tuple) or type(wanted) not in (list, tuple):
        return
    if len(observed) != len(wanted):
        if all(type(one) is str for one in (*observed, *wanted)):
            extra, missing = (
                [one for one in observed if one not in wanted],
                [one for one in wanted if one not in observed],
            )
            if extra or missing:
                verb = "is in your list and should not be" if extra else "is missing from your list"
                yield f"`{(extra or missing)[0]}` {verb}."
            return
        more = "more" if len(observed) > len(wanted) else "fewer"
        yield f"There are {more} elements than asked for: count what each round, and each line, adds."
        return
    if len(wanted) > 1 and not same(wanted[0], wanted[-1]) and _all_same(observed, wanted[::-1]):
        yield "The right values in reverse order."
        return
    for left, right in zip(observed, wanted, strict=True):
        left, right = plain(left), plain(right)
        if not same(left, right):
            yield from _of_types(left, right)
            yield from _of_elements(left, right)
            yield from _of_tensors(left, right, None)
            if type(left) in (int, float) and type(right) in (int, float):
                yield from _of_numbers([float(v) for v in observed], [float(v) for v in wanted])
            return


def _all_same(left: Any, right: Any) -> bool:
    return len(left) == len(right) and all(same(one, other) for one, other in zip(left, right, strict=True))


def _of_numbers(observed: list[float], wanted: list[float]) -> Iterator[str]:
    if all(map(math.isfinite, observed)):
        yield from _of_tensors(torch.tensor(observed), torch.tensor(wanted), None)


# Tensors


def _of_tensors(observed: Any, wanted: Any, tree: ast.AST | None) -> Iterator[str]:
    if type(observed) in (int, float) and type(wanted) in (int, float):
        observed, wanted = torch.tensor(float(observed)), torch.tensor(float(wanted))
    if type(observed) is not Tensor or type(wanted) is not Tensor or observed.device != wanted.device:
        return
    if observed.layout != torch.strided or observed.is_nested or observed.numel() > 10**6:
        return
    observed, wanted = observed.detach(), wanted.detach()
    if observed.shape != wanted.shape:
        yield from _of_shapes(observed, wanted, tree)
    elif observed.dtype != wanted.dtype:
        if _close(observed, wanted):
            name = str(wanted.dtype).removeprefix("torch.")
            yield f"The numbers are right; only the dtype is not. `.to(torch.{name})` converts a tensor."
        else:
            yield from _of_values(observed, wanted)
    else:
        yield from _of_values(observed, wanted)


def _of_shapes(observed: Tensor, wanted: Tensor, tree: ast.AST | None) -> Iterator[str]:  # noqa: PLR0912
    if observed.numel() == 0 and wanted.numel() and tree is not None and _chained(tree):
        yield (
            "`x[a][b]` is not `x[a, b]`: the second pair of brackets indexes dimension 0 of what the "
            "first one left. Put "
            "all places into one pair of brackets."
        )
        return
    if observed.numel() == wanted.numel() and _close(observed.reshape(wanted.shape), wanted):
        ones, fewer = [size for size in observed.shape if size != 1], len(observed.shape) < len(wanted.shape)
        if ones == [size for size in wanted.shape if size != 1]:
            if (
                fewer
                and tree is not None
                and any(
                    called_name(one).endswith(".squeeze") and not one.args and not one.keywords
                    for one in ast.walk(tree)
                )
            ):
                yield (
                    "`squeeze()` without a dimension removes every dimension of size 1, this one too. "
                    "Name the dimension."
                )
            elif fewer:
                yield (
                    "The numbers are right; a dimension of size 1 is missing. `unsqueeze` or `keepdim=True` gives one."
                )
            elif len(observed.shape) > len(wanted.shape):
                yield (
                    "The numbers are right; there is a dimension of size 1 too many. An index removes its dimension, a "
                    "range or `keepdim=True` keeps it, and `squeeze(dim)` removes it."
                )
            else:
                yield "The numbers are right; the dimension of size 1 is in the wrong place."
            return
        yield "The right numbers in the right order, but in another shape."
        return
    for order in permutations(range(observed.ndim)) if 1 < observed.ndim <= 4 else ():
        if observed.permute(order).shape == wanted.shape and _close(observed.permute(order), wanted):
            yield "The right numbers, with dimensions exchanged: rows where columns should be."
            return
    if _chained_into_dimension_0(observed, wanted) and tree is not None and _chained(tree):
        yield "`x[a][b]` is not `x[a, b]`: the second pair of brackets indexes dimension 0 again."
    elif observed.ndim == 0:
        yield "Everything was reduced to one number. A reduction with `dim=` removes only that dimension."
    elif wanted.ndim == 0:
        yield "One number is asked for, and these are several: a reduction (a sum or a mean) is missing."
    elif observed.ndim == wanted.ndim + 1 and wanted.shape[0] == observed.shape[0]:
        yield "There is one dimension too many: a reduction, or an index, is missing."
    elif observed.ndim == wanted.ndim == 2 and observed.shape[0] == observed.shape[1] == max(wanted.shape):
        yield "A column `[N, 1]` met a row `[N]`: broadcasting made a square of them. Give both the same shape."
    elif observed.ndim == wanted.ndim:
        differing = [d for d in range(wanted.ndim) if observed.shape[d] != wanted.shape[d]]
        if len(differing) == 1:
            d = differing[0]
            by = observed.shape[d] - wanted.shape[d]
            if by in (-1, 1):
                yield (
                    f"Dimension {d} has one element too {'many' if by > 0 else 'few'}: check where the "
                    f"range begins and ends."
                )
            else:
                yield f"Dimension {d} should have {wanted.shape[d]} elements and has {observed.shape[d]}."


def _chained(tree: ast.AST) -> bool:
    return any(isinstance(one, ast.Subscript) and isinstance(one.value, ast.Subscript) for one in ast.walk(tree))


def _chained_into_dimension_0(observed: Tensor, wanted: Tensor) -> bool:
    return observed.numel() != wanted.numel()


def _of_values(observed: Tensor, wanted: Tensor) -> Iterator[str]:  # noqa: PLR0912
    if observed.is_complex() or wanted.is_complex() or observed.numel() == 0:
        return
    left, right = observed.double(), wanted.double()
    if bool(left.isnan().any()) and not bool(right.isnan().any()):
        yield (
            "There are NaN among your values: the mean of nothing, 0 / 0 or the logarithm of a negative "
            "number gives NaN."
        )
        return
    if not bool(left.isfinite().all()) or not bool(right.isfinite().all()):
        return
    if bool((right == right.flatten()[0]).all()) and right.numel() > 1:
        return
    nonzero = bool(right.abs().max() > 0)
    if nonzero and _near(left, -right):
        yield "Every number has the wrong sign: something is subtracted the wrong way round."
    elif nonzero and _near(left.abs(), right) and bool((left < 0).any()):
        yield "The sizes are right, but some signs are not: an absolute value is missing."
    elif right.numel() > 1 and _near(left, right**2):
        yield "These are the squares of the right numbers."
    elif right.numel() > 1 and bool((right >= 0).all()) and _near(left, right.sqrt()):
        yield "These are the square roots of the right numbers."
    elif right.numel() > 1 and nonzero and (factor := _factor(left, right)):
        yield f"Every number is {factor:.4g} times what it should be."
    elif right.numel() > 1 and _near(left - right, (left - right).flatten()[0].expand_as(left)):
        by = float((left - right).flatten()[0])
        if by == round(by):
            yield f"Every number is off by the same amount, {by:.4g}."
    elif 1 < right.ndim == 2 and right.shape[0] == right.shape[1] and _near(left, right.T):
        yield "The right numbers, with rows and columns exchanged."
    elif right.ndim >= 1 and right.shape[0] > 1 and _near(left, right.flip(0)):
        yield "The right numbers in reverse order."
    elif (
        right.numel() > 2
        and len(right.flatten().unique()) > right.numel() // 2
        and _near(left.flatten().sort().values, right.flatten().sort().values)
    ):
        yield (
            "The right numbers, in the wrong places: `reshape` keeps the reading order, `permute` and `transpose` "
            "exchange dimensions."
        )


def _factor(left: Tensor, right: Tensor) -> float | None:
    place = int(right.abs().argmax())
    factor = float(left.flatten()[place] / right.flatten()[place])
    return factor if factor not in (0.0, 1.0) and _near(left, factor * right) else None


def _near(left: Tensor, right: Tensor) -> bool:
    return left.shape == right.shape and torch.allclose(left, right, rtol=1e-4, atol=1e-7)


def _close(left: Tensor, right: Tensor) -> bool:
    if left.is_complex() or right.is_complex():
        return False
    return torch.allclose(left.double(), right.double(), rtol=1e-4, atol=1e-6, equal_nan=True)


def _of_fixed_sizes(finding: NotYet, tree: ast.AST | None) -> Iterator[str]:
    """A size of one example, written as a number."""
    if tree is None or not finding.calls:
        return
    last = finding.calls[-1]
    sizes = {size for value in last.inputs if type(value) is Tensor for size in value.shape}
    sizes |= {value.numel() for value in last.inputs if type(value) is Tensor}
    literals = {one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and type(one.value) is int}
    earlier = [
        size
        for one in finding.calls[:-1]
        if one.function is last.function
        for value in one.inputs
        if type(value) is Tensor
        for size in value.shape
    ]
    fixed = sorted((literals & set(earlier)) - sizes - {0, 1, 2})
    if fixed:
        yield f"The number {fixed[0]} in your code fits an earlier example, not this one: take sizes from `.shape`."
    elif finding.error is not None and re.search(r"shape '.*' is invalid for input of size", str(finding.error)):
        foreign = sorted(literals - sizes - {0, 1, 2})
        if foreign:
            yield f"The number {foreign[0]} in your code does not fit these inputs: take sizes from `.shape`."


# Layers


def _of_layers(tree: ast.AST | None) -> Iterator[str]:
    """`nn.ReLU(X)` where `nn.ReLU()(X)` was meant."""
    if tree is None:
        return
    arguments = set(_arguments(tree)) - {"self", "cls"}
    for one in ast.walk(tree):
        name = called_name(one)
        cls = getattr(nn, name.removeprefix("nn."), None) if name.startswith("nn.") else None
        if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
            continue
        for value in one.args:
            if (
                isinstance(value, ast.Name)
                and value.id in arguments
                and value.id in ("x", "X", "inputs", "input", "batch")
            ):
                yield (
                    f"`{name}({value.id})` makes a layer and takes `{value.id}` for an option of it. "
                    f"Make the layer first, "
                    f"then call it: `{name}(...)({value.id})`."
                )
                return


# Messages


def _of_messages(finding: NotYet, tree: ast.AST | None) -> Iterator[str]:
    error = finding.error
    text = str(error.args[0]) if type(error.args) is tuple and error.args else ""
    for pattern, hint in _MESSAGES:
        if found := re.search(pattern, text):
            said = hint(found, tree) if callable(hint) else found.expand(hint) if found.groups() else hint
            if said:
                yield said
                return
    if isinstance(error, RecursionError):
        yield "Your function calls itself again and again: nothing ends the recursion."
    elif isinstance(error, AttributeError) and error.name and (close := _close_attribute(error)):
        yield close
    elif isinstance(error, AttributeError) and error.name and isinstance(tree_of(error.obj), ast.ClassDef):
        yield f"Your class has no `{error.name}`: look at how it is spelled, and whether it is indented into the class."


def _close_attribute(error: AttributeError) -> str | None:
    if type(error.obj) not in (Tensor, list, dict, str, ModuleType):
        return None
    close = difflib.get_close_matches(
        error.name, dir(type(error.obj) if type(error.obj) is not ModuleType else error.obj), 1, 0.75
    )
    return f"There is no `{error.name}`. Do you mean `{close[0]}`?" if close else None


def _converted(found: re.Match[str], tree: ast.AST | None) -> str:
    for one in ast.walk(tree) if tree is not None else ():
        name = called_name(one)
        if name in ("float", "int", "bool") and one.args:
            inner = ast.unparse(one.args[0])
            if name == "bool" or len(inner) > 20:
                inner = "tensor"
            return f"`{name}({inner})` makes one Python number; `{inner}.{name}()` converts each element of a tensor."
        if name.endswith(".item"):
            return "`item()` is for a tensor with one element. Reduce the tensor first, or leave `item()` out."
        if name.partition(".")[0] == "math":
            return f"`{name}` works on one Python number; for a tensor use `torch.{name.partition('.')[2]}`."
        if name == "range":
            return "`range` needs one integer, as in `range(x.shape[0])`; this tensor has more than one element."
    return "A tensor with several elements cannot become one Python number: reduce it first."


def _truth(found: re.Match[str], tree: ast.AST | None) -> str:
    tests = [one.test for one in ast.walk(tree) if isinstance(one, ast.If | ast.IfExp | ast.While)] if tree else []
    if any(isinstance(test, ast.Name | ast.Attribute) for test in tests):
        return (
            "`if` needs one truth value, and a tensor has many. To ask whether there is a tensor at all: `is not None`."
        )
    return (
        "A comparison with a tensor gives a truth value for each element, and `if`, `and` and `or` "
        "need exactly one. Use a mask, "
        "`torch.where` or `clamp`; or `&` and `|`."
    )


def _no_method(found: re.Match[str], tree: ast.AST | None) -> str | None:  # noqa: PLR0911
    cls, name = found[1], found[2]
    if cls == "Tensor":
        renamed = {"astype": "to", "copy": "clone", "transposed": "transpose", "len": "shape", "length": "shape"}
        return f"A tensor has no `{name}`; what you want is `{renamed[name]}`." if name in renamed else None
    if cls == "NoneType":
        if name in ("zero_", "mul_", "add_", "item", "clone", "detach", "norm", "abs", "data"):
            return f"What stands before `.{name}` is None here. A `.grad` is None until `backward()` has filled it."
        return (
            f"What stands before `.{name}` is None: a function without `return`, or a method that works "
            f"in place, gives None."
        )
    if cls in ("list", "tuple", "generator") and hasattr(Tensor, name):
        return (
            f"This is a {cls}, not a tensor: `.{name}` belongs to each of its tensors. Loop over them, or "
            f"combine them with `torch.stack`."
        )
    if cls in ("float", "int") and name == "backward":
        return (
            "A Python number has no graph: call `backward()` on the loss itself, and `item()` only for what you return."
        )
    if cls in ("float", "int") and hasattr(Tensor, name):
        return f"This is a Python number, and only a tensor has `.{name}`: make a tensor of it first."
    if cls == "str" and hasattr(Tensor, name):
        return (
            "This is a string. A loop over a dict gives its keys; `.items()` gives keys and values, "
            "`.values()` the values."
        )
    return None


_MESSAGES: list[tuple[str, str | Callable[[re.Match[str], ast.AST | None], str | None]]] = [
    (
        r"only (one element tensors|integer tensors|0-dim|length-1|tensors with one)|cannot be converted to Scalar",
        _converted,
    ),
    (r"Boolean value of Tensor|truth value of an array", _truth),
    (r"bitwise_xor|unsupported operand type\(s\) for \^", "In Python `^` is not a power: write `**`."),
    (
        r"'?(\w+)'? object does not support the context manager|^__enter__$|^(AttributeError: )?__enter__",
        lambda found, tree: _context(tree),
    ),
    (
        r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)",
        r"The product [\1, \2] @ [\3, \4] needs the two inner sizes equal: \2 features arrive where \3 are expected.",
    ),
    (
        r"size mismatch, got input \((\d+)\).*vec \((\d+)\)",
        r"A matrix times a vector needs as many elements as columns.",
    ),
    (
        r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\).*dimension (\d+)",
        r"\1 and \2 stand against each other in dimension \3. Broadcasting needs equal sizes, or a 1: `unsqueeze` or "
        r"`keepdim=True` gives one.",
    ),
    (
        r"element \d+ of tensors does not require grad",
        "Nothing in the computation asks for a gradient: a tensor must have `requires_grad=True` before anything is "
        "computed from it, and a result taken out with `item()`, `detach()` or under `no_grad` has lost its graph.",
    ),
    (
        r"leaf Variable that requires grad.*in-place",
        "Autograd would record this change of a parameter. Make it inside `with torch.no_grad():`.",
    ),
    (
        r"backward through the graph a second time",
        "One graph can be walked back once: compute the loss again before it.",
    ),
    (
        r"implicitly created only for scalar outputs",
        "`backward()` starts from one number: take the mean or the sum first.",
    ),
    (
        r"Can't call numpy\(\) on Tensor that requires grad",
        "Take the tensor out of its graph first: `detach().numpy()`.",
    ),
    (
        r"value cannot be converted to type (\w+?)(_t)? without overflow",
        r"The number does not fit into `\1`: choose a dtype with room for it before you compute.",
    ),
    (r"'(\w+)' object has no attribute '(\w+)'", _no_method),
    (
        r"'(torch.Size|Tensor|tuple|int|float|NoneType)' object is not callable",
        r"There are brackets behind something that is not a function but a \1: `.shape`, `.T` and "
        r"`.grad` are attributes.",
    ),
    (
        r"'(builtin_function_or_method|method|function)'|must be .*not (builtin_function_or_method|method|function)\b",
        "A function stands here where its result was meant: its brackets are missing, as in `x.mean()`.",
    ),
    (
        r"'(\w+)' object is not subscriptable",
        r"Square brackets index a tensor or a list, and this is a \1; a function is called with round ones.",
    ),
    (
        r"missing \d+ required positional arguments?: (.+)",
        r"A call lacks \1. Count what stands in the brackets, and in the `def` line.",
    ),
    (
        r"takes (?:from )?\d+.* positional arguments? but (\d+) (?:was|were) given",
        r"The check, or your own call, gives \1 values, and the `def` line has another number of "
        r"parameters (a method's "
        r"first one is `self`).",
    ),
    (r"unexpected keyword argument '(\w+)'", r"There is no parameter called `\1` here."),
    (
        r"Dimension out of range \(expected to be in range of \[(-?\d+), (-?\d+)\], but got (-?\d+)\)",
        r"This tensor has no dimension \3: its dimensions are counted from 0 to \2.",
    ),
    (
        r"index (-?\d+) is out of bounds for dimension (\d+) with size (\d+)",
        r"In dimension \2 there are \3 elements, counted from 0: there is none at \1.",
    ),
    (
        r"tuple of ints, but found .* float|slice indices must be integers|'float' object cannot be interpreted",
        "An index or a size must be an integer, and this one is a float: `int(...)` rounds it down.",
    ),
    (
        r"to have (\d+) channels, but got (\d+) channels",
        r"A convolution for \1 channels is given \2: what comes out of one layer must fit into the next.",
    ),
    (r"expected 2D or 3D input \(got 4D input\)", "`BatchNorm1d` is for rows of features; images need `BatchNorm2d`."),
    (r"doesn't define __round__ method", "`round` needs a Python number: take it out with `item()` first."),
    (r"tuple indices must be integers or slices", "This is a tuple of tensors: take one of them out first."),
    (r"list index out of range", "The list ends before this place: the last one is `len(...) - 1`."),
    (r"too many indices for tensor of dimension (\d+)", r"The tensor has \1 dimensions, and the brackets name more."),
    (
        r"number of dimensions in the tensor input does not match the length of the desired "
        r"ordering.*input.dim\(\) = (\d+)",
        r"`permute` names each dimension once, and this tensor has \1 of them.",
    ),
    (
        r"shape '(.*?)' is invalid for input of size (\d+)",
        r"The sizes in \1 multiply to another number than the \2 elements that there are.",
    ),
    (
        r"(expected .*dtype|expected scalar type|Found dtype|must have the same dtype|expected m1 and "
        r"m2|mat1 and mat2 must have)",
        "Two dtypes meet here. Convert one of them, for example with `float()`; inputs of a model "
        "are float32, class labels "
        "int64.",
    ),
    (r"only .*floating point.* can require gradients", "Gradients need floats: `torch.tensor(2.0)`, or `float()`."),
    (
        r"Can only calculate the mean of|could not infer output dtype",
        "A mean needs floats: convert first, with `float()`.",
    ),
    (r"assigned grad expected to be a Tensor or None", "`.grad` is a tensor or None: clear it with `w.grad = None`."),
    (
        r"(before|without).*Module\.__init__\(\) call|super\(\)\.__init__",
        "`super().__init__()` must come first in the `__init__` of a module.",
    ),
    (
        r'missing the required "forward" function',
        "The class has no method called `forward`: look at its name and indentation.",
    ),
    (
        r"too many values to unpack|not enough values to unpack|cannot unpack",
        "There are more, or fewer, names on the left of `=` (or after `for`) than values on the right.",
    ),
    (
        r"can't convert .* device type tensor|Expected all tensors to be on the same device",
        "Two devices meet here: move both to the same one.",
    ),
    (r"not supported between instances of|unsupported operand type\(s\).*'NoneType'", lambda found, tree: _none(found)),
    (
        r"received an invalid combination of arguments - got \((.*?)\)",
        r"The function was given (\1), and it has no form that takes these. Compare with the forms listed above.",
    ),
    (
        r"optimizer got an empty parameter list",
        "The model has no parameters, or the generator was looped over before: it can be used once.",
    ),
    (
        r"expected sequence of length|expected a non-empty list of Tensors",
        "A tensor needs rows of the same length, and at least one.",
    ),
    (r"'NoneType' object is not (iterable|subscriptable)", "This is None: a function without `return` gives None."),
    (
        r"'(\w+)' object is not iterable",
        r"One \1 cannot be looped over or unpacked; a list, a tensor or a `range` can.",
    ),
    (
        r"can't optimize a non-leaf Tensor",
        "An optimizer takes leaves: tensors that you made, not results of a computation.",
    ),
]


def _none(found: re.Match[str]) -> str | None:
    return (
        "One of the two values is None: a `.grad` before `backward()`, or a function without `return`."
        if "None" in found[0]
        else None
    )


def _context(tree: ast.AST | None) -> str:
    for one in ast.walk(tree) if tree is not None else ():
        for item in one.items if isinstance(one, ast.With) else ():
            used = ast.unparse(item.context_expr)
            if used.endswith(".eval()") or used.endswith(".train()"):
                return (
                    f"`{used}` is a plain call, in a line of its own; `with` is for blocks such as `torch.no_grad()`."
                )
            if not used.endswith(")"):
                return f"Brackets are missing: `with {used}():`."
    return "This cannot stand behind `with`."
