"""The checks of notebook 5, Workflow: regression."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.compare import (
    Case,
    NotYet,
    brief,
    call,
    describe,
    expect,
    expect_callable,
    expect_class,
    expect_module,
    expect_none,
    expect_results,
    plain,
)
from helpers.checks.core import Book, Part, either, seeded, template
from helpers.checks.source import cell_of

book = Book(5)
progress = book.progress


_split = template(
    "def shuffled_split(X, y, order): n, o = $n, $rows; a, b = X[o], y[o]; return $result",
    result="a[:n], b[:n], a[n:], b[n:]",
    n="len(X) * 8 // 10",
    rows="order",
)


@book.exercise(
    "Shuffled, then split",
    goal="split samples at random without tearing inputs and targets apart",
    minutes=4,
    difficulty=1,
    why="One order for both keeps every pair together; the project at the end does the same with three parts.",
    mistakes={
        "Each target must stay beside its input.": _split("a[:n], y[:n], a[n:], y[n:]", "X[:n], b[:n], X[n:], b[n:]"),
        "The first part is for training.": _split("a[n:], b[n:], a[:n], b[:n]", "a[:-n], b[:-n], a[-n:], b[-n:]"),
        "80 % of 7 rows are 5.6: rounded down, 5.": _split(n="round(0.8 * len(X))"),
        "Index with `order` itself, once.": _split(rows=("order.argsort()", "order[order]")),
    },
)
def shuffled_split(answer: Any) -> None:
    """The first 80 % of the rows in a given order, and the rest, of inputs and targets."""
    cases = []
    for n in (10, 7, 2, 40):
        order, (X_new, y_new) = torch.randperm(n, generator=seeded(n)), torch.rand(2, n, 1, generator=seeded(1))
        X, y = torch.empty(n, 1), torch.empty(n, 1)
        X[order], y[order] = X_new, y_new
        n_train = n * 8 // 10
        cases.append(Case((X, y, order), (X_new[:n_train], y_new[:n_train], X_new[n_train:], y_new[n_train:])))
    expect_results(answer, cases, what=("X_train", "y_train", "X_val", "y_val"))


_curve = template(
    """
    class CurveModel(nn.Module):
        def __init__(self): super().__init__(); self.curve, self.weight, self.bias = $three
        def forward(self, X): c, w, b = self.parameters(); return $result
    """,
    result="c * X**2 + w * X + b",
    three="(nn.Parameter(torch.randn(1)) for _ in range(3))",
)


@book.exercise(
    "A curve instead of a line",
    goal="write a model with parameters of your own",
    minutes=5,
    difficulty=2,
    why="To train it, the five steps below stay as they are: they never ask what is inside a model.",
    mistakes={
        "Square X alone, `X**2`, and multiply the square by `curve`.": _curve(
            *(f"{square} + w * X + b" for square in ("c * X", "c * 2 * X", "c * 2**X", "(c * X)**2", "c**2 * X")),
            *("w * X**2 + c * X + b", "(c + w) * X**2 + b"),
        ),
        "The bias is added as it is.": _curve("c * X**2 + w * X", "c * X**2 + w * X * b", "c * X**2 + w * (X + b)"),
        "Draw new numbers for every model, in `__init__`.": _curve(three="map(nn.Parameter, torch.zeros(3, 1))"),
    },
)
def curve_model(answer: Any) -> None:
    """A module with three parameters that predicts curve * X² + weight * X + bias."""
    expect_class(answer)
    model, X = call(answer), torch.linspace(-2, 3, 6).unsqueeze(1)
    if issubclass(type(model), nn.Module):
        _expect_three_parameters(model)
    expect_module(model, X, output_shape=[6, 1], parameters=3, same_modes=True)
    pairs = zip(nn.Module.parameters(model), nn.Module.parameters(call(answer)), strict=True)
    if any(first.item() == second.item() for first, second in pairs):
        raise NotYet("Two new models begin with the same number.")
    for curve, weight, bias in ((1.5, -0.7, 0.4), (3.0, 0.0, 0.0), (0.0, 0.3, 0.9), (-1.5, 2.0, -4.0)):
        numbers = {"curve": curve, "weight": weight, "bias": bias}
        with torch.no_grad():
            for name, parameter in nn.Module.named_parameters(model):
                parameter.fill_(numbers[name])
        what = f"the prediction with curve {curve:g}, weight {weight:g} and bias {bias:g}"
        for inputs in (X, torch.full((1, 1), 4.0)):
            expect(call(model, inputs).detach(), curve * inputs**2 + weight * inputs + bias, what=what, reveal=True)


def _expect_three_parameters(model: nn.Module) -> None:
    named = dict(nn.Module.named_parameters(model))
    if any(type(value) is Tensor for value in vars(model).values()) and len(named) < 3:
        hint = "A plain tensor is not registered: no optimizer changes it."
        raise NotYet("Your model keeps plain tensors, which are not among its parameters.", hint)
    if {*named} != {"curve", "weight", "bias"} or any(parameter.numel() != 1 for parameter in named.values()):
        found = ", ".join(f"`{name}` {brief(p.detach())}" for name, p in list(named.items())[:8]) or "none"
        hint = f"Found: {found}. What is set on `self`, as in `self.curve = ...`, gives a parameter its name."
        raise NotYet("Its parameters should be `curve`, `weight` and `bias`, with one number each.", hint)
    if len({parameter.data_ptr() for parameter in named.values()}) < 3:
        raise NotYet("The three parameters are one and the same tensor.", "Draw a number for each.")


_round = template(
    "def train_step(model, X, y, loss_fn, optimizer): $before; loss = $loss; $result; return loss.item()",
    {"deepcopy": copy.deepcopy},
    result="optimizer.zero_grad(); loss.backward(); optimizer.step()",
    before="pass",
    loss="loss_fn(model(X), y)",
)


@book.exercise(
    "The five steps from memory",
    goal="write the five steps of training, in their order",
    minutes=6,
    difficulty=2,
    why="These five lines train every network of this course, whatever its layers, its loss and its optimizer.",
    mistakes={
        "Old gradients are still there: clear them before `backward()`.": _round("loss.backward(); optimizer.step()"),
        "Clear the gradients before `backward()`.": _round("loss.backward(); optimizer.zero_grad(); optimizer.step()"),
        "`step()` of the given `optimizer` is missing: it changes the parameters.": _round("loss.backward()"),
        "`backward()` is missing, and only it computes gradients.": _round("optimizer.step()"),
        "`step()` uses what `backward()` computes, so it comes last.": _round("optimizer.step(); loss.backward()"),
        "This loss was measured after the step: return the one on which `backward()` was called.": _round(
            "optimizer.zero_grad(); loss.backward(); optimizer.step(); loss = loss_fn(model(X), y)"
        ),
        "A loss takes the predictions first, then the targets.": _round(loss="loss_fn(y, model(X))"),
        "Learning needs train mode: leave out `eval()`.": _round(before="model.eval()"),
        "Predict with `model(X)`: not with `model.forward(X)`, which leaves out hooks, nor with a copy.": _round(
            loss=("loss_fn(model.forward(X), y)", "loss_fn(deepcopy(model)(X), y)")
        ),
    },
)
def train_step(answer: Any) -> None:
    """One round of learning with what is given; its loss as a number."""
    expect_callable(answer)
    for features, measure, optimizer_class, options in (
        (1, nn.L1Loss(), torch.optim.SGD, {"lr": 0.05}),
        (3, nn.MSELoss(), torch.optim.SGD, {"lr": 0.02, "momentum": 0.9}),
        (2, nn.MSELoss(), torch.optim.Adam, {"lr": 0.1}),
    ):
        X = torch.rand(6, features, generator=seeded(features))
        y = 3 * X.sum(dim=1, keepdim=True) + 1
        seen: list[str] = []
        model, twin = (nn.Linear(features, 1) for _ in range(2))
        twin.load_state_dict(model.state_dict())
        optimizer, twin_optimizer = (optimizer_class(one.parameters(), **options) for one in (model, twin))
        loss_fn = _watch(model, optimizer, measure, seen)
        for turn in ("first", "second", "third"):
            seen.clear()
            loss = call(answer, model, X.clone(), y.clone(), loss_fn, optimizer, may_change=True)
            if [*dict.fromkeys(seen)] != ["forward", "loss", "backward", "step"]:
                hint = "A round has five steps: is one of them missing, or in the wrong place?"
                raise NotYet(f"Seen in this round, in this order: {', '.join(seen) or 'nothing'}.", hint)
            if (steps := seen.count("step")) > 1:
                raise NotYet(
                    f"`step()` was called {steps} times.", "One training step is asked for, with all rows at once."
                )
            wanted = measure(twin(X), y)
            twin_optimizer.zero_grad()
            wanted.backward()
            twin_optimizer.step()
            where = f"of the {turn} round, with {type(optimizer).__name__} and {type(measure).__name__}"
            expect(loss, wanted.item(), what=f"the loss {where}")


def _watch(model: nn.Linear, optimizer: torch.optim.Optimizer, measure: nn.Module, seen: list[str]) -> Any:
    """Note what is done with a model and an optimizer; the loss function that does so, too."""

    def loss_fn(pred: Tensor, target: Tensor) -> Tensor:
        seen.append("loss of targets and predictions" if target.requires_grad else "loss")
        return measure(pred, target)

    def note_forward(module: nn.Module, *_: Any) -> None:
        seen.append("forward of a copy" if module is not model else f"forward{' in eval mode' * (not model.training)}")

    def note_step(*_: Any) -> None:
        seen.append("step" if model.bias.grad is not None and model.bias.grad.any() else "step without gradients")

    model.register_forward_hook(note_forward)
    model.weight.register_hook(lambda _: seen.append("backward"))
    optimizer.register_step_post_hook(note_step)
    return loss_fn


_exam = template(
    """
    def mock_exam(model, X, y, loss_fn):
        flag = model.training; $result
        with $block: loss = loss_fn(model(X), y)
        $after; return loss.item()
    """,
    result="model.eval()",
    block="torch.no_grad()",
    after="model.train(flag)",
)


@book.exercise(
    "A mock exam in between",
    goal="judge a model in the middle of training, and leave no trace",
    minutes=5,
    difficulty=2,
    why="Forget to switch back, and the rest of the training runs without dropout, with no error to tell you.",
    mistakes={
        "Dropout is off only in eval mode: call the model between `eval()` and `train(flag)`.": _exam("pass"),
        "This reaches only the outermost module; `model.eval()` reaches all.": _exam("model.training = False"),
        "Call `model` inside `torch.inference_mode()`.": _exam(block="torch.enable_grad()"),
        "Read `.training` first, and give it to `model.train(flag)` last.": _exam(after=("pass", "model.train()")),
    },
)
def mock_exam(answer: Any) -> None:
    """The loss in eval mode, unrecorded; the mode is as before afterwards."""
    expect_callable(answer)
    for mode, n, measure in (("train", 4, nn.L1Loss()), ("eval", 3, nn.MSELoss()), ("train", 1, nn.MSELoss())):
        X, y, seen = torch.randn(n, 2), torch.randn(n, 8), set()
        model = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5)).train(mode == "train")
        wanted = measure(model[0](X), y).item()

        def note(dropout: nn.Module, *_: Any, model: nn.Module = model, seen: set[str] = seen) -> None:
            seen.add("off" if not dropout.training else "on" if model.training else "only the flag")
            seen.update(["recorded"] * torch.is_grad_enabled())

        model[1].register_forward_hook(note)
        result = call(answer, model, X.clone(), y.clone(), measure, may_change=True)
        facts = {
            "Dropout was active, though the outermost module was in eval mode.": "only the flag" in seen,
            "Dropout was active, as in training.": "on" in seen,
        }
        expect_none(facts)
        expect(result, wanted, what=f"the loss of a model in {mode} mode")
        left = {module.training for module in model.modules()} != {mode == "train"}
        facts = {
            "The loss is right, but autograd recorded while the model computed.": "recorded" in seen,
            f"The loss is right, but a model that was given in {mode} mode is left in another.": left,
        }
        expect_none(facts)


_walk = template(
    """
    def momentum_walk(gradients, lr, momentum):
        m, p, places = 0.0, torch.tensor(0.0), []
        for g in gradients: old, m = m, $memory; $result; places.append(p)
        return torch.stack(places)
    """,
    result="p = p - lr * m",
    memory="momentum * m + g",
)


@book.exercise(
    "Momentum by hand",
    goal="compute what an optimizer with momentum does",
    minutes=8,
    difficulty=3,
    why="`torch.optim.SGD` does just this for each parameter. Try gradients of 1, 1, 1 and then seventeen "
    "zeros: how far does the parameter go on by itself?",
    mistakes={
        "Nothing is remembered: these are the steps without momentum.": _walk(memory="g"),
        "Nothing is forgotten: multiply the memory by `momentum`.": _walk(memory=("m + g", "m + momentum * g")),
        "The memory is that of the step before: add the new gradient to it first.": _walk("p = p - lr * old"),
        "These are all the last value: `-=` changes those in the list too. Write `p = p - ...`.": _walk("p -= lr * m"),
        "These are the moves, or memories. Where is the parameter?": _walk("p = -lr * m", "p = lr * m", "p = m"),
        "The gradient is in the memory already.": _walk("p = p - lr * (g + m)", "p = p - lr * m * g"),
        "Add the whole gradient: `1 - momentum` is for averages.": _walk(memory="momentum * m + (1 - momentum) * g"),
        "`lr` is there twice: in the memory, and in the step.": _walk(memory="momentum * m + lr * g"),
    },
)
def momentum_walk(answer: Any) -> None:
    """The places of a parameter that starts at 0 and follows given gradients with momentum."""
    cases = []
    for gradients, lr, momentum in (
        ([1.0, -2.0, 0.5, 1.5], 0.2, 0.9),
        ([1.0, 1.0, -4.0], 0.5, 0.0),
        ([3.0], 0.01, 0.9),
        ([1.0, 0.0, 0.0, 0.0], 1.0, 0.5),
        ([0.3, 0.3, 0.3, 0.3, 0.3, 0.3], 0.1, 1.0),
    ):
        memory, places = 0.0, [0.0]
        for gradient in gradients:
            memory = momentum * memory + gradient
            places.append(places[-1] - lr * memory)
        cases.append(Case((torch.tensor(gradients), lr, momentum), torch.tensor(places[1:])))
    expect_results(answer, cases, what="the places", dtype=True)


LEARNING_RATES = (0.1, 0.01, 0.001)
_PARTS = ("X_train", "y_train", "X_val", "y_val", "X_test", "y_test")
_IN_ORDER = f"The order of the task is {', '.join(_PARTS)}."

_train_line = template(
    """
    def train_line(model, splits, lr):
        X_train, y_train, X_val, y_val, X_test, y_test = splits
        loss_fn, optimizer, losses = $loss_fn, torch.optim.$optimizer, []
        for epoch in range(1, 301):
            loss = $loss; $zero; loss.backward(); optimizer.step()
            if $result: losses.append($judged.item())
        return losses
    """,
    result="epoch % 20 == 0",
    loss_fn="nn.L1Loss()",
    optimizer="SGD(model.parameters(), lr=lr)",
    loss="loss_fn(model(X_train), y_train)",
    zero="optimizer.zero_grad()",
    judged="loss_fn(model(X_val), y_val)",
)


def _line(*whens: str, **lines: str | tuple[str, ...]) -> either:
    """Wrong training loops, as the check is called with them: the other parts are open."""
    return either(*((..., loop, ..., ...) for loop in _train_line(*whens, **lines)))


@book.exercise(
    "Another line",
    goal="go the whole way alone: data, split, training, choice, exam",
    minutes=30,
    difficulty=3,
    why="That is the whole workflow. Next, add a little noise to y (0.02 times `torch.randn`): how near to 0.3 and 0.9 "
    "does it come then?",
    mistakes={
        "These are the losses after 1, 21, 41 ... epochs: count the epochs from 1.": _line("epoch % 20 == 1"),
        "These are training losses: use `X_val`, `y_val`.": _line(judged=("loss", "loss_fn(model(X_train), y_train)")),
        "The gradients of earlier epochs are still there: one of the five steps is missing.": _line(zero="pass"),
        "These are the squared residuals; the task wants the absolute ones, MAE.": _line(loss_fn="nn.MSELoss()"),
        "The loop uses the test points: they are for the end.": _line(judged="loss_fn(model(X_test), y_test)"),
        "Only `step()` changes the parameters: is it missing, or does the optimizer have other parameters?": _line(
            optimizer="SGD([torch.ones(1)], lr=lr)"
        ),
        "Use plain `SGD`, with no momentum and the like.": _line(optimizer="Adam(model.parameters(), lr=lr)"),
    },
    seconds=20,  # it trains for 1,500 epochs: half a second on an idle machine, three with `fit`
)
def another_line(splits: Any, train_line: Any, best_lr: Any, test_loss: Any) -> Iterator[Part]:
    """A line of weight 0.3 and bias 0.9: its data, a loop of 300 epochs judged every 20, the choice and the exam."""
    runs: dict[float, tuple[nn.Module, float]] = {}
    yield Part("splits", lambda: _expect_splits(splits))
    yield Part("train_line", lambda: _expect_training(train_line))
    yield Part("best_lr", lambda: _expect_choice(splits, train_line, best_lr, runs), after=("splits", "train_line"))
    yield Part("test_loss", lambda: _expect_exam(splits, train_line, best_lr, test_loss, runs), after=("best_lr",))


def _expect_splits(splits: Any) -> None:
    if type(splits) not in (tuple, list) or len(splits) != 6:
        hint = "Three pairs are needed: points to train on, to choose by (validation) and for the exam (test)."
        raise NotYet(f"Expected the six tensors of the task in a tuple, received {describe(splits)}.", hint, _IN_ORDER)
    for name, part in zip(_PARTS, splits, strict=True):
        flat = type(part) is Tensor and part.layout == torch.strided and not part.is_nested and part.ndim == 2
        if not flat or part.shape[1] != 1 or part.dtype != torch.float32 or part.device.type != "cpu":
            hint = ["`unsqueeze(1)` turns a row of numbers into a column."] * (getattr(part, "ndim", 0) == 1)
            raise NotYet(f"{name}: expected a float32 tensor of shape [n, 1], received {describe(part)}.", *hint)
    X_train, X_val, X_test = splits[::2]
    everything = torch.cat([X_train, X_val, X_test]).flatten()
    for name, X, y in zip(("training", "validation", "test"), splits[::2], splits[1::2], strict=True):
        if len(X) != len(y) or len(X) == 0:
            raise NotYet(f"The {name} points: expected as many X as y, received {len(X)} and {len(y)}.", _IN_ORDER)
        if (y - (0.3 * X + 0.9)).abs().mean() < 0.05:  # noise is allowed
            continue
        if bool((0.3 * everything + 0.9 - y).abs().min(dim=1).values.max() < 1e-4):
            hint = "Take the rows of X and of y in the same order, so that each y stays beside its own X."
            raise NotYet(f"The {name} points are not on the line: their y belong to other X.", hint)
        bias, weight = torch.linalg.lstsq(torch.cat([torch.ones_like(X), X], dim=1), y).solution.flatten().tolist()
        away = (y - (weight * X + bias)).abs().mean().item()
        hint = f"The line that fits them best has weight {weight:.2f} and bias {bias:.2f}; they are {away:.2f} off it."
        raise NotYet(f"The {name} points are not on the line 0.3 * X + 0.9.", hint)
    if len(everything) < 100 or not (0 <= everything.min() < 0.1 and 0.9 < everything.max() <= 1):
        found = f"{len(everything)} from {everything.min():.2f} to {everything.max():.2f}"
        raise NotYet(f"Expected 100 points or more with X from 0 to 1, received {found}.")
    if len(everything) - len(everything.unique()) > (len(everything) / 1000) ** 2:  # `rand` repeats a few by chance
        raise NotYet("The same X is in your data twice.", "A point belongs to one of the three sets only.")
    if len(X_train) <= max(len(X_val), len(X_test)):
        raise NotYet(f"Expected most points in the training set, received {len(X_train)}, {len(X_val)}, {len(X_test)}.")
    for name, X in (("validation", X_val), ("test", X_test)):
        if X.min() > X_train.max() or X.max() < X_train.min() or X.max() - X.min() < 0.3:
            hint = "Split a random order of the row numbers into three parts: they pick the rows of each set."
            raise NotYet(f"The {name} points are all in one region of X: they are not shuffled.", hint)


def _expect_training(train_line: Any) -> None:
    """The losses and the parameters, on data so far from any line that no residual changes its sign in 300 epochs."""
    expect_callable(train_line, "`train_line`")
    lr = 0.004  # not one of the task's
    X = torch.rand(80, 1, generator=seeded(0))
    signs = torch.where(X > 0.4, 1.0, -1.0)
    y = 2 * X + 5 * signs
    model = nn.Linear(1, 1)
    weight, bias = model.weight.item(), model.bias.item()
    passes: list[Tensor] = []
    model.weight.register_hook(passes.append)
    # The exam is made of NaN: a loop that trains or judges by it gets nothing else.
    exam = [torch.full((4, 1), torch.nan) for _ in range(2)]
    losses = call(train_line, model, (X[:70], y[:70], X[70:], y[70:], *exam), lr, may_change=True)
    if weight == model.weight.item() and bias == model.bias.item():
        raise NotYet("The model that `train_line` was given is still as it was.")
    if len(passes) != 300:
        remedy = "300 are asked for: one in each of 300 epochs, for all training points at once."
        raise NotYet(f"`train_line` called `backward()` {len(passes)} times.", remedy)
    by_weight, by_bias = lr * (signs * X)[:70].mean().item(), lr * signs[:70].mean().item()  # in each epoch
    wanted = [
        (y[70:] - (weight + epoch * by_weight) * X[70:] - bias - epoch * by_bias).abs().mean().item()
        for epoch in range(20, 301, 20)
    ]
    expect(losses, wanted, what="the validation losses", rtol=1e-3, atol=1e-5)
    learned = torch.cat([p.detach().flatten() for p in model.parameters()])
    line = torch.tensor([weight + 300 * by_weight, bias + 300 * by_bias])
    expect(learned, line, what="weight and bias after training", rtol=1e-3, atol=1e-4)


def _trained(splits: Any, train_line: Any, lr: float, model: nn.Module) -> tuple[nn.Module, float]:
    """A model trained with the learner's loop, and its last validation loss."""
    return model, call(train_line, model, tuple(part.clone() for part in splits), lr, may_change=True)[-1]


def _expect_choice(splits: Any, train_line: Any, best_lr: Any, runs: dict[float, tuple[nn.Module, float]]) -> None:
    lr = plain(best_lr)
    for rate in LEARNING_RATES if type(lr) is float else ():
        torch.manual_seed(42)
        runs[rate] = _trained(splits, train_line, rate, nn.Linear(1, 1))
    lasts = {rate: last for rate, (_, last) in runs.items()}
    if type(lr) is not float or round(lr, 6) not in LEARNING_RATES:  # out of a float32 tensor it is slightly off
        hint = "This is a loss. Which learning rate led to it? `min(losses, key=losses.get)` returns the key of a dict."
        known = type(lr) is float and any(abs(lr - last) < 1e-5 for last in lasts.values())
        finding = f"Expected one of the three learning rates, a Python number, received {describe(best_lr)}."
        raise NotYet(finding, *[hint] * known)
    if lasts[round(lr, 6)] > min(lasts.values()) + 1e-7:
        listed = ", ".join(f"{last:.4f} with {rate:g}" for rate, last in lasts.items())
        raise NotYet(
            "Another learning rate ends with a smaller validation loss.",
            f"Repeated with your `train_line`, the three runs end with the losses {listed}. Where yours are others, "
            "look at how each run starts: with a new model, made directly after the seed.",
        )
    for choice in _choices(cell_of(train_line)):  # their value may be right by chance
        if found := re.search(r"splits\[(4|5|-1|-2)\]|\b(\w*_)?te(st)?(s|_\w*)?\b", choice):
            hint = "If the test points are used to choose, they cannot judge any more: choose by the validation losses."
            raise NotYet(f"The value is right, but `{found[0]}` takes part in the choice.", hint)
        if re.search(r"\b(min|sorted)\(.*\b(min|sorted)\(", choice):
            hint = "What comes out of a run is the model of its last epoch: compare the last losses."
            raise NotYet("The value is right, but it was chosen by the smallest loss of each run.", hint)


def _choices(cell: ast.Module | None) -> Iterator[str]:
    """The expressions that choose `best_lr`: `best_lr = ...`, or `loss = ...` and `if loss < best: best_lr = lr`."""
    text = ast.unparse(cell) if cell else ""
    yield from re.findall(r"^ *(?:.*, )?best_lr(?:,.*)? = (.*)$", text, re.M)
    for found in re.finditer(r"\bif (.*):\n(?:.*\n){0,2}? *(?:.*, )?best_lr(?:,.*)? = ", text):
        yield found[1]
        for name in re.findall(r"\b[a-z_]\w*", found[1]):
            yield from re.findall(rf"^ *{name} = (.*)$", text[: found.start()], re.M)[-1:]


def _expect_exam(splits: Any, train_line: Any, best_lr: float, test_loss: Any, runs: dict[float, Any]) -> None:
    lr, loss = round(plain(best_lr), 6), plain(test_loss)
    wanted = _mae(runs[lr][0], *splits[4:])
    if type(loss) in (int, float) and not abs(loss - wanted) < 1e-5:
        for what, other in _wrong_exams(splits, train_line, lr, runs).items():
            if abs(loss - other) < 1e-5:
                hint = "The exam: the MAE, as it is, on X_test and y_test, of the model of the run with `best_lr`."
                raise NotYet(f"This is the loss {what}.", hint)
        hint = "Compare these steps with yours: the seed 42, a new `Linear`, `train_line` with your `splits`"
        raise NotYet("The check found another loss.", f"{hint} and {lr:g}, the MAE on X_test and y_test.")
    expect(loss, wanted, what="`test_loss`", atol=1e-5)


def _wrong_exams(splits: Any, train_line: Any, lr: float, runs: dict[float, Any]) -> dict[str, float]:
    """The losses of typical mistakes on the learner's own data, each after what it is."""
    best, exam = runs[lr][0], splits[4:]
    torch.manual_seed(42)
    starts = [nn.Linear(1, 1) for _ in LEARNING_RATES]
    torch.manual_seed(42)
    shared = nn.Linear(1, 1)
    with torch.no_grad():
        residuals, squared = best(exam[0]) - exam[1], best(exam[0]) - exam[1].T
    losses = {f"rounded to {digits} digits": round(residuals.abs().mean().item(), digits) for digits in (2, 3, 4)}
    losses["on the validation points, the mock exam"] = _mae(best, *splits[2:4])
    losses["on the training points, the textbook"] = _mae(best, *splits[:2])
    losses["MSE, of squared residuals"] = residuals.square().mean().item()
    losses["of predictions `[n, 1]` against targets `[n]`, each with all: do not squeeze"] = squared.abs().mean().item()
    losses |= {f"of the model of the run with {rate:g}": _mae(runs[rate][0], *exam) for rate in LEARNING_RATES}
    losses["of a new model, which is not trained"] = _mae(starts[0], *exam)
    second = _trained(splits, train_line, lr, starts[LEARNING_RATES.index(lr)])[0]
    losses["of a run without the seed directly before its model"] = _mae(second, *exam)
    for rate in LEARNING_RATES:
        _trained(splits, train_line, rate, shared)
        losses[f"of one model, trained on and on, after the run with {rate:g}"] = _mae(shared, *exam)
    return losses


def _mae(model: nn.Module, X: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return (model(X) - y).abs().mean().item()
