"""What executes, builds and checks the course; each module runs as `python -m tools.NAME` from the top folder."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = {"solution", "after-solution"}  # the tags of cells that have or need a solution
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
