"""The core of the checks: comparing, running a learner's code safely, verdicts and progress."""

import math
import random
import signal
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from helpers.checks.compare import (
    Blank,
    NotYet,
    call,
    describe,
    expect,
    expect_callable,
    expect_class,
    expect_function,
    expect_module,
    expect_no_loop,
    hinted,
    is_blank,
    kind,
    message_of,
)
from helpers.checks.core import Book, State
from helpers.checks.guard import TimeUp, guarded, within
from tests.helpers.checks.exercises.hostile import ENDLESS, Raises

TENSOR = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


# In words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "None"),
        (TENSOR, "a tensor"),
        (np.zeros(2), "an ndarray"),
        (nn.L1Loss(), "an L1Loss"),
        (nn.MSELoss(), "an MSELoss"),
        (nn.ReLU(), "a ReLU"),
        (nn.Linear(1, 1), "a Linear"),
        (nn.Identity(), "an Identity"),
        (nn.Unflatten(1, (1, 1)), "an Unflatten"),
        (np.uint8(1), "a uint8"),
        (1, "an int"),
    ],
)
def test_a_type_with_its_article(value, words):
    assert kind(value) == words


def test_an_error_in_words_has_no_colours_and_one_line():
    assert message_of(ValueError("\x1b[31;1mno\x1b[0m good\nmore")) == "ValueError: no good."


def test_a_finding_gets_the_hint_of_the_first_message_that_it_quotes():
    hints = {"absent": "never", "shape": "the first", "Wrong": "the second"}
    with pytest.raises(NotYet) as caught, hinted(hints):
        raise NotYet("Wrong shape.", "more")
    assert caught.value.sentences == ("Wrong shape.", "more", "the first")
    with pytest.raises(NotYet) as caught, hinted({"absent": "never"}):
        raise NotYet("Wrong shape.")
    assert caught.value.sentences == ("Wrong shape.",)


# Comparing


@pytest.mark.parametrize(
    "value",
    [
        TENSOR,
        torch.tensor([1.0, math.nan, math.inf]),
        torch.tensor([], dtype=torch.int64),
        torch.tensor(True),
        torch.tensor([1 + 2j]),
        torch.ones(2, requires_grad=True),
        nn.Parameter(torch.ones(2)),
        3,
        0.5,
        math.nan,
        math.inf,
        "text",
        None,
        True,
        torch.float32,
        torch.device("cpu"),
        [1, TENSOR],
        (1, "a"),
        {"a": TENSOR, 1: 2.0},
        torch.Size([2, 3]),
    ],
)
def test_a_value_is_what_it_is(value):
    expect(value, value)


@pytest.mark.parametrize(
    ("answer", "wanted", "sentence"),
    [
        ([1.0, 2.0], torch.tensor([1.0, 2.0]), "Type of your answer: expected a tensor, received a list of length 2."),
        (None, TENSOR, "received None. A function without `return` gives None"),
        (torch.tensor(2), 2, "received a tensor of shape [] (int64). `item()` makes a plain number"),
        (True, 1, "expected an int, received the bool True"),
        (1, 1.0, "expected a float, received the int 1"),
        (np.float64(0.5), 0.5, "received a float64"),
        (nn.Parameter(TENSOR), TENSOR, "expected a tensor, received a Parameter"),
        (TENSOR[:1], TENSOR, "Shape of your answer: expected [2, 2], received [1, 2]."),
        (torch.ones(1, 1), torch.ones(1), "Shape of your answer: expected [1], received [1, 1]."),
        (TENSOR.double(), TENSOR, "dtype of your answer: expected float32, received float64."),
        (TENSOR.to("meta"), TENSOR, "Device of your answer: expected cpu, received meta."),
        (TENSOR.to_sparse(), TENSOR, "Layout of your answer"),
        (TENSOR.flip(0), TENSOR, "Values of your answer: 4 of 4 differ, the first at [0, 0]: 3 is too large."),
        (TENSOR * math.nan, TENSOR, "the first at [0, 0]: nan is not right"),
        (TENSOR, TENSOR * math.nan, "the first at [0, 0]: 1 is not right"),
        (TENSOR + torch.tensor([[0, 0], [0, 0.001]]), TENSOR, "1 of 4 differ, the first at [1, 1]: 4.001 is too large"),
        (torch.tensor(2.0), torch.tensor(3.0), "Value of your answer: 2 is too small."),
        (2, 3, "Value of your answer: 2 is too small."),
        (math.nan, 3.0, "nan is not right"),
        (10**30, 3, "a very large whole number is too large"),
        ("a", "b", "'a' is not right"),
        ("x" * 1000, "b", "x' is not right"),
        ((1, 2), (1, 2, 3), "Length of your answer: expected 3, received 2."),
        ([1, 2], (1, 2), "expected a tuple, received a list of length 2"),
        ((1, 5), (1, 2), "Value of element 1 of your answer: 5 is too large."),
        ({"a": 1}, {"b": 1}, "Keys of your answer"),
        ({Raises: 1}, {"b": 1}, "Keys of your answer"),
        ({"b": 2}, {"b": 1}, "Value of entry 'b' of your answer: 2 is too large."),
        (Raises, TENSOR, "received the class Raises"),
    ],
)
def test_what_differs_is_named(answer, wanted, sentence):
    with pytest.raises(NotYet) as caught:
        expect(answer, wanted)
    assert sentence in caught.value.sentences[0]
    assert len(caught.value.sentences[0]) < 200


def test_an_answer_that_raises_when_it_is_asked_is_described_by_its_type():
    for wanted in (TENSOR, 3, "a", None, [1], {"a": 1}, torch.float32):
        with pytest.raises(NotYet, match="received a Raises"):
            expect(Raises(), wanted)
    assert not is_blank(Raises())


def test_requires_grad_is_compared_where_it_is_asked():
    expect(TENSOR, TENSOR, requires_grad=False)
    with pytest.raises(NotYet, match="requires_grad of your answer: expected True, received False"):
        expect(TENSOR, TENSOR, requires_grad=True)


def test_the_wanted_value_is_shown_only_where_it_is_revealed():
    with pytest.raises(NotYet) as hidden:
        expect(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 7.25]))
    assert "7.25" not in str(hidden.value)
    with pytest.raises(NotYet, match=r"at \[1\]: expected 7.25, received 2"):
        expect(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 7.25]), reveal=True)


def test_a_recognised_mistake_gets_its_hint_and_others_do_not():
    mistakes = {"You added.": torch.tensor(5.0), "You divided.": torch.tensor(1.5)}
    with pytest.raises(NotYet) as caught:
        expect(torch.tensor(1.5), torch.tensor(6.0), mistakes=mistakes)
    assert caught.value.sentences[1:] == ("You divided.",)
    with pytest.raises(NotYet) as caught:
        expect(torch.tensor(2.5), torch.tensor(6.0), mistakes=mistakes)
    assert len(caught.value.sentences) == 1


def test_a_tensor_that_hides_a_method_does_not_mislead():
    liar = torch.zeros(2, 2)
    for name in ("detach", "clone", "equal", "shape_as", "tolist", "isclose", "eq"):
        setattr(liar, name, lambda *_: TENSOR)
    with pytest.raises(NotYet, match="4 of 4 differ"):
        expect(liar, TENSOR)


def test_a_judge_that_wants_what_cannot_be_compared_is_told():
    wanted = object()
    with pytest.raises(TypeError, match="received an object"):
        expect(wanted, wanted)


# Functions


def test_a_function_is_compared_on_every_case():
    expect_function(lambda x: x + 1, lambda x: x + 1, [(1,), (2,)])
    with pytest.raises(NotYet, match="Value of the result for the int 2: expected 3, received 2"):
        expect_function(lambda x: 2, lambda x: x + 1, [(1,), (2,)])
    for nothing in (3, None, nn.Identity()):
        with pytest.raises(NotYet, match="expected a function"):
            expect_function(nothing, lambda x: x, [(1,)])


def test_the_function_gets_copies_and_must_leave_them():
    given, inside = torch.ones(2), [torch.ones(2)]
    for change in (
        lambda x, _: x.add_(1),
        lambda x, _: x.resize_(1),
        lambda _, xs: xs.append(1),
        lambda _, xs: xs[0].neg_(),
    ):
        with pytest.raises(NotYet, match="The function changed its input"):
            call(change, given, inside)
    assert torch.equal(given, torch.ones(2))
    assert len(inside) == 1
    call(lambda xs: xs.append(1), inside, may_change=True)
    assert len(inside) == 2


@pytest.mark.parametrize(
    "error", [ValueError("too\nlong"), SystemExit(), KeyboardInterrupt(), MemoryError(), GeneratorExit()]
)
def test_what_a_function_raises_is_a_finding(error):
    def function(x):
        raise error

    with pytest.raises(NotYet, match=f"called with the int 1: {type(error).__name__}"):
        call(function, 1)


def test_deep_recursion_is_a_finding():
    def function(x):
        return function(x)

    with pytest.raises(NotYet, match="RecursionError"):
        call(function, 1)


def _looping():
    def comprehension(x):
        return [one for one in x]  # noqa: C416

    def generator(x):
        return sum(one for one in x)

    def loop(x):
        for _ in x:
            pass

    def while_loop(x):
        while x > 0:
            x -= 1

    def mapped(x):
        return list(map(abs, x))

    def recursive(x):
        return recursive(x[1:]) if len(x) else 0

    def helped(x):
        return _a_loop(x)

    def inner(x):
        def one(x):
            return [abs(value) for value in x]

        return one(x)

    class WithCall:
        def __call__(self, x):
            return [abs(one) for one in x]

        def method(self, x):
            return {one for one in x}  # noqa: C416

    def recursive_inside(x):
        def one(x):
            return one(x[1:]) if len(x) else 0

        return one(x)

    def later(x):
        return _plain(x) + nn.functional.relu(x) + _plain(_a_loop(x)) + _plainer(x)

    yield from (comprehension, generator, loop, while_loop, mapped, recursive, helped, inner, partial(loop))
    yield from (WithCall(), WithCall().method, lambda x: eval("[one for one in x]"), lambda x: x.apply_(abs))
    yield from (recursive_inside, later, _ping, _itself)


def _a_loop(x):
    return [one for one in x]  # noqa: C416


def _ping(x):
    return _pong(x)


def _pong(x):
    return _ping(x)


def _itself(x):
    return _itself(x[1:]) if len(x) else 0


def _plain(x):
    return x + 1


def _plainer(x):
    return 2 * _plain(x)


def _both(x):
    """Calls a helper twice: itself, and through another one."""
    return _plainer(x) + _plain(x)


def sort(x):
    """Calls a method that has its name."""
    return x.sort().values


@pytest.mark.parametrize("function", list(_looping()), ids=lambda function: getattr(function, "__name__", "object"))
def test_a_loop_is_recognised(function):
    with pytest.raises(NotYet, match="asks for no loop"):
        expect_no_loop(function)


def _straight(x):
    """Loops over nothing, though it has a branch and a `for` in its text."""
    if x.ndim > 1:
        x = x.flatten()
    with torch.no_grad():
        try:
            return torch.stack([x, x]) if len(x) else x
        except ValueError:
            return x


@pytest.mark.parametrize(
    "function", [_straight, torch.mean, lambda x: x.sum(dim=0), abs, nn.functional.relu, _both, sort]
)
def test_what_does_not_loop_is_let_through(function):
    expect_no_loop(function)


# Blanks


def _nothing(x): ...


def _documented(x):
    """Says what it will do."""
    return ...


class _Unfinished(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, X):
        return ...


@pytest.mark.parametrize(
    "answer", [..., (1, ...), [...], {"a": ...}, _nothing, _documented, lambda x: ..., _Unfinished]
)
def test_blanks(answer):
    assert is_blank(answer)


@pytest.mark.parametrize("answer", [None, 0, [], (), {}, lambda x: x[..., 0], lambda x: 0, nn.Linear, len])
def test_what_is_not_blank(answer):
    assert not is_blank(answer)


def _half_done(x):
    mean = ...
    return x - mean


def test_a_blank_that_stops_the_code_is_a_blank():
    for unfinished in (_half_done, lambda x: torch.zeros(...), lambda x: [x, ...], lambda x: x.sum(dim=...)):
        with pytest.raises(Blank):
            call(unfinished, TENSOR)
    with pytest.raises(Blank):
        expect((1, ...), (1, 2))


# Networks


X = torch.ones(5, 4)


class _Net(nn.Module):
    def __init__(self, *, drop=0.0, unused=False, detached=False):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(4, 3), nn.Dropout(drop), nn.Linear(3, 2)
        self.detached = detached
        if unused:
            self.spare = nn.Linear(1, 1)

    def forward(self, X):
        output = self.last(self.drop(self.first(X)))
        return output.detach() if self.detached else output


class _Restless(nn.Module):
    def forward(self, X):
        return X + torch.rand(())


class _Returns(nn.Module):
    """Gives one output in train mode, and another one in eval mode."""

    def __init__(self, output, in_eval_mode=None):
        super().__init__()
        self.output, self.in_eval_mode = output, output if in_eval_mode is None else in_eval_mode

    def forward(self, X):
        return self.output if self.training else self.in_eval_mode


def test_a_network_as_it_should_be():
    expect_module(_Net(), X, output_shape=[5, 2], parameters=23, modes_differ=False)
    expect_module(_Net(drop=0.5), X, modes_differ=True)
    expect_module(nn.Sequential(nn.Linear(4, 2), nn.Softmax(dim=1)), X)
    expect_module(nn.Flatten(), X, parameters=0)


@pytest.mark.parametrize(
    ("model", "options", "sentence"),
    [
        (_Net, {}, "received the class _Net. Give the model itself"),
        (lambda X: X, {}, "to be a torch.nn.Module, received a function"),
        (_Net(), {"output_shape": [5, 3]}, "expected [5, 3], received [5, 2]"),
        (_Net(), {"parameters": 24}, "expected your model to have 24, received 23"),
        (_Net(unused=True), {}, "none reaches the parameter `spare.weight`"),
        (_Net(detached=True), {}, "does not depend on its parameters"),
        (_Net(), {"modes_differ": True}, "expected different outputs"),
        (_Net(drop=0.5), {"modes_differ": False}, "expected the same output"),
        (_Restless(), {}, "two different outputs"),
        (_Net().double(), {}, "raised an error"),
        (nn.Linear(3, 3), {}, "mat1 and mat2 shapes cannot be multiplied"),
        (_Returns((X, X)), {}, "Type: expected your model to return a tensor, received a tuple of length 2."),
        (_Returns(X, 3), {}, "Type: expected your model to return a tensor, received the int 3."),
        (_Returns(X / 0), {}, "your model: expected finite float32, received a tensor of shape [5, 4] (float32)."),
        (_Returns(X.double()), {}, "expected finite float32, received a tensor of shape [5, 4] (float64)."),
        (_Returns(X, X[:, :1]), {"output_shape": [5, 4]}, "output of your model: expected [5, 4], received [5, 1]."),
        (_Returns(X[:, :1], X), {"output_shape": [5, 4]}, "output of your model: expected [5, 4], received [5, 1]."),
    ],
)
def test_what_is_wrong_with_a_network_is_named(model, options, sentence):
    with pytest.raises(NotYet) as caught:
        expect_module(model, X, **options)
    assert sentence in caught.value.sentences[0]


def test_judging_a_network_leaves_it_as_it_was():
    model = _Net(drop=0.5).eval()
    expect_module(model, X, modes_differ=True)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_an_unfinished_network_is_blank():
    for unfinished in (_Unfinished(), _Unfinished):
        with pytest.raises(Blank):
            expect_module(unfinished, X)


# Running what may do harm


@pytest.mark.parametrize("code", ENDLESS)
def test_endless_code_is_stopped(code):
    if code is not ENDLESS[0] and not hasattr(signal, "setitimer"):
        pytest.skip("needs alarms, which Windows lacks: there a sleep is ended only when it is over")
    start = time.monotonic()
    with pytest.raises(TimeUp):
        within(0.1, code)
    assert time.monotonic() - start < 3
    assert sys.gettrace() is None or "within" not in repr(sys.gettrace())


def test_endless_code_is_stopped_in_another_thread_too():
    stopped = []

    def work():
        try:
            within(0.1, ENDLESS[0])
        except TimeUp:
            stopped.append(True)
        stopped.append(sum(range(10_000)))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(10)
    assert stopped == [True, 49_995_000]


def test_what_ends_in_time_is_not_disturbed():
    assert within(5, lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)
    within(0.02, lambda: None)
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
        sys.setrecursionlimit(5000)
        sys.stdout = sys.stderr = None
        raise SystemExit

    def state():
        return (
            torch.get_rng_state().tolist(),
            random.getstate(),
            np.random.get_state()[1].tolist(),  # noqa: NPY002
            torch.get_default_dtype(),
            torch.get_default_device(),
            torch.is_grad_enabled(),
            sys.getrecursionlimit(),
            sys.stdout,
            sys.stderr,
        )

    before = state()
    with pytest.raises(SystemExit):
        guarded(harm, 5)
    assert state() == before
    guarded(lambda: print("noise"), 5)
    assert capsys.readouterr().out == ""


def test_a_learners_own_surroundings_do_not_reach_a_check():
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode(), torch.device("meta"):
            assert guarded(lambda: torch.ones(1, requires_grad=True).sum().requires_grad, 5)
            assert guarded(lambda: (torch.ones(1).dtype, torch.ones(1).device.type, torch.is_grad_enabled()), 5) == (
                torch.float32,
                "cpu",
                True,
            )
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


# Exercises, verdicts, progress


def _book():
    book = Book(9)

    @book.exercise("Two", goal="count", minutes=1, difficulty=1, why="It matters.")
    def two(number):
        expect(number, 2, mistakes={"One less.": 3})

    @book.exercise("A pair", goal="count on", minutes=2, difficulty=3, why="Try `three`.", seconds=0.1)
    def pair(first, second):
        expect(call(first), 1)
        expect(second, 2)

    return book, two, pair


def test_the_three_states_and_their_words():
    _, two, _ = _book()
    assert (
        repr(two(...))
        == "○ Exercise 9.1, Two: not attempted yet.\n  Put your answer in the place of `...` and run the cell again."
    )
    assert repr(two(3)) == "✗ Exercise 9.1, Two: not yet.\n  Value of your answer: 3 is too large.\n  One less."
    assert repr(two(2)) == "✓ Exercise 9.1, Two: right.\n  It matters."
    assert repr(two(2, solution=True)) == "✓ Solution of exercise 9.1, Two: right.\n  It matters."


def test_the_rich_form_has_colour_and_the_same_symbols():
    _, two, pair = _book()
    shown = [verdict._repr_html_() for verdict in (two(...), two(3), pair(lambda: 1, 2))]
    for text, symbol, state in zip(shown, "○✗✓", (State.NOT_ATTEMPTED, State.NOT_YET, State.RIGHT), strict=True):
        assert f"<strong>{symbol} " in text
        assert f"border-left: 4px solid {state.colour}" in text
    assert "<code>three</code>" in shown[-1]
    assert "&lt;b&gt;" in two("<b>")._repr_html_()


def test_progress_counts_own_answers_once_and_no_solutions():
    book, two, pair = _book()
    states = lambda: [state for *_, state in book.progress().rows]  # noqa: E731
    assert states() == [State.NOT_ATTEMPTED] * 2
    two(2, solution=True)
    assert states() == [State.NOT_ATTEMPTED] * 2
    two(3)
    pair(lambda: 1, 2)
    assert states() == [State.NOT_YET, State.RIGHT]
    pair(lambda: 2, 2)  # was solved
    two(2)
    two(...)
    assert states() == [State.RIGHT] * 2
    assert repr(book.progress()).splitlines() == [
        "Exercises of notebook 9: 2 of 2 solved by you in this run",
        "9.1  Two     ✓ solved",
        "9.2  A pair  ✓ solved",
    ]
    assert book.progress()._repr_html_().count("✓ solved") == 2
    book.restart()
    assert states() == [State.NOT_ATTEMPTED] * 2


def test_the_wrong_number_of_answers_is_a_verdict():
    _, two, pair = _book()
    for verdict in (two(), two(1, 2), pair(1), pair(1, 2, third=3)):
        assert verdict.state is State.NOT_YET
        assert "is called as `check." in repr(verdict)


def test_a_slow_answer_and_one_that_a_check_cannot_use_get_a_verdict():
    _, _, pair = _book()
    assert "took too long" in repr(pair(ENDLESS[0], 2))
    book = Book(9)

    @book.exercise("Careless", goal="fail", minutes=1, difficulty=1, why="Why.")
    def careless(answer):
        answer.upper()

    assert "could not use your answer (an int): AttributeError" in repr(careless(3))


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_would_end_the_kernel_inside_a_check_gets_a_verdict(error):
    book = Book(9)

    @book.exercise("Leaving", goal="leave", minutes=1, difficulty=1, why="Why.")
    def leaving(answer):
        raise error

    assert f"could not use your answer (an int): {error.__name__}" in repr(leaving(3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"difficulty": 4}, "difficulty 1 to 3"),
        ({"minutes": 0}, "1 minute or more"),
        ({"goal": " "}, "one is missing"),
        ({"why": "no sentence"}, "one is missing"),
        ({"title": "Two"}, "one exercise per name and title"),
    ],
)
def test_an_authors_mistake_is_refused(change, message):
    book, *_ = _book()
    options = {"title": "Three", "goal": "count", "minutes": 1, "difficulty": 1, "why": "It matters.", **change}
    with pytest.raises(ValueError, match=message):
        book.exercise(options.pop("title"), **options)(lambda answer: None)


def test_two_exercises_of_one_name_are_refused():
    book, two, _ = _book()
    with pytest.raises(ValueError, match="one exercise per name and title"):
        book.exercise("Other", goal="count", minutes=1, difficulty=1, why="It matters.")(two.judge)


def test_describing_stays_short():
    for value in ("x" * 10**6, 10**5000, [0] * 10**6, torch.zeros([1] * 30), type("N" * 1000, (), {})()):
        assert len(describe(value)) < 130


# What is said, to the letter


def _said(asked, *arguments, **options):
    """What the learner is told, all of it."""
    with pytest.raises(NotYet) as refused:
        asked(*arguments, **options)
    return "\n".join(str(part) for part in refused.value.args if part)


def test_what_is_no_function_and_no_class_is_refused():
    assert _said(expect_callable, 3) == "Type: expected a function, received the int 3."
    assert _said(expect_callable, nn.ReLU(), "forward") == "forward: expected a function, received a ReLU."
    expect_callable(torch.relu)
    made = " Give the class itself, without making a model of it."
    assert _said(expect_class, nn.ReLU()) == f"Type: expected the class, received a ReLU.{made}"
    assert _said(expect_class, 3) == "Type: expected the class, received the int 3."
    expect_class(nn.ReLU)


def test_a_function_may_loop_unless_it_is_said_and_each_mistake_has_its_hint():
    def loops(x):
        return torch.stack([2 * one for one in x])

    cases, hints = [(torch.ones(2),)], {"fails": lambda x: x.nothing, "three times": lambda x: 3 * x}
    expect_function(loops, lambda x: 2 * x, cases)
    said = _said(expect_function, loops, lambda x: 2 * x, cases, loops=False)
    assert said.startswith("The result is right. But this exercise asks for no loop, and your function has one (a")
    assert said.endswith("Tensor operations work on all elements at once.")
    assert "three times" in _said(expect_function, lambda x: 3 * x, lambda x: 2 * x, cases, mistakes=hints)
    expect_function(lambda x: 2.01 * x, lambda x: 2 * x, cases, rtol=0.1)
    expect_function(lambda x: 2 * x + 0.01, lambda x: 2 * x, cases, atol=0.1)
    with pytest.raises(NotYet, match=r"^requires_grad of the result"):
        expect_function(lambda x: 2 * x, lambda x: 2 * x, cases, requires_grad=True)


def test_numbers_may_differ_by_a_little_and_whole_numbers_by_nothing():
    for answer, wanted in ((2.0001, 2.0), (1e-7, 0.0), (torch.tensor([2.0001, 1e-7]), torch.tensor([2.0, 0.0]))):
        expect(answer, wanted)
    for answer, wanted in ((2.001, 2.0), (1e-5, 0.0), (100_001, 100_000)):
        with pytest.raises(NotYet, match="is too large"):
            expect(answer, wanted)
    with pytest.raises(NotYet, match="100001 is too large"):
        expect(torch.tensor([5, 100_001]), torch.tensor([5, 100_000]))


def test_a_call_says_what_it_was_called_with_and_what_it_changed():
    def grow(x):
        return x.add_(1)

    assert call(lambda x, *, twice: x * twice, 3, twice=2) == 6
    assert "was called with no arguments: ZeroDivisionError: " in _said(call, lambda: 1 / 0)
    said = _said(call, grow, torch.ones(2))
    assert "The function changed its input, a tensor of shape [2] (float32), and its caller may" in said
    assert said.endswith(
        "Look for `+=`, a method whose name ends in an underscore, or an index on the left of `=`; "
        "make a new tensor, or work on a `clone()`."
    )
    named = {"a": torch.ones(2)}
    assert "The function changed its input, a dict of length 1, and" in _said(
        call, lambda given: grow(given["a"]), named
    )
    assert torch.equal(named["a"], torch.ones(2))
    assert "called with the int 1, 'a': TypeError: " in _said(call, lambda a, b: a + b, 1, "a")
    model = nn.Linear(1, 1)
    before = model.weight.item()
    call(lambda given: given.weight.data.fill_(before + 1), model)  # of a copy
    assert model.weight.item() == before


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.zeros([1] * 8), f"a tensor of shape [{', '.join('1' * 8)}] (float32)"),
        (torch.zeros([1] * 9), f"a tensor of shape [{', '.join('1' * 8)}, ...] (float32)"),
        (torch.zeros(2, device="meta"), "a tensor of shape [2] (float32 on meta)"),
        (torch.eye(2).to_sparse(), "a tensor that is not dense"),
        (2**64 - 1, f"the int {2**64 - 1}"),
        (2**64, "the int a very large whole number"),
        ("x" * 40, repr("x" * 40)),
        ("x" * 41, repr("x" * 40)),
        (math.pi, "the float 3.14159"),
        ([1, 2], "a list of length 2"),
    ],
)
def test_long_values_are_cut(value, words):
    assert describe(value) == words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no"), "ValueError: no."),
        (ValueError("no!"), "ValueError: no!"),
        (ValueError("no."), "ValueError: no."),
        (ValueError("no?"), "ValueError: no?"),
        (ValueError(), "ValueError."),
        (ValueError(3), "ValueError."),
        (ValueError(": no"), "ValueError: : no."),
        (ValueError("x" * 161), f"ValueError: {'x' * 160}."),
        (ValueError("\x1b[31mred\x1b[0m\nsecond line"), "ValueError: red."),
    ],
)
def test_an_error_in_one_line(error, words):
    assert message_of(error) == words
