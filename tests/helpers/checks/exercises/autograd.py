"""Wrong answers to the exercises of notebook 4."""

import copy

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.helpers.checks.exercises import Wrong

# 4.1


def _by_two_nudges(f, at):
    return torch.tensor((f(at + 1e-4) - f(at - 1e-4)) / 2e-4)


def _slope(f, at):
    w = torch.tensor(at, requires_grad=True)
    f(w).backward()
    return w.grad


def _not_asked(f, at):
    w = torch.tensor(at)
    f(w).backward()
    return w.grad


def _kept_leaf(shared=torch.tensor(0.0, requires_grad=True)):  # noqa: B008 - the mistake
    def slope(f, at):
        with torch.no_grad():
            shared.fill_(at)
        f(shared).backward()
        return shared.grad.clone()

    return slope


def _thaws(tensors):
    names = [name for name, t in tensors.items() if t.requires_grad and t.is_leaf]
    for t in tensors.values():
        t.requires_grad_()
    return names


# 4.3


def _line(w, b, x, y):
    error = w * x + b - y
    return 2 * (error * x).mean(), 2 * error.mean()


def _line_by_autograd(w, b, x, y):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    ((w * x + b - y) ** 2).mean().backward()
    return w.grad, b.grad


def _line_with_autograd_on(w, b, x, y):
    with torch.enable_grad():
        return _line_by_autograd(w, b, x, y)


# 4.4


def _loss(w, X, y):
    return binary_cross_entropy_with_logits(X @ w, y)


def _in_parts(clear, weight, clear_inside=False, step=False):
    def gradient_in_parts(w, parts):
        if clear:
            w.grad = None
        count = sum(len(y) for _, y in parts)
        for X, y in parts:
            if clear_inside:
                w.grad = None
            (_loss(w, X, y) * weight(len(y), count, len(parts))).backward()
        if step:
            with torch.no_grad():
                w -= 0.1 * w.grad
        return w.grad

    return gradient_in_parts


def _share(size, count, parts):
    return size / count


def _in_full(size, count, parts):
    return 1


def _as_one_batch(w, parts):
    w.grad = None
    _loss(w, torch.cat([X for X, _ in parts]), torch.cat([y for _, y in parts])).backward()
    return w.grad


def _added_losses(w, parts):
    w.grad = None
    count = sum(len(y) for _, y in parts)
    sum(_loss(w, X, y) * len(y) / count for X, y in parts).backward()
    return w.grad


def _summed(w, parts):
    w.grad.zero_()
    for X, y in parts:
        binary_cross_entropy_with_logits(X @ w, y, reduction="sum").backward()
    return w.grad / sum(len(y) for _, y in parts)


# 4.5


def _eval_only(model, X):
    model.eval()
    return model(X)


def _no_grad_only(model, X):
    with torch.no_grad():
        return model(X)


def _detached(model, X):
    model.eval()
    return model(X).detach()


def _frozen(model, X):
    model.eval().requires_grad_(False)
    with torch.no_grad():
        return model(X)


def _off_for_good(model, X):
    model.eval()
    torch.set_grad_enabled(False)
    return model(X)


def _softmax(model, X):
    model.eval()
    with torch.inference_mode():
        return model(X).softmax(dim=1)


def _reset(model, X):
    model.eval()
    with torch.no_grad():
        prediction = model(X)
        for p in model.parameters():
            p.zero_()
    return prediction


def _copied(model, X):
    model = copy.deepcopy(model).eval()
    with torch.no_grad():
        return model(X)


def _layer_by_layer(model, X):
    model.eval()
    with torch.no_grad():
        for layer in model:
            X = layer(X)
    return X


# 4.6


class Descent:
    """Right, but for what a subclass changes."""

    def __init__(self, parameters, lr):
        self.parameters, self.lr = list(parameters), lr

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None

    @torch.no_grad()
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                self.move(p)

    def move(self, p):
        p -= self.lr * p.grad


class ClearsWithZeros(Descent):
    """The frozen ones, too."""

    def __init__(self, parameters, *, lr):
        super().__init__(parameters, lr)

    def zero_grad(self):
        for p in self.parameters:
            p.grad = torch.zeros_like(p)


class OnlyThoseThatLearn(Descent):
    """It sorts them out at once, and moves the data behind autograd's back."""

    def __init__(self, parameters, lr):
        super().__init__([p for p in parameters if p.requires_grad], lr)

    def move(self, p):
        p.data = p.data - self.lr * p.grad


class KeepsGenerator(Descent):
    """It can loop over what it was given once only."""

    def __init__(self, parameters, lr):
        self.parameters, self.lr = parameters, lr


class Rebinds(Descent):
    """Its step makes new tensors."""

    def move(self, p):
        p = p - self.lr * p.grad


class Climbs(Descent):
    """Up the slope."""

    def move(self, p):
        p += self.lr * p.grad


class AsOne(Descent):
    """The list is taken for a parameter."""

    def zero_grad(self):
        self.parameters.grad.zero_()


class StepsOnly(Descent):
    """The step in place of the parameter."""

    def move(self, p):
        p.copy_(-self.lr * p.grad)


class ClearsInVain(Descent):
    """Before the first `backward()` there is nothing to clear."""

    def zero_grad(self):
        for p in self.parameters:
            p.grad.zero_()


class WithoutRate(Descent):
    """No learning rate."""

    def move(self, p):
        p -= p.grad


class Recorded(Descent):
    """No `no_grad`."""

    def step(self):
        with torch.enable_grad():
            for p in self.parameters:
                p -= self.lr * p.grad


class Expects(Descent):
    """It expects a gradient everywhere."""

    @torch.no_grad()
    def step(self):
        for p in self.parameters:
            p -= self.lr * p.grad


class Fills(Expects):
    """Frozen parameters move."""

    @torch.no_grad()
    def step(self):
        for p in self.parameters:
            p -= self.lr * (1 if p.grad is None else p.grad)


class NeverClears(Descent):
    """Its `zero_grad` gives a name to None."""

    def zero_grad(self):
        for p in self.parameters:
            gradient = p.grad
            gradient = None  # noqa: F841 - the mistake


class Momentum(Descent):
    """Another optimizer."""

    def move(self, p):
        p.velocity = 0.9 * getattr(p, "velocity", 0) + p.grad
        p -= self.lr * p.velocity


class FirstOnly(Descent):
    """It moves one parameter."""

    def __init__(self, parameters, lr):
        super().__init__(list(parameters)[:1], lr)


class Signs(Descent):
    """Steps of one length."""

    def move(self, p):
        p -= self.lr * p.grad.sign()


class Freezes(Descent):
    """After its step nothing can learn."""

    def move(self, p):
        p.requires_grad_(False)
        p -= self.lr * p.grad


class Borrowed:
    """The work is done by PyTorch."""

    def __init__(self, parameters, lr):
        self.optimizer = torch.optim.SGD(parameters, lr=lr)

    def zero_grad(self):
        self.optimizer.zero_grad()

    def step(self):
        self.optimizer.step()


class WithoutStep:
    """Half of it."""

    def __init__(self, parameters, lr):
        self.parameters = list(parameters)

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None


WRONG = {
    "slope": Wrong(
        fooling=[
            lambda f, at: torch.tensor(10.0),
            lambda f, at: torch.tensor(2 * at),
            lambda f, at: _slope(f, at).item(),
            lambda f, at: _slope(f, at).reshape(1),
            lambda f, at: torch.autograd.grad(
                f(w := torch.tensor(at, requires_grad=True)) * w / w, w, create_graph=True
            )[0],
            _kept_leaf(),
        ],
        right=[
            lambda f, at: torch.autograd.grad(f(w := torch.tensor(at, requires_grad=True)), w)[0],
            lambda f, at: torch.func.grad(f)(torch.tensor(at)),
            lambda f, at: torch.autograd.functional.jacobian(f, torch.tensor(at)),
        ],
    ),
    "collectors": Wrong(
        fooling=[
            _thaws,
            lambda tensors: ["w", "b"],
            lambda tensors: [name for name in tensors if name in ("w", "b", "late")][::-1],
            lambda tensors: {name for name, t in tensors.items() if t.requires_grad and t.is_leaf},
            lambda tensors: [t for t in tensors.values() if t.requires_grad and t.is_leaf],
            lambda tensors: [name for name, t in tensors.items() if t.is_leaf and t.requires_grad_().requires_grad],
            lambda tensors: [name for name, t in tensors.items() if t.grad_fn is not None],
        ],
        right=[lambda tensors: [name for name, t in tensors.items() if t.requires_grad and t.grad_fn is None]],
    ),
    "line_gradients": Wrong(
        fooling=[
            lambda w, b, x, y: (torch.tensor(0.0), torch.tensor(0.0)),
            lambda w, b, x, y: list(_line(w, b, x, y)),
            lambda w, b, x, y: tuple(slope.item() for slope in _line(w, b, x, y)),
            lambda w, b, x, y: tuple(2 * (w * x + b - y).abs().mean() * part.sign() for part in _line(w, b, x, y)),
            lambda w, b, x, y: tuple(slope * 3 / len(x) for slope in _line(w, b, x, y)),
        ],
        right=[lambda w, b, x, y: ((w * x + b - y) @ x * 2 / len(x), -2 * (y - w * x - b).sum() / len(x))],
    ),
    "gradient_in_parts": Wrong(
        fooling=[
            lambda w, parts: torch.zeros_like(w.detach()),
            _in_parts(True, lambda size, count, parts: size / 8),
            _in_parts(True, _share, step=True),
            lambda w, parts: _in_parts(True, _share)(w, parts).unsqueeze(0),
            lambda w, parts: _in_parts(True, _share)(w, parts[::-1][:2]),
        ],
        right=[],
    ),
    "predict": Wrong(
        fooling=[
            _reset,
            _softmax,
            lambda model, X: _detached(model, X).argmax(dim=1),
            lambda model, X: torch.zeros(6, 40),
            lambda model, X: model[0](X).detach(),
            lambda model, X: _detached(nn.Sequential(*model), X),
        ],
        right=[_copied, _layer_by_layer],
    ),
    "own_optimizer": Wrong(
        fooling=[torch.optim.SGD, Borrowed, Momentum, FirstOnly, Signs, Freezes, Fills, WithoutStep, Descent([], 0.1)],
        right=[ClearsWithZeros, OnlyThoseThatLearn],
    ),
}
