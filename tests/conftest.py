"""What the thorough run of the generated answers reports: `make thorough`."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line per exercise: how many answers were generated, and how many of them were right, as they should be."""
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
