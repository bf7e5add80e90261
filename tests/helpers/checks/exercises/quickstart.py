"""Answers to the exercises of notebook 6 that look right in part."""

import torch
from torch import nn

from tests.helpers.checks.exercises import Answers, Wrong


def _save(path, model, optimizer, epochs):
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epochs": epochs}, path)
    return path


def _load(path, model, optimizer):
    saved = torch.load(path, weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["epochs"]


KEPT = {}


def _keep(path, model, optimizer, epochs):
    KEPT.update(model=model, optimizer=optimizer, epochs=epochs)
    return _save(path, model, optimizer, epochs)


def _take(path, model, optimizer):
    """From memory, where the training has gone on."""
    model.load_state_dict(KEPT["model"].state_dict())
    optimizer.load_state_dict(KEPT["optimizer"].state_dict())
    return KEPT["epochs"]


def _own_optimizer(model, loader, loss_fn, optimizer):
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    total = 0.0
    for X, y in loader:
        loss = loss_fn(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    return total / len(loader.dataset)


WRONG = {
    "batch_count": Wrong(
        fooling=[
            lambda n, size: (n // size, n % size or size),
            lambda n, size: (round(n / size), n % size or size),
            lambda n, size: (n - 1, size),
        ],
    ),
    "picture_losses": Wrong(
        fooling=[
            lambda logits, y: -logits.log_softmax(1).gather(1, y.unsqueeze(1)),
            lambda logits, y: nn.functional.cross_entropy(logits, y).expand(len(y)),
            lambda logits, y: torch.stack([-row.log_softmax(0)[k] for row, k in zip(logits, y, strict=True)]),
        ],
    ),
    "train_and_tell": Wrong(
        fooling=[
            _own_optimizer,
            lambda model, loader, loss_fn, optimizer: 1.20889,
            lambda *given: torch.tensor(_own_optimizer(*given)),
        ],
    ),
    "name_it": Wrong(
        fooling=[
            lambda model, image, names: (names[0], 1 / len(names)),
            lambda model, image, names: (names[-1], 0.623071),
            lambda model, image, names: ("bird", 0.623071),
        ],
    ),
    "trust": Wrong(
        fooling=[
            lambda confusions: (confusions.diag() / confusions.sum(dim=0)).nan_to_num(nan=0.5),
            lambda confusions: confusions.diag() / confusions.sum(dim=0).clamp(min=2),
            lambda confusions: torch.stack([c[k] / c.sum().clamp(min=1) for k, c in enumerate(confusions.T)]),
        ],
    ),
    "resume": Wrong(
        fooling=[
            Answers((_save, lambda *given: float(_load(*given)) + 0.5)),
            Answers((_keep, _take)),
            Answers((lambda *given: str(_save(*given)) + "/", _load)),
        ],
    ),
    "choose": Wrong(
        fooling=[
            lambda recipes, *given: (next(iter(recipes)), 0.7),
            lambda recipes, *given: ("blue", 0.7),
            lambda recipes, *given: (None, 0.7),
        ],
    ),
}
