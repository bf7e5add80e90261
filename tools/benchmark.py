"""Time one epoch of the course's loop beside the tutorial's, a TensorDataset's and the bare matrix products.

    python -m tools.benchmark                    # 60,000 photographs (COURSE_MIRROR=<folder> where there is no network)
    python -m tools.benchmark --edition drawn    # the pictures that come with the course

All loops run side by side in every repeat, each time beginning with another one, and ratios are taken within a
repeat: machines are noisy. One table for one thread and one for as many as PyTorch takes: matrix products gain more
from a second core than the optimizer's step does, which waits for the memory.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision import datasets
from torchvision.transforms import ToTensor

from helpers.data import InMemoryDataset, dataset_root
from helpers.training import seed_everything, train_epoch

BATCH_SIZE = 64
WIDTHS = (784, 512, 512, 10)
SEED = 0
TUTORIAL, OURS, FLOOR = "the tutorial's loop", "ours: InMemoryDataset, train_epoch", "the matrix products alone"

Weights = dict[str, torch.Tensor]


def build() -> tuple[nn.Module, torch.optim.Optimizer]:
    """Build the network of the tutorial with its optimizer, the same for every loop."""
    torch.manual_seed(SEED)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(WIDTHS):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    return model, torch.optim.SGD(model.parameters(), lr=1e-3)


def shuffled(dataset: torch.utils.data.Dataset) -> DataLoader:
    """Build the loader of the tutorial; every loop gets the same batches."""
    return DataLoader(dataset, batch_size=BATCH_SIZE, shuffle=True, generator=seed_everything(SEED))


def raw_loop(dataset: torch.utils.data.Dataset) -> Weights:
    """Train for one epoch as the tutorial writes it, and return the weights."""
    model, optimizer = build()
    loss_fn = nn.CrossEntropyLoss()
    model.train()
    for batch, (X, y) in enumerate(shuffled(dataset)):
        pred = model(X)
        loss = loss_fn(pred, y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if batch % 100 == 0:
            loss.item()  # the tutorial prints it
    return model.state_dict()


def our_loop(dataset: torch.utils.data.Dataset) -> Weights:
    """Train for one epoch with the course's loop, and return the weights."""
    model, optimizer = build()
    train_epoch(model, shuffled(dataset), nn.CrossEntropyLoss(), optimizer)
    return model.state_dict()


def matrix_products(examples: int) -> None:
    """Multiply what one epoch has to multiply, forward (3 products a step) and backward (5), and nothing else."""
    sizes = list(pairwise(WIDTHS))
    activations = [torch.rand(BATCH_SIZE, width) for width in WIDTHS]  # also hold their own gradients: same shapes
    weights = [torch.rand(outputs, inputs) for inputs, outputs in sizes]
    gradients = [torch.empty_like(weight) for weight in weights]
    results = [torch.empty_like(activation) for activation in activations]
    for start in range(0, examples, BATCH_SIZE):
        n = min(BATCH_SIZE, examples - start)
        A, R = [a[:n] for a in activations], [r[:n] for r in results]
        for i, weight in enumerate(weights):
            torch.mm(A[i], weight.T, out=R[i + 1])
        for i, weight in reversed(list(enumerate(weights))):
            torch.mm(A[i + 1].T, A[i], out=gradients[i])
            if i > 0:  # the pictures need no gradient
                torch.mm(A[i + 1], weight, out=R[i])


def identical(one: Weights, other: Weights) -> bool:
    """Whether all weights agree bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def time_in_turn(
    loops: dict[str, Callable[[], Weights | None]], repeats: int
) -> tuple[dict[str, list[float]], dict[str, Weights | None]]:
    """Run every loop in turn, `repeats` times, and return the seconds of each run and the weights of the last.

    Each repeat begins with the next loop, so that none is always the first one to run.
    """
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    weights: dict[str, Weights | None] = {}
    matrix_products(100 * BATCH_SIZE)  # wake the processor up
    for repeat in range(repeats):
        for name in [*loops][repeat % len(loops) :] + [*loops][: repeat % len(loops)]:
            start = time.perf_counter()
            weights[name] = loops[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds, weights


def print_table(title: str, seconds: dict[str, list[float]]) -> None:
    """Print seconds, and ratios taken within a repeat."""
    print(f"\n{title}\n{'loop':<36}{'seconds':>9}{'times as fast as the tutorial':>32}{'times the floor':>18}")
    for name, times in seconds.items():
        speed = median(base / own for base, own in zip(seconds[TUTORIAL], times, strict=True))
        above = median(own / base for base, own in zip(seconds[FLOOR], times, strict=True))
        print(f"{name:<36}{median(times):>9.2f}{speed:>32.2f}{above:>18.2f}")


def main() -> None:
    """Run the loops in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edition", choices=["original", "drawn"], default="original")
    parser.add_argument("--repeats", type=int, default=5, help="how often each loop runs, at least 1")
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, torch.get_num_threads()}))
    arguments = parser.parse_args()
    if min(arguments.repeats, *arguments.threads) < 1:
        parser.error(f"expected 1 or more, received --repeats {arguments.repeats} --threads {arguments.threads}")

    root = dataset_root("FashionMNIST", arguments.edition)
    pictures = datasets.FashionMNIST(root, train=True, download=True, transform=ToTensor())
    start = time.perf_counter()
    in_memory = InMemoryDataset(pictures)
    reading = time.perf_counter() - start
    tensors = TensorDataset(in_memory.images, in_memory.labels)
    loops: dict[str, Callable[[], Weights | None]] = {
        TUTORIAL: lambda: raw_loop(pictures),
        OURS: lambda: our_loop(in_memory),
        "the tutorial's loop, TensorDataset": lambda: raw_loop(tensors),
        FLOOR: lambda: matrix_products(len(pictures)),
    }

    network = "-".join(map(str, WIDTHS))
    print(f"One epoch on {len(pictures):,} pictures ({arguments.edition}), batch {BATCH_SIZE}, network {network}")
    print(f"Reading the pictures into memory, once: {reading:.1f} s")
    same = True
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        seconds, weights = time_in_turn(loops, arguments.repeats)
        print_table(f"threads: {threads}, medians of {arguments.repeats} repeats", seconds)
        same = same and identical(weights[TUTORIAL], weights[OURS])
    print(f"\nOur weights are those of the tutorial's loop, bit for bit: {'yes' if same else 'NO'}")
    if not same:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
