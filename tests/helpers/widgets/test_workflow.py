"""The line fitted by hand and the learning rate: errors and losses against a computation by hand."""

import math

import pytest
import torch
from torch import nn

from helpers.widgets.workflow import RATES, SHOWN, fit_it_yourself, learning_rate_explorer, line_losses
from tests.helpers.widgets.panels import move

X = torch.arange(0, 0.8, 0.02).unsqueeze(1)
y = 0.7 * X + 0.3


@pytest.fixture
def model():
    model = nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(0.5)
        model.bias.fill_(0.5)
    return model


def test_the_error_of_your_line_is_its_mean_absolute_residual(model):
    panel = fit_it_yourself(X, y, model)
    move(panel, weight=0.0, bias=0.0)
    yours, found = y.abs().mean(), (0.5 * X + 0.5 - y).abs().mean()
    assert panel.sentence == (
        f"Your line, weight 0.00 and bias 0.00: MAE {yours:.4f}. SGD's line: MAE {found:.4f}. "
        "Of 40 points 40 lie above your line, 0 below it."
    )
    move(panel, weight=0.7, bias=0.3)
    assert "MAE 0.0000." in panel.sentence
    assert "All 40 points lie on your line" in panel.sentence
    move(panel, weight=0.7, bias=0.9)
    assert "Of 40 points 0 lie above your line, 40 below it." in panel.sentence


def test_the_line_of_sgd_is_shown_only_on_request_and_read_only_once(model):
    panel = fit_it_yourself(X, y, model)
    assert "0.5000" not in panel.sentence
    with torch.no_grad():
        model.weight.zero_()
    move(panel, sgd=SHOWN)
    assert "with weight 0.5000 and bias 0.5000" in panel.sentence


def test_the_losses_are_those_of_gradient_descent_by_hand():
    weight, bias, expected = 0.0, 0.0, []
    for _ in range(5):
        residuals = weight * X + bias - y
        expected.append(residuals.square().mean().item())
        weight -= 0.2 * (residuals * X).mean().item()
        bias -= 0.2 * residuals.mean().item()
    assert line_losses(X, y, lr=0.1, epochs=5) == pytest.approx(expected, rel=1e-5)


def test_the_slider_goes_from_too_small_to_diverging():
    panel = learning_rate_explorer(X, y)
    sentences = {}
    for lr in RATES:
        move(panel, lr=lr)
        sentences[lr] = panel.sentence
    assert sentences[0.0001].endswith("the learning rate is too small.")
    assert sentences[0.1].endswith("in 100 epochs.")
    columns = torch.cat([X, torch.ones_like(X)], dim=1)
    curvature = torch.linalg.eigvalsh(2 * columns.T @ columns / len(X)).max().item()  # the loss is a quadratic bowl
    assert all(("diverges" in sentence) == (lr > 2 / curvature) for lr, sentence in sentences.items())
    overflow = sum(map(math.isfinite, line_losses(X, y, lr=10.0)))
    assert f"overflows in epoch {overflow + 1}." in sentences[10.0]
