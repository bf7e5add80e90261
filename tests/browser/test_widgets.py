"""Every notebook in a real browser: it runs without an error, and whatever in its widgets is moved answers."""

from __future__ import annotations

import time
from collections.abc import Iterator

import nbformat
import pytest

from tools.notebooks import NOTEBOOKS

SLOWEST = 5.0  # seconds until an answer is seen; a machine that runs other tests as well is slow

# What is seen of a widget: its words and its pictures; and whether it says that something in it is broken.
SEEN = """cell => [...cell.querySelectorAll('.jp-OutputArea [role=status], .jp-OutputArea img')]
    .map(part => part.src ?? part.textContent).join("\\n")"""
BROKEN = "[role=status][data-kind=fault]"
# Controls and pictures that stick out of the page at the right.
TOO_WIDE = """cell => {
    const end = cell.querySelector('.jp-OutputArea-output').getBoundingClientRect().right;
    return [...cell.querySelectorAll('.course-panel .jupyter-widgets, .course-panel img, .digit-pad *')]
        .filter(part => part.getBoundingClientRect().right > end + 1)
        .map(part => `${part.tagName} ${part.className}`);
}"""
NARROW = {"width": 1000, "height": 900}
NAME = "control => control.ariaLabel || control.labels?.[0]?.textContent || control.textContent"

CONTROLS = {
    "slider": ".noUi-handle",
    "list": "select",
    "text": "input[type=text]",
    "option": ".widget-toggle-button:not(.mod-active)",
    "button": "button.jupyter-button:not(.widget-toggle-button):not(.course-button)",
    "step": ".course-runner button:nth-of-type(2)",
    "cell": ".course-confusions button[tabindex='0']",
}


def widget_cells(path) -> list[str]:
    return [cell.id for cell in nbformat.read(path, as_version=4).cells if "widget" in cell.metadata.get("tags", [])]


def moves(control, kind: str) -> Iterator[None]:
    """Moves of one control, by keyboard where there is one; at least one of them must change what is seen."""
    keys = {
        # Left away from its ends, where other controls may have nothing to change: p = 0 drops nothing from any batch.
        "slider": ("ArrowRight", "ArrowLeft", "Home", "End", "PageDown"),
        "cell": ("ArrowRight", "ArrowDown", "ArrowLeft"),
    }
    if kind in keys:
        for key in keys[kind]:
            control.press(key)
            yield
    elif kind == "list":
        for i in reversed(range(control.locator("option").count())):
            control.select_option(index=i)
            yield
    elif kind == "text":
        before = control.input_value()
        for text in ("x[", "1"):
            control.fill(text)
            yield
        control.fill(before)
    else:
        control.press("Space")
        yield


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_every_control_answers(open_notebook, path):
    start = time.monotonic()
    page = open_notebook(path)
    page.run_all(seconds=300)  # of a busy machine; alone, each notebook takes less than 20
    run = time.monotonic() - start
    assert widget_cells(path), f"{path.name} has nothing to play with"
    answers = []
    for cell_id in widget_cells(path):
        cell = page.cell(cell_id)
        cell.locator("[role=status]").first.wait_for()
        if cell.locator(".digit-pad").count():
            continue  # in test_pad.py
        for kind, selector in CONTROLS.items():
            for i in range(cell.locator(selector).count()):
                control = cell.locator(selector).nth(i)
                if control.is_enabled() and not control.locator("xpath=ancestor::*[@disabled]").count():
                    name = control.evaluate(NAME)
                    assert name.strip(), f"{cell_id}: {kind} {i} has no name for a screen reader"
                    answers.append(seconds_until_an_answer(cell, control, kind, f"{cell_id}: {kind} {name}"))
                    settle(cell, quiet=max(0.25, 2 * answers[-1]))
        assert cell.locator(BROKEN).count() == 0
        for option in cell.locator(".widget-toggle-button").all():
            pressed = "mod-active" in option.get_attribute("class")
            assert option.get_attribute("aria-pressed") == str(pressed).lower()
    for theme in page.themes():
        for cell_id in widget_cells(path):
            page.screenshot(page.cell(cell_id), f"{path.stem}-{cell_id}-{theme}")
    page.page.set_viewport_size(NARROW)
    for cell_id in widget_cells(path):
        cell = page.cell(cell_id)
        page.screenshot(cell, f"{path.stem}-{cell_id}-narrow")
        assert cell.evaluate(TOO_WIDE) == [], f"{cell_id} does not fit into a window of {NARROW['width']} pixels"
    seconds = ", ".join(f"{answer:.2f}" for answer in answers)
    print(f"{path.stem}: ran in {run:.0f} s, its controls answered in {seconds} s")
    assert page.error_cells() == {}
    assert page.console_errors == []


def seconds_until_an_answer(cell, control, kind, name) -> float:
    """How long it took after the first move that is seen; all moves are made."""
    before, answer = cell.evaluate(SEEN), None
    for _ in moves(control, kind):
        start = time.monotonic()
        while answer is None and time.monotonic() - start < SLOWEST:
            if cell.evaluate(SEEN) != before:
                answer = time.monotonic() - start
    assert answer is not None, f"{name} was moved, and nothing changed"
    return answer


def settle(cell, *, quiet: float) -> None:
    """Wait until nothing has changed for so many seconds, so that the next answer is one to the next move."""
    seen, since = cell.evaluate(SEEN), time.monotonic()
    while time.monotonic() < since + quiet:
        if (now := cell.evaluate(SEEN)) != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.02)
