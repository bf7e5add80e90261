"""What a proof command found, as a small file: the page PROOF.md is rendered from these, so no figure is typed.

A command that has tried everything it promises calls `write(...)`; one that was asked for a part of it passes
`whole=False`, and its record goes to build/proof/, where the page does not look.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RECORDS = Path(__file__).with_name("records")
TRIES = ROOT / "build" / "proof"
# What a proof is about, by the name of its record: when it changes, the page says that the proof is older. Most are
# about notebooks, helpers and data, and what says when two outputs are the same.
PROVEN = (
    *("notebooks/*.ipynb", "helpers/**/*.py", "helpers/**/*.js", "helpers/**/*.css", "data/drawn/*/SHA256SUMS"),
    "tests/nbval_*",
)
PAGES = ("notebooks/*.ipynb", "README.md", "TEACHING.md", "CONTRIBUTING.md", "data/README.md", "docs/*.md")
ABOUT = {
    "figures": ("notebooks/*.ipynb",),
    "links-inside": PAGES,
    "links-outside": PAGES,
    "mutants": (*PROVEN, "tests/**/*.py", "tools/proof/faults.py"),
    "mutation-score": (
        *("helpers/**/*.py", "tests/test_checks.py", "tests/test_data.py", "tests/test_figures.py"),
        *("tests/test_plotting*.py", "tests/test_strokes.py", "tests/test_training.py"),
    ),
    "orders-kills": ("helpers/data.py", "helpers/training.py", "data/drawn/*/SHA256SUMS"),
    "peers-epoch": ("helpers/data.py", "helpers/training.py", "tools/benchmark.py"),
    "peers-recipes": ("helpers/data.py", "helpers/training.py", "tools/benchmark.py"),
    "prose": ("notebooks/*.ipynb", "tests/prose.json"),
    "safety": (*PROVEN, "tools/results/*.py", "tests/test_safety.py", "tests/test_results.py"),
    "safety-audit": ("requirements*.txt",),
}

Cell = str | int | float


def write(
    name: str,
    *,
    section: str,
    tried: str,
    outcome: str,
    passed: bool,
    command: str,
    seconds: float,
    rows: Sequence[Mapping[str, Cell]] = (),
    whole: bool = True,
    machine: Mapping[str, str] | None = None,
    records: Path | None = None,
) -> Path:
    """Write one record, whole or not at all, and return its file.

    `section` is the heading of the page that it stands under (`page.SECTIONS`). `tried` and `outcome` are a sentence
    each, in Markdown, made of the figures of this run. `rows` become a table: one mapping a row, from the heading of a
    column to a word or a number; round numbers to the digits that mean something. `machine` is by default this one.

    Raises: ValueError where a sentence does not end like one, or the rows have different columns.
    """
    if not re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", name):
        raise ValueError(f"Expected a name like 'everywhere-cpu', received {name!r}. Use lower-case words and hyphens.")
    for sentence in (tried, outcome):
        if not sentence.endswith("."):
            raise ValueError(f"Expected a sentence, received {sentence!r}. End it with a full stop.")
    if len({tuple(row) for row in rows}) > 1:
        raise ValueError(f"Expected rows with the same columns, received {sorted({tuple(row) for row in rows})}.")
    record = {
        "section": section,
        "tried": tried,
        "rows": [dict(row) for row in rows],
        "outcome": outcome,
        "passed": passed,
        "command": command,
        "seconds": round(seconds),
        "machine": dict(machine or this_machine()),
        "course": course(name),
        "date": date.today().isoformat(),
    }
    path = (records or (RECORDS if whole else TRIES)) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)
    return path


def read_all(records: Path = RECORDS) -> dict[str, dict[str, Any]]:
    """Every record, by its name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(records.glob("*.json"))}


def course(name: str, root: Path = ROOT) -> str:
    """Twelve digits that change when something changes that the record of this name is about."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in ABOUT.get(name, PROVEN) for path in root.glob(pattern)):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:12]


def this_machine() -> dict[str, str]:
    """Processor, cores, memory, system, Python and PyTorch of the machine and the environment that this runs in."""
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": _memory(),
        "system": _system(),
        "python": platform.python_version(),
        "torch": _version("torch"),
    }


def _processor() -> str:
    """The name that the processor gives itself."""
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found.group(1).strip()
    except OSError:
        pass
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    return platform.processor() or platform.machine()


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (AttributeError, OSError, ValueError):
        return "unknown"


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"


def _version(package: str) -> str:
    try:
        return version(package).split("+")[0]
    except PackageNotFoundError:
        return "none"
