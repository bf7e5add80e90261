"""One call of every function that draws, for the promises that all of them make."""

from types import SimpleNamespace

import numpy as np
import torch

from helpers import plotting

_RANDOM = np.random.default_rng(0)
X, Z = np.linspace(0, 1, 20), np.linspace(-3, 3, 31)
NAMES = ["a", "b", "c", "d"]
STEPS = {"input": [3, 784], "hidden": [3, 64], "scores": [3, 10]}
GRID = np.arange(12.0).reshape(3, 4)


def _numbers(*shape):
    return _RANDOM.uniform(0.1, 0.9, shape)


def _path(steps=5):
    return np.stack([np.linspace(-1, 0.5, steps), np.linspace(2, 1, steps), np.linspace(-3, -1, steps)], axis=1)


def _graph(values):
    w, b = torch.tensor(1.0, requires_grad=True), torch.zeros(tuple(values), requires_grad=True)
    return w * w + b, {"w": w, "b": b}


# For each function: the data that it is given, by name, and how it is called with them.
FIGURES = {
    "accuracy_against_time": (
        {"accuracies": _numbers(4)},
        lambda accuracies: plotting.accuracy_against_time(
            dict(zip(NAMES, accuracies, strict=True)), dict(zip(NAMES, (1, 2, 3, 4), strict=True)), ylabel="accuracy"
        ),
    ),
    "activation_curves": (
        {"z": Z, "out": np.tanh(Z), "slope": 1 - np.tanh(Z) ** 2},
        lambda z, out, slope: plotting.activation_curves(z, {"Tanh": out}, {"Tanh": slope}),
    ),
    "broadcasting": (
        {"a": np.arange(3.0)[:, None], "b": np.arange(4.0), "result": GRID},
        lambda **given: plotting.broadcasting(given["a"], given["b"], given["result"]),
    ),
    "class_bars": (
        {"training": np.array([10, 12, 9, 11]), "test": np.array([3, 4, 2, 3])},
        lambda training, test: plotting.class_bars({"training": training, "test": test}, NAMES),
    ),
    "compare_curves": (
        {"SGD": _numbers(12), "Adam": _numbers(12)},
        lambda SGD, Adam: plotting.compare_curves(
            {"SGD": SGD, "Adam": Adam}, x=range(12), xlabel="epoch", ylabel="loss"
        ),
    ),
    "confusion_matrix": (
        {"matrix": np.array([[40, 3, 2], [5, 50, 1], [6, 2, 41]])},
        lambda matrix: plotting.confusion_matrix(matrix, NAMES[:3]),
    ),
    "decision_boundary": (
        {"X": _RANDOM.normal(size=(12, 2)), "grid": _numbers(31, 31)},
        lambda X, grid: plotting.decision_boundary(X, np.arange(12) % 3 // 2, Z, Z, {"linear": grid}),
    ),
    "descent_on_contours": (
        {"loss": np.add.outer(Z**2, 5 * Z**2), "path": _path()},
        lambda loss, path: plotting.descent_on_contours(Z, Z, loss, {"lr 0.1": path}),
    ),
    "descent_on_curve": (
        {"loss": Z**2, "path": _path()},
        lambda loss, path: plotting.descent_on_curve(Z, loss, {"lr 0.1": path}, tangents=range(9)),
    ),
    "graph_picture": (
        {"shape": np.array([2, 3])},
        lambda shape: plotting.graph_picture(*_graph(shape)),
    ),
    "image_grid": ({"images": _numbers(6, 8, 8)}, plotting.image_grid),
    "images_with_histograms": (
        {"image": _numbers(8, 8), "values": _numbers(60)},
        lambda image, values: plotting.images_with_histograms({"a coat": image}, {"all": values}),
    ),
    "indexing": ({"x": GRID}, lambda x: plotting.indexing(x, "x[1]", x[1])),
    "joined": (
        {"a": GRID, "b": GRID + 12},
        lambda a, b: plotting.joined({"a": a, "b": b}, {"cat": np.concatenate([a, b])}),
    ),
    "layer_values": (
        {"values": _numbers(64)},
        lambda values: plotting.layer_values(list(STEPS.items()), 1, values, parameters=[0, 9, 9]),
    ),
    "learning_curves": (
        {"train": _numbers(9), "val": _numbers(9)},
        lambda train, val: plotting.learning_curves({"train_loss": train, "val_loss": val}),
    ),
    "output_histograms": (
        {"first": _RANDOM.normal(size=200), "tenth": _RANDOM.normal(size=200)},
        lambda first, tenth: plotting.output_histograms({"default": {"1": first, "10": tenth}}),
    ),
    "probability_bars": (
        {"probabilities": np.array([0.4, 0.3, 0.2, 0.1])},
        lambda probabilities: plotting.probability_bars(probabilities, NAMES, truth=1),
    ),
    "ranks": ({"vector": _numbers(30), "matrix": _numbers(8, 8)}, lambda **tensors: plotting.ranks(tensors)),
    "readings": (
        {"drawn": _numbers(40, 40) * 255, "picture": _numbers(28, 28) * 255, "probabilities": np.full(10, 0.1)},
        lambda **parts: plotting.readings({"mine": SimpleNamespace(**parts)}),
    ),
    "regression_plot": (
        {"X": X, "y": 0.7 * X + 0.3, "X_val": X[:5] + 1, "y_val": 0.7 * X[:5] + 1, "predictions": 0.6 * X[:5] + 1},
        lambda X, y, X_val, y_val, predictions: plotting.regression_plot(X, y, X_val, y_val, predictions=predictions),
    ),
    "regression_progress": (
        {"X": X, "y": 0.7 * X + 0.3, "early": 0.1 * X},
        lambda X, y, early: plotting.regression_progress(X, y, {0: early}),
    ),
    "selections": ({"x": GRID}, lambda x: plotting.selections(x, {"x[1]": x[1]})),
    "shape_flow": (
        {"sizes": np.array([784, 64, 10])},
        lambda sizes: plotting.shape_flow([(name, (3, n)) for name, n in zip(STEPS, sizes, strict=True)]),
    ),
    "split_bar": (
        {"sizes": np.array([800, 100, 100])},
        lambda sizes: plotting.split_bar(dict(zip(("training", "validation", "test"), sizes, strict=True))),
    ),
    "training_progress": (
        {"loss": _numbers(6), "accuracy": _numbers(6), "images": _numbers(4, 8, 8)},
        lambda loss, accuracy, images: plotting.training_progress(
            {"batches": range(6), "loss": loss, "accuracy": accuracy}, images, NAMES, correct=[True] * 4
        ),
    ),
    "value_histograms": (
        {"values": _numbers(60)},
        lambda values: plotting.value_histograms({"before": values}),
    ),
    "value_tables": ({"table": _numbers(3, 5)}, lambda table: plotting.value_tables({"before": table})),
}


def draw(name, **changes):
    """The figure of that name, with changed data."""
    data, function = FIGURES[name]
    return function(**data | changes)
