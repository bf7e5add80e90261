"""Time the course's loop beside PyTorch Lightning, Ignite, skorch and the tutorial's, and how soon recipes are good.

    make peers                                     # the photographs (COURSE_MIRROR=<folder> where there is no network)
    python -m tools.proof.peers --edition drawn    # the pictures that come with the course, quickly

First one epoch: the same network, the same pictures, the same batches in the same order, in turn within each repeat,
and the same weights at the end, which is checked. Logging, bars and checkpoints are off. Each loop runs once over
torchvision's data set as it is, and once over `InMemoryDataset`. Then the seconds of training until the test pictures
are read at 65 % and at 85 %; judging is not counted. One thread: ratios are those of loops, not of schedulers.

The peers are installed into `build/peers`, an environment of their own around this one. The whole run on the
photographs writes its tables into README.md and a record for PROOF.md.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets
from torchvision.transforms import ToTensor

from helpers.data import InMemoryDataset, dataset_root
from helpers.training import evaluate, seed_everything, train_epoch
from tools import benchmark
from tools.benchmark import BATCH_SIZE, SEED, Weights, build, identical, matrix_products, shuffled, time_in_turn
from tools.proof import record
from tools.proof.environment import environment
from tools.proof.page import table

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements-peers.txt")
README = ROOT / "README.md"
BEGIN, END = "<!-- written by `make peers` -->", "<!-- end of what `make peers` writes -->"
OURS, TUTORIAL, FLOOR = "this course: `train_epoch`", "the tutorial's loop", "the matrix products alone"
TARGETS = (0.65, 0.85)
ENOUGH = 100  # epochs within which the plain recipe should reach both
SOONER = 20  # times, at least

Row = dict[str, str | int | float]


# --- one epoch by each ---------------------------------------------------------------------------------------------


def lightning_loop(dataset: Dataset) -> Weights:
    """One epoch by PyTorch Lightning, in the mode that it has for such comparisons (barebones)."""
    import pytorch_lightning as lightning  # noqa: PLC0415 - only the peers' environment has it

    class Lit(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model, self._optimizer = build()
            self.loss_fn = nn.CrossEntropyLoss()

        def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
            X, y = batch
            return self.loss_fn(self.model(X), y)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return self._optimizer

    lit = Lit()
    lightning.Trainer(max_epochs=1, accelerator="cpu", barebones=True).fit(lit, shuffled(dataset))
    return lit.model.state_dict()


def ignite_loop(dataset: Dataset) -> Weights:
    """One epoch by Ignite's supervised trainer."""
    from ignite.engine import create_supervised_trainer  # noqa: PLC0415

    model, optimizer = build()
    create_supervised_trainer(model, optimizer, nn.CrossEntropyLoss()).run(shuffled(dataset), max_epochs=1)
    return model.state_dict()


def skorch_loop(dataset: Dataset) -> Weights:
    """One epoch by skorch, which makes its own loader of the data set."""
    from skorch import NeuralNet  # noqa: PLC0415

    model, optimizer = build()
    net = NeuralNet(
        model,
        criterion=nn.CrossEntropyLoss,
        optimizer=type(optimizer),
        lr=optimizer.param_groups[0]["lr"],
        max_epochs=1,
        batch_size=BATCH_SIZE,
        iterator_train__shuffle=True,
        iterator_train__generator=seed_everything(SEED),
        train_split=None,
        callbacks="disable",
        verbose=0,
    )
    net.fit(dataset, y=None)
    return net.module_.state_dict()


LOOPS: dict[str, Callable[[Dataset], Weights]] = {
    OURS: benchmark.our_loop,
    TUTORIAL: benchmark.raw_loop,
    "PyTorch Lightning": lightning_loop,
    "Ignite": ignite_loop,
    "skorch": skorch_loop,
}


def one_epoch(pictures: Dataset, in_memory: Dataset, repeats: int) -> tuple[list[Row], list[str]]:
    """A row per loop, seconds over either data set and how far above the floor the second is; and who did other work.

    Whoever does the same work ends with the tutorial's weights, bit for bit.
    """
    loops: dict[str, Callable[[], Weights | None]] = {}
    for name, loop in LOOPS.items():
        loops[name] = lambda loop=loop: loop(in_memory)
        loops[f"{name}, torchvision"] = lambda loop=loop: loop(pictures)
    loops[FLOOR] = lambda: matrix_products(len(in_memory))
    seconds, weights = time_in_turn(loops, repeats)
    different = [name for name in loops if name != FLOOR and not identical(weights[name], weights[TUTORIAL])]
    rows: list[Row] = []
    for name in (*LOOPS, FLOOR):
        above = median(own / floor for own, floor in zip(seconds[name], seconds[FLOOR], strict=True))
        beside = f"{name}, torchvision"
        rows.append(
            {
                "one epoch": name,
                "seconds, torchvision's data set": _rounded(median(seconds[beside])) if beside in seconds else "",
                "seconds, `InMemoryDataset`": _rounded(median(seconds[name])),
                "lowest to highest": f"{min(seconds[name]):#.3g} to {max(seconds[name]):#.3g}",
                "times the floor": _rounded(above),
            }
        )
    return rows, different


# --- how soon a recipe is good --------------------------------------------------------------------------------------


class Recipe(NamedTuple):
    """What trains: the optimizer of the plain network, and whether the pictures are kept in memory."""

    name: str
    optimizer: Callable[[Iterator[nn.Parameter]], torch.optim.Optimizer]
    in_memory: bool


PLAIN = Recipe("the plain recipe: SGD, 1e-3, torchvision's data set", lambda p: torch.optim.SGD(p, lr=1e-3), False)
BEST = Recipe("the best of notebook 6: Adam, 1e-3, `InMemoryDataset`", lambda p: torch.optim.Adam(p, lr=1e-3), True)


class Judge:
    """A clock that runs while a network trains and stands while it is judged."""

    def __init__(self, model: nn.Module, test_loader: DataLoader, targets: Sequence[float]) -> None:
        """Start with nothing reached."""
        self.seconds, self.batches = 0.0, 0
        self.reached: dict[float, tuple[float, int]] = {}
        self._model, self._loader, self._targets = model, test_loader, targets

    def trained(self, seconds: float, batches: int) -> bool:
        """Add what was trained, judge, and say whether every target is reached."""
        self.seconds, self.batches = self.seconds + seconds, self.batches + batches
        accuracy = evaluate(self._model, self._loader, nn.CrossEntropyLoss()).accuracy or 0.0
        for target in self._targets:
            if accuracy >= target:
                self.reached.setdefault(target, (self.seconds, self.batches))
        return len(self.reached) == len(self._targets)


def time_to(
    recipe: Recipe, dataset: Dataset, test_loader: DataLoader, *, targets: Sequence[float], epochs: int
) -> dict[float, tuple[float, int]]:
    """Seconds of training and batches until each target is reached; those that are not within `epochs` are missing.

    It is judged after every 10 batches at first, and after every twentieth part of what has been trained later.
    """
    torch.manual_seed(SEED)
    model, _ = build()
    optimizer, loss_fn = recipe.optimizer(model.parameters()), nn.CrossEntropyLoss()
    loader = shuffled(dataset)
    judge = Judge(model, test_loader, targets)
    for _ in range(epochs):
        batches = iter(loader)
        left = len(loader)
        while left:
            n = min(left, max(10, judge.batches // 20))
            start = time.perf_counter()
            train_epoch(model, (next(batches) for _ in range(n)), loss_fn, optimizer)
            left -= n
            if judge.trained(time.perf_counter() - start, n):
                return judge.reached
    return judge.reached


def how_soon(
    pictures: Dataset, in_memory: Dataset, test_set: Dataset, *, repeats: int, epochs: int
) -> tuple[list[Row], float | None]:
    """A row per recipe: seconds and batches to each target; and how many times sooner the best reaches the first.

    The plain recipe takes minutes and runs once; the best one is over in seconds, and runs `repeats` times.
    """
    test_loader = DataLoader(test_set, batch_size=500)
    rows: list[Row] = []
    first: dict[str, float] = {}
    for recipe in (PLAIN, BEST):
        data = in_memory if recipe.in_memory else pictures
        runs = [
            time_to(recipe, data, test_loader, targets=TARGETS, epochs=epochs)
            for _ in range(repeats if recipe is BEST else 1)
        ]
        row: Row = {"until the test pictures are read at": recipe.name}
        for target in TARGETS:
            found = [run[target] for run in runs if target in run]
            row[f"{100 * target:.0f} %: seconds"] = (
                _rounded(median(s for s, _ in found)) if found else f"not in {epochs} epochs"
            )
            row[f"{100 * target:.0f} %: batches"] = found[0][1] if found else ""
        if TARGETS[0] in runs[0]:
            first[recipe.name] = median(run[TARGETS[0]][0] for run in runs)
        rows.append(row)
        print(*(f"{value:,}" if isinstance(value, int) else value for value in row.values()), sep=" | ", flush=True)
    return rows, first[PLAIN.name] / first[BEST.name] if len(first) == 2 else None


# --- what is written ------------------------------------------------------------------------------------------------


def _rounded(value: float) -> float:
    """Three digits: 14.2, 0.251, 123."""
    return float(f"{value:.3g}")


def with_tables(page: str, words: str) -> str:
    """The page with these words between the markers.

    Raises: ValueError where the page does not have each marker once, in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"Expected the lines {BEGIN} and {END} in the page. Put them where the table belongs.")
    return f"{before}{BEGIN}\n\n{words.strip()}\n\n{END}{after}"


def sentence(times: float | None) -> str:
    """How much sooner the best recipe is good, in words."""
    if times is None:
        return "One of the recipes did not reach the first target."
    return f"The best recipe is at {100 * TARGETS[0]:.0f} % {times:.0f} times sooner than the plain one."


def measure(options: argparse.Namespace) -> int:
    """Measure in the peers' environment, print, and write what a whole run found."""
    logging.disable(logging.WARNING)  # what the peers say of themselves
    warnings.simplefilter("ignore")  # and advise
    torch.set_num_threads(1)
    began = time.perf_counter()
    root = dataset_root("FashionMNIST", options.edition)
    train, test = (
        datasets.FashionMNIST(root, train=part, download=True, transform=ToTensor()) for part in (True, False)
    )
    in_memory, test_set = InMemoryDataset(train), InMemoryDataset(test)
    peers = {name: version(name) for name in ("torch", "pytorch-lightning", "pytorch-ignite", "skorch")}
    named = ", ".join(f"{name} {number}" for name, number in peers.items())
    print(f"{len(train):,} pictures ({options.edition}), batches of {BATCH_SIZE}, one thread; {named}", flush=True)
    common = {"section": "Speed beside the peers", "command": "make peers"}
    enough = options.edition == "original" and options.repeats >= 5
    passed, written = True, False
    if options.only != "recipes":
        rows, different = one_epoch(train, in_memory, options.repeats)
        print(table(rows), *(f"Other weights than the tutorial's: {name}." for name in different), sep="\n", flush=True)
        same = "Every loop ended with the same weights, bit for bit."
        record.write(
            "peers-epoch",
            tried=f"One epoch on {len(train):,} pictures with the network of notebook 6, in the same batches, by each "
            f"loop: medians of {options.repeats} runs on one thread ({named}), and how far these lay apart over "
            "`InMemoryDataset`: what differs by less is no difference.",
            outcome=f"Not the tutorial's weights, so other work: {', '.join(different)}." if different else same,
            passed=not different,
            rows=rows,
            seconds=time.perf_counter() - began,
            whole=enough,
            **common,
        )
        passed, written = not different, enough
    if options.only != "epoch":
        began, enough = time.perf_counter(), enough and options.epochs >= ENOUGH
        rows, times = how_soon(train, in_memory, test_set, repeats=options.repeats, epochs=options.epochs)
        print(f"{table(rows)}\n{sentence(times)}")
        sooner = times is not None and times >= SOONER
        record.write(
            "peers-recipes",
            tried="Two recipes were trained until they were good; judging is not timed.",
            outcome=sentence(times),
            passed=sooner,
            rows=rows,
            seconds=time.perf_counter() - began,
            whole=enough,
            **common,
        )
        passed, written = passed and (sooner or not enough), written or enough
    if written:
        README.write_text(with_tables(README.read_text(encoding="utf-8"), from_records()), encoding="utf-8")
        print("README.md has the tables. `make proof` puts them into PROOF.md.")
    return int(not passed)


def from_records() -> str:
    """What stands in the README: both records in words and tables."""
    found = record.read_all()
    parts = [found[name] for name in ("peers-epoch", "peers-recipes")]
    tables = (f"{part['tried']} {part['outcome']}\n\n{table(part['rows'])}" for part in parts)
    return "\n\n".join(("## How fast it is", *tables))


def main(arguments: list[str] | None = None) -> int:
    """Run the command of the command line and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edition", choices=["original", "drawn"], default="original")
    parser.add_argument("--repeats", type=int, default=5, help="how often each loop runs, at least 1")
    parser.add_argument("--epochs", type=int, default=250, help="after how many epochs a recipe is given up")
    parser.add_argument("--only", choices=["epoch", "recipes"], help="one of the two tables")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # already in the peers' environment
    options = parser.parse_args(arguments)
    if options.repeats < 1 or options.epochs < 1:
        parser.error(f"expected 1 or more, received --repeats {options.repeats} --epochs {options.epochs}")
    if options.here:
        return measure(options)
    given = sys.argv[1:] if arguments is None else arguments
    return subprocess.run(
        [str(environment("peers")), "-m", "tools.proof.peers", "--here", *given], cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
