"""Notebook 3's widgets show what the network computes and what the modes change, and leave the network alone."""

from unittest.mock import Mock

import pytest
import torch
from torch import nn

from helpers.widgets import layer_explorer, mode_explorer
from helpers.widgets import models as module
from helpers.widgets.models import batch_of, dropout
from tests.helpers.widgets.panels import move

X = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model():
    layers = [nn.Linear(784, 100), nn.BatchNorm1d(100), nn.ReLU(), nn.Dropout(0.5), nn.Linear(100, 10)]
    return nn.Sequential(nn.Flatten(), nn.Sequential(*layers))


@pytest.fixture
def drawn(monkeypatch):
    """`layer_values`, which remembers how it was called."""
    values = Mock(wraps=module.layer_values)
    monkeypatch.setattr(module, "layer_values", values)
    return values


def test_every_step_shows_the_output_of_its_layer(model, drawn):
    model.eval()
    panel = layer_explorer({"net": model}, X)
    output = X[1:2]
    for at, layer in enumerate([nn.Identity(), model[0], *model[1]]):
        output = layer(output)
        move(panel, layer=at, example=1)
        steps, shown_at, values = drawn.call_args.args
        assert torch.equal(values, output[0])
        assert shown_at == at
    assert drawn.call_args.kwargs["parameters"] == [0, 0, 784 * 100 + 100, 200, 0, 0, 1010]
    assert [list(shape) for _, shape in steps] == [[1, 1, 28, 28], [1, 784], *[[1, 100]] * 4, [1, 10]]
    assert panel.sentence.startswith("Step 6 of 6, Linear: from [1, 100] to [1, 10], 1,010 parameters; numbers from ")


def test_the_number_of_layers_depends_on_the_network(model):
    panel = layer_explorer({"linear": model, "short": nn.Sequential(nn.Flatten(), nn.Linear(784, 10))}, X)
    move(panel, layer=6, network="short")
    assert panel.sentence.startswith("Step 2 of 2, Linear: from [1, 784] to [1, 10]")


def test_hooks_are_left_alone_and_the_weights_are_the_live_ones(model, drawn):
    calls = []
    model[1][0].register_forward_hook(lambda *_: calls.append(1))
    panel = layer_explorer({"net": model}, X)
    move(panel, layer=6, example=2)
    assert [len(part._forward_hooks) for part in model.modules()] == [0, 0, 0, 1, 0, 0, 0, 0]
    assert calls == []
    with torch.no_grad():
        model[1][-1].bias.fill_(1000)
    panel.refresh()
    assert drawn.call_args.args[2].min() > 900


def test_nan_is_reported_and_a_network_that_does_not_fit_is_an_error_in_the_cell(model):
    panel = layer_explorer({"net": model}, X)
    with torch.no_grad():
        model[1][0].bias.fill_(float("nan"))
    move(panel, layer=2)
    assert panel.sentence.startswith("Expected finite numbers after Linear: received NaN or infinity.")
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        layer_explorer({"net": nn.Sequential(nn.Flatten(), nn.Linear(5, 10))}, X)


def test_dropout_as_pytorch_does_it():
    ones = torch.ones(200, 500)
    ours = dropout(ones, 0.3, seed=1)
    assert torch.allclose(ours.unique(), nn.Dropout(0.3).train()(ones).unique())
    assert (ours == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert not torch.equal(ours, dropout(ones, 0.3, seed=2))


def test_both_modes_with_the_running_average_by_hand():
    panel = mode_explorer()
    assert f"Dropout in train mode: {(dropout(torch.ones(4, 6), 0.5, 1) == 0).sum()} of 24 numbers" in panel.sentence
    move(panel, mode="eval")
    assert panel.sentence.startswith("Dropout in eval mode: nothing happens; the mean was 1 and is 1.00.")
    move(panel, layer="BatchNorm1d", mode="train", number=3)
    assert (panel.controls["p"].disabled, panel.controls["seen"].disabled) == (True, False)
    assert "come from this batch itself; the columns now have the means 0.0, 0.0, 0.0, 0.0, 0.0, 0.0." in panel.sentence
    move(panel, mode="eval", seen=1, number=1)
    first = batch_of(1001)
    mean, var = 0.1 * first.mean(dim=0), 0.9 + 0.1 * first.var(dim=0)
    expected = ((batch_of(1) - mean) / (var + 1e-5).sqrt()).mean(dim=0)
    assert ", ".join(f"{round(mean, 1) + 0.0:.1f}" for mean in expected.tolist()) in panel.sentence
