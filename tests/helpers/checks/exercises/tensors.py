"""Wrong answers to the exercises of notebook 1."""

import torch

from tests.helpers.checks.exercises import Wrong


def _in_place(X):
    X -= X.mean(dim=1, keepdim=True)
    return X


def _square_is_special(X):
    return X - X.mean(dim=1) if len(X) == X.shape[1] else X - X.mean(dim=1, keepdim=True)


def _brighten_in_place(pixels, amount):
    pixels[:] = (pixels.int() + amount).clamp(0, 255)
    return pixels


def _distances_with_loops(a, b):
    return torch.stack([torch.stack([(one - other).abs() for other in b]) for one in a])


def _means(X_train, y_train):
    return torch.stack([X_train[y_train == label].mean(dim=0) for label in range(int(y_train.max()) + 1)])


def _farthest(X_train, y_train, X):
    return ((X.unsqueeze(1) - _means(X_train, y_train)) ** 2).sum(dim=(2, 3)).argmax(dim=1)


def _squares(X_train, y_train, X):
    return ((X.unsqueeze(1) - _means(X_train, y_train)) ** 2).sum(dim=(2, 3))


def _signed(X_train, y_train, X):
    return (X.unsqueeze(1) - _means(X_train, y_train)).sum(dim=(2, 3)).argmin(dim=1)


def _sum_then_square(X_train, y_train, X):
    return (X.unsqueeze(1) - _means(X_train, y_train)).sum(dim=(2, 3)).square().argmin(dim=1)


def _absolute(X_train, y_train, X):
    return (X.unsqueeze(1) - _means(X_train, y_train)).abs().sum(dim=(2, 3)).argmin(dim=1)


def _per_class(X_train, y_train, X):
    return _squares(X_train, y_train, X).argmin(dim=0)


def _sums(X_train, y_train, X):
    sums = torch.stack([X_train[y_train == label].sum(dim=0) for label in range(int(y_train.max()) + 1)])
    return ((X.unsqueeze(1) - sums) ** 2).sum(dim=(2, 3)).argmin(dim=1)


def _nearest_neighbour(X_train, y_train, X):
    return y_train[((X.unsqueeze(1) - X_train) ** 2).sum(dim=(2, 3)).argmin(dim=1)]


def _three_classes_only(X_train, y_train, X):
    means = torch.stack([X_train[y_train == label].mean(dim=0) for label in range(3)])
    return ((X.unsqueeze(1) - means) ** 2).sum(dim=(2, 3)).argmin(dim=1)


WRONG = {
    "half_seconds": Wrong(
        fooling=[
            torch.linspace(0, 5, 11).unsqueeze(1),
            torch.linspace(0, 5, 11).double(),
            torch.linspace(0, 5, 11).tolist(),
            torch.linspace(0, 5.01, 11),
            torch.linspace(0, 5, 11).flip(0),
        ],
        right=[torch.arange(0, 5.5, 0.5), torch.arange(11) / 2],
    ),
    "green_middle": Wrong(
        fooling=[
            lambda batch: batch[:4, 1, 7:21, 7:21][[0, 1, 2, 3]],
            lambda batch: batch[:, 1, 7:21, 7:21].transpose(1, 2),
            lambda batch: torch.zeros(len(batch), 14, 14),
            lambda batch: batch[:, 1, 6:20, 6:20],
        ],
        right=[lambda batch: batch[:, 1][:, 7:-7, 7:-7]],
    ),
    "channels_first": Wrong(
        fooling=[
            lambda picture: picture.permute(2, 0, 1)[:3].expand(1, 3, *picture.shape[:2]),
            lambda picture: torch.zeros(1, picture.shape[2], *picture.shape[:2]),
            lambda picture: picture.permute(2, 0, 1).flip(0).unsqueeze(0),
        ],
        right=[lambda picture: picture[None].movedim(-1, 1)],
    ),
    "distances": Wrong(
        fooling=[
            lambda a, b: (a.unsqueeze(1) - b) ** 2,
            lambda a, b: torch.zeros(len(a), len(b)),
            lambda a, b: (a.unsqueeze(1) - b).abs().tolist(),
            lambda a, b: (a.unsqueeze(1) - b).clamp(min=0),
            lambda a, b: (a.unsqueeze(1) - b).abs().round(decimals=2),
        ],
        right=[lambda a, b: ((a[:, None] - b) ** 2).sqrt(), lambda a, b: torch.cdist(a[:, None], b[:, None])],
    ),
    "centre_rows": Wrong(
        fooling=[
            torch.zeros_like,
            _square_is_special,
            lambda X: X - X.median(dim=1, keepdim=True).values,
        ],
        right=[lambda X: (X.T - X.mean(dim=1)).T, lambda X: X - X.mean(dim=1).unsqueeze(1)],
    ),
    "brighten": Wrong(
        fooling=[
            lambda pixels, amount: pixels.clone(),
            lambda pixels, amount: (pixels.int() + 10).clamp(0, 255).to(torch.uint8),
            lambda pixels, amount: (pixels.int() + amount).clamp(0, 254).to(torch.uint8),
            lambda pixels, amount: (pixels.int() + amount).clamp(0, 255),
            lambda pixels, amount: (pixels.int() + amount).clamp(0, 255).to(torch.uint8).flatten(),
        ],
        right=[lambda pixels, amount: (pixels.float() + amount).clamp(0, 255).byte()],
    ),
    "classify": Wrong(
        fooling=[
            lambda X_train, y_train, X: torch.zeros(len(X), dtype=torch.int64),
            lambda X_train, y_train, X: _squares(X_train, y_train, X).argmin(dim=1).float(),
            lambda X_train, y_train, X: _squares(X_train, y_train, X).argmin(dim=1).unsqueeze(1),
            _nearest_neighbour,
            _three_classes_only,
        ],
        right=[
            lambda X_train, y_train, X: torch.cdist(X.flatten(1), _means(X_train, y_train).flatten(1)).argmin(dim=1)
        ],
    ),
}
