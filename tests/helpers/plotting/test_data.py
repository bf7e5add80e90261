"""Figures of a data set: bars, parts and histograms."""

import pytest
import torch

from helpers.plotting import class_bars, images_with_histograms, split_bar, value_histograms

NAMES = ["Bag", "Coat", "Shirt"]
PIXELS = torch.tensor([[0.0, 0.0], [0.5, 1.0]])


def test_class_bars_stand_side_by_side_around_the_name_of_their_class():
    ax = class_bars({"training": torch.tensor([30, 20, 10]), "validation": torch.tensor([5, 5, 5])}, NAMES)
    training, validation = ax.containers
    assert [bar.get_height() for bar in training] == [30, 20, 10]
    assert [label.get_text() for label in ax.get_xticklabels()] == NAMES
    for left, right, tick in zip(training, validation, ax.get_xticks(), strict=True):
        assert left.get_x() + left.get_width() == pytest.approx(right.get_x()) == pytest.approx(tick)
    assert (training.get_label(), validation.get_label()) == ("training", "validation")
    assert training[0].get_hatch() != validation[0].get_hatch()


def test_split_bar_is_one_bar_without_gaps_with_each_name_in_the_middle_of_its_part():
    ax = split_bar({"training": 600, "validation": 150, "test": 250})
    bars = [container[0] for container in ax.containers]
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(0, 600), (600, 150), (750, 250)]
    words = [(text.get_text(), text.get_position()[0]) for text in ax.texts]
    assert words == [("training\n600", 300), ("validation\n150", 675), ("test\n250", 875)]


def test_images_are_to_the_left_of_histograms_in_per_cent_over_one_range():
    image, before, after = images_with_histograms({"a coat": PIXELS[None]}, {"before": PIXELS, "after": 2 * PIXELS - 1})
    assert image.images[0].get_array().tolist() == PIXELS.tolist()
    assert image.images[0].get_clim() == (0, 1)  # a dark image stays dark
    heights = [[bar.get_height() for bar in ax.containers[0] if bar.get_height()] for ax in (before, after)]
    assert heights == [pytest.approx([50, 25, 25])] * 2
    assert before.get_xlim() == after.get_xlim()
    flat, peak = value_histograms({"flat": PIXELS, "peak": 0 * PIXELS})
    assert flat.get_ylim() == peak.get_ylim()  # or heights could not be compared by eye
    band, mean, std = after.patches[0], -0.25, 2 * PIXELS.std(correction=0).item()
    assert list(after.lines[0].get_xdata()) == pytest.approx([mean, mean])
    assert (band.get_x(), band.get_width()) == pytest.approx((mean - std, 2 * std))
    assert [ax.get_title() for ax in (image, before, after)] == ["a coat", "before", "after"]
