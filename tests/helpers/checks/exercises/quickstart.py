"""Wrong answers to the exercises of notebook 6."""

import math
from functools import partial

import torch
from torch import nn

from helpers.training import evaluate, fit
from tests.helpers.checks.exercises import Answers, Wrong

LOG_SOFTMAX = nn.functional.log_softmax


def _picked_by_mask(logits, y):
    return -LOG_SOFTMAX(logits, 1)[nn.functional.one_hot(y, logits.shape[1]).bool()]


# 6.3, with one thing wrong each


def _epoch(model, loader, loss_fn, optimizer, *, wrong=""):
    if wrong != "train":
        model.train()
    total, last, batches = 0.0, 0.0, 0
    for X, y in loader:
        loss = loss_fn(model(X), y)
        if wrong != "zero_grad":
            optimizer.zero_grad()
        loss.backward()
        if wrong == "zeroed too late":
            optimizer.zero_grad()
        if wrong != "step":
            optimizer.step()
        if wrong == "measured after":
            loss = loss_fn(model(X), y)
        total, last, batches = total + loss.item() * len(y), loss.item(), batches + 1
    return {
        "": total / len(loader.dataset),
        "sum": total,
        "last": last,
        "tensor": torch.tensor(total / len(loader.dataset)),
    }.get(wrong, total / len(loader.dataset))


def _with(wrong):
    return lambda model, loader, loss_fn, optimizer: _epoch(model, loader, loss_fn, optimizer, wrong=wrong)


def _batch_means(model, loader, loss_fn, optimizer):
    model.train()
    losses = []
    for X, y in loader:
        loss = loss_fn(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def _own_loss(model, loader, loss_fn, optimizer):
    return _epoch(model, loader, nn.CrossEntropyLoss(), optimizer)


def _zeroed_last(model, loader, loss_fn, optimizer):
    """Another order of the five steps, a sum of tensors, a count of its own."""
    model.train()
    total, seen = torch.tensor(0.0), 0
    for X, y in loader:
        pred = model(X)
        loss = loss_fn(pred, y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        total += loss.detach() * len(y)
        seen += len(y)
    return (total / seen).item()


def _own_optimizer(model, loader, loss_fn, optimizer):
    return _epoch(model, loader, loss_fn, torch.optim.SGD(model.parameters(), lr=0.3))


# 6.4


def _named(model, image, names, *, forget=False, dim=1, batch=True, best=torch.argmax):
    if not forget:
        model.eval()
    with torch.no_grad():
        X = image.unsqueeze(0) if batch else image
        probabilities = model(X).softmax(dim=dim)[0]
    position = best(probabilities)
    return names[position], probabilities[position].item()


def _logit(model, image, names):
    model.eval()
    logits = model(image.unsqueeze(0))[0]
    return names[logits.argmax()], logits.max().item()


def _by_max(model, image, names):
    with torch.no_grad():
        probability, position = torch.softmax(model.eval()(image[None]), -1).squeeze().max(0)
    return names[position], float(probability)


def _precision(confusions):
    said = confusions.sum(0)
    return torch.where(said > 0, confusions.diagonal() / said, 0)


# 6.6


def _save(path, model, optimizer, epochs):
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epochs": epochs}, path)
    return path


def _load(path, model, optimizer):
    saved = torch.load(path, weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["epochs"]


def _load_weights_only(path, model, optimizer):
    saved = torch.load(path, weights_only=True)
    model.load_state_dict(saved["model"])
    return saved["epochs"]


def _load_anything(path, model, optimizer):
    saved = torch.load(path, weights_only=False)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["epochs"]


def _load_nothing(path, model, optimizer):
    return torch.load(path, weights_only=True)["epochs"]


def _load_into_one(path, model, optimizer):
    model.load_state_dict(torch.load(path, weights_only=True))


def _save_objects(path, model, optimizer, epochs):
    torch.save({"model": model, "optimizer": optimizer, "epochs": epochs}, path)
    return path


def _save_tuple(path, *everything):
    model, optimizer, epochs = everything
    torch.save((model.state_dict(), optimizer.state_dict(), epochs), str(path))
    return path


def _load_tuple(path, model, optimizer):
    weights, memory, epochs = torch.load(path)
    optimizer.load_state_dict(memory)
    model.load_state_dict(weights)
    return epochs


def _load_constant(path, model, optimizer):
    _load(path, model, optimizer)
    return 3


KEPT = {}


def _keep(path, model, optimizer, epochs):
    KEPT.update(model=model, optimizer=optimizer, epochs=epochs)
    torch.save({}, path)
    return path


def _take(path, model, optimizer):
    """From memory, where the training has gone on."""
    model.load_state_dict(KEPT["model"].state_dict())
    optimizer.load_state_dict(KEPT["optimizer"].state_dict())
    return KEPT["epochs"]


# 6.7


def _chosen_by(which, *, report="test", model="chosen", pick=max, best="accuracy"):
    def choose(recipes, train_loader, val_loader, test_loader, epochs):
        loss_fn = nn.CrossEntropyLoss()
        loaders = {"training": train_loader, "validation": val_loader, "test": test_loader}
        models, scores = {}, {}
        for name, make in recipes.items():
            models[name], optimizer = make()
            fit(models[name], train_loader, loss_fn, optimizer, epochs=epochs, progress=False)
            scores[name] = getattr(evaluate(models[name], loaders[which], loss_fn), best)
        chosen = pick(scores, key=scores.get)
        judged = models[chosen] if model == "chosen" else [*models.values()][-1]
        return chosen, evaluate(judged, loaders[report], loss_fn).accuracy

    return choose


def _tests_all(recipes, train_loader, val_loader, test_loader, epochs):
    loss_fn = nn.CrossEntropyLoss()
    results = {}
    for name, make in recipes.items():
        model, optimizer = make()
        fit(model, train_loader, loss_fn, optimizer, epochs=epochs, progress=False)
        results[name] = evaluate(model, val_loader, loss_fn).accuracy, evaluate(model, test_loader, loss_fn).accuracy
    chosen = max(results, key=results.get)
    return chosen, results[chosen][1]


def _right_share(model, loader):
    return sum((model(X).argmax(dim=1) == y).sum().item() for X, y in loader) / len(loader.dataset)


def _never_eval(recipes, train_loader, val_loader, test_loader, epochs):
    models, scores = {}, {}
    for name, make in recipes.items():
        models[name], optimizer = make()
        fit(models[name], train_loader, nn.CrossEntropyLoss(), optimizer, epochs=epochs, progress=False)
        models[name].train()
        scores[name] = _right_share(models[name], val_loader)
    chosen = max(scores, key=scores.get)
    return chosen, _right_share(models[chosen], test_loader)


def _by_hand(recipes, train_loader, val_loader, test_loader, epochs):
    """Loops of its own, and the best recipe so far instead of all of them."""
    best_name, best_model, best = None, None, -1.0
    for name in recipes:
        model, optimizer = recipes[name]()
        for _ in range(epochs):
            _epoch(model, train_loader, nn.CrossEntropyLoss(), optimizer)
        with torch.inference_mode():
            accuracy = _right_share(model.eval(), val_loader)
        if accuracy > best:
            best_name, best_model, best = name, model, accuracy
    return best_name, _right_share(best_model, test_loader)


def _one_epoch(recipes, train_loader, val_loader, test_loader, epochs):
    return _chosen_by("validation")(recipes, train_loader, val_loader, test_loader, 1)


def _untrained(recipes, train_loader, val_loader, test_loader, epochs):
    return _chosen_by("validation")(recipes, train_loader, val_loader, test_loader, 0)


WRONG = {
    "batch_count": Wrong(
        mistakes=[
            (lambda n, size: (n // size, n % size), "a batch too"),
            (lambda n, size: (n // size + 1, n % size), "another batch after them"),
            (lambda n, size: (math.ceil(n / size), n % size), "a batch of 0 pictures"),
            (lambda n, size: (n % size or size, math.ceil(n / size)), "exchanged"),
            (lambda n, size: (n // size, n % size or size), "a batch too"),
        ],
        fooling=[
            lambda n, size: (32, 16),
            lambda n, size: (n / size, n % size),
            lambda n, size: (round(n / size), n % size or size),
        ],
        right=[lambda n, size: (math.ceil(n / size), (n - 1) % size + 1)],
    ),
    "picture_losses": Wrong(
        mistakes=[
            (nn.functional.cross_entropy, "This is the mean"),
            (lambda logits, y: LOG_SOFTMAX(logits, 1)[torch.arange(len(y)), y], "never negative"),
            (lambda logits, y: -LOG_SOFTMAX(logits, 0)[torch.arange(len(y)), y], "the columns do"),
            (lambda logits, y: -logits.softmax(1)[torch.arange(len(y)), y].log(), "rounded to 0"),
            (lambda logits, y: -LOG_SOFTMAX(logits, 1)[:, y], "a single column"),
        ],
        fooling=[
            lambda logits, y: -LOG_SOFTMAX(logits, 1),
            lambda logits, y: -LOG_SOFTMAX(logits, 1).gather(1, y.unsqueeze(1)),
            lambda logits, y: nn.functional.cross_entropy(logits, y).expand(len(y)),
            lambda logits, y: nn.functional.cross_entropy(logits.softmax(1), y, reduction="none"),
            lambda logits, y: torch.stack([-row.log_softmax(0)[k] for row, k in zip(logits, y, strict=True)]),
        ],
        right=[
            _picked_by_mask,
            partial(nn.functional.cross_entropy, reduction="none"),
            lambda logits, y: logits.logsumexp(1) - logits.gather(1, y.unsqueeze(1)).squeeze(1),
        ],
    ),
    "train_and_tell": Wrong(
        mistakes=[
            (_with("zero_grad"), "gradients of earlier batches"),
            (_with("train"), "learned in eval mode"),
            (_with("zeroed too late"), "found no gradients"),
            (_batch_means, "the last batch is short"),
            (_with("sum"), "this is a sum"),
        ],
        fooling=[
            _with("last"),
            _with("tensor"),
            _with("measured after"),
            _own_loss,
            _own_optimizer,
            lambda model, loader, loss_fn, optimizer: 1.2,
        ],
        right=[_zeroed_last],
    ),
    "name_it": Wrong(
        mistakes=[
            (lambda *given: _named(*given, forget=True), "training mode"),
            (lambda *given: _named(*given, batch=False), "even of a single picture"),
            (lambda *given: _named(*given, dim=0), "competes with nobody"),
            (_logit, "this is a logit"),
            (lambda *given: _named(*given, best=torch.argmin), "least likely"),
        ],
        fooling=[
            lambda model, image, names: (names[0], 1 / len(names)),
            lambda *given: _named(*given)[0],
            lambda *given: (_named(*given)[0], torch.tensor(_named(*given)[1])),
            lambda *given: (_named(*given)[0], 100 * _named(*given)[1]),
        ],
        right=[_by_max],
    ),
    "trust": Wrong(
        mistakes=[
            (lambda confusions: confusions.diag() / confusions.sum(dim=1), "along the rows"),
            (lambda confusions: confusions.diag() / confusions.sum(dim=0), "is not a number"),
            (lambda confusions: confusions.diag() / confusions.sum(), "the whole matrix"),
            (lambda confusions: confusions / confusions.sum(dim=0).clamp(min=1), "All places"),
        ],
        fooling=[
            lambda confusions: confusions.diag() / (confusions.sum(dim=0) + 1),
            lambda confusions: confusions.diag() // confusions.sum(dim=0).clamp(min=1),
            lambda confusions: (confusions.diag() / confusions.sum(dim=0)).nan_to_num(nan=1.0),
            lambda confusions: torch.stack([c[k] / c.sum().clamp(min=1) for k, c in enumerate(confusions.T)]),
        ],
        right=[_precision, lambda confusions: (confusions.diag() / confusions.sum(dim=0)).nan_to_num()],
    ),
    "resume": Wrong(
        mistakes=[
            (Answers((_save, _load_weights_only)), "Who else has a memory"),
            (Answers((_save, _load_anything)), "accepts tensors and plain values"),
            (Answers((_save, _load_nothing)), "Which call fills it"),
            (Answers((_save, _load_into_one)), "nothing around it"),
            (Answers((_save_objects, _load)), "without its code"),
            (Answers((lambda path, *given: path, _load)), "Which call writes"),
        ],
        fooling=[
            Answers((_save, _load_constant)),
            Answers((_save, lambda *given: float(_load(*given)))),
            Answers((_keep, _take)),
            Answers((lambda *given: str(_save(*given)), _load)),
        ],
        right=[Answers((_save_tuple, _load_tuple))],
    ),
    "choose": Wrong(
        mistakes=[
            (_chosen_by("test"), "the test set has chosen"),
            (_chosen_by("training"), "learned them by heart"),
            (_chosen_by("validation", report="validation"), "the accuracy that made the choice"),
            (_chosen_by("validation", model="last"), "trained last"),
            (_tests_all, "tempted to choose"),
            (_never_eval, "With dropout or batch norm"),
            (_chosen_by("validation", pick=min, best="loss"), "smallest validation loss"),
        ],
        fooling=[
            _one_epoch,
            _untrained,
            _chosen_by("validation", pick=min),
            _chosen_by("validation", best="loss"),
            lambda recipes, *given: (next(iter(recipes)), 0.7),
            lambda *given: (_chosen_by("validation")(*given)[0], 70.0),
        ],
        right=[_by_hand],
    ),
}
