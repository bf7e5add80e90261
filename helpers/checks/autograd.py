"""The checks of notebook 4, Autograd."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import Optimizer

from helpers.checks.compare import NotYet, call, expect, expect_class
from helpers.checks.core import Book, either, seeded, template
from helpers.checks.source import free_names, methods_of, nodes, tree_of

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


_slope = template(
    """
    def slope(f, at):
        def slope_at(place): w = torch.tensor(place, requires_grad=True); f(w).backward(); return w.grad
        return $result
    """
)


@book.exercise(
    "The slope of any curve",
    goal="let autograd compute a slope",
    minutes=7,
    difficulty=1,
    why="You gave no rule of differentiation: autograd has one for each of PyTorch's operations, whatever Python code "
    "strings them together (`torch.sin`, but not `math.sin`).",
    mistakes={
        "This is the slope at another number than `at`.": _slope("slope_at(3.0)", "slope_at(2.0)"),
        "This is twice the slope: `backward()` was called twice, and adds up.": _slope("2 * slope_at(at)"),
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
    z = x @ w + b
    yield {"x": x, "w": w, "b": b, "z": z, "loss": z.mean()}
    late, frozen = torch.zeros(3).requires_grad_(), torch.ones(3, requires_grad=True).requires_grad_(False)
    yield {"frozen": frozen, "late": late, "doubled": frozen * 2, "shifted": late + 1, "cut": late.detach()}
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
        "Computed tensors only pass gradients on: they arrive at the leaves.": _names("t.requires_grad"),
        "Data are leaves too, but they do not require gradients.": _names("t.is_leaf"),
        "No `.grad` is filled yet: which columns of the table tell `w`?": _names("t.grad is not None"),
        "Both must be true: `or` also takes tensors for which only one is.": _names("t.is_leaf or t.requires_grad"),
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


_of_w = template("def line_gradients(w, b, x, y): e = w * x + b - y; return $result, 2 * e.mean()")
_of_b = template("def line_gradients(w, b, x, y): e = w * x + b - y; return 2 * (e * x).mean(), $result")


@book.exercise(
    "The gradient of a line's error",
    goal="derive a gradient by hand with the chain rule",
    minutes=15,
    difficulty=2,
    why="These two numbers are all that it takes to fit a line to points: notebook 5 does so, with autograd's help.",
    mistakes={
        "What is the slope of a square, `e ** 2`, with respect to `e`? This is another one.": either(
            _of_w("(e * x).mean()", "(e**2 * x).mean()", "2 * (e**2 * x).mean()", "(e.sign() * x).mean()", "x.mean()"),
            _of_b("e.mean()", "2 * (e**2).mean()", "e.sign().mean()", "torch.tensor(1.0)"),
        ),
        "By what is `w` multiplied on its way to the error?": _of_w("2 * e.mean()", "e.mean()", "2 * (e * w).mean()"),
        "A product of means is not the mean of products.": _of_w("2 * e.mean() * x.mean()", "2 * e.mean() * x"),
        "By hand means without autograd, which the check has switched off: use it to test your result.": _of_w(
            "(w.requires_grad_(), b.requires_grad_(), ((w * x + b - y) ** 2).mean().backward())"
        ),
    },
)
def line_gradients(answer: Any) -> None:
    """The gradients of the mean squared error of a line, without autograd."""
    generator = seeded(4)
    drawn = [(*torch.randn(2, generator=generator), *torch.randn(2, n, generator=generator)) for n in (3, 1, 8)]
    points = torch.tensor([1.0, 2.0, 3.0])
    for w, b, x, y in [*drawn, (torch.tensor(2.0), torch.tensor(1.0), points, 2 * points + 1)]:  # the last: no error
        line = torch.stack([w, b]).requires_grad_()
        ((line[0] * x + line[1] - y) ** 2).mean().backward()
        with torch.inference_mode():  # which `enable_grad` does not undo
            result = call(answer, w, b, x, y)
        if type(result) is not tuple or len(result) != 2:
            expect(result, tuple(line.grad), what="the gradients of `w` and `b`", strict=True)
        for name, gradient, wanted in zip("wb", result, line.grad, strict=True):
            expect(gradient, wanted, what=f"the gradient of `{name}`", requires_grad=False, reveal=True)


_parts = template(
    """
    def gradient_in_parts(w, parts):
        sizes = [len(y) for _, y in parts]
        $start
        for i, (X, y) in enumerate(parts):
            size, seen = sizes[i], sum(sizes[: i + 1])
            $inside
            (F.binary_cross_entropy_with_logits($scores, y) * $result).backward()
            $after
        return $returned
    """,
    start="w.grad = None",
    inside="",
    scores="X @ w",
    after="",
    returned="w.grad",
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
        "Weight each part by its size: they are not equally long.": _parts("1 / len(sizes)"),
        "What fraction of all samples is a part?": _parts("1", "size", "size / len(sizes)", "sum(sizes) / size"),
        "Only the gradient of the last part is left: clear `.grad` once, before the loop.": _parts(
            "size / sum(sizes)", "1", inside="w.grad = None"
        ),
        "Go back through each part by itself, before the next one is computed: that is what saves the memory.": _parts(
            "1", start="parts, sizes = [[torch.cat(pieces) for pieces in zip(*parts)]], [1]; w.grad = None"
        ),
        "The number of all samples must be known before the first part: here it still grows.": _parts("size / seen"),
        "This scales earlier parts, too: multiply the loss of each.": _parts("1", after="w.grad *= size / sum(sizes)"),
        "These are the weights themselves; their gradient is asked for.": _parts("size / sum(sizes)", returned="w"),
        "The loss applies the sigmoid: give it the logits.": _parts("size / sum(sizes)", scores="(X @ w).sigmoid()"),
    },
)
def gradient_in_parts(answer: Any) -> None:
    """The gradient of a whole batch, one backward pass for each of its parts."""
    generator = seeded(5)
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
        listed = f"parts of {', '.join(map(str, sizes))} samples" if len(sizes) > 1 else "a single part"
        if not torch.equal(w.detach(), before):
            raise NotYet("`w` itself has changed.", "The task wants its gradient; the step comes later.")
        expect(result, wanted, what=f"the gradient for {listed}", requires_grad=False, reveal=True)
        if len(backwards) != len(sizes):
            passes = "1 backward pass" if len(backwards) == 1 else f"{len(backwards)} backward passes"
            raise NotYet(f"The gradient is right, but it took {passes} for {len(sizes)} parts.")


_predict = template("def predict(model, X):\n    with torch.$off(): $result", off="enable_grad")


@book.exercise(
    "Just looking",
    goal="use a model with its layers and autograd set for use",
    minutes=6,
    difficulty=2,
    why="Both are needed, since neither does the other's work. Call `model.train()` before you go on training.",
    mistakes={
        "Two things are to be switched: the layers to eval mode, and autograd off.": _predict("return model(X)"),
        "Only `eval()` puts the layers into eval mode.": _predict("return model(X)", off="no_grad"),
        "The layers must be in eval mode before the model is called.": _predict(
            "Y = model(X); model.eval(); return Y", off=("no_grad", "enable_grad")
        ),
        "This reaches only the outermost module; `model.eval()` reaches all.": _predict(
            "model.training = False; return model(X)", off=("no_grad", "enable_grad")
        ),
        "`eval()` does not switch autograd off: use a block that does.": _predict("return model.eval()(X)"),
        "`detach()` comes after the recording: use a `with` block.": _predict("return model.eval()(X).detach()"),
        "Use a `with` block: it switches autograd on again at its end, and this does not.": _predict(
            "pass\n    torch.set_grad_enabled(False); return model.eval()(X)"
        ),
        "Frozen parameters cannot learn: leave them alone.": _predict("return model.eval().requires_grad_(False)(X)"),
        "Return the model's outputs as they are: these are classes or probabilities.": _predict(
            *(f"return model.eval()(X).{to}" for to in ("argmax(1)", "sigmoid()", "softmax(1)")), off="no_grad"
        ),
    },
)
def predict(answer: Any) -> None:
    """Predictions for inference: no Dropout, nothing recorded."""
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
            now = "the whole model" if not layers[1].training else "nothing" if model.training else "`model` alone"
            raise NotYet(
                f"{type(layers[1]).__name__} behaved as in training{also}. After your function, {now} is in eval mode."
            )
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


_descent = template(
    """
    class Descent:
        def __init__(self, parameters, lr): self.parameters, self.lr = $kept, lr
        def zero_grad(self):
            for p in self.parameters: $clear
        @torch.no_grad()
        def step(self):
            for p in self.parameters:
                if $guard: $result
    """,
    result="p -= self.lr * p.grad",
    kept="list(parameters)",
    clear="p.grad = None",
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
        "`p = ...` only names a new tensor: `-=` changes the parameter.": _descent("p = p - self.lr * p.grad"),
        "Keep the given tensors: a copy is not the model's.": _descent(kept="[p.clone() for p in parameters]"),
        "What `parameters()` gives can be looped over only once: keep a `list` of it.": _descent(kept="parameters"),
        "This ends the loop: `continue` goes on.": _descent(guard="p.grad is None: return\n            if True"),
        "A step goes down, by `lr` times the gradient.": _descent("p += self.lr * p.grad", "p -= p.grad"),
        "Leave the gradients to `zero_grad()`.": _descent("p -= self.lr * p.grad; p.grad = None"),
        "`zero_grad()` clears the gradients, `p.grad`, and not the parameters.": _descent(clear="p.data.zero_()"),
        "Write the two methods with each parameter's own `.grad`: no optimizer of PyTorch is needed.": either(
            torch.optim.SGD, _descent("pass", kept="torch.optim.SGD(parameters, lr=lr)")
        ),
        "The parameters are many tensors, each with its own `.grad`: keep a list of them, and loop over it.": either(
            _descent(clear="self.parameters.grad"), _descent(kept="torch.tensor(parameters)")
        ),
    },
)
def own_optimizer(answer: Any) -> None:
    """A class with `zero_grad()` and `step()`, beside `torch.optim.SGD`."""
    expect_class(answer)
    if issubclass(answer, Optimizer) or _names_an_optimizer(answer):
        raise NotYet(_BORROWED)
    for lr in (0.15, 0.02):
        p = torch.tensor([-3.5, 1.0, 0.5], requires_grad=True)
        _compare(answer, [p], lambda p=p: p[0] ** 2 + 5 * p[1] ** 2 + p[2] ** 2, lr, "on the bowl")
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    model[1].requires_grad_(False)
    X = torch.randn(7, 2)
    _compare(answer, model, lambda: (model(X) ** 2).mean(), 0.1, "on a network")  # noqa: PLW0108


_BORROWED = "This builds on one of PyTorch's own optimizers."


def _names_an_optimizer(cls: type) -> bool:
    """Whether the source of a class uses an optimizer of PyTorch, as `torch.optim.SGD` or under an imported name."""
    tree = tree_of(cls)
    attributes = [one for one in nodes(tree) if isinstance(one, ast.Attribute)]
    found = [getattr(torch.optim, one.attr, None) for one in attributes if ast.unparse(one.value).endswith("optim")]
    own = [method.__globals__ for method in methods_of(cls).values()]
    found += [names.get(name) for name in (free_names(tree) if tree else ()) for names in own[:1]]
    return any(isinstance(one, type) and issubclass(one, Optimizer) for one in found)


def _compare(cls: type, given: list[Tensor] | nn.Module, loss_of: Callable[[], Tensor], lr: float, where: str) -> None:
    """Take three steps with the class, and ask after each method whether the parameters are as with plain SGD."""
    named = {"`p`": given[0]} if isinstance(given, list) else {f"`{name}`": p for name, p in given.named_parameters()}
    made = call(cls, given if isinstance(given, list) else given.parameters(), lr=lr, may_change=True)
    if any(issubclass(type(one), Optimizer) for one in getattr(made, "__dict__", {}).values()):
        raise NotYet(_BORROWED)
    for turn in (1, 2, 3):
        start = [p.detach().clone() for p in named.values()]
        call(made.zero_grad, may_change=True)
        if any(p.grad is not None and p.grad.any() for p in named.values()):
            raise NotYet(f"After `zero_grad()` {where}, in turn {turn}, the old gradients are still there.")
        if not all(map(torch.equal, start, named.values())):
            raise NotYet(f"`zero_grad()` {where}, in turn {turn}, changed the parameters.")
        loss_of().backward()
        # A frozen parameter has no gradient, or zeros where `zero_grad` put them.
        gradients = [p.grad.clone() if p.requires_grad else None for p in named.values()]
        call(made.step, may_change=True)
        lists = [one for one in getattr(made, "__dict__", {}).values() if type(one) is list]
        for (name, p), old, gradient in zip(named.items(), start, gradients, strict=True):
            place = f"{name}, after `step()` {where} in turn {turn},"
            if gradient is not None and lists and torch.equal(p, old) and not any(q is p for one in lists for q in one):
                raise NotYet(f"{place} is where it was before, and in your list is another tensor.")
            _expect_moved(p, old, gradient, lr, place)


def _expect_moved(p: Tensor, old: Tensor, gradient: Tensor | None, lr: float, place: str) -> None:
    """One parameter is where a step of plain gradient descent takes it."""
    now = p.detach()
    if gradient is None:
        if not torch.equal(now, old):
            raise NotYet(f"{place} has changed, though it is frozen and has no gradient.")
        return
    if not p.requires_grad:
        raise NotYet(f"{place} no longer requires a gradient: it cannot learn on.")
    if torch.equal(now, old):
        raise NotYet(f"{place} is where it was before.")
    expect(now, old - lr * gradient, what=place.rstrip(","), reveal=True)
    if p.grad is None or not torch.equal(p.grad, gradient):
        raise NotYet(f"{place} has another gradient than before: a step leaves it alone.")
