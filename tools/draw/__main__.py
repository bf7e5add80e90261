"""Draw an edition and write its archives: `python -m tools.draw FashionMNIST`."""

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from helpers.files import replace_whole
from tools.draw import digits, garments
from tools.draw.canvas import SIDE, idx_bytes, write_gzip

DATA = Path(__file__).parents[2] / "data"


class Edition(NamedTuple):
    """What is drawn: the names of the classes, how one picture is drawn, the seed of all chance, and how many."""

    classes: tuple[str, ...]
    draw: Callable[[int, np.random.Generator], NDArray[np.uint8]]
    seed: int
    sheet: str  # the file name of the contact sheet
    train: int  # pictures to train on
    t10k: int = 2_000  # pictures to test on


SPLITS = ("train", "t10k")  # the names that the original's archives have
EDITIONS = {
    "FashionMNIST": Edition(garments.CLASSES, garments.draw, 2017, "fashion_contact_sheet.png", train=12_000),
    # More than garments: every further digit brings networks nearer to real handwriting.
    "MNIST": Edition(digits.CLASSES, digits.draw, 1998, "digits_contact_sheet.png", train=28_000),
}


def label_of(name: str, split: str, index: int) -> int:
    """Say which class a picture has: every ten pictures hold all ten classes, in a shuffled order."""
    edition = EDITIONS[name]
    block, place = divmod(index, len(edition.classes))
    order = np.random.default_rng([edition.seed, SPLITS.index(split), 0, block])
    return int(order.permutation(len(edition.classes))[place])


def draw_picture(name: str, split: str, index: int) -> NDArray[np.uint8]:
    """Draw a picture by its number alone: it is the same whatever else has been drawn.

    Shapes: [28, 28], 0 to 255.
    """
    edition = EDITIONS[name]
    rng = np.random.default_rng([edition.seed, SPLITS.index(split), 1, index])
    return edition.draw(label_of(name, split, index), rng)


def draw_split(name: str, split: str, count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw the first `count` pictures of a split on all processor cores, and their labels.

    Shapes: [count, 28, 28] and [count].
    """
    with ProcessPoolExecutor() as pool:
        pictures = list(pool.map(partial(draw_picture, name, split), range(count), chunksize=200))
    labels = [label_of(name, split, index) for index in range(count)]
    return np.stack(pictures), np.array(labels, np.uint8)


def contact_sheet(images: NDArray[np.uint8], labels: NDArray[np.uint8], classes: tuple[str, ...]) -> Image.Image:
    """Lay out the first twelve pictures of each class, one row a class, its name beside it."""
    columns, zoom, gap, margin = 12, 2, 4, 118
    step = SIDE * zoom + gap
    sheet = Image.new("L", (margin + columns * step, len(classes) * step + gap), 255)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    for row, title in enumerate(classes):
        y = gap + row * step
        pen.text((margin - 12, y + SIDE * zoom // 2), title, fill=40, font=font, anchor="rm")
        for column, image in enumerate(images[labels == row][:columns]):
            picture = Image.fromarray(image).resize((SIDE * zoom, SIDE * zoom), Image.Resampling.NEAREST)
            sheet.paste(picture, (margin + column * step, y))
    return sheet


def write_edition(name: str) -> None:
    """Draw both splits; write the four archives, their checksums and the contact sheet."""
    edition = EDITIONS[name]
    target = DATA / "drawn" / name
    sums = []
    for split in SPLITS:
        images, labels = draw_split(name, split, getattr(edition, split))
        for part, array in ((f"{split}-images-idx3-ubyte", images), (f"{split}-labels-idx1-ubyte", labels)):
            sums.append(f"{write_gzip(target / f'{part}.gz', idx_bytes(array))}  {part}\n")
        if split == "train":
            contact_sheet(images, labels, edition.classes).save(DATA / edition.sheet, optimize=True)
    with replace_whole(target / "SHA256SUMS") as part:
        part.write_text("".join(sums), encoding="ascii")


def main() -> None:
    """Read the command line and write the edition."""
    parser = argparse.ArgumentParser(prog="python -m tools.draw", description=__doc__)
    parser.add_argument("edition", choices=EDITIONS)
    args = parser.parse_args()
    write_edition(args.edition)
    print(f"{args.edition} is drawn into {DATA / 'drawn' / args.edition}.")


if __name__ == "__main__":
    main()
