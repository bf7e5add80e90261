"""What every function that draws promises: the course's style, and that no change goes unseen."""

import inspect
import re
from collections.abc import Mapping
from copy import deepcopy
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from matplotlib.text import Text

from helpers import plotting
from helpers.plotting import describe
from helpers.plotting.captions import PLACEHOLDER, figure_of
from helpers.plotting.fingerprint import fingerprint
from helpers.plotting.style import WIDTH
from tests.notebooks.nbval_approx import adopt_stored, rounded_alike
from tools import NOTEBOOKS

SETTINGS = {"axes.grid": True, "image.cmap": "jet", "image.interpolation": "bicubic", "image.origin": "lower"}
SETTINGS |= {"axes.formatter.use_mathtext": True, "hatch.linewidth": 5, "text.usetex": True, "xtick.direction": "in"}
HOSTILE = ["dark_background", "seaborn-v0_8-poster", SETTINGS]

random = np.random.default_rng(0)
X, NAMES = np.linspace(0, 1, 20), ["a", "b", "c", "d"]
Z, across = np.linspace(-3, 3, 31), np.linspace(-3, 3, 31).tolist()
GRID = np.arange(12.0).reshape(3, 4)
PATH = np.array([[-1.0, 2.0, -3.0], [-0.3, 1.5, -2.0], [0.5, 1.0, -1.0]])


def _numbers(*shape):
    return random.uniform(0.1, 0.9, shape)


def _given(*args, draw=None, **options):
    return draw, args, options


# What each function is called with. Its arrays are changed below; what is to stay as it is, is a list.
FIGURES = {
    "accuracy_against_time": _given({"a": np.array(0.3), "b": np.array(0.8)}, {"b": 2.0, "a": 1.0}, ylabel="accuracy"),
    "activation_curves": _given(Z, {"Tanh": np.tanh(Z)}, {"Tanh": 1 - np.tanh(Z) ** 2}),
    "broadcasting": _given(np.arange(3.0)[:, None], np.arange(4.0), GRID),
    "class_bars": _given({"training": np.array([10, 12, 9, 11]), "test": np.array([3, 4, 2, 3])}, NAMES),
    "compare_curves": _given({"SGD": _numbers(12), "Adam": _numbers(12)}, x=range(12), xlabel="epoch", ylabel="loss"),
    "confusion_matrix": _given(np.array([[40, 3, 2], [5, 50, 1], [6, 2, 41]]), NAMES[:3]),
    "decision_boundary": _given(
        random.normal(size=(12, 2)), [0, 0, 1] * 4, across, across, {"linear": _numbers(31, 31)}
    ),
    "descent_on_contours": _given(across, across, np.add.outer(Z**2, 5 * Z**2), {"lr 0.1": PATH}),
    "descent_on_curve": _given(across, Z**2, {"lr 0.1": PATH}),
    "graph_picture": _given(
        np.array([2, 3]), draw=lambda n: plotting.graph_picture(torch.ones(*n).requires_grad_() + 1, {})
    ),
    "image_grid": _given(_numbers(4, 8, 8), NAMES),
    "images_with_histograms": _given({"a coat": _numbers(8, 8)}, {"all": _numbers(60)}),
    "indexing": _given(GRID, draw=lambda x: plotting.indexing(x, "x[1]", x[1])),
    "joined": _given(
        *(GRID, GRID + 12), draw=lambda a, b: plotting.joined({"a": a, "b": b}, {"cat": np.concatenate([a, b])})
    ),
    "layer_values": _given([("input", [3, 784]), ("hidden", [3, 64])], 1, _numbers(64), parameters=[0, 9]),
    "learning_curves": _given({"train_loss": _numbers(9), "val_loss": _numbers(9)}),
    "output_histograms": _given({"default": {"1": random.normal(size=200), "10": random.normal(size=200)}}),
    "probability_bars": _given(np.array([0.4, 0.3, 0.2, 0.1]), NAMES, truth=1),
    "ranks": _given({"vector": _numbers(30), "matrix": _numbers(8, 8)}),
    "readings": _given(
        {"mine": SimpleNamespace(drawn=255 * _numbers(9, 9), picture=255 * _numbers(8, 8), probabilities=X[:10])}
    ),
    "regression_plot": _given(X, 0.7 * X + 0.3, X[:5] + 1, 0.7 * X[:5] + 1, predictions=0.6 * X[:5] + 1),
    "regression_progress": _given(X, 0.7 * X + 0.3, {0: 0.1 * X}),
    "selections": _given(GRID, draw=lambda x: plotting.selections(x, {"x[1]": x[1]})),
    "shape_flow": _given([("input", [3, np.array(784)]), ("hidden", [3, np.array(64)])], parameters=[0, np.array(9)]),
    "split_bar": _given({"training": np.array(800), "validation": np.array(100), "test": np.array(100)}),
    "training_progress": _given(
        {"batches": range(6), "loss": _numbers(6), "accuracy": _numbers(6)},
        _numbers(4, 8, 8),
        NAMES,
        correct=[True] * 4,
    ),
    "value_histograms": _given({"before": _numbers(60)}),
    "value_tables": _given({"before": _numbers(3, 5)}),
}

# The words that each figure writes, in the order of its axes, from the ticks to the legend.
WORDS = {
    "accuracy_against_time": "a|b|seconds on this machine|accuracy",
    "activation_curves": "input z|output, slope|Tanh|output|slope",
    "broadcasting": "a|b|result|→ 3|stretched|1 → 4|stretched|a|b|result",
    "class_bars": "class|a|b|c|d|number of images|training|test",
    "compare_curves": "epoch|loss|SGD|Adam",
    "confusion_matrix": "predicted class|a|b|c|true class|a|b|c|per cent of each true class",
    "decision_boundary": "first feature|second feature|linear|yes|no|decision boundary",
    "descent_on_contours": "u|v|lr 0.1|step|start|end",
    "descent_on_curve": "w|loss|lr 0.1|loss|tangent|step|start|end",
    "graph_picture": "forward|backward|loss [2, 3]|add|unnamed [2, 3]|add to unnamed.grad",
    "image_grid": "a|b|c|d",
    "images_with_histograms": "a coat|pixel value|per cent of the values|all",
    "indexing": "x|shape [3, 4]|x[1]|shape [4]",
    "joined": "a|shape [3, 4]|b|shape [3, 4]|cat|shape [6, 4]",
    "layer_values": "layer|shape after it|parameters|input|hidden|value|hidden",
    "learning_curves": "epoch|loss|training|validation",
    "output_histograms": "1/frequency|default/std 1|output|10/frequency|std 1.1",
    "probability_bars": "probability (hatched: predicted class, ★: true class)|a|★ b|c|d",
    "ranks": "time step|amplitude|vector/1-D [30]|width|height|matrix/2-D [8, 8]",
    "readings": "mine|digit|probability",
    "regression_plot": "X|y|residual|training data|validation data|prediction",
    "regression_progress": "X|y|epoch 0|residual|data|prediction",
    "selections": "x[1]|shape [4]",
    "shape_flow": "layer|one sample|shape of the batch|parameters|input|hidden",
    "split_bar": "training/800|validation/100|test/100|number of images",
    "training_progress": "batches|loss|batches|accuracy|✓ a|✓ b|✓ c|✓ d",
    "value_histograms": "pixel value|per cent of the values|before|1 standard deviation|mean",
    "value_tables": "feature|sample|before",
}


def _arrays(given):
    """Every array in what a function is given, in order."""
    if isinstance(given, np.ndarray):
        return [given]
    if isinstance(given, SimpleNamespace):
        given = vars(given)
    parts = given.values() if isinstance(given, Mapping) else given if isinstance(given, (list, tuple)) else ()
    return [array for part in parts for array in _arrays(part)]


def _draw(name, given):
    draw, args, options = given
    return (draw or getattr(plotting, name))(*args, **options)


def test_every_function_that_draws_is_tried():
    exported = {name for name, value in vars(plotting).items() if inspect.isfunction(value)}
    assert FIGURES.keys() == exported - {"describe", "set_caption", "show"}


@pytest.mark.parametrize("name", FIGURES)
def test_the_words_and_pixels_are_the_same_with_other_settings_of_the_user(name):
    def pixels():
        assert describe(_draw(name, FIGURES[name]))
        figure = plt.gcf()
        figure.canvas.draw()
        written = [text.get_text().replace("\n", "/") for text in figure.findobj(Text) if text.get_visible()]
        assert "|".join(words for words in written if re.search("[A-Za-z✓✗→]", words)) == WORDS[name]
        assert figure.get_tightbbox().width < 1.05 * WIDTH
        return figure.canvas.buffer_rgba().tobytes(), figure.bbox.size.tolist()

    ours = pixels()
    with plt.style.context(HOSTILE):
        before = mpl.rcParams.copy()
        assert pixels() == ours
        assert dict(mpl.rcParams) == dict(before)


# Histograms are the same whatever the order; a selection shows its numbers wherever they are.
ORDERLESS = {("output_histograms", 0), ("output_histograms", 1), ("value_histograms", 0), ("images_with_histograms", 1)}
ORDERLESS |= {("selections", 0), ("indexing", 0)}


@pytest.mark.parametrize("name", FIGURES)
def test_a_changed_number_and_another_order_are_noticed(name):
    """In what a notebook stores. Changed are the first number of each array, one in the middle, and the last."""

    def stored(given):
        drawn = _draw(name, given)
        figure = plt.gcf()
        plt.close(figure)
        return fingerprint(figure), describe(drawn)

    before = stored(FIGURES[name])
    assert before == stored(FIGURES[name])
    for i, values in enumerate(_arrays(FIGURES[name])):
        step = 1 if values.dtype.kind == "i" else 0.3 * (np.ptp(values) or 0.1)
        changes = []
        for place in {0, values.size // 2, values.size - 1}:
            changed = values.copy()
            changed.flat[place] += step if values.flat[place] < values.mean() or step == 1 else -step
            changes.append(changed / changed.sum() if name == "probability_bars" else changed)
        if values.ndim and not np.allclose(values, values[::-1]) and (name, i) not in ORDERLESS:
            changes.append(values[::-1])
        for changed in changes:
            given = deepcopy(FIGURES[name])
            _arrays(given)[i][...] = changed
            new = stored(given)
            # A test of the notebooks accepts another last digit in a fingerprint, as `rounded_alike` says.
            assert (adopt_stored(new[0], before[0], rounded_alike), new[1]) != before, f"array {i}: {changed}"


@pytest.mark.parametrize("name", ["image_grid", "images_with_histograms", "ranks", "readings", "training_progress"])
def test_an_image_is_the_right_way_up_and_stays_dark_where_it_is_dark(name):
    figure = figure_of(_draw(name, FIGURES[name]))
    drawn = {(image.origin, *image.get_clim()) for ax in figure.axes for image in ax.images}
    assert drawn == {("upper", 0, 255 if name == "readings" else 1)}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_of_the_notebooks_is_stored_with_its_fingerprint(path):
    """Except a widget, a graph, whose sentence says all of it, a model's mistakes, and measured times."""
    figures = [
        (cell, output.data["text/plain"])
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {}) and "widget" not in cell.metadata.get("tags", [])
    ]
    assert figures
    for cell, text in figures:
        assert text.startswith(PLACEHOLDER[:-1])
        allowed = any(word in cell.source for word in ("graph_picture(", "correct=", "seconds"))
        assert (text == PLACEHOLDER) == allowed, f"{cell.id}: run `make notebooks`"
