"""The deliberate faults of `make mutants` still apply, and the command tells a caught one from a survivor."""

import json
from pathlib import Path

import nbformat
import pytest

from tools.notebooks import NOTEBOOKS
from tools.proof import mutants, mutation_score, record
from tools.proof.faults import AREAS, FAULTS, KINDS, OTHER, Fault
from tools.proof.mutants import ROOT, Copies, DoesNotApplyError, apply, changed_cell


@pytest.fixture(scope="module")
def notebooks():
    return {f"notebooks/{path.name}": nbformat.read(path, as_version=4) for path in NOTEBOOKS}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.file}-{fault.cell}-{fault.name}")
def test_each_fault_still_applies(fault, notebooks):
    if fault.cell:
        assert fault.new in changed_cell(fault, notebooks[fault.file])[2]
    else:
        assert fault.new in apply(fault, ROOT)
    files = fault.tests.partition(" -k ")[0].split()
    assert files
    assert all((ROOT / file).is_file() for file in files)


def test_there_are_enough_faults():
    assert len(FAULTS) >= 200
    assert len({(fault.file, fault.cell, fault.name) for fault in FAULTS}) == len(FAULTS)
    assert {fault.kind for fault in FAULTS} == {*KINDS, OTHER}
    assert OTHER not in {fault.kind for fault in FAULTS if ":" in fault.name}  # a kind misspelt
    assert {fault.area for fault in FAULTS} == set(AREAS)


@pytest.mark.parametrize("kind", ["no zero_grad", "no eval", "mean of batch means", "shuffled labels", "swapped axes"])
def test_what_learners_get_wrong_is_tried_in_helpers_and_notebooks(kind):
    assert {fault.area for fault in FAULTS if fault.kind == kind} >= {"helpers", "notebooks"}


def test_a_wrong_hint_is_tried_in_the_checks_of_each_notebook():
    books = {path for path in (ROOT / "helpers" / "checks").glob("*.py") if "\nbook = Book(" in path.read_text("utf-8")}
    assert len(books) == len(NOTEBOOKS)
    assert {ROOT / fault.file for fault in FAULTS if fault.kind == "wrong hint"} >= books


@pytest.mark.parametrize("kind", ["changed figure", "changed digit", "changed word", "prose number"])
def test_what_a_reader_sees_is_changed_in_each_notebook(kind):
    assert {ROOT / fault.file for fault in FAULTS if fault.kind == kind} == set(NOTEBOOKS)


def test_there_are_faults_in_each_helper():
    modules = {path for path in (ROOT / "helpers").rglob("*.py") if path.name != "__init__.py"}
    assert not modules - {ROOT / fault.file for fault in FAULTS}


SUM = Fault("a minus", "helpers/add.py", "a + b", "a - b", "tests/test_add.py")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one function and one test."""
    files = {
        "helpers/add.py": "def add(a, b):\n    return a + b  # a plus b\n",
        "tests/test_add.py": "from helpers.add import add\n\n\ndef test_add():\n    assert add(2, 0) == 2\n",
        "tests/test_more.py": "from helpers.add import add\n\n\ndef test_more():\n    assert add(2, 1) == 3\n",
        "tests/test_broken.py": "def test_broken():\n    assert False\n",
    }
    for name, text in files.items():
        path = tmp_path / "course" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(mutants, "ROOT", tmp_path / "course")
    monkeypatch.setattr(mutants, "_COPIED", ("helpers", "tests"))
    (tmp_path / "copies").mkdir()
    return tmp_path / "course"


def test_a_fault_is_caught_or_survives_and_the_course_stays_as_it_is(course, tmp_path):
    copies = Copies(tmp_path / "copies", workers=1)
    survivor, caught = copies.judge(SUM), copies.judge(SUM._replace(tests="tests/test_more.py"))
    assert (survivor.caught, survivor.by) == (False, "SURVIVED")  # 2 - 0 is 2 as well
    assert (caught.caught, caught.by) == (True, "tests/test_more.py::test_more")
    assert copies.judge(SUM).by == "SURVIVED"  # the fault before has been taken out again
    broken = copies.judge(SUM._replace(tests="tests/test_broken.py"))
    assert not broken.caught
    assert broken.by.startswith("NOT TRIED: its tests fail without it (tests/test_broken.py::test_broken")
    assert "a + b" in (course / "helpers" / "add.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("change", [{"old": "a * b"}, {"old": "a"}, {"new": "a + b"}, {"file": "helpers/sub.py"}])
def test_a_fault_that_no_longer_applies_says_so(course, change):
    with pytest.raises(DoesNotApplyError, match="'a minus'"):
        apply(SUM._replace(**change), course)


def test_tests_that_do_not_exist_are_no_catch(course, tmp_path):
    with pytest.raises(RuntimeError, match="Expected tests"):
        Copies(tmp_path / "copies", workers=1).judge(SUM._replace(tests="tests/test_gone.py"))


def test_faults_are_chosen_by_words(capsys):
    assert all("zero_grad" in fault.name or "training" in fault.file for fault in mutants.chosen(["zero_grad"]))
    assert mutants.main(["--list", "guard.py"]) == 0
    assert "helpers/checks/guard.py: guard switched off" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        mutants.main(["no-such-word"])


def test_a_score_counts_what_was_tried_and_names_the_survivors():
    stats = {"killed": 7, "timeout": 1, "survived": 2, "no_tests": 0, "suspicious": 0, "segfault": 0, "total": 20}
    results = "    helpers.x.one: survived\n    helpers.x.two: not checked\n    helpers.x.three: survived\n"
    ended = {"helpers.x.one": 0, "helpers.x.two": None, "helpers.x.four": 1}
    score = mutation_score.read_score("helpers/x.py", stats, results, ended)
    assert (score.known, score.tried, score.noticed, score.endless, score.share) == (20, 10, 8, 1, 80.0)
    assert score.survivors == ["helpers.x.one", "helpers.x.three"]
    with pytest.raises(RuntimeError, match=r"find the tests chosen for helpers\.x\.four and 0 more"):
        mutation_score.read_score("helpers/x.py", stats, results, ended | {"helpers.x.four": 255})


@pytest.mark.parametrize(
    ("tried", "noticed", "where"),
    [(100, 80, "records"), (100, 79, "records"), (99, 99, "tries")],  # the last one tried a part
)
def test_a_low_score_has_not_passed_and_a_part_is_no_proof(monkeypatch, tmp_path, tried, noticed, where):
    score = mutation_score.Score("helpers/x.py", 100, tried, noticed, 0, [])
    passed = noticed >= 80
    monkeypatch.setattr(mutation_score, "MODULES", {"helpers/x.py": "tests/test_x.py"})
    monkeypatch.setattr(mutation_score, "environment", Path)
    monkeypatch.setattr(mutation_score, "run_mutmut", lambda *_: score)
    monkeypatch.setattr(record, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(record, "TRIES", tmp_path / "tries")
    assert mutation_score.main([]) == int(not passed)
    assert json.loads((tmp_path / where / "mutation-score.json").read_text(encoding="utf-8"))["passed"] is passed


def test_the_mutation_tester_is_bounded_and_knows_its_modules():
    for module, tests in mutation_score.MODULES.items():
        assert all((ROOT / file).is_file() for file in (module, *tests.split()))
    lines = (ROOT / "tools" / "proof" / "requirements-mutation.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["mutmut>=3.8,<4"]
    with pytest.raises(SystemExit):
        mutation_score.main(["no-such-module"])
