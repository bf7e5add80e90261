"""The Chromium of this machine, which looks at pages for the tests and for `make slides`."""

import shutil

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """The path of Chromium, or None where it is not installed."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)
