"""Notebook 2's widgets show the pictures asked for, change them as said, and never ask the network."""

import socket

import pytest
import torch
from torch.utils.data import Subset
from torchvision import datasets
from torchvision.transforms import ToTensor

from helpers.data import DataError, dataset_root
from helpers.plotting import describe, images_with_histograms
from helpers.plotting.style import without_pyplot
from helpers.widgets import augmentation_explorer, dataset_explorer
from helpers.widgets import datasets as module
from helpers.widgets.datasets import augmented
from tests.helpers.widgets.panels import assert_survives, check_answer

NEUTRAL = {"rotation": 0, "right": 0, "down": 0, "crop": 28, "noise": 0.0}


@pytest.fixture(scope="module")
def training_data():
    return datasets.FashionMNIST(dataset_root("FashionMNIST", "drawn"), train=True, transform=ToTensor())


@pytest.fixture
def shown(monkeypatch):
    """The pictures and titles that were last given to `image_grid`."""
    given = {}

    def image_grid(images, titles, **options):
        given.update(images=images, titles=titles)
        return drawn(images, titles, **options)

    drawn = module.image_grid
    monkeypatch.setattr(module, "image_grid", image_grid)
    return given


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def empty_folder(monkeypatch, tmp_path):
    """A machine without the original edition."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.delenv("COURSE_MIRROR", raising=False)


def test_a_page_holds_the_pictures_of_its_class(training_data, shown):
    panel = dataset_explorer()
    panel.set(label=3, page=2)
    of_class = training_data.data[training_data.targets == 3]
    assert torch.equal(shown["images"], of_class[12:24])
    assert shown["titles"] is None
    assert panel.sentence == "The drawn edition of FashionMNIST, Dress: page 2 of 100, pictures 13 to 24 of 1,200."


def test_all_classes_have_their_names(training_data, shown):
    panel = dataset_explorer()
    assert torch.equal(shown["images"], training_data.data[:12])
    assert shown["titles"] == [training_data.classes[label] for label in training_data.targets[:12]]
    assert panel.sentence.endswith("all classes: page 1 of 1,000, pictures 1 to 12 of 12,000.")


def test_the_last_page_follows_the_class():
    panel = dataset_explorer()
    panel.controls["page"].value = 1000
    panel.controls["label"].value = 0
    assert panel.controls["page"].value == panel.controls["page"].max == 100
    assert "page 100 of 100, pictures 1,189 to 1,200 of 1,200." in panel.sentence


def test_an_original_edition_that_is_missing_is_said_and_not_downloaded(empty_folder, no_network):
    panel = dataset_explorer()
    panel.controls["edition"].value = "original"
    assert panel.fault is None
    assert panel.sentence.startswith("Expected the original edition of FashionMNIST on this machine")
    assert 'dataset_root("FashionMNIST", edition="original")' in panel.sentence
    panel.controls["page"].value = 2
    assert "Expected the original" in panel.sentence
    panel.controls["edition"].value = "drawn"
    assert "page 2 of 1,000" in panel.sentence


def test_dataset_root_without_download(empty_folder, no_network):
    assert dataset_root("FashionMNIST", "drawn", download=False).name == "drawn"
    with pytest.raises(DataError, match="Fetch it once, in a cell"):
        dataset_root("FashionMNIST", "original", download=False)


def test_every_position_of_the_browser(empty_folder, no_network):
    assert_survives(dataset_explorer, at_random=5)


def test_nothing_moved_is_the_picture_itself(training_data):
    image, _ = training_data[0]
    assert torch.equal(augmented(image, **NEUTRAL), image)


def test_changes_are_what_they_say():
    image = torch.zeros(1, 28, 28)
    image[0, 10, 5] = 1.0
    moved = augmented(image, **NEUTRAL | {"right": 4, "down": -2})
    assert (moved[0] > 0.5).nonzero().tolist() == [[8, 9]]
    turned = augmented(image, **NEUTRAL | {"rotation": 90})
    assert (turned[0] > 0.5).nonzero().tolist() == [[5, 17]]  # clockwise: from left of the middle to above it
    large = augmented(image.fill_(0.25), **NEUTRAL | {"crop": 14})
    assert torch.allclose(large, torch.full_like(large, 0.25))


def test_a_crop_enlarges_the_middle():
    image = torch.zeros(1, 28, 28)
    image[0, 7:21, 7:21] = 1.0
    assert augmented(image, **NEUTRAL | {"crop": 14}).min() > 0.99
    assert augmented(image, **NEUTRAL | {"crop": 20}).mean() > image.mean()


def test_noise_is_of_the_size_said_and_the_same_every_time():
    image = torch.full((1, 28, 28), 0.5)
    noisy = augmented(image, **NEUTRAL | {"noise": 0.1})
    assert (noisy - image).std().item() == pytest.approx(0.1, rel=0.1)
    assert torch.equal(noisy, augmented(image, **NEUTRAL | {"noise": 0.1}))
    assert augmented(image, **NEUTRAL | {"noise": 0.5}).max() <= 1


def test_the_numbers_of_both_histograms_are_said(training_data):
    panel = augmentation_explorer(training_data, mean=0.25, std=0.5)
    panel.set(picture=1, rotation=0)
    image, label = training_data[1]
    numbers = f"0 to 1, mean {image.mean():.2g}, standard deviation {image.std(correction=0):.2g}"
    assert panel.sentence.startswith(f"{training_data.classes[label]}, as it is. Pixels before normalising: {numbers};")
    assert f"after normalising: -0.5 to 1.5, mean {(image.mean() - 0.25) / 0.5:.2g}" in panel.sentence


def test_every_change_is_said(training_data):
    panel = augmentation_explorer(training_data, mean=0.3, std=0.35)
    panel.set(rotation=-30, right=-3, down=2, crop=20, noise=0.1)
    assert (
        ", turned by -30 degrees, shifted 3 to the left, shifted 2 down, cropped to 20 x 20, with noise of 0.10."
        in panel.sentence
    )
    check_answer(panel)


def test_every_position_of_augmentation(training_data):
    before = training_data.data[:50].clone()
    assert_survives(lambda: augmentation_explorer(training_data, mean=0.3, std=0.35), at_random=6)
    assert torch.equal(training_data.data[:50], before)


def test_a_single_picture_is_enough_and_none_is_not(training_data):
    panel = augmentation_explorer(Subset(training_data, [0]), mean=0.3, std=0.35)
    panel.set(picture=1)
    check_answer(panel)
    with pytest.raises(ValueError, match=r"received 0 pictures and std 0\.35"):
        augmentation_explorer(Subset(training_data, []), mean=0.3, std=0.35)
    with pytest.raises(ValueError, match="received 12,000 pictures and std 0"):
        augmentation_explorer(training_data, mean=0.3, std=0)


@without_pyplot()
def test_images_with_histograms():
    picture = torch.rand(1, 28, 28, generator=torch.Generator().manual_seed(0))
    axes = images_with_histograms({"before": picture}, {"a": picture, "b": picture * 2})
    assert len(axes) == 3
    assert torch.equal(torch.from_numpy(axes[0].images[0].get_array().data).float(), picture[0])
    assert [ax.get_title() for ax in axes] == ["before", "a", "b"]
    assert "a: 0 to 1" in describe(axes)
    with pytest.raises(ValueError, match=r"Expected before of shape \[H, W\]"):
        images_with_histograms({"before": torch.rand(3, 28, 28)}, {"a": picture})
