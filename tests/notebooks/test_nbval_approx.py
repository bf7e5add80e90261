"""The tolerance for trained numbers: what it lets through and, above all, what it does not."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from helpers.plotting.captions import PLACEHOLDER
from tests.notebooks.nbval_approx import (
    DEFAULT_RTOL,
    FINGERPRINT,
    LARGEST_RTOL,
    adopt_stored,
    rounded_alike,
    tolerance,
    within,
)

STORED = "epoch 3: loss 0.5000, accuracy 71.0 %, 1,234.5 seen, conv3.5 of torch 2.15.1, shape [100, 28], 0.0 left"
MEANS = f"{FINGERPRINT}pixels 784, mean 0.018642, weighted 9.9999; lines up 2,352, mean 1.2346e+05, weighted 0.43170)"


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("0.5000", "0.5099", True),
        ("71.0", "72.3", True),
        ("1,234.5", "1,220.9", True),
        ("0.5000", "0.5101", False),  # above the tolerance
        ("0.5000", "0.4899", False),  # below it
        ("0.5000", "-0.5000", False),
        ("epoch 3", "epoch 4", False),  # an integer is not measured
        ("loss", "Loss", False),  # a changed word
        (", 1,234.5", "", False),  # a missing number
        ("0.5000", "0.5000 0.5000", False),  # one more
        ("0.5000", "nan", False),
        ("conv3.5", "conv3.6", False),  # a name
        ("2.15.1", "2.15.2", False),  # a version
        ("100, 28", "101, 28", False),  # a shape
        ("0.0 left", "0.0001 left", False),
    ],
)
def test_numbers_within_the_tolerance_count_as_the_stored_ones_and_nothing_else_does(old, new, same):
    assert old in STORED
    assert (adopt_stored(STORED.replace(old, new), STORED, within(DEFAULT_RTOL)) == STORED) == same


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("0.018642", "0.018643", True),
        ("9.9999", "10.000", True),
        ("1.2346e+05", "1.2347e+05", True),
        ("0.018642", "0.018644", False),
        ("0.018642", "-0.018642", False),
        ("9.9999", "10.002", False),
        ("1.2346e+05", "1.2348e+05", False),
        ("1.2346e+05", "1.2346e+04", False),
    ],
)
def test_a_fingerprint_may_only_be_rounded_to_the_other_side(old, new, same):
    assert (adopt_stored(MEANS.replace(old, new), MEANS, rounded_alike) == MEANS) == same


def test_the_tolerance_is_the_cells_own_and_bounded():
    assert tolerance(new_code_cell()) == DEFAULT_RTOL
    assert tolerance(new_code_cell(metadata={"rtol": 0.05})) == 0.05
    assert f"{PLACEHOLDER[:-1]}; " == FINGERPRINT  # what the other tolerance is for
    for bad in (LARGEST_RTOL * 1.01, 1, 0, -0.1, True, "0.1", float("nan")):
        with pytest.raises(ValueError, match="Expected an rtol above 0"):
            tolerance(new_code_cell(metadata={"rtol": bad}))


def _cell(source, stored, *, mime=None, **metadata):
    output = new_output("stream", text=stored)
    if mime is not None:
        output = new_output("display_data", data={mime: stored, "text/plain": "an image"})
    return new_code_cell(source, outputs=[output], execution_count=1, metadata=metadata)


def test_in_a_real_run_of_nbval(pytester, request, monkeypatch):
    """Each cell with the outcome that it must have, all in one notebook and one kernel."""
    approx = {"tags": ["approx"]}
    html = "display({{'text/html': '<p>loss {}</p>', 'text/plain': 'an image'}}, raw=True)"
    cases = [
        (True, _cell("print('loss 0.505')", "loss 0.500\n", **approx)),
        (False, _cell("print('loss 0.515')", "loss 0.500\n", **approx)),
        (True, _cell("print('loss 0.515')", "loss 0.500\n", rtol=0.05, **approx)),
        (False, _cell("print('loss 0.505')", "loss 0.500\n")),
        (False, _cell("pass", "loss 0.500\n", **approx)),
        (False, _cell("print('loss 0.500'); 1", "loss 0.500\n", **approx)),
        (True, _cell("print('load 0.9 s')", "load 0.1 s\n", tags=["timing"])),
        (False, _cell("print('save 0.1 s')", "load 0.1 s\n", tags=["timing"])),
        (True, _cell(html.format("0.505"), "<p>loss 0.500</p>", mime="text/html", **approx)),
        (False, _cell(html.format("0.515"), "<p>loss 0.500</p>", mime="text/html", **approx)),
        (True, _cell(f"print('{FINGERPRINT}mean 0.41)')", f"{FINGERPRINT}mean 0.42)\n")),
        (False, _cell("print('mean 0.41')", "mean 0.42\n")),
        (True, _cell("print('mat1 and mat2 differ')", "addmm: mat1 and mat2 differ\n")),
        (False, _cell("print('mat1 and mat3 differ')", "addmm: mat1 and mat2 differ\n")),
    ]
    nbformat.write(new_notebook(cells=[cell for _, cell in cases]), pytester.path / "cases.ipynb")
    pytester.makeconftest("")
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))
    result = pytester.runpytest_subprocess(
        "--nbval", "--nbval-current-env", "-p", "tests.notebooks.nbval_approx", "-rA"
    )
    report = re.findall(r"^(PASSED|FAILED) cases\.ipynb::Cell (\d+)", result.stdout.str(), re.MULTILINE)
    outcomes = {int(number): outcome == "PASSED" for outcome, number in report}
    assert outcomes == {number: passes for number, (passes, _) in enumerate(cases)}
