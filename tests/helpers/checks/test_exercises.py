"""Every exercise of every notebook: its cells, and what it says to no answer, to the solution and to nonsense."""

import re
import signal
import time

import nbformat
import pytest

from helpers.checks.core import State
from tests.helpers.checks.hostile import ENDLESS, hostile
from tests.helpers.checks.pages import PLACES, answers, each_exercise
from tests.helpers.checks.test_attempts import assert_fit_to_show
from tools.exercises import book_of, places
from tools.notebooks import FOLDED, NOTEBOOKS


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
    difficulties = [exercise.difficulty for exercise in book.exercises.values()]
    assert difficulties[0] == 1
    assert difficulties[-1] == max(difficulties)


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
    start = next(number for number, cell in enumerate(notebook.cells) if cell.id == "half-seconds-task")
    imports = next(cell for cell in notebook.cells if cell.cell_type == "code")
    notebook.cells = [notebook.cells[0], imports, *notebook.cells[start : start + 5]]
    change(notebook.cells)
    path = tmp_path / "01_example.ipynb"
    nbformat.write(notebook, path)
    with pytest.raises(ValueError, match=message):
        list(places(path))


@each_exercise
def test_its_four_cells(exercise):
    _, place = PLACES[exercise]
    assert place.task.source.splitlines()[0] == exercise.lines[0]
    assert exercise.lines[1] in place.task.source.splitlines()
    assert "..." in place.cell.source
    assert re.fullmatch(r"<details>\n<summary>Hint</summary>\n\n.+\n\n</details>", place.hint.source, re.DOTALL)
    assert place.solution.metadata.tags == ["solution"]
    assert place.solution.source.startswith("# Solution\n")  # a folded cell shows its first line
    assert place.solution.metadata == {"tags": ["solution"], **FOLDED}
    stored = [cell.outputs[-1].data["text/plain"].splitlines()[0] for cell in (place.cell, place.solution)]
    assert stored == [
        f"○ {exercise.heading}: not attempted yet.",
        f"✓ Solution of exercise {exercise.number}, {exercise.title}: right.",
    ]


@each_exercise
def test_untouched_and_solved(exercise):
    untouched, solved = answers(exercise)
    assert exercise(*untouched).state is State.NOT_ATTEMPTED
    verdict = exercise(*solved)
    assert verdict.state is State.RIGHT, verdict
    assert verdict.sentences == (exercise.why,)


@each_exercise
def test_no_nonsense_passes_or_raises(exercise):
    _, solved = answers(exercise)
    for position in range(len(solved)):
        # A project judges its parts by training: there, some of them are enough.
        for number, answer in enumerate(list(hostile())[:: 1 if len(solved) == 1 else 12]):
            verdict = exercise(*solved[:position], answer, *solved[position + 1 :])
            assert verdict.state is not State.RIGHT, (number, verdict)
            assert_fit_to_show(verdict)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs alarms, which Windows lacks")
@each_exercise
def test_no_endless_answer_holds_it_up(exercise, monkeypatch):
    _, solved = answers(exercise)
    monkeypatch.setattr(exercise, "seconds", 0.05)
    for position in (position for position, answer in enumerate(solved) if callable(answer)):
        for endless in ENDLESS:
            verdict = exercise(*solved[:position], endless, *solved[position + 1 :])
            assert verdict.state is State.NOT_YET


@each_exercise
def test_a_reply_comes_soon(exercise):
    """Within a second, or three for the projects that train; three times that here, for a busy machine."""
    _, solved = answers(exercise)
    hint, wrong = list(exercise.mistakes())[-1]
    start = time.process_time()
    exercise(*solved)
    exercise(*wrong)
    assert time.process_time() - start < (9 if exercise.number in ("5.6", "7.6") else 3), hint
