"""Watch it learn and look up: the training is that of the plain loop, and each cell shows its own images."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.training import evaluate, train_epoch
from helpers.widgets import quickstart as module
from helpers.widgets.quickstart import confusion_explorer, watch_it_learn
from tests.helpers.widgets.panels import move

NAMES = ["left", "right", "T-shirt/top"]


def images(n, seed):
    """Images of three classes: which third of them is bright."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 3, (n,), generator=generator)
    X = 0.3 * torch.rand((n, 1, 6, 6), generator=generator)
    for image, label in zip(X, y, strict=True):
        image[0, :, 2 * label : 2 * label + 2] += 0.6
    return TensorDataset(X, y)


@pytest.fixture
def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(36, 16), nn.Dropout(0.0), nn.Linear(16, 3))


@pytest.fixture
def watching(model):
    return watch_it_learn(model, images(700, 0), images(60, 1), NAMES)


def training_of(panel):
    return panel._answer.args[0]


def assert_same_weights(model, other):
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())


def test_the_training_is_that_of_the_plain_loop_and_a_new_learning_rate_applies_from_the_next_batch_on(model, watching):
    before, twin = copy.deepcopy(model), copy.deepcopy(model)
    loader = DataLoader(images(700, 0), batch_size=64, shuffle=True, generator=torch.Generator().manual_seed(0))
    batches = [batch for _ in range(5) for batch in loader]
    move(watching, lr=0.5)
    for steps in (1, 2, 4):
        move(watching, steps=steps)
    move(watching, lr=0.1, steps=5)
    for lr, part in ((0.5, batches[:40]), (0.1, batches[40:50])):
        train_epoch(twin, part, nn.CrossEntropyLoss(), torch.optim.SGD(twin.parameters(), lr=lr))
    training = training_of(watching)
    assert_same_weights(training.model, twin)
    expected = evaluate(twin, DataLoader(images(60, 1), batch_size=60), nn.CrossEntropyLoss())
    assert (training.losses[-1], training.accuracies[-1]) == pytest.approx(expected, rel=1e-5)
    assert watching.sentence.startswith(
        f"After 50 batches, 4.5 epochs, learning rate 0.1: loss {expected.loss:.3f}, accuracy "
    )
    assert training.accuracies[-1] > 0.9 > training.accuracies[0]
    assert model.training
    assert_same_weights(model, before)  # the model that was passed learns nothing


def test_reset_starts_the_very_same_training_again(model, watching):
    move(watching, steps=3)
    sentence = watching.sentence
    with torch.no_grad():
        model[1].weight.zero_()  # what happens to the model that was passed does not matter
    move(watching, steps=0)
    assert watching.sentence.startswith("Untrained")
    move(watching, steps=3)
    assert watching.sentence == sentence


def test_a_loss_that_is_not_finite_stops_it_until_reset(watching):
    runner = watching.controls["steps"]
    with torch.no_grad():
        training_of(watching).model[1].weight.fill_(float("nan"))
    runner.running = True
    runner.request = [1, "tick"]
    assert not runner.running
    for _ in range(2):
        assert watching.sentence.startswith("Expected a finite loss: after batch 0 ")
        watching.refresh()
    runner.request = [2, "reset"]
    assert watching.sentence.startswith("Untrained")
    move(watching, steps=1)
    assert watching.sentence.startswith("After 10 batches")


@pytest.fixture
def looking():
    X = torch.linspace(0, 1, 20)[:, None, None, None].expand(20, 1, 4, 4)
    targets = torch.tensor([0] * 10 + [1] * 10)
    labels = torch.tensor([0] * 4 + [1] * 6 + [1] * 9 + [2])
    return confusion_explorer(X, targets, labels, NAMES)


def test_the_table_has_a_row_per_true_class_and_starts_at_the_most_frequent_mistake(looking):
    assert looking.controls["cell"].counts == [[4, 6, 0], [0, 9, 1], [0, 0, 0]]
    assert looking.sentence == "Of the class left, 60 % were mistaken for right. All of them are shown."
    assert repr(looking).splitlines()[1] == "cell: true left, predicted right"


@pytest.mark.parametrize(
    ("cell", "sentence", "shown"),
    [
        (0, "Of the class left, 40 % were classified correctly. All of them are shown.", range(4)),
        (2, "No image of the class left was mistaken for T-shirt/top.", ()),
        (5, "Of the class right, 10 % were mistaken for T-shirt/top. All of them are shown.", range(19, 20)),
        (8, "There is no image of the class T-shirt/top.", ()),
    ],
)
def test_each_cell_shows_its_own_images(looking, monkeypatch, cell, sentence, shown):
    drawn = []
    monkeypatch.setattr(module, "image_grid", lambda images, **_: drawn.extend(images[:, 0, 0, 0] * 19))
    move(looking, cell=cell)
    assert looking.sentence == sentence
    assert [round(grey.item()) for grey in drawn] == [*shown]
