"""Notebook 2's widgets show the images asked for, change them as described, and never use the network."""

import socket

import pytest
import torch
from torchvision import datasets
from torchvision.transforms import ToTensor

from helpers.data import dataset_root
from helpers.widgets import datasets as module
from helpers.widgets.datasets import augmentation_explorer, augmented, dataset_explorer

NEUTRAL = {"rotation": 0, "right": 0, "down": 0, "crop": 28, "noise": 0.0}


@pytest.fixture(scope="module")
def training_data():
    return datasets.FashionMNIST(dataset_root("FashionMNIST", "drawn"), train=True, transform=ToTensor())


@pytest.fixture
def shown(monkeypatch):
    """The images and titles that were last passed to `image_grid`."""
    given, draw = {}, module.image_grid

    def image_grid(images, titles, **options):
        given.update(images=images, titles=titles)
        return draw(images, titles, **options)

    monkeypatch.setattr(module, "image_grid", image_grid)
    return given


@pytest.fixture
def only_drawn(monkeypatch, tmp_path):
    """A machine without the original edition and without a network."""

    def refuse(*_, **__):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.delenv("COURSE_MIRROR", raising=False)


def test_a_page_shows_the_images_of_its_class(training_data, shown):
    panel = dataset_explorer()
    assert torch.equal(shown["images"], training_data.data[:12])
    assert shown["titles"] == [training_data.classes[label] for label in training_data.targets[:12]]
    assert panel.sentence.endswith("all classes: page 1 of 1,000, images 1 to 12 of 12,000.")
    panel.set(label=3, page=2)
    assert torch.equal(shown["images"], training_data.data[training_data.targets == 3][12:24])
    assert shown["titles"] is None
    assert panel.sentence == "The drawn edition of FashionMNIST, Dress: page 2 of 100, images 13 to 24 of 1,200."


def test_the_last_page_depends_on_the_class():
    panel = dataset_explorer()
    panel.controls["page"].value = 1000
    panel.controls["label"].value = 0
    assert panel.controls["page"].value == panel.controls["page"].max == 100
    assert "page 100 of 100, images 1,189 to 1,200 of 1,200." in panel.sentence


def test_a_missing_original_edition_is_reported_and_not_downloaded(only_drawn):
    panel = dataset_explorer()
    panel.controls["edition"].value = "original"
    assert panel.fault is None
    assert panel.sentence.startswith("Expected the original edition of FashionMNIST on this machine")
    assert 'dataset_root("FashionMNIST", edition="original")' in panel.sentence


def test_an_image_is_changed_as_described(training_data):
    assert torch.equal(augmented(training_data[0][0], **NEUTRAL), training_data[0][0])
    image = torch.zeros(1, 28, 28)
    image[0, 10, 5] = 1.0
    moved = augmented(image, **NEUTRAL | {"right": 4, "down": -2})
    assert (moved[0] > 0.5).nonzero().tolist() == [[8, 9]]
    rotated = augmented(image, **NEUTRAL | {"rotation": 90})
    assert (rotated[0] > 0.5).nonzero().tolist() == [[5, 17]]  # clockwise: from left of the centre to above it
    image[0, 7:21, 7:21] = 1.0
    assert augmented(image, **NEUTRAL | {"crop": 14}).min() > 0.99  # only the middle is left, enlarged


def test_noise_has_its_standard_deviation_and_is_the_same_every_time():
    image = torch.full((1, 28, 28), 0.5)
    noisy = augmented(image, **NEUTRAL | {"noise": 0.1})
    assert (noisy - image).std().item() == pytest.approx(0.1, rel=0.1)
    assert torch.equal(noisy, augmented(image, **NEUTRAL | {"noise": 0.1}))


def test_the_sentence_has_every_change_and_both_histograms(training_data):
    panel = augmentation_explorer(training_data, mean=0.25, std=0.5)
    panel.set(example=1, rotation=0)
    image, label = training_data[1]
    numbers = f"0 to 1, mean {image.mean():.2g}, standard deviation {image.std(correction=0):.2g}"
    assert panel.sentence.startswith(f"{training_data.classes[label]}, unchanged.")
    assert f"before normalisation: {numbers};" in panel.sentence
    assert f"after normalisation: -0.5 to 1.5, mean {(image.mean() - 0.25) / 0.5:.2g}" in panel.sentence
    panel.set(rotation=-30, right=-3, down=2, crop=20, noise=0.1)
    changes = "rotated by -30 degrees, shifted 3 to the left, shifted 2 down, cropped to 20 x 20, with noise of 0.10"
    assert f", {changes}." in panel.sentence
