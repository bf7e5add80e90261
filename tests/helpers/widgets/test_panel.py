"""What holds for every widget: it answers once, says what is wrong, and leaves nothing behind."""

import re
import subprocess
import sys
import threading

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from helpers.plotting import learning_curves, set_caption, show
from helpers.plotting.style import new_figure, styled, without_pyplot
from helpers.widgets.panel import Panel, RefusalError, button, choice, slider, text, toggle
from tests.helpers.widgets.panels import assert_survives, check_answer, positions


def answer(steps, kind, words, mode, count):
    if words == "refuse":
        raise RefusalError("Expected other words: received refuse. Type others.")
    if words == "break":
        raise OSError("a defect\nwith a second line")
    figure = new_figure(figsize=(4, 2))
    figure.subplots().plot([0, steps])
    return set_caption(figure, f"{kind} {words[:20]} {mode}: {steps:.1f}, {count} <presses>.")


def make_panel():
    controls = {
        "steps": slider("how far", 0.5, 0, 1, step=0.1, digits=1),
        "kind": choice("which kind", [("first", 1), ("second", 2)]),
        "words": text("words", "some"),
        "mode": toggle("mode", ["train", "eval"]),
        "press": button("Press", lambda panel: panel.set(count=panel.state["count"] + 1)),
    }
    return Panel("A <panel>", controls, answer, state={"count": 0})


@pytest.fixture
def panel():
    return make_panel()


def picture(panel):
    return re.search(r"base64,([^\"]+)", panel._output.value)[1]


def test_shows_sentence_and_picture(panel):
    assert panel.sentence == "1 some train: 0.5, 0 <presses>."
    check_answer(panel)
    assert "&lt;presses&gt;" in panel._output.value
    assert "&lt;panel&gt;" in panel.children[0].value


def test_text_form_has_title_labels_and_sentence(panel):
    lines = ["how far: 0.5", "which kind: first", "words: some", "mode: train", "1 some train: 0.5, 0 <presses>."]
    assert repr(panel) == "\n".join(["A <panel> (run this cell to play with it)", *lines])
    assert panel._repr_mimebundle_()["text/plain"] == repr(panel)


@pytest.mark.parametrize(("name", "value"), [("steps", 1.0), ("kind", 2), ("words", "other"), ("mode", "eval")])
def test_every_control_answers(panel, name, value):
    before = panel.sentence
    panel.controls[name].value = value
    assert panel.sentence != before
    check_answer(panel)


def test_picture_changes_with_the_figure_alone(panel):
    before = picture(panel)
    panel.controls["mode"].value = "eval"
    assert picture(panel) == before
    panel.controls["steps"].value = 0.9
    assert picture(panel) != before


def test_a_button_changes_the_state(panel):
    panel.controls["press"].click()
    panel.controls["press"].click()
    assert panel.sentence == "1 some train: 0.5, 2 <presses>."


def test_set_answers_once():
    calls = []

    def note(**values):
        calls.append(values)
        return None, "Noted."

    panel = Panel("Notes", {"a": slider("a", 1, 0, 9), "b": slider("b", 1, 0, 9)}, note)
    panel.set(a=3, b=4)
    assert calls == [{"a": 1, "b": 1}, {"a": 3, "b": 4}]
    assert "<img" not in panel._output.value


def test_controls_may_be_adjusted_before_the_answer():
    def adjust(panel):
        panel.controls["page"].max = panel.controls["pages"].value

    controls = {"page": slider("page", 5, 1, 9), "pages": slider("pages", 9, 1, 9)}
    panel = Panel("Pages", controls, lambda page, pages: (None, f"{page} of {pages}."), adjust=adjust)
    panel.controls["pages"].value = 3
    assert panel.sentence == "3 of 3."


def test_a_refusal_is_said_and_the_last_picture_stays_pale(panel):
    before = picture(panel)
    panel.controls["words"].value = "refuse"
    assert panel.fault is None
    assert panel.sentence == "Expected other words: received refuse. Type others."
    assert re.search(r'data-kind="refusal".*opacity.*aria-hidden="true"', panel._output.value)
    assert picture(panel) == before
    panel.controls["words"].value = "again"
    assert 'data-kind="answer"' in panel._output.value
    assert "opacity" not in panel._output.value


def test_a_defect_is_said_kept_for_tests_and_forgotten_with_the_next_answer(panel):
    panel.controls["words"].value = "break"
    assert isinstance(panel.fault, OSError)
    assert panel.sentence.endswith("Move a control, or run the cell again.")
    assert "second line" not in panel.sentence
    with pytest.raises(AssertionError, match="a defect"):
        check_answer(panel)
    panel.controls["words"].value = "again"
    assert panel.fault is None


def test_a_defect_behind_a_button_is_kept_too():
    def press(panel):
        raise ZeroDivisionError

    panel = Panel("Buttons", {"press": button("Press", press)}, lambda: (None, "At rest."))
    panel.controls["press"].click()
    assert isinstance(panel.fault, ZeroDivisionError)


def test_survives_everything():
    assert_survives(make_panel)


def test_copies_that_share_their_state_do_not_survive():
    count = []

    def shared(steps):
        count.append(steps)
        return None, f"Moved {len(count)} times."

    with pytest.raises(AssertionError, match="does not begin anew"):
        assert_survives(lambda: Panel("Shared", {"steps": slider("steps", 0, 0, 3)}, shared))
    control = slider("steps", 0, 0, 3)
    with pytest.raises(AssertionError, match="another copy"):
        assert_survives(lambda: Panel("Shared", {"steps": control}, lambda steps: (None, f"At {steps}.")))


def test_positions_are_extremes_and_every_option(panel):
    assert positions(panel.controls["steps"]) == [0, 1, 0.5]
    assert positions(panel.controls["kind"]) == [1, 2]
    assert positions(panel.controls["mode"]) == ["train", "eval"]


def test_figures_of_widgets_are_unknown_to_pyplot():
    before = plt.get_fignums()
    with without_pyplot():
        ax = learning_curves({"training": [1.0, 0.5]})[0]
    assert type(ax.figure) is Figure
    assert plt.get_fignums() == before
    ax = learning_curves({"training": [1.0, 0.5]})[0]
    assert plt.get_fignums() == [*before, ax.figure.number]
    show(ax)


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


@pytest.mark.parametrize(("name", "needed"), [("broadcast_explorer", False), ("dataset_explorer", True)])
def test_torchvision_is_imported_only_for_the_widgets_that_need_it(name, needed):
    code = f"import sys; from helpers.widgets import {name}; print('torchvision' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == str(needed)


def test_collecting_garbage_does_not_look_through_what_is_imported():
    asked = "import gc, helpers.widgets; print(gc.get_freeze_count(), len(gc.get_objects()))"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    frozen, looked_through = map(int, said.split())
    assert frozen > 100 * looked_through > 0
