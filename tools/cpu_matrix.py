"""Verify the notebooks under the arithmetic of other processors: `python tools/cpu_matrix.py [pytest arguments]`.

Trained numbers differ in their last digits between instruction sets and numbers of threads. Environment variables
make one machine compute like another; under each of them the stored outputs must hold, unchanged.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VARIANTS = (
    {},
    {"ATEN_CPU_CAPABILITY": "default"},
    {"ATEN_CPU_CAPABILITY": "avx2"},
    {"ATEN_CPU_CAPABILITY": "avx512"},
    {"MKL_CBWR": "COMPATIBLE"},
    {"DNNL_MAX_CPU_ISA": "SSE41"},
    {"OMP_NUM_THREADS": "1"},
    {"OMP_NUM_THREADS": "2"},
)


def main(arguments: list[str]) -> int:
    """Print a line per variant, with every cell that failed under it; return 1 if any did."""
    print(f"{'variant':<32}{'passed':>7}{'failed':>7}{'seconds':>9}", flush=True)
    worst = 0
    for variant in VARIANTS:
        start = time.perf_counter()
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--color=no", *(arguments or ["notebooks"])],
            cwd=ROOT,
            env={**os.environ, **variant},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - start
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", run.stdout)}
        name = " ".join(f"{key}={value}" for key, value in variant.items()) or "as it is"
        failed = counts.get("failed", 0) + counts.get("error", 0)
        print(f"{name:<32}{counts.get('passed', 0):>7}{failed:>7}{seconds:>9.1f}", flush=True)
        for line in re.findall(r"^(?:FAILED|ERROR) .*", run.stdout, re.MULTILINE):
            print(f"  {line}")
        if run.returncode:
            worst = 1
            (ROOT / "build").mkdir(exist_ok=True)
            (ROOT / "build" / f"matrix-{name.replace('=', '-')}.txt").write_text(run.stdout + run.stderr)
            if not failed:  # pytest itself stopped: say why
                print(run.stdout[-2000:], run.stderr[-2000:])
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
