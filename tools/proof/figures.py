"""Count how the figures of the notebooks are compared, for PROOF.md: `python -m tools.proof.figures`.

nbval sees no pixels. What it compares of a figure is its sentence, and the fingerprint of the numbers that it draws:
to one unit in the last of five digits, or, where these come out of training, within the tolerance of the cell.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

import nbformat
from nbformat import NotebookNode

from tests.nbval_approx import FINGERPRINT
from tools.notebooks import NOTEBOOKS
from tools.proof import record

EXACT, WITHIN, GRAPH, UNSTEADY, NOT = "fingerprint", "within a tolerance", "graph", "not steady", "not compared"


def way(cell: NotebookNode, output: NotebookNode) -> str:
    """How a figure is compared, besides its sentence."""
    if output.data.get("text/plain", "").startswith(FINGERPRINT):
        return WITHIN if "approx" in cell.metadata.get("tags", []) else EXACT
    if "graph_picture(" in cell.source:
        return GRAPH
    return UNSTEADY if "steady=False" in cell.source else NOT


def counted() -> list[dict[str, str | int]]:
    """A row per notebook: its figures, and how many are compared in each way."""
    rows: list[dict[str, str | int]] = []
    for path in NOTEBOOKS:
        ways = Counter(
            way(cell, output)
            for cell in nbformat.read(path, as_version=4).cells
            for output in cell.get("outputs", [])
            if "image/png" in output.get("data", {})
        )
        figures = {name: ways[name] for name in (EXACT, WITHIN, GRAPH, UNSTEADY, NOT)}
        rows.append({"notebook": path.stem, "figures": ways.total(), **figures})
    return rows


def main() -> int:
    """Count, print and record; return 1 where a figure is not compared."""
    start, rows = time.perf_counter(), counted()
    total = Counter()
    for row in rows:
        total.update({name: number for name, number in row.items() if isinstance(number, int)})
    print(*(" ".join(f"{value:>24}" for value in row.values()) for row in rows), sep="\n")
    record.write(
        "figures",
        section="Figures",
        tried=f"{total['figures']} figures are stored in the notebooks, each with its sentence under it.",
        outcome=f"Of {total[EXACT]}, the numbers drawn are compared as well, to one in the last of five digits; of "
        f"{total[WITHIN]}, which draw what comes out of training, within the tolerance of the cell. Of {total[GRAPH]}, "
        f"which draw a graph and have no numbers, and of {total[UNSTEADY]}, which draw what differs between machines, "
        "the sentence alone is compared.",
        passed=not total[NOT],
        command="python -m tools.proof.figures",
        seconds=time.perf_counter() - start,
        rows=rows,
    )
    return int(total[NOT] > 0)


if __name__ == "__main__":
    sys.exit(main())
