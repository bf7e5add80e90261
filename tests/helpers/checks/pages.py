"""The exercises where learners meet them: answers run in a shell like a notebook's, after the cells that they need.

`attempts/<module>.json` has for each exercise answers as learners type them: {"right": code}, {"wrong": code} with a
part of its diagnosis as "reply", and {"fooling": code}, which is wrong too, but agrees with much that a check looks at:
it needs no diagnosis. The code takes the place of the exercise's cell without the call of the check.
"""

from __future__ import annotations

import contextlib
import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from helpers.checks.core import Exercise, Verdict
from tests.cells import cells_needed, global_names
from tools.exercises import places
from tools.notebooks import NOTEBOOKS

PLACES = {place.exercise: (path, place) for path in NOTEBOOKS for place in places(path)}


def _module(exercise: Exercise) -> str:
    return exercise.judge.__module__.rpartition(".")[2]


def _id(exercise: Exercise) -> str:
    return f"{_module(exercise)}-{exercise.name}"


each_exercise = pytest.mark.parametrize("exercise", PLACES, ids=_id)
ATTEMPTS = {file.stem: json.loads(file.read_text("utf-8")) for file in Path(__file__).parent.glob("attempts/*.json")}
each_attempt = pytest.mark.parametrize(
    ("exercise", "attempt"),
    [
        pytest.param(exercise, attempt, id=f"{_id(exercise)}-{number}")
        for exercise in PLACES
        for number, attempt in enumerate(ATTEMPTS[_module(exercise)][exercise.name])
    ],
)


def code_of(attempt: dict[str, str]) -> str:
    """The code of an attempt, whatever its kind."""
    return next(code for kind, code in attempt.items() if kind != "reply")


def reply_to(exercise: Exercise, attempt: dict[str, str]) -> Verdict:
    """What a learner reads who types this into the cell of the exercise."""
    path, place = PLACES[exercise]
    shell = _shell(path)
    before = dict(shell.user_ns)
    with contextlib.chdir(path.parent), contextlib.redirect_stdout(io.StringIO()):
        verdict = shell.run_cell(f"{code_of(attempt)}\n\n{place.cell.source.splitlines()[-1]}").result
    shell.user_ns.clear()
    shell.user_ns.update(before)
    return verdict


class _Recorder:
    """Takes the place of the module of checks, and keeps how it is called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *answers, **options: self.calls.append((name, answers, options))


@cache
def answers(exercise: Exercise) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What the untouched cell and the solution give to the check."""
    path, place = PLACES[exercise]
    names = {**_shell(path).user_ns, "check": (recorder := _Recorder())}
    with contextlib.chdir(path.parent):
        for cell in (place.cell, place.solution):
            exec(compile(cell.source, cell.id, "exec"), names)
    (first, untouched, first_options), (second, solved, second_options) = recorder.calls
    assert first == second == exercise.name
    assert (first_options, second_options) == ({}, {"solution": True})
    return untouched, solved


@cache
def _shell(path: Path) -> InteractiveShell:
    """A shell after those cells of a notebook that assign what an answer further down, or a solution, reads."""
    notebook = nbformat.read(path, as_version=4)
    readers = {notebook.cells[-1].id: {"check"}}
    for exercise, (page, place) in PLACES.items():
        if page == path:
            codes = [place.solution.source, *map(code_of, ATTEMPTS[_module(exercise)][exercise.name])]
            readers[place.cell.id] = set().union(*(global_names(code)[1] for code in codes))
    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    with contextlib.chdir(path.parent), contextlib.redirect_stdout(io.StringIO()):
        for cell in cells_needed(notebook, readers):
            shell.run_cell(cell.source).raise_error()
    return shell
