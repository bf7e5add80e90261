"""Count how the figures of the notebooks are compared, for PROOF.md: `python -m tools.proof.figures`.

nbval sees no pixels. What it compares of a figure is its sentence, and the fingerprint of the numbers that it draws:
to the last digit, or, where these come out of training, within the tolerance of the cell.
"""

from __future__ import annotations

import sys
import time

import nbformat

from tests.nbval_approx import FINGERPRINT
from tools.notebooks import NOTEBOOKS
from tools.proof import record


def counted() -> list[dict[str, str | int]]:
    """A row per notebook: its figures, and how much of each is compared."""
    rows: list[dict[str, str | int]] = []
    for path in NOTEBOOKS:
        figures = [
            (output.data.get("text/plain", "").startswith(FINGERPRINT), "approx" in cell.metadata.get("tags", []))
            for cell in nbformat.read(path, as_version=4).cells
            for output in cell.get("outputs", [])
            if "image/png" in output.get("data", {})
        ]
        rows.append(
            {
                "notebook": path.stem,
                "figures": len(figures),
                "fingerprint": figures.count((True, False)),
                "within a tolerance": figures.count((True, True)),
                "sentence alone": sum(not fingerprint for fingerprint, _ in figures),
            }
        )
    return rows


def main() -> int:
    """Count, print and record."""
    start, rows = time.perf_counter(), counted()
    figures, compared, within, alone = (sum(int(row[name]) for row in rows) for name in [*rows[0]][1:])
    print(*(" ".join(f"{value:>24}" for value in row.values()) for row in rows), sep="\n")
    record.write(
        "figures",
        section="Figures",
        tried=f"{figures} figures are stored in the notebooks, each with its sentence under it.",
        outcome=f"Of {compared}, the numbers drawn are compared as well, to the last of five digits; of {within}, "
        f"which draw what comes out of training, within the tolerance of the cell. {alone} draw a graph, which the "
        "sentence says in full, or what differs from one machine to another.",
        passed=bool(figures) and compared > 0.7 * figures,
        command="python -m tools.proof.figures",
        seconds=time.perf_counter() - start,
        rows=rows,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
