"""Figures of a data set: bars, parts and histograms."""

import pytest
import torch

from helpers.plotting import class_bars, split_bar, value_histograms


def test_class_bars_stand_side_by_side_around_the_name_of_their_class():
    ax = class_bars({"training": torch.tensor([30, 20]), "validation": torch.tensor([5, 5])}, ["Bag", "Coat"])
    training, validation = ax.containers
    for left, right, tick in zip(training, validation, ax.get_xticks(), strict=True):
        assert left.get_x() + left.get_width() == pytest.approx(right.get_x()) == pytest.approx(tick)
    assert training[0].get_hatch() != validation[0].get_hatch()


def test_split_bar_has_each_name_in_the_middle_of_its_part():
    ax = split_bar({"training": 600, "validation": 150, "test": 250})
    assert [text.get_position()[0] for text in ax.texts] == [300, 675, 875]


def test_histograms_are_in_per_cent_on_one_scale():
    flat, peak = value_histograms({"flat": torch.tensor([[0.0, 0.0], [0.5, 1.0]]), "peak": torch.ones(5)})
    assert [bar.get_height() for bar in flat.containers[0] if bar.get_height()] == pytest.approx([50, 25, 25])
    assert (flat.get_xlim(), flat.get_ylim()) == (peak.get_xlim(), peak.get_ylim())
