"""The site in a real browser: nothing is asked of the network, nothing overflows on a phone, and it answers."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

SCREENS = {"light": {"width": 1280, "height": 900}, "dark": {"width": 390, "height": 844}}  # of a desk and of a phone


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served, as it is when it is published."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


# What sticks out to the right of the screen and is in no box of its own that scrolls.
STICKS_OUT = """() => [...document.querySelectorAll("main *")].filter(element => {
    if (element.getBoundingClientRect().right <= innerWidth + 1) return false;
    for (let box = element; box && box !== document.body; box = box.parentElement)
        if (getComputedStyle(box).overflowX !== "visible") return false;
    return true;
}).map(element => element.outerHTML.slice(0, 100))"""


# What has to be pushed sideways to be read: code may, and a table of many columns.
SCROLLS = """() => [...document.querySelectorAll("main *")].filter(element =>
    ["auto", "scroll"].includes(getComputedStyle(element).overflowX) && element.scrollWidth > element.clientWidth + 1
    && element.tagName !== "PRE" && !element.querySelector("td:nth-child(4)")
).map(element => element.outerHTML.slice(0, 100))"""


@pytest.mark.parametrize("theme", SCREENS)
def test_every_page_stands_alone_and_fits_the_screen(new_page, address, site, theme):
    page = new_page(address, color_scheme=theme, **SCREENS[theme])
    files = [file for file in site.rglob("*.html") if "_static" not in file.parts]
    places = sorted(file.relative_to(site).as_posix() for file in files if file != site / "index.html")
    assert len(places) > 12
    for place in places:
        page.goto(address + place)
        assert page.evaluate("document.documentElement.dataset.theme") == theme, place
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
        assert page.evaluate(STICKS_OUT) == [], place
        assert page.evaluate(SCROLLS) == [], place
        # Images load as they come into view: ask for all of them.
        page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
        page.wait_for_function("[...document.images].every(image => image.complete)")
        broken = "[...document.images].filter(image => !image.naturalWidth).map(image => image.src)"
        assert page.evaluate(broken) == [], place


@pytest.mark.parametrize("served", [True, False], ids=["served", "from the disk"])
def test_search_finds_where_a_word_is_taught(new_page, address, site, served):
    home = address if served else site.as_uri() + "/"
    page = new_page(home)
    page.goto(home + "docs/index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("broadcasting")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=broadcasting*")
    page.wait_for_function("document.querySelectorAll('#search-results li').length > 4")
    found = page.locator("#search-results li a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert any(link.startswith("notebooks/01_tensors.html") and "#broadcasting" in link for link in found)
    assert any(link.startswith("docs/glossary.html") for link in found)


@pytest.mark.parametrize(
    ("place", "typed", "shown"),
    [
        ("docs/errors.html", "must have the same dtype", "must have the same dtype"),
        ("docs/cheat_sheet.html", "topk", "topk("),
        ("docs/glossary.html", "one-hot", "one-hot"),
    ],
)
def test_the_box_shows_only_what_fits(new_page, address, place, typed, shown):
    page = new_page(address)
    page.goto(address + place)
    rows = page.locator("tbody tr:visible, dl.glossary dt:visible")
    before = rows.count()
    page.get_by_role("searchbox", name="Type part of").fill(typed)
    assert 1 <= rows.count() <= 3 < before
    assert all(shown in text for text in rows.all_text_contents())
    assert page.get_by_role("status").inner_text() == f"{rows.count()} of {before}"
    assert page.locator("article h2:visible").count() <= rows.count()
    page.get_by_role("searchbox", name="Type part of").fill("")
    assert rows.count() == before


def test_solutions_unfold(new_page, address):
    page = new_page(address)
    page.goto(address + "notebooks/01_tensors.html")
    solution = page.locator("details.hide").first
    code = solution.locator(".cell_input")
    assert not code.is_visible()
    solution.locator("summary").click()
    assert code.is_visible()
