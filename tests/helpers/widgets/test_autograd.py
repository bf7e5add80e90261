"""Gradient descent and the graph of an expression: every answer against a computation by hand."""

import math

import pytest
import torch

from helpers.widgets.autograd import LANDSCAPES, RATES, Trace, descent_explorer, graph_explorer
from helpers.widgets.expressions import parse
from tests.helpers.widgets.panels import move

_, _, BOWL, _ = LANDSCAPES


@pytest.mark.parametrize("name", LANDSCAPES)
def test_every_landscape_has_the_loss_that_its_name_says(name):
    formula = name.rpartition(": ")[2].replace("5v", "5*v").replace("²", "**2").replace("⁴", "**4")
    values = dict(zip(("w", "u", "v"), (1.3, -0.7, 2.1), strict=True))
    p = torch.tensor([values[parameter] for parameter in LANDSCAPES[name].names], dtype=torch.float64)
    assert math.isclose(LANDSCAPES[name].loss(p), eval(formula, {}, values))


def test_the_sentence_says_where_the_descent_is_and_what_comes_next():
    panel = descent_explorer()
    settings = "With learning rate 0.1 and momentum 0"
    assert panel.controls["second"].disabled  # a curve has one parameter
    assert panel.sentence == (
        f"At the start, w = 3, the loss is 9 and the slope is 6. {settings} the next step moves w by -0.6."
    )
    move(panel, steps=1)
    assert panel.sentence == (
        "After 1 step: w = 2.4. The loss falls from 9 to 5.76. "
        f"Here the slope is 4.8. {settings} the next step moves w by -0.48."
    )
    move(panel, steps=2, momentum=0.5)  # 2.4 - 0.1 * (4.8 + 0.5 * 6)
    assert "w = 1.62. The loss falls from 9 to 2.62. Here the slope is 3.24." in panel.sentence
    move(panel, steps=1, momentum=0.0, lr=1.05)
    assert "The loss rises from 9 to 10.9." in panel.sentence
    move(panel, landscape=BOWL, first=1.0, second=1.0, lr=0.1)
    assert panel.sentence == (
        "After 1 step: u = 0.8, v = 0. The loss falls from 6 to 0.64. "
        f"Here the gradient is (1.6, 0). {settings} the next step moves u and v by (-0.16, 0)."
    )
    assert not panel.controls["second"].disabled
    move(panel, lr=max(RATES), steps=60)
    assert "the path has diverged" in panel.sentence


def test_the_browser_asks_for_each_step():
    panel = descent_explorer()
    runner = panel.controls["steps"]

    def ask(action):
        runner.request = [runner.answered + 1, action]
        return runner.value, runner.running, runner.answered

    assert ask("step") == (1, False, 1)
    assert panel.sentence.startswith("After 1 step")
    assert ask("tick") == (1, False, 2)  # it was on its way when Pause was pressed
    runner.running = True
    assert ask("tick") == (2, True, 3)
    assert ask("reset") == (0, False, 4)
    assert panel.sentence.startswith("At the start")
    runner.value, runner.running = runner.max - 1, True
    assert ask("tick") == (runner.max, False, 5)  # the last step
    assert ask("step") == (runner.max, False, 6)


def traced(text):
    leaves = {"x": torch.tensor(2.0, requires_grad=True), "w": torch.tensor(1.5, requires_grad=True)}
    trace = Trace(parse(text, ("x", "w"), example="x"), leaves)
    trace.result.backward()
    return trace.graph()


def test_the_graph_has_a_node_for_each_name_number_and_operation():
    nodes, edges = traced("(w * x - 2 * 3) * w")
    assert [node.label for node in nodes] == [
        *("w = 1.5, grad 0", "x = 2, grad 2.25", "multiply = 3, grad 1.5", "6"),
        *("subtract = -3, grad 1.5", "multiply = -4.5, grad 1", "result = -4.5"),
    ]
    assert edges == [(0, 2), (1, 2), (2, 4), (3, 4), (4, 5), (0, 5), (5, 6)]
    typed = traced("1 - +x").nodes
    assert [node.label for node in typed] == ["1", "x = 2, grad -1", "subtract = -1, grad 1", "result = -1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(w * x - 1) ** 2", "For x = 2 and w = 1.5, (w * x - 1) ** 2 is 4; its gradient is 6 for x and 8 for w."),
        ("-w + x / w", "is -0.167; its gradient is 0.667 for x and -1.89 for w."),
        ("exp(w) * 2 ** 3", "For w = 1.5, exp(w) * 2 ** 3 is 35.9; its gradient is 35.9 for w."),
        ("(x - w).relu() * torch.sigmoid(x)", "is 0.44; its gradient is 0.933 for x and -0.881 for w."),
        ("w / (x - 2)", "w / (x - 2) is inf; its gradient is -inf for x and inf for w. One of the values is nan"),
        ("1 + 2", "expression of x and w: received 1 + 2."),
        ("x > 1", "received x > 1, which has no gradient"),
        ("x[None]", "received x[None], which has no gradient"),
        ("sin(" * 16 + "x" + ")" * 16, "up to 16 nodes"),
        ("x", "For x = 2, x is 2; its gradient is 1 for x."),
    ],
)
def test_the_sentence_of_the_graph(text, message):
    panel = graph_explorer()
    move(panel, expression=text)
    assert message in panel.sentence
