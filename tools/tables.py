"""Write every table and line that repeats a fact: `python -m tools.tables`. A test compares them with the facts.

The facts: a notebook's title, minutes and goal are in its metadata (`course`), an exercise's in its check
(`helpers/checks/`), the minutes of sections and the plans of lessons in `docs/plans.yml`. What is written: the tables
in README.md and docs/teaching.md between `<!-- generated: NAME -->` and `<!-- end -->`; in the notebooks the line that
starts with `**Time:**`, and the number, title and minutes of each exercise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode

from helpers.checks.core import Exercise
from tools import NOTEBOOKS, ROOT
from tools.exercises import places
from tools.notebooks import normal

README, GUIDE, PLANS = ROOT / "README.md", ROOT / "docs" / "teaching.md", ROOT / "docs" / "plans.yml"
OPTIONAL = "Optional: "  # begins the heading of a section that the minutes of its notebook leave out
SPARE = 10  # minutes that a row of a plan may have for questions, beyond its sections and exercises


@dataclass(frozen=True)
class Lesson:
    """A notebook with its exercises by the name of their check, and its section headings by the id of their cell."""

    path: Path
    notebook: NotebookNode
    exercises: dict[str, Exercise]
    headings: dict[str, str]
    plan: dict[str, Any]  # the notebook's part of docs/plans.yml

    @property
    def exercise_minutes(self) -> int:
        """The minutes of all exercises."""
        return sum(exercise.minutes for exercise in self.exercises.values())

    def section_minutes(self, *, optional: bool) -> int:
        """The minutes of the optional sections, or of the others."""
        return sum(
            section["minutes"]
            for name, section in self.plan["sections"].items()
            if self.headings[name].startswith(OPTIONAL) == optional
        )

    @property
    def time(self) -> str:
        """How long the notebook takes, in words."""
        text = f"about {self.notebook.metadata.course.minutes} minutes, plus {self.exercise_minutes} for the exercises"
        optional = self.section_minutes(optional=True)
        return f"{text} and {optional} for the optional sections" if optional else text


def lessons(planned: dict[int, Any]) -> dict[int, Lesson]:
    """Read the notebooks, by their number, and compare them with what docs/plans.yml says about each.

    Raises:
        ValueError: the sections or exercises differ, or the minutes of the sections, without the optional ones,
            do not add up to the notebook's.
    """
    course = {}
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        headings = {
            cell.id: line.removeprefix("## ")
            for cell in notebook.cells
            if cell.cell_type == "markdown" and cell.id != "your-progress"
            for line in cell.source.splitlines()
            if line.startswith("## ")
        }
        exercises = {place.exercise.name: place.exercise for place in places(path)}
        plan = planned[int(path.stem[:2])]
        if list(plan["sections"]) != list(headings) or not exercises.keys() >= set(plan["room"]):
            raise ValueError(
                f"Expected the plan of {path.name} in docs/plans.yml to have the sections {', '.join(headings)}, and "
                f"in the room some of the exercises {', '.join(exercises)}. Correct either."
            )
        lesson = Lesson(path, notebook, exercises, headings, plan)
        total = lesson.section_minutes(optional=False)
        if total != notebook.metadata.course.minutes:
            raise ValueError(
                f"Expected the sections of {path.name} to take {notebook.metadata.course.minutes} minutes in all, as "
                f"its metadata say; in docs/plans.yml they take {total}. Change either."
            )
        course[int(path.stem[:2])] = lesson
    return course


def _table(head: str, rows: Iterable[Iterable[Any]]) -> str:
    lines = [head, "|---" * (head.count("|") - 1) + "|", *(f"| {' | '.join(map(str, row))} |" for row in rows)]
    return "\n".join(lines)


def notebook_table(course: dict[int, Lesson]) -> str:
    """Return the table of notebooks in README."""
    rows = []
    for number, lesson in course.items():
        about = lesson.notebook.metadata.course
        exercises = f"{len(lesson.exercises)}, {lesson.exercise_minutes} minutes"
        link = f"[{about.title}](notebooks/{lesson.path.name})"
        rows.append((number, link, about.able_to, about.minutes, exercises))
    return _table("| # | notebook | you will be able to | minutes | exercises |", rows)


def lesson_tables(lesson: Lesson) -> str:
    """Return what docs/teaching.md has about a notebook: its sections, its exercises, and what to ask."""
    sections = [
        (lesson.headings[name], planned["minutes"], planned["show"])
        for name, planned in lesson.plan["sections"].items()
    ]
    exercises = []
    for name, each in lesson.exercises.items():
        where = "room" if name in lesson.plan["room"] else "home"
        exercises.append((each.number, each.title, each.goal, each.minutes, each.difficulty, where))
    questions = [
        (f"`{cell}`: {question['ask']}", question["expect"], question["heard"])
        for cell, question in lesson.plan.get("questions", {}).items()
    ]
    return "\n\n".join(
        (
            f"[The notebook](../notebooks/{lesson.path.name}) takes {lesson.time}.",
            _table("| section | minutes | show live |", sections),
            _table("| exercise | title | you can | minutes | difficulty | where |", exercises),
            _table("| ask | expect | often heard instead |", questions),
        )
    )


def plan_table(name: str, plan: dict[str, Any], course: dict[int, Lesson]) -> str:
    """Return the table of a plan.

    Raises:
        ValueError: the minutes of a row do not fit what it holds, or the rows do not add up to the sessions.
    """
    rows, clock, sessions = [], 0, 0
    for row in plan["rows"]:
        if "start" in row:
            hours, minutes = row["start"].split(":")
            clock = 60 * int(hours) + int(minutes)
        sessions += "start" in row or "week" in row
        begin, clock = clock, clock + row["minutes"]
        when = f"week {row['week']}" if "week" in row else f"{begin // 60:02}:{begin % 60:02}"
        contents = ("break", "", "")
        if "notebook" in row:
            lesson = course[row["notebook"]]
            besides, exercises = row.get("besides", {}), [lesson.exercises[each] for each in row.get("exercises", [])]
            needed = sum(lesson.plan["sections"][each]["minutes"] for each in row["sections"])
            needed += sum(exercise.minutes for exercise in exercises) + sum(besides.values())
            if not 0 <= row["minutes"] - needed <= SPARE:
                raise ValueError(
                    f"Expected {needed} to {needed + SPARE} minutes for {when} of the plan {name!r} in docs/plans.yml, "
                    f"which is what it holds and {SPARE} for questions; received {row['minutes']}. Move something."
                )
            more = [exercise.number for exercise in exercises]
            more += [f"{what} ({minutes} minutes)" for what, minutes in besides.items()]
            sections = "; ".join(lesson.headings[each] for each in row["sections"])
            contents = (row["notebook"], sections, ", ".join(more))
        rows.append((when, row["minutes"], *contents))
    total = sum(row["minutes"] for row in plan["rows"])
    if total != sessions * plan["minutes"]:
        raise ValueError(
            f"Expected {sessions} times {plan['minutes']} minutes in the plan {name!r} in docs/plans.yml; its rows "
            f"have {total} minutes. Lengthen or shorten a break."
        )
    return _table("| when | minutes | notebook | sections | exercises and more |", rows)


def fill(text: str, tables: dict[str, str]) -> str:
    """Put each table between its markers.

    Raises:
        ValueError: the text lacks a marker.
    """
    for name, table in tables.items():
        begin, end = f"<!-- generated: {name} -->", "<!-- end -->"
        before, _, rest = text.partition(begin)
        if end not in rest:
            raise ValueError(f"Expected {begin} and, after it, {end}; found only one or none. Add the other.")
        text = f"{before}{begin}\n\n{table}\n\n{end}{rest.partition(end)[2]}"
    return text


def fill_notebook(lesson: Lesson) -> str:
    """Return the text of the notebook with its time, and with the number, title and minutes of each exercise."""
    notebook = nbformat.from_dict(lesson.notebook)
    lines = {notebook.cells[0].id: {"**Time:**": f"**Time:** {lesson.time}."}}
    for name, exercise in lesson.exercises.items():
        heading, about = exercise.lines
        lines[f"{name.replace('_', '-')}-task"] = {"#### ": heading, "*About ": about}
    for cell in notebook.cells:
        for beginning, line in lines.get(cell.id, {}).items():
            old = next((old for old in cell.source.splitlines() if old.startswith(beginning)), None)
            if old is None:
                raise ValueError(
                    f"Expected a line that starts with {beginning!r} in cell {cell.id} of {lesson.path.name}."
                )
            cell.source = cell.source.replace(old, line, 1)
    return normal(notebook)


def generated() -> dict[Path, str]:
    """Return each file that repeats a fact, with the text that it should have."""
    plans = yaml.safe_load(PLANS.read_text(encoding="utf-8"))
    course = lessons(plans["notebooks"])
    guide = {f"notebook {number}": lesson_tables(lesson) for number, lesson in course.items()}
    guide |= {name: plan_table(name, plan, course) for name, plan in plans["plans"].items()}
    return {
        README: fill(README.read_text(encoding="utf-8"), {"notebooks": notebook_table(course)}),
        GUIDE: fill(GUIDE.read_text(encoding="utf-8"), guide),
        **{lesson.path: fill_notebook(lesson) for lesson in course.values()},
    }


def main() -> None:
    """Write what differs and name it."""
    for path, text in generated().items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"{path.relative_to(ROOT)} is written.")


if __name__ == "__main__":
    main()
