"""One file that was handed in, from its bytes to its row of the table."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from tools.results.confine import Cage
from tools.results.course import Asked
from tools.results.submissions import Handed, Notebook, Refused, clean, notebook_of

STATES = ("solved", "attempted", "not attempted")
START = 60.0  # seconds for a kernel to start, on a busy machine
# What ended a job, as a sentence goes on.
ENDED = {
    "time": "was stopped: it took longer than {seconds:.0f} seconds",
    "memory": "was stopped: it took more than {memory:,} MB of memory",
    "processes": "was stopped: it started more than {processes} programs",
    "files": "was stopped: it filled the disk",
    "ended": "ended the program that ran it",
    "interrupted": "was interrupted",
}


@dataclass(frozen=True)
class Times:
    """How long a notebook, one of its cells, and an answer with the cells that it needs may take."""

    notebook: float = 180.0
    cell: float = 60.0
    answer: float = 30.0

    @property
    def silence(self) -> float:
        """How long the judge may need for one answer: its cell, what it needs, its check, and a busy machine."""
        return 2 * self.answer + START


@dataclass(frozen=True)
class Answer:
    """How one exercise stands, and the sentence that says what to look at."""

    state: str
    sentence: str = ""


@dataclass
class Row:
    """What is known of one file."""

    learner: str
    file: str
    notebook: str = ""
    fault: str = ""  # why it was not run, or not to its end
    answers: dict[str, Answer] = field(default_factory=dict)  # by the exercise's number
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    digest: str = ""

    def count(self, state: str) -> int:
        """How many of its exercises stand so."""
        return sum(answer.state == state for answer in self.answers.values())


def mark(handed: Handed, cage: Cage, times: Times, *, quick: bool = False) -> Row:
    """Judge the answers of one file and, unless it is to be `quick`, run it from its first cell to its last."""
    row = Row(handed.learner, handed.name)
    start = time.monotonic()
    try:
        notebook = notebook_of(handed)
    except Refused as refusal:
        row.fault = str(refusal)
        return row
    row.notebook, row.digest = notebook.lesson.stem, notebook.digest
    row.notes = list(notebook.notes)
    _judge(notebook, cage, times, row)
    if _as_given(notebook):
        row.notes.append("as it was handed out: not run")
    elif not quick:
        _execute(notebook, cage, times, row)
    row.seconds = time.monotonic() - start
    return row


def _judge(notebook: Notebook, cage: Cage, times: Times, row: Row) -> None:
    """Have each answer judged; where one ends the judge, another judge goes on with the next."""
    waiting = [one for one in notebook.lesson.asked if not _untouched(notebook, one)]
    for asked in notebook.lesson.asked:
        if asked not in waiting:
            row.answers[asked.number] = Answer("not attempted")
    missing = 0
    while waiting:
        task = {**_task(notebook, waiting), "seconds": times.answer}
        outcome = cage.run("judge.py", task, seconds=times.silence * len(waiting), silence=times.silence)
        begun = None
        for said in outcome.said:
            asked = next((one for one in waiting if one.name == said.get("exercise")), None)
            if asked is None:
                continue
            if said.get("state") not in STATES:
                begun = asked
                continue
            begun = None
            waiting.remove(asked)
            row.answers[asked.number] = Answer(said["state"], clean(said.get("sentence", ""), 400))
            missing += bool(said.get("missing"))
            row.notes += [f"{asked.number}: {clean(note, 300)}" for note in said.get("notes", [])]
            if said.get("foul"):
                row.notes.append(f"{asked.number}: {row.answers[asked.number].sentence}")
        if not waiting:
            break
        if outcome.ended == "interrupted":
            raise KeyboardInterrupt
        sentence = _ended(outcome.ended, cage, times.silence)
        if begun is None:  # it did not come to any answer
            row.fault = row.fault or f"Its answers could not be judged: it {sentence}"
            for asked in waiting:
                row.answers[asked.number] = Answer("not attempted", "Not judged.")
            break
        row.answers[begun.number] = Answer("attempted", f"The answer {sentence}.")
        waiting.remove(begun)
    row.answers = {one.number: row.answers[one.number] for one in notebook.lesson.asked}
    if missing:
        row.notes.append(f"{missing} exercises are missing" if missing > 1 else "an exercise is missing")


def _as_given(notebook: Notebook) -> bool:
    """Whether its cells are the course's own to the letter, all of them, with or without the solutions."""
    solutions = {name for name, _ in notebook.lesson.solutions}
    given_out = [source for name, source in notebook.lesson.cells if name not in solutions]
    sources = [cell.source.strip() for cell in notebook.cells if cell.id not in solutions]
    return sources == [source.strip() for source in given_out]


def _untouched(notebook: Notebook, asked: Asked) -> bool:
    """Whether this exercise's cell is there to the letter, and no other cell seems to answer it."""
    own = [cell.source.strip() for cell in notebook.cells if cell.id == asked.cell]
    given_out = {source for _, source in notebook.lesson.cells}
    others = [cell.source for cell in notebook.cells if cell.source.strip() not in given_out]
    return own == [asked.source.strip()] and not any(asked.name in source for source in others)


def _task(notebook: Notebook, asked: list[Asked]) -> dict[str, Any]:
    lesson = notebook.lesson
    texts = {source.strip() for _, source in lesson.solutions}
    names = {name for name, _ in lesson.solutions}
    cells = notebook.cells
    return {
        "checks": lesson.checks,
        "cells": [{"name": f"<cell {place}>", "source": cell.source} for place, cell in enumerate(cells, 1)],
        "course": [{"name": "<the course>", "source": source} for source in lesson.surroundings],
        "solutions": [
            place
            for place, cell in enumerate(cells)
            if cell.id in names or "solution" in cell.tags or cell.source.strip() in texts
        ],
        "exercises": [
            {
                "name": one.name,
                "source": one.source,
                "answers": one.answers,
                "seconds": one.seconds,
                "cells": [place for place, cell in enumerate(cells) if cell.id == one.cell],
            }
            for one in asked
        ],
    }


def _execute(notebook: Notebook, cage: Cage, times: Times, row: Row) -> None:
    """Run the notebook as it was handed in, and note which cells raised that should not."""
    raising = notebook.lesson.raising
    task = {"cells": [cell.source for cell in notebook.cells], "cell_seconds": times.cell}
    outcome = cage.run("execute.py", task, seconds=times.notebook + START)
    for said in outcome.said:
        place = said.get("cell")
        if not isinstance(place, int) or not 0 <= place < len(notebook.cells):
            continue
        cell = notebook.cells[place]
        where = f"cell {place + 1}" + (f" ({clean(cell.id, 40)})" if cell.id else "")
        if "ended" in said:
            row.fault = row.fault or f"{where} {clean(said['ended'])}"
        elif said.get("error") == "KeyboardInterrupt":
            row.errors.append(f"{where} was stopped after {times.cell:.0f} seconds")
        elif cell.id not in raising and "raises-exception" not in cell.tags:
            row.errors.append(f"{where}: {clean(said.get('error', ''), 60)}: {clean(said.get('message', ''))}")
    if outcome.ended == "interrupted":
        raise KeyboardInterrupt
    if outcome.ended:
        row.fault = row.fault or f"It {_ended(outcome.ended, cage, times.notebook + START)}"


def _ended(why: str, cage: Cage, seconds: float) -> str:
    sentence = ENDED.get(why, why)
    return clean(
        sentence.format(seconds=seconds, memory=cage.limits.memory // 2**20, processes=cage.limits.processes)
        if why in ENDED
        else sentence,
        300,
    )
