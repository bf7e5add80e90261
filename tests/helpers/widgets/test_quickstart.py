"""Watch it learn and look up: the training is that of the plain loop, and each cell shows its own pictures."""

import copy
import re

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.training import evaluate, train_epoch
from helpers.widgets.quickstart import ConfusionTable, confusion_explorer, watch_it_learn
from tests.helpers.widgets.panels import assert_survives

NAMES = ["left", "right", "T-shirt/top"]


def _pictures(n, seed):
    """Pictures with one bright third, and which third it is."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 3, (n,), generator=generator)
    X = 0.3 * torch.rand((n, 1, 6, 6), generator=generator)
    for picture, label in zip(X, y, strict=True):
        picture[0, :, 2 * label : 2 * label + 2] += 0.6
    return TensorDataset(X, y)


@pytest.fixture
def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(36, 16), nn.Dropout(0.0), nn.Linear(16, 3))


@pytest.fixture
def make_watching(model):
    return lambda: watch_it_learn(model, _pictures(330, 0), _pictures(60, 1), NAMES, lr=0.1, batch_size=8, epochs=2)


@pytest.fixture
def watching(make_watching):
    return make_watching()


def _training(panel):
    return panel._answer.args[0]


def test_every_position_of_every_control_ends_in_a_sentence(make_watching):
    assert_survives(make_watching, at_random=8)


def test_at_first_nothing_is_trained_and_nothing_is_said_that_differs_between_machines(model, watching):
    assert repr(watching).splitlines()[1:3] == ["learning rate: 0.1", "steps: 0"]
    assert re.findall(r"[\d.]+\d", watching.sentence) == ["0.1", "60"]  # learning rate and pictures: no result
    for name, value in _training(watching).model.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])


def test_the_training_is_that_of_the_plain_loop(model, watching):
    watching.set(steps=4)
    twin = copy.deepcopy(model)
    loader = DataLoader(_pictures(330, 0), batch_size=8, shuffle=True, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    batches = list(loader)[:40]
    for start in range(0, 40, 10):
        train_epoch(twin, batches[start : start + 10], nn.CrossEntropyLoss(), optimizer)
    trained = _training(watching)
    for name, value in trained.model.state_dict().items():
        assert torch.equal(value, twin.state_dict()[name])
    judged = evaluate(twin, DataLoader(_pictures(60, 1), batch_size=60), nn.CrossEntropyLoss())
    assert (trained.losses[-1], trained.accuracies[-1]) == pytest.approx(judged, rel=1e-5)
    assert watching.sentence.startswith(
        f"After 40 batches, 1.0 epochs, learning rate 0.1: loss {judged.loss:.3f}, accuracy "
    )


def test_it_learns_and_the_model_that_was_given_does_not(model, watching):
    before = copy.deepcopy(model.state_dict())
    watching.set(steps=watching.controls["steps"].max)
    assert _training(watching).accuracies[-1] > 0.9 > _training(watching).accuracies[0]
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_reset_begins_the_very_same_training_anew(watching):
    watching.set(steps=3)
    first = watching.sentence
    watching.controls["steps"].request = [1, "reset"]
    assert watching.sentence.startswith("Untrained")
    watching.set(steps=3)
    assert watching.sentence == first


def test_reset_does_not_care_what_became_of_the_model_that_was_given(model, watching):
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        model[1].weight.zero_()
    watching.set(steps=1)
    watching.set(steps=0)
    assert torch.equal(_training(watching).model[1].weight, before["1.weight"])


def test_several_steps_at_once_are_the_same_as_one_by_one(watching):
    for step in (1, 2, 3):
        watching.set(steps=step)
    one_by_one = watching.sentence
    watching.set(steps=0)
    watching.set(steps=3)
    assert watching.sentence == one_by_one


def test_a_learning_rate_chosen_on_the_way_holds_from_there_on(watching):
    watching.set(steps=2)
    so_far = watching.sentence
    watching.set(lr=0.001)
    assert watching.sentence == so_far.replace("rate 0.1", "rate 0.001")  # chosen, but not yet used
    losses = _training(watching).losses
    watching.set(steps=3)
    assert abs(losses[3] - losses[2]) < abs(losses[2] - losses[1]) / 5


def test_start_runs_until_pause(watching):
    runner = watching.controls["steps"]
    runner.running = True
    for number in (1, 2):
        runner.request = [number, "tick"]
    assert (runner.value, runner.answered) == (2, 2)
    runner.running = False
    runner.request = [3, "tick"]  # it was under way when pause was pressed
    assert (runner.value, runner.answered) == (2, 3)
    assert watching.sentence.startswith("After 20 batches")


def test_a_loss_that_is_no_number_stops_it_in_words_until_reset(watching):
    runner = watching.controls["steps"]
    with torch.no_grad():
        _training(watching).model[1].weight.fill_(float("nan"))
    runner.running = True
    runner.request = [1, "tick"]
    assert not runner.running
    for _ in range(2):
        assert watching.fault is None
        assert watching.sentence.startswith("Expected a loss that is a number: after batch 0 ")
        watching.refresh()
    runner.request = [2, "reset"]
    assert watching.sentence.startswith("Untrained")
    watching.set(steps=1)
    assert watching.sentence.startswith("After 10 batches")


def test_no_hook_is_left(model, watching):
    watching.set(steps=1)
    for module in (*model.modules(), *_training(watching).model.modules()):
        assert not any((module._forward_hooks, module._forward_pre_hooks, module._backward_hooks))


def look_up():
    images = torch.linspace(0, 1, 20)[:, None, None, None].expand(20, 1, 4, 4)
    targets = torch.tensor([0] * 10 + [1] * 10)
    labels = torch.tensor([0] * 4 + [1] * 6 + [1] * 9 + [2])
    return confusion_explorer(images, targets, labels, NAMES)


@pytest.fixture
def looking():
    return look_up()


def test_every_cell_ends_in_a_sentence():
    assert_survives(look_up)


def test_at_first_the_most_frequent_mistake_is_shown(looking):
    assert looking.sentence == "Of the class left, 60 % were taken for right. All of them are shown."
    assert repr(looking).splitlines()[1] == "cell: true left, predicted right"


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (0, "Of the class left, 40 % were named left, rightly. All of them are shown."),
        (2, "No picture of the class left was taken for T-shirt/top."),
        (4, "Of the class right, 90 % were named right, rightly. All of them are shown."),
        (5, "Of the class right, 10 % were taken for T-shirt/top. All of them are shown."),
        (8, "There is no picture of the class T-shirt/top."),
    ],
)
def test_each_cell_says_what_it_holds(looking, cell, sentence):
    looking.set(cell=cell)
    assert looking.sentence == sentence


def test_the_pictures_are_those_of_the_cell(monkeypatch):
    shown = []
    draw = "helpers.widgets.quickstart.image_grid"
    monkeypatch.setattr(draw, lambda images, **options: shown.append(images[:, 0, 0, 0].tolist()))
    images = torch.arange(40.0)[:, None, None, None]
    targets, labels = torch.arange(40) % 2, torch.arange(40) // 2 % 2
    panel = confusion_explorer(images, targets, labels, ["even", "odd"])
    for cell in range(4):
        panel.set(cell=cell)
        true, said = divmod(cell, 2)
        assert shown[-1] == [i for i in range(40) if (i % 2, i // 2 % 2) == (true, said)]


def test_no_more_than_sixteen_pictures_are_shown():
    panel = confusion_explorer(torch.zeros(40, 1, 2, 2), torch.zeros(40).long(), torch.ones(40).long(), ["a", "b"])
    assert panel.sentence == "Of the class a, 100 % were taken for b. The first 16 of them are shown."


def test_the_table_counts_rows_by_truth():
    table = confusion_explorer(
        torch.zeros(5, 1, 2, 2), torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 1, 1, 1, 0]), ["a", "b"]
    )
    assert table.controls["cell"].counts == [[1, 2], [1, 1]]


def test_a_cell_outside_the_table_is_the_nearest():
    table = ConfusionTable([[1, 2], [3, 4]], ["a", "b"])
    assert table.value == 2
    table.value = 99
    assert table.value == 3


def test_pictures_and_classes_must_be_as_many():
    with pytest.raises(ValueError, match="3 pictures, 2 true and 3 predicted"):
        confusion_explorer(torch.zeros(3, 1, 2, 2), torch.zeros(2), torch.zeros(3), NAMES)


def test_a_class_without_a_name_is_refused():
    with pytest.raises(ValueError, match=r"Expected predicted classes from 0 to 1, .* 2 names: received 0 to 2\."):
        confusion_explorer(torch.zeros(3, 1, 4, 4), torch.tensor([0, 1, 1]), torch.tensor([0, 1, 2]), NAMES[:2])
