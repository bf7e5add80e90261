"""A pytest plugin: numbers that come out of training may differ a little between processors, and nothing else may.

nbval compares every output exactly. In a cell with the tag `approx` this plugin replaces each measured number of the
new output by the stored one, where the two agree within a relative tolerance, and leaves the comparison to nbval:
so a changed word, a missing or extra number, a NaN, or a number out of tolerance still fails, with nbval's own report.

A measured number is one with a decimal point, an exponent or a percent sign. Whole numbers (epochs, shapes, counts)
stay exact. The tolerance is 0.02, or what the cell's metadata says: {"tags": ["approx"], "rtol": 0.05}.

In the fingerprint of a figure, the rounded means of what it draws, a measured number may in every cell be the next one
in its last digit: two processors that differ by 1e-8 round to two sides, now and then.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell

DEFAULT_RTOL = 0.02
LARGEST_RTOL = 0.25  # beyond that a broken loop would pass
FINGERPRINT = "(figure, described below; "  # how the text begins that `helpers.plotting.show` stores for a figure

# 0.123, -1.5e-3, 2e-5, 71 %, 1,234.5: not the 28 of "28 x 28", not the 3 of "conv3", not the 1.2.3 of a version.
_MEASURED = re.compile(
    r"""(?<![\w.])
    (?: [-+]?(?:\d{1,3}(?:,\d{3})+|\d+)
        (?: \.\d+(?:[eE][-+]?\d+)?     # a decimal point
          | [eE][-+]?\d+               # an exponent
          | (?=\s?%)                   # a percent sign behind it
        )
    )(?![\w]|\.\d)""",
    re.VERBOSE,
)


def adopt_stored(new: str, stored: str, rtol: float = DEFAULT_RTOL) -> str:
    """The new text with its measured numbers replaced by the stored ones, where each agrees within the tolerance.

    Returns the new text unchanged where the texts differ in anything but measured numbers.
    """

    def close(number: str, reference: str) -> bool:
        return math.isclose(_value(number), _value(reference), rel_tol=0, abs_tol=rtol * abs(_value(reference)))

    return _adopted(new, stored, close)


def adopt_rounding(new: str, stored: str) -> str:
    """The new text with its measured numbers replaced by the stored ones, where each is the same or the next one.

    The next one is one unit away in the last digit: 0.018643 from 0.018642, and 10.000 from 9.9999.
    """

    def next_to(number: str, reference: str) -> bool:
        one, other = (Decimal(text.replace(",", "")) for text in (number, reference))
        unit = max(Decimal(1).scaleb(int(value.as_tuple().exponent)) for value in (one, other))
        return abs(one - other) <= unit

    return _adopted(new, stored, next_to)


def _adopted(new: str, stored: str, close: Callable[[str, str], bool]) -> str:
    new_numbers, stored_numbers = _MEASURED.findall(new), _MEASURED.findall(stored)
    if _MEASURED.split(new) != _MEASURED.split(stored) or len(new_numbers) != len(stored_numbers):
        return new
    pairs = iter(zip(new_numbers, stored_numbers, strict=True))

    def choose(_: re.Match[str]) -> str:
        number, reference = next(pairs)
        return reference if close(number, reference) else number

    return _MEASURED.sub(choose, new)


def tolerance(cell: NotebookNode) -> float:
    """The relative tolerance that a cell's metadata states.

    Raises:
        ValueError: the tolerance is not a number above 0 and up to `LARGEST_RTOL`.
    """
    rtol = cell.metadata.get("rtol", DEFAULT_RTOL)
    if isinstance(rtol, bool) or not isinstance(rtol, int | float) or not 0 < rtol <= LARGEST_RTOL:
        raise ValueError(
            f"Expected an rtol above 0 and up to {LARGEST_RTOL} in the metadata of cell {cell.get('id')}, received "
            f"{rtol!r}. A wider one would let a broken loop pass: print something that varies less."
        )
    return float(rtol)


def pytest_configure(config: pytest.Config) -> None:
    """Let nbval disregard what differs between two versions of PyTorch that the course supports, and says the same."""
    if config.option.nbval_sanitize_with is None:
        config.option.nbval_sanitize_with = str(Path(__file__).with_name("nbval_sanitize.cfg"))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let the cells tagged `approx` compare with tolerance; every other cell stays with nbval's exact comparison."""
    if not isinstance(item, IPyNbCell):
        return
    rtol = tolerance(item.cell) if "approx" in item.cell.metadata.get("tags", []) else None
    exactly = item.compare_outputs

    def approximately(new: list[NotebookNode], stored: list[NotebookNode], skip_compare: Any = None) -> bool:
        return exactly(_with_stored_numbers(new, stored, rtol), stored, skip_compare)

    item.compare_outputs = approximately


def _with_stored_numbers(
    new: Sequence[NotebookNode], stored: Sequence[NotebookNode], rtol: float | None
) -> Sequence[NotebookNode]:
    if len(new) != len(stored):
        return new

    def adopt(text: str, reference: str) -> str:
        if rtol is not None:
            return adopt_stored(text, reference, rtol)
        return adopt_rounding(text, reference) if reference.startswith(FINGERPRINT) else text

    adopted = []
    for output, reference in zip(new, stored, strict=True):
        output = NotebookNode(output)
        if "text" in output and "text" in reference:
            output.text = adopt(output.text, reference.text)
        if "data" in output and "data" in reference:
            output.data = NotebookNode(
                {
                    mime: adopt(value, reference.data[mime])
                    if mime.startswith("text/") and mime in reference.data
                    else value
                    for mime, value in output.data.items()
                }
            )
        adopted.append(output)
    return adopted


def _value(number: str) -> float:
    return float(number.replace(",", ""))
