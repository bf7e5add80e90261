"""The checks of notebook 1, Tensors."""

from __future__ import annotations

from typing import Any

import torch

from helpers.checks.compare import Case, expect, expect_results
from helpers.checks.core import Book, either, randn, seeded, template

book = Book(1)
progress = book.progress


@book.exercise(
    "Every half second",
    goal="make evenly spaced numbers",
    minutes=3,
    difficulty=1,
    why="Ten steps need eleven points. Confusing steps with points leaves you off by one, here and in any loop.",
    mistakes={
        "Ten steps need eleven points, from 0 to 5. (`arange` leaves out its end.)": either(
            *(torch.arange(start, end, 0.5) for start, end in ((0, 5), (0, 6), (0.5, 5.5))), torch.linspace(0, 5, 10)
        ),
        "The points are 0.5 apart: `arange` takes that step, and `linspace` the number of points.": either(
            torch.arange(6), torch.arange(6.0), *(torch.linspace(0, end, 5) for end in (5, 11))
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
        "Rows 7 to 20, counted from 0 like indices; a range leaves out its end.": _middle(
            *(f":, 1, {rows}, {rows}" for rows in ("7:20", "6:20", "8:21", "8:22", "7:22", ":14"))
        ),
        "A range, `7:21`, cuts out a block; two lists of indices are taken in pairs, as on a diagonal.": _middle(
            *(f":, 1, {rows}, {rows}" for rows in ("torch.arange(7, 21)", "(7, 20)", "7 - 20"))
        ),
        "One pair of brackets has four entries: the images (you want all, `:`), the channel, rows, columns.": _middle(
            "1, :, 7:21, 7:21", "1, 7:21, 7:21", ":, 1][7:21, 7:21", ":, 7:21, 7:21, 1", ":, 1, 7:21"
        ),
        "All three channels are still there: give the channel its index, an integer.": _middle(":, :, 7:21, 7:21"),
        "That is another colour: channels are red, green, blue.": _middle(":, 2, 7:21, 7:21", ":, 0, 7:21, 7:21"),
    },
)
def green_middle(answer: Any) -> None:
    """The green channel of every image, rows and columns 7 to 20."""
    cases = []
    for size in (4, 1, 3):
        batch, wanted = randn(size, 3, 28, 28, seed=2), randn(size, 14, 14, seed=20)
        batch[:, 1, 7:21, 7:21] = wanted
        cases.append(Case((batch,), wanted))
    expect_results(answer, cases, without_loop=True)


_permuted = template("def channels_first(image): return image$result")


@book.exercise(
    "From a file into a network",
    goal="put dimensions in another order and add one",
    minutes=5,
    difficulty=2,
    why="Image libraries and Matplotlib keep the channels last, PyTorch's networks want them first.",
    mistakes={
        "The batch dimension is missing, or not at the front: `unsqueeze(0)` adds it there.": _permuted(
            ".permute(2, 0, 1)", ".permute(2, 0, 1).unsqueeze(-1)"
        ),
        "`permute` lists the old dimensions in their new order: the channels first, then height, width.": _permuted(
            ".unsqueeze(0)", ".permute(2, 1, 0).unsqueeze(0)", ".permute(1, 2, 0).unsqueeze(0)"
        ),
    },
)
def channels_first(answer: Any) -> None:
    """An image [H, W, C] as a batch [1, C, H, W]."""
    cases = []
    for height, width, channels in ((4, 6, 3), (3, 3, 3), (5, 2, 1), (1, 1, 3)):
        wanted = randn(1, channels, height, width, seed=3)
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
        "Subtract first, then drop the sign: no sum, no product, and both directions count.": _distances(
            *("d.clamp(min=0)", "a.abs().unsqueeze(1) - b.abs()", "a.unsqueeze(1) - b.abs()"),
            *(f"(a.unsqueeze(1) {sign} b){absolute}" for sign in "+*" for absolute in ("", ".abs()")),
        ),
        "`a`, and only `a`, must become a column, `[N, 1]`, before you subtract.": _distances(
            "(a - b).abs()", "(a.unsqueeze(0) - b).abs()"
        ),
    },
)
def distances(answer: Any) -> None:
    """How far each number of a is from each number of b."""
    cases = []
    for rows, columns in ((3, 4), (2, 2), (1, 5), (4, 1)):
        a, b = randn(rows, seed=4), randn(columns, seed=40)
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
        "Each row needs the mean of its own F numbers: reduce `dim=1`, whose size divides the sum.": _centre(
            *(f"X - X{mean}" for mean in (".mean(dim=0)", ".mean()", ".mean(keepdim=True)", "[0].mean()")),
            *("(X.T - X.mean(dim=0)).T", "X - X.sum(dim=1, keepdim=True) / len(X)"),
        ),
        "Means of the shape `[N]` act as a row: they should be a column, `[N, 1]`.": _centre("X - X.mean(dim=1)"),
        "Subtract the mean of each row, and do nothing else: no division, no sum, no median.": _centre(
            *("X / mean", "X + mean", "X - X.median(dim=1, keepdim=True).values", "(X - X.mean()) / X.std()"),
            *(f"X {change}(dim=1, keepdim=True)" for change in ("- X.sum", "- X.amax", "- X.amin", "/ X.sum")),
            *(f"(X - mean) / X.std(dim=1, keepdim=True, correction={correction})" for correction in (0, 1)),
        ),
    },
)
def centre_rows(answer: Any) -> None:
    """Each row minus its mean."""
    cases = []
    for rows, columns in ((4, 4), (2, 6), (1, 10), (3, 2)):  # where both are 4, a missing `keepdim` raises no error
        numbers = randn(rows, columns - 1, seed=5).double()
        wanted = torch.cat([numbers, -numbers.sum(dim=1, keepdim=True)], dim=1)  # every row adds up to 0
        X = wanted + randn(rows, 1, seed=50)
        cases.append(Case((X.float(),), wanted.float()))
    expect_results(answer, cases, without_loop=True)


_brighter = template(
    "def brighten(pixels, amount): x = pixels.int(); total = $total; return $result",
    total="x + amount",
    result="total.clamp(0, 255).to(torch.uint8)",
)


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
        "Two steps are left: `clamp` the sums, and convert them back with `.to(torch.uint8)`.": _brighter(
            "total", "total.float()"
        ),
        "Above 255 becomes 255, below 0 becomes 0, all else stays. (`clamp` takes the smaller limit first.)": _brighter(
            *(f"total.clamp({limits}).to(torch.uint8)" for limits in ("255, 0", "0, 256", "1, 254")),
        ),
        "Add the amount as it is, which may be negative, and keep the sum: do not multiply or scale.": either(
            _brighter(
                total=("x", "x - amount", "x * amount", "x + abs(amount)", "x + max(0, amount)", "x / 255 + amount")
            ),
            _brighter("torch.where(total > 255, 255, torch.where(total < 0, 0, pixels)).to(torch.uint8)"),
        ),
    },
)
def brighten(answer: Any) -> None:
    """Pixels (uint8) plus an amount, kept between 0 and 255."""
    pixels = torch.tensor([[100, 250, 0], [255, 30, 7]], dtype=torch.uint8)
    grey = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16)
    cases = []
    for image, amount in ((pixels, 10), (pixels, -30), (grey, 1), (grey, 300), (grey, -128), (pixels[:0], 5)):
        wanted = [min(max(pixel + amount, 0), 255) for pixel in image.flatten().tolist()]
        cases.append(Case((image, amount), torch.tensor(wanted, dtype=torch.uint8).reshape(image.shape)))
    expect_results(answer, cases)


_classify = template(
    """
    def classify(X_train, y_train, X):
        K = y_train.max() + 1
        means = torch.stack([X_train[$rows]$middle for label in $classes])
        each = X.unsqueeze(1) - means
        differences, squares = each.flatten(2), each.square().sum(dim=(2, 3))
        nearest = (X.unsqueeze(1) - X_train).square().sum(dim=(2, 3)).argmin(dim=1)
        return $result
    """,
    rows="y_train == label",
    middle=".mean(dim=0)",
    classes="range(K)",
    result="squares.argmin(dim=1)",
)


@book.exercise(
    "Project: a classifier made of nothing but tensors",
    goal="write a first classifier, with masks, broadcasting and reductions",
    minutes=35,
    difficulty=3,
    why="It is called the nearest-mean classifier, and finds the class of about 70 % of notebook 6's images: a network "
    "must do better to be worth its training. For many images, `torch.cdist` finds the distances with far less memory.",
    mistakes={
        "Class 0 everywhere: are all means equal? `y_train == label` is a mask of a class.": _classify(rows="y_train"),
        "The labels are in no order: select a class with a mask.": _classify(rows="6 * label : 6 * label + 6"),
        "The mean image is the *mean* over the images of a class, `dim=0`, and has as many pixels as they.": _classify(
            middle=(".sum(dim=0)", ".mean()", ".mean(dim=1)", ".mean(dim=2)", ".sum(dim=0) / len(X_train)")
        ),
        "Follow the shapes: differences `[M, K, P]`, their sums `[M, K]`, a class for each new image `[M]`.": _classify(
            *(f"each.square().sum(dim={dims}).argmin(dim=1)" for dims in (3, 2, (0, 1))),
            *(
                "X - means",
                "squares.argmin(dim=0)",
                "squares.argmin()",
                "differences.square().sum(dim=1).argmin(dim=1)",
            ),
        ),
        "These are the classes whose mean is the *farthest*.": _classify("squares.argmax(dim=1)"),
        "Square each pixel's difference, then sum: sums of whole images cancel, and `abs` is not a square.": _classify(
            *(f"differences.{distance}.argmin(dim=1)" for distance in ("sum(2)", "sum(2).square()", "abs().sum(2)"))
        ),
        "The labels are 0 to K - 1, so the largest tells you K. (`range` leaves out its end.)": _classify(
            classes=("range(10)", "range(3)", "range(K - 1)", "range(1, K)", "range(1, K + 1)")
        ),
        "Compare with one *mean* image per class: its index is the class, with nothing to look up.": either(
            _classify("nearest", "y_train[nearest]", "y_train[squares.argmin(dim=1)]"),
            *(_classify(classes="y_train"), _classify(middle="[0]")),
        ),
    },
)
def classify(answer: Any) -> None:
    """The class of the nearest mean image."""
    for sizes in ((4, 24, 12), (2, 9, 5), (5, 30, 1), (3, 3, 9)):
        expect_results(answer, [_images(*sizes)], what="the classes of `X`", dtype=True)


def _images(classes: int, known: int, new: int) -> Case:
    """Noisy images [N, 5, 6] of some classes, the labels [N] in no order, and new images [M, 5, 6]."""
    generator = seeded(69)  # with which no two mistakes give the same classes
    patterns = torch.randn(classes, 5, 6, generator=generator) * torch.linspace(2, 1, classes).reshape(-1, 1, 1)
    # Every class is there, and the first more often than the others.
    drawn = torch.randint(0, classes, (known - classes,), generator=generator) // 2
    labels = torch.cat([torch.arange(classes), drawn])[torch.randperm(known, generator=generator)]
    X_train = patterns[labels] + 2 * torch.randn(known, 5, 6, generator=generator)
    X = patterns[torch.randint(0, classes, (new,), generator=generator)]
    X = X + torch.randn(X.shape, generator=generator)
    means = [X_train[labels == label].mean(dim=0) for label in range(classes)]
    distances = [[float((image - mean).square().sum()) for mean in means] for image in X]
    return Case((X_train, labels, X), torch.tensor([row.index(min(row)) for row in distances]))
