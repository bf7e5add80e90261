"""The learner's source: the syntax tree of an answer, the line in which it raised, and its loops.

IPython keeps the source of each cell in `linecache`. Where there is no source (code that was built with `exec`),
everything here answers with None or nothing, and a check goes on without it.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import site
import sysconfig
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType
from typing import Any

import torch
from torch import nn

_LIBRARIES = tuple(
    {
        *(str(Path(path)) for path in (sysconfig.get_path("stdlib"), *site.getsitepackages())),
        str(Path(torch.__file__).parent),
        str(Path(__file__).parents[1]),
        "<frozen",
    }
)


def is_library(filename: str) -> bool:
    """Whether a file is Python's, a package's or the checks' own, and not the learner's."""
    return filename.startswith(_LIBRARIES)


def function_of(answer: Any) -> FunctionType | None:
    """The Python function behind a function, a method, a partial, or an object that can be called."""
    if type(answer) is partial:
        return function_of(answer.func)
    if type(answer) is MethodType:
        return answer.__func__
    if type(answer) is FunctionType:
        return inspect.unwrap(answer)
    if issubclass(type(answer), nn.Module):
        forward = vars(type(answer)).get("forward")
        return forward if type(forward) is FunctionType else None
    method = next((vars(cls)["__call__"] for cls in type(answer).__mro__ if "__call__" in vars(cls)), None)
    return method if type(method) is FunctionType else None


def tree_of(answer: Any) -> ast.AST | None:
    """The syntax tree of a learner's function or class, or of the class of a learner's object."""
    cls = answer if issubclass(type(answer), type) else type(answer)
    if type(answer) in (FunctionType, MethodType, partial):
        function = function_of(answer)
        return _function_tree(function.__code__) if function is not None else None
    own = type.__dict__["__dict__"].__get__(cls)
    codes = [method.__code__ for method in own.values() if type(method) is FunctionType]
    if not codes or is_library(codes[0].co_filename):
        return None
    name = type.__dict__["__name__"].__get__(cls)
    tree = _module_tree(codes[0].co_filename)
    found = [one for one in ast.walk(tree) if isinstance(one, ast.ClassDef) and one.name == name] if tree else []
    return found[-1] if found else None


def cell_of(answer: Any) -> ast.Module | None:
    """The syntax tree of the whole cell in which a learner's function is defined."""
    function = function_of(answer)
    return _module_tree(function.__code__.co_filename) if function else None


def cell_names(answer: Any) -> set[str]:
    """The names that the learner's cell itself assigns, outside functions."""
    tree = cell_of(answer)
    return {
        one.id
        for statement in (tree.body if tree else ())
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef)
        for one in ast.walk(statement)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }


def _function_tree(code: CodeType) -> ast.AST | None:
    tree = None if is_library(code.co_filename) else _module_tree(code.co_filename)
    found = [
        one
        for one in (ast.walk(tree) if tree else ())
        if isinstance(one, ast.FunctionDef | ast.Lambda)
        and min([one.lineno, *(d.lineno for d in getattr(one, "decorator_list", []))]) == code.co_firstlineno
        and getattr(one, "name", "<lambda>") == code.co_name
    ]
    return found[0] if len(found) == 1 else None


def _module_tree(filename: str) -> ast.Module | None:
    return _parsed("".join(linecache.getlines(filename)))


@lru_cache(maxsize=32)
def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source) if source else None
    except SyntaxError:
        return None


def place_of(error: BaseException) -> str:
    """The last line of the learner's own that an error went through: `in line 2 of your cell: ...`, or nothing."""
    place, traceback = "", error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        line = linecache.getline(code.co_filename, traceback.tb_lineno).strip()
        if line and not is_library(code.co_filename):
            place = f" in line {traceback.tb_lineno} of your cell: `{line[:120]}`"
        traceback = traceback.tb_next
    return place


# Loops

_LOOPING_CALLS = {"map", "filter", "reduce", "starmap", "accumulate", "apply_", "map_", "vectorize"}
_LOOPS = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def loops(answer: Any) -> bool:
    """Whether a learner's function has a loop: `for`, `while`, a comprehension, `map` and the like, or recursion."""
    seen: set[CodeType] = set()

    def of(function: FunctionType | None, callers: tuple[CodeType, ...]) -> bool:  # noqa: PLR0911
        if function is None or is_library(function.__code__.co_filename):
            return False
        if function.__code__ in callers:
            return True
        if function.__code__ in seen or (tree := _function_tree(function.__code__)) is None:
            return False
        seen.add(function.__code__)
        inner = {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
        for one in ast.walk(tree):
            called = called_name(one)
            if isinstance(one, _LOOPS) or called.rpartition(".")[2] in _LOOPING_CALLS:
                return True
            if called in inner and _calls_itself(tree, called):
                return True
            helper = function.__globals__.get(called)
            if type(helper) is FunctionType and of(helper, (*callers, function.__code__)):
                return True
        return False

    return of(function_of(answer), ())


def _calls_itself(tree: ast.AST, name: str) -> bool:
    return any(
        isinstance(one, ast.FunctionDef)
        and one.name == name
        and any(called_name(call) == name for call in ast.walk(one))
        for one in ast.walk(tree)
    )


def called_name(node: ast.AST) -> str:
    """What a call calls, `nn.ReLU` or `f`; of anything else nothing."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


# What a function is given and reads


def arguments_of(answer: Any, inputs: tuple[Any, ...]) -> list[str]:
    """The learner's own names for the inputs of a call."""
    try:
        target = answer.forward if issubclass(type(answer), nn.Module) else answer
        names = list(inspect.signature(target).bind(*inputs).arguments)
    except Exception:  # a builtin, too few parameters, an object that raises when it is asked
        names = []
    return names if len(names) == len(inputs) else [""] * len(inputs)


def free_names(tree: ast.AST) -> Iterator[str]:
    """The names that code reads and does not assign: globals and builtins."""
    bound = {one.arg for one in ast.walk(tree) if isinstance(one, ast.arg)}
    bound |= {one.id for one in ast.walk(tree) if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load)}
    for one in ast.walk(tree):
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load) and one.id not in bound:
            bound.add(one.id)
            yield one.id
