"""Time one epoch of the course's loop beside the tutorial's loop and the bare matrix products.

    python -m tools.benchmark                              # the images that come with the course
    COURSE_EDITION=original python -m tools.benchmark      # 60,000 photographs

The loops take turns in every repeat, and the table shows medians: machines are noisy.
"""

import time
from itertools import pairwise
from statistics import median

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets
from torchvision.transforms import ToTensor

from helpers.data import InMemoryDataset, dataset_root
from helpers.training import train_epoch

BATCH_SIZE, REPEATS = 64, 5
WIDTHS = (784, 512, 512, 10)


def train(dataset: Dataset, *, by_hand: bool) -> None:
    """Train for one epoch with the course's loop, or as the tutorial writes it; with the same batches."""
    torch.manual_seed(0)
    layers = [layer for sizes in pairwise(WIDTHS) for layer in (nn.Linear(*sizes), nn.ReLU())]
    model = nn.Sequential(nn.Flatten(), *layers[:-1]).train()
    loader = DataLoader(dataset, batch_size=BATCH_SIZE, shuffle=True, generator=torch.Generator().manual_seed(0))
    loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=1e-3)
    if not by_hand:
        train_epoch(model, loader, loss_fn, optimizer)
        return
    for X, y in loader:
        loss_fn(model(X), y).backward()
        optimizer.step()
        optimizer.zero_grad()


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
    """Run the loops in turn, and print the table."""
    source = datasets.FashionMNIST(dataset_root("FashionMNIST"), download=True, transform=ToTensor())
    in_memory = InMemoryDataset(source)
    loops = {
        "the tutorial's loop, torchvision's data set": lambda: train(source, by_hand=True),
        "the tutorial's loop, InMemoryDataset": lambda: train(in_memory, by_hand=True),
        "train_epoch, InMemoryDataset": lambda: train(in_memory, by_hand=False),
        "the matrix products alone": lambda: matrix_products(len(source)),
    }
    seconds = {name: [] for name in loops}
    for _ in range(REPEATS):
        for name, loop in loops.items():
            start = time.perf_counter()
            loop()
            seconds[name].append(time.perf_counter() - start)
    print(f"One epoch on {len(source):,} images, {torch.get_num_threads()} threads, medians of {REPEATS} repeats")
    for name, durations in seconds.items():
        print(f"{name:<45}{median(durations):>8.2f} s")


if __name__ == "__main__":
    main()
