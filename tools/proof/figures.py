"""Count how the figures of the notebooks are compared, for PROOF.md: `python -m tools.proof.figures`.

nbval sees no pixels. What it compares of a figure is its sentence, and the fingerprint of the numbers that it draws.
"""

from __future__ import annotations

import sys
import time

import nbformat

from tools.notebooks import NOTEBOOKS
from tools.proof import record

PLACEHOLDER = "(figure, described below"


def counted() -> list[dict[str, str | int]]:
    """A row per notebook: its figures, those with a fingerprint, and those of which the sentence alone is compared."""
    rows: list[dict[str, str | int]] = []
    for path in NOTEBOOKS:
        texts = [
            output.data.get("text/plain", "")
            for cell in nbformat.read(path, as_version=4).cells
            for output in cell.get("outputs", [])
            if "image/png" in output.get("data", {})
        ]
        fingerprints = sum(text.startswith(f"{PLACEHOLDER}; ") for text in texts)
        rows.append(
            {
                "notebook": path.stem,
                "figures": len(texts),
                "with fingerprint": fingerprints,
                "sentence alone": len(texts) - fingerprints,
            }
        )
    return rows


def main() -> int:
    """Count, print and record."""
    start, rows = time.perf_counter(), counted()
    figures, compared = (sum(int(row[name]) for row in rows) for name in ("figures", "with fingerprint"))
    print(*(" ".join(f"{value:>24}" for value in row.values()) for row in rows), sep="\n")
    record.write(
        "figures",
        section="Figures",
        tried=f"{figures} figures are stored in the notebooks, each with its sentence under it.",
        outcome=f"Of {compared}, the numbers drawn are compared as well; {figures - compared} draw a graph, which the "
        "sentence says in full, or what differs from one machine to another.",
        passed=compared > 0.75 * figures,
        command="python -m tools.proof.figures",
        seconds=time.perf_counter() - start,
        rows=rows,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
