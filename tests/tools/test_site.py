"""The site as a reader gets it: every page with its outputs, and no solution unfolded; the students' has none."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup

from tools import NOTEBOOKS, ROOT
from tools.exercises import places

SOURCES = [*ROOT.glob("docs/*.md"), *NOTEBOOKS, ROOT / "data" / "README.md", ROOT / "CONTRIBUTING.md"]


def _page(folder, source):
    file = folder / source.relative_to(ROOT).with_suffix(".html")
    return BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")


def _letters(text):
    return re.sub(r"\W", "", text)


def test_every_page_is_there_and_can_be_reached_from_the_first_one(site):
    entry = BeautifulSoup((site / "index.html").read_text(encoding="utf-8"), "html.parser")
    first = site / entry.a["href"]
    links = BeautifulSoup(first.read_text(encoding="utf-8"), "html.parser").select("a[href]")
    reached = {(first.parent / link["href"].partition("#")[0]).resolve() for link in links} | {first}
    assert reached >= {(site / source.relative_to(ROOT)).with_suffix(".html").resolve() for source in SOURCES}


def test_a_notebook_shows_its_outputs_and_its_figures_with_their_captions(path, site):
    page = _page(site, path)
    shown = _letters("".join(output.get_text() for output in page.select(".cell_output")))
    outputs = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", [])]
    for output in outputs:
        text = output.get("evalue") or output.get("text") or ""
        if "text/html" not in output.get("data", {}) and "image/png" not in output.get("data", {}):
            text = text or output.data["text/plain"]
        assert _letters(text) in shown
    captions = [output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})]
    texts = [line for output in outputs for line in output.get("data", {}).get("text/plain", "").splitlines()]
    assert [image["alt"] for image in page.select(".cell_output img")] == captions
    assert {*captions} <= {*texts}  # nbval compares them
    assert captions


def test_solutions_are_folded_and_nothing_else_is(path, site):
    page = _page(site, path)
    folded = [cell.select_one(".cell_input").get_text() for cell in page.select("details.hide")]
    solutions = [place.solution.source for place in places(path)]
    assert [_letters(source) for source in folded] == [_letters(source) for source in solutions]
    assert not page.select("details[open]")


@pytest.mark.parametrize("name", ["cheat_sheet", "errors"])
def test_the_recap_of_every_notebook_has_its_table(name, site):
    sections = _page(site, ROOT / "docs" / f"{name}.md").select("section section")
    assert len(sections) == len(NOTEBOOKS)
    assert all(len(section.select("tbody tr")) > 2 for section in sections)


def test_the_edition_for_students_has_no_solution_and_no_page_for_instructors(tmp_path):
    address = "https://github.com/example/course"
    env = {**os.environ, "COURSE_STUDENT": "yes", "COURSE_REPOSITORY": address, "COURSE_HUB": "https://hub.example.org"}
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "-c", "docs", ".", tmp_path]
    subprocess.run(command, cwd=ROOT, env=env, check=True)
    pages = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.html") if "_" not in path.parts[0]}
    assert {f"notebooks/{path.stem}.html" for path in NOTEBOOKS} < pages
    assert not pages & {f"docs/{name}.html" for name in ("teaching", "classroom", "verification")}
    assert not list(tmp_path.rglob("*.ipynb")), "the files have the solutions"
    for path in NOTEBOOKS:
        page = _page(tmp_path, path)
        assert not page.select("details.hide")
        own = [link["href"] for link in page.select(".dropdown-launch-buttons a")]
        assert [link.partition("//")[2].partition("/")[0] for link in own] == [
            "mybinder.org",
            "hub.example.org",
            "colab.research.google.com",
        ]
        assert all(path.name in link for link in own)
