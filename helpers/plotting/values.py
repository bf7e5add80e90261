"""Numbers in, text out: what every figure needs before it draws and when it describes what it drew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def as_array(values: ArrayLike, name: str) -> np.ndarray:
    """Return `values` (a tensor, an array, or nested lists of either) as a NumPy array of real numbers.

    Raises: TypeError for anything but real numbers, ValueError for rows of unequal length.
    """
    try:
        array = _to_numpy(values)
    except ValueError as error:
        raise ValueError(
            f"Expected {name} to be rectangular: received parts of different shapes. Pass parts of one shape."
        ) from error
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"Expected numbers for {name}: received {type(values).__name__} of {array.dtype}. "
            "Pass a tensor, an array or a list of numbers."
        )
    return array


def _to_numpy(values: Any) -> np.ndarray:  # noqa: ANN401
    if hasattr(values, "detach"):  # a tensor, recognised without importing torch
        values = values.detach().cpu()
        return (values.double() if values.is_floating_point() else values).numpy()  # NumPy has no bfloat16
    if isinstance(values, (list, tuple)):
        return np.asarray([_to_numpy(value) for value in values])
    return np.asarray(values)


def finite(values: ArrayLike, name: str) -> np.ndarray:
    """Return `values` as an array of at least one number, all of them finite.

    Raises: ValueError where it is empty, or where a number is NaN or infinite; TypeError as `as_array`.
    """
    array = as_array(values, name)
    if array.size == 0:
        raise ValueError(
            f"Expected at least one number in {name}: received shape {format_shape(array)}. Pass some data."
        )
    if bad := int((~np.isfinite(array)).sum()):
        raise ValueError(
            f"Expected finite numbers in {name}: {bad} of {array.size} are NaN or infinite. "
            "Find where they arise with torch.isfinite, or leave them out."
        )
    return array


def vector(values: ArrayLike, name: str) -> np.ndarray:
    """Return `values` of shape [N] or [N, 1] as finite numbers [N]. Raises: as `finite`, and for other shapes."""
    array = finite(values, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(
            f"Expected {name} of shape [N] or [N, 1]: received {format_shape(array)}. Select one column, or flatten it."
        )
    return array


def one_each(items: Sequence[Any], n: int, rule: str) -> list[str]:
    """`n` items, such as labels, as text; `rule` says of what there is one each: "title per image".

    Raises: ValueError where there are not `n` of them; TypeError for a string instead of a sequence.
    """
    if isinstance(items, str):
        raise TypeError(f"Expected one {rule}: received the string {items!r}. Pass a list.")
    if len(items) != n:
        raise ValueError(f"Expected one {rule}: received {len(items)} for {n}. Pass {n} of them, in the same order.")
    return [str(item.item() if hasattr(item, "item") else item) for item in items]


def format_shape(array: np.ndarray) -> str:
    """The shape as PyTorch lists it: [12, 28, 28]."""
    return str(list(array.shape))


def format_number(value: float) -> str:
    """Integers in full, other numbers to three significant digits: 12, 0.851, 1.23e-07.

    With three digits, a comparison of captions notices a change but not the rounding of another processor.
    """
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e6 else f"{value:.3g}"


def format_percent(fraction: float) -> str:
    """A fraction from 0 to 1 as a percentage of three significant digits: 71.2 %."""
    return f"{100 * fraction:.3g} %"


def format_range(values: np.ndarray) -> str:
    """Lowest to highest: '0 to 0.98'; an end that is tiny beside the largest number is written as 0."""
    ends = (values.min(), values.max())
    return " to ".join(format_number(0 if abs(end) < 1e-6 * np.abs(values).max() else end) for end in ends)


def format_count(n: int, plural: str) -> str:
    """A number of things: '12 images', '1 image', '2,000 images'."""
    return f"{n:,} {plural.removesuffix('s') if n == 1 else plural}"


def join_words(words: Iterable[object]) -> str:
    """Words as a list, each on one line and with single spaces: 'Bag, Ankle boot, Coat'."""
    return ", ".join(" ".join(str(word).split()) for word in words)
