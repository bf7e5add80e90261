"""The pad of notebook 7 in a real browser: whatever is drawn, however it is drawn, the right answer is on the page."""

import re
import statistics
from itertools import pairwise

import pytest

from tests.browser.lab import wait_until
from tools.notebooks import ROOT

NOTEBOOK = ROOT / "notebooks" / "07_digits.ipynb"
CELL = "digit-pad"

# As a learner would write them: corners of the strokes, x and y from 0 to 1 of the pad.
THREE = [[(0.28, 0.25), (0.42, 0.16), (0.62, 0.18), (0.7, 0.3), (0.6, 0.43), (0.45, 0.47), (0.62, 0.52), (0.72, 0.66)]]
THREE[0] += [(0.64, 0.8), (0.45, 0.86), (0.27, 0.78)]
SEVEN = [[(0.25, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.85)]]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    page = open_notebook(NOTEBOOK)
    page.run_all()
    return page


@pytest.fixture
def pad(notebook):
    """The pad as it is first seen."""
    pad = Pad(notebook)
    pad.clear()
    pad.thickness.fill("8")
    pad.framing.check()
    pad.reads("The pad is empty")
    yield pad
    assert not notebook.console_errors


GREYS = """canvas => {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Array.from({length: data.length / 4}, (_, i) => data[4 * i]);
}"""


class Pad:
    """What a learner does and sees."""

    def __init__(self, notebook):
        self.page = notebook.page
        self.root = notebook.cell(CELL).locator(".digit-pad")
        self.paper = self.root.locator(".paper")
        self.thickness = self.root.get_by_label("Thickness")
        self.framing = self.root.get_by_label(re.compile("Framing"))

    def clear(self):
        self.root.get_by_role("button", name="Clear").click()

    def draw(self, strokes, *, steps=6):
        self.paper.scroll_into_view_if_needed()
        box = self.paper.bounding_box()
        for stroke in strokes:
            places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
            self.page.mouse.move(*places[0])
            self.page.mouse.down()
            for place in places[1:]:
                self.page.mouse.move(*place, steps=steps)
            self.page.mouse.up()

    def reads(self, text):
        """Wait until the sentence begins so."""
        wait_until(lambda: self.sentence.startswith(text), seconds=5, what=f"the pad to say {text!r}")

    @property
    def sentence(self):
        return self.root.get_by_role("status").text_content()

    @property
    def shares(self):
        return [text.strip() for text in self.root.locator("li .share").all_text_contents()]

    @property
    def best(self):
        return self.root.locator("li.best .digit").all_text_contents()

    @property
    def picture(self):
        """The grey values of what the network receives, row by row."""
        return self.root.locator(".picture").evaluate(f"canvas => ({GREYS})(canvas)")

    def shows_rows(self, least, most):
        """Wait until so many rows of the picture hold ink."""

        def rows():
            picture = self.picture
            return sum(any(picture[28 * row : 28 * row + 28]) for row in range(28))

        wait_until(lambda: least <= rows() <= most, seconds=5, what=f"a digit {least} to {most} pixels high")

    @property
    def ink(self):
        """How much of the pad is white, from 0 to 1."""
        share = (
            f"canvas => {{ const greys = ({GREYS})(canvas); return greys.reduce((a, b) => a + b, 0) / greys.length; }}"
        )
        return self.paper.evaluate(share) / 255


def test_a_three_and_a_seven_are_read(pad, notebook):
    pad.draw(THREE)
    pad.reads("The network reads a 3")
    assert pad.best == ["3"]
    pad.shows_rows(20, 21)
    notebook.screenshots(notebook.cell(CELL).locator(".jp-OutputArea"), "pad")
    pad.clear()
    pad.reads("The pad is empty")
    assert pad.shares == ["–"] * 10
    assert not any(pad.picture)
    assert pad.ink == 0
    pad.draw(SEVEN)
    pad.reads("The network reads a 7")


def test_bars_move_while_the_pen_is_down_and_within_a_tenth_of_a_second(pad):
    pad.root.evaluate(
        """root => {
            const times = (window.padTimes = []);
            let moved = null;
            root.querySelector(".paper").addEventListener("pointermove", () => (moved ??= performance.now()), true);
            const answered = () => {
                if (moved !== null) times.push(performance.now() - moved);
                moved = null;
            };
            const watched = {subtree: true, attributes: true, attributeFilter: ["style"]};
            new MutationObserver(answered).observe(root.querySelector("ul"), watched);
        }"""
    )
    pad.paper.scroll_into_view_if_needed()
    box = pad.paper.bounding_box()
    pad.page.mouse.move(box["x"] + 60, box["y"] + 60)
    pad.page.mouse.down()
    for x, y in [(place / 2, 0.22 + 0.1 * (place % 40) / 40) for place in range(1, 80)]:
        pad.page.mouse.move(box["x"] + 60 + 2 * x, box["y"] + box["height"] * y)
        pad.page.wait_for_timeout(16)
    times = pad.page.evaluate("padTimes")
    pad.page.mouse.up()
    assert len(times) > 20
    print(
        f"from pen to bars: median {statistics.median(times):.0f} ms, 95 % {sorted(times)[int(0.95 * len(times))]:.0f}"
    )
    assert statistics.median(times) < 100


def test_no_point_of_a_quick_stroke_is_lost(pad, notebook):
    corners = [(0.1, 0.5), (0.9, 0.5), (0.1, 0.52), (0.9, 0.54), (0.5, 0.1), (0.5, 0.95)]
    pad.draw([corners], steps=40)
    pad.page.wait_for_timeout(200)
    (stroke,) = notebook.in_kernel("", "pad.strokes")
    assert len(stroke) > 150
    for corner in corners:
        assert min(abs(x - corner[0]) + abs(y - corner[1]) for x, y in stroke) < 0.01
    assert stroke[-1] == pytest.approx(corners[-1], abs=0.01)


def test_code_in_the_notebook_can_draw_and_clear_as_well(pad, notebook):
    notebook.in_kernel(f"pad.strokes, pad.width = {THREE}, 0.1")
    pad.reads("The network reads a 3")
    assert pad.ink > 0.05
    assert pad.thickness.input_value() == "10"
    notebook.in_kernel("pad.framed = False; pad.strokes = []")
    pad.reads("The pad is empty")
    assert not pad.framing.is_checked()
    assert pad.ink == 0


def test_thickness_changes_the_ink_and_the_picture(pad):
    pad.draw(SEVEN)
    pad.reads("The network reads a 7")
    ink, picture = pad.ink, pad.picture
    pad.thickness.fill("14")
    wait_until(lambda: sum(pad.picture) > 1.2 * sum(picture), seconds=5, what="a thicker digit in the picture")
    assert pad.ink > 1.4 * ink


def test_without_framing_a_small_digit_stays_small_in_its_corner(pad):
    small = [[(0.05 + 0.25 * x, 0.65 + 0.25 * y) for x, y in stroke] for stroke in SEVEN]
    pad.thickness.fill("3")
    pad.draw(small)
    pad.reads("The network reads a 7")
    pad.shows_rows(20, 21)
    pad.framing.uncheck()
    pad.shows_rows(5, 8)
    assert not any(pad.picture[: 28 * 18])
    pad.framing.check()
    pad.reads("The network reads a 7")


def test_the_keyboard_draws(pad, notebook):
    pad.paper.focus()
    keys = pad.page.keyboard
    active = notebook.active_cell()

    def go(direction, times):
        for key in direction:
            keys.down(key)
        for _ in range(times - 1):
            keys.down(direction[-1])
        for key in direction:
            keys.up(key)

    go(["ArrowUp"], 12)
    go(["ArrowLeft"], 8)
    keys.press("Space")
    go(["ArrowRight"], 16)
    go(["ArrowDown"], 1)
    for _ in range(8):
        go(["ArrowLeft"], 1)
        go(["ArrowDown"], 3)
    notebook.screenshots(notebook.cell(CELL).locator(".jp-OutputArea"), "pad-keyboard")
    pad.paper.focus()
    keys.press("Space")
    pad.reads("The network reads a 7")
    assert notebook.active_cell() == active


def test_every_control_is_labelled_and_reached_with_tab_and_seen_when_it_is(pad):
    for role, name in [
        ("application", "Drawing pad"),
        ("button", "Clear"),
        ("slider", "Thickness"),
        ("checkbox", "Framing"),
    ]:
        assert pad.root.get_by_role(role, name=re.compile(name)).count() == 1
    pad.paper.focus()
    pad.page.keyboard.press("Tab")
    pad.page.keyboard.press("Shift+Tab")
    for control in ["paper", "clear", "thickness", "framing"]:
        focus = "[document.activeElement.className, getComputedStyle(document.activeElement).outlineStyle]"
        assert pad.page.evaluate(focus) == [control, "solid"]
        pad.page.keyboard.press("Tab")


def test_every_control_works_by_keyboard(pad):
    pad.draw(SEVEN)
    pad.thickness.focus()
    pad.page.keyboard.press("ArrowLeft")
    assert pad.thickness.input_value() == "7"
    assert pad.thickness.get_attribute("aria-valuetext") == "7 % of the pad"
    pad.framing.focus()
    pad.page.keyboard.press("Space")
    assert not pad.framing.is_checked()
    pad.root.get_by_role("button").focus()
    pad.page.keyboard.press("Enter")
    pad.reads("The pad is empty")


def test_a_cell_run_again_gives_a_pad_that_works(pad, notebook):
    pad.draw(THREE)
    notebook.run_cell(CELL)
    again = Pad(notebook)
    again.reads("The pad is empty")
    again.draw(SEVEN)
    again.reads("The network reads a 7")


def test_a_pen_and_a_finger_draw_and_a_second_finger_does_not(pad):
    pad.paper.scroll_into_view_if_needed()
    box = pad.paper.bounding_box()
    places = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in SEVEN[0]]
    places = [
        {axis: start[axis] + (stop[axis] - start[axis]) * step / 5 for axis in "xy"}
        for start, stop in pairwise(places)
        for step in range(6)
    ]
    devtools = pad.page.context.new_cdp_session(pad.page)
    pen = {"button": "left", "buttons": 1, "clickCount": 1, "pointerType": "pen"}
    devtools.send("Input.dispatchMouseEvent", {"type": "mousePressed", **places[0], **pen})
    for place in places:
        devtools.send("Input.dispatchMouseEvent", {"type": "mouseMoved", **place, **pen})
    devtools.send("Input.dispatchMouseEvent", {"type": "mouseReleased", **places[-1], **pen})
    pad.reads("The network reads a 7")
    ink = pad.ink
    pad.clear()
    pad.reads("The pad is empty")

    palm = {"x": box["x"] + 20, "y": box["y"] + 250, "id": 2}
    devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{**places[0], "id": 1}]})
    for place in places[1:]:
        devtools.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{**place, "id": 1}, palm]})
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    pad.reads("The network reads a 7")
    assert pad.ink == pytest.approx(ink, rel=0.02)  # the finger's 7 alone, and nothing scrolled below it
    assert pad.paper.bounding_box() == box


def test_a_line_that_leaves_the_pad_ends_at_its_edge_and_begins_anew_inside(pad):
    pad.framing.uncheck()
    pad.draw([[(0.5, 0.5), (1.2, 0.5), (1.2, 0.9), (0.5, 0.9)]])

    def right_half(*rows):
        picture = pad.picture
        return [any(picture[28 * row + 14 : 28 * row + 28]) for row in rows]

    wait_until(lambda: all(right_half(14, 25)), seconds=5, what="two lines to the right edge")
    assert not any(right_half(*range(17, 23)))  # no line along the edge joins them
