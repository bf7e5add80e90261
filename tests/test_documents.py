"""TEACHING.md and what it configures agree with the course: sections, cells, exercises, commands, and every minute."""

import copy
import json
import re
import subprocess
import sys
import time
from functools import cache
from itertools import pairwise

import nbformat
import pytest
from tools.proof import record

from tools import cost
from tools.exercises import book_of, places
from tools.new_exercise import add
from tools.new_exercise import main as new_exercise
from tools.notebooks import NOTEBOOKS, ROOT

TEACHING = ROOT / "TEACHING.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = [TEACHING, CONTRIBUTING]
MOST_SPARE = 10  # minutes of a row for questions, beyond its sections and exercises
NUMBERS = [int(path.stem[:2]) for path in NOTEBOOKS]


@cache
def _notebook(number):
    return nbformat.read(NOTEBOOKS[number - 1], as_version=4)


@cache
def _exercises():
    """Every exercise's minutes by its number, such as 1.4."""
    return {place.exercise.number: place.exercise.minutes for path in NOTEBOOKS for place in places(path)}


def _chapter(heading, level="##"):
    """The text below a heading of TEACHING.md, down to the next heading of its level or above."""
    text = TEACHING.read_text(encoding="utf-8")
    below = text.partition(f"\n{level} {heading}\n")[2]
    assert below, f"TEACHING.md has no heading {heading!r}"
    return re.split(rf"\n#{{2,{len(level)}}} ", below)[0]


def _tables(text):
    """Every table of a text: a list of rows, each a dictionary by the table's headings."""
    for lines in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        head, _, *rows = [
            [cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in lines.splitlines()
        ]
        head = [cell.strip(" |") for cell in head]
        yield [dict(zip(head, [cell.strip(" |") for cell in row], strict=False)) for row in rows]


def _page_of(number):
    heading = re.search(rf"^## ({number}\. .*)$", TEACHING.read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert _notebook(number).cells[0].source.startswith(f"# {heading}")
    return _chapter(heading)


def _sections(number):
    """The minutes of each section of a notebook, by its heading, as TEACHING.md plans them."""
    table = next(_tables(_page_of(number)))
    return {row["section"]: int(row["minutes"]) for row in table}


def _headings(number):
    found = [line[3:] for cell in _notebook(number).cells for line in _prose(cell) if line.startswith("## ")]
    return [heading for heading in found if heading != "Your exercises"]


def _prose(cell):
    return cell.source.splitlines() if cell.cell_type == "markdown" else []


@pytest.mark.parametrize("number", NUMBERS)
def test_sections_are_those_of_the_notebook_and_their_minutes_add_up(number):
    planned = _sections(number)
    assert list(planned) == _headings(number)
    stated = re.search(
        r"\*\*Time\*\* about (\d+) minutes, and (\d+) for the exercises", _notebook(number).cells[0].source
    )
    reading, answering = map(int, stated.groups())
    assert sum(planned.values()) == reading
    assert f"{reading} minutes, and {answering} for the exercises" in _page_of(number)
    assert sum(minutes for name, minutes in _exercises().items() if name.startswith(f"{number}.")) == answering
    row = next(
        line
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| {number} ")
    )
    assert f"| {reading} |" in row
    assert f"{answering} minutes" in row


@pytest.mark.parametrize("number", NUMBERS)
def test_cells_that_are_named_exist_and_every_prediction_is_asked(number):
    page = _page_of(number)
    cells = {cell.id: cell for cell in _notebook(number).cells}
    named = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", page))
    assert not named - set(cells)
    to_predict = {name for name, cell in cells.items() if "> **Predict, then" in cell.source}
    first_column = {re.match(r"`([^`]+)`", row["ask"])[1] for table in _tables(page) for row in table if "ask" in row}
    assert first_column == to_predict
    shown = {
        row["section"]: set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", row["show live"]))
        for row in next(_tables(page))
    }
    for heading, names in shown.items():
        assert names <= _cells_of_section(number, heading), f"not in the section {heading!r}"


def _cells_of_section(number, heading):
    inside, found = False, set()
    for cell in _notebook(number).cells:
        headings = [line[3:] for line in _prose(cell) if line.startswith("## ")]
        if inside or heading in headings:
            found.add(cell.id)
        inside = headings[-1] == heading if headings else inside
    return found


@pytest.mark.parametrize("number", NUMBERS)
def test_every_exercise_has_its_place_in_the_room_or_at_home(number):
    room, home = re.search(
        r"\*\*In the room:\*\* (.*?)\. \*\*At home:\*\* (.*?)\.$", _page_of(number), re.MULTILINE
    ).groups()
    assert sorted(_list(room) + _list(home)) == sorted(name for name in _exercises() if name.startswith(f"{number}."))


def _list(text, separator=", "):
    return [part for part in text.split(separator) if part]


def _clock(text):
    hours, minutes = text.split(":")
    return 60 * int(hours) + int(minutes)


def _needed(row):
    """The minutes of a row's sections and exercises, and of what it has besides."""
    number = int(row["notebook"])
    sections = _sections(number)
    names = _list(row["sections"], "; ")
    assert not set(names) - set(sections), f"no such section in notebook {number}"
    exercises = _list(row["exercises"])
    assert all(name.startswith(f"{number}.") for name in exercises)
    besides = [int(part.split()[-1]) for part in _list(row.get("besides") or "", "; ")]
    return sum(sections[name] for name in names) + sum(_exercises()[name] for name in exercises) + sum(besides)


@pytest.mark.parametrize("plan", ["One day", "Three evenings", "A term"])
def test_each_row_of_a_plan_holds_what_it_names(plan):
    rows = next(_tables(_chapter(plan, "###")))
    assert rows
    for row in rows:
        minutes = int(row["minutes"])
        if "from" in row:
            assert _clock(row["to"]) - _clock(row["from"]) == minutes
        if row["notebook"] != "pause":
            assert 0 <= minutes - _needed(row) <= MOST_SPARE, f"{row} needs {_needed(row)} minutes"


def test_the_day_is_eight_hours_without_a_gap():
    rows = next(_tables(_chapter("One day", "###")))
    assert [row["to"] for row in rows[:-1]] == [row["from"] for row in rows[1:]]
    assert sum(int(row["minutes"]) for row in rows) == 8 * 60


def test_the_evenings_are_three_of_three_hours():
    rows = next(_tables(_chapter("Three evenings", "###")))
    assert sum(int(row["minutes"]) for row in rows) == 3 * 3 * 60
    starts = [place for place, row in enumerate(rows) if row["from"] == "18:00"]
    assert len(starts) == 3
    for row, after in pairwise(rows):
        assert after["from"] in (row["to"], "18:00")


def test_the_term_holds_every_section_once():
    rows = next(_tables(_chapter("A term", "###")))
    assert [int(row["week"]) for row in rows] == list(range(1, 13))
    for number in NUMBERS:
        taught = [name for row in rows if row["notebook"] == str(number) for name in _list(row["sections"], "; ")]
        assert taught == _headings(number)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_and_commands_exist(path):
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://)([^)\s]+)\)", text)
    assert targets
    headings = {_anchor(line) for line in text.splitlines() if line.startswith("#")}
    for target in targets:
        file, _, anchor = target.partition("#")
        assert (ROOT / file).exists() if file else anchor in headings, target
    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    made = set(re.findall(r"(?:`|^    )make ([a-z]+)", text, re.MULTILINE))
    assert made
    assert not made - rules
    files = re.findall(r"(?<![\w/.])((?:tools|tests|helpers|deploy|binder|notebooks|data)/[\w./*-]*\w)", text)
    assert not [file for file in files if not list(ROOT.glob(file))]


def _anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def test_binder_installs_what_the_course_requires():
    """The parts of requirements.txt that say what the notebooks import, and where they are read and run."""
    parts = re.split(r"^# ", (ROOT / "requirements.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    required = [part for part in parts if part.startswith(("What the notebooks import", "Where they are read and run"))]
    assert len(required) == 2
    lines = [line.partition("#")[0].strip() for part in required for line in part.splitlines()[1:]]
    wanted = {re.sub(r"^torch>", "pytorch-cpu>", line) for line in lines if line and line not in NOT_FOR_LEARNERS}
    listed = (ROOT / "binder" / "environment.yml").read_text(encoding="utf-8")
    packages = {line.strip("- ").partition(" #")[0] for line in listed.splitlines() if line.startswith("  - ")}
    assert wanted <= packages
    assert {re.match(r"[\w-]+", package)[0] for package in packages - wanted} == ADDED_BY_BINDER


NOT_FOR_LEARNERS: set[str] = set()
ADDED_BY_BINDER = {"conda-forge", "python", "pip", "setuptools", "nbgitpuller"}


def test_scripts_of_binder_can_be_run():
    for name in ("postBuild", "start"):
        assert (ROOT / "binder" / name).read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")


class _Recorded:
    """Stands for JupyterHub's `c`: takes every setting."""

    def __init__(self):
        self.__dict__["settings"] = {}

    def __getattr__(self, name):
        return self.settings.setdefault(name, _Recorded())

    def __setattr__(self, name, value):
        self.settings[name] = value


def _configured(name, monkeypatch, **surroundings):
    for key in ("HUB_AUTHENTICATOR", "HUB_ADMINS", "HUB_PASSWORD"):
        monkeypatch.delenv(key, raising=False)
    for key, value in surroundings.items():
        monkeypatch.setenv(key, value)
    recorded = _Recorded()

    def run(name):
        path = ROOT / "deploy" / "jupyterhub" / name
        exec(
            compile(path.read_text(encoding="utf-8"), path, "exec"),
            {"get_config": lambda: recorded, "load_subconfig": run},
        )

    run(name)
    return recorded


def _gigabytes(text):
    return float(str(text).removesuffix("G"))


def test_hub_gives_each_learner_what_was_measured(monkeypatch):
    hub = _configured("jupyterhub_config.py", monkeypatch)
    measured = max(row["with workers, MB"] for row in record.read_all()["cost"]["rows"]) / 1000
    assert _gigabytes(hub.Spawner.mem_limit) > measured > 1
    assert hub.Spawner.environment == {"OMP_NUM_THREADS": "1"}
    assert hub.Spawner.default_url == "/lab"
    assert hub.JupyterHub.authenticator_class == "pam"
    assert hub.JupyterHub.services[0]["name"] in hub.JupyterHub.load_roles[0]["services"]


def test_a_hub_with_one_password_stays_on_this_machine(monkeypatch):
    hub = _configured("jupyterhub_config.py", monkeypatch, HUB_AUTHENTICATOR="dummy", HUB_PASSWORD="secret")
    assert hub.JupyterHub.bind_url.startswith("http://127.0.0.1")
    with pytest.raises(KeyError, match="HUB_PASSWORD"):
        _configured("jupyterhub_config.py", monkeypatch, HUB_AUTHENTICATOR="dummy")


def test_chart_values_are_those_of_the_hub(monkeypatch):
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which JupyterLab brings along")
    values = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "values.yaml").read_text(encoding="utf-8"))
    spawner = _configured("course.py", monkeypatch).Spawner
    single = values["singleuser"]
    assert set(values) == {"singleuser", "cull", "hub", "prePuller", "scheduling"}
    assert single["extraEnv"] == spawner.environment
    assert single["defaultUrl"] == spawner.default_url
    assert single["memory"]["guarantee"] == spawner.mem_guarantee
    assert _gigabytes(single["memory"]["limit"]) > _gigabytes(single["memory"]["guarantee"])
    assert values["cull"]["timeout"] == 3600


def test_dev_container_is_whole():
    folder = ROOT / ".devcontainer"
    settings = json.loads((folder / "devcontainer.json").read_text(encoding="utf-8"))
    dockerfile = (folder / settings["build"]["dockerfile"]).read_text(encoding="utf-8")
    assert f"useradd --create-home --shell /bin/bash {settings['remoteUser']}" in dockerfile
    assert settings["postCreateCommand"] == "make .venv/installed"
    assert "\n.venv/installed:" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_workflow_runs_on_every_system_and_python():
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which JupyterLab brings along")
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "course.yml").read_text(encoding="utf-8"))["jobs"]
    supported = ["3.10", "3.11", "3.12", "3.13"]
    systems = {jobs["linux"]["runs-on"], *jobs["elsewhere"]["strategy"]["matrix"]["system"]}
    assert systems == {"ubuntu-latest", "macos-latest", "windows-latest"}
    assert all(job["strategy"]["matrix"]["python"] == supported for job in jobs.values())
    bounds = re.search(
        r'requires-python = ">=([\d.]+),<([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    )
    assert bounds.groups() == (supported[0], "3.14")


# What a notebook costs


def test_memory_of_what_is_started_is_seen_at_its_highest():
    take = "import sys, time; x = b'x' * 150_000_000; time.sleep(1); del x; time.sleep(1)"
    with cost.Watch() as watch:
        subprocess.run([sys.executable, "-c", take], check=True)
    assert 150e6 < watch.own_memory <= watch.memory < 400e6
    assert 150e6 < watch.largest <= watch.memory
    assert 0 < watch.processor_seconds < 30
    if sys.platform == "linux":  # only there the pages of files are told apart
        assert watch.own_memory < watch.memory


def test_two_processes_count_together():
    take = "import time; x = b'x' * 100_000_000; time.sleep(4)"
    with cost.Watch() as watch:
        running = [subprocess.Popen([sys.executable, "-c", take]) for _ in range(2)]
        assert [one.wait(timeout=60) for one in running] == [0, 0]
    assert 200e6 < watch.own_memory < 400e6
    assert 100e6 < watch.largest < 200e6


def test_what_runs_already_is_not_counted():
    running = subprocess.Popen([sys.executable, "-c", "import time; x = b'x' * 100_000_000; time.sleep(20)"])
    try:
        time.sleep(1)
        with cost.Watch() as watch:
            time.sleep(0.5)
    finally:
        running.kill()
        running.wait(timeout=30)
    assert watch.memory == 0


def _cost(**changes):
    figures = {"seconds": 12.0, "processor_seconds": 9.0, "kernel_memory": 1_100_000_000, "memory": 1_700_000_000}
    figures = {"name": "01_tensors", "cells": 9, **figures, "own_memory": 800_000_000, "size": 190_000, **changes}
    return cost.Cost(**figures)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "ok"),
        ({"seconds": 20.5}, "longer than 20 s"),
        ({"kernel_memory": 1_250_000_000}, "more than 1.2 GB"),
        ({"own_memory": 1_250_000_000}, "more than 1.2 GB"),
        ({"seconds": 30, "kernel_memory": 2e9}, "longer than 20 s, more than 1.2 GB"),
    ],
)
def test_limits_of_a_notebook(changes, verdict):
    assert _cost(**changes).verdict() == verdict


def test_table_of_costs():
    row = cost.table([_cost()]).splitlines()[2]
    assert row == "| 01_tensors | 9 | 12.0 | 9.0 s | 1100 MB | 1700 MB | 800 MB | 190 kB | ok |"


@pytest.mark.parametrize("wrong", [["README.md"], ["nowhere.ipynb"], ["--repeat", "0"], ["--repeat", "two"]])
def test_cost_of_what_is_no_notebook(wrong, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as ended:
        cost.main(wrong)
    assert ended.value.code == 2
    assert f"received {wrong[-1]}" in capsys.readouterr().err


# The cells of a new exercise


def _without_second():
    """Notebook 4 as it would be before its second exercise: without the four cells, numbers and minutes older."""
    notebook = copy.deepcopy(_notebook(4))
    notebook.cells = [cell for cell in notebook.cells if not cell.id.startswith("collectors-")]
    for cell in notebook.cells:
        cell.source = re.sub(r"^#### Exercise 4\.[3-6]:", "#### Exercise 4.99:", cell.source)
    notebook.cells[0].source = notebook.cells[0].source.replace("and 37 for the exercises", "and 33 for the exercises")
    return notebook


def test_a_new_exercise_has_its_cells_and_all_are_numbered_anew():
    notebook = _without_second()
    add(notebook, "collectors", "ask-later")
    whole = _notebook(4)
    assert [cell.id for cell in notebook.cells] == [cell.id for cell in whole.cells]
    assert notebook.cells[0].source == whole.cells[0].source
    for made, stored in zip(notebook.cells, whole.cells, strict=True):
        assert made.metadata.get("tags") == stored.metadata.get("tags")
        if made.id.endswith("-task"):
            assert made.source.splitlines()[:3] == stored.source.splitlines()[:3]
            assert made.source.splitlines()[4:] == stored.source.splitlines()[4:] or made.id == "collectors-task"
    made = {cell.id: cell for cell in notebook.cells}
    assert "TODO" in made["collectors-task"].source
    assert "check.collectors(TODO)" in made["collectors-exercise"].source
    assert made["collectors-solution"].source.startswith("# Solution\n")
    assert book_of(notebook).exercises["collectors"].number == "4.2"


@pytest.mark.parametrize(
    ("check", "after", "message"),
    [
        ("collector", "ask-later", r"received collector\. Its checks: slope, collectors"),
        ("slope", "ask-later", "slope-exercise is there"),
        ("collectors", "ask-never", "received ask-never"),
    ],
)
def test_a_new_exercise_that_cannot_be(check, after, message):
    notebook = _without_second()
    before = copy.deepcopy(notebook)
    with pytest.raises(ValueError, match=message):
        add(notebook, check, after)
    assert notebook == before


def test_a_new_exercise_in_a_file(tmp_path, capsys):
    path = tmp_path / "04.ipynb"
    nbformat.write(_without_second(), path)
    assert new_exercise([str(path), "collectors", "--after", "ask-later"]) == 0
    assert "collectors-hint" in path.read_text(encoding="utf-8")
    for wrong in ([str(path), "collectors"], [str(tmp_path / "no.ipynb"), "collectors"]):
        with pytest.raises(SystemExit):
            new_exercise([*wrong, "--after", "ask-later"])
    assert "no.ipynb" in capsys.readouterr().err
