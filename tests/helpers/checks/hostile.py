"""Answers of every kind that no check may stumble over, and none may pass."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch
from torch import Tensor, nn


class Raises:
    """An object of which every question raises."""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("asked")

    __eq__ = __repr__ = __str__ = __len__ = __iter__ = __bool__ = __hash__ = __getattr__ = _refuse
    __getitem__ = __call__ = __float__ = __int__ = __array__ = __index__ = __contains__ = _refuse

    @property
    def __class__(self) -> type:
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


def _raise(error: BaseException, *_: Any) -> Any:
    raise error


def _recursion(*inputs: Any) -> Any:
    return _recursion(*inputs)


def hostile() -> Iterator[Any]:
    """A fresh answer of every kind."""
    agrees = MagicMock(**{"__eq__.return_value": True, "__len__.return_value": 3})  # has every attribute too
    lies, huge = torch.ones(3).as_subclass(LyingTensor), torch.zeros(1).expand(10**6, 10**6)
    yield from (None, True, 0, 10**5000, math.nan, 1j, "", b"x", [], {}, set(), range(3), iter([]), object(), type, int)
    yield from (Raises(), Raises, [Raises()], {Raises: 1}, agrees, [agrees] * 3, np.zeros(3), np.float64(1), torch)
    yield from (lies, huge, torch.empty(0), torch.full((3, 3), math.inf), torch.zeros(3, device="meta"))
    yield from (torch.eye(3).to_sparse(), torch.zeros(3, dtype=torch.complex64), torch.ones(3, requires_grad=True) * 2)
    yield from (nn.Linear(3, 3), nn.Sequential(), nn.Module, nn.Identity(), print, torch.mean, _recursion)
    yield from (lambda: None, lambda *_: None, lambda *inputs: inputs, lambda *_, **__: torch.rand(3))
    yield from (partial(lambda value, *_: value, value) for value in (lies, huge, agrees, Raises()))
    yield from (partial(_raise, error) for error in (RaisingError(Raises()), SystemExit(), StopIteration()))


def _forever(*_: Any, **__: Any) -> Any:
    while True:
        pass


def _swallows(*_: Any, **__: Any) -> Any:
    while True:
        try:
            total = sum(range(9))
        except BaseException:
            total = 0
        del total


ENDLESS = (_forever, _swallows)
