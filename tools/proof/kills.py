"""Killed at any moment: a program that unpacks, downloads or saves is ended by SIGKILL, as a kernel may be.

    python -m tools.proof.kills                 each of the three 50 times, at moments drawn at random
    python -m tools.proof.kills --times 5 --seed 7

After each kill: what stands under its own name is whole, or is not there; the next run mends it, so that every file is
the same, byte for byte, as without a kill; and the remains, which nobody reads, are gone once they are an hour old.
It writes what it found for the page PROOF.md (`make proof`).
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter

import torch
from torch import nn
from torchvision import datasets

from helpers import data
from helpers.training import History, load_checkpoint, save_checkpoint, seed_everything
from tools.proof import record

ARCHIVES = record.ROOT / "data" / "drawn"
AN_HOUR = 3600.0


class Activity:
    """Something that writes files into a folder; `done` is what a run without a kill leaves there."""

    name = "does nothing"

    def prepare(self, folder: Path) -> None:
        """What lies there before."""

    def begin(self, folder: Path) -> Callable[[], object]:
        """Make ready, in a process that may be killed, and return the work that writes."""
        raise NotImplementedError

    def faults(self, folder: Path) -> Iterator[str]:
        """Right after a kill: what stands under its own name and is not whole."""
        yield from ()


class Unpacks(Activity):
    """The drawn edition, out of the archives of the course."""

    name = "unpacks the drawn pictures"
    edition = "drawn"

    def begin(self, folder: Path) -> Callable[[], object]:
        """As the first cell of a notebook does."""
        return partial(data.dataset_root, "FashionMNIST", self.edition, folder=folder)

    def faults(self, folder: Path) -> Iterator[str]:
        """The files must be all there with the right checksums, or not at all."""
        raw = folder / self.edition / "FashionMNIST" / "raw"
        if raw.exists():
            sums = (ARCHIVES / "FashionMNIST" / "SHA256SUMS").read_text(encoding="ascii").split()
            yield from _differences({raw / name: digest for digest, name in zip(sums[::2], sums[1::2], strict=True)})
        remains = [path.name for path in folder.iterdir() if path.name != self.edition]
        yield from (f"left {name}" for name in remains if not name.startswith(".staging-"))


class Downloads(Unpacks):
    """The original edition, over the network: from a server on this machine, which sends the drawn archives."""

    name = "downloads and unpacks the original pictures"
    edition = "original"

    def __init__(self, address: str) -> None:
        """Take the address of the mirror."""
        self.address = address

    def begin(self, folder: Path) -> Callable[[], object]:
        """Expect what the server has: torchvision's own checksums are those of the photographs."""
        os.environ["no_proxy"] = "*"
        archives = [(file, ARCHIVES / "FashionMNIST" / file) for file, _ in datasets.FashionMNIST.resources]
        expected = [(file, hashlib.md5(archive.read_bytes()).hexdigest()) for file, archive in archives]
        datasets.FashionMNIST.resources = expected
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - torchvision's progress bars
        return partial(super().begin(folder), mirror=self.address)


class Saves(Activity):
    """A checkpoint over an older one, of the network of the Quickstart with Adam."""

    name = "saves a checkpoint over an older one"

    def prepare(self, folder: Path) -> None:
        """The checkpoint of the first epoch."""
        self.save(folder / "checkpoint.pt", *self.trained(1), epochs=1)

    def begin(self, folder: Path) -> Callable[[], object]:
        """The checkpoint of the second epoch."""
        return partial(self.save, folder / "checkpoint.pt", *self.trained(2), epochs=2)

    def save(self, path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, *, epochs: int) -> None:
        """As `fit(..., checkpoint=path)` does after each epoch."""
        save_checkpoint(path, model, optimizer, history=History(train_loss=[1.0] * epochs))

    def trained(self, epochs: int) -> tuple[nn.Module, torch.optim.Optimizer]:
        """The same network and optimizer each time for the same number of epochs."""
        seed_everything(epochs)  # a checkpoint holds the state of every generator
        model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
        optimizer = torch.optim.Adam(model.parameters())
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        return model, optimizer

    def faults(self, folder: Path) -> Iterator[str]:
        """The checkpoint must be the old one or the new one."""
        model, optimizer = self.trained(1)
        try:
            epochs = load_checkpoint(folder / "checkpoint.pt", model, optimizer).epochs
        except (RuntimeError, OSError) as error:
            yield f"the checkpoint does not load: {error}"
            return
        expected = self.trained(epochs)[0].state_dict()
        if not all(value.equal(expected[name]) for name, value in model.state_dict().items()):
            yield "the checkpoint holds other weights"
        remains = [path.name for path in folder.iterdir() if path.name != "checkpoint.pt"]
        yield from (f"left {name}" for name in remains if not name.startswith(".checkpoint.pt."))


@dataclass(frozen=True)
class Killed:
    """What came out for one activity."""

    name: str
    kills: int  # before the work was done
    half_written: int
    faults: tuple[str, ...]


def kill_at_random(activity: Activity, times: int, seed: int) -> Killed:
    """Kill the activity at moments drawn from the time that it takes, and say what was not whole or not mended."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        durations = []
        for number in range(3):
            whole = Path(place, f"whole-{number}")
            whole.mkdir()
            activity.prepare(whole)
            durations.append(_run(activity, whole)[0])
        duration, expected = sorted(durations)[1], _contents(whole)
        kills = tries = half = 0
        faults: list[str] = []
        while kills < times and tries < 10 * times:
            folder = Path(place, str(tries))
            folder.mkdir()
            activity.prepare(folder)
            seconds, code = _run(activity, folder, kill_after=draw.uniform(0, duration))
            tries += 1
            if code == 0:
                duration = seconds  # it had ended before: a quiet moment of the machine
            kills += code != 0
            found = list(activity.faults(folder))
            half += bool(found)
            found += _unmended(activity, folder, expected)
            faults += [f"killed after {seconds:.3f} s of {duration:.3f}: {fault}" for fault in found]
            shutil.rmtree(folder)
    return Killed(activity.name, kills, half, tuple(faults))


def _unmended(activity: Activity, folder: Path, expected: dict[str, str]) -> Iterator[str]:
    """What is not as without a kill after the next run, and after one in an hour."""
    _, code = _run(activity, folder)
    if code:
        yield f"the next run ended with {code}"
    files = {name: digest for name, digest in _contents(folder).items() if name in expected}
    yield from (f"the next run did not mend {name}" for name in expected if files.get(name) != expected[name])
    long_ago = time.time() - 2 * AN_HOUR
    remains = [path for path in folder.iterdir() if path.name.startswith(".")]
    for path in [*(below for remain in remains for below in remain.rglob("*")), *remains]:
        os.utime(path, (long_ago, long_ago))
    _run(activity, folder)
    if left := _contents(folder).keys() - expected.keys():
        yield f"after an hour there is still {sorted(left)[0]}"


def _run(activity: Activity, folder: Path, kill_after: float | None = None) -> tuple[float, int]:
    """Run the activity in a process of its own; how long it lived, and its exit code (-9 where it was killed)."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")  # a second instead of five: PyTorch is imported already
    process = context.Process(target=_work, args=(activity, folder, theirs), daemon=True)
    process.start()
    theirs.close()
    ours.recv()
    started = perf_counter()
    process.join(kill_after)
    if kill_after is not None:
        process.kill()
    process.join(120)
    if process.exitcode is None:
        process.kill()
    return perf_counter() - started, process.exitcode


def _work(activity: Activity, folder: Path, start: Connection) -> None:
    torch.set_num_threads(1)  # the threads of the process that was copied are not in the copy
    write = activity.begin(folder)
    start.send("ready")
    write()


def _contents(folder: Path) -> dict[str, str]:
    """The digest of every file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _differences(expected: dict[Path, str]) -> Iterator[str]:
    for path, digest in expected.items():
        if not path.exists():
            yield f"{path.name} is missing"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            yield f"{path.name} is not whole"


class _Slow(SimpleHTTPRequestHandler):
    """A server at the end of a long line, so that a download takes a part of a second."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def copyfile(self, source: object, outputfile: object) -> None:
        """Send in pieces."""
        try:
            while piece := source.read(1 << 16):
                outputfile.write(piece)
                time.sleep(0.001)
        except OSError:
            pass  # the other end was killed


@contextmanager
def mirror() -> Iterator[str]:
    """The address of a server on this machine that holds archives like those of a mirror."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Slow, directory=str(ARCHIVES))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def activities(address: str) -> list[Activity]:
    """All that the course writes outside a temporary folder."""
    return [Unpacks(), Downloads(address), Saves()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, print a line per activity and the faults, and write the record; return 1 where there were faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=50, help="kills of each activity (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments drawn (%(default)s)")
    chosen = parser.parse_args(arguments)
    if os.name == "nt":
        parser.error("Expected a system with fork and SIGKILL, received Windows. Run it on Linux, or in WSL.")
    started = perf_counter()
    torch.set_num_threads(1)
    with mirror() as address:
        found = [kill_at_random(activity, max(chosen.times, 1), chosen.seed) for activity in activities(address)]
    for killed in found:
        print(f"{killed.name:<46}{killed.kills:>5} kills{len(killed.faults):>5} faults")
        print(*(f"  {fault}\n" for fault in killed.faults), sep="", end="")
    faults = sum(len(killed.faults) for killed in found)
    whole = "Nothing was left half-written, and the next run mended everything."
    enough = all(killed.kills >= chosen.times for killed in found)
    record.write(
        "orders-kills",
        section="Any order that a learner takes",
        tried=f"Each work that writes files was killed (SIGKILL) at {chosen.times} moments drawn at random.",
        outcome=f"{faults} faults were left." if faults else whole,
        passed=enough and not faults,
        command="make kills",
        seconds=perf_counter() - started,
        rows=[
            {
                "work": killed.name,
                "killed before its end": killed.kills,
                "left half-written": killed.half_written,
                "not mended": len(killed.faults) - killed.half_written,
            }
            for killed in found
        ],
        whole=chosen.times >= 50,
    )
    return int(bool(faults) or not enough)


if __name__ == "__main__":
    sys.exit(main())
