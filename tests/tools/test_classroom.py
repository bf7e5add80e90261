"""Class work on nbgrader: what is given out, whose file is whose, what people hand in, and what it can do to others.

COURSE_SLOW=1 adds the course's own solutions of every notebook, and each kind of hostile notebook.
"""

import csv
import io
import json
import os
import subprocess
import sys
import zipfile

import nbformat
import pytest

from tools.classroom import confine
from tools.classroom.__main__ import main
from tools.classroom.assignments import assignment, gradebook
from tools.classroom.collect import UNKNOWN, EveryFile, Unpack
from tools.classroom.grades import fill_in
from tools.classroom.normalise import RefusedError, normalise
from tools.exercises import places
from tools.notebooks import NOTEBOOKS, ROOT

confined = pytest.mark.skipif(bool(confine.why_not_confined()), reason="bubblewrap does not work on this machine")
slow = pytest.mark.skipif("COURSE_SLOW" not in os.environ, reason="COURSE_SLOW is not set")
WEEK = "04_autograd"
PATH = next(path for path in NOTEBOOKS if path.stem == WEEK)
PLACES = {place.cell.id: place for place in places(PATH)}
STUBS = {name: place.cell.source for name, place in PLACES.items()}
ANSWERS = {
    name: place.solution.source.removeprefix("# Solution\n").replace(", solution=True", "")
    for name, place in PLACES.items()
}


def notebook(answers, *, first=""):
    """A small notebook as a learner hands it in: the imports, and the exercises with these answers."""
    imports = next(cell for cell in nbformat.read(PATH, 4).cells if cell.cell_type == "code")
    cells = [nbformat.v4.new_code_cell(f"{imports.source}\n{first}", id=imports.id)]
    cells += [nbformat.v4.new_code_cell(answers.get(name, stub), id=name) for name, stub in STUBS.items()]
    return nbformat.v4.new_notebook(cells=cells)


# What is given out


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_exercise_has_a_stub_a_solution_and_a_locked_test_worth_its_difficulty(path):
    made = {cell.id: cell for cell in assignment(path).cells}
    for place in places(path):
        answer, test = made[place.cell.id], made[place.cell.id.replace("-exercise", "-test")]
        stub, _, rest = answer.source.partition("### BEGIN SOLUTION\n")
        solution, _, call = rest.partition("\n### END SOLUTION")
        assert (stub + call).split() == place.cell.source.split()
        assert solution and solution in place.solution.source
        assert answer.metadata.nbgrader.solution and not answer.metadata.nbgrader.locked
        assert test.metadata.nbgrader.locked and test.metadata.nbgrader.points == place.exercise.difficulty
        compile(test.source, test.id, "exec")
        assert call.strip().replace("check.", "verdict = fresh_checks.") in test.source.splitlines()
        assert place.solution.id not in made


# Whose file is it?


@pytest.fixture(scope="module")
def rules():
    text = (ROOT / "tools" / "classroom" / "nbgrader_config.py").read_text(encoding="utf-8")
    start = text.index("c.EveryFile.rules = ") + len("c.EveryFile.rules = ")
    return eval(text[start:])


@pytest.mark.parametrize(
    ("name", "learner", "file"),
    [
        ("m/Anna Meier_1234501_assignsubmission_file_/04_autograd.ipynb", "1234501", "04_autograd.ipynb"),
        ("m/Anna Meier_1234777_assignsubmission_file_/04_autograd.ipynb", "1234777", "04_autograd.ipynb"),
        ("m/Teilnehmer_in_1234505_assignsubmission_file_/a/04.zip", "1234505", "a/04.zip"),
        ("m/O'Brien, Seán_1234507_assignsubmission_onlinetext/x.html", "1234507", "x.html"),
        ("c/meieranna2_51277_901299_04_autograd-1.ipynb", "51277", "04_autograd-1.ipynb"),
        ("c/leekim_LATE_51235_901235_04_autograd.ipynb", "51235", "late/04_autograd.ipynb"),
        ("c/de_la_cruzmaria_51239_901239_my work/b.ipynb", "51239", "my work/b.ipynb"),
        ("anna/04_autograd.ipynb", "anna", "04_autograd.ipynb"),
        ("Jürgen Groß_04_autograd (1).ipynb.txt", "Jürgen Groß", "04_autograd (1).ipynb.txt"),
        ("notes.pdf", UNKNOWN, "notes.pdf"),
        ("anna/.venv/lib/a.py", None, None),
        ("anna/.ipynb_checkpoints/04_autograd-checkpoint.ipynb", None, None),
    ],
)
def test_a_name_says_whose_file_it_is(rules, tmp_path, name, learner, file):
    found = EveryFile(rules=rules).collect(str(tmp_path / "extracted" / name))
    assert found == (learner and {"student_id": learner, "file_id": file})


def test_gradescope_says_in_a_file_of_its_own_whose_a_submission_is(rules, tmp_path):
    folder = tmp_path / "extracted" / "export"
    folder.mkdir(parents=True)
    (folder / "submission_metadata.yml").write_text(
        "submission_301:\n  :submitters:\n  - :name: Anna\n    :sid: '17'\n  :created_at: 2026-11-01 10:00:00\n"
    )
    found = [EveryFile(rules=rules).collect(str(folder / f"submission_{n}" / "04.ipynb")) for n in (301, 302)]
    assert found[0] == {"student_id": "17", "file_id": "04.ipynb", "timestamp": "2026-11-01 10:00:00"}
    assert found[1]["student_id"] == UNKNOWN


def zipped(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/"), data)
    return stream.getvalue()


def test_archives_within_archives_are_unpacked_and_one_damaged_stops_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr("tools.classroom.collect.MOST_BYTES", 10_000)
    source, target = tmp_path / "archive", tmp_path / "extracted"
    source.mkdir()
    inner = zipped(**{"04.ipynb": b"{}", ".venv__x.py": b"", "..__..__out.txt": b"x"})
    outer = zipped(**{"anna__a.zip": inner, "ben__b.zip": inner[:60], "zoe__z.ipynb": b"{}"})
    (source / "class.zip").write_bytes(outer)
    (source / "large.zip").write_bytes(zipped(big=b"0" * 20_000))
    Unpack().extract(str(source), str(target))
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} - {
        "archive/class.zip",
        "archive/large.zip",
    }
    inside = {"class/anna/a/04.ipynb", "class/anna/a/out.txt", "class/ben/b.zip", "class/zoe/z.ipynb", "large.zip"}
    assert files == {f"extracted/{name}" for name in inside}


# What people hand in


@pytest.fixture(scope="module")
def release():
    made = assignment(PATH)
    for cell in made.cells:
        if cell.id in STUBS:
            cell.source = STUBS[cell.id]
        if cell.id.endswith("-test"):
            cell.source = cell.source.partition("\n")[0]
    return made


def _cells(change):
    """A way to write a notebook whose cells were changed."""

    def write(made):
        change(made.cells)
        return json.dumps(made).encode()

    return write


def _lost_ids(cells):
    for cell in cells:
        del cell["id"]
        cell.metadata = {"id": "Xk3", "colab": {"base_uri": "https://localhost"}, "vscode": {"languageId": "python"}}


def _split(cells):
    above, _, call = cells[1].source.rpartition("\n")
    cells[1].source = above
    cells.insert(2, nbformat.v4.new_code_cell(call))


def _answered_below(cells):
    cells.insert(2, nbformat.v4.new_code_cell(cells[1].source))
    cells[1].source = STUBS[cells[1].id]


def _reordered(cells):
    cells[1:] = reversed(cells[1:])


def _with_outputs(cells):
    cells[1].outputs = [nbformat.v4.new_output("stream", text="x" * 21_000_000)]


def _with_solutions(cells):
    cells[2:2] = [nbformat.v4.new_code_cell(place.solution.source) for place in PLACES.values()]


def _format_3(made):
    cells = [{"cell_type": "code", "input": [cell.source], "outputs": [], "metadata": {}} for cell in made.cells]
    return json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3, "nbformat_minor": 0, "metadata": {}}).encode()


@pytest.mark.parametrize(
    "write",
    [
        lambda made: json.dumps(made).encode("utf-16"),
        lambda made: json.dumps(made, ensure_ascii=False).replace("import torch\n", "# Groß\\n", 1).encode("cp1252"),
        _format_3,
        _cells(_lost_ids),
        _cells(_split),
        _cells(_answered_below),
        _cells(lambda cells: cells.insert(2, nbformat.from_dict(cells[1]))),
        _cells(_reordered),
        _cells(lambda cells: cells.pop(0)),
        _cells(_with_outputs),
        _cells(_with_solutions),
    ],
    ids=["utf-16", "cp1252", "3", "ids", "split", "below", "copy", "reordered", "imports", "outputs", "solutions"],
)
def test_a_notebook_becomes_the_one_that_nbgrader_expects(tmp_path, release, write):
    path = tmp_path / "x.ipynb"
    path.write_bytes(write(notebook({"slope-exercise": ANSWERS["slope-exercise"]})))
    found = normalise(path, release)
    nbformat.validate(found.notebook)
    code = [cell for cell in found.notebook.cells if cell.cell_type == "code"]
    marked = [cell.metadata.nbgrader.grade_id for cell in code if "nbgrader" in cell.metadata]
    tests = [name for name in marked if name.endswith("-test")]
    assert sorted(tests) == sorted(name.replace("-exercise", "-test") for name in STUBS)
    assert len(set(marked)) == len(marked) and not any(cell.outputs for cell in code)
    # the learner's answer has run when the test does, and none of the course's own
    run = "\n".join(
        cell.source for cell in code[: code.index(next(c for c in code if "slope-test" in str(c.metadata)))]
    )
    assert "f(w).backward()" in run and "solution=True" not in run and "import" in run
    assert found.answered == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.7", "PDF"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"", "empty"),
        (b"\x81\x8d", "not text"),
        (b'{"cells": [{"cell_type": "co', "breaks off"),
        (b'{"cells": [\n<<<<<<< HEAD\n{}\n=======\n>>>>>>> x\n]}', "conflict"),
        (b'{"a": 1}', "not a notebook"),
        (b"[" * 100_000, "not a notebook"),
        (b"https://colab.example/1", "not a notebook"),
        (b'{"cells": [{"cell_type": "code", "source": "x = 1"}]}', "none of this assignment"),
    ],
)
def test_what_is_no_notebook_of_the_assignment_is_refused_in_words(tmp_path, release, data, reason):
    path = tmp_path / "x.ipynb"
    path.write_bytes(data)
    with pytest.raises(RefusedError, match=reason):
        normalise(path, release)


# A class, through the commands


def nbgrader(folder, *arguments):
    subprocess.run([sys.executable, "-m", "nbgrader", *arguments], cwd=folder, check=True, capture_output=True)


def class_of(folder, people):
    assert main(["--folder", str(folder), "release", WEEK[:2]]) == 0
    with gradebook(folder) as known:
        for learner in people:
            known.add_student(learner, last_name=f"={learner}")
    return folder


def graded(folder, *options):
    assert main(["--folder", str(folder), "autograde", WEEK, *options]) == 0
    assert main(["--folder", str(folder), "export", WEEK]) == 0
    with (folder / "grades" / f"{WEEK}.csv").open(encoding="utf-8-sig", newline="") as stream:
        return {row["id"]: row for row in csv.DictReader(stream)}


def test_where_nothing_can_be_confined_nothing_is_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(confine.shutil, "which", lambda name: None)
    assert main(["--folder", str(tmp_path), "autograde", WEEK]) == 2
    assert "--unconfined" in capsys.readouterr().err


@confined
def test_a_class_from_release_to_export(tmp_path, capsys):
    folder = class_of(tmp_path, ["101", "102", "103", "104", "105"])
    released = nbformat.read(folder / "release" / WEEK / f"{WEEK}.ipynb", 4)
    text = "\n".join(cell.source for cell in released.cells)
    assert "HIDDEN" not in text and "fresh_checks" not in text and ANSWERS["slope-exercise"] not in text
    fooling = (
        "import builtins, sys, helpers.checks.autograd, helpers.checks.core as core\n"
        "class Yes:\n    passed = True\n    def __getattr__(self, name): return lambda *a: Yes()\n"
        "core.Exercise.__call__ = lambda *a, **k: Yes()\nsys.modules['helpers.checks.autograd'] = Yes()\n"
        f"open({str(folder / 'gradebook.db')!r}, 'w')"
    )
    archive = folder / "downloaded" / WEEK / "archive"
    archive.mkdir(parents=True)
    handed_in = {
        "Anna Meier_101_assignsubmission_file_/w.zip": zipped(**{"a.ipynb": json.dumps(notebook(ANSWERS)).encode()}),
        "Anna Meier_102_assignsubmission_file_/a.ipynb": json.dumps(notebook({"slope-exercise": fooling})),
        "Eve_103_assignsubmission_file_/a.ipynb": json.dumps(notebook({}, first="import os; os._exit(1)")),
        "Ben_104_assignsubmission_file_/a.pdf": "%PDF",
        "Nobody_999_assignsubmission_file_/a.ipynb": "{}",
    }
    (archive / "moodle.zip").write_bytes(zipped(**handed_in))
    nbgrader(folder, "zip_collect", WEEK)
    rows = graded(folder)
    most = sum(place.exercise.difficulty for place in PLACES.values())
    assert {learner: row["state"] for learner, row in rows.items()} == {
        "101": "graded",
        "102": "graded",
        "103": "stopped",
        "104": "refused",
        "105": "missing",
        "999": "not on the roster",
    }
    assert (float(rows["101"]["points"]), float(rows["101"]["of"]), rows["101"]["reason"]) == (most, most, "")
    assert float(rows["102"]["points"]) == 0 and "4.1" in rows["102"]["reason"]
    assert rows["101"]["last_name"] == "'=101" and "PDF" in rows["104"]["reason"]

    capsys.readouterr()
    place = folder / "submitted" / "104" / WEEK / "a.ipynb"
    place.write_text(json.dumps(notebook({"slope-exercise": ANSWERS["slope-exercise"]})))
    assert float(graded(folder)["104"]["points"]) == 1
    looked_at = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert "104" in looked_at and not {"101", "102", "103"} & looked_at  # only what is new

    worksheet = folder / "worksheet.csv"
    worksheet.write_text("Identifier,Full name,Grade\nParticipant 101,Anna Meier,\nParticipant 105,Zoe,7\n")
    filled = fill_in(folder, WEEK, worksheet, "Grade").read_text(encoding="utf-8-sig")
    assert filled.splitlines()[1:] == [f"Participant 101,Anna Meier,{most:.1f}", "Participant 105,Zoe,7"]


HOSTILE = {
    "endless": ("while True:\n    pass", "graded"),
    "stubborn": ("while True:\n    try:\n        while True: pass\n    except BaseException: pass", "stopped"),
    "memory": ("keep = []\nwhile True: keep.append(bytearray(2**28))", "graded"),
    "memories": (
        "import os, time\nfor _ in range(5):\n    if not os.fork():\n        b = b'x' * 2**30; time.sleep(60)",
        "stopped",
    ),
    "fork": ("import os\nwhile True: os.fork()", "stopped"),
    "flood": ("while True: print('x' * 10**6)", "stopped"),
    "input": ("input()", "graded"),
    "pip": ("!pip install torch", "graded"),
    "outside": ("open('/usr/x', 'w')", "graded"),
    "network": ("import socket; socket.create_connection(('192.0.2.1', 80), 5); slope = None", "graded"),
}


@slow
@confined
def test_each_hostile_notebook_costs_only_its_own_row(tmp_path):
    folder = class_of(tmp_path, [*HOSTILE, "zoe"])
    settings = folder / "nbgrader_config.py"
    settings.write_text(settings.read_text() + "\nc.Execute.timeout = 15\n")
    for name, (code, _) in {**HOSTILE, "zoe": ("", "")}.items():
        place = folder / "submitted" / name / WEEK / "a.ipynb"
        place.parent.mkdir(parents=True)
        hostile = {**ANSWERS, "slope-exercise": f"{code}\n\ncheck.slope(slope)"} if code else ANSWERS
        place.write_text(json.dumps(notebook(hostile)))
    rows = graded(folder)
    most = float(rows["zoe"]["of"])
    assert float(rows["zoe"]["points"]) == most
    for name, (_, state) in HOSTILE.items():
        assert rows[name]["state"] == state, rows[name]
        assert state == "stopped" or float(rows[name]["points"]) == most - 1, rows[name]


@slow
@confined
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_courses_own_solutions_get_all_points(tmp_path, path):
    assert main(["--folder", str(tmp_path), "release", path.name[:2]]) == 0
    with gradebook(tmp_path) as known:
        known.add_student("anna")
    place = tmp_path / "submitted" / "anna" / path.stem
    place.mkdir(parents=True)
    nbformat.write(assignment(path), place / path.name)
    assert main(["--folder", str(tmp_path), "autograde", path.stem]) == 0
    assert main(["--folder", str(tmp_path), "export", path.stem]) == 0
    with (tmp_path / "grades" / f"{path.stem}.csv").open(encoding="utf-8-sig", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row["points"] == f"{float(row['of'])}", row
