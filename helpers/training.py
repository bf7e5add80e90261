"""The training loop, once a notebook has taught it: train, evaluate, fit, predict, save and resume.

Every function takes the model, then the data, then the loss, then the optimizer; the device is the model's own.
Losses and accuracies are means over samples, never means of batch means: the last batch may be short.
"""

from __future__ import annotations

import copy
import math
import os
import random
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader
from tqdm import tqdm

from helpers.files import replace_whole

Loss = Callable[[Tensor, Tensor], Tensor]
Batches = Iterable[tuple[Tensor, Tensor]]


class NonFiniteLossError(ArithmeticError):
    """The loss of a training batch was NaN or infinite, so the weights are no longer of use."""


class CheckpointError(RuntimeError):
    """A checkpoint cannot be read, or does not belong to this model and optimizer."""


class Metrics(NamedTuple):
    """The mean loss over samples and the accuracy (a fraction; None where targets are not classes)."""

    loss: float
    accuracy: float | None = None


class Predictions(NamedTuple):
    """What a model answered for every sample of a loader, in the loader's order, on the CPU.

    Shapes:
        outputs [N, ...]: what the model returned, for a classifier the logits [N, C].
        targets [N, ...]: what the data says.
    """

    outputs: Tensor
    targets: Tensor

    @property
    def labels(self) -> Tensor:
        """The class with the largest logit, [N]."""
        return self.outputs.argmax(dim=1)

    @property
    def probabilities(self) -> Tensor:
        """The softmax of the logits, [N, C]; each row sums to 1."""
        return self.outputs.softmax(dim=1)


@dataclass(frozen=True)
class History:
    """What `fit` measured, one number per epoch; a list stays empty where there was nothing to measure.

    The training numbers are measured while the model changes, with dropout on; the validation numbers afterwards.
    """

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """How many epochs have been trained."""
        return len(self.train_loss)

    def as_dict(self) -> dict[str, list[float]]:
        """Name and numbers of every list that is not empty, for plots and tables."""
        return {name: values for name, values in asdict(self).items() if values}

    def extended(self, train: Metrics, val: Metrics | None = None) -> History:
        """The history one epoch later; this one stays as it is."""
        new = {"train_loss": train.loss, "train_accuracy": train.accuracy}
        if val is not None:
            new |= {"val_loss": val.loss, "val_accuracy": val.accuracy}
        return replace(
            self, **{name: [*getattr(self, name), value] for name, value in new.items() if value is not None}
        )


def best_device() -> torch.device:
    """The accelerator of this machine (CUDA, MPS, XPU ...), or the CPU where there is none or it cannot compute."""
    device = torch.accelerator.current_accelerator(check_available=True)
    if device is not None:
        try:
            torch.ones(1, device=device).add(1).item()
            return device
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            print(f"Using the CPU, because {device} is present but cannot compute: {reason}")
    return torch.device("cpu")


def progress_bar(loader: DataLoader, text: str, *, disable: bool = False) -> tqdm:
    """`tqdm(loader, desc=text)`: the batches of the loader, and a progress bar; TQDM_DISABLE=1 silences it."""
    # A bar of text works in every front end, with widgets or without; in the standard output, because Jupyter shows the
    # other one in red. And tqdm takes TQDM_DISABLE=0 for a yes.
    silent = disable or os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
    return tqdm(loader, desc=text, file=sys.stdout, disable=silent)


def device_of(model: nn.Module) -> torch.device:
    """The device that holds the model's first parameter or buffer; the CPU for a model that has neither."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


def seed_everything(seed: int) -> torch.Generator:
    """Seed Python, NumPy and PyTorch (every device), and return a generator with that seed for a DataLoader."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries that a learner brings along draw from the global state
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def train_epoch(
    model: nn.Module, loader: Batches, loss_fn: Loss, optimizer: Optimizer, *, epoch: int | None = None
) -> Metrics:
    """Train on every batch once and return the mean loss and accuracy, measured on the way.

    Raises:
        NonFiniteLossError: a batch had a loss of NaN or infinity; found when the epoch ends, so that no step waits
            for the accelerator. `epoch` only serves to name it.
        ValueError: the loader gave no batch, or the loss does not average over the batch.
    """
    tally = _Tally(loss_fn)
    model.train()
    for X, y in _on_device(loader, model):
        pred = model(X)
        loss = loss_fn(pred, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tally.add(loss, pred, y)
    metrics = tally.metrics()
    if not math.isfinite(metrics.loss):
        raise tally.non_finite_loss(optimizer.param_groups[0]["lr"], epoch)
    return metrics


def evaluate(model: nn.Module, loader: Batches, loss_fn: Loss) -> Metrics:
    """The mean loss and accuracy over all samples, in eval mode and without gradients; the model is left as it was."""
    tally = _Tally(loss_fn)
    with _evaluating(model):
        for X, y in _on_device(loader, model):
            pred = model(X)
            tally.add(loss_fn(pred, y), pred, y)
        return tally.metrics()


def predict(model: nn.Module, loader: Batches) -> Predictions:
    """What the model answers for every sample, in eval mode and without gradients; the model is left as it was."""
    outputs, targets = [], []
    with _evaluating(model):
        for X, y in _on_device(loader, model):
            outputs.append(model(X))
            targets.append(y)
    if not outputs:
        raise ValueError(_NO_BATCH)
    return Predictions(torch.cat(outputs).cpu(), torch.cat(targets).cpu())


def fit(
    model: nn.Module,
    loader: DataLoader,
    loss_fn: Loss,
    optimizer: Optimizer,
    *,
    epochs: int,
    val_loader: DataLoader | None = None,
    history: History | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> History:
    """Train for a number of epochs, each with a progress bar, and return what was measured after each.

    Pass the history of an earlier call (or of `load_checkpoint`) to go on counting where it ended, and a file as
    `checkpoint` to have everything saved after each epoch. The environment variable TQDM_DISABLE=1 silences the bars.

    Raises:
        NonFiniteLossError: see `train_epoch`; the last checkpoint stays as it was.
        ValueError: `epochs` is negative, a loader gave no batch, or the loss does not average over the batch.
    """
    if epochs < 0:
        raise ValueError(f"Expected a number of epochs of 0 or more, received {epochs}. Pass how many more to train.")
    history = history or History()
    last = history.epochs + epochs
    for epoch in range(history.epochs + 1, last + 1):
        with progress_bar(loader, f"epoch {epoch}/{last}", disable=not progress) as bar:
            train = train_epoch(model, _ticking(loader, bar), loss_fn, optimizer, epoch=epoch)
            val = evaluate(model, val_loader, loss_fn) if val_loader is not None else None
            history = history.extended(train, val)
            bar.set_postfix({name: f"{values[-1]:.4f}" for name, values in history.as_dict().items()})
        if checkpoint is not None:
            save_checkpoint(checkpoint, model, optimizer, history=history, loader=loader)
    return history


def save_checkpoint(
    path: str | Path,
    model: nn.Module,
    optimizer: Optimizer,
    *,
    history: History | None = None,
    loader: DataLoader | None = None,
) -> None:
    """Write all that is needed to go on training as if nothing had happened, whole or not at all.

    That is the model, the optimizer, the history (its length is the epoch), and the random states of PyTorch, NumPy
    and Python; pass the loader too where it draws from a generator of its own. Missing folders are made.
    """
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "optimizer_type": type(optimizer).__name__,
        "history": asdict(history or History()),
        "random": _random_state(device_of(model), loader),
    }
    with replace_whole(path) as part, part.open("wb") as file:  # given a path, torch.save would store its name too
        torch.save(state, file)


def load_checkpoint(
    path: str | Path,
    model: nn.Module,
    optimizer: Optimizer,
    *,
    loader: DataLoader | None = None,
) -> History:
    """Restore what `save_checkpoint` wrote and return the history; training then goes on bit for bit.

    Raises:
        OSError: the file is missing or cannot be opened.
        CheckpointError: the file is damaged, is no checkpoint, or belongs to another model or optimizer; the model
            and the optimizer are then left as they were.
    """
    path = Path(path)
    try:
        state = _read_checkpoint(path)
        history = History(**state["history"])
    except OSError:
        raise
    except Exception as error:  # a file of another program may raise anything
        raise CheckpointError(
            f"Expected a checkpoint that fit(checkpoint=...) wrote, but {path.name} is damaged, or was written in "
            f"another way ({type(error).__name__}). Read your own files with torch.load; a damaged one is lost."
        ) from error
    weights_before = copy.deepcopy(model.state_dict())
    try:
        model.load_state_dict(state["model"])
        received, expected = type(optimizer).__name__, state["optimizer_type"]
        if received != expected:  # its parameter groups may fit all the same, and the next step would fail
            raise ValueError(f"the optimizer was {expected}, received {received}")
        optimizer.load_state_dict(state["optimizer"])  # checks the groups before it changes anything
    except (RuntimeError, ValueError, TypeError) as error:
        model.load_state_dict(weights_before)  # those that fit were copied before the others were refused
        raise CheckpointError(
            f"Expected the model and the optimizer that {path.name} was saved with: {error}. "
            "Create both as they were then."
        ) from error
    _restore_random_state(state["random"], device_of(model), loader)
    return history


_NO_BATCH = (
    "Expected at least one batch, the loader gave none. Check that its data set is not empty, "
    "and that drop_last=True does not drop the only batch."
)


class _Tally:
    """Collects losses and correct answers batch by batch on the device; the host waits only for the final figures."""

    def __init__(self, loss_fn: Loss) -> None:
        reduction = getattr(loss_fn, "reduction", "mean")
        if reduction != "mean":
            raise ValueError(
                f"Expected a loss that averages over the batch, received reduction={reduction!r}. "
                "Build it with reduction='mean', the default."
            )
        self.losses: list[Tensor] = []
        self.correct: list[Tensor] = []
        self.sizes: list[int] = []

    def add(self, loss: Tensor, pred: Tensor, y: Tensor) -> None:
        self.losses.append(loss.detach())
        self.sizes.append(len(y))
        if not y.is_floating_point() and y.ndim == 1 and pred.ndim == 2:  # classes [N] against logits [N, C]
            self.correct.append((pred.detach().argmax(dim=1) == y).sum())

    def metrics(self) -> Metrics:
        if not self.losses:
            raise ValueError(_NO_BATCH)
        sizes = torch.tensor(self.sizes, dtype=torch.float64)
        # .cpu() first: MPS has no float64.
        loss = torch.stack(self.losses).cpu().double() @ sizes / sizes.sum()
        correct = torch.stack(self.correct).sum().cpu().double() / sizes.sum() if self.correct else None
        return Metrics(loss.item(), None if correct is None else correct.item())

    def non_finite_loss(self, lr: float, epoch: int | None) -> NonFiniteLossError:
        losses = torch.stack(self.losses).tolist()
        batch = next((i for i, loss in enumerate(losses) if not math.isfinite(loss)), 0)
        where = f"batch {batch + 1} of {len(losses)}" + (f" in epoch {epoch}" if epoch is not None else "")
        return NonFiniteLossError(
            f"Expected a finite loss, {where} gave {losses[batch]}. Try a smaller learning rate (it is {lr:g}), look "
            "for NaN in the data, or clip the gradients; then create the model and the optimizer again: these weights "
            "are no longer usable."
        )


def _on_device(loader: Batches, model: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    """X.to(device), y.to(device) for each batch, without waiting for the copies where that is safe (not on MPS)."""
    device = device_of(model)
    non_blocking = device.type != "mps"
    for X, y in loader:
        yield X.to(device, non_blocking=non_blocking), y.to(device, non_blocking=non_blocking)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode and no gradients inside; afterwards every module has the mode that it had before."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        # Not inference_mode: what a data set or a model keeps on its first use would be barred from training later.
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def _ticking(loader: DataLoader, bar: tqdm) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches; unlike a loop over the bar itself, this leaves it open for the numbers beside it."""
    for batch in loader:
        yield batch
        bar.update()


def _random_state(device: torch.device, loader: DataLoader | None) -> dict[str, Any]:
    generator = getattr(loader, "generator", None)
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - the state that seed_everything seeds
    return {
        "python": random.getstate(),
        "numpy": (name, keys.tolist(), *rest),  # a list, because weights_only refuses NumPy arrays
        "cpu": torch.get_rng_state(),
        "device": None if device.type == "cpu" else torch.get_device_module(device).get_rng_state(device),
        "loader": None if generator is None else generator.get_state(),
    }


def _restore_random_state(state: dict[str, Any], device: torch.device, loader: DataLoader | None) -> None:
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])  # noqa: NPY002
    torch.set_rng_state(state["cpu"])
    if device.type != "cpu" and state["device"] is not None:
        torch.get_device_module(device).set_rng_state(state["device"], device)
    generator = getattr(loader, "generator", None)
    if generator is not None and state["loader"] is not None:
        generator.set_state(state["loader"])


def _read_checkpoint(path: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote; an error of any type where the file is anything else."""
    with zipfile.ZipFile(path) as archive:  # the format of torch.save, which itself does not look at the checksums
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(damaged)
    # weights_only: a file from elsewhere may hold tensors and numbers, but not run code.
    state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict) or not {"model", "optimizer", "optimizer_type", "history", "random"} <= state.keys():
        raise ValueError("another object")
    return state
