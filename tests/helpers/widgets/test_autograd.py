"""Gradient descent and the graph of an expression: every answer against a computation by hand."""

import math

import numpy as np
import pytest
import torch

from helpers.widgets.autograd import LANDSCAPES, RATES, Trace, descent_explorer, descent_path, graph_explorer
from helpers.widgets.expressions import parse
from tests.helpers.widgets.panels import assert_survives

CURVE, TWO_VALLEYS, BOWL, SADDLE = LANDSCAPES


@pytest.mark.parametrize("make", [descent_explorer, graph_explorer])
def test_every_position_of_every_control_ends_in_a_sentence(make):
    assert_survives(make, at_random=10)


@pytest.mark.parametrize("make", [descent_explorer, graph_explorer])
def test_two_panels_are_described_alike(make):
    assert repr(make()) == repr(make())


def test_each_step_of_descent_on_w_squared_shrinks_w_by_the_same_factor():
    path = descent_path(LANDSCAPES[CURVE].loss, [3.0], lr=0.1, momentum=0.0, steps=4)
    w = 3 * 0.8 ** np.arange(5)  # w - 0.1 * 2 w
    assert np.allclose(path, np.column_stack([w, w**2, 2 * w]))


def test_momentum_adds_a_share_of_the_last_step():
    path = descent_path(LANDSCAPES[CURVE].loss, [3.0], lr=0.1, momentum=0.5, steps=2)
    first = 3 - 0.1 * 6
    second = first - 0.1 * (2 * first + 0.5 * 6)
    assert np.allclose(path[:, 0], [3, first, second])


def test_a_surface_has_two_parameters_and_two_slopes():
    path = descent_path(LANDSCAPES[BOWL].loss, [1.0, 1.0], lr=0.1, momentum=0.0, steps=1)
    assert np.allclose(path, [[1, 1, 6, 2, 10], [0.8, 0, 0.64, 1.6, 0]])


@pytest.mark.parametrize("name", LANDSCAPES)
def test_every_landscape_has_the_loss_that_its_name_says(name):
    written = name.rpartition(": ")[2].replace("5v", "5*v").replace("²", "**2").replace("⁴", "**4")
    places = dict(zip(("w", "u", "v"), (1.3, -0.7, 2.1), strict=True))
    p = torch.tensor([places[parameter] for parameter in LANDSCAPES[name].names], dtype=torch.float64)
    assert math.isclose(LANDSCAPES[name].loss(p), eval(written, {}, places))


def test_a_path_that_is_lost_ends():
    path = descent_path(LANDSCAPES[CURVE].loss, [3.0], lr=10.0, momentum=0.0, steps=1000)
    assert np.isfinite(path).all()
    assert abs(path[-1, 0]) > 1e3 > abs(path[-2, 0])


def test_the_sentence_says_where_the_descent_is_and_what_comes_next():
    panel = descent_explorer()
    settings = "With learning rate 0.1 and momentum 0"
    assert panel.sentence == (
        f"At the start, w = 3, the loss is 9 and the slope is 6. {settings} the next step moves w by -0.6."
    )
    panel.set(steps=1)
    assert panel.sentence == (
        "After 1 step: w = 2.4. The loss falls from 9 to 5.76. "
        f"Here the slope is 4.8. {settings} the next step moves w by -0.48."
    )
    panel.set(lr=1.05)
    assert "The loss rises from 9 to 10.9." in panel.sentence
    panel.set(landscape=BOWL, across=1.0, up=1.0, lr=0.1)
    assert panel.sentence == (
        "After 1 step: u = 0.8, v = 0. The loss falls from 6 to 0.64. "
        f"Here the gradient is (1.6, 0). {settings} the next step moves u and v by (-0.16, 0)."
    )
    panel.set(lr=max(RATES), steps=60)
    assert "the path is lost, far outside the picture" in panel.sentence


def test_only_a_surface_has_a_v_to_start_at():
    panel = descent_explorer()
    assert panel.controls["up"].disabled
    panel.set(landscape=SADDLE)
    assert not panel.controls["up"].disabled


def test_momentum_rolls_over_the_hill_between_two_valleys():
    panel = descent_explorer()
    panel.set(landscape=TWO_VALLEYS, lr=0.05, steps=60)
    assert "w = 1.8" in panel.sentence
    panel.set(momentum=0.9)
    assert "w = -2." in panel.sentence


def test_step_and_reset_are_asked_for_by_the_browser():
    panel = descent_explorer()
    runner = panel.controls["steps"]
    runner.request = [1, "step"]
    assert (runner.value, runner.answered, panel.sentence.split(":")[0]) == (1, 1, "After 1 step")
    runner.request = [2, "tick"]  # late: nothing runs
    assert (runner.value, runner.answered) == (1, 2)
    runner.running = True
    runner.request = [3, "tick"]
    assert (runner.value, runner.answered) == (2, 3)
    runner.request = [4, "reset"]
    assert (runner.value, runner.running) == (0, False)
    assert panel.sentence.startswith("At the start")


def test_a_run_ends_by_itself():
    runner = descent_explorer().controls["steps"]
    runner.value, runner.running = runner.max - 1, True
    runner.request = [1, "tick"]
    assert (runner.value, runner.running) == (runner.max, False)
    runner.request = [2, "step"]
    assert runner.value == runner.max


EXPRESSIONS = {  # of x = 2 and w = 1.5: value, gradient of x, gradient of w, by the rules of school
    "(w * x - 1) ** 2": (4, 6, 8),
    "w * x": (3, 1.5, 2),
    "-w + x / w": (-1.5 + 2 / 1.5, 1 / 1.5, -1 - 2 / 1.5**2),
    "+x * x": (4, 4, None),
    "exp(w) * 2 ** 3": (8 * math.exp(1.5), None, 8 * math.exp(1.5)),
    "torch.log(x)": (math.log(2), 0.5, None),
    "(x - w).relu()": (0.5, 1, -1),
    "sigmoid(x)": (1 / (1 + math.exp(-2)), math.exp(-2) / (1 + math.exp(-2)) ** 2, None),
    "w ** x": (2.25, 2.25 * math.log(1.5), 3),
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_values_and_gradients_are_those_of_school(text):
    leaves = {"x": torch.tensor(2.0, requires_grad=True), "w": torch.tensor(1.5, requires_grad=True)}
    trace = Trace(parse(text, ("x", "w"), example="x"), leaves)
    trace.result.backward()
    for found, expected in zip((trace.result, leaves["x"].grad, leaves["w"].grad), EXPRESSIONS[text], strict=True):
        assert (found is None) == (expected is None)
        if expected is not None:
            assert math.isclose(found.detach(), expected, rel_tol=1e-5)


def test_the_graph_has_a_box_for_each_name_number_and_operation():
    leaves = {"x": torch.tensor(2.0, requires_grad=True), "w": torch.tensor(1.5, requires_grad=True)}
    trace = Trace(parse("(w * x - 2 * 3) * w", ("x", "w"), example="x"), leaves)
    trace.result.backward()
    nodes, edges = trace.graph()
    assert [node.label for node in nodes] == [
        *("w = 1.5, grad 0", "x = 2, grad 2.25", "multiply = 3, grad 1.5", "6"),
        *("subtract = -3, grad 1.5", "multiply = -4.5, grad 1", "result = -4.5"),
    ]
    assert edges == [(0, 2), (1, 2), (2, 4), (3, 4), (4, 5), (0, 5), (5, 6)]


def test_the_sentence_of_the_graph_says_value_and_gradients():
    panel = graph_explorer()
    assert panel.sentence == "For x = 2 and w = 1.5, (w * x - 1) ** 2 is 4; its gradient is 6 for x and 8 for w."
    panel.set(expression="w / x", x=0.0)
    assert "w / x is inf" in panel.sentence
    assert "inf, which is too large" in panel.sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 + 2", "depends on x or w: received 1 + 2"),
        ("x > 1", "received x > 1, which has no slope"),
        ("x[0]", "received x[0], which has no slope"),
        ("w @ x", "received w @ x"),
        ("x + (-1) ** 0.5", "real numbers"),
        ("sin(" * 16 + "x" + ")" * 16, "up to 16 boxes"),
        ("y * x", "received the name y"),
    ],
)
def test_what_has_no_graph_is_refused_in_words(text, words):
    panel = graph_explorer()
    panel.set(expression=text)
    assert panel.fault is None
    assert words in panel.sentence
    assert 'data-kind="refusal"' in panel._output.value
