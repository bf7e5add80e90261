"""The checks of notebook 6, Quickstart."""

from __future__ import annotations

import contextlib
import math
import pickle
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torch.utils.data import DataLoader, TensorDataset

from helpers.checks.compare import Case, NotYet, call, describe, expect, expect_callable, expect_none, expect_results
from helpers.checks.core import Book, Part, either, randn, seeded, template
from helpers.training import evaluate, fit, train_epoch

book = Book(6)
progress = book.progress


_count = template("def batch_count(n, size): full, rest = divmod(n, size); return $result")


@book.exercise(
    "Count the batches",
    goal="say how a data set divides into batches",
    minutes=3,
    difficulty=1,
    why="The first is also the number of steps in an epoch: halve the batch size, and there are about twice as many.",
    mistakes={
        "The short batch at the end is a batch too.": _count("full, rest", "full, size", "full, 0"),
        "Try 128 and 64 by hand: is there another batch after them?": _count("-(-n // size), rest", "full + 1, rest"),
        "The last batch is not always full: how many images are left for it?": _count(
            "-(-n // size), size", "-(-n // size), size if n < size else rest or size", "-(-n // size), size - rest"
        ),
        "Fewer images than a batch make a batch, too: a short one.": _count(
            *(f"{few} if n < size else (-(-n // size), rest or size)" for few in ("(0, n)", "(0, 0)", "(1, 0)"))
        ),
    },
)
def batch_count(answer: Any) -> None:
    """The number of batches of an epoch, and the size of the last one."""
    numbers = [(2000, 64, 32, 16), (128, 64, 2, 64), (5, 64, 1, 5), (64, 64, 1, 64), (65, 64, 2, 1), (7, 1, 7, 1)]
    expect_results(answer, [Case((n, size), (batches, last)) for n, size, batches, last in numbers])


_TABLES = ((5, 10), (4, 4), (1, 3), (3, 2))  # images, classes
_cost = template(
    "def losses(logits, y): rows, p, log_p = range(len(y)), logits.softmax(1), logits.log_softmax(1); return $result"
)


@book.exercise(
    "What each image costs",
    goal="compute the cross-entropy of every image",
    minutes=5,
    difficulty=2,
    why='In one call: `nn.functional.cross_entropy(logits, y, reduction="none")`. A large loss of a single image is '
    "worth a look: the image is unusual, or its label is wrong.",
    mistakes={
        "Softmax runs over the classes: which `dim=` is that?": _cost("-logits.log_softmax(dim=0)[rows, y]"),
        "The loss is minus the logarithm of the true class's probability.": _cost("-logits[rows, y]", "p[rows, y]"),
        "The probability was rounded to 0 before its logarithm: `log_softmax` does both.": _cost("-p.log()[rows, y]"),
        "Softmax was applied twice: `cross_entropy` wants logits.": _cost("F.cross_entropy(p, y, reduction='none')"),
    },
)
def picture_losses(answer: Any) -> None:
    """The cross-entropy of every image by itself."""
    tables = [(2 * randn(n, classes, seed=n), torch.arange(2, n + 2) % classes) for n, classes in _TABLES]
    extreme = torch.tensor([[300.0, -300.0, 0.0], [0.0, 100.0, -50.0]]), torch.tensor([1, 0])
    cases = []
    for logits, y in (*tables, extreme):
        rows = zip(logits.double().tolist(), y.tolist(), strict=True)
        costs = [math.log(sum(math.exp(logit - row[true]) for logit in row)) for row, true in rows]
        cases.append(Case((logits, y), torch.tensor(costs)))
    expect_results(answer, cases, without_loop=True)


_LEARNINGS = (  # what may differ in train and eval mode, images, batch size, loss, optimizer
    (nn.BatchNorm1d, 10, 4, nn.CrossEntropyLoss(), partial(SGD, lr=0.3)),
    (nn.BatchNorm1d, 9, 3, nn.CrossEntropyLoss(label_smoothing=0.2), partial(SGD, lr=0.2, momentum=0.5)),
    (nn.Identity, 5, 2, nn.CrossEntropyLoss(), partial(Adam, lr=0.1)),
)


def _learned(learning: tuple[Any, ...], train: Callable[..., Any]) -> tuple[Any, dict[str, Tensor], int]:
    """What comes out of one epoch with this function: its result, the model's state, and the number of steps."""
    norm, n, batch_size, loss_fn, make_optimizer = learning
    torch.manual_seed(3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 5), norm(5), nn.ReLU(), nn.Linear(5, 3)).eval()
    y = torch.randint(0, 3, (n,), generator=seeded(1))
    loader = DataLoader(TensorDataset(randn(n, 1, 2, 2, seed=n), y), batch_size=batch_size)
    optimizer, steps = make_optimizer(model.parameters()), []
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    result = train(model, loader, loss_fn, optimizer)
    return result, {name: t.clone() for name, t in model.state_dict().items() if t.is_floating_point()}, len(steps)


_epoch = template(
    """
    def train_and_tell(model, loader, loss_fn, optimizer):
        losses, sizes = [], []
        for X, y in loader:
            loss = $loss
            $steps
            losses.append(loss.item()); sizes.append(len(y))
        images, total = sum(sizes), sum(loss * size for loss, size in zip(losses, sizes))
        return $result
    """,
    {"evaluate": evaluate},
    result="total / images",
    loss="loss_fn(model.train()(X), y)",
    steps="optimizer.zero_grad(); loss.backward(); optimizer.step()",
)


@book.exercise(
    "Train and tell",
    goal="write an epoch of training that reports its mean loss",
    minutes=8,
    difficulty=2,
    why="Now you can watch the training loss, too: beside the validation loss it shows whether a network overfits.",
    mistakes={
        "Look at the five steps of each batch: one is missing or comes too early.": _epoch(
            steps=("loss.backward(); optimizer.step()", "optimizer.zero_grad(); loss.backward()")
        ),
        "The model arrives in eval mode: which call comes before the first batch?": _epoch(loss="loss_fn(model(X), y)"),
        "Multiply the loss of a batch by its images, `len(y)`; divide the sum by the number of all images.": _epoch(
            *("sum(losses) / len(losses)", "sum(losses)", "sum(losses) / images", "total", "3 * total / images"),
            *("sum(loss / size for loss, size in zip(losses, sizes))", "total / len(loader)"),
        ),
        "This is the loss of the last batch only.": _epoch("losses[-1]", "losses[-1] * sizes[-1] / images"),
        "Take the loss of each batch as it was before its step.": _epoch("evaluate(model, loader, loss_fn).loss"),
    },
)
def train_and_tell(answer: Any) -> None:
    """One epoch of training, and the mean loss over its images."""
    expect_callable(answer, "`train_and_tell`")
    for learning in _LEARNINGS:
        what = "with {} images in batches of {}".format(*learning[1:3])
        result, state, steps = _learned(learning, lambda *given: call(answer, *given, may_change=True))
        wanted, wanted_state, wanted_steps = _learned(learning, train_epoch)
        if steps > wanted_steps:
            raise NotYet(f"The optimizer took {steps} steps {what}.", "One epoch takes one step per batch.")
        expect(result, wanted.loss, what=f"the mean loss {what}", reveal=True)
        expect(state, wanted_state, what=f"the model's state {what}")


_name = template(
    """
    def name_it(model, image, names):
        with torch.no_grad(): logits = $logits
        p = logits.softmax(dim=1)[0]
        best = p.argmax()
        return $result
    """,
    result="names[best], p[best].item()",
    logits="model.eval()(image.unsqueeze(0))",
)


@book.exercise(
    "Name it",
    goal="use a trained network on a single image",
    minutes=5,
    difficulty=2,
    why="This is what an app around your network would call. Give it an image of noise: how sure is it then?",
    mistakes={
        "The network is still in training mode, so dropout is on.": _name(logits="model(image.unsqueeze(0))"),
        "Only `softmax`, used once, gives the probability: no logit, sigmoid or logarithm does.": _name(
            *(f"names[best], logits{one}[0, best].item()" for one in ("", ".sigmoid()", ".log_softmax(1)")),
            "names[best], p.softmax(dim=0)[best].item()",
        ),
        "Along the batch, a softmax gives each class a 1: which `dim=` holds the classes?": _name(
            "names[0], 1.0", "names[best], 1.0"
        ),
        "The network wants a batch, even of a single image: `[1, 1, 28, 28]`.": _name(logits="model(image)"),
    },
)
def name_it(answer: Any) -> None:
    """The likeliest class of one image by name, and its probability."""
    expect_callable(answer, "`name_it`")
    every_name = ["bird", "cat", "deer", "dog", "fish", "frog", "goat", "hare", "horse", "mole"]
    for number, classes in enumerate((4, 10, 2, 10)):
        torch.manual_seed(number)
        last, names = nn.Linear(4 * 26 * 26, classes), every_name[:classes]
        model = nn.Sequential(nn.Conv2d(1, 4, kernel_size=3), nn.Flatten(), nn.Dropout(0.5), last)
        last.weight.data *= 5  # so that the classes have different probabilities
        image = torch.rand(1, 28, 28, generator=seeded(number))
        with torch.no_grad():
            p = model.eval()(image.unsqueeze(0)).softmax(dim=1)[0]
        wanted = names[p.argmax()], p.max().item()
        torch.manual_seed(0)
        result = call(answer, model.train(number != 1), image.clone(), [*names], may_change=True)
        expect(result, wanted, what=f"the result for {classes} classes", reveal=True)


_trust = template(
    "def trust(confusions): c, right, named = confusions, confusions.diag(), confusions.sum(dim=0); return $result"
)


@book.exercise(
    "When it says shirt",
    goal="read a confusion matrix by columns",
    minutes=5,
    difficulty=2,
    why="This fraction is called precision, and the one along a row recall. Call `trust(confusions)`: are the classes "
    "that are found most often also those to trust most?",
    mistakes={
        "Divide by the sum of a column (the images *given* that name), not of a row or of the whole matrix.": _trust(
            *("right / c.sum(dim=1)", "right / c.sum(dim=1).clamp(min=1)", "right / c.sum()", "right.sum() / c.sum()")
        ),
        "Only a column of zeros needs care: there 0 / 0 is not a number, and the task wants 0.": _trust(
            "right / named", "(right / named).nan_to_num(nan=1.0)", "right / (named + 1)"
        ),
        "Divide what is right, the diagonal, by how often each class was named.": _trust(
            "c / named", "c.trace() / named.clamp(min=1)", "c.amax(dim=0) / named.clamp(min=1)", "c.float().mean(dim=0)"
        ),
    },
)
def trust(answer: Any) -> None:
    """The precision of each class."""
    never_named = [[4, 0, 1, 2], [3, 0, 1, 1], [2, 0, 5, 0], [6, 0, 0, 1]]  # its second class
    large = torch.randint(0, 50, (10, 10), generator=seeded(5)).tolist()
    matrices = [[8, 2, 0], [1, 5, 4], [0, 3, 7]], [[3, 0], [2, 1]], never_named, [[6]], [[0, 0], [0, 0]], large
    cases = []
    for rows in matrices:
        wanted = [column[k] / max(1, sum(column)) for k, column in enumerate(zip(*rows, strict=True))]
        cases.append(Case((torch.tensor(rows),), torch.tensor(wanted)))
    expect_results(answer, cases, without_loop=True)


class _Stranger:
    """An object that runs code when it is loaded from a file."""

    ran = False

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Any, ...]]:
        return setattr, (_Stranger, "ran", True)


def _some_steps(model: nn.Module, optimizer: Optimizer, first: int, last: int) -> None:
    for seed in range(first, last):
        X = randn(6, 3, seed=seed)
        optimizer.zero_grad()
        nn.functional.mse_loss(model(X), X[:, :2]).backward()
        optimizer.step()


_TRAININGS = ((3, partial(Adam, lr=0.05)), (7, partial(SGD, lr=0.05, momentum=0.9)))  # epochs, optimizer


def _begin(make_optimizer: Callable[[Any], Optimizer], seed: int) -> tuple[nn.Module, Optimizer]:
    torch.manual_seed(seed)
    model = nn.Linear(3, 2)
    return model, make_optimizer(model.parameters())


_save = template(
    """
    def save_all(path, model, optimizer, epochs):
        everything = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epochs": epochs}
        $result
        return path
    """,
    {"pickle": pickle},
)
_load = template(
    """
    def load_all(path, model, optimizer):
        saved = torch.load(path, weights_only=$weights_only)
        $fill
        return saved["epochs"]
    """,
    weights_only="True",
    fill="model.load_state_dict(saved['model']); optimizer.load_state_dict(saved['optimizer'])",
)


def _saving(*lines: str) -> either:
    return either(*((save_all, ...) for save_all in _save(*lines)))


def _loading(**holes: str | tuple[str, ...]) -> either:
    return either(*((*_save("torch.save(everything, path)"), load_all) for load_all in _load(**holes)))


@book.exercise(
    "The battery runs out",
    goal="save and load all that a training needs to go on",
    minutes=7,
    difficulty=2,
    why="What else has a memory belongs in the file too: the shuffling, dropout's random numbers, a schedule for `lr`.",
    mistakes={
        "`torch.save(what, path)` writes an object to one file, at `path` itself.": _saving(
            "", "torch.save(path, everything)", "torch.save(everything, path / 'training.pt')"
        ),
        "Save three things in one dict (with one `torch.save`): both `state_dict()` and `epochs`.": _saving(
            *(f"del everything['{name}']; torch.save(everything, path)" for name in ("model", "optimizer", "epochs")),
            *("torch.save(model.state_dict(), path)", "torch.save({'model': model, 'optimizer': optimizer}, path)"),
            "for part in everything.values(): torch.save(part, path)",
        ),
        "`pickle` runs any code in the file: use `torch.save`, and `torch.load` with `weights_only=True`.": _saving(
            "pickle.dump(everything, path.open('wb'))"
        ),
        "Reading a file puts nothing into the model or the optimizer: fill both with `load_state_dict`.": _loading(
            fill=("model = saved['model']", "model.load_state_dict(saved['model'])")
        ),
        "`weights_only=True` refuses all but tensors and plain values.": _loading(weights_only="False"),
    },
)
def resume(save_all: Any, load_all: Any) -> Iterator[Part]:
    """A pair of functions that save and load a model, its optimizer and the number of epochs."""
    yield Part("save_all", lambda: _expect_saving(save_all))
    yield Part("load_all", lambda: _expect_loading(save_all, load_all), after=("save_all",))


# The same in one run, so that an error with its name is the same for a mistake and for an answer
_FOLDER = tempfile.TemporaryDirectory()


def _expect_saving(save_all: Any) -> None:
    expect_callable(save_all, "`save_all`")
    path = Path(_FOLDER.name) / "training.pt"
    for epochs, make_optimizer in _TRAININGS:
        path.unlink(missing_ok=True)
        model, optimizer = _begin(make_optimizer, seed=1)
        _some_steps(model, optimizer, 0, 3)
        result = call(save_all, path, model, optimizer, epochs, may_change=True)
        if not path.is_file():
            raise NotYet("There is no file at `path` afterwards.")
        if not isinstance(result, str | Path) or str(result) != str(path):
            raise NotYet(f"The result: expected `path`, received {describe(result)}.", "Return `path` itself.")
        try:
            with warnings.catch_warnings(action="ignore"):
                found = [*_leaves(torch.load(path, weights_only=True))]
        except Exception as error:
            if "Unsupported global" in str(error) or "GLOBAL" in str(error):
                raise NotYet("The file has more in it than tensors and plain values.") from None
            raise NotYet("`torch.load` cannot read the file.") from None
        tensors = [torch.as_tensor(one) for one in found if isinstance(one, Tensor | int)]
        memory = _leaves(optimizer.state_dict()["state"])
        for what, wanted in (("the model's parameters", model.parameters()), ("the optimizer's state", memory)):
            if not all(any(torch.equal(one, t) for t in tensors) for one in wanted if isinstance(one, Tensor)):
                raise NotYet(f"The file lacks {what}.")
        if epochs not in [t.item() for t in tensors if t.ndim == 0]:
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
    path, moved, stranger = (Path(_FOLDER.name) / name for name in ("training.pt", "moved.pt", "stranger.pt"))
    for epochs, make_optimizer in _TRAININGS:
        model, optimizer = _begin(make_optimizer, seed=1)
        _some_steps(model, optimizer, 0, 3)
        save_all(path, model, optimizer, epochs)
        shutil.move(path, moved)  # another day, another place
        saved = [one.detach().clone() for one in model.parameters()]
        _some_steps(model, optimizer, 3, 6)
        second, other = _begin(make_optimizer, seed=2)
        result = call(load_all, moved, second, other, may_change=True)
        if not all(map(torch.equal, second.parameters(), saved)):
            raise NotYet("The new model does not have the parameters that were saved.")
        _some_steps(second, other, 3, 6)
        if not all(map(torch.allclose, second.parameters(), model.parameters())):
            raise NotYet("The parameters are back, but the next steps differ from those of the uninterrupted training.")
        expect(result, epochs, what="the number of epochs")
    content = torch.load(moved, weights_only=True)
    torch.save({**content, "stranger": _Stranger()} if type(content) is dict else [content, _Stranger()], stranger)
    _Stranger.ran = False
    with contextlib.suppress(NotYet):  # an error is what it should come to
        call(load_all, stranger, *_begin(make_optimizer, seed=1), may_change=True)
    if _Stranger.ran:
        raise NotYet("Everything is back. But then the function was given a file with code in it, and the code ran.")


# The number of samples in each set, and the fraction of them in which each column tells the class.
_SETS = {
    "training": (30, (1.0, 0.8, 0.6, 0.7, 0.75)),
    "validation": (20, (0.6, 0.9, 0.75, 0.55, 0.65)),
    "test": (20, (0.4, 0.7, 0.95, 0.45, 0.55)),
}


class _Feature(nn.Module):
    """Passes on one column of the inputs, and notes in which mode it is shown which set: the last column says that."""

    def __init__(self, column: int) -> None:
        super().__init__()
        self.column = column
        self.shown: set[tuple[str, bool]] = set()
        self.samples = 0  # that it was trained on, each counted as often as it came

    def forward(self, X: Tensor) -> Tensor:
        self.shown.add((list(_SETS)[int(X[0, -1])], self.training))
        self.samples += len(X) if self.training and X[0, -1] == 0 else 0
        return X[:, self.column : self.column + 1]


def _make(made: list[nn.Module], column: int, lr: float, weight: float = -0.3) -> tuple[nn.Module, Optimizer]:
    """A new model of one column, which is noted, and its optimizer, which unlearns where `lr` is negative."""
    model = nn.Sequential(_Feature(column), nn.Linear(1, 2))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[-weight], [weight]]))
        model[1].bias.zero_()
    made.append(model)
    return model, SGD(model.parameters(), lr=abs(lr), maximize=lr < 0)


_CHOICES = (  # column, learning rate and first weight of each recipe; epochs; the right choice, its test accuracy
    ({"red": (0, 0.5), "blue": (1, 0.5), "green": (2, 0.5), "grey": (3, 5.0), "white": (4, 0.5)}, 1, ("blue", 0.7)),
    # "one" is the best after its first epoch, and the worst after its last.
    ({"one": (1, -0.15, 0.3), "two": (2, 0.5), "three": (0, 0.5)}, 3, ("two", 0.95)),
    # The first classifies more of them correctly, but is less sure.
    ({"small step": (1, 0.25), "large step": (2, 1.0)}, 1, ("small step", 0.7)),
    ({"only": (2, 0.5)}, 1, ("only", 0.95)),
)


def _loaders() -> list[DataLoader]:
    loaders = []
    for number, (n, fractions) in enumerate(_SETS.values()):
        y = torch.arange(n) % 2
        columns = [torch.where(torch.arange(n) < fraction * n, y, 1 - y) * 2.0 - 1 for fraction in fractions]
        order = torch.randperm(n, generator=seeded(number))
        X = torch.stack([*columns, torch.full((n,), float(number))], dim=1)
        loaders.append(DataLoader(TensorDataset(X[order], y[order]), batch_size=8))
    return loaders


_choose = template(
    """
    def choose(recipes, train_loader, val_loader, test_loader, epochs):
        loss_fn, models, scores = nn.CrossEntropyLoss(), {}, {}
        for name, make in recipes.items():
            model, optimizer = $made
            fitted = fit(model, $train, loss_fn, optimizer, epochs=$epochs, val_loader=val_loader, progress=False)
            $more
            models[name], scores[name] = model, $score
        chosen = $chosen
        tested = evaluate(models[chosen], test_loader, loss_fn)
        return $result
    """,
    {"fit": fit, "evaluate": evaluate},
    result="chosen, tested.accuracy",
    made="make()",
    train="train_loader",
    epochs="epochs",
    more="",
    chosen="max(scores, key=scores.get)",
    score="evaluate(model, val_loader, loss_fn).accuracy",
)


@book.exercise(
    "Project: an honest choice",
    goal="compare recipes, choose one, and report a number that had no part in the choice",
    minutes=15,
    difficulty=3,
    why="Nothing was chosen by this number, so luck in the choice does not flatter it. Try your function on two "
    "recipes of your own, with the loaders of this page.",
    mistakes={
        "Choose the recipe with the highest validation accuracy after the last epoch, `[-1]`.": _choose(
            score=("-evaluate(model, val_loader, loss_fn).loss", "max(fitted.val_accuracy)")
        ),
        "Let the validation set choose: training images may be known by heart, and the test is for the end.": _choose(
            score=tuple(f"evaluate(model, {part}_loader, loss_fn).accuracy" for part in ("train", "test"))
        ),
        "`max` of a dict compares its keys, the names: `key=` says what to compare.": _choose(chosen="max(scores)"),
        "The worst was chosen: by the smallest accuracy, or the largest loss (keep `.accuracy`).": _choose(
            score=("evaluate(model, val_loader, loss_fn)", "-evaluate(model, val_loader, loss_fn).accuracy")
        ),
        "The models stay untrained: call each recipe once and keep the pair.": _choose(made="make()[0], make()[1]"),
        "The choice is right. Report the *test* accuracy of the *chosen* model: keep each trained model.": _choose(
            *("chosen, scores[chosen]", "chosen, evaluate(model, test_loader, loss_fn).accuracy"),
            "chosen, evaluate(recipes[chosen]()[0], test_loader, loss_fn).accuracy",
        ),
        "`evaluate` returns loss and accuracy: take `.accuracy`, a fraction from 0 to 1.": _choose(
            "chosen, tested", "chosen, tested.loss", "chosen, 100 * tested.accuracy"
        ),
        "Test the chosen model only: the test must not choose.": _choose(more="evaluate(model, test_loader, loss_fn)"),
        "Keep each trained model: what you report belongs to the one that was chosen.": _choose(
            more="again, other = make(); fit(again, train_loader, loss_fn, other, epochs=epochs, progress=False)"
        ),
    },
)
def choose(answer: Any) -> None:
    """Trains every recipe, chooses by validation, tests the chosen one once."""
    expect_callable(answer, "`choose`")
    for recipes, epochs, right in _CHOICES:
        made: list[nn.Module] = []
        makers = {name: partial(_make, made, *recipe) for name, recipe in recipes.items()}
        result = call(answer, makers, *_loaders(), epochs, may_change=True)
        expect(result, right, what=f"the result for the recipes {', '.join(recipes)}", reveal=True)
        features = [model[0] for model in made]
        epochs_missing = any(one.samples != epochs * _SETS["training"][0] for one in features)
        in_training = any((name, True) in one.shown for one in features for name in ("validation", "test"))
        facts = {
            "a recipe was called more than once, and its model trained again": len(made) > len(recipes),
            "a network was not trained on all training images in every epoch": epochs_missing,
            "a network was in training mode on the validation or test set": in_training,
            "more than one network was shown the test set": sum(("test", False) in one.shown for one in features) > 1,
        }
        expect_none({f"The result is right. But {fact}.": true for fact, true in facts.items()})
