"""Figures of networks: shapes, activations, distributions and tables."""

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from helpers.plotting import activation_curves, describe, layer_values, output_histograms, shape_flow, value_tables

DENSE = [("input", (3, 1, 28, 28)), ("Flatten", (3, 784)), ("Linear", torch.Size([3, 196]))]
CONVOLUTIONAL = [("input", (3, 1, 28, 28)), ("Conv2d", (3, 16, 28, 28)), ("MaxPool2d", (3, 4, 14, 7))]


def _texts(ax):
    return [text.get_text() for text in ax.texts]


def _heights(ax, *words):
    return [next(text.get_position()[1] for text in ax.texts if text.get_text() == word) for word in words]


def _boxes(ax):
    """(width, height) of each rectangle."""
    return [(box.get_width(), box.get_height()) for box in ax.patches if isinstance(box, Rectangle)]


def test_shape_flow_has_a_row_per_layer_from_top_to_bottom():
    ax = shape_flow(DENSE, parameters=[0, 1, 153_860])
    rows = _heights(ax, "layer", "input", "Flatten", "Linear")
    assert rows == sorted(set(rows), reverse=True)
    assert _heights(ax, "[3, 1, 28, 28]", "[3, 784]", "[3, 196]") == _heights(ax, "0", "1", "153,860") == rows[1:]
    assert [box.get_y() + box.get_height() / 2 for box in ax.patches] == pytest.approx(rows[1:])


def test_shape_flow_has_one_scale_in_all_figures():
    image, long, short = _boxes(shape_flow(DENSE))
    assert long[0] / short[0] == pytest.approx(784 / 196)
    assert image[0] == pytest.approx(image[1])
    assert _boxes(shape_flow([*DENSE, ("Linear", (3, 1568))]))[:3] == [image, long, short]
    drawn = _boxes(shape_flow(CONVOLUTIONAL))
    assert len(drawn) == 1 + 8 + 4  # a sheet per channel, up to 8
    assert drawn[0] == drawn[1] == image
    assert drawn[-1] == pytest.approx((image[0] / 4, image[1] / 2))  # width 7, height 14
    assert {"× 16", "× 4"} <= set(_texts(shape_flow(CONVOLUTIONAL)))


def test_activation_curves_draw_outputs_and_slopes():
    z = torch.linspace(-1, 1, 5)
    (ax,) = activation_curves(z, {"Double": 2 * z}, {"Double": torch.full((5,), 2.0)})
    lines = {line.get_label(): list(line.get_ydata()) for line in ax.lines}
    assert (lines["output"], lines["slope"]) == ([-2, -1, 0, 1, 2], [2] * 5)


def test_output_histograms_are_a_row_per_layer_and_count_every_number():
    layers = {
        "small": {"layer 1": torch.tensor([[-1.0, 1.0]]), "layer 5": torch.zeros(4)},
        "large": {"layer 1": torch.tensor([-9.0, -1.0, 1.0, 9.0]), "layer 5": torch.tensor([-8.0, 8.0])},
    }
    axes = output_histograms(layers)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["layer 1\nfrequency", "layer 5\nfrequency"]
    titles = [["small\nstd 1", "large\nstd 6.4"], ["std 0", "std 8"]]
    assert [[ax.get_title() for ax in row] for row in axes] == titles
    counts, edges, _ = axes[0, 1].patches[0].get_data()
    assert (sum(counts), counts[0], counts[-1]) == (4, 1, 1)  # what lies beyond is outermost
    assert (edges[0], edges[-1]) == (-3, 3)


def test_value_tables_write_every_number_on_one_scale_of_colours():
    mixed = torch.tensor([[0.0, 2.0, -0.04], [2.0, 2.0, -1.25]])
    axes = value_tables({"input": torch.ones(2, 3), "train mode": mixed})
    assert _texts(axes[1]) == ["0.0", "2.0", "0.0", "2.0", "2.0", "-1.2"]  # and never -0.0
    np.testing.assert_array_equal(axes[1].images[0].get_array(), mixed)
    assert [ax.images[0].get_clim() for ax in axes] == [(-2.0, 2.0)] * 2
    assert describe(value_tables({"batch": torch.tensor([[0.0, -1e-9, 2.0]])})) == "Batch: 1 x 3 numbers, each 0 or 2."


def test_layer_values_mark_the_row_of_the_layer_whose_numbers_are_shown():
    rows, bars = layer_values(DENSE, 1, [1.0, -2.0], parameters=[0, 0, 153_860], class_names=["a", "b"])
    (mark,) = rows.patches
    assert mark.get_y() < _heights(rows, "Flatten")[0] < mark.get_y() + mark.get_height() < mark.get_y() + 1
    assert [bar.get_width() for bar in bars.patches] == [1, -2]
    assert [label.get_text() for label in bars.get_yticklabels()] == ["a", "b"]
