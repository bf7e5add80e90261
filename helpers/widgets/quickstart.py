"""Widgets of notebook 6: a classifier that learns while you watch, and the images behind a confusion matrix."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from functools import partial
from itertools import chain, islice, repeat
from pathlib import Path

import anywidget
import torch
import traitlets
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, default_collate

from helpers.plotting import image_grid, training_progress
from helpers.plotting.values import format_percent
from helpers.training import NonFiniteLossError, predict, train_epoch
from helpers.widgets.panel import CONTROLS_CSS, Answer, Panel, RefusalError, Runner, scale

RATES = (0.0001, 0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
_LR, _BATCH_SIZE, _EPOCHS = 0.005, 64, 5
_BATCHES = 10  # in each step: so few that Pause and Reset act at once
_EVALUATED = 500  # validation images, enough to see the accuracy rise
_SHOWN = 16  # images of a cell of the confusion matrix


def watch_it_learn(model: nn.Module, train_set: Dataset, val_set: Dataset, class_names: Sequence[str]) -> Panel:
    """Train a copy of `model` with SGD step by step, and see what it has learned so far.

    A new learning rate applies from the next batch on. `model` itself stays as it is.
    """
    training = Training(model, train_set, val_set)
    runner = Runner(max=math.ceil(_EPOCHS * len(training.loader) / _BATCHES))
    controls = {"lr": scale("learning rate", RATES, _LR), "steps": runner}
    return Panel("Watch it learn", controls, partial(_watch, training, [str(name) for name in class_names], runner))


def _watch(training: Training, names: list[str], runner: Runner, lr: float, steps: int) -> Answer:
    try:
        training.go_to(steps, lr)
    except NonFiniteLossError:
        runner.running = False
        raise RefusalError(
            f"Expected a finite loss: after batch {training.batches[-1]:,} it is NaN or infinite, because the learning "
            f"rate {lr:g} was too large. Press Reset, then choose a smaller one."
        ) from None
    shown, batches, epoch = training.examples, training.batches, len(training.loader)
    predicted = training.logits[shown].argmax(dim=1)
    correct = (predicted == training.y[shown]).tolist()
    curves = {"batches": batches, "validation loss": training.losses, "validation accuracy": training.accuracies}
    titles = [names[label].partition("/")[0].replace(" ", "\n") for label in predicted]
    figure = training_progress(curves, training.X[shown], titles, correct=correct)
    for ax, top in zip(figure.axes[:2], (1.15 * training.losses[0], 1), strict=True):
        ax.set(xlim=(0, max(epoch, batches[-1])), ylim=(0, top))
    if steps == 0:
        return figure, (
            f"Untrained: the network guesses. Press Start to train it with learning rate {lr:g}, and watch loss and "
            f"accuracy on {len(training.y)} validation images, and its predictions for {len(shown)} of them."
        )
    return figure, (
        f"After {batches[-1]:,} batches, {batches[-1] / epoch:.1f} epochs, learning rate {lr:g}: "
        f"loss {training.losses[-1]:.3f}, accuracy {format_percent(training.accuracies[-1])} on {len(training.y)} "
        f"validation images; of the {len(shown)} shown {sum(correct)} are classified correctly."
    )


class Training:
    """A copy of a model in training, which can be continued or reset.

    Shapes:
        X, y, logits: the validation images, their classes, and the current logits of the model.
        examples: indices of one image of each class among them.
    """

    def __init__(self, model: nn.Module, train_set: Dataset, val_set: Dataset) -> None:
        """Copy the model, and evaluate it untrained."""
        self._untrained = copy.deepcopy(model)
        self._loss_fn = nn.CrossEntropyLoss()
        self.loader = DataLoader(train_set, batch_size=_BATCH_SIZE, shuffle=True, generator=torch.Generator())
        self.X, self.y = default_collate([val_set[i] for i in range(min(len(val_set), _EVALUATED))])
        self.examples = [(self.y == label).nonzero()[0].item() for label in self.y.unique()]
        self.reset()

    def reset(self) -> None:
        """Start again with the same weights and the same order of the batches."""
        self.model = copy.deepcopy(self._untrained)
        self._optimizer = torch.optim.SGD(self.model.parameters())
        self.loader.generator.manual_seed(0)
        self._batches = chain.from_iterable(repeat(self.loader))
        self.batches, self.losses, self.accuracies = [], [], []
        self._evaluate()

    def go_to(self, steps: int, lr: float) -> None:
        """Train up to this step, from the beginning if it is an earlier one.

        Raises: NonFiniteLossError where the loss is NaN or infinite, from then on until `reset`.
        """
        if steps == 0 or steps < len(self.batches) - 1:
            self.reset()
        self._optimizer.param_groups[0]["lr"] = lr
        while len(self.batches) <= steps:
            train_epoch(self.model, islice(self._batches, _BATCHES), self._loss_fn, self._optimizer)
            self._evaluate()

    def _evaluate(self) -> None:
        predictions = predict(self.model, [(self.X, self.y)])
        self.logits = predictions.outputs
        self.batches.append(len(self.batches) * _BATCHES)
        self.losses.append(self._loss_fn(self.logits, self.y).item())
        self.accuracies.append((predictions.labels == self.y).double().mean().item())


def confusion_explorer(images: Tensor, targets: Tensor, labels: Tensor, class_names: Sequence[str]) -> Panel:
    """A confusion matrix to click on: the images behind each of its cells.

    Shapes:
        images: [N, 1, H, W], 0 to 1. targets, labels: [N], the true classes and the predicted ones.
    """
    n, names = len(class_names), [str(name) for name in class_names]
    pairs = targets.cpu() * n + labels.cpu()
    counts = torch.bincount(pairs, minlength=n * n).reshape(n, n).tolist()
    matrix = ConfusionTable(counts, names)
    return Panel("Look up", {"cell": matrix}, partial(_look_up, images.cpu(), pairs, counts, names))


def _look_up(images: Tensor, pairs: Tensor, counts: list[list[int]], names: list[str], cell: int) -> Answer:
    true, predicted = divmod(cell, len(names))
    of_class, found = sum(counts[true]), counts[true][predicted]
    if not of_class:
        return None, f"There is no image of the class {names[true]}."
    outcome = "classified correctly" if true == predicted else f"mistaken for {names[predicted]}"
    if not found:
        return None, f"No image of the class {names[true]} was {outcome}."
    first = f"The first {_SHOWN} of them" if found > _SHOWN else "All of them"
    return image_grid(images[pairs == cell][:_SHOWN], columns=_SHOWN // 2), (
        f"Of the class {names[true]}, {format_percent(found / of_class)} were {outcome}. {first} are shown."
    )


class ConfusionTable(anywidget.AnyWidget):
    """A confusion matrix as a table of buttons; `value` is the chosen cell, `true * classes + predicted`.

    The first choice is the most frequent mistake.
    """

    _esm = Path(__file__).with_name("confusions.js")
    _css = CONTROLS_CSS

    value = traitlets.Int().tag(sync=True)
    counts = traitlets.List().tag(sync=True)
    class_names = traitlets.List().tag(sync=True)
    description = traitlets.Unicode("cell").tag(sync=True)

    def __init__(self, counts: list[list[int]], class_names: list[str]) -> None:
        """Make the table of these counts, one row per true class."""
        mistakes = torch.tensor(counts).fill_diagonal_(0)
        super().__init__(counts=counts, class_names=class_names, value=int(mistakes.argmax()))

    @property
    def label(self) -> str:
        """The chosen cell in words."""
        true, predicted = divmod(self.value, len(self.class_names))
        return f"true {self.class_names[true]}, predicted {self.class_names[predicted]}"
