"""Every check is given its own declared mistakes: each gets its own hint, and no other one."""

import importlib
import pkgutil

import pytest

import helpers.checks
from helpers.checks.core import Book, State

BOOKS = [
    module.book
    for info in pkgutil.iter_modules(helpers.checks.__path__)
    if isinstance((module := importlib.import_module(f"helpers.checks.{info.name}")).__dict__.get("book"), Book)
]
EXERCISES = [exercise for book in BOOKS for exercise in book.exercises.values() if exercise.declared]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: f"{exercise.number}-{exercise.name}")
def test_each_declared_mistake_gets_its_own_hint_and_no_other(exercise):
    declared = list(exercise.mistakes())
    assert len({hint for hint, _ in declared}) >= 2
    findings = [(hint, exercise._finding(wrong)) for hint, wrong in declared]
    for hint, finding in findings:
        assert finding.state is State.NOT_YET, f"passes: {hint}"
        slips = [not_yet.error for _, not_yet in finding.not_yet if isinstance(not_yet.error, NameError | SyntaxError)]
        assert not slips, f"the mistake itself is mistyped: {hint}"
        found = {part for part, _ in finding.not_yet}
        assert found, f"nothing is found wrong: {hint}"
        others = {other for other, theirs in findings for part in found if theirs.same_as(finding, part)}
        assert others == {hint}
    hint, wrong = declared[0]
    assert hint in repr(exercise(*wrong, solution=True))
