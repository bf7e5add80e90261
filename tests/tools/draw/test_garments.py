"""The drawn garments: the generator, and the canvas that it draws on."""

import numpy as np
import pytest

from tools.draw.canvas import Canvas
from tools.draw.garments import CLASSES, draw


def extent(picture):
    """First and last row, first and last column that are not black."""
    rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
    return rows[0], rows[-1], columns[0], columns[-1]


@pytest.mark.parametrize("label", range(10), ids=CLASSES)
def test_a_class_is_drawn_in_the_format_in_many_forms_each_by_its_seed(label):
    images = [draw(label, np.random.default_rng(seed)) for seed in (*range(12), 11)]
    assert {(image.shape, image.dtype) for image in images} == {((28, 28), np.dtype(np.uint8))}
    assert len({image.tobytes() for image in images}) == 12
    np.testing.assert_array_equal(images[-1], images[-2])
    assert all(image.max() > 100 for image in images)


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (20, 10, (7, 20, 0, 27)),  # wide: full width, 14 rows in the middle
        (5, 10, (0, 27, 7, 20)),  # tall: full height, 14 columns in the middle
        (28, 13, (8, 20, 0, 27)),  # an odd margin: the spare row is at the top
    ],
)
def test_the_longest_side_is_28_and_the_rest_is_centred(width, height, box):
    canvas = Canvas(np.random.default_rng(0), bend=0)
    x, y = -15.0, 1.0  # off centre, on purpose; half a canvas point less, for outlines include their ends
    w, h = width - 0.25, height - 0.25
    canvas.fill([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], 200)
    assert extent(canvas.picture()) == box


def test_an_empty_canvas_is_no_picture():
    with pytest.raises(ValueError, match="nothing is on the canvas"):
        Canvas(np.random.default_rng(0)).picture()


def test_a_hole_is_cut_through_everything():
    canvas = Canvas(np.random.default_rng(0), bend=0)
    canvas.fill([(-14, 0), (14, 0), (14, 28), (-14, 28)], 200)
    canvas.cut([(-4, 10), (4, 10), (4, 18), (-4, 18)])
    picture = canvas.picture()
    assert picture[14, 14] == 0
    assert picture[4, 4] > 150
