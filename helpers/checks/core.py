"""Exercises, the verdicts on their answers, and a learner's progress in one run of a notebook.

A module of checks makes one `Book` and registers a function per exercise:

    book = Book(1)
    progress = book.progress

    @book.exercise("Means of the rows", goal="reduce along the right dimension", minutes=3, difficulty=1, why="...")
    def row_means(answer):
        expect(answer, SCORES.mean(dim=1), mistakes={"...": SCORES.mean(dim=0)})

The function returns where the answer is right, and raises `NotYet` (as `expect` does) where it is not. Whatever else
happens inside it, the learner gets a verdict and never a traceback.
"""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from helpers.checks.compare import Blank, NotYet, is_blank, kind, message_of
from helpers.checks.guard import TimeUp, guarded

SECONDS = 5.0  # what an exercise's check may take


class State(Enum):
    """How an answer stands; the value is a symbol, so that colour never speaks alone."""

    NOT_ATTEMPTED = "○"
    NOT_YET = "✗"
    RIGHT = "✓"

    @property
    def words(self) -> str:
        """The state in words."""
        return {"○": "not attempted yet", "✗": "not yet", "✓": "right"}[self.value]

    @property
    def colour(self) -> str:
        """Grey, orange or blue, each of which stands out on light and on dark ground."""
        return {"○": "#8c8c8c", "✗": "#d98200", "✓": "#2f8fd0"}[self.value]


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a check says: the state, and the sentences for it. A notebook shows it with a colour."""

    state: State
    heading: str
    sentences: tuple[str, ...]

    def __repr__(self) -> str:
        return "\n  ".join((f"{self.state.value} {self.heading}: {self.state.words}.", *self.sentences))

    def _repr_html_(self) -> str:
        first, *others = (_as_html(line) for line in repr(self).split("\n  "))
        lines = "".join(f"<br>{line}" for line in others)
        style = f"border-left: 4px solid {self.state.colour}; padding: 2px 0 2px 10px; margin: 2px 0; line-height: 1.5"
        return f'<div role="status" style="{style}"><strong>{first}</strong>{lines}</div>'


@dataclass(frozen=True, repr=False)
class Progress:
    """Which exercises of a notebook the learner has solved in this run, as a table."""

    book: int
    rows: tuple[tuple[str, str, State], ...]

    @property
    def solved(self) -> int:
        """How many are solved."""
        return sum(state is State.RIGHT for *_, state in self.rows)

    @property
    def _heading(self) -> str:
        return f"Exercises of notebook {self.book}: {self.solved} of {len(self.rows)} solved by you in this run"

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
    judge: Callable[..., None] = field(repr=False)
    state: State = State.NOT_ATTEMPTED

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

    def __call__(self, *answers: Any, solution: bool = False, **named: Any) -> Verdict:
        """The verdict on these answers; with `solution=True` it does not count as the learner's own."""
        state, sentences = self._judged((*answers, *named.values()))
        if solution is False:
            # Once solved in this run, it stays so.
            order = list(State)
            self.state = max(self.state, state, key=order.index)
            return Verdict(state, self.heading, sentences)
        return Verdict(state, f"Solution of exercise {self.number}, {self.title}", sentences)

    def _judged(self, answers: tuple[Any, ...]) -> tuple[State, tuple[str, ...]]:
        expected = list(inspect.signature(self.judge).parameters)
        if len(answers) != len(expected):
            call = f"`check.{self.name}({', '.join(expected)})`"
            return State.NOT_YET, (f"The check is called as {call}; it was given {len(answers)} answers.",)
        try:
            if any(is_blank(answer) for answer in answers):
                raise Blank
            guarded(lambda: self.judge(*answers), self.seconds)
        except Blank:
            return State.NOT_ATTEMPTED, ("Put your answer in the place of `...` and run the cell again.",)
        except NotYet as finding:
            sentences = finding.sentences
        except TimeUp:
            sentences = ("The check stopped your code, because it took too long. Look for a loop that never ends.",)
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: a learner's cell gets a verdict
            kinds = " and ".join(kind(answer) for answer in answers)
            sentences = (f"The check could not use your answer ({kinds}): {message_of(error)}",)
        else:
            return State.RIGHT, (self.why,)
        return State.NOT_YET, sentences

    def __repr__(self) -> str:
        return f"{self.heading}: give your answer to `check.{self.name}(...)`."


@dataclass(eq=False)
class Book:
    """The exercises of one notebook, in their order."""

    number: int
    exercises: dict[str, Exercise] = field(default_factory=dict)

    def exercise(
        self, title: str, *, goal: str, minutes: int, difficulty: int, why: str, seconds: float = SECONDS
    ) -> Callable[[Callable[..., None]], Exercise]:
        """Register the decorated function as the check of the next exercise; it is called with the answers.

        Args by keyword: the `goal` completes "you can ..."; `difficulty` is 1 to 3; `why` is the sentence that a right
        answer gets (why it matters, or what to try next); `seconds` is the time limit, 5 where it is not given.

        Raises:
            ValueError: a second exercise of this name or title, an empty text, minutes or difficulty out of range.
        """
        if difficulty not in (1, 2, 3) or minutes < 1:
            raise ValueError(
                f"Expected difficulty 1 to 3 and 1 minute or more for {title!r}, received {difficulty}, {minutes}."
            )
        if not all(text.strip() for text in (title, goal, why)) or not why.endswith((".", "?", "!")):
            raise ValueError(f"Expected a title, a goal and a full sentence as why for {title!r}; one is missing.")

        def register(judge: Callable[..., None]) -> Exercise:
            name = judge.__name__
            if name in self.exercises or title in (other.title for other in self.exercises.values()):
                raise ValueError(f"Expected one exercise per name and title; {name!r}, {title!r} is there already.")
            number = f"{self.number}.{len(self.exercises) + 1}"
            made = Exercise(name, number, title, goal, minutes, difficulty, why, seconds, judge)
            made.__doc__ = judge.__doc__
            self.exercises[name] = made
            return made

        return register

    def progress(self) -> Progress:
        """Which exercises have been solved in this run; a solution that was run does not count."""
        rows = ((one.number, one.title, one.state) for one in self.exercises.values())
        return Progress(self.number, tuple(rows))

    def restart(self) -> None:
        """Forget what was solved, as a new kernel does."""
        for one in self.exercises.values():
            one.state = State.NOT_ATTEMPTED
