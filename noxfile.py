"""What `make test` does not try each time: other Pythons and versions, other processors, other places and orders.

`.venv/bin/python -m pip install nox mutmut uv`, then `.venv/bin/nox --list` and, e.g., `.venv/bin/nox -s arithmetic`.
Arguments after `--` go to pytest: `.venv/bin/nox -s twice -- notebooks/04_autograd.ipynb`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".nox", "build", "raw", "original", "__pycache__", "mutants")
here = nox.session(venv_backend="none", default=False)  # in the environment of `make test`, which runs nox

# The instruction sets that PyTorch, MKL and oneDNN choose by the processor, and the number of threads.
ARITHMETIC = [
    {"ATEN_CPU_CAPABILITY": "default"},
    {"ATEN_CPU_CAPABILITY": "avx2"},
    {"ATEN_CPU_CAPABILITY": "avx512"},
    {"MKL_CBWR": "COMPATIBLE"},
    {"MKL_CBWR": "AVX2"},
    {"DNNL_MAX_CPU_ISA": "SSE41"},
    {"OMP_NUM_THREADS": "1"},
    {"OMP_NUM_THREADS": "2"},
]
# PYTHONUTF8=0 and PYTHONCOERCECLOCALE=0: in the C locale Python would otherwise choose UTF-8, and hide what breaks.
LOCALES = ["C", "de_DE.ISO-8859-1", "tr_TR.UTF-8"]
BARE = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def strict(session: nox.Session, *options: str, course: Path = ROOT, **env: str) -> None:
    """Run the notebooks of the command line, or all, and compare every stored output."""
    notebooks = session.posargs or ["notebooks"]
    session.chdir(course)
    session.run(sys.executable, "-m", "pytest", "-q", *options, *notebooks, env={"PYTHONPATH": str(course), **env})


@nox.session(python=["3.11", "3.12", "3.13", "3.14"], default=False)
def tests(session: nox.Session) -> None:
    """Everything that `make test` runs, on another Python."""
    session.install("--editable", ".[test]")
    session.run("python", "-m", "pytest", "-n", "2", *session.posargs)


@nox.session(python="3.11", venv_backend="uv", default=False)
def lowest(session: nox.Session) -> None:
    """The same with the lowest version of everything that pyproject.toml and requirements.txt allow."""
    session.install("--resolution", "lowest-direct", "--editable", ".[test]")
    session.run("python", "-m", "pytest", "-n", "2", *session.posargs)


@here
@nox.parametrize("variables", ARITHMETIC, ids=["-".join(*each.items()) for each in ARITHMETIC])
def arithmetic(session: nox.Session, variables: dict[str, str]) -> None:
    """The notebooks under the arithmetic of other processors."""
    strict(session, **variables)


@here
@nox.parametrize("locale", LOCALES)
def locales(session: nox.Session, locale: str) -> None:
    """The notebooks in other languages and encodings; `localedef` makes those that the system lacks."""
    folder = Path(session.create_tmp())
    if locale != "C":
        language, _, charset = locale.partition(".")
        subprocess.run(["localedef", "-i", language, "-f", charset, folder / locale], check=False)  # 1 for a warning
    variables = {"LC_ALL": locale, "LANG": locale, "LOCPATH": str(folder), **BARE}
    session.run(sys.executable, "-c", "import locale; locale.setlocale(locale.LC_ALL, '')", env=variables)
    strict(session, **variables)


@here
def odd_path(session: nox.Session) -> None:
    """The notebooks in a folder whose path has spaces and letters of several scripts."""
    course = Path(session.create_tmp(), "My courses", "Übung – курс 日本語")
    shutil.rmtree(course, ignore_errors=True)
    shutil.copytree(ROOT, course, ignore=NOT_COPIED)
    strict(session, course=course)


@here
def read_only(session: nox.Session) -> None:
    """The notebooks in a folder in which nobody can write, with COURSE_DATA elsewhere."""
    folder = Path(session.create_tmp()).resolve()
    course = folder / "course"
    shutil.rmtree(folder)
    shutil.copytree(ROOT, course, ignore=NOT_COPIED)
    if os.geteuid() == 0:  # root writes everywhere, except where the file system itself refuses
        subprocess.run(["mount", "--bind", course, course], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", course], check=True)
    else:
        subprocess.run(["chmod", "-R", "a-w", course], check=True)
    try:
        strict(session, "-p", "no:cacheprovider", course=course, COURSE_DATA=str(folder / "data"))
    finally:
        session.chdir(ROOT)
        if os.geteuid() == 0:
            subprocess.run(["umount", course], check=True)
        subprocess.run(["chmod", "-R", "u+w", course], check=True)


@here
def twice(session: nox.Session) -> None:
    """Each cell twice in a row: the second output must be the first, except under the tag `once`."""
    strict(session, "-p", "tests.notebooks.nbval_twice")


@here
def answers(session: nox.Session) -> None:
    """2,000 generated answers for the check of each exercise."""
    options = ["-q", "-n", "2", "--dist", "load", "tests/helpers/checks/test_generated.py"]
    session.run(sys.executable, "-m", "pytest", *options, env={"GENERATED_ANSWERS": "2000"})


@here
def classroom(session: nox.Session) -> None:
    """Class work with hostile notebooks, and with the solutions of all seven."""
    session.run(sys.executable, "-m", "pytest", "-q", "tests/tools/test_classroom.py", env={"COURSE_SLOW": "1"})


@here
def mutation(session: nox.Session) -> None:
    """Small changes to the helpers that `[tool.mutmut]` names: which of them do the tests not notice?"""
    session.run(sys.executable, "-m", "mutmut", "run", *session.posargs)
    session.run(sys.executable, "-m", "mutmut", "results")


@here
def linkcheck(session: nox.Session) -> None:
    """Follow every link of the site to the outside."""
    session.run(sys.executable, "-m", "sphinx", "-b", "linkcheck", "-c", "docs", ".", "build/linkcheck")
