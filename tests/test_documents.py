"""Documents, settings and style: generated tables, links, named cells, what other places install, and ruff."""

import json
import re
import subprocess
import sys
from functools import cache

import nbformat
import pytest
import yaml
from traitlets.config.loader import PyFileConfigLoader

from tools import NOTEBOOKS, ROOT, tables


def test_links_of_the_readme_lead_somewhere():
    """Sphinx follows those of all other pages and of the notebooks when a test builds the site."""
    links = re.findall(r"\]\(([^)]+)\)", tables.README.read_text(encoding="utf-8"))
    assert links
    assert not [link for link in links if "://" not in link and not (ROOT / link).exists()]


# Tables that repeat facts


@pytest.mark.parametrize("path", [tables.README, tables.GUIDE, *NOTEBOOKS], ids=lambda path: path.name)
def test_what_repeats_a_fact_is_up_to_date(path):
    assert path.read_text(encoding="utf-8") == _generated()[path], "run `python -m tools.tables`"


_generated = cache(tables.generated)


@pytest.fixture
def plans():
    return yaml.safe_load(tables.PLANS.read_text(encoding="utf-8"))


def test_a_changed_fact_changes_the_tables(plans, monkeypatch):
    course = tables.lessons(plans["notebooks"])
    exercise = course[4].exercises["slope"]
    monkeypatch.setattr(exercise, "minutes", 77)
    monkeypatch.setattr(exercise, "title", "Another title")
    text = tables.fill_notebook(course[4])
    assert "#### Exercise 4.1: Another title\\n" in text
    assert "*About 77 minutes" in text
    assert f"| 4.1 | Another title | {exercise.goal} | 77 |" in tables.lesson_tables(course[4])
    assert f"{course[4].exercise_minutes} minutes |" in tables.notebook_table(course)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lesson, _: lesson["sections"].pop("reshape-question"), "to have the sections from-data"),
        (lambda lesson, _: lesson["sections"]["reshape-question"].update(minutes=99), "to take 60 minutes in all"),
        (lambda _, rows: rows["day"][0].update(minutes=0), "minutes for 09:00 of the plan 'day'"),
        (lambda _, rows: rows["evenings"].pop(), "Expected 3 times 180 minutes in the plan 'evenings'"),
    ],
)
def test_a_plan_that_does_not_add_up_is_refused(change, message, plans):
    change(plans["notebooks"][1], {name: plan["rows"] for name, plan in plans["plans"].items()})
    with pytest.raises(ValueError, match=message):  # noqa: PT012
        course = tables.lessons(plans["notebooks"])
        for name, plan in plans["plans"].items():
            tables.plan_table(name, plan, course)


def test_the_term_has_every_section_once(plans):
    for number, lesson in tables.lessons(plans["notebooks"]).items():
        rows = [row for row in plans["plans"]["term"]["rows"] if row["notebook"] == number]
        assert [name for row in rows for name in row["sections"]] == list(lesson.headings)


def test_cells_that_the_guide_names_exist_and_every_prediction_is_there():
    cells = {cell.id: cell for path in NOTEBOOKS for cell in nbformat.read(path, as_version=4).cells}
    named = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", tables.GUIDE.read_text(encoding="utf-8")))
    assert named <= cells.keys()
    assert named >= {name for name, cell in cells.items() if "> **Predict, then" in cell.source}


# Settings for other places


def test_binder_takes_the_same_pytorch():
    required = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = yaml.safe_load((ROOT / "binder" / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    wanted = [
        line.replace("torch>", "pytorch-cpu>") for line in required if line.startswith(("torch>", "torchvision>"))
    ]
    assert len(wanted) == 2
    assert set(wanted) <= set(listed)


def test_workflow_dev_container_and_package_name_the_same_pythons():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "course.yml").read_text(encoding="utf-8"))["jobs"]
    pythons = [job["strategy"]["matrix"]["python"] for job in jobs.values() if "strategy" in job]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"Python {each[0]} to {each[-1]}" in readme for each in pythons)
    assert f'requires-python = ">={pythons[0][0]}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    rule = settings["postCreateCommand"].removeprefix("make ")
    assert f"\n{rule}:" in (ROOT / "Makefile").read_text(encoding="utf-8")


def _hub(monkeypatch, **variables):
    for key in ("HUB_AUTHENTICATOR", "HUB_ADMINS", "HUB_PASSWORD"):
        monkeypatch.delenv(key, raising=False)
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    return PyFileConfigLoader("jupyterhub_config.py", str(ROOT / "deploy" / "jupyterhub")).load_config()


def test_hub_and_chart_give_each_learner_the_same(monkeypatch):
    hub = _hub(monkeypatch)
    values = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "values.yaml").read_text(encoding="utf-8"))
    chart = values["singleuser"]
    assert chart["extraEnv"] == hub.Spawner.environment == {"OMP_NUM_THREADS": "1", "PYTHONPATH": ".."}
    assert chart["defaultUrl"] == hub.Spawner.default_url
    assert chart["memory"] == {"guarantee": hub.Spawner.mem_guarantee, "limit": hub.Spawner.mem_limit}
    assert values["hub"]["config"]["KubeSpawner"]["group_overrides"] == hub.Spawner.group_overrides
    assert hub.JupyterHub.authenticator_class == "pam"


def test_a_hub_with_one_password_stays_on_this_machine(monkeypatch):
    hub = _hub(monkeypatch, HUB_AUTHENTICATOR="dummy", HUB_PASSWORD="secret")
    assert hub.JupyterHub.bind_url.startswith("http://127.0.0.1")
    with pytest.raises(KeyError, match="HUB_PASSWORD"):
        _hub(monkeypatch, HUB_AUTHENTICATOR="dummy")


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_code_and_notebooks_are_clean_for_ruff(command):
    ruff = [sys.executable, "-m", "ruff", *command, "."]
    result = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
