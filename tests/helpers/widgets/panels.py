"""What tests of several widgets share."""

from __future__ import annotations

from typing import Any

import torch

from helpers.widgets.panel import Panel

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


def move(panel: Panel, **values: Any) -> None:
    """Give controls these values, one after the other, as a learner does."""
    for name, value in values.items():
        panel.controls[name].value = value


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
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return result
