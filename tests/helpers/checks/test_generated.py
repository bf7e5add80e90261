"""As many generated answers for each exercise as GENERATED_ANSWERS says: none may raise, or fool its check."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from helpers.checks.core import State
from tests.helpers.checks.pages import answers as answers_of
from tests.helpers.checks.pages import each_exercise

GENERATED = int(os.environ.get("GENERATED_ANSWERS", "0"))
pytestmark = pytest.mark.skipif(not GENERATED, reason="GENERATED_ANSWERS is not set")

SHAPES = st.lists(st.integers(0, 4), max_size=4)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text(max_size=5)
TENSORS = st.builds(torch.randn, SHAPES) | st.builds(torch.zeros, SHAPES, dtype=st.just(torch.int64))
OTHERS = st.sampled_from([np.ones(3), nn.Linear(2, 2), nn.Identity(), print, torch.sum, object(), type, torch.float32])
VALUES = st.recursive(
    SCALARS | TENSORS | OTHERS,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=5,
)
# What makes a tensor wrong for certain, and what gives the same in another form, or may do so.
WRONG = [
    lambda X: X.unsqueeze(0),
    lambda X: X.unsqueeze(-1),
    lambda X: torch.cat([X.flatten(), X.flatten()[:1]]),
    lambda X: torch.full(X.shape, float("nan")),
]
SIMILAR = [torch.clone, torch.zeros_like, Tensor.double, Tensor.tolist, Tensor.to_sparse, lambda X: X.roll(1)]


class Changed:
    """A right function with its result changed, or, where `change` gives the same for everything, a constant."""

    def __init__(self, function: Any, change: Any) -> None:
        self.function, self.change, self.certainly_wrong = function, change, False

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        result = self.function(*inputs, **options)
        self.certainly_wrong |= isinstance(result, Tensor) and self.change in WRONG
        return self.change(result) if isinstance(result, Tensor) else result


@st.composite
def answers(draw: Any, solved: tuple[Any, ...]) -> tuple[Any, ...]:
    """The right answers, with one of them or more replaced by any value or by something close to it."""
    replaced = list(solved)
    for position in draw(st.sets(st.integers(0, len(solved) - 1), min_size=1)):
        value, change, right = draw(VALUES), draw(st.sampled_from(WRONG + SIMILAR)), solved[position]
        choices = [value]
        if isinstance(right, Tensor):
            choices.append(change(right))
        elif callable(right) and not isinstance(right, nn.Module | type):
            choices += [lambda *_, value=value, **__: value, Changed(right, change)]
        replaced[position] = draw(st.sampled_from(choices))
    return tuple(replaced)


def _same(left: Any, right: Any) -> bool:
    """Whether an answer holds the same numbers as the right one, or is a right function whose result may be right."""
    if callable(left) or callable(right):
        return left is right or (isinstance(left, Changed) and not left.certainly_wrong)
    try:
        return bool(np.array_equal(np.asarray(left, dtype=float), np.asarray(right, dtype=float)))
    except (TypeError, ValueError, RuntimeError):
        return type(left) is type(right) and len(left) == len(right) and all(map(_same, left, right))


@each_exercise
def test_generated_answers(exercise):
    _, solved = answers_of(exercise)

    @settings(max_examples=GENERATED, deadline=None, derandomize=True, database=None, suppress_health_check=HealthCheck)
    @given(answers(solved))
    def never_raises_and_never_passes_wrongly(given_answers: tuple[Any, ...]) -> None:
        verdict = exercise(*given_answers)
        if verdict.state is State.RIGHT:
            assert all(map(_same, given_answers, solved)), f"a false pass: {verdict}"

    never_raises_and_never_passes_wrongly()
