"""Readings side by side: what is drawn, what is said about it, and what is refused."""

from typing import NamedTuple

import numpy as np
import pytest

from helpers.plotting import describe, readings


class Reading(NamedTuple):
    drawn: np.ndarray
    picture: np.ndarray
    probabilities: np.ndarray


def _reading(label, **changes):
    rng = np.random.default_rng(label)
    probabilities = np.full(10, 0.02)
    probabilities[label] = 0.82
    drawn, picture = rng.integers(0, 256, (56, 56)), rng.integers(0, 256, (28, 28))
    return Reading(drawn, picture, probabilities)._replace(**changes)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_each_reading_shows_its_drawing_its_picture_and_its_bars_under_its_name(n):
    read = {f"number {label}": _reading(label) for label in range(n)}
    axes = iter(readings(read).axes)
    for label, (name, reading) in enumerate(read.items()):
        pad, received, bars = next(axes), next(axes), next(axes)
        assert pad.get_title(loc="left") == name
        assert (pad.images[0].get_array() == reading.drawn).all()
        assert (received.images[0].get_array() == reading.picture).all()
        for shown in (*pad.images, *received.images):
            assert (shown.get_cmap().name, shown.get_clim()) == ("gray", (0, 255))
        assert [bar.get_height() for bar in bars.patches] == pytest.approx(reading.probabilities.tolist())
        assert [bar.get_hatch() is not None for bar in bars.patches] == [i == label for i in range(10)]
        assert bars.get_ylim() == (0, 1)
    assert not list(axes)


def test_the_caption_says_what_each_was_read_as():
    assert describe(readings({"a 3": _reading(3), "a small 7": _reading(1)})) == (
        "2 drawings, what the network receives of each, and its ten probabilities. "
        "a 3: read as 3; a small 7: read as 1."
    )
    assert describe(readings({"a 3": _reading(3)})).startswith("1 drawing, ")


@pytest.mark.parametrize(
    ("read", "message"),
    [
        ({}, r"Expected 1 to 4 readings: received 0\. Draw"),
        ({str(i): _reading(i) for i in range(5)}, r"Expected 1 to 4 readings: received 5\."),
        ({"a 3": _reading(3, picture=np.zeros((1, 28, 28)))}, r"a 3 has \[56, 56\], \[1, 28, 28\] and \[10\]\. Pass"),
        ({"a 3": _reading(3, probabilities=np.ones(5) / 5)}, r"and \[5\]\. Pass what pad\.read returned"),
        ({"a 3": _reading(3, probabilities=np.full(10, np.nan))}, "Expected finite numbers in probabilities"),
    ],
)
def test_what_does_not_fit_is_refused(read, message):
    with pytest.raises(ValueError, match=message):
        readings(read)
