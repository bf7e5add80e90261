"""The picture of a training under way: curves above, pictures with their names below."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers.plotting import describe, training_progress
from helpers.plotting.style import BLUE, ORANGE

HISTORY = {"epoch": [0, 10, 20], "loss": [2.0, 1.5, 1.0], "accuracy": [0.1, 0.5, 0.75]}
IMAGES = np.linspace(0, 1, 3)[:, None, None] * np.ones((3, 4, 4))


def _progress(**changes):
    given = {"images": IMAGES, "titles": ["Coat", "Bag", "Shirt"], "correct": [True, False, True]} | changes
    return training_progress(HISTORY, given.pop("images"), given.pop("titles"), xlabel="batches", **given)


def test_curves_stand_above_the_pictures():
    loss, accuracy, row = _progress().axes
    assert np.allclose(loss.lines[0].get_xydata(), [[0, 2], [10, 1.5], [20, 1]])
    assert np.allclose(accuracy.lines[0].get_xydata(), [[0, 0.1], [10, 0.5], [20, 0.75]])
    assert (loss.get_xlabel(), loss.get_ylabel(), accuracy.get_ylabel()) == ("batches", "loss", "accuracy")
    assert min(ax.get_tightbbox().y0 for ax in (loss, accuracy)) > row.get_tightbbox().y1


def test_each_picture_has_its_name_and_a_frame_that_says_whether_it_is_right():
    row = _progress().axes[2]
    assert [text.get_text() for text in row.texts] == ["✓ Coat", "✗ Bag", "✓ Shirt"]
    for image, expected in zip(row.images, IMAGES, strict=True):
        assert np.allclose(image.get_array(), expected)
        assert (image.get_cmap().name, image.get_clim()) == ("gray", (0, 1))  # a dark picture stays dark
    assert [plt.matplotlib.colors.to_hex(frame.get_edgecolor()).upper() for frame in row.patches] == [
        BLUE,
        ORANGE,
        BLUE,
    ]


def test_nothing_overlaps():
    figure = _progress(images=np.zeros((10, 4, 4)), titles=["Pullover"] * 8 + ["Ankle\nboot"] * 2, correct=[False] * 10)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[2].texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_the_sentence_says_how_the_numbers_changed_and_how_many_are_right():
    assert describe(_progress()) == (
        "Loss over 20 batches: from 2 to 1. Accuracy over 20 batches: from 0.1 to 0.75. 3 pictures, 2 named rightly."
    )


def test_what_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match="3 images, 2 titles, 3 truth values"):
        _progress(titles=["a", "b"])
    with pytest.raises(ValueError, match=r"received \[4, 4\]"):
        _progress(images=IMAGES[0])
