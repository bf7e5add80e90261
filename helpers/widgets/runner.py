"""Buttons to start, pause, step and reset, for what runs step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets


class Runner(anywidget.AnyWidget):
    """Buttons to start, pause, step and reset; `value` counts the steps done, from 0 to `max`.

    The browser asks for one step at a time, and for the next only when the last is done: so pause and reset act at
    once, however slow the machine, and no thread is left when a cell is run again or the page is closed.
    """

    _esm = Path(__file__).with_name("runner.js")
    _css = Path(__file__).with_name("controls.css")

    value = traitlets.Int(0).tag(sync=True)
    max = traitlets.Int(100).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    description = traitlets.Unicode("steps").tag(sync=True)
    pause = traitlets.Int(50, help="milliseconds between two steps").tag(sync=True)

    # What the browser asks for, with a serial number, and the serial number of the last request done.
    request = traitlets.List(default_value=[0, ""]).tag(sync=True, echo_update=False)
    answered = traitlets.Int(0).tag(sync=True)

    @traitlets.observe("request")
    def _serve(self, change: dict[str, Any]) -> None:
        serial, action = change["new"]
        if action == "reset":
            self.running, self.value = False, 0
        elif action == "step" or self.running:  # a tick that was on its way when Pause was pressed does nothing
            self.value = min(self.value + 1, self.max)
        if self.value == self.max:
            self.running = False
        self.answered = serial
