"""Answers to every exercise that must not pass, one module a notebook: typical mistakes, and answers made to fool."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Answers(tuple):
    """The answers to an exercise whose check takes more than one."""

    __slots__ = ()


@dataclass(frozen=True)
class Wrong:
    """Wrong answers to one exercise.

    `fooling` are at least three answers that look right in part; `mistakes`, pairs of an answer and a part of its hint,
    are only for checks that do not declare theirs yet. `right` are correct answers that go another way than
    the solution. An answer is a value,
    function or class; `Answers((a, b))` where the check takes more than one.
    `needs` names cells of the notebook that must run before the exercise's own, where it is not enough by itself.
    """

    fooling: list[Any]
    mistakes: list[tuple[Any, str]] = field(default_factory=list)
    needs: tuple[str, ...] = field(default=())
    right: list[Any] = field(default_factory=list)


def arguments(answer: Any) -> tuple[Any, ...]:
    """What the check is called with."""
    return tuple(answer) if isinstance(answer, Answers) else (answer,)
