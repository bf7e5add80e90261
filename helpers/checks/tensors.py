"""The checks of notebook 1, Tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from helpers.checks.compare import Case, expect, expect_results
from helpers.checks.core import Book, either

book = Book(1)
progress = book.progress


def _random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@book.exercise(
    "Every half second",
    goal="make evenly spaced numbers",
    minutes=3,
    difficulty=1,
    why="Ten steps have eleven ends. Mixing up steps and points puts you off by one, here and in every loop.",
    mistakes={
        "`arange` leaves out its end, and the end is wanted here.": torch.arange(0, 5, 0.5),
        "Ten steps have eleven ends: count the points, not the steps.": torch.linspace(0, 5, 10),
        "This goes past the last point: `arange` stops before its end, but the first step past 5 is already too far.": (
            torch.arange(0, 6, 0.5)
        ),
        "The first point in time is 0, not the first step.": torch.arange(0.5, 5.5, 0.5),
        "These are whole seconds, and two measurements are made in each.": either(
            torch.arange(0, 11).float(), torch.arange(0, 6).float(), torch.arange(0, 11), torch.arange(0, 6)
        ),
        "The points are 0.5 apart: the step is the third argument of `arange`, the number of points that of "
        "`linspace`.": either(torch.linspace(0, 5, 1), torch.arange(0, 5, 11), torch.linspace(0, 5, 5)),
    },
)
def half_seconds(answer: Any) -> None:
    """Points in time from 0 to 5 in steps of a half, both ends included."""
    expect(answer, torch.linspace(0, 5, 11), what="`times`", dtype=True)


@book.exercise(
    "The green middle",
    goal="pick a part out of every image of a batch",
    minutes=4,
    difficulty=1,
    why="One index took a part of all images at once, however many there are. Try it on `batch` from above.",
    mistakes={
        "A range leaves out its end, and row 20 is wanted.": lambda batch: batch[:, 1, 7:20, 7:20],
        "A range keeps its dimension, even a range of one.": lambda batch: batch[:, 1:2, 7:21, 7:21],
        "That is one image with all its channels: the first dimension of a batch counts the images.": (
            lambda batch: batch[1, :, 7:21, 7:21]
        ),
        "The first dimension counts the images, and you want all of them: four places, the first is `:`.": either(
            lambda batch: batch[1, 7:21, 7:21], lambda batch: batch[1][:, 7:21, 7:21][7:21]
        ),
        "That is another colour: the channels are red, green and blue, counted from 0.": either(
            lambda batch: batch[:, 2, 7:21, 7:21], lambda batch: batch[:, 0, 7:21, 7:21]
        ),
        "Row 7 is at index 7: indices count from 0, as the task's rows do.": either(
            lambda batch: batch[:, 1, 6:20, 6:20], lambda batch: batch[:, 1, 8:22, 8:22]
        ),
        "The channel is missing among the places: this takes the middle of all three.": lambda batch: batch[
            :, :, 7:21, 7:21
        ],
        "The channels are dimension 1, not the last: the places are images, channels, rows, columns.": lambda batch: (
            batch[:, 7:21, 7:21, 1]
        ),
        "The columns are still all there: rows and columns need a range each.": lambda batch: batch[:, 1, 7:21],
    },
)
def green_middle(answer: Any) -> None:
    """The green channel of every image, rows and columns 7 to 20."""
    cases = []
    for size in (4, 1, 3):
        batch, wanted = _random(size, 3, 28, 28, seed=2), _random(size, 14, 14, seed=20)
        batch[:, 1, 7:21, 7:21] = wanted
        cases.append(Case((batch,), wanted))
    expect_results(answer, cases, without_loop=True)


@book.exercise(
    "From a file into a network",
    goal="put dimensions in another order and add one",
    minutes=5,
    difficulty=2,
    why="Image files and Matplotlib keep the channels last, networks want them first: you will meet both.",
    mistakes={
        "The shape is right, the content scrambled: `reshape` keeps the reading order and swaps no dimensions.": (
            lambda image: image.reshape(1, image.shape[2], *image.shape[:2])
        ),
        "The dimension of the batch is missing: one image is a batch of size 1.": lambda image: image.permute(2, 0, 1),
        "Height and width have changed places: the image lies on its side.": (
            lambda image: image.permute(2, 1, 0).unsqueeze(0)
        ),
        "The new dimension is in the wrong place: the batch comes first.": either(
            lambda image: image.permute(2, 0, 1).unsqueeze(1), lambda image: image.permute(2, 0, 1).unsqueeze(-1)
        ),
        "With the new dimension first there are four, and `permute` must name all four: count again from 0.": (
            lambda image: image.unsqueeze(0).permute(2, 0, 1)
        ),
        "The channels are still last: the dimension of the batch is there, the order is not changed yet.": (
            lambda image: image.unsqueeze(0)
        ),
        "`permute` lists, place by place, which old dimension goes there: the old dimension 2 comes first.": (
            lambda image: image.permute(1, 2, 0).unsqueeze(0)
        ),
    },
)
def channels_first(answer: Any) -> None:
    """An image [H, W, C] as a batch [1, C, H, W]."""
    cases = []
    for height, width, channels in ((4, 6, 3), (3, 3, 3), (5, 2, 1), (1, 1, 3)):
        wanted = _random(1, channels, height, width, seed=3)
        image = torch.stack([*wanted[0]], dim=-1)
        cases.append(Case((image,), wanted))
    expect_results(answer, cases)


@book.exercise(
    "All distances at once",
    goal="broadcast on purpose",
    minutes=6,
    difficulty=2,
    why="A column against a row gives every pair, with no loop. What was an accident above is a tool here.",
    mistakes={
        "Rows and columns have changed places: `a` should run down the rows.": lambda a, b: (a - b.unsqueeze(1)).abs(),
        "A distance has no sign.": either(lambda a, b: a.unsqueeze(1) - b, lambda a, b: b - a.unsqueeze(1)),
        "The task wants the distances themselves, and these are their squares.": lambda a, b: (a.unsqueeze(1) - b) ** 2,
        "What is below 0 is cut off; a distance is how far apart two numbers are, in either direction.": either(
            lambda a, b: (a.unsqueeze(1) - b).clamp(min=0), lambda a, b: torch.relu(b - a.unsqueeze(1))
        ),
        "Subtract first, then drop the sign: the distance between -1 and 1 is 2, not 0.": either(
            lambda a, b: a.abs().unsqueeze(1) - b.abs(), lambda a, b: (a.abs().unsqueeze(1) - b.abs()).abs()
        ),
        "`a` and `b` have different lengths: `a`, and only `a`, must become a column, `[N, 1]`, before you subtract.": (
            lambda a, b: (a - b).abs()
        ),
        "The two are added here: a distance is a difference.": lambda a, b: (a.unsqueeze(1) + b).abs(),
        "These are products, which `@` and `*` compute: a distance is a difference.": either(
            lambda a, b: a.unsqueeze(1) * b, lambda a, b: (a.unsqueeze(1) * b).abs(), torch.outer
        ),
    },
)
def distances(answer: Any) -> None:
    """How far each number of a is from each number of b."""
    cases = []
    for rows, columns in ((3, 4), (2, 2), (1, 5), (4, 1)):
        a, b = _random(rows, seed=4), _random(columns, seed=40)
        wanted = [[abs(left - right) for right in b.tolist()] for left in a.tolist()]
        cases.append(Case((a, b), torch.tensor(wanted)))
    expect_results(answer, cases, without_loop=True)


@book.exercise(
    "Around zero",
    goal="reduce along the right dimension and broadcast the result back",
    minutes=5,
    difficulty=2,
    why="`LayerNorm`, a layer that you will meet in larger networks, begins with just this step. Data are usually "
    "centred per column instead, so that each feature has the mean 0.",
    mistakes={
        "The columns are centred, not the rows: `dim=` names the dimension that disappears.": lambda X: (
            X - X.mean(dim=0)
        ),
        "The means have the shape `[N]`, so broadcasting took them for a row. They should be a column, `[N, 1]`.": (
            lambda X: X - X.mean(dim=1)
        ),
        "One mean was taken of all numbers, not one of each row.": lambda X: X - X.mean(),
        "These are the means. Subtract them from the rows.": either(
            lambda X: X.mean(dim=1, keepdim=True), lambda X: X.mean(dim=1), lambda X: X.mean(dim=0)
        ),
        "This divides by the mean, and the task subtracts it.": lambda X: X / X.mean(dim=1, keepdim=True),
        "This subtracts the sum of each row, not its mean.": lambda X: X - X.sum(dim=1, keepdim=True),
        "The rows are centred and then scaled as well: the task only subtracts.": either(
            lambda X: (X - X.mean(dim=1, keepdim=True)) / X.std(dim=1, keepdim=True),
            lambda X: (X - X.mean(dim=1, keepdim=True)) / X.std(dim=1, keepdim=True, correction=0),
        ),
        "The mean is added here, and should be subtracted.": lambda X: X + X.mean(dim=1, keepdim=True),
        "The median is another kind of middle: the task wants the mean.": lambda X: (
            X - X.median(dim=1, keepdim=True).values
        ),
        "`keepdim=True` needs to know which dimension to keep: name it with `dim=`.": lambda X: (
            X - X.mean(keepdim=True)
        ),
        "The means are those of the columns, set against the rows: `dim=` names the dimension that disappears.": (
            lambda X: (X.T - X.mean(dim=0)).T
        ),
        "A dimension is named that `[N, F]` does not have: counted from 0, rows and columns are 0 and 1.": lambda X: (
            X - X.mean(dim=2, keepdim=True)
        ),
    },
)
def centre_rows(answer: Any) -> None:
    """Each row minus its mean."""
    cases = []
    for rows, columns in ((4, 4), (2, 3), (1, 5), (3, 1)):
        halves = _random(rows, columns, seed=5).double()
        wanted = torch.cat([halves, -halves.flip(1)], dim=1)  # every row adds up to 0
        X = wanted + _random(rows, 1, seed=50)
        cases.append(Case((X.float()[:, : 2 * columns],), wanted.float()))
    expect_results(answer, [_square_rows(), *cases], without_loop=True)


def _square_rows() -> Case:
    """As many columns as rows, where a missing `keepdim` raises no error."""
    wanted = torch.tensor(
        [[1.5, -0.5, -2.0, 1.0], [0.25, 2.0, -1.25, -1.0], [3.0, -4.0, 1.5, -0.5], [-0.5, 1, -1.5, 1]]
    )
    return Case((wanted + torch.tensor([[0.7], [-1.9], [2.3], [0.4]]),), wanted)


@book.exercise(
    "Brighter, but not black",
    goal="choose the dtype in which to calculate",
    minutes=6,
    difficulty=2,
    why="Calculate in a dtype with room for the result, and convert back at the end.",
    mistakes={
        "Too bright is handled. A negative amount makes an image darker: what is below 0?": lambda pixels, amount: (
            (pixels.int() + amount).clamp(max=255).to(torch.uint8)
        ),
        "A number went beyond the end of `uint8` and started again from the other end, so bright pixels turned dark. "
        "Compute in a dtype with room, and cut off at both ends before you go back to `uint8`.": either(
            lambda pixels, amount: (pixels.int() + amount).to(torch.uint8),
            lambda pixels, amount: (pixels.int() + amount).clamp(min=0).to(torch.uint8),
            lambda pixels, amount: (pixels.float() + amount).to(torch.uint8).clamp(0, 255),
        ),
        "The numbers are right; the result should be `uint8` again, like the image.": either(
            lambda pixels, amount: (pixels.float() + amount).clamp(0, 255),
            lambda pixels, amount: (pixels.int() + amount).clamp(0, 255),
            lambda pixels, amount: (pixels.long() + amount).clamp(0, 255),
        ),
        "`int8` ends at 127. In which dtype is there room for 255 and more?": lambda pixels, amount: (
            (pixels.to(torch.int8) + amount).clamp(0, 255).to(torch.uint8)
        ),
        "Pixels that become too bright or too dark are cut off, but the amount is added to none of "
        "them: keep the sum.": (
            lambda *given: _cut_off(*given)  # noqa: PLW0108
        ),
        "The whole image is returned as it was: a method without an underscore returns a new tensor and leaves the "
        "old one.": lambda pixels, amount: pixels.clone(),
        "The amount is multiplied here: brighter by an amount means a sum.": lambda pixels, amount: (
            (pixels.int() * amount).clamp(0, 255).to(torch.uint8)
        ),
        "The pixels were scaled to 0 to 1, where 255 has no meaning: stay between 0 and 255.": lambda pixels, amount: (
            (pixels / 255 + amount).clamp(0, 255).to(torch.uint8)
        ),
    },
)
def brighten(answer: Any) -> None:
    """Pixels (uint8) plus an amount, kept between 0 and 255."""
    pixels = torch.tensor([[100, 250, 0], [255, 30, 7]], dtype=torch.uint8)
    grey = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16)
    cases = []
    for image, amount in ((pixels, 10), (pixels, -30), (grey, 0), (grey, 300), (grey, -128), (pixels[:0], 5)):
        wanted = [min(max(pixel + amount, 0), 255) for pixel in image.flatten().tolist()]
        cases.append(Case((image, amount), torch.tensor(wanted, dtype=torch.uint8).reshape(image.shape)))
    expect_results(answer, cases)


def _cut_off(pixels: Tensor, amount: int) -> Tensor:
    kept = pixels.float()
    kept[kept + amount > 255] = 255
    kept[kept + amount < 0] = 0
    return kept.to(torch.uint8)


@book.exercise(
    "Project: a classifier out of nothing but tensors",
    goal="write a first classifier, with masks, broadcasting and reductions",
    minutes=25,
    difficulty=3,
    why="It is called the nearest-mean classifier. A network must do better than it to be worth its training.",
    mistakes={
        "The sum of a class grows with the number of its images: take the mean.": (
            lambda X_train, y_train, X: _squares(X_train, y_train, X, middle=torch.sum).argmin(dim=1)
        ),
        "These are the classes whose mean is the *farthest*.": lambda *given: _squares(*given).argmax(dim=1),
        "These are distances. Which class has the smallest in each row?": either(
            lambda *given: _squares(*given),  # noqa: PLW0108
            lambda *given: _squares(*given).sqrt(),
            lambda *given: _squares(*given).T,
        ),
        "With `dim=`, `min` gives two tensors, values and indices: which of them are the classes?": (
            lambda *given: _squares(*given).min(dim=1)
        ),
        "That is how near the nearest class is. Which class is it?": lambda *given: _squares(*given).min(dim=1).values,
        "There is one answer per class here; one per new image is wanted. Which dimension should disappear?": (
            lambda *given: _squares(*given).argmin(dim=0)
        ),
        "This is one answer for all images together: `argmin` needs a `dim=`.": lambda *given: _squares(
            *given
        ).argmin(),
        "Differences above and below 0 cancel in a sum: square them first.": (
            lambda *given: _differences(*given).sum(dim=2).argmin(dim=1)
        ),
        "The sum comes first here, then the square: what is above and below 0 has cancelled by then.": (
            lambda *given: _differences(*given).sum(dim=2).square().argmin(dim=1)
        ),
        "The signs are dropped; the task wants the differences squared, which makes large ones count more.": (
            lambda *given: _differences(*given).abs().sum(dim=2).argmin(dim=1)
        ),
        "There are not always ten classes: a class that does not occur has no images, its mean is NaN, and `argmin` "
        "chooses NaN. The largest label tells how many classes there are.": lambda X_train, y_train, X: _squares(
            X_train, y_train, X, classes=10
        ).argmin(dim=1),
        "The last class is left out: with labels from 0 to K - 1, the largest label is K - 1, and `range` stops before "
        "its end.": lambda X_train, y_train, X: _squares(X_train, y_train, X, classes=int(y_train.max())).argmin(dim=1),
        "This is the position of the nearest known *image*: no mean was taken.": lambda X_train, y_train, X: _to_images(
            X_train, X
        ).argmin(dim=1),
        "This is the class of the nearest single known image; the task compares with the *mean* of each class.": (
            lambda X_train, y_train, X: y_train[_to_images(X_train, X).argmin(dim=1)]
        ),
        "These are the classes of the known images, and the new ones are asked for.": lambda X_train, y_train, X: (
            y_train
        ),
        "The classes are right, but as floats: a class is an `int64`, as `argmin` gives it.": lambda *given: (
            _squares(*given).argmin(dim=1).float()
        ),
    },
)
def classify(answer: Any) -> None:
    """The class of the nearest mean image."""
    for sizes in ((3, 24, 12), (2, 9, 5), (5, 30, 1), (4, 4, 9)):
        expect_results(answer, [_images(*sizes)], what="the classes of `X`", dtype=True)


def _images(classes: int, known: int, new: int) -> Case:
    """Noisy images [N, 5, 4] of some classes, the labels [N] in no order, and new images [M, 5, 4]."""
    generator = torch.Generator().manual_seed(6)
    patterns = torch.randn(classes, 5, 4, generator=generator)
    # Every class is there, and the first more often than the others.
    drawn = torch.randint(0, classes, (known - classes,), generator=generator) // 2
    labels = torch.cat([torch.arange(classes), drawn])[torch.randperm(known, generator=generator)]
    X_train = patterns[labels] + 2 * torch.randn(known, 5, 4, generator=generator)
    X = patterns[torch.randint(0, classes, (new,), generator=generator)]
    X = X + torch.randn(X.shape, generator=generator)
    nearest = [(float("inf"), -1)] * new
    for label in range(classes):
        mean = X_train[labels == label].mean(dim=0)
        nearest = [min(best, (float((one - mean).square().sum()), label)) for best, one in zip(nearest, X, strict=True)]
    return Case((X_train, labels, X), torch.tensor([label for _, label in nearest]))


def _squares(X_train: Tensor, y_train: Tensor, X: Tensor, **options: Any) -> Tensor:
    """The squared distance of each new image from each class, [M, K]."""
    return (_differences(X_train, y_train, X, **options) ** 2).sum(dim=2)


def _differences(
    X_train: Tensor, y_train: Tensor, X: Tensor, middle: Any = torch.mean, classes: int | None = None
) -> Tensor:
    """The new images minus the mean images of the classes, pixel by pixel, [M, K, pixels]."""
    labels = range(classes or int(y_train.max()) + 1)
    means = torch.stack([middle(X_train.flatten(1)[y_train == label], dim=0) for label in labels])
    return X.flatten(1).unsqueeze(1) - means


def _to_images(X_train: Tensor, X: Tensor) -> Tensor:
    return ((X.unsqueeze(1) - X_train) ** 2).sum(dim=(2, 3))
