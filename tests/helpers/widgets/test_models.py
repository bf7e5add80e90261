"""Notebook 3's widgets show what the network computes and what the modes change, and leave the network alone."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from helpers.plotting import describe, layer_values
from helpers.plotting.style import without_pyplot
from helpers.widgets import layer_explorer, mode_explorer
from helpers.widgets import models as module
from helpers.widgets.models import batch, dropout
from tests.helpers.widgets.panels import assert_survives

X = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
NAMES = [f"class {i}" for i in range(10)]


@pytest.fixture
def model():
    layers = [nn.Linear(784, 100), nn.BatchNorm1d(100), nn.ReLU(), nn.Dropout(0.5), nn.Linear(100, 10)]
    return nn.Sequential(nn.Flatten(), nn.Sequential(*layers))


@pytest.fixture
def convnet():
    return nn.Sequential(nn.Conv2d(1, 5, 3, padding=1), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(5 * 49, 10))


@pytest.fixture
def drawn(monkeypatch):
    """What was last given to `layer_values`."""
    given = {}

    def note(steps, at, values, **options):
        given.update(steps=steps, at=at, values=values, **options)
        return layer_values(steps, at, values, **options)

    monkeypatch.setattr(module, "layer_values", note)
    return given


def test_every_step_shows_what_the_layers_compute(model, drawn):
    model.eval()
    panel = layer_explorer({"net": model}, X, classes=NAMES)
    step = X[1:2]
    for at, layer in enumerate([nn.Identity(), model[0], *model[1]]):
        step = layer(step)
        panel.set(layer=at, picture=1)
        assert torch.equal(drawn["values"], step[0])
        assert drawn["at"] == at
    assert drawn["parameters"] == [0, 0, 784 * 100 + 100, 200, 0, 0, 1010]
    assert [list(shape) for _, shape in drawn["steps"]] == [[1, 1, 28, 28], [1, 784], *[[1, 100]] * 4, [1, 10]]
    assert panel.sentence.startswith("Step 6 of 6, Linear: from [1, 100] to [1, 10], 1,010 parameters; numbers from ")


def test_the_number_of_layers_follows_the_network(model, convnet):
    panel = layer_explorer({"linear": model, "convolutional": convnet}, X)
    panel.controls["layer"].value = 6
    panel.controls["network"].value = "convolutional"
    assert panel.controls["layer"].value == panel.controls["layer"].max == 4
    assert panel.sentence.startswith("Step 4 of 4, Linear: from [1, 245] to [1, 10]")


def test_the_network_stays_as_it_is(model):
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    model[1][0].eval()
    modes = [part.training for part in model.modules()]
    before = copy.deepcopy(model.state_dict())
    assert_survives(lambda: layer_explorer({"net": model}, X, classes=NAMES), at_random=8)
    assert [part.training for part in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert calls == []
    assert len(model._forward_hooks) == 1
    assert not any(part._forward_hooks for part in list(model.modules())[1:])
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())


def test_weights_are_the_live_ones(model, drawn):
    panel = layer_explorer({"net": model}, X)
    with torch.no_grad():
        model[1][-1].bias.fill_(1000)
    panel.controls["layer"].value = 6
    assert drawn["values"].min() > 900


def test_one_picture_needs_no_slider(model):
    panel = layer_explorer({"net": model}, X[:1])
    assert "picture" not in panel.controls
    assert_survives(lambda: layer_explorer({"net": model}, X[:1]), at_random=3)


def test_numbers_that_are_none_are_said(model):
    panel = layer_explorer({"net": model}, X)
    with torch.no_grad():
        model[1][0].bias.fill_(float("nan"))
    panel.controls["layer"].value = 2
    assert panel.fault is None
    assert panel.sentence.startswith("Expected finite numbers after Linear: received NaN or infinite ones.")


def test_a_network_that_does_not_fit_is_an_error_in_the_cell():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        layer_explorer({"net": nn.Sequential(nn.Flatten(), nn.Linear(5, 10))}, X)


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 0.9])
def test_dropout_as_pytorch_does_it(p):
    ones = torch.ones(200, 500)
    ours = dropout(ones, p, seed=1)
    theirs = nn.Dropout(p).train()(ones) if p else ones
    assert torch.allclose(ours.unique(), theirs.unique())
    assert (ours == 0).float().mean().item() == pytest.approx(p, abs=0.01)
    assert torch.equal(ours, dropout(ones, p, seed=1))
    assert p == 0 or not torch.equal(ours, dropout(ones, p, seed=2))


def test_dropout_in_both_modes():
    panel = mode_explorer()
    panel.set(p=0.0)
    assert "0 of 24 numbers became 0, the others were divided by 1.0; the mean was 1 and is 1.00." in panel.sentence
    panel.set(p=0.5, number=2)
    zeros = int((dropout(torch.ones(4, 6), 0.5, 2) == 0).sum())
    assert panel.sentence.startswith(f"Dropout in train mode: {zeros} of 24 numbers became 0")
    assert f"is {(24 - zeros) * 2 / 24:.2f}" in panel.sentence
    panel.set(mode="eval")
    assert panel.sentence.startswith("Dropout in eval mode: nothing happens; the mean was 1 and is 1.00.")


def test_batch_norm_in_both_modes():
    panel = mode_explorer()
    panel.set(layer="BatchNorm1d", number=3)
    assert "come from this batch itself; the columns now have the means 0.0, 0.0, 0.0, 0.0, 0.0, 0.0." in panel.sentence
    panel.set(mode="eval", seen=0)
    means = ", ".join(f"{mean:.1f}" for mean in batch(3).mean(dim=0))  # the running average is 0 and 1 at first
    assert f"the running average over 0 batches; the columns now have the means {means}." in panel.sentence


def test_the_running_average_is_by_hand():
    panel = mode_explorer()
    panel.set(layer="BatchNorm1d", mode="eval", seen=1, number=1)
    first = batch(1001)
    mean, var = 0.1 * first.mean(dim=0), 0.9 + 0.1 * first.var(dim=0)
    expected = ((batch(1) - mean) / (var + 1e-5).sqrt()).mean(dim=0)
    assert ", ".join(f"{round(mean, 1) + 0.0:.1f}" for mean in expected.tolist()) in panel.sentence


def test_only_what_matters_can_be_moved():
    panel = mode_explorer()
    assert not panel.controls["p"].disabled
    assert panel.controls["seen"].disabled
    panel.controls["layer"].value = "BatchNorm1d"
    assert panel.controls["p"].disabled
    assert not panel.controls["seen"].disabled


def test_every_position_of_the_modes():
    assert_survives(mode_explorer, at_random=8)


STEPS = [("input", [1, 1, 4, 4]), ("Conv2d", [1, 3, 4, 4]), ("Linear", [1, 2])]


@without_pyplot()
def test_layer_values_as_tiles():
    pictures = torch.arange(48.0).reshape(3, 4, 4)
    rows, ax = layer_values(STEPS, 1, pictures, parameters=[0, 30, 98])
    tiles = np.ma.filled(ax.images[0].get_array(), np.nan)
    assert tiles.shape == (9, 9)
    assert np.array_equal(tiles[:4, 5:], pictures[1])
    assert np.array_equal(tiles[5:, :4], pictures[2])
    assert np.isnan(tiles[4]).all()
    assert ax.images[0].get_clim() == (-47, 47)
    assert [text.get_text() for text in rows.texts if text.get_weight() == "bold"] == ["Conv2d"]
    assert (
        describe(ax) == "Step 1 of 2, Conv2d: from [1, 1, 4, 4] to [1, 3, 4, 4], 30 parameters; numbers from 0 to 47."
    )


@without_pyplot()
@pytest.mark.parametrize(("n", "shape"), [(784, (28, 28)), (512, (16, 32)), (1568, (32, 49)), (67, (8, 9))])
def test_many_numbers_lie_in_rows(n, shape):
    _, ax = layer_values(STEPS, 2, torch.arange(1.0, n + 1), parameters=[0, 0, 0])
    rows = np.ma.filled(ax.images[0].get_array(), np.nan)
    assert rows.shape == shape
    assert np.array_equal(rows.ravel()[:n], np.arange(1, n + 1))
    assert np.isnan(rows.ravel()[n:]).all()


@without_pyplot()
def test_few_numbers_are_bars_with_their_names():
    _, ax = layer_values(STEPS, 2, [-1.0, 2.0], parameters=[0, 30, 98], class_names=["cat", "dog"])
    assert [bar.get_width() for bar in ax.patches] == [-1, 2]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cat", "dog"]
