"""The committed archives of both editions, and the command that writes them."""

import gzip
import hashlib

import numpy as np
import pytest

from helpers.data import DATASETS, dataset_root
from tools.draw import __main__ as drawing
from tools.draw.canvas import idx_bytes, write_gzip

PARTS = ("images-idx3-ubyte", "labels-idx1-ubyte")
SPLITS = [(name, split) for name in drawing.EDITIONS for split in drawing.SPLITS]


def payload(name, file):
    return gzip.decompress((drawing.DATA / "drawn" / name / f"{file}.gz").read_bytes())


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Images and labels of all splits, as torchvision loads them."""
    read = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", str(tmp_path_factory.mktemp("data")))
        for name, split in SPLITS:
            dataset = DATASETS[name](dataset_root(name, "drawn"), train=split == "train")
            read[name, split] = dataset.data.numpy(), dataset.targets.numpy()
    return read


@pytest.mark.parametrize("name", drawing.EDITIONS)
def test_the_checksums_are_those_of_the_unpacked_archives(name):
    lines = (drawing.DATA / "drawn" / name / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    stored = {file: digest for digest, file in (line.split("  ") for line in lines)}
    files = [f"{split}-{part}" for split in drawing.SPLITS for part in PARTS]
    assert stored == {file: hashlib.sha256(payload(name, file)).hexdigest() for file in files}


@pytest.mark.parametrize(("name", "split"), SPLITS)
def test_classes_are_balanced_and_shuffled_as_the_generator_orders_them(archives, name, split):
    _, labels = archives[name, split]
    assert np.bincount(labels).tolist() == [getattr(drawing.EDITIONS[name], split) // 10] * 10
    blocks = labels.reshape(-1, 10)
    assert len({tuple(block) for block in blocks.tolist()}) > 0.99 * len(blocks)
    assert labels[:200].tolist() == [drawing.label_of(name, split, i) for i in range(200)]


@pytest.mark.parametrize(("name", "split"), SPLITS)
def test_the_generator_still_draws_these_images(archives, name, split):
    images, _ = archives[name, split]
    # Other versions of NumPy and Pillow may round differently, but no line goes elsewhere.
    for index in range(20):
        again = drawing.draw_picture(name, split, index)
        assert np.abs(again.astype(float) - images[index]).mean() < 3


@pytest.mark.parametrize("name", drawing.EDITIONS)
def test_no_image_occurs_twice(archives, name):
    images = [image.tobytes() for split in drawing.SPLITS for image in archives[name, split][0]]
    assert len(set(images)) == len(images)


@pytest.mark.parametrize("split", drawing.SPLITS)
def test_digits_hold_about_as_much_ink_as_the_original(archives, split):
    images, _ = archives["MNIST", split]
    # Published for the 60,000 original training digits: mean 0.1307, standard deviation 0.3081.
    assert images.mean() / 255 == pytest.approx(0.1307, abs=0.015)
    assert images.std() / 255 == pytest.approx(0.3081, abs=0.02)


@pytest.mark.parametrize("split", drawing.SPLITS)
def test_each_class_of_garments_is_about_as_bright_as_the_original(archives, split):
    # The mean brightness of each class in the original, rounded.
    expected = np.array([83, 57, 96, 66, 98, 35, 85, 43, 90, 77])
    images, labels = archives["FashionMNIST", split]
    means = np.array([images[labels == label].mean() for label in range(10)])
    assert np.abs(means - expected).max() < 12


def test_the_processes_draw_each_image_by_its_split_and_number():
    images, labels = drawing.draw_split("MNIST", "t10k", 3)
    np.testing.assert_array_equal(images[2], drawing.draw_picture("MNIST", "t10k", 2))
    assert labels[2] == drawing.label_of("MNIST", "t10k", 2)


def test_idx_bytes_are_the_format():
    array = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    expected = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 2, 3, 4, 5])
    assert idx_bytes(array) == expected


def test_archives_are_equal_wherever_and_whenever_they_are_written(tmp_path):
    digests = {write_gzip(tmp_path / name, b"payload") for name in ("a.gz", "b.gz")}
    archive = (tmp_path / "a.gz").read_bytes()
    assert archive == (tmp_path / "b.gz").read_bytes()
    assert archive[3:8] == bytes(5)  # no flags, so neither a name nor a comment, and no time
    assert digests == {hashlib.sha256(b"payload").hexdigest()}
