"""The training helpers, against computations by hand and against the raw loop, bit for bit."""

import io
import os
import random
import sys

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


def train_without_steps(model, batches, loss_fn):
    return train_epoch(model, batches, loss_fn, sgd(model, lr=0.0))


measures = pytest.mark.parametrize("measure", [evaluate, train_without_steps])


@measures
def test_loss_is_the_mean_over_examples_when_the_last_batch_is_short(measure):
    assert measure(Constant(), REGRESSION, nn.L1Loss()).loss == 4.0


@measures
def test_accuracy_is_the_fraction_of_right_examples(measure):
    assert measure(Constant(), CLASSES, cross_entropy).accuracy == 0.5


@measures
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
    assert type(metrics.loss) is type(metrics.accuracy) is float


class Accelerator(TorchFunctionMode):
    """Stands in for an accelerator without float64, such as MPS; counts the calls that make the host wait for it."""

    waiting = frozenset({"item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__", "nonzero"})

    def __init__(self):
        super().__init__()
        self.waits = 0
        self.on_the_host = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        self.waits += name in self.waiting or (name == "to" and not (kwargs or {}).get("non_blocking"))
        result = func(*args, **(kwargs or {}))
        tensors = [a for a in args if isinstance(a, torch.Tensor)]
        known = any(a.dtype == torch.float64 or any(a is b for b in self.on_the_host) for a in tensors)
        if name == "cpu":
            self.on_the_host.append(result)
        elif isinstance(result, torch.Tensor) and result.dtype == torch.float64 and tensors and not known:
            raise TypeError(f"{name}: the device has no float64")
        return result


@pytest.mark.parametrize("measure", [evaluate, train_without_steps, lambda m, b, _: predict(m, b)])
def test_an_accelerator_is_waited_for_once_per_epoch_and_not_asked_for_float64(measure):
    waits = []
    for n in (2, 20):
        with Accelerator() as accelerator:
            measure(plain_model(), [(torch.rand(4, 6), torch.tensor([0, 1, 2, 0]))] * n, cross_entropy)
        waits.append(accelerator.waits)
    assert waits[0] == waits[1] > 0


def test_batches_go_to_the_device_of_the_model():
    ((X, y), *_) = training._on_device([(torch.zeros(2, 6), torch.zeros(2))], nn.Linear(6, 3, device="meta"))
    assert (X.device.type, y.device.type) == ("meta", "meta")


@pytest.mark.parametrize(("epoch", "where"), [(4, "batch 3 of 5 in epoch 4"), (None, "batch 3 of 5")])
def test_a_loss_that_is_not_finite_names_epoch_batch_and_learning_rate(epoch, where):
    batches = [(torch.ones(2, 1), torch.zeros(2, 1)) for _ in range(5)]
    batches[2][0][0] = float("nan")  # and so are the weights, and every later loss
    model = Constant()
    with pytest.raises(NonFiniteLossError, match=rf"{where} gave nan.*learning rate \(it is 0\.02\)"):
        train_epoch(model, batches, nn.MSELoss(), sgd(model, lr=0.02), epoch=epoch)


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
    with pytest.raises(RuntimeError, match="shape"):
        observe(model, [(torch.rand(2, 5), torch.zeros(2, dtype=torch.long))])
    assert [module.training for module in model.modules()] == modes  # after an error too


def test_evaluate_is_the_raw_loop_in_eval_mode():
    model = moody_model()
    train_epoch(model, loader(), cross_entropy, sgd(model))  # so that the running statistics are not the batch's
    metrics = evaluate(model, loader(shuffle=False), cross_entropy)
    model.eval()
    with torch.no_grad():
        X, y = examples().tensors
        assert metrics.loss == pytest.approx(cross_entropy(model(X), y).item(), rel=1e-6)
        assert metrics.accuracy == (model(X).argmax(dim=1) == y).sum().item() / len(y)


def test_predict_gives_outputs_targets_labels_and_probabilities_in_the_loaders_order():
    model = moody_model().eval()
    predictions = predict(model, loader(seed=3))
    batches = list(loader(seed=3))
    outputs = torch.cat([model(X) for X, _ in batches]).detach()
    assert torch.equal(predictions.outputs, outputs)
    assert not predictions.outputs.requires_grad
    assert torch.equal(predictions.targets, torch.cat([y for _, y in batches]))
    assert torch.equal(predictions.labels, outputs.max(dim=1).indices)
    expected = outputs.exp() / outputs.exp().sum(dim=1, keepdim=True)
    torch.testing.assert_close(predictions.probabilities, expected)


class CachedBatches:
    """Builds its batch when it is first asked, as many a data set does."""

    batches = None

    def __iter__(self):
        if self.batches is None:
            self.batches = [(torch.arange(48.0).reshape(8, 6) / 48, torch.arange(8) % 3)]
        return iter(self.batches)


@observers
def test_data_first_read_by_an_observer_can_be_trained_on(observe):
    model, batches = plain_model(), CachedBatches()
    observe(model, batches)
    train_epoch(model, batches, cross_entropy, sgd(model))  # refused after inference_mode


# --- bad arguments -------------------------------------------------------------------------------------------------

everything = pytest.mark.parametrize(
    "use",
    [
        lambda m, batches, loss: train_epoch(m, batches, loss, sgd(m)),
        evaluate,
        lambda m, batches, loss: fit(m, loader(), loss, sgd(m), epochs=1, val_loader=batches),
    ],
    ids=["train_epoch", "evaluate", "fit val_loader"],
)


@everything
def test_a_loader_without_a_batch_is_an_error(use):
    with pytest.raises(ValueError, match=r"at least one batch, the loader gave none.*drop_last"):
        use(plain_model(), DataLoader(examples(5), batch_size=8, drop_last=True), cross_entropy)
    with pytest.raises(ValueError, match="at least one batch"):
        predict(plain_model(), [])


@everything
@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_a_loss_that_does_not_average_is_refused_before_anything_is_trained(use, reduction):
    model = plain_model()
    weights = snapshot(model)
    with pytest.raises(ValueError, match=f"averages over the batch, received reduction='{reduction}'"):
        use(model, loader(), nn.CrossEntropyLoss(reduction=reduction))
    assert same(snapshot(model), weights)


def test_a_function_without_a_reduction_is_a_loss():
    model = plain_model()
    assert evaluate(model, loader(), functional.cross_entropy) == evaluate(model, loader(), cross_entropy)


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


def test_no_epochs_give_an_empty_history_and_a_negative_number_is_an_error():
    model = plain_model()
    assert fit(model, loader(), cross_entropy, sgd(model), epochs=0) == History()
    with pytest.raises(ValueError, match="0 or more, received -1"):
        fit(model, loader(), cross_entropy, sgd(model), epochs=-1)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("bar", [terminal_tqdm, notebook_tqdm], ids=["terminal", "notebook"])
@pytest.mark.parametrize(("variable", "progress"), [("", True), ("0", True), ("1", True), ("", False)])
def test_each_epoch_has_a_progress_bar_that_can_be_silenced(monkeypatch, capsys, bar, variable, progress):
    monkeypatch.setattr(training, "tqdm", bar)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TQDM_DISABLE", variable)
    shown = progress and variable != "1"
    model = plain_model()
    fit(model, loader(), cross_entropy, sgd(model), epochs=2, progress=progress)
    text = sys.stderr.getvalue() + capsys.readouterr().out  # outside a kernel, a notebook's bar prints itself
    assert ("epoch 1/2" in text, "epoch 2/2" in text) == (shown, shown)
    assert shown or text == ""
    if bar is terminal_tqdm and shown:  # which shows its last state too
        assert "3/3" in text
        assert "train_accuracy=" in text


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
    """A checkpoint of one epoch, and its model and optimizer."""
    model = moody_model()
    optimizer = sgd(model)
    path = tmp_path / "run.pt"
    fit(model, loader(), cross_entropy, optimizer, epochs=1, checkpoint=path)
    return path, model, optimizer


def untouched_by(path, model, optimizer, match, error=CheckpointError):
    """Loading the file is refused with that message, and changes neither model nor optimizer nor random numbers."""
    before = snapshot(model), snapshot(optimizer), torch.get_rng_state()
    with pytest.raises(error, match=f"(?s){match}"):
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


def test_a_flipped_bit_in_the_weights_is_noticed(saved):
    path, model, optimizer = saved
    content = bytearray(path.read_bytes())
    start = content.find(model[0].weight.detach().numpy().tobytes())
    assert start > 0
    content[start + 2] ^= 1
    path.write_bytes(content)
    untouched_by(path, moody_model(seed=9), optimizer, "run.pt cannot be read")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04"),
        lambda path: torch.save(moody_model().state_dict(), path),
        lambda path: torch.save({"model": 5}, path),
    ],
    ids=["truncated", "empty", "head of an archive", "a state_dict", "another dict"],
)
def test_a_file_that_is_no_whole_checkpoint_is_refused(saved, spoil):
    path, model, optimizer = saved
    spoil(path)
    untouched_by(path, model, optimizer, r"written by save_checkpoint, but run\.pt cannot be read.*train again")


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


def wider():
    return nn.Sequential(nn.Linear(6, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(0.5), nn.Linear(9, 3))


@pytest.mark.parametrize(
    ("make_model", "match"),
    [
        (wider, r"run\.pt was saved with.*size mismatch for 0\.weight"),
        (lambda: nn.Sequential(*moody_model(), nn.Linear(3, 3)), r"Missing key.*5\.weight"),
        (lambda: moody_model()[:-1], r"Unexpected key.*4\.weight"),
    ],
    ids=["other shape", "more layers", "fewer layers"],
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
    untouched_by(path, model, make_optimizer(model), r"run\.pt was saved with.*(SGD, received Adam|parameter group)")


def test_a_save_that_fails_halfway_leaves_the_old_checkpoint_and_nothing_else(saved, monkeypatch):
    path, model, optimizer = saved
    before = path.read_bytes()
    save = torch.save

    def fill_the_disk(state, file):
        whole = io.BytesIO()
        save(state, whole)
        file.write(whole.getvalue()[:1000])
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", fill_the_disk)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(path, model, optimizer)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


# --- device and seed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accelerator", "expected"), [(None, "cpu"), (torch.device("meta"), "cpu"), (torch.device("cpu", 0), "cpu:0")]
)
def test_best_device_is_an_accelerator_that_computes_or_else_the_cpu(monkeypatch, recwarn, accelerator, expected):
    def current_accelerator(check_available=False):
        assert check_available  # an accelerator that PyTorch was built for may be missing in this machine
        return accelerator

    monkeypatch.setattr(torch.accelerator, "current_accelerator", current_accelerator)
    assert best_device() == torch.device(expected)
    messages = [str(warning.message) for warning in recwarn]
    cannot_compute = accelerator == torch.device("meta")  # PyTorch's device without data refuses every .item()
    assert [message.startswith("Using the CPU, because meta") for message in messages] == [True] * cannot_compute


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (nn.Linear(2, 1, device="meta"), "meta"),
        (nn.BatchNorm1d(2, affine=False, device="meta"), "meta"),
        (nn.ReLU(), "cpu"),
    ],
    ids=["parameters", "buffers only", "neither"],
)
def test_device_of_is_where_the_model_is(model, expected):
    assert device_of(model) == torch.device(expected)


def draw(generator):
    return [random.random(), np.random.rand(), torch.rand(()).item(), torch.rand((), generator=generator).item()]  # noqa: NPY002


def test_one_seed_gives_the_same_random_numbers_everywhere_and_another_seed_others():
    first, again, other = (draw(seed_everything(seed)) for seed in (3, 3, 4))
    assert first == again
    assert all(one != two for one, two in zip(first, other, strict=True))


class Card:
    """The random numbers of a second graphics card, which this machine lacks, as torch.get_device_module finds them."""

    device, state = torch.device("cuda:1"), torch.tensor(2)

    def get_rng_state(self, device):
        assert device == self.device
        return self.state

    def set_rng_state(self, state, device):
        assert device == self.device
        self.state = state


def test_the_random_numbers_of_an_accelerator_come_back(monkeypatch):
    card, cpu = Card(), torch.device("cpu")
    monkeypatch.setattr(torch, "get_device_module", lambda _: card)
    state = training._random_state(card.device, None)
    card.state = torch.tensor(7)
    training._restore_random_state(state, cpu, None)  # saved on the card, loaded on a machine without one
    training._restore_random_state(training._random_state(cpu, None), card.device, None)  # and the other way round
    assert card.state == 7
    training._restore_random_state(state, card.device, None)
    assert card.state == 2


def test_a_checkpoint_is_read_on_the_cpu_whatever_device_it_was_saved_on(saved, monkeypatch):
    path, model, optimizer = saved
    asked, load = [], torch.load
    monkeypatch.setattr(torch, "load", lambda *args, **options: asked.append(options) or load(*args, **options))
    load_checkpoint(path, model, optimizer)
    assert [options["map_location"] for options in asked] == ["cpu"]
