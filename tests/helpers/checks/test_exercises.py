"""Every exercise of every notebook: untouched, solved, answered nearly right, and answered with nonsense."""

from __future__ import annotations

import html
import re
import signal
import time
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import nbformat
import pytest
from torch import Tensor

from helpers.checks.core import Exercise, State
from tests.helpers.checks.exercises import Wrong, arguments
from tests.helpers.checks.exercises.hostile import ENDLESS, hostile
from tools.exercises import book_of, places
from tools.notebooks import FOLDED, NOTEBOOKS

PLACES = [(path, place) for path in NOTEBOOKS for place in places(path)]
each_exercise = pytest.mark.parametrize(
    ("path", "place"), PLACES, ids=[f"{path.stem}-{place.exercise.name}" for path, place in PLACES]
)


class Recorder:
    """Stands for the module of checks in a cell, and notes how it is called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *answers, **options: self.calls.append((name, answers, options))


@cache
def _imports(path: Path) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    first = next(cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    exec(first.source, names)
    return names


def _cases(path: Path, exercise: Exercise) -> Wrong:
    module = book_of(nbformat.read(path, as_version=4)).exercises[exercise.name].judge.__module__
    return import_module(f"tests.helpers.checks.exercises.{module.rpartition('.')[2]}").WRONG[exercise.name]


@cache
def _answers(path: Path, name: str) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What the untouched cell and the solution give to the check, from the import cell and these two alone."""
    place = next(place for one, place in PLACES if one == path and place.exercise.name == name)
    names = {**_imports(path), "check": (recorder := Recorder())}
    cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    for cell in (*(cells[need] for need in _cases(path, place.exercise).needs), place.cell, place.solution):
        exec(compile(cell.source, cell.id, "exec"), names)
    (first, untouched, first_options), (second, solved, second_options) = recorder.calls[-2:]
    assert first == second == name
    assert (first_options, second_options) == ({}, {"solution": True})
    return untouched, solved


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_notebook_has_its_exercises_in_order(path):
    notebook = nbformat.read(path, as_version=4)
    book = book_of(notebook)
    assert [place.exercise for place in places(path)] == list(book.exercises.values())
    assert len(book.exercises) >= 5
    assert book.number == int(path.stem[:2])
    tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
    assert tags.count("solution") == tags.count("exercise")
    assert [cell.source for cell in notebook.cells if cell.cell_type == "code"][-1] == "check.progress()"
    assert set(import_module(f"tests.helpers.checks.exercises.{book_module(book)}").WRONG) == set(book.exercises)
    difficulties = [one.difficulty for one in book.exercises.values()]
    assert difficulties[0] == 1
    assert difficulties[-1] == max(difficulties)


def book_module(book):
    return next(iter(book.exercises.values())).judge.__module__.rpartition(".")[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda cells: cells[3].update(source="check.half_minutes(times)"),
            "to call a check of the notebook; found half_",
        ),
        (lambda cells: cells.insert(4, cells.pop()), "Expected the cells half-seconds-task, half-seconds-exercise"),
        (lambda cells: cells[1].update(source="import torch"), "to call a check of the notebook"),
    ],
)
def test_an_exercise_out_of_place_is_found(change, message, tmp_path):
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    exercise = next(cell for cell in notebook.cells if cell.id == "half-seconds-exercise")
    place = notebook.cells.index(exercise)
    imports = next(cell for cell in notebook.cells if cell.cell_type == "code")
    notebook.cells = [notebook.cells[0], imports, *notebook.cells[place - 1 : place + 4]]
    path = tmp_path / "01_example.ipynb"
    nbformat.write(notebook, path)
    assert [one.exercise.name for one in places(path)] == ["half_seconds"]
    change(notebook.cells)
    nbformat.write(notebook, path)
    with pytest.raises(ValueError, match=message):
        list(places(path))


@each_exercise
def test_its_four_cells(path, place):
    one = place.exercise
    assert place.task.source.splitlines()[0] == one.lines[0]
    assert one.lines[1] in place.task.source.splitlines()
    assert "..." in place.cell.source
    assert re.fullmatch(r"<details>\n<summary>Hint</summary>\n\n.+\n\n</details>", place.hint.source, re.DOTALL)
    assert place.solution.metadata.tags == ["solution"]
    assert place.solution.source.startswith("# Solution\n")  # a folded cell shows its first line
    assert place.solution.metadata.jupyter == FOLDED
    stored = [cell.outputs[-1].data["text/plain"].splitlines()[0] for cell in (place.cell, place.solution)]
    assert stored == [
        f"○ {one.heading}: not attempted yet.",
        f"✓ Solution of exercise {one.number}, {one.title}: right.",
    ]


@each_exercise
def test_untouched_and_solved(path, place):
    untouched, solved = _answers(path, place.exercise.name)
    assert place.exercise(*untouched).state is State.NOT_ATTEMPTED
    verdict = place.exercise(*solved)
    assert verdict.state is State.RIGHT, verdict
    assert verdict.sentences == (place.exercise.why,)


@each_exercise
def test_no_wrong_answer_passes_and_no_reply_gives_the_answer_away(path, place):
    fooling = [arguments(answer) for answer in _cases(path, place.exercise).fooling]
    declared = [wrong for _, wrong in place.exercise.mistakes()]
    for answers in (*declared, *fooling):
        verdict = place.exercise(*answers)
        assert verdict.state is State.NOT_YET, verdict
        _assert_no_spoiler(path, place, verdict)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        pytest.param(place.exercise, answer, id=f"{path.stem}-{place.exercise.name}-{number}")
        for path, place in PLACES
        for number, answer in enumerate(_cases(path, place.exercise).right)
    ],
)
def test_another_right_way_passes(exercise, answer):
    verdict = exercise(*arguments(answer))
    assert verdict.state is State.RIGHT, verdict


@each_exercise
def test_no_nonsense_passes_or_raises(path, place):
    _, solved = _answers(path, place.exercise.name)
    for position in range(len(solved)):
        # A project judges its parts by training: there, some of them are enough.
        answers = list(hostile())[:: 1 if len(solved) == 1 else 12]
        for number, answer in enumerate(answers):
            verdict = place.exercise(*solved[:position], answer, *solved[position + 1 :])
            assert verdict.state is not State.RIGHT, (number, verdict)
            _assert_shown(verdict)


@each_exercise
def test_no_endless_answer_holds_it_up(path, place, monkeypatch):
    _, solved = _answers(path, place.exercise.name)
    monkeypatch.setattr(place.exercise, "seconds", 0.05)
    for position, answer in enumerate(solved):
        if callable(answer):
            # Without alarms (Windows) a sleep is ended only when it is over.
            for endless in ENDLESS if hasattr(signal, "setitimer") else ():
                verdict = place.exercise(*solved[:position], endless, *solved[position + 1 :])
                assert verdict.state is State.NOT_YET


@each_exercise
def test_a_reply_comes_soon(path, place):
    """Within a second, or three for the projects that train; three times that here, for a busy machine."""
    _, solved = _answers(path, place.exercise.name)
    hint, wrong = list(place.exercise.mistakes())[-1]
    start = time.process_time()
    for answers in (solved, wrong):
        place.exercise(*answers)
    assert time.process_time() - start < (9 if place.exercise.number in ("5.6", "7.6") else 3), hint


def _assert_shown(verdict):
    """The rich form says what the plain one says, in few words."""
    plain = repr(verdict)
    assert len(plain) < 5000
    rich = html.unescape(re.sub(r"<[^>]+>", "", verdict._repr_html_().replace("<br>", "\n  ")))
    assert rich == re.sub(r"`([^`]+)`", r"\1", plain)


def _assert_no_spoiler(path, place, verdict):
    """No sentence holds a line of the solution, a right-hand side of one, or the value that it finds."""
    text = re.sub(r"\s+", "", re.sub(r"of your cell: `.*`", "", repr(verdict)))
    for line in place.solution.source.splitlines():
        code = line.partition("  #")[0].strip()
        for piece in (code, code.partition(" = ")[2], code.removeprefix("return ")):
            squeezed = re.sub(r"\s+", "", piece)
            if len(squeezed) > 12 and not code.startswith(
                ("super()", "#", "check.", "def ", "class ", "import ", "from ")
            ):
                assert squeezed not in text, f"spoils {piece!r}"
    # What was received may be shown as it is, and what the task says may be said again.
    said = re.sub(r"received [^.]*", "", " ".join(verdict.sentences))
    for value in _answers(path, place.exercise.name)[1]:
        shown = str(value.tolist() if isinstance(value, Tensor) else value)
        if isinstance(value, Tensor | int | float | str | list | tuple) and shown not in place.task.source:
            assert not re.search(rf"(?<![\w.]){re.escape(shown)}(?![\w.])", said), f"spoils {shown}"
