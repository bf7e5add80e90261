"""Figures of networks: shapes, tables and values."""

import pytest
import torch

from helpers.plotting import describe, layer_values, shape_flow, value_tables

DENSE = [("input", (3, 1, 28, 28)), ("Flatten", (3, 784)), ("Linear", torch.Size([3, 196]))]


def _texts(ax):
    return [text.get_text() for text in ax.texts]


def _heights(ax, *words):
    return [next(text.get_position()[1] for text in ax.texts if text.get_text() == word) for word in words]


def test_shape_flow_has_a_row_per_layer_from_top_to_bottom():
    ax = shape_flow(DENSE, parameters=[0, 1, 153_860])
    rows = _heights(ax, "layer", "input", "Flatten", "Linear")
    assert rows == sorted(set(rows), reverse=True)
    assert _heights(ax, "[3, 1, 28, 28]", "[3, 784]", "[3, 196]") == _heights(ax, "0", "1", "153,860") == rows[1:]
    assert [box.get_y() + box.get_height() / 2 for box in ax.patches] == pytest.approx(rows[1:])


def test_value_tables_write_every_number_in_its_cell_on_one_scale_of_colours():
    mixed = torch.tensor([[0.0, 2.0, -0.04], [2.0, 2.0, -1.25]])
    axes = value_tables({"input": torch.ones(2, 3), "train mode": mixed})
    assert _texts(axes[1]) == ["0.0", "2.0", "0.0", "2.0", "2.0", "-1.2"]  # and never -0.0
    assert [text.get_position() for text in axes[1].texts] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    assert [ax.images[0].get_clim() for ax in axes] == [(-2.0, 2.0)] * 2
    assert describe(value_tables({"batch": torch.tensor([[0.0, -1e-9, 2.0]])})) == "Batch: 1 x 3 numbers, each 0 or 2."


def test_layer_values_mark_the_row_of_the_layer_whose_numbers_are_shown():
    rows, bars = layer_values(DENSE, 1, [1.0, -2.0], parameters=[0, 0, 153_860], class_names=["a", "b"])
    (mark,) = rows.patches
    assert mark.get_y() < _heights(rows, "Flatten")[0] < mark.get_y() + mark.get_height() < mark.get_y() + 1
    assert [bar.get_width() for bar in bars.patches] == [1, -2]
    assert [label.get_text() for label in bars.get_yticklabels()] == ["a", "b"]
