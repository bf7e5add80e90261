"""The core of the checks: comparing, running a learner's code safely, verdicts, parts and progress."""

import math
import random
import signal
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from helpers.checks.compare import (
    Blank,
    Case,
    NotYet,
    call,
    expect,
    expect_callable,
    expect_class,
    expect_module,
    expect_no_loop,
    expect_results,
    is_blank,
    message_of,
)
from helpers.checks.core import Book, Part, State, either
from helpers.checks.guard import TimeUp, guarded, within
from tests.helpers.checks.hostile import ENDLESS, Raises

TENSOR = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
X = torch.ones(5, 4)


# Comparing


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        *((value, value) for value in (torch.tensor([math.nan, math.inf]), 3, math.nan, "text", None, torch.float32)),
        *((value, value) for value in ([1, TENSOR], {"a": TENSOR, 1: 2.0})),
        (np.float64(0.5), 0.5),
        (2, 2.0),
        (nn.Parameter(TENSOR), TENSOR),
        (TENSOR.double(), TENSOR),
        ([1, 2], (1, 2)),
        (torch.Size([2, 3]), (2, 3)),
        (2.0001, 2.0),
        (torch.tensor([2.0001, 1e-7]), torch.tensor([2.0, 0.0])),
    ],
)
def test_what_is_the_same_to_a_reader_is_accepted(answer, wanted):
    expect(answer, wanted)


@pytest.mark.parametrize(
    ("answer", "wanted", "found"),
    [
        ([1.0, 2.0], torch.tensor([1.0, 2.0]), "expected a tensor, received a list of length 2"),
        (True, 1, "expected an int, received the bool True"),
        (TENSOR[:1], TENSOR, "Shape of your answer: expected [2, 2], received [1, 2]"),
        (TENSOR.int(), TENSOR, "expected float32, received int32"),
        (TENSOR.to("meta"), TENSOR, "expected cpu, received meta"),
        (TENSOR.to_sparse(), TENSOR, "Layout of your answer"),
        (TENSOR * math.nan, TENSOR, "4 of 4 differ, the first at [0, 0]: nan is not right"),
        (TENSOR + torch.tensor([[0, 0], [0, 0.001]]), TENSOR, "1 of 4 differ, the first at [1, 1]: 4.001 is too large"),
        (2, 3, "2 is too small"),
        (torch.tensor([5, 100_001]), torch.tensor([5, 100_000]), "100001 is too large"),
        ("x" * 1000, "b", "x' is not right"),
        ((1, 2), (1, 2, 3), "Length of your answer: expected 3, received 2"),
        ((1, 5), (1, 2), "element 1 of your answer: 5 is too large"),
        ([Raises()], [1], "element 0 of your answer: expected an int, received a Raises"),
    ],
)
def test_what_differs_is_named_and_the_wanted_value_is_not(answer, wanted, found):
    with pytest.raises(NotYet) as caught:
        expect(answer, wanted)
    assert found in caught.value.args[0]
    assert len(caught.value.args[0]) < 200


@pytest.mark.parametrize(
    ("answer", "wanted", "options"),
    [
        ([1, 2], (1, 2), {"strict": True}),
        (TENSOR.double(), TENSOR, {"dtype": True}),
        (TENSOR, TENSOR, {"requires_grad": True}),
    ],
)
def test_a_task_may_insist(answer, wanted, options):
    expect(answer, wanted)
    with pytest.raises(NotYet, match="expected"):
        expect(answer, wanted, **options)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("\x1b[31;1mno\x1b[0m good\nmore", "no good\nmore"),
        ("\n".join("a" * 80 for _ in range(100)), "\n".join(["a" * 80] * 11) + "\n" + "..."),
        ("a\n" + "b" * 5000, "a\n..."),
    ],
)
def test_a_long_message_ends_with_a_whole_line(message, shown):
    assert message_of(ValueError(message)) == f"ValueError: {shown}"


# Functions


def test_a_function_is_compared_on_every_case_and_its_arguments_are_named():
    cases = [Case((torch.ones(2), 1), 1), Case((torch.ones(3), 2), 3)]
    expect_results(lambda x, y: 2 * y - 1, cases)
    with pytest.raises(NotYet, match=r"expected 3, received 1 \(x \[3\] float32, y = 2\)"):
        expect_results(lambda x, y: 1, cases)
    for nothing in (3, None, nn.Identity()):
        with pytest.raises(NotYet, match="expected a function"):
            expect_callable(nothing)
    with pytest.raises(NotYet, match="expected a class, received a ReLU"):
        expect_class(nn.ReLU())


def test_the_function_gets_copies_and_must_leave_them():
    given, inside = torch.ones(2), [torch.ones(2)]
    for change in (lambda x, _: x.add_(1), lambda _, xs: xs.append(1), lambda _, xs: xs[0].neg_()):
        with pytest.raises(NotYet, match="changed its input"):
            call(change, given, inside)
    assert torch.equal(given, torch.ones(2))
    call(lambda xs: xs.append(1), inside, may_change=True)
    assert len(inside) == 2


@pytest.mark.parametrize("error", [ValueError("too\nlong"), SystemExit()])
def test_what_a_function_raises_is_shown_with_its_line_and_whole(error):
    def function(x):
        raise error

    with pytest.raises(NotYet) as caught:
        call(function, 1)
    place, *message = caught.value.sentences()
    assert "of your cell: `raise error` (called with x = 1)" in place
    assert message == message_of(error).splitlines()


def _loops(x):
    return [item for item in x]  # noqa: C416


def _calls_itself(x):
    def rest(x):
        return rest(x[1:]) if len(x) else x

    return rest(x)


def _ping(x):
    return _pong(x)


def _pong(x):
    return _ping(x)


class _WithCall:
    def __call__(self, x):
        while x > 0:
            x -= 1


def _plain(x):
    return x + 1


def _twice(x):
    """Calls a helper twice, and a method that has the name of a function; there is no `for` here but in the text."""
    return _plain(_plain(x)).sort().values if x.ndim else x


@pytest.mark.parametrize(
    "function",
    [
        *(partial(_loops), _WithCall(), _calls_itself, _ping),
        lambda x: _plain(_loops(x)),
        lambda x: list(map(abs, x)),
    ],
)
def test_a_loop_is_recognised(function):
    with pytest.raises(NotYet, match="asks for no loop"):
        expect_no_loop(function)


@pytest.mark.parametrize("function", [_twice, torch.mean, abs, nn.functional.relu])
def test_what_does_not_loop_is_let_through(function):
    expect_no_loop(function)


# Blanks


class _Unfinished(nn.Module):
    def forward(self, X):
        return ...


@pytest.mark.parametrize(
    ("blank", "answers"),
    [
        (True, [..., (1, ...), {"a": ...}, lambda x: ..., _Unfinished]),
        (False, [None, [], Raises(), lambda x: x[..., 0], lambda x: 0, nn.Linear, len]),
    ],
)
def test_blanks(blank, answers):
    assert [is_blank(answer) for answer in answers] == [blank] * len(answers)


class _Returns(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, X):
        return self.output(self.training)


class _Empty(nn.Sequential):
    """Only says what it will be."""


class _HalfWritten(_Returns):
    def forward(self, X):
        pass

    def reset(self):
        return self.output(False)


class _Inherits(_Returns): ...  # the methods are the learner's own, in another class


def test_a_class_that_was_begun_is_told_what_is_missing():
    expect_class(_Inherits)
    for begun, found in ((_Empty, "_Empty has no methods yet"), (_HalfWritten, "`forward` is still empty")):
        with pytest.raises(NotYet, match=found):
            expect_class(begun)
    with pytest.raises(NotYet, match="`forward` is still empty"):
        expect_module(_HalfWritten(X.mul), X)


def test_a_blank_that_stops_the_code_is_a_blank():
    for unfinished in (lambda x: x - ..., lambda x: torch.zeros(...), lambda x: [x, ...]):
        with pytest.raises(Blank):
            call(unfinished, TENSOR)
    with pytest.raises(Blank):
        expect_module(_Unfinished(), X)


# Networks


class _Unused(nn.Linear):
    def __init__(self):
        super().__init__(4, 2)
        self.spare = nn.Parameter(torch.ones(1))


def test_a_network_as_it_should_be():
    model = nn.Sequential(nn.Linear(4, 2), nn.Dropout(), nn.Softmax(dim=1)).eval()
    expect_module(model, X, output_shape=[5, 2], parameters=10)
    expect_module(nn.Flatten(), X, parameters=0, same_modes=True)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("model", "options", "sentence"),
    [
        (nn.ReLU, {}, "Give the model itself"),
        (nn.Linear(4, 2), {"output_shape": [5, 3]}, "expected [5, 3], received [5, 2]"),
        (nn.Linear(4, 2), {"parameters": 24}, "expected 24, received 10"),
        (nn.Dropout(), {"same_modes": True}, "expected the same output"),
        (_Unused(), {}, "none reaches the parameter `spare`"),
        (nn.Sequential(nn.Linear(4, 2), _Returns(lambda _: X)), {}, "does not depend on its parameters"),
        (_Returns(lambda _: X + torch.rand(())), {}, "two different outputs"),
        (_Returns(lambda _: X.sum()), {"output_shape": [5, 1]}, "expected [5, 1], received []"),
        (_Returns(lambda _: (X, X)), {}, "to return a tensor, received a tuple"),
        (_Returns(lambda _: X.double()), {}, "expected finite float32, received a tensor [5, 4] float64"),
        (_Returns(lambda training: X[: 5 if training else 1]), {"output_shape": [5, 4]}, "received [1, 4]"),
    ],
)
def test_what_is_wrong_with_a_network_is_named(model, options, sentence):
    with pytest.raises(NotYet) as caught:
        expect_module(model, X, **options)
    assert sentence in "\n".join(caught.value.args)


# Running what may do harm


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs alarms, which Windows lacks")
@pytest.mark.parametrize("endless", ENDLESS)
def test_what_takes_too_long_is_stopped(endless):
    with pytest.raises(TimeUp):
        within(0.02, endless)


def test_what_ends_in_time_is_not_disturbed():
    assert within(0.02, lambda: 3) == 3
    time.sleep(0.05)  # no alarm is left that would ring now


def test_surroundings_are_put_back(capsys):
    def harm():
        assert torch.get_default_dtype() == torch.float32
        assert torch.is_grad_enabled()
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.set_grad_enabled(False)
        sys.stdout = sys.stderr = None
        raise SystemExit

    def state():
        own = torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled()
        numbers = np.random.get_state()[1].tolist()  # noqa: NPY002
        return torch.get_rng_state().tolist(), random.getstate(), numbers, *own, sys.stdout, sys.stderr

    before = state()
    with pytest.raises(SystemExit):
        guarded(harm, 5)
    assert state() == before
    with torch.inference_mode(), torch.device("meta"):
        assert guarded(lambda: torch.ones(1, requires_grad=True).sum().requires_grad, 5)
    guarded(lambda: print("noise"), 5)
    assert capsys.readouterr().out == ""


# Exercises, verdicts, progress


def _book():
    book = Book(9)

    @book.exercise("Two", goal="count", minutes=1, difficulty=1, why="It matters.", mistakes={"One less.": 3})
    def two(answer):
        expect(answer, 2)

    @book.exercise(
        "Parts",
        goal="count on",
        minutes=2,
        difficulty=3,
        why="Try `three`.",
        seconds=0.5,
        mistakes={"Not one.": (..., lambda: 3, ...), "Both.": either((5, ..., ...), (6, ..., ...))},
    )
    def parts(first, second, third):
        yield Part("first", lambda: expect(first, 1))
        yield Part("second", lambda: expect(call(second), 2))
        yield Part("third", lambda: expect(third, first + 2), after=("first",))

    return book, two, parts


def test_the_three_states():
    _, two, _ = _book()
    assert [two(answer).state for answer in (..., 3, 2)] == [State.NOT_ATTEMPTED, State.NOT_YET, State.RIGHT]
    assert two(2).passed
    assert "<strong>✗ Exercise" in two(3)._repr_html_()
    assert State.NOT_YET.colour in two(3)._repr_html_()
    assert repr(two(3)) == "✗ Exercise 9.1, Two: not yet.\n  One less.\n  Value of your answer: 3 is too large."
    assert repr(two(2, solution=True)) == "✓ Solution of exercise 9.1, Two: right.\n  It matters."


def test_each_part_that_is_there_is_judged():
    _, _, parts = _book()
    assert parts(..., ..., ...).state is State.NOT_ATTEMPTED
    assert repr(parts(1, ..., ...)).splitlines()[1:] == ["  Right so far: `first`.", "  Still open: `second`, `third`."]
    lines = repr(parts(5, lambda: 3, 3)).splitlines()[1:]
    assert lines[0] == "  `first`: Both."
    assert "  `second`: Not one." in lines
    assert lines[-1] == "  `third` is judged once `first` is right."
    assert parts(1, lambda: 2, 3).state is State.RIGHT


def test_what_the_failing_call_printed_is_shown_and_cut():
    def chatty():
        for turn in range(100):
            print("turn", turn)
        return 1

    shown = [line for line in repr(_book()[2](1, chatty, ...)).splitlines() if line.startswith("  | ")]
    assert shown == [*(f"  | turn {turn}" for turn in range(20)), "  | ..."]


def test_progress_counts_own_answers_once_and_no_solutions():
    book, two, parts = _book()
    states = lambda: [state for *_, state in book.progress().rows]  # noqa: E731
    two(2, solution=True)
    assert states() == [State.NOT_ATTEMPTED] * 2
    two(3)
    parts(1, lambda: 2, 3)
    assert states() == [State.NOT_YET, State.RIGHT]
    parts(1, lambda: 1, 2)  # was solved
    two(2)
    two(...)
    assert states() == [State.RIGHT] * 2
    assert [line.split() for line in repr(book.progress()).splitlines()[1:]] == [
        ["9.1", "Two", "✓", "solved"],
        ["9.2", "Parts", "✓", "solved"],
    ]
    assert book.progress()._repr_html_().count("✓ solved") == 2


def test_the_wrong_number_of_answers_is_a_verdict():
    _, two, parts = _book()
    for verdict in (two(), parts(1, 2, 3, fourth=3)):
        assert verdict.state is State.NOT_YET
        assert "is called as `check." in repr(verdict)
