"""The checks of notebook 4, Autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from helpers.checks.compare import Case, NotYet, call, expect, expect_class, expect_results
from helpers.checks.core import Book, either

book = Book(4)
progress = book.progress


# In words, the function, a place at which no two typical mistakes agree, and the slope there by the rules of school
CURVES: list[tuple[str, Callable[[Tensor], Tensor], float, float]] = [
    ("w³ - 2w", lambda w: w**3 - 2 * w, 1.7, 6.67),
    ("w²", lambda w: w**2, -1.5, -3.0),
    ("1/w", lambda w: 1 / w, 0.5, -4.0),
    ("w + 3", lambda w: w + 3, 0.0, 1.0),
    ("5, a level line,", lambda w: 0 * w + 5, 7.0, 0.0),
]


def _slope_at(place: float, curve: Callable[[Tensor], Tensor]) -> Tensor:
    w = torch.tensor(place, requires_grad=True)
    curve(w).backward()
    return w.grad


@book.exercise(
    "The slope of any curve",
    goal="let autograd compute a slope",
    minutes=6,
    difficulty=1,
    why="You gave no rule of differentiation: autograd has one for each operation, and finds the slope of whatever "
    "Python code computes with them.",
    mistakes={
        "This is the height of the curve at that place, not its slope: go back with `backward()`.": either(
            lambda f, at: f(torch.tensor(at)), lambda f, at: f(torch.tensor(at, requires_grad=True))
        ),
        "This is the slope of `w**2`, the section's example; `f` is another function each time.": (
            lambda f, at: _slope_at(at, lambda w: w**2)
        ),
        "This is the slope of `f` at the number of the section's example; the place is given as `at`.": either(
            lambda f, at: _slope_at(3.0, f), lambda f, at: _slope_at(2.0, f), lambda f, at: _slope_at(1.0, f)
        ),
        "This nudges the number. However small the nudge is, the result is not exact: let autograd "
        "compute the slope.": (lambda f, at: (f(torch.tensor(at + 1e-3)) - f(torch.tensor(at))) / 1e-3),
        "This is the place itself, not the slope there.": lambda f, at: torch.tensor(at),
        "Twice the place is the slope of `w**2` only; `f` is another function each time.": lambda f, at: torch.tensor(
            3 * at
        ),
    },
)
def slope(answer: Any) -> None:
    """The slope of a given function at a given number."""
    for name, curve, place, wanted in CURVES:
        what = f"the slope of {name} at {place:g}"
        tracked: list[bool] = []
        result = call(answer, _watched(curve, tracked), place)
        if type(result) is Tensor and result.shape == () and 1e-4 < abs(result.item() - wanted) < 0.02:
            raise NotYet(f"The result for {what} is near, but not exact.")
        expect(result, torch.tensor(wanted), what=what, requires_grad=False, reveal=True)
        if not any(tracked):
            raise NotYet(
                f"The result for {what} is right, but `f` was never given a tensor that autograd keeps track of.",
                "Make a tensor with `requires_grad=True` from `at`, and give that to `f`.",
            )


def _watched(curve: Callable[[Tensor], Tensor], tracked: list[bool]) -> Callable[[Tensor], Tensor]:
    """The curve, which notes of each place whether autograd keeps track of it."""

    def watched(w: Tensor) -> Tensor:
        tracked.append(issubclass(type(w), Tensor) and w.requires_grad)
        return curve(w)

    return watched


def _situations() -> Iterator[dict[str, Tensor]]:
    """Tensors by name, made again each time."""
    x, w, b = torch.ones(2), torch.ones(2, 3, requires_grad=True), torch.zeros(3, requires_grad=True)
    z = x @ w + b
    yield {"x": x, "w": w, "b": b, "z": z, "loss": z.mean()}
    late, frozen = torch.zeros(3).requires_grad_(), torch.ones(3, requires_grad=True).requires_grad_(False)
    yield {"frozen": frozen, "late": late, "doubled": frozen * 2, "shifted": late + 1, "cut": late.detach()}
    yield {"only data": torch.zeros(2)}
    yield {}


def _names_where(condition: Callable[[Tensor], Any]) -> Callable[[dict[str, Tensor]], list[str]]:
    return lambda tensors: [name for name, t in tensors.items() if condition(t)]


@book.exercise(
    "Where gradients arrive",
    goal="tell leaves that require gradients from data and from results",
    minutes=5,
    difficulty=1,
    why="An optimizer wants just these: give it the result of a computation, and it refuses with `can't optimize a "
    "non-leaf Tensor`.",
    mistakes={
        "Computed tensors require gradients too, but the gradients only pass through them: they "
        "arrive at the leaves.": (_names_where(lambda t: t.requires_grad)),
        "Data are leaves too, because nothing computed them, but they do not require gradients.": either(
            _names_where(lambda t: t.is_leaf), _names_where(lambda t: t.grad_fn is None)
        ),
        "Your list is empty: no tensor meets your condition. `backward()` has not run, so no `.grad` "
        "is filled yet; which "
        "columns of the table above tell `w` and `b` from the others?": either(
            _names_where(lambda t: t.grad is not None), lambda tensors: []
        ),
        "`or` takes tensors for which one of the two is true, so data and computed tensors slip in: "
        "both must be true.": (_names_where(lambda t: t.is_leaf or t.requires_grad)),
        "These are the tensors; their names are asked for.": lambda tensors: [
            t for t in tensors.values() if t.is_leaf and t.requires_grad
        ],
        "`w` and `b` are the names in the notebook. Your function is given other tensors too: ask each of them.": (
            lambda tensors: ["w", "b"]
        ),
        "A loop over a dict gives its keys, which are strings: `.items()` gives the names and the tensors.": (
            lambda tensors: [name for name in tensors if name.requires_grad]  # type: ignore[attr-defined]
        ),
        "These are the tensors that were computed: gradients pass through them and arrive at the leaves.": (
            _names_where(lambda t: t.grad_fn is not None)
        ),
        "These are the tensors without a gradient to come: the answer the wrong way round.": (
            _names_where(lambda t: not (t.requires_grad and t.is_leaf))
        ),
        "The order is that of the dict; this one is another.": lambda tensors: sorted(
            _names_where(lambda t: t.requires_grad)(tensors)
        )[:2],
    },
)
def collectors(answer: Any) -> None:
    """The names of the tensors that `backward()` leaves a gradient in."""
    for tensors in _situations():
        asked = {name: t.requires_grad for name, t in tensors.items()}
        wanted = [name for name, t in tensors.items() if t.requires_grad and t.is_leaf]
        given = ", ".join(f"`{name}`" for name in tensors) or "no tensors at all"
        result = call(answer, dict(tensors), may_change=True)
        if {name: t.requires_grad for name, t in tensors.items()} != asked:
            raise NotYet("The function changed `requires_grad` of its tensors; it should only look at them.")
        expect(result, wanted, what=f"the list for {given}", strict=True)


def _line(rule: Callable[[Tensor, Tensor], Any]) -> Callable[..., Any]:
    """A function of a line and points that returns what `rule` makes of the errors and `x`."""
    return lambda w, b, x, y: rule(w * x + b - y, x)


def _with_autograd(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    w.requires_grad_(), b.requires_grad_()
    ((w * x + b - y) ** 2).mean().backward()
    return w.grad, b.grad


def _with_autograd_grad(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    return torch.autograd.grad(((w * x + b - y) ** 2).mean(), (w, b))


@book.exercise(
    "The gradient of a line's error",
    goal="derive a gradient by hand with the chain rule",
    minutes=10,
    difficulty=2,
    why="These two numbers are all that it takes to fit a line to points: notebook 5 does so, with autograd's help.",
    mistakes={
        "Both are half of what they should be: what is the slope of a square?": _line(
            lambda e, x: ((e * x).mean(), e.mean())
        ),
        "The slopes of all points were added. The loss is a mean, so the gradients are means, too.": _line(
            lambda e, x: (2 * (e * x).sum(), 2 * e.sum())
        ),
        "The slopes of all points were added, and the factor of the square is missing.": _line(
            lambda e, x: ((e * x).sum(), e.sum())
        ),
        "Both have the wrong sign. Where the line is above the points, a larger `b` makes the loss larger.": _line(
            lambda e, x: (-2 * (e * x).mean(), -2 * e.mean())
        ),
        "The gradient of `b` is right. By what is `w` multiplied on its way to the loss?": _line(
            lambda e, x: (2 * e.mean(), 2 * e.mean())
        ),
        "There is one gradient for each point. The loss is one number, a mean over the points, and so is the gradient "
        "of `w`.": either(
            _line(lambda e, x: (2 * e * x, 2 * e)),
            _line(lambda e, x: (2 * e * x / len(x), 2 * e / len(x))),
            _line(lambda e, x: (e * x / len(x), e / len(x))),
            _line(lambda e, x: (e * x, e)),
        ),
        "A mean of products is not the product of the means: multiply for each point, then take the mean.": _line(
            lambda e, x: (2 * e.mean() * x.mean(), 2 * e.mean())
        ),
        "They are right, but in the other order: that of `w` comes first.": _line(
            lambda e, x: (2 * e.mean(), 2 * (e * x).mean())
        ),
        "`outer` multiplies every number with every other. Each error belongs to its own `x`: `*` pairs them.": _line(
            lambda e, x: (torch.outer(x, 2 * e / len(x)), 2 * e.mean())
        ),
        "The number of points was 3 in one example; here it is another. Take the mean, or divide by `len(x)`.": _line(
            lambda e, x: (2 * (e * x).sum() / 3, 2 * e.sum() / 3)
        ),
        "This is the loss, or an error; its gradients are asked for.": either(
            _line(lambda e, x: ((e**2).mean(), (e**2).mean())), _line(lambda e, x: (e**2).mean())
        ),
        "The factor of the square is missing in the gradient of `b`.": _line(
            lambda e, x: (2 * (e * x).mean(), e.mean())
        ),
        "The factor of the square is missing in the gradient of `w`.": _line(
            lambda e, x: ((e * x).mean(), 2 * e.mean())
        ),
        "In the gradient of `b`, `b` is added, not multiplied by `x`: its slope on the way to the error is 1.": _line(
            lambda e, x: (2 * (e * x).mean(), 2 * (e * x).mean())
        ),
        "By hand means without `backward()`: the check has switched autograd off. Use it to test your result.": either(
            _with_autograd, _with_autograd_grad
        ),
    },
)
def line_gradients(answer: Any) -> None:
    """The gradients of the mean squared error of a line, without autograd."""
    generator = torch.Generator().manual_seed(4)
    drawn = [(*torch.randn(2, generator=generator), *torch.randn(2, n, generator=generator)) for n in (3, 1, 8)]
    points = torch.tensor([1.0, 2.0, 3.0])
    cases = []
    for w, b, x, y in [*drawn, (torch.tensor(2.0), torch.tensor(1.0), points, 2 * points + 1)]:  # the last: no error
        line = torch.stack([w, b]).requires_grad_()
        ((line[0] * x + line[1] - y) ** 2).mean().backward()
        cases.append(Case((w, b, x, y), tuple(line.grad)))
    with torch.inference_mode():  # which `enable_grad` does not undo
        expect_results(answer, cases, what="the gradients of `w` and `b`", requires_grad=False, strict=True)


def _added_up(
    share: Callable[[int, list[int]], float], *, clear: bool = True, inside: bool = False
) -> Callable[..., Tensor]:
    """A function that weighs the loss of each part by `share(size, sizes)`, and clears `w.grad` "
    "once, inside or never."""

    def gradient(w: Tensor, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
        sizes = [len(targets) for _, targets in parts]
        if clear:
            w.grad = None
        for (inputs, targets), size in zip(parts, sizes, strict=True):
            if inside:
                w.grad = None
            (binary_cross_entropy_with_logits(inputs @ w, targets) * share(size, sizes)).backward()
        return w.grad

    return gradient


def _zeroed(w: Tensor, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
    w.grad.zero_()
    return _added_up(lambda size, sizes: size / sum(sizes), clear=False)(w, parts)


def _running_total(w: Tensor, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
    w.grad, seen = None, 0
    for inputs, targets in parts:
        seen += len(targets)
        (binary_cross_entropy_with_logits(inputs @ w, targets) * len(targets) / seen).backward()
    return w.grad


def _at_once(w: Tensor, parts: list[tuple[Tensor, Tensor]]) -> Tensor:
    w.grad = None
    X, y = (torch.cat(pieces) for pieces in zip(*parts, strict=True))
    binary_cross_entropy_with_logits(X @ w, y).backward()
    return w.grad


@book.exercise(
    "A batch in parts",
    goal="add gradients up on purpose, each part weighted by its size",
    minutes=8,
    difficulty=2,
    why="This is called gradient accumulation: a batch of thousands is trained on with the memory for a few, because "
    "`step()` waits for the last part.",
    mistakes={
        "What `w.grad` held before the call is still in it: clear it once, before the first part.": _added_up(
            lambda size, sizes: size / sum(sizes), clear=False
        ),
        "Each part counts as much as the others, and they are not equally long: weight each by its size.": _added_up(
            lambda size, sizes: 1 / len(sizes)
        ),
        "The gradients of the parts were added, each in full. Each loss is a mean over its part: what fraction of all "
        "examples is that part?": _added_up(lambda size, sizes: 1),
        "The fractions add up to more than 1: of how many examples is each part a fraction?": either(
            _added_up(lambda size, sizes: size), _added_up(lambda size, sizes: size / len(sizes))
        ),
        "Only the last part is left: `.grad` was cleared inside the loop, and each part must be added to the ones "
        "before.": either(
            _added_up(lambda size, sizes: size / sum(sizes), inside=True), _added_up(lambda size, sizes: 1, inside=True)
        ),
        "Each part counts in full, on top of what `w.grad` held before the call: clear it first, and weight each "
        "part.": _added_up(lambda size, sizes: 1, clear=False),
        "A new `w` has no gradient: `w.grad` is None, and None cannot be zeroed. `w.grad = None` clears in both "
        "cases.": _zeroed,
        "Go back through each part by itself, before the next one is computed: that is what saves the memory.": (
            _at_once
        ),
        "The number of all examples must be known before the first part: here it still grows with each part.": (
            _running_total
        ),
        "The whole must be 1: the fractions are turned upside down.": _added_up(lambda size, sizes: sum(sizes) / size),
    },
)
def gradient_in_parts(answer: Any) -> None:
    """The gradient of a whole batch, one backward pass for each of its parts."""
    generator = torch.Generator().manual_seed(5)
    for sizes, features, fresh in (((3, 4, 2), 4, False), ((1, 5), 2, True), ((4, 4), 3, False), ((6,), 1, True)):
        X = torch.randn(sum(sizes), features, generator=generator)
        y = torch.randint(0, 2, (sum(sizes),), generator=generator).float()
        w = torch.randn(features, generator=generator).requires_grad_()
        old = torch.randn(features, generator=generator)
        binary_cross_entropy_with_logits(X @ w, y).backward()
        wanted, w.grad = w.grad, None if fresh else old
        backwards: list[int] = []
        w.register_hook(lambda gradient, seen=backwards: seen.append(1))
        before = w.detach().clone()
        result = call(answer, w, list(zip(X.split(sizes), y.split(sizes), strict=True)), may_change=True)
        listed = f"parts of {', '.join(map(str, sizes))} examples" if len(sizes) > 1 else "a single part"
        expect(result, wanted, what=f"the gradient for {listed}", requires_grad=False, reveal=True)
        if not torch.equal(w.detach(), before):
            raise NotYet("`w` itself has changed. The task wants its gradient; the step comes later.")
        if len(backwards) != len(sizes):
            raise NotYet(
                f"The gradient is right, but there was 1 backward pass for {len(sizes)} parts."
                if len(backwards) == 1
                else f"The gradient is right, but there were {len(backwards)} backward passes for {len(sizes)} parts."
            )


def _predicts(
    after: Callable[[Tensor], Tensor] = lambda outputs: outputs, *, mode: bool | None = False, block: Any = None
) -> Callable[..., Tensor]:
    """A function that sets the mode, runs the model inside a block, and does something with its outputs."""

    def predicted(model: nn.Module, X: Tensor) -> Tensor:
        if mode is not None:
            model.train(mode)
        with block() if block else torch.enable_grad():
            return after(model(X))

    return predicted


def _switched_off(model: nn.Module, X: Tensor) -> Tensor:
    torch.set_grad_enabled(False)
    return model.eval()(X)


def _frozen(model: nn.Module, X: Tensor) -> Tensor:
    return model.requires_grad_(False).eval()(X)


@book.exercise(
    "Only looking",
    goal="use a model with its layers and autograd set for use",
    minutes=5,
    difficulty=2,
    why="Both are needed, since neither does the other's work. Call `model.train()` before you train on.",
    mistakes={
        "Two things are to be switched: the layers to eval mode, and autograd off.": _predicts(mode=None),
        "Switching autograd off does not tell the layers that training is over: they need eval mode.": either(
            _predicts(mode=None, block=torch.no_grad), _predicts(mode=True, block=torch.inference_mode)
        ),
        "`eval()` does not switch autograd off. The model must be called inside a block that does.": _predicts(),
        "`detach()` cuts the graph off after it was recorded. Call the model inside a block in which autograd records "
        "nothing.": _predicts(Tensor.detach),
        "A `with` block switches autograd back on at its end; `set_grad_enabled(False)` by itself does not.": (
            _switched_off
        ),
        "Freezing is for layers that should not learn: the caller could not train this model any more. Leave the "
        "parameters alone, and switch autograd off around the call.": _frozen,
        "These are classes. The task asks for the model's outputs as they are.": _predicts(
            lambda outputs: outputs.argmax(dim=1), block=torch.no_grad
        ),
        "These are probabilities. The task asks for the model's outputs as they are.": either(
            _predicts(torch.sigmoid, block=torch.no_grad),
            _predicts(lambda outputs: outputs.softmax(dim=1), block=torch.no_grad),
        ),
    },
)
def predict(answer: Any) -> None:
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
        result = call(answer, model, X, may_change=True)
        if any(training for training, _ in runs):
            also = ", and autograd recorded it" if any(recorded for _, recorded in runs) else ""
            raise NotYet(f"The model ran in training mode{also}: {type(layers[1]).__name__} behaved as in training.")
        expect(result, wanted, what="the predictions")
        if result.requires_grad:
            raise NotYet("The numbers are right, but autograd recorded them: their `requires_grad` is True.")
        if not runs:
            raise NotYet("The numbers are right, but `model` did not compute them.")
        if not torch.is_grad_enabled():
            raise NotYet("After your function, autograd is still switched off everywhere.")
        if not all(p.requires_grad for p in model.parameters()):
            raise NotYet("After your function, the parameters no longer require gradients.")
        if any(recorded for _, recorded in runs):
            raise NotYet("The predictions have no graph, but autograd recorded while the model ran, for nothing.")
        if not all(map(torch.equal, weights, model.parameters())):
            raise NotYet("Your function has changed the parameters of the model.")


def _optimizer(step: Any, zero_grad: Any = None, keep: Any = list) -> type:
    """A wrong optimizer out of a `step`, a `zero_grad` (which forgets the gradients) and a way to keep parameters."""

    class Descent:
        def __init__(self, parameters: Any, lr: float) -> None:
            self.parameters, self.lr = keep(parameters), lr

    def forget(self: Any) -> None:
        for p in self.parameters:
            p.grad = None

    Descent.zero_grad = zero_grad or forget
    Descent.step = step
    return Descent


def _each(update: Callable[[Tensor, float], Any], *, guarded: bool = True) -> Callable[[Any], None]:
    """A `step` that does something with each parameter."""

    @torch.no_grad()
    def step(self: Any) -> None:
        for p in self.parameters:
            if p.grad is not None or not guarded:
                update(p, self.lr)

    return step


def _towards(p: Tensor, lr: float) -> None:
    p -= lr * p.grad


def _and_clears(p: Tensor, lr: float) -> None:
    p -= lr * p.grad
    p.grad = None


class _Borrowed:
    """The work is done by PyTorch."""

    def __init__(self, parameters: Any, lr: float) -> None:
        self.optimizer = torch.optim.SGD(parameters, lr=lr)

    def zero_grad(self) -> None:
        self.optimizer.zero_grad()

    def step(self) -> None:
        self.optimizer.step()


@book.exercise(
    "Small project: an optimizer of your own",
    goal="write gradient descent as an optimizer that trains any model",
    minutes=20,
    difficulty=3,
    why="It does what plain `SGD` does, step by step. Next, give it momentum: keep 0.9 of the last step, add the new "
    "one, and try both on the long bowl.",
    mistakes=lambda: {
        "`p = ...` only gives a name to a new tensor. The parameter itself must change, as `-=` does it.": _optimizer(
            _each(lambda p, lr: p - lr * p.grad)
        ),
        "`model.parameters()`, like every generator, can be looped over only once: keep a `list` of it.": _optimizer(
            _each(_towards), keep=lambda parameters: parameters
        ),
        "The step goes up the slope. The gradient says where the loss grows.": _optimizer(
            _each(lambda p, lr: p.add_(lr * p.grad))
        ),
        "The step is as long as the gradient: where is the learning rate?": _optimizer(
            _each(lambda p, lr: p.sub_(p.grad))
        ),
        "These are the steps alone, without the place where they start.": _optimizer(
            _each(lambda p, lr: p.copy_(-lr * p.grad))
        ),
        "A frozen parameter never gets a gradient: its `.grad` is None, and there is nothing to subtract.": _optimizer(
            _each(_towards, guarded=False)
        ),
        "`step()` should leave the gradients alone: somebody may want to look at them, or add up more. `zero_grad()` "
        "clears them.": _optimizer(_each(_and_clears)),
        "`zero_grad()` gives a name to something new, or does nothing: set `p.grad` itself, for each parameter.": (
            _optimizer(_each(_towards), zero_grad=lambda self: [None for _ in self.parameters])
        ),
        "Write the two methods with each parameter's own `.grad`: no optimizer of PyTorch is needed.": either(
            torch.optim.SGD, _Borrowed
        ),
        "The parameters are many tensors, each with a `.grad` of its own: loop over them.": _optimizer(
            _each(_towards), zero_grad=lambda self: setattr(self, "gone", self.parameters.grad)
        ),
    },
)
def own_optimizer(answer: Any) -> None:
    """A class with `zero_grad()` and `step()`, beside `torch.optim.SGD`."""
    expect_class(answer)
    with _no_other_optimizer():
        for lr in (0.15, 0.02):
            p = torch.tensor([-3.5, 1.0, 0.5], requires_grad=True)
            _compare(answer, [p], lambda p=p: p[0] ** 2 + 5 * p[1] ** 2 + p[2] ** 2, lr, "on the bowl")
        model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
        model[0].requires_grad_(False)
        X = torch.randn(7, 2)
        _compare(answer, model, lambda: (model(X) ** 2).mean(), 0.1, "on a network")  # noqa: PLW0108


@contextmanager
def _no_other_optimizer() -> Iterator[None]:
    """Refuse an optimizer of PyTorch, bare or inside the answer."""

    def refuse(*_: Any, **__: Any) -> None:
        raise NotYet("This builds on one of PyTorch's own optimizers.")

    own = torch.optim.Optimizer.__init__
    torch.optim.Optimizer.__init__ = refuse
    try:
        yield
    finally:
        torch.optim.Optimizer.__init__ = own


def _compare(cls: type, given: list[Tensor] | nn.Module, loss_of: Callable[[], Tensor], lr: float, where: str) -> None:
    """Take three steps with the class, and ask after each method whether the parameters are as with plain SGD."""
    parameters = given if isinstance(given, list) else list(given.parameters())
    made = call(cls, given if isinstance(given, list) else given.parameters(), lr=lr, may_change=True)
    for turn in (1, 2, 3):
        call(made.zero_grad, may_change=True)
        if any(p.grad is not None and p.grad.any() for p in parameters):
            raise NotYet(f"After `zero_grad()` {where}, in turn {turn}, the old gradients are still there.")
        loss_of().backward()
        # A frozen parameter has no gradient, or zeros where `zero_grad` put them.
        before = [(p.detach().clone(), p.grad.clone() if p.requires_grad else None) for p in parameters]
        call(made.step, may_change=True)
        for p, (old, gradient) in zip(parameters, before, strict=True):
            _expect_moved(p, old, gradient, lr, f"`step()` {where}, in turn {turn}")


def _expect_moved(p: Tensor, old: Tensor, gradient: Tensor | None, lr: float, when: str) -> None:
    """One parameter is where a step of plain gradient descent takes it."""
    now = p.detach()
    if gradient is None:
        if not torch.equal(now, old):
            raise NotYet(f"After {when}, a frozen parameter has changed, and it has no gradient.")
        return
    if not p.requires_grad:
        raise NotYet(f"After {when}, a parameter no longer requires a gradient: it cannot learn on.")
    if torch.equal(now, old):
        raise NotYet(f"After {when}, a parameter is where it was before.")
    expect(now, old - lr * gradient, what=f"a parameter after {when}", reveal=True)
    if p.grad is None or not torch.equal(p.grad, gradient):
        raise NotYet(f"After {when}, the gradients are not what they were.")
