"""The checks of notebook 6, Quickstart."""

from __future__ import annotations

import contextlib
import math
import pickle
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Adam, Optimizer
from torch.utils.data import DataLoader, TensorDataset

from helpers.checks.compare import Blank, Case, NotYet, call, describe, expect, expect_callable, expect_results
from helpers.checks.core import Book, Part, either
from helpers.training import evaluate, fit

book = Book(6)
progress = book.progress


def _random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _wrong(function: Callable[..., Any], *faults: str) -> either:
    """The function with each of these mistakes in it; without one it cannot be called."""
    return either(*(partial(function, fault=fault) for fault in faults))


# 6.1


@book.exercise(
    "Count the batches",
    goal="say how a data set divides into batches",
    minutes=3,
    difficulty=1,
    why="It is also the number of steps in an epoch: halve the batches, and there are about twice as many.",
    mistakes={
        "The short batch at the end is a batch too.": either(
            lambda n, size: (n // size, n % size), lambda n, size: (n // size, size), lambda n, size: (n // size, 0)
        ),
        "The number of batches is right. But a batch of 0 images is none: how large is the last one when nothing is "
        "left over?": lambda n, size: (-(-n // size), n % size),
        "These images fill their batches exactly: is there another batch after them, with no images?": either(
            lambda n, size: (n // size + 1, n % size), lambda n, size: (n // size + 1, n % size or size)
        ),
        "The two are exchanged: the number of batches comes first.": lambda n, size: (
            (n - 1) % size + 1,
            -(-n // size),
        ),
        "The batch is larger than the whole data set: its only batch has as many images as there are.": (
            lambda n, size: (-(-n // size), size if n < size else (n - 1) % size + 1)
        ),
        "The number of batches is right. But the last batch is not always full: what is left over?": (
            lambda n, size: (-(-n // size), size)
        ),
        "There are as many batches as it takes to hold all images, and a part of a batch is a batch: `/` gives a "
        "fraction, `//` leaves out what is left over.": either(
            lambda n, size: (n / size, n % size), lambda n, size: (n / size, (n - 1) % size + 1)
        ),
        "Two numbers are asked for, with a comma between them after `return`: the number of batches, and the size of "
        "the last one.": either(lambda n, size: -(-n // size), lambda n, size: (n - 1) % size + 1),
    },
)
def batch_count(answer: Any) -> None:
    """The number of batches of an epoch, and the size of the last one."""
    numbers = [(2000, 64, 32, 16), (128, 64, 2, 64), (5, 64, 1, 5), (64, 64, 1, 64), (65, 64, 2, 1), (7, 1, 7, 1)]
    expect_results(answer, [Case((n, size), (batches, last)) for n, size, batches, last in numbers])


# 6.2


def _cost(logits: Tensor, y: Tensor, *, fault: str) -> Tensor:
    """The loss of each image with a mistake."""
    rows, shares, logs = range(len(y)), logits.softmax(dim=1), logits.log_softmax(dim=1)
    return {
        "mean": cross_entropy(logits, y),
        "sum": cross_entropy(logits, y, reduction="sum"),
        "sign": logs[rows, y],
        "dim=0": -logits.log_softmax(dim=0)[rows, y],
        "logits": -logits[rows, y],
        "logits, sign": logits[rows, y],
        "shares": shares[rows, y],
        "shares, sign": -shares[rows, y],
        "logarithm later": -shares.log()[rows, y],
        "exponentials": (logits.exp().sum(dim=1) / logits.exp()[rows, y]).log(),
        "[:, y]": -logs[:, y],
        "likeliest": -logs.max(dim=1).values,
        "every class": -logs,
        "softmax twice": cross_entropy(shares, y, reduction="none"),
        "classes": logits.argmax(dim=1),
    }[fault]


@book.exercise(
    "What each image costs",
    goal="compute the cross-entropy of every image",
    minutes=5,
    difficulty=2,
    why='In one call: `nn.functional.cross_entropy(logits, y, reduction="none")`. A large loss of a single image is '
    "worth a look: the image is unusual, or its label is wrong.",
    mistakes={
        "This is the mean over the batch. Wanted are the numbers that it is the mean of.": _wrong(_cost, "mean"),
        "This is the sum over the batch. Wanted are the numbers that were added.": _wrong(_cost, "sum"),
        "The sign is wrong: a loss is never negative.": _wrong(_cost, "sign"),
        "Each row should come to a sum of 1 as probabilities; here the columns do. `dim=` names the classes.": (
            _wrong(_cost, "dim=0")
        ),
        "These are the logits of the true classes. Softmax and logarithm are missing.": (
            _wrong(_cost, "logits", "logits, sign")
        ),
        "These are the probabilities of the true classes. What does the loss take of them?": (
            _wrong(_cost, "shares", "shares, sign")
        ),
        "The network is quite sure of a wrong class here: the probability of the true one was rounded to 0 before its "
        "logarithm was taken. `log_softmax` does both steps in one.": _wrong(_cost, "logarithm later", "exponentials"),
        "`[:, y]` takes the columns of all images for each of them. Each row wants a single column, its own.": (
            _wrong(_cost, "[:, y]")
        ),
        "This is the loss of the likeliest class. The loss asks for the true one, `y`.": _wrong(_cost, "likeliest"),
        "There is a number for every class here. Choose the one of the true class in each row.": (
            _wrong(_cost, "every class")
        ),
        "Softmax was applied twice: `cross_entropy` wants logits.": _wrong(_cost, "softmax twice"),
        "These are the likeliest classes. Wanted is the loss of each image.": _wrong(_cost, "classes"),
    },
)
def picture_losses(answer: Any) -> None:
    """The cross-entropy of every image by itself."""
    tables = [2 * _random(*shape, seed=seed) for seed, shape in enumerate(((5, 10), (4, 4), (1, 3), (3, 2)))]
    cases = []
    for logits in (*tables, torch.tensor([[300.0, -300.0, 0.0], [0.0, 100.0, -50.0]])):
        y = torch.randint(0, logits.shape[1], (len(logits),), generator=torch.Generator().manual_seed(len(logits)))
        y = torch.tensor([1, 0]) if logits.max() == 300 else y
        # The logarithm of the sum of the exponentials, minus the logit of the true class.
        sums = [max(row) + math.log(sum(math.exp(logit - max(row)) for logit in row)) for row in logits.tolist()]
        wanted = [total - row[true] for row, true, total in zip(logits.tolist(), y.tolist(), sums, strict=True)]
        cases.append(Case((logits, y), torch.tensor(wanted)))
    expect_results(answer, cases, without_loop=True)


# 6.3


class _Learning(NamedTuple):
    """A small training: what is given to the function, new in each run."""

    make_model: Callable[[], nn.Module]
    sizes: tuple[int, int]
    loss_fn: nn.Module
    make_optimizer: Callable[[Any], Optimizer]


def _network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))


_LEARNINGS = (
    _Learning(_network, (10, 4), nn.CrossEntropyLoss(), lambda p: SGD(p, lr=0.3)),
    _Learning(_network, (9, 3), nn.CrossEntropyLoss(label_smoothing=0.2), lambda p: SGD(p, lr=0.2, momentum=0.5)),
    _Learning(
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), (5, 2), nn.CrossEntropyLoss(), lambda p: Adam(p, lr=0.1)
    ),
)


def _learned(learning: _Learning, train: Callable[..., Any]) -> tuple[Any, dict[str, Tensor]]:
    """What comes out of one epoch with this function: its result, and the state of the model."""
    torch.manual_seed(3)
    model = learning.make_model().eval()  # the function is to switch it
    n, batch_size = learning.sizes
    y = torch.randint(0, 3, (n,), generator=torch.Generator().manual_seed(1))
    loader = DataLoader(TensorDataset(_random(n, 1, 2, 2, seed=n), y), batch_size=batch_size)
    result = train(model, loader, learning.loss_fn, learning.make_optimizer(model.parameters()))
    return result, {name: t.clone() for name, t in model.state_dict().items() if t.is_floating_point()}


def _epoch(model: nn.Module, loader: DataLoader, loss_fn: nn.Module, optimizer: Optimizer, *, fault: str) -> float:
    """One epoch with a mistake."""
    model.train(fault != "no train()")
    losses, sizes, logits = [], [], []
    for X, y in loader:
        pred = model(X)
        loss = (nn.CrossEntropyLoss() if fault == "own loss" else loss_fn)(pred, y)
        if fault == "step first":
            optimizer.step()
        if fault != "no zero_grad()":
            optimizer.zero_grad()
        loss.backward()
        if fault not in ("no step()", "step first"):
            optimizer.step()
        losses.append((loss_fn(model(X), y) if fault == "after the step" else loss).item())
        sizes.append(len(y))
        logits.append(pred.numel())
    if fault == "after the epoch":
        return evaluate(model, loader, loss_fn).loss
    total = sum(loss * size for loss, size in zip(losses, sizes, strict=True))
    return {
        "mean of batch means": sum(losses) / len(losses),
        "sum": total,
        "last": losses[-1],
        "sum of means": sum(losses),
        "means over images": sum(losses) / sum(sizes),
        "starts again": losses[-1] * sizes[-1] / sum(sizes),
        "logits": sum(loss * size for loss, size in zip(losses, logits, strict=True)) / sum(sizes),
    }.get(fault, total / sum(sizes))


@book.exercise(
    "Train and tell",
    goal="write an epoch of training that reports its mean loss",
    minutes=8,
    difficulty=2,
    why="Now you can watch the training loss, too: beside the validation loss it shows whether a network overfits.",
    mistakes=lambda: {
        "The gradients of earlier batches are still there: one of the five steps is missing.": (
            _wrong(_epoch, "no zero_grad()")
        ),
        "The model came in eval mode, and it learned in eval mode. Which call comes before the first batch?": (
            _wrong(_epoch, "no train()")
        ),
        "The model stays as it was: no step was taken, or the step found no gradients.": _wrong(_epoch, "no step()"),
        "`step()` comes too early: it uses the gradients that `backward()` has just computed.": (
            _wrong(_epoch, "step first")
        ),
        "This is the mean of the batch means, and the last batch is short: count each loss once for each image of its "
        "batch.": _wrong(_epoch, "mean of batch means"),
        "This is the sum over the images, and their mean is wanted.": _wrong(_epoch, "sum"),
        "This is the loss of the last batch only.": _wrong(_epoch, "last"),
        "The batch means were added up just as they are, however many images each stands for.": (
            _wrong(_epoch, "sum of means")
        ),
        "A sum of batch means was divided by the number of images: first multiply each by the size of its batch.": (
            _wrong(_epoch, "means over images")
        ),
        "Only the last batch is in the sum: it starts again from 0 in every batch.": _wrong(_epoch, "starts again"),
        "Each loss was counted once for each logit. Count it once for each image: `len(y)`.": _wrong(_epoch, "logits"),
        "This is the loss after the epoch. Wanted is the mean of the losses by which the model learned, then.": (
            _wrong(_epoch, "after the epoch")
        ),
        "This loss was computed again after the step. Wanted is the one by which the model learned.": (
            _wrong(_epoch, "after the step")
        ),
        "The loss is given, `loss_fn`: this computes another one.": _wrong(_epoch, "own loss"),
    },
)
def train_and_tell(answer: Any) -> None:
    """One epoch of training, and the mean loss over its images."""
    expect_callable(answer, "`train_and_tell`")
    for learning in _LEARNINGS:
        what = "with {} images in batches of {}".format(*learning.sizes)
        result, state = _learned(learning, lambda *given: call(answer, *given, may_change=True))
        wanted, wanted_state = _learned(learning, partial(_epoch, fault="none"))
        expect(result, wanted, what=f"the mean loss {what}", reveal=True)
        expect(state, wanted_state, what=f"the model's state {what}")


# 6.4


class _Classifier(nn.Module):
    """Looks at images with a convolution, and has a dropout layer that must be off in inference."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(1, 4, kernel_size=3)
        self.answer = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(4 * 26 * 26, classes))

    def forward(self, X: Tensor) -> Tensor:
        return 5 * self.answer(self.look(X))


def _named(model: nn.Module, image: Tensor, names: list[str], *, fault: str) -> Any:
    """The name and its probability with a mistake."""
    with torch.no_grad():
        logits = model.train(fault == "dropout")(image if fault == "no batch" else image.unsqueeze(0))
    scores = {"logit": logits, "dim=0": logits.softmax(0), "sigmoid": logits.sigmoid(), "log": logits.log_softmax(1)}
    shares = scores.get(fault, logits.softmax(1))[0]
    place = shares.argmin() if fault == "least" else shares.argmax()
    name, share = names[place], shares[place].item()
    results = {
        "swapped": (share, name),
        "another's": (name, shares.min().item()),
        "number": (place, share),
        "integer": (place.item(), share),
        "one number": (shares.argmax(dim=0, keepdim=True), share),
        "rounded": (name, round(share, 2)),
        "rounded to 3": (name, round(share, 3)),
        "percent": (name, 100 * share),
        "name only": name,
        "share only": share,
        "all": (name, shares),
        "sure": (name, 1.0),
    }
    return results.get(fault, (name, share))


@book.exercise(
    "Name it",
    goal="use a trained network on a single image",
    minutes=5,
    difficulty=2,
    why="This is what an app around your network would call. Give it an image of noise: how sure is it then?",
    mistakes={
        "The network was still in training mode, so dropout was at work.": _wrong(_named, "dropout"),
        "The name is right. But this is a logit, not a probability.": _wrong(_named, "logit"),
        "Softmax along the batch: each class competes with nobody, and is sure of itself. `dim=` names the "
        "classes.": _wrong(_named, "dim=0", "sure"),
        "The name comes first, then the probability.": _wrong(_named, "swapped"),
        "This is the least likely class.": _wrong(_named, "least"),
        "The name is right, the probability is another class's.": _wrong(_named, "another's"),
        "The first is the class's number, and its name is asked for: `names[...]` finds it.": (
            _wrong(_named, "number", "integer", "one number")
        ),
        "The network wants a batch, even of a single image: `[1, 1, 28, 28]`.": _wrong(_named, "no batch"),
        "The probability was rounded. Return it as it is, and round only what you print.": (
            _wrong(_named, "rounded", "rounded to 3")
        ),
        "A probability is a number from 0 to 1 here, not a percentage.": _wrong(_named, "percent"),
        "`sigmoid` judges each class by itself. The classes compete: that is `softmax`.": _wrong(_named, "sigmoid"),
        "The logarithm is left: this is a log-probability.": _wrong(_named, "log"),
        "Two things are asked for, with a comma between them: the name and its probability.": (
            _wrong(_named, "name only", "share only")
        ),
        "These are the probabilities of all classes. Only that of the likeliest is asked for.": _wrong(_named, "all"),
    },
)
def name_it(answer: Any) -> None:
    """The likeliest class of one image by name, and its probability."""
    expect_callable(answer, "`name_it`")
    every_name = ["bird", "cat", "deer", "dog", "fish", "frog", "goat", "hare", "horse", "mole"]
    for number, classes in enumerate((4, 10, 2, 10)):
        torch.manual_seed(number)
        model, names = _Classifier(classes), every_name[:classes]
        image = torch.rand(1, 28, 28, generator=torch.Generator().manual_seed(number))
        with torch.no_grad():
            shares = model.eval()(image.unsqueeze(0)).softmax(dim=1)[0]
        wanted = names[shares.argmax()], shares.max().item()
        torch.manual_seed(0)
        result = call(answer, model.train(number != 1), image.clone(), [*names], may_change=True)
        expect(result, wanted, what=f"the result for {classes} classes", reveal=True)


# 6.5


@book.exercise(
    "When it says shirt",
    goal="read a confusion matrix by columns",
    minutes=5,
    difficulty=2,
    why="This fraction is called precision, and the one along a row recall. Call `trust(confusions)`: are the classes "
    "that are found most often also those to trust most?",
    mistakes={
        "These shares are along the rows: how many of a class were found. Asked is how often an answer is right: a "
        "column.": either(
            lambda c: c.diag() / c.sum(dim=1),
            lambda c: c.diag() / c.sum(dim=1).clamp(min=1),
        ),
        "This divides by the sum of the whole matrix; each class has a sum of its own.": (lambda c: c.diag() / c.sum()),
        "A class that the network never names: 0 / 0 is not a number, and the task wants 0.": either(
            lambda c: c.diag() / c.sum(dim=0),
            lambda c: (c.diag() / c.sum(dim=0)).nan_to_num(nan=1.0),
        ),
        "This is one number, the accuracy. Wanted is one for each class.": (lambda c: c.diag().sum() / c.sum()),
        "All places of the matrix were divided; only those on the diagonal count what is right.": (
            lambda c: c / c.sum(dim=0)
        ),
        "`//` gives integers, so every share below 1 becomes 0: divide with `/`.": (
            lambda c: c.diag() // c.sum(dim=0).clamp(min=1)
        ),
        "Something is added to every sum, so every share becomes too small. Only a sum of 0 needs care.": (
            lambda c: c.diag() / (c.sum(dim=0) + 1)
        ),
        "These are the sums of the columns. The share is what is right among them.": (lambda c: c.sum(dim=0)),
        "These are counts. The share divides them by how often the class was named.": lambda c: c.diag(),
        "This is what is wrong in a column. The share of what is right is asked for.": (
            lambda c: 1 - c.diag() / c.sum(dim=0)
        ),
        "There are not always ten classes: `len(confusions)` says how many.": lambda c: torch.zeros(10),
    },
)
def trust(answer: Any) -> None:
    """The precision of each class."""
    matrices = [
        [[8, 2, 0], [1, 5, 4], [0, 3, 7]],
        [[3, 0], [2, 1]],
        [[4, 0, 1, 2], [3, 0, 1, 1], [2, 0, 5, 0], [6, 0, 0, 1]],  # the second is never named
        [[6]],
        [[0, 0], [0, 0]],
        torch.randint(0, 50, (10, 10), generator=torch.Generator().manual_seed(5)).tolist(),
    ]
    cases = []
    for rows in matrices:
        columns = enumerate(zip(*rows, strict=True))
        wanted = [rows[place][place] / max(1, sum(column)) for place, column in columns]
        cases.append(Case((torch.tensor(rows),), torch.tensor(wanted)))
    expect_results(answer, cases, without_loop=True)


# 6.6


class _Stranger:
    """An object that runs code when it is loaded from a file."""

    ran = False

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return _stranger_runs, ()


def _stranger_runs() -> None:
    _Stranger.ran = True


def _some_steps(model: nn.Module, optimizer: Optimizer, first: int, last: int) -> None:
    for seed in range(first, last):
        X = _random(6, 3, seed=seed)
        loss = nn.functional.mse_loss(model(X), X[:, :2])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class _Training(NamedTuple):
    """A training to be saved: its number of epochs and how its optimizer is made."""

    epochs: int
    make_optimizer: Callable[[Any], Optimizer]

    def begin(self, seed: int) -> tuple[nn.Module, Optimizer]:
        """A new model and its optimizer."""
        torch.manual_seed(seed)
        model = nn.Linear(3, 2)
        return model, self.make_optimizer(model.parameters())


_TRAININGS = (_Training(3, lambda p: Adam(p, lr=0.05)), _Training(7, lambda p: SGD(p, lr=0.05, momentum=0.9)))


def _save(path: Path, model: nn.Module, optimizer: Optimizer, epochs: int, *, fault: str) -> Any:
    """Save with a mistake."""
    everything = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epochs": epochs}
    if fault == "objects":
        everything = {"model": model, "optimizer": optimizer, "epochs": epochs}
    if fault in everything:
        del everything[fault]
    if fault == "weights alone":
        everything = everything["model"]
    if fault == "pickle":
        with path.open("wb") as file:
            pickle.dump(everything, file)
    elif fault == "folder":
        torch.save(everything, path / "training.pt")
    elif fault == "swapped":
        torch.save(path, everything)
    elif fault != "no file":
        torch.save(everything, path)
    return everything if fault == "returns all" else path


def _load(path: Path, model: nn.Module, optimizer: Optimizer, *, fault: str) -> Any:
    """Load with a mistake."""
    saved = torch.load(path, weights_only=fault != "anything")
    if fault != "no model":
        model.load_state_dict(saved["model"])
    if fault not in ("no model", "no optimizer"):
        optimizer.load_state_dict(saved["optimizer"])
    return {"constant": 3, "returns all": saved}.get(fault, saved["epochs"])


def _saving(*faults: str) -> either:
    return either(*((partial(_save, fault=fault), ...) for fault in faults))


def _loading(*faults: str) -> either:
    return either(*((partial(_save, fault="none"), partial(_load, fault=fault)) for fault in faults))


@book.exercise(
    "The battery runs out",
    goal="save and load all that a training needs to go on",
    minutes=7,
    difficulty=2,
    why="What else has a memory belongs in the file too: the shuffling, dropout's random numbers, a schedule for `lr`.",
    mistakes=lambda: {
        "`torch.save(what, path)` writes an object to a file.": _saving("no file"),
        "`torch.save` takes first what is saved, then the path.": _saving("swapped"),
        "`path` is the path of the file itself, not of a folder.": _saving("folder"),
        "Save `state_dict()`, which has a model's numbers without its code, of the model and of the optimizer.": (
            _saving("objects")
        ),
        "`pickle` stores what may run any code as it is loaded: use `torch.save` and `torch.load`.": _saving("pickle"),
        "The optimizer has a memory too: its `state_dict()` belongs in the file.": _saving(
            "optimizer", "weights alone"
        ),
        "The numbers of the model are in its `state_dict()`.": _saving("model"),
        "A dictionary has room for `epochs` too.": _saving("epochs"),
        "Return `path` itself.": _saving("returns all"),
        "Reading a file puts nothing into a model, and `model = ...` only names something else `model`: fill it with "
        "`load_state_dict`.": _loading("no model"),
        "The optimizer has a memory too: put it back with its own `load_state_dict`.": _loading("no optimizer"),
        "With `weights_only=True`, `torch.load` accepts tensors and plain values, and refuses the rest.": (
            _loading("anything")
        ),
        "The number of epochs is in the file: return what was saved.": _loading("constant", "returns all"),
    },
)
def resume(save_all: Any, load_all: Any) -> Iterator[Part]:
    """A pair of functions that save and load a model, its optimizer and the number of epochs."""
    yield Part("save_all", lambda: _expect_saving(save_all))
    yield Part("load_all", lambda: _expect_loading(save_all, load_all), after=("save_all",))


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Always the same in one run, so that an error with its name is the same for a mistake and for an answer."""
    return tempfile.TemporaryDirectory()


def _expect_saving(save_all: Any) -> None:
    expect_callable(save_all, "`save_all`")
    path = Path(_folder().name) / "training.pt"
    for training in _TRAININGS:
        path.unlink(missing_ok=True)
        model, optimizer = training.begin(seed=1)
        _some_steps(model, optimizer, 0, 3)
        result = call(save_all, path, model, optimizer, training.epochs, may_change=True)
        if not path.is_file():
            raise NotYet("There is no file at `path` afterwards.")
        if not isinstance(result, str | Path) or str(result) != str(path):
            raise NotYet(f"The result: expected `path`, received {describe(result)}.")
        _expect_content(path, model, optimizer, training.epochs)


def _expect_content(path: Path, model: nn.Module, optimizer: Optimizer, epochs: int) -> None:
    try:
        with warnings.catch_warnings(action="ignore"):
            content = torch.load(path, weights_only=True)
    except Exception as error:
        if "Unsupported global" in str(error) or "GLOBAL" in str(error):
            raise NotYet("The file has more in it than tensors and plain values.") from None
        raise NotYet("`torch.load` cannot read the file.") from None
    if content is ...:
        raise Blank
    found = [*_leaves(content)]
    memory = [*_leaves(optimizer.state_dict()["state"])]
    for what, wanted in (("the model's parameters", model.parameters()), ("the optimizer's state", memory)):
        for tensor in (one.detach() for one in wanted if isinstance(one, Tensor)):
            if not any(isinstance(one, Tensor) and torch.equal(one, tensor) for one in found):
                raise NotYet(f"The file lacks {what}.")
    if not any(
        type(one) in (int, Tensor) and one == epochs for one in found if not isinstance(one, Tensor) or one.ndim == 0
    ):
        raise NotYet("The file lacks `epochs`.")


def _leaves(content: Any) -> Iterator[Any]:
    """What is nested in lists, tuples and dicts."""
    if isinstance(content, dict | list | tuple):
        for inner in content.values() if isinstance(content, dict) else content:
            yield from _leaves(inner)
    else:
        yield content


def _expect_loading(save_all: Any, load_all: Any) -> None:
    expect_callable(load_all, "`load_all`")
    path, moved, stranger = (Path(_folder().name) / name for name in ("training.pt", "moved.pt", "stranger.pt"))
    for training in _TRAININGS:
        model, optimizer = training.begin(seed=1)
        _some_steps(model, optimizer, 0, 3)
        save_all(path, model, optimizer, training.epochs)
        shutil.move(path, moved)  # another day, another place
        saved = [one.detach().clone() for one in model.parameters()]
        _some_steps(model, optimizer, 3, 6)
        second, other = training.begin(seed=2)
        result = call(load_all, moved, second, other, may_change=True)
        if not all(map(torch.equal, second.parameters(), saved)):
            raise NotYet("The new model does not have the parameters that were saved.")
        _some_steps(second, other, 3, 6)
        if not all(map(torch.allclose, second.parameters(), model.parameters())):
            raise NotYet("The parameters are back, but the next steps differ from those of the uninterrupted training.")
        expect(result, training.epochs, what="the number of epochs")
    content = torch.load(moved, weights_only=True)
    torch.save({**content, "stranger": _Stranger()} if type(content) is dict else [content, _Stranger()], stranger)
    _Stranger.ran = False
    with contextlib.suppress(NotYet):  # an error is what it should come to
        call(load_all, stranger, *_TRAININGS[0].begin(seed=1), may_change=True)
    if _Stranger.ran:
        raise NotYet("Everything is back. But then the function was given a file with code in it, and the code ran.")


# 6.7

_SETS = ("training", "validation", "test")
# The share of examples in which a column tells the class, in each set: each set has another favourite.
_TELLING = {
    "training": (1.0, 0.8, 0.6, 0.7),
    "validation": (0.6, 0.9, 0.75, 0.55),
    "test": (0.4, 0.7, 0.95, 0.45),
}
_SIZES = {"training": 30, "validation": 20, "test": 20}


class _Feature(nn.Module):
    """Passes on one column of the inputs, and notes in which mode it is shown which set: the last column says that."""

    def __init__(self, column: int) -> None:
        super().__init__()
        self.column = column
        self.shown: set[tuple[str, bool]] = set()
        self.examples = 0  # that it was trained on, each counted as often as it came

    def forward(self, X: Tensor) -> Tensor:
        self.shown.add((_SETS[int(X[0, -1])], self.training))
        self.examples += len(X) if self.training else 0
        return X[:, self.column : self.column + 1]


class _Recipe(NamedTuple):
    """One column, a learning rate (negative: it unlearns), and a first weight (negative: it says the opposite)."""

    column: int
    lr: float
    weight: float = -0.3

    def make(self, made: list[nn.Module]) -> tuple[nn.Module, Optimizer]:
        """A new model and its optimizer; the model is noted."""
        model = nn.Sequential(_Feature(self.column), nn.Linear(1, 2))
        with torch.no_grad():
            model[1].weight.copy_(torch.tensor([[-self.weight], [self.weight]]))
            model[1].bias.zero_()
        made.append(model)
        return model, SGD(model.parameters(), lr=abs(self.lr), maximize=self.lr < 0)


class _Choice(NamedTuple):
    """Recipes by name and a number of epochs; the right choice, and the test accuracy of its model."""

    recipes: dict[str, _Recipe]
    epochs: int
    right: tuple[str, float]


_CHOICES = (
    _Choice(
        {"red": _Recipe(0, 0.5), "blue": _Recipe(1, 0.5), "green": _Recipe(2, 0.5), "grey": _Recipe(3, 0.5)},
        1,
        ("blue", 0.7),
    ),
    # "one" is the best after its first epoch, and the worst after its last.
    _Choice({"one": _Recipe(1, -0.15, 0.3), "two": _Recipe(2, 0.5), "three": _Recipe(0, 0.5)}, 3, ("two", 0.95)),
    # The first names more rightly, but is less sure.
    _Choice({"small step": _Recipe(1, 0.25), "large step": _Recipe(2, 1.0)}, 1, ("small step", 0.7)),
    _Choice({"only": _Recipe(2, 0.5)}, 1, ("only", 0.95)),
)


def _loaders() -> list[DataLoader]:
    loaders = []
    for number, (name, shares) in enumerate(_TELLING.items()):
        n = _SIZES[name]
        y = torch.arange(n) % 2
        columns = [torch.where(torch.arange(n) < share * n, y, 1 - y) * 2.0 - 1 for share in shares]
        order = torch.randperm(n, generator=torch.Generator().manual_seed(number))
        X = torch.stack([*columns, torch.full((n,), float(number))], dim=1)
        loaders.append(DataLoader(TensorDataset(X[order], y[order]), batch_size=8))
    return loaders


def _choose(recipes: Any, train_loader: Any, val_loader: Any, test_loader: Any, epochs: int, *, fault: str) -> Any:
    """Choose with a mistake."""
    loss_fn = nn.CrossEntropyLoss()
    models, scores = {}, {}
    for name, make in recipes.items():
        models[name], optimizer = make()
        rounds = {"one epoch": 1, "three epochs": 3, "untrained": 0}.get(fault, epochs)
        history = fit(
            models[name], train_loader, loss_fn, optimizer, epochs=rounds, val_loader=val_loader, progress=False
        )
        if fault == "tests all":
            evaluate(models[name], test_loader, loss_fn)
        if fault == "training mode":
            models[name].train()(next(iter(val_loader))[0])
        judging = {"by test": test_loader, "by training": train_loader}.get(fault, val_loader)
        metrics = evaluate(models[name], judging, loss_fn)
        scores[name] = {
            "by loss": -metrics.loss,
            "lowest": -metrics.accuracy,
            "best epoch": max(history.val_accuracy, default=0),
        }.get(fault, metrics.accuracy)
    chosen = max(scores, key=scores.get)
    model = models[list(models)[-1]] if fault == "last model" else models[chosen]
    reported = evaluate(model, val_loader if fault == "reports validation" else test_loader, loss_fn)
    results = {
        "metrics": (chosen, reported),
        "loss": (chosen, reported.loss),
        "percent": (chosen, 100 * reported.accuracy),
        "name only": chosen,
        "accuracy only": reported.accuracy,
        "model": (models[chosen], reported.accuracy),
    }
    return results.get(fault, (chosen, reported.accuracy))


@book.exercise(
    "Project: an honest choice",
    goal="compare recipes, choose one, and report a number that had no part in the choice",
    minutes=15,
    difficulty=3,
    why="Anyone who reads your number can rely on it. Try your function on two recipes of your own, with the loaders "
    "of this page.",
    mistakes=lambda: {
        "This is the recipe with the smallest validation loss. The task asks for the highest accuracy, and the two do "
        "not always agree.": _wrong(_choose, "by loss"),
        "This is the recipe that is best on the test set. Then the test set has chosen, and its accuracy is partly "
        "luck.": _wrong(_choose, "by test"),
        "This is the recipe that is best on the images it has trained on: it may have learned them by heart.": (
            _wrong(_choose, "by training")
        ),
        "The choice is right. But this is the accuracy that made the choice, and so it is partly luck.": (
            _wrong(_choose, "reports validation")
        ),
        "The choice is right. But this accuracy is of the model that was trained last: keep each trained model.": (
            _wrong(_choose, "last model")
        ),
        "This is the recipe with the lowest accuracy.": _wrong(_choose, "lowest"),
        "This recipe had the best epoch on the way, but its model went on to learn. What counts is the accuracy after "
        "its last epoch: `[-1]`.": _wrong(_choose, "best epoch"),
        "`evaluate` returns loss and accuracy: take `.accuracy`.": _wrong(_choose, "metrics"),
        "This is the loss on the test set, and its accuracy is asked for.": _wrong(_choose, "loss"),
        "The task asks for a fraction, from 0 to 1.": _wrong(_choose, "percent"),
        "Two things are asked for, with a comma between them: the name, and the test accuracy.": (
            _wrong(_choose, "name only", "accuracy only")
        ),
        "The first is the model, and the name of its recipe is asked for.": _wrong(_choose, "model"),
        "Somebody who looks at all the results is tempted to choose by them: only the chosen model takes the test.": (
            _wrong(_choose, "tests all")
        ),
        "Here that makes no difference. With dropout or batch norm in the network it would: `eval()`.": (
            _wrong(_choose, "training mode")
        ),
        "Each model is to be trained for `epochs` epochs, whatever number that is.": (
            _wrong(_choose, "one epoch", "three epochs", "untrained")
        ),
    },
)
def choose(answer: Any) -> None:
    """Trains every recipe, chooses by validation, tests the chosen one once."""
    expect_callable(answer, "`choose`")
    for choice in _CHOICES:
        made: list[nn.Module] = []
        recipes = {name: partial(recipe.make, made) for name, recipe in choice.recipes.items()}
        result = call(answer, recipes, *_loaders(), choice.epochs, may_change=True)
        expect(result, choice.right, what=f"the result for the recipes {', '.join(recipes)}", reveal=True)
        _expect_each_in_its_place([model[0] for model in made], choice.epochs * _SIZES["training"])


def _expect_each_in_its_place(features: list[_Feature], examples: int) -> None:
    if any((name, True) in one.shown for one in features for name in ("validation", "test")):
        raise NotYet("The result is right. But a network was in training mode on the validation or test set.")
    if sum(("test", False) in one.shown for one in features) != 1:
        raise NotYet("The result is right. But more than one network was shown the test set.")
    if any(one.examples != examples for one in features):
        raise NotYet("The result is right. But a network was not trained on all training images in each of the epochs.")
