"""Safety: run the tests of it, and record how many attempts of each kind were refused.

python -m tools.proof.safety
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from tools.proof import record

# What is tried, and the tests that try it, by the beginning of their names. Every test of safety stands in one row.
TESTS = ("tests/test_safety.py", "tests/test_results.py")
TOPICS = {
    "programs and cells that would run or unpickle what they are given": ("each_danger", "what_is_harmless", "no_"),
    "weights from elsewhere with code in them": ("weights_from", "what_the_notebooks_load", "the_notebooks_load"),
    "archives that would write or grow outside their folder": ("the_name", "an_archive", "the_largest", "a_zip"),
    "mirrors that lead elsewhere": ("a_mirror",),
    "programs typed into widgets": ("the_watch", "widgets_run", "these_are_all"),
    "JupyterLab: a token, on this machine alone": ("nothing_takes_the", "lab_"),
    "a class's notebooks that would break out, cheat, or never end": (
        *("nothing_gets_out", "nothing_fools", "a_name_runs", "what_takes_too_much", "an_interrupted_run"),
        *("without_bubblewrap", "the_course_is_copied"),
    ),
}


def run_tests() -> list[tuple[str, str]]:
    """The name of each test of safety that was run, without `test_`, and passed, failed or skipped."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *TESTS]
        subprocess.run(command, cwd=record.ROOT, check=False)
        cases = list(ET.parse(report).iter("testcase"))
    return [(case.attrib["name"].removeprefix("test_"), _outcome(case)) for case in cases]


def _outcome(case: ET.Element) -> str:
    kinds = {child.tag for child in case}
    return "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"


def rows(outcomes: Sequence[tuple[str, str]]) -> list[dict[str, str | int]]:
    """A row for each topic: how many attempts, how many got through."""
    table = []
    for topic, beginnings in TOPICS.items():
        found = [outcome for name, outcome in outcomes if name.startswith(beginnings)]
        counts = {"tried": len(found) - found.count("skipped"), "not refused": found.count("failed")}
        table.append({"what": topic, **counts, "not to be tried here": found.count("skipped")})
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests and write the record; return 1 where one failed, or a topic had none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(arguments)
    started = perf_counter()
    table = rows(run_tests())
    failed = sum(int(row["not refused"]) for row in table)
    empty = ", ".join(str(row["what"]) for row in table if not row["tried"])
    print(*(f"{row['tried']:>5} tried, {row['not refused']} not refused: {row['what']}" for row in table), sep="\n")
    record.write(
        "safety",
        section="Safety",
        tried=f"{sum(int(row['tried']) for row in table)} attempts to have the course run, write or reveal something.",
        outcome=f"{failed or 'None'} got through{f'; not tried here: {empty}' if empty else ''}.",
        passed=not (failed or empty),
        command="make safety",
        seconds=perf_counter() - started,
        rows=table,
    )
    return int(bool(failed or empty))


if __name__ == "__main__":
    sys.exit(main())
