"""Moves every control of a panel as a learner might, and checks after each move what must always be true."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import ipywidgets as widgets
import matplotlib as mpl
import matplotlib.pyplot as plt
import torch

from helpers.widgets.panel import TEXT_INSTEAD, Panel

# What learners type, mistype and paste: none of it may be evaluated, and all of it must end in a sentence.
HOSTILE_TEXTS = (
    *("", " ", "x", "x[", "x[0", "]", "x[[0]]", "x[::0]", "x[-99]", "x[1e3]", "x[None, ...]", "x[..., ...]", "x[0.5]"),
    *("1/0", "x[1/0]", "0**-1", "10**10**10", "9" * 5000, "x" * 5000, "(" * 3000, "-" * 3000, "x+" * 3000 + "x"),
    *("__import__('os').system('echo')", "x.__class__.__mro__", "lambda: x", "[x for x in x]", "open('a')"),
    *("exec('1')", "x := 1", "x = 1", "del x", "'" * 3, "'x'", "f'{x}'", "b'x'", "1j", "nan", "inf", "True", "None"),
    *("...", "\0", "\n", "3, 4", "3 4", "3,,4", "[3, 4]", "(3, 4)", "-1, 2", "0, 3", "1, " * 90, "99999999999, 3"),
    *("3.5, 2", "a, b", "٣, ٤", "²", "é", "🙂", "<b>bold</b>", "<img src=x onerror=alert(1)>", "\\", "%s", "{x}"),
    *("x\tx", "x;x", "# x", "x.numpy()", "x.grad", "relu(x=x)", "relu(x, x)", "x.relu(x)", "x < 1 < 2", "x and x"),
)


def positions(control: widgets.Widget) -> list[Any]:
    """The positions of a control at which something may go wrong."""
    if isinstance(control, widgets.Text):
        return [*HOSTILE_TEXTS, control.value]
    if hasattr(control, "options"):
        return [value for _, value in control._options_full]
    if hasattr(control, "counts"):  # a confusion matrix
        return [*range(len(control.class_names) ** 2)]
    return [getattr(control, "min", 0), control.max, control.value]


def every_move(panel: Panel, *, at_random: int) -> Iterator[str]:
    """Every control at each of its positions, then controls at random; yields a name for each move."""
    for name, control in panel.controls.items():
        before = control.value
        for value in positions(control):
            control.value = value
            yield f"{name} = {value!r}"[:80]
        control.value = before
    chance = random.Random(0)
    for _ in range(at_random):
        name, control = chance.choice([*panel.controls.items()])
        values = positions(control)
        if isinstance(control, widgets.IntSlider | widgets.FloatSlider):
            values = [control.min + chance.random() * (control.max - control.min)]
        control.value = type(control.value)(chance.choice(values))
        yield f"{name} = {control.value!r}, at random"[:80]


def check_answer(panel: Panel, move: str = "") -> None:
    """No fault, a sentence that is also the image's alt text, and no text of the learner's as HTML."""
    assert panel.fault is None, f"{move}: {panel.fault!r}"
    assert panel.sentence.endswith((".", "!", "?")), f"{move}: {panel.sentence!r}"
    assert len(panel.sentence) < 1500, f"{move}: {panel.sentence!r}"
    shown = panel._output.value
    outcome, words = re.search(r'<p role="status" data-kind="(\w+)"[^>]*>(.*?)</p>', shown, re.DOTALL).groups()
    assert unescape(words).removeprefix("⚠ ") == panel.sentence, move
    assert "<b>bold" not in shown, move
    assert "<img src=x" not in shown, move
    if outcome == "answer" and "<img" in shown:
        assert unescape(re.search(r'<img alt="([^"]*)"', shown).group(1)) == panel.sentence, move
    assert panel.sentence in repr(panel)
    assert repr(panel).endswith(f"({TEXT_INSTEAD})")
    assert " at 0x" not in repr(panel)


def assert_survives(make: Callable[[], Panel], *, at_random: int = 6) -> None:
    """Every control at its extremes and at random: nothing is left behind, nothing else changes."""
    threads, settings, random_state = threading.enumerate(), dict(mpl.rcParams), torch.get_rng_state()
    figures = plt.get_fignums()
    panel, twin = make(), make()
    text, shown = repr(twin), twin._output.value
    for control in panel.controls.values():
        assert control.description, f"{control} has no label"
    check_answer(panel, "at first")
    for move in every_move(panel, at_random=at_random):
        check_answer(panel, move)
    assert plt.get_fignums() == figures
    assert threading.enumerate() == threads
    assert dict(mpl.rcParams) == settings
    assert torch.equal(torch.get_rng_state(), random_state)
    assert (repr(twin), twin._output.value) == (text, shown), "another copy of the widget has moved as well"
    assert repr(make()) == text, "the cell, run again, does not start from the beginning"


class OnMPS(torch.Tensor):
    """A tensor that refuses what one on an Apple GPU does: float64, NumPy, and tensors that are on the CPU."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is torch.Tensor.numpy:
            raise TypeError("can't convert mps:0 device type tensor to numpy.")
        if any(type(arg) is torch.Tensor and arg.ndim for arg in args):
            raise RuntimeError("Expected all tensors to be on the same device, but found mps:0 and cpu!")
        result = super().__torch_function__(func, types, args, kwargs or {})
        if func is torch.Tensor.cpu:
            with torch._C.DisableTorchFunctionSubclass():
                return result.as_subclass(torch.Tensor)
        if isinstance(result, torch.Tensor) and result.dtype == torch.float64:
            raise TypeError(
                "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64."
            )
        return result
