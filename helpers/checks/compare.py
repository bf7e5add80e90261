"""What a check may ask of an answer: that it equals a value, that a function or a network behaves as it should.

Each `expect...` returns where the answer is as wanted and raises `NotYet` where it is not. Answers are compared by
type, shape, dtype, device, then values, and nothing is broadcast. No method of an answer is called but the function
that the exercise asks for, so an answer whose `__eq__` or `__repr__` raises does no harm.

What a sentence may show: type, shape, dtype and device as wanted and as received; of the values, where the first one
differs, what stands there in the answer, and whether that is too small or too large. The wanted value itself is shown
only for a function's result (`expect_function`), where it is one number of an input that the learner did not choose.
"""

from __future__ import annotations

import copy
import dis
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from graphlib import CycleError, TopologicalSorter
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from helpers.checks.guard import TimeUp

__all__ = [
    "Blank",
    "NotYet",
    "call",
    "expect",
    "expect_callable",
    "expect_class",
    "expect_function",
    "expect_module",
    "expect_no_loop",
    "hinted",
]

# Taken when this module is imported: replacing `torch.isclose`, or `detach` in a tensor, changes nothing for a check.
_isclose, _nonzero, _clone, _detach = torch.isclose, torch.nonzero, torch.clone, Tensor.detach

RTOL, ATOL = 1e-4, 1e-6  # floats: another order of the same operations passes, another number does not

Mistakes = Mapping[str, Any]


class NotYet(Exception):  # noqa: N818 - a finding about an answer, not an error of the program
    """The answer is not as wanted: what to look at, and the hint for a mistake that was recognised."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to look at, and the hint."""
        return self.args


class Blank(Exception):  # noqa: N818
    """A part of the answer is still `...`."""


@contextmanager
def hinted(errors: Mapping[str, str]) -> Iterator[None]:
    """Add a hint to a finding that quotes one of these messages of PyTorch or of a check, the first that it quotes."""
    try:
        yield
    except NotYet as finding:
        added = [hint for message, hint in errors.items() if message in finding.sentences[0]]
        raise NotYet(*finding.sentences, *added[:1]) from None


def expect(
    answer: Any,
    wanted: Any,
    *,
    what: str = "your answer",
    mistakes: Mistakes | None = None,
    requires_grad: bool | None = None,
    reveal: bool = False,
    rtol: float = RTOL,
    atol: float = ATOL,
) -> None:
    """Compare an answer with what is wanted: a tensor, a number, a string, a dtype, or a list, tuple or dict of these.

    NaN equals NaN in the same place. `mistakes` names wrong answers by the hint that each should get. `reveal=True`
    shows the wanted value, see the head of this module. `requires_grad` is compared where it is given.

    Raises:
        NotYet: they differ.
        Blank: the answer contains `...`.
    """
    if is_blank(answer):
        raise Blank
    difference = next(_differences(answer, wanted, what, _How(rtol, atol, requires_grad, reveal)), None)
    if difference is None:
        return
    for hint, wrong in (mistakes or {}).items():
        if next(_differences(answer, wrong, what, _How(rtol, atol)), None) is None:
            raise NotYet(difference, hint)
    raise NotYet(difference)


def expect_callable(answer: Any, what: str = "Type") -> None:
    """Refuse what cannot be called, and a module, where a function is asked for."""
    if not callable(answer) or issubclass(type(answer), nn.Module):
        raise NotYet(f"{what}: expected a function, received {describe(answer)}.")


def expect_class(answer: Any) -> None:
    """Refuse what is no class: something made of it, above all."""
    if not issubclass(type(answer), type):
        made = issubclass(type(answer), nn.Module)
        remedy = " Give the class itself, without making a model of it." if made else ""
        raise NotYet(f"Type: expected the class, received {describe(answer)}.{remedy}")


def expect_function(
    function: Any,
    reference: Callable[..., Any],
    cases: Iterable[tuple[Any, ...]],
    *,
    mistakes: Mapping[str, Callable[..., Any]] | None = None,
    loops: bool = True,
    requires_grad: bool | None = None,
    rtol: float = RTOL,
    atol: float = ATOL,
) -> None:
    """Compare a function with a reference on each case, a tuple of its inputs, edge cases too.

    The function gets copies, and must leave them as they are. `mistakes` names wrong functions by their hint. With
    `loops=False` a loop, a comprehension, `map` or recursion is refused.

    Raises:
        NotYet: a result differs, the function raised, it changed an input, or it loops where it must not.
        Blank: the function is still to be written.
    """
    cases = list(cases)
    expect_callable(function)
    for inputs in cases:
        given = ", ".join(describe(value) for value in inputs)
        result = call(function, *inputs)
        wrong = {}
        for hint, mistake in (mistakes or {}).items():
            try:
                wrong[hint] = mistake(*_fresh(inputs))
            except Exception:  # this mistake would not have come as far as a result
                continue
        expect(
            result,
            reference(*_fresh(inputs)),
            what=f"the result for {given}",
            mistakes=wrong,
            requires_grad=requires_grad,
            reveal=True,
            rtol=rtol,
            atol=atol,
        )
    if not loops:
        expect_no_loop(function)


def call(function: Any, *inputs: Any, may_change: bool = False, **options: Any) -> Any:
    """What a learner's function, class or model returns for copies of these inputs.

    With `may_change=True` it gets the inputs themselves, and may change them.

    Raises:
        NotYet: it raised, or it changed an input in place.
        Blank: it raised because of a `...` in it, or returned one.
    """
    given = inputs if may_change else _fresh(inputs)
    try:
        result = function(*given, **options)
    except (TimeUp, NotYet, Blank):
        raise
    except BaseException as error:  # SystemExit and KeyboardInterrupt too
        message = message_of(error)
        if "ellipsis" in message.lower():
            raise Blank from None
        listed = ", ".join(describe(value) for value in inputs) or "no arguments"
        raise NotYet(f"Your code raised an error when it was called with {listed}: {message}") from None
    if is_blank(result):
        raise Blank
    if not may_change:
        for before, after in zip(inputs, given, strict=True):
            if _comparable(before) and next(_differences(after, before, "the input", _How(0, 0)), None) is not None:
                raise NotYet(
                    f"The function changed its input, {describe(before)}, and its caller may need the old numbers.",
                    "Look for `+=`, a method whose name ends in an underscore, or an index on the left of `=`; "
                    "make a new tensor, or work on a `clone()`.",
                )
    return result


def expect_no_loop(function: Any) -> None:
    """Refuse a function with a loop in its code: `for`, `while`, a comprehension, `map` and the like, or recursion.

    Raises:
        NotYet: it has one.
    """
    if _loops(function):
        raise NotYet(
            "The result is right. But this exercise asks for no loop, and your function has one (a comprehension, "
            "`map` and a function that calls itself are loops too).",
            "Tensor operations work on all elements at once.",
        )


def expect_module(
    model: Any,
    inputs: Tensor,
    *,
    output_shape: Iterable[int] | None = None,
    parameters: int | None = None,
    modes_differ: bool | None = None,
    what: str = "your model",
) -> None:
    """Judge a network by its behaviour on a batch of inputs.

    Asked always: a `torch.nn.Module`, a finite float32 output, the same output twice in eval mode, and a gradient
    that reaches every parameter that is not frozen. Asked where given: the shape of the output, the number of
    parameters (not the frozen ones), and whether the outputs in train and eval mode differ.

    Raises:
        NotYet: one of these is not so.
    """
    if is_blank(model) or is_blank(type(model)):
        raise Blank
    if not issubclass(type(model), nn.Module):
        remedy = " Give the model itself, made by calling the class." if issubclass(type(model), type) else ""
        raise NotYet(f"Type: expected {what} to be a torch.nn.Module, received {describe(model)}.{remedy}")
    model = copy.deepcopy(model)
    nn.Module.train(model, True)
    output = call(model, inputs)
    _expect_output(output, output_shape, what)
    tensors = list(nn.Module.parameters(model))
    if parameters is not None and (count := sum(p.numel() for p in tensors if p.requires_grad)) != parameters:
        raise NotYet(f"Parameters: expected {what} to have {parameters:,}, received {count:,}.")
    if tensors:
        if not output.requires_grad:
            raise NotYet(f"Gradient: the output of {what} does not depend on its parameters; was it detached?")
        torch.manual_seed(0)
        # A weighted sum: the plain sum of probabilities is always 1, and its gradient 0.
        (output * torch.randn_like(output)).sum().backward()
        for name, parameter in nn.Module.named_parameters(model):
            if parameter.requires_grad and parameter.grad is None:
                raise NotYet(f"Gradient: none reaches the parameter `{name}`. Is its layer used in `forward`?")
    nn.Module.train(model, False)
    with torch.no_grad():
        first, second = call(model, inputs), call(model, inputs)
        _expect_output(first, output_shape, what)
        if not torch.equal(first, second):
            raise NotYet(f"Eval mode: {what} gives two different outputs for the same inputs.")
        nn.Module.train(model, True)
        differ = not torch.equal(first, call(model, inputs))
    if modes_differ is not None and differ != modes_differ:
        wanted = "different outputs" if modes_differ else "the same output"
        raise NotYet(f"Train and eval mode: expected {wanted} for the same inputs, received the opposite.")


def _expect_output(output: Any, shape: Iterable[int] | None, what: str) -> None:
    if type(output) is not Tensor:
        raise NotYet(f"Type: expected {what} to return a tensor, received {describe(output)}.")
    if shape is not None and tuple(output.shape) != tuple(shape):
        raise NotYet(f"Shape of the output of {what}: expected {list(shape)}, received {_shape(output)}.")
    if output.dtype != torch.float32 or not bool(torch.isfinite(output).all()):
        raise NotYet(f"Values of the output of {what}: expected finite float32, received {describe(output)}.")


# What differs


class _How(NamedTuple):
    """How two values are compared, and what is said about it."""

    rtol: float
    atol: float
    requires_grad: bool | None = None
    reveal: bool = False


def _differences(answer: Any, wanted: Any, what: str, how: _How) -> Iterator[str]:
    """Sentences that say how the answer differs from what is wanted, the first of which is shown."""
    answer, wanted = (tuple(value) if type(value) is torch.Size else value for value in (answer, wanted))
    if type(answer) is not type(wanted):
        yield _type_difference(answer, wanted, what)
    elif isinstance(wanted, Tensor):
        yield from _tensor_differences(answer, wanted, what, how)
    elif isinstance(wanted, list | tuple):
        if len(answer) != len(wanted):
            yield f"Length of {what}: expected {len(wanted)}, received {len(answer)}."
        for place, (left, right) in enumerate(zip(answer, wanted, strict=False)):
            yield from _differences(left, right, f"element {place} of {what}", how)
    elif isinstance(wanted, dict):
        # A key of an answer may be an object whose comparison raises: only strings and numbers are looked up.
        if {key for key in answer if type(key) in (str, int)} != set(wanted) or len(answer) != len(wanted):
            yield f"Keys of {what}: they are not those that the task names."
            return
        for key in wanted:
            yield from _differences(answer[key], wanted[key], f"entry {key!r} of {what}", how)
    else:
        yield from _value_differences(answer, wanted, what, how)


def _value_differences(answer: Any, wanted: Any, what: str, how: _How) -> Iterator[str]:
    if type(wanted) is float:
        same_nan = math.isnan(answer) and math.isnan(wanted)
        same = same_nan or math.isclose(answer, wanted, rel_tol=how.rtol, abs_tol=how.atol)
    elif wanted is None or type(wanted) in (int, bool, complex, str, bytes, torch.dtype, torch.device, torch.layout):
        same = answer == wanted
    else:
        raise TypeError(f"Expected a wanted value that can be compared, received {kind(wanted)}.")
    if not same:
        yield f"Value of {what}: {_received(answer, wanted, how.reveal)}."


def _type_difference(answer: Any, wanted: Any, what: str) -> str:
    sentence = f"Type of {what}: expected {kind(wanted)}, received {describe(answer)}."
    if type(answer) is Tensor and type(wanted) in (int, float, bool):
        return f"{sentence} `item()` makes a plain number of a tensor that holds one."
    if answer is None:
        return f"{sentence} A function without `return` gives None, and so does `print`."
    return sentence


def _tensor_differences(answer: Tensor, wanted: Tensor, what: str, how: _How) -> Iterator[str]:
    # What is wrong first makes the rest impossible to compare; nothing is broadcast or converted.
    if answer.is_nested or answer.layout != wanted.layout:
        yield f"Layout of {what}: expected an ordinary (dense) tensor, received another kind."
    elif answer.shape != wanted.shape:
        yield f"Shape of {what}: expected {_shape(wanted)}, received {_shape(answer)}."
    elif answer.dtype != wanted.dtype:
        yield f"dtype of {what}: expected {_dtype(wanted)}, received {_dtype(answer)}."
    elif answer.device != wanted.device:
        yield f"Device of {what}: expected {wanted.device}, received {answer.device}."
    elif how.requires_grad is not None and answer.requires_grad != how.requires_grad:
        yield f"requires_grad of {what}: expected {how.requires_grad}, received {answer.requires_grad}."
    else:
        left, right = _detach(answer), _detach(wanted)
        exact = not (left.is_floating_point() or left.is_complex())
        close = left == right if exact else _isclose(left, right, rtol=how.rtol, atol=how.atol, equal_nan=True)
        places = _nonzero(~close).tolist()
        if places:
            place = tuple(places[0])
            received = _received(left[place].item(), right[place].item(), how.reveal)
            count = f"{len(places):,} of {left.numel():,} differ, the first at {list(place)}: " if place else ""
            yield f"{'Values' if place else 'Value'} of {what}: {count}{received}."


def _received(answer: Any, wanted: Any, reveal: bool) -> str:
    """One value as received, and as wanted or in which direction that lies."""
    if reveal:
        return f"expected {_number(wanted)}, received {_number(answer)}"
    if all(type(value) in (int, float) and not math.isnan(value) for value in (answer, wanted)):
        return f"{_number(answer)} is too {'small' if answer < wanted else 'large'}"
    return f"{_number(answer)} is not right"


# Answers in words, without calling anything of theirs


def kind(value: Any) -> str:
    """The type of a value in words: 'a list', 'None', 'a tensor'."""
    if value is None:
        return "None"
    if issubclass(type(value), type):  # isinstance would ask the value itself for its class
        return f"the class {_name_of(value)}"
    if type(value) is Tensor:
        return "a tensor"
    if type(value) in (FunctionType, BuiltinFunctionType, MethodType):
        return "a function"
    name = _name_of(type(value))
    return f"{'an' if _BEGINS_WITH_A_VOWEL.match(name) else 'a'} {name}"


# When it is said: "an ndarray", "an L1Loss" and "an Upsample", but "a ReLU" and "a UserDict".
_BEGINS_WITH_A_VOWEL = re.compile(r"[aeioAEIO]|[uU](?:n(?!i)|p)|nd|[FHLMNRSX][A-Z\d]")


def _name_of(cls: type) -> str:
    return str(type.__dict__["__name__"].__get__(cls))[:60]


def describe(value: Any) -> str:
    """A value in a few words: a number or short string as it is, a tensor by shape and dtype, others by their type."""
    if type(value) is Tensor:
        if value.is_nested or value.layout != torch.strided:
            return "a tensor that is not dense"
        device = "" if value.device.type == "cpu" else f" on {value.device}"
        return f"a tensor of shape {_shape(value)} ({_dtype(value)}{device})"
    if type(value) in (int, float, bool, complex):
        return f"the {_name_of(type(value))} {_number(value)}"
    if type(value) in (str, torch.dtype, torch.device, torch.layout):
        return _number(value)
    length = f" of length {len(value)}" if type(value) in (list, tuple, dict, set) else ""
    return f"{kind(value)}{length}"


def message_of(error: BaseException) -> str:
    """The name of an error and the first line of its message, without calling anything of its own."""
    first = error.args[0] if type(error.args) is tuple and error.args else ""
    text = _COLOURS.sub("", first).strip().partition("\n")[0][:160] if type(first) is str else ""
    return f"{_name_of(type(error))}: {text}".rstrip(": ") + ("" if text.endswith((".", "!", "?")) else ".")


_COLOURS = re.compile(r"\x1b\[[\d;]*m")  # of a terminal


def _comparable(value: Any) -> bool:
    return type(value) in (Tensor, list, tuple, dict)


def _shape(tensor: Tensor) -> str:
    sizes = [str(size) for size in tensor.shape]
    return f"[{', '.join(sizes if len(sizes) <= 8 else [*sizes[:8], '...'])}]"


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _number(value: Any) -> str:
    """A single value of a plain type, shortened."""
    if type(value) is int and value.bit_length() > 64:
        return "a very large whole number"
    if type(value) in (str, bytes):
        return repr(value if len(value) <= 40 else value[:40])
    return f"{value:.6g}" if type(value) is float else str(value)


def _fresh(value: Any) -> Any:
    """A copy that shares no memory with the original."""
    if type(value) is tuple:
        return tuple(_fresh(item) for item in value)
    if type(value) is list:
        return [_fresh(item) for item in value]
    if type(value) is dict:
        return {key: _fresh(item) for key, item in value.items()}
    if type(value) is Tensor:
        copied = _clone(_detach(value))
        return copied.requires_grad_(value.requires_grad)
    return copy.deepcopy(value) if isinstance(value, nn.Module) else value


# Code that is still to be written, and code that loops

_EMPTY = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "COPY_FREE_VARS"}


def is_blank(answer: Any) -> bool:
    """Whether an answer is `...`, contains it, or is a function or class of which a body is nothing but `...`."""
    if answer is ...:
        return True
    if type(answer) in (list, tuple):
        return any(item is ... for item in answer)
    if type(answer) is dict:
        return any(item is ... for item in answer.values())
    if type(answer) is FunctionType:
        return _is_empty(answer.__code__)
    if issubclass(type(answer), type):
        own = type.__dict__["__dict__"].__get__(answer)
        return any(type(method) is FunctionType and _is_empty(method.__code__) for method in own.values())
    return False


def _is_empty(code: CodeType) -> bool:
    """Whether it does nothing but load and return None or `...`; a docstring is a constant that is never loaded."""
    instructions = list(dis.get_instructions(code))
    loaded = [one.argval for one in instructions if one.opname in ("LOAD_CONST", "RETURN_CONST")]
    return all(one.opname in _EMPTY for one in instructions) and all(value in (None, ...) for value in loaded)


_LOOPING_CALLS = {"map", "filter", "reduce", "starmap", "accumulate", "apply_", "map_", "vectorize", "apply_along_axis"}
_RUNNING_TEXT = {"eval", "exec", "compile"}  # what they run is not in the code


def _loops(function: Any) -> bool:
    calls: dict[CodeType, list[CodeType]] = {}
    waiting = [_function_of(function)]
    while waiting:
        current = waiting.pop()
        if type(current) is not FunctionType or current.__code__ in calls:
            continue
        if str(current.__globals__.get("__name__")).partition(".")[0] == "torch":  # not the learner's own
            continue
        codes, called = [current.__code__], [_content(cell) for cell in current.__closure__ or ()]
        while codes:
            code = codes.pop()
            if _jumps_back(code) or {*code.co_names} & (_LOOPING_CALLS | _RUNNING_TEXT):
                return True
            if code.co_name in code.co_freevars:  # a function inside another one that calls itself
                return True
            codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
            called += [current.__globals__.get(name) for name in _globals_of(code)]
        # A helper must not loop either. Two functions may call the same one, but none itself, nor its caller.
        helpers = [one for one in called if type(one) is FunctionType and one.__globals__ is current.__globals__]
        calls[current.__code__] = [one.__code__ for one in helpers]
        waiting += helpers
    try:
        TopologicalSorter(calls).prepare()
    except CycleError:
        return True
    return False


def _globals_of(code: CodeType) -> list[str]:
    """The global names that it reads; `co_names` holds those of methods, too."""
    return [one.argval for one in dis.get_instructions(code) if one.opname in ("LOAD_GLOBAL", "LOAD_NAME")]


def _jumps_back(code: CodeType) -> bool:
    jumps = {*dis.hasjrel, *dis.hasjabs}
    return any(
        one.opname == "FOR_ITER" or (one.opcode in jumps and type(one.argval) is int and one.argval <= one.offset)
        for one in dis.get_instructions(code)
    )


def _function_of(value: Any) -> Any:
    if type(value) is partial:
        return _function_of(value.func)
    if type(value) is MethodType:
        return value.__func__
    if type(value) is FunctionType:
        return value
    return next((vars(cls)["__call__"] for cls in type(value).__mro__ if "__call__" in vars(cls)), None)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None
