"""From strokes to the picture: the framing of MNIST, the pen, and every bad input named."""

import math

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from helpers.strokes import enlarge, frame, picture

THREE = [
    [(0.3, 0.25), (0.45, 0.15), (0.65, 0.2), (0.68, 0.35), (0.5, 0.47), (0.7, 0.6), (0.65, 0.8), (0.4, 0.8), (0.3, 0.7)]
]  # fmt: skip
WHOLE_LINE = [[(0.1, 0.5), (0.9, 0.5)]]


def extent(image):
    """First and last row, first and last column that are not black."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return rows[0], rows[-1], columns[0], columns[-1]


def centre_of_mass(image):
    weights = image / image.sum()
    return (weights.sum(1) * np.arange(len(image))).sum(), (weights.sum(0) * np.arange(image.shape[1])).sum()


def block(height, width, top=13, left=57, side=120):
    image = np.zeros((side, side), np.uint8)
    image[top : top + height, left : left + width] = 200
    return image


# The frame


@pytest.mark.parametrize(
    ("height", "width", "box"),
    [
        # Twenty rows with their middle at 14: rows 4.5 to 23.5; the half goes down and to the right.
        (40, 40, (5, 24, 5, 24)),
        (60, 15, (5, 24, 12, 16)),  # tall: 20 rows, a quarter as wide
        (15, 60, (12, 16, 5, 24)),  # wide
        (100, 1, (5, 24, 14, 14)),  # thinner than a pixel: one column all the same
        (8, 8, (5, 24, 5, 24)),  # smaller than 20 is made larger
    ],
)
def test_the_longest_side_is_20_and_the_middle_is_pixel_14(height, width, box):
    framed = frame(block(height, width))
    assert framed.shape == (28, 28)
    assert framed.dtype == np.uint8
    assert extent(framed) == box


def test_the_centre_of_mass_is_in_the_middle_and_not_the_box():
    heavy_left = block(40, 40)
    heavy_left[13:53, 77:] //= 8  # the right half is fainter
    framed = frame(heavy_left)
    assert np.abs(np.array(centre_of_mass(framed)) - 14).max() <= 0.5
    first, last = extent(framed)[2:]
    assert (first + last) / 2 > 17


@pytest.mark.parametrize("shift", [(0, 0), (40, 3), (80, 63)])
def test_where_the_digit_stands_does_not_matter(shift):
    top, left = shift
    np.testing.assert_array_equal(frame(block(33, 21, top, left)), frame(block(33, 21)))


def test_how_large_the_digit_is_hardly_matters():
    large = np.asarray(Image.fromarray(block(60, 30)).resize((360, 360), Image.Resampling.NEAREST))
    np.testing.assert_allclose(frame(large).astype(float), frame(block(60, 30)), atol=5)


def test_edges_are_smooth_and_the_inside_keeps_its_brightness():
    y, x = np.mgrid[0:200, 0:200]
    disc = (255 * ((y - 90) ** 2 + (x - 110) ** 2 < 70**2)).astype(np.uint8)
    framed = frame(disc)
    assert (framed[12:17, 12:17] == 255).all()
    assert 20 < ((framed > 10) & (framed < 245)).sum() < 80


def test_nothing_drawn_gives_black():
    assert not frame(np.zeros((50, 30), np.uint8)).any()
    assert not picture([]).any()
    assert not picture([[]], framed=False).any()


def test_a_single_faint_point_is_framed_too():
    image = np.zeros((28, 28), np.uint8)
    image[3, 4] = 1
    assert frame(image).shape == (28, 28)


def test_ink_that_would_leave_the_picture_stays_inside():
    lopsided = block(100, 4, top=5)  # nearly all its mass at the left end of a long faint line
    lopsided[50, 57:] = 1
    framed = frame(lopsided, size=28, longest=28)
    assert extent(framed)[0] == 0
    assert extent(framed)[1] == 27


def test_size_and_longest_are_heeded():
    framed = frame(block(40, 20), size=16, longest=10)
    assert framed.shape == (16, 16)
    assert extent(framed) == (4, 13, 6, 10)  # ten rows, five columns around pixel 8


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (np.zeros((28, 28)), {}, "uint8.*got shape .28, 28. of float64"),
        (np.zeros((1, 28, 28), np.uint8), {}, "height, width.*got shape .1, 28, 28."),
        (np.zeros((28, 28), np.uint8), {"longest": 29}, "longest=29 and size=28"),
        (np.zeros((28, 28), np.uint8), {"longest": 0}, "longest=0"),
    ],
)
def test_a_bad_image_is_named(image, options, message):
    with pytest.raises(ValueError, match=message):
        frame(image, **options)


# The pen


def test_a_picture_is_what_frame_makes_of_the_drawing():
    framed = picture(THREE)
    assert framed.shape == (28, 28)
    assert framed.dtype == np.uint8
    top, bottom, *_ = extent(framed)
    assert bottom - top + 1 == 20
    assert np.abs(np.array(centre_of_mass(framed)) - 14).max() <= 0.5
    assert framed.max() == 255


def test_unframed_the_digit_stays_where_it_was_drawn():
    small = [[(x / 4, y / 4) for x, y in stroke] for stroke in THREE]
    corner = picture(small, width=0.04, framed=False)
    assert corner[:8, :8].any()
    assert not corner[8:].any()
    assert not corner[:, 8:].any()
    # Framed, the same drawing is as large and as much in the middle as any.
    top, bottom, *_ = extent(picture(small, width=0.02))
    assert bottom - top + 1 == 20


@pytest.mark.parametrize("width", [0.036, 0.08, 0.16])
def test_a_line_is_as_thick_as_the_pen(width):
    line = picture(WHOLE_LINE, width=width, framed=False)
    thickness = line[:, 14].sum() / 255
    assert thickness == pytest.approx(28 * width, abs=0.15)
    middle = (line[:, 14] * np.arange(28)).sum() / line[:, 14].sum()
    assert middle == pytest.approx(13.5, abs=0.1)  # y = 0.5 is the edge between rows 13 and 14


def test_the_ends_are_round():
    line = picture(WHOLE_LINE, width=0.2, framed=False)
    first, last = extent(line)[2:]
    assert (last - first + 1) == pytest.approx(28, abs=1)  # 0.8 of the pad and half a pen at each end
    assert np.count_nonzero(line[:, first] > 100) < np.count_nonzero(line[:, 14] > 100)


def test_joints_are_filled():
    corner = picture([[(0.2, 0.2), (0.8, 0.2), (0.8, 0.8)]], width=0.3, framed=False)
    assert corner[3, 24] > 200  # inside the round joint, outside both bars' ends
    assert corner[1, 26] == 0  # a square joint would reach here


@pytest.mark.parametrize("framed", [True, False])
def test_one_point_gives_a_dot(framed):
    dot = picture([[(0.5, 0.5)]], width=0.1, framed=framed)
    top, bottom, left, right = extent(dot)
    assert bottom - top == right - left
    assert dot.max() == 255


def test_several_strokes_lie_in_one_picture():
    bars = [[(0.2, 0.3), (0.8, 0.3)], [(0.2, 0.7), (0.8, 0.7)]]
    together = picture(bars, framed=False)
    apart = [picture([stroke], framed=False) for stroke in bars]
    np.testing.assert_array_equal(together, np.maximum(*apart))


def test_what_leaves_the_pad_is_cut_off():
    leaving = picture([[(0.5, 0.5), (1.9, 0.5)]], framed=False)
    np.testing.assert_array_equal(leaving, picture([[(0.5, 0.5), (1.2, 0.5)]], framed=False))


@pytest.mark.parametrize(
    ("strokes", "message"),
    [
        ([[(0.5, math.nan)]], "stroke 0.*not finite"),
        ([[(0.5, 0.5)], [(math.inf, 0.5)]], "stroke 1.*not finite"),
        ([[(140.0, 0.2)]], r"got \(140, 0.2\).*Divide pixels"),
        ([[(0.5, -1.1)]], r"got \(0.5, -1.1\)"),
        ([[0.5, 0.5]], r"stroke 0 .*got an array of shape \[2\]"),
        ([[(0.5, 0.5, 1.0)]], r"shape \[1, 3\]"),
        ([[(0.5, 0.5), (0.5,)]], "Pass pairs of numbers"),
        (["three"], "stroke 0.*got 'three'"),
    ],
)
def test_bad_strokes_are_named(strokes, message):
    with pytest.raises(ValueError, match=message):
        picture(strokes)


@pytest.mark.parametrize("width", [0, -1, 0.6, math.nan, math.inf])
def test_a_pen_too_thin_or_too_thick_is_named(width):
    with pytest.raises(ValueError, match=r"width from 0\.005 to 0\.5.*got"):
        picture(THREE, width=width)


def test_a_scanned_digit_is_enlarged_smoothly_and_framed():
    image, label = load_digits().images[0], load_digits().target[0]
    assert label == 0
    large = enlarge(image)
    assert (large.shape, large.dtype) == ((28, 28), np.uint8)
    np.testing.assert_array_equal(frame(large), large)  # framed already
    assert large[14, 14] == 0  # the hole of the zero
    top, bottom, *_ = extent(large)
    assert bottom - top + 1 == 20
