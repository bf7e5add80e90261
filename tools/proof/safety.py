"""Safety: run the tests of it, and record how many attempts of each kind were refused.

python -m tools.proof.safety
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from tools.proof import record

TESTS = ("tests/test_safety.py", "tests/test_results.py")


class Topic(NamedTuple):
    """The tests of one row, by the beginnings of their names: what tries something, and what only looks after it."""

    attempts: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()


# Every test of these files stands in one row, once. A control tries nothing: it reads the course's own sources, sees
# that the attempts are real and none is missing, or that what is honest and harmless passes.
TOPICS = {
    "programs and cells that would run or unpickle what they are given": Topic(
        controls=("each_danger", "what_is_harmless", "no_program", "no_notebook"),
    ),
    "weights from elsewhere with code in them": Topic(
        attempts=("weights_from", "what_the_notebooks_load"),
        controls=("the_notebooks_load",),
    ),
    "archives that would write or grow outside their folder": Topic(
        attempts=("the_name_in_an_archive", "an_archive", "a_zip"),
        controls=("the_largest",),
    ),
    "mirrors that lead elsewhere": Topic(attempts=("a_mirror",)),
    "programs typed into widgets": Topic(attempts=("widgets_run",), controls=("the_watch", "these_are_all")),
    "JupyterLab: a token, on this machine alone": Topic(
        attempts=("lab_wants", "lab_answers"),
        controls=("lab_listens", "nothing_takes_the_token"),
    ),
    "what `make audit` makes of each answer that it may receive": Topic(controls=("audit_", "everything_installed")),
    "a class's notebooks that would break out, cheat, or never end": Topic(
        attempts=(
            *("nothing_fools", "each_wall", "a_name_runs", "what_takes_too_much", "an_error_or_an_endless_cell"),
            *("nothing_gets_out", "without_bubblewrap", "removing_a_folder", "an_interrupted_run"),
        ),
        controls=(
            *("the_stored_solutions", "nothing_of_an_untouched", "honest_work", "a_notebook_as_it_was_handed_out"),
            *("every_file_has_a_row", "who_is_read", "which_notebook", "an_old_format", "a_wrong_call"),
            *("the_class_summary", "one_file_from_two", "the_table_is_written", "the_course_is_copied"),
        ),
    ),
}


def run_tests() -> list[tuple[str, str]]:
    """The name of each test of the files, without `test_`, and passed, failed or skipped.

    Raises: SystemExit where pytest did not come to its end, or says of itself something else than its tests do.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *TESTS]
        status = subprocess.run(command, cwd=record.ROOT, check=False).returncode
        cases = list(ET.parse(report).iter("testcase")) if report.exists() else []
    outcomes = [(case.attrib["name"].removeprefix("test_"), _outcome(case)) for case in cases]
    if not outcomes or status != any(outcome == "failed" for _, outcome in outcomes):
        raise SystemExit(f"pytest ended with status {status}, which its tests do not explain. Nothing is recorded.")
    return outcomes


def _outcome(case: ET.Element) -> str:
    kinds = {child.tag for child in case}
    return "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"


def rows(outcomes: Sequence[tuple[str, str]]) -> list[dict[str, str | int]]:
    """A row for each topic: how many attempts and how many got through, how many controls and how many failed."""
    table = []
    for what, topic in TOPICS.items():
        attempts, controls = (
            Counter(outcome for name, outcome in outcomes if name.startswith(beginnings)) for beginnings in topic
        )
        table.append(
            {
                "what": what,
                "attempts": attempts["passed"] + attempts["failed"],
                "not refused": attempts["failed"],
                "controls": controls["passed"] + controls["failed"],
                "controls failed": controls["failed"],
                "not to be tried here": attempts["skipped"] + controls["skipped"],
            }
        )
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests and write the record; return 1 where any of them failed, or a topic had no attempt or control."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(arguments)
    started = perf_counter()
    outcomes = run_tests()
    table = rows(outcomes)
    failed = [name for name, outcome in outcomes if outcome == "failed"]  # in a row or not
    attempts, through, controls = (
        sum(int(row[column]) for row in table) for column in ("attempts", "not refused", "controls")
    )
    empty = ", ".join(
        str(row["what"])
        for row, topic in zip(table, TOPICS.values(), strict=True)
        if (topic.attempts and not row["attempts"]) or (topic.controls and not row["controls"])
    )
    lines = [f"{row['attempts']:>5} attempts, {row['controls']:>3} controls: {row['what']}" for row in table]
    print(*lines, *(f"failed: {name}" for name in failed), sep="\n")
    record.write(
        "safety",
        section="Safety",
        tried=f"{attempts} attempts, a test each, to have the course run, write or reveal something, and {controls} "
        "controls, which try nothing: they read the course's sources, and see that the attempts are real and that what "
        "is harmless passes.",
        outcome=f"{through or 'None'} got through; of the other tests {len(failed) - through or 'none'} failed"
        f"{f'; not tried here: {empty}' if empty else ''}.",
        passed=not (failed or empty),
        command="make safety",
        seconds=perf_counter() - started,
        rows=table,
    )
    return int(bool(failed or empty))


if __name__ == "__main__":
    sys.exit(main())
