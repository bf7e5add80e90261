"""The proof: the page says what the records say, and the commands notice what they are there to notice."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from helpers import training
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
        assert page.PROMISED[name] == (found["section"], found["command"])
        assert found["passed"], name
        assert {"tried", "rows", "outcome", "passed", "command", "seconds", "machine", "course", "date"} <= found.keys()


def test_a_record_comes_back_with_machine_course_and_date(tmp_path):
    path = record.write("cost-of-all", **FACTS, rows=[{"notebook": "04", "MiB": 771}], records=tmp_path)
    (name, found), *_ = record.read_all(tmp_path).items()
    assert (name, path.name) == ("cost-of-all", "cost-of-all.json")
    assert found["rows"] == [{"notebook": "04", "MiB": 771}]
    assert found["seconds"] == 12
    assert found["course"] == record.course("cost-of-all")
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
    for name in ("notebooks/01_x.ipynb", "helpers/data.py", "tests/test_a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one\n")
    before = {name: record.course(name, tmp_path) for name in ("cost", "mutants", "peers-epoch")}

    def changed():
        return [name for name, digits in before.items() if record.course(name, tmp_path) != digits]

    (tmp_path / "helpers/data.py").write_bytes(b"one\r\n")  # as Windows checks it out
    assert changed() == []
    (tmp_path / "tests/test_a.py").write_text("two\n")
    assert changed() == ["mutants"]
    (tmp_path / "notebooks/01_x.ipynb").write_text("two\n")
    assert changed() == ["cost", "mutants"]
    (tmp_path / "helpers/data.py").write_text("two\n")
    assert changed() == ["cost", "mutants", "peers-epoch"]


def test_every_record_has_a_promise_and_every_promise_a_section():
    assert {section for section, _ in page.PROMISED.values()} == set(page.SECTIONS)
    assert record.ABOUT.keys() <= page.PROMISED.keys()
    for name, patterns in record.ABOUT.items():
        assert all([*ROOT.glob(pattern)] for pattern in patterns), name
    for name, file in (
        ("cost", "helpers/widgets/panel.py"),
        ("everywhere-cpu", "tests/nbval_approx.py"),
        ("links-inside", "README.md"),
        ("mutants", "tools/proof/faults.py"),
        ("mutation-score", "tests/test_data.py"),
        ("peers-epoch", "helpers/training.py"),
        ("prose", "tests/prose.json"),
        ("safety", "tools/results/confine.py"),
    ):
        assert any(ROOT / file in ROOT.glob(pattern) for pattern in record.ABOUT.get(name, record.PROVEN)), name


def _record(**changes):
    machine = {"processor": "P", "cores": "2", "memory": "24 GiB", "system": "S", "python": "3.11", "torch": "2.15"}
    return {**FACTS, "seconds": 12, "rows": [], "machine": machine, "course": "0", "date": "2026-01-02", **changes}


def test_the_page_shows_each_record():
    other = {**_record()["machine"], "python": "3.10"}
    text = page.render(
        {
            "cost": _record(rows=[{"notebook": "04", "MiB": 1234.5}], seconds=300, course=record.course("cost")),
            "everywhere-cpu": _record(section="Same everywhere", passed=False, outcome="Two failed.", machine=other),
        }
    )
    assert text.index("## Same everywhere") < text.index("## Cost") < text.index("## The machines")
    assert "Seven notebooks were run. **Not passed.** Two failed." in text
    assert "| notebook | MiB |\n| --- | ---: |\n| 04 | 1,234 |" in text
    assert "*`make cost`, 2026-01-02, 5 min, machine 2*" in text
    assert "*`make cost`, 2026-01-02, 12 s, machine 1; before the last change of what it is about*" in text
    assert "**Not tried yet:** `make cost`" not in text
    assert "**Not tried yet:** `make kills`." in text
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
    assert "before the last change of what it is about" in said
    assert "mutants                 not tried yet: make mutants" in said
    monkeypatch.setattr(page, "read_all", lambda: {"cost": _record(course=record.course("cost"))})
    assert page.main([]) == page.main(["--check"]) == 0
    assert "before the last change of what it is about" not in capsys.readouterr().out


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


@pytest.mark.parametrize("left_out", ["notebooks", "notebooks/01_x.ipynb::Cell 1"])
def test_a_cell_that_is_not_compared_is_no_proof(tmp_path, left_out):
    course = _course_with(tmp_path, ("print(1)", "1\n"), ("print(2)", "2\n"))
    result = runs.strict("a test of the proof", course, ["01_x"], options=["--deselect", left_out])
    assert len(result.failures) == 1
    assert result.cells == 0 or result.failures == ("1 cells were compared, not 2",)


def test_every_notebook_in_another_folder_is_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "TRIES", ROOT / "build" / "proof")
    course, away = _course_with(tmp_path / "course", ("print(1)", "1\n")), tmp_path / "away"
    away.mkdir()
    (course / "notebooks").rename(away / "notebooks")
    first = away / "notebooks/01_x.ipynb"
    (away / "notebooks/02_x.ipynb").write_text(first.read_text(encoding="utf-8").replace('"1\\n"', '"2\\n"'))
    plan = everywhere.Plan(("01_x", "02_x"), 2, 1, tmp_path)
    result = everywhere.away_from_home("a test of the proof", course, away, plan)
    assert (result.cells, len(result.failures)) == (2, 1)


def test_nothing_that_the_shell_has_set_gets_into_a_run(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--nbval-lax")
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    assert "MKL_CBWR" not in runs.surroundings(tmp_path)
    course = _course_with(tmp_path, ("print(1)", "2\n"))
    assert runs.strict("a test of the proof", course, ["01_x"]).failures


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
    assert orders.interrupt(course / "notebooks/01_x.ipynb", 1, 0.2, False, dict(os.environ)) is True
    assert time.perf_counter() - started < 50
    assert orders.interrupt(course / "notebooks/01_x.ipynb", 0, 2, True, dict(os.environ)) is False  # it has ended


@posix_only
def test_an_interrupt_counts_only_after_cells_that_hold(tmp_path):
    course = _course_with(tmp_path, ("1 / 0", "", "raises-exception"), ("2 / 0", ""), ("n = 1", ""))
    path = course / "notebooks/01_x.ipynb"
    assert orders.interrupt(path, 1, 2, True, dict(os.environ)) is False
    with pytest.raises(RuntimeError, match="the-cell-2 failed before the interrupt: division by zero"):
        orders.interrupt(path, 2, 0, True, dict(os.environ))


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
    """Of every file that the command runs; and no row waits for a test that is gone."""
    beginnings = [beginning for topic in safety.TOPICS.values() for kind in topic for beginning in kind]
    text = "\n".join((ROOT / path).read_text(encoding="utf-8") for path in safety.TESTS)
    names = re.findall(r"^ *def test_(\w+)", text, re.MULTILINE)
    rows = {name: [beginning for beginning in beginnings if name.startswith(beginning)] for name in names}
    assert {name: found for name, found in rows.items() if len(found) != 1} == {}
    assert {found for (found,) in rows.values()} == {*beginnings}


def test_the_rows_of_safety():
    outcomes = [("a_mirror_x", "passed"), ("weights_from_y", "failed"), ("lab_wants_z", "skipped"), ("w", "failed")]
    outcomes += [("the_watch_x", "failed"), ("the_watch_y", "passed"), ("each_wall[a]", "failed")]
    table = {row["what"].split()[-1]: [*row.values()][1:] for row in safety.rows(outcomes)}
    assert table["elsewhere"] == [1, 0, 0, 0, 0]
    assert table["them"] == [1, 1, 0, 0, 0]
    assert table["alone"] == [0, 0, 0, 0, 1]
    assert table["widgets"] == [0, 0, 2, 1, 0]
    assert table["end"] == [1, 1, 0, 0, 0]


def _all_passed():
    """One test for each beginning of a name."""
    return {beginning: "passed" for topic in safety.TOPICS.values() for kind in topic for beginning in kind}


@pytest.mark.parametrize(
    ("name", "outcome", "said"),
    [
        ("a_mirror", "passed", "None got through; of the other tests none failed."),
        ("each_wall[x]", "failed", "1 got through; of the other tests none failed."),
        ("the_watch", "failed", "None got through; of the other tests 1 failed."),
        ("what_stands_in_no_row", "failed", "None got through; of the other tests 1 failed."),
    ],
)
def test_no_failure_of_safety_is_dropped(monkeypatch, written, name, outcome, said):
    monkeypatch.setattr(safety, "run_tests", lambda: [*_all_passed().items(), (name, outcome)])
    assert safety.main([]) == (outcome == "failed")
    found = written()["records/safety.json"]
    assert (found["outcome"], found["passed"]) == (said, outcome == "passed")


def test_a_topic_of_safety_without_attempts_is_not_passed(monkeypatch, written):
    outcomes = _all_passed() | {"widgets_run": "skipped"}
    monkeypatch.setattr(safety, "run_tests", lambda: [*outcomes.items()])
    assert safety.main([]) == 1
    assert "not tried here: programs typed into widgets." in written()["records/safety.json"]["outcome"]


def test_safety_believes_its_tests_only_where_pytest_came_to_its_end(monkeypatch, tmp_path):
    path = tmp_path / "test_x.py"
    monkeypatch.setattr(safety, "TESTS", (str(path),))
    path.write_text("def test_a(): pass\ndef test_b(): assert False\ndef test_c(absent): pass\n")
    assert safety.run_tests() == [("a", "passed"), ("b", "failed"), ("c", "failed")]
    for broken in ("def test_a(:", "import os\ndef test_a(): os._exit(0)", ""):
        path.write_text(broken)
        with pytest.raises(SystemExit, match="Nothing is recorded"):
            safety.run_tests()


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
    found = written()["tries/everywhere-locales.json"]  # not all of it: the page keeps what it has
    said = "All 100 cells gave the stored output. Not tried: locale tr_TR.UTF-8 (localedef is missing)."
    assert found["outcome"] == said
    assert [row["setting"] for row in found["rows"]] == ["locale C"]
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
