"""Answers as learners gave them: right ones pass, wrong ones get a diagnosis. No check's own code is an answer.

`attempts/<module>.json` has for each exercise a list of {"right": code} and {"wrong": code, "reply": its words}.
The code stands for the exercise's cell without the call of the check, and is run in a shell like a notebook's. Of the
cells before it, those are run that assign what an attempt of the module reads.
"""

import ast
import contextlib
import inspect
import io
import json
from functools import cache
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from helpers.checks.core import State
from tools.exercises import book_of, places
from tools.notebooks import NOTEBOOKS

ATTEMPTS = {
    path.stem: json.loads(path.read_text("utf-8")) for path in Path(__file__).with_name("attempts").glob("*.json")
}
CASES = [
    pytest.param(module, name, one, id=f"{module}-{name}-{place}")
    for module, exercises in ATTEMPTS.items()
    for name, attempts in exercises.items()
    for place, one in enumerate(attempts)
]
MODULES = {book_of(nbformat.read(path, as_version=4)): path for path in NOTEBOOKS}
EXERCISES = [exercise for book in MODULES for exercise in book.exercises.values()]


def _reads(source):
    """The names that code takes from elsewhere, and those that it assigns, as parameters too."""
    tree = ast.parse(source)
    names = [one for one in ast.walk(tree) if isinstance(one, ast.Name)]
    aliases = [one for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for one in node.names]
    assigned = {one.id for one in names if isinstance(one.ctx, ast.Store)} | {one.asname or one.name for one in aliases}
    assigned |= {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.ClassDef)}
    parameters = {one.arg for one in ast.walk(tree) if isinstance(one, ast.arg)}
    return {one.id for one in names if isinstance(one.ctx, ast.Load)} - assigned - parameters, assigned


@cache
def _page(module):
    """A shell after the cells that the module's attempts need, and the call of the check for each exercise."""
    path = next(path for book, path in MODULES.items() if _module_of(book).rpartition(".")[2] == module)
    attempts = [one for exercise in ATTEMPTS[module].values() for one in exercise]
    needed = set().union(*(_reads(one.get("right") or one["wrong"])[0] for one in attempts)) | {"check"}
    sources = []
    for cell in reversed(nbformat.read(path, as_version=4).cells):
        if cell.cell_type == "code" and not {"exercise", "solution"} & {*cell.metadata.get("tags", [])}:
            read, assigned = _reads(cell.source)
            if assigned & needed:
                sources.insert(0, cell.source)
                needed = (needed - assigned) | read
    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    for source in sources:
        with contextlib.redirect_stdout(io.StringIO()):
            shell.run_cell(source).raise_error()
    calls = {place.exercise.name: place.cell.source.splitlines()[-1] for place in places(path)}
    return shell, calls


def _module_of(book):
    return next(iter(book.exercises.values())).judge.__module__


@pytest.mark.parametrize(("module", "name", "attempt"), CASES)
def test_a_learners_attempt_gets_a_fair_reply(module, name, attempt, monkeypatch):
    monkeypatch.chdir(NOTEBOOKS[0].parent)
    shell, calls = _page(module)
    before = dict(shell.user_ns)
    with contextlib.redirect_stdout(io.StringIO()):
        verdict = shell.run_cell(f"{attempt.get('right') or attempt['wrong']}\n\n{calls[name]}").result
    shell.user_ns.clear()
    shell.user_ns.update(before)
    if "right" in attempt:
        assert verdict.state is State.RIGHT, verdict
    else:
        assert verdict.state is State.NOT_YET, verdict
        assert len(verdict.sentences) > 1, f"no diagnosis: {verdict}"
        assert attempt.get("reply", "") in repr(verdict)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: f"{exercise.number}-{exercise.name}")
def test_no_function_of_the_checks_is_an_answer(exercise, monkeypatch):
    monkeypatch.setattr(exercise, "seconds", 1.0)
    module = import_module(exercise.judge.__module__)
    own = [value for value in vars(module).values() if inspect.isroutine(value) or inspect.isclass(value)]
    for value in (one for one in own if one.__module__ == module.__name__):
        for position in range(len(exercise.answers)):
            answers = [...] * len(exercise.answers)
            answers[position] = value
            finding = exercise._finding(tuple(answers))
            assert finding.state is not State.RIGHT, f"{value} is an answer"
            assert not any("Right so far" in note for note in finding.notes), f"{value} is an answer"
