"""The widgets of every notebook in a real browser: they answer to mouse, keyboard and finger."""

from __future__ import annotations

import contextlib
import re
import time

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell

from helpers.widgets import RECORDED
from tests.browser.lab import NotebookPage, wait_until
from tests.cells import cells_needed, global_names
from tools import NOTEBOOKS

SLOWEST = 15.0  # seconds until an answer is seen; a machine that runs other tests as well is slow

# What is seen of a widget: its sentences and its images.
SEEN = """cell => [...cell.querySelectorAll('.jp-OutputArea [role=status], .jp-OutputArea img')]
    .map(part => part.src ?? part.textContent).join("\\n")"""
# Controls and images that stick out of the page at the right.
TOO_WIDE = """cell => {
    const end = cell.querySelector('.jp-OutputArea-output').getBoundingClientRect().right;
    return [...cell.querySelectorAll('.course-panel .jupyter-widgets, .course-panel img, .digit-pad *')]
        .filter(part => part.getBoundingClientRect().right > end + 1)
        .map(part => `${part.tagName} ${part.className}`);
}"""
NAME = "control => control.ariaLabel || control.labels?.[0]?.textContent || control.textContent"


def press(*keys):
    return [lambda control, key=key: control.press(key) for key in keys]


# Every control and its moves, by keyboard where there is one, of which some change what is seen. Sliders are left away
# from their ends, where other controls may have nothing to change.
MOVES = {
    ".noUi-handle": press("ArrowRight", "ArrowLeft", "PageDown", "PageUp"),
    "select": [lambda control: control.select_option(index=1)],
    "input[type=text]": [lambda control: control.fill(f"{control.input_value()}0")],
    ".widget-toggle-button:not(.mod-active)": press("Space"),
    ".course-runner button:nth-of-type(2)": press("Space"),
    ".course-confusions button[tabindex='0']": press("ArrowRight", "ArrowDown", "ArrowLeft"),
}

# In place of the network of notebook 7, whose training takes longer.
DIGITS_NETWORK = {"chosen-network": "best = cnn"}


def is_widget(cell):
    return "widget" in cell.metadata.get("tags", [])


def widgets_and_what_they_need(path):
    """The cells of a notebook that show a widget, and those that assign what these read."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = DIGITS_NETWORK.get(cell.id, cell.source)
    widgets = {cell.id: global_names(cell.source)[1] for cell in notebook.cells if is_widget(cell)}
    needed = cells_needed(notebook, widgets)
    for cell in notebook.cells:
        if cell.id in widgets or cell in needed:
            # Only the ids of widgets differ from those of all other notebooks.
            name = cell.id if cell.id in widgets else f"{cell.id}-of-{path.stem[:2]}"
            yield new_code_cell(cell.source, id=name, metadata=cell.metadata)


@pytest.fixture(scope="module")
def notebook(browser, lab):
    """The widgets of all notebooks in one, which has run; those of notebooks 7 and 6 can be run again."""
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    pages = [NOTEBOOKS[-1], *NOTEBOOKS[:-1]]
    yield NotebookPage(lab, context, [cell for path in pages for cell in widgets_and_what_they_need(path)])
    context.close()


def expect_an_answer(notebook, cell, control, moves, name):
    """Move the control until what is seen changes."""
    before = cell.evaluate(SEEN)
    for move in moves:  # the first may change nothing, or be answered late
        move(control)
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: cell.evaluate(SEEN) != before, seconds=2, what="an answer")
            break
    wait_until(lambda: cell.evaluate(SEEN) != before, seconds=SLOWEST, what=f"an answer to {name}")
    wait_until(notebook.is_idle, seconds=SLOWEST, what="the kernel to finish")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_control_answers(notebook, path):
    widget_cells = [cell.id for cell in nbformat.read(path, as_version=4).cells if is_widget(cell)]
    assert widget_cells, f"{path.name} has no widget"
    for cell_id in widget_cells:
        cell = notebook.cell(cell_id)
        cell.locator("[role=status]").first.wait_for()
        for selector, moves in MOVES.items():
            for control in cell.locator(selector).all():
                if control.is_enabled() and not control.locator("xpath=ancestor::*[@disabled]").count():
                    name = control.evaluate(NAME)
                    assert name.strip(), f"{cell_id}: {selector} has no name for a screen reader"
                    expect_an_answer(notebook, cell, control, moves, f"{cell_id}: {name}")
        assert cell.locator("[role=status][data-kind=fault]").count() == 0
        for option in cell.locator(".widget-toggle-button").all():
            pressed = "mod-active" in option.get_attribute("class")
            assert option.get_attribute("aria-pressed") == str(pressed).lower()
        assert notebook.active_cell() == cell_id  # no key went to the notebook instead
        assert cell.evaluate(TOO_WIDE) == [], f"{cell_id} does not fit into a window of 1000 pixels"
    assert notebook.error_cells() == {}
    assert notebook.console_errors == []


class Widget:
    """A widget as a learner sees it."""

    def __init__(self, notebook, cell_id):
        self.notebook, self.page, self.cell = notebook, notebook.page, notebook.cell(cell_id)
        self.cell.get_by_role("status").wait_for()

    @property
    def sentence(self):
        return self.cell.get_by_role("status").text_content()

    def press(self, button):
        self.cell.get_by_role("button", name=button, exact=True).click()

    def says(self, start):
        """Wait until the sentence starts with these words."""
        wait_until(lambda: self.sentence.startswith(start), seconds=20, what=f"the sentence {start!r}")

    def changes(self, *, seconds):
        """How often the sentence changes within so many seconds."""
        end, last, n = time.monotonic() + seconds, self.sentence, 0
        while time.monotonic() < end:
            if (sentence := self.sentence) != last:
                last, n = sentence, n + 1
        return n


@pytest.fixture
def watching(notebook):
    """The training of notebook 6 before it has started."""
    watching = Widget(notebook, "play-watch-it-learn")
    watching.press("Reset")
    watching.says("Untrained")
    yield watching
    assert notebook.console_errors == []


def test_training_starts_pauses_and_resets_also_while_a_cell_runs(watching, tmp_path):
    running, ended = tmp_path / "running", tmp_path / "ended"
    running.touch()
    code = f"""import pathlib, time
while pathlib.Path({str(running)!r}).exists():
    time.sleep(0.05)
pathlib.Path({str(ended)!r}).touch()"""
    run = "notebook.sessionContext.session.kernel.requestExecute({code: argument, store_history: false});"
    watching.notebook.in_notebook(run, code)
    watching.press("Start")
    watching.says("After 30 batches")
    watching.press("Pause")
    assert watching.changes(seconds=1) <= 1  # the step that was on its way
    paused = watching.sentence
    watching.press("Start")
    wait_until(lambda: watching.sentence != paused, seconds=SLOWEST, what="the training to go on")
    watching.press("Reset")
    watching.says("Untrained")
    assert watching.changes(seconds=1) == 0
    assert not ended.exists()
    running.unlink()
    wait_until(ended.exists, seconds=SLOWEST, what="the cell to end")


def test_a_cell_that_is_run_again_stops_its_training(watching):
    watching.press("Start")
    watching.says("After")
    watching.notebook.run_cell("play-watch-it-learn")
    again = Widget(watching.notebook, "play-watch-it-learn")
    again.says("Untrained")
    code = "import gc; from helpers.widgets.panel import Runner"  # by type: isinstance would ask dead proxies
    running = "sum(widget.running for widget in gc.get_objects() if type(widget) is Runner)"
    wait_until(lambda: again.notebook.in_kernel(code, running) == 0, seconds=10, what="the first training to stop")
    assert again.changes(seconds=1) == 0


SEVEN = [[(0.25, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.85)]]  # corners of the stroke
GREYS = """canvas => {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Array.from({length: data.length / 4}, (_, i) => data[4 * i]);
}"""


class Pad(Widget):
    """The pad as a learner uses it."""

    def __init__(self, notebook):
        super().__init__(notebook, "digit-pad")
        self.paper = self.cell.locator(".paper")
        self.thickness = self.cell.get_by_label("Thickness")
        self.framing = self.cell.get_by_label(re.compile("Framing"))

    def on_page(self, points):
        """Points of the pad, 0 to 1, as pixels of the page."""
        self.paper.scroll_into_view_if_needed()
        box = self.paper.bounding_box()
        return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]

    def draw(self, strokes, *, steps=6):
        for stroke in strokes:
            first, *others = self.on_page(stroke)
            self.page.mouse.move(*first)
            self.page.mouse.down()
            for place in others:
                self.page.mouse.move(*place, steps=steps)
            self.page.mouse.up()

    @property
    def rows(self):
        """The image that the network receives: whether the left and the right half of each row have ink."""
        greys = self.cell.locator(".picture").evaluate(GREYS)
        return [(any(greys[i : i + 14]), any(greys[i + 14 : i + 28])) for i in range(0, 28 * 28, 28)]

    @property
    def ink(self):
        """How much of the pad is white, from 0 to 1."""
        greys = self.paper.evaluate(GREYS)
        return sum(greys) / len(greys) / 255

    def shows(self, *, rows):
        """Wait until so many rows of the image have ink."""
        wait_until(lambda: sum(map(any, self.rows)) in rows, seconds=SLOWEST, what=f"a digit {rows} pixels high")


@pytest.fixture
def pad(notebook):
    """The empty pad."""
    pad = Pad(notebook)
    pad.press("Clear")
    pad.thickness.fill("8")
    pad.framing.check()
    pad.says("The pad is empty")
    yield pad
    assert notebook.console_errors == []


def test_digits_drawn_with_the_mouse_are_read(pad):
    pad.draw(RECORDED["3"])
    pad.says("The network reads a 3")
    assert pad.cell.locator("li.best .digit").all_text_contents() == ["3"]
    pad.shows(rows=range(20, 22))
    pad.press("Clear")
    pad.says("The pad is empty")
    assert pad.ink == 0
    assert not any(map(any, pad.rows))
    assert {*pad.cell.locator("li .share").all_text_contents()} == {"–"}
    pad.draw(SEVEN, steps=40)  # quickly: no point may be lost
    pad.says("The network reads a 7")

    def points():  # they may be read before the pen is lifted
        return pad.notebook.in_kernel("", "pad.strokes[-1]")

    def drawn(corner):
        return min(abs(x - corner[0]) + abs(y - corner[1]) for x, y in points()) < 0.01

    wait_until(lambda: all(map(drawn, SEVEN[0])), seconds=SLOWEST, what="every corner of the stroke")
    assert len(points()) > 80


def test_code_in_the_notebook_draws_as_well(pad):
    pad.notebook.in_kernel(f"pad.strokes, pad.width = {RECORDED['3']}, 0.1")
    pad.says("The network reads a 3")
    assert pad.ink > 0.05
    assert pad.thickness.input_value() == "10"


def test_thickness_and_framing_change_the_image(pad):
    pad.draw([[(0.05 + 0.25 * x, 0.65 + 0.25 * y) for x, y in stroke] for stroke in SEVEN])
    pad.shows(rows=range(20, 22))
    ink = pad.ink
    pad.framing.uncheck()
    pad.shows(rows=range(5, 10))
    assert pad.rows[:17] == [(False, False)] * 17
    assert not any(right for _, right in pad.rows)  # small, in its corner, and not mirrored
    pad.thickness.fill("14")
    pad.shows(rows=range(10, 13))
    assert pad.ink > 1.4 * ink


def test_a_line_that_leaves_the_pad_ends_at_its_edge(pad):
    pad.framing.uncheck()
    pad.draw([[(0.5, 0.5), (1.2, 0.5), (1.2, 0.9), (0.5, 0.9)]])
    wait_until(lambda: pad.rows[14][1] and pad.rows[25][1], seconds=SLOWEST, what="two lines to the right edge")
    assert not any(right for _, right in pad.rows[17:23])  # no line along the edge joins them


def test_the_keyboard_reaches_every_control_and_draws(pad):
    keys = pad.page.keyboard
    pad.paper.focus()
    keys.press("Tab")
    keys.press("Shift+Tab")
    for control in ("paper", "clear", "thickness", "framing"):
        focus = "[document.activeElement.className, getComputedStyle(document.activeElement).outlineStyle]"
        assert pad.page.evaluate(focus) == [control, "solid"]
        keys.press("Tab")
    names = {"application": "Drawing pad", "button": "Clear", "slider": "Thickness", "checkbox": "Fram"}
    for role, name in names.items():
        assert pad.cell.get_by_role(role, name=re.compile(name)).count() == 1
    pad.paper.focus()
    to_the_start, down = ["ArrowUp"] * 12 + ["ArrowLeft"] * 8, ["ArrowLeft", *["ArrowDown"] * 3] * 8
    for key in (*to_the_start, "Space", *["ArrowRight"] * 16, *down, "Space"):
        keys.press(key)
    pad.says("The network reads a 7")
    pad.thickness.focus()
    keys.press("ArrowLeft")
    assert pad.thickness.get_attribute("aria-valuetext") == "7 % of the pad"
    assert pad.notebook.active_cell() == "digit-pad"


def test_a_pen_and_a_finger_draw_and_a_palm_does_not(pad):
    corners = np.array(pad.on_page(SEVEN[0]))
    x, y = (np.interp(np.linspace(0, len(corners) - 1, 16), range(len(corners)), axis) for axis in corners.T)
    places = [{"x": place[0], "y": place[1]} for place in np.stack([x, y], axis=1).tolist()]
    box = pad.paper.bounding_box()
    devtools = pad.page.context.new_cdp_session(pad.page)
    pen = {"button": "left", "buttons": 1, "clickCount": 1, "pointerType": "pen"}
    events = ["mousePressed", *["mouseMoved"] * len(places), "mouseReleased"]
    for event, place in zip(events, [places[0], *places, places[-1]], strict=True):
        devtools.send("Input.dispatchMouseEvent", {"type": event, **place, **pen})
    pad.says("The network reads a 7")
    ink = pad.ink
    pad.press("Clear")
    pad.says("The pad is empty")
    palm = {"x": box["x"] + 20, "y": box["y"] + 250, "id": 2}
    devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{**places[0], "id": 1}]})
    for place in places[1:]:
        devtools.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{**place, "id": 1}, palm]})
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    pad.says("The network reads a 7")
    assert pad.ink == pytest.approx(ink, rel=0.02)  # the finger's 7 alone, and nothing scrolled below it
    assert pad.paper.bounding_box() == box


WITHOUT_WIDGETS = [
    "import torch\nfrom helpers.widgets import DigitPad, broadcast_explorer\nbroadcast_explorer()",
    "DigitPad(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10)))",
    "from helpers.training import fit\nmodel = torch.nn.Linear(1, 1)\nX = torch.ones(8, 1)\n"
    "fit(model, [(X, X)] * 3, torch.nn.L1Loss(), torch.optim.SGD(model.parameters(), 0.1), epochs=1).epochs",
]


def test_where_widgets_cannot_show_an_image_or_a_text_says_what_to_install(browser, lab):
    context = browser.new_context()
    widgets = re.compile("/lab/extensions/(@jupyter-widgets/jupyterlab-manager|anywidget)/")
    context.route(widgets, lambda route: route.abort())
    shown = NotebookPage(lab, context, map(new_code_cell, WITHOUT_WIDGETS)).page
    outputs = shown.locator(".jp-OutputArea-output")
    outputs.locator("img").wait_for()  # with the note under it
    for words in (re.compile("install\\s+ipywidgets\\s+and\\s+anywidget"), "epoch 1/1: 100%"):
        outputs.filter(has_text=words).wait_for()
