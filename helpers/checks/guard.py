"""Running somebody else's code: with a time limit, without its output, and with the surroundings put back after it."""

from __future__ import annotations

import ctypes
import io
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import FrameType
from typing import TypeVar

import numpy as np
import torch

T = TypeVar("T")


class TimeUp(BaseException):
    """The code took longer than it was given. Not an `Exception`, which the code itself might catch."""


def guarded(action: Callable[[], T], seconds: float) -> T:
    """What `action` returns or raises; printing, random numbers, default dtype and the like are as before it.

    It runs in known surroundings: seed 0, `float32`, gradients on, the CPU.

    Raises:
        TimeUp: it took longer than `seconds`.
    """
    with _surroundings(), redirect_stdout(_Nowhere()), redirect_stderr(_Nowhere()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return within(seconds, action)


def within(seconds: float, action: Callable[[], T]) -> T:
    """What `action` returns, if it returns in time.

    Raises:
        TimeUp: it did not.
    """
    main = threading.current_thread() is threading.main_thread()
    if main and hasattr(signal, "setitimer"):
        return _within_by_signal(seconds, action)
    return _within_by_thread(seconds, action)


def _within_by_signal(seconds: float, action: Callable[[], T]) -> T:
    own, tracer = sys._getframe(), sys.gettrace()
    rings = lines = 0

    def give_up(frame: FrameType, event: str, argument: object) -> Callable:
        nonlocal lines
        lines += event == "line"
        if event == "line" and lines >= rings:
            raise TimeUp
        return give_up

    def ring(number: int, frame: FrameType | None) -> None:
        nonlocal rings, lines
        if frame is own:  # the action has ended, or has not begun
            return
        # A bare `except:` in a loop swallows the exception. So one of the next lines raises another: the first one at
        # the first ring, the second one at the second, until one is reached that nothing of theirs protects.
        rings, lines = rings + 1, 0
        while frame is not None and frame is not own:
            frame.f_trace = give_up
            frame = frame.f_back
        sys.settrace(give_up)
        raise TimeUp

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
    try:
        return action()
    finally:
        sys.settrace(tracer)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _within_by_thread(seconds: float, action: Callable[[], T]) -> T:
    """The same where there are no alarms (another thread, Windows): it cannot end a sleep, only what follows it."""
    ident, done = ctypes.c_ulong(threading.get_ident()), threading.Event()
    interrupt = ctypes.pythonapi.PyThreadState_SetAsyncExc

    def ring() -> None:
        pause = seconds
        while not done.wait(pause):
            interrupt(ident, ctypes.py_object(TimeUp))
            pause = 0.05

    bell = threading.Thread(target=ring, daemon=True)
    bell.start()
    try:
        try:
            return action()
        finally:
            done.set()
    finally:
        done.set()
        bell.join()
        interrupt(ident, None)


@contextmanager
def _surroundings() -> Iterator[None]:
    numbers = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002 - what an answer may use
    dtype, device, limit = torch.get_default_dtype(), torch.get_default_device(), sys.getrecursionlimit()
    gradients = torch.is_grad_enabled()
    try:
        torch.manual_seed(0)
        torch.set_default_dtype(torch.float32)
        with torch.inference_mode(mode=False), torch.enable_grad(), torch.device("cpu"):
            yield
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(device if device.type != "cpu" else None)
        torch.set_rng_state(numbers[0])
        random.setstate(numbers[1])
        np.random.set_state(numbers[2])  # noqa: NPY002
        sys.setrecursionlimit(limit)


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)
