"""Exercises, the verdicts on their answers, and a learner's progress in one run of a notebook.

A module of checks makes one `Book` and registers a judge per exercise. It is called with the learner's answers; it
returns where they are right, and raises `NotYet` where they are not, as the `expect...` functions of `compare` do.
Whatever else happens inside it, the learner gets a verdict and never a traceback.

**Mistakes** are declared beside the title: a dict from the hint to the wrong answer that deserves it. The one that is
found wrong *in the same way* as the learner's (in the same case, with the same value, error or sentence) gives its
hint. Draw cases from random floats, so that different mistakes give different values. Several wrong answers for one
hint: `either(a, b)`; several answers of one check: a tuple; what its judge would change: `mistakes=lambda: {...}`.
Functions and classes come from a `template`. What beginners do wrong in every exercise is in `diagnose`.

    _centred = template("def centre_rows(X): return $result")

    @book.exercise(
        "Centre the rows", goal="subtract means", minutes=2, difficulty=1, why="A full sentence.",
        mistakes={"`dim=` names the dimension that disappears.": _centred("X - X.mean(dim=0)", "X - X.mean()")},
    )
    def centre_rows(answer):
        'Each row minus its mean.'
        expect_results(answer, _rows(), without_loop=True)  # a value: expect(answer, wanted, what="`times`")

Build the cases (`Case((X,), wanted)`) so that the wanted result is known without a function that could be handed in as
an answer: put it into the input, compute it with plain loops, or write it down. For properties use `call`, and raise
`NotYet` with one sentence of what was found. The parameter of a judge is called `answer`; several carry the names of
the notebook. The judge of a **project** yields a `Part` for each answer, and those that are there are judged:

    yield Part("splits", lambda: _expect_splits(splits))
    yield Part("best_lr", lambda: _expect_choice(splits, best_lr), after=("splits",))
"""

from __future__ import annotations

import ast
import html
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import product
from string import Template
from textwrap import dedent
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.compare import Blank, NotYet, calls, is_blank, kind, message_of
from helpers.checks.diagnose import decisive, diagnose, evident
from helpers.checks.guard import TimeUp, guarded
from helpers.checks.source import place_of

SECONDS = 5.0  # what an exercise's check may take


class State(Enum):
    """The state of an answer; the value is a symbol, so that nothing depends on the colour alone."""

    NOT_ATTEMPTED = "○", "not attempted yet", "#8c8c8c"
    NOT_YET = "✗", "not yet", "#d98200"
    RIGHT = "✓", "right", "#2f8fd0"

    def __new__(cls, symbol: str, words: str, colour: str) -> State:  # noqa: D102
        state = object.__new__(cls)
        state._value_, state.words, state.colour = symbol, words, colour
        return state


# `jupyter nbconvert --to html` opens every cell. This folds the code above a solution's verdict until it is clicked or
# reached by Tab. No front end that runs notebooks gives a cell this class.
FOLD_IN_HTML = (
    "<style>.celltag_solution .jp-Cell-inputWrapper:not(:focus-within) > .jp-InputArea { display: none } "
    ".celltag_solution .jp-Cell-inputWrapper:not(:focus-within)::before "
    '{ content: "▸ Solution: click to show its code"; cursor: pointer; font-family: var(--jp-content-font-family); '
    "font-size: var(--jp-content-font-size1); margin-left: calc(var(--jp-cell-prompt-width) + 14px) }</style>"
)


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a check says: the state, and the sentences for it. A notebook shows it with a colour."""

    state: State
    heading: str
    sentences: tuple[str, ...]
    style: str = ""

    @property
    def passed(self) -> bool:
        """Whether the answer is right, for graders: `assert check.half_seconds(times).passed`."""
        return self.state is State.RIGHT

    def __repr__(self) -> str:
        return "\n  ".join((f"{self.state.value} {self.heading}: {self.state.words}.", *self.sentences))

    def _repr_html_(self) -> str:
        first, *others = (_as_html(line) for line in repr(self).split("\n  "))
        lines = "".join(f"<br>{line}" for line in others)
        frame = f"border-left: 4px solid {self.state.colour}; padding: 2px 0 2px 10px; margin: 2px 0; line-height: 1.5"
        return f'{self.style}<div role="status" style="{frame}"><strong>{first}</strong>{lines}</div>'


@dataclass(frozen=True, repr=False)
class Progress:
    """Which exercises of a notebook the learner has solved in this run, as a table."""

    book: int
    rows: tuple[tuple[str, str, State], ...]

    @property
    def _heading(self) -> str:
        solved = sum(state is State.RIGHT for *_, state in self.rows)
        return f"Exercises of notebook {self.book}: {solved} of {len(self.rows)} solved by you in this run"

    def __repr__(self) -> str:
        width = max(len(title) for _, title, _ in self.rows)
        return "\n".join(
            (self._heading, *(f"{number}  {title:<{width}}  {_state(state)}" for number, title, state in self.rows))
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align: left">{number}</td><td style="text-align: left">{html.escape(title)}</td>'
            f'<td style="text-align: left; border-left: 4px solid {state.colour}">{_state(state)}</td></tr>'
            for number, title, state in self.rows
        )
        head = "".join(f'<th style="text-align: left">{name}</th>' for name in ("exercise", "title", "state"))
        return f"<strong>{self._heading}</strong><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _state(state: State) -> str:
    return f"{state.value} {'solved' if state is State.RIGHT else state.words}"


def _as_html(line: str) -> str:
    """A line with its `code` set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(line))


Mistakes = Mapping[str, Any] | Callable[[], Mapping[str, Any]]


class either(tuple):  # noqa: N801 - reads as a word where mistakes are declared
    """Several wrong answers that deserve the same hint."""

    __slots__ = ()

    def __new__(cls, *answers: Any) -> either:  # noqa: D102
        flat = (one for answer in answers for one in (answer if type(answer) is either else (answer,)))
        return super().__new__(cls, flat)


def template(source: str, names: Mapping[str, Any] | None = None, **defaults: str) -> Callable[..., either]:
    """A maker of wrong answers from source text with holes, `$hole`, that `defaults` fill where a mistake does not.

    Each of its arguments by position is put into `$result`, and makes an answer: the function or class that the text
    defines. A tuple for a hole makes one of each. The text can use `torch`, `nn`, `F` and `names`.
    """

    def wrong(*results: str, **holes: str | tuple[str, ...]) -> either:
        holes["result"] = results or (defaults.get("result", ""),)
        chosen = product(*(one if type(one) is tuple else (one,) for one in holes.values()))
        texts = (Template(dedent(source)).substitute(defaults | dict(zip(holes, one, strict=True))) for one in chosen)
        return either(*map(defined, texts))

    def defined(text: str) -> Any:
        namespace = {"torch": torch, "nn": nn, "F": nn.functional, **(names or {})}
        exec(text, namespace)
        return namespace[ast.parse(text).body[-1].name]

    return wrong


def seeded(seed: int) -> torch.Generator:
    """A generator of random numbers for the cases of a check."""
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> Tensor:
    """Normally distributed numbers, the same ones for the same seed."""
    return torch.randn(*shape, generator=seeded(seed))


@dataclass(frozen=True)
class Part:
    """One part of a project: its answer's name in the notebook, its judge, and the parts that it needs."""

    name: str
    judge: Callable[[], None]
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Finding:
    """How the judge of an exercise found the answers: the state, what was not right, and what else to say."""

    state: State
    not_yet: tuple[tuple[str, NotYet], ...] = ()  # by the name of the part, or "" where there are no parts
    notes: tuple[str, ...] = ()

    def same_as(self, other: _Finding, part: str, alike: Callable[..., bool] = NotYet.same_as) -> bool:
        """Whether this part was found wrong in the same way."""
        mine, theirs = dict(self.not_yet).get(part), dict(other.not_yet).get(part)
        return mine is not None and theirs is not None and alike(mine, theirs)


@dataclass(eq=False, repr=False)
class Exercise:
    """One exercise: call it with the learner's answer, or answers, for a verdict."""

    name: str
    number: str
    title: str
    goal: str
    minutes: int
    difficulty: int
    why: str
    seconds: float
    judge: Callable[..., Any] = field(repr=False)
    declared: Mistakes = field(repr=False)
    state: State = State.NOT_ATTEMPTED
    judged: list[tuple[str, _Finding]] = field(default_factory=list, repr=False)

    @property
    def heading(self) -> str:
        """Number and title."""
        return f"Exercise {self.number}, {self.title}"

    @property
    def lines(self) -> tuple[str, str]:
        """What its task in the notebook begins with: a heading, and a line with its time and difficulty."""
        return (
            f"#### Exercise {self.number}: {self.title}",
            f"*About {self.minutes} minutes, difficulty {self.difficulty} of 3.*",
        )

    @property
    def answers(self) -> list[str]:
        """The names of the judge's parameters, one for each answer."""
        return list(inspect.signature(self.judge).parameters)

    def mistakes(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Each declared wrong answer, as the check is called with it, after its hint."""
        declared = self.declared() if callable(self.declared) else self.declared
        for hint, wrong in declared.items():
            for answer in wrong if type(wrong) is either else (wrong,):
                yield hint, answer if len(self.answers) > 1 else (answer,)

    def recognised(self, finding: _Finding, part: str = "") -> str | None:
        """The hint of the declared mistake that is found wrong in the same way."""
        for alike in (NotYet.same_as, NotYet.begins_as):
            for hint, known in self._known_mistakes():
                if known.same_as(finding, part, alike):
                    return hint
        return None

    def _known_mistakes(self) -> Iterator[tuple[str, _Finding]]:
        """How each declared mistake is found wrong; each is judged once, when it is first needed."""
        for place, (hint, wrong) in enumerate(self.mistakes()):
            if place == len(self.judged):
                self.judged.append((hint, self._finding(wrong)))
            yield self.judged[place]

    def __call__(self, *answers: Any, solution: bool = False, **named: Any) -> Verdict:
        """The verdict on these answers; with `solution=True` it does not count as the learner's own."""
        state, sentences = self._judged((*answers, *named.values()))
        if solution is False:
            # Once solved in this run, it stays so.
            order = list(State)
            self.state = max(self.state, state, key=order.index)
            return Verdict(state, self.heading, sentences)
        return Verdict(state, f"Solution of exercise {self.number}, {self.title}", sentences, FOLD_IN_HTML)

    def _judged(self, answers: tuple[Any, ...]) -> tuple[State, tuple[str, ...]]:
        if len(answers) != len(self.answers):
            received = "1 answer" if len(answers) == 1 else f"{len(answers)} answers"
            call = f"check.{self.name}({', '.join(self.answers)})"
            return State.NOT_YET, (f"The check is called as `{call}`; it was given {received}.",)
        finding = self._finding(answers)
        if finding.state is State.NOT_YET:
            return finding.state, tuple(self._explained(finding))
        blank = "Replace `...` with your answer, and run the cell again."
        return finding.state, (self.why if finding.state is State.RIGHT else blank,)

    def _explained(self, finding: _Finding) -> Iterator[str]:
        for part, not_yet in finding.not_yet:
            hints = not_yet.args[1:]
            if isinstance(not_yet.error, TimeUp):
                pass
            elif certain := self._general_hint(decisive, not_yet):
                hints = (certain,)
            elif hints := tuple(filter(None, [self.recognised(finding, part)])) or hints:
                hints += tuple(filter(None, [self._general_hint(evident, not_yet)]))
            elif general := self._general_hint(diagnose, not_yet):
                hints = (general,)
            told = not_yet.sentences(hints)
            yield f"`{part}`: {told[0]}" if part else told[0]
            yield from told[1:]
            if not_yet.printed:
                yield "Printed in the call that failed:"
                yield from (f"| {line}" for line in not_yet.printed)
        yield from finding.notes

    def _general_hint(self, rules: Callable[[NotYet], str | None], finding: NotYet) -> str | None:
        try:
            return guarded(lambda: rules(finding), self.seconds)
        except BaseException:  # an answer may raise whenever it is asked: then there is no hint
            return None

    def _finding(self, answers: tuple[Any, ...]) -> _Finding:
        calls.clear()
        try:
            return guarded(lambda: self._found(answers), self.seconds)
        except BaseException as error:  # a fault outside the judge, an interrupt
            return _Finding(State.NOT_YET, (("", self._unusable(answers, error)),))

    def _found(self, answers: tuple[Any, ...]) -> _Finding:
        blank = [is_blank(answer) for answer in answers]
        if all(blank) or (any(blank) and not inspect.isgeneratorfunction(self.judge)):
            return _Finding(State.NOT_ATTEMPTED)
        if inspect.isgeneratorfunction(self.judge):
            return self._of_parts(answers, dict(zip(self.answers, blank, strict=True)))
        outcome = self._outcome(lambda: self.judge(*answers), answers)
        if isinstance(outcome, NotYet):
            return _Finding(State.NOT_YET, (("", outcome),))
        return _Finding(outcome)

    def _of_parts(self, answers: tuple[Any, ...], blank: dict[str, bool]) -> _Finding:
        states: dict[str, State] = {}
        wrong, waiting = [], {}
        for part in self.judge(*answers):
            missing = [name for name in part.after if states[name] is not State.RIGHT]
            if blank.get(part.name) or missing:
                states[part.name] = State.NOT_ATTEMPTED
                if not blank.get(part.name):
                    waiting[part.name] = f"`{part.name}` is judged once `{missing[0]}` is right."
                continue
            calls.clear()
            outcome = self._outcome(part.judge, answers)
            states[part.name] = State.NOT_YET if isinstance(outcome, NotYet) else outcome
            if isinstance(outcome, NotYet):
                wrong.append((part.name, outcome))
        right = [f"`{name}`" for name, state in states.items() if state is State.RIGHT]
        left = [f"`{name}`" for name, state in states.items() if state is State.NOT_ATTEMPTED and name not in waiting]
        if len(right) == len(states):
            return _Finding(State.RIGHT)
        listed = {"Right so far": right, "Still open": left}
        notes = [f"{title}: {', '.join(names)}." for title, names in listed.items() if names]
        return _Finding(State.NOT_YET, tuple(wrong), (*notes, *waiting.values()))

    def _outcome(self, judge: Callable[[], None], answers: tuple[Any, ...]) -> State | NotYet:
        try:
            judge()
        except Blank:
            return State.NOT_ATTEMPTED
        except NotYet as finding:
            return finding
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: a learner's cell gets a verdict
            return self._unusable(answers, error)
        return State.RIGHT

    @staticmethod
    def _unusable(answers: tuple[Any, ...], error: BaseException) -> NotYet:
        if isinstance(error, TimeUp):
            sentence = "The check stopped your code, because it took too long."
            return NotYet(sentence, "Look for a loop that never ends.", error=error)
        found = f"The check could not use your answer ({' and '.join(map(kind, answers))}){place_of(error)}"
        return NotYet(f"{found}\n{message_of(error)}", error=error)

    def __repr__(self) -> str:
        return f"{self.heading}: give your answer to `check.{self.name}(...)`."


@dataclass(eq=False)
class Book:
    """The exercises of one notebook, in their order."""

    number: int
    exercises: dict[str, Exercise] = field(default_factory=dict)

    def exercise(
        self,
        title: str,
        *,
        goal: str,
        minutes: int,
        difficulty: int,
        why: str,
        mistakes: Mistakes | None = None,
        seconds: float = SECONDS,
    ) -> Callable[[Callable[..., Any]], Exercise]:
        """Register the decorated function as the check of the next exercise; it is called with the answers.

        The `goal` completes "you can ..."; `difficulty` is 1 to 3; `why` is what a right answer is told; `mistakes` are
        explained at the head of this module; `seconds` is the time limit.
        """

        def register(judge: Callable[..., Any]) -> Exercise:
            name = judge.__name__
            number = f"{self.number}.{len(self.exercises) + 1}"
            made = Exercise(name, number, title, goal, minutes, difficulty, why, seconds, judge, mistakes or {})
            made.__doc__ = judge.__doc__
            self.exercises[name] = made
            return made

        return register

    def progress(self) -> Progress:
        """Which exercises have been solved in this run; a solution that was run does not count."""
        rows = ((one.number, one.title, one.state) for one in self.exercises.values())
        return Progress(self.number, tuple(rows))
