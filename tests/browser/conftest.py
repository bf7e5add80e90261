"""A Chromium and a JupyterLab for the tests in this folder; where Chromium is missing, all of them are skipped."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.lab import Lab, running_lab
from tools.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MISSING = (
    "Expected playwright, and `chromium`, `chromium-browser` or `google-chrome` on the PATH. Install them: "
    "python -m pip install playwright; Debian, Ubuntu: apt-get install chromium; macOS: brew install --cask chromium."
)


# Not of the session: Playwright keeps an event loop running, which would disturb the tests of other folders.
@pytest.fixture(scope="package", autouse=True)
def browser() -> Iterator[Browser]:
    """A headless Chromium; continuous integration sets COURSE_BROWSER=required."""
    if importlib.util.find_spec("playwright") is None or chromium() is None:
        stop = pytest.fail if os.environ.get("COURSE_BROWSER") == "required" else pytest.skip
        stop(MISSING)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - it may be missing

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium())
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens empty pages; afterwards none of them may have complained, or asked for anything outside `home`."""
    contexts, complaints = [], []

    def open_it(home: str = "file:", *, width: int = 1280, height: int = 720, **options: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **options))
        page, local = contexts[-1].new_page(), (home, "data:", "blob:", "about:")
        page.set_default_timeout(20_000)
        page.context.on("request", lambda request: request.url.startswith(local) or complaints.append(request.url))
        page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("response", lambda reply: reply.status >= 400 and complaints.append(f"{reply.status} {reply.url}"))
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running JupyterLab."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab
