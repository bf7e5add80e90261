"""Wrong answers to the exercises of notebook 3."""

from itertools import pairwise

import torch
from torch import nn

from tests.helpers.checks.exercises import Answers, Wrong

# 3.1

_W = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, -1.0]])
_b = torch.tensor([0.0, 1.0])

# 3.2


def _small(*end, flat=True, n_in=768, hidden=100, activation=None):
    torch.manual_seed(0)
    activation = activation or nn.ReLU()
    return nn.Sequential(*[nn.Flatten()] * flat, nn.Linear(n_in, hidden), activation, nn.Linear(hidden, 5), *end)


class _Row(nn.Module):
    """Forgets the dimension of the batch for a single picture."""

    def __init__(self):
        super().__init__()
        self.inner = _small()

    def forward(self, X):
        return self.inner(X).squeeze(0)


# 3.3


def _sure(logits):
    return logits.argmax(dim=1), logits.softmax(dim=1).amax(dim=1)


# 3.4


def _count(widths, inputs=1, biases=1):
    return sum(inputs * n_in * n_out + biases * n_out for n_in, n_out in pairwise(widths))


# 3.5


class _Deep(nn.Module):
    """The right one, from which the wrong ones differ in one thing."""

    def __init__(self, widths):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(n_in, n_out) for n_in, n_out in pairwise(widths))

    def forward(self, X):
        for layer in self.layers[:-1]:
            X = torch.relu(layer(X))
        return self.layers[-1](X)


class _Tanh(_Deep):
    def forward(self, X):
        for layer in self.layers[:-1]:
            X = torch.tanh(layer(X))
        return self.layers[-1](X)


class _NoBias(_Deep):
    def __init__(self, widths):
        super().__init__(widths)
        self.layers = nn.ModuleList(nn.Linear(n_in, n_out, bias=False) for n_in, n_out in pairwise(widths))


class _ForThree(nn.Module):
    """Right for three layers only."""

    def __init__(self, widths):
        super().__init__()
        one, two, three, four = (*widths, *widths)[:4]
        self.layers = nn.Sequential(
            nn.Linear(one, two), nn.ReLU(), nn.Linear(two, three), nn.ReLU(), nn.Linear(three, four)
        )

    def forward(self, X):
        return self.layers(X)


class _Unused(_Deep):
    """Has all the layers, and uses the last one alone where it can."""

    def forward(self, X):
        return self.layers[-1](X) if X.shape[1] == self.layers[-1].in_features else super().forward(X)


class _Sums(_Deep):
    def forward(self, X):
        return super().forward(X) + 1


class _Detached(_Deep):
    def forward(self, X):
        return super().forward(X).detach()


# 3.6


class _Centre(nn.Module):
    """The right one, from which the wrong ones differ in one thing."""

    keep, dim = 0.9, 0

    def __init__(self, n):
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(n))

    def forward(self, X):
        if not self.training:
            return X - self.running_mean
        mean = X.mean(dim=self.dim, keepdim=True)
        self.running_mean = self.keep * self.running_mean + (1 - self.keep) * X.mean(dim=0)
        return X - mean


class _ForAll(_Centre):
    """One mean for all features."""

    def forward(self, X):
        return X - X.mean()


class _KeepsRow(_Centre):
    """The buffer becomes a table of one row."""

    def forward(self, X):
        if self.training:
            self.running_mean = 0.9 * self.running_mean + 0.1 * X.mean(dim=0, keepdim=True)
        return X - (X.mean(dim=0) if self.training else self.running_mean)


class _Norm(_Centre):
    """BatchNorm itself, which divides, too."""

    def __init__(self, n):
        super().__init__(n)
        self.inner = nn.BatchNorm1d(n, affine=False)

    def forward(self, X):
        return self.inner(X)


# 3.7


def _colour(*end, channels=3, widths=(16, 32, 32), dropout=0.5, pools=3, last=None):
    torch.manual_seed(0)
    layers = []
    for place, width in enumerate(widths):
        layers += [nn.Conv2d(channels, width, kernel_size=3, padding=1), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] * (place < pools)
        channels = width
    side = 32 // 2 ** min(pools, len(widths))
    layers += [nn.Flatten(), nn.Dropout(dropout), nn.Linear(last or channels * side * side, 10)]
    return nn.Sequential(*layers, *end)


class _OneChannel(nn.Module):
    """Looks at the red of a picture only."""

    def __init__(self):
        super().__init__()
        self.inner = _colour(channels=1)

    def forward(self, X):
        return self.inner(X[:, :1])


class _Corner(nn.Module):
    """Looks at a corner of a picture only."""

    def __init__(self):
        super().__init__()
        self.inner = _colour(last=32)

    def forward(self, X):
        return self.inner(X[:, :, :8, :8])


class _Always(nn.Module):
    """Drops numbers when it should not, too."""

    def __init__(self):
        super().__init__()
        self.inner = _colour()

    def forward(self, X):
        return nn.functional.dropout(self.inner(X), 0.5, training=True)


def _without_convolution():
    return nn.Sequential(
        nn.AvgPool2d(4), nn.Flatten(), nn.Linear(192, 50), nn.ReLU(), nn.Dropout(0.5), nn.Linear(50, 10)
    )


WRONG = {
    "chosen_weights": Wrong(
        fooling=[
            Answers((_W.tolist(), _b)),
            Answers((_W, _b.unsqueeze(1))),
            Answers((_W, torch.tensor([0, 1]))),
            Answers((torch.tensor([[0.33, 0.33, 0.33], [1.0, 0.0, -1.0]]), _b)),
        ],
    ),
    "small_net": Wrong(
        fooling=[
            nn.Sequential(nn.Flatten(), nn.Linear(768, 5)),
            _small(nn.Sigmoid()),
            _small(nn.Dropout(0.5)),
            _small(activation=nn.Tanh()),
            _small(activation=nn.LeakyReLU(0.1)),
            nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(768, 100), nn.Linear(100, 5)),
            _small(nn.Unflatten(1, (5, 1))),
            _small().double(),
            _Row(),
            nn.Sequential,
        ],
    ),
    "class_and_probability": Wrong(
        fooling=[
            lambda logits: (logits.argmax(dim=1).int(), logits.softmax(dim=1).amax(dim=1)),
            lambda logits: (logits.argmax(dim=1), torch.ones(len(logits))),
            lambda logits: (logits.argmax(dim=1), torch.sigmoid(logits).amax(dim=1)),
            lambda logits: tuple(part.unsqueeze(1) for part in _sure(logits)),
            lambda logits: logits.argmax(dim=1),
        ],
    ),
    "count_from_widths": Wrong(
        fooling=[
            lambda widths: 669_706,
            lambda widths: torch.tensor(_count(widths)),
            lambda widths: float(_count(widths)),
            lambda widths: _count(widths[:3]),
            lambda widths: sum((widths[i] + 1) * widths[i + 1] for i in range(2) if i + 1 < len(widths)),
        ],
    ),
    "deep_net": Wrong(
        fooling=[_Tanh, _NoBias, _ForThree, _Unused, _Sums, _Detached, _Deep([3, 5, 4, 2]), nn.Linear, nn.ModuleList],
    ),
    "centre": Wrong(
        fooling=[_ForAll, _KeepsRow, _Norm, _Centre(3), nn.Identity, nn.BatchNorm1d, nn.LayerNorm],
    ),
    "colour_net": Wrong(
        fooling=[
            _OneChannel(),
            _Corner(),
            _Always(),
            _without_convolution(),
            _colour(nn.Linear(10, 5)),
            _colour(nn.LogSoftmax(dim=1)),
            _colour().double(),
        ],
    ),
}
