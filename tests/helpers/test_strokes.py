"""From strokes to the image: the framing of MNIST, the pen, and every bad input named."""

import math

import numpy as np
import pytest
from PIL import Image

from helpers.strokes import frame, picture


def extent(image):
    """First and last row, first and last column that are not black."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return rows[0], rows[-1], columns[0], columns[-1]


def centre_of_mass(image):
    return [(image.sum(1 - axis) * np.arange(image.shape[axis])).sum() / image.sum() for axis in (0, 1)]


def block(height, width, top=13, left=57, side=120):
    image = np.zeros((side, side), np.uint8)
    image[top : top + height, left : left + width] = 200
    return image


@pytest.mark.parametrize(
    ("image", "box"),
    [
        # Twenty rows with their middle at 14: rows 4.5 to 23.5; the half goes down and to the right.
        (block(40, 40), (5, 24, 5, 24)),
        (block(60, 15), (5, 24, 12, 16)),  # tall: 20 rows, a quarter as wide
        (block(15, 60, top=80, left=3), (12, 16, 5, 24)),  # wide, and in a corner
        (block(100, 1), (5, 24, 14, 14)),  # thinner than a pixel: one column all the same
        (block(8, 8), (5, 24, 5, 24)),  # smaller than 20 is made larger
    ],
)
def test_the_longest_side_is_20_and_the_middle_is_pixel_14(image, box):
    framed = frame(image)
    assert (framed.shape, framed.dtype, extent(framed)) == ((28, 28), np.uint8, box)
    large = np.asarray(Image.fromarray(image).resize((720, 720), Image.Resampling.NEAREST))
    np.testing.assert_allclose(frame(large).astype(float), framed, atol=5)  # its size hardly matters


def test_no_ink_and_hardly_any_give_an_image_too():
    assert not frame(np.zeros((50, 30), np.uint8)).any()
    assert not picture([[]], framed=False).any()
    assert frame(np.eye(1, 28, 4, dtype=np.uint8)).shape == (28, 28)  # a single faint point


def test_ink_that_would_leave_the_image_stays_inside():
    lopsided = block(1, 100, left=5)  # nearly all its mass at the left end of a long faint line
    lopsided[13:53, 5:9] = 255
    lopsided[13, 9:105] = 40
    assert extent(frame(lopsided))[2:] == (8, 27)


@pytest.mark.parametrize("size", [1, 0.25])
def test_a_drawing_of_any_size_is_framed_or_stays_where_it_was_drawn(size):
    seven = [[(0.3 * size, 0.25 * size), (0.7 * size, 0.25 * size), (0.4 * size, 0.85 * size)]]
    framed = picture(seven, width=0.08 * size)
    assert extent(framed)[1] - extent(framed)[0] == 19
    assert centre_of_mass(framed) == pytest.approx([14, 14], abs=0.5)
    assert framed.max() == 255
    assert extent(picture(seven, width=0.04, framed=False))[0] == int(28 * (0.25 * size - 0.02))


@pytest.mark.parametrize("width", [0.036, 0.2])
def test_a_line_is_as_thick_as_the_pen_and_its_ends_are_round(width):
    line = picture([[(0.1, 0.5), (0.9, 0.5)]], width=width, framed=False)
    assert line[:, 14].sum() / 255 == pytest.approx(28 * width, abs=0.15)
    assert centre_of_mass(line)[0] == pytest.approx(13.5, abs=0.1)  # y = 0.5 is the edge between rows 13 and 14
    area = 0.8 * width + np.pi * width**2 / 4  # half a disc at each end
    assert line.sum() / 255 == pytest.approx(28**2 * area, rel=0.025)


def test_joints_are_filled_and_round():
    corner = picture([[(0.2, 0.2), (0.8, 0.2), (0.8, 0.8)]], width=0.3, framed=False)
    assert corner[3, 24] > 200  # inside the round joint, outside both bars' ends
    assert corner[1, 26] == 0  # a square joint would reach here


def test_one_point_gives_a_dot():
    assert extent(picture([[(0.5, 0.5)]], width=0.1, framed=False)) == (12, 15, 12, 15)


def test_several_strokes_are_in_one_image_and_what_leaves_the_pad_is_cut_off():
    bars = [[(0.2, 0.3), (1.2, 0.3)], [(0.2, 0.7), (1.9, 0.7)]]
    apart = [picture([stroke], framed=False) for stroke in bars]
    np.testing.assert_array_equal(picture(bars, framed=False), np.maximum(*apart))
    np.testing.assert_array_equal(apart[0], apart[1][::-1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frame(np.zeros((28, 28))), "uint8.*got shape .28, 28. of float64"),
        (lambda: picture([[(0.5, math.nan)]]), "stroke 0.*Divide pixels"),
        (lambda: picture([[(0.5, 0.5)], [(140.0, 0.2)]]), r"stroke 1 .*got \[\(140.0, 0.2\)\].*Divide pixels"),
        (lambda: picture([[0.5, 0.5]]), "Pass pairs of numbers"),
        (lambda: picture([[(0.5, 0.5), (0.5,)]]), "Pass pairs of numbers"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
