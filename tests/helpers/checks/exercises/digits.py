"""Wrong answers to the exercises of notebook 7."""

import copy
from itertools import pairwise

import torch
from torch import nn

from tests.helpers.checks.exercises import Wrong

# 7.1


def _count(sizes, *, bias=1, norm=2, norm_at_end=False):
    total = 0
    for n_in, n_out in pairwise(sizes):
        total += n_in * n_out + bias * n_out + norm * n_out
    return total if norm_at_end else total - norm * sizes[-1]


def _built(sizes):
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.BatchNorm1d(b))]
    return sum(p.numel() for p in nn.Sequential(*layers[:-1]).parameters())


# 7.2


def _gap_of(scores):
    two = scores.topk(2, dim=1).values
    return two[:, 0] - two[:, 1]


def _with_loop(outputs, k):
    gaps = torch.stack([row.topk(2).values[0] - row.topk(2).values[1] for row in outputs.softmax(dim=1)])
    return gaps.argsort()[:k]


# 7.3


def _names(before, after):
    return [name for name in before if not torch.equal(before[name], after[name])]


def _live(model, X):
    before = model.state_dict()
    model(X)
    return _names(before, model.state_dict())


def _spoils(model, X):
    before = copy.deepcopy(model.state_dict())
    model(X)
    return _names(before, model.state_dict())


def _right(model, X):
    tried = copy.deepcopy(model)
    tried(X)
    return _names(model.state_dict(), tried.state_dict())


def _put_back(model, X):
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        model(X)
    names = _names(before, model.state_dict())
    model.load_state_dict(before)
    return names


def _parameters_only(model, X):
    tried = copy.deepcopy(model)
    tried(X)
    return _names(dict(model.named_parameters()), dict(tried.named_parameters()))


def _buffers(model, X):
    return [name for name, _ in model.named_buffers()]


def _in_train_mode(model, X):
    tried = copy.deepcopy(model).train()
    tried(X)
    return _names(model.state_dict(), tried.state_dict())


def _switches(model, X):
    names = _right(model, X)
    model.eval()
    return names


# 7.4


def _cnn(*, colours=3, side=8, classes=5, end=(), dropout=0.3, filters=(8, 32), norms=True, active=True):
    first, second = filters
    return nn.Sequential(
        nn.Conv2d(colours, first, kernel_size=5, stride=2, padding=2),
        nn.BatchNorm2d(first) if norms else nn.Identity(),
        nn.LeakyReLU(0.1) if active else nn.Identity(),
        nn.Conv2d(first, second, kernel_size=5, stride=2, padding=2),
        nn.BatchNorm2d(second) if norms else nn.Identity(),
        nn.LeakyReLU(0.1) if active else nn.Identity(),
        nn.Flatten(),
        nn.Dropout(dropout) if dropout else nn.Identity(),
        nn.Linear(second * side * side, classes),
        *end,
    )


ONE = _cnn()


class ColourNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(*_cnn()[:6])
        self.classify = nn.Sequential(nn.Dropout(0.3), nn.Linear(2048, 5))

    def forward(self, X):
        return self.classify(self.features(X).flatten(1))


# 7.5


def _moved(picture, *, sign=1, swapped=False, whole=round, divide=True):
    if not picture.any():
        return picture
    ink = picture.sum() if divide else 1
    row = (picture.sum(dim=1) * torch.arange(28)).sum() / ink
    column = (picture.sum(dim=0) * torch.arange(28)).sum() / ink
    shifts = whole(14 - row.item()) * sign, whole(14 - column.item()) * sign
    return picture.roll(shifts, dims=(1, 0) if swapped else (0, 1))


def _empty_forgotten(picture):
    row = (picture.sum(dim=1) * torch.arange(28)).sum() / picture.sum()
    column = (picture.sum(dim=0) * torch.arange(28)).sum() / picture.sum()
    return picture.roll((round(14 - row.item()), round(14 - column.item())), dims=(0, 1))


def _with_weights(picture):
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    ink = picture.sum().clamp(min=1e-9)
    down, right = (14 - (picture * places).sum() / ink for places in (rows, columns))
    moved = torch.roll(picture, int(down.round()), 0).roll(int(right.round()), 1)
    return moved if picture.sum() > 0 else picture.clone()


def _middle(picture):
    rows, columns = picture.sum(dim=1).nonzero().flatten(), picture.sum(dim=0).nonzero().flatten()
    row, column = (rows[0] + rows[-1]).item() / 2, (columns[0] + columns[-1]).item() / 2
    return picture.roll((round(14 - row), round(14 - column)), dims=(0, 1))


def _moved_in_place(picture):
    picture[:] = _moved(picture)
    return picture


# 7.6


def _trained(*, kept="copy", more=0, reset=True, tie=False, first=-1.0, returned="epochs"):
    def train_until(model, train_once, judge, patience):
        best, best_state, best_epoch, waited, epochs = first, None, 0, 0, 0
        while waited < patience + more:
            train_once(model)
            epochs += 1
            accuracy = judge(model)
            if accuracy > best or (tie and accuracy == best):
                best, best_epoch, waited = accuracy, epochs, 0 if reset else waited
                state = model.state_dict() if kept != "parameters" else dict(model.named_parameters())
                best_state = state if kept == "live" else copy.deepcopy(state)
            else:
                waited += 1
        if kept != "nothing":
            model.load_state_dict(best_state, strict=kept != "parameters")
        return {"epochs": epochs, "best": best_epoch, "accuracy": best}[returned]

    return train_until


def _from_a_list(model, train_once, judge, patience):
    accuracies, states = [judge(model)], [copy.deepcopy(model.state_dict())]
    while len(accuracies) == 1 or len(accuracies) - 1 - accuracies.index(max(accuracies[1:]), 1) < patience:
        train_once(model)
        accuracies.append(judge(model))
        states.append(copy.deepcopy(model.state_dict()))
    model.load_state_dict(states[accuracies.index(max(accuracies[1:]), 1)])
    return len(accuracies) - 1


def _endless(model, train_once, judge, patience):
    while judge(model) < 2:
        train_once(model)


WRONG = {
    "count_parameters": Wrong(
        fooling=[
            lambda sizes: 569226,
            lambda sizes: float(_count(sizes)),
            lambda sizes: torch.tensor(_count(sizes)),
            lambda sizes: _count(sizes) if len(sizes) > 2 else _count(sizes, norm_at_end=True),
            _built,
        ],
    ),
    "doubtful": Wrong(
        fooling=[
            lambda outputs, k: torch.arange(k),
            lambda outputs, k: _gap_of(outputs.softmax(1)).argsort()[:3],
            lambda outputs, k: _gap_of(outputs.softmax(1)).argsort()[:k].tolist(),
            lambda outputs, k: _gap_of(outputs.softmax(1)).argsort()[:k].flip(0),
            _with_loop,
        ],
        right=[lambda outputs, k: _gap_of(outputs.softmax(-1)).topk(k, largest=False).indices],
    ),
    "changed_by": Wrong(
        fooling=[
            _buffers,
            _in_train_mode,
            lambda model, X: ["1.running_mean", "1.running_var", "1.num_batches_tracked"],
            lambda model, X: [name for name in model.state_dict() if "running" in name or "num" in name],
            lambda model, X: list(model.state_dict()),
        ],
        right=[_put_back],
    ),
    "make_colour_cnn": Wrong(
        fooling=[
            lambda: _cnn(classes=10),
            lambda: _cnn(filters=(8, 31)),
            lambda: _cnn(norms=False),
            lambda: _cnn(dropout=0),
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 5)),
            lambda: ONE,
            _cnn(),
        ],
        right=[ColourNetwork],
    ),
    "centred": Wrong(
        fooling=[
            lambda picture: picture,
            lambda picture: picture.roll((5, 10), dims=(0, 1)),
            lambda picture: _moved(picture, divide=False),
            lambda picture: _moved(picture).unsqueeze(0),
            lambda picture: torch.zeros(28, 28),
            _moved_in_place,
        ],
        right=[_with_weights],
    ),
    "train_until": Wrong(
        fooling=[
            _trained(kept="parameters"),
            _trained(first=0.0),
            _trained(returned="best"),
            _trained(returned="accuracy"),
            _trained(more=-1),
            _endless,
            lambda model, train_once, judge, patience: patience * 2,
        ],
        right=[_from_a_list],
    ),
}
