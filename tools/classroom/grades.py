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
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.classroom.assignments import gradebook
from tools.classroom.collect import LATE, NOT_HANDED_IN
from tools.classroom.confine import MOST_MEMORY, STOPPED, UNCONFINED
from tools.classroom.normalise import Normalised, RefusedError, normalise

SECONDS = 900  # for one notebook as a whole
NORMALISED = "normalised"
EXCHANGE = ("timestamp.txt", "submission_secret.txt")  # beside what somebody has handed in through nbgrader's exchange
PEOPLE = ("id", "last_name", "first_name", "email", "lms_user_id")


@dataclass
class Standing:
    """What became of one learner's submission; `state` is graded, refused, stopped, missing, or not on the roster."""

    state: str
    reason: str = ""
    file: str = ""
    digest: str = ""


def autograde(
    folder: Path, assignment: str, *, again: list[str] | None = None, confined: bool = True
) -> Iterator[tuple[str, Standing]]:
    """Grade what is new or changed, one process for each learner; yield each learner's id and what became of it.

    `again` has the ids of those to grade in any case; an empty list is everybody.
    """
    standings = read_standings(folder, assignment)
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
            if notebook and (stopped := _run_nbgrader(folder, assignment, learner, notebook, confined=confined)):
                standing.state, standing.reason = "stopped", stopped
        else:
            reason = f"add this id to the roster, or move the files to submitted/ID/{assignment} of somebody on it"
            standing = Standing("not on the roster", reason, ", ".join(map(str, _handed_in(place))))
        standings[learner] = standing
        text = json.dumps({name: asdict(one) for name, one in standings.items()}, indent=1, ensure_ascii=False)
        (folder / f"{assignment}.json").write_text(text, encoding="utf-8")
        yield learner, standing


def read_standings(folder: Path, assignment: str) -> dict[str, Standing]:
    """What became of each submission so far, by the learner's id."""
    path = folder / f"{assignment}.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {learner: Standing(**one) for learner, one in known.items()}


def _notebook(folder: Path, step: str, assignment: str, learner: str = ".") -> NotebookNode:
    return nbformat.read(folder / step / learner / assignment / f"{assignment}.ipynb", as_version=4)


def _handed_in(place: Path) -> list[Path]:
    """The files below a learner's folder, without what programs leave there."""
    names = (path.relative_to(place) for path in sorted(place.rglob("*")) if path.is_file() and not path.is_symlink())
    return [name for name in names if not NOT_HANDED_IN.search(name.as_posix()) and name.name not in EXCHANGE]


def _chosen(place: Path, release: NotebookNode) -> tuple[Standing, str]:
    """Of all files that somebody handed in, the notebook with most answers, as JSON; empty where there is none."""
    found: list[tuple[Normalised, str]] = []
    notes = []
    for name in _handed_in(place):
        try:
            found.append((normalise(place / name, release), str(name)))
        except RefusedError as error:
            notes.append(f"{name.name} {error}")
    if not found:
        return Standing("refused", "; ".join(notes) or "no file was handed in"), ""
    best, chosen = max(found, key=lambda pair: (pair[0].answered, pair[1]))
    notes += best.notes + [f"also handed in: {name}" for _, name in found if name != chosen]
    if not best.answered:
        notes.append("no exercise is answered")
    return Standing("graded", "; ".join(notes), chosen), nbformat.writes(best.notebook)


def _run_nbgrader(folder: Path, assignment: str, learner: str, notebook: str, *, confined: bool) -> str:
    """Run nbgrader's autograde for one learner, in a process of its own, and return what stopped it, if anything."""
    place = folder / NORMALISED / learner / assignment
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{assignment}.ipynb").write_text(notebook, encoding="utf-8")
    for name in EXCHANGE:
        if (path := folder / "submitted" / learner / assignment / name).exists():
            shutil.copyfile(path, place / name)
    command = [sys.executable, "-m", "nbgrader", "autograde", assignment, f"--student={learner}", "--force"]
    command.append(f"--CourseDirectory.submitted_directory={NORMALISED}")
    if confined:  # what a notebook prints is held in nbgrader's memory
        command = ["prlimit", f"--data={MOST_MEMORY}", "--", *command]
    environment = {**os.environ, UNCONFINED: "" if confined else "yes"}
    try:
        run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"it ran for more than {SECONDS} seconds"
    if run.returncode == 0:
        cells = _notebook(folder, "autograded", assignment, learner).cells
        errors = [output.get("ename") for cell in cells for output in cell.get("outputs", [])]
        # What is printed faster than it is read fills the kernel's memory, and fails the answers below it.
        return "what it printed filled its memory" if errors.count("MemoryError") > 3 else ""
    log = run.stderr.decode("utf-8", "replace")
    told = re.findall(rf"{STOPPED}(.+)|^[\w. ]*?(\w+Error: .+)$", log, re.MULTILINE)
    reason = next((stopped or error for stopped, error in told), log[-200:] or "nbgrader ended without a word")
    return reason.replace("DeadKernelError: Kernel died", "it ended its kernel")


def export(folder: Path, assignment: str) -> Path:
    """Write `grades/ASSIGNMENT.csv`: a row for everybody on the roster, and for whatever belongs to nobody on it."""
    marked = [cell.metadata.get("nbgrader", {}) for cell in _notebook(folder, "release", assignment).cells]
    tests = [marks for marks in marked if marks.get("grade")]
    exercises = {test.grade_id: f"{int(assignment[:2])}.{place}" for place, test in enumerate(tests, start=1)}
    standings = read_standings(folder, assignment)
    rows = []
    with gradebook(folder) as known:
        for student in sorted(known.students, key=lambda one: (one.last_name or "", one.first_name or "", one.id)):
            standing = standings.pop(student.id, Standing("missing", "nothing was handed in"))
            row = {name: getattr(student, name) for name in PEOPLE} | vars(standing)
            row |= {"of": sum(test.points for test in tests)}
            row["late"] = (folder / "submitted" / student.id / assignment / LATE).exists()
            if standing.state == "graded":
                submission = known.find_submission(assignment, student.id)
                scores = {grade.name: grade.score for notebook in submission.notebooks for grade in notebook.grades}
                row |= {number: scores[name] for name, number in exercises.items()} | {"points": submission.score}
                row["late"] |= submission.total_seconds_late > 0
                failures = _failures(_notebook(folder, "autograded", assignment, student.id), exercises)
                row["reason"] = "; ".join(filter(None, [standing.reason, *failures]))
            rows.append(row)
    rows += [{"id": learner} | vars(standing) for learner, standing in standings.items()]
    header = [*PEOPLE, "state", *exercises.values(), "points", "of", "late", "file", "reason"]
    return write_table(folder / "grades" / f"{assignment}.csv", rows, header)


def _failures(notebook: NotebookNode, exercises: dict[str, str]) -> Iterator[str]:
    """What each test that failed said: the check's sentences, or the error, that of the answer itself if it has one."""
    raised = ""
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
        if marks.get("solution"):
            raised = f"{errors[0].ename}: {errors[0].evalue}" if errors else ""
        for output in errors if marks.get("grade_id") in exercises else []:
            text = output.evalue.partition("\n")[2] or raised or f"{output.ename}: {output.evalue}"
            text = "not attempted" if output.evalue.startswith("○") else " ".join(text.split())[:200]
            yield f"{exercises[marks.grade_id]}: {text}"


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, whatever its separator."""
    text = path.read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), dialect=csv.Sniffer().sniff(text.partition("\n")[0], ",;\t")))


def write_table(path: Path, rows: list[dict[str, object]], header: list[str]) -> Path:
    """Write these columns of the rows as a CSV file in which a spreadsheet takes no text for a formula."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        table = csv.DictWriter(stream, header, extrasaction="ignore")
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
