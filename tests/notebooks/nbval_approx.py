"""A pytest plugin: trained numbers may differ a little between processors, times may differ, and nothing else may.

nbval compares every output exactly. In a cell with the tag `approx` this plugin replaces each measured number of the
new output by the stored one, where the two agree within a relative tolerance, and leaves the comparison to nbval: so a
changed word, a missing or extra number, a NaN, or a number out of tolerance still fails, with nbval's own report.

A measured number is one with a decimal point, an exponent or a percent sign. Integers (epochs, shapes, counts) stay
exact. The tolerance is 0.02, or what the cell's metadata says: {"tags": ["approx"], "rtol": 0.05}.

In a cell with the tag `timing`, which prints how long something takes, a measured number may have any value.

In the fingerprint of a figure, the rounded means of what it draws, a measured number of any cell may differ by one unit
in its last digit, because two processors that differ by 1e-8 sometimes round to different sides.
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
          | (?=\s?%)                   # a percent sign after it
        )
    )(?![\w]|\.\d)""",
    re.VERBOSE,
)


Close = Callable[[Decimal, Decimal], bool]  # whether a measured number counts as the stored one


def within(rtol: float) -> Close:
    """Close in a cell with the tag `approx`: the two differ by at most this part of the stored number."""
    return lambda number, stored: math.isclose(number, stored, rel_tol=0, abs_tol=rtol * abs(float(stored)))


def rounded_alike(number: Decimal, stored: Decimal) -> bool:
    """Close in a fingerprint: one unit in the last digit, as from 0.018642 to 0.018643 or from 9.9999 to 10.000."""
    return abs(number - stored) <= max(Decimal(1).scaleb(int(each.as_tuple().exponent)) for each in (number, stored))


def adopt_stored(new: str, stored: str, close: Close) -> str:
    """Return the new text with its measured numbers replaced by the stored ones, where they are close."""
    if _MEASURED.split(new) != _MEASURED.split(stored):
        return new  # they differ in more than measured numbers
    references = iter(_MEASURED.findall(stored))

    def choose(found: re.Match[str]) -> str:
        number, reference = found.group(), next(references)
        return reference if close(_value(number), _value(reference)) else number

    return _MEASURED.sub(choose, new)


def _value(number: str) -> Decimal:
    return Decimal(number.replace(",", ""))


def tolerance(cell: NotebookNode) -> float:
    """Return the relative tolerance that a cell's metadata states.

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
    """Let nbval disregard what two supported versions of PyTorch word differently."""
    if config.option.nbval_sanitize_with is None:
        config.option.nbval_sanitize_with = str(Path(__file__).with_name("nbval_sanitize.cfg"))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let cells tagged `approx` or `timing` compare with tolerance, and all cells their fingerprints by rounding."""
    if not isinstance(item, IPyNbCell):
        return
    tags = item.cell.metadata.get("tags", [])
    rtol = tolerance(item.cell) if "approx" in tags else None
    exactly = item.compare_outputs

    def adopt(text: str, stored: str) -> str:
        if "timing" in tags:
            return adopt_stored(text, stored, lambda number, reference: True)
        if rtol is not None:
            return adopt_stored(text, stored, within(rtol))
        return adopt_stored(text, stored, rounded_alike) if stored.startswith(FINGERPRINT) else text

    def approximately(new: Sequence[NotebookNode], stored: Sequence[NotebookNode], skip_compare: Any = None) -> bool:
        if len(new) == len(stored):
            new = [_with_texts(*pair, adopt) for pair in zip(new, stored, strict=True)]
        return exactly(new, stored, skip_compare)

    item.compare_outputs = approximately


def _with_texts(output: NotebookNode, stored: NotebookNode, adopt: Callable[[str, str], str]) -> NotebookNode:
    """A copy of an output, with each of its texts that the stored one has too passed through `adopt`."""
    output = NotebookNode(output)
    if "text" in output and "text" in stored:
        output.text = adopt(output.text, stored.text)
    if "data" in output and "data" in stored:
        texts = [mime for mime in output.data if mime.startswith("text/") and mime in stored.data]
        output.data = NotebookNode(output.data | {mime: adopt(output.data[mime], stored.data[mime]) for mime in texts})
    return output
