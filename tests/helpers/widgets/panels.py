"""Moves every control of a panel as a learner might, and looks after each move at what must always hold."""

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

from helpers.widgets.panel import Panel

# What learners type, mistype, and paste: none of it may be evaluated, and none may end in anything but a sentence.
HOSTILE_TEXTS = (
    *("", " ", "x", "x[", "x[0", "]", "x[[0]]", "x[::0]", "x[-99]", "x[1e3]", "x[None, ...]", "x[..., ...]", "x[0.5]"),
    *("1/0", "x[1/0]", "0**-1", "10**10**10", "9" * 5000, "x" * 5000, "(" * 3000, "-" * 3000, "x+" * 3000 + "x"),
    *(
        "__import__('os').system('echo')",
        "x.__class__.__mro__",
        "lambda: x",
        "[x for x in x]",
        "open('a')",
        "exec('1')",
    ),
    *(
        "x := 1",
        "x = 1",
        "del x",
        "'" * 3,
        "'x'",
        "f'{x}'",
        "b'x'",
        "1j",
        "nan",
        "inf",
        "True",
        "None",
        "...",
        "\0",
        "\n",
    ),
    *("3, 4", "3 4", "3,,4", "[3, 4]", "(3, 4)", "-1, 2", "0, 3", "1, " * 90, "99999999999, 3", "3.5, 2", "a, b"),
    *("٣, ٤", "²", "é", "🙂", "<b>bold</b>", "<img src=x onerror=alert(1)>", "\\", "%s", "{x}", "x\tx", "x;x", "# x"),
)


def positions(control: widgets.Widget) -> list[Any]:
    """The positions of a control at which something may go wrong."""
    if isinstance(control, widgets.Text | widgets.Textarea):
        return [*HOSTILE_TEXTS, control.value]
    if hasattr(control, "options"):
        return [value for _, value in control._options_full]
    if isinstance(control, widgets.Checkbox | widgets.ToggleButton):
        return [True, False]
    return [control.min, control.max, control.value]


def draw(control: widgets.Widget, random: random.Random) -> Any:
    """A position of the control, drawn at random."""
    if isinstance(control, widgets.IntSlider | widgets.FloatSlider):
        steps = round((control.max - control.min) / control.step)
        return control.min + random.randint(0, steps) * control.step
    return random.choice(positions(control))


def every_move(panel: Panel, *, at_random: int = 20) -> Iterator[str]:
    """Every control at each of its positions, each button, then controls at random; yields a name for each move."""
    for name, control in panel.controls.items():
        if isinstance(control, widgets.Button):
            control.click()
            yield f"press {name}"
            continue
        before = control.value
        for value in positions(control):
            if not getattr(control, "disabled", False) and _allowed(control, value):
                control.value = value
                yield f"{name} = {value!r}"[:80]
        if _allowed(control, before):
            control.value = before
    chance = random.Random(0)
    for _ in range(at_random):
        name, control = chance.choice([*panel.controls.items()])
        if isinstance(control, widgets.Button):
            control.click()
            yield f"press {name}, at random"
        else:
            control.value = value = draw(control, chance)
            yield f"{name} = {value!r}, at random"[:80]


def _allowed(control: widgets.Widget, value: Any) -> bool:
    """Whether the position is there still: options may change with another control."""
    return not hasattr(control, "options") or value in [option for _, option in control._options_full]


def check_answer(panel: Panel, move: str = "") -> None:
    """Whatever was moved: no fault, a sentence, shown once more as the picture's alt, and nothing of the text run."""
    assert panel.fault is None, f"{move}: {panel.fault!r}"
    assert panel.sentence.rstrip().endswith((".", "!", "?")), f"{move}: {panel.sentence!r}"
    assert len(panel.sentence) < 1500, f"{move}: {panel.sentence!r}"
    shown = panel._output.value
    kind, words = re.search(r'<p role="status" data-kind="(\w+)"[^>]*>(.*?)</p>', shown, re.DOTALL).groups()
    assert unescape(words).removeprefix("⚠ ") == panel.sentence, move
    assert "<b>bold" not in shown, move
    assert "<img src=x" not in shown, move
    if kind == "answer" and "<img" in shown:
        assert unescape(re.search(r'<img alt="([^"]*)"', shown).group(1)) == panel.sentence, move
    assert repr(panel).endswith(panel.sentence)
    assert " at 0x" not in repr(panel)
    assert "Traceback" not in shown


def assert_survives(make: Callable[[], Panel], *, at_random: int = 20) -> None:
    """Every control at its extremes and at random: nothing is left behind, and nothing else is touched, nor a copy."""
    threads, settings, random_state = threading.enumerate(), dict(mpl.rcParams), torch.get_rng_state()
    figures = plt.get_fignums()
    panel, twin = make(), make()
    said, shown = repr(twin), twin._output.value
    for control in panel.controls.values():
        assert control.description, f"{control} has no label"
    check_answer(panel, "at first")
    moves = 0
    for move in every_move(panel, at_random=at_random):
        check_answer(panel, move)
        moves += 1
    assert moves
    assert plt.get_fignums() == figures
    assert threading.enumerate() == threads
    assert dict(mpl.rcParams) == settings
    assert torch.equal(torch.get_rng_state(), random_state)
    assert (repr(twin), twin._output.value) == (said, shown), "another copy of the widget has moved as well"
    assert repr(make()) == said, "the cell, run again, does not begin anew"
