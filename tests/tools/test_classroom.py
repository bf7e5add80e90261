"""Class work on nbgrader: what is given out, whose file is whose, what people hand in, and what it can do to others.

COURSE_SLOW=1 adds the course's own solutions of every notebook, and each kind of hostile notebook.
"""

import io
import json
import os
import socket
import subprocess
import sys
import zipfile

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools import NOTEBOOKS, ROOT
from tools.classroom import confine
from tools.classroom.__main__ import main
from tools.classroom.assignments import assignment, gradebook
from tools.classroom.collect import LATE, UNKNOWN, EveryFile, Unpack
from tools.classroom.grades import _failures, read_table
from tools.classroom.normalise import RefusedError, normalise
from tools.exercises import places

confined = pytest.mark.skipif(bool(confine.why_not_confined()), reason="bubblewrap does not work on this machine")
slow = pytest.mark.skipif("COURSE_SLOW" not in os.environ, reason="COURSE_SLOW is not set")
WEEK = "04_autograd"
PATH = next(path for path in NOTEBOOKS if path.stem == WEEK)
PLACES = {place.cell.id: place for place in places(PATH)}
MOST = sum(place.exercise.difficulty for place in PLACES.values())
SOLUTIONS = {name: place.solution.source for name, place in PLACES.items()}
ANSWERS = {name: solution.replace(", solution=True", "") for name, solution in SOLUTIONS.items()}
IMPORTS = next(cell for cell in nbformat.read(PATH, 4).cells if cell.cell_type == "code")
SLOPE = "slope-exercise"


def handed_in(**answers):
    """A small notebook: the imports, and the exercises, with these answers by the first word of their ids."""
    cells = [new_code_cell(IMPORTS.source, id=IMPORTS.id)]
    for name, place in PLACES.items():
        cells.append(new_code_cell(answers.get(name.partition("-")[0], place.cell.source), id=name))
    return new_notebook(cells=cells)


def solved(**answers):
    return handed_in(**{name.partition("-")[0]: answer for name, answer in ANSWERS.items()} | answers)


def zipped(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data if isinstance(data, bytes | str) else json.dumps(data))
    return stream.getvalue()


# What is given out


def test_an_exercise_has_a_stub_a_solution_and_a_locked_test_worth_its_difficulty(path):
    made = {cell.id: cell for cell in assignment(path).cells}
    for place in places(path):
        answer, test = made[place.cell.id], made[place.cell.id.replace("-exercise", "-test")]
        stub, _, rest = answer.source.partition("### BEGIN SOLUTION\n")
        solution, _, call = rest.partition("\n### END SOLUTION")
        assert (stub + call).split() == place.cell.source.split()
        assert place.solution.source.startswith(f"# Solution\n{solution}")
        assert (answer.metadata.nbgrader.solution, answer.metadata.nbgrader.locked) == (True, False)
        assert (test.metadata.nbgrader.locked, test.metadata.nbgrader.points) == (True, place.exercise.difficulty)
        assert call.strip().replace("check.", "verdict = fresh_checks.") in test.source.splitlines()
        assert place.solution.id not in made


# Whose file is it?


@pytest.fixture(scope="module")
def collector():
    text = (ROOT / "tools" / "classroom" / "nbgrader_config.py").read_text(encoding="utf-8")
    return EveryFile(rules=eval(text.partition("c.EveryFile.rules = ")[2]))


@pytest.mark.parametrize(
    ("name", "learner"),
    [
        ("m/Anna Meier_1234501_assignsubmission_file_/04_autograd.ipynb", "1234501"),
        ("m/Teilnehmer_in_1234505_assignsubmission_file_/a/04.zip", "1234505"),
        ("m/O'Brien, Seán_1234507_assignsubmission_onlinetext/x.html", "1234507"),
        ("c/meieranna2_51277_901299_04_autograd-1.ipynb", "51277"),
        ("c/leekim_LATE_51235_901235_04_autograd.ipynb", "51235"),
        ("c/de_la_cruzmaria_51239_901239_my work/b.ipynb", "51239"),
        ("anna/04_autograd.ipynb", "anna"),
        ("Jürgen Groß_04_autograd (1).ipynb.txt", "Jürgen Groß"),
        ("notes.pdf", UNKNOWN),
        ("anna/.venv/lib/a.py", None),
        ("anna/.ipynb_checkpoints/04_autograd-checkpoint.ipynb", None),
    ],
)
def test_a_name_says_whose_file_it_is(collector, tmp_path, name, learner):
    found = collector.collect(str(tmp_path / "extracted" / name))
    assert found == (learner and {"student_id": learner, "file_id": f"{LATE}/{name}" if "_LATE" in name else name})


def test_gradescope_says_in_a_file_of_its_own_whose_a_submission_is(collector, tmp_path):
    folder = tmp_path / "extracted" / "export"
    folder.mkdir(parents=True)
    (folder / "submission_metadata.yml").write_text(
        "submission_301:\n  :submitters:\n  - :name: Anna\n    :sid: '17'\n  :created_at: 2026-11-01 10:00:00\n"
    )
    found = [collector.collect(str(folder / f"submission_{number}" / "04.ipynb")) for number in (301, 302)]
    assert (found[0]["student_id"], found[0]["timestamp"]) == ("17", "2026-11-01 10:00:00")
    assert found[1] == {"student_id": UNKNOWN, "file_id": "export/submission_302/04.ipynb"}


def unpacked(folder, files):
    """The folder into which nbgrader's zip_collect unpacks these archives."""
    (folder / "archive").mkdir()
    for name, content in files.items():
        (folder / "archive" / name).write_bytes(zipped(content))
    Unpack().extract(str(folder / "archive"), str(folder / "extracted"))
    return folder / "extracted"


def test_archives_within_archives_are_unpacked_and_a_damaged_or_huge_one_stops_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr("tools.classroom.collect.MOST_BYTES", 10_000)
    inner = zipped({"04.ipynb": "{}", ".venv/x.py": "", "../../out.txt": "x"})
    of_class = {"anna/a.zip": inner, "ben/b.zip": inner[:60], "zoe/z.ipynb": "{}"}
    unpacked(tmp_path, {"a_huge.zip": {"zeros": b"0" * 20_000}, "class.zip": of_class})
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    wanted = {"class/anna/a/04.ipynb", "class/ben/b.zip", "class/zoe/z.ipynb", "a_huge.zip"}
    assert files - {"archive/class.zip", "archive/a_huge.zip"} == {f"extracted/{name}" for name in wanted}


def test_the_name_of_an_only_archive_is_nobodys(collector, tmp_path):
    files = {"zoe/work.ipynb": "{}", "anna_04_autograd.ipynb": "{}", "ben.zip": zipped({"all.zip": "", "a.ipynb": ""})}
    found = sorted(unpacked(tmp_path, {"all.zip": files}).rglob("*.ipynb"))
    assert [collector.collect(str(path))["student_id"] for path in found] == ["anna", "ben", "zoe"]


# What people hand in


@pytest.fixture(scope="module")
def release():
    made = assignment(PATH)
    for cell in made.cells:
        cell.source = PLACES[cell.id].cell.source if cell.id in PLACES else cell.source.partition("### BEGIN")[0]
    return made


def lost_ids(cells):
    for cell in cells:
        del cell["id"]
        cell.metadata = {"id": "Xk3", "colab": {"base_uri": "https://localhost"}, "vscode": {"languageId": "python"}}


def split(cells):
    cells[1].source, _, call = cells[1].source.rpartition("\n")
    cells.insert(2, new_code_cell(call))


def answered_below(cells):
    cells.insert(2, new_code_cell(cells[1].source))
    cells[1].source = PLACES[SLOPE].cell.source


def with_solutions(cells):
    cells[2:2] = [new_code_cell(solution) for solution in SOLUTIONS.values()]


def in_format_3(cells):
    old = [{"cell_type": "code", "input": [cell.source], "outputs": [], "metadata": {}} for cell in cells]
    return json.dumps({"worksheets": [{"cells": old}], "nbformat": 3, "metadata": {}}).encode()


def in_windows_1252(cells):
    cells[0].source += "\n# Lösung von Jürgen Groß"
    return json.dumps({"cells": cells}, ensure_ascii=False).encode("cp1252")


CHANGES = {
    **{change.__name__: change for change in (lost_ids, split, answered_below, with_solutions)},
    "copied": lambda cells: cells.insert(2, new_code_cell(PLACES[SLOPE].cell.source, id=SLOPE)),  # below the answer
    "reordered": lambda cells: cells.reverse(),
    "without_imports": lambda cells: cells.remove(cells[0]),
    "with_outputs": lambda cells: cells[1].update(outputs=[new_output("stream", text="x" * 21_000_000)]),
    "in_format_3": in_format_3,
    "in_utf_16": lambda cells: json.dumps({"cells": cells}).encode("utf-16"),
    "in_windows_1252": in_windows_1252,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_notebook_becomes_the_one_that_nbgrader_expects(tmp_path, release, change):
    made = handed_in(slope=ANSWERS[SLOPE])
    path = tmp_path / "x.ipynb"
    path.write_bytes(change(made.cells) or json.dumps(made).encode())
    found = normalise(path, release)
    nbformat.validate(found.notebook)
    assert found.answered == 1
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in found.notebook.cells]
    assert sorted(filter(None, names)) == sorted([*PLACES, *(name.replace("-exercise", "-test") for name in PLACES)])
    # before the test the learner's answer has run, and none of the course's own
    run = "\n".join(cell.source for cell in found.notebook.cells[: names.index("slope-test")])
    assert (IMPORTS.source in run, "f(w).backward()" in run, "solution=True" in run) == (True, True, False)
    assert not any(cell.outputs for cell in found.notebook.cells)


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
    (tmp_path / "x.ipynb").write_bytes(data)
    with pytest.raises(RefusedError, match=reason):
        normalise(tmp_path / "x.ipynb", release)


def test_the_reason_for_no_points_is_the_error_of_the_answer_itself():
    names = {"answer": ("SyntaxError", True), "the-test": ("NameError", False)}
    cells = [
        new_code_cell(
            outputs=[new_output("error", ename=error, evalue="bad", traceback=[])],
            metadata={"nbgrader": {"grade_id": name, "solution": is_answer}},
        )
        for name, (error, is_answer) in names.items()
    ]
    assert list(_failures(new_notebook(cells=cells), {"the-test": "4.1"})) == ["4.1: SyntaxError: bad"]


# A class, through the commands


def class_of(folder, *people, week=WEEK):
    assert main(["--folder", str(folder), "release", week[:2]]) == 0
    with gradebook(folder) as known:
        for learner in people:
            known.add_student(learner, last_name=f"={learner}")
    return folder


def hand_in(folder, learner, notebook, week=WEEK):
    place = folder / "submitted" / learner / week
    place.mkdir(parents=True, exist_ok=True)
    (place / "a.ipynb").write_text(json.dumps(notebook))


def graded(folder, week=WEEK):
    assert main(["--folder", str(folder), "autograde", week]) == 0
    assert main(["--folder", str(folder), "export", week]) == 0
    return {row["id"]: row for row in read_table(folder / "grades" / f"{week}.csv")}


def test_where_nothing_can_be_confined_nothing_is_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(confine.shutil, "which", lambda name: None)
    assert main(["--folder", str(tmp_path), "autograde", WEEK]) == 2
    assert "--unconfined" in capsys.readouterr().err


@confined
def test_a_class_from_release_to_export(tmp_path, capsys):
    folder = class_of(tmp_path, "101", "102", "103", "105")
    released = (folder / "release" / WEEK / f"{WEEK}.ipynb").read_text(encoding="utf-8")
    assert not any(text in released for text in ("HIDDEN TESTS", "fresh_checks", "f(w).backward()\\n"))
    archive = folder / "downloaded" / WEEK / "archive"
    archive.mkdir(parents=True)
    files = {
        "Anna Meier_101_assignsubmission_file_/work.zip": zipped({"a.ipynb": solved()}),
        "Anna Meier_102_assignsubmission_file_/a.pdf": "%PDF",
        "Eve_103_assignsubmission_file_/a.ipynb": handed_in(slope="import os\nos._exit(1)"),
        "Nobody_999_assignsubmission_file_/a.ipynb": "{}",
    }
    (archive / "moodle.zip").write_bytes(zipped(files))
    command = [sys.executable, "-m", "nbgrader", "zip_collect", WEEK]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    rows = graded(folder)
    states = {"101": "graded", "102": "refused", "103": "stopped", "105": "missing", "999": "not on the roster"}
    assert {learner: row["state"] for learner, row in rows.items()} == states
    assert (float(rows["101"]["points"]), float(rows["101"]["of"]), rows["101"]["reason"]) == (MOST, MOST, "")
    assert [rows["101"]["last_name"], rows["102"]["points"]] == ["'=101", ""]

    server = socket.create_server(("127.0.0.1", 0))
    server.setblocking(False)
    fooling = f"""
import sys, helpers.checks.autograd, helpers.checks.core as core
class Yes(str):
    passed, value = True, "✓"
    def __getattr__(self, name): return lambda *a, **k: Yes()
core.Exercise.__call__ = lambda *a, **k: Yes()
sys.modules["helpers.checks.autograd"] = check = fresh_checks = verdict = Yes()
def slope(f, at): return torch.tensor(0.0)
try: open({str(folder / "gradebook.db")!r}, "w")
except OSError: __import__("socket").create_connection({server.getsockname()!r}, 1)"""
    hand_in(folder, "102", solved(slope=fooling))
    capsys.readouterr()
    row = graded(folder)["102"]
    with pytest.raises(BlockingIOError):
        server.accept()
    assert (float(row["4.1"]), float(row["points"]), "4.1: " in row["reason"]) == (0, MOST - 1, True)
    looked_at = {line.partition(" ")[0] for line in capsys.readouterr().out.splitlines()}
    assert looked_at & {*states} == {"102", "999"}  # only what is new; whoever is not on the roster is named again

    worksheet = tmp_path / "worksheet.csv"
    worksheet.write_text("Identifier,Full name,Grade\nParticipant 101,Anna Meier,\nParticipant 105,Zoe,7\n")
    assert main(["--folder", str(folder), "export", WEEK, "--into", str(worksheet)]) == 0
    filled = read_table(folder / "grades" / f"{WEEK}-worksheet.csv")
    assert [row["Grade"] for row in filled] == [f"{MOST:.1f}", "7"]


HOSTILE = {
    "endless": ("while True: pass", "graded"),
    "stubborn": ("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass", "stopped"),
    "memory": ("keep = []\nwhile True: keep.append(bytearray(2**28))", "graded"),
    "forks": ("import os, time\nfor _ in range(5):\n    if not os.fork(): b = b'x' * 2**30; time.sleep(60)", "stopped"),
    "bomb": ("import os\nwhile True: os.fork()", "stopped"),
    "flood": ("while True: print('x' * 10**6)", "stopped"),
    "input": ("input()", "graded"),
    "pip": ("!pip install torch", "graded"),
    "outside": ("open('/usr/x', 'w')", "graded"),
}


@slow
@confined
def test_each_hostile_notebook_costs_only_its_own_row(tmp_path):
    folder = class_of(tmp_path, *HOSTILE, "zoe")
    with (folder / "nbgrader_config.py").open("a") as settings:
        settings.write("c.Execute.timeout = 15\n")
    for name, (code, _) in HOSTILE.items():
        hand_in(folder, name, solved(slope=code))
    hand_in(folder, "zoe", solved())
    rows = graded(folder)
    assert float(rows["zoe"]["points"]) == MOST
    for name, (_, state) in HOSTILE.items():
        assert rows[name]["state"] == state, rows[name]
        assert state == "stopped" or float(rows[name]["points"]) == MOST - 1, rows[name]


@slow
@confined
def test_the_courses_own_solutions_get_all_points(tmp_path, path):
    folder = class_of(tmp_path, "anna", week=path.stem)
    hand_in(folder, "anna", assignment(path), week=path.stem)
    row = graded(folder, path.stem)["anna"]
    assert float(row["points"] or 0) == float(row["of"]), row
