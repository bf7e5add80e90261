"""Time one epoch of the course's loop beside the tutorial's loop and the bare matrix products.

    python -m tools.benchmark                    # 60,000 photographs (COURSE_MIRROR=<folder> where there is no network)
    python -m tools.benchmark --edition drawn    # the images that come with the course

The loops take turns in every repeat, and the table shows medians: machines are noisy.
"""

import argparse
import time
from itertools import pairwise
from statistics import median

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets
from torchvision.transforms import ToTensor

from helpers.data import EDITIONS, InMemoryDataset, dataset_root
from helpers.training import train_epoch

BATCH_SIZE = 64
WIDTHS = (784, 512, 512, 10)


def build() -> tuple[nn.Module, torch.optim.Optimizer]:
    """Build the network of the tutorial with its optimizer, the same for every loop."""
    torch.manual_seed(0)
    hidden = [layer for sizes in pairwise(WIDTHS[:-1]) for layer in (nn.Linear(*sizes), nn.ReLU())]
    model = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(*WIDTHS[-2:]))
    return model, torch.optim.SGD(model.parameters(), lr=1e-3)


def shuffled(dataset: Dataset) -> DataLoader:
    """Build the loader of the tutorial; every loop gets the same batches."""
    return DataLoader(dataset, batch_size=BATCH_SIZE, shuffle=True, generator=torch.Generator().manual_seed(0))


def tutorial_loop(dataset: Dataset) -> nn.Module:
    """Train for one epoch as the tutorial writes it."""
    model, optimizer = build()
    loss_fn = nn.CrossEntropyLoss()
    model.train()
    for batch, (X, y) in enumerate(shuffled(dataset)):
        loss = loss_fn(model(X), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if batch % 100 == 0:
            loss.item()  # the tutorial prints it
    return model


def course_loop(dataset: Dataset) -> nn.Module:
    """Train for one epoch with the course's loop."""
    model, optimizer = build()
    train_epoch(model, shuffled(dataset), nn.CrossEntropyLoss(), optimizer)
    return model


def matrix_products(examples: int) -> None:
    """Multiply what one epoch has to multiply, forward and backward, and nothing else."""
    layers = [(torch.rand(BATCH_SIZE, m), torch.rand(n, m), torch.rand(BATCH_SIZE, n)) for m, n in pairwise(WIDTHS)]
    for _ in range(examples // BATCH_SIZE):
        for layer, (inputs, weight, outputs) in enumerate(layers):
            torch.mm(inputs, weight.T)
            torch.mm(outputs.T, inputs)  # the gradient of the weight
            if layer > 0:  # the images need no gradient
                torch.mm(outputs, weight)


def main() -> None:
    """Run the loops in turn, print the table, and fail where the two loops end with different weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edition", choices=EDITIONS, default="original")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    source = datasets.FashionMNIST(dataset_root("FashionMNIST", options.edition), download=True, transform=ToTensor())
    in_memory = InMemoryDataset(source)
    loops = {
        "the tutorial's loop, torchvision's data set": lambda: tutorial_loop(source),
        "the tutorial's loop, InMemoryDataset": lambda: tutorial_loop(in_memory),
        "train_epoch, InMemoryDataset": lambda: course_loop(in_memory),
        "the matrix products alone": lambda: matrix_products(len(source)),
    }
    seconds, models = {name: [] for name in loops}, {}
    for _ in range(options.repeats):
        for name, loop in loops.items():
            start = time.perf_counter()
            models[name] = loop()
            seconds[name].append(time.perf_counter() - start)
    print(
        f"One epoch on {len(source):,} images, {torch.get_num_threads()} threads, medians of {options.repeats} repeats"
    )
    for name, durations in seconds.items():
        print(f"{name:<45}{median(durations):>8.2f} s")
    trained = [[*model.parameters()] for model in models.values() if model is not None]
    same = all(torch.equal(*weights) for model in trained[1:] for weights in zip(trained[0], model, strict=True))
    print(f"The same weights in the end, bit for bit: {'yes' if same else 'NO'}")
    raise SystemExit(not same)


if __name__ == "__main__":
    main()
