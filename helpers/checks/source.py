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
    if type(answer) in (FunctionType, MethodType, partial):
        return _function_tree(function_of(answer))
    cls = answer if issubclass(type(answer), type) else type(answer)
    files = [method.__code__.co_filename for method in methods_of(cls).values()]
    if not files or is_library(files[0]):
        return None
    name = type.__dict__["__name__"].__get__(cls)
    found = [one for one in nodes(_file_tree(files[0])) if isinstance(one, ast.ClassDef) and one.name == name]
    return found[-1] if found else None


def methods_of(cls: type) -> dict[str, FunctionType]:
    """The functions in the body of a class, by their names."""
    own = type.__dict__["__dict__"].__get__(cls)
    return {name: method for name, method in own.items() if type(method) is FunctionType}


def cell_of(answer: Any) -> ast.Module | None:
    """The syntax tree of the whole cell in which a learner's function is defined."""
    function = function_of(answer)
    return _file_tree(function.__code__.co_filename) if function else None


def cell_names(answer: Any) -> set[str]:
    """The names that the learner's cell itself assigns, outside functions."""
    tree = cell_of(answer)
    lines = [one for one in (tree.body if tree else ()) if not isinstance(one, ast.FunctionDef | ast.ClassDef)]
    return {one.id for line in lines for one in nodes(line) if stores(one)}


def stores(node: ast.AST) -> bool:
    """Whether it is a name that gets a value here."""
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def nodes(tree: ast.AST | None) -> Iterator[ast.AST]:
    """All nodes of a syntax tree, if there is one."""
    return ast.walk(tree) if tree is not None else iter(())


def _function_tree(function: FunctionType | None) -> ast.AST | None:
    if function is None or is_library(function.__code__.co_filename):
        return None
    code = function.__code__
    found = [
        one
        for one in nodes(_file_tree(code.co_filename))
        if isinstance(one, ast.FunctionDef | ast.Lambda)
        and min([one.lineno, *(d.lineno for d in getattr(one, "decorator_list", []))]) == code.co_firstlineno
        and getattr(one, "name", "<lambda>") == code.co_name
    ]
    return found[0] if len(found) == 1 else None


def _file_tree(filename: str) -> ast.Module | None:
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


def loops(answer: Any, callers: tuple[CodeType, ...] = ()) -> bool:
    """Whether a learner's function has a loop: `for`, `while`, a comprehension, `map` and the like, or recursion."""
    function = function_of(answer)
    if function is None or function.__code__ in callers:
        return function is not None
    for one in nodes(_function_tree(function)):
        called = called_name(one)
        if isinstance(one, _LOOPS) or called.rpartition(".")[2] in _LOOPING_CALLS:
            return True
        if isinstance(one, ast.FunctionDef) and one.name in map(called_name, ast.walk(one)):
            return True
        helper = function.__globals__.get(called)
        if type(helper) is FunctionType and loops(helper, (*callers, function.__code__)):
            return True
    return False


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
    bound |= {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.ClassDef)}
    bound |= {one.id for one in ast.walk(tree) if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load)}
    for one in ast.walk(tree):
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load) and one.id not in bound:
            bound.add(one.id)
            yield one.id
