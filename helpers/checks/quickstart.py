"""The checks of notebook 6, Quickstart."""

from __future__ import annotations

import contextlib
import copy
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.checks.compare import Blank, NotYet, call, describe, expect, expect_callable, expect_function, hinted
from helpers.checks.core import Book

book = Book(6)
progress = book.progress


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# 6.1


@book.exercise(
    "Count the batches",
    goal="say how a data set divides into batches",
    minutes=3,
    difficulty=1,
    why="It is also the number of steps in an epoch: halve the batches, and there are about twice as many.",
)
def batch_count(batch_count: Any) -> None:
    """The number of batches of an epoch, and the size of the last one."""
    expect_function(
        batch_count,
        lambda n, size: (-(-n // size), n - (-(-n // size) - 1) * size),
        [(2000, 64), (128, 64), (5, 64), (64, 64), (65, 64), (7, 1)],
        mistakes={
            "The number is right. But a batch of 0 pictures is none: how large is the last one when nothing is left "
            "over?": lambda n, size: (-(-n // size), n % size),
            "These pictures fill their batches exactly: is there another batch after them, of no pictures?": (
                lambda n, size: (n // size + 1, n % size)
            ),
            "The short batch at the end is a batch too.": lambda n, size: (n // size, n % size),
            "The two are exchanged: the number of batches comes first.": (
                lambda n, size: (n - (-(-n // size) - 1) * size, -(-n // size))
            ),
        },
    )


# 6.2


def _picture_losses(logits: Tensor, y: Tensor) -> Tensor:
    return nn.functional.cross_entropy(logits, y, reduction="none")


@book.exercise(
    "What each picture costs",
    goal="compute the cross-entropy of every picture",
    minutes=5,
    difficulty=2,
    why="A large loss of a single picture is worth a look: the picture is unusual, or its label is wrong.",
)
def picture_losses(picture_losses: Any) -> None:
    """The cross-entropy of every picture by itself."""
    cases = []
    for number, (n, classes) in enumerate(((5, 10), (4, 4), (1, 3), (3, 2))):
        logits = 2 * torch.randn(n, classes, generator=_generator(number))
        cases.append((logits, torch.randint(0, classes, (n,), generator=_generator(number + 10))))
    cases.append((torch.tensor([[300.0, -300.0, 0.0], [0.0, 100.0, -50.0]]), torch.tensor([1, 0])))
    expect_function(
        picture_losses,
        _picture_losses,
        cases,
        loops=False,
        mistakes={
            "This is the mean. Wanted are the numbers that it is the mean of.": (
                lambda logits, y: _picture_losses(logits, y).mean()
            ),
            "The sign is wrong: a loss is never negative.": lambda logits, y: -_picture_losses(logits, y),
            "Each row should come to a sum of 1 as probabilities; here the columns do.": (
                lambda logits, y: -logits.log_softmax(dim=0)[torch.arange(len(y)), y]
            ),
            "These are the logits of the true classes. They are no probabilities yet.": (
                lambda logits, y: -logits[torch.arange(len(y)), y]
            ),
            "These are the probabilities of the true classes. What does the loss take of them?": (
                lambda logits, y: logits.softmax(dim=1)[torch.arange(len(y)), y]
            ),
            "The network is quite sure of a wrong class here; the true one's probability was rounded to 0 before its "
            "logarithm was taken. There is a call that does both steps in one.": (
                lambda logits, y: -logits.softmax(dim=1).log()[torch.arange(len(y)), y]
            ),
            "`[:, y]` takes the columns of all pictures for each of them. Each row wants a single column, its own.": (
                lambda logits, y: -logits.log_softmax(dim=1)[:, y]
            ),
        },
    )


# 6.3


class _Learning(NamedTuple):
    """A small training: what is given to the function, made anew for each run."""

    make_model: Callable[[], nn.Module]
    sizes: tuple[int, int]
    loss_fn: nn.Module
    make_optimizer: Callable[[Any], torch.optim.Optimizer]


def _network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))


_LEARNINGS = (
    _Learning(_network, (10, 4), nn.CrossEntropyLoss(), lambda p: torch.optim.SGD(p, lr=0.3)),
    _Learning(
        _network, (9, 3), nn.CrossEntropyLoss(label_smoothing=0.2), lambda p: torch.optim.SGD(p, lr=0.2, momentum=0.5)
    ),
    _Learning(
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(4, 3)),
        (5, 2),
        nn.CrossEntropyLoss(),
        lambda p: torch.optim.Adam(p, lr=0.1),
    ),
)


def _learned(learning: _Learning, train: Callable[..., Any]) -> dict[str, Any]:
    """What comes out of one epoch with this function: its result, and the state of the model."""
    torch.manual_seed(3)
    model = learning.make_model().eval()  # the function is to switch it
    n, batch_size = learning.sizes
    X, y = torch.randn(n, 1, 2, 2, generator=_generator(n)), torch.randint(0, 3, (n,), generator=_generator(1))
    loader = DataLoader(TensorDataset(X, y), batch_size=batch_size)
    optimizer = learning.make_optimizer(model.parameters())
    result = train(model, loader, learning.loss_fn, optimizer)
    state = {name: value.detach().clone() for name, value in model.state_dict().items()}
    return {"result": result, "state": {name: t for name, t in state.items() if t.is_floating_point()}}


def _epoch(
    model: nn.Module,
    loader: DataLoader,
    loss_fn: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    leave_out: str = "",
    average: str = "pictures",
) -> float:
    """The right epoch, or one with a typical mistake."""
    if leave_out != "train":
        model.train()
    losses, sizes = [], []
    for X, y in loader:
        loss = loss_fn(model(X), y)
        if leave_out != "zero_grad":
            optimizer.zero_grad()
        loss.backward()
        if leave_out != "step":
            optimizer.step()
        losses.append(loss.item())
        sizes.append(len(y))
    total = sum(loss * size for loss, size in zip(losses, sizes, strict=True))
    return {
        "pictures": total / sum(sizes),
        "batches": sum(losses) / len(losses),
        "nothing": total,
        "last": losses[-1],
        "sum of means": sum(losses),
        "means over pictures": sum(losses) / sum(sizes),
    }[average]


_WRONG_EPOCHS: dict[str, dict[str, str]] = {
    "The gradients of earlier batches are still there: one of the five steps is missing.": {"leave_out": "zero_grad"},
    "The model came in eval mode, and it learned in eval mode. Which call comes before the first batch?": {
        "leave_out": "train"
    },
    "The model stays as it was: no step was taken, or it found no gradients.": {"leave_out": "step"},
    "The training is right. But this is the mean of the batch means, and the last batch is short.": {
        "average": "batches"
    },
    "The training is right. But this is a sum, and the mean over the pictures is wanted.": {"average": "nothing"},
    "The training is right. But this is the loss of the last batch only.": {"average": "last"},
    "The training is right. But the batch means were added up just as they are, however many pictures each stands "
    "for.": {"average": "sum of means"},
    "The training is right. But a sum of batch means was divided by the number of pictures: each of them should first "
    "be counted once for each picture.": {"average": "means over pictures"},
}


@cache
def _wanted(number: int, **options: str) -> dict[str, Any]:
    return _learned(_LEARNINGS[number], lambda *given: _epoch(*given, **options))


@book.exercise(
    "Train and tell",
    goal="write an epoch of training that reports its mean loss",
    minutes=8,
    difficulty=2,
    why="Now you can watch the training loss too: beside the test loss it tells whether the network learns by heart.",
)
def train_and_tell(train_and_tell: Any) -> None:
    """One epoch of training, and the mean loss over its pictures."""
    expect_callable(train_and_tell, "`train_and_tell`")
    for number, learning in enumerate(_LEARNINGS):
        n, size = learning.sizes
        received = _learned(learning, lambda *given: call(train_and_tell, *given, may_change=True))
        wanted = _wanted(number)
        wrong = {hint: _wanted(number, **options) for hint, options in _WRONG_EPOCHS.items()}
        what = f"with {n} pictures in batches of {size}"
        losses = {hint: one["result"] for hint, one in wrong.items()}
        expect(received["result"], wanted["result"], what=f"the mean loss {what}", mistakes=losses, reveal=True)
        states = {hint: one["state"] for hint, one in wrong.items()}
        expect(received["state"], wanted["state"], what=f"the model {what}", mistakes=states)


# 6.4


class _Classifier(nn.Module):
    """Looks at pictures with a convolution, and has a dropout layer that must be off in use."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(1, 4, kernel_size=3)
        self.answer = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(4 * 26 * 26, classes))

    def forward(self, X: Tensor) -> Tensor:
        return 5 * self.answer(self.look(X))


@book.exercise(
    "Name it",
    goal="use a trained network on a single picture",
    minutes=5,
    difficulty=2,
    why="This is what an app around your network would call. Give it a picture of noise: how sure is it then?",
)
def name_it(name_it: Any) -> None:
    """The likeliest class of one picture by name, and its probability."""
    expect_callable(name_it, "`name_it`")
    every_name = ["bird", "cat", "deer", "dog", "fish", "frog", "goat", "hare", "horse", "mole"]
    for number, classes in enumerate((4, 10, 2, 10)):
        torch.manual_seed(number)
        model, names = _Classifier(classes).train(number != 1), every_name[:classes]
        image = torch.rand(1, 28, 28, generator=_generator(number))
        with torch.no_grad():
            logits = copy.deepcopy(model).eval()(image.unsqueeze(0))[0]
            torch.manual_seed(0)
            dropped = copy.deepcopy(model).train()(image.unsqueeze(0))[0]
        torch.manual_seed(0)
        with hinted({"mat1 and mat2": "The network wants a batch, even of a single picture: `[1, 1, 28, 28]`."}):
            result = call(name_it, model, image.clone(), [*names], may_change=True)
        best, share = names[logits.argmax()], logits.softmax(dim=0).max().item()
        likely = names[dropped.argmax()], dropped.softmax(dim=0).max().item()
        expect(
            result,
            (best, share),
            what=f"the result for {classes} classes",
            reveal=True,
            mistakes={
                "The network was still in training mode, so dropout was at work.": likely,
                "The name is right. But this is a logit, not a probability.": (best, logits.max().item()),
                "Softmax along the batch: each class competes with nobody, and is sure of itself.": (best, 1.0),
                "Softmax along the batch: each class competes with nobody, and the first one wins.": (names[0], 1.0),
                "The name comes first, then the probability.": (share, best),
                "This is the least likely class.": (
                    names[logits.argmin()],
                    logits.softmax(dim=0).min().item(),
                ),
                "The name is right, the probability is another class's.": (best, logits.softmax(dim=0).min().item()),
            },
        )


# 6.5


@book.exercise(
    "When it says shirt",
    goal="read a confusion matrix by columns",
    minutes=5,
    difficulty=2,
    why="This share is called precision, and the one along a row recall. Call `trust(confusions)`: are the classes "
    "that are found most often also those to trust most?",
)
def trust(trust: Any) -> None:
    """The precision of each class."""
    matrices = [
        torch.tensor([[8, 2, 0], [1, 5, 4], [0, 3, 7]]),
        torch.tensor([[3, 1], [2, 0]]),
        torch.tensor([[4, 0, 1, 2], [3, 0, 1, 1], [2, 0, 5, 0], [6, 0, 0, 1]]),  # the second is never said
        torch.tensor([[6]]),
        torch.zeros(2, 2, dtype=torch.int64),
        torch.randint(0, 50, (10, 10), generator=_generator(5)),
    ]
    expect_function(
        trust,
        lambda confusions: confusions.diag() / confusions.sum(dim=0).clamp(min=1),
        [(matrix,) for matrix in matrices],
        loops=False,
        mistakes={
            "These shares are along the rows: how many of a class were found. Asked is what to think of an answer.": (
                lambda confusions: confusions.diag() / confusions.sum(dim=1).clamp(min=1)
            ),
            "The sum of the whole matrix stands below the line; each class has a sum of its own.": (
                lambda confusions: confusions.diag() / confusions.sum().clamp(min=1)
            ),
            "A class that the network never names: 0 divided by 0 is not a number.": (
                lambda confusions: confusions.diag() / confusions.sum(dim=0)
            ),
            "This is one number, the accuracy. Wanted is one for each class.": (
                lambda confusions: confusions.diag().sum() / confusions.sum().clamp(min=1)
            ),
            "All places of the matrix were divided; only those on the diagonal count what is right.": (
                lambda confusions: confusions / confusions.sum(dim=0).clamp(min=1)
            ),
        },
    )


# 6.6


class _Stranger:
    """An object that runs code as it is loaded from a file."""

    ran = False

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return _stranger_runs, ()


def _stranger_runs() -> None:
    _Stranger.ran = True


def _some_steps(model: nn.Module, optimizer: torch.optim.Optimizer, first: int, last: int) -> None:
    for number in range(first, last):
        X = torch.randn(6, 3, generator=_generator(number))
        loss = nn.functional.mse_loss(model(X), X[:, :2])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _weights(model: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in model.parameters()]


@book.exercise(
    "The battery runs out",
    goal="save and load all that a training needs to go on",
    minutes=7,
    difficulty=2,
    why="What else has a memory belongs in the file too: the shuffling, dropout's random numbers, a schedule for `lr`.",
)
def resume(save_all: Any, load_all: Any) -> None:
    """A pair of functions that save and load a model, its optimizer and the number of epochs."""
    expect_callable(save_all, "`save_all`")
    expect_callable(load_all, "`load_all`")
    with tempfile.TemporaryDirectory() as folder:
        for epochs, optimizer_class, options in (
            (3, torch.optim.Adam, {"lr": 0.05}),
            (7, torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
        ):
            _resume_once(save_all, load_all, Path(folder) / str(epochs), epochs, optimizer_class, options)
        _expect_safe(load_all, Path(folder) / "moved.pt", Path(folder) / "stranger.pt")


def _resume_once(  # noqa: PLR0917
    save_all: Any, load_all: Any, folder: Path, epochs: int, optimizer_class: Any, options: dict[str, Any]
) -> None:
    folder.mkdir()
    name = optimizer_class.__name__
    torch.manual_seed(1)
    model = nn.Linear(3, 2)
    optimizer = optimizer_class(model.parameters(), **options)
    _some_steps(model, optimizer, 0, 3)
    path, moved = folder / "training.pt", folder.parent / "moved.pt"
    result = call(save_all, path, model, optimizer, epochs, may_change=True)
    if not path.is_file():
        raise NotYet(
            "After `save_all` there is no file at the path that it was given.", "Which call writes an object to a file?"
        )
    if type(result) is not type(path) or str(result) != str(path):
        raise NotYet(f"What `save_all` returns: expected the path that it was given, received {describe(result)}.")
    shutil.move(path, moved)  # another day, another place
    saved = _weights(model)
    _some_steps(model, optimizer, 3, 6)

    torch.manual_seed(2)
    second = nn.Linear(3, 2)
    other = optimizer_class(second.parameters(), **options)
    try:
        result = call(load_all, moved, second, other, may_change=True)
    except NotYet as finding:
        if _content(moved) is ...:
            raise Blank from None
        if "Weights only load failed" in finding.sentences[0]:
            raise NotYet(
                "`load_all` refused the file that `save_all` wrote: it holds more than tensors and plain values.",
                "What is it that gives a model's numbers, without its code?",
            ) from None
        whole = "`load_state_dict` wants what `state_dict` gave, and nothing around it."
        found = [whole] if "loading state_dict" in finding.sentences[0] else []
        raise NotYet(finding.sentences[0], *found) from None
    if not all(map(torch.equal, _weights(second), saved)):
        raise NotYet(
            "After `load_all`, the new model does not have the weights that were saved.",
            "Reading a file puts nothing into a model. Which call fills it?",
        )
    _some_steps(second, other, 3, 6)
    if not all(map(torch.allclose, _weights(second), _weights(model))):
        raise NotYet(
            f"The weights are back, but with {name} the next three steps differ from those of the uninterrupted "
            "training.",
            "Who else has a memory? It must be in the file, and be put back from it.",
        )
    expect(result, epochs, what="what `load_all` returns")


def _content(path: Path) -> Any:
    """What the learner's own file holds."""
    try:
        return torch.load(path, weights_only=False)
    except Exception:
        return None


def _expect_safe(load_all: Any, path: Path, stranger: Path) -> None:
    """Refuse a file that needs code to be run, and a function that would run it."""
    content = _content(path)
    _Stranger.ran = False
    torch.save({**content, "stranger": _Stranger()} if type(content) is dict else [content, _Stranger()], stranger)
    model = nn.Linear(3, 2)
    with contextlib.suppress(NotYet):  # an error is just what it should come to
        call(load_all, stranger, model, torch.optim.SGD(model.parameters(), lr=0.1), may_change=True)
    if _Stranger.ran:
        raise NotYet(
            "Everything is back. But then the check gave `load_all` a stranger's file with code in it, and the code "
            "ran.",
            "Which option of `torch.load` accepts tensors and plain values, and refuses the rest?",
        )


# 6.7


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


_SETS = ("training", "validation", "test")
# The share of examples in which a column tells the class, in each set: each set has another favourite.
_TELLING = {"training": (1.0, 0.8, 0.6), "validation": (0.6, 0.9, 0.75), "test": (0.4, 0.7, 0.95)}
_SIZES = {"training": 30, "validation": 20, "test": 20}


class _Choice(NamedTuple):
    """One choice: the column and the learning rate of each recipe by name, and the number of epochs."""

    recipes: dict[str, tuple[int, float]]
    epochs: int


_CHOICES = (
    _Choice({"red": (0, 0.5), "blue": (1, 0.5), "green": (2, 0.5)}, 1),
    _Choice({"one": (1, -0.5), "two": (1, 0.5), "three": (0, 0.5)}, 2),
    _Choice({"small step": (1, 0.25), "large step": (2, 1.0)}, 1),  # the first names more rightly, but is less sure
    _Choice({"only": (2, 0.5)}, 1),
)


@cache
def _sets() -> dict[str, TensorDataset]:
    sets = {}
    for number, (name, shares) in enumerate(_TELLING.items()):
        n = _SIZES[name]
        y = torch.arange(n) % 2
        columns = [torch.where(torch.arange(n) < share * n, y, 1 - y) * 2.0 - 1 for share in shares]
        order = torch.randperm(n, generator=_generator(number))
        X = torch.stack([*columns, torch.full((n,), float(number))], dim=1)
        sets[name] = TensorDataset(X[order], y[order])
    return sets


def _recipe(column: int, lr: float, made: list[nn.Module]) -> Callable[[], tuple[nn.Module, torch.optim.Optimizer]]:
    def make() -> tuple[nn.Module, torch.optim.Optimizer]:
        model = nn.Sequential(_Feature(column), nn.Linear(1, 2))
        with torch.no_grad():
            model[1].weight.copy_(torch.tensor([[0.3], [-0.3]]))  # says the opposite, until it has learned
            model[1].bias.zero_()
        made.append(model)
        return model, torch.optim.SGD(model.parameters(), lr=abs(lr), maximize=lr < 0)

    return make


@cache
def _accuracies(number: int) -> dict[str, dict[str, float]]:
    """The accuracy of every recipe of a choice after its training, by set, and its validation `loss`."""
    accuracies: dict[str, dict[str, float]] = {}
    for name, (column, lr) in _CHOICES[number].recipes.items():
        model, optimizer = _recipe(column, lr, [])()
        for _ in range(_CHOICES[number].epochs):
            _epoch(model, _loaders()[0], nn.CrossEntropyLoss(), optimizer)
        with torch.no_grad():
            accuracies[name] = {
                kind: (model(data.tensors[0]).argmax(dim=1) == data.tensors[1]).double().mean().item()
                for kind, data in _sets().items()
            }
            X, y = _sets()["validation"].tensors
            accuracies[name]["loss"] = nn.functional.cross_entropy(model(X), y).item()
    return accuracies


def _loaders() -> list[DataLoader]:
    return [DataLoader(data, batch_size=8) for data in _sets().values()]


@book.exercise(
    "Project: an honest choice",
    goal="compare recipes, choose one, and report a number that had no part in the choice",
    minutes=15,
    difficulty=3,
    why="Whoever reads your number can rely on it. Try your function on two recipes of your own, with the loaders of "
    "this page.",
)
def choose(choose: Any) -> None:
    """Trains every recipe, chooses by validation, tests the chosen one once."""
    expect_callable(choose, "Type of choose")
    for number, choice in enumerate(_CHOICES):
        made: list[nn.Module] = []
        recipes = {name: _recipe(*settings, made) for name, settings in choice.recipes.items()}
        result = call(choose, recipes, *_loaders(), choice.epochs, may_change=True)
        by_set = _accuracies(number)
        best = {kind: max(by_set, key=lambda name: by_set[name][kind]) for kind in _SETS}
        chosen, last = best["validation"], [*by_set][-1]
        worst = min(by_set, key=lambda name: by_set[name]["validation"])
        surest = min(by_set, key=lambda name: by_set[name]["loss"])
        mistakes = {
            "This is the recipe with the smallest validation loss. The task asks for the highest accuracy, and the two "
            "do not always agree.": (surest, by_set[surest]["test"]),
            "This is the recipe that is best on the test set. Then the test set has chosen, and its accuracy is "
            "partly luck.": (best["test"], by_set[best["test"]]["test"]),
            "This is the recipe that is best on the pictures it has trained on: it may have learned them by heart.": (
                best["training"],
                by_set[best["training"]]["test"],
            ),
            "The choice is right. But this is the accuracy that made the choice, and so it is partly luck.": (
                chosen,
                by_set[chosen]["validation"],
            ),
            "The choice is right. But this accuracy is of the model that was trained last.": (
                chosen,
                by_set[last]["test"],
            ),
            "This is the recipe with the lowest accuracy: a small *loss* is good.": (worst, by_set[worst]["test"]),
        }
        several = f"{len(recipes)} recipes" if len(recipes) > 1 else "a single recipe"
        what = (
            f"the result for {several} and {choice.epochs} epochs" if choice.epochs > 1 else f"the result for {several}"
        )
        expect(result, (chosen, by_set[chosen]["test"]), what=what, mistakes=mistakes, reveal=True)
        _expect_each_in_its_place(made, choice.epochs * _SIZES["training"])


def _expect_each_in_its_place(made: list[nn.Module], wanted: int) -> None:
    features = [model[0] for model in made]
    for kind in ("validation", "test"):
        if any((kind, True) in one.shown for one in features):
            raise NotYet(
                f"The result is right. But a network was in training mode when it saw the {kind} set.",
                "Here that makes no difference. With dropout or batch norm in the network it would.",
            )
    tested = sum(("test", False) in one.shown for one in features)
    if tested != 1:
        raise NotYet(
            f"The result is right. But {tested} networks were shown the test set.",
            "Whoever looks at all the results is tempted to choose by them: only the chosen one takes the test.",
        )
    for one in features:
        if one.examples != wanted:
            raise NotYet(
                f"The result is right. But a network was trained on {one.examples} examples, and the epochs asked for "
                f"have {wanted}."
            )
