"""The slides: what the cells say under `slideshow` is what is seen; nothing of a solution is."""

import html
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import tools.slides
from tools.notebooks import NOTEBOOKS
from tools.slides import Code, Deck, SlidesError, chromium_page, main, page, passage, passages, write

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="


def _text(identity, source, **said):
    return new_markdown_cell(source, id=identity, metadata={"slideshow": said} if said else {})


def _code(identity, code, *outputs, tags=(), **said):
    metadata = {"tags": list(tags)} | ({"slideshow": said} if said else {})
    return new_code_cell(code, id=identity, metadata=metadata, outputs=list(outputs))


def _says(text):
    return new_output("stream", text=text)


def _deck(*cells):
    title = _text("the-title", "# 9. An example\n\nWhy.", slide_type="slide")
    return Deck(new_notebook(cells=[title, *cells]))


def _kinds(slide):
    return [part.kind for part in slide.parts]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_deck_is_whole(path):
    cells = nbformat.read(path, as_version=4).cells
    deck = Deck(nbformat.read(path, as_version=4))
    assert 30 <= len(deck.slides) <= 60
    assert deck.slides[0].opening
    assert "You will be able to" in deck.slides[1].parts[0].html
    assert any(slide.title.startswith("Recap") for slide in deck.slides)
    assert len({slide.name for slide in deck.slides}) == len(deck.slides)
    tasks = [slide for slide in deck.slides if slide.title.startswith("Exercise ")]
    assert len(tasks) == sum("exercise" in cell.metadata.get("tags", []) for cell in cells)
    assert all(_kinds(slide)[-1] == "cell" and "check" in slide.parts[-1].source for slide in tasks)
    assert not any(slide.parts[-1].outputs for slide in tasks)
    assert sum("predict" in _kinds(slide) for slide in deck.slides) >= 2
    pictures = sum(output.kind == "figure" for slide in deck.slides for output in _outputs(slide))
    stored = sum("image/png" in output.get("data", {}) for cell in cells for output in cell.get("outputs", []))
    assert pictures >= 0.7 * stored - 1
    assert all(slide.parts for slide in deck.slides), "a slide with a title alone"
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert not re.search(r"\$[^$\n]+\$", prose), "a slide would show the dollars of LaTeX: write it in plain letters"


def _outputs(slide):
    return [output for part in slide.parts if isinstance(part, Code) for output in part.outputs]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_slide_and_no_note_gives_a_solution_away(path):
    notebook = nbformat.read(path, as_version=4)
    seen = html.unescape(re.sub(r"<[^>]*>", "", page(Deck(notebook))))
    solutions = [cell for cell in notebook.cells if "solution" in cell.metadata.get("tags", [])]
    elsewhere = "\n".join(cell.source for cell in notebook.cells if cell not in solutions)
    for cell in solutions:
        own = [line.strip() for line in cell.source.splitlines() if line.strip() not in elsewhere and len(line) > 24]
        assert own, f"nothing in {cell.id} tells it from other cells"
        assert not [line for line in own if line in seen]
    assert "<summary>" not in page(Deck(notebook))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_page_asks_only_for_what_lies_beside_it(path, tmp_path):
    assert write([path], tmp_path, None) == 0
    text = (tmp_path / f"{path.stem}.html").read_text(encoding="utf-8")
    wanted = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"([^\"]*)\"", text)
    assert len(wanted) > 6
    assert all(name.startswith("data:") or (tmp_path / name).is_file() for name in wanted)
    beside = [
        file.read_text(encoding="utf-8") for file in [*tmp_path.glob("slides.*"), tmp_path / "reveal" / "reveal.css"]
    ]
    assert not [style for style in beside if "@import" in style or "url(http" in style]
    images = re.findall(r"<img [^>]*>", text)
    assert all(re.search(r'alt="[^"]{20,}"', image) for image in images)


def test_a_passage_is_found_across_line_ends():
    source = "One two\nthree, and four. Five `x`, six."
    assert passage("two three", source) == "two\nthree"
    assert passage("and … Five", source) == "and four. Five"
    assert passages("two three\n\nFive `x`,", source) == ["Two\nthree.", "Five `x`."]
    assert passages("One … six.", source) == [source]


@pytest.mark.parametrize("missing", ["seven", "One … seven", "six … One"])
def test_a_passage_that_is_not_there_is_refused(missing):
    with pytest.raises(SlidesError, match=r"Expected its text to hold the passage '.*': it does not\. Name another"):
        passage(missing, "One two three, six.")


def test_a_cell_that_says_nothing_is_on_no_slide_and_its_text_is_for_the_speaker():
    deck = _deck(_text("some-text", "Said **aloud**."), _code("some-code", "hidden()", _says("unseen")))
    assert len(deck.slides) == 1
    assert "<strong>aloud</strong>" in deck.slides[0].notes[-1]
    assert "hidden" not in page(deck)
    assert "unseen" not in page(deck)


def test_a_solution_or_a_hint_is_shown_to_nobody_whatever_it_says():
    deck = _deck(
        _code("a-solution", "secret = 42", _says("42"), tags=["solution"], slide_type="subslide"),
        _text("a-hint", "<details>\n<summary>Hint</summary>\n\nsecret\n\n</details>", slide_type="subslide"),
    )
    assert len(deck.slides) == 1
    assert "secret" not in page(deck)


def test_headings_become_titles_and_an_exercise_titles_its_own_slide_alone():
    deck = _deck(
        _text("a-section", "## Section\n\n### Step\n\nOne.", slide_type="slide"),
        _text("a-task", "#### Exercise 9.1: Do\n\nTwo.", slide_type="subslide"),
        _text("goes-on", "Three.", slide_type="subslide"),
        _text("goes-back", "Four.", slide_type="subslide", title="Section"),
    )
    assert [(slide.section, slide.title) for slide in deck.slides[1:]] == [
        ("Section", "Step"),
        ("Section", "Exercise 9.1: Do"),
        ("Section", "Step"),
        ("9. An example", "Section"),
    ]
    assert [len(stack) for stack in deck.stacks] == [1, 4]
    assert "Step" not in deck.slides[1].parts[0].html


def test_text_takes_passages_a_list_makes_several_slides_and_links_lead_to_slides():
    source = "Alpha is one. Beta is [two](01_tensors.ipynb). Gamma is three."
    deck = _deck(
        _text(
            "three-things", source, slide_type="slide", text=["Gamma … three.\n\nAlpha is", "Beta … (01_tensors.ipynb)"]
        )
    )
    first, second = deck.slides[1:]
    assert [first.name, second.name] == ["three-things", "three-things-2"]
    assert re.findall(r"<p>(.*?)</p>", first.parts[0].html) == ["Gamma is three.", "Alpha is."]
    assert 'href="01_tensors.html"' in second.parts[0].html
    assert second.below
    assert "Gamma" in second.notes[0]


def test_a_closing_ends_the_slide_before_after_a_key_press():
    deck = _deck(
        _text("mixed-cell", "So it is one. And two?", slide_type="subslide", closing="So it … one.", text="And two?")
    )
    before, after = deck.slides
    assert (before.parts[-1].kind, before.parts[-1].waits) == ("closing", True)
    assert "So it is one." in before.parts[-1].html
    assert "So it" not in after.parts[0].html


def test_after_a_prediction_the_output_waits():
    deck = _deck(
        _text("predict-it", "Look.\n\n> **Predict, then run.** What?", slide_type="subslide"),
        _code("one-sum", "1 + 1", _says("two"), slide_type="-"),
        _code("plain-one", "2 + 2", _says("four"), slide_type="subslide"),
        _code("waits-too", "3 + 3", _says("six"), slide_type="-", output="fragment"),
        _code("comes-later", "4 + 4", _says("eight"), slide_type="fragment"),
    )
    asked, plain = deck.slides[1:]
    assert _kinds(asked) == ["text", "predict", "cell"]
    assert [(part.waits, part.outputs_wait) for part in (asked.parts[-1], *plain.parts)] == [
        (False, True),
        (False, False),
        (False, True),
        (True, False),
    ]


def test_code_may_be_left_out_cut_or_stand_before_its_output():
    source = "def f():\n    a = 1\n    if a:\n        return 2\n\n\nf()"
    deck = _deck(
        _code("no-source", source, _says("2"), slide_type="subslide", source="skip"),
        _code("a-part", source, _says("2"), slide_type="subslide", source="if a: … return", output="skip"),
        _code("two-slides", source, _says("2"), slide_type="subslide", output="subslide"),
    )
    no_source, part, code, output = deck.slides[1:]
    assert no_source.parts[0].source == ""
    assert re.sub(r"<[^>]*>", "", part.parts[0].source).strip("\n") == "if a:\n    return 2"
    assert part.parts[0].outputs == []
    assert (code.parts[0].outputs, output.name, output.parts[0].source) == ([], "two-slides-output", "")
    assert "2" in output.parts[0].outputs[0].html


def test_outputs_an_error_says_its_message_a_picture_its_description_a_widget_where_to_play():
    picture = new_output("display_data", data={"image/png": PIXEL, "text/plain": "(figure)"})
    picture.metadata = {"image/png": {"alt": 'One "pixel".'}}
    caption = new_output("display_data", data={"text/html": "<p><small>…</small></p>", "text/plain": 'One "pixel".'})
    error = new_output("error", ename="TypeError", evalue="a < b", traceback=["/home/me/long"])
    deck = _deck(
        _code("all-kinds", "x", picture, caption, error, slide_type="subslide"),
        _code("a-widget", "play()", _says("its text"), tags=["widget"], slide_type="subslide"),
        _code("an-exercise", "answer = ...", _says("○ not yet"), tags=["exercise"], slide_type="subslide"),
    )
    figure, failed = _outputs(deck.slides[1])
    assert (figure.kind, figure.size) == ("figure", (1, 1))
    assert 'alt="One &quot;pixel&quot;."' in figure.html
    assert failed.html == "<pre><b>TypeError:</b> a &lt; b</pre>"
    assert [output.kind for output in _outputs(deck.slides[2])] == ["live"]
    assert _outputs(deck.slides[3]) == []


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"slide_type": "slides"}, r"Expected one of -, fragment.*: received 'slides'"),
        ({"slide_type": "slide", "txt": "a"}, r"Expected one of closing, .*: received 'txt'"),
        ({"slide_type": "slide", "output": "hide"}, r"Expected one of fragment, skip, subslide.*: received 'hide'"),
        ({"slide_type": "slide", "text": "absent"}, r"Expected its text to hold the passage 'absent'"),
        ({"slide_type": "slide", "title": "Absent"}, r"Expected a heading from further up as title: received 'Absent'"),
        ({"closing": "Some text"}, r"Expected a slide before it: there is none"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_cell(said, rule):
    with pytest.raises(SlidesError, match=rf"cell bad-cell: {rule}"):
        Deck(new_notebook(cells=[_text("no-slide", "# 9. An example"), _text("bad-cell", "Some text", **said)]))


def test_a_notebook_that_cannot_be_done_stops_no_other(tmp_path, capsys):
    bad = tmp_path / "08_bad.ipynb"
    nbformat.write(new_notebook(cells=[_text("bad-cell", "# 8. Bad", slide_type="slides")]), bad)
    assert write([bad, NOTEBOOKS[0]], tmp_path / "out", None) == 1
    said = capsys.readouterr().out
    assert "cell bad-cell: Expected one of" in said
    assert re.search(r"01_tensors +\d+ slides +\d+\.\d seconds", said)
    assert "change what its cells say under `slideshow`" in said
    assert "Nobody looked whether they fit" in said
    assert (tmp_path / "out" / "01_tensors.html").is_file()


def test_without_a_chromium_nobody_looks(monkeypatch):
    monkeypatch.setattr(tools.slides, "chromium", lambda: None)
    with chromium_page() as viewer:
        assert viewer is None


def test_a_name_that_is_no_notebook_is_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["notebooks/99_absent.ipynb"])
    assert stopped.value.code == 2
    assert "Expected a notebook" in capsys.readouterr().err
