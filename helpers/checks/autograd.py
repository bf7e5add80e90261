"""The checks of notebook 4, Autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from helpers.checks.compare import NotYet, call, describe, expect, expect_class, hinted
from helpers.checks.core import Book

book = Book(4)
progress = book.progress

NOT_RECORDED = "does not require grad"
LEAF_IN_PLACE = "a leaf Variable that requires grad"


# 4.1: in words, the function, a place, and the slope there by the rules of school
CURVES: list[tuple[str, Callable[[Tensor], Tensor], float, float]] = [
    ("w³ - 2w", lambda w: w**3 - 2 * w, 2.0, 10.0),
    ("w²", lambda w: w**2, -1.5, -3.0),
    ("1/w", lambda w: 1 / w, 0.5, -4.0),
    ("w + 3", lambda w: w + 3, 0.0, 1.0),
    ("5, a level line,", lambda w: 0 * w + 5, 7.0, 0.0),
]


@book.exercise(
    "The slope of any curve",
    goal="let autograd compute a slope",
    minutes=4,
    difficulty=1,
    why="You gave no rule of differentiation: autograd has one for each operation, and finds the slope of whatever "
    "Python code computes with them.",
)
def slope(slope: Any) -> None:
    """The slope of a given function at a given number."""
    not_asked = "Autograd keeps track of a tensor only if it is asked to, before anything is computed from it."
    by_nudging = "A nudge is never small enough: let autograd compute the slope."
    for name, curve, place, wanted in CURVES:
        what = f"the slope of {name} at {place:g}"
        tracked: list[bool] = []
        with hinted({NOT_RECORDED: not_asked}):
            result = call(slope, _watched(curve, tracked), place)
        if result is None:
            raise NotYet(
                f"The result for {what} is None.",
                "Either the function has no `return`, or it returns a `.grad` that `backward()` has not filled yet.",
            )
        if type(result) is Tensor and result.shape == () and 1e-4 < abs(result.item() - wanted) < 0.01:
            raise NotYet(f"The result for {what}: {result.item():.6g} is near, but not exact.", by_nudging)
        heights = {"This is the height of the curve at that place, not its slope.": curve(torch.tensor(place))}
        expect(result, torch.tensor(wanted), what=what, mistakes=heights, requires_grad=False, reveal=True)
        if not any(tracked):
            raise NotYet(
                f"The result for {what} is right. But `f` was never given a tensor that autograd keeps track of.",
                by_nudging,
            )


def _watched(curve: Callable[[Tensor], Tensor], tracked: list[bool]) -> Callable[[Tensor], Tensor]:
    """The curve, which notes of each place whether autograd keeps track of it."""

    def watched(w: Tensor) -> Tensor:
        tracked.append(issubclass(type(w), Tensor) and w.requires_grad)
        return curve(w)

    return watched


def _situations() -> Iterator[dict[str, Tensor]]:
    """Tensors by name, made anew each time."""
    x, w, b = torch.ones(2), torch.ones(2, 3, requires_grad=True), torch.zeros(3, requires_grad=True)
    z = x @ w + b
    yield {"x": x, "w": w, "b": b, "z": z, "loss": z.mean()}
    late, frozen = torch.zeros(3).requires_grad_(), torch.ones(3, requires_grad=True).requires_grad_(False)
    yield {"frozen": frozen, "late": late, "doubled": frozen * 2, "shifted": late + 1, "cut": late.detach()}
    yield {"only data": torch.zeros(2)}
    yield {}


@book.exercise(
    "Where gradients arrive",
    goal="tell leaves that require gradients from data and from results",
    minutes=4,
    difficulty=1,
    why="An optimizer wants just these: give it the result of a computation, and it refuses with `can't optimize a "
    "non-leaf Tensor`.",
)
def collectors(collectors: Any) -> None:
    """The names of the tensors that `backward()` leaves a gradient in."""
    for tensors in _situations():
        asked = {name: t.requires_grad for name, t in tensors.items()}
        wanted = [name for name, t in tensors.items() if t.requires_grad and t.is_leaf]
        mistakes = {
            "What was computed requires gradients too, but they only pass through it: they arrive at the leaves.": [
                name for name, t in tensors.items() if t.requires_grad
            ],
            "Data are leaves too, since nothing computed them, but nobody asked for their gradients.": [
                name for name, t in tensors.items() if t.is_leaf
            ],
            "`backward()` has not run yet, so there is nothing in `.grad` to look at: ask the tensors for what they "
            "are.": [],
            "All of them, even the data. Two things must be true of such a tensor, and either alone is not enough.": [
                *tensors
            ],
        }
        given = ", ".join(f"`{name}`" for name in tensors) or "no tensors at all"
        result = call(collectors, dict(tensors), may_change=True)
        if {name: t.requires_grad for name, t in tensors.items()} != asked:
            raise NotYet("The function changed what its tensors require. It is to look at them, no more.")
        if type(result) is list and all(type(name) is str for name in result):
            for name in tensors:
                if (name in result) != (name in wanted):
                    verb = "is in your list and should not be" if name in result else "is missing from your list"
                    hints = [hint for hint, wrong in mistakes.items() if wrong == result]
                    raise NotYet(f"The tensors {given}: `{name}` {verb}.", *hints[:1])
        expect(result, wanted, what=f"the result for {given}")


@book.exercise(
    "The gradient of a line's error",
    goal="derive a gradient by hand with the chain rule",
    minutes=7,
    difficulty=2,
    why="These two numbers are all that it takes to fit a line to points: notebook 5 does so, with autograd's help.",
)
def line_gradients(line_gradients: Any) -> None:
    """The gradients of the mean squared error of a line, without autograd."""
    generator = torch.Generator().manual_seed(4)
    cases = [
        (*torch.randn(2, generator=generator).unbind(), *torch.randn(2, n, generator=generator).unbind())
        for n in (3, 1, 8)
    ]
    points = torch.tensor([1.0, 2.0, 3.0])
    cases.append((torch.tensor(2.0), torch.tensor(1.0), points, 2 * points + 1))  # no error: no gradient
    mistakes = {
        "You are off by a factor of 2: what is the slope of a square?": _scaled(0.5, 0.5),
        "The slopes of all points were added. The loss is a mean, so each point counts with its share.": (
            lambda w, b, x, y: tuple(len(x) * slope for slope in _line_gradients(w, b, x, y))
        ),
        "Both have the wrong sign. Where the line is above the points, a larger `b` makes the loss larger.": _scaled(
            -1, -1
        ),
        "The gradient of `b` is right. By what is `w` multiplied on its way to the loss?": (
            lambda w, b, x, y: (_line_gradients(w, b, x, y)[1],) * 2
        ),
        "One gradient for each point. The loss is one number, a mean, and so is the gradient of `w`.": (
            lambda w, b, x, y: (2 * (w * x + b - y) * x, 2 * (w * x + b - y))
        ),
        "A mean of products is not the product of the means: multiply for each point, then take the mean.": (
            lambda w, b, x, y: (2 * (w * x + b - y).mean() * x.mean(), 2 * (w * x + b - y).mean())
        ),
        "They are right, but in the other order: that of `w` comes first.": (
            lambda w, b, x, y: _line_gradients(w, b, x, y)[::-1]
        ),
    }
    by_autograd = "By hand means without `backward()`; the check has switched autograd off. Use it to test your result."
    for inputs in cases:
        with hinted({NOT_RECORDED: by_autograd}), torch.inference_mode():  # which `enable_grad` does not undo
            result = call(line_gradients, *inputs)
        count = len(inputs[-1])
        expect(
            result,
            _line_gradients(*inputs),
            what=f"the result for {count} points" if count > 1 else "the result for a single point",
            mistakes={hint: wrong(*inputs) for hint, wrong in mistakes.items()},
            requires_grad=False,
            reveal=True,
        )


def _line_gradients(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    error = w * x + b - y
    return 2 * (error * x).mean(), 2 * error.mean()


def _scaled(for_w: float, for_b: float) -> Callable[..., tuple[Tensor, Tensor]]:
    def wrong(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        w_grad, b_grad = _line_gradients(w, b, x, y)
        return for_w * w_grad, for_b * b_grad

    return wrong


@book.exercise(
    "A batch in parts",
    goal="add gradients up on purpose, each part with its share",
    minutes=6,
    difficulty=2,
    why="This is how a batch of thousands is trained on with the memory for a few: `step()` waits for the last part.",
)
def gradient_in_parts(gradient_in_parts: Any) -> None:
    """The gradient of a whole batch, one backward pass for each of its parts."""
    generator = torch.Generator().manual_seed(5)
    for sizes, features in (((3, 3, 2), 4), ((1, 5), 2), ((4, 4), 3), ((6,), 1)):
        X = torch.randn(sum(sizes), features, generator=generator)
        y = torch.randint(0, 2, (sum(sizes),), generator=generator).float()
        w = torch.randn(features, generator=generator).requires_grad_()
        parts = list(zip(X.split(sizes), y.split(sizes), strict=True))
        old = torch.randn(features, generator=generator)
        wanted = _gradient(w, X, y)
        singles = torch.stack([_gradient(w, *part) for part in parts])
        shares = [size / sum(sizes) for size in sizes]
        mistakes = {
            "What `w.grad` held before the call is still in it.": wanted + old,
            "Each part counts as much as the others, and they are not equally long.": singles.mean(dim=0),
            "The gradients of the parts were added, each in full. Which share of the loss is each part's?": singles.sum(
                0
            ),
            "The shares add up to more than a whole. Of how many examples is each part a share?": sum(sizes) * wanted,
            "Only the last part is left, and it counts in full. When is `.grad` to be cleared?": singles[-1],
            "Only the last part is left. When is `.grad` to be cleared?": shares[-1] * singles[-1],
            "Each part counts in full, on top of what `w.grad` held before the call.": old + singles.sum(0),
        }
        backwards = []
        w.register_hook(lambda gradient, seen=backwards: seen.append(1))
        before = w.detach().clone()
        w.grad = old.clone()
        result = call(gradient_in_parts, w, [*parts], may_change=True)
        listed = ", ".join(map(str, sizes))
        what = f"the gradient for parts of {listed} examples" if len(sizes) > 1 else "the gradient for a single part"
        expect(result, wanted, what=what, mistakes=mistakes, requires_grad=False, reveal=True)
        if not torch.equal(w.detach(), before):
            raise NotYet("`w` itself has changed. The task wants its gradient; the step comes later.")
        if len(backwards) != len(parts):
            raise NotYet(
                f"The gradient is right. But the backward passes were {len(backwards)} for {len(parts)} parts.",
                "Go back through each part by itself, before the next one is computed: that is what saves the memory.",
            )


def _gradient(w: Tensor, X: Tensor, y: Tensor) -> Tensor:
    leaf = w.detach().clone().requires_grad_()
    binary_cross_entropy_with_logits(X @ leaf, y).backward()
    return leaf.grad


@book.exercise(
    "Only looking",
    goal="use a model with its layers and autograd set for use",
    minutes=4,
    difficulty=2,
    why="Both are needed, since neither does the other's work. Call `model.train()` before you train on.",
)
def predict(predict: Any) -> None:
    """Predictions of a model in use: no Dropout, nothing recorded."""
    for layers in ([nn.Linear(5, 40), nn.Dropout(0.5)], [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)]):
        model = nn.Sequential(*layers)
        runs: list[tuple[bool, bool]] = []  # of Dropout or BatchNorm: in training mode? recorded by autograd?
        layers[1].register_forward_pre_hook(
            lambda layer, _, runs=runs: runs.append((layer.training, torch.is_grad_enabled()))
        )
        X = torch.randn(6, layers[0].in_features)
        model.eval()
        with torch.no_grad():
            wanted = model(X)
        model.train()
        runs.clear()
        weights = [p.detach().clone() for p in model.parameters()]
        result = call(predict, model, X, may_change=True)
        if any(training for training, _ in runs):
            raise NotYet(
                f"The model ran in training mode: {type(layers[1]).__name__} still behaved as in training.",
                "Switching autograd off does not tell the layers that the model is in use now.",
            )
        expect(result, wanted, what=f"the predictions for {describe(X)}")
        if result.requires_grad:
            raise NotYet(
                "The numbers are right, but the predictions have a graph: their `requires_grad` is True.",
                "`eval()` speaks to the layers, not to autograd.",
            )
        if not runs:
            raise NotYet("The numbers are right, but `model` did not compute them.")
        if any(recorded for _, recorded in runs):
            raise NotYet(
                "The predictions have no graph, but autograd was at work while the model ran, for nothing.",
                "What is cut off afterwards was recorded before. Which way keeps autograd from recording at all?",
            )
        if not torch.is_grad_enabled():
            raise NotYet(
                "After your function, autograd is still switched off, for everybody.",
                "A `with` block switches it back on at its end.",
            )
        if not all(p.requires_grad for p in model.parameters()):
            raise NotYet("After your function, the model is frozen: it cannot be trained any more.")
        if not all(map(torch.equal, weights, model.parameters())):
            raise NotYet("Your function has changed the parameters of the model.")


@book.exercise(
    "Small project: an optimizer of your own",
    goal="write gradient descent as an optimizer that trains any model",
    minutes=12,
    difficulty=3,
    why="It does what plain `SGD` does, step by step. Next, give it momentum: keep 0.9 of the last step, add the new "
    "one, and try both on the long bowl.",
)
def own_optimizer(Descent: Any) -> None:
    """A class with `zero_grad()` and `step()`, beside `torch.optim.SGD`."""
    expect_class(Descent)
    with _no_other_optimizer():
        for lr in (0.15, 0.02):
            p = torch.tensor([-3.5, 1.0], requires_grad=True)
            _compare(Descent, [p], lambda p=p: p[0] ** 2 + 5 * p[1] ** 2, lr, "on the bowl")
        model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
        model[0].requires_grad_(False)
        X = torch.randn(7, 2)
        _compare(Descent, model, lambda: (model(X) ** 2).mean(), 0.1, "on a network")  # noqa: PLW0108 - not the same


@contextmanager
def _no_other_optimizer() -> Iterator[None]:
    """Refuse an optimizer of PyTorch, bare or inside the answer."""

    def refuse(*_: Any, **__: Any) -> None:
        raise NotYet("This builds on one of PyTorch's own optimizers. The point is to write one from nothing.")

    own = torch.optim.Optimizer.__init__
    torch.optim.Optimizer.__init__ = refuse
    try:
        yield
    finally:
        torch.optim.Optimizer.__init__ = own


def _compare(cls: type, of: list[Tensor] | nn.Module, loss_of: Callable[[], Tensor], lr: float, where: str) -> None:
    """Take three steps with the class, and ask after each method whether the parameters are as with plain SGD."""
    if isinstance(of, list):
        parameters, given = of, of
        unreached = "`p = ...` only gives a name to a new tensor; the parameter itself, or its `.grad`, must change."
    else:
        parameters, given = list(of.parameters()), of.parameters()
        unreached = (
            "`model.parameters()`, like every generator, can be looped over only once. What could be kept instead?"
        )
    made = call(cls, given, lr=lr, may_change=True)
    for number in (1, 2, 3):
        _run(made, "zero_grad")
        if any(p.grad is not None and p.grad.any() for p in parameters):
            raise NotYet(f"After `zero_grad()` {where}, step {number}, the old gradients are still there.", unreached)
        loss_of().backward()
        # A frozen parameter has no gradient, or zeros where `zero_grad` put them.
        before = [(p.detach().clone(), p.grad.clone() if p.requires_grad else None) for p in parameters]
        _run(made, "step")
        for p, (old, gradient) in zip(parameters, before, strict=True):
            _expect_moved(p, old, gradient, lr, f"after `step()` {where}, step {number},", unreached)


def _run(made: Any, name: str) -> None:
    hints = {
        LEAF_IN_PLACE: "Autograd would record the step. Which block tells it to look away?",
        "attribute 'grad'": "The parameters are many tensors, each with a `.grad` of its own: take them one by one.",
        "NoneType": "A frozen parameter has no gradient, and before the first `backward()` none has: `.grad` is None.",
    }
    try:
        with hinted(hints):
            call(lambda: getattr(made, name)(), may_change=True)  # noqa: PLW0108 - without it `getattr` might raise here
    except NotYet as finding:
        first, *others = finding.sentences
        raise NotYet(first.replace("when it was called with no arguments", f"in `{name}()`"), *others) from None


def _expect_moved(  # noqa: PLR0917
    p: Tensor, old: Tensor, gradient: Tensor | None, lr: float, when: str, unreached: str
) -> None:
    """One parameter is where a step of plain gradient descent takes it."""
    now = p.detach()
    if gradient is None:
        if not torch.equal(now, old):
            raise NotYet(f"{when.capitalize()} a frozen parameter has changed, and it has no gradient.")
        return
    if not p.requires_grad:
        raise NotYet(f"{when.capitalize()} a parameter no longer requires a gradient: it cannot learn on.")
    if torch.equal(now, old):
        raise NotYet(f"{when.capitalize()} a parameter is where it was before.", unreached)
    mistakes = {
        "The step goes up the slope. The gradient says where the loss grows.": old + lr * gradient,
        "The step is as long as the gradient: where is the learning rate?": old - gradient,
        "These are the steps alone, without the place where they start.": -lr * gradient,
    }
    expect(now, old - lr * gradient, what=f"a parameter {when.rstrip(',')}", mistakes=mistakes, reveal=True)
