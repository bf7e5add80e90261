"""The checks of notebook 4, Autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import Optimizer

from helpers.checks.compare import NotYet, call, expect, expect_class, expect_none
from helpers.checks.core import Book, either, randn, template
from helpers.checks.source import nodes, tree_of

book = Book(4)
progress = book.progress


# In words, the function, a point at which no two typical mistakes agree, and the slope there by the rules of school
CURVES: list[tuple[str, Callable[[Tensor], Tensor], float, float]] = [
    ("w³ - 2w", lambda w: w**3 - 2 * w, 1.7, 6.67),
    ("w²", lambda w: w**2, -1.5, -3.0),
    ("1/w", lambda w: 1 / w, 0.5, -4.0),
    ("w + 3", lambda w: w + 3, 0.0, 1.0),
    ("5, a level line,", lambda w: 0 * w + 5, 7.0, 0.0),
]

_slope = template("def slope(f, at): return $result")


@book.exercise(
    "The slope of any curve",
    goal="let autograd compute a slope",
    minutes=7,
    difficulty=1,
    why="You gave no rule of differentiation: autograd has one for almost every PyTorch operation, whatever Python "
    "code strings them together (`torch.sin`, but not `math.sin`).",
    mistakes={
        "A small nudge gives the slope only approximately: let autograd compute it.": _slope(
            "(f(at + 0.001) - f(at)) / 0.001", "(f(torch.tensor(at + 0.001)) - f(torch.tensor(at))) / 0.001"
        ),
        "Give `f` a tensor that autograd keeps track of, not the Python number `at`.": _slope("f(at).backward()"),
        "`backward()` belongs to the result of `f`, `.grad` to its tensor.": _slope("f.backward()", "f.grad"),
    },
)
def slope(answer: Any) -> None:
    """The slope of a given function at a given number."""
    for name, curve, place, wanted in CURVES:
        what = f"the slope of {name} at {place:g}"
        given: list[Any] = []  # to `f`, by the answer
        result = call(answer, lambda w, f=curve, given=given: given.append(w) or f(w), place)
        expect(result, torch.tensor(wanted), what=what, requires_grad=False, reveal=True)
        if not any(torch.is_tensor(w) and w.requires_grad for w in given):
            remedy = "Make a tensor with `requires_grad=True` from `at`, and give that to `f`."
            raise NotYet(f"The result for {what} is right, but autograd kept track of no tensor given to `f`.", remedy)


def _situations() -> Iterator[dict[str, Tensor]]:
    """Tensors by name, made again each time."""
    x, w, b = torch.ones(2), torch.ones(2, 3, requires_grad=True), torch.zeros(3, requires_grad=True)
    z, w.grad = x @ w + b, torch.ones(2, 3)  # from an earlier pass
    yield {"x": x, "w": w, "b": b, "z": z, "loss": z.mean()}
    late, more, frozen = torch.zeros(3).requires_grad_(), nn.Parameter(torch.ones(1)), w.detach()
    yield {"frozen": frozen, "late": late, "doubled": frozen * 2, "shifted": late + 1, "cut": b.detach(), "more": more}
    yield {"only data": torch.zeros(2)}
    yield {}


_names = template("def names(tensors): return [name for name, t in $pairs if $result]", pairs="tensors.items()")


@book.exercise(
    "Where gradients arrive",
    goal="tell leaves that require gradients from data and from results",
    minutes=6,
    difficulty=1,
    why="An optimizer wants just these: give it the result of a computation, and it refuses with `can't optimize a "
    "non-leaf Tensor`.",
    mistakes={
        "Computed tensors only pass gradients on: they arrive at the leaves.": _names(
            "t.requires_grad", "t.grad_fn is not None", "not t.is_leaf"
        ),
        "Data are leaves too, but they do not require gradients.": _names("t.is_leaf"),
        "`.grad` tells where a gradient has arrived, and not where one would.": _names("t.grad is not None"),
        "The names differ from dict to dict: the attributes of each tensor tell.": _names(
            "name in ('w', 'b')", "name not in ('x', 'y', 'z', 'loss')"
        ),
        "A loop over a dict gives its keys: `.items()` gives names and tensors.": _names("t.is_leaf", pairs="tensors"),
        "Call no `backward()`, since the dict may hold no loss: the attributes of each tensor tell enough.": _names(
            "(name in ('x', 'frozen') and tensors['loss'].backward()) or t.grad is not None"
        ),
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


_by_hand = template(
    "def line_gradients(w, b, x, y): e = w * x + b - y; return $result, $of_b",
    result="2 * (e * x).mean()",
    of_b="2 * e.mean()",
)
_WITHOUT_BRACKETS = ("2 * w * x + b - y", "2 * w * x + b - y * x", "2 * x * w * x + b - y", "x * w * x + b - y")
_WITHOUT_BRACKETS += ("w * x + b - y * x", "2 * (w * x + b) - y * x")


@book.exercise(
    "The gradient of a line's error",
    goal="derive a gradient by hand with the chain rule",
    minutes=15,
    difficulty=2,
    why="These two numbers are all that it takes to fit a line to points: notebook 5 does so, with autograd's help.",
    mistakes={
        "What is the slope of a square, `e ** 2`, with respect to `e`? This is another one.": either(
            _by_hand("(e * x).mean()", "(e**2 * x).mean()", "2 * (e**2 * x).mean()", "(e**2).mean()", "x.mean()"),
            _by_hand(of_b=("e.mean()", "2 * (e**2).mean()", "torch.tensor(1.0)")),
        ),
        "These are both gradients, in the other order.": _by_hand("2 * e.mean()", of_b="2 * (e * x).mean()"),
        "By what is `w` multiplied on its way to the error?": _by_hand(
            "2 * e.mean()", "e.mean()", "2 * (e * w).mean()", "2 * (e * x**2).mean()"
        ),
        "`*` comes before `+` and `-`: put brackets around the error, or give it a name.": _by_hand(
            *(f"{twice}({of_e}).mean()" for twice in ("", "2 * ") for of_e in _WITHOUT_BRACKETS)
        ),
        "This loss is the squared error, and has no sigmoid.": _by_hand("(((w * x + b).sigmoid() - y) * x).mean()"),
        "A product of means is not the mean of products.": _by_hand("2 * e.mean() * x.mean()", "2 * e.mean() * x"),
        "By hand means without autograd, which the check has switched off: use it to test your result.": _by_hand(
            "(w.requires_grad_(), b.requires_grad_(), ((w * x + b - y) ** 2).mean().backward())"
        ),
    },
)
def line_gradients(answer: Any) -> None:
    """The gradients of the mean squared error of a line, without autograd."""
    drawn = [(*randn(2, seed=n), *randn(2, n, seed=4)) for n in (3, 1, 8)]
    points = torch.tensor([1.0, 2.0, 3.0])
    for w, b, x, y in [*drawn, (torch.tensor(2.0), torch.tensor(1.0), points, 2 * points + 1)]:  # the last: no error
        line = torch.stack([w, b]).requires_grad_()
        ((line[0] * x + line[1] - y) ** 2).mean().backward()
        with torch.inference_mode():  # which `enable_grad` does not undo
            result = call(answer, w, b, x, y)
        what = "the gradient of `w`", "the gradient of `b`"
        expect(result, tuple(line.grad), what=what, requires_grad=False, reveal=True, strict=True)


_parts = template(
    """
    def gradient_in_parts(w, parts):
        sizes = [len(y) for _, y in parts]
        $start
        for i, (X, y) in enumerate(parts):
            size, seen = sizes[i], sum(sizes[: i + 1])
            $inside
            (F.binary_cross_entropy_with_logits($pair) * $result).backward()
            $after
        return w.grad
    """,
    result="size / sum(sizes)",
    start="w.grad = None",
    inside="",
    pair="X @ w, y",
    after="",
)


@book.exercise(
    "A batch in parts",
    goal="add gradients up on purpose, each part weighted by its size",
    minutes=12,
    difficulty=2,
    why="This is called gradient accumulation. It trains on a batch of thousands with the memory for a few, because "
    "`step()` waits for the last part.",
    mistakes={
        "Clear `w.grad` before the first part: it holds an old one.": _parts("size / sum(sizes)", "1", start=""),
        "Weight each part by its size: they are not equally long.": _parts("1 / len(sizes)", "1 / sum(sizes)"),
        "What fraction of all samples is a part?": _parts("1", "size", "size / len(sizes)", "sum(sizes) / size"),
        "Only the gradient of the last part is left: clear `.grad` once, before the loop.": _parts(
            inside="w.grad = None"
        ),
        "The number of all samples must be known before the first part: here it still grows.": _parts("size / seen"),
        "This scales earlier parts, too: multiply the loss of each.": _parts("1", after="w.grad *= size / sum(sizes)"),
        "The loss applies the sigmoid: give it the logits.": _parts(pair="(X @ w).sigmoid(), y"),
        "The loss takes the logits first, and then the targets.": _parts(pair="y, X @ w"),
    },
)
def gradient_in_parts(answer: Any) -> None:
    """The gradient of a whole batch, one backward pass for each of its parts."""
    for sizes, features, fresh in (((3, 4, 2), 4, False), ((1, 5), 2, True), ((4, 4), 3, False), ((6,), 1, True)):
        X, y = randn(sum(sizes), features), (randn(sum(sizes), seed=1) > 0).float()
        w = randn(features, seed=2).requires_grad_()
        binary_cross_entropy_with_logits(X @ w, y).backward()
        wanted, w.grad = w.grad, None if fresh else randn(features, seed=3)
        backwards: list[int] = []
        w.register_hook(lambda gradient, seen=backwards: seen.append(1))
        before = w.detach().clone()
        result = call(answer, w, list(zip(X.split(sizes), y.split(sizes), strict=True)), may_change=True)
        listed = f"parts of {', '.join(map(str, sizes))} samples" if len(sizes) > 1 else "a single part"
        if not torch.equal(w.detach(), before):
            raise NotYet("`w` itself has changed.", "The task wants its gradient; the step comes later.")
        expect(result, wanted, what=f"the gradient for {listed}", requires_grad=False, reveal=True)
        if len(backwards) != len(sizes):
            finding = f"The gradient is right, but with {len(backwards)} instead of {len(sizes)} backward passes."
            hint = (
                "Go back through each part by itself, before the next one is computed: that is what saves the memory."
            )
            raise NotYet(finding, hint)


_predict = template("def predict(model, X):\n    with torch.no_grad(): return model.eval()(X).$result")


@book.exercise(
    "Just looking",
    goal="use a model with its layers and autograd set for use",
    minutes=6,
    difficulty=2,
    why="Both are needed, since neither does the other's work. Call `model.train()` before you go on training.",
    mistakes={
        "These are classes: return the outputs of the model as they are.": _predict("argmax(1)"),
        "These are probabilities: return the outputs of the model as they are.": _predict("sigmoid()", "softmax(1)"),
    },
)
def predict(answer: Any) -> None:
    """Predictions for inference: no Dropout, nothing recorded."""
    for layers in ([nn.Linear(5, 40), nn.Dropout(0.5)], [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)]):
        model = nn.Sequential(*layers)
        X = torch.randn(6, layers[0].in_features)
        wanted = model.eval()(X).detach()
        model.train()
        runs: list[tuple[bool, bool]] = []  # of Dropout or BatchNorm: in training mode? recorded by autograd?
        layers[1].register_forward_pre_hook(
            lambda layer, _, runs=runs: runs.append((layer.training, torch.is_grad_enabled()))
        )
        weights = [p.detach().clone() for p in model.parameters()]
        result = call(answer, model, X, may_change=True)
        trained, recorded = map(any, zip(*runs or [(False, False)], strict=True))
        if trained:
            now = "the whole model" if not layers[1].training else "nothing" if model.training else "`model` alone"
            finding = f"{type(layers[1]).__name__} behaved as in training. After your function, {now} is in eval mode."
            raise NotYet(finding, "`model.eval()` before the model is called puts all its layers into eval mode.")
        expect(result, wanted, what="the predictions")
        facts = {
            "The numbers are right, but autograd recorded them: their `requires_grad` is True.\n"
            "`eval()` leaves autograd on: call the model in a `with` block that switches it off.": result.requires_grad,
            "The numbers are right, but `model` did not compute them.": not runs,
            "After your function, autograd is still switched off everywhere.\n"
            "Use a `with` block, which switches it on again at its end.": not torch.is_grad_enabled(),
            "After your function, the parameters no longer require gradients.\n"
            "Frozen parameters cannot learn: leave them alone.": not all(p.requires_grad for p in model.parameters()),
            "The predictions have no graph, but autograd recorded while the model ran, for nothing.\n"
            "`detach()` comes after the recording: use a `with` block.": recorded,
            "Your function has changed the parameters.": not all(map(torch.equal, weights, model.parameters())),
        }
        expect_none(facts)


_descent = template(
    """
    class Descent:
        def __init__(self, parameters, lr): self.parameters, self.lr = $kept, lr
        def zero_grad(self):
            for p in self.parameters: p.grad = None
        @torch.no_grad()
        def step(self):
            for p in self.parameters:
                if $guard: $result
    """,
    result="p -= self.lr * p.grad",
    kept="list(parameters)",
    guard="p.grad is not None",
)


@book.exercise(
    "Small project: an optimizer of your own",
    goal="write gradient descent as an optimizer that trains any model",
    minutes=25,
    difficulty=3,
    why="It does what plain `SGD` does, step by step. Next, give it momentum: keep 0.9 of the last step, add the new "
    "one, and try both on a longer bowl: `p[0] ** 2 + 50 * p[1] ** 2`, with ten steps and lr 0.015.",
    mistakes={
        "Nothing changes the parameter itself: `p = ...` only names a new tensor, and `-=` changes the given one.": (
            _descent("p = p - self.lr * p.grad")
        ),
        "What `parameters()` gives can be looped over only once: keep a `list` of it.": _descent(kept="parameters"),
        "This ends the loop: `continue` goes on.": _descent(guard="p.grad is None: return\n            if True"),
        "A step goes down, by `lr` times the gradient.": _descent(
            "p += self.lr * p.grad", "p -= p.grad", "p -= self.lr * p"
        ),
    },
)
def own_optimizer(answer: Any) -> None:
    """A class with `zero_grad()` and `step()`, beside `torch.optim.SGD`."""
    expect_class(answer)
    named = [getattr(torch.optim, getattr(one, "attr", getattr(one, "id", "")), None) for one in nodes(tree_of(answer))]
    if any(one in named or issubclass(answer, one) for one in _OPTIMIZERS):
        raise NotYet(_BORROWED)
    for lr in (0.15, 0.02):
        p = torch.tensor([-3.5, 1.0, 0.5], requires_grad=True)
        _compare(answer, [p], lambda p=p: p[0] ** 2 + 5 * p[1] ** 2 + p[2] ** 2, lr, "on the bowl")
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    model[1].requires_grad_(False)
    X = torch.randn(7, 2)
    _compare(answer, model, lambda: (model(X) ** 2).mean(), 0.1, "on a network")  # noqa: PLW0108


_BORROWED = "This builds on one of PyTorch's own optimizers.\nWrite the step with each parameter's own `.grad`."
_OPTIMIZERS = [one for one in vars(torch.optim).values() if isinstance(one, type) and issubclass(one, Optimizer)]
_OPTIMIZERS.remove(Optimizer)  # from which one may inherit


def _compare(cls: type, given: list[Tensor] | nn.Module, loss_of: Callable[[], Tensor], lr: float, where: str) -> None:
    """Take three steps with the class, and ask after each method whether the parameters are as with plain SGD."""
    named = {"p": given[0]} if isinstance(given, list) else dict(given.named_parameters())
    made = call(cls, given if isinstance(given, list) else given.parameters(), lr=lr, may_change=True)
    kept = list(getattr(made, "__dict__", {}).values())
    if any(issubclass(type(one), Optimizer) for one in kept):
        raise NotYet(_BORROWED)
    for turn in (1, 2, 3):
        start = [p.detach().clone() for p in named.values()]
        call(made.zero_grad, may_change=True)
        hint = "It clears the gradients, the `.grad` of each parameter, and nothing else."
        if any(p.grad is not None and p.grad.any() for p in named.values()):
            raise NotYet(f"After `zero_grad()` {where}, in turn {turn}, the old gradients are still there.", hint)
        if not all(map(torch.equal, start, named.values())):
            raise NotYet(f"`zero_grad()` {where}, in turn {turn}, changed the parameters.", hint)
        loss_of().backward()
        # A frozen parameter has no gradient, or zeros where `zero_grad` put them.
        gradients = [p.grad.clone() if p.requires_grad else None for p in named.values()]
        call(made.step, may_change=True)
        for (name, p), old, gradient in zip(named.items(), start, gradients, strict=True):
            place = f"`{name}`, after `step()` {where} in turn {turn},"
            if gradient is None:
                expect_none({f"{place} has changed, though it is frozen and has no gradient.": not torch.equal(p, old)})
                continue
            stays, listed = torch.equal(p, old), [one for several in kept if type(several) is list for one in several]
            elsewhere = stays and listed and all(one is not p for one in listed)
            facts = {
                f"{place} no longer requires a gradient: it cannot learn on.\n"
                "Where `torch.no_grad()` is on, it can be changed as it is.": not p.requires_grad,
                f"{place} is where it was before, and in your list is another tensor.\n"
                "Keep the given tensors: a copy is not the model's.": elsewhere,
                f"{place} is where it was before.": stays,
            }
            expect_none(facts)
            expect(p.detach(), old - lr * gradient, what=place.rstrip(","), reveal=True)
            if p.grad is None or not torch.equal(p.grad, gradient):
                raise NotYet(f"{place} has another gradient than before.\nOnly `zero_grad()` changes the gradients.")
