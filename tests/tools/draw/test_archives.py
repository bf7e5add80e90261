"""The committed archives of both editions, and the command that writes them."""

import numpy as np
import pytest

from helpers.data import DATASETS, dataset_root
from tools.draw import __main__ as drawing

SPLITS = [(name, split) for name in drawing.EDITIONS for split in drawing.SPLITS]


def load(name, split, folder):
    """Images and labels of a split, as torchvision loads them from archives whose checksums are right."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", str(folder))
        dataset = DATASETS[name](dataset_root(name, "drawn"), train=split == "train")
    return dataset.data.numpy(), dataset.targets.numpy()


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return {(name, split): load(name, split, folder) for name, split in SPLITS}


@pytest.mark.parametrize(("name", "split"), SPLITS)
def test_the_generator_still_draws_these_images_and_as_many_of_each_class(archives, name, split):
    images, labels = archives[name, split]
    assert np.bincount(labels).tolist() == [getattr(drawing.EDITIONS[name], split) // 10] * 10
    assert labels[:100].tolist() == [drawing.label_of(name, split, index) for index in range(100)]
    again = np.stack([drawing.draw_picture(name, split, index) for index in range(100)])
    differences = np.abs(again.astype(float) - images[:100]).mean(axis=(1, 2))
    # Another machine may round differently, but no line goes elsewhere (as it did with Pillow before 11.3).
    assert differences.max() < 3


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


def test_the_command_writes_what_torchvision_reads_with_nothing_in_it_of_the_place_and_time(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "DATA", tmp_path)
    monkeypatch.setitem(drawing.EDITIONS, "MNIST", drawing.EDITIONS["MNIST"]._replace(train=20, t10k=10))
    drawing.write_edition("MNIST")
    images, labels = load("MNIST", "train", tmp_path)
    assert labels.tolist() == [drawing.label_of("MNIST", "train", i) for i in range(20)]
    np.testing.assert_array_equal(images[19], drawing.draw_picture("MNIST", "train", 19))
    for archive in tmp_path.rglob("*.gz"):
        assert archive.read_bytes()[3:8] == bytes(5)  # no flags, so neither a name nor a comment, and no time
