"""The site: every link leads somewhere, nothing comes from elsewhere, and what can be looked up is what is taught."""

import copy
import os
import re
import runpy
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup

from tools import lookup
from tools.lookup import DOCS, NOTEBOOKS, ROOT, Notebook
from tools.site import PAGES, cards, lookup_pages, main, relink

ORDER = ["index", "take", *(f"notebooks/{path.stem}" for path in NOTEBOOKS), "cheat_sheet", "errors", "glossary"]
ORDER += ["teach", "contribute", "data", "proof"]


@pytest.fixture(scope="module")
def pages(site):
    """The pages by their places on the site, such as notebooks/01_tensors.html."""
    files = {file.relative_to(site).as_posix(): file for file in site.rglob("*.html") if "_static" not in file.parts}
    return {place: BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser") for place, file in files.items()}


@pytest.fixture
def notebooks():
    return [Notebook.read(path) for path in NOTEBOOKS]


@pytest.fixture(scope="module")
def places():
    return yaml.safe_load((DOCS / "places.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def glossary():
    return yaml.safe_load((DOCS / "glossary.yml").read_text(encoding="utf-8"))


def _words(text):
    return " ".join(text.split())


def _broken(pages, site):
    """Every address on the pages that leads nowhere on the site, or loads something from elsewhere."""
    anchors = {place: {one["id"] for one in page.select("[id]")} for place, page in pages.items()}
    for place, page in pages.items():
        for element in page.select("[href], [src]"):
            address = urlsplit(element.get("href") or element.get("src"))
            if address.scheme or address.netloc:
                if element.name != "a" or address.scheme != "https":
                    yield place, address.geturl()
                continue
            target = place
            if address.path:
                target = os.path.normpath(Path(place).parent / unquote(address.path)).replace(os.sep, "/")
            anchor, known = unquote(address.fragment), anchors.get(target, set())
            if not (site / target).is_file() or (anchor and anchor not in known):
                yield place, address.geturl()


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(pages, site):
    assert not list(_broken(pages, site))
    assert sum(len(page.select("[href], [src]")) for page in pages.values()) > 1000


@pytest.mark.parametrize(
    "change",
    [
        '<a href="nowhere.html">',
        '<a href="glossary.html#nothing">',
        '<script src="https://example.org/a.js">',
        '<img src="x.png">',
    ],
)
def test_broken_links_are_found(pages, site, change):
    changed = {**pages, "index.html": BeautifulSoup(change, "html.parser")}
    assert len(list(_broken(changed, site))) == 1


def test_pages_are_there_and_follow_each_other(pages):
    for before, after in pairwise(ORDER):
        assert pages[f"{before}.html"].select_one("a.right-next")["href"].endswith(f"{Path(after).name}.html")
        assert pages[f"{after}.html"].select_one("a.left-prev")["href"].endswith(f"{Path(before).name}.html")
    assert {re.sub(r"\.(md|ipynb)$", ".html", place) for place in PAGES.values()} == pages.keys() - {"search.html"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_show_their_stored_outputs(pages, path):
    page = pages[f"notebooks/{path.stem}.html"]
    shown = _words(" ".join(output.get_text() for output in page.select(".cell_output")))
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if output.output_type == "error":
                assert _words(output.evalue) in shown, cell.id
            elif output.output_type == "stream":
                assert _words(output.text) in shown, cell.id
            elif "text/html" not in data and "image/png" not in data:
                assert _words(data["text/plain"]) in shown, cell.id
    assert not page.select("script[type*=widget]")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_figures_have_their_descriptions(pages, path, site):
    outputs = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", [])]
    stored = [output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})]
    figures = pages[f"notebooks/{path.stem}.html"].select("article figure")
    assert stored
    assert [figure.img["alt"] for figure in figures] == stored
    assert [figure.figcaption.get_text() for figure in figures] == stored
    # Read aloud once: as the description of the picture.
    assert all(figure.figcaption["aria-hidden"] == "true" for figure in figures)
    for figure in figures:
        assert (site / "notebooks" / figure.img["src"]).read_bytes().startswith(b"\x89PNG")


def test_every_picture_has_a_description(pages):
    for place, page in pages.items():
        for picture in page.select("article img"):
            # The pictures on the cards stand beside the words that say where the card leads.
            assert picture.get("alt") or picture.find_parent("ol", "notebooks"), f"{place}: {picture}"
            assert not picture["alt"].endswith((".png", ".jpg")), f"{place}: {picture}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_solutions_are_folded_and_nothing_else_is(pages, path):
    cells = nbformat.read(path, as_version=4).cells
    stored = sum("solution" in cell.metadata.get("tags", []) for cell in cells)
    page = pages[f"notebooks/{path.stem}.html"]
    folded = page.select("details.hide")
    assert len(folded) == len(page.select("div.tag_solution")) == stored > 0
    assert all("open" not in one.attrs and one.summary.get_text().split()[0] == "Solution" for one in folded)
    assert all(one.select(".cell_input") for one in folded)
    assert not page.select("div.tag_exercise details")


def test_first_page_shows_every_notebook_with_its_picture(pages):
    shown = pages["index.html"].select("ol.notebooks a")
    assert [one["href"] for one in shown] == [f"notebooks/{path.stem}.html" for path in NOTEBOOKS]
    assert all(one.img["src"] and "minutes" in one.small.get_text() for one in shown)


def test_a_notebook_that_readme_does_not_list_is_an_error(notebooks):
    with pytest.raises(ValueError, match=r"a row for each notebook in the table of README.md; found 01_tensors, "):
        cards(notebooks[:-1])


# What can be looked up


def _stored_rows(last):
    """The rows of the recap tables as they stand in the notebooks, found without the tool that is tested."""
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            inside = False
            for line in cell.source.splitlines() if cell.cell_type == "markdown" else []:
                columns = line.strip("| ").split(" | ")
                if inside and line.startswith("| "):
                    yield path.stem, columns
                inside = line.startswith("|") and (inside or columns[-1] == last)


def _letters(text):
    return re.sub(r"[\W_]", "", text)


@pytest.mark.parametrize(("place", "last", "least"), [("errors", "remedy", 40), ("cheat_sheet", "what it does", 90)])
def test_every_row_of_the_recaps_is_there_and_leads_to_its_section(pages, place, last, least):
    rows = list(_stored_rows(last))
    shown = pages[f"{place}.html"].select("tbody tr")
    assert len(rows) == len(shown) >= least
    for (stem, stored), row in zip(rows, shown, strict=True):
        for part, column in zip(stored, row.select("td"), strict=False):
            assert _letters(part) in _letters(column.get_text())
        links = [link["href"] for link in row.select("a")]
        assert links
        assert all(re.fullmatch(r"notebooks/\d\d_\w+\.html#.+", link) for link in links)
        if place == "cheat_sheet":
            assert links[0].startswith(f"notebooks/{stem}.html")


def test_errors_on_purpose_are_taught_where_they_are_raised_and_stand_there_in_full(pages):
    table = pages["errors.html"]
    text = _words(table.get_text())
    raised = 0
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                said = output.evalue if output.output_type == "error" else None
                if "print(error)" in cell.source:  # caught, and said all the same
                    said = output.text
                # One error is the notebook's own, and stands beside the warning that it replaces.
                if said is not None and "target of [40, 1]" not in said:
                    raised += 1
                    assert re.sub(r"^\w+: ", "", _words(said)) in text, f"{path.stem}: {cell.id}"
    assert raised >= 25


def test_a_change_in_a_recap_changes_the_pages(notebooks):
    before = lookup_pages(notebooks)
    changed = copy.deepcopy(notebooks)
    for cell in changed[0].cells:
        cell.source = cell.source.replace("how many numbers, how many bytes", "numbers and bytes, counted")
        cell.source = cell.source.replace("the sizes that touch differ", "an inner size is wrong")
    after = lookup_pages(changed)
    assert "numbers and bytes, counted" in after["cheat_sheet.md"] != before["cheat_sheet.md"]
    assert "an inner size is wrong" in after["errors.md"] != before["errors.md"]
    assert after["glossary.md"] == before["glossary.md"]


def _add_row(notebook, last, row):
    """Add a row to the table whose header ends with this."""
    for cell in notebook.cells:
        cell.source = re.sub(rf"(\| {last} \|\n[|-]+\n)", lambda found: f"{found[1]}{row}\n", cell.source)


def test_rows_that_lead_nowhere_are_errors(notebooks, places):
    _add_row(notebooks[0], "remedy", "| the disk is full | no room | buy one |")
    with pytest.raises(ValueError, match=r"a cell that raises 'the disk is full', which the recap of 01_tensors lists"):
        lookup.errors(notebooks, places["errors"])
    assert lookup.errors(notebooks, {**places["errors"], 1: {**places["errors"][1], "the disk is full": "1#views"}})
    _add_row(notebooks[1], "what it does", "| `torch.fly()` | flies |")
    with pytest.raises(ValueError, match=r"02_datasets to use `torch.fly\(\)`, which its recap lists"):
        lookup.calls(notebooks, places["calls"])


def test_an_error_on_purpose_without_a_row_is_an_error(notebooks, places):
    for cell in notebooks[3].cells:
        cell.source = re.sub(r"^\| a leaf Variable.*\n", "", cell.source, flags=re.MULTILINE)
    with pytest.raises(ValueError, match=r"recap of 04_autograd; found none for 'a leaf Variable that requires grad"):
        lookup.errors(notebooks, places["errors"])


def test_places_that_nothing_needs_or_that_are_not_there_are_errors(notebooks, places):
    with pytest.raises(ValueError, match=r"docs/places.yml to name a row; notebook 1 has no 'it is raining'"):
        lookup.errors(notebooks, {**places["errors"], 1: {**places["errors"][1], "it is raining": "1#views"}})
    with pytest.raises(ValueError, match=r"as in 1#broadcasting; received '1#nowhere'"):
        lookup.errors(notebooks, {**places["errors"], 1: dict.fromkeys(places["errors"][1], "1#nowhere")})
    with pytest.raises(ValueError, match="notebook 9 has no"):
        lookup.calls(notebooks, {**places["calls"], 9: {"x": "1#views"}})


def test_the_recaps_must_have_their_tables(notebooks, places):
    for cell in notebooks[2].cells:
        cell.source = cell.source.replace("| remedy |", "| what to do |")
    with pytest.raises(ValueError, match=r"remedy in the recap of 03_build_model; found none"):
        lookup.errors(notebooks, places["errors"])


@pytest.mark.parametrize(
    ("call", "code", "met"),
    [
        ("x.shape", "y.shape", True),
        ("x.shape", "shape", False),
        ("zeros", "torch.zeros(2)", True),
        ("zeros", "zeros_like(2)", False),
        ("T", "x.T", True),
        ("A @ B", "X @ weight", True),
        ("A @ B", "X * weight", False),
        ("class Net(nn.Module)", "class Other(nn.Module):", True),
        ("X = X.to(device)", "X = 1", True),
        (".current_accelerator()", "torch.accelerator.current_accelerator()", True),
        ("dim=", "cat(x, dim=0)", True),
        ("nn.Softmax(dim=1)(logits)", "nn.Softmax(dim=0)", True),
    ],
)
def test_calls_are_recognised_in_code(call, code, met):
    assert bool(re.search(lookup._pattern(call), code)) == met


# The glossary


def test_every_term_is_used_in_the_section_that_introduces_it(glossary, notebooks, pages):
    terms = lookup.terms(glossary, notebooks)
    assert 60 <= len(terms) == len(glossary)
    shown = pages["glossary.html"].select("dl.glossary dt")
    assert [_words(one.get_text().rstrip("#")) for one in shown] == [one.term for one in terms]
    for one in shown:
        links = one.find_next_sibling("dd").select("a")
        assert len(links) == 1
        assert links[0]["href"].startswith("notebooks/")


def test_definitions_are_one_sentence_and_do_not_begin_with_the_term(glossary):
    for term, entry in glossary.items():
        meaning = _words(entry["means"])
        assert meaning[0].isupper(), term
        assert meaning.endswith("."), term
        assert not re.search(r"[.!?] [A-Z]", meaning), f"{term} has more than one sentence"
        assert set(entry) <= {"means", "where", "also"}, term


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("1#views", "Expected the section 1#views to use the term 'tesseract'"),
        ("1#nowhere", "received '1#nowhere'"),
        ("8#views", "received '8#views'"),
    ],
)
def test_terms_that_their_section_does_not_use_are_errors(notebooks, where, fault):
    with pytest.raises(ValueError, match=fault):
        lookup.terms({"tesseract": {"means": "A cube of rank 4.", "where": where}}, notebooks)


def test_words_that_the_notebooks_put_in_bold_as_new_are_in_the_glossary(glossary, notebooks):
    """Where an error is read, bold words are those of its message."""
    known = " ".join(f"{term}, {entry.get('also', '')}" for term, entry in glossary.items()).lower()
    introduced = set()
    for notebook in notebooks:
        for section in notebook.sections.values():
            if not section.recap and not section.title.startswith("A mistake on purpose"):
                introduced |= set(re.findall(r"(?:called|is an?|An?|the) \*\*([a-z][a-z -]+)\*\*", section.prose))
    assert len(introduced) > 20
    assert not {word for word in introduced if word not in known and word.removesuffix("s") not in known}


# Sections, links, formulas


def test_sections_go_on_after_an_exercise():
    cells = [
        nbformat.v4.new_markdown_cell("# 1. Title\n\nabove"),
        nbformat.v4.new_markdown_cell("before\n\n## A `view`, twice\n\nfirst"),
        nbformat.v4.new_markdown_cell("#### Exercise 1.1: Do"),
        nbformat.v4.new_code_cell("answer = ...", metadata={"tags": ["exercise"]}),
        nbformat.v4.new_code_cell("answer = 1", metadata={"tags": ["solution"]}),
        nbformat.v4.new_markdown_cell("after"),
        nbformat.v4.new_code_cell("import torch\nx.view(1)  # not shape"),
        nbformat.v4.new_markdown_cell("## A `view`, twice\n\nsecond"),
    ]
    sections = Notebook("01_a", cells).sections
    assert list(sections) == ["1-title", "a-view-twice", "exercise-11-do", "a-view-twice-1"]
    assert "before" in sections["1-title"].prose
    assert "after" in sections["a-view-twice"].prose
    assert sections["a-view-twice"].code.split() == ["x.view(1)"]
    assert not sections["exercise-11-do"].code


def test_links_find_their_new_places(tmp_path):
    text = (
        "[a](../README.md) [`b`](../data/README.md#checksums) ![c](../.github/pad.png) [d](../helpers/plotting) "
        "[e](../helpers/training.py) [f](https://example.org/x) [g](#here) `h[0](X)`\n\n```\n[i](nowhere)\n```\n"
        "[j](02_datasets.ipynb)"
    )
    assert relink(text, "notebooks/01_tensors.ipynb", "notebooks/01_tensors.ipynb", tmp_path) == (
        "[a](../take.md) [`b`](../data.md#checksums) ![c](../.github/pad.png) d "
        "[e](../helpers/training.py) [f](https://example.org/x) [g](#here) `h[0](X)`\n\n```\n[i](nowhere)\n```\n"
        "[j](02_datasets.ipynb)"
    )
    assert (tmp_path / ".github" / "pad.png").read_bytes() == (ROOT / ".github" / "pad.png").read_bytes()
    assert (tmp_path / "helpers" / "training.py").is_file()


def test_links_to_nowhere_are_errors(tmp_path):
    with pytest.raises(ValueError, match=r"the links of docs/take.md to lead somewhere; nowhere.md does not exist"):
        relink("[x](nowhere.md)", "docs/take.md", "take.md", tmp_path)


def test_formulas_are_written_without_a_script(tmp_path):
    (tmp_path / "index.md").write_text("# Formulas\n\nIn a line $w^2$, and\n\n$$\n\\frac{1}{n}\n$$\n", encoding="utf-8")
    (tmp_path / "_static").mkdir()
    for name in ("favicon.svg", "course.css", "course.js"):
        (tmp_path / "_static" / name).touch()
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-c", DOCS, tmp_path, tmp_path / "out"]
    assert subprocess.run(command, check=False).returncode == 0
    page = BeautifulSoup((tmp_path / "out" / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert [one.get("display") for one in page.select("article math")] == [None, "block"]
    assert page.select("math msup")
    assert page.select("math mfrac")
    assert "MathJax" not in page.prettify()


# The command, and how it is published


def test_the_address_of_the_repository_is_shown_where_it_is_known(monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    assert "repository_url" not in runpy.run_path(str(DOCS / "conf.py"))["html_theme_options"]
    monkeypatch.setenv("GITHUB_REPOSITORY", "somebody/course")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://git.example.org")
    options = runpy.run_path(str(DOCS / "conf.py"))["html_theme_options"]
    assert options["repository_url"] == "https://git.example.org/somebody/course"


def test_the_command_says_what_is_wrong(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("tools.site.lookup_pages", lambda notebooks: cards(notebooks[:1]))
    assert main(["--into", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("Expected a row for each notebook")


def test_the_workflow_publishes_what_make_site_builds_from_main_only():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "site.yml").read_text(encoding="utf-8"))
    assert workflow[True]["push"] == {"branches": ["main"]}  # YAML reads `on` as true
    assert "pull_request" not in workflow[True]
    build, deploy = workflow["jobs"]["build"], workflow["jobs"]["deploy"]
    ran = " ".join(step.get("run", "") for step in build["steps"])
    assert "tools/site.py" in ran
    assert "requirements-site.txt" in ran
    uploads = [step["with"]["path"] for step in build["steps"] if "upload-pages-artifact" in step.get("uses", "")]
    assert uploads == ["build/site"]
    assert deploy["needs"] == "build"
    assert deploy["permissions"] == {"pages": "write", "id-token": "write"}


def test_the_site_can_be_built_with_its_own_requirements():
    """The workflow installs nothing else, so what the two tools import must be named there."""
    named = (ROOT / "requirements-site.txt").read_text(encoding="utf-8").lower().replace("-", "_")
    for file in ("tools/site.py", "tools/lookup.py", "docs/conf.py"):
        for module in re.findall(r"^(?:from|import) (\w+)", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE):
            if module not in {*sys.stdlib_module_names, "tools", "__future__"}:
                assert {"yaml": "pyyaml"}.get(module, module) in named, f"{file} imports {module}"
