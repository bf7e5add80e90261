"""To play with in notebook 2: leafing through the pictures, and what augmentation and normalising do to one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from helpers.data import DATASETS, EDITIONS, DataError, dataset_root
from helpers.plotting import describe, image_grid, images_with_histograms
from helpers.widgets.panel import Answer, Panel, RefusalError, choice, place, slider, toggle

_PER_PAGE = 12
_ALL = -1  # instead of a class
_PICTURES = 50  # to choose from for augmentation

# How a picture is changed: each value with its neutral position, lowest and highest.
_CHANGES: Mapping[str, tuple[str, float, float, float]] = {
    "rotation": ("rotation in degrees", 0, -180, 180),
    "right": ("shift to the right in pixels", 0, -14, 14),
    "down": ("shift down in pixels", 0, -14, 14),
    "crop": ("crop to so many pixels", 28, 7, 28),
}


def dataset_explorer(edition: str = "drawn", *, name: str = "FashionMNIST") -> Panel:
    """Leaf through a training set, page by page and class by class, in either edition.

    Nothing is ever downloaded: an original edition that is not on this machine is said to be missing.
    """
    loaded = _Editions(name)
    classes = [("all", _ALL), *((text, i) for i, text in enumerate(loaded(edition).classes))]
    controls = {
        "edition": toggle("edition", EDITIONS, edition),
        "label": choice("class", classes),
        "page": slider("page", 1, 1, 2),
    }

    def positions(edition: str, label: int) -> Tensor:
        targets = loaded(edition).targets
        return (torch.ones_like(targets) if label == _ALL else targets == label).nonzero().flatten()

    def adjust(panel: Panel) -> None:
        found = positions(panel.values["edition"], panel.values["label"])
        panel.controls["page"].max = max(math.ceil(len(found) / _PER_PAGE), 2)  # a slider has two ends

    def answer(edition: str, label: int, page: int) -> Answer:
        dataset, found = loaded(edition), positions(edition, label)
        what = "all classes" if label == _ALL else dataset.classes[label]
        if len(found) == 0:
            return None, f"The {edition} edition of {name} holds no picture of {what}."
        pages = math.ceil(len(found) / _PER_PAGE)
        page = min(page, pages)
        first = (page - 1) * _PER_PAGE
        shown = found[first : first + _PER_PAGE]
        titles = [dataset.classes[target] for target in dataset.targets[shown]] if label == _ALL else None
        sentence = f"The {edition} edition of {name}, {what}: page {page:,} of {pages:,}, "
        sentence += f"pictures {first + 1:,} to {first + len(shown):,} of {len(found):,}."
        return image_grid(dataset.data[shown], titles, columns=6), sentence

    return Panel("Leaf through the pictures", controls, answer, adjust=adjust)


def augmentation_explorer(dataset: Dataset, *, mean: float, std: float) -> Panel:
    """Turn, shift, crop and disturb a picture, beside how often each pixel value occurs, before and after normalising.

    Shapes:
        dataset: `dataset[i]` is a pair, a picture [1, 28, 28] from 0 to 1 and its label.
        mean, std: of the pixels of the training set.

    Raises: ValueError where there is no picture, or std is not above 0.
    """
    if not len(dataset) or not std > 0:
        raise ValueError(
            f"Expected a picture or more, and std above 0: received {len(dataset):,} pictures and std {std}. "
            "Pass the training set, and mean and std of its pixels."
        )
    pictures = [dataset[i] for i in range(min(_PICTURES, len(dataset)))]
    names = getattr(dataset, "classes", None)
    controls = {
        "picture": slider("picture number", 0, 0, max(len(pictures) - 1, 1)),  # a slider has two ends
        **{name: slider(label, start, low, high) for name, (label, start, low, high) in _CHANGES.items()},
        "noise": slider("noise (standard deviation)", 0.0, 0.0, 0.5, step=0.05),
    }

    def answer(picture: int, noise: float, **changes: int) -> Answer:
        image, label = pictures[min(picture, len(pictures) - 1)]
        changed = augmented(image, noise=noise, **changes)
        values = {"before normalising": changed, "after normalising": (changed - mean) / std}
        axes = images_with_histograms({"original": image, "changed": changed}, values)
        place(
            axes, (0.0, 0.21, 0.2, 0.67), (0.215, 0.21, 0.2, 0.67), (0.505, 0.21, 0.21, 0.67), (0.775, 0.21, 0.21, 0.67)
        )
        what = names[label] if names else f"Class {label}"
        return axes, f"{what}{_in_words(noise=noise, **changes)}. Pixels {describe(axes[2])}"

    panel = Panel("Change a picture", controls, answer)
    panel.set(rotation=20)  # something to see at once
    return panel


def augmented(image: Tensor, *, rotation: float, right: int, down: int, crop: int, noise: float) -> Tensor:
    """The picture cropped (and enlarged again), then turned clockwise and shifted, then disturbed, and kept in 0 to 1.

    Shapes: image and result [1, H, W]. Noise is drawn from a generator of its own: the same at every call.
    """
    size = list(image.shape[-2:])
    if crop < size[0]:
        image = functional.resize(functional.center_crop(image, [crop, crop]), size, antialias=True)
    if rotation or right or down:
        image = functional.affine(
            image,
            angle=rotation,
            translate=[right, down],
            scale=1.0,
            shear=[0.0, 0.0],
            interpolation=InterpolationMode.BILINEAR,
        )
    if noise:
        image = image + noise * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    return image.clamp(0, 1)


def _in_words(*, rotation: float, right: int, down: int, crop: int, noise: float) -> str:
    words = [
        f"turned by {rotation} degrees" if rotation else "",
        f"shifted {abs(right)} to the {'right' if right > 0 else 'left'}" if right else "",
        f"shifted {abs(down)} {'down' if down > 0 else 'up'}" if down else "",
        f"cropped to {crop} x {crop}" if crop < 28 else "",
        f"with noise of {noise:.2f}" if noise else "",
    ]
    said = ", ".join(filter(None, words))
    return f", {said}" if said else ", as it is"


class _Pictures(NamedTuple):
    """A training set: pictures [N, 28, 28] of bytes, their classes [N], and what the classes are called."""

    data: Tensor
    targets: Tensor
    classes: list[str]


class _Editions:
    """The training set in each edition, read from this machine when it is first looked at, and kept."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._kept: dict[str, _Pictures] = {}

    def __call__(self, edition: str) -> _Pictures:
        if edition not in self._kept:
            try:
                root = dataset_root(self.name, edition, download=False)
            except DataError as error:
                raise RefusalError(str(error)) from error
            # The files have just been checked. torchvision would copy the bytes on the way, which takes five times
            # as long: 0.3 s for 60,000 pictures, too long for an answer.
            raw = root / self.name / "raw"
            data = np.fromfile(raw / "train-images-idx3-ubyte", dtype=np.uint8)[16:].reshape(-1, 28, 28)
            targets = np.fromfile(raw / "train-labels-idx1-ubyte", dtype=np.uint8)[8:]
            kept = _Pictures(torch.from_numpy(data), torch.from_numpy(targets), DATASETS[self.name].classes)
            self._kept[edition] = kept
        return self._kept[edition]
