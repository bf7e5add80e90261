"""Wrong answers to the exercises of notebook 5."""

import copy

import torch
from torch import nn

from tests.helpers.checks.exercises import Answers, Wrong

# 5.1


def _halves(X, y, n_train):
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


def _split(X, y, order):
    return _halves(X[order], y[order], int(0.8 * len(X)))


def _split_in_place(X, y, order):
    X[:], y[:] = X[order], y[order]
    return _halves(X, y, int(0.8 * len(X)))


# 5.2


class _Curve(nn.Module):
    """The right one, from which the wrong ones differ in one thing."""

    def __init__(self):
        super().__init__()
        self.curve = nn.Parameter(torch.randn(1))
        self.weight = nn.Parameter(torch.randn(1))
        self.bias = nn.Parameter(torch.randn(1))

    def forward(self, X):
        return self.curve * X**2 + self.weight * X + self.bias


class _PlainTensors(_Curve):
    def __init__(self):
        nn.Module.__init__(self)
        self.curve, self.weight, self.bias = torch.randn(1), torch.randn(1), torch.randn(1)


class _OnePlainTensor(_Curve):
    def __init__(self):
        nn.Module.__init__(self)
        self.curve = torch.randn(1)
        self.weight, self.bias = nn.Parameter(torch.randn(1)), nn.Parameter(torch.randn(1))


class _Forgetful(_Curve):
    def __init__(self):
        self.curve = nn.Parameter(torch.randn(1))


class _Doubled(_Curve):
    def forward(self, X):
        return self.curve * 2 * X + self.weight * X + self.bias


class _CurveSquared(_Curve):
    def forward(self, X):
        return self.curve**2 * X + self.weight * X + self.bias


class _AllSquared(_Curve):
    def forward(self, X):
        return (self.curve * X) ** 2 + self.weight * X + self.bias


class _Exchanged(_Curve):
    def forward(self, X):
        return self.weight * X**2 + self.curve * X + self.bias


class _FromZero(_Curve):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))


class _Remembers(_Curve):
    """Computes with the numbers that it began with."""

    def __init__(self):
        super().__init__()
        self.first = [self.curve.item(), self.weight.item(), self.bias.item()]

    def forward(self, X):
        curve, weight, bias = self.first
        return curve * X**2 + weight * X + bias + 0 * (self.curve + self.weight + self.bias)


class _Line(_Curve):
    """A line wherever the first check of a curve may look: at 0 and 1."""

    def forward(self, X):
        return self.curve * X.abs() + self.weight * X + self.bias


class _Detached(_Curve):
    def forward(self, X):
        return super().forward(X).detach()


class _Row(_Curve):
    def forward(self, X):
        return super().forward(X).squeeze(1)


class _OtherNames(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (nn.Parameter(torch.randn(1)) for _ in range(3))

    def forward(self, X):
        return self.a * X**2 + self.b * X + self.c


# 5.3


def _steps(order, returned="before"):
    """A round of learning with its lines in this order."""

    def train_step(model, X, y, loss_fn, optimizer):
        loss = loss_fn(model(X), y)
        lines = {"zero": optimizer.zero_grad, "backward": loss.backward, "step": optimizer.step}
        for name in order.split():
            lines[name]()
        return {"before": loss.item(), "tensor": loss, "after": loss_fn(model(X), y).item(), "nothing": None}[returned]

    return train_step


def _own_optimizer(model, X, y, loss_fn, optimizer):
    return _steps("zero backward step")(model, X, y, loss_fn, torch.optim.SGD(model.parameters(), lr=0.05))


def _own_loss(model, X, y, loss_fn, optimizer):
    return _steps("zero backward step")(model, X, y, nn.L1Loss(), optimizer)


def _on_a_copy(model, X, y, loss_fn, optimizer):
    return _steps("zero backward step")(copy.deepcopy(model), X, y, loss_fn, optimizer)


def _twice(model, X, y, loss_fn, optimizer):
    loss = _steps("zero backward step")(model, X, y, loss_fn, optimizer)
    _steps("zero backward step")(model, X, y, loss_fn, optimizer)
    return loss


# 5.4


def _mock_exam(model, X, y, loss_fn):
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        loss = loss_fn(model(X), y)
    model.train(was_training)
    return loss.item()


def _in_any_mode(model, X, y, loss_fn):
    with torch.inference_mode():
        return loss_fn(model(X), y).item()


def _recorded(model, X, y, loss_fn):
    was_training = model.training
    loss = loss_fn(model.eval()(X), y)
    model.train(was_training)
    return loss.item()


def _left_in_eval(model, X, y, loss_fn):
    with torch.inference_mode():
        return loss_fn(model.eval()(X), y).item()


def _always_train(model, X, y, loss_fn):
    loss = _left_in_eval(model, X, y, loss_fn)
    model.train()
    return loss


def _only_the_flag(model, X, y, loss_fn):
    was_training, model.training = model.training, False
    loss = _in_any_mode(model, X, y, loss_fn)
    model.training = was_training
    return loss


def _as_tensor(model, X, y, loss_fn):
    return torch.tensor(_mock_exam(model, X, y, loss_fn))


def _own_loss_fn(model, X, y, loss_fn):
    return _mock_exam(model, X, y, nn.L1Loss())


def _recorded_first(model, X, y, loss_fn):
    loss = _recorded(model, X, y, loss_fn)
    _mock_exam(model, X, y, loss_fn)
    return loss


def _without_dropout(model, X, y, loss_fn):
    with torch.no_grad():
        return loss_fn(model.line(X), y).item()


# 5.5


def _walk(remember=lambda old, g, m: m * old + g, sign=-1, moves=False):
    def momentum_walk(gradients, lr, momentum):
        place, memory, places = 0.0, 0.0, []
        for gradient in gradients.tolist():
            memory = remember(memory, gradient, momentum)
            place += sign * lr * memory
            places.append(sign * lr * memory if moves else place)
        return torch.tensor(places)

    return momentum_walk


def _collected_in_place(gradients, lr, momentum):
    place, memory, places = 0.0, 0.0, []
    for gradient in gradients:
        memory = momentum * memory + gradient
        place -= lr * memory  # a tensor from the second round on, and the same one each time
        places.append(place)
    return torch.stack(places)


def _moved_too_early(gradients, lr, momentum):
    place, memory, places = 0.0, 0.0, []
    for gradient in gradients.tolist():
        place -= lr * memory
        memory = momentum * memory + gradient
        places.append(place)
    return torch.tensor(places)


# 5.6


def _shuffled(n=100, seed=18, weight=0.3, bias=0.9):
    X = torch.arange(0, 1, 1 / n).unsqueeze(1)[:n]
    y = weight * X + bias
    parts = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).split([n * 6 // 10, n // 5, n // 5])
    return tuple(data[rows] for rows in parts for data in (X, y))


def _train_line(
    model, splits, lr, *, epochs=300, first=20, points=2, zero_grad=True, loss_fn=None, frozen=False, as_tensor=False
):
    loss_fn = loss_fn or nn.L1Loss()
    trained = copy.deepcopy(model) if frozen else model
    optimizer = torch.optim.SGD(trained.parameters(), lr=lr)
    losses = []
    for epoch in range(1, epochs + 1):
        loss = loss_fn(trained(splits[0]), splits[1])
        if zero_grad:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 20 == first % 20:
            with torch.no_grad():
                judged = loss_fn(trained(splits[points]), splits[points + 1])
            losses.append(judged if as_tensor else judged.item())
    return losses


def _loop(**options):
    return lambda model, splits, lr: _train_line(model, splits, lr, **options)


def _marks(splits):
    """The loss on test, validation and training points with the learning rate 0.01."""
    torch.manual_seed(42)
    model = nn.Linear(1, 1)
    _train_line(model, splits, 0.01)
    with torch.no_grad():
        return [nn.L1Loss()(model(X), y).item() for X, y in ((splits[i], splits[i + 1]) for i in (4, 2, 0))]


SPLITS = _shuffled()
TEST_LOSS, VAL_LOSS, TRAIN_LOSS = _marks(SPLITS)
_X = torch.arange(0, 1, 0.01).unsqueeze(1)
_y = 0.3 * _X + 0.9
_BY_POSITION = (_X[:60], _y[:60], _X[60:80], _y[60:80], _X[80:], _y[80:])


def _project(splits=SPLITS, train_line=_train_line, best_lr=0.01, test_loss=TEST_LOSS):
    return Answers((splits, train_line, best_lr, test_loss))


WRONG = {
    "shuffled_split": Wrong(
        fooling=[
            lambda X, y, order: _halves(X[order], y[order], round(0.8 * len(X))),
            lambda X, y, order: _halves(X[order], y[order], 8),
            lambda X, y, order: tuple(part.flatten() for part in _split(X, y, order)),
            lambda X, y, order: _split(X, y, order.flip(0)),
            lambda X, y, order: _halves(X.sort(dim=0).values[order], y[order], int(0.8 * len(X))),
        ],
    ),
    "curve_model": Wrong(
        fooling=[
            _CurveSquared,
            _Remembers,
            _Line,
            _Detached,
            _Row,
            _OtherNames,
            _Curve(),
            lambda: nn.Linear(1, 1),
            nn.Linear,
        ],
    ),
    "train_step": Wrong(
        fooling=[
            _own_optimizer,
            _own_loss,
            _on_a_copy,
            _twice,
            _steps("zero step backward"),
            lambda model, X, y, loss_fn, optimizer: loss_fn(model(X), y).item(),
        ],
        right=[_steps("backward step zero")],
    ),
    "mock_exam": Wrong(
        fooling=[
            _only_the_flag,
            _own_loss_fn,
            _without_dropout,
            lambda model, X, y, loss_fn: _mock_exam(model, X, y, loss_fn) + 0.01,
        ],
        right=[lambda model, X, y, loss_fn: _left_in_eval(copy.deepcopy(model), X, y, loss_fn)],
    ),
    "momentum_walk": Wrong(
        fooling=[
            lambda gradients, lr, momentum: _walk()(gradients, lr, 0.9),
            lambda gradients, lr, momentum: _walk()(gradients, 0.1, momentum),
            lambda gradients, lr, momentum: _walk()(gradients, lr, momentum).tolist(),
            lambda gradients, lr, momentum: torch.cat([torch.zeros(1), _walk()(gradients, lr, momentum)]),
            lambda gradients, lr, momentum: _walk()(gradients, lr, momentum)[-1],
        ],
    ),
    "another_line": Wrong(
        fooling=[
            _project(splits=_shuffled(90)),
            _project(splits=_shuffled(weight=0.7, bias=0.3)),
            _project(splits=tuple(part.flatten() for part in SPLITS)),
            _project(splits=tuple(part.double() for part in SPLITS)),
            _project(train_line=lambda model, splits, lr: _train_line(model, SPLITS, lr)),
            _project(train_line=lambda model, splits, lr: [_train_line(model, splits, lr)[-1]] * 15),
            _project(train_line=_loop(epochs=200)),
            _project(train_line=_loop(as_tensor=True)),
            _project(test_loss=0.0),
            _project(test_loss=TRAIN_LOSS),
            _project(best_lr=0.02),
        ],
        right=[_project(best_lr=torch.tensor(0.01).item())],
    ),
}
