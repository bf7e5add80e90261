"""The table of a class: as CSV for a spreadsheet, and as one page that needs nothing beside it."""

from __future__ import annotations

import csv
import io
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from tools.results.course import Asked, Lesson, lessons
from tools.results.marking import STATES, Answer, Row
from tools.results.submissions import clean

SYMBOLS = {"solved": "✓", "attempted": "✗", "not attempted": "○"}
MOST_HINTS = 3
SHOWN_OPEN = 40  # learners; a longer list starts folded


@dataclass(frozen=True)
class Facts:
    """How the table came about."""

    confinement: list[tuple[str, bool, str]]
    why_open: str
    seconds: float
    quick: bool
    interrupted: bool


@dataclass(frozen=True)
class Standing:
    """One exercise over the class: how many learners stand where, and what those who have not solved it were told."""

    asked: Asked
    counts: dict[str, int]
    hints: list[tuple[str, int]]

    @property
    def learners(self) -> int:
        """How many handed in the notebook of this exercise."""
        return sum(self.counts.values())

    def share(self, state: str) -> float:
        """The part of the learners that stand so, in percent."""
        return 100 * self.counts[state] / max(self.learners, 1)


@dataclass(frozen=True)
class Chapter:
    """One notebook over the class."""

    lesson: Lesson
    standings: list[Standing]
    rows: list[Row]
    medians: dict[str, float]


def write(rows: list[Row], facts: Facts, folder: Path) -> Path:
    """Write results.csv and index.html, both or none, and return the page.

    Raises:
        OSError: one of them cannot be written; the older ones are still there.
    """
    _compare(rows)
    texts = {"results.csv": _table(rows), "index.html": _page(rows, facts)}
    folder.mkdir(parents=True, exist_ok=True)
    parts = {name: folder / f".{name}.part" for name in texts}
    before = {name: (folder / name).read_bytes() if (folder / name).exists() else None for name in texts}
    try:
        for name, text in texts.items():
            # Spreadsheets take UTF-8 for what it is only if the file says so.
            encoding = "utf-8-sig" if name.endswith(".csv") else "utf-8"
            parts[name].write_text(text, encoding=encoding, errors="replace", newline="")
        replaced = []
        try:
            for name, part in parts.items():
                part.replace(folder / name)
                replaced.append(name)
        except OSError:
            for name in replaced:
                if before[name] is None:
                    (folder / name).unlink()
                else:
                    (folder / name).write_bytes(before[name])
            raise
    except OSError as error:
        remedy = "Close the program that shows it (a spreadsheet, say), or name another folder: --out FOLDER."
        raise OSError(f"Cannot write the table to {folder}: {error.strerror or error}. {remedy}") from error
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return folder / "index.html"


def _compare(rows: list[Row]) -> None:
    """Note the files that belong together: two of one learner for one notebook, and the same file from two learners."""
    for row in rows:
        if not row.notebook:
            continue
        others = [other for other in rows if other is not row and other.notebook == row.notebook]
        own = [other.file for other in others if other.learner == row.learner]
        same = [other.learner for other in others if other.digest == row.digest and other.learner != row.learner]
        if own:
            row.notes.append(f"also handed in as {', '.join(own[:3])}; the best answers count")
        if same and row.count("not attempted") < len(row.answers):
            row.notes.append(f"the same file as {', '.join(sorted(set(same))[:3])}")


# CSV


def _table(rows: list[Row]) -> str:
    handed = {row.notebook for row in rows}
    asked = [one for lesson in lessons() if lesson.stem in handed for one in lesson.asked]
    head = ["learner", "file", "notebook", "state", *STATES, "errors", "seconds"]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow([*head, *(f"{one.number} {one.title}" for one in asked), "errors in full", "notes"])
    for row in rows:
        states = [row.answers[one.number].state if one.number in row.answers else "" for one in asked]
        counts = [row.count(state) if row.answers else "" for state in STATES]
        seconds = f"{row.seconds:.1f}" if row.notebook else ""
        texts = (row.learner, row.file, row.notebook, row.fault or "ran")
        long = ("; ".join(row.errors), "; ".join(row.notes))
        table.writerow([*map(_plain, texts), *counts, len(row.errors), seconds, *states, *map(_plain, long)])
    return text.getvalue()


def _plain(text: str) -> str:
    """A text that a spreadsheet takes for a text: one that begins like a formula gets an apostrophe before it."""
    text = clean(text, 2000)
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@", "|", "%") else text


# The page


def _page(rows: list[Row], facts: Facts) -> str:
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    pages.filters["code"] = _with_code
    handed = [row for row in rows if row.notebook]
    chapters = [
        _chapter(lesson, [row for row in handed if row.notebook == lesson.stem])
        for lesson in lessons()
        if any(row.notebook == lesson.stem for row in handed)
    ]
    standings = [one for chapter in chapters for one in chapter.standings]
    stuck = sorted((one for one in standings if one.counts["attempted"]), key=_urgency)
    return pages.get_template("page.html.j2").render(
        chapters=chapters,
        discuss=stuck[:3],
        learners=_learners(chapters),
        refused=[row for row in rows if not row.notebook],
        rows=rows,
        solved=sum(standing.counts["solved"] for standing in standings),
        handed=handed,
        facts=facts,
        symbols=SYMBOLS,
        states=STATES,
        shown_open=SHOWN_OPEN,
        date=time.strftime("%d %B %Y, %H:%M"),
        not_run=[row for row in rows if "was not run" in row.fault],
    )


def _with_code(text: str) -> Markup:
    """A sentence with its `code` set as code; everything in it is escaped first."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _urgency(one: Standing) -> tuple[float, float, str]:
    return -one.share("attempted"), one.share("solved"), one.asked.number


def _chapter(lesson: Lesson, rows: list[Row]) -> Chapter:
    rows = sorted(rows, key=lambda row: (row.learner.casefold(), row.file))
    best = _best(rows)
    standings = []
    for one in lesson.asked:
        answers = [found[one.number] for found in best.values() if one.number in found]
        counts = Counter(answer.state for answer in answers)
        hints = Counter(answer.sentence for answer in answers if answer.state == "attempted" and answer.sentence)
        standings.append(Standing(one, {state: counts[state] for state in STATES}, hints.most_common(MOST_HINTS)))
    seconds = sorted(row.seconds for row in rows)
    return Chapter(lesson, standings, rows, {"seconds": seconds[len(seconds) // 2]})


def _best(rows: list[Row]) -> dict[str, dict[str, Answer]]:
    """Of each learner, the best answer to each exercise, in whichever file it stands."""
    best: dict[str, dict[str, Answer]] = {}
    for row in rows:
        own = best.setdefault(row.learner, {})
        for number, answer in row.answers.items():
            if number not in own or STATES.index(answer.state) < STATES.index(own[number].state):
                own[number] = answer
    return best


def _learners(chapters: list[Chapter]) -> list[tuple[str, list[tuple[int, int] | None]]]:
    """Each learner with the solved and all exercises of each notebook; None where it was not handed in."""
    best = [_best(chapter.rows) for chapter in chapters]
    names = sorted({name for found in best for name in found}, key=str.casefold)
    return [
        (
            name,
            [
                (sum(answer.state == "solved" for answer in found[name].values()), len(found[name]))
                if name in found
                else None
                for found in best
            ],
        )
        for name in names
    ]
