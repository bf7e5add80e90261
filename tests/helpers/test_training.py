"""The training helpers, against computations by hand and against the raw loop, bit for bit."""

import copy
import os
import random
from functools import partial
from itertools import tee
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, TensorDataset

from helpers import training
from helpers.training import (
    CheckpointError,
    History,
    Metrics,
    NonFiniteLossError,
    best_device,
    device_of,
    evaluate,
    fit,
    load_checkpoint,
    predict,
    save_checkpoint,
    seed_everything,
    train_epoch,
)

cross_entropy = nn.CrossEntropyLoss()
assert_equal = partial(torch.testing.assert_close, rtol=0, atol=0)  # also in dictionaries and lists


def examples(n=22):
    """Six features and one of three classes; 22 examples in batches of 8 leave a short last batch of 6."""
    generator = torch.Generator().manual_seed(7)
    return TensorDataset(torch.randn(n, 6, generator=generator), torch.randint(3, (n,), generator=generator))


def loader(*, shuffle=True, n=22):
    return DataLoader(examples(n), batch_size=8, shuffle=shuffle, generator=torch.Generator().manual_seed(5))


def moody_model(seed=0, hidden=8):
    """A model that behaves differently in train and in eval mode, and draws random numbers."""
    torch.manual_seed(seed)
    layers = nn.Linear(6, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, 3)
    return nn.Sequential(*layers)


def sgd(model, lr=0.1):
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.01)


def snapshot(*things):
    """A copy of the state of models and optimizers, to compare with later."""
    return [copy.deepcopy(thing.state_dict()) for thing in things]


class Constant(nn.Module):
    """Returns its input times one parameter, 1 at first, so that every loss can be computed by hand."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, X):
        return X * self.scale


# Absolute errors 1, 3, 2 in the first batch (mean 2) and 10 in the second: 16 / 4 = 4, while the batch means give 6.
REGRESSION = [
    (torch.tensor([[1.0], [3.0], [2.0]]), torch.zeros(3, 1)),
    (torch.tensor([[10.0]]), torch.zeros(1, 1)),
]
# Right, right, wrong, then wrong: 2 of 4 right, while the batch accuracies 2/3 and 0 have the mean 1/3.
CLASSES = [
    (torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]]), torch.tensor([0, 1, 1])),
    (torch.tensor([[0.0, 1.0]]), torch.tensor([0])),
]
# The logit of the right class is ahead by 1, by 3, behind by 1, and behind by 1: log(1 + e^-ahead) is its loss.
CLASSES_LOSS = (np.log1p(np.exp(-1)) + np.log1p(np.exp(-3)) + 2 * np.log1p(np.exp(1))) / 4


def train_without_steps(model, batches, loss_fn):
    return train_epoch(model, batches, loss_fn, sgd(model, lr=0.0))


@pytest.mark.parametrize("measure", [evaluate, train_without_steps])
@pytest.mark.parametrize(
    ("batches", "loss_fn", "loss", "accuracy"),
    [
        (REGRESSION, nn.L1Loss(), 4.0, None),
        (CLASSES, cross_entropy, CLASSES_LOSS, 0.5),
        ([(torch.zeros(4, 2), torch.eye(2)[[0, 1, 0, 1]])], cross_entropy, np.log(2), None),
        ([(torch.zeros(4, 2, 5), torch.ones(4, 5, dtype=torch.long))], cross_entropy, np.log(2), None),
    ],
    ids=["regression", "classes", "class probabilities", "five classes per example"],
)
def test_metrics_are_means_over_examples_with_an_accuracy_for_one_class_each(measure, batches, loss_fn, loss, accuracy):
    assert measure(Constant(), batches, loss_fn) == (pytest.approx(loss), accuracy)


def test_train_epoch_is_the_raw_loop_bit_for_bit():
    raw, ours = moody_model(), moody_model()
    optimizer, our_optimizer = sgd(raw), sgd(ours)
    torch.manual_seed(1)
    raw.train()
    for _ in range(2):  # twice, so that gradients left over from the first epoch would show
        total = right = 0.0
        for X, y in loader():
            pred = raw(X)
            loss = cross_entropy(pred, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
            right += (pred.argmax(dim=1) == y).sum().item()

    torch.manual_seed(1)
    ours.eval()  # train_epoch must put it into train mode itself
    for _ in range(2):
        metrics = train_epoch(ours, loader(), cross_entropy, our_optimizer)
    assert_equal(snapshot(ours, our_optimizer), snapshot(raw, optimizer))
    assert metrics == Metrics(total / 22, right / 22)
    assert type(metrics.loss) is type(metrics.accuracy) is float


@pytest.mark.parametrize("measure", [evaluate, train_without_steps, lambda m, b, _: predict(m, b)])
def test_an_accelerator_gets_the_batches_and_is_waited_for_when_the_epoch_ends_and_not_asked_for_float64(
    measure, monkeypatch
):
    fetched = []

    def fetch(tensor):
        assert tensor.device.type == "meta"  # PyTorch's device without data: it refuses .item() and the like
        assert tensor.dtype != torch.float64, "MPS has no float64"
        fetched.append(tensor)
        return torch.zeros_like(tensor, device="cpu")

    monkeypatch.setattr(torch.Tensor, "cpu", fetch)
    measure(moody_model().to("meta"), [(torch.rand(4, 6), torch.tensor([0, 1, 2, 0]))] * 20, cross_entropy)
    assert len(fetched) == 2  # loss and accuracy, or outputs and targets


def test_a_loss_that_is_not_finite_names_epoch_batch_and_learning_rate():
    batches = [(torch.ones(2, 1), torch.zeros(2, 1)) for _ in range(5)]
    batches[2][0][0] = float("nan")  # and so are the weights, and every later loss
    model = Constant()
    with pytest.raises(NonFiniteLossError, match=r"batch 3 of 5 in epoch 4 gave nan.*learning rate \(it is 0\.02\)"):
        train_epoch(model, batches, nn.MSELoss(), sgd(model, lr=0.02), epoch=4)


observers = pytest.mark.parametrize("observe", [lambda m, batches: evaluate(m, batches, cross_entropy), predict])


@observers
@pytest.mark.parametrize("in_eval_mode", [[], range(6), [2]], ids=["train", "eval", "a frozen BatchNorm layer"])
def test_every_module_keeps_its_mode_and_every_weight(observe, in_eval_mode):
    model = moody_model()
    for i, module in enumerate(model.modules()):
        module.training = i not in in_eval_mode
    modes, weights = [module.training for module in model.modules()], snapshot(model)
    observe(model, loader())
    assert [module.training for module in model.modules()] == modes
    assert_equal(snapshot(model), weights)  # in train mode, BatchNorm would have moved its running statistics
    with pytest.raises(RuntimeError, match="shape"):
        observe(model, [(torch.rand(2, 5), torch.zeros(2, dtype=torch.long))])
    assert [module.training for module in model.modules()] == modes  # after an error too


def test_evaluate_and_predict_are_the_model_in_eval_mode_in_the_order_of_the_loader():
    model = moody_model()
    train_epoch(model, loader(), cross_entropy, sgd(model))  # so that the running statistics are not the batch's
    metrics = evaluate(model, loader(), functional.cross_entropy)  # a plain function is a loss too
    predictions = predict(model, loader())
    model.eval()
    X, y = (torch.cat(parts) for parts in zip(*loader(), strict=True))
    logits = model(X).detach()
    assert metrics == pytest.approx(
        (cross_entropy(logits, y).item(), (logits.argmax(dim=1) == y).float().mean().item())
    )
    torch.testing.assert_close(predictions.outputs, logits)
    assert not predictions.outputs.requires_grad
    assert torch.equal(predictions.targets, y)
    assert torch.equal(predictions.labels, logits.max(dim=1).indices)
    torch.testing.assert_close(predictions.probabilities, logits.exp() / logits.exp().sum(dim=1, keepdim=True))


@observers
def test_data_first_read_by_an_observer_can_be_trained_on(observe):
    model = moody_model()
    first, again = tee((torch.rand(8, 6), torch.arange(8) % 3) for _ in range(2))  # made when it is first asked for
    observe(model, first)
    train_epoch(model, again, cross_entropy, sgd(model))  # refused after inference_mode


# --- fit

NO_BATCH = DataLoader(examples(5), batch_size=8, drop_last=True)
SUM = nn.CrossEntropyLoss(reduction="sum")


@pytest.mark.parametrize(
    ("use", "match"),
    [
        (lambda m: evaluate(m, NO_BATCH, cross_entropy), "at least one batch"),
        (lambda m: predict(m, NO_BATCH), "at least one batch"),
        (lambda m: train_epoch(m, loader(), SUM, sgd(m)), "received reduction='sum'"),
        (lambda m: fit(m, loader(), cross_entropy, sgd(m), epochs=-1), "0 or more, received -1"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_trained(use, match):
    model = moody_model()
    before = snapshot(model)
    with pytest.raises(ValueError, match=match):
        use(model)
    assert_equal(snapshot(model), before)


def test_fit_is_train_epoch_and_evaluate_in_turn_and_returns_what_they_measured():
    model, ours, val = moody_model(), moody_model(), loader(shuffle=False, n=10)
    optimizer, batches, measured = sgd(model), loader(), []
    torch.manual_seed(1)
    for _ in range(3):
        train = train_epoch(model, batches, cross_entropy, optimizer)
        measured.append((*train, *evaluate(model, val, cross_entropy)))

    torch.manual_seed(1)
    history = fit(ours, loader(), cross_entropy, sgd(ours), epochs=3, val_loader=val)
    assert_equal(snapshot(ours), snapshot(model))
    assert history == History(*map(list, zip(*measured, strict=True)))
    assert history.epochs == 3
    assert list(history.as_dict()) == ["train_loss", "train_accuracy", "val_loss", "val_accuracy"]


def test_history_holds_only_what_there_was_to_measure():
    model = Constant()
    assert fit(model, REGRESSION, nn.L1Loss(), sgd(model), epochs=0) == History()
    assert list(fit(model, REGRESSION, nn.L1Loss(), sgd(model), epochs=2).as_dict()) == ["train_loss"]


@pytest.mark.parametrize(("variable", "progress", "shown"), [("0", True, True), ("1", True, False), ("", False, False)])
def test_each_epoch_has_a_progress_bar_that_can_be_silenced(monkeypatch, capsys, variable, progress, shown):
    monkeypatch.setenv("TQDM_DISABLE", variable)
    model = moody_model()
    fit(model, loader(), cross_entropy, sgd(model), epochs=2, progress=progress)
    text = capsys.readouterr().out
    assert bool(text) == shown
    assert all(word in text for word in ("epoch 1/2", "epoch 2/2", "3/3", "train_accuracy=")) == shown


# --- checkpoints


class Augmented(Dataset):
    """Draws from all three sources of random numbers, as augmentation may."""

    def __len__(self):
        return 22

    def __getitem__(self, i):
        X, y = examples()[i]
        return X + random.random() + np.random.rand() + torch.rand(()), y  # noqa: NPY002


@pytest.mark.parametrize(("make_optimizer", "own_generator"), [(sgd, True), (adam, False)])
def test_a_resumed_run_is_the_uninterrupted_run_bit_for_bit(tmp_path, make_optimizer, own_generator):
    def start(seed):
        model = moody_model()
        generator = seed_everything(seed) if own_generator else seed_everything(seed) and None
        return model, DataLoader(Augmented(), 8, shuffle=True, generator=generator), make_optimizer(model)

    model, batches, optimizer = start(1)
    uninterrupted = fit(model, batches, cross_entropy, optimizer, epochs=4)
    after = torch.rand(3)

    first, batches, first_optimizer = start(1)
    fit(first, batches, cross_entropy, first_optimizer, epochs=2, checkpoint=tmp_path / "run.pt")

    resumed, batches, optimizer_again = start(99)  # another session, with random numbers of its own
    history = load_checkpoint(tmp_path / "run.pt", resumed, optimizer_again, loader=batches)
    assert history.epochs == 2
    history = fit(resumed, batches, cross_entropy, optimizer_again, epochs=2, history=history)
    assert history == uninterrupted
    assert_equal(snapshot(resumed, optimizer_again), snapshot(model, optimizer))
    assert torch.equal(torch.rand(3), after)


@pytest.fixture
def saved(tmp_path):
    """A checkpoint of one epoch, and its model and optimizer."""
    model = moody_model()
    optimizer = sgd(model)
    fit(model, loader(), cross_entropy, optimizer, epochs=1, checkpoint=tmp_path / "run.pt")
    return tmp_path / "run.pt", model, optimizer


def assert_refused(path, model, optimizer, match):
    """Loading the file is refused with that message, and changes neither model nor optimizer nor random numbers."""
    before, randomness = snapshot(model, optimizer), torch.get_rng_state()
    with pytest.raises(CheckpointError, match=f"(?s){match}"):
        load_checkpoint(path, model, optimizer)
    assert_equal(snapshot(model, optimizer), before)
    assert torch.equal(torch.get_rng_state(), randomness)


def test_a_file_that_is_no_complete_checkpoint_is_refused(saved):
    path, model, optimizer = saved
    complete, weights = path.read_bytes(), model[0].weight.detach().numpy().tobytes()
    flipped = weights[:2] + bytes([weights[2] ^ 1]) + weights[3:]
    for damaged in (complete.replace(weights, flipped), complete[:-100]):
        path.write_bytes(damaged)
        assert_refused(path, model, optimizer, r"but run\.pt is damaged, or was written")
    torch.save(model.state_dict(), path)
    assert_refused(path, model, optimizer, r"but run\.pt is damaged, or was written")


class Bomb:
    """Unpickling it makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_malicious_file_runs_no_code(saved, tmp_path):
    path, model, optimizer = saved
    torch.save({**torch.load(path, weights_only=True), "history": Bomb(tmp_path / "owned")}, path)
    assert_refused(path, model, optimizer, "UnpicklingError")
    assert not (tmp_path / "owned").exists()
    torch.load(path, weights_only=False)  # the bomb is real: without the guard it goes off
    assert (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("make_model", "make_optimizer", "match"),
    [
        (lambda: moody_model(hidden=9), sgd, r"size mismatch for 0\.weight"),
        (moody_model, adam, "SGD, received Adam"),
        (moody_model, lambda model: sgd(model[0]), "parameter group"),
    ],
    ids=["other shape", "Adam", "fewer parameters"],
)
def test_another_model_or_optimizer_is_refused_and_named(saved, make_model, make_optimizer, match):
    model = make_model()
    assert_refused(saved[0], model, make_optimizer(model), rf"run\.pt was saved with.*{match}")


def test_a_save_that_fails_halfway_leaves_the_old_checkpoint(saved, monkeypatch):
    path, model, optimizer = saved
    before = path.read_bytes()
    monkeypatch.setattr(torch, "save", lambda state, file: file.write(before[:1000]) and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_checkpoint(path, model, optimizer)
    assert path.read_bytes() == before


# --- device and seed


@pytest.mark.parametrize(
    ("accelerator", "expected"), [(None, "cpu"), (torch.device("meta"), "cpu"), (torch.device("cpu", 0), "cpu:0")]
)
def test_best_device_is_an_accelerator_that_computes_or_else_the_cpu(monkeypatch, capsys, accelerator, expected):
    def current_accelerator(check_available=False):
        assert check_available  # an accelerator that PyTorch was built for may be missing in this machine
        return accelerator

    monkeypatch.setattr(torch.accelerator, "current_accelerator", current_accelerator)
    assert best_device() == torch.device(expected)
    # PyTorch's device without data refuses every .item(), as an accelerator that cannot compute does.
    assert len(capsys.readouterr().out.splitlines()) == (accelerator == torch.device("meta"))


@pytest.mark.parametrize(
    ("model", "expected"), [(nn.BatchNorm1d(2, affine=False, device="meta"), "meta"), (nn.ReLU(), "cpu")]
)
def test_the_device_of_a_model_without_parameters_is_that_of_its_buffers_or_the_cpu(model, expected):
    assert device_of(model).type == expected


def test_one_seed_gives_the_same_random_numbers_everywhere_and_another_seed_others():
    def draw(seed):
        own = seed_everything(seed)
        return [random.random(), np.random.rand(), torch.rand(()).item(), torch.rand((), generator=own).item()]  # noqa: NPY002

    assert draw(3) == draw(3)
    assert all(one != two for one, two in zip(draw(3), draw(4), strict=True))


def test_the_random_numbers_of_an_accelerator_come_back(monkeypatch):
    """Those of a second graphics card, which this machine lacks, as torch.get_device_module finds them."""
    device, cpu, states = torch.device("cuda:1"), torch.device("cpu"), {"cuda:1": 2}
    card = SimpleNamespace(
        get_rng_state=lambda of: states[str(of)], set_rng_state=lambda state, of: states.update({str(of): state})
    )
    monkeypatch.setattr(torch, "get_device_module", lambda _: card)
    state = training._random_state(device, None)
    states["cuda:1"] = 7
    training._restore_random_state(state, cpu, None)  # saved on the card, loaded on a machine without one
    training._restore_random_state(training._random_state(cpu, None), device, None)  # and the other way round
    assert states == {"cuda:1": 7}
    training._restore_random_state(state, device, None)
    assert states == {"cuda:1": 2}


def test_a_checkpoint_is_read_on_the_cpu_whatever_device_it_was_saved_on(saved, monkeypatch):
    asked, load = [], torch.load
    monkeypatch.setattr(torch, "load", lambda *args, **options: asked.append(options) or load(*args, **options))
    load_checkpoint(*saved)
    assert [options["map_location"] for options in asked] == ["cpu"]
