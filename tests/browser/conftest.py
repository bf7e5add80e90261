"""A JupyterLab and a Chromium for the tests in this folder.

Where Chromium is missing, these tests are skipped and say so; with COURSE_BROWSER=required, as in continuous
integration, they fail.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.lab import Lab, NotebookPage, running_lab
from tools.browser import FLAGS, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NO_PLAYWRIGHT = "needs playwright: pip install -r requirements.txt"
NO_CHROMIUM = (
    "needs Chromium or Chrome: install it with your system's packages (Debian and Ubuntu: apt-get install chromium, "
    "macOS: brew install --cask chromium) so that `chromium`, `chromium-browser` or `google-chrome` is on the PATH"
)


def _missing(reason: str) -> None:
    if os.environ.get("COURSE_BROWSER") == "required":
        pytest.fail(f"COURSE_BROWSER=required, but this {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def executable() -> str:
    """The path of Chromium; where something is missing, all these tests end here."""
    if importlib.util.find_spec("playwright") is None:
        _missing(NO_PLAYWRIGHT)
    if (path := chromium()) is None:
        _missing(NO_CHROMIUM)
    return path


@pytest.fixture(scope="session")
def lab(executable: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running JupyterLab; one for each worker."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


# Of a module, not of the session: Playwright keeps an event loop running, which would disturb tests that start one.
@pytest.fixture(scope="module")
def browser(executable: str) -> Iterator[Browser]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - it may be missing

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def open_notebook(browser: Browser, lab: Lab) -> Iterator[Callable[..., NotebookPage]]:
    """Opens notebooks, given as files or as objects; closes them after the last test of the module."""
    opened = []

    def open_it(notebook: Path, **options: str) -> NotebookPage:
        opened.append(NotebookPage(lab, browser, notebook, **options))
        return opened[-1]

    yield open_it
    for page in opened:
        page.close()
