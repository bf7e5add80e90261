"""The checks of notebook 5, Workflow: regression."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.compare import (
    NotYet,
    call,
    describe,
    expect,
    expect_callable,
    expect_class,
    expect_function,
    expect_module,
    hinted,
)
from helpers.checks.core import Book

book = Book(5)
progress = book.progress


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# 5.1


@book.exercise(
    "Shuffled, then split",
    goal="split examples at random without tearing inputs and targets apart",
    minutes=4,
    difficulty=1,
    why="One order for both keeps every pair together; the project at the end splits its line in this way.",
)
def shuffled_split(shuffled_split: Any) -> None:
    """The first 80 % of the rows in a given order, and the rest, of inputs and targets."""
    cases = []
    for n in (10, 7, 1, 40):
        order = torch.randperm(n, generator=_generator(n))
        cases.append((torch.rand(n, 1, generator=_generator(1)), torch.rand(n, 1, generator=_generator(2)), order))
    expect_function(
        shuffled_split,
        _split,
        cases,
        mistakes={
            "The inputs are in the new order, the targets in the old one: an input no longer stands beside its own "
            "target.": _paired_wrongly,
            "The rows are in their old places: `order` was not used.": lambda X, y, order: _by_position(X, y),
            "The four are right, but not in the order that the task names.": lambda X, y, order: _regrouped(
                *_split(X, y, order)
            ),
            "The larger part is for training.": lambda X, y, order: (
                *_split(X, y, order)[2:],
                *_split(X, y, order)[:2],
            ),
        },
    )


def _split(X: Tensor, y: Tensor, order: Tensor) -> tuple[Tensor, ...]:
    return _by_position(X[order], y[order])


def _by_position(X: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    n_train = len(X) * 8 // 10
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


def _paired_wrongly(X: Tensor, y: Tensor, order: Tensor) -> tuple[Tensor, ...]:
    return _by_position(X[order], y)


def _regrouped(X_train: Tensor, y_train: Tensor, X_test: Tensor, y_test: Tensor) -> tuple[Tensor, ...]:
    return X_train, X_test, y_train, y_test


# 5.2


@book.exercise(
    "A curve instead of a line",
    goal="write a model with parameters of your own",
    minutes=5,
    difficulty=2,
    why="Nothing else on this page would have to change to train it: the loop never asks what is inside a model.",
)
def curve_model(CurveModel: Any) -> None:
    """A module with three parameters that predicts curve * X² + weight * X + bias."""
    unregistered = (
        "A plain tensor is not registered, so no optimizer would ever change it. What did `LineModel` wrap around its "
        "random numbers?"
    )
    expect_class(CurveModel)
    model = _made(CurveModel)
    X = torch.linspace(-2, 3, 6).unsqueeze(1)
    if issubclass(type(model), nn.Module) and (count := len(list(nn.Module.parameters(model)))) < 3:
        # Fewer may also be forgotten ones: only what is there as a plain tensor, or nothing at all, gets the hint.
        plain = count == 0 or any(type(value) is Tensor for value in vars(model).values())
        raise NotYet(f"Parameters: expected your model to have 3, received {count}.", *([unregistered] * plain))
    expect_module(model, X, output_shape=[6, 1], parameters=3, modes_differ=False)
    named = dict(nn.Module.named_parameters(model))
    if set(named) != {"curve", "weight", "bias"}:
        raise NotYet("Names: expected the parameters `curve`, `weight` and `bias`, each an attribute of its own.")
    _expect_random_start(CurveModel)
    for numbers in ((3.0, 0.0, 0.0), (1.0, -3.0, 0.5), (0.0, 0.3, 0.9), (-1.5, 2.0, -4.0)):
        _fill(named, numbers)
        for inputs in (X, torch.full((1, 1), 4.0)):
            curve, weight, bias = numbers
            expect(
                call(model, inputs).detach(),
                curve * inputs**2 + weight * inputs + bias,
                what=f"the prediction with curve {curve:g}, weight {weight:g} and bias {bias:g}",
                mistakes={
                    "X seems to be doubled where it should be multiplied by itself.": (
                        2 * curve * inputs + weight * inputs + bias
                    ),
                    "More than X is squared.": (curve * inputs) ** 2 + weight * inputs + bias,
                    "`weight` belongs to X and `curve` to its square: are they exchanged?": (
                        weight * inputs**2 + curve * inputs + bias
                    ),
                },
            )


def _made(cls: Any) -> Any:
    first_line = "Every `nn.Module` begins its `__init__` with the same line; compare `LineModel`."
    with hinted({"before Module.__init__() call": first_line}):
        return call(cls)


def _fill(named: dict[str, nn.Parameter], numbers: tuple[float, ...]) -> None:
    with torch.no_grad():
        for name, number in zip(("curve", "weight", "bias"), numbers, strict=True):
            named[name].fill_(number)


def _expect_random_start(cls: Any) -> None:
    starts = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        starts.append([parameter.detach().clone() for parameter in nn.Module.parameters(_made(cls))])
    if any(torch.equal(first, second) for first, second in zip(*starts, strict=True)):
        raise NotYet("Start: two new models begin with the same number; each should be drawn at random.")


# 5.3

Step = Callable[..., Any]


@book.exercise(
    "The five steps from memory",
    goal="write the five steps of training, in their order",
    minutes=6,
    difficulty=2,
    why="These five lines train every network of this course, whatever its layers, its loss and its optimizer.",
)
def train_step(train_step: Any) -> None:
    """One round of learning with what is given; its loss as a number."""
    expect_callable(train_step)
    for features, loss_fn, optimizer_class, options, name in (
        (1, nn.L1Loss(), torch.optim.SGD, {"lr": 0.05}, "SGD and L1Loss"),
        (3, nn.MSELoss(), torch.optim.SGD, {"lr": 0.02, "momentum": 0.9}, "momentum and MSELoss"),
        (2, nn.MSELoss(), torch.optim.Adam, {"lr": 0.1}, "Adam and MSELoss"),
    ):
        X = torch.rand(6, features, generator=_generator(features))
        y = 3 * X.sum(dim=1, keepdim=True) + 1

        def three_rounds(step: Step) -> dict[str, Any]:
            torch.manual_seed(0)
            model = nn.Linear(features, 1)  # noqa: B023 - called in this round of the loop only
            optimizer = optimizer_class(model.parameters(), **options)  # noqa: B023
            losses = [step(model, X.clone(), y.clone(), loss_fn, optimizer) for _ in range(3)]  # noqa: B023
            learned = [parameter.detach().clone() for parameter in model.parameters()]
            return {"losses": losses, "parameters": learned}

        wanted = three_rounds(_right_step)
        received = three_rounds(lambda *given: call(train_step, *given, may_change=True))
        wrong = {hint: three_rounds(step) for hint, step in _WRONG_STEPS.items()}
        what = f"of three rounds with {name}"
        # The losses first, for their type may be wrong; but a wrong first step shows only in the parameters.
        expect(
            received["losses"],
            wanted["losses"],
            what=f"the losses {what}",
            mistakes={hint: result["losses"] for hint, result in wrong.items()},
        )
        expect(
            received["parameters"],
            wanted["parameters"],
            what=f"the parameters {what}",
            mistakes={hint: result["parameters"] for hint, result in wrong.items()},
        )


def _right_step(model: nn.Module, X: Tensor, y: Tensor, loss_fn: nn.Module, optimizer: torch.optim.Optimizer) -> float:
    loss = loss_fn(model(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def _never_zeroed(model, X, y, loss_fn, optimizer):  # noqa: ANN001, ANN202 - as `_right_step`, and so the next
    loss = loss_fn(model(X), y)
    loss.backward()
    optimizer.step()
    return loss.item()


def _zeroed_too_late(model, X, y, loss_fn, optimizer):  # noqa: ANN001, ANN202
    loss = loss_fn(model(X), y)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


def _loss_after(model, X, y, loss_fn, optimizer):  # noqa: ANN001, ANN202
    _right_step(model, X, y, loss_fn, optimizer)
    return loss_fn(model(X), y).item()


_WRONG_STEPS = {
    "The first round is right, the later ones go too far: what does `backward` do with the gradients that it finds?": (
        _never_zeroed
    ),
    "The model stays where it is: no step is taken, or it finds no gradients. Is a line missing, or too early?": (
        _zeroed_too_late
    ),
    "The training is right; but this loss was measured after the step, and the one before it is wanted.": _loss_after,
}


# 5.4


class _Probe(nn.Module):
    """A small model with dropout that notes, for each call of it or of a copy, whether PyTorch was recording."""

    def __init__(self, note: Callable[[bool], None]) -> None:
        super().__init__()
        self.line, self.dropout = nn.Linear(2, 8), nn.Dropout(0.5)
        self.note = note

    def forward(self, X: Tensor) -> Tensor:
        self.note(torch.is_grad_enabled())
        return self.dropout(self.line(X))


@book.exercise(
    "A mock exam in between",
    goal="judge a model in the middle of training, and leave no trace",
    minutes=5,
    difficulty=2,
    why="Forget to switch back, and the rest of the training runs without dropout, with no error to tell you.",
)
def mock_exam(mock_exam: Any) -> None:
    """The loss in eval mode, unrecorded; the mode is as before afterwards."""
    expect_callable(mock_exam)
    for training, n, loss_fn in ((True, 4, nn.L1Loss()), (False, 3, nn.MSELoss()), (True, 1, nn.MSELoss())):
        torch.manual_seed(n)
        recorded: list[bool] = []
        model, X, y = _Probe(recorded.append).train(training), torch.randn(n, 2), torch.randn(n, 8)
        with torch.no_grad():
            wanted = loss_fn(copy.deepcopy(model).eval()(X), y).item()
            torch.manual_seed(0)
            dropped = loss_fn(copy.deepcopy(model).train()(X), y).item()
        mode = "train" if training else "eval"
        recorded.clear()
        torch.manual_seed(0)
        expect(
            call(mock_exam, model, X.clone(), y.clone(), loss_fn, may_change=True),
            wanted,
            what=f"the loss of a model that was in {mode} mode",
            mistakes={"Dropout was at work, as in training: a part of the model was missing at the exam.": dropped},
        )
        if not recorded or any(recorded):
            raise NotYet(
                "The loss is right, but PyTorch was recording while the model computed, for a `backward` that never "
                "comes.",
                "Section 9 shows what the call can stand inside of.",
            )
        if any(module.training is not training for module in model.modules()):
            raise NotYet(
                f"The loss is right, but a model in {mode} mode was given to you and is left in the other.",
                "The attribute `training` says which mode it is in. Look before you switch.",
            )


# 5.5


@book.exercise(
    "Momentum by hand",
    goal="compute what an optimizer with momentum does",
    minutes=8,
    difficulty=3,
    why="`torch.optim.SGD` does just this for each parameter. Try a momentum of 0.99: how long does it overshoot?",
)
def momentum_walk(momentum_walk: Any) -> None:
    """The places of a parameter that starts at 0 and follows given gradients with momentum."""
    cases = [
        (torch.tensor([1.0, -2.0, 0.5, 1.5]), 0.1, 0.9),
        (torch.ones(6), 0.1, 0.9),
        (torch.tensor([1.0, 1.0, -4.0]), 0.5, 0.0),
        (torch.tensor([3.0]), 0.01, 0.9),
        (torch.tensor([1.0, 0.0, 0.0, 0.0]), 1.0, 1.0),
        (torch.tensor([1.0, 0.0, 0.0, 0.0]), 1.0, 0.5),
    ]
    expect_function(
        momentum_walk,
        lambda gradients, lr, momentum: _walk(gradients, lr, lambda old, g: momentum * old + g),
        cases,
        mistakes={
            "Nothing is remembered: these are the steps without momentum.": lambda gradients, lr, momentum: _walk(
                gradients, lr, lambda old, g: g
            ),
            "Nothing is forgotten: the sum should shrink before each new gradient.": lambda gradients, lr, momentum: (
                _walk(gradients, lr, lambda old, g: old + g)
            ),
            "The new gradient is made smaller, too; it should be added whole.": lambda gradients, lr, momentum: _walk(
                gradients, lr, lambda old, g: momentum * old + (1 - momentum) * g
            ),
            "The new gradient shrinks together with the old sum; it should be added whole.": (
                lambda gradients, lr, momentum: _walk(gradients, lr, lambda old, g: momentum * (old + g))
            ),
            "It walks uphill: a gradient points to where the loss grows.": lambda gradients, lr, momentum: _walk(
                gradients, -lr, lambda old, g: momentum * old + g
            ),
            "The parameter moves by the sum of the step before: its own gradient must be in it.": (
                lambda gradients, lr, momentum: torch.cat(
                    [torch.zeros(1), _walk(gradients, lr, lambda old, g: momentum * old + g)[:-1]]
                )
            ),
            "These are all the last place: `-=` changes a tensor in place, and with it the places collected before.": (
                lambda gradients, lr, momentum: torch.full_like(
                    gradients, _walk(gradients, lr, lambda old, g: momentum * old + g)[-1].item()
                )
            ),
            "These are the moves. Wanted is where the parameter stands after each of them.": (
                lambda gradients, lr, momentum: _walk(gradients, lr, lambda old, g: momentum * old + g).diff(
                    prepend=torch.zeros(1)
                )
            ),
        },
    )


def _walk(gradients: Tensor, lr: float, remember: Callable[[float, float], float]) -> Tensor:
    at, memory, places = 0.0, 0.0, []
    for gradient in gradients.tolist():
        memory = remember(memory, gradient)
        at -= lr * memory
        places.append(at)
    return torch.tensor(places)


# 5.6

LEARNING_RATES = (0.1, 0.01, 0.001)
_PARTS = ("X_train", "y_train", "X_val", "y_val", "X_test", "y_test")


@book.exercise(
    "Another line",
    goal="go the whole way alone: data, split, training, choice, exam",
    minutes=30,
    difficulty=3,
    why="That is the whole workflow. Try it with noise on y next: how near to 0.3 and 0.9 can it come then?",
    seconds=20,  # it trains for 900 epochs, a third of a second on an idle machine
)
def another_line(splits: Any, train_line: Any, best_lr: Any, test_loss: Any) -> None:
    """A line of weight 0.3 and bias 0.9: its data, a loop of 300 epochs judged every 20, the choice and the exam."""
    # What is quickly seen comes first, so that no training runs for nothing.
    _expect_splits(splits)
    if type(best_lr) is not float or not any(math.isclose(best_lr, lr, rel_tol=1e-6) for lr in LEARNING_RATES):
        raise NotYet(f"best_lr: expected one of the three learning rates, received {describe(best_lr)}.")
    best_lr = round(best_lr, 3)  # out of a float32 tensor it is a hair beside
    if type(test_loss) is not float or not 0 <= test_loss < 10:
        raise NotYet(f"test_loss: expected a float, zero or a little more, received {describe(test_loss)}.")
    _expect_training(train_line)

    X_train, y_train, X_val, y_val, X_test, y_test = splits
    lasts = _last_losses(X_train, y_train, X_val, y_val)
    if best_lr != min(lasts, key=lambda lr: lasts[lr]):
        raise NotYet(
            f"best_lr: on your data, another learning rate has a smaller validation loss after 300 epochs than "
            f"{best_lr:g}.",
            "Compare the last entry of the three lists. Each run needs a new model, and each model the seed "
            "of the task directly before it.",
        )
    model = _fresh_line()
    call(train_line, model, _copies(splits), best_lr, may_change=True)
    marks = [_mae(model, X, y) for X, y in ((X_test, y_test), (X_val, y_val), (X_train, y_train))]
    expect(
        test_loss,
        marks[0],
        what="test_loss",
        atol=1e-5,
        mistakes={
            "This is the loss on the validation points: the mock exam, not the exam.": marks[1],
            "This is the loss on the training points: the textbook, not the exam.": marks[2],
            "This is the loss of a new model: the exam is for the one that was trained with the chosen learning "
            "rate.": _mae(_fresh_line(), X_test, y_test),
        },
    )


def _expect_splits(splits: Any) -> None:
    if type(splits) not in (tuple, list) or len(splits) != 6:
        raise NotYet(f"splits: expected the six tensors of the task in a tuple, received {describe(splits)}.")
    for name, part in zip(_PARTS, splits, strict=True):
        flat = type(part) is Tensor and part.layout == torch.strided and not part.is_nested and part.ndim == 2
        if not flat or part.shape[1] != 1 or part.dtype != torch.float32 or part.device.type != "cpu":
            raise NotYet(
                f"{name}: expected a float32 tensor of shape [n, 1], received {describe(part)}.",
                "Section 1 shows how a row of numbers becomes a column.",
            )
        if part.requires_grad:
            raise NotYet(f"{name}: expected data, received a tensor that asks for its gradient.")
    for name, X, y in zip(("training", "validation", "test"), splits[::2], splits[1::2], strict=True):
        if len(X) != len(y) or len(X) == 0:
            raise NotYet(f"The {name} points: expected as many X as y, received {len(X)} and {len(y)}.")
        if not torch.allclose(y, 0.3 * X + 0.9, rtol=0, atol=1e-4):
            raise NotYet(
                f"The {name} points do not lie on the line of the task.",
                "Is its formula right? And is each y still beside its own X? Rows of both are taken in the same order.",
            )
    X_train, X_val, X_test = splits[::2]
    everything = torch.cat([X_train, X_val, X_test]).flatten()
    if len(everything) < 100 or not (0 <= everything.min() < 0.1 and 0.9 < everything.max() <= 1):
        raise NotYet(
            f"The points: expected 100 or more with X from 0 to 1, received {len(everything)} "
            f"from {everything.min():.2f} to {everything.max():.2f}."
        )
    if len(everything.unique()) < len(everything):
        raise NotYet(
            "The same X stands in your data twice.",
            "A point belongs to one of the three sets, and to one only: a question of the exam must not be in the "
            "textbook.",
        )
    if len(X_train) <= max(len(X_val), len(X_test)):
        raise NotYet(f"The training points: expected the largest of the three sets, received {len(X_train)} points.")
    for name, X in (("validation", X_val), ("test", X_test)):
        if X.min() > X_train.max() or X.max() < X_train.min() or X.max() - X.min() < 0.3:
            raise NotYet(
                f"The {name} points lie all in one place, from {X.min():.2f} to {X.max():.2f}: they are not shuffled.",
                "A random order of the row numbers, taken apart into three pieces, picks the rows of each set.",
            )


def _expect_training(train_line: Any) -> None:
    expect_callable(train_line, "train_line")
    for number in (0, 1):
        given = _trial(number)
        torch.manual_seed(number)
        model = nn.Linear(1, 1)
        start = [parameter.detach().clone() for parameter in model.parameters()]
        # The exam is made of NaN: who trains or judges by it gets nothing else.
        losses = call(
            train_line, model, _copies((*given[:4], *2 * [torch.full((4, 1), torch.nan)])), given[4], may_change=True
        )
        learned = [parameter.detach() for parameter in model.parameters()]
        if all(torch.equal(before, after) for before, after in zip(start, learned, strict=True)):
            raise NotYet(
                "The model that `train_line` was given is still as it was.",
                "Which model do the optimizer and the loop work on, the one that is given or another?",
            )
        wanted, wanted_losses = _trained(number)
        what = "the validation losses"
        try:
            expect(losses, wanted_losses, what=what, rtol=1e-3, atol=1e-5)
        except NotYet:  # only now the wrong loops are run
            mistakes = {hint: _trained(number, **options)[1] for hint, options in _WRONG_LOOPS.items()}
            mistakes[
                "The test points are at work here, in the training or in the judging: the exam comes at the end."
            ] = [math.nan] * len(wanted_losses)
            expect(losses, wanted_losses, what=what, mistakes=mistakes, rtol=1e-3, atol=1e-5)
        expect(learned, wanted, what="the parameters after training", rtol=1e-3, atol=1e-4)


_WRONG_LOOPS: dict[str, dict[str, Any]] = {
    "The loop goes round as often as it should, but judges after 1, 21, 41 ... rounds instead of 20, 40, 60.": {
        "first": 1
    },
    "These are losses on the training points; the mock exam asks others.": {"judged_by": "training"},
    "The gradients of earlier rounds are still there: one of the five steps is missing.": {"zero_grad": False},
    "The squared residuals are at work here; the task wants the absolute ones.": {"loss_fn": nn.MSELoss()},
}


def _trial(number: int) -> tuple[Tensor, Tensor, Tensor, Tensor, float]:
    """Data far from what a new model predicts, and a rate at which 300 epochs are not enough to bounce."""
    X = torch.rand(16, 1, generator=_generator(number))
    y = (2.0, -1.5)[number] * X + (3.0, -4.0)[number]
    return X[:10], y[:10], X[10:], y[10:], (0.005, 0.004)[number]


@cache
def _trained(number: int, **options: Any) -> tuple[list[Tensor], list[float]]:
    torch.manual_seed(number)
    return _reference(*_trial(number), model=nn.Linear(1, 1), **options)


def _reference(
    X_train: Tensor,
    y_train: Tensor,
    X_val: Tensor,
    y_val: Tensor,
    lr: float,
    *,
    model: nn.Module | None = None,
    first: int = 20,
    judged_by: str = "validation",
    zero_grad: bool = True,
    loss_fn: nn.Module | None = None,
) -> tuple[list[Tensor], list[float]]:
    """The parameters and the losses after 300 epochs; the options make the typical mistakes."""
    model, loss_fn = model or _fresh_line(), loss_fn or nn.L1Loss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    X_judge, y_judge = (X_val, y_val) if judged_by == "validation" else (X_train, y_train)
    losses = []
    for epoch in range(1, 301):
        loss = loss_fn(model(X_train), y_train)
        if zero_grad:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 20 == first % 20:
            with torch.no_grad():
                losses.append(loss_fn(model(X_judge), y_judge).item())
    return [parameter.detach() for parameter in model.parameters()], losses


def _last_losses(X_train: Tensor, y_train: Tensor, X_val: Tensor, y_val: Tensor) -> dict[float, float]:
    """The validation loss after 300 epochs for each learning rate, all trained at once, derivatives by hand."""
    lr, line = torch.tensor(LEARNING_RATES), _fresh_line()
    with torch.no_grad():
        weight, bias = line.weight[0].repeat(len(lr)), line.bias.repeat(len(lr))
        for _ in range(300):
            signs = torch.sign(X_train * weight + bias - y_train)
            weight, bias = weight - lr * (signs * X_train).mean(dim=0), bias - lr * signs.mean(dim=0)
        losses = (X_val * weight + bias - y_val).abs().mean(dim=0)
    return dict(zip(LEARNING_RATES, losses.tolist(), strict=True))


def _copies(splits: Any) -> tuple[Tensor, ...]:
    return tuple(part.clone() for part in splits)


def _fresh_line() -> nn.Module:
    torch.manual_seed(42)
    return nn.Linear(1, 1)


def _mae(model: nn.Module, X: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return (model(X) - y).abs().mean().item()
