"""Give out the notebooks as nbgrader's assignments, grade what comes back, and write the grades: docs/classroom.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.classroom import grades
from tools.classroom.assignments import CLASS, write_class
from tools.classroom.confine import why_not_confined


def main(arguments: list[str] | None = None) -> int:
    """Run the command of the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.classroom", description=__doc__)
    parser.add_argument("--folder", type=Path, default=CLASS, help="the class (build/class)")
    commands = parser.add_subparsers(dest="command", required=True)
    release = commands.add_parser("release", help="write the assignments")
    release.add_argument("weeks", type=int, nargs="*", help="numbers of notebooks; all where none is named")
    autograde = commands.add_parser("autograde", help="grade what is new")
    autograde.add_argument("assignment")
    autograde.add_argument(
        "--again", nargs="*", metavar="ID", help="grade again, even what has not changed; without ids, all"
    )
    autograde.add_argument("--unconfined", action="store_true", help="let strangers' code do whatever you can do")
    export = commands.add_parser("export", help="write the table of grades")
    export.add_argument("assignment")
    export.add_argument("--into", type=Path, metavar="CSV", help="fill in a worksheet of Moodle, a gradebook of Canvas")
    export.add_argument("--column", default="Grade", help="its column of points (Grade, as in Moodle)")
    chosen = parser.parse_args(arguments)
    sys.stdout.reconfigure(errors="replace")  # a console may lack the letters of a name
    try:
        if chosen.command == "release":
            print(f"Give out what is in {write_class(chosen.folder, chosen.weeks)}.")
        elif chosen.command == "autograde":
            _autograde(chosen)
        elif chosen.into:
            print(grades.fill_in(chosen.folder, chosen.assignment, chosen.into, chosen.column))
        else:
            print(grades.export(chosen.folder, chosen.assignment))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _autograde(chosen: argparse.Namespace) -> None:
    if not chosen.unconfined and (reason := why_not_confined()):
        raise ValueError(
            f"Expected to confine what learners hand in; this machine cannot: {reason}. Use another machine, or say "
            "--unconfined: then a notebook can read, change and send whatever you can."
        )
    from helpers.data import DATASETS, dataset_root  # noqa: PLC0415 - imports PyTorch, which only this command needs

    for name in DATASETS:
        dataset_root(name, "drawn")  # a confined notebook cannot unpack it
    graded = grades.autograde(chosen.folder, chosen.assignment, again=chosen.again, confined=not chosen.unconfined)
    for learner, standing in graded:
        print(f"{learner:<24} {standing.state} {standing.reason}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
