"""Images: their pixels, titles, frames and order."""

import numpy as np
import pytest
import torch
from matplotlib.colors import same_color

from helpers.plotting import describe, image_grid, training_progress
from helpers.plotting.style import BLUE, ORANGE


def test_images_are_in_rows_from_the_upper_left():
    figure = image_grid(torch.rand(3, 1, 4, 5, requires_grad=True), torch.tensor([7, 1, 7]), columns=2)
    left, right, below = (ax.get_position() for ax in figure.axes)
    assert left.x1 <= right.x0
    assert left.y0 == right.y0 >= below.y1
    sentence = describe(image_grid(torch.zeros(14, 2, 2), torch.tensor([7] * 10 + [1] * 4)))
    assert sentence.endswith("in 2 rows: 1 (4), 7 (10).")  # many titles are counted


@pytest.mark.parametrize(
    ("pixels", "value_range", "drawn"),
    [
        (torch.tensor([[[0, 255]]], dtype=torch.uint8), None, [[0, 255], 0, 255]),
        (torch.tensor([[[-1.0, 3.0]]]), (-1, 3), [[-1, 3], -1, 3]),
        (torch.tensor([-1.0, 1.0, 3.0]).reshape(1, 3, 1, 1), (-1, 3), [[[0, 0.5, 1]], -1, 3]),  # colour
    ],
)
def test_black_and_white_are_0_and_255_or_what_the_value_range_says(pixels, value_range, drawn):
    figure = image_grid(pixels, value_range=value_range)
    image = figure.axes[0].images[0]
    assert [image.get_array()[0].tolist(), *image.get_clim()] == drawn
    assert [ax.get_yticks().tolist() for ax in figure.axes[1:]] == ([[-1, 1, 3]] if value_range else [])


def test_frames_and_signs_say_what_is_right():
    figure = image_grid(torch.zeros(3, 2, 2), ["a", "b", "c"], correct=torch.tensor([True, False, True]))
    assert [ax.get_title() for ax in figure.axes] == ["✓ a", "✗ b", "✓ c"]
    for ax, color, line in zip(figure.axes, (BLUE, ORANGE, BLUE), ("-", (0, (3, 1.5)), "-"), strict=True):
        assert all(same_color(spine.get_edgecolor(), color) for spine in ax.spines.values())
        assert {spine.get_linestyle() for spine in ax.spines.values()} == {line}
    assert describe(figure).endswith("; 2 right (✓), 1 wrong (✗).")


def test_titles_do_not_overlap_and_every_glyph_is_drawn(recwarn):
    figure = image_grid(torch.zeros(12, 28, 28), ["Ankle boot (true T-shirt/top)", "two\nlines"] * 6, correct=[0] * 12)
    figure.canvas.draw()
    boxes = [ax.title.get_window_extent() for ax in figure.axes]
    images = [ax.get_window_extent() for ax in figure.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i] + images)
    assert figure.axes[0].get_title() == "✗ Ankle boot\n(true T-shirt/top)"
    assert not [warning for warning in recwarn if "missing from font" in str(warning.message)]


def test_training_progress_shows_curves_above_images():
    history = {"batches": [0, 10, 20], "loss": [2.0, 1.5, 1.0], "accuracy": [0.1, 0.5, 0.75]}
    titles, correct = ["Coat", "Ankle\nboot", "Shirt"], [True, False, True]
    figure = training_progress(history, torch.tensor([0, 0.5, 1]).reshape(3, 1, 1), titles, correct=correct)
    loss, accuracy, row = figure.axes
    assert np.allclose(accuracy.lines[0].get_xydata(), [[0, 0.1], [10, 0.5], [20, 0.75]])
    assert min(ax.get_tightbbox().y0 for ax in (loss, accuracy)) > row.get_tightbbox().y1
    assert [text.get_text() for text in row.texts] == ["✓ Coat", "✗ Ankle\nboot", "✓ Shirt"]
    assert [image.get_array().item() for image in row.images] == [0, 0.5, 1]
    assert [same_color(frame.get_edgecolor(), BLUE) for frame in row.patches] == correct
    assert describe(figure).endswith("3 images, 2 classified correctly.")
