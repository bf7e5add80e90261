"""Whether the other tests in this folder can run: continuous integration sets COURSE_BROWSER=required."""

import importlib.util
import os

import pytest

from tools.browser import chromium


def missing() -> str:
    """What the tests need and this environment lacks, with the remedy; empty where nothing is missing."""
    if importlib.util.find_spec("playwright") is None:
        return "Expected playwright. Install it: python -m pip install playwright."
    if chromium() is None:
        return (
            "Expected `chromium`, `chromium-browser` or `google-chrome` on the PATH. Install Chromium (Debian and "
            "Ubuntu: apt-get install chromium, macOS: brew install --cask chromium)."
        )
    return ""


def test_a_browser_is_installed():
    if missing() and os.environ.get("COURSE_BROWSER") != "required":
        pytest.skip(f"The site, the slides and the widgets are not tried in a browser. {missing()}")
    assert not missing(), missing()
