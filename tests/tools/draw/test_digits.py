"""The drawn digits: the table of ways, the generator, and what its digits are worth on real handwriting."""

import numpy as np
import pytest

from tools.draw import digits, judge, ways

WAYS = digits.read_ways()


def recorded(digit, writer, shift=0.0):
    """A digit as a tablet records it: two strokes, a long one and a short bar."""
    long = [[0.4 + shift, 0.2], [0.6, 0.2 + shift], [0.5, 0.8]]
    return {"digit": digit, "writer": writer, "strokes": [long, [[0.4, 0.5], [0.6, 0.5 + shift]]]}


# The table


@pytest.mark.parametrize("digit", range(10))
def test_every_digit_has_several_ways_that_share_all_writers(digit):
    mine = [way for way in WAYS if way.digit == digit]
    assert len(mine) >= 5
    assert sum(way.share for way in mine) == pytest.approx(1, abs=0.001)
    for way in mine:
        assert len(way.mean) == 2 * sum(way.points)
        assert {len(mode) for mode in way.modes} == {len(way.mean)}


def test_no_way_is_one_persons_stroke():
    measured = [way for way in WAYS if way.writers]
    assert all(way.writers >= 5 and way.samples >= 25 for way in measured)
    assert sum(way.share for way in measured) == pytest.approx(5.62, abs=0.01)  # of ten digits; the rest is set by hand


def test_statistics_of_strokes_are_their_mean_and_spread():
    shifts = np.random.default_rng(0).uniform(-0.1, 0.1, 60)
    (way,) = ways.measure_group(4, [recorded(4, i % 6, shift) for i, shift in enumerate(shifts)])
    assert (way.samples, way.writers, len(way.points)) == (60, 6, 2)
    start, end = np.array(way.mean).reshape(-1, 2)[[0, -1]]
    np.testing.assert_allclose([start, end], [(-33, -100), (33, 0)], atol=8)
    assert np.abs(way.modes[0]).max() > 10  # what differs between the writers
    assert np.abs(way.modes[-1]).max() <= 2  # and what does not
    assert ways.measure_group(4, [recorded(4, i % 4) for i in range(60)]) == []  # of too few people


def test_points_lie_at_equal_distances_along_a_stroke():
    resampled = ways.resample(np.array([(0, 0), (0.1, 0), (2, 0), (2, 2)]), 5)
    np.testing.assert_allclose(resampled, [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2)])


def test_a_seven_loses_its_bar_and_keeps_its_stem():
    way = digits.Way(7, 1.0, 5, 25, [2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [[0, 0, 0, 0, 5, 6, 7, 8, 9, 10]])
    assert ways.without_bar(way) == way._replace(points=[3], mean=[5, 6, 7, 8, 9, 10], modes=[[5, 6, 7, 8, 9, 10]])


# What they are worth


@pytest.mark.parametrize(("name", "floors"), [("784-512-256-128-10", (0.92, 0.91)), ("small CNN", (0.95, 0.94))])
def test_a_network_trained_on_drawn_digits_reads_digits_of_people(name, floors):
    """A small budget, half the digits; `tools.draw.judge` measures what the notebook's training gives."""
    X, y = judge.read_split(judge.DRAWN / "MNIST", "train")
    model = judge.fit(judge.RECIPES["MNIST"][name], (X[:10_000], y[:10_000]))
    for digits_of_people, floor in zip((judge.scanned_digits(), judge.mnist_sample()), floors, strict=True):
        assert judge.recall(model, *digits_of_people).mean() >= floor


def test_strokes_are_rendered_as_large_and_as_thick_as_asked():
    images = [judge.render([recorded(7, 1)], side, pen)[0] for side, pen in ((0.5, 0.04), (0.5, 0.12), (0.85, 0.04))]
    thin, thick, large = (float(image.mean()) for image in images)
    assert large < thin < thick  # framed, a large digit of the same pen has thinner strokes
