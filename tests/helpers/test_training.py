"""The training helpers, against computations by hand and against the raw loop, bit for bit."""

import io
import os
import random
import sys
import zipfile

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader, Dataset, TensorDataset
from tqdm.notebook import tqdm as notebook_tqdm
from tqdm.std import tqdm as terminal_tqdm

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


def examples(n=22):
    """Six features and one of three classes; 22 examples in batches of 8 leave a short last batch of 6."""
    generator = torch.Generator().manual_seed(7)
    return TensorDataset(torch.randn(n, 6, generator=generator), torch.randint(3, (n,), generator=generator))


def loader(*, shuffle=True, seed=5, n=22):
    """`seed` None leaves the order to PyTorch's global random numbers."""
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    return DataLoader(examples(n), batch_size=8, shuffle=shuffle, generator=generator)


def plain_model(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def moody_model(seed=0):
    """A model that behaves differently in train and in eval mode, and draws random numbers."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))


def sgd(model, lr=0.1):
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.01)


def snapshot(thing):
    """A copy of a state_dict, of a model or an optimizer, to compare with later."""
    return {name: value.clone() for name, value in flat(thing.state_dict())}


def flat(value, name=""):
    if isinstance(value, dict | list | tuple):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from flat(part, f"{name}.{key}")
    elif value is not None:
        yield name, torch.as_tensor(value)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class Constant(nn.Module):
    """Returns its input times one parameter, 1 at first, so that every loss can be computed by hand."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, X):
        return X * self.scale


# --- means, accuracy -----------------------------------------------------------------------------------------------

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


def frozen(model):
    return torch.optim.SGD(model.parameters(), lr=0.0)


@pytest.mark.parametrize("measure", [evaluate, lambda *a: train_epoch(*a, frozen(a[0]))], ids=["evaluate", "train"])
def test_loss_is_the_mean_over_examples_when_the_last_batch_is_short(measure):
    assert measure(Constant(), REGRESSION, nn.L1Loss()).loss == 4.0


@pytest.mark.parametrize("measure", [evaluate, lambda *a: train_epoch(*a, frozen(a[0]))], ids=["evaluate", "train"])
def test_accuracy_is_the_fraction_of_right_examples(measure):
    assert measure(Constant(), CLASSES, cross_entropy).accuracy == 0.5


@pytest.mark.parametrize("measure", [evaluate, lambda *a: train_epoch(*a, frozen(a[0]))], ids=["evaluate", "train"])
@pytest.mark.parametrize(
    ("X", "y", "loss_fn"),
    [
        (torch.rand(4, 2), torch.rand(4, 2), nn.MSELoss()),
        (torch.rand(4, 2), torch.eye(2)[[0, 1, 0, 1]], cross_entropy),  # class probabilities instead of classes
        (torch.rand(4, 2, 5), torch.ones(4, 5, dtype=torch.long), cross_entropy),  # five classes per example
    ],
    ids=["regression", "probabilities", "pixels"],
)
def test_accuracy_is_none_where_there_is_not_one_class_per_example(measure, X, y, loss_fn):
    metrics = measure(Constant(), [(X, y)], loss_fn)
    assert metrics == Metrics(pytest.approx(loss_fn(X, y).item()), None)


def test_metrics_are_plain_numbers():
    metrics = evaluate(plain_model(), loader(), cross_entropy)
    assert type(metrics.loss) is type(metrics.accuracy) is float


# --- train_epoch ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make_optimizer", [sgd, adam])
@pytest.mark.parametrize("make_model", [plain_model, moody_model])
def test_train_epoch_is_the_raw_loop_bit_for_bit(make_model, make_optimizer):
    raw = make_model()
    optimizer = make_optimizer(raw)
    torch.manual_seed(1)
    raw.train()
    total = right = 0.0
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

    ours = make_model()
    our_optimizer = make_optimizer(ours)
    torch.manual_seed(1)
    ours.eval()  # train_epoch must put it into train mode itself
    for _ in range(2):
        metrics = train_epoch(ours, loader(), cross_entropy, our_optimizer)

    assert same(snapshot(ours), snapshot(raw))
    assert same(snapshot(our_optimizer), snapshot(optimizer))
    assert metrics == Metrics(total / 22, right / 22)


class Waits(TorchFunctionMode):
    """Counts the calls that make the host wait for the device: numbers read, tensors brought back, blocking copies."""

    names = frozenset({"item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__", "nonzero"})

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        self.count += name in self.names or (name == "to" and not (kwargs or {}).get("non_blocking"))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("measure", [evaluate, lambda *a: train_epoch(*a, sgd(a[0])), lambda m, b, _: predict(m, b)])
def test_the_host_waits_per_epoch_and_not_per_step(measure):
    counts = []
    for n in (2, 20):
        batches = [(torch.rand(4, 6), torch.tensor([0, 1, 2, 0]))] * n
        model = plain_model()
        with Waits() as waits:
            measure(model, batches, cross_entropy)
        counts.append(waits.count)
    assert counts[0] == counts[1] > 0


def test_a_loss_that_is_not_finite_names_epoch_batch_and_learning_rate():
    batches = [(torch.ones(2, 1), torch.zeros(2, 1)) for _ in range(5)]
    batches[2][0][0] = float("nan")  # and so are the weights, and every later loss
    model = Constant()
    with pytest.raises(NonFiniteLossError, match=r"batch 3 of 5 in epoch 4 gave nan.*learning rate \(it is 0\.02\)"):
        train_epoch(model, batches, nn.MSELoss(), sgd(model, lr=0.02), epoch=4)


def test_a_learning_rate_too_large_is_found_out():
    model = Constant()
    batches = [(torch.ones(2, 1), torch.zeros(2, 1))] * 100
    with pytest.raises(NonFiniteLossError, match="gave inf"):
        train_epoch(model, batches, nn.MSELoss(), sgd(model, lr=1e6))


# --- evaluate and predict ------------------------------------------------------------------------------------------

observers = pytest.mark.parametrize(
    "observe",
    [lambda model, batches: evaluate(model, batches, cross_entropy), predict],
    ids=["evaluate", "predict"],
)


def part_in_eval():
    """A model in train mode, whose BatchNorm layer somebody froze in eval mode."""
    model = moody_model().train()
    model[1].eval()
    return model


@observers
@pytest.mark.parametrize("make_model", [moody_model, lambda: moody_model().eval(), part_in_eval])
def test_every_module_keeps_its_mode_and_every_weight(observe, make_model):
    model = make_model()
    modes, weights = [module.training for module in model.modules()], snapshot(model)
    observe(model, loader())
    assert [module.training for module in model.modules()] == modes
    assert same(snapshot(model), weights)  # in train mode, BatchNorm would have moved its running statistics


@observers
def test_modes_come_back_after_an_error(observe):
    model = part_in_eval()
    modes = [module.training for module in model.modules()]
    with pytest.raises(RuntimeError, match="shape"):
        observe(model, [(torch.rand(2, 5), torch.zeros(2, dtype=torch.long))])
    assert [module.training for module in model.modules()] == modes


def test_evaluate_is_the_raw_loop_in_eval_mode():
    model = moody_model()
    train_epoch(model, loader(), cross_entropy, sgd(model))  # so that the running statistics are not the batch's
    metrics = evaluate(model, loader(shuffle=False), cross_entropy)
    model.eval()
    with torch.no_grad():
        X, y = examples().tensors
        assert metrics.loss == pytest.approx(cross_entropy(model(X), y).item(), rel=1e-6)
        assert metrics.accuracy == (model(X).argmax(dim=1) == y).sum().item() / len(y)


@observers
def test_no_gradients_are_built(observe):
    grad_modes = []
    model = plain_model()
    model.register_forward_hook(lambda *_: grad_modes.append(torch.is_grad_enabled()))
    observe(model, loader())
    assert grad_modes == [False] * 3
    assert torch.is_grad_enabled()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_predict_gives_outputs_targets_labels_and_probabilities_in_the_loaders_order():
    model = moody_model().eval()
    predictions = predict(model, loader(seed=3))
    batches = list(loader(seed=3))
    outputs = torch.cat([model(X) for X, _ in batches]).detach()
    assert torch.equal(predictions.outputs, outputs)
    assert torch.equal(predictions.targets, torch.cat([y for _, y in batches]))
    assert torch.equal(predictions.labels, outputs.max(dim=1).indices)
    expected = outputs.exp() / outputs.exp().sum(dim=1, keepdim=True)
    torch.testing.assert_close(predictions.probabilities, expected)


def test_predictions_can_be_used_in_autograd():
    predictions = predict(plain_model(), loader())
    assert not predictions.outputs.requires_grad
    scale = torch.ones(3, requires_grad=True)
    cross_entropy(predictions.outputs * scale, predictions.targets).backward()
    assert scale.grad.abs().sum() > 0


class ReadOnce(Dataset):
    """Keeps what it read when it was first asked, as many a data set does."""

    def __init__(self):
        self.kept = None

    def __len__(self):
        return 8

    def __getitem__(self, i):
        if self.kept is None:
            self.kept = torch.arange(48.0).reshape(8, 6) / 48
        return self.kept[i], torch.tensor(i % 3)


@observers
def test_data_first_read_by_an_observer_can_be_trained_on(observe):
    model = plain_model()
    batches = DataLoader(ReadOnce(), batch_size=None, collate_fn=lambda pair: (pair[0][None], pair[1][None]))
    observe(model, batches)
    train_epoch(model, batches, cross_entropy, sgd(model))


# --- bad arguments -------------------------------------------------------------------------------------------------

everything = pytest.mark.parametrize(
    "use",
    [
        lambda m, batches, loss: train_epoch(m, batches, loss, sgd(m)),
        evaluate,
        lambda m, batches, loss: fit(m, batches, loss, sgd(m), epochs=1),
        lambda m, batches, loss: fit(m, loader(), loss, sgd(m), epochs=1, val_loader=batches),
    ],
    ids=["train_epoch", "evaluate", "fit", "fit val_loader"],
)


@everything
def test_a_loader_without_a_batch_is_an_error(use):
    with pytest.raises(ValueError, match=r"at least one batch, the loader gave none.*drop_last"):
        use(plain_model(), DataLoader(examples(5), batch_size=8, drop_last=True), cross_entropy)


def test_predict_of_a_loader_without_a_batch_is_an_error():
    with pytest.raises(ValueError, match="at least one batch"):
        predict(plain_model(), [])


@everything
@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_a_loss_that_is_no_mean_is_refused_before_anything_is_trained(use, reduction):
    model = plain_model()
    weights = snapshot(model)
    with pytest.raises(ValueError, match=f"averages over the batch, received reduction='{reduction}'"):
        use(model, loader(), nn.CrossEntropyLoss(reduction=reduction))
    assert same(snapshot(model), weights)


def test_a_negative_number_of_epochs_is_an_error():
    model = plain_model()
    with pytest.raises(ValueError, match="0 or more, received -1"):
        fit(model, loader(), cross_entropy, sgd(model), epochs=-1)


# --- fit -----------------------------------------------------------------------------------------------------------


def test_fit_is_train_epoch_and_evaluate_in_turn_and_returns_what_they_measured():
    model, epochs = moody_model(), 3
    optimizer, batches, val = sgd(model), loader(), loader(shuffle=False, n=10)
    torch.manual_seed(1)
    measured = []
    for _ in range(epochs):
        train = train_epoch(model, batches, cross_entropy, optimizer)
        measured.append((*train, *evaluate(model, val, cross_entropy)))

    ours = moody_model()
    our_optimizer = sgd(ours)
    torch.manual_seed(1)
    history = fit(ours, loader(), cross_entropy, our_optimizer, epochs=epochs, val_loader=val)

    assert same(snapshot(ours), snapshot(model))
    assert history == History(*map(list, zip(*measured, strict=True)))
    assert history.epochs == epochs
    assert list(history.as_dict()) == ["train_loss", "train_accuracy", "val_loss", "val_accuracy"]


def test_history_holds_only_what_there_was_to_measure():
    model = Constant()
    history = fit(model, REGRESSION, nn.L1Loss(), sgd(model), epochs=2)
    assert list(history.as_dict()) == ["train_loss"]
    assert history.epochs == len(history.train_loss) == 2


def test_fit_goes_on_counting_from_a_history_and_leaves_it_as_it_was():
    model = plain_model()
    optimizer, batches = sgd(model), loader()
    first = fit(model, batches, cross_entropy, optimizer, epochs=2)
    both = fit(model, batches, cross_entropy, optimizer, epochs=1, history=first)
    assert (first.epochs, both.epochs) == (2, 3)
    assert both.train_loss[:2] == first.train_loss
    with pytest.raises(NonFiniteLossError, match="epoch 4 gave"):
        fit(
            model,
            [(torch.full((1, 6), torch.inf), torch.tensor([0]))],
            cross_entropy,
            optimizer,
            epochs=1,
            history=both,
        )


def test_no_epochs_change_nothing(tmp_path):
    model = plain_model()
    weights = snapshot(model)
    assert fit(model, loader(), cross_entropy, sgd(model), epochs=0, checkpoint=tmp_path / "a.pt") == History()
    assert same(snapshot(model), weights)
    assert not list(tmp_path.iterdir())


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def show_bars(monkeypatch, capsys):
    """Train for two epochs and return what the learner sees of it, in a terminal and in a notebook."""

    def show(bar, variable=None, **options):
        monkeypatch.setattr(training, "tqdm", bar)
        monkeypatch.setattr(sys, "stderr", Terminal())
        if variable is None:
            monkeypatch.delenv("TQDM_DISABLE", raising=False)
        else:
            monkeypatch.setenv("TQDM_DISABLE", variable)
        model = plain_model()
        fit(model, loader(), cross_entropy, sgd(model), epochs=2, **options)
        return sys.stderr.getvalue() + capsys.readouterr().out  # outside a kernel, a notebook's bar prints itself

    return show


bars = pytest.mark.parametrize("bar", [terminal_tqdm, notebook_tqdm], ids=["terminal", "notebook"])


@bars
@pytest.mark.parametrize("variable", [None, "0", ""])
def test_every_epoch_has_a_progress_bar(show_bars, bar, variable):
    shown = show_bars(bar, variable)
    for epoch in (1, 2):
        assert f"epoch {epoch}/2" in shown
    assert "epoch 3" not in shown
    assert "3/3" in shown or bar is notebook_tqdm  # a terminal shows the last state too, with the numbers
    assert "train_accuracy=" in shown or bar is notebook_tqdm


@bars
@pytest.mark.parametrize(("variable", "options"), [("1", {}), (None, {"progress": False})], ids=["variable", "option"])
def test_progress_bars_can_be_silenced(show_bars, bar, variable, options):
    assert show_bars(bar, variable, **options) == ""


# --- checkpoints ---------------------------------------------------------------------------------------------------


class Augmented(Dataset):
    """Draws from all three sources of random numbers, as augmentation may."""

    def __len__(self):
        return 22

    def __getitem__(self, i):
        X, y = examples()[i]
        return X + random.random() + np.random.rand() + torch.rand(()), y  # noqa: NPY002


@pytest.mark.parametrize("make_optimizer", [sgd, adam])
@pytest.mark.parametrize("seed", [5, None], ids=["generator", "global"])
def test_a_resumed_run_is_the_uninterrupted_run_bit_for_bit(tmp_path, make_optimizer, seed):
    def start():
        model = moody_model()
        batches = loader(seed=seed)
        return model, DataLoader(Augmented(), 8, shuffle=True, generator=batches.generator), make_optimizer(model)

    model, batches, optimizer = start()
    seed_everything(1)
    uninterrupted = fit(model, batches, cross_entropy, optimizer, epochs=4)
    after = torch.rand(3)

    first, batches, first_optimizer = start()
    seed_everything(1)
    fit(first, batches, cross_entropy, first_optimizer, epochs=2, checkpoint=tmp_path / "run.pt")

    resumed, batches, optimizer_again = start()
    seed_everything(99)  # another session, with random numbers of its own
    if batches.generator is not None:
        batches.generator.manual_seed(99)
    history = load_checkpoint(tmp_path / "run.pt", resumed, optimizer_again, loader=batches)
    assert history.epochs == 2
    history = fit(resumed, batches, cross_entropy, optimizer_again, epochs=2, history=history)

    assert history == uninterrupted
    assert same(snapshot(resumed), snapshot(model))
    assert same(snapshot(optimizer_again), snapshot(optimizer))
    assert torch.equal(torch.rand(3), after)


@pytest.fixture
def saved(tmp_path):
    """A checkpoint of one epoch, the model and optimizer it was taken of, and what they held."""
    model = moody_model()
    optimizer = sgd(model)
    path = tmp_path / "run.pt"
    fit(model, loader(), cross_entropy, optimizer, epochs=1, checkpoint=path)
    return path, model, optimizer


def untouched_by(path, model, optimizer, match, error=CheckpointError):
    """Loading the file is refused with that message, and changes neither model nor optimizer nor random numbers."""
    before = snapshot(model), snapshot(optimizer), torch.get_rng_state()
    with pytest.raises(error, match=match):
        load_checkpoint(path, model, optimizer)
    assert same(snapshot(model), before[0])
    assert same(snapshot(optimizer), before[1])
    assert torch.equal(torch.get_rng_state(), before[2])


def test_without_an_optimizer_only_the_weights_are_restored(saved):
    path, model, _ = saved
    other = moody_model(seed=9)
    randomness = torch.get_rng_state()
    history = load_checkpoint(path, other)
    assert history.epochs == 1
    assert same(snapshot(other), snapshot(model))
    assert torch.equal(torch.get_rng_state(), randomness)


def test_saving_makes_missing_folders_and_leaves_nothing_else(tmp_path):
    model = plain_model()
    save_checkpoint(tmp_path / "new" / "folder" / "run.pt", model, sgd(model))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["run.pt"]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.99, 0.9999])
def test_a_truncated_checkpoint_is_refused(saved, share):
    path, model, optimizer = saved
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    untouched_by(path, model, optimizer, "run.pt cannot be read.*delete it and train again")


def test_a_flipped_bit_in_the_weights_is_noticed(saved):
    path, model, optimizer = saved
    content = bytearray(path.read_bytes())
    start = content.find(model[0].weight.detach().numpy().tobytes())
    assert start > 0
    content[start + 2] ^= 1
    path.write_bytes(content)
    untouched_by(path, moody_model(seed=9), optimizer, "run.pt cannot be read")


@pytest.mark.parametrize("content", [b"", b"epoch,loss\n1,2.3\n", b"PK\x03\x04", bytes(range(256))])
def test_a_file_of_another_kind_is_refused(saved, content):
    path, model, optimizer = saved
    path.write_bytes(content)
    untouched_by(path, model, optimizer, "Expected a checkpoint written by save_checkpoint, but run.pt cannot be read")


@pytest.mark.parametrize(
    "thing", [moody_model().state_dict(), torch.ones(3), [1, 2], {"model": 5}, None], ids=lambda t: type(t).__name__
)
def test_another_object_of_torch_save_is_refused(saved, thing):
    path, model, optimizer = saved
    torch.save(thing, path)
    untouched_by(path, model, optimizer, "Expected a checkpoint written by save_checkpoint")


class Bomb:
    """Unpickling it makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_malicious_file_runs_no_code(saved, tmp_path):
    path, model, optimizer = saved
    state = torch.load(path, weights_only=True)
    torch.save({**state, "history": Bomb(tmp_path / "owned")}, path)
    untouched_by(path, model, optimizer, "UnpicklingError")
    assert not (tmp_path / "owned").exists()
    torch.load(path, weights_only=False)  # the bomb is real: without the guard it goes off
    assert (tmp_path / "owned").exists()


def test_a_missing_file_is_named(tmp_path):
    model = plain_model()
    untouched_by(tmp_path / "no.pt", model, sgd(model), r"no\.pt, found no file", FileNotFoundError)


def wider():
    return nn.Sequential(nn.Linear(6, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(0.5), nn.Linear(9, 3))


@pytest.mark.parametrize(
    ("make_model", "match"),
    [
        (wider, r"0\.weight is \(9, 6\) here and \(8, 6\) in run\.pt"),
        (plain_model, r"2\.weight is \(3, 8\) here and absent in run\.pt"),
        (lambda: moody_model()[:-1], r"4\.weight is absent here and \(3, 8\) in run\.pt"),
    ],
    ids=["other shape", "other layers", "fewer layers"],
)
def test_another_model_is_refused_and_the_parameter_named(saved, make_model, match):
    model = make_model()
    untouched_by(saved[0], model, sgd(model), match)


@pytest.mark.parametrize(
    "make_optimizer",
    [adam, lambda model: sgd(model[0]), lambda model: torch.optim.SGD([{"params": [p]} for p in model.parameters()])],
    ids=["Adam", "fewer parameters", "more groups"],
)
def test_another_optimizer_is_refused(saved, make_optimizer):
    path, model, _ = saved
    model = moody_model(seed=9)
    untouched_by(path, model, make_optimizer(model), r"Expected the optimizer that run\.pt was saved with, SGD")


@pytest.mark.parametrize("step", ["torch.save", "os.fsync", "pathlib.Path.replace"])
def test_a_crash_while_saving_leaves_the_old_checkpoint_whole_and_nothing_else(saved, monkeypatch, step):
    path, model, optimizer = saved
    before = path.read_bytes()
    save = torch.save

    def crash(*args, **_):
        if step == "torch.save":  # the disk is full half way
            whole = io.BytesIO()
            save(args[0], whole)
            args[1].write(whole.getvalue()[:1000])
        raise KeyboardInterrupt

    monkeypatch.setattr(step, crash)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, model, optimizer)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_the_checkpoint_survives_a_loss_that_is_not_finite(saved):
    path, model, optimizer = saved
    before = path.read_bytes()
    bad = [(torch.full((2, 6), torch.nan), torch.tensor([0, 1]))]
    history = load_checkpoint(path, model, optimizer)
    with pytest.raises(NonFiniteLossError, match="batch 1 of 1 in epoch 2"):
        fit(model, bad, cross_entropy, optimizer, epochs=1, history=history, checkpoint=path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_checkpoint_holds_tensors_and_numbers_only(saved):
    assert zipfile.ZipFile(saved[0]).testzip() is None
    state = torch.load(saved[0], weights_only=True)
    assert state["history"]["train_loss"]


# --- device and seed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accelerator", "expected"), [(None, "cpu"), (torch.device("mps"), "mps"), (torch.device("cuda"), "cuda")]
)
def test_best_device_is_the_accelerator_or_else_the_cpu(monkeypatch, accelerator, expected):
    def current_accelerator(check_available=False):
        assert check_available  # an accelerator that PyTorch was built for may be missing in this machine
        return accelerator

    monkeypatch.setattr(torch.accelerator, "current_accelerator", current_accelerator)
    assert best_device() == torch.device(expected)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (nn.Linear(2, 1, device="meta"), "meta"),
        (nn.BatchNorm1d(2, affine=False, device="meta"), "meta"),
        (nn.Linear(2, 1), "cpu"),
        (nn.ReLU(), "cpu"),
    ],
    ids=["parameters", "buffers only", "cpu", "neither"],
)
def test_device_of_is_where_the_model_is(model, expected):
    assert device_of(model) == torch.device(expected)


def draw(generator):
    return [random.random(), np.random.rand(), torch.rand(()).item(), torch.rand((), generator=generator).item()]  # noqa: NPY002


def test_one_seed_gives_the_same_random_numbers_everywhere_and_another_seed_others():
    first, again, other = (draw(seed_everything(seed)) for seed in (3, 3, 4))
    assert first == again
    assert all(one != two for one, two in zip(first, other, strict=True))


# --- what only another machine, another program or another loss would show ----------------------------------------


def test_a_function_without_a_reduction_is_a_loss():
    model = plain_model()
    assert evaluate(model, loader(), functional.cross_entropy) == evaluate(model, loader(), cross_entropy)


def test_a_loss_that_is_not_finite_outside_fit_names_no_epoch():
    model = plain_model()
    bad = [(torch.full((2, 6), torch.nan), torch.tensor([0, 1]))]
    with pytest.raises(NonFiniteLossError, match=r"batch 1 of 1 gave nan.*these weights are spoilt\.$"):
        train_epoch(model, bad, cross_entropy, sgd(model))


def test_batches_go_to_the_device_of_the_model():
    ((X, y), *_) = training._on_device([(torch.zeros(2, 6), torch.zeros(2))], nn.Linear(6, 3, device="meta"))
    assert (X.device.type, y.device.type) == ("meta", "meta")


class _Accelerator:
    """The random numbers of a device that this machine lacks: one number for each device."""

    def __init__(self):
        self.states = {torch.device("cuda:0"): 1, torch.device("cuda:1"): 2}

    def __call__(self, device):  # as torch.get_device_module
        assert device in self.states
        return self

    def get_rng_state(self, device):
        return torch.tensor(self.states[device])

    def set_rng_state(self, state, device):
        self.states[device] = int(state)


def test_the_random_numbers_of_an_accelerator_come_back(monkeypatch):
    accelerator = _Accelerator()
    monkeypatch.setattr(torch, "get_device_module", accelerator)
    card, cpu = torch.device("cuda:1"), torch.device("cpu")
    state = training._random_state(card, None)
    accelerator.states[card] = 7
    training._restore_random_state(state, cpu, None)  # trained on the card, gone on without it
    assert accelerator.states[card] == 7
    training._restore_random_state(state, card, None)
    assert list(accelerator.states.values()) == [1, 2]
    training._restore_random_state(training._random_state(cpu, None), card, None)  # and the other way round
    assert list(accelerator.states.values()) == [1, 2]


def test_a_checkpoint_is_read_on_the_cpu_without_running_code(saved, monkeypatch):
    path, model, optimizer = saved
    asked, load = [], torch.load
    monkeypatch.setattr(torch, "load", lambda *args, **options: asked.append(options) or load(*args, **options))
    load_checkpoint(path, model, optimizer)
    assert asked == [{"map_location": "cpu", "weights_only": True}]


def test_a_part_that_another_program_is_writing_stays(saved):
    path, model, optimizer = saved
    part = path.with_name(f".{path.name}.123456")
    part.write_bytes(b"half of it")
    save_checkpoint(path, model, optimizer)
    assert part.exists()
    os.utime(part, (0, 0))
    save_checkpoint(path, model, optimizer)
    assert not part.exists()


def test_an_error_before_anything_is_written_is_not_hidden(saved, monkeypatch):
    path, model, optimizer = saved

    def refuse(*_args, **_options):
        raise PermissionError("no place here")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(PermissionError, match="no place here"):
        save_checkpoint(path, model, optimizer)
