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
    adopt_rounding,
    adopt_stored,
    tolerance,
)

STORED = "epoch 3: loss 0.5000, accuracy 71.0 %, 1,234.5 seen"


@pytest.mark.parametrize(
    "new",
    [
        STORED,
        "epoch 3: loss 0.5099, accuracy 71.0 %, 1,234.5 seen",
        "epoch 3: loss 0.4901, accuracy 72.3 %, 1,220.9 seen",
    ],
)
def test_numbers_within_the_tolerance_count_as_the_stored_ones(new):
    assert adopt_stored(new, STORED) == STORED


@pytest.mark.parametrize(
    ("new", "what"),
    [
        ("epoch 3: loss 0.5101, accuracy 71.0 %, 1,234.5 seen", "a number above the tolerance"),
        ("epoch 3: loss 0.4899, accuracy 71.0 %, 1,234.5 seen", "a number below the tolerance"),
        ("epoch 3: loss -0.5000, accuracy 71.0 %, 1,234.5 seen", "another sign"),
        ("epoch 4: loss 0.5000, accuracy 71.0 %, 1,234.5 seen", "another whole number"),
        ("epoch 3: loss 0.5000, accuracy 74.0 %, 1,234.5 seen", "a percentage out of tolerance"),
        ("epoch 3: loss 0.5000, accuracy 71.0 %, 1,300.0 seen", "a number with a thousands separator"),
        ("epoch 3: Loss 0.5000, accuracy 71.0 %, 1,234.5 seen", "a changed word"),
        ("epoch 3: loss 0.5000, accuracy 71.0 %", "a missing number"),
        ("epoch 3: loss 0.5000 0.5000, accuracy 71.0 %, 1,234.5 seen", "an extra number"),
        ("epoch 3: loss nan, accuracy 71.0 %, 1,234.5 seen", "a NaN"),
        ("epoch 3: loss inf, accuracy 71.0 %, 1,234.5 seen", "an infinity"),
        ("epoch 3:  loss 0.5000, accuracy 71.0 %, 1,234.5 seen", "a space more"),
        ("", "nothing at all"),
    ],
)
def test_everything_else_still_differs(new, what):
    assert adopt_stored(new, STORED) != STORED, f"{what} was let through"


@pytest.mark.parametrize(
    ("new", "stored"),
    [
        ("conv3.5", "conv3.6"),
        ("torch 2.15.1", "torch 2.15.2"),
        ("[100, 28, 28]", "[101, 28, 28]"),
        ("0.0 left", "0.0001 left"),
        ("0.0001 left", "0.0 left"),
        ("pairs 100,0.500", "pairs 101,0.500"),
    ],
)
def test_names_versions_shapes_and_zeros_are_exact(new, stored):
    assert adopt_stored(new, stored) != stored


def test_exponents_are_measured_numbers():
    assert adopt_stored("lr 1.01e-3, 5e-4", "lr 1.00e-3, 5e-4") == "lr 1.00e-3, 5e-4"
    assert adopt_stored("1.1e-3", "1.0e-3") == "1.1e-3"


MEANS = f"{FINGERPRINT}pixels 784, mean 0.018642, weighted 9.9999; lines up 2,352, mean 1.2346e+05, weighted 0.43170)"


@pytest.mark.parametrize(
    ("changed", "to"),
    [("0.018642", "0.018643"), ("0.018642", "0.018641"), ("9.9999", "10.000"), ("1.2346e+05", "1.2347e+05")],
)
def test_a_fingerprint_may_be_rounded_to_the_other_side(changed, to):
    assert adopt_rounding(MEANS.replace(changed, to), MEANS) == MEANS


@pytest.mark.parametrize(
    ("changed", "to"),
    [
        ("0.018642", "0.018644"),
        ("0.018642", "-0.018642"),
        ("9.9999", "10.002"),
        ("1.2346e+05", "1.2348e+05"),
        ("1.2346e+05", "1.2346e+04"),
        ("784", "785"),
        ("2,352", "2,353"),
        ("pixels", "points"),
        ("0.43170", "nan"),
    ],
)
def test_nothing_else_of_a_fingerprint_may(changed, to):
    assert adopt_rounding(MEANS.replace(changed, to), MEANS) != MEANS


def test_the_tolerance_is_the_cells_own_and_bounded():
    assert tolerance(new_code_cell()) == DEFAULT_RTOL
    assert tolerance(new_code_cell(metadata={"rtol": 0.05})) == 0.05
    for bad in (LARGEST_RTOL * 1.01, 0, -0.1, True, "0.1", float("nan")):
        with pytest.raises(ValueError, match="Expected an rtol above 0"):
            tolerance(new_code_cell(metadata={"rtol": bad}))


def _cell(source, stored, *, mime=None, **metadata):
    if mime is None:
        output = new_output("stream", text=stored)
    else:
        output = new_output("display_data", data={mime: stored, "text/plain": "a picture"})
    return new_code_cell(source, outputs=[output], execution_count=1, metadata=metadata)


def test_the_beginning_of_a_fingerprint_is_the_one_that_is_stored():
    assert f"{PLACEHOLDER[:-1]}; " == FINGERPRINT


def test_in_a_real_run_of_nbval(pytester, request, monkeypatch):
    """Each cell with the outcome that it must have, all in one notebook and one kernel."""
    approx = {"tags": ["approx"]}
    html = "display({{'text/html': '<p>loss {}</p>', 'text/plain': 'a picture'}}, raw=True)"
    cases = [
        (True, _cell("print('loss 0.505')", "loss 0.500\n", **approx)),
        (False, _cell("print('loss 0.515')", "loss 0.500\n", **approx)),
        (True, _cell("print('loss 0.515')", "loss 0.500\n", rtol=0.05, **approx)),
        (False, _cell("print('loss 0.505')", "loss 0.500\n")),
        (False, _cell("print('gain 0.500')", "loss 0.500\n", **approx)),
        (False, _cell("print('loss 0.500 0.1')", "loss 0.500\n", **approx)),
        (False, _cell("print('loss')", "loss 0.500\n", **approx)),
        (False, _cell("print('loss', float('nan'))", "loss 0.500\n", **approx)),
        (False, _cell("pass", "loss 0.500\n", **approx)),
        (False, _cell("print('loss 0.500'); 1", "loss 0.500\n", **approx)),
        (True, _cell(html.format("0.505"), "<p>loss 0.500</p>", mime="text/html", **approx)),
        (False, _cell(html.format("0.515"), "<p>loss 0.500</p>", mime="text/html", **approx)),
        (True, _cell(f"print('{FINGERPRINT}mean 0.41)')", f"{FINGERPRINT}mean 0.42)\n")),
        (False, _cell(f"print('{FINGERPRINT}mean 0.40)')", f"{FINGERPRINT}mean 0.42)\n")),
        (False, _cell("print('mean 0.41')", "mean 0.42\n")),
        (True, _cell("print('mat1 and mat2 differ')", "addmm: mat1 and mat2 differ\n")),
        (False, _cell("print('mat1 and mat3 differ')", "addmm: mat1 and mat2 differ\n")),
    ]
    notebook = new_notebook(cells=[cell for _, cell in cases])
    nbformat.write(notebook, pytester.path / "cases.ipynb")
    pytester.makeconftest("")
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))
    result = pytester.runpytest_subprocess(
        "--nbval", "--nbval-current-env", "-p", "tests.notebooks.nbval_approx", "-rA"
    )
    report = re.findall(r"^(PASSED|FAILED) cases\.ipynb::Cell (\d+)", result.stdout.str(), re.MULTILINE)
    outcomes = {int(number): outcome == "PASSED" for outcome, number in report}
    assert outcomes == {number: passes for number, (passes, _) in enumerate(cases)}


@pytest.mark.parametrize("rtol", [0.26, 1, 20.0])
def test_no_cell_may_state_a_tolerance_that_a_broken_loop_would_pass(rtol):
    with pytest.raises(ValueError, match=r"above 0 and up to 0\.25"):
        tolerance(new_code_cell("1", metadata={"tags": ["approx"], "rtol": rtol}))
