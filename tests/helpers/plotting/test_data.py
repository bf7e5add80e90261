"""Pictures of a data set: what is drawn, what is said about it, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from helpers.plotting import class_bars, describe, split_bar, value_histograms

NAMES = ["Bag", "Coat", "Shirt"]
COUNTS = {"training": torch.tensor([30, 20, 10]), "validation": torch.tensor([5, 5, 5])}
PIXELS = torch.tensor([[0.0, 0.0], [0.5, 1.0]])
VALUES = {"before": PIXELS, "after": (PIXELS - PIXELS.mean()) / PIXELS.std(correction=0)}


def test_class_bars_are_as_high_as_the_counts_and_stand_at_their_class():
    ax = class_bars(COUNTS, NAMES)
    training, validation = ax.containers
    assert [bar.get_height() for bar in training] == [30, 20, 10]
    assert [bar.get_height() for bar in validation] == [5, 5, 5]
    ticks = ax.get_xticks()
    assert [label.get_text() for label in ax.get_xticklabels()] == NAMES
    for left, right, tick in zip(training, validation, ticks, strict=True):
        assert left.get_x() + left.get_width() == pytest.approx(right.get_x()) == pytest.approx(tick)
    alone = class_bars({"all": [1, 2, 3]}, NAMES).containers[0][1]
    assert (alone.get_x(), alone.get_x() + alone.get_width()) == pytest.approx((0.6, 1.4))


def test_class_bars_have_labels_and_a_legend_only_where_parts_are_to_be_told_apart():
    ax = class_bars(COUNTS, NAMES, what="garments")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("class", "number of garments")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]
    assert class_bars({"all": [1, 2, 3]}, NAMES).get_legend() is None
    assert len({bars[0].get_facecolor() for bars in ax.containers}) == 2
    assert len({bars[0].get_hatch() for bars in ax.containers}) == 2


def test_class_bars_say_whether_the_classes_are_balanced():
    assert describe(class_bars(COUNTS, NAMES)) == (
        "training: 60 pictures, from 10 (Shirt) to 30 (Bag); validation: 15 pictures, 5 of each of 3 classes."
    )
    changed = COUNTS | {"validation": [5, 6, 5]}
    assert describe(class_bars(changed, NAMES)).endswith("validation: 16 pictures, from 5 (Bag) to 6 (Coat).")


@pytest.mark.parametrize(
    ("counts", "names", "message"),
    [
        ({}, NAMES, "Expected 1 to 4 parts: received 0"),
        ({str(i): [1] for i in range(5)}, ["a"], "Expected 1 to 4 parts: received 5"),
        ({"all": [1, 2]}, NAMES, "Expected one name per class: 2 classes, 3 names"),
        ({"all": [1, 2, 3], "some": [1, 2]}, NAMES, "as many classes in every part, as in some: 2 classes, 3 names"),
        ({"all": [1, 2, 0.5]}, NAMES, "Expected whole numbers, one of them above 0, as the counts of all"),
        ({"all": [1, -2, 3]}, NAMES, "received -2 to 3"),
        ({"all": [0, 0, 0]}, NAMES, "one of them above 0"),
    ],
)
def test_class_bars_refuse_what_does_not_fit(counts, names, message):
    with pytest.raises(ValueError, match=message):
        class_bars(counts, names)


def test_split_bar_is_one_bar_without_gaps_in_the_order_given():
    ax = split_bar({"training": 600, "validation": 150, "test": 250})
    bars = [container[0] for container in ax.containers]
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(0, 600), (600, 150), (750, 250)]
    assert [text.get_text() for text in ax.texts] == ["training\n600", "validation\n150", "test\n250"]
    assert [text.get_position()[0] for text in ax.texts] == [300, 675, 875]
    assert ax.get_xlabel() == "number of pictures"
    assert ax.get_xlim() == (0, 1000)
    assert len({bar.get_facecolor() for bar in bars}) == len({bar.get_hatch() for bar in bars}) == 3
    assert [text.get_bbox_patch().get_facecolor() for text in ax.texts] == [bar.get_facecolor() for bar in bars]


def test_split_bar_says_sizes_and_shares():
    sentence = "1,000 pictures: training 600 (60 %), validation 150 (15 %), test 250 (25 %)."
    assert describe(split_bar({"training": 600, "validation": 150, "test": 250})) == sentence


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_split_bar_refuses_a_part_without_pictures(size):
    with pytest.raises(ValueError, match="as the counts of test"):
        split_bar({"training": 3, "test": size})


@pytest.mark.parametrize("parts", [0, 5])
def test_split_bar_refuses_a_number_of_parts_that_it_cannot_tell_apart(parts):
    with pytest.raises(ValueError, match=f"Expected 1 to 4 parts: received {parts}"):
        split_bar({str(i): 1 for i in range(parts)})


def test_histograms_hold_per_cents_over_one_range_and_scale():
    before, after = value_histograms(VALUES, bins=4)
    assert [bar.get_height() for bar in before.containers[0]] == [50, 0, 25, 25]
    assert [bar.get_height() for bar in after.containers[0]] == pytest.approx([50, 0, 25, 25])
    assert before.get_xlim() == after.get_xlim()
    flat, peaked = value_histograms({"flat": [1, 2, 3, 4], "peaked": [1, 4, 4, 4]}, bins=4)
    assert flat.get_ylim() == peaked.get_ylim()
    assert flat.get_ylim()[1] >= 75
    assert before.get_xlim()[0] < VALUES["after"].min() < VALUES["after"].max() < before.get_xlim()[1]


def test_histograms_mark_mean_and_standard_deviation():
    before = value_histograms(VALUES)[0]
    band, line = before.patches[0], before.lines[0]
    mean, std = PIXELS.mean().item(), PIXELS.std(correction=0).item()
    assert list(line.get_xdata()) == pytest.approx([mean, mean])
    assert (band.get_x(), band.get_width()) == pytest.approx((mean - std, 2 * std))
    legend = value_histograms(VALUES)[-1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["1 standard deviation", "mean"]


def test_histograms_have_labels_and_say_the_range_the_mean_and_the_spread():
    axes = value_histograms(VALUES, xlabel="brightness")
    assert [ax.get_title() for ax in axes] == ["before", "after"]
    assert {ax.get_xlabel() for ax in axes} == {"brightness"}
    assert [ax.get_ylabel() for ax in axes] == ["per cent of the values", ""]
    assert describe(axes) == (
        "before: 0 to 1, mean 0.38, standard deviation 0.41; after: -0.9 to 1.51, mean 0, standard deviation 1."
    )


def test_histograms_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="at least one set of values"):
        value_histograms({})
    with pytest.raises(ValueError, match="one Axes per set of values: 2 needed, 1 received"):
        value_histograms(VALUES, axes=[plt.subplots()[1]])
    with pytest.raises(ValueError, match="finite numbers in before"):
        value_histograms({"before": [np.nan, 1]})


def test_the_axes_given_are_drawn_on_and_returned():
    first, second = plt.subplots(1, 2)[1]
    assert class_bars(COUNTS, NAMES, ax=first) is first
    assert split_bar({"all": 3}, ax=second) is second
    given = plt.subplots(1, 2)[1]
    assert list(value_histograms(VALUES, axes=given)) == list(given)
