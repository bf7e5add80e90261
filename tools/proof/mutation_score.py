"""What share of the small changes that mutmut makes to a module its tests notice: `make mutation-score`.

    python -m tools.proof.mutation_score                     every module listed here
    python -m tools.proof.mutation_score training values     those whose path holds one of these words
    python -m tools.proof.mutation_score --minutes 5         no more than so long for each module

mutmut changes everything, also the words of error messages, so a score of 100 % is no aim; read the survivors, which
are printed. The faults that matter are in `tools/proof/faults.py`, and of those none may survive. The command ends with
1 where a module's score is below 80 %. PROOF.md has the scores of a run that tried every change of every module.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tools.proof import record
from tools.proof.environment import environment

ROOT = Path(__file__).resolve().parents[2]
LOWEST = 80.0  # per cent, of each module; the changes of words alone are fewer than the rest
MODULES = {
    "helpers/training.py": "tests/test_training.py",
    "helpers/data.py": "tests/test_data.py",
    "helpers/checks/core.py": "tests/test_checks.py",
    "helpers/checks/compare.py": "tests/test_checks.py",
    "helpers/drawing/strokes.py": "tests/test_strokes.py",
    "helpers/plotting/values.py": "tests/test_plotting.py tests/test_plotting_data.py",
    "helpers/plotting/readings.py": "tests/test_plotting_readings.py",
    "helpers/plotting/fingerprint.py": "tests/test_figures.py",
}
_BESIDE = ("conftest.py", "data", "notebooks", "README.md", "tools")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "raw", "original", ".staging-*", "records")
# The server that mutants are forked from has run no test: tqdm's lock, once made, would be shared by all of them, and
# one that is stopped while it holds the lock would make every later one wait for ever, and so look noticed. Nor must
# one look endless because the machine is busy: it has a minute, and fifteen times what the tests usually take.
_SETTINGS = """
[tool.mutmut]
source_paths = ["helpers"]
only_mutate = ["{module}"]
also_copy = {beside}
pytest_add_cli_args = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts="]
pytest_add_cli_args_test_selection = {tests}
use_git_change_detection = false
process_isolation = "forkserver"
timeout_constant = 4
"""
# Added to the tests' settings, because it makes the tester several times faster: what PyTorch imports when the first
# optimizer is built is imported once, by the server, and no forked process looks for garbage in what it shares, and so
# copies all of it.
_FROZEN = """

def pytest_collection_finish() -> None:
    import gc
    import importlib

    importlib.import_module("torch._dynamo")
    gc.freeze()
"""
# How a process ends that pytest has refused to start; mutmut takes it for one that came to no end.
_ASTRAY = 255


class Score(NamedTuple):
    """How many changes mutmut knows, how many were tried in the time given, how many of these were noticed, and how
    many of the noticed because the tests came to no end.
    """

    module: str
    known: int
    tried: int
    noticed: int
    endless: int
    survivors: list[str]

    @property
    def share(self) -> float:
        """Noticed of tried, in per cent."""
        return round(100 * self.noticed / self.tried, 1) if self.tried else 0.0


def read_score(module: str, stats: dict[str, int], results: str, ended: dict[str, int | None]) -> Score:
    """The score from mutmut's own figures; a change that makes the tests hang or crash is noticed, too.

    Raises: RuntimeError where pytest did not find the tests that mutmut chose for a change.
    """
    if astray := [name for name, status in ended.items() if status == _ASTRAY]:
        raise RuntimeError(
            f"Expected pytest to find the tests chosen for {astray[0]} and {len(astray) - 1} more, but it did not. "
            "Give the parameters of the tests names without brackets and line breaks."
        )
    noticed = sum(stats.get(name, 0) for name in ("killed", "timeout", "segfault", "suspicious"))
    tried = noticed + stats.get("survived", 0) + stats.get("no_tests", 0)
    lines = [line.strip().partition(": ") for line in results.splitlines()]
    survivors = [name for name, _, verdict in lines if verdict in ("survived", "no tests")]
    return Score(module, stats["total"], tried, noticed, stats.get("timeout", 0), survivors)


def run_mutmut(module: str, minutes: float, python: Path) -> Score:
    """Run mutmut on one module, in a copy of the course.

    Raises: RuntimeError where mutmut could not begin: then the tests fail without any change; or as `read_score`.
    """
    mutmut = [str(python), "-m", "mutmut"]
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        for name in ("helpers", "tests", "pyproject.toml", *_BESIDE):
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, Path(folder, name), ignore=_LEFT_OUT)
            else:
                shutil.copy2(ROOT / name, folder)
        beside, tests = json.dumps(_BESIDE), json.dumps(MODULES[module].split())
        with Path(folder, "pyproject.toml").open("a", encoding="utf-8") as settings:
            settings.write(_SETTINGS.format(module=module, beside=beside, tests=tests))
        with Path(folder, "conftest.py").open("a", encoding="utf-8") as hooks:
            hooks.write(_FROZEN)
        options = {"cwd": folder, "env": {**os.environ, "OMP_NUM_THREADS": "1"}, "text": True}
        said = Path(folder, "said.txt")
        with said.open("w", encoding="utf-8") as out:
            child = subprocess.Popen(
                [*mutmut, "run", "--max-children", "2"], stdout=out, stderr=out, start_new_session=True, **options
            )
            try:
                child.wait(60 * minutes)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        subprocess.run([*mutmut, "export-cicd-stats"], capture_output=True, check=False, **options)
        found = Path(folder, "mutants", "mutmut-cicd-stats.json")
        if not found.is_file():
            raise RuntimeError(
                f"Expected figures of mutmut for {module}, found none. Its words:\n{said.read_text()[-2000:]}"
            )
        ended = json.loads(Path(folder, "mutants", f"{module}.meta").read_text(encoding="utf-8"))["exit_code_by_key"]
        results = subprocess.run([*mutmut, "results"], capture_output=True, check=False, **options).stdout
        return read_score(module, json.loads(found.read_text(encoding="utf-8")), results, ended)


def main(arguments: list[str] | None = None) -> int:
    """Run the command of the command line and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only modules whose path holds one of these")
    parser.add_argument("--minutes", type=float, default=30, help="no more than so long for each module")
    options = parser.parse_args(arguments)
    modules = [name for name in MODULES if not options.words or any(word in name for word in options.words)]
    if not modules or options.minutes <= 0:
        parser.error(f"expected a word in {', '.join(MODULES)} and minutes above 0, received {options.words}")
    start = time.perf_counter()
    python = environment("mutation")
    scores = []
    for module in modules:
        score = run_mutmut(module, options.minutes, python)
        scores.append(score)
        print(f"{module}: {score.noticed} of {score.tried} noticed ({score.share} %), {score.known} known;", end=" ")
        survivors = [f"  survived: {name}" for name in score.survivors]
        print(f"tests came to no end: {score.endless}", *survivors, sep="\n", flush=True)
    noticed, tried = (sum(getattr(score, name) for score in scores) for name in ("noticed", "tried"))
    print(f"\nThe tests noticed {noticed} of {tried} changes: {100 * noticed / max(tried, 1):.1f} %.")
    passed = all(one.share >= LOWEST for one in scores)
    record.write(
        "mutation-score",
        section="Mutants",
        tried=f"mutmut changed {len(scores)} modules in {tried:,} small ways, words of messages among them.",
        outcome=f"The tests noticed {noticed:,} of them, {100 * noticed / max(tried, 1):.1f} %.",
        passed=passed,
        command="make mutation-score",
        seconds=time.perf_counter() - start,
        rows=[
            {
                "module": one.module,
                "changes": one.known,
                "tried": one.tried,
                "noticed": one.noticed,
                "by no end": one.endless,
                "per cent": one.share,
            }
            for one in scores
        ],
        whole=not options.words and all(one.tried == one.known for one in scores),
    )
    return int(not passed)


if __name__ == "__main__":
    sys.exit(main())
