"""Keeping the ground firm on which a verdict stands, in a process that also runs the code to be judged.

Two means. `Pristine` remembers what every module and class holds before a learner's code runs; whatever is replaced is
put back before the check looks, and a check during which something was replaced is worth nothing. `refuse_reaching_out`
refuses, to a learner's code, the calls by which a program gets at what it was not given: frames of its callers, all
objects of the process, foreign memory, other programs.

Both make it hard, not impossible: code in one process with its judge can win if it wants nothing else. What is judged
is therefore a process of its own for each notebook, which decides about nothing but this notebook.
"""

from __future__ import annotations

import builtins
import inspect
import sys
import sysconfig
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from operator import attrgetter, is_
from typing import Any

import torch
from torch import overrides

# Replaced in the course of ordinary work: by redirecting output, by catching warnings, by showing a result.
MOVING = {"showwarning", "_showwarnmsg_impl", "displayhook", "excepthook", "__interactivehook__", "unraisablehook"}


BUILTINS = vars(builtins)
PART_NAMES = ("__code__", "__defaults__", "__kwdefaults__")
PARTS = tuple(map(attrgetter, PART_NAMES))


class Pristine:
    """What modules, classes and functions hold now, to be compared with later."""

    def __init__(self, modules: Mapping[str, Any]) -> None:
        self.builtins = {name: value for name, value in BUILTINS.items() if name != "_"}
        # Of each module and class: itself, what it holds now, what of that was callable, all names, its own for people.
        self.held: list[tuple[Any, Mapping[str, Any], dict[str, Any], frozenset[str], str]] = []
        self.functions: dict[types.FunctionType, str] = {}
        seen: set[int] = set()
        for name, module in list(modules.items()):
            if isinstance(module, types.ModuleType):
                self._hold(module, name)
                for inner, value in list(vars(module).items()):
                    if issubclass(type(value), type) and id(value) not in seen:
                        seen.add(id(value))
                        self._hold(value, f"{name}.{inner}")
        self.parts = [list(map(part, self.functions)) for part in PARTS]

    def _hold(self, owner: Any, label: str) -> None:
        saved = {}
        for name, value in list(vars(owner).items()):
            inner = value.__func__ if type(value) in (staticmethod, classmethod) else value
            if type(inner) is types.FunctionType:
                self.functions[inner] = f"{label}.{name}"
            if name not in MOVING and (callable(value) or type(value) in (property, classmethod, staticmethod)):
                saved[name] = value
        self.held.append((owner, vars(owner), saved, frozenset(vars(owner)), label))

    def restored(self) -> list[str]:
        """Put everything back; the names of what had been replaced."""
        changed = []
        # Python's own names first, and by nothing that could be replaced itself: all that follows uses them.
        for name in self.builtins:
            if BUILTINS.get(name) is not self.builtins[name]:
                changed.append(f"builtins.{name}")
        BUILTINS.update(self.builtins)
        sys.settrace(None)
        sys.setprofile(None)
        return sorted({*changed, *self._names(), *self._functions(), *_modes()})

    def _names(self) -> Iterator[str]:
        for owner, now, saved, names, label in self.held:
            if now.keys() != names:
                for name in now.keys() - names:
                    if _hides(owner, now[name], name):
                        yield f"{label}.{name}"
                        with suppress(AttributeError, TypeError):
                            delattr(owner, name)
            if not all(map(is_, saved.values(), map(now.get, saved))):
                for name, value in saved.items():
                    if now.get(name) is not value:
                        yield f"{label}.{name}"
                        with suppress(AttributeError, TypeError):
                            setattr(owner, name, value)

    def _functions(self) -> Iterator[str]:
        for part, saved in zip(PARTS, self.parts, strict=True):
            if not all(map(is_, saved, map(part, self.functions))):
                for function, value in zip(self.functions, saved, strict=True):
                    if part(function) is not value:
                        yield self.functions[function]
                        for name, old in zip(PART_NAMES, self._parts_of(function), strict=True):
                            setattr(function, name, old)

    def _parts_of(self, function: types.FunctionType) -> list[Any]:
        place = list(self.functions).index(function)
        return [saved[place] for saved in self.parts]


def _modes() -> Iterator[str]:
    """End the modes, which see every operation of PyTorch before it is done, and may return what they like."""
    while overrides._get_current_function_mode_stack():
        torch._C._pop_torch_function_stack()
        yield "PyTorch, by a mode"
    while torch._C._len_torch_dispatch_stack():
        torch._C._pop_torch_dispatch_stack()
        yield "PyTorch, by a mode"


def _hides(owner: Any, value: Any, name: str) -> bool:
    """Whether a name that was added stands before another: one of Python's in a module, a base's in a class."""
    if isinstance(owner, types.ModuleType):
        return name in BUILTINS
    return callable(value) or hasattr(type(value), "__get__")


# Looking through these, the one who asks is the code that called them.
THROUGH = tuple(
    f"{sysconfig.get_paths()['stdlib']}/{name}" for name in ("inspect.py", "subprocess.py", "os.py", "ctypes/")
)
# Who asks for these looks for the judge; who asks for the others may have an honest reason, and gets an error.
SEEKING = ("sys._", "sys.addaudithook", "sys.setprofile", "sys.settrace", "gc.get_", "ctypes.")
REACHING = ("os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "pty.", "socket.", "subprocess.")
FRAMES = {"tb_frame", "gi_frame", "cr_frame", "ag_frame", "f_back"}


def refuse_reaching_out(hidden: tuple[str, ...]) -> Callable[[], list[str]]:
    """Refuse it from now on, and the opening of files in which one of the `hidden` words stands.

    What is returned gives the names of what was sought in vain since it was last asked.
    """
    refused: list[str] = []
    own = threading.local()  # the hook itself looks at frames

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if getattr(own, "busy", False):
            return
        if event == "open":
            wrong = isinstance(arguments[0], str | bytes) and any(word in str(arguments[0]) for word in hidden)
        elif event == "object.__getattr__":
            wrong = arguments[1] in FRAMES
        else:
            wrong = event.startswith((*SEEKING, *REACHING))
        if wrong and event == "sys.settrace" and sys.gettrace():
            return  # Python itself, ending what ends an endless answer; nobody else can have set one
        if wrong:
            own.busy = True
            try:
                wrong = _is_learners(inspect.currentframe())
            finally:
                own.busy = False
        if wrong:
            if not event.startswith(REACHING):
                refused.append(event)
            raise PermissionError(f"{event} is not for an answer")

    sys.addaudithook(hook)

    def since() -> list[str]:
        found = sorted(set(refused))
        refused.clear()
        return found

    return since


def _is_learners(frame: types.FrameType | None) -> bool:
    """Whether the code that asks was written in a notebook, or made up by such code."""
    frame = frame.f_back if frame else None
    while frame is not None and frame.f_code.co_filename.startswith(THROUGH):
        frame = frame.f_back
    name = frame.f_code.co_filename if frame else ""
    return name.startswith("<") and not name.startswith("<frozen")
