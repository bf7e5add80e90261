"""Numbers in, words out: what every plot needs before it draws and when it describes what it drew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def as_array(values: Any, name: str) -> np.ndarray:  # noqa: ANN401 - a tensor, an array or nested lists of either
    """Return `values` as a NumPy array of numbers, whatever device or graph they come from.

    Raises: TypeError for anything but real numbers, ValueError for rows of unequal length.
    """
    try:
        array = _to_numpy(values)
    except ValueError as error:
        raise ValueError(
            f"Expected {name} to be rectangular: its parts have different shapes. "
            "Bring them to one shape, or draw them apart."
        ) from error
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"Expected numbers for {name}: received {type(values).__name__} of {array.dtype}. "
            "Pass a tensor, an array or a list of numbers."
        )
    return array


def _to_numpy(values: Any) -> np.ndarray:  # noqa: ANN401
    if hasattr(values, "detach"):  # a tensor; asked in this way, plotting does not need torch
        values = values.detach().cpu()
        return (values.double() if values.is_floating_point() else values).numpy()  # NumPy has no bfloat16
    if isinstance(values, (list, tuple)):
        return np.asarray([_to_numpy(value) for value in values])
    return np.asarray(values)


def finite(values: Any, name: str) -> np.ndarray:  # noqa: ANN401
    """Return `values` as an array of at least one number, all of them finite.

    Raises: ValueError where there is none, or where one is NaN or infinite; TypeError as `as_array`.
    """
    array = as_array(values, name)
    if array.size == 0:
        raise ValueError(f"Expected at least one number in {name}: received shape {shape(array)}. Pass some data.")
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise ValueError(
            f"Expected finite numbers in {name}: {bad} of {array.size} are NaN or infinite. "
            "Find where they arise with torch.isfinite, or leave them out."
        )
    return array


def vector(values: Any, name: str) -> np.ndarray:  # noqa: ANN401
    """Return `values` of shape [N] or [N, 1] as finite numbers of shape [N].

    Raises: ValueError for any other shape; as `finite`.
    """
    array = finite(values, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(
            f"Expected {name} of shape [N] or [N, 1]: received {shape(array)}. Choose one column, or flatten it."
        )
    return array


def shape(array: np.ndarray) -> str:
    """The shape as the course writes it: [12, 28, 28]."""
    return str(list(array.shape))


def number(value: float) -> str:
    """Whole numbers as they are, others to three significant digits: 12, 0.851, 1.23e-07.

    Three digits let a comparison with a relative tolerance see a change, and not the noise of a processor.
    """
    value = float(value)
    if value.is_integer() and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.3g}"


def percent(share: float) -> str:
    """A share from 0 to 1 as a percentage of three significant digits: 71.2 %."""
    return f"{number(float(f'{100 * share:.3g}'))} %"


def span(values: np.ndarray) -> str:
    """Lowest to highest: '0 to 0.98'; what is left of a zero after rounding errors counts as zero."""
    largest = np.abs(values).max()
    low, high = (0 if abs(end) < 1e-6 * largest else end for end in (values.min(), values.max()))
    return f"{number(low)} to {number(high)}"


def count(n: int, what: str) -> str:
    """How many of `what`, a plural: '12 pictures', '1 picture', '2,000 pictures'."""
    return f"{n:,} {what.removesuffix('s') if n == 1 else what}"


def listing(words: Iterable[str]) -> str:
    """Words as a list, each on one line and with single spaces: 'Bag, Ankle boot, Coat'."""
    return ", ".join(" ".join(str(word).split()) for word in words)


def check_names(class_names: Sequence[str], n: int, rule: str) -> list[str]:
    """The class names as text.

    Raises: ValueError where there are not `n` of them; TypeError for one text instead of a sequence.
    """
    if isinstance(class_names, str):
        raise TypeError(f"Expected a sequence of class names: received the text {class_names!r}. Pass a list.")
    names = [str(name) for name in class_names]
    if len(names) != n:
        raise ValueError(
            f"Expected {rule}: {n} classes, {len(names)} names. Pass {n} names, in the order of the labels."
        )
    return names
