"""Running a learner's code: with a time limit, its output kept aside, and the surroundings put back after it."""

from __future__ import annotations

import io
import random
import re
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from itertools import cycle, groupby
from types import FrameType
from typing import TypeVar

import numpy as np
import torch

T = TypeVar("T")


class TimeUp(BaseException):
    """The code took longer than it was given. Not an `Exception`, which the code itself might catch."""


class Printed(io.TextIOBase):
    """The beginning of what a learner's code prints, and the warnings that it causes."""

    LINES, CHARACTERS = 20, 4000

    def __init__(self) -> None:  # noqa: D107
        self.text = ""

    def write(self, text: str) -> int:
        """Keep the text, as long as there is room."""
        self.text += text[: self.CHARACTERS - len(self.text)]
        return len(text)

    def warn(self, category: type[Warning], message: Warning | str) -> None:
        """Keep a warning, once."""
        text = re.sub(r" \(Triggered internally.*", "", str(message))
        if text not in self.text:
            self.write(f"{category.__name__}: {text}\n")

    def clear(self) -> None:
        """Forget what was printed before."""
        self.text = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The first lines, each cut where it is very long; a line that is repeated is shown once."""
        found = [line[:600] for line, _ in groupby(self.text.splitlines()) if line.strip()]
        return (*found[: self.LINES], *(["..."] if len(found) > self.LINES else []))


printed = Printed()  # by the last call of the learner's code in the check that is running


def guarded(action: Callable[[], T], seconds: float) -> T:
    """What `action` returns or raises; random numbers, default dtype and the like are as before it.

    It runs in known surroundings: seed 0, `float32`, gradients on, the CPU. Its output and warnings go to `printed`.

    Raises:
        TimeUp: it took longer than `seconds`.
    """
    printed.clear()
    with _surroundings(), redirect_stdout(printed), redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)
        warnings.filterwarnings("ignore", r"The \.grad attribute of a Tensor that is not a leaf")  # the hint says so
        warnings.showwarning = lambda message, category, *_: printed.warn(category, message)
        return within(seconds, action)


def within(seconds: float, action: Callable[[], T]) -> T:
    """What `action` returns, if it returns in time; without alarms (Windows, another thread) it is not stopped.

    Raises:
        TimeUp: it did not.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return action()

    delays = cycle(range(1, 60))  # microseconds

    def ring(signal_number: int, frame: FrameType | None) -> None:
        if frame is None or frame.f_code is within.__code__:
            return  # the code has ended, or has not begun
        while frame is not None and "importlib" not in frame.f_code.co_filename:
            frame = frame.f_back
        if frame is not None:
            # A module that is imported in part would break what comes later, and the time for it is not the learner's:
            # PyTorch imports its compiler with the first optimizer.
            signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
            return
        # Code that swallows every exception needs another one between two of its `try`: the delays differ to meet that.
        signal.setitimer(signal.ITIMER_REAL, next(delays) / 1e6, 0.1)
        raise TimeUp

    previous = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
        return action()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextmanager
def _surroundings() -> Iterator[None]:
    numbers = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002 - what an answer may use
    dtype, device, gradients = torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled()
    try:
        torch.manual_seed(0)
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)  # `with torch.device("cpu")` would take part in every call, and slow it down
        with torch.inference_mode(mode=False), torch.enable_grad():
            yield
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(device if device.type != "cpu" else None)
        torch.set_rng_state(numbers[0])
        random.setstate(numbers[1])
        np.random.set_state(numbers[2])  # noqa: NPY002
