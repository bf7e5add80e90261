"""From what was handed in to a table of grades: nbgrader's autograde for each learner, and the export."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import MissingEntry

from tools.classroom.assignments import gradebook
from tools.classroom.collect import NOT_HANDED_IN
from tools.classroom.confine import MOST_MEMORY, STOPPED, UNCONFINED
from tools.classroom.normalise import Normalised, RefusedError, normalise

SECONDS = 900  # for one notebook as a whole
NORMALISED = "normalised"


@dataclass
class Standing:
    """What became of one learner's submission; `state` is graded, refused, stopped, missing, or not on the roster."""

    state: str
    reason: str = ""
    file: str = ""
    digest: str = ""
    late: bool = False
    notes: list[str] = field(default_factory=list)


def autograde(
    folder: Path, assignment: str, *, again: list[str] | None = None, confined: bool = True
) -> Iterator[tuple[str, Standing]]:
    """Grade what is new or changed, one process for each learner; yield each learner's id and what became of it.

    `again` has the ids of those to grade in any case; an empty list is everybody.
    """
    standings = _standings(folder, assignment)
    release = _notebook(folder, "release", assignment)
    source = nbformat.writes(_notebook(folder, "source", assignment))
    with gradebook(folder) as known:
        roster = {student.id for student in known.students}
    for place in sorted((folder / "submitted").glob(f"*/{assignment}")):
        learner = place.parent.name
        if learner in roster:
            standing, notebook = _chosen(place, release)
            standing.digest = hashlib.sha256(f"{source}{notebook}".encode()).hexdigest()
            asked = again is not None and (not again or learner in again)
            if notebook and not asked and learner in standings and standings[learner].digest == standing.digest:
                continue
            if notebook:
                _run_nbgrader(folder, assignment, learner, notebook, standing, confined=confined)
        else:
            reason = f"add this id to the roster, or move the files to submitted/ID/{assignment} of somebody on it"
            standing = Standing("not on the roster", reason, ", ".join(map(str, _handed_in(place))))
        standings[learner] = standing
        text = json.dumps({name: asdict(one) for name, one in standings.items()}, indent=1, ensure_ascii=False)
        (folder / f"{assignment}.json").write_text(text, encoding="utf-8")
        yield learner, standing


def _standings(folder: Path, assignment: str) -> dict[str, Standing]:
    path = folder / f"{assignment}.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {learner: Standing(**one) for learner, one in known.items()}


def _notebook(folder: Path, step: str, assignment: str, learner: str = ".") -> NotebookNode:
    return nbformat.read(folder / step / learner / assignment / f"{assignment}.ipynb", as_version=4)


def _handed_in(place: Path) -> list[Path]:
    """The files below a learner's folder, without what programs leave there."""
    names = (path.relative_to(place) for path in sorted(place.rglob("*")) if path.is_file() and not path.is_symlink())
    return [name for name in names if not NOT_HANDED_IN.search(name.as_posix()) and name.name != "timestamp.txt"]


def _chosen(place: Path, release: NotebookNode) -> tuple[Standing, str]:
    """Of all files that somebody handed in, the notebook with most answers, as JSON; empty where there is none."""
    found: list[tuple[Normalised, str]] = []
    notes = []
    for name in _handed_in(place):
        try:
            found.append((normalise(place / name, release), str(name)))
        except RefusedError as error:
            notes.append(f"{name} {error}")
    late = (place / "late").exists()
    if not found:
        return Standing("refused", "; ".join(notes) or "no file was handed in", late=late), ""
    best, name = max(found, key=lambda pair: (pair[0].answered, pair[1]))
    notes += best.notes + [f"also handed in: {other}" for _, other in found if other != name]
    if not best.answered:
        notes.append("no exercise is answered")
    return Standing("graded", file=name, late=late, notes=notes), nbformat.writes(best.notebook)


def _run_nbgrader(
    folder: Path, assignment: str, learner: str, notebook: str, standing: Standing, *, confined: bool
) -> None:
    """Run nbgrader's autograde for one learner, in a process of its own; `standing` is told what goes wrong."""
    place = folder / NORMALISED / learner / assignment
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{assignment}.ipynb").write_text(notebook, encoding="utf-8")
    timestamp = folder / "submitted" / learner / assignment / "timestamp.txt"
    if timestamp.exists():
        shutil.copyfile(timestamp, place / "timestamp.txt")
    command = [sys.executable, "-m", "nbgrader", "autograde", assignment, f"--student={learner}", "--force"]
    command.append(f"--CourseDirectory.submitted_directory={NORMALISED}")
    if confined:  # what a notebook prints is held in nbgrader's memory
        command = ["prlimit", f"--data={MOST_MEMORY}", "--", *command]
    environment = {**os.environ, UNCONFINED: "" if confined else "yes"}
    try:
        run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        standing.state, standing.reason = "stopped", f"it ran for more than {SECONDS} seconds"
        return
    if run.returncode:
        log = run.stderr.decode("utf-8", "replace")
        told = re.findall(rf"{STOPPED}(.+)|^[\w. ]*?(\w+Error: .+)$", log, re.MULTILINE)
        reasons = [stopped or error for stopped, error in told]
        standing.state = "stopped"
        standing.reason = next(iter(reasons), log[-200:]).replace("DeadKernelError: Kernel died", "it ended its kernel")


def export(folder: Path, assignment: str) -> Path:
    """Write `grades/ASSIGNMENT.csv`: a row for everybody on the roster, and for whatever belongs to nobody on it."""
    marked = [cell.metadata.get("nbgrader", {}) for cell in _notebook(folder, "release", assignment).cells]
    tests = [marks for marks in marked if marks.get("grade")]
    exercises = {test.grade_id: f"{int(assignment[:2])}.{place}" for place, test in enumerate(tests, start=1)}
    standings = _standings(folder, assignment)
    rows = []
    with gradebook(folder) as known:
        for student in known.students:
            standing = standings.pop(student.id, Standing("missing", "nothing was handed in"))
            row = {name: getattr(student, name) for name in ("id", "last_name", "first_name", "email", "lms_user_id")}
            row |= _row(standing) | {"of": sum(test.points for test in tests)}
            if standing.state == "graded":
                try:
                    submission = known.find_submission(assignment, student.id)
                except MissingEntry:
                    raise ValueError(
                        f"Expected grades of {student.id}; there are none. Run autograde --again."
                    ) from None
                row["late"] = standing.late or submission.total_seconds_late > 0
                scores = {grade.name: grade.score for notebook in submission.notebooks for grade in notebook.grades}
                row |= {number: scores[name] for name, number in exercises.items()} | {"points": submission.score}
                autograded = _notebook(folder, "autograded", assignment, student.id)
                row["reason"] = "; ".join(filter(None, [row["reason"], *_failures(autograded, exercises)]))
            rows.append(row)
    rows += [{"id": learner, **_row(standing)} for learner, standing in standings.items()]
    people = ["id", "last_name", "first_name", "email", "lms_user_id"]
    header = [*people, "state", *exercises.values(), "points", "of", "late", "file", "reason"]
    return write_table(folder / "grades" / f"{assignment}.csv", rows, header)


def _row(standing: Standing) -> dict[str, object]:
    reason = "; ".join(filter(None, [standing.reason, *standing.notes]))
    return {"state": standing.state, "late": standing.late, "file": standing.file, "reason": reason}


def _failures(notebook: NotebookNode, exercises: dict[str, str]) -> Iterator[str]:
    """What each test that failed said, in a line."""
    for cell in notebook.cells:
        number = exercises.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        for output in cell.get("outputs", []) if number else []:
            if output.output_type == "error":
                text = " ".join(output.evalue.split())[:200]
                yield text if output.ename == "AssertionError" else f"{number}: {output.ename}: {text}"


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, whatever its separator."""
    text = path.read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), dialect=csv.Sniffer().sniff(text.partition("\n")[0], ",;\t")))


def write_table(path: Path, rows: list[dict[str, object]], header: list[str]) -> Path:
    """Write a CSV file in which no text is taken for a formula by a spreadsheet."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        table = csv.DictWriter(stream, header)
        table.writeheader()
        for row in rows:
            texts = {name: "" if value is None else str(value) for name, value in row.items()}
            table.writerow({name: f"'{text}" if text[:1] in set("=+-@") else text for name, text in texts.items()})
    return path


def fill_in(folder: Path, assignment: str, form: Path, column: str) -> Path:
    """Write the points into a copy of a platform's own CSV, Moodle's worksheet or Canvas's gradebook, to upload.

    Raises:
        ValueError: the file has no such column, or none of ids.
    """
    rows = read_table(form)
    identifier = next((name for name in ("Identifier", "ID") if rows and name in rows[0]), None)
    if identifier is None or column not in rows[0]:
        raise ValueError(
            f"Expected {form} to have a column Identifier (Moodle) or ID (Canvas), and one named {column!r}."
        )
    points = {row["id"]: row["points"] for row in read_table(export(folder, assignment)) if row["state"] == "graded"}
    for row in rows:
        row[column] = points.get(row[identifier].removeprefix("Participant "), row[column])
    return write_table(folder / "grades" / f"{assignment}-{form.name}", rows, list(rows[0]))
