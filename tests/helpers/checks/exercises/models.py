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


def _by_loop(logits):
    rows = [row.softmax(dim=0) for row in logits]
    return torch.stack([row.argmax() for row in rows]), torch.stack([row.max() for row in rows])


# 3.4


def _count(widths, inputs=1, biases=1):
    return sum(inputs * n_in * n_out + biases * n_out for n_in, n_out in pairwise(widths))


def _by_building(widths):
    layers = [nn.Linear(n_in, n_out) for n_in, n_out in pairwise(widths)]
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


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


class _PlainList(_Deep):
    def __init__(self, widths):
        super().__init__(widths)
        layers = list(self.layers)
        del self.layers
        self.layers = layers


class _Forgetful(_Deep):
    def __init__(self, widths):
        self.layers = nn.ModuleList(nn.Linear(n_in, n_out) for n_in, n_out in pairwise(widths))


class _ReluAtTheEnd(_Deep):
    def forward(self, X):
        return super().forward(X).relu()


class _NoRelu(_Deep):
    def forward(self, X):
        for layer in self.layers:
            X = layer(X)
        return X


class _OneRelu(_Deep):
    def forward(self, X):
        for place, layer in enumerate(self.layers):
            X = layer(X).relu() if place == 0 and len(self.layers) > 1 else layer(X)
        return X


class _Misfit(_Deep):
    def __init__(self, widths):
        super().__init__(widths)
        self.layers = nn.ModuleList(nn.Linear(widths[0], n_out) for n_out in widths[1:])


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


class _ByBatch(_Centre):
    def forward(self, X):
        return X - X.mean(dim=0)


class _ByRunning(_Centre):
    def forward(self, X):
        super().forward(X)
        return X - self.running_mean


class _OfRows(_Centre):
    dim = 1


class _Forgets(_Centre):
    keep = 0.0


class _Exchanged(_Centre):
    keep = 0.1


class _NeverLearns(_Centre):
    keep = 1.0


class _GoesOn(_Centre):
    def forward(self, X):
        self.running_mean = 0.9 * self.running_mean + 0.1 * X.mean(dim=0)
        return X - (X.mean(dim=0) if self.training else self.running_mean)


class _AsParameter(_Centre):
    def __init__(self, n):
        nn.Module.__init__(self)
        self.running_mean = nn.Parameter(torch.zeros(n), requires_grad=False)


class _AsAttribute(_Centre):
    def __init__(self, n):
        nn.Module.__init__(self)
        self.running_mean = torch.zeros(n)


class _InPlace(_Centre):
    def forward(self, X):
        X -= X.mean(dim=0)
        return X


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
        mistakes=[
            (Answers((_W.T.clone(), _b)), "expected [2, 3]"),
            (Answers((_W.flip(0), _b)), "other order"),
            (Answers((torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0]]), _b)), "the sum"),
            (Answers((torch.tensor([[1 / 3, 1 / 3, 1 / 3], [-1.0, 0.0, 1.0]]), _b)), "third number minus"),
            (Answers((_W, torch.ones(2))), "one of the two outputs only"),
            (Answers((_W, torch.tensor([1.0, 0.0]))), "wrong output"),
            (Answers((_W, torch.zeros(2))), "says the task"),
        ],
        fooling=[
            Answers((_W.tolist(), _b)),
            Answers((_W, _b.unsqueeze(1))),
            Answers((_W, torch.tensor([0, 1]))),
            Answers((torch.tensor([[0.33, 0.33, 0.33], [1.0, 0.0, -1.0]]), _b)),
        ],
    ),
    "small_net": Wrong(
        mistakes=[
            (_small(n_in=256), "all its channels"),
            (_small(flat=False), "still have rows and columns"),
            (_small(hidden=512), "of the size that the task names"),
            (nn.Sequential(nn.Flatten(), nn.Linear(768, 100), nn.Linear(100, 5)), "nothing between"),
            (_small(nn.Softmax(dim=1)), "people want"),
            (_small(nn.LogSoftmax(dim=1)), "people want"),
            (_small(nn.ReLU()), "nothing comes after it"),
        ],
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
        mistakes=[
            (lambda logits: (logits.argmax(dim=1), logits.softmax(dim=0).amax(dim=1)), "over the examples"),
            (lambda logits: (logits.argmax(dim=0), logits.softmax(dim=0).amax(dim=0)), "One answer for each class"),
            (lambda logits: (logits.argmax(dim=1), logits.amax(dim=1)), "these are scores"),
            (lambda logits: (logits.argmax(dim=1), logits.softmax(dim=1)), "not only that of the class"),
            (lambda logits: (logits.argmax(), logits.softmax(dim=1).max()), "Without `dim`"),
            (lambda logits: (logits.argmax(dim=1), logits.softmax(dim=1).max(dim=1)), "gives back two tensors"),
            (lambda logits: logits.softmax(dim=1).max(dim=1), "the largest numbers first"),
            (lambda logits: _sure(logits)[::-1], "in the other order"),
            (_by_loop, "no loop"),
        ],
        fooling=[
            lambda logits: (logits.argmax(dim=1).int(), logits.softmax(dim=1).amax(dim=1)),
            lambda logits: (logits.argmax(dim=1), torch.ones(len(logits))),
            lambda logits: (logits.argmax(dim=1), torch.sigmoid(logits).amax(dim=1)),
            lambda logits: tuple(part.unsqueeze(1) for part in _sure(logits)),
            lambda logits: logits.argmax(dim=1),
        ],
    ),
    "count_from_widths": Wrong(
        mistakes=[
            (lambda widths: _count(widths, biases=0), "the weights alone"),
            (lambda widths: _count(widths, biases=0) + sum(widths), "are no layer"),
            (lambda widths: _count(widths, inputs=0), "the biases alone"),
            (lambda widths: _count(widths, biases=0) + sum(widths[:-1]), "not for each input"),
            (lambda widths: _count(widths, biases=0) + len(widths) - 1, "One bias was counted"),
            (_by_building, "can be counted all the same"),
        ],
        fooling=[
            lambda widths: 669_706,
            lambda widths: torch.tensor(_count(widths)),
            lambda widths: float(_count(widths)),
            lambda widths: _count(widths[:3]),
            lambda widths: sum((widths[i] + 1) * widths[i + 1] for i in range(2) if i + 1 < len(widths)),
        ],
    ),
    "deep_net": Wrong(
        mistakes=[
            (_PlainList, "not into everything"),
            (_Forgetful, "The first line of every"),
            (_Misfit, "from one width to the next"),
            (_ReluAtTheEnd, "nothing comes after it"),
            (_NoRelu, "no more than one"),
            (_OneRelu, "Only the first ReLU"),
        ],
        fooling=[_Tanh, _NoBias, _ForThree, _Unused, _Sums, _Detached, _Deep([3, 5, 4, 2]), nn.Linear, nn.ModuleList],
    ),
    "centre": Wrong(
        mistakes=[
            (_ByBatch, "the batch at hand"),
            (_ByRunning, "the mean of this batch"),
            (_OfRows, "along the wrong dimension"),
            (_NeverLearns, "stays at zero"),
            (_Forgets, "the last batch alone"),
            (_Exchanged, "are exchanged"),
            (_GoesOn, "went on changing"),
            (_AsParameter, "what is such a tensor called"),
            (_AsAttribute, "no notice"),
            (_InPlace, "changed its input"),
        ],
        fooling=[_ForAll, _KeepsRow, _Norm, _Centre(3), nn.Identity, nn.BatchNorm1d, nn.LayerNorm],
    ),
    "colour_net": Wrong(
        mistakes=[
            (_colour(channels=1), "how many channels arrive"),
            (_colour(last=32 * 7 * 7), "Two numbers in the middle"),
            (_colour(nn.Softmax(dim=1)), "people want"),
            (_colour(widths=(16, 64, 64)), "Which layer holds most"),
            (_colour(pools=0), "Which layer holds most"),
            (_colour(dropout=0.0), "dropped while training"),
        ],
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
