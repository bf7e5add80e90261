"""Same everywhere: run the notebooks, every output compared, in all surroundings a learner may have.

    python -m tools.proof.everywhere                      everything below, about an hour on two cores
    python -m tools.proof.everywhere pythons              Python 3.10 to 3.13, each where it is found
    python -m tools.proof.everywhere cpu                  the arithmetic of other processors
    python -m tools.proof.everywhere places               other folders, odd paths, a read-only checkout
    python -m tools.proof.everywhere locales              the C locale and other languages
    python -m tools.proof.everywhere repeat               ten full runs in a row
    python -m tools.proof.everywhere gpu                  with the accelerator, where there is one
    python -m tools.proof.everywhere places --notebooks 04

Each runs in a fresh copy of this checkout and writes what it found for the page PROOF.md (`make proof`).
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from time import perf_counter

import nbval

from tools.proof import record
from tools.proof.runs import Result, add_notebooks, all_notebooks, checkout, fresh_checkout, in_words, strict

SUPPORTED = ("3.10", "3.11", "3.12", "3.13")
VENVS = record.ROOT / "build" / "python"
LOCALES = record.ROOT / "build" / "locales"
ODD_NAME = "Kurs für Anfänger, première leçon – 初級 курс"
CPU = (
    {},
    {"ATEN_CPU_CAPABILITY": "default"},
    {"ATEN_CPU_CAPABILITY": "avx2"},
    {"ATEN_CPU_CAPABILITY": "avx512"},
    {"MKL_CBWR": "COMPATIBLE"},
    {"DNNL_MAX_CPU_ISA": "SSE41"},
    {"OMP_NUM_THREADS": "1"},
    {"OMP_NUM_THREADS": "2"},
)
# PYTHONUTF8=0 and PYTHONCOERCECLOCALE=0: Python would otherwise take UTF-8 in the C locale, and hide what breaks.
BARE = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LOCALE_NAMES = ("C", "de_DE.UTF-8", "tr_TR.UTF-8", "de_DE.ISO-8859-1")


@dataclass(frozen=True)
class Plan:
    """What the command line asks for."""

    notebooks: tuple[str, ...]
    workers: int
    times: int
    venvs: Path


def pythons(plan: Plan) -> Iterator[Result]:
    """Each supported Python, with the newest packages that requirements.txt allows there."""
    found = find_pythons()
    for wanted in SUPPORTED:
        if wanted not in found:
            yield missing(f"Python {wanted}", "not found on this machine")
    for wanted, (full, executable) in found.items():
        own = full == platform.python_version()
        python = Path(sys.executable) if own else environment(plan.venvs / full, executable)
        if isinstance(python, str):
            yield missing(f"Python {wanted}", python, failed=True)
            continue
        packages = "import importlib.metadata as m; print(m.version('torch').split('+')[0], m.version('numpy'))"
        torch, numpy = subprocess.check_output([python, "-c", packages], text=True).split()
        with checkout() as folder:
            name = f"Python {full}, torch {torch}, NumPy {numpy}"
            yield strict(
                name, fresh_checkout(Path(folder, "course")), plan.notebooks, python=python, workers=plan.workers
            )


def cpu(plan: Plan) -> Iterator[Result]:
    """The instruction sets and numbers of threads of other processors, in one process at a time."""
    with checkout() as folder:
        course = fresh_checkout(Path(folder, "course"))
        for variant in CPU:
            name = " ".join(f"{key}={value}" for key, value in variant.items()) or "as it is"
            yield strict(name, course, plan.notebooks, **variant)


def places(plan: Plan) -> Iterator[Result]:
    """The folder where a command is started, the folder that a kernel runs in, and the path of the course."""
    with checkout() as folder:
        course = fresh_checkout(Path(folder, "course"))
        for name, cwd in (("started in /", Path("/")), ("started in notebooks/", course / "notebooks")):
            yield strict(name, course, plan.notebooks, cwd=cwd, workers=plan.workers)
    with checkout() as folder:
        course, away = fresh_checkout(Path(folder, "course")), Path(folder, "away")
        away.mkdir()
        (course / "notebooks").rename(away / "notebooks")  # the kernels run there, far from helpers/ and data/
        yield away_from_home("notebooks in another folder", course, away, plan)
    with checkout() as folder:
        course = fresh_checkout(Path(folder, ODD_NAME))
        yield installed("a path with spaces and letters of four scripts", course, plan)
    with checkout() as folder:
        course, own = fresh_checkout(Path(folder, "course")), Path(folder, "own")
        own.mkdir()
        yield read_only("a read-only checkout, with COURSE_DATA", course, own, plan)


def away_from_home(name: str, course: Path, away: Path, plan: Plan) -> Result:
    """The notebooks of the folder `away`, with the settings and helpers of `course`."""
    # In one process: outside the root folder nbval gives the cells of all notebooks the same names, and pytest-xdist
    # runs only one of each name.
    options = ["-c", str(course / "pyproject.toml"), "--rootdir", str(course), "-p", "tests.nbval_approx"]
    return strict(name, away, plan.notebooks, options=options, PYTHONPATH=str(course))


def installed(name: str, course: Path, plan: Plan) -> Result:
    """The course installed where it lies, as `make lab` does it: an environment with its own path in every script."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", course / ".venv"], check=True)
    python = next(path for path in (course / ".venv/bin/python", course / ".venv/Scripts/python.exe") if path.exists())
    site = Path(_ask(python, "import sysconfig; print(sysconfig.get_path('purelib'))"))
    packages = Path(nbval.__file__).parents[1]  # those of this environment, which need no second download
    (site / "packages.pth").write_text(f"{packages}\n", encoding="utf-8")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    run = subprocess.run(
        [*pip, "--no-build-isolation", "-e", "."], cwd=course, capture_output=True, text=True, check=False
    )
    if run.returncode:
        return missing(name, run.stderr.strip().splitlines()[-1], failed=True)
    helpers = Path(_ask(python, "import helpers.data; print(helpers.data.REPOSITORY)"))
    if helpers.resolve() != course.resolve():
        return missing(name, f"the installed helpers are those of {helpers}", failed=True)
    return strict(name, course, plan.notebooks, python=python, workers=plan.workers, PYTHONPATH="")


def read_only(name: str, course: Path, own: Path, plan: Plan) -> Result:
    """A checkout in which nobody can write; the data are unpacked in the learner's own folder."""
    if not hasattr(os, "geteuid"):
        return missing(name, "needs POSIX permissions")
    within: list[str] = []
    if os.geteuid() == 0:  # root writes everywhere, except where the file system itself refuses
        script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && exec "$@"'
        within = ["unshare", "--mount", "sh", "-c", script, str(course)]
        probe = subprocess.run([*within, "touch", "probe"], capture_output=True, text=True, check=False)
        if "Read-only file system" not in probe.stderr:
            return missing(name, "root needs a read-only mount here: run it as another user")
    folders = [course, *(path for path in course.rglob("*") if path.is_dir())]
    try:
        for folder in folders:
            folder.chmod(0o555)
        return strict(name, course, plan.notebooks, within=within, workers=plan.workers, COURSE_DATA=str(own))
    finally:
        for folder in folders:
            folder.chmod(0o755)


def locales(plan: Plan) -> Iterator[Result]:
    """No language, other languages, and an encoding that is not UTF-8."""
    with checkout() as folder:
        course = fresh_checkout(Path(folder, "course"))
        for name in LOCALE_NAMES:
            variables = locale_variables(name)
            if isinstance(variables, str):
                yield missing(f"locale {name}", variables)
            else:
                encoding = _ask(sys.executable, "import locale; print(locale.getpreferredencoding())", **variables)
                yield strict(
                    f"locale {name}, encoding {encoding}", course, plan.notebooks, workers=plan.workers, **variables
                )


def locale_variables(name: str) -> dict[str, str] | str:
    """The environment that sets a locale, made in build/locales/ where the system lacks it; or why it cannot be."""
    variables = {"LC_ALL": name, "LANG": name, "LANGUAGE": name[:2], **BARE}
    if name == "C":
        return variables
    try_it = "import locale; locale.setlocale(locale.LC_ALL, '')"
    if _runs(try_it, variables):
        return variables
    if shutil.which("localedef") is None:
        return "not on this system, and localedef is missing"
    language, _, charset = name.partition(".")
    LOCALES.mkdir(parents=True, exist_ok=True)
    command = ["localedef", "-i", language, "-f", charset, str(LOCALES / name)]
    subprocess.run(command, capture_output=True, check=False)  # it returns 1 for a mere warning
    variables["LOCPATH"] = str(LOCALES)
    return variables if _runs(try_it, variables) else "localedef could not make it (apt-get install locales)"


def repeat(plan: Plan) -> Iterator[Result]:
    """The same again and again: what fails once in a while fails here."""
    with checkout() as folder:
        course = fresh_checkout(Path(folder, "course"))
        for time in range(1, plan.times + 1):
            yield strict(f"run {time} of {plan.times}", course, plan.notebooks, workers=plan.workers)


def gpu(plan: Plan) -> Iterator[Result]:
    """With an accelerator."""
    name = _ask(
        sys.executable, "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    )
    if not name:
        yield missing("an NVIDIA GPU", "none on this machine")
        return
    with checkout() as folder:
        yield strict(name, fresh_checkout(Path(folder, "course")), plan.notebooks)


GROUPS: dict[str, tuple[Callable[[Plan], Iterator[Result]], str]] = {
    "pythons": (pythons, "on every Python that the course supports"),
    "cpu": (cpu, "under the arithmetic of other processors and with one and two threads"),
    "places": (places, "started elsewhere, kept elsewhere, in an odd path, and where nothing can be written"),
    "locales": (locales, "in the C locale and in other languages and encodings"),
    "repeat": (repeat, "{times} times in a row"),
    "gpu": (gpu, "with an accelerator"),
}


def missing(setting: str, why: str, *, failed: bool = False) -> Result:
    """A setting that this machine cannot offer, or in which the course could not be made ready: then it has failed."""
    print(f"{setting:<44}{why}", flush=True)
    return Result(setting, 0, (why,), 0) if failed else Result(setting, 0, (), 0, untried=why)


def find_pythons() -> dict[str, tuple[str, str]]:
    """The full version and the executable of each supported Python: the newest that is on the PATH or under pyenv."""
    names = [*(shutil.which(f"python{wanted}") for wanted in SUPPORTED), sys.executable]
    names += [str(path) for path in Path.home().glob(".pyenv/versions/3.*/bin/python")]
    found: dict[str, tuple[str, str]] = {}
    for executable in filter(None, names):
        ask = "import platform, sys; print(platform.python_version(), sys.base_prefix)"
        run = subprocess.run([executable, "-I", "-c", ask], capture_output=True, text=True, check=False)
        if run.returncode or not re.match(r"\d+\.\d+\.\d+ ", run.stdout):  # a shim of a Python that is not chosen
            continue
        full = run.stdout.split()[0]
        minor = full.rpartition(".")[0]
        if minor in SUPPORTED and (minor not in found or _number(full) > _number(found[minor][0])):
            found[minor] = (full, executable)
    return {wanted: found[wanted] for wanted in SUPPORTED if wanted in found}


def environment(folder: Path, executable: str) -> Path | str:
    """The Python of a virtual environment with what requirements.txt names; or why there is none."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"Installing {folder.name} ...", flush=True)
        run = subprocess.run([executable, "-m", "venv", folder], capture_output=True, text=True, check=False)
        if run.returncode:
            return (run.stdout + run.stderr).strip().splitlines()[-1]
    wanted = "".join(path.read_text(encoding="utf-8") for path in sorted(record.ROOT.glob("requirements*.txt")))
    listed = folder / "installed.txt"
    if not listed.exists() or listed.read_text(encoding="utf-8") != wanted:
        pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-r", "requirements.txt"]
        run = subprocess.run(pip, cwd=record.ROOT, capture_output=True, text=True, check=False)
        if run.returncode:
            return (run.stdout + run.stderr).strip().splitlines()[-1]
        listed.write_text(wanted, encoding="utf-8")
    return python


def _ask(python: str | Path, code: str, **changes: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | changes
    elsewhere = gettempdir()  # not in this checkout, whose helpers would be found before those installed
    command = [python, "-c", code]
    return subprocess.check_output(command, text=True, encoding="utf-8", env=environment, cwd=elsewhere).strip()


def _runs(code: str, variables: dict[str, str]) -> bool:
    command = [sys.executable, "-c", code]
    return not subprocess.run(command, env={**os.environ, **variables}, capture_output=True, check=False).returncode


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the groups of the command line; return 1 where a cell failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"among {', '.join(GROUPS)}; all without")
    add_notebooks(parser)
    parser.add_argument("--workers", type=int, default=2, help="notebooks at once, except in cpu (%(default)s)")
    parser.add_argument("--times", type=int, default=10, help="runs in a row (%(default)s)")
    parser.add_argument("--venvs", type=Path, default=VENVS, help="where the environments of the Pythons are kept")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.groups) - GROUPS.keys():
        parser.error(f"Expected groups among {', '.join(GROUPS)}, received {', '.join(sorted(unknown))}.")
    plan = Plan(
        tuple(chosen.notebooks or all_notebooks()), chosen.workers, max(chosen.times, 1), chosen.venvs.absolute()
    )
    failed = False
    for group in chosen.groups or GROUPS:
        run, where = GROUPS[group]
        print(f"\n{group}: {run.__doc__}", flush=True)
        started = perf_counter()
        results = list(run(plan))
        failed |= any(result.failures for result in results)
        tried = [result for result in results if not result.untried]
        if not tried:
            continue
        record.write(
            f"everywhere-{group}",
            section="Same everywhere",
            tried=f"{len(plan.notebooks)} notebooks, strict, {where.format(times=plan.times)}.",
            outcome=in_words(results),
            passed=not any(result.failures for result in results),
            command=f"make everywhere GROUPS={group}",
            seconds=perf_counter() - started,
            rows=[result.row for result in tried if result.failures or group != "repeat"],
            # What cannot all be tried here is no proof: the page keeps what another machine found.
            whole=chosen.notebooks is None and tried == results and (group != "repeat" or plan.times >= 10),
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
