"""Tries to get out, before any learner's code does: what it reaches is what the report calls open."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from limits import begin


def reached(task: dict[str, Any]) -> dict[str, bool]:
    """Which of the ways out lead out."""
    found = dict.fromkeys(("network", "read", "write", "processes", "memory"), False)
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", task["port"]), timeout=2).close()
        found["network"] = True
    with suppress(OSError):
        found["read"] = Path(task["canary"]).read_text(encoding="ascii") == "canary"
    with suppress(OSError):
        Path(task["canary"]).write_text("eaten", encoding="ascii")
        found["write"] = True
    with suppress(OSError):
        Path(task["course"], "canary").write_text("eaten", encoding="ascii")
        found["write"] = True
    with suppress(OSError, AttributeError):
        os.kill(task["runner"], 0)
        found["processes"] = True
    try:
        held = bytearray(task["memory"] + 2**20)
        found["memory"] = bool(held)
    except MemoryError:
        pass
    return found


if __name__ == "__main__":
    job = begin()
    job.say(**reached(job.task))
