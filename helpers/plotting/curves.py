"""Numbers that change from epoch to epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from helpers.plotting.captions import set_caption
from helpers.plotting.style import LINES, new_axes, styled
from helpers.plotting.values import as_array, format_number, format_shape

# How a history names its lists ("train_loss"), how a reader calls them, and their lines.
_PARTS = {"train_": ("training", LINES[0]), "val_": ("validation", LINES[1]), "": ("", LINES[0])}


@styled()
def learning_curves(history: Mapping[str, Sequence[float]]) -> np.ndarray:
    """Draw what was measured in each epoch, one Axes per metric; return an array of the Axes.

    `history` maps names such as "train_loss", "val_loss", "train_accuracy" to one number per epoch; a list "epoch",
    if there is one, holds the epochs at which they were measured.

    Raises: ValueError where there are no lists, or they differ in length.
    """
    filled = [name for name, values in history.items() if len(values)]
    prefixed = [name.removeprefix(prefix) for name in filled for prefix in _PARTS if prefix and name.startswith(prefix)]
    metrics = dict.fromkeys(prefixed or [name for name in filled if name != "epoch"])
    if not metrics:
        raise ValueError(
            f"Expected lists such as 'train_loss' in the history: received {list(history)}. Train for an epoch first."
        )
    measured = {metric: _curves(history, metric) for metric in metrics}
    axes = new_axes(len(measured), height=2.8 if len(measured) > 1 else 3.2, grid="y")
    for ax, (metric, (epochs, curves)) in zip(axes, measured.items(), strict=True):
        draw_metric(ax, metric, epochs, curves)
    return axes


def draw_metric(
    ax: Axes, metric: str, steps: Sequence[float], curves: Mapping[str, Sequence[float]], *, xlabel: str = "epoch"
) -> Axes:
    """Draw one metric on given Axes: for each prefix, such as "train_", one number per step."""
    runs = [(*_PARTS[prefix], values, _best(prefix, metric, values)) for prefix, values in curves.items()]
    return _draw(ax, steps, runs, xlabel, metric)


@styled()
def compare_curves(curves: Mapping[str, ArrayLike], *, x: ArrayLike, xlabel: str, ylabel: str) -> Axes:
    """Draw one metric of several runs in one Axes.

    Shapes: each curve [N], one number for each `x` [N].

    Raises: ValueError where a run has no numbers.
    """
    runs = [
        (str(name), line, _curve(values, f"the run {name!r}"), "")
        for (name, values), line in zip(curves.items(), cycle(LINES))
    ]
    (ax,) = new_axes(1, height=3.2, grid="y")
    return _draw(ax, as_array(x, "x"), runs, xlabel, ylabel)


@styled()
def accuracy_against_time(accuracies: Mapping[str, float], seconds: Mapping[str, float], *, ylabel: str) -> Axes:
    """Draw one labelled point per run: how accurate it is, against the seconds that it took.

    The sentence leaves the seconds out, because they differ from run to run.
    """
    (ax,) = new_axes(1, height=3.6, grid="both")
    ax.scatter([seconds[name] for name in accuracies], list(accuracies.values()), color=LINES[0]["color"])
    middle = (min(seconds.values()) + max(seconds.values())) / 2
    for name, accuracy in accuracies.items():
        right = seconds[name] > middle  # a label to the left of its point, or it would leave the Axes
        look = {"ha": "right" if right else "left", "va": "center", "fontsize": 9}
        offset = (-6 if right else 6, 0)
        ax.annotate(name, (seconds[name], accuracy), xytext=offset, textcoords="offset points", **look)
    ax.set(xlabel="seconds on this machine", ylabel=ylabel, xlim=(0, None))
    words = ", ".join(f"{name} {format_number(accuracy)}" for name, accuracy in accuracies.items())
    return set_caption(ax, f"{_capitalised(ylabel)} against the seconds that each run took: {words}.")


def _curves(history: Mapping[str, Sequence[float]], metric: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The epochs, and for each prefix under which the history has numbers of a metric, these numbers."""
    lists = {prefix: history.get(prefix + metric, ()) for prefix in _PARTS}
    curves = {prefix: _curve(values, prefix + metric) for prefix, values in lists.items() if len(values)}
    n = len(next(iter(curves.values())))
    epochs = as_array(history.get("epoch", range(1, n + 1)), "epoch")
    lengths = {prefix + metric: len(values) for prefix, values in curves.items()} | {"epoch": len(epochs)}
    if set(lengths.values()) != {n}:
        received = ", ".join(f"{length} in {name}" for name, length in lengths.items())
        raise ValueError(
            f"Expected one {metric} per epoch in every list: received {received}. Measure all of them in each epoch."
        )
    return epochs, curves


def _curve(values: ArrayLike, name: str) -> np.ndarray:
    """One number per epoch. NaN and infinity stay: a training that diverges is worth seeing."""
    array = as_array(values, name).astype(np.float64)
    if array.ndim != 1 or not len(array):
        raise ValueError(
            f"Expected one number per epoch in {name}: received shape {format_shape(array)}. Pass a list of numbers."
        )
    return array


def _draw(ax: Axes, steps: Sequence[float], runs: Iterable[tuple], xlabel: str, ylabel: str) -> Axes:
    """Draw for each run (name, look, numbers, note) a curve, and say where it starts and ends, and the note."""
    words = []
    for name, line, values, note in runs:
        every = max(1, len(values) // 12)  # over a long run, a marker per epoch would hide the line
        ax.plot(steps, values, label=name or "_nolegend_", markevery=every, **line)
        first, last = format_number(values[0]), format_number(values[-1])
        way = f"at {first}" if len(values) == 1 else f"from {first} to {last}"  # a name may end in a number: "lr 0.1"
        words.append(f"{name} {way}{note}".strip())
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    if ax.get_legend_handles_labels()[0]:
        ax.legend()
    first, last = format_number(steps[0]), format_number(steps[-1])
    way = first if first == last else f"{first} to {last}"
    return set_caption(ax, f"{_capitalised(ylabel)}, {xlabel} {way}: {', '.join(words)}.")


def _capitalised(name: str) -> str:
    return name[:1].upper() + name[1:].replace("_", " ")


def _best(prefix: str, metric: str, values: Sequence[float]) -> str:
    """The best validation number, without the epoch: which epoch is best differs between processors."""
    if prefix != "val_" or len(values) < 3 or not np.isfinite(values).all():
        return ""
    if "accuracy" in metric:
        return f" (highest {format_number(max(values))})"
    return f" (lowest {format_number(min(values))})" if "loss" in metric else ""
