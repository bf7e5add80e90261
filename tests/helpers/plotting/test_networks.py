"""Figures of networks are tested for what they show: the data in the artists, the labels, the sentence under them."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from helpers.plotting import activation_curves, describe, layer_values, output_histograms, shape_flow, value_tables

DENSE = [("input", (3, 1, 28, 28)), ("Flatten", (3, 784)), ("Linear", torch.Size([3, 196]))]
CONVOLUTIONAL = [("input", (3, 1, 28, 28)), ("Conv2d", (3, 16, 28, 28)), ("MaxPool2d", (3, 4, 14, 7))]
Z = torch.linspace(-1, 1, 5)
OUTPUTS = {"ReLU": Z.relu(), "Double": 2 * Z}
SLOPES = {"ReLU": (Z > 0).float(), "Double": torch.full((5,), 2.0)}
LAYERS = {
    "small": {"layer 1": torch.tensor([[-1.0, 1.0]]), "layer 5": torch.zeros(4)},
    "large": {"layer 1": torch.tensor([-9.0, -1.0, 1.0, 9.0]), "layer 5": torch.tensor([-8.0, 8.0])},
}
TABLES = {"input": torch.ones(2, 3), "train mode": torch.tensor([[0.0, 2.0, 0.0], [2.0, 2.0, -1.25]])}


def texts(ax):
    return [text.get_text() for text in ax.texts]


def height(ax, word):
    """Where on the y axis a text stands."""
    return next(text.get_position()[1] for text in ax.texts if text.get_text() == word)


def boxes(ax):
    """(width, height) of each rectangle."""
    return [(box.get_width(), box.get_height()) for box in ax.patches if isinstance(box, Rectangle)]


# --- shape_flow


def test_shape_flow_writes_every_layer_and_its_shape():
    ax = shape_flow(DENSE)
    assert [text for text in texts(ax) if text in ("input", "Flatten", "Linear")] == ["input", "Flatten", "Linear"]
    assert [text for text in texts(ax) if text.startswith("[")] == ["[3, 1, 28, 28]", "[3, 784]", "[3, 196]"]
    assert describe(ax) == "Shape after every layer: input [3, 1, 28, 28], Flatten [3, 784], Linear [3, 196]."
    assert {"layer", "one example", "shape of the batch"} <= set(texts(ax))


def test_shape_flow_keeps_each_layer_on_a_row_of_its_own_from_top_to_bottom():
    ax = shape_flow(DENSE, parameters=[0, 1, 2])
    heights = [{height(ax, word) for word in row} for row in [("input", "[3, 1, 28, 28]", "0"), ("Flatten", "1")]]
    assert [len(row) for row in heights] == [1, 1]
    rows = [height(ax, name) for name in ("layer", "input", "Flatten", "Linear")]
    assert rows == sorted(set(rows), reverse=True)
    middles = [box.get_y() + box.get_height() / 2 for box in ax.patches]
    assert middles == pytest.approx(rows[1:])
    assert ax.get_ylim()[0] < rows[-1] < rows[0] < ax.get_ylim()[1]
    assert ax.get_aspect() == 1.0  # squares stay square
    assert not ax.axison


def test_shape_flow_draws_strips_as_long_as_they_have_numbers():
    ax = shape_flow(DENSE)
    picture, long, short = boxes(ax)
    assert long[0] / short[0] == pytest.approx(784 / 196)
    assert picture[0] == pytest.approx(picture[1])
    shape_at = min(text.get_position()[0] for text in ax.texts if text.get_text().startswith("["))
    assert max(box.get_x() + box.get_width() for box in ax.patches) < shape_at


def test_shape_flow_draws_a_sheet_a_channel_up_to_eight_in_the_picture_s_proportions():
    ax = shape_flow(CONVOLUTIONAL)
    drawn = boxes(ax)
    assert len(drawn) == 1 + 8 + 4
    assert drawn[0] == drawn[1]
    assert drawn[-1] == pytest.approx((drawn[0][0] / 4, drawn[0][1] / 2))  # width 7, height 14
    assert {"× 16", "× 4"} <= set(texts(ax))
    assert "× 1" not in texts(ax)


def test_shape_flow_points_from_each_tensor_to_the_next():
    arrows = [text for text in shape_flow(CONVOLUTIONAL).texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == len(CONVOLUTIONAL) - 1
    assert all(arrow.xy[1] < arrow.get_position()[1] for arrow in arrows)  # downwards


def test_shape_flow_adds_up_the_parameters():
    ax = shape_flow(DENSE, parameters=[0, 0, 153_860])
    assert texts(ax).count("0") == 2
    assert "153,860" in texts(ax)
    assert "parameters" in texts(ax)
    assert describe(ax).endswith("; 153,860 parameters.")
    assert "parameters" not in texts(shape_flow(DENSE))


@pytest.mark.parametrize(
    ("steps", "to", "message"),
    [
        (DENSE[:1], {}, "at least one layer: received 1 step"),
        ([*DENSE, ("Unflatten", (3, 4, 5))], {}, r"received \[3, 4, 5\] for Unflatten"),
        (DENSE, {"parameters": [0, 0]}, "3 steps, 2 numbers"),
    ],
)
def test_shape_flow_errors(steps, to, message):
    with pytest.raises(ValueError, match=message):
        shape_flow(steps, **to)


# --- activation_curves


def test_activation_curves_draw_outputs_and_slopes():
    axes = activation_curves(Z, OUTPUTS, SLOPES)
    assert [ax.get_title() for ax in axes] == ["ReLU", "Double"]
    for ax, name in zip(axes, OUTPUTS, strict=True):
        lines = {line.get_label(): line for line in ax.lines}
        for label, values in (("output", OUTPUTS[name]), ("slope", SLOPES[name])):
            np.testing.assert_allclose(lines[label].get_xdata(), Z)
            np.testing.assert_allclose(lines[label].get_ydata(), values)
        assert lines["output"].get_linestyle() != lines["slope"].get_linestyle()
        assert ax.get_xlabel() == "input z"
    assert axes[0].get_ylabel() == "output, slope"
    assert axes[0].get_ylim() == axes[1].get_ylim()  # one scale for all
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["output", "slope"]
    assert describe(axes) == (
        "ReLU for z from -1 to 1: output 0 to 1, slope 0 to 1. Double for z from -1 to 1: output -2 to 2, slope 2 to 2."
    )


@pytest.mark.parametrize(
    ("outputs", "slopes", "message"),
    [
        ({}, {}, "received none and none"),
        (OUTPUTS, {"ReLU": Z}, "received ReLU, Double and ReLU"),
        ({"ReLU": Z}, {"ReLU": Z[:3]}, "5 in z, 3 for ReLU"),
    ],
)
def test_activation_curves_errors(outputs, slopes, message):
    with pytest.raises(ValueError, match=message):
        activation_curves(Z, outputs, slopes)


# --- output_histograms


def test_output_histograms_are_a_row_a_layer_and_a_column_an_initialisation():
    axes = output_histograms(LAYERS)
    assert axes.shape == (2, 2)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["layer 1", "layer 5"]
    assert [[ax.get_title() for ax in row] for row in axes] == [
        ["small\nstd 1", "large\nstd 6.4"],
        ["std 0", "std 8"],
    ]
    assert all(ax.get_xlabel() == "output" for ax in axes[-1])
    assert describe(axes) == "Standard deviation of the outputs of layer 1, layer 5. small: 1, 0; large: 6.4, 8."


def test_output_histograms_count_every_number_and_put_the_far_ones_outermost():
    ax = output_histograms(LAYERS, limit=2.0)[0, 1]
    counts, edges, _ = ax.patches[0].get_data()
    assert sum(counts) == 4
    assert (counts[0], counts[-1]) == (1, 1)
    assert (edges[0], edges[-1]) == ax.get_xlim() == (-2.0, 2.0)
    assert list(ax.get_yticks()) == []


@pytest.mark.parametrize(
    ("outputs", "to", "message"),
    [
        ({}, {}, "received none"),
        ({"small": {}}, {}, "at least one"),
        ({"small": {"layer 1": Z}, "large": {"layer 2": Z}}, {}, "small: layer 1; large: layer 2"),
        (LAYERS, {"limit": 0}, "limit above 0: received 0"),
        ({"small": {"layer 1": torch.tensor([torch.inf])}}, {}, "layer 1 of small: 1 of 1 are NaN or infinite"),
        (LAYERS, {"axes": np.array([[None]])}, r"shape \[2, 2\]: received \[1, 1\]"),
    ],
)
def test_output_histograms_errors(outputs, to, message):
    with pytest.raises(ValueError, match=message):
        output_histograms(outputs, **to)


# --- value_tables


def test_value_tables_write_every_number_on_one_scale_of_colours():
    axes = value_tables(TABLES)
    assert [ax.get_title() for ax in axes] == ["input", "train mode"]
    assert texts(axes[0]) == ["1.0"] * 6
    assert texts(axes[1]) == ["0.0", "2.0", "0.0", "2.0", "2.0", "-1.2"]
    np.testing.assert_array_equal(axes[1].images[0].get_array(), TABLES["train mode"])
    assert [ax.images[0].get_clim() for ax in axes] == [(-2.0, 2.0)] * 2
    assert [text.get_position() for text in axes[1].texts] == [(j, i) for i in range(2) for j in range(3)]
    assert axes[1].texts[0].get_color() != axes[1].texts[1].get_color()  # dark on white, white on dark
    assert (list(axes[0].get_xticks()), list(axes[0].get_yticks())) == ([0, 1, 2], [0, 1])
    assert [ax.get_xlabel() for ax in axes] == ["feature"] * 2
    assert axes[0].get_ylabel() == "example"


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (torch.ones(2, 2), "2 x 2 numbers, all 1"),
        (torch.tensor([[0.0, 2.0]]), "1 x 2 numbers, each 0 or 2"),
        (torch.tensor([[-1.0, 0.0, 2.5]]), "1 x 3 numbers from -1 to 2.5, mean 0.5"),
        (torch.tensor([[-1e-9, 1e-9, 3.0], [-3.0, 0.0, 0.0]]), "2 x 3 numbers from -3 to 3, mean 0"),
    ],
)
def test_value_tables_say_which_numbers(matrix, words):
    assert describe(value_tables({"batch": matrix})) == f"Batch: {words}."


def test_value_tables_of_zeros_are_white():
    ax = value_tables({"batch": torch.zeros(1, 2)})[0]
    assert ax.images[0].get_clim() == (-1.0, 1.0)
    assert texts(ax) == ["0.0", "0.0"]


def test_value_tables_never_write_minus_zero():
    assert texts(value_tables({"batch": torch.tensor([[-0.04, -0.0, 1.0]])})[0]) == ["0.0", "0.0", "1.0"]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, "received none"),
        ({"one": Z}, r"received one \[5\]"),
        ({"one": torch.ones(2, 2), "two": torch.ones(2, 3)}, r"one \[2, 2\], two \[2, 3\]"),
    ],
)
def test_value_tables_errors(tables, message):
    with pytest.raises(ValueError, match=message):
        value_tables(tables)


# --- layer_values


@pytest.mark.parametrize("at", range(3))
def test_layer_values_mark_the_row_of_the_layer_whose_numbers_are_shown(at):
    rows, _ = layer_values(DENSE, at, torch.ones(4), parameters=[0, 0, 153_860])
    (mark,) = rows.patches
    assert mark.get_y() < height(rows, DENSE[at][0]) < mark.get_y() + mark.get_height()
    assert mark.get_height() < 1  # no other row is in it


# --- the caller's Axes


def test_the_caller_s_axes_are_used_and_returned():
    _, ax = plt.subplots()
    assert shape_flow(DENSE, ax=ax) is ax
    axes = plt.subplots(1, 2)[1]
    assert list(activation_curves(Z, OUTPUTS, SLOPES, axes=axes)) == list(axes)
    axes = plt.subplots(1, 2)[1]
    assert list(value_tables(TABLES, axes=axes)) == list(axes)
    axes = plt.subplots(2, 2)[1]
    assert output_histograms(LAYERS, axes=axes) is axes
    assert len(plt.get_fignums()) == 4


@pytest.mark.parametrize(
    ("draw", "each"),
    [
        (lambda axes: activation_curves(Z, OUTPUTS, SLOPES, axes=axes), "activation"),
        (lambda axes: value_tables(TABLES, axes=axes), "matrix"),
    ],
)
def test_too_few_axes(draw, each):
    with pytest.raises(ValueError, match=rf"Expected one Axes per {each}: \d needed, 1 received"):
        draw([plt.figure().add_subplot()])
