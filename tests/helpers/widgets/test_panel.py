"""What is true of every widget: it answers each move once, says what is wrong, and leaves nothing behind."""

import base64
import gc
import random
import re
import subprocess
import sys
import threading
from html import escape
from io import BytesIO

import ipywidgets
import matplotlib as mpl
import matplotlib.pyplot as plt
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
from tests.helpers.widgets.panels import HOSTILE_TEXTS, OnMPS, move

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
    "watch_it_learn": lambda: widgets.watch_it_learn(NETWORKS["b"], DATA, DATA, "abc"),
    "confusion_explorer": lambda: widgets.confusion_explorer(IMAGES, LABELS, LABELS.flip(0), "abc"),
}


def test_every_widget_is_tried_here():
    assert {name.split(",")[0] for name in PANELS} >= {name for name in dir(widgets) if name.endswith("_explorer")}


def positions(control):
    """The positions of a control at which something may go wrong, the present one last."""
    if isinstance(control, ipywidgets.Text):
        return [*HOSTILE_TEXTS, control.value]
    if hasattr(control, "options"):
        return [*(value for _, value in control._options_full), control.value]
    if hasattr(control, "counts"):  # a confusion matrix
        return [*range(len(control.class_names) ** 2), control.value]
    low, high = getattr(control, "min", 0), control.max
    return [low, type(high)(low + 0.37 * (high - low)), high, control.value]


def every_move(panel):
    """Every control at each of its positions, then several at once, at random; yields a name for each move."""
    choices = [(name, value) for name, control in panel.controls.items() for value in positions(control)]
    chance = random.Random(0)
    for name, value in [*choices, *chance.choices(choices, k=6)]:
        move(panel, **{name: value})
        yield f"{name} = {value!r}"[:80]


def check_answer(panel, moved):
    """No fault, a sentence that is also the image's alt text, and no text of the learner's as HTML."""
    assert panel.outcome in {"answer", "refusal"}, f"{moved}: {panel.sentence}"
    assert re.fullmatch(r"(?s).{,1500}[.!?]", panel.sentence), f"{moved}: {panel.sentence!r}"
    shown = panel._output.value
    assert f">{'⚠ ' * (panel.outcome == 'refusal')}{escape(panel.sentence)}</p>" in shown, moved
    if panel.outcome == "answer" and "<img" in shown:
        assert f'<img alt="{escape(panel.sentence)}"' in shown, moved


@pytest.mark.parametrize("make", PANELS.values(), ids=PANELS)
def test_every_position_of_every_control_ends_in_a_sentence(make, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))  # a machine without the original edition of the data
    monkeypatch.delenv("COURSE_MIRROR", raising=False)

    def surroundings():
        return threading.enumerate(), dict(mpl.rcParams), torch.get_rng_state().tolist(), plt.get_fignums()

    before = surroundings()
    panel, twin = make(), make()
    at_first = repr(twin), twin._output.value
    assert all(control.description for control in panel.controls.values()), "a control has no label"
    check_answer(panel, "at first")
    for moved in every_move(panel):
        check_answer(panel, moved)
    assert surroundings() == before
    assert (repr(twin), twin._output.value) == at_first, "another copy of the widget has moved as well"
    assert repr(make()) == at_first[0], "the cell, run again, does not start from the beginning"


@pytest.fixture
def panel():
    return make_panel()


def image(panel):
    return re.search(r"base64,([^\"]+)", panel._output.value)[1]


def test_shows_sentence_and_figure_and_escapes_both(panel):
    assert panel.sentence == "1 some train: <0.5>."
    assert ">1 some train: &lt;0.5&gt;.</p>" in panel._output.value
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


def test_controls_can_be_adjusted_before_the_answer_which_is_still_one():
    calls = []

    def note(**values):
        calls.append(values)
        return None, "Noted."

    def adjust(panel):
        panel.controls["page"].max = panel.controls["pages"].value

    controls = {"page": slider("page", 5, 1, 9), "pages": slider("pages", 9, 1, 9)}
    panel = Panel("Notes", controls, note, adjust=adjust)
    move(panel, pages=3)
    assert calls == [{"page": 5, "pages": 9}, {"page": 3, "pages": 3}]
    assert "<img" not in panel._output.value


@pytest.mark.parametrize(
    ("words", "outcome", "sentence"),
    [
        ("refuse", "refusal", "Expected other words: received refuse. Type others."),
        ("break", "fault", "OSError: a defect. Move a control, or run the cell again."),
    ],
)
def test_what_went_wrong_is_shown_and_the_last_figure_is_faded(panel, words, outcome, sentence):
    before = image(panel)
    move(panel, words=words)
    assert (panel.outcome, panel.sentence) == (outcome, sentence)
    assert re.search(rf'data-kind="{outcome}".*opacity.*aria-hidden="true"', panel._output.value)
    assert image(panel) == before
    assert "image/png" not in panel._repr_mimebundle_()[0]  # a figure that does not belong to the sentence
    move(panel, words="again")
    assert 'data-kind="answer"' in panel._output.value
    assert "opacity" not in panel._output.value


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
    expected, panel = make(lambda X: X), make(lambda X: X.as_subclass(OnMPS))
    for name, control in panel.controls.items():
        for each in (panel, expected):
            move(each, **{name: getattr(control, "max", control.value)})
        assert repr(panel) == repr(expected)


def test_settings_come_back_where_two_threads_draw():
    """A widget draws while a cell does: without a lock, one would keep the other's settings for good."""
    before = dict(mpl.rcParams)
    thread = threading.Thread(target=styled()(dict))
    with styled():
        thread.start()
        thread.join(timeout=0.2)
        assert thread.is_alive()  # it waits for its turn
    thread.join()
    assert dict(mpl.rcParams) == before


def test_an_answer_does_not_wait_for_the_collector_and_leaves_no_garbage(panel):
    generations = []
    gc.collect()
    gc.callbacks.append(lambda _, info: generations.append(info["generation"]))
    try:
        for step in range(5):
            move(panel, steps=step / 10)
    finally:
        gc.callbacks.pop()
    assert set(generations) == {0}  # never a search of all that has been imported
    assert len(generations) < 40
    assert gc.isenabled()
    assert gc.collect() < 5000  # one figure is more than twice as much


def test_importing_the_widgets_changes_nothing_else_in_the_kernel():
    code = """
import gc, sys, threading, warnings
import matplotlib.pyplot as plt, numpy as np, torch, ipywidgets, anywidget
def state():
    collector = gc.get_freeze_count(), gc.isenabled(), gc.get_threshold(), gc.callbacks
    figures = dict(plt.rcParams), plt.get_backend(), plt.get_fignums()
    numbers = torch.get_rng_state().tolist(), np.random.get_state(), torch.get_num_threads(), torch.is_grad_enabled()
    return repr((collector, figures, numbers, threading.enumerate(), warnings.filters, sys.excepthook, sys.path))
before = state()
import helpers.widgets
print(before == state(), "torchvision" in sys.modules)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["True", "False"]
