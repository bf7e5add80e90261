"""Answers as learners type them: right ones pass, wrong ones get a diagnosis, and none gets the answer for nothing."""

import html
import inspect
import re
from importlib import import_module

from torch import Tensor

from helpers.checks.core import State, Verdict
from tests.helpers.checks.pages import ATTEMPTS, PLACES, answers, code_of, each_attempt, each_exercise, reply_to


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
