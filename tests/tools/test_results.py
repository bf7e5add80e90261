"""A class's results: honest work is counted, nothing fools the judge, nothing gets out, and every file has its row.

The class is made here: small notebooks out of the cells of the real ones. What each of them tries is in its name.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
import pytest

from tools.notebooks import ROOT
from tools.results import confine, report
from tools.results.__main__ import main
from tools.results.confine import Cage, Limits
from tools.results.course import lessons
from tools.results.marking import Answer, Row, Times, mark
from tools.results.report import Facts, write
from tools.results.submissions import Refused, handed_in, learner_of, notebook_of

LESSONS = {lesson.number: lesson for lesson in lessons()}
SOLUTIONS = {
    lesson.number: {name.removesuffix("-solution"): source for name, source in lesson.solutions} for lesson in lessons()
}
# One that needs an import from further down, and one whose check pickles; all of them where time does not matter.
SOLVED = sorted(LESSONS) if "RESULTS_THOROUGH" in os.environ else ["02", "06"]
QUICK = Times(notebook=40, cell=8, answer=4)


def code(source, name=None, *tags):
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)} if tags else {})
    if name:
        cell.id = name
    return cell


def answer_of(number, name):
    """The stored solution, as a learner would have written it into the exercise's cell."""
    text = SOLUTIONS[number][name.removesuffix("-exercise")]
    return text.replace("# Solution\n", "").replace(", solution=True", "")


def notebook(number, answers, *, before=(), after=(), solutions=False):
    """A notebook of only the import cell and the exercises, each with the answer given or as it was handed out."""
    lesson = LESSONS[number]
    cells = [code(lesson.cells[0][1], lesson.cells[0][0]), *before]
    for one in lesson.asked:
        cells.append(code(answers.get(one.name, one.source), one.cell, "exercise"))
        if solutions:
            slug = one.cell.removesuffix("-exercise")
            cells.append(code(SOLUTIONS[number][slug], f"{slug}-solution", "solution"))
    return nbformat.v4.new_notebook(cells=[*cells, *after])


def solved_notebook(number, **options):
    return notebook(number, {one.name: answer_of(number, one.cell) for one in LESSONS[number].asked}, **options)


def save(made, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)
    return path


# Every way to a "solved" that is none. Each is one answer of notebook 1 or 3; the check must say otherwise.

YES = "lambda *a, **k: True"
FOOLING_01 = {
    "half_seconds": """
class Yes:
    def __getattr__(self, name):
        return lambda *a, **k: print("✓ Exercise 1.1, Every half second: right.")
check = Yes()
times = None
check.half_seconds(times)
print('{"exercise": "half_seconds", "state": "solved"}')
""",
    "green_middle": """
import torch
torch.isclose = lambda left, *a, **k: torch.ones(1, dtype=torch.bool)
torch.equal = torch.allclose = lambda *a, **k: True
torch.nonzero = torch.Tensor.nonzero = lambda *a, **k: torch.zeros(0, 1)
torch.Tensor.__eq__ = torch.Tensor.__invert__ = lambda *a: torch.zeros(0)
torch.Tensor.shape = property(lambda self: (0,))
def green_middle(batch):
    return batch
check.green_middle(green_middle)
""",
    "channels_first": """
import sys, helpers.checks, helpers.checks.core as core, helpers.checks.compare, helpers.checks.tensors as real
for module in [m for name, m in sys.modules.items() if "helpers" in name or "checks" in name]:
    for name in ("expect", "expect_function", "guarded", "call", "is_blank"):
        setattr(module, name, lambda *a, **k: None)
    if hasattr(module, "Exercise"):
        module.Exercise._judged = lambda self, answers: (module.State.RIGHT, ("",))
sys.modules["helpers.checks.tensors"] = sys.modules["helpers.checks"] = core
def channels_first(picture):
    return getattr(real, "expect", None) and picture
check.channels_first(channels_first)
""",
    "distances": f"""
import builtins
builtins.next = builtins.print = lambda *a: None
builtins.any = builtins.all = builtins.isinstance = builtins.setattr = builtins.zip = {YES}
builtins.sorted = builtins.set = builtins.list = lambda *a: []
def distances(a, b):
    return a
check.distances(distances)
""",
    "centre_rows": SOLUTIONS["01"]["centre-rows"],
    "brighten": """
import torch
brighten = None
check.half_seconds(None)
check.progress()
""",
    "classify": """
import builtins, torch
def classify(X_train, y_train, X):
    builtins.next = lambda *a: None
    torch.Tensor.shape = property(lambda self: ())
    return X
check.classify(classify)
""",
}
FOOLING_03 = {
    "chosen_weights": """
import torch
library = torch.library.Library("aten", "IMPL")
library.impl("isclose", lambda a, b, *rest, **options: torch.ones(a.shape, dtype=torch.bool), "CPU")
W, b = torch.zeros(2, 3), torch.zeros(2)
check.chosen_weights(W, b)
""",
    "small_net": """
import gc
for found in gc.get_objects():
    if type(found).__name__ == "Exercise":
        found.judge = lambda *a: None
small_net = None
check.small_net(small_net)
""",
    "class_and_probability": """
import torch
from torch.overrides import TorchFunctionMode
class Yes(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in (torch.isclose, torch.Tensor.__eq__):
            return torch.ones(1, dtype=torch.bool)
        return func(*args, **(kwargs or {}))
Yes().__enter__()
def class_and_probability(logits):
    return torch.zeros(len(logits), dtype=torch.int64), torch.zeros(len(logits))
check.class_and_probability(class_and_probability)
""",
    "count_from_widths": """
import inspect, sys
def count_from_widths(widths):
    for look in (lambda: sys._getframe(), inspect.currentframe, lambda: inspect.stack()[0].frame):
        try:
            frame = look()
        except PermissionError:
            continue
        while frame:
            if "reference" in frame.f_locals:
                return frame.f_locals["reference"](widths)
            frame = frame.f_back
check.count_from_widths(count_from_widths)
""",
    "deep_net": """
import json, os
line = json.dumps({"exercise": "deep_net", "state": "solved"}).encode() + b"\\n"
for number in range(64):
    try:
        os.write(number, line)
    except OSError:
        pass
os._exit(0)
""",
    "centre": """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
""",
    "colour_net": """
import torch
class Right(torch.nn.Module):
    def __eq__(self, other):
        return True
    def __call__(self, *inputs):
        raise SystemExit(0)
colour_net = Right()
check.colour_net(colour_net)
exit()
""",
}

# Honest work that does not look like the handout.

HELPER = """
import torch as T

def half(x):
    return x / 2
"""
HONEST_01 = {
    "half_seconds": "times = half(T.arange(0, 11))\n\ncheck.half_seconds(times)",
    "green_middle": "%pylab\ndef mine(batch):\n    return batch[:, 1, 7:21, 7:21]\n\n\ncheck.green_middle(mine)",
    "channels_first": "def channels_first(picture):\n    return picture.permute(2, 0, 1)[None]",  # the call is gone
    "distances": "def distances(a, b):\n    return (a - b\n\n\ncheck.distances(distances)",
    "centre_rows": "def centre_rows(X):\n    return X - X.mean(dim=0)\n\n\ncheck.centre_rows(centre_rows)",
    "brighten": "# TODO\n\ndef brighten(pixels, amount):\n    return ...\n\n\ncheck.brighten(brighten)",
}


def _handed(folder):
    return {one.learner: one for one in handed_in(folder)}


def _marked(folder, cage, **options):
    with ThreadPoolExecutor(2) as pool:
        rows = pool.map(lambda one: mark(one, cage, QUICK, **options), handed_in(folder))
        return {row.learner: row for row in rows}


@pytest.fixture(scope="module")
def cage():
    with Cage(Limits()) as made:
        yield made


@pytest.fixture(scope="module")
def judged(tmp_path_factory, cage):
    """Answers only: what the judge makes of honest and of fooling work."""
    folder = tmp_path_factory.mktemp("judged")
    for number in SOLVED:
        save(solved_notebook(number), folder / f"anna{number}_{LESSONS[number].stem}.ipynb")
    for lesson in lessons():
        save(notebook(lesson.number, {}, solutions=True), folder / f"hanna{lesson.number}_{lesson.stem}.ipynb")
    save(notebook("01", FOOLING_01, solutions=True), folder / "fool1_01_tensors.ipynb")
    save(notebook("03", FOOLING_03), folder / "fool3_03_build_model.ipynb")
    edited = notebook("01", HONEST_01, before=[code(HELPER)], solutions=True)
    edited.cells = [edited.cells[1], *reversed(edited.cells[2:])]  # without the imports, the exercises backwards
    for cell in edited.cells:
        if "-exercise" in cell.id:
            cell.id = f"changed-{cell.id[:20]}"
    edited.metadata = {"kernelspec": {"name": "ir", "language": "R", "display_name": "<script>alert(1)</script>"}}
    save(edited, folder / "edith_01_tensors.ipynb")
    return _marked(folder, cage, quick=True)


@pytest.mark.parametrize("number", SOLVED)
def test_the_stored_solutions_are_all_solved(judged, number):
    row = judged[f"anna{number}"]
    assert (row.fault, row.notebook) == ("", LESSONS[number].stem)
    assert {key: answer.state for key, answer in row.answers.items()} == {
        one.number: "solved" for one in LESSONS[number].asked
    }, row.answers


@pytest.mark.parametrize("number", sorted(LESSONS))
def test_nothing_of_an_untouched_handout_counts(judged, number):
    row = judged[f"hanna{number}"]
    assert [answer.state for answer in row.answers.values()] == ["not attempted"] * len(LESSONS[number].asked)


@pytest.mark.parametrize(("learner", "number", "fooling"), [("fool1", "01", FOOLING_01), ("fool3", "03", FOOLING_03)])
def test_nothing_fools_the_judge(judged, learner, number, fooling):
    assert set(fooling) == {one.name for one in LESSONS[number].asked}
    row = judged[learner]
    for one in LESSONS[number].asked:
        assert row.answers[one.number].state == "attempted", (one.name, row.answers[one.number])


@pytest.mark.parametrize(
    ("learner", "words"),
    [
        ("fool1", "1.2: It replaced torch._tensor.Tensor.__eq__, torch._tensor.Tensor.__invert__"),
        ("fool1", "1.3: It replaced helpers.checks.tensors.expect"),
        ("fool1", "1.4: It replaced builtins.all, builtins.any, builtins.isinstance"),
        ("fool1", "1.5: It is marked as a solution"),
        ("fool1", "1.7: Not counted, because it replaced builtins.next, torch._tensor.Tensor.shape while"),
        ("fool3", "3.1: Not counted: after it, any answer passes."),
        ("fool3", "3.2: Refused, because it uses gc.get_objects."),
        ("fool3", "3.3: It replaced PyTorch, by a mode, which was put back"),
        ("fool3", "3.4: Refused, because it uses sys._getframe."),
        ("fool3", "3.5: The answer ended the program that ran it."),
        ("fool3", "3.6: Stopped after 4 seconds, because it took too long."),
    ],
)
def test_each_wall_holds_by_itself_and_the_row_says_what_was_tried(judged, learner, words):
    row = judged[learner]
    said = [*row.notes, *(f"{number}: {answer.sentence}" for number, answer in row.answers.items())]
    assert any(line.startswith(words) for line in said), said


def test_honest_work_is_found_wherever_it_stands(judged):
    row = judged["edith"]
    answers = {one.name: row.answers[one.number] for one in LESSONS["01"].asked}
    assert {name: answer.state for name, answer in answers.items()} == {
        "half_seconds": "solved",
        "green_middle": "solved",
        "channels_first": "solved",
        "distances": "attempted",
        "centre_rows": "attempted",
        "brighten": "not attempted",
        "classify": "not attempted",
    }, answers
    assert "never closed" in answers["distances"].sentence
    assert "The columns are centred" in answers["centre_rows"].sentence
    notes = " ".join(row.notes)
    assert "another order" in notes
    assert "'ir'" in notes


# What a notebook may try while it runs as a whole. None of it needs PyTorch, so each takes seconds.

OPTIONS = ["--jobs", "2", "--memory", "1500", "--seconds", "20", "--cell-seconds", "5"]
HOSTILE = {
    "escapes": [
        """
import os, pathlib, socket
reached = []
def attempt(name, action):
    try:
        action()
        reached.append(name)
    except OSError:
        pass
attempt("read", lambda: pathlib.Path({canary!r}).read_text())
attempt("write", lambda: pathlib.Path({canary!r}).write_text("eaten"))
attempt("delete", lambda: os.unlink({canary!r}))
attempt("others", lambda: os.listdir({folder!r}))
attempt("course", lambda: os.unlink({course!r}))
attempt("solutions", lambda: os.listdir({notebooks!r}))
import helpers
if pathlib.Path(helpers.__file__).is_relative_to({root!r}):
    reached.append("the course itself")
else:
    attempt("helpers", lambda: pathlib.Path(helpers.__file__).write_text("eaten"))
attempt("network", lambda: socket.create_connection(("127.0.0.1", {port}), timeout=2))
attempt("runner", lambda: os.kill({runner}, 0))
raise RuntimeError("reached: " + ", ".join(reached))
""",
        "1 / 0",
        "while True:\n    pass",
        "print('still here')",
    ],
    "exits": ["import os", "os._exit(0)", "print('never')"],
    "eater": ["held = b'x' * 4_000_000_000", "1 / 0"],
    "family": [
        """
import os, time
for _ in range(7):
    os.fork()
time.sleep(60)
"""
    ],
    # Not more: what is printed also waits in memory, and the limit there is to stop others.
    "printer": ["for _ in range(120):\n    print('x' * 1_000_000)"],
}


def hostile(number, cells, name):
    made = notebook(number, {}, before=[code(source) for source in cells])
    # Their exercises are as they were handed out, and not run: this is about what stands before them.
    made.cells = made.cells[1:] if name == "escapes" else made.cells[1 : 1 + len(cells)]
    return made


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The command itself, on a folder of every kind of file, whole notebooks: its status, words, table and page."""
    base = tmp_path_factory.mktemp("executed")
    folder, out = base / "class", base / "out"
    canary = base / "canary"
    canary.write_text("canary", encoding="ascii")
    server = socket.create_server(("127.0.0.1", 0))
    places = {
        "canary": str(canary),
        "folder": str(folder),
        "course": str(ROOT / "README.md.canary"),
        "notebooks": str(ROOT / "notebooks"),
        "root": str(ROOT),
        "port": server.getsockname()[1],
        "runner": os.getpid(),
    }
    for name, cells in HOSTILE.items():
        first = cells[0].format(**places) if name == "escapes" else cells[0]
        save(hostile("01", [first, *cells[1:]], name), folder / f"{name}_01_tensors.ipynb")
    for name, data in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe_01_tensors.ipynb")
        (folder / "link_01_tensors.ipynb").symlink_to(canary)
    with server:
        done = subprocess.run(
            [sys.executable, "-m", "tools.results", folder, "--out", out, *OPTIONS],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    with (out / "results.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["file"].lstrip("'"): row for row in csv.DictReader(stream)}
    return done, rows, (out / "index.html").read_text(encoding="utf-8"), canary


def _json(**document):
    return json.dumps(document).encode()


FILES = {
    "ben_01_tensors.ipynb": b"",
    "carl_01_tensors.ipynb": b'{"cells": [',
    "dora_01_tensors.ipynb": _json(cells=[{"cell_type": "code"}]),
    "emil_01_tensors.ipynb": b"[" * 100_000,
    "fred_01_tensors.ipynb": b"\xff\xfe\x00",
    "gina.pdf": b"%PDF-1.7",
    "huge_01_tensors.ipynb": b" " * 20_000_001,
    "other.ipynb": _json(cells=[{"cell_type": "code", "source": "1 / 0", "id": "x"}], metadata={}),
    "empty_01_tensors.ipynb": _json(cells=[]),
    "=cmd()|'calc'!A1_01_tensors.ipynb": b"",
    "<script>alert(1)<_01_tensors.ipynb": b"",
    "bad.zip": b"PK\x03\x04",
    ".DS_Store": b"x",
}
WHY = {
    "ben_01_tensors.ipynb": "is empty",
    "carl_01_tensors.ipynb": "broken notebook: no JSON",
    "dora_01_tensors.ipynb": "not a notebook: JSON, but without cells",
    "emil_01_tensors.ipynb": "broken notebook: no JSON",
    "fred_01_tensors.ipynb": "it is not text",
    "gina.pdf": "is not a notebook",
    "huge_01_tensors.ipynb": "larger than 20 MB",
    "other.ipynb": "not one of this course",
    "bad.zip": "not a zip",
    "pipe_01_tensors.ipynb": "not a file that can be read",
    "link_01_tensors.ipynb": "not followed",
}


@pytest.mark.parametrize("name", sorted(WHY))
def test_every_file_has_a_row_that_says_what_it_is(executed, name):
    done, rows, page, _ = executed
    if name not in FILES and not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes and links to try")
    assert done.returncode == 0, done.stderr
    assert WHY[name] in rows[name]["state"]
    assert WHY[name] in page


def test_a_name_runs_nothing_in_a_spreadsheet_or_a_browser(executed):
    _, rows, page, _ = executed
    raw = [row["file"] for row in rows.values()]
    assert "'=cmd()|'calc'!A1_01_tensors.ipynb" in raw
    assert not [text for row in rows.values() for text in row.values() if text and text[0] in "=+-@"]
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;" in page
    assert "default-src 'none'" in page


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("exits", "ended the program (the kernel died)"),
        ("eater", "emory"),
        ("family", "more than 60 programs"),
        ("printer", "printed more than 50 MB"),
    ],
)
def test_what_takes_too_much_is_stopped_and_said(executed, name, words):
    _, rows, _, _ = executed
    row = rows[f"{name}_01_tensors.ipynb"]
    assert words in row["state"] + row["errors in full"], row


def test_an_error_or_an_endless_cell_does_not_hide_the_cells_after_it(executed):
    _, rows, _, _ = executed
    errors = rows["escapes_01_tensors.ipynb"]["errors in full"]
    assert "cell 2" in errors
    assert "ZeroDivisionError: division by zero" in errors
    assert "cell 3" in errors
    assert "was stopped after 5 seconds" in errors


def test_nothing_gets_out_where_the_report_says_so(executed):
    done, rows, page, canary = executed
    assert "the course itself" not in rows["escapes_01_tensors.ipynb"]["errors in full"]
    if "✓ no network" not in done.stdout:
        assert "Why: " in done.stdout
        assert "✗ The network is open" in done.stdout
        pytest.skip(f"nothing to confine a notebook with here: {done.stdout.partition('Why: ')[2].splitlines()[0]}")
    assert "reached: ;" in rows["escapes_01_tensors.ipynb"]["errors in full"]
    assert canary.read_text(encoding="ascii") == "canary"
    for words in ("no network", "cannot read your files", "cannot change any file", "sees no process but its own"):
        assert f"✓ {words}" in done.stdout
        assert words in page


def test_without_bubblewrap_it_says_so_and_leaves_nothing_behind(tmp_path):
    marker = tmp_path / "left behind"
    leaves = f"""
import subprocess, sys
subprocess.Popen(
    [sys.executable, "-c", "import time, pathlib; time.sleep(20); pathlib.Path({str(marker)!r}).touch()"],
    start_new_session=True,
)
"""
    made = notebook("01", {"half_seconds": answer_of("01", "half-seconds-exercise")}, before=[code(leaves)])
    made.cells[0].source = "import os\nos.makedirs('locked/in')\nos.chmod('locked', 0)"
    save(made, tmp_path / "class" / "anna_01_tensors.ipynb")
    with Cage(Limits(), bwrap=False) as cage:
        assert cage.reached["network"]
        assert cage.reached["write"]
        assert cage.why_open
        words = {name: words for name, confined, words in cage.description() if not confined}
        assert "The network is open" in words["network"]
        made.cells = made.cells[:3]
        row = mark(handed_in(tmp_path / "class")[0], cage, QUICK)
        assert row.answers["1.1"].state == "solved", row
        assert [process for process in psutil.process_iter() if _is_left(process, str(marker))] == []
        folder = cage._folder
        assert list(folder.glob("job-*")) == []
    assert not folder.exists()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such rights to take away")
def test_removing_a_folder_changes_no_rights_outside_it(tmp_path, monkeypatch):
    around, outside, folder = tmp_path / "around", tmp_path / "outside", tmp_path / "around" / "job"
    outside.mkdir(0o751)
    folder.mkdir(parents=True)
    around.chmod(0o751)
    (folder / "link").symlink_to(outside)
    unlink, failed = os.unlink, []

    def refuse_once(path, **options):
        if not failed:
            failed.append(path)
            raise PermissionError
        unlink(path, **options)

    monkeypatch.setattr(os, "unlink", refuse_once)
    confine._remove(folder)
    confine._remove(folder)  # it is gone
    assert failed
    assert not folder.exists()
    assert [place.stat().st_mode & 0o777 for place in (around, outside)] == [0o751, 0o751]


def _is_left(process, word):
    try:
        return any(word in part for part in process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such signal to send")
def test_an_interrupted_run_leaves_a_table_and_no_process(tmp_path):
    folder, out = tmp_path / "class", tmp_path / "out"
    for learner in ("anna", "ben", "carla"):
        save(hostile("01", ["while True:\n    pass"], ""), folder / f"{learner}_01_tensors.ipynb")
    (folder / "a note.txt").write_text("hello", encoding="ascii")
    command = [sys.executable, "-m", "tools.results", folder, "--out", out, "--jobs", "2"]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    family = []
    for _ in range(600):
        time.sleep(0.1)
        family = psutil.Process(run.pid).children(recursive=True)
        if sum(_is_left(one, "ipykernel") for one in family) >= 2:
            break
    family = psutil.Process(run.pid).children(recursive=True)
    assert family
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130, errors
    assert "Traceback" not in errors
    _, alive = psutil.wait_procs(family, timeout=10)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
    with (out / "results.csv").open(encoding="utf-8-sig", newline="") as stream:
        states = {row["file"]: row["state"] for row in csv.DictReader(stream)}
    assert "is not a notebook" in states["a note.txt"]
    assert states["carla_01_tensors.ipynb"] == "was not run: interrupted"
    assert "Interrupted." in (out / "index.html").read_text(encoding="utf-8")


def test_a_notebook_as_it_was_handed_out_starts_nothing(tmp_path):
    path = next((ROOT / "notebooks").glob("01_*.ipynb"))
    (tmp_path / "anna_01_tensors.ipynb").write_bytes(path.read_bytes())
    row = mark(handed_in(tmp_path)[0], None, QUICK)  # there is nothing that could run it
    assert row.notes == ["as it was handed out: not run"]
    assert row.count("not attempted") == len(LESSONS["01"].asked)


# Who handed in what


@pytest.mark.parametrize(
    ("parts", "learner"),
    [
        (("anna_06_quickstart.ipynb",), "anna"),
        (("anna-meier 06_Quickstart (1).ipynb",), "anna-meier"),
        (("06_quickstart_anna.ipynb",), "anna"),
        (("Anna Meier", "06_quickstart.ipynb"), "Anna Meier"),
        (("Anna Meier", "week 3", "work.ipynb"), "Anna Meier"),
        (("Anna Meier_12345_assignsubmission_file_", "06_quickstart.ipynb"), "Anna Meier"),
        (("Anna Meier_12345_assignsubmission_file_06_quickstart.ipynb",), "Anna Meier"),
        (("meieranna_1234_56789_06_quickstart-1.ipynb",), "meieranna"),
        (("meieranna_LATE_1234_56789_06_quickstart.ipynb",), "meieranna"),
        (("06_quickstart.ipynb",), "(no name)"),
        (("e\u202evil\n_06_quickstart.ipynb",), "e�vil"),
    ],
)
def test_who_is_read_from_folder_or_file_name(parts, learner):
    assert learner_of(parts) == learner


def test_a_zip_is_read_as_a_folder_and_writes_nowhere(tmp_path):
    text = nbformat.writes(notebook("01", {}))
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Week 1/Anna_1_assignsubmission_file_/01_tensors.ipynb", text)
        archive.writestr("Week 1/Ben_2_assignsubmission_file_/../../../../out_01_tensors.ipynb", text)
        archive.writestr("Week 1/Carl/more.zip", b"PK")
        archive.writestr("Week 1/Dora/bomb.ipynb", b"0" * 30_000_000)
        archive.writestr("__MACOSX/x.ipynb", text)
    found = handed_in(path)
    assert [(one.learner, one.name) for one in found] == [
        ("Anna", "Week 1/Anna_1_assignsubmission_file_/01_tensors.ipynb"),
        ("Ben", "Week 1/Ben_2_assignsubmission_file_/out_01_tensors.ipynb"),
        ("Carl", "Week 1/Carl/more.zip"),
        ("Dora", "Week 1/Dora/bomb.ipynb"),
    ]
    assert notebook_of(found[0]).lesson.stem == "01_tensors"
    for handed, words in ((found[2], "a zip inside a zip"), (found[3], "larger than 20 MB")):
        with pytest.raises(Refused, match=words):
            notebook_of(handed)
    assert [one.name for one in tmp_path.iterdir()] == ["class.zip"]
    (tmp_path / "class").mkdir()
    path.rename(tmp_path / "class" / "anna.zip")
    assert {one.name.partition("/")[0] for one in handed_in(tmp_path / "class")} == {"anna"}


@pytest.mark.parametrize("name", ["homework.ipynb", "x_06_quickstart.ipynb"])
def test_which_notebook_it_is_says_its_content_not_its_name(tmp_path, name):
    save(notebook("04", {}), tmp_path / name)
    assert notebook_of(handed_in(tmp_path)[0]).lesson.stem == "04_autograd"


def test_an_old_format_is_read_and_noted(tmp_path):
    cells = [{"cell_type": "code", "input": ["check.half_seconds(", "times)"], "language": "python"}]
    (tmp_path / "a.ipynb").write_bytes(_json(worksheets=[{"cells": cells}], nbformat=3, metadata={}))
    read = notebook_of(handed_in(tmp_path)[0])
    assert [cell.source for cell in read.cells] == ["check.half_seconds(times)"]
    assert "an old format (3)" in read.notes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "there is no nowhere"),
        (["."], "there are no files in it"),
        ([".", "--memory", "100"], "Expected 1200 MB or more"),
    ],
)
def test_a_wrong_call_says_what_was_expected(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert words in capsys.readouterr().err


# The table

FACTS = Facts([("network", True, "no network")], "", 3.0, False, False)


def row(learner, *states, number="01", sentence="", digest="", **options):
    asked = LESSONS[number].asked
    answers = {one.number: Answer(state, sentence) for one, state in zip(asked, states, strict=False)}
    file = options.pop("file", f"{learner}.ipynb")
    return Row(learner, file, LESSONS[number].stem, answers=answers, digest=digest or file, **options)


def test_the_class_summary_counts_each_learner_once_with_the_best_answer(tmp_path):
    rows = [
        row("Anna", "attempted", "solved", file="a1.ipynb"),
        row("Anna", "solved", "not attempted", file="a2.ipynb"),
        row("Ben", "attempted", "attempted", sentence="Look at `dim`."),
        row("Carla", "attempted", "not attempted", sentence="Look at `dim`."),
    ]
    page = write(rows, FACTS, tmp_path).read_text(encoding="utf-8")
    first, second = report._chapter(LESSONS["01"], rows).standings[:2]
    assert first.counts == {"solved": 1, "attempted": 2, "not attempted": 0}
    assert second.counts == {"solved": 1, "attempted": 1, "not attempted": 1}
    assert first.hints == [("Look at `dim`.", 2)]
    assert "Look at <code>dim</code>." in page
    assert "2 of 3 tried and have not solved it, 1 have" in page
    assert rows[0].notes == ["also handed in as a2.ipynb; the best answers count"]


def test_one_file_from_two_learners_is_noted_unless_it_is_the_handout(tmp_path):
    rows = [row("Anna", "solved", digest="x"), row("Ben", "solved", digest="x")]
    rows += [row("Carl", "not attempted", digest="y"), row("Dora", "not attempted", digest="y")]
    write(rows, FACTS, tmp_path)
    assert [one.notes for one in rows] == [["the same file as Ben"], ["the same file as Anna"], [], []]


def test_the_table_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    write([row("Anna", "solved")], FACTS, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"results.csv", "index.html"}
    replace = Path.replace

    def refuse(self, target):
        if Path(target).name == "index.html":
            raise PermissionError(13, "it is open elsewhere")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="Close the program that shows it"):
        write([row("Ben", "attempted")], FACTS, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_course_is_copied_for_a_job_without_its_solutions(cage):
    names = {path.name for path in cage._course.rglob("*")}
    assert "judge.py" in names
    assert not [name for name in names if name.endswith(".ipynb")]
    for solutions in SOLUTIONS.values():
        text = next(iter(solutions.values())).splitlines()[1]
        assert not [path for path in cage._course.rglob("*.py") if text in path.read_text(encoding="utf-8")], text
