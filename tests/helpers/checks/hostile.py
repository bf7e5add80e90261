"""Answers of every kind that no check may stumble over, and none may pass."""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class Raises:
    """An object of which every question raises."""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("asked")

    __eq__ = __ne__ = __lt__ = __repr__ = __str__ = __len__ = __iter__ = __bool__ = __hash__ = _refuse
    __getattr__ = __getitem__ = __call__ = __float__ = __int__ = __array__ = __index__ = __contains__ = _refuse

    @property
    def __class__(self) -> type:
        raise RuntimeError("asked")


class AlwaysEqual:
    """An object that says yes to everything."""

    shape, dtype, device = torch.Size([]), torch.float32, torch.device("cpu")

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __call__(self, *_: Any, **__: Any) -> AlwaysEqual:
        return self

    def __getattr__(self, name: str) -> AlwaysEqual:
        return self

    def __len__(self) -> int:
        return 3


class RaisingTensor(Tensor):
    """A tensor of which every operation raises."""

    @classmethod
    def __torch_function__(cls, *_: Any, **__: Any) -> Any:
        raise RuntimeError("asked")


class LyingTensor(Tensor):
    """A tensor of which every operation returns True."""

    @classmethod
    def __torch_function__(cls, *_: Any, **__: Any) -> Any:
        return torch.tensor(True)


class RaisingError(Exception):
    """An error that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("asked")

    __repr__ = __str__


class BrokenModule(nn.Module):
    """A module of which `forward` raises."""

    def forward(self, X: Tensor) -> Tensor:
        raise RaisingError


def _raise(error: BaseException, *_: Any) -> Any:
    raise error


def _recursion(*inputs: Any) -> Any:
    return _recursion(*inputs)


def _disturbs(*inputs: Any) -> Any:
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    print("noise", file=sys.stderr)


def _spoils_inputs(*inputs: Any) -> Any:
    for value in inputs:
        if isinstance(value, Tensor):
            value.zero_()
            value.resize_(0)


def hostile() -> Iterator[Any]:
    """A fresh answer of every kind."""
    warnings.filterwarnings("ignore", message=".*(quantized tensor creation|nested tensors)")
    itself: list = []
    itself.append(itself)
    yield from (None, NotImplemented, True, 0, -1, 10**5000, 1e308, math.nan, math.inf, 1j, "", "x" * 10**6, b"x")
    yield from ([], (), {}, set(), itself, {Raises: 1}, [Raises()], [[[[1]]]], range(3), iter([]), object(), type, int)
    yield from (Raises(), Raises, AlwaysEqual(), AlwaysEqual, [AlwaysEqual()] * 3, RaisingError())
    yield from (np.zeros(3), np.float64(1), np.full(3, None), torch, sys, slice(3), torch.float32)
    yield from (torch.empty(0), torch.tensor(math.nan), torch.full((3, 3), math.inf), torch.zeros(3, 0, 2))
    yield from (torch.zeros(1).expand(10**6, 10**6), torch.empty(10**9, device="meta"), torch.zeros(3, device="meta"))
    yield from (torch.eye(3).to_sparse(), torch.zeros(3, dtype=torch.complex64), torch.zeros(3, dtype=torch.bfloat16))
    yield from (torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True) * 2, nn.Parameter(torch.ones(3)))
    yield torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8)
    yield torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    yield from (torch.ones(3).as_subclass(RaisingTensor), torch.ones(3).as_subclass(LyingTensor))
    yield from (nn.Linear(3, 3), nn.Sequential(), BrokenModule(), nn.Module, nn.Linear, nn.Identity())
    yield from (lambda: None, lambda *_: None, lambda *inputs: inputs, lambda *_: Raises(), lambda *_: AlwaysEqual())
    yield from (lambda *_: torch.zeros(1).expand(10**6, 10**6), lambda *_: iter(int, 1), lambda *_, **__: torch.rand(3))
    errors = (RaisingError(), SystemExit(), KeyboardInterrupt(), GeneratorExit(), MemoryError(), StopIteration())
    yield from (partial(_raise, error) for error in (*errors, RaisingError(Raises()), ValueError("x " * 10**4)))
    yield from (_recursion, _disturbs, _spoils_inputs, partial(int, "x"), classmethod(len))
    yield from (property(len), print, len, torch.mean, lambda *_: print("x" * 10**6))
    yield lambda *_: torch.ones(3).as_subclass(LyingTensor)


def _forever(*_: Any, **__: Any) -> Any:
    while True:
        pass


def _sleeps(*_: Any, **__: Any) -> Any:
    time.sleep(60)


def _swallows(*_: Any, **__: Any) -> Any:
    while True:
        try:
            total = sum(range(9))
        except BaseException:
            total = 0
        del total


def _swallows_while_it_sleeps(*_: Any, **__: Any) -> Any:
    while True:
        try:
            time.sleep(10)
        except BaseException:
            continue


ENDLESS = (_forever, _sleeps, _swallows, _swallows_while_it_sleeps)
