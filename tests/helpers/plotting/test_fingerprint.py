"""No figure changes unseen: its sentence and the fingerprint of its numbers, both compared, change with its data."""

import math
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from helpers import plotting
from helpers.plotting import describe, image_grid, learning_curves, show
from helpers.plotting.fingerprint import fingerprint
from tests.notebooks.nbval_approx import adopt_rounding
from tools.notebooks import NOTEBOOKS


@pytest.fixture(autouse=True)
def _no_figure_left():
    yield
    plt.close("all")


GENERATOR = np.random.default_rng(0)


def _numbers(*shape):
    return GENERATOR.uniform(0.1, 0.9, shape)


def _path(steps=5):
    return np.stack([np.linspace(-1, 0.5, steps), np.linspace(2, 1, steps), np.linspace(-3, -1, steps)], axis=1)


X, Z = np.linspace(0, 1, 20), np.linspace(-3, 3, 31)
NAMES = ["a", "b", "c", "d"]
STEPS = {"input": [3, 784], "hidden": [3, 64], "scores": [3, 10]}
GRID = np.arange(12.0).reshape(3, 4)

# For each function that draws: the data that it is given, by name, and how it is called with them.
FIGURES = {
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
        {"one": _numbers(12), "other": _numbers(12)},
        lambda one, other: plotting.compare_curves({"one": one, "other": other}),
    ),
    "confusion_matrix": (
        {"matrix": np.array([[40, 3, 2], [5, 50, 1], [6, 2, 41]])},
        lambda matrix: plotting.confusion_matrix(matrix, NAMES[:3]),
    ),
    "descent_on_contours": (
        {"loss": np.add.outer(Z**2, 5 * Z**2), "path": _path()},
        lambda loss, path: plotting.descent_on_contours(Z, Z, loss, {"lr 0.1": path}),
    ),
    "descent_on_curve": (
        {"loss": Z**2, "path": _path()},
        lambda loss, path: plotting.descent_on_curve(Z, loss, {"lr 0.1": path}, tangents=range(9)),
    ),
    "image_grid": ({"images": _numbers(6, 8, 8)}, image_grid),
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
        lambda train, val: learning_curves({"train_loss": train, "val_loss": val}),
    ),
    "output_histograms": (
        {"first": GENERATOR.normal(size=200), "tenth": GENERATOR.normal(size=200)},
        lambda first, tenth: plotting.output_histograms({"default": {"1": first, "10": tenth}}),
    ),
    "pictures_with_histograms": (
        {"picture": _numbers(8, 8), "values": _numbers(60)},
        lambda picture, values: plotting.pictures_with_histograms({"a coat": picture}, {"all": values}),
    ),
    "ranks": ({"vector": _numbers(30), "matrix": _numbers(8, 8)}, lambda **tensors: plotting.ranks(tensors)),
    "readings": (
        {"drawn": _numbers(40, 40) * 255, "picture": _numbers(28, 28) * 255, "probabilities": np.full(10, 0.1)},
        lambda **parts: plotting.readings({"mine": SimpleNamespace(**parts)}),
    ),
    "regression_plot": (
        {"X": X, "y": 0.7 * X + 0.3, "X_test": X[:5] + 1, "y_test": 0.7 * X[:5] + 1, "pred": 0.6 * X[:5] + 1},
        lambda X, y, X_test, y_test, pred: plotting.regression_plot(X, y, X_test, y_test, predictions=pred),
    ),
    "regression_progress": (
        {"X": X, "y": 0.7 * X + 0.3, "early": 0.1 * X, "late": 0.7 * X},
        lambda X, y, early, late: plotting.regression_progress(X, y, {0: early, 9: late}),
    ),
    "selections": ({"x": GRID}, lambda x: plotting.selections(x, {"x[1]": x[1]})),
    "shape_flow": (
        {"sizes": np.array([784, 64, 10])},
        lambda sizes: plotting.shape_flow([(name, (3, size)) for name, size in zip(STEPS, sizes, strict=True)]),
    ),
    "split_bar": (
        {"sizes": np.array([800, 100, 100])},
        lambda sizes: plotting.split_bar(dict(zip(("training", "validation", "test"), sizes, strict=True))),
    ),
    "training_progress": (
        {"loss": _numbers(6), "accuracy": _numbers(6), "images": _numbers(4, 8, 8)},
        lambda loss, accuracy, images: plotting.training_progress(
            {"train_loss": loss, "val_accuracy": accuracy}, images, NAMES, correct=[True] * 4
        ),
    ),
    "value_histograms": ({"values": _numbers(60)}, lambda values: plotting.value_histograms({"before": values})),
    "value_tables": ({"table": _numbers(3, 5)}, lambda table: plotting.value_tables({"before": table}, digits=2)),
}
# They draw probabilities, which must sum to 1, or a graph, which has no numbers: tried by themselves below.
OTHERS = {"probability_bars", "computational_graph", "draw_graph", "graph_picture"}


def _compared(drawn):
    """What stands in a notebook for this figure, and is compared: its fingerprint and its sentence."""
    words = fingerprint(plt.gcf()), describe(drawn)
    plt.close()
    return words


def _noticed(new, stored):
    """Whether a test of the notebooks would fail: the last digit of a fingerprint may be the next one."""
    return (adopt_rounding(new[0], stored[0]), new[1]) != stored


def test_every_function_that_draws_is_tried():
    assert FIGURES.keys() | OTHERS == set(plotting.__all__) - {"describe", "set_caption", "show"}


@pytest.mark.parametrize("name", FIGURES)
def test_a_changed_number_changes_what_is_compared(name):
    """One number is changed at a time: the first, one in the middle, and the last of each kind of data."""
    data, draw = FIGURES[name]
    before = _compared(draw(**data))
    assert before == _compared(draw(**data))
    for argument, values in data.items():
        step = 1 if values.dtype.kind == "i" else 0.3 * (np.ptp(values) or 0.1)
        for place in {0, values.size // 2, values.size - 1}:
            changed = values.copy()
            changed.flat[place] += step if values.flat[place] < values.mean() or step == 1 else -step
            if argument == "probabilities":
                changed /= changed.sum()
            assert _noticed(_compared(draw(**data | {argument: changed})), before), f"{argument} at {place}"


@pytest.mark.parametrize("name", sorted(FIGURES.keys() - {"shape_flow", "split_bar", "selections", "indexing"}))
def test_numbers_in_another_order_change_what_is_compared(name):
    data, draw = FIGURES[name]
    before = _compared(draw(**data))
    for argument, values in data.items():
        # The bars of a histogram are the same whatever the order of its numbers.
        if not np.allclose(values, values[::-1]) and argument not in {"values", "first", "tenth"}:
            assert _noticed(_compared(draw(**data | {argument: values[::-1]})), before), argument


def test_probabilities_and_graphs():
    bars = _compared(plotting.probability_bars([0.7, 0.2, 0.06, 0.04], NAMES))
    assert _noticed(_compared(plotting.probability_bars([0.7, 0.2, 0.05, 0.05], NAMES)), bars)
    assert _noticed(_compared(plotting.probability_bars([0.7, 0.2, 0.04, 0.06], NAMES)), bars)
    w = torch.tensor(1.0, requires_grad=True)
    square = _compared(plotting.graph_picture(w * w, {"w": w}))
    assert _compared(plotting.draw_graph(plotting.computational_graph(w * w, {"w": w}))) == square
    assert _noticed(_compared(plotting.graph_picture(w * w + w, {"w": w})), square)


def _by_hand(**kinds):
    """The fingerprint of these numbers, each with its weight: what is left of a multiple of the golden ratio."""
    words = []
    for kind, values in kinds.items():
        weights = [2 * ((place * (math.sqrt(5) - 1) / 2) % 1) for place in range(1, len(values) + 1)]
        mean = sum(values) / len(values)
        weighted = sum(weight * value for weight, value in zip(weights, values, strict=True)) / len(values)
        words.append(f"{kind.replace('_', ' ')} {len(values):,}, mean {mean:#.5g}, weighted {weighted:#.5g}")
    return "; ".join(words)


@pytest.mark.parametrize(
    ("draw", "numbers"),
    [
        (lambda ax: ax.plot([0, 1], [2, 5]), {"lines_across": [0, 1], "lines_up": [2, 5]}),
        (
            lambda ax: ax.imshow(np.ma.masked_equal(np.array([[250, 251], [252, 9]], dtype=np.uint8), 9)),
            {"pixels": [250, 251, 252, 0]},
        ),
        (lambda ax: ax.bar([1], [3], color="red"), {"boxes": [0.6, 0, 0.8, 3], "colours": [1, 0, 0]}),
        (lambda ax: ax.stairs([1, 2], [0, 1, 4]), {"steps": [1, 2, 0, 1, 4]}),
        (lambda ax: ax.vlines([1, 2], 0, 3), {"segments": [1, 0, 1, 3, 2, 0, 2, 3]}),
        (lambda ax: ax.vlines([], 0, 3), {}),
        (lambda ax: ax.scatter([1, 2], [3, 4]), {"points": [1, 3, 2, 4]}),
        (lambda ax: ax.scatter([1, 2], np.ma.masked_equal([3, 9], 9)), {"points": [1, 3, 0, 0]}),
        (lambda ax: ax.text(0, 0, "1,234%"), {"written": [1234]}),
        (lambda ax: (ax.text(0, 0, "a word"), ax.set_title("7"), ax.plot([0], [1])[0].set_visible(False)), {}),
        (lambda ax: ax.plot([0, 1], [np.nan, np.inf]), {"lines_across": [0, 1], "lines_up": [0, 0]}),
    ],
)
def test_what_each_mark_says(draw, numbers):
    figure, ax = plt.subplots()
    draw(ax)
    assert fingerprint(figure) == _by_hand(**numbers)


def test_what_a_contour_says():
    figure, ax = plt.subplots()
    lines = ax.contour(np.add.outer(np.arange(4.0), np.arange(4.0)), levels=[1.5, 2.5])
    vertices = np.concatenate([path.vertices for path in lines.get_paths()]).ravel().tolist()
    assert fingerprint(figure) == _by_hand(levels=[1.5, 2.5], contours=vertices)


def test_show_stores_the_fingerprint_unless_a_figure_is_not_steady():
    InteractiveShell.instance()
    try:
        stored = []
        for loss, steady in ([1.0, 0.5], True), ([1.0, 0.6], True), ([1.0, 0.6], False):
            with capture_output() as captured:
                show(learning_curves({"train_loss": loss}), caption="The loss.", steady=steady)
            stored.append(captured.outputs[0].data["text/plain"])
    finally:
        InteractiveShell.clear_instance()
    assert stored[0].startswith("(figure, described below; lines across 2, mean 1.5000, weighted ")
    assert "; lines up 2, mean 0.75000, weighted " in stored[0]
    assert "; lines up 2, mean 0.80000, weighted " in stored[1]
    assert stored[2] == "(figure, described below)"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_of_the_notebooks_is_stored_with_its_fingerprint(path):
    figures = [
        (cell, output.data["text/plain"])
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert figures
    for cell, text in figures:
        assert text.startswith("(figure, described below")
        # A graph has names and no numbers: its sentence says all of it. What is not steady comes out of training.
        bare = text == "(figure, described below)"
        allowed = "graph_picture(" in cell.source or "steady=False" in cell.source
        assert bare == allowed, f"{cell.id}: run `make notebooks`"


def test_few_figures_are_not_steady():
    """What they draw is printed by a cell beside them, with tolerance."""
    sources = [cell.source for path in NOTEBOOKS for cell in nbformat.read(path, as_version=4).cells]
    assert sum("steady=False" in source for source in sources) <= 5
