"""Move the controls of a widget over their whole range and time each answer: in the kernel of the widget's notebook.

Imports next to nothing: what a kernel has imported is looked through whenever Python collects its garbage, which would
count as part of an answer.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

TEXT_LIMIT, FIGURE_LIMIT = 100, 300  # milliseconds
POSITIONS, AT_RANDOM = 21, 60
TYPED = ("5, 4, 3, 2", "28, 28", "x[[0, 2], 1:]", "relu(sin(w * x) - 4) ** 2 + exp(-x)")  # each is tried in every box

Move = tuple[Any, str, Any]  # a widget, the name of its trait, and the value that the trait gets


def measured(widget: Any, repeat: int) -> str:
    """A row for each control of a widget, a Panel or a DigitPad, as JSON."""
    found, limit = (_of_panel if hasattr(widget, "controls") else _of_pad)(widget, repeat)
    return json.dumps([row | {"limit": limit} for row in found])


def _of_panel(panel: Any, repeat: int) -> tuple[list[dict[str, Any]], int]:
    def answered() -> bool:
        return 'data-kind="answer"' in panel._output.value

    limit = FIGURE_LIMIT if "<img" in panel._output.value else TEXT_LIMIT
    found = []
    for control in panel.controls.values():
        _enable(panel, control)
        moves = [(control, "value", place) for place in _positions(control)]
        found.append(_row(control.description, moves * repeat, answered))
    chance = random.Random(0)
    free = [control for control in panel.controls.values() if not hasattr(control, "request")]
    chosen = chance.choices(free, k=AT_RANDOM)
    moves = [(control, "value", chance.choice(_positions(control))) for control in chosen]
    found.append(_row("all, at random", moves * repeat, answered))
    return found, limit


def _of_pad(pad: Any, repeat: int) -> tuple[list[dict[str, Any]], int]:
    from helpers.widgets import RECORDED  # noqa: PLC0415 - needed in the kernel alone

    (stroke,) = RECORDED["3"]
    moves = {
        "strokes": [[stroke[: i + 1]] for i in range(len(stroke))],
        "width": [percent / 100 for percent in range(1, 26)],
        "framed": [False, True],
    }
    found = [
        _row(trait, [(pad, trait, value) for value in moves[trait]] * repeat, lambda: not pad.failed) for trait in moves
    ]
    return found, TEXT_LIMIT


def _row(name: str, moves: Iterable[Move], answered: Callable[[], bool]) -> dict[str, Any]:
    """Make the moves, and time each; of those to the same position the best counts, and only where it was answered."""
    best: dict[str, float] = {}
    for widget, trait, value in moves:
        if getattr(widget, trait) == value:
            continue  # nothing moves
        start = time.perf_counter()
        setattr(widget, trait, value)
        took = 1000 * (time.perf_counter() - start)
        if answered():
            position = f"{widget.model_id} {value}"
            best[position] = min(took, best.get(position, took))
    times = list(best.values()) or [0.0]  # no move was answered: the row says 0
    return {"control": name, "moves": len(best), "median": statistics.median(times), "worst": max(times)}


def _enable(panel: Any, control: Any) -> None:
    """Where the control is disabled, move the lists beside it until it is not."""
    for other in panel.controls.values():
        for value in _positions(other) if hasattr(other, "options") else []:
            if not getattr(control, "disabled", False):
                return
            other.value = value


def _positions(control: Any) -> list[Any]:
    """A control's whole range: every option, texts typed letter by letter, up to 21 places of a slider."""
    if hasattr(control, "options"):
        return [value for _, value in control._options_full]
    if isinstance(control.value, str):
        return [text[:end] for text in (*TYPED, control.value) for end in range(len(text) + 1)]
    if hasattr(control, "request"):
        return list(range(POSITIONS))  # the browser asks for one step at a time
    step = getattr(control, "step", 1)
    steps = round((control.max - control.min) / step)
    places = min(steps + 1, POSITIONS)
    return [control.min + step * round(i * steps / (places - 1)) for i in range(places)]
