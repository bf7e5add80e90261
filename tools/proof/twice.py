"""A pytest plugin: every cell of a notebook is run twice in a row, and the second output must be the first.

    python -m pytest -p tools.proof.twice notebooks/04_autograd.ipynb

The first output is compared with the stored one as always, the second one exactly with the first. A cell whose
purpose is to go on (one more step of training) carries the tag `once`, and says in a comment what a second run does; it
is run once.
"""

from __future__ import annotations

import copy
from types import MethodType

import pytest
from nbval.plugin import IPyNbCell

ONCE = "once"


@pytest.hookimpl(trylast=True)  # after the plugin that allows a tolerance
def pytest_itemcollected(item: pytest.Item) -> None:
    """Run a cell again after each run that passed."""
    if not isinstance(item, IPyNbCell) or ONCE in item.cell.metadata.get("tags", []):
        return
    run_once = item.runtest

    def run_twice() -> None:
        run_once()
        stored, compare = item.cell.outputs, item.compare_outputs
        item.cell.outputs = copy.deepcopy(item.test_outputs)
        item.compare_outputs = MethodType(IPyNbCell.compare_outputs, item)
        try:
            run_once()
        finally:
            item.cell.outputs, item.compare_outputs = stored, compare

    item.runtest = run_twice
