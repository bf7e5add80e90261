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
    for hint, wrong in declared:
        finding = exercise._finding(wrong)
        assert finding.state is State.NOT_YET, f"passes: {hint}"
        assert [part for part, _ in finding.not_yet], f"nothing is found wrong: {hint}"
        hints = [one for part, _ in finding.not_yet for one in exercise.recognised(finding, part)]
        assert hints == [hint]
        assert hint in repr(exercise(*wrong, solution=True))
