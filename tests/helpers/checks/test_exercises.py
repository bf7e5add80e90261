"""Every exercise of every notebook: untouched, solved, answered wrongly, and answered with nonsense.

The everyday run tries 50 generated answers for each exercise, `make thorough` 2,000, and says how many it tried.
"""

from __future__ import annotations

import html
import os
import re
import signal
from collections import Counter
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from helpers.checks.core import Exercise, State
from tests.helpers.checks.exercises import Wrong, arguments
from tests.helpers.checks.exercises.hostile import ENDLESS, hostile
from tools.exercises import book_of, places
from tools.notebooks import FOLDED, NOTEBOOKS

GENERATED = int(os.environ.get("GENERATED_ANSWERS", "50"))
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
def test_each_typical_mistake_is_refused(path, place):
    """Checks that declare their mistakes are asked for the right hints in `test_mistakes`."""
    declared = [wrong for _, wrong in place.exercise.mistakes()]
    mistakes = declared or [arguments(answer) for answer, _ in _cases(path, place.exercise).mistakes]
    assert len(mistakes) >= 2
    for answers in mistakes:
        verdict = place.exercise(*answers)
        assert verdict.state is State.NOT_YET, verdict
        _assert_no_spoiler(path, place, verdict)


@each_exercise
def test_no_fooling_answer_passes(path, place):
    fooling = _cases(path, place.exercise).fooling
    assert len(fooling) >= 3
    for answer in fooling:
        verdict = place.exercise(*arguments(answer))
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
        for number, answer in enumerate(hostile()):
            verdict = place.exercise(*solved[:position], answer, *solved[position + 1 :])
            assert verdict.state is not State.RIGHT or same(answer, solved[position]), (number, verdict)
            _assert_shown(verdict)


@each_exercise
def test_no_endless_answer_holds_it_up(path, place, monkeypatch):
    _, solved = _answers(path, place.exercise.name)
    monkeypatch.setattr(place.exercise, "seconds", 0.05)
    for position, answer in enumerate(solved):
        if callable(answer):
            # Without alarms (Windows) a sleep is ended only when it is over.
            for endless in ENDLESS[: 2 if hasattr(signal, "setitimer") else 1]:
                answers = list(solved)
                answers[position] = endless
                assert place.exercise(*answers).state is State.NOT_YET


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


# Generated answers

DTYPES = [torch.float32, torch.float64, torch.int64, torch.uint8, torch.bool, torch.complex64, torch.float16]
SHAPES = st.lists(st.integers(0, 4), max_size=4)


@st.composite
def tensors(draw):
    made = torch.zeros(draw(SHAPES), dtype=torch.float32)
    made += draw(st.sampled_from([0.0, 1.0, -1.0, float("nan"), float("inf"), 1e30, 0.5]))
    made += draw(st.sampled_from([0.0, 1.0])) * torch.arange(made.numel()).reshape(made.shape)
    made = made.to(draw(st.sampled_from(DTYPES)))
    if made.is_floating_point() and draw(st.booleans()):
        made.requires_grad_()
    return made if draw(st.integers(0, 5)) else made.to("meta")


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.complex_numbers())
OTHERS = st.sampled_from([np.ones(3), nn.Linear(2, 2), print, torch.sum, object(), type, torch.float32, b"x"])
VALUES = st.recursive(
    SCALARS | tensors() | OTHERS,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=5,
)


def _one_element(tensor: Tensor) -> Tensor:
    changed = tensor.detach().clone()
    if changed.numel() == 0:
        return changed.unsqueeze(0)
    flat = changed.reshape(-1)
    last = flat[-1]
    flat[-1] = ~last if changed.dtype == torch.bool else last + max(1, abs(last.item()) * 0.01)
    return flat.reshape(changed.shape)


CHANGES = {
    "a copy": torch.clone,  # which is right
    "one element": _one_element,
    "unsqueezed": lambda t: t.unsqueeze(0),
    "last unsqueezed": lambda t: t.unsqueeze(-1),
    "flattened with one more": lambda t: torch.cat([t.flatten(), t.flatten()[:1]]),
    "another dtype": lambda t: t.to(torch.float64 if t.dtype != torch.float64 else torch.float32),
    "transposed": lambda t: t.transpose(0, -1) if t.ndim > 1 else t.flip(0) if t.ndim else t + 1,
    "flipped": lambda t: t.flip(tuple(range(t.ndim))),
    "rolled": lambda t: t.roll(1),
    "nan": lambda t: torch.full(t.shape, float("nan")),
    "zeros": torch.zeros_like,
    "mean of all": lambda t: torch.full_like(t, t.double().mean().item()) if not t.is_complex() else t + 1,
    "on meta": lambda t: t.to("meta"),
    "sparse": lambda t: t.to_sparse(),
    "list": lambda t: t.tolist(),
    "numpy": lambda t: t.detach().numpy(),
    "parameter": lambda t: nn.Parameter(t.detach().float()),
}


def changed(value: Any, change: str) -> Any:
    """A right value made wrong in one way, or as it is where this way changes nothing."""
    if isinstance(value, Tensor):
        return CHANGES[change](value.clone())
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return {
            "a copy": value,
            "one element": value + 1,
            "another dtype": str(value),
            "list": [value],
            "zeros": -value,
        }.get(change, torch.tensor(value))
    if isinstance(value, list | tuple) and value:
        return type(value)([*value[:-1], changed(value[-1], change)]) if type(value) in (list, tuple) else list(value)
    if isinstance(value, dict) and value:
        key = next(iter(value))
        return {**value, key: changed(value[key], change)}
    return None


def same(left: Any, right: Any) -> bool:
    """Whether two values are the same, found in another way than the checks do."""
    if type(left) is not type(right):
        return False
    if isinstance(left, Tensor):
        try:
            torch.testing.assert_close(left, right, equal_nan=True, rtol=1e-3, atol=1e-5)
        except (AssertionError, RuntimeError, NotImplementedError):
            return False
        return True
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left is right or left == right or repr(left) == repr(right) == "nan"


@st.composite
def near(draw, right: Any):
    """Something close to the right answer, and whether it is different from it for certain."""
    change = draw(st.sampled_from(sorted(CHANGES)))
    if isinstance(right, type):
        return draw(st.sampled_from([type("Empty", (nn.Module,), {}), type("Other", (), {}), right.__base__]))
    if isinstance(right, nn.Module):
        return draw(st.sampled_from([nn.Identity(), type(right), None, right.forward]))
    if callable(right):
        return draw(
            st.sampled_from(["one element", "unsqueezed", "another dtype", "list", "numpy"]).map(
                lambda change: lambda *inputs, **options: changed(right(*inputs, **options), change)
            )
        )
    return changed(right, change)


@st.composite
def generated(draw, solved: tuple[Any, ...]):
    """The right answers with one of them replaced, sometimes more."""
    answers = list(solved)
    for position in draw(st.sets(st.integers(0, len(solved) - 1), min_size=1)):
        value = draw(VALUES)
        kinds = [st.just(value), near(solved[position]), near(solved[position])]
        if callable(solved[position]):
            kinds.append(st.just(_returning(value)))
        answers[position] = draw(st.one_of(kinds))
    return tuple(answers)


def _returning(value: Any) -> Any:
    return lambda *inputs, **options: value


@each_exercise
def test_generated_answers(path, place, record_property):
    _, solved = _answers(path, place.exercise.name)
    states: Counter[State] = Counter()

    @settings(
        max_examples=GENERATED, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(generated(solved))
    def never_raises_and_never_passes_wrongly(answers):
        verdict = place.exercise(*answers)
        states[verdict.state] += 1
        _assert_shown(verdict)
        if verdict.state is State.RIGHT:
            assert same(answers, solved), f"a false pass: {verdict}"

    try:
        never_raises_and_never_passes_wrongly()
    finally:
        record_property("exercise", place.exercise.heading)
        record_property("generated", states.total())
        record_property("right", states[State.RIGHT])
