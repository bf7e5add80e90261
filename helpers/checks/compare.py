"""What a check may ask of an answer: that it equals a value, that a function or a network behaves as it should.

Each `expect...` raises `NotYet` where the answer is not as wanted. Nothing is broadcast, and no method of an answer is
called but the function that the exercise asks for, so an answer whose `__eq__` or `__repr__` raises does no harm.

Accepted too: a list for a tuple and the reverse (unless `strict=True`), NumPy's scalars as numbers, an `int`
that equals a `float`, an `nn.Parameter` as a tensor, and (unless `dtype=True`) another floating dtype.
"""

from __future__ import annotations

import copy
import dis
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from helpers.checks.guard import TimeUp, printed
from helpers.checks.source import arguments_of, is_library, loops, methods_of, place_of

# Taken when this module is imported: replacing `torch.isclose`, or `detach` in a tensor, changes nothing for a check.
_isclose, _nonzero, _clone, _detach = torch.isclose, torch.nonzero, torch.clone, Tensor.detach

RTOL, ATOL = 1e-4, 1e-6  # floats: another order of the same operations passes, another number does not
UNSET: Any = type("Unset", (), {})()


class NotYet(Exception):  # noqa: N818 - a finding about an answer, not an error of the program
    """The answer is not as wanted: what was found, and hints.

    `observed` and `wanted` are the values that differ, by more than `rtol` allows; `error` is what the code raised;
    `calls` are the calls of the learner's code, the failing one last, and `printed` is what that one printed.
    """

    def __init__(  # noqa: D107
        self,
        finding: str,
        *hints: str,
        observed: Any = UNSET,
        wanted: Any = UNSET,
        rtol: float = RTOL,
        error: BaseException | None = None,
    ) -> None:
        super().__init__(finding, *hints)
        self.observed, self.wanted, self.rtol, self.error = observed, wanted, rtol, error
        self.calls, self.printed = tuple(calls), printed.lines

    def begins_as(self, other: NotYet) -> bool:
        """Whether the first wrong one of several values is the same in two answers."""
        told, same_told = (one.args[0].rpartition(" (")[0] or one.args[0] for one in (self, other))  # without arguments
        several = type(self.observed) in (list, tuple) and len(self.calls) == len(other.calls)
        return several and told.startswith("Value") and told == same_told

    def same_as(self, other: NotYet) -> bool:
        """Whether two answers were found wrong in the same place and in the same way."""
        if len(self.calls) != len(other.calls) or (self.observed is UNSET) != (other.observed is UNSET):
            return False
        if self.error is not None or other.error is not None:
            return type(self.error) is type(other.error) and message_of(self.error) == message_of(other.error)
        if self.observed is UNSET or self.args[0].startswith("Shape of the output"):  # its values are random
            return self.args[0] == other.args[0]
        if self.args[0].partition(":")[0] != other.args[0].partition(":")[0]:  # another part, another property
            return False
        try:
            how = _How(self.rtol, ATOL, dtype=True)
            return next(_differences(self.observed, other.observed, "", how), None) is None
        except Exception:  # values of kinds that no check compares: their types are told
            return self.args[0] == other.args[0] and self.args[0].startswith("Type of ")

    def sentences(self, hints: Iterable[str] = ()) -> tuple[str, ...]:
        """What to look at and then the numbers; where no values were compared, what was found and then the hints."""
        lines = tuple(self.args[0].split("\n"))
        return (*hints, *lines) if self.observed is not UNSET else (*lines, *hints)


class Blank(Exception):  # noqa: N818
    """A part of the answer is still `...`."""


@dataclass
class Call:
    """One call of a learner's code by a check."""

    function: Any
    inputs: tuple[Any, ...]
    given: str
    result: Any = UNSET


calls: list[Call] = []  # of the learner's code in the check that is running, the failing one last


def expect(
    answer: Any,
    wanted: Any,
    *,
    what: str | tuple[str, ...] = "your answer",
    requires_grad: bool | None = None,
    reveal: bool = False,
    strict: bool = False,
    dtype: bool = False,
    rtol: float = RTOL,
    atol: float = ATOL,
) -> None:
    """Compare an answer with what is wanted: a tensor, a number, a string, a dtype, or a list, tuple or dict of these.

    `what` is the task's name for it, or a tuple of names for the elements of a tuple. `reveal=True` shows the wanted
    value. `requires_grad` is compared where it is given. NaN equals NaN in the same place.

    Raises:
        NotYet: they differ.
        Blank: the answer contains `...`.
    """
    if is_blank(answer):
        raise Blank
    how = _How(rtol, atol, requires_grad, reveal, strict, dtype)
    if (difference := next(_differences(answer, wanted, what, how), None)) is not None:
        raise NotYet(difference, observed=answer, wanted=wanted, rtol=rtol)


def same(left: Any, right: Any, rtol: float = RTOL) -> bool:
    """Whether two values are of the same type, shape and dtype, and equal."""
    return next(_differences(left, right, "", _How(rtol, ATOL, strict=True, dtype=True)), None) is None


def expect_none(facts: dict[str, Any]) -> None:
    """Refuse an answer of which one of these sentences is true: the first that is."""
    for fact, true in facts.items():
        if true:
            raise NotYet(fact)


def expect_callable(answer: Any, what: str = "your answer") -> None:
    """Refuse what cannot be called, and a module, where a function is asked for."""
    if not callable(answer) or issubclass(type(answer), nn.Module):
        remedy = "Write a function, with `def`, and give the function itself: its name without brackets."
        raise NotYet(f"Type of {what}: expected a function, received {describe(answer)}.", remedy)


def expect_class(answer: Any, base: type = object) -> None:
    """Refuse what is not a class (of this base), an object that was made from it above all, and one without methods."""
    if not issubclass(type(answer), type):
        remedy = "Give the class itself, its name without brackets: the check makes objects from it."
        raise NotYet(f"Type of your answer: expected a class, received {describe(answer)}.", remedy)
    if base not in type.__dict__["__mro__"].__get__(answer):
        remedy = f"It inherits from `nn.{_name_of(base)}`, which belongs in the brackets after its name."
        raise NotYet(f"The class {_name_of(answer)} is not a class of modules.", remedy)
    inherited = [method for one in type.__dict__["__mro__"].__get__(answer) for method in methods_of(one).values()]
    if not methods_of(answer) and all(is_library(method.__code__.co_filename) for method in inherited):
        raise NotYet(f"The class {_name_of(answer)} has no methods yet.", "Write those that the task names into it.")
    _expect_bodies(answer)


def _expect_bodies(cls: type) -> None:
    for name, method in methods_of(cls).items():
        if _is_empty(method) and not is_library(method.__code__.co_filename):
            raise NotYet(f"`{name}` is still empty.", "Write its body instead of `...` or `pass`.")


class Case(NamedTuple):
    """Inputs for a learner's function, and what it should return for them."""

    inputs: tuple[Any, ...]
    wanted: Any


def expect_results(
    function: Any,
    cases: Iterable[Case],
    *,
    what: str | tuple[str, ...] = "the result",
    without_loop: bool = False,
    **how: Any,
) -> None:
    """Compare what a function returns with what it should, case by case; it must leave its inputs as they are.

    `what` is the task's name for the result; `how` are options of `expect`; `without_loop=True` refuses a loop.

    Raises:
        NotYet: a result differs, the function raised, it changed an input, or it loops where it must not.
        Blank: the function is still to be written.
    """
    expect_callable(function)
    for case in cases:
        expect(call(function, *case.inputs), case.wanted, what=what, reveal=True, **how)
    if without_loop:
        expect_no_loop(function)


def call(function: Any, *inputs: Any, may_change: bool = False, **options: Any) -> Any:
    """What a learner's function, class or model returns for copies of these inputs.

    With `may_change=True` it gets the inputs themselves, and may change them.

    Raises:
        NotYet: it raised, or it changed an input in place.
        Blank: it raised because of a `...` in it, or returned one.
    """
    if not callable(function):
        expect_callable(function)
    given = inputs if may_change else _fresh(inputs)
    names = arguments_of(function, inputs)
    told = [(name, brief(one)) for name, one in zip(names, inputs, strict=True) if name and _is_brief(one)]
    listed = ", ".join(f"{name} {text}" for name, text in told)
    calls.append(Call(function, inputs, listed))
    printed.clear()
    try:
        result = function(*given, **options)
    except (TimeUp, NotYet, Blank):
        raise
    except BaseException as error:  # SystemExit and KeyboardInterrupt too
        message = message_of(error)
        if "ellipsis" in message.lower():
            raise Blank from None
        called = f" (called with {listed})" if listed else ""
        raise NotYet(f"Your code raised an error{place_of(error)}{called}\n{message}", error=error) from None
    calls[-1].result = result
    if is_blank(result):
        raise Blank
    if not may_change:
        for name, before, after in zip(names, inputs, given, strict=True):
            if type(before) in (Tensor, list, tuple, dict) and not same(after, before):
                named = f" `{name}`" if name else ""
                raise NotYet(f"The function changed its input{named}, which its caller may still need.", _IN_PLACE)
    return result


_IN_PLACE = (
    "Look for `+=`, an index on the left of `=`, or a method that works in place, such as `add_` or `append`: make "
    "something new, or work on a copy."
)


def expect_no_loop(function: Any) -> None:
    """Refuse a function with a loop in its code: `for`, `while`, a comprehension, `map` and the like, or recursion."""
    if loops(function):
        found = "The result is right, but this exercise asks for no loop, and your function has one (a comprehension, "
        found += "`map` and a function that calls itself are loops too)."
        raise NotYet(found, "Tensor operations work on all elements at once.")


def expect_module(
    model: Any,
    inputs: Tensor,
    *,
    output_shape: Iterable[int] | None = None,
    parameters: int | None = None,
    same_modes: bool = False,
    what: str = "your model",
) -> None:
    """Judge a network by its behaviour on a batch of inputs.

    Asked always: a `torch.nn.Module`, a finite float32 output, the same output twice in eval mode, and a gradient
    that reaches every parameter that is not frozen; where given: the shape of the output, the number of parameters
    (not the frozen ones), and that the outputs in train and eval mode are the same.

    Raises:
        NotYet: one of these is not so.
    """
    if is_blank(model) or is_blank(type(model)):
        raise Blank
    if not issubclass(type(model), nn.Module):
        hints = [hint for kinds, hint in _MODEL_INSTEAD.items() if issubclass(type(model), kinds)]
        hints += ["The class of a model names `nn.Module` in its brackets."] * ("forward" in methods_of(type(model)))
        raise NotYet(f"Type of {what}: expected a torch.nn.Module, received {describe(model)}.", *hints)
    _expect_bodies(type(model))
    model = copy.deepcopy(model)
    nn.Module.train(model, True)
    output = call(model, inputs)
    _expect_output(output, output_shape, what)
    tensors = list(nn.Module.parameters(model))
    if parameters is not None and (count := sum(p.numel() for p in tensors if p.requires_grad)) != parameters:
        sizes = ", ".join(f"{name} {_shape(p)}" for name, p in list(nn.Module.named_parameters(model))[:12])
        listed = f"Its parameters: {sizes}." if sizes else "It has no layer with parameters."
        raise NotYet(f"Number of parameters of {what}: expected {parameters:,}, received {count:,}.", listed)
    if tensors:
        if not any(p.requires_grad for p in tensors):
            remedy = "They must require gradients for training: leave out `requires_grad_(False)`."
            raise NotYet(f"Gradient: all parameters of {what} are frozen.", remedy)
        if not output.requires_grad:
            raise NotYet(f"Gradient: the output of {what} does not depend on its parameters; was it detached?")
        torch.manual_seed(0)
        # A weighted sum: the plain sum of probabilities is always 1, and its gradient 0.
        (output * torch.randn_like(output)).sum().backward()
        for name, parameter in nn.Module.named_parameters(model):
            if parameter.requires_grad and parameter.grad is None:
                raise NotYet(f"Gradient: none reaches the parameter `{name}`.", "Is it used in `forward`?")
    nn.Module.train(model, False)
    with torch.no_grad():
        first, second = call(model, inputs), call(model, inputs)
        _expect_output(first, output_shape, what)
        if not torch.equal(first, second):
            hint = "Make every layer in `__init__`, `nn.Dropout` too, where `eval()` reaches it. (`F.dropout` needs "
            hint += "`training=self.training`.)"
            raise NotYet(f"Eval mode: {what} gives two different outputs for the same inputs.", hint)
        nn.Module.train(model, True)
        differ = not torch.equal(first, call(model, inputs))
    if same_modes and differ:
        found = "Train and eval mode: expected the same output for the same inputs, received the opposite."
        raise NotYet(found, "Leave out dropout and normalisation.")


_MODEL_INSTEAD: dict[tuple[type, ...], str] = {
    (type,): "Give the model itself, made by calling the class: its name with brackets.",
    (list, tuple): "`nn.Sequential(...)` makes one module of several layers.",
    (Tensor,): "This is what a model returns. Give the model itself.",
}


def _expect_output(output: Any, shape: Iterable[int] | None, what: str) -> None:
    wanted = torch.zeros(*(shape or [1]))
    if type(output) is not Tensor:
        found = f"Type: expected {what} to return a tensor, received {describe(output)}."
        raise NotYet(found, observed=output, wanted=wanted)
    if shape is not None and output.shape != wanted.shape:
        found = f"Shape of the output of {what}: expected {_shape(wanted)}, received {_shape(output)}."
        hint = f"The last layer has {output.shape[-1:].numel()} outputs per sample, and another number is asked for."
        if (matrix := output.ndim == wanted.ndim == 2) and len(output) != len(wanted) and output.numel():
            hint = f"{len(wanted)} samples went in, and {len(output)} came out: dimension 0 must stay as it is."
        raise NotYet(found, *([hint] if matrix else []), observed=output, wanted=wanted)
    if output.dtype != torch.float32 or not bool(torch.isfinite(output).all()):
        raise NotYet(f"Values of the output of {what}: expected finite float32, received {describe(output)}.")


# What differs


class _How(NamedTuple):
    rtol: float
    atol: float
    requires_grad: bool | None = None
    reveal: bool = False
    strict: bool = False
    dtype: bool = False


def plain(value: Any) -> Any:
    """A value without a wrapper that makes no difference to a reader: NumPy scalars, `nn.Parameter`, `torch.Size`."""
    if type(value) is torch.Size:
        return tuple(value)
    if type(value) is nn.Parameter:
        return value.as_subclass(Tensor)
    return value.item() if issubclass(type(value), np.bool_ | np.integer | np.floating) else value


def _differences(answer: Any, wanted: Any, what: str | tuple[str, ...], how: _How) -> Iterator[str]:
    """Sentences that say how the answer differs from what is wanted, the first of which is shown."""
    what, names = ("the result", what) if type(what) is tuple else (what, ())
    answer, wanted = plain(answer), plain(wanted)
    if type(answer) is int and type(wanted) is float and not how.strict and answer.bit_length() < 64:
        answer = float(answer)
    both = {list, tuple}
    swapped = not how.strict and type(answer) in both and type(wanted) in both
    if type(answer) is not type(wanted) and not swapped:
        yield f"Type of {what}: expected {kind(wanted)}, received {describe(answer)}."
    elif isinstance(wanted, Tensor):
        yield from _tensor_differences(answer, wanted, what, how)
    elif isinstance(wanted, list | tuple):
        if len(answer) != len(wanted):
            yield f"Length of {what}: expected {len(wanted)}, received {len(answer)}."
        for place, (left, right) in enumerate(zip(answer, wanted, strict=False)):
            name = names[place] if place < len(names) else f"element {place} of {what}"
            yield from _differences(left, right, name, how)
    elif isinstance(wanted, dict):
        if answer.keys() != wanted.keys():
            yield f"Keys of {what}: they are not those that the task names."
        for key in (key for key in wanted if key in answer):
            yield from _differences(answer[key], wanted[key], f"entry {key!r} of {what}", how)
    else:
        yield from _value_differences(answer, wanted, what, how)


def _value_differences(answer: Any, wanted: Any, what: str, how: _How) -> Iterator[str]:
    if type(wanted) is float:
        same_nan = math.isnan(answer) and math.isnan(wanted)
        equal = same_nan or math.isclose(answer, wanted, rel_tol=how.rtol, abs_tol=how.atol)
    elif wanted is None or type(wanted) in (int, bool, complex, str, bytes, torch.dtype, torch.device, torch.layout):
        equal = answer == wanted
    else:
        raise TypeError(f"Expected a wanted value that can be compared, received {kind(wanted)}.")
    if not equal:
        yield f"Value of {what}: {_received(answer, wanted, how.reveal)}{_called()}."


def _called() -> str:
    given = calls[-1].given if calls else ""
    return f" ({given})" if given else ""


def _tensor_differences(answer: Tensor, wanted: Tensor, what: str, how: _How) -> Iterator[str]:
    # What is wrong first makes the rest impossible to compare; nothing is broadcast or converted.
    any_float = not how.dtype and answer.is_floating_point() and wanted.is_floating_point()
    if answer.is_nested or answer.layout != wanted.layout:
        yield f"Layout of {what}: expected an ordinary (dense) tensor, received another kind."
    elif answer.shape != wanted.shape:
        yield f"Shape of {what}: expected {_shape(wanted)}, received {_shape(answer)}{_called()}."
    elif answer.dtype != wanted.dtype and not any_float:
        yield f"dtype of {what}: expected {_dtype(wanted)}, received {_dtype(answer)}{_called()}."
    elif answer.device != wanted.device:
        yield f"Device of {what}: expected {wanted.device}, received {answer.device}."
    elif how.requires_grad is not None and answer.requires_grad != how.requires_grad:
        yield f"requires_grad of {what}: expected {how.requires_grad}, received {answer.requires_grad}."
    else:
        left, right = _detach(answer), _detach(wanted)
        exact = not (left.is_floating_point() or left.is_complex())
        left = left.to(right.dtype)
        close = left == right if exact else _isclose(left, right, rtol=how.rtol, atol=how.atol, equal_nan=True)
        places = _nonzero(~close).tolist()
        if places:
            place = tuple(places[0])
            received = _received(left[place].item(), right[place].item(), how.reveal)
            share = f"{len(places):,} of {left.numel():,} differ, the first at {list(place)}: " if place else ""
            yield f"{'Values' if place else 'Value'} of {what}: {share}{received}{_called()}."


def _received(answer: Any, wanted: Any, reveal: bool) -> str:
    """One value as received, and as wanted or in which direction that lies."""
    if reveal:
        return f"expected {_number(wanted)}, received {_number(answer)}"
    if all(type(value) in (int, float) and not math.isnan(value) for value in (answer, wanted)):
        return f"{_number(answer)} is too {'small' if answer < wanted else 'large'}"
    return f"{_number(answer)} is not right"


# Answers in words, without calling anything of theirs


_KINDS: dict[type, str] = {type(None): "None", Tensor: "a tensor", ModuleType: "a Python module"}
_KINDS |= dict.fromkeys((FunctionType, BuiltinFunctionType, MethodType), "a function")


def kind(value: Any) -> str:
    """The type of a value in words: 'a list', 'None', 'a tensor'."""
    if issubclass(type(value), type):  # isinstance would ask the value itself for its class
        return f"the class {_name_of(value)}"
    name = _name_of(type(value))
    if issubclass(type(value), tuple) and hasattr(torch.return_types, name):
        return f"both tensors of `{name}`"
    told = f"{'an' if _BEGINS_WITH_A_VOWEL.match(name) else 'a'} {name}"
    return _KINDS.get(type(value), told)


# When it is said: "an ndarray", "an L1Loss" and "an Upsample", but "a ReLU" and "a UserDict".
_BEGINS_WITH_A_VOWEL = re.compile(r"[aeioAEIO]|[uU](?:n(?!i)|p)|nd|[FHLMNRSX][A-Z\d]")


def _name_of(cls: type) -> str:
    return str(type.__dict__["__name__"].__get__(cls))[:60]


def describe(value: Any) -> str:
    """A value in a few words: a number or short string as it is, a tensor by shape and dtype, others by their type."""
    if type(value) is Tensor:
        return f"a tensor {brief(value)}"
    if type(value) in (int, float, bool, complex):
        return f"the {_name_of(type(value))} {_number(value)}"
    if type(value) in (str, torch.dtype, torch.device, torch.layout):
        return _number(value)
    length = f" of length {len(value)}" if type(value) in (list, tuple, dict, set) else ""
    return f"{kind(value)}{length}"


def _is_brief(value: Any) -> bool:
    """Whether it can be told in a word; a model or a loader of the check's own says nothing."""
    if type(value) in (list, tuple):
        return len(value) <= 8 and all(type(item) in (int, float) for item in value)
    return type(value) in (Tensor, int, float, bool, str)


def brief(value: Any) -> str:
    """A tensor or a number as it is told after its name: `[24, 5, 4] float32`, `= 3`."""
    if type(value) in (list, tuple):
        return f"= {value}"
    if type(value) is not Tensor:
        return f"= {_number(value)}"
    if value.is_nested or value.layout != torch.strided:
        return "(not dense)"
    return f"{_shape(value)} {_dtype(value)}{'' if value.device.type == 'cpu' else f' on {value.device}'}"


def message_of(error: BaseException) -> str:
    """The name of an error and its message in whole lines, without calling anything of its own."""
    first = error.args[0] if type(error.args) is tuple and error.args else ""
    text = _COLOURS.sub("", first[:20_000]).strip() if type(first) is str else ""
    lines = [line.rstrip() for line in text.splitlines()]
    shown: list[str] = []
    for line in lines[:12]:
        room = _LONGEST_MESSAGE - len("\n".join(shown))
        if len(line) > room and shown:
            break
        shown.append(line[:room])  # only a flood of a learner's own is cut: no sentence of PyTorch is as long
    shown += ["..."] * (shown != lines)
    return f"{_name_of(type(error))}: {chr(10).join(shown)}".rstrip(": ")


_LONGEST_MESSAGE = 950  # characters: so long is the list of all forms in which a function of PyTorch can be called
_COLOURS = re.compile(r"\x1b\[[\d;]*m")  # of a terminal


def _shape(tensor: Tensor) -> str:
    sizes = [str(size) for size in tensor.shape]
    return f"[{', '.join(sizes if len(sizes) <= 8 else [*sizes[:8], '...'])}]"


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _number(value: Any) -> str:
    """A single value of a plain type, shortened."""
    if type(value) is int and value.bit_length() > 64:
        return "a very large integer"
    if type(value) in (str, bytes):
        return repr(value if len(value) <= 40 else value[:40])
    return f"{value:.6g}" if type(value) is float else str(value)


def _fresh(value: Any) -> Any:
    """A copy that shares no memory with the original."""
    if type(value) in (tuple, list):
        return type(value)(map(_fresh, value))
    if type(value) is dict:
        return {key: _fresh(item) for key, item in value.items()}
    if type(value) is Tensor:
        return _clone(_detach(value)).requires_grad_(value.requires_grad)
    return copy.deepcopy(value) if isinstance(value, nn.Module) else value


# Code that is still to be written

_EMPTY = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "COPY_FREE_VARS"}


def is_blank(answer: Any) -> bool:
    """Whether an answer is `...`, contains it, or is a function, or a class of functions, with nothing but `...`."""
    if type(answer) in (list, tuple, dict):
        return any(item is ... for item in (answer.values() if type(answer) is dict else answer))
    if type(answer) is FunctionType:
        return _is_empty(answer)
    if issubclass(type(answer), type):
        return bool(methods_of(answer)) and all(map(_is_empty, methods_of(answer).values()))
    return answer is ...


def _is_empty(function: FunctionType) -> bool:
    """Whether it does nothing but load and return None or `...`; a docstring is a constant that is never loaded."""
    instructions = list(dis.get_instructions(function.__code__))
    loaded = [one.argval for one in instructions if one.opname in ("LOAD_CONST", "RETURN_CONST")]
    return all(one.opname in _EMPTY for one in instructions) and all(value in (None, ...) for value in loaded)
