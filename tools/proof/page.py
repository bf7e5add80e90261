"""Write PROOF.md, what was tried and what came out, from the records of the proof commands: `make proof`.

python -m tools.proof.page            write the page, and say which records are older than the course
python -m tools.proof.page --check    only say whether the page is what the records render to
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tools.proof.record import ROOT, course, read_all

PAGE = ROOT / "PROOF.md"
SECTIONS = (
    "Same everywhere",
    "Any order that a learner takes",
    "Mutants",
    "Figures",
    "Prose",
    "Safety",
    "Links",
    "Cost",
    "Speed beside the peers",
)
# What is promised: a record that is missing is said to be, in its section.
PROMISED = {
    "everywhere-cpu": ("Same everywhere", "make everywhere GROUPS=cpu"),
    "everywhere-gpu": ("Same everywhere", "make everywhere GROUPS=gpu"),
    "everywhere-locales": ("Same everywhere", "make everywhere GROUPS=locales"),
    "everywhere-places": ("Same everywhere", "make everywhere GROUPS=places"),
    "everywhere-pythons": ("Same everywhere", "make everywhere GROUPS=pythons"),
    "everywhere-repeat": ("Same everywhere", "make everywhere GROUPS=repeat"),
    "orders-alone": ("Any order that a learner takes", "make orders GROUPS=alone"),
    "orders-kills": ("Any order that a learner takes", "make kills"),
    "orders-pairs": ("Any order that a learner takes", "make orders GROUPS=pairs"),
    "orders-restart": ("Any order that a learner takes", "make orders GROUPS=restart"),
    "orders-twice": ("Any order that a learner takes", "make orders GROUPS=twice"),
    "mutants": ("Mutants", "make mutants"),
    "mutation-score": ("Mutants", "make mutation-score"),
    "figures": ("Figures", "python -m tools.proof.figures"),
    "prose": ("Prose", "make prose"),
    "safety": ("Safety", "make safety"),
    "safety-audit": ("Safety", "make audit"),
    "links-inside": ("Links", "make links"),
    "links-outside": ("Links", "make links OUTSIDE=yes"),
    "cost": ("Cost", "make cost"),
    "peers-epoch": ("Speed beside the peers", "make peers"),
    "peers-recipes": ("Speed beside the peers", "make peers"),
}
HEAD = """# Proof that the course holds

What `make test` cannot try in a few minutes, tried by commands of their own. This page is written by `make proof` from
what they recorded in `tools/proof/records/`: no figure here is typed.
"""


def render(records: Mapping[str, Mapping[str, Any]]) -> str:
    """The page: a section after the other, in each what was tried, what came out, and where; and what is still to try.

    Raises: ValueError where a record names a section that the page does not have.
    """
    unknown = {record["section"] for record in records.values()} - set(SECTIONS)
    if unknown:
        raise ValueError(f"Expected sections among {SECTIONS}, received {sorted(unknown)}. Add it to SECTIONS.")
    machines = sorted({_machine(record["machine"]) for record in records.values()})
    parts = [HEAD]
    for section in SECTIONS:
        parts.append(f"## {section}\n")
        parts += [_entry(name, one, machines) for name, one in sorted(records.items()) if one["section"] == section]
        untried = {command for name, (where, command) in PROMISED.items() if where == section and name not in records}
        parts += [f"**Not tried yet:** `{command}`.\n" for command in sorted(untried)]
    if machines:
        numbered = [f"{number}. {machine}" for number, machine in enumerate(machines, start=1)]
        parts.append("## The machines\n\n" + "\n".join(numbered) + "\n")
    return "\n".join(parts)


def _entry(name: str, record: Mapping[str, Any], machines: Sequence[str]) -> str:
    verdict = "" if record["passed"] else "**Not passed.** "
    where = machines.index(_machine(record["machine"])) + 1
    made = (
        f"`{record['command']}`, {record['date']}, {_duration(record['seconds'])}, machine {where}{_age(name, record)}"
    )
    rows = [f"{table(record['rows'])}\n"] if record["rows"] else []
    return "\n".join([f"{record['tried']} {verdict}{record['outcome']}\n", *rows, f"*{made}*\n"])


def _age(name: str, record: Mapping[str, Any]) -> str:
    return "" if record["course"] == course(name) else "; before the last change of what it is about"


def table(rows: Sequence[Mapping[str, str | int | float]]) -> str:
    """The rows in Markdown, numbers to the right, those with a decimal point with three digits, or without it."""
    right = [any(isinstance(row[name], int | float) for row in rows) for name in rows[0]]
    lines = [list(rows[0]), ["---:" if numeric else "---" for numeric in right]]
    lines += [[_cell(value) for value in row.values()] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: str | int | float) -> str:
    if isinstance(value, float) and abs(value) < 100:
        return f"{value:#.3g}"
    return value if isinstance(value, str) else f"{value:,.0f}"


def _machine(machine: Mapping[str, str]) -> str:
    words = {"python": "Python ", "torch": "torch ", "cores": "cores: ", "gpu": "GPU: "}
    return ", ".join(f"{words.get(name, '')}{value}" for name, value in machine.items())


def _duration(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; return 1 where it is not what the records say, or a record says "not passed"."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(arguments).check
    records = read_all()
    page = render(records)
    if check and (not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page):
        print("PROOF.md is not what the records say. Write it: make proof")
        return 1
    if not check:
        PAGE.write_text(page, encoding="utf-8", newline="\n")
    for name, record in records.items():
        print(f"{name:<24}{'passed' if record['passed'] else 'NOT PASSED'}, {record['date']}{_age(name, record)}")
    print(*(f"{name:<24}not tried yet: {PROMISED[name][1]}" for name in PROMISED if name not in records), sep="\n")
    return int(not all(record["passed"] for record in records.values()))


if __name__ == "__main__":
    sys.exit(main())
