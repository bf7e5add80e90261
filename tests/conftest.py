"""What all tests share: no figure left over, and what the thorough run of the generated answers reports."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

plt.switch_backend("agg")  # no window, whatever the machine has


@pytest.fixture(autouse=True)
def _no_figures() -> Iterator[None]:
    """No test sees the figures of another one."""
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course as a site, built once: the first worker that asks builds it, and the others wait for it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # that of all workers
    said = folder / "site-said.txt"
    try:
        (folder / "site-build").mkdir()
    except FileExistsError:
        deadline = time.monotonic() + 300
        while not said.exists():
            assert time.monotonic() < deadline, "the worker that builds the site has not come to an end"
            time.sleep(0.2)
    else:
        tool = Path(__file__).parents[1] / "tools" / "site.py"
        command = [sys.executable, tool, "--into", folder / "site-build"]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
        part = said.with_suffix(".part")
        part.write_text(f"{done.returncode}\n{done.stdout}{done.stderr}", encoding="utf-8")
        part.replace(said)
    text = said.read_text(encoding="utf-8")
    assert text.startswith("0\n"), f"make site failed:\n{text}"
    return folder / "site-build" / "site"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line per exercise after `make thorough`: how many answers were generated, and how many of them were right."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    found = [(report, dict(report.user_properties)) for report in reports]
    rows = [(report, properties) for report, properties in found if properties.get("generated", 0) > 50]
    if rows:
        terminalreporter.section("generated answers")
        for report, properties in sorted(rows, key=lambda row: row[1]["exercise"]):
            words = "no traceback, no false pass" if report.passed else "FAILED"
            line = f"{properties['generated']:>6,} for {properties['exercise']}, {properties['right']} of them right"
            terminalreporter.line(f"{line}: {words}")
        terminalreporter.line(f"{sum(properties['generated'] for _, properties in rows):>6,} in all")
