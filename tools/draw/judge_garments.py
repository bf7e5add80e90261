"""Judge the drawn Fashion-MNIST: train on drawn pictures, test on drawn pictures and on the original photographs.

    python -m tools.draw.judge_garments                              # the drawn test set alone
    python -m tools.draw.judge_garments --mirror FOLDER              # the original photographs as well
    python -m tools.draw.judge_garments --mirror FOLDER --means OUT.png

FOLDER holds `FashionMNIST/` with the four original archives; the environment variable COURSE_MIRROR names it too.
Both networks are trained with Adam, lr 1e-3, batches of 64, five epochs, once for each of three seeds.
"""

import argparse
import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from tools.draw.garments import CLASSES

DRAWN = Path(__file__).parents[2] / "data" / "drawn" / "FashionMNIST"
SEEDS = (0, 1, 2)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read a gzipped IDX archive of bytes: a magic number that ends in the number of sizes, the sizes, the values."""
    payload = gzip.decompress(path.read_bytes())
    sizes = np.frombuffer(payload, ">i4", count=payload[3], offset=4)
    return np.frombuffer(payload, np.uint8, offset=4 + 4 * payload[3]).reshape(sizes)


def read_split(folder: Path, split: str) -> tuple[Tensor, Tensor]:
    """Read the pictures and the labels of a split.

    Shapes: [N, 1, 28, 28], 0.0 to 1.0, and [N], 0 to 9.
    """
    X = torch.tensor(read_idx(folder / f"{split}-images-idx3-ubyte.gz")).unsqueeze(1) / 255
    y = torch.tensor(read_idx(folder / f"{split}-labels-idx1-ubyte.gz"), dtype=torch.long)
    return X, y


def dense() -> nn.Module:
    """Build the course's network: 784-512-512-10."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )


def convolutional() -> nn.Module:
    """Build a small CNN: two convolutions, two poolings, one linear layer."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 10)),
    )


def train(model: nn.Module, X: Tensor, y: Tensor, optimizer: torch.optim.Optimizer) -> Iterator[int]:
    """Train on shuffled batches of 64 for five epochs, pausing after each."""
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(5):
        model.train()
        for batch in torch.randperm(len(X)).split(64):
            loss = loss_fn(model(X[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        yield epoch


@torch.inference_mode()
def recall(model: nn.Module, X: Tensor, y: Tensor) -> Tensor:
    """Return the accuracy within each class.

    Shapes: [10], fractions.
    """
    right = torch.cat([model(batch).argmax(1) for batch in X.split(1000)]) == y
    return torch.stack([right[y == label].float().mean() for label in range(10)])


def judge(name: str, build: Callable[[], nn.Module], drawn: Path, original: Path | None) -> None:
    """Train a network once a seed, and print how much of each test set it gets right."""
    X, y = read_split(drawn, "train")
    tests = {"drawn": read_split(drawn, "t10k")}
    if original:
        tests["original"] = read_split(original, "t10k")
    recalls: dict[str, list[Tensor]] = {title: [] for title in tests}
    for seed in SEEDS:
        torch.manual_seed(seed)
        model = build()
        for _ in train(model, X, y, torch.optim.Adam(model.parameters(), lr=1e-3)):
            pass
        for title, test in tests.items():
            recalls[title].append(recall(model, *test))
    for title, found in recalls.items():
        # Every class has as many test pictures, so the mean over classes is the mean over pictures.
        each = "  ".join(f"{r.mean():.3f}" for r in found)
        by_class = torch.stack(found).mean(0)
        print(f"{name:<14} on {title:<9} {by_class.mean():.3f}   (seeds: {each})")
        print("    " + ", ".join(f"{title} {r:.2f}" for title, r in zip(CLASSES, by_class.tolist(), strict=True)))
        print(f"    worst: {CLASSES[int(by_class.argmin())]}")


def judge_plain(drawn: Path) -> None:
    """Print how the learners' plain recipe, SGD at 5e-3, climbs on the drawn test set: the mean over the seeds."""
    X, y = read_split(drawn, "train")
    test = read_split(drawn, "t10k")
    climbs = []
    for seed in SEEDS:
        torch.manual_seed(seed)
        model = dense()
        optimizer = torch.optim.SGD(model.parameters(), lr=5e-3)
        climbs.append([recall(model, *test).mean().item() for _ in train(model, X, y, optimizer)])
    climb = "  ".join(f"{accuracy:.3f}" for accuracy in np.mean(climbs, axis=0))
    print(f"plain recipe (784-512-512-10, SGD 5e-3) on drawn, after each epoch: {climb}")


def means_sheet(drawn: Path, original: Path) -> Image.Image:
    """Show each class's mean picture: original, drawn, and where the original is brighter (red) or darker (green)."""
    tests = read_split(original, "t10k"), read_split(drawn, "t10k")
    columns = []
    for label in range(10):
        real, made = (X[y == label].mean(0)[0].numpy() for X, y in tests)
        excess = np.clip(2.5 * np.stack([real - made, made - real, 0 * real], axis=-1), 0, 1)
        grey = [np.repeat(mean[..., None], 3, axis=-1) for mean in (real, made)]
        columns.append(np.concatenate([*grey, excess]))
    sheet = Image.fromarray((255 * np.concatenate(columns, axis=1)).astype(np.uint8))
    return sheet.resize((5 * sheet.width, 5 * sheet.height), Image.Resampling.NEAREST)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drawn", type=Path, default=DRAWN, help="the folder of the drawn archives")
    parser.add_argument("--mirror", type=Path, default=os.environ.get("COURSE_MIRROR"), help="holds FashionMNIST/")
    parser.add_argument("--means", type=Path, help="write the mean pictures, drawn against original, to this file")
    args = parser.parse_args()
    original = Path(args.mirror) / "FashionMNIST" if args.mirror else None
    if original and not (original / "t10k-images-idx3-ubyte.gz").is_file():
        parser.error(f"Expected the four original archives in {original}: t10k-images-idx3-ubyte.gz is not there.")
    if args.means:
        if not original:
            parser.error("Expected the originals to compare with: --means was given alone. Add --mirror FOLDER.")
        args.means.parent.mkdir(parents=True, exist_ok=True)
        means_sheet(args.drawn, original).save(args.means)
    torch.set_num_threads(1)  # such small batches gain nothing from more
    judge("784-512-512-10", dense, args.drawn, original)
    judge("small CNN", convolutional, args.drawn, original)
    judge_plain(args.drawn)


if __name__ == "__main__":
    main()
