"""What beginners do wrong in every exercise, recognised in one place: from the source, the error and the values.

`diagnose` returns one sentence, or None where there is no evidence: a hint that points at the wrong thing is worse than
none. A rule that says "perhaps" does not belong here.
"""

from __future__ import annotations

import ast
import difflib
import math
import re
from collections.abc import Iterator
from itertools import chain, permutations, product
from traceback import walk_tb
from types import BuiltinFunctionType, FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.nn.modules.module import _IncompatibleKeys
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from helpers.checks.compare import UNSET, NotYet, brief, describe, kind, plain, same
from helpers.checks.source import (
    arguments_of,
    called_name,
    cell_names,
    free_names,
    function_of,
    is_library,
    methods_of,
    nodes,
    place_of,
    stores,
    tree_of,
)


def diagnose(finding: NotYet) -> str | None:
    """A hint for an answer that was found wrong, where its source or its result shows what went wrong."""
    tree, method = _tree(finding), _method(finding)
    page, idle = _of_the_page(finding, tree), chain(_of_dead_lines(tree), _of_unused(tree))
    if finding.error is not None:
        rules = [_of_names(finding, tree), page, _of_sizes(finding, tree), _of_layers(finding, tree)]
        rules += [_of_misfits(finding), _of_calls(finding, tree), _of_messages(finding.error, tree), idle]
    elif finding.observed is not UNSET:
        observed, wanted = plain(finding.observed), plain(finding.wanted)
        rules = [_of_returns(finding, wanted, method), page, _of_types(observed, wanted), _of_constants(finding)]
        rules += [_of_elements(observed, wanted, finding.rtol), idle, _of_inputs(finding)]
        rules += [_of_tensors(observed, wanted, tree), _of_sizes(finding, tree), _of_roundings(finding, tree)]
        rules += [_of_rough_shapes(observed, wanted)]
    else:
        rules = [page, idle]
    return _first(_of_warnings(finding), *rules)


def decisive(finding: NotYet) -> str | None:
    """A hint for what makes every other one beside the point: the function ends in the first round of a loop."""
    return _first(_of_loops(_method(finding))) if finding.error is None else None


def evident(finding: NotYet) -> str | None:
    """A hint that is true beside any other one: data of the notebook, a line or an argument that does nothing."""
    tree = _tree(finding)
    return _first(_of_the_page(finding, tree), _of_dead_lines(tree), _of_unused(tree))


def _first(*rules: Iterator[str]) -> str | None:
    return next(chain(*rules), None)


def _tree(finding: NotYet) -> ast.AST | None:
    """The syntax tree of what was called: of a method, that of its class."""
    if not finding.calls:
        return None
    function = finding.calls[-1].function
    owner = tree_of(function.__self__) if type(function) is MethodType else None
    return owner or tree_of(function)


def _method(finding: NotYet) -> ast.AST | None:
    """Of a class what was called: the method itself, `forward` or `__call__`."""
    tree = _tree(finding)
    if not isinstance(tree, ast.ClassDef):
        return tree
    function = finding.calls[-1].function
    methods = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    names = [function.__name__] if type(function) is MethodType else ["forward", "__call__"]
    return next((methods[name] for name in names if name in methods), tree)


def _source(tree: ast.AST | None) -> str:
    return ast.unparse(tree) if tree else ""


def _functions(tree: ast.AST | None) -> list[ast.FunctionDef | ast.Lambda]:
    """A function, or the methods of a class."""
    body = tree.body if isinstance(tree, ast.ClassDef) else [tree]
    return [one for one in body if isinstance(one, ast.FunctionDef | ast.Lambda)]


def _parameters(tree: ast.AST | None) -> list[str]:
    names = [one.arg for function in _functions(tree) for one in nodes(function.args) if isinstance(one, ast.arg)]
    return [name for name in dict.fromkeys(names) if name not in ("self", "cls")]


# Names

_IMPORTS = {one: f"import {one}" for one in ("copy", "itertools", "math", "random")} | {
    "F": "import torch.nn.functional as F",
    "np": "import numpy as np",
    "Counter": "from collections import Counter",
    "pairwise": "from itertools import pairwise",
}


def _of_names(finding: NotYet, tree: ast.AST | None) -> Iterator[str]:
    """A name that does not exist: a letter of the task, a name of PyTorch without its module, a typing error."""
    error = finding.error
    if not isinstance(error, NameError):
        return
    name = error.name or next(iter(re.findall(r"'(\w+)'", str(error.args[0]))), "")
    function = _any_function(finding.calls[-1].function) if finding.calls else None
    known = [*_parameters(tree), *(one.id for one in nodes(tree) if stores(one))]
    known += [one for one in (function.__globals__ if function else ()) if not one.startswith("_")]
    if isinstance(tree, ast.ClassDef) and hasattr(nn.Module(), name):
        yield f"A module has this as an attribute: `self.{name}`."
    if isinstance(tree, ast.ClassDef) and re.search(rf"self\.{name}\b|'{name}'", _source(tree)):
        yield f'There is no variable `{name}`: the attribute is `self.{name}`, and its name as text `"{name}"`.'
    if isinstance(error, UnboundLocalError):
        yield f"`{name}` is used before your function gives it a value on this path."
    if name in ("true", "false", "none"):
        yield f"Python writes `{name.title()}`, with a capital letter."
    if name in _IMPORTS and (len(name) > 1 or f"{name}." in _source(tree)):
        yield f"`{name}` is not imported in this notebook: put `{_IMPORTS[name]}` at the top of your cell."
    if re.fullmatch(r"[A-WZ]", name):
        call = finding.calls[-1]
        given = zip(arguments_of(call.function, call.inputs), call.inputs, strict=True)
        sized = [one for one, value in given if one and type(value) is Tensor]
        example = f": take it from an argument, as in `{sized[0]}.shape[0]`" if sized else ""
        yield f"`{name}` is only the task's name for a size, and not a name in Python{example}."
    if isinstance(tree, ast.ClassDef) and name in known:
        yield f"`{name}` exists in one method only: keep it as `self.{name}`, which all methods see."
    if close := difflib.get_close_matches(name, known, 1, 0.75):
        yield f"There is no `{name}`. Do you mean `{close[0]}`?"
    for owner, module in (("nn", nn), ("torch", torch)):
        if hasattr(module, name):
            yield f"There is no `{name}` by itself: it belongs to PyTorch, `{owner}.{name}`."
    yield f"`{name}` has no value here: use what the function is given, or give `{name}` a value first."


_DATA = (Tensor, np.ndarray, DataLoader, Dataset, nn.Module, Optimizer, list, tuple, dict, float, int)


def _of_the_page(finding: NotYet, tree: ast.AST | None) -> Iterator[str]:
    """Data of the notebook where an argument was meant: what copying the section above produces."""
    function = _any_function(finding.calls[-1].function) if finding.calls else None
    if tree is None or function is None:
        return
    for name, method in product(_parameters(tree), _functions(tree) if isinstance(tree, ast.ClassDef) else ()):
        if name in function.__globals__ and name in free_names(method):
            yield f"`{name}` in `{method.name}` is a variable of the notebook: keep your argument as `self.{name}`."
    own = cell_names(function)
    for name in free_names(tree):
        value = function.__globals__.get(name)
        if name not in own and isinstance(value, _DATA):
            shown = f" ({brief(value)})" if type(value) is Tensor else ""
            *others, last = [f"`{one}`" for one in _parameters(tree)] or ["its arguments"]
            given = f"{', '.join(others)} and {last}" if others else last
            yield f"Your code uses `{name}`, a variable of the notebook{shown}. It should work with {given} alone."
            return


def _any_function(answer: Any) -> FunctionType | None:
    function = function_of(answer)
    if function is not None and not is_library(function.__code__.co_filename):
        return function
    cls = answer if issubclass(type(answer), type) else type(answer)
    return next(iter(methods_of(cls).values()), None)


# What does nothing, or something else than it seems, by a pattern of the source
_IDLE = {
    r"(?m)^ *([a-zA-Z_][\w.]*\.\w+)$": r"`\1` alone does nothing: a call has brackets, `\1()`.",
    r"(?m)^ *((?:torch\.)?(?:no_grad|inference_mode)\(\))$": (
        r"`\1` in a line of its own does nothing: write `with \1:`, and indent what it is for."
    ),
    r"(?m)^ *([\w.]+\.(?:mode|train|eval)) = ": (
        r"Setting `\1` does not change the mode: `.training` shows it, and `.train(flag)` sets it."
    ),
    r"[=!]= '(True|False|None)'": r"`'\1'` in quotes is text, which equals no truth value: leave out the quotes.",
    r"\b(int\(0?\.\d+\))": r"`\1` is 0: put the whole product into the brackets.",
    r"\bif (?:not )?([\w.]+\.(?:train|eval))\b": (
        r"`\1` is a method that sets the mode, and is always true: ask `.training`."
    ),
}


def _of_dead_lines(tree: ast.AST | None) -> Iterator[str]:
    """A method without its brackets, a result that is dropped, lines after a `return`."""
    for pattern, hint in _IDLE.items():
        yield from (found.expand(hint) for found in re.finditer(pattern, _source(tree)))
    for one in nodes(tree):
        value, lines = getattr(one, "value", None), getattr(one, "body", None)
        new = isinstance(value, ast.BinOp | ast.Compare) or _gives_new(called_name(value).rpartition(".")[2])
        if isinstance(one, ast.Expr) and new:
            yield f"The result of `{ast.unparse(one)}` is dropped: give it a name, with `=`."
        for line in lines[:-1] if isinstance(lines, list) else ():
            line = line.body[-1] if isinstance(line, ast.With) else line
            if isinstance(line, ast.Return):
                yield f"`{ast.unparse(line)}` ends the function: the lines after it never run."


_WITH_AN_EFFECT = {*dir(nn.Module), *dir(list), *dir(set), *dir(dict), "backward", "retain_grad", "register_hook"}


def _gives_new(method: str) -> bool:
    """Whether a tensor's method returns a new tensor and does nothing else."""
    return method != "" and hasattr(Tensor, method) and not method.endswith("_") and method not in _WITH_AN_EFFECT


def _of_warnings(finding: NotYet) -> Iterator[str]:
    if any("Using a target size" in line for line in finding.printed):
        yield "The loss got predictions and targets of different shapes, and compared each with all: see the warning."
    if finding.args[0].startswith("requires_grad of") and finding.observed.is_leaf:
        yield "This is the tensor itself: its gradient is its `.grad`."
    elif finding.args[0].startswith("requires_grad of"):
        yield "This was computed with a graph (`grad_fn`). What `backward()` puts into a `.grad` has none."


def _of_unused(tree: ast.AST | None) -> Iterator[str]:
    """An argument that the function, or a method, never reads, or overwrites before."""
    for function in (one for one in _functions(tree) if isinstance(one, ast.FunctionDef)):
        names = sorted((one for one in nodes(function) if isinstance(one, ast.Name)), key=lambda one: -one.lineno)
        read = {one.id: one.lineno for one in names if isinstance(one.ctx, ast.Load)}  # each where it comes first
        lines = [line for line in function.body[::-1] if isinstance(line, ast.Assign)]
        written = {one.id: line for line in lines for one in nodes(line) if stores(one)}
        for name in (one for one in _parameters(function) if not one.startswith("_")):
            if name not in read:
                yield f"`{function.name}` never uses `{name}`, which it is given."
            elif name in written and written[name].end_lineno < read[name]:
                yield f"Your function gives `{name}` another value before it uses the one that it is given."


def _of_roundings(finding: NotYet, tree: ast.AST | None) -> Iterator[str]:
    """Almost the right numbers, from code that rounds, or takes a small step."""
    small = (type(getattr(one, "value", None)) is float and 0 < one.value <= 0.01 for one in nodes(tree))
    rounds = any(called_name(one).endswith("round") for one in nodes(tree)) or re.search(r":\.\d", _source(tree))
    if any(small) or rounds:
        pairs = [*_pairs(finding)]
        if pairs and all(one.shape == other.shape and torch.allclose(one, other, rtol=0.01) for one, other in pairs):
            yield "The numbers are near, but not exact: something is approximated, or rounded."


def _pairs(finding: NotYet) -> Iterator[tuple[Tensor, Tensor]]:
    """The numbers and tensors that were received, each with the one that is wanted."""
    both = finding.observed, finding.wanted
    series = all(isinstance(one, _SERIES) for one in both)
    for pair in zip(*both, strict=False) if series else [both]:
        if all(isinstance(one, Tensor | _NUMBER) for one in pair):
            yield tuple(torch.as_tensor(one).detach().double() for one in pair)


def _of_loops(tree: ast.AST | None) -> Iterator[str]:
    for loop in (one for one in nodes(tree) if isinstance(one, ast.For | ast.While)):
        if _returns(loop.body):
            yield "The `return` is inside the loop, so the function ends in its first round. Move it to the left."
        for block in (one.body for one in nodes(loop) if isinstance(one, ast.If)):
            last = ast.unparse(block[-1]).removeprefix("return ")
            if any(called_name(getattr(line, "value", None)) == f"{last}.append" for line in block[:-1]):
                yield "The `return` is inside the loop, so it ends with the first find. Move it to the left."


# What is returned

_WORKS_IN_PLACE = {"backward", "append", "extend", "step", "zero_grad", "sort", "update", "insert", "reverse"}


def _of_returns(finding: NotYet, wanted: Any, tree: ast.AST | None) -> Iterator[str]:
    """What was given; None: no `return`, `print` in its place, what a method in place gives."""
    if finding.calls and any(one is finding.observed for one in finding.calls[-1].inputs if isinstance(one, nn.Module)):
        yield "This is the model that your function was given, and not what it computed."
    if finding.observed is not None or wanted is None or not isinstance(tree, ast.FunctionDef):
        return
    returned = [one.value for one in _own_nodes(tree) if isinstance(one, ast.Return) and one.value is not None]
    if not returned and any(called_name(one) == "print" for one in nodes(tree)):
        yield "`print` only shows a value; the function itself returns None. Hand the value back with `return`."
    elif any(isinstance(one, ast.Return) and one.value is None for one in _own_nodes(tree)):
        yield "`return` alone gives None: write what is to be returned after it."
    elif not returned:
        yield f"`{tree.name}` has no `return`, so it returns None."
    else:
        yield _of_none(returned[-1], tree)


def _of_inputs(finding: NotYet) -> Iterator[str]:
    """A tensor that comes back as it was given."""
    last = finding.calls[-1] if finding.calls else None
    for name, value in zip(arguments_of(last.function, last.inputs), last.inputs, strict=True) if last else ():
        for left, right in _pairs(finding) if name and type(value) is Tensor and len(value.unique()) > 1 else ():
            if torch.equal(left, value.double()) and not torch.equal(left, right):
                yield f"This is `{name}` as it was given: nothing has changed it."


def _of_none(returned: ast.expr, tree: ast.FunctionDef) -> str:
    """Where a None that is returned comes from."""
    text = ast.unparse(returned)
    for one in _own_nodes(tree):
        if isinstance(one, ast.Assign) and text in map(ast.unparse, one.targets):
            returned = one.value
    if isinstance(returned, ast.Constant) and returned.value is None:
        return f"`{text} = None` is the last that happens to it: do that earlier, or return something else."
    name = called_name(returned)
    if name.rpartition(".")[2] in _WORKS_IN_PLACE:
        return f"`{name}()` does its work in place and returns None: call it in a line of its own."
    if isinstance(returned, ast.Attribute) and returned.attr == "grad":
        passed = "backward(" in ast.unparse(tree)
        why = ": `backward()` fills that of a tensor that you made with `requires_grad=True`, not that of a result."
        return f"`{ast.unparse(returned)}` is None{why if passed else ' until `backward()` has run.'}"
    if not _returns(tree.body):
        return "On this path the function ends without a `return`: look at `if` without `else`, and at the indentation."
    return f"`{text}` is None here."


def _returns(body: list[ast.stmt]) -> bool:
    """Whether a block returns as a rule, on its own level or in a `with`."""
    return any(isinstance(one, ast.Return) or (isinstance(one, ast.With) and _returns(one.body)) for one in body)


def _own_nodes(tree: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function in their order, without those of the functions in it."""
    for one in tree.body:
        waiting: list[ast.AST] = [one]
        while waiting:
            node = waiting.pop(0)
            yield node
            if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
                waiting += ast.iter_child_nodes(node)


_NUMBER, _SERIES, _FUNCTION = int | float | bool, list | tuple, FunctionType | BuiltinFunctionType | MethodType
# By the type that is found and the one that is wanted, the first of which that fits gives the hint
_TYPES: dict[tuple[Any, Any], str] = {
    (_FUNCTION, object): "This is a function, not a value: its brackets are missing.",
    (nn.Module, Tensor): "This is {kind} itself, not its result: call it with the inputs.",
    (np.ndarray, object): "This is a NumPy array: `torch.from_numpy` makes a tensor of it.",
    (GeneratorType, object): "This is a generator, which computes nothing by itself: `list(...)` collects its values.",
    (str, list): "This is one string, and a list is asked for: `append` each to a list.",
    (str, object): "This is text: return the value itself, without quotation marks, f-string or `join`.",
    (dict, object): "This is a dict: return what is asked for, such as its keys or its values.",
    (_IncompatibleKeys, object): "`load_state_dict` returns nothing of use: call it in a line of its own.",
    (Node, object): "This is the record of an operation: a gradient is in the `.grad` of the tensor that you made.",
    (_NUMBER, Tensor): "This is a Python number, and a tensor is asked for: leave out `item()`, or use `torch.tensor`.",
    (_SERIES, Tensor): "This is {kind} of Python values, and a tensor is asked for: `torch.tensor` makes one of it.",
    (Tensor, list): "This is a tensor, and a list is asked for: `tolist()` makes one of it.",
    (Dataset, list): "This is {kind}, and a list is asked for: `list(...)` makes one of it.",
    (_SERIES, _NUMBER): "These are {length} values, and one number is asked for.",
    (set, _SERIES): "This is a set, which has no order: collect the values in a list.",
}


def _of_types(observed: Any, wanted: Any) -> Iterator[str]:
    """A value of another type than the one that is wanted."""
    cls, number = type(observed), isinstance(wanted, _NUMBER)
    if issubclass(cls, type(wanted)):
        return
    if cls in (list, tuple) and len(observed) == 1 and isinstance(plain(observed[0]), type(wanted)):
        batch = type(wanted) is Tensor and wanted.shape == (1, *observed[0].shape)
        remedy = "`unsqueeze(0)` makes it a batch of one" if batch else "`[0]` takes it out"
        yield f"This is {kind(observed)} with the value in it: {remedy}."
    if cls in (list, tuple) and observed and all(type(one) is Tensor for one in observed) and type(wanted) is Tensor:
        if [one.dtype for one in observed[1:]] == [torch.int64] and observed[0].is_floating_point():
            yield "These are values and their indices, as `sort` and `topk` return them: choose the one asked for."
        if any(one.shape == wanted.shape and one.dtype == wanted.dtype for one in observed):
            yield f"This is {kind(observed)} of tensors, and one alone is asked for: which of them?"
        cat = " or `torch.cat`" if all(one.ndim for one in observed) else ""
        yield f"This is {kind(observed)} of tensors, and one is asked for. `torch.stack`{cat} puts them together."
    if issubclass(cls, tuple) and hasattr(torch.return_types, cls.__name__):
        yield "With `dim=`, this reduction returns two tensors, `values` and `indices`. Choose the one asked for."
    if number and cls is Tensor:
        several = f"This is a tensor with {observed.numel()} elements, and one number is asked for: reduce it first."
        single = "This is a tensor, and a Python number is asked for: `item()` takes it out."
        yield single if observed.numel() == 1 else several
    if type(wanted) is int and cls is float:
        yield "This is a float, and an integer is asked for: `/` always gives a float, as `0.0` does."
    if type(wanted) is tuple and cls in (Tensor, str, int, float):
        one = kind(observed).partition(" ")[2]
        yield f"This is one {one}, and a tuple of {len(wanted)} is asked for: `return a, b` makes one."
    if {cls, type(wanted)} == {list, tuple} and _all_same(observed, wanted):
        remedy = "`return a, b` makes a tuple" if cls is list else "square brackets make a list"
        yield f"The values are right, in {kind(observed)}, and the task asks for {kind(wanted)}: {remedy}."
    length = len(observed) if issubclass(cls, list | tuple) else 0
    for (found, asked), hint in _TYPES.items():
        if issubclass(cls, found) and isinstance(wanted, asked):
            yield hint.format(kind=kind(observed), length=length)


def _of_constants(finding: NotYet) -> Iterator[str]:
    """The same result for other inputs, which was right the first time."""
    first, last = (finding.calls[0], finding.calls[-1]) if finding.calls else (None, None)
    if first is last or first.function is not last.function:
        return
    comparable = (Tensor, int, float, str, list, tuple, dict)  # of other inputs nobody can say whether they differ
    pairs = [pair for pair in zip(first.inputs, last.inputs, strict=True) if type(pair[0]) in comparable]
    if all(same(*pair) for pair in pairs) or (type(finding.observed) is Tensor and not finding.observed.numel()):
        return
    if all(same(call.result, finding.observed) for call in finding.calls):
        yield "Your function returns the same for every input: compute the result from what it is given."


# Lists and tuples


def _of_elements(observed: Any, wanted: Any, rtol: float) -> Iterator[str]:
    if type(observed) not in (list, tuple) or type(wanted) not in (list, tuple):
        return
    if observed and wanted and type(wanted[0]) is str and type(observed[0]) is not str:
        yield f"A string is asked for as the first value, and it is {describe(observed[0])}."
    if any(isinstance(one, _SERIES) and len(one) == len(wanted) != len(observed) for one in observed):
        yield f"This is {kind(observed)} with the {kind(wanted)[2:]} in it, and others: return what is asked for alone."
    if all(type(one) is str for one in (*observed, *wanted)):
        yield from (f"`{one}` is in the list, and should not be." for one in observed if one not in wanted)
        if not observed and wanted:
            yield "The list is empty: nothing is added, or the condition is never true."
        elif len(observed) < len(wanted):
            yield "What is in the list belongs there, but it is not all."
    if observed and wanted and isinstance(wanted[0], _SERIES) and isinstance(plain(observed[0]), _NUMBER):
        yield f"This is one {kind(observed)[2:]}, and {len(wanted)} are asked for: `return a, b` returns two."
    elif len(observed) != len(wanted):
        more = "more" if len(observed) > len(wanted) else "fewer"
        yield f"There are {more} elements than asked for: count what each round, and each line, adds."
    elif _all_same(observed, wanted[::-1]) or sorted(map(str, observed)) == sorted(map(str, wanted)):
        yield "The right values in another order."
    else:
        for left, right in zip(map(plain, observed), map(plain, wanted), strict=True):
            if not same(left, right, rtol):
                yield from _of_types(left, right)
                yield from _of_elements(left, right, rtol)
                yield from _of_tensors(left, right, None)


def _all_same(left: Any, right: Any) -> bool:
    return len(left) == len(right) and all(same(one, other) for one, other in zip(left, right, strict=True))


# Tensors


def _of_tensors(observed: Any, wanted: Any, tree: ast.AST | None) -> Iterator[str]:
    if type(observed) in (int, float) and type(wanted) in (int, float):
        observed, wanted = torch.tensor(float(observed)), torch.tensor(float(wanted))
    if type(observed) is not Tensor or type(wanted) is not Tensor or observed.device != wanted.device:
        return
    if observed.layout != torch.strided or observed.is_nested or observed.numel() > 10**6 or observed.is_complex():
        return
    left, right = observed.detach().double(), wanted.detach().double()
    if left.shape != right.shape:
        yield from _of_shapes(left, right, tree)
    elif observed.dtype != wanted.dtype and (
        _near(left, right) or (not observed.is_floating_point() and torch.equal(observed.to(wanted.dtype), wanted))
    ):
        name = str(wanted.dtype).removeprefix("torch.")
        yield f"The numbers are right; only the dtype is not. `.to(torch.{name})` converts a tensor."
    else:
        yield from _of_values(left, right)
        if observed.is_floating_point() != wanted.is_floating_point():
            if observed.is_floating_point() and re.search(r"\.(topk|sort)\(", _source(tree)):
                yield "These are values, and their indices are asked for."
            found, asked = ("integers", "floats")[:: -1 if observed.is_floating_point() else 1]
            remedy = "`/` makes floats, `//` does not" if "/" in _source(tree) else "convert them at the end"
            yield f"These are {found}, and {asked} are asked for: {remedy}."


def _of_shapes(observed: Tensor, wanted: Tensor, tree: ast.AST | None) -> Iterator[str]:
    more, source = observed.ndim - wanted.ndim, _source(tree)
    if observed.numel() == wanted.numel() and _near(observed.reshape(wanted.shape), wanted):
        if [size for size in observed.shape if size != 1] != [size for size in wanted.shape if size != 1]:
            yield "The right numbers in the right order, but in another shape."
        if more < 0 and ".squeeze()" in source:
            yield "`squeeze()` without a dimension removes every dimension of size 1, this one too. Name the dimension."
        found = _SIZE_ONE[-1 if more < 0 else min(more, 1)]
        yield f"The numbers are right; {found}"
    for order in permutations(range(observed.ndim)) if 1 < observed.ndim <= 4 else ():
        if observed.permute(order).shape == wanted.shape and _near(observed.permute(order), wanted):
            yield "The right numbers, with dimensions exchanged: rows where columns should be."
    for place in re.findall(r"\[(\w+)\]", source) if observed.ndim == 0 else ():
        if place in _parameters(tree):
            yield f"`[{place}]` takes a single element; a range such as `[:{place}]` takes several."
    off = [(dim, size - wanted.shape[dim]) for dim, size in enumerate(observed.shape)] if more == 0 else []
    dim, by = off[0] if len(off := [(dim, by) for dim, by in off if by]) == 1 else (0, 0)
    gone = [dim for dim in range(wanted.ndim) if observed.shape == (*wanted.shape[:dim], *wanted.shape[dim + 1 :])]
    square = observed.ndim == wanted.ndim == 2 and observed.shape[0] == observed.shape[1] == wanted.numel()
    reduced = tree is None or re.search(r"\.(sum|mean|a?max|a?min|std|norm|prod|median)\b", source)
    hints = {
        "`x[a][b]` is not `x[a, b]`: the second pair of brackets indexes dimension 0 of what the first one left. Put "
        "all places into one pair of brackets.": "][" in source and observed.numel() != wanted.numel(),
        "This is a single number: a reduction without `dim=` removes every dimension. (Is one needed here?)": (
            observed.ndim == 0 and reduced
        ),
        f"This is one number, and a tensor {list(wanted.shape)} is asked for.": observed.ndim == 0,
        "One number is asked for, and these are several: reduce them, or take one by its index.": wanted.ndim == 0,
        "There is one dimension too many: a reduction, or an index, is missing.": more == 1
        and (wanted.shape[:1] == observed.shape[:1] or wanted.shape == observed.shape[1:]),
        "A column `[N, 1]` met a row `[N]`: broadcasting made a square of them. Give both the same shape.": square,
        f"Dimension {dim} has one element too {('few', 'many')[by > 0]}. (A range leaves out its end.)": abs(by) == 1,
        f"Dimension {max(gone, default=0)} is gone: an index or a reduction, such as `argmax`, removed it.": gone,
    }
    yield from (hint for hint, true in hints.items() if true)


_SIZE_ONE = {
    -1: "a dimension of size 1 is missing. `unsqueeze` or `keepdim=True` gives one.",
    0: "the dimension of size 1 is in the wrong place.",
    1: "there is a dimension of size 1 too many: an integer in place of a range, or `squeeze(dim)`, removes it.",
}


def _of_rough_shapes(observed: Any, wanted: Any) -> Iterator[str]:
    """What to look at in a shape, where nothing more is known."""
    if isinstance(observed, list | tuple) and isinstance(wanted, list | tuple):
        yield from chain(*map(_of_rough_shapes, observed, wanted))
    if type(observed) is not Tensor or type(wanted) is not Tensor or observed.shape == wanted.shape:
        return
    if not observed.numel():
        yield "Nothing is left: a range is empty if it ends before it begins, or begins below 0."
    if observed.numel() == wanted.numel():
        yield "The number of elements is right, and the shape is not: how are they arranged?"


def _of_values(left: Tensor, right: Tensor) -> Iterator[str]:
    if left.isnan().any() and not right.isnan().any():
        yield "There are NaN among your values: 0 / 0, the mean of nothing, a root or logarithm of a negative number."
    several, distinct = right.numel() > 1, len(right.unique())
    if not right.any() or not left.isfinite().all() or not right.isfinite().all() or (several and distinct == 1):
        return
    if _near(left, right):  # large integers, of which one is slightly off
        return
    place = int(right.abs().argmax())
    factor, (offset, *_) = float(left.flatten()[place] / right.flatten()[place]), (left - right).flatten()
    likely = {
        "Every number has the wrong sign: a minus is missing, or a difference is the wrong way round.": (left, -right),
        "The sizes are right, but some signs are not: an absolute value is missing.": (left.abs(), right),
        "These are the absolute values of the right numbers: leave out `abs`.": (left, right.abs()),
    }
    if not several and f"{factor:.6g}" in ("0.001", "0.01", "0.1", "10", "100", "1000"):
        yield f"The number is {factor:.4g} times what it should be."
    if several:
        scaled = f"Every number is {factor:.4g} times what it should be."
        scaled = "The natural logarithm is asked for, `torch.log`." if round(factor, 3) in (0.434, 1.443) else scaled
        likely |= {
            "These are the squares of the right numbers.": (left, right**2),
            "These are the square roots of the right numbers.": (left**2, right),
            scaled: (left, (factor or math.nan) * right),
            f"Every number is off by the same amount, {offset:.4g}.": (left, right + (offset.round() or math.nan)),
        }
    if distinct > max(2, right.numel() // 2):
        moved = "in the wrong places: `reshape` keeps the reading order, `permute` and `transpose` exchange dimensions"
        moved = "in another order" if right.ndim == 1 else moved
        likely[f"The right numbers, {moved}."] = left.flatten().sort()[0], right.flatten().sort()[0]
    yield from (hint for hint, pair in likely.items() if _near(*pair))


def _near(left: Tensor, right: Tensor) -> bool:
    return left.shape == right.shape and torch.allclose(left, right, rtol=1e-4, atol=1e-7, equal_nan=True)


def _of_sizes(finding: NotYet, tree: ast.AST | None) -> Iterator[str]:
    """A size of one example, written as a number."""
    if tree is None or not finding.calls:
        return
    last, given = finding.calls[-1], _sizes(finding.calls[-1].inputs)
    wanted, received = (set(getattr(one, "shape", ())) for one in (finding.wanted, finding.observed))
    sizes = given | {value.numel() for value in last.inputs if type(value) is Tensor} | {0, 1, 2}
    earlier = {size for one in finding.calls[:-1] if one.function is last.function for size in _sizes(one.inputs)}
    literals = {one.value for one in nodes(tree) if isinstance(one, ast.Constant) and type(one.value) is int} - sizes
    ends = [end for one in nodes(tree) if isinstance(one, ast.Slice) for end in (one.lower, one.upper)]
    ends += [end for one in nodes(tree) if called_name(one) in ("range", "torch.arange") for end in one.args]
    ends = {end.value for end in ends if isinstance(end, ast.Constant)} & literals
    for left, right in _pairs(finding):
        for size in given - {1} if left.ndim == right.ndim == 0 and right else ():
            if _near(left, size * right):
                yield f"This is {size} times the right number: a sum where a mean is asked for?"
    if fixed := sorted(literals & earlier):
        yield f"The number {fixed[0]} in your code fits an earlier example, not this one: take sizes from `.shape`."
    elif found := re.search(r"shape '.*' is invalid for input of size (\d+)", str(finding.error)):
        for size in sorted(one for one in literals if int(found[1]) % one):
            yield f"The number {size} in your code does not fit these inputs: take sizes from `.shape`."
    elif ends - wanted and (
        re.search("out of (bounds|range)|shape mismatch: indexing", str(finding.error))
        or finding.args[0].startswith("Length of")
        or (
            finding.args[0].startswith("Shape of")
            and (max(ends) > max(given, default=0) or (wanted - received) & given)
        )
    ):
        yield f"There are not always {min(ends)}: take the number from `.shape`, or from `len(...)`."


def _sizes(inputs: tuple[Any, ...]) -> set[int]:
    return {size for value in inputs if type(value) is Tensor for size in value.shape}


# Layers


def _of_layers(finding: NotYet, tree: ast.AST | None) -> Iterator[str]:
    """`nn.ReLU(X)` where `nn.ReLU()(X)` was meant."""
    last = finding.calls[-1] if finding.calls else None
    names = zip(arguments_of(last.function, last.inputs), last.inputs, strict=True) if last else ()
    tensors = [name for name, value in names if type(value) is Tensor]
    for layer, value in re.findall(r"\b(nn\.[A-Z]\w+)\((\w+)[,)]", _source(tree)):
        if value in tensors:
            right = f"first make it, then call it: `{layer}(...)({value})`."
            yield f"`{layer}({value})` makes a layer and takes `{value}` for an option of it: {right}"


def _of_misfits(finding: NotYet) -> Iterator[str]:
    """A layer of a model that gets what does not fit: which layer, what arrives, what it expects."""
    frames = [frame.f_locals for frame, _ in walk_tb(finding.error.__traceback__)]
    fitting = [one for one in frames if isinstance(one.get("self"), nn.Linear | nn.Conv2d)]
    fitting = [one for one in fitting if type(one.get("input")) is Tensor]
    if not fitting:
        return
    layer, arrives = fitting[-1]["self"], fitting[-1]["input"]
    model = finding.calls[-1].function
    layers = nn.Module.named_modules(model) if isinstance(model, nn.Module) else ()
    path = next((name for name, one in layers if one is layer), "")
    place = f" (layer {path} of the `Sequential`)" if path.isdecimal() else f" (`{path}`)" if path else ""
    shape = brief(arrives).rpartition(" ")[0]
    if isinstance(layer, nn.Linear) and arrives.ndim and arrives.shape[-1] != layer.in_features:
        named = f"`Linear({layer.in_features}, {layer.out_features})`{place}"
        what = f"{arrives.shape[1]} arrive" if arrives.ndim == 2 else "one long row arrives"
        if arrives.ndim > 2:
            yield f"Images with rows and columns arrive at {named}, {shape}: flatten them before, with `nn.Flatten()`."
        yield f"{named} expects {layer.in_features} features per sample, and {what}: {shape}."
    if isinstance(layer, nn.Conv2d) and arrives.ndim not in (3, 4):
        remedy = "flatten after it, not before" if arrives.ndim < 3 else "there are too many dimensions"
        yield f"A convolution{place} expects images [N, C, H, W], and {shape} arrives: {remedy}."
    elif isinstance(layer, nn.Conv2d) and arrives.shape[-3] != layer.in_channels:
        named, arriving = f"`Conv2d({layer.in_channels}, {layer.out_channels}, ...)`{place}", arrives.shape[-3]
        yield f"{named} expects images with {layer.in_channels} channel(s), and {arriving} arrive: {shape}."


# Messages


def _of_calls(finding: NotYet, tree: ast.AST | None) -> Iterator[str]:
    """A function that cannot be called with what the task gives it."""
    given = len(finding.calls[-1].inputs) if finding.calls else 0
    outside = type(finding.error) is TypeError and not place_of(finding.error)
    if outside and isinstance(tree, ast.FunctionDef) and given != len(_parameters(tree)):
        yield f"The check calls your function with {given} value(s): keep the `def` line of the task."


def _of_messages(error: BaseException, tree: ast.AST | None) -> Iterator[str]:
    argument = error.args[0] if type(error.args) is tuple and error.args else ""
    text = argument[:2000] if type(argument) is str else str(argument)
    if isinstance(error, AttributeError) and error.name:
        yield from _of_attributes(error)
    for pattern, hints in _MESSAGES.items():
        found = re.search(pattern, f"{type(error).__name__}: {text}")
        for written, hint in (hints.items() if type(hints) is dict else [("", hints)]) if found else ():
            if place := re.search(written, _source(tree)):
                yield (place if written else found).expand(hint)


# By the type of what has no such attribute; only for names of attributes that tensors have
_NOT_A_TENSOR: dict[Any, str] = {
    list
    | tuple: "This is {kind}, not a tensor: `.{name}` belongs to each of its tensors. Loop over them, or stack them.",
    Dataset | DataLoader: "This is {kind}, and only a tensor has `.{name}`: take the tensors out of it first.",
    str: "This is a string. A loop over a dict gives its keys; `.items()` gives keys and values.",
    nn.Module: "A layer is where a tensor is needed: call it, or look for a missing comma between two layers.",
}


def _of_attributes(error: AttributeError) -> Iterator[str]:
    """An attribute that something has not: what `_MESSAGES` cannot tell by the name of its class."""
    value, name = error.obj, error.name
    cls = type(value)
    known = dir(value) if cls is ModuleType else dir(cls)
    if isinstance(value, Tensor | nn.Module | Optimizer | FunctionType) and name in ("backward", "step", "zero_grad"):
        yield "Call `backward()` on what the loss function returned, and `zero_grad()` and `step()` on the optimizer."
    dtype = cls is Tensor and isinstance(getattr(torch, name, None), torch.dtype)
    known_by = _RENAMED if cls is Tensor else _OF_MODULES if isinstance(value, nn.Module) else {}
    if renamed := f"to(torch.{name})" if dtype else (_ELSEWHERE | known_by).get(name):
        yield f"There is no `{name}` here; what you want is `{renamed}`."
    if cls is Tensor and hasattr(nn.Module, name):
        yield f"`{name}` belongs to a model, and this is a tensor."
    close = difflib.get_close_matches(name, known, 1, 0.75) or [one for one in known if name in one.split("_")]
    if cls in (Tensor, list, dict, str, ModuleType) and close:
        yield f"There is no `{name}`. Do you mean `{close[0]}`?"
    if hasattr(Tensor, name) and not name.startswith("__") and not hasattr(torch.return_types, cls.__name__):
        yield from (
            hint.format(kind=kind(value), name=name) for of, hint in _NOT_A_TENSOR.items() if isinstance(value, of)
        )
    yield from _of_own_attributes(tree_of(value), name)


def _of_own_attributes(tree: ast.AST | None, name: str) -> Iterator[str]:
    if isinstance(tree, ast.ClassDef):
        if name in _parameters(tree) or any(stores(one) and one.id == name for one in nodes(tree)):
            yield f"`{name}` exists in one method only: keep it there, with `self.{name} = ...`."
        yield f"Your class has no `{name}`: look at how it is spelled, and whether it is indented into the class."


_ELSEWHERE = {one: f"torch.{one}(...)" for one in ("no_grad", "inference_mode", "save", "load")} | {"mode": ".training"}
_ELSEWHERE |= {"GradientTape": "loss.backward()", "Variable": "torch.tensor(..., requires_grad=True)"}
_RENAMED = {"astype": "to", "length": "shape", "len": "shape", "shuffle": "x[order]", "copy": "clone"}  # of tensors
_OF_MODULES = dict.fromkeys(("copy", "clone", "deepcopy"), "copy.deepcopy(...)")

# By a pattern of the message; where the source must tell more, by a pattern of that
_MESSAGES: dict[str, str | dict[str, str]] = {
    r"^KeyError: attribute '(\w+)' already exists": r"`\1` already exists: make it once, with `register_buffer` alone.",
    r"^KeyError: (state|param_groups)$": "An optimizer loads all that its `state_dict()` returned, not a part of it.",
    r"^KeyError: (.{1,60})": r"The dictionary has no entry `'\1'`: look at how its keys are spelled where it is made.",
    r"'NoneType' .* '((zero|mul|add)_|item|clone|detach|norm|abs)'": "`.grad` is None until `backward()` fills it.",
    r"'NoneType' object (has no|is not (iter|subs))": "This is None: a function without `return` gives it.",
    r"'(float|int)' .*attribute 'backward'": "A Python number has no graph: `item()` is for what you return.",
    r"'(float|int)' .*attribute '(item|detach|tolist|numpy|cpu)'": r"This is a number already: leave out `\2()`.",
    r"only integer tensors of a single element": {
        r"range\((?!\d+\)|.*(?:\blen\(|\bint\(|\.item\(|\]\)))": "`range` needs one integer, and gets a tensor.",
        r"\.(a?max|a?min|topk)\(": "This is a value, not its place: `argmax` finds the place, `max(dim=)` both.",
        "": "A list takes one integer as its index: make a tensor of it, and index that. (A `Subset` has `.indices`.)",
    },
    r"only (one element tensors|integer tensors|0-dim|length-1|tensors with one)|converted to Scalar": {
        r"\b(float|int)\(([\w.]{1,20})\)": r"`\1(\2)` makes one number; `\2.\1()` converts each element of a tensor.",
        r"([\w.\[\]-]{1,40})\.item\(": r"`\1` has several elements, and `item()` takes one: index or reduce it first.",
        r"\b(torch\.[tT]ensor)\(": r"`\1` makes a tensor of numbers; `torch.stack` joins tensors.",
        "": "A tensor with several elements cannot become one Python number: reduce it first.",
    },
    r"Boolean value of Tensor|truth value of an array": {
        r"\b(if|while) (not )?[\w.]+(:| else|[\])])": "`if` needs one truth value; `is not None` asks for a tensor.",
        r"(?<![.\w])(max|min)\(": r"Python's `\1` wants one truth value: use `torch.\1imum`, `x.\1()` or `clamp`.",
        r"[=!<>]=|[<>]|\b(and|or|not|if|while)\b|^$": (
            "A comparison with a tensor gives a truth value for each element: use a mask, `torch.where`, `&` or `|`. "
            "Whether all agree, `torch.equal` tells."
        ),
        "": "A single number is needed here, and this tensor has more than one element.",
    },
    r"object does not support the (asynchronous )?context manager|__enter__": {
        r"with ([\w.]+\.(eval|train)\(\))": r"`\1` is a call in a line of its own; `with` is for such as `no_grad()`.",
        r"with ([\w.]+)(:| as)": r"Brackets are missing: `with \1():`.",
    },
    r"bitwise_xor|unsupported operand type\(s\) for \^": "In Python `^` is not a power: write `**`.",
    r"need to be at least 1D, but they are": "`@` needs vectors or matrices: a single number is multiplied with `*`.",
    r"Output size is too small": "The image is smaller than the window that moves over it: pool less, or later.",
    r"\((\d+)x(\d+) and (\d+)x(\d+)\)": r"In [\1, \2] @ [\3, \4] the inner sizes, \2 and \3, should be equal.",
    r"shape of the mask \[(\d+)\].* tensor \[(\d+)": (
        r"The mask has \1 elements, and dimension 0 of the tensor \2: they should be equal."
    ),
    r"tensor a \((\d+)\).* b \((\d+)\).*dimension (\d+)": (
        r"Sizes \1 and \2 meet in dimension \3. Broadcasting needs equal sizes, or a 1, as `unsqueeze` or "
        r"`keepdim=True` gives it."
    ),
    r"does not require grad": "Nothing has `requires_grad=True`, or `item()`, `detach()`, `no_grad` lost the graph.",
    r"leaf Variable that": "Autograd would record this change of a parameter: make it inside `with torch.no_grad():`.",
    r"backward through the graph a second": "`backward()` goes through a graph once: compute the loss again first.",
    r"implicitly created only for scalar outputs": "`backward()` starts from one number, the loss (a mean or a sum).",
    r"Can't call numpy\(\) on Tensor that requires grad": "First take the tensor out of its graph: `detach().numpy()`.",
    r"(mean|sum|std|var|amax|amin)\(\) takes .* but": r"`\1` takes several dimensions as a tuple: `dim=(0, 1)`.",
    r"(\w+)\(\) takes no arguments": r"The class \1 has no `__init__` with arguments. (Two underscores on each side?)",
    r"'torch.Size'": "`.shape` is a tuple of sizes: take one of them, as in `x.shape[0]`.",
    r"iteration over a 0-d tensor": "A tensor of one number cannot be looped over or unpacked.",
    r"'str' object is not call|be Tensor, not str": "This is a string: a loop over a dict gives keys, `.items()` both.",
    r"must be Tensor, not ([A-Z]\w+)": r"A layer, \1, is where its result was meant: make it first, then call it.",
    r"('|not |non-iterable )(builtin_function_or_method|method|function|functools.partial|type)\b": (
        "A function is used here where its result was meant: its brackets are missing, as in `x.mean()`."
    ),
    r"'DataLoader' object is not sub": "A loader has no index: loop over it, or give its `.dataset` instead.",
    r"'(\w+)' object is not subscriptable": r"Square brackets index a tensor or a list; a call of a \1 has round ones.",
    r"'(\w+)' object is not iterable": r"A single \1 cannot be looped over; a list, a tensor or a `range` can.",
    r"missing \d+ required positional arguments?: (.+)": r"A call lacks \1: look at what belongs in its brackets.",
    r"of type '(int|float)' has no len": r"This is one \1 already; `len` counts what is in a list, a tensor, a loader.",
    r"Index tensor must have the same number of dim": "`gather` wants an index of as many dimensions: `unsqueeze` it.",
    r"selected index k out of range": "`topk` looks along the last dimension, and it has fewer elements: name `dim=`.",
    r"write\(\) argument must be str": 'A file of bytes is opened with `open(path, "wb")`; or give the path itself.',
    r"takes 0 positional arguments but 1": "The first parameter of a method is `self`. Look at the `def` line.",
    r"Module.(eval|train)\(\) takes": r"`\1` takes no inputs: it sets the mode, in a line of its own.",
    r"(\w+)\.forward\(\) takes 2 .* but 3": r"A \1 takes its inputs alone; the targets go to the loss function.",
    r"'(float|int)' .*attribute '(\w+)'": r"This is a Python number, a \1, and only a tensor has `.\2`.",
    r"transpose\(\) takes": "`transpose` exchanges two dimensions; `permute` takes all of them, in their new order.",
    r"takes (?:from )?(\d+).* positional arguments? but (\d+) (?:was|were) given": (
        r"The call has \2 values in its brackets and takes \1. (Options need names; a method of yours needs `self`.)"
    ),
    r"compile\(\) got an unex|attribute '(fit|compile|predict|evaluate|summary)'": (
        "This is Keras. In PyTorch you call the model, `model(X)`, and write the steps of the training yourself."
    ),
    r"unexpected keyword argument '(\w+)'": r"There is no parameter called `\1` here.",
    r"Dimension out .*\[-?\d+, (-?\d+)\], but got (-?\d+)": r"There is no dimension \2: count from 0 to \1.",
    r"index (-?\d+) is out of bounds .* (\d+) with size (\d+)": r"Dimension \2 has size \3: there is no index \1.",
    r"tuple of ints, but found element of type Tensor": "Python integers are needed here: `round(x.item())`.",
    r"tuple of ints, but found .* float|slice indices must be integers|'float' object cannot be interpreted": (
        "An index or a size must be an integer: `round(...)` is nearest, and `int(...)` drops what is after the point."
    ),
    r"shape mismatch: indexing tensors": "Two index tensors choose places together, so they need the same length.",
    r"to have (\d+) channels, but got (\d+)": r"A layer for \1 channels is given \2: each must fit the one before.",
    r"input to conv1d|expected 2D or 3D input": "Layers called `...1d` are for rows or series; images need `...2d`.",
    r"doesn't define __round__ method": "`round` needs a Python number: take it out with `item()` first.",
    r"return_types\.(\w+)": r"`\1` with `dim=` returns values and indices: take one of them, as in `.values`.",
    r"unsupported operand type.*'list'": "A list is not a tensor: `torch.tensor` or `torch.stack` makes one of it.",
    r"stack expects each tensor .* got (\[.*?\]) .* and (\[.*?\])": (
        r"`stack` needs tensors of one shape, and gets \1 and \2: reduce a dimension before, or use `torch.cat`."
    ),
    r"must be tuple of Tensors, not (\w+)": r"`cat` and `stack` take a list of tensors, and this is a \1.",
    r"must be Tensor, not (list|gen)": "`torch.stack` makes one of a list of tensors, `torch.tensor` of numbers.",
    r"Size mismatch between tensors": "`TensorDataset` needs tensors of equal length: index labels like the images.",
    r"Sum of input lengths": "The sizes should add up to the number of samples, or as fractions to 1: [0.8, 0.2].",
    r"'bool' object has no attribute": "This is one truth value: compare with a tensor or a number, not a tuple.",
    r"cdist only supports|X1 and X2 must": "`cdist` takes rows of features: make a column `[N, 1]` of each `[N]`.",
    r"takes exactly one argument \(the inst": "Nothing belongs in the brackets of `super().__init__()`.",
    r"type '(zip|map|generator|enumerate)' has no len": r"A \1 gives its elements once: `list(...)` keeps them.",
    r"new\(\): invalid data type 'str'": "A tensor is indexed with integers and ranges, not with text.",
    r"tensors used as indices must be": "A tensor that is an index holds integers: `randperm` and `nonzero` give them.",
    r"tuple indices must be integers or slices": "This is a tuple of tensors: take one of them out first.",
    r"list index out of": "The list ends before this place. Its last index is `len(...) - 1`; an empty list has none.",
    r"too many indices for tensor of dimension (\d+)": r"The tensor has \1 dimensions, and the brackets name more.",
    r"length of the desired .*dim\(\) = (\d+)": r"The tensor has \1 dimensions: `permute` names each of them once.",
    r"shape '(.*?)' is invalid for input of size (\d+)": r"The sizes in \1 do not multiply to the \2 elements.",
    r"can't be cast to the desired output": "`+=` writes into a tensor of integers here: begin with floats, `0.0`.",
    r"not implemented for 'Long'": "A loss takes the outputs of the model first, then the classes: `loss_fn(pred, y)`.",
    r"expected .*dtype|scalar type|Found dtype|same dtype|expected m1": "Two dtypes meet here: use `x.float()`.",
    r"(?i)only .*floating point.* can require gradients": "Gradients need floats: `torch.tensor(2.0)`, or `float()`.",
    r"Can only calculate the mean of|could not infer output dtype": "A mean needs floats: convert with `float()`.",
    r"assigned grad expected to be a Tensor or None": "`.grad` is a tensor or None: clear it with `w.grad = None`.",
    r"cannot assign .* object to buffer": "A buffer is a tensor, such as `torch.zeros(n)`.",
    r"(before|without).*__init__\(\) call|super\(": "`super().__init__()` comes first in a module's `__init__`.",
    r"\[ModuleList\] is missing the required": "A `ModuleList` only keeps layers: call them one by one, in a loop.",
    r"list is not a Module subclass": "A list is not a layer: the `*` in `nn.Sequential(*layers)` unpacks a list.",
    r"nn\.\S+\.(\w+) is not a Module subclass": r"A class is not a layer: its brackets make one, as in `nn.\1()`.",
    r'missing the required "forward" function': "The class has no method `forward`: look at its name and indentation.",
    r"Error\(s\) in load": "`load_state_dict` wants the bare `state_dict()` of the same kind of model.",
    r"values to unpack|cannot unpack": "More, or fewer, names are on the left of `=`, or after `for`, than values.",
    r"Invalid device string: '(u?int\d*|float\d*|bool)'": r"A dtype is written without quotes: `torch.\1`.",
    r"(not supported|unsupported).*'NoneType'": "One of the two is None, as `.grad` is before `backward()`.",
    r"combination of arguments - got \((.*?)(?:, )?\)": r"No form takes (\1). (After a `*`, names are needed.)",
    r"expanded size .*?\((\d+)\) .* size \((\d+)\)": r"\2 elements do not fit into the \1 places on the left of `=`.",
    r"cannot pickle 'generator'": "`parameters()` gives its tensors once, in a loop. To save them, use `state_dict()`.",
    r"not a valid value for reduction": '`reduction` takes a string: "mean", "sum" or "none".',
    r"'([\w.]+)' object is not callable": r"This is a \1, and no function: leave out the brackets, or use square ones.",
    r"unsupported operand type\(s\) for (\S+): '(\w+)' and '(\w+)'": r"`\1` does not work for \2 and \3.",
    r"optimizer got an empty parameter list": "No parameters: the model has none, or a generator was used up before.",
}
