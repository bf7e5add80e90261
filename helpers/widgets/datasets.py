"""Widgets of notebook 2: browsing the images, and what augmentation and normalisation do to one."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from helpers.data import DATASETS, EDITIONS, DataError, dataset_root
from helpers.plotting import describe, image_grid, images_with_histograms
from helpers.widgets.panel import Answer, Panel, RefusalError, choice, place, slider, toggle

_NAME = "FashionMNIST"
_CLASSES = DATASETS[_NAME].classes
_PER_PAGE = 12
_ALL = -1  # instead of a class
_EXAMPLES = 50  # to choose from for augmentation


def dataset_explorer(edition: str = "drawn") -> Panel:
    """Browse the training set of Fashion-MNIST, page by page and class by class, in either edition.

    Nothing is ever downloaded: an original edition that is not on this machine is reported as missing.
    """
    load = cache(_load)
    load(edition)  # a missing data set is an error in the cell
    classes = [("all", _ALL), *((text, i) for i, text in enumerate(_CLASSES))]
    controls = {
        "edition": toggle("edition", EDITIONS, edition),
        "label": choice("class", classes),
        "page": slider("page", 1, 1, 2),
    }

    def positions(edition: str, label: int) -> Tensor:
        _, targets = load(edition)
        return (torch.ones_like(targets) if label == _ALL else targets == label).nonzero().flatten()

    def adjust(panel: Panel) -> None:
        found = positions(panel.values["edition"], panel.values["label"])
        panel.controls["page"].max = math.ceil(len(found) / _PER_PAGE)

    def answer(edition: str, label: int, page: int) -> Answer:
        (images, targets), found = load(edition), positions(edition, label)
        of_class = "all classes" if label == _ALL else _CLASSES[label]
        first, pages = (page - 1) * _PER_PAGE, math.ceil(len(found) / _PER_PAGE)
        shown = found[first : first + _PER_PAGE]
        titles = [_CLASSES[target] for target in targets[shown]] if label == _ALL else None
        return image_grid(images[shown], titles, columns=6), (
            f"The {edition} edition of {_NAME}, {of_class}: page {page:,} of {pages:,}, "
            f"images {first + 1:,} to {first + len(shown):,} of {len(found):,}."
        )

    return Panel("Browse the images", controls, answer, adjust=adjust)


def augmentation_explorer(dataset: Dataset, *, mean: float, std: float) -> Panel:
    """Rotate, shift, crop and add noise to an image, beside histograms of its pixels before and after normalisation.

    Shapes:
        dataset: `dataset[i]` is a pair, an image [1, 28, 28] from 0 to 1 and its class in Fashion-MNIST.
        mean, std: of the pixels of the training set.
    """
    examples = [dataset[i] for i in range(min(_EXAMPLES, len(dataset)))]
    controls = {
        "example": slider("image number", 0, 0, len(examples) - 1),
        "rotation": slider("rotation in degrees", 20, -180, 180),  # something to see at once
        "right": slider("shift to the right in pixels", 0, -14, 14),
        "down": slider("shift down in pixels", 0, -14, 14),
        "crop": slider("crop to this many pixels", 28, 7, 28),
        "noise": slider("noise (standard deviation)", 0.0, 0.0, 0.5, step=0.05),
    }

    def answer(example: int, noise: float, **changes: int) -> Answer:
        image, label = examples[example]
        changed = augmented(image, noise=noise, **changes)
        values = {"before normalisation": changed, "after normalisation": (changed - mean) / std}
        axes = images_with_histograms({"original": image, "changed": changed}, values)
        columns = ((0.0, 0.2), (0.215, 0.2), (0.505, 0.21), (0.775, 0.21))  # left and width
        place(axes, *((left, 0.21, width, 0.67) for left, width in columns))
        return axes, f"{_CLASSES[label]}{_in_words(noise=noise, **changes)}. Pixels {describe(axes[2])}"

    return Panel("Change an image", controls, answer)


def augmented(image: Tensor, *, rotation: float, right: int, down: int, crop: int, noise: float) -> Tensor:
    """Crop an image (and enlarge it again), rotate it clockwise, shift it, add noise, and clip it to 0 to 1.

    Shapes: image and result [1, H, W]. The noise comes from a generator of its own: the same at every call.
    """
    size = list(image.shape[-2:])
    if crop < size[0]:
        image = functional.resize(functional.center_crop(image, [crop, crop]), size, antialias=True)
    if rotation or right or down:
        unchanged = {"scale": 1.0, "shear": [0.0, 0.0]}
        bilinear = InterpolationMode.BILINEAR
        image = functional.affine(image, rotation, [right, down], **unchanged, interpolation=bilinear)
    if noise:
        image = image + noise * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    return image.clamp(0, 1)


def _in_words(*, rotation: float, right: int, down: int, crop: int, noise: float) -> str:
    changes = [
        f", rotated by {rotation} degrees" if rotation else "",
        f", shifted {abs(right)} to the {'right' if right > 0 else 'left'}" if right else "",
        f", shifted {abs(down)} {'down' if down > 0 else 'up'}" if down else "",
        f", cropped to {crop} x {crop}" if crop < 28 else "",
        f", with noise of {noise:.2f}" if noise else "",
    ]
    return "".join(changes) or ", unchanged"


def _load(edition: str) -> tuple[Tensor, Tensor]:
    """The training images [N, 28, 28] of bytes and their classes [N], read from this machine."""
    try:
        root = dataset_root(_NAME, edition, download=False)
    except DataError as error:
        raise RefusalError(str(error)) from error
    train_set = DATASETS[_NAME](root)
    return train_set.data, train_set.targets
