"""The checks of notebook 1, Tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from helpers.checks.compare import expect, expect_function
from helpers.checks.core import Book

book = Book(1)
progress = book.progress


def _random(*shapes: tuple[int, ...], seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator) for shape in shapes]


@book.exercise(
    "Every half second",
    goal="make evenly spaced numbers",
    minutes=2,
    difficulty=1,
    why="Counting points or counting steps: whoever mixes them up is off by one, here and in every loop.",
)
def half_seconds(times: Any) -> None:
    """Points in time from 0 to 5 in steps of a half, both ends included."""
    expect(
        times,
        torch.linspace(0, 5, 11),
        mistakes={
            "`arange` stops before its end, and the end is wanted here.": torch.arange(0, 5, 0.5),
            "Ten steps have more than ten ends: count the points, not the steps.": torch.linspace(0, 5, 10),
        },
    )


@book.exercise(
    "The green middle",
    goal="pick a part out of every picture of a batch",
    minutes=4,
    difficulty=1,
    why="One index took a part of all pictures at once, however many there are. Try it on `batch` from above.",
)
def green_middle(green_middle: Any) -> None:
    """The green channel of every picture, rows and columns 7 to 20."""
    expect_function(
        green_middle,
        lambda batch: batch[:, 1, 7:21, 7:21],
        [(batch,) for batch in _random((4, 3, 28, 28), (1, 3, 28, 28), (3, 3, 28, 28), seed=2)],
        mistakes={
            "A range leaves out its end, and row 20 is wanted.": lambda batch: batch[:, 1, 7:20, 7:20],
            "A range keeps its dimension, even a range of one.": lambda batch: batch[:, 1:2, 7:21, 7:21],
            "That is one picture with all its channels: the first dimension of a batch counts the pictures.": (
                lambda batch: batch[1, :, 7:21, 7:21]
            ),
            "That is another colour: the channels are red, green and blue, counted from 0.": (
                lambda batch: batch[:, 2, 7:21, 7:21]
            ),
        },
        loops=False,
    )


@book.exercise(
    "From a file into a network",
    goal="put dimensions in another order and add one",
    minutes=4,
    difficulty=2,
    why="Image files and Matplotlib keep the channels last, networks want them first: you will meet both.",
)
def channels_first(channels_first: Any) -> None:
    """A picture [H, W, C] as a batch [1, C, H, W]."""
    expect_function(
        channels_first,
        lambda picture: picture.permute(2, 0, 1).unsqueeze(0),
        [(picture,) for picture in _random((4, 6, 3), (3, 3, 3), (5, 2, 1), (1, 1, 3), seed=3)],
        mistakes={
            "The shape is right, the content scrambled: `reshape` keeps the reading order and swaps no dimensions.": (
                lambda picture: picture.reshape(1, picture.shape[2], *picture.shape[:2])
            ),
            "The dimension of the batch is missing: one picture is a batch of size 1.": (
                lambda picture: picture.permute(2, 0, 1)
            ),
            "Height and width have changed places: the picture lies on its side.": (
                lambda picture: picture.permute(2, 1, 0).unsqueeze(0)
            ),
            "The new dimension stands in the wrong place: the batch comes first.": (
                lambda picture: picture.permute(2, 0, 1).unsqueeze(1)
            ),
        },
    )


@book.exercise(
    "All distances at once",
    goal="broadcast on purpose",
    minutes=5,
    difficulty=2,
    why="A column against a row gives every pair, with no loop. What was an accident above is a tool here.",
)
def distances(distances: Any) -> None:
    """How far each number of a is from each number of b."""
    sizes = ((3,), (4,)), ((2,), (2,)), ((1,), (5,)), ((4,), (1,))
    expect_function(
        distances,
        lambda a, b: (a.unsqueeze(1) - b).abs(),
        [tuple(_random(*pair, seed=4)) for pair in sizes],
        mistakes={
            "Rows and columns have changed places: `a` should run down the rows.": (
                lambda a, b: (a - b.unsqueeze(1)).abs()
            ),
            "A distance has no sign.": lambda a, b: a.unsqueeze(1) - b,
            "The distances have the wrong sign, or none was taken away: which of them are negative?": (
                lambda a, b: b - a.unsqueeze(1)
            ),
        },
        loops=False,
    )


@book.exercise(
    "Around zero",
    goal="reduce along the right dimension and broadcast the result back",
    minutes=4,
    difficulty=2,
    why="Data are often centred like this before training, and there are layers which do it inside a network.",
)
def centre_rows(centre_rows: Any) -> None:
    """Each row minus its mean."""
    expect_function(
        centre_rows,
        lambda X: X - X.mean(dim=1, keepdim=True),
        [(X,) for X in _random((4, 4), (2, 3), (1, 5), (3, 1), seed=5)],
        mistakes={
            "The columns are centred, not the rows: `dim=` names the dimension that disappears.": (
                lambda X: X - X.mean(dim=0)
            ),
            "The means have the shape `[N]`, and so they were stretched as a row. They should stand as a column.": (
                lambda X: X - X.mean(dim=1)
            ),
            "One mean was taken of all numbers, not one of each row.": lambda X: X - X.mean(),
            "These are the means. What is left of each row when its mean is taken away?": (
                lambda X: X.mean(dim=1, keepdim=True)
            ),
        },
        loops=False,
    )


@book.exercise(
    "Brighter, but not black",
    goal="choose the dtype in which to calculate",
    minutes=5,
    difficulty=2,
    why="Calculate in a dtype with room, go back to the small one at the end: the same holds for sums and means.",
)
def brighten(brighten: Any) -> None:
    """Pixels (uint8) plus an amount, kept between 0 and 255."""
    pixels = torch.tensor([[100, 250, 0], [255, 30, 7]], dtype=torch.uint8)
    grey = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16)
    expect_function(
        brighten,
        lambda pixels, amount: (pixels.int() + amount).clamp(0, 255).to(torch.uint8),
        [(pixels, 10), (pixels, -30), (grey, 0), (grey, 300), (grey, -128), (pixels[:0], 5)],
        mistakes={
            "Too bright is handled. A negative amount makes a picture darker: what is below 0?": (
                lambda pixels, amount: (pixels.int() + amount).clamp(max=255).to(torch.uint8)
            ),
            "A number went beyond the end of `uint8` and started again, so bright pixels turned dark. "
            "In which dtype is there room for the sum?": lambda pixels, amount: (pixels.int() + amount).to(torch.uint8),
            "The numbers are right; the result should be `uint8` again, like the picture.": (
                lambda pixels, amount: (pixels.float() + amount).clamp(0, 255)
            ),
        },
    )


@book.exercise(
    "Project: a classifier out of nothing but tensors",
    goal="write a first classifier, with masks, broadcasting and reductions",
    minutes=15,
    difficulty=3,
    why="It is called the nearest-mean classifier. A network must do better than it to be worth its training.",
)
def classify(classify: Any) -> None:
    """The class of the nearest mean picture."""
    expect_function(
        classify,
        _nearest_mean,
        [_pictures(*sizes, seed=6) for sizes in ((3, 24, 12), (2, 9, 5), (5, 30, 1), (4, 4, 9))],
        mistakes={
            "The sum of a class grows with the number of its pictures: take the mean.": (
                lambda X_train, y_train, X: _squares(X_train, y_train, X, middle=torch.sum).argmin(dim=1)
            ),
            "These are the classes whose mean is the *farthest*.": lambda *given: _squares(*given).argmax(dim=1),
            "These are distances. Which class has the smallest in each row?": _squares,
            "With `dim=`, `min` gives two tensors, numbers and positions: which of them are the classes?": (
                lambda *given: _squares(*given).min(dim=1)
            ),
            "That is how near the nearest class is. Which class is it?": (
                lambda *given: _squares(*given).min(dim=1).values
            ),
            "There is one answer per class here; one per new picture is wanted. Which dimension should disappear?": (
                lambda *given: _squares(*given).argmin(dim=0)
            ),
            "Differences above and below 0 cancel in a sum: square them first.": (
                lambda X_train, y_train, X: _differences(X_train, y_train, X).sum(dim=2).argmin(dim=1)
            ),
            "The sum comes first here, then the square: what is above and below 0 has cancelled by then.": (
                lambda X_train, y_train, X: _differences(X_train, y_train, X).sum(dim=2).square().argmin(dim=1)
            ),
            "The signs are taken away; the task wants the differences squared, which makes large ones count more.": (
                lambda X_train, y_train, X: _differences(X_train, y_train, X).abs().sum(dim=2).argmin(dim=1)
            ),
        },
    )


def _pictures(classes: int, known: int, new: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy pictures [N, 5, 4] of some classes, the labels [N] in no order, and new pictures [M, 5, 4]."""
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.randn(classes, 5, 4, generator=generator)
    # Every class is there, and the first more often than the others.
    drawn = torch.randint(0, classes, (known - classes,), generator=generator) // 2
    labels = torch.cat([torch.arange(classes), drawn])[torch.randperm(known, generator=generator)]
    X_train = patterns[labels] + 2 * torch.randn(known, 5, 4, generator=generator)
    X = patterns[torch.randint(0, classes, (new,), generator=generator)]
    return X_train, labels, X + torch.randn(X.shape, generator=generator)


def _nearest_mean(X_train: Tensor, y_train: Tensor, X: Tensor) -> Tensor:
    return _squares(X_train, y_train, X).argmin(dim=1)


def _squares(X_train: Tensor, y_train: Tensor, X: Tensor, middle: Any = torch.mean) -> Tensor:
    """The squared distance of each new picture from each class, [M, K]."""
    return (_differences(X_train, y_train, X, middle) ** 2).sum(dim=2)


def _differences(X_train: Tensor, y_train: Tensor, X: Tensor, middle: Any = torch.mean) -> Tensor:
    """The new pictures minus the mean pictures of the classes, pixel by pixel, [M, K, pixels]."""
    X_train, X = X_train.reshape(len(X_train), -1), X.reshape(len(X), -1)
    middles = torch.stack([middle(X_train[y_train == label], dim=0) for label in range(int(y_train.max()) + 1)])
    return X.unsqueeze(1) - middles
