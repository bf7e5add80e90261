"""Every exercise of every notebook: its cells, and what it says to no answer, right, wrong and nonsensical ones."""

import html
import inspect
import re
import signal
import time
from importlib import import_module

import nbformat
import pytest
from torch import Tensor

from helpers.checks.core import State, Verdict
from tests.helpers.checks.hostile import ENDLESS, hostile
from tests.helpers.checks.pages import ATTEMPTS, PLACES, answers, code_of, each_attempt, each_exercise, reply_to
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
        (lambda cells, place: cells[place].update(source="check.minutes(times)"), "of the notebook; found minutes"),
        (lambda cells, place: cells.pop(place + 1), "Expected the cells half-seconds-task, half-seconds-exercise"),
    ],
)
def test_an_exercise_out_of_place_is_found(change, message, tmp_path):
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    change(notebook.cells, [cell.id for cell in notebook.cells].index("half-seconds-exercise"))
    nbformat.write(notebook, path := tmp_path / "01_example.ipynb")
    with pytest.raises(ValueError, match=message):
        list(places(path))


@each_exercise
def test_its_four_cells(exercise):
    _, place = PLACES[exercise]
    assert place.task.source.splitlines()[0] == exercise.lines[0]
    assert exercise.lines[1] in place.task.source.splitlines()
    assert "..." in place.cell.source
    assert re.fullmatch(r"<details>\n<summary>Hint</summary>\n\n.+\n\n</details>", place.hint.source, re.DOTALL)
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
        for number, answer in enumerate(list(hostile())[position :: 1 if len(solved) == 1 else 12]):
            verdict = exercise(*solved[:position], answer, *solved[position + 1 :])
            assert verdict.state is not State.RIGHT, (number, verdict)
            assert_fit_to_show(verdict)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs alarms, which Windows lacks")
@each_exercise
def test_no_endless_answer_holds_it_up(exercise, monkeypatch):
    _, solved = answers(exercise)
    monkeypatch.setattr(exercise, "seconds", 0.05)
    for position in (position for position, answer in enumerate(solved) if callable(answer)):
        verdict = exercise(*solved[:position], ENDLESS[position % 2], *solved[position + 1 :])
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


@each_attempt
def test_a_learners_attempt_gets_a_fair_reply(exercise, attempt):
    verdict = reply_to(exercise, attempt)
    if "right" in attempt:
        assert verdict.state is State.RIGHT, verdict
        return
    assert verdict.state is State.NOT_YET, verdict
    assert "fooling" in attempt or len(verdict.sentences) > 1, f"no diagnosis: {verdict}"
    assert attempt.get("reply", "") in repr(verdict)
    assert_fit_to_show(verdict)
    assert_no_spoiler(exercise, verdict, code_of(attempt))


def test_every_exercise_has_attempts():
    assert {name for exercises in ATTEMPTS.values() for name in exercises} == {exercise.name for exercise in PLACES}


@each_exercise
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
        verdict = Verdict(finding.state, exercise.heading, tuple(exercise._explained(finding)))
        assert hint in repr(verdict)
        assert_fit_to_show(verdict)
        assert_no_spoiler(exercise, verdict)


@each_exercise
def test_no_function_of_the_checks_is_an_answer(exercise, monkeypatch):
    monkeypatch.setattr(exercise, "seconds", 1.0)
    module = import_module(exercise.judge.__module__)
    own = [value for value in vars(module).values() if inspect.isroutine(value) or inspect.isclass(value)]
    for value in (one for one in own if one.__module__ == module.__name__):
        for position in range(len(exercise.answers)):
            given = [...] * len(exercise.answers)
            given[position] = value
            finding = exercise._finding(tuple(given))
            assert finding.state is not State.RIGHT, f"{value} is an answer"
            assert not any("Right so far" in note for note in finding.notes), f"{value} is an answer"


def assert_fit_to_show(verdict):
    """The rich form says what the plain one says, and both are short, apart from what the learner's code printed."""
    text = repr(verdict)
    own = [line for line in text.split("\n") if not line.startswith("  | ")]
    assert len("\n".join(own)) < 1500, text
    rich = html.unescape(re.sub(r"<[^>]+>", "", verdict._repr_html_().replace("<br>", "\n  ")))
    assert rich == re.sub(r"`([^`]+)`", r"\1", text)


def assert_no_spoiler(exercise, verdict, own=""):
    """No sentence holds a line of the solution, a right-hand side of one, or the value that it finds.

    What stands in the learner's `own` code may be said, with brackets after it too.
    """
    _, place = PLACES[exercise]
    text, own = (re.sub(r"\s+", "", one) for one in (re.sub(r"of your cell: `.*`", "", repr(verdict)), own))
    for line in place.solution.source.splitlines():
        code = line.partition("  #")[0].strip()
        if code.startswith(("super()", "#", "check.", "def ", "class ", "import ", "from ")):
            continue
        for piece in (code, code.partition(" = ")[2], code.removeprefix("return ")):
            squeezed = re.sub(r"\s+", "", piece)
            if len(squeezed) > 12 and not squeezed.endswith("(") and squeezed.removesuffix("()") not in own:
                assert squeezed not in text, f"spoils {piece!r}"
    # What was received may be shown as it is, and what the task says may be said again.
    said = re.sub(r"received [^.]*", "", " ".join(verdict.sentences))
    for value in answers(exercise)[1]:
        shown = str(value.tolist() if isinstance(value, Tensor) else value)
        if isinstance(value, Tensor | int | float | str | list | tuple) and shown not in place.task.source:
            assert not re.search(rf"(?<![\w.]){re.escape(shown)}(?![\w.])", said), f"spoils {shown}"
