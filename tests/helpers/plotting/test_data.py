"""Figures of a data set: bars, parts and histograms."""

import numpy as np
import pytest
import torch

from helpers.plotting import class_bars, images_with_histograms, split_bar, value_histograms

NAMES = ["Bag", "Coat", "Shirt"]
COUNTS = {"training": torch.tensor([30, 20, 10]), "validation": torch.tensor([5, 5, 5])}
PIXELS = torch.tensor([[0.0, 0.0], [0.5, 1.0]])
VALUES = {"before": PIXELS, "after": (PIXELS - PIXELS.mean()) / PIXELS.std(correction=0)}


def test_class_bars_are_as_high_as_the_counts_beside_their_class():
    ax = class_bars(COUNTS, NAMES)
    training, validation = ax.containers
    assert [bar.get_height() for bar in training] == [30, 20, 10]
    assert [bar.get_height() for bar in validation] == [5, 5, 5]
    assert [label.get_text() for label in ax.get_xticklabels()] == NAMES
    for left, right, tick in zip(training, validation, ax.get_xticks(), strict=True):
        assert left.get_x() + left.get_width() == pytest.approx(right.get_x()) == pytest.approx(tick)
    assert (training.get_label(), validation.get_label()) == ("training", "validation")
    assert training[0].get_hatch() != validation[0].get_hatch()


def test_split_bar_is_one_bar_without_gaps_in_the_order_given():
    ax = split_bar({"training": 600, "validation": 150, "test": 250})
    bars = [container[0] for container in ax.containers]
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(0, 600), (600, 150), (750, 250)]
    assert [text.get_text() for text in ax.texts] == ["training\n600", "validation\n150", "test\n250"]
    assert [text.get_position()[0] for text in ax.texts] == [300, 675, 875]
    assert ax.get_xlim() == (0, 1000)


def test_histograms_are_percentages_over_one_range_with_mean_and_standard_deviation():
    before, after = value_histograms(VALUES)
    heights = [[bar.get_height() for bar in ax.containers[0] if bar.get_height()] for ax in (before, after)]
    assert heights == [pytest.approx([50, 25, 25])] * 2
    assert before.get_xlim() == after.get_xlim()
    assert before.get_ylim() == after.get_ylim()
    assert before.get_xlim()[0] < VALUES["after"].min() < VALUES["after"].max() < before.get_xlim()[1]
    assert (before.get_title(), after.get_title()) == ("before", "after")
    band, line = before.patches[0], before.lines[0]
    mean, std = PIXELS.mean().item(), PIXELS.std(correction=0).item()
    assert list(line.get_xdata()) == pytest.approx([mean, mean])
    assert (band.get_x(), band.get_width()) == pytest.approx((mean - std, 2 * std))


def test_images_are_to_the_left_of_histograms():
    image, histogram = images_with_histograms({"a coat": PIXELS[None]}, {"all": PIXELS})
    np.testing.assert_array_equal(image.images[0].get_array(), PIXELS)
    assert image.images[0].get_clim() == (0, 1)
    assert (image.get_title(), histogram.get_title()) == ("a coat", "all")
