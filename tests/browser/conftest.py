"""A Chromium and a JupyterLab for the tests in this folder; where Chromium is missing, one skipped test says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.lab import Lab, running_lab
from tests.browser.test_installed import missing
from tools.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

collect_ignore = ["test_html_export.py", "test_site.py", "test_slides.py", "test_widgets.py"] if missing() else []


# Not of the session: Playwright keeps an event loop running, which would disturb the tests of other folders.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - it may be missing

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium())
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running JupyterLab."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab
