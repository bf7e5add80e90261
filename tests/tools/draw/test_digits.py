"""The drawn digits: what the generator promises, what the archives hold, what they are worth on real handwriting."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets
from torchvision.transforms import ToTensor

from helpers.data import dataset_root
from tools.draw import __main__ as drawing
from tools.draw import digits
from tools.draw.judge_digits import accuracy, convolutional, dense, handwriting, train
from tools.draw.judge_garments import read_split

FOLDER = Path(__file__).parents[3] / "data" / "drawn" / "MNIST"
COUNTS = {"train": 30_000, "t10k": 2_000}
WAYS = [(label, way) for label, ways in enumerate(digits.WAYS) for way, _ in ways]


def payload(name):
    return gzip.decompress((FOLDER / f"{name}.gz").read_bytes())


@pytest.fixture(scope="module")
def archives():
    """Images and labels of both splits, read by the format's own rules and not by the project's reader."""
    images = {s: np.frombuffer(payload(f"{s}-images-idx3-ubyte"), np.uint8, offset=16) for s in COUNTS}
    labels = {s: np.frombuffer(payload(f"{s}-labels-idx1-ubyte"), np.uint8, offset=8) for s in COUNTS}
    return {s: (images[s].reshape(-1, 28, 28), labels[s]) for s in COUNTS}


# The generator


@pytest.mark.parametrize("label", range(10))
def test_a_digit_is_drawn_in_the_format_and_in_many_forms(label):
    pictures = [digits.draw(label, np.random.default_rng(seed)) for seed in range(12)]
    assert {(p.shape, p.dtype) for p in pictures} == {((28, 28), np.dtype(np.uint8))}
    assert len({p.tobytes() for p in pictures}) == 12
    assert all(p.max() > 100 for p in pictures)


@pytest.mark.parametrize("label", range(10))
def test_the_same_seed_draws_the_same_picture(label):
    first, second = (digits.draw(label, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("label", "way"), WAYS, ids=[f"{label}-{way.__name__}" for label, way in WAYS])
def test_every_way_of_writing_stays_on_its_plane(label, way):
    for seed in range(20):
        strokes = way(np.random.default_rng(seed))
        points = np.concatenate(strokes)
        assert all(stroke.ndim == 2 and stroke.shape[1] == 2 and len(stroke) >= 2 for stroke in strokes)
        assert np.abs(points).max() < 1.6
        assert np.ptp(points[:, 1]) > 1.5  # from the top to the bottom


def test_the_ways_of_each_digit_share_all_writers():
    assert len(digits.WAYS) == 10
    for ways in digits.WAYS:
        assert sum(weight for _, weight in ways) == pytest.approx(1)


@pytest.mark.parametrize("label", [1, 2, 4, 7, 9])
def test_digits_that_people_write_differently_have_several_ways(label):
    assert len(digits.WAYS[label]) >= 2


def test_strokes_fill_the_middle_of_the_pad():
    for seed in range(30):
        points = np.concatenate(digits.strokes_of(seed % 10, np.random.default_rng(seed)))
        low, high = points.min(axis=0), points.max(axis=0)
        assert (high - low).max() == pytest.approx(0.6)
        np.testing.assert_allclose((low + high) / 2, 0.5)


def test_a_corner_stays_and_a_bend_is_cut():
    sharp = digits.smooth(digits.join(digits.line((0, 0)), digits.corner(1, 0), digits.line((1, 1))))
    bent = digits.smooth(digits.line((0, 0), (1, 0), (1, 1)))
    distance = [np.abs(path - (1, 0)).sum(axis=1).min() for path in (sharp, bent)]
    assert distance[0] < 0.01
    assert distance[1] > 0.1


def test_a_picture_does_not_depend_on_how_many_are_drawn():
    few, few_labels = drawing.draw_split("MNIST", "t10k", 3)
    np.testing.assert_array_equal(few[2], drawing.draw_picture("MNIST", "t10k", 2))
    assert few_labels[2] == drawing.label_of("MNIST", "t10k", 2)


# The committed archives


def test_the_checksums_are_those_of_the_unpacked_archives():
    lines = (FOLDER / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    stored = {name: digest for digest, name in (line.split("  ") for line in lines)}
    names = [f"{s}-{part}" for s in COUNTS for part in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    assert stored == {name: hashlib.sha256(payload(name)).hexdigest() for name in names}


def test_the_archives_stay_small():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.gz")) < 6.5e6


@pytest.mark.parametrize("split", COUNTS)
def test_an_archive_says_its_format_and_sizes(split):
    n = COUNTS[split].to_bytes(4, "big")
    assert payload(f"{split}-images-idx3-ubyte")[:16] == bytes([0, 0, 8, 3]) + n + bytes([0, 0, 0, 28]) * 2
    assert payload(f"{split}-labels-idx1-ubyte")[:8] == bytes([0, 0, 8, 1]) + n


@pytest.mark.parametrize("split", COUNTS)
def test_classes_are_balanced_and_shuffled(archives, split):
    _, labels = archives[split]
    assert np.bincount(labels, minlength=10).tolist() == [COUNTS[split] // 10] * 10
    blocks = labels.reshape(-1, 10)
    assert len({tuple(block) for block in blocks.tolist()}) > 0.99 * len(blocks)


@pytest.mark.parametrize("split", COUNTS)
def test_the_generator_still_orders_the_classes_so(archives, split):
    _, labels = archives[split]
    assert labels[:200].tolist() == [drawing.label_of("MNIST", split, i) for i in range(200)]


@pytest.mark.parametrize("split", COUNTS)
def test_the_generator_still_draws_these_pictures(archives, split):
    images, _ = archives[split]
    # Other versions of NumPy and Pillow may round differently, but no pen goes elsewhere.
    for index in range(20):
        again = drawing.draw_picture("MNIST", split, index)
        assert np.abs(again.astype(float) - images[index]).mean() < 3


@pytest.mark.parametrize("split", COUNTS)
def test_every_picture_is_framed_as_mnist_frames(archives, split):
    images, _ = archives[split]
    heights = images.any(axis=2).sum(axis=1)
    widths = images.any(axis=1).sum(axis=1)
    longest = np.maximum(heights, widths)
    # A digit whose faintest row or column rounds to black may measure a pixel less.
    assert longest.max() == 20
    assert np.mean(longest >= 19) > 0.99
    mass = images.sum(axis=(1, 2))
    rows = images.sum(axis=2) @ np.arange(28) / mass
    columns = images.sum(axis=1) @ np.arange(28) / mass
    # Ink that would leave the picture stays inside, so that a very lopsided one may lie beside the middle.
    assert np.mean(np.maximum(np.abs(rows - 14), np.abs(columns - 14)) <= 0.501) > 0.999


@pytest.mark.parametrize("split", COUNTS)
def test_the_ink_is_about_as_much_as_in_the_original(archives, split):
    images, _ = archives[split]
    # Published for the 60,000 original training digits: mean 0.1307, standard deviation 0.3081.
    assert images.mean() / 255 == pytest.approx(0.1307, abs=0.01)
    assert images.std() / 255 == pytest.approx(0.3081, abs=0.02)


def test_no_picture_occurs_twice(archives):
    pictures = [image.tobytes() for images, _ in archives.values() for image in images]
    assert len(set(pictures)) == len(pictures) == 32_000


def test_torchvision_loads_the_drawn_digits(archives, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    root = dataset_root("MNIST", "drawn")
    for split in ("train", "t10k"):
        dataset = datasets.MNIST(root=root, train=split == "train", download=True, transform=ToTensor())
        images, labels = archives[split]
        np.testing.assert_array_equal(dataset.data.numpy(), images)
        np.testing.assert_array_equal(dataset.targets.numpy(), labels)
        X, y = dataset[3]
        assert (X.shape, y) == ((1, 28, 28), int(labels[3]))


# The original edition


@pytest.mark.skipif(
    not Path(os.environ.get("COURSE_MIRROR") or "/", "MNIST/t10k-images-idx3-ubyte.gz").is_file(),
    reason="needs the original digits: set COURSE_MIRROR to a folder that holds MNIST/*.gz "
    "(the archives that dataset_root('MNIST', 'original') downloads)",
)
@pytest.mark.parametrize(("build", "floor"), [(dense, 0.92), (convolutional, 0.955)], ids=["dense", "cnn"])
def test_a_network_trained_on_drawn_digits_reads_the_original_ones(archives, build, floor):
    model = trained(build, *archives["train"], epochs=5)
    reads = accuracy(model, *read_split(Path(os.environ["COURSE_MIRROR"], "MNIST"), "t10k"))
    print(f"{build.__name__}, 30,000 drawn digits, five epochs: reads {reads:.3f} of 10,000 original digits")
    assert reads >= floor


# Real handwriting


def trained(build, images, labels, *, epochs):
    X, y = torch.tensor(images).unsqueeze(1) / 255, torch.tensor(labels, dtype=torch.long)
    torch.manual_seed(0)
    return train(build(), X, y, epochs=epochs)


@pytest.mark.parametrize(("build", "floor"), [(dense, 0.9), (convolutional, 0.93)], ids=["dense", "cnn"])
def test_a_network_trained_on_drawn_digits_reads_real_handwriting(archives, build, floor):
    """A small budget, 12,000 digits and three epochs; `tools/judge_digits.py` measures what the whole set gives."""
    images, labels = archives["train"]
    model = trained(build, images[:12_000], labels[:12_000], epochs=3)
    reads = accuracy(model, *handwriting())
    print(f"{build.__name__}, 12,000 drawn digits, three epochs: reads {reads:.3f} of 1,797 real digits (load_digits)")
    assert reads >= floor
