"""A pytest plugin: every cell runs twice in a row, and the second output must be the first (`nox -s twice`).

A cell whose purpose is to go on (one more step of training) carries the tag `once`, and a comment in it says what a
second run does; it runs once. So does a cell with the tag `timing`, whose times differ from run to run.
"""

from __future__ import annotations

import copy
from types import MethodType

import pytest
from nbval.plugin import IPyNbCell


@pytest.hookimpl(trylast=True)  # after the plugin that allows a tolerance against the stored output
def pytest_itemcollected(item: pytest.Item) -> None:
    """Run a cell again after each run that passed, and compare exactly with the first run."""
    if not isinstance(item, IPyNbCell) or {"once", "timing"} & set(item.cell.metadata.get("tags", [])):
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
