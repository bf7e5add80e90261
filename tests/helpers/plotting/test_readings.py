"""Readings side by side: what is drawn, what is said about it, and what is refused."""

from typing import NamedTuple

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from helpers.plotting import describe, readings
from helpers.plotting.style import BLUE, GREY, PALE, WIDTH


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


def test_the_columns_are_alike_and_only_the_first_is_labelled():
    figure = readings({"a 3": _reading(3), "a 7": _reading(7)})
    width, height = figure.get_size_inches()
    assert (width, height) == pytest.approx((2 * WIDTH / 3, 0.6 + WIDTH / 3))
    assert readings({str(i): _reading(i) for i in range(4)}).get_size_inches()[0] == pytest.approx(WIDTH)
    columns = figure.axes[:3], figure.axes[3:]
    for number, (pad, received, bars) in enumerate(columns):
        for image in (pad, received):
            assert (list(image.get_xticks()), list(image.get_yticks())) == ([], [])
            assert image.images[0].get_interpolation() == "nearest"
            for spine in image.spines.values():
                assert (spine.get_visible(), spine.get_edgecolor(), spine.get_linewidth()) == (True, to_rgba(GREY), 0.8)
        assert (list(bars.get_xticks()), list(bars.get_yticks())) == (list(range(10)), [0, 0.5, 1])
        said = bars.yaxis.label
        assert (said.get_text(), said.get_fontsize()) == ("probability", 9) if number == 0 else not said.get_text()
        assert any(tick.get_visible() and tick.get_text() for tick in bars.get_yticklabels()) == (number == 0)
        assert {tick.get_fontsize() for tick in bars.get_xticklabels()} == {8}
        assert pad._left_title.get_fontsize() == 9
        # The drawing and the picture stand above the two halves of the bars.
        left, right, below = (ax.get_subplotspec() for ax in (pad, received, bars))
        assert (left.rowspan.start, right.rowspan.start, below.rowspan.start) == (0, 0, 1)
        assert [*below.colspan] == [*left.colspan, *right.colspan] == [2 * number, 2 * number + 1]
        read = (3, 7)[number]
        for i, bar in enumerate(bars.patches):
            assert bar.get_facecolor() == to_rgba(BLUE if i == read else PALE)
        assert (bars.patches[read].get_hatch(), bars.patches[read].get_linewidth()) == ("///", 0)
