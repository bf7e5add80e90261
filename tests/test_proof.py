"""The proof: the page says what the records say, and the commands notice what they are there to notice."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from helpers import training
from tests import test_safety
from tools.notebooks import KERNEL, NOTEBOOKS, ROOT, normal
from tools.proof import everywhere, kills, orders, page, record, runs, safety

FACTS = {
    "section": "Cost",
    "tried": "Seven notebooks were run.",
    "outcome": "None failed.",
    "passed": True,
    "command": "make cost",
    "seconds": 12.4,
}
posix_only = pytest.mark.skipif(os.name == "nt", reason="needs fork and signals")


# The page


def test_the_page_is_what_the_records_say():
    assert page.PAGE.read_text(encoding="utf-8") == page.render(record.read_all()), "write it: make proof"


def test_the_records_are_whole():
    for name, found in record.read_all().items():
        assert found["section"] in page.SECTIONS, name
        assert {"tried", "rows", "outcome", "passed", "command", "seconds", "machine", "course", "date"} <= found.keys()


def test_a_record_comes_back_with_machine_course_and_date(tmp_path):
    path = record.write("cost-of-all", **FACTS, rows=[{"notebook": "04", "MiB": 771}], records=tmp_path)
    (name, found), *_ = record.read_all(tmp_path).items()
    assert (name, path.name) == ("cost-of-all", "cost-of-all.json")
    assert found["rows"] == [{"notebook": "04", "MiB": 771}]
    assert found["seconds"] == 12
    assert found["course"] == record.course()
    assert found["machine"].keys() == {"processor", "cores", "memory", "system", "python", "torch"}
    assert found["machine"]["python"] == sys.version.split()[0]
    assert time.strftime("%Y") <= found["date"]


def test_a_part_is_no_proof(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "TRIES", tmp_path / "tries")
    monkeypatch.setattr(record, "RECORDS", tmp_path / "records")
    assert record.write("cost", **FACTS, whole=False).parent == tmp_path / "tries"
    assert record.write("cost", **FACTS).parent == tmp_path / "records"


@pytest.mark.parametrize(
    ("name", "change", "rule"),
    [
        ("Cost of All", {}, "Expected a name like 'everywhere-cpu', received 'Cost of All'"),
        ("cost", {"tried": "no stop"}, "Expected a sentence, received 'no stop'"),
        ("cost", {"outcome": "no stop"}, "Expected a sentence, received 'no stop'"),
        ("cost", {"rows": [{"a": 1}, {"b": 2}]}, "Expected rows with the same columns"),
    ],
)
def test_a_wrong_record_is_refused(tmp_path, name, change, rule):
    with pytest.raises(ValueError, match=rule):
        record.write(name, **{**FACTS, **change}, records=tmp_path)
    assert not [*tmp_path.iterdir()]


def test_the_course_is_known_by_its_content(tmp_path):
    for name in ("notebooks/01_x.ipynb", "helpers/a.py", "tests/test_a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one\n")
    before = record.course(tmp_path)
    (tmp_path / "tests/test_a.py").write_text("two\n")
    (tmp_path / "helpers/a.py").write_bytes(b"one\r\n")  # as Windows checks it out
    assert record.course(tmp_path) == before
    (tmp_path / "helpers/a.py").write_text("two\n")
    assert record.course(tmp_path) != before


def _record(**changes):
    machine = {"processor": "P", "cores": "2", "memory": "24 GiB", "system": "S", "python": "3.11", "torch": "2.15"}
    return {**FACTS, "seconds": 12, "rows": [], "machine": machine, "course": "0", "date": "2026-01-02", **changes}


def test_the_page_shows_each_record():
    other = {**_record()["machine"], "python": "3.10"}
    text = page.render(
        {
            "cost": _record(rows=[{"notebook": "04", "MiB": 1234.5}], seconds=300),
            "everywhere-cpu": _record(section="Same everywhere", passed=False, outcome="Two failed.", machine=other),
        }
    )
    assert text.index("## Same everywhere") < text.index("## Cost") < text.index("## The machines")
    assert "Seven notebooks were run. **Not passed.** Two failed." in text
    assert "| notebook | MiB |\n| --- | ---: |\n| 04 | 1,234.5 |" in text
    assert "*`make cost`, 2026-01-02, 5 min, machine 2*" in text
    assert "1. P, cores: 2, 24 GiB, S, Python 3.10, torch 2.15\n2. P, cores: 2, 24 GiB, S, Python 3.11" in text


def test_an_unknown_section_is_refused():
    with pytest.raises(ValueError, match=r"received \['Weather'\]"):
        page.render({"x": _record(section="Weather")})


def test_the_page_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(page, "PAGE", tmp_path / "PROOF.md")
    monkeypatch.setattr(page, "read_all", lambda: {"cost": _record(), "links": _record(passed=False, section="Links")})
    assert page.main(["--check"]) == 1
    assert not page.PAGE.exists()
    assert page.main([]) == 1  # one has not passed
    assert "## Links" in page.PAGE.read_text(encoding="utf-8")
    said = capsys.readouterr().out
    assert "NOT PASSED" in said
    assert "before the course's last change" in said
    monkeypatch.setattr(page, "read_all", lambda: {"cost": _record(course=record.course())})
    assert page.main([]) == page.main(["--check"]) == 0
    assert "before the course's last change" not in capsys.readouterr().out


# Same everywhere: the cheap ones of what `make everywhere` tries. 04 is the shortest notebook.

SHORTEST = ["04_autograd"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A fresh checkout in a path with spaces and letters of four scripts."""
    return runs.fresh_checkout(tmp_path_factory.mktemp("proof") / everywhere.ODD_NAME)


def test_a_fresh_checkout_holds_what_git_hands_out(checkout):
    assert (checkout / "notebooks/04_autograd.ipynb").read_bytes() == NOTEBOOKS[3].read_bytes()
    assert (checkout / "data/drawn/MNIST/SHA256SUMS").exists()
    assert not (checkout / ".venv").exists()
    assert not [*checkout.glob("data/**/raw")]


@pytest.mark.skipif(os.name == "nt", reason="POSIX locales")
def test_odd_path_other_folder_and_c_locale(checkout, tmp_path):
    """The shortest notebook, strict, in an odd path, started elsewhere, where the encoding is ASCII."""
    variables = everywhere.locale_variables("C")
    result = runs.strict("all at once", checkout, SHORTEST, cwd=tmp_path, OMP_NUM_THREADS="1", **variables)
    assert not result.failures
    cells = nbformat.read(NOTEBOOKS[3], as_version=4).cells
    assert result.cells == sum(cell.cell_type == "code" for cell in cells)


LOADS = """
import torch
from torchvision import datasets
from helpers.data import dataset_root
from helpers.training import load_checkpoint, save_checkpoint

for name in ("FashionMNIST", "MNIST"):
    root = dataset_root(name)
    assert len(getattr(datasets, name)(root=root, train=False, download=True)) == 2000
model = torch.nn.Linear(2, 2)
optimizer = torch.optim.SGD(model.parameters())
save_checkpoint("run.pt", model, optimizer)
load_checkpoint("run.pt", model, optimizer)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX locales")
@pytest.mark.parametrize("locale", ["C", "de_DE.ISO-8859-1"])
def test_data_and_checkpoints_in_an_odd_path(checkout, tmp_path, locale):
    variables = everywhere.locale_variables(locale)
    if isinstance(variables, str):
        pytest.skip(variables)
    here = tmp_path / everywhere.ODD_NAME
    here.mkdir()
    program = [sys.executable, "-c", LOADS]
    environment = runs.surroundings(checkout, **variables, COURSE_DATA=str(here))
    run = subprocess.run(program, cwd=here, env=environment, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode("utf-8", "replace")
    assert (here / "run.pt").exists()
    assert len([*here.glob("drawn/*/raw/*")]) == 8


def _course_with(folder, *cells):
    """A checkout of the tests' own plugin, with one notebook of these cells: (source, output, tags)."""
    for name in (
        "pyproject.toml",
        "conftest.py",
        "tests/__init__.py",
        "tests/nbval_approx.py",
        "tests/nbval_sanitize.cfg",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    notebook = new_notebook(metadata={"kernelspec": KERNEL})
    for number, (source, text, *tags) in enumerate(cells, start=1):
        output = [nbformat.v4.new_output("stream", name="stdout", text=text)] if text else []
        cell = new_code_cell(source, id=f"the-cell-{number}", execution_count=number, outputs=output)
        cell.metadata.tags = tags
        notebook.cells.append(cell)
    (folder / "notebooks").mkdir()
    (folder / "notebooks/01_x.ipynb").write_text(normal(notebook), encoding="utf-8")
    return folder


def test_a_cell_that_differs_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "TRIES", ROOT / "build" / "proof")
    course = _course_with(tmp_path, ("print(1)", "1\n"), ("print(2)", "3\n"))
    result = runs.strict("a test of the proof", course, ["01_x"])
    assert (result.cells, len(result.failures)) == (2, 1)
    assert "Cell 1" in result.failures[0]
    assert runs.in_words([result]) == "Of 2 cells, 1 failed, in: a test of the proof."


def test_no_cell_is_no_proof(tmp_path):
    course = _course_with(tmp_path, ("print(1)", "1\n"))
    assert runs.strict("a test of the proof", course, ["01_x"], options=["--deselect", "notebooks"]).failures


# Any order


def test_a_cell_that_cannot_be_run_twice_is_noticed(tmp_path):
    course = _course_with(
        tmp_path,
        ("n = 1", ""),
        ("n += 1\nprint(n)", "2\n"),  # differs
        ("m = n\nprint(0)", "0\n"),
        ("# Run again, it adds one more.\nk = n + 1\nprint(k)", "4\n", "once"),
        ("import random\nrandom.seed(0)\nprint(random.random())", "0.8444218515250481\n"),
        ("print(random.random() < 2, random.random())", "True 0.420571580830845\n", "approx"),  # differs
    )
    result = runs.strict("a test of the proof", course, ["01_x"], options=["-p", "tools.proof.twice"])
    assert sorted(failure.split("Cell ")[1][0] for failure in result.failures) == ["1", "5"]


@posix_only
def test_an_interrupted_kernel_ends(tmp_path):
    course = _course_with(tmp_path, ("n = 1", ""), ("import time\ntime.sleep(60)", ""))
    started = time.perf_counter()
    assert orders.interrupt(course / "notebooks/01_x.ipynb", 1, 0.2, False, dict(os.environ)) == ""
    assert time.perf_counter() - started < 50


def test_which_notebooks_run_together(monkeypatch):
    def strict(setting, *_args, **_options):
        return runs.Result(setting, 1, (), 0)

    monkeypatch.setattr(orders, "strict", strict)
    plan = orders.Plan(tuple(runs.all_notebooks()), 1, 0)
    settings = [result.setting for result in orders.pairs(plan)]
    assert "02_datasets beside 06" in settings
    assert settings.count("06_quickstart beside 06") == 2
    assert len([setting for setting in settings if "all at once" in setting]) == len(NOTEBOOKS)


@pytest.fixture(scope="module")
def mirror():
    with kills.mirror() as address:
        yield address


@posix_only
@pytest.mark.parametrize("which", [0, 1, 2], ids=["unpacks", "downloads", "saves"])
def test_killed_at_random_moments(mirror, which):
    killed = kills.kill_at_random(kills.activities(mirror)[which], 3, seed=random.randrange(1000))
    assert killed.kills == 3
    assert not killed.faults


class _WritesInPlace(kills.Saves):
    def save(self, path, *_, epochs):
        content = str(epochs).encode() * 1000
        with path.open("wb", buffering=0) as file:
            for byte in content:
                file.write(bytes([byte]))
                time.sleep(1e-4)

    def faults(self, folder):
        if (folder / "checkpoint.pt").stat().st_size != 1000:
            yield "half-written"


class _LeavesRemains(kills.Saves):
    def save(self, path, *_, epochs):
        (path.parent / f".checkpoint.pt.{os.getpid()}").write_bytes(b"x")
        time.sleep(0.05)
        path.write_bytes(b"whole")

    def faults(self, folder):
        yield from ()


@posix_only
@pytest.mark.parametrize(
    ("activity", "fault"), [(_WritesInPlace(), "half-written"), (_LeavesRemains(), "after an hour there is still")]
)
def test_what_a_kill_leaves_is_noticed(activity, fault):
    killed = kills.kill_at_random(activity, 2, seed=0)
    assert any(fault in found for found in killed.faults)


def test_remains_of_a_checkpoint_go_when_they_are_old(tmp_path):
    model = training.nn.Linear(2, 2)
    optimizer = training.torch.optim.SGD(model.parameters())
    for name in (".run.pt.1", ".run.pt.2", ".run.pt.x", ".other.pt.1"):
        (tmp_path / name).write_bytes(b"half")
    long_ago = time.time() - 2 * training._ABANDONED_AFTER
    for name in (".run.pt.1", ".run.pt.x", ".other.pt.1"):
        os.utime(tmp_path / name, (long_ago, long_ago))
    training.save_checkpoint(tmp_path / "run.pt", model, optimizer)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.pt.1", ".run.pt.2", ".run.pt.x", "run.pt"]


# Safety


def test_every_test_of_safety_stands_in_one_row():
    """Those of the audit are about the command, and those of the class's results mostly about results."""
    beginnings = [beginning for names in safety.TOPICS.values() for beginning in names]
    for name in (name for name in vars(test_safety) if name.startswith("test_")):
        rows = [beginning for beginning in beginnings if name.removeprefix("test_").startswith(beginning)]
        assert len(rows) == (0 if "audit" in name else 1), name


def test_the_rows_of_safety():
    outcomes = [("a_mirror_x", "passed"), ("weights_from_y", "failed"), ("lab_z", "skipped"), ("audit", "failed")]
    table = {row["what"].split()[0]: [*row.values()][1:] for row in safety.rows(outcomes)}
    assert table["mirrors"] == [1, 0, 0]
    assert table["weights"] == [1, 1, 0]
    assert table["JupyterLab:"] == [0, 0, 1]


# The command lines


@pytest.mark.parametrize("command", [everywhere, orders])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["weather"], "Expected groups among"), (["--notebooks", "99"], "Expected the number of a notebook")],
)
def test_a_wrong_command_line(command, arguments, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


@pytest.fixture
def written(monkeypatch, tmp_path):
    """Where records go meanwhile."""
    monkeypatch.setattr(record, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(record, "TRIES", tmp_path / "tries")
    return lambda: {
        path.relative_to(tmp_path).as_posix(): json.loads(path.read_text()) for path in tmp_path.rglob("*.json")
    }


def test_a_group_writes_its_record(monkeypatch, written):
    def locales(plan):
        """Words."""
        yield runs.Result("locale C", 100, (), 3.0)
        yield everywhere.missing("locale tr_TR.UTF-8", "localedef is missing")

    monkeypatch.setitem(everywhere.GROUPS, "locales", (locales, "in other languages"))
    assert everywhere.main(["locales"]) == 0
    found = written()["records/everywhere-locales.json"]
    assert found["outcome"] == "All 100 cells gave the stored output."
    assert [row["setting"] for row in found["rows"]] == ["locale C", "locale tr_TR.UTF-8: localedef is missing"]
    assert everywhere.main(["locales", "--notebooks", "04"]) == 0
    assert written()["tries/everywhere-locales.json"]["tried"] == "1 notebooks, strict, in other languages."


def test_a_failed_group_says_so(monkeypatch, written):
    def alone(plan):
        """Words."""
        yield runs.Result("04 first", 100, ("FAILED 04",), 3.0)

    monkeypatch.setitem(orders.GROUPS, "alone", (alone, "Each of {notebooks} notebooks, {runs} run."))
    assert orders.main(["alone"]) == 1
    found = written()["records/orders-alone.json"]
    assert found["passed"] is False
    assert found["tried"] == "Each of 7 notebooks, 1 run."
    assert found["rows"] == [{"setting": "04 first", "cells": 100, "failed": 1, "seconds": 3}]


def test_what_cannot_be_tried_here_leaves_the_record_of_another_machine(monkeypatch, written):
    def gpu(plan):
        """Words."""
        yield everywhere.missing("an NVIDIA GPU", "none on this machine")

    monkeypatch.setitem(everywhere.GROUPS, "gpu", (gpu, "with an accelerator"))
    assert everywhere.main(["gpu"]) == 0
    assert not written()


def test_pythons_are_found():
    found = everywhere.find_pythons()
    wanted = ".".join(sys.version.split()[0].split(".")[:2])
    assert wanted in found
    for minor, (full, executable) in found.items():
        assert full.startswith(f"{minor}.")
        assert Path(executable).exists()


def test_a_locale_that_cannot_be_is_said():
    assert isinstance(everywhere.locale_variables("xx_XX.UTF-8"), str)
    assert everywhere.locale_variables("C")["LC_ALL"] == "C"
