"""What is true of every widget: it answers each move once, says what is wrong, and leaves nothing behind."""

import base64
import gc
import re
import subprocess
import sys
import threading
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import TensorDataset

from helpers import widgets
from helpers.plotting import set_caption
from helpers.plotting.style import new_figure, styled
from helpers.widgets import datasets
from helpers.widgets.panel import TEXT_INSTEAD, Panel, RefusalError, choice, slider, text, toggle
from tests.helpers.widgets.panels import OnMPS, assert_survives, check_answer

X = torch.arange(0, 0.8, 0.02).unsqueeze(1)
IMAGES = torch.rand(12, 1, 28, 28, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(12) % 3
DATA = TensorDataset(IMAGES, LABELS)


def layers(*last):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 3), *last)


def answer(steps, color, words, mode):
    if words == "refuse":
        raise RefusalError("Expected other words: received refuse. Type others.")
    if words == "break":
        raise OSError("a defect\nwith a second line")
    figure = new_figure(figsize=(4, 2))
    figure.subplots().plot([0, steps])
    return set_caption(figure, f"{color} {words[:20]} {mode}: <{steps:.1f}>.")


def make_panel():
    controls = {
        "steps": slider("how far", 0.5, 0, 1, step=0.1, digits=1),
        "color": choice("which color", [("first", 1), ("second", 2)]),
        "words": text("words", "some"),
        "mode": toggle("mode", ["train", "eval"]),
    }
    return Panel("A <panel>", controls, answer)


LINE = nn.Linear(1, 1)
NETWORKS = {"a": layers(nn.BatchNorm1d(3), nn.Dropout(0.5)), "b": layers()}
PANELS = {
    "panel": make_panel,
    "index_explorer": lambda: widgets.index_explorer(torch.arange(12).reshape(3, 4)),
    "broadcast_explorer": widgets.broadcast_explorer,
    "dataset_explorer": lambda: datasets.dataset_explorer("drawn"),
    "augmentation_explorer": lambda: datasets.augmentation_explorer(DATA, mean=0.3, std=0.35),
    "mode_explorer": widgets.mode_explorer,
    "layer_explorer": lambda: widgets.layer_explorer(NETWORKS, IMAGES, classes=["a", "b", "c"]),
    "layer_explorer, one image": lambda: widgets.layer_explorer(NETWORKS, IMAGES[:1]),
    "graph_explorer": widgets.graph_explorer,
    "descent_explorer": widgets.descent_explorer,
    "fit_it_yourself": lambda: widgets.fit_it_yourself(X, 0.7 * X + 0.3, LINE),
    "learning_rate_explorer": lambda: widgets.learning_rate_explorer(X, 0.7 * X + 0.3),
    "watch_it_learn": lambda: widgets.watch_it_learn(NETWORKS["b"], DATA, DATA, "abc", batch_size=4, epochs=9),
    "confusion_explorer": lambda: widgets.confusion_explorer(IMAGES, LABELS, LABELS.flip(0), "abc"),
}


def test_every_widget_is_tried_here():
    assert {name.split(",")[0] for name in PANELS} >= {name for name in dir(widgets) if name.endswith("_explorer")}


@pytest.mark.parametrize("name", PANELS)
def test_every_position_of_every_control_ends_in_a_sentence(name, monkeypatch, tmp_path):
    if name == "dataset_explorer":  # on a machine without the original edition
        monkeypatch.setenv("COURSE_DATA", str(tmp_path))
        monkeypatch.delenv("COURSE_MIRROR", raising=False)
    assert_survives(PANELS[name])


@pytest.fixture
def panel():
    return make_panel()


def image(panel):
    return re.search(r"base64,([^\"]+)", panel._output.value)[1]


def test_shows_sentence_and_figure_and_escapes_both(panel):
    assert panel.sentence == "1 some train: <0.5>."
    assert "&lt;0.5&gt;" in panel._output.value
    assert "&lt;panel&gt;" in panel.children[0].value
    lines = ["A <panel>", "how far: 0.5", "which color: first", "words: some", "mode: train", panel.sentence]
    shown, metadata = panel._repr_mimebundle_()
    assert shown["text/plain"] == "\n".join([*lines, f"({TEXT_INSTEAD})"])
    stored, seen = (
        Image.open(BytesIO(base64.b64decode(png))).convert("L") for png in (shown["image/png"], image(panel))
    )
    half = stored.reduce(2)  # two pixels for each of the page, for sharp screens
    assert metadata["image/png"] == {"width": half.width, "height": half.height, "alt": panel.sentence}
    half, seen = np.asarray(half, int), np.asarray(seen, int)
    figure, note = half[: len(seen)], half[len(seen) :]
    assert np.corrcoef(figure.ravel(), seen.ravel())[0, 1] > 0.7  # the same curve
    assert 0.01 < (note < 128).mean() < 0.3  # words


def test_every_control_answers(panel):
    for name, value in {"steps": 1.0, "color": 2, "words": "other", "mode": "eval"}.items():
        sentence, before = panel.sentence, image(panel)
        panel.controls[name].value = value
        assert panel.sentence != sentence
        assert (image(panel) != before) == (name == "steps")  # the only one that changes the figure


def test_set_answers_once_and_controls_can_be_adjusted_before_the_answer():
    calls = []

    def note(**values):
        calls.append(values)
        return None, "Noted."

    def adjust(panel):
        panel.controls["page"].max = panel.controls["pages"].value

    controls = {"page": slider("page", 5, 1, 9), "pages": slider("pages", 9, 1, 9)}
    panel = Panel("Notes", controls, note, adjust=adjust)
    panel.set(page=4, pages=3)
    assert calls == [{"page": 5, "pages": 9}, {"page": 3, "pages": 3}]
    assert "<img" not in panel._output.value


def test_a_refusal_is_shown_and_the_last_figure_is_faded(panel):
    before = image(panel)
    panel.controls["words"].value = "refuse"
    assert panel.fault is None
    assert panel.sentence == "Expected other words: received refuse. Type others."
    assert re.search(r'data-kind="refusal".*opacity.*aria-hidden="true"', panel._output.value)
    assert image(panel) == before
    panel.controls["words"].value = "again"
    assert 'data-kind="answer"' in panel._output.value
    assert "opacity" not in panel._output.value


def test_a_defect_is_shown_and_kept_for_tests_until_the_next_answer(panel):
    panel.controls["words"].value = "break"
    assert panel.sentence == "OSError: a defect. Move a control, or run the cell again."
    assert isinstance(panel.fault, OSError)
    panel.controls["words"].value = "again"
    assert panel.fault is None


@pytest.mark.parametrize(
    "make",
    [
        lambda on: widgets.index_explorer(on(torch.arange(6.0).reshape(2, 3))),
        lambda on: widgets.fit_it_yourself(on(X), on(0.7 * X + 0.3), LINE),
        lambda on: widgets.learning_rate_explorer(on(X), on(0.7 * X + 0.3)),
        lambda on: widgets.layer_explorer({"b": NETWORKS["b"]}, on(IMAGES)),
        lambda on: widgets.confusion_explorer(on(IMAGES), on(LABELS), on(LABELS.flip(0)), "abc"),
    ],
    ids=["index", "fit", "learning rate", "layer", "confusion"],
)
def test_tensors_on_an_apple_gpu_give_the_same_answer(make):
    expected = make(lambda X: X)
    panel = make(lambda X: X.as_subclass(OnMPS))
    for name, control in panel.controls.items():
        for each in (panel, expected):
            each.set(**{name: getattr(control, "max", control.value)})
        check_answer(panel)
        assert repr(panel) == repr(expected)


def test_settings_come_back_where_two_threads_draw():
    """A widget draws while a cell does: without a lock, one would keep the other's settings for good."""
    before = dict(mpl.rcParams)
    entered = threading.Event()

    def draw():
        entered.set()
        with styled():
            pass

    thread = threading.Thread(target=draw)
    with styled():
        thread.start()
        entered.wait()
        thread.join(timeout=0.2)
        assert thread.is_alive()  # it waits for its turn
    thread.join()
    assert dict(mpl.rcParams) == before


def test_an_answer_does_not_wait_for_the_collector_and_leaves_no_garbage(panel):
    generations = []

    def note(phase, info):
        generations.extend([info["generation"]] * (phase == "start"))

    gc.collect()
    gc.callbacks.append(note)
    try:
        for move in range(5):
            panel.controls["steps"].value = move / 10
        assert set(generations) == {0}  # never a search of all that has been imported
        assert len(generations) < 20
    finally:
        gc.callbacks.remove(note)
    assert gc.isenabled()
    assert gc.collect() < 5000  # one figure is more than twice as much


def test_importing_the_widgets_changes_nothing_else_in_the_kernel():
    code = """
import gc, random, sys, threading, warnings
import matplotlib.pyplot as plt, numpy as np, torch, ipywidgets, anywidget
def state():
    return (
        gc.get_freeze_count(), gc.isenabled(), gc.get_threshold(), len(gc.callbacks), threading.active_count(),
        dict(plt.rcParams), plt.get_backend(), plt.get_fignums(), torch.get_rng_state().tolist(), random.getstate(),
        np.random.get_state()[1].tolist(), torch.get_num_threads(), torch.is_grad_enabled(),
        torch.get_default_dtype(), list(warnings.filters), sys.excepthook, list(sys.path),
    )
torch.manual_seed(0)
before = state()
import helpers.widgets
print(before == state(), "torchvision" in sys.modules)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["True", "False"]
