"""Notebook 2's widgets show the images asked for, change them as described, and never use the network."""

import socket
from unittest.mock import Mock

import pytest
import torch
from torchvision import datasets
from torchvision.transforms import ToTensor

from helpers.data import dataset_root
from helpers.widgets import datasets as module
from helpers.widgets.datasets import augmentation_explorer, augmented, dataset_explorer
from tests.helpers.widgets.panels import move

NEUTRAL = {"rotation": 0, "right": 0, "down": 0, "crop": 28, "noise": 0.0}


@pytest.fixture(scope="module")
def training_data():
    return datasets.FashionMNIST(dataset_root("FashionMNIST", "drawn"), train=True, transform=ToTensor())


def test_a_page_shows_the_images_of_its_class(training_data, monkeypatch):
    grid = Mock(wraps=module.image_grid)
    monkeypatch.setattr(module, "image_grid", grid)
    panel = dataset_explorer()
    images, titles = grid.call_args.args
    assert torch.equal(images, training_data.data[:12])
    assert titles == [training_data.classes[label] for label in training_data.targets[:12]]
    assert panel.sentence.endswith("all classes: page 1 of 1,000, images 1 to 12 of 12,000.")
    move(panel, label=3, page=2)
    images, titles = grid.call_args.args
    assert torch.equal(images, training_data.data[training_data.targets == 3][12:24])
    assert titles is None
    assert panel.sentence == "The drawn edition of FashionMNIST, Dress: page 2 of 100, images 13 to 24 of 1,200."
    move(panel, label=-1, page=1000)
    move(panel, label=0)
    assert "page 100 of 100, images 1,189 to 1,200 of 1,200." in panel.sentence  # a class has fewer pages than all


def test_a_missing_original_edition_is_reported_and_not_downloaded(monkeypatch, tmp_path):
    network = Mock(side_effect=OSError)
    monkeypatch.setattr(socket.socket, "connect", network)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.delenv("COURSE_MIRROR", raising=False)
    panel = dataset_explorer()
    move(panel, edition="original")
    assert panel.sentence.startswith("Expected the original edition of FashionMNIST on this machine")
    assert 'dataset_root("FashionMNIST", edition="original")' in panel.sentence
    assert not network.called


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
    grey = torch.full((1, 28, 28), 0.5)
    noisy, again = (augmented(grey, **NEUTRAL | {"noise": 0.1}) for _ in range(2))
    assert (noisy - grey).std().item() == pytest.approx(0.1, rel=0.1)
    assert torch.equal(noisy, again)


def test_the_sentence_has_every_change_and_both_histograms(training_data):
    panel = augmentation_explorer(training_data, mean=0.25, std=0.5)
    move(panel, example=1, rotation=0)
    image, label = training_data[1]
    numbers = f"0 to 1, mean {image.mean():.2g}, standard deviation {image.std(correction=0):.2g}"
    assert panel.sentence.startswith(f"{training_data.classes[label]}, unchanged.")
    assert f"before normalisation: {numbers};" in panel.sentence
    assert f"after normalisation: -0.5 to 1.5, mean {(image.mean() - 0.25) / 0.5:.2g}" in panel.sentence
    move(panel, rotation=-30, right=-3, down=2, crop=20, noise=0.1)
    changes = "rotated by -30 degrees, shifted 3 to the left, shifted 2 down, cropped to 20 x 20, with noise of 0.10"
    assert f", {changes}." in panel.sentence
