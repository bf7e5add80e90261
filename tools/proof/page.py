"""Write PROOF.md, what was tried and what came out, from the records of the proof commands: `make proof`.

python -m tools.proof.page            write the page, and say which records are older than the course
python -m tools.proof.page --check    only say whether the page is what the records render to
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from itertools import groupby
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
HEAD = """# Proof that the course holds

What `make test` cannot try in a few minutes, tried by commands of their own. This page is written by `make proof` from
what they recorded in `tools/proof/records/`: no figure here is typed.
"""


def render(records: Mapping[str, Mapping[str, Any]]) -> str:
    """The page: a section after the other, in each what was tried, what came out, and where.

    Raises: ValueError where a record names a section that the page does not have.
    """
    unknown = {record["section"] for record in records.values()} - set(SECTIONS)
    if unknown:
        raise ValueError(f"Expected sections among {SECTIONS}, received {sorted(unknown)}. Add it to SECTIONS.")
    machines = sorted({_machine(record["machine"]) for record in records.values()})
    parts = [HEAD]
    ordered = sorted(records.items(), key=lambda item: (SECTIONS.index(item[1]["section"]), item[0]))
    for section, found in groupby((record for _, record in ordered), key=lambda record: record["section"]):
        parts.append(f"## {section}\n")
        parts += [_entry(record, machines) for record in found]
    if machines:
        numbered = [f"{number}. {machine}" for number, machine in enumerate(machines, start=1)]
        parts.append("## The machines\n\n" + "\n".join(numbered) + "\n")
    return "\n".join(parts)


def _entry(record: Mapping[str, Any], machines: Sequence[str]) -> str:
    verdict = "" if record["passed"] else "**Not passed.** "
    where = machines.index(_machine(record["machine"])) + 1
    made = f"`{record['command']}`, {record['date']}, {_duration(record['seconds'])}, machine {where}"
    return "\n".join([f"{record['tried']} {verdict}{record['outcome']}\n", *_table(record["rows"]), f"*{made}*\n"])


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    right = [isinstance(value, int | float) for value in rows[0].values()]
    lines = [list(rows[0]), ["---:" if numeric else "---" for numeric in right]]
    lines += [[f"{value:,}" if isinstance(value, int | float) else value for value in row.values()] for row in rows]
    return ["\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"]


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
    page, today = render(records), course()
    if check and (not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page):
        print("PROOF.md is not what the records say. Write it: make proof")
        return 1
    if not check:
        PAGE.write_text(page, encoding="utf-8", newline="\n")
    for name, record in records.items():
        age = "" if record["course"] == today else ", before the course's last change"
        print(f"{name:<24}{'passed' if record['passed'] else 'NOT PASSED'}, {record['date']}{age}")
    return int(not all(record["passed"] for record in records.values()))


if __name__ == "__main__":
    sys.exit(main())
