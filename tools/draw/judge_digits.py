"""Judge the drawn digits: train on drawn pictures, test on drawn ones and on handwriting of real people.

    python -m tools.judge_digits                     # the drawn test set, and the handwriting in scikit-learn
    python -m tools.judge_digits --mirror FOLDER     # the original MNIST as well

FOLDER holds `MNIST/` with the four original archives; the environment variable COURSE_MIRROR names it too.
Both networks are trained with Adam, batches of 64, five epochs, once for each of three seeds. The learning rate rises
to 3e-3 and falls to nothing again, so that the last batches no longer push the weights about.
"""

import argparse
import math
import os
from itertools import pairwise
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
from helpers.strokes import enlarge
from tools.draw.judge_garments import SEEDS, read_split, recall

DRAWN = ROOT / "data" / "drawn" / "MNIST"


def dense() -> nn.Module:
    """Build the course's network for digits: 784-512-256-128-10."""
    hidden = [
        layer
        for m, n in pairwise((784, 512, 256, 128))
        for layer in (nn.Linear(m, n), nn.BatchNorm1d(n), nn.LeakyReLU(0.1), nn.Dropout(0.3))
    ]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(128, 10))


def convolutional() -> nn.Module:
    """Build a small CNN: two convolutions, two poolings, one linear layer."""
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 5, padding=2), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 24, 5, padding=2), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.3), nn.Linear(24 * 7 * 7, 10)),
    )


def train(model: nn.Module, X: Tensor, y: Tensor, *, epochs: int = 5) -> nn.Module:
    """Train on shuffled batches of 64 and return the model in eval mode.

    Source: L. N. Smith, N. Topin, Super-convergence, 2017: the learning rate in one cycle.
    """
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    steps = epochs * math.ceil(len(X) / 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps)
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(X)).split(64):
            loss = loss_fn(model(X[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def handwriting() -> tuple[Tensor, Tensor]:
    """Load the handwriting as pictures for a network, and their labels.

    Shapes: [1797, 1, 28, 28], 0.0 to 1.0, and [1797].
    """
    digits = load_digits()
    images = torch.stack([torch.tensor(enlarge(image)) for image in digits.images])
    return images.unsqueeze(1) / 255, torch.tensor(digits.target)


def accuracy(model: nn.Module, X: Tensor, y: Tensor) -> float:
    """Return the fraction of pictures that the model reads rightly."""
    with torch.inference_mode():
        return (model(X).argmax(dim=1) == y).float().mean().item()


def main() -> None:
    """Read the command line and print, for each network and test set, the mean over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drawn", type=Path, default=DRAWN, help="the folder of the drawn archives")
    parser.add_argument("--mirror", type=Path, default=os.environ.get("COURSE_MIRROR"), help="holds MNIST/")
    args = parser.parse_args()
    torch.set_num_threads(1)  # such small batches gain nothing from more
    X, y = read_split(args.drawn, "train")
    tests = {"drawn": read_split(args.drawn, "t10k"), "handwriting": handwriting()}
    if args.mirror and (original := Path(args.mirror) / "MNIST").is_dir():
        tests["original"] = read_split(original, "t10k")
    for name, build in (("784-512-256-128-10", dense), ("small CNN", convolutional)):
        found: dict[str, list[float]] = {title: [] for title in tests}
        by_class: dict[str, list[Tensor]] = {title: [] for title in tests}
        for seed in SEEDS:
            torch.manual_seed(seed)
            model = train(build(), X, y)
            for title, test in tests.items():
                found[title].append(accuracy(model, *test))
                by_class[title].append(recall(model, *test))
        for title, values in found.items():
            each = "  ".join(f"{value:.3f}" for value in values)
            print(f"{name:<19} on {title:<12} {sum(values) / len(values):.3f}   (seeds: {each})")
            mean = torch.stack(by_class[title]).mean(dim=0).tolist()
            print("    " + ", ".join(f"{digit} {value:.2f}" for digit, value in enumerate(mean)), flush=True)


if __name__ == "__main__":
    main()
