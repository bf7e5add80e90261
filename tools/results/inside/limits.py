"""What a confined process puts on itself before it touches anybody's code. It needs the standard library alone."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

LONGEST = 20_000  # characters of one line of a report; a stranger's message may be of any length


class Job(NamedTuple):
    """What this process was given to do, and where to say what came out."""

    task: dict[str, Any]
    say: Callable[..., None]


def begin() -> Job:
    """Read the task from standard input and set the limits it names; printing leads nowhere from here on.

    The report goes to a copy of standard output whose number no other code is told, each line behind a password that
    came with the task.
    """
    task = json.loads(sys.stdin.buffer.read())
    password = task.pop("password")
    report = os.dup(1)  # not inherited by programs that are started from here
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    if hasattr(os, "nice"):
        os.nice(5)  # the instructor's own programs come first, and among them the one that watches over this one
    apply(task.get("memory"), task.get("file"), task.get("processes"))

    def say(**said: Any) -> None:
        line = json.dumps(said)[:LONGEST]
        os.write(report, f"{password} {line}\n".encode("ascii"))

    return Job(task, say)


def apply(memory: int | None, file: int | None, processes: int | None) -> None:
    """Set the limits of this process and of all that it starts, as far as the system knows such limits."""
    try:
        import resource  # noqa: PLC0415 - Windows has no such module
    except ImportError:
        return
    # Data, not address space: PyTorch's CUDA build reserves 3 GB of addresses that it never fills.
    wanted = {"RLIMIT_DATA": memory, "RLIMIT_FSIZE": file, "RLIMIT_NPROC": processes, "RLIMIT_CORE": 0}
    for name, limit in wanted.items():
        if limit is not None and hasattr(resource, name):
            number = getattr(resource, name)
            _, hard = resource.getrlimit(number)
            if hard not in (resource.RLIM_INFINITY, -1):
                limit = min(limit, hard)
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(number, (limit, limit))
    with contextlib.suppress(OSError):  # where memory runs out after all, the system is to end this process first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
