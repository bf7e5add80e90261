"""Numbers that change from epoch to epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from helpers.plotting.captions import set_caption
from helpers.plotting.style import LINES, axes_for, axes_or_new, ink, styled
from helpers.plotting.values import as_array, count, number, shape

# How a history names its lists ("train_loss"), and how a reader calls them; a list without a prefix has no name.
_PARTS = {"train_": "training", "val_": "validation", "test_": "test", "": ""}


@styled()
def learning_curves(
    history: Mapping[str, Sequence[float]],
    *,
    metrics: Sequence[str] | None = None,
    axes: Axes | Iterable[Axes] | None = None,
) -> np.ndarray:
    """Draw what was measured in each epoch, one Axes a metric; return an array of the Axes.

    `history` maps names such as "train_loss", "val_loss", "train_accuracy" to one number per epoch; a list "epoch",
    if there is one, says at which epochs they were measured. Without `metrics`, all that it holds are drawn.

    Raises: ValueError where a metric is missing, lists differ in length, or the Axes are not one per metric.
    """
    found = _metrics(history) if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    if not found:
        raise ValueError(
            f"Expected lists such as 'train_loss' in the history: received {_names(history)}. "
            "Train an epoch first, or name what to draw with metrics=(...)."
        )
    axes = axes_for(found, axes, each="metric", height=2.8 if len(found) > 1 else 3.2, grid="y")
    for ax, metric in zip(axes, found, strict=True):
        curves = {}
        for prefix, name in _PARTS.items():
            values = history.get(prefix + metric)
            if values is not None and len(values):
                curves[name] = _curve(values, prefix + metric)
        if not curves:
            raise ValueError(
                f"Expected numbers for the metric {metric!r}: the history holds {_names(history)}. "
                f"Add a list 'train_{metric}', or choose other metrics."
            )
        epochs = _epochs(history, curves, metric)
        styles = dict(zip(_PARTS.values(), (*LINES[:3], LINES[0]), strict=True))
        for name, values in curves.items():
            _draw(ax, epochs, values, name, styles[name])
        _finish(ax, metric, legend=len(curves) > 1 or "" not in curves)
        words = [f"{name} {_from_to(values)}{_best(name, metric, values)}".strip() for name, values in curves.items()]
        set_caption(ax, f"{_title(metric)} over {count(int(epochs[-1]), 'epochs')}: {', '.join(words)}.")
    return axes


@styled()
def compare_curves(
    curves: Mapping[str, Sequence[float]], *, ylabel: str = "validation accuracy", ax: Axes | None = None
) -> Axes:
    """Draw one metric of several runs, one number per epoch, in one Axes.

    Raises: ValueError where there is no run, or a run without numbers.
    """
    if not curves:
        raise ValueError("Expected at least one run to draw: received none. Pass {'SGD': [...], 'Adam': [...]}.")
    runs = {str(name): _curve(values, f"the run {name!r}") for name, values in curves.items()}
    ax = axes_or_new(ax, height=3.2, grid="y")
    for i, (name, values) in enumerate(runs.items()):
        _draw(ax, np.arange(1, len(values) + 1), values, name, LINES[i % len(LINES)])
    _finish(ax, ylabel, legend=True)
    longest = max(len(values) for values in runs.values())
    words = []
    for name, values in runs.items():
        shorter = f" in {count(len(values), 'epochs')}" if len(values) < longest else ""
        words.append(f"{name} {_from_to(values)}{shorter}")
    return set_caption(ax, f"{_title(ylabel)} over {count(longest, 'epochs')}: {', '.join(words)}.")


def _metrics(history: Mapping[str, Sequence[float]]) -> list[str]:
    """What the history holds, in its order: 'loss' for 'train_loss'; names without a prefix where none has one."""
    filled = [name for name, values in history.items() if values is not None and len(values)]
    prefixed = [name.removeprefix(prefix) for name in filled for prefix in _PARTS if prefix and name.startswith(prefix)]
    return list(dict.fromkeys(prefixed or [name for name in filled if name != "epoch"]))


def _names(history: Mapping[str, Sequence[float]]) -> str:
    return ", ".join(repr(name) for name in history) or "no list"


def _curve(values: Sequence[float], name: str) -> np.ndarray:
    """One number per epoch. NaN and infinity stay: a training that diverges is worth seeing."""
    array = as_array(values, name).astype(np.float64)
    if array.ndim != 1 or not len(array):
        raise ValueError(
            f"Expected one number per epoch in {name}: received shape {shape(array)}. Pass a list of numbers."
        )
    return array


def _epochs(history: Mapping[str, Sequence[float]], curves: Mapping[str, np.ndarray], metric: str) -> np.ndarray:
    lengths = {name or metric: len(values) for name, values in curves.items()}
    if "epoch" in history:
        lengths["epoch"] = len(history["epoch"])
    if len(set(lengths.values())) > 1:
        received = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise ValueError(
            f"Expected one {metric} per epoch in every list: received {received}. Measure all of them in each epoch."
        )
    n = next(iter(lengths.values()))
    return as_array(history["epoch"], "epoch") if "epoch" in history else np.arange(1, n + 1)


def _draw(ax: Axes, epochs: np.ndarray, values: np.ndarray, name: str, style: Mapping[str, str]) -> None:
    every = max(1, len(values) // 12)  # over a long run, a marker an epoch would hide the line
    ax.plot(epochs, values, label=name or "_nolegend_", markevery=every, **style)


def _finish(ax: Axes, ylabel: str, *, legend: bool) -> None:
    ax.set(xlabel="epoch", ylabel=ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    if legend:
        ax.legend(labelcolor=ink(ax))


def _title(name: str) -> str:
    return name[:1].upper() + name[1:].replace("_", " ")


def _from_to(values: np.ndarray) -> str:
    """First and last, with words between name and number, since a name may end in a number: 'lr 0.1'."""
    return f"at {number(values[0])}" if len(values) == 1 else f"from {number(values[0])} to {number(values[-1])}"


def _best(name: str, metric: str, values: np.ndarray) -> str:
    """The best validation number, without the epoch: which epoch was best changes with the processor."""
    if name != "validation" or len(values) < 3 or not np.isfinite(values).all():
        return ""
    if "accuracy" in metric:
        return f" (highest {number(values.max())})"
    return f" (lowest {number(values.min())})" if "loss" in metric or "error" in metric else ""
