"""The checks of notebook 1, Tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from helpers.checks.compare import Case, expect, expect_results
from helpers.checks.core import Book, either, template

book = Book(1)
progress = book.progress


def _random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@book.exercise(
    "Every half second",
    goal="make evenly spaced numbers",
    minutes=3,
    difficulty=1,
    why="Ten steps need eleven points. Confusing steps with points leaves you off by one, here and in any loop.",
    mistakes={
        "Ten steps need eleven points, from 0 to 5. (`arange` leaves out its end.)": either(
            torch.arange(0, 5, 0.5), torch.arange(0, 6, 0.5), torch.linspace(0, 5, 10)
        ),
        "The first point in time is 0, not the first step.": torch.arange(0.5, 5.5, 0.5),
        "The points are 0.5 apart: `arange` takes that step as its third argument, `linspace` the number of points.": (
            either(
                torch.arange(6), torch.arange(6.0), torch.arange(0, 5, 11), *(torch.linspace(0, n, 5) for n in (5, 11))
            )
        ),
    },
)
def half_seconds(answer: Any) -> None:
    """Points in time from 0 to 5 in steps of a half, both ends included."""
    expect(answer, torch.linspace(0, 5, 11), what="`times`", dtype=True)


_middle = template("def green_middle(batch): return batch[$result]")


@book.exercise(
    "The green middle",
    goal="pick a part out of every image of a batch",
    minutes=4,
    difficulty=1,
    why="One index took a part of all images at once, however many there are. Try it on `batch` from above.",
    mistakes={
        "Rows 7 to 20: indices count from 0, as the task's rows do, and a range leaves out its end.": _middle(
            *(f":, 1, {rows}, {rows}" for rows in ("7:20", "6:20", "8:22", ":14"))
        ),
        "Two lists of indices are taken in pairs, as on a diagonal; ranges, `7:21`, cut out a block.": _middle(
            ":, 1, torch.arange(7, 21), torch.arange(7, 21)", ":, 1, (7, 20), (7, 20)"
        ),
        "All four entries go into one pair of brackets, and the images come first: you want all of them, `:`.": _middle(
            "1, :, 7:21, 7:21", "1, 7:21, 7:21", ":, 1][7:21, 7:21"
        ),
        "That is another colour: the channels are red, green and blue, counted from 0.": _middle(
            ":, 2, 7:21, 7:21", ":, 0, 7:21, 7:21"
        ),
        "The brackets need four entries, in the order of the shape: images, channel, rows, columns.": _middle(
            ":, :, 7:21, 7:21", ":, 7:21, 7:21, 1", ":, 1, 7:21"
        ),
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


_permuted = template("def channels_first(image): return $result")


@book.exercise(
    "From a file into a network",
    goal="put dimensions in another order and add one",
    minutes=5,
    difficulty=2,
    why="Image files and Matplotlib keep the channels last, networks want them first: you will meet both.",
    mistakes={
        "The content is scrambled: `reshape` keeps the reading order and swaps no dimensions.": _permuted(
            "image.reshape(1, image.shape[2], *image.shape[:2])"
        ),
        "The new dimension, of the batch, comes first: one image is a batch of size 1.": _permuted(
            *(f"image.permute(2, 0, 1){change}" for change in ("", ".unsqueeze(1)", ".unsqueeze(-1)"))
        ),
        "`permute` lists the old dimensions in their new order: the channels first, then height, width.": _permuted(
            *(f"image{change}.unsqueeze(0)" for change in ("", ".permute(2, 1, 0)", ".permute(1, 2, 0)"))
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


_distances = template("def distances(a, b): d = a.unsqueeze(1) - b; return $result")


@book.exercise(
    "All distances at once",
    goal="broadcast on purpose",
    minutes=6,
    difficulty=2,
    why="A column against a row gives every pair, with no loop. What was an accident above is a tool here.",
    mistakes={
        "Subtract first, then drop the sign: two numbers are as far apart in either direction.": _distances(
            *("d.clamp(min=0)", "torch.relu(-d)", "(a.abs().unsqueeze(1) - b.abs()).abs()"),
            *("a.abs().unsqueeze(1) - b.abs()", "a.unsqueeze(1) - b.abs()"),
        ),
        "`a`, and only `a`, must become a column, `[N, 1]`, before you subtract.": _distances(
            "(a - b).abs()", "(a.unsqueeze(0) - b).abs()"
        ),
        "A distance is a difference, not a sum or a product.": _distances(
            *("(a.unsqueeze(1) + b).abs()", "a.unsqueeze(1) * b", "(a.unsqueeze(1) * b).abs()")
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


_centre = template("def centre_rows(X): mean = X.mean(dim=1, keepdim=True); return $result")


@book.exercise(
    "Around zero",
    goal="reduce along the right dimension and broadcast the result back",
    minutes=5,
    difficulty=2,
    why="`LayerNorm`, a layer that you will meet in larger networks, begins with just this step. Data are usually "
    "centred per column instead, so that each feature has the mean 0.",
    mistakes={
        "One mean is wanted for each row: `dim=` names the dimension that disappears.": _centre(
            *("X - X.mean(dim=0)", "(X.T - X.mean(dim=0)).T", "X - X.mean()", "X - X.mean(keepdim=True)")
        ),
        "Broadcasting takes means of the shape `[N]` for a row: they should be a column, `[N, 1]`.": _centre(
            "X - X.mean(dim=1)"
        ),
        "The mean of a row divides by its number of columns, and not by the number of rows.": _centre(
            "X - X.sum(dim=1, keepdim=True) / len(X)"
        ),
        "These are the means. Subtract them from the rows.": _centre("mean", "X.mean(dim=1)", "X.mean(dim=0)"),
        "Subtract the mean of each row, and do nothing else: no division, no sum, no median.": _centre(
            *("X / mean", "X + mean", "X - X.sum(dim=1, keepdim=True)", "X - X.median(dim=1, keepdim=True).values"),
            *(f"(X - mean) / X.std(dim=1, keepdim=True, correction={correction})" for correction in (0, 1)),
        ),
    },
)
def centre_rows(answer: Any) -> None:
    """Each row minus its mean."""
    cases = []
    for rows, columns in ((4, 4), (2, 6), (1, 10), (3, 2)):  # where both are 4, a missing `keepdim` raises no error
        numbers = _random(rows, columns - 1, seed=5).double()
        wanted = torch.cat([numbers, -numbers.sum(dim=1, keepdim=True)], dim=1)  # every row adds up to 0
        X = wanted + _random(rows, 1, seed=50)
        cases.append(Case((X.float(),), wanted.float()))
    expect_results(answer, cases, without_loop=True)


_brighter = template("def brighten(pixels, amount): total = pixels.int() + amount; return $result")


@book.exercise(
    "Brighter, but not black",
    goal="choose the dtype in which to calculate",
    minutes=8,
    difficulty=2,
    why="Calculate in a dtype with room for the result, and convert back at the end.",
    mistakes={
        "Compute in a dtype with room, and cut off at 0 and at 255 before you go back to `uint8`.": _brighter(
            *(f"total{clamped}.to(torch.uint8)" for clamped in ("", ".clamp(max=255)", ".clamp(min=0)")),
            "(pixels.to(torch.int8) + amount).clamp(0, 255).to(torch.uint8)",
        ),
        "Above 255 becomes 255, below 0 becomes 0, all else stays. (`clamp` takes the smaller limit first.)": _brighter(
            *(f"total.clamp({limits}).to(torch.uint8)" for limits in ("255, 0", "0, 256", "0, 254", "1, 254")),
            "torch.where(total < 0, 255, total.clamp(max=255)).to(torch.uint8)",
            "torch.where(total > 255, total, 255).to(torch.uint8)",
        ),
        "The amount is added to none of the pixels: keep the sum, which is a new tensor.": _brighter(
            "pixels.clone()", "torch.where(total > 255, 255, torch.where(total < 0, 0, pixels)).to(torch.uint8)"
        ),
        "Add the amount as it is, which may be negative, to pixels from 0 to 255: do not multiply or scale.": _brighter(
            *(f"(pixels.int() {sum}).clamp(0, 255).to(torch.uint8)" for sum in ("+ abs(amount)", "+ max(0, amount)")),
            "(pixels.int() * amount).clamp(0, 255).to(torch.uint8)",
            *(f"((pixels / 255 + amount){more}.to(torch.uint8)" for more in (").clamp(0, 255)", ".clamp(0, 1) * 255)")),
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


_classify = template(
    """
    def classify(X_train, y_train, X):
        means = torch.stack([X_train[$rows].$middle for label in range($classes)])
        each = X.unsqueeze(1) - means
        differences, squares = each.flatten(2), each.square().sum(dim=(2, 3))
        nearest = (X.unsqueeze(1) - X_train).square().sum(dim=(2, 3)).argmin(dim=1)
        return $result
    """,
    rows="y_train == label",
    middle="mean(dim=0)",
    classes="y_train.max() + 1",
)


@book.exercise(
    "Project: a classifier made of nothing but tensors",
    goal="write a first classifier, with masks, broadcasting and reductions",
    minutes=35,
    difficulty=3,
    why="It is called the nearest-mean classifier, and finds the class of about 70 % of notebook 6's images: a network "
    "must do better to be worth its training. For many images, `torch.cdist` finds the distances with far less memory.",
    mistakes={
        "`X_train[y_train]` takes labels for row numbers. A mask, `y_train == label`, selects the rows of a class.": (
            _classify("squares.argmin(dim=1)", rows="y_train")
        ),
        "The mean image is the *mean* over the images of a class, `dim=0`, and has as many pixels as they.": either(
            *(
                _classify("squares.argmin(dim=1)", middle=middle)
                for middle in ("sum(dim=0)", "mean()", "mean(dim=1)", "mean(dim=2)", "mean(dim=(1, 2))")
            )
        ),
        "Sum over the pixels: one distance is left for each pair of a new image and a mean, `[M, K]`.": _classify(
            *(f"each.square().sum({dims}).argmin(dim=1)" for dims in ("dim=3", "dim=2", "dim=(0, 1)", "dim=(1, 2)"))
        ),
        "Compare each new image with every mean: which needs another dimension?": _classify("X - means"),
        "These are the classes whose mean is the *farthest*.": _classify("squares.argmax(dim=1)"),
        "These are distances. Which class has the smallest in each row?": _classify(
            "squares", "squares.sqrt()", "squares.T", "squares.min(dim=1).values"
        ),
        "One class per new image is wanted: over which dimension should `argmin` look?": _classify(
            "squares.argmin(dim=0)", "squares.argmin()"
        ),
        "Square the differences before you sum them: a plain sum cancels, and the task does not use `abs`.": _classify(
            "(X.unsqueeze(1).square() - means.square()).flatten(2).sum(2).argmin(dim=1)",
            *(f"differences.{distance}.argmin(dim=1)" for distance in ("sum(2)", "sum(2).square()", "abs().sum(2)")),
        ),
        "There are not always ten classes: the largest label is K - 1, and `range` stops before its end.": either(
            *(_classify("squares.argmin(dim=1)", classes=classes) for classes in ("10", "y_train.max()"))
        ),
        "The task compares with the *mean* image of each class, not with single known images.": _classify(
            "nearest", "y_train[nearest]"
        ),
        "These are the classes of the known images; those of the new ones are asked for.": _classify("y_train"),
    },
)
def classify(answer: Any) -> None:
    """The class of the nearest mean image."""
    for sizes in ((3, 24, 12), (2, 9, 5), (5, 30, 1), (4, 4, 9)):
        expect_results(answer, [_images(*sizes)], what="the classes of `X`", dtype=True)


def _images(classes: int, known: int, new: int) -> Case:
    """Noisy images [N, 5, 4] of some classes, the labels [N] in no order, and new images [M, 5, 4]."""
    generator = torch.Generator().manual_seed(39)  # with which no two mistakes give the same classes
    patterns = torch.randn(classes, 5, 4, generator=generator) * torch.linspace(2, 1, classes).reshape(-1, 1, 1)
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
