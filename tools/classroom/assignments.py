"""Writes nbgrader's course directory: its settings, and an assignment for each notebook of the course."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config.loader import PyFileConfigLoader

from tools import ROOT
from tools.exercises import Place, places
from tools.handout import chosen
from tools.notebooks import without_solutions

CLASS = ROOT / "build" / "class"
SETTINGS = "nbgrader_config.py"

# Runs in the learner's kernel, where `check` and the modules behind it may have been replaced: it reads them from disk.
TEST = """# {points}. The check of exercise {number} runs here when your notebook is graded. Leave this cell as it is.
### BEGIN HIDDEN TESTS
import sys

for name in [name for name in sys.modules if name.split(".")[0] == "helpers"]:
    del sys.modules[name]
sys.path.insert(0, {course!r})
from helpers.checks import {module} as fresh_checks

verdict = fresh_checks.{call}
assert verdict.passed, verdict
### END HIDDEN TESTS"""


def write_class(folder: Path, weeks: list[int]) -> Path:
    """Write settings, `source/` and `release/` of these notebooks, or of all; settings that are there stay.

    Raises:
        ValueError: there is no such notebook.
    """
    notebooks = chosen(weeks)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / SETTINGS).exists():
        text = Path(__file__).with_name(SETTINGS).read_text(encoding="utf-8").replace("@COURSE@", ROOT.as_posix())
        (folder / SETTINGS).write_text(text, encoding="utf-8")
    course = course_directory(folder)
    for path in notebooks:
        target = folder / "source" / path.stem / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(assignment(path), target)
        course.assignment_id = path.stem
        GenerateAssignment(coursedir=course, config=course.config, force=True).start()
    return folder / "release"


def course_directory(folder: Path) -> CourseDirectory:
    """The class as nbgrader sees it, with its settings."""
    programs = str(Path(sys.executable).parent)  # nbgrader calls `alembic` by its name
    os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    settings = PyFileConfigLoader(SETTINGS, str(folder)).load_config()
    settings.CourseDirectory.root = str(folder.resolve())
    return CourseDirectory(config=settings)


def gradebook(folder: Path) -> Gradebook:
    """The class's gradebook, to be used as a context."""
    course = course_directory(folder)
    return Gradebook(course.db_url, course.course_id)


def assignment(path: Path) -> NotebookNode:
    """The instructor's version: each exercise's solution between nbgrader's marks, and below it a locked test."""
    notebook = without_solutions(nbformat.read(path, as_version=4))
    exercises = {place.cell.id: place for place in places(path)}
    cells, notebook.cells = notebook.cells, []
    for cell in cells:
        notebook.cells.append(cell)
        if place := exercises.get(cell.id):
            above, gap, call = _parted(cell.source)
            solution, *_ = _parted(place.solution.source.removeprefix("# Solution\n"))
            # nbgrader puts an empty line in the place of the solution
            cell.source = f"{above}\n### BEGIN SOLUTION\n{solution}\n### END SOLUTION{gap[1:] or gap}{call}"
            cell.metadata.nbgrader = _marks(cell.id, solution=True)
            notebook.cells.append(_test(place, call.removeprefix("check.")))
    return notebook


def _parted(source: str) -> tuple[str, str, str]:
    """A cell above its last statement, which calls the check; the line ends between them; and that statement."""
    lines = source.splitlines(keepends=True)
    last = ast.parse(source).body[-1].lineno - 1
    above = "".join(lines[:last])
    return above.rstrip(), above[len(above.rstrip()) :], "".join(lines[last:])


def _test(place: Place, call: str) -> NotebookNode:
    exercise = place.exercise
    points = "1 point" if exercise.difficulty == 1 else f"{exercise.difficulty} points"
    module = exercise.judge.__module__.rpartition(".")[2]
    source = TEST.format(points=points, number=exercise.number, course=ROOT.as_posix(), module=module, call=call)
    cell = nbformat.v4.new_code_cell(source)
    cell.id = place.cell.id.replace("-exercise", "-test")
    cell.metadata.nbgrader = _marks(cell.id, solution=False) | {"points": exercise.difficulty}
    return cell


def _marks(grade_id: str, *, solution: bool) -> NotebookNode:
    """What nbgrader knows a cell by: one to answer in, or one that gives points and is locked."""
    marks = {"grade_id": grade_id, "cell_type": "code", "task": False, "schema_version": 3}
    return NotebookNode(marks | {"solution": solution, "grade": not solution, "locked": not solution})
