"""The slides: every task is whole, no solution is shown, and the rules of tools/slides.py make what they say."""

import nbformat
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import LEFT_OUT
from tools.exercises import places
from tools.slides import MARKDOWN, Deck, write


def _words(html):
    return BeautifulSoup(html, "html.parser").get_text().split()


def _page(path, slides):
    return BeautifulSoup((slides / f"{path.stem}.html").read_text(encoding="utf-8"), "html.parser")


def test_each_task_is_whole_and_has_no_answer(path, slides):
    page = _page(path, slides)
    for place in places(path):
        slide = page.select_one(f"section#{place.task.id}")
        shown = [word for part in slide.select("h2, .text, .predict") for word in part.get_text().split()]
        assert shown == _words(MARKDOWN.render(place.task.source))
        assert [part.get_text().split() for part in slide.select(".source")] == [place.cell.source.split()]
        assert not slide.select(".output, .figure")


def test_figures_are_shown_with_their_captions(path, slides):
    left_out = LEFT_OUT | {"skip-slide"}
    cells = [
        cell for cell in nbformat.read(path, as_version=4).cells if not left_out & set(cell.metadata.get("tags", []))
    ]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    captions = [output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})]
    shown = [caption.get_text() for caption in _page(path, slides).select("figure:has(img) figcaption")]
    assert [text for text in shown if not text.startswith("The pad as")] == captions


def _text(cell_id, source, *tags):
    return new_markdown_cell(source, id=cell_id, metadata={"tags": list(tags)})


def _code(cell_id, source, *tags, output="said"):
    return new_code_cell(source, id=cell_id, metadata={"tags": list(tags)}, outputs=[new_output("stream", text=output)])


CELLS = [
    _text("the-title", "# 9. Title\n\nWhat for."),
    _code("the-imports", "import torch", "skip-slide"),
    _text("a-section", "## Section\n\n### Step\n\nWhy?"),
    _code("first-code", "one()"),
    _text("first-read", "So it is.\n\nAnd [then](01_tensors.ipynb)?"),
    _code("second-code", "two()"),
    _text("predict-it", "> **Predict, then run.** What?"),
    _code("third-code", "three()"),
    _text("third-read", "It was four.\n\nAn aside?"),
    _code("an-aside", "aside()", "skip-slide"),
    _text("aside-read", "Of no use."),
    _text("a-task", "#### Exercise 9.1: Do\n\nDo it."),
    _code("an-exercise", "answer = ...", "exercise", output="not attempted"),
    _text("a-hint", "<details><summary>Hint</summary>secret</details>"),
    _code("a-solution", "answer = 42", "solution"),
    _text("said-later", "As the solution says.", "after-solution"),
    _text("goes-on", "Further on."),
    _code("play-with-it", "play()", "widget"),
    _text("the-end", "## Recap\n\n- All."),
]


def test_slides_follow_from_headings_paragraphs_and_tags():
    deck = Deck(new_notebook(cells=CELLS))
    made = [(slide.name, slide.title, [part.style for part in slide.parts]) for slide in deck.slides]
    assert made == [
        ("the-title", "9. Title", ["text"]),
        ("a-section-2", "Step", ["text", "source", "output", "text"]),
        ("first-read", "Step", ["text", "source", "output"]),
        ("predict-it", "Step", ["predict", "source", "output", "text"]),
        ("a-task", "Exercise 9.1: Do", ["text", "source"]),
        ("goes-on", "Step", ["text", "source", "figure"]),
        ("the-end", "Recap", ["text"]),
    ]
    assert [len(stack) for stack in deck.stacks] == [1, 5, 1]
    assert [part.waits for part in deck.slides[3].parts] == [False, False, True, True]
    assert not any(part.waits for slide in deck.slides[:3] for part in slide.parts)


def test_an_error_is_shown_by_its_message_and_a_link_leads_to_other_slides(tmp_path):
    error = new_output("error", ename="TypeError", evalue="a < b", traceback=["/home/me/long"])
    cells = [
        *CELLS,
        _text("a-mistake", "### A mistake\n\nWhy?"),
        new_code_cell("wrong()", id="it-fails", outputs=[error]),
        _text("a-remedy", "So:"),
        _code("it-works", "right()"),
        _text("goes-on-again", "Further on."),
        _code("the-last", "end()"),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "09_example.ipynb")
    write([tmp_path / "09_example.ipynb"], tmp_path)
    page = BeautifulSoup((tmp_path / "09_example.html").read_text(encoding="utf-8"), "html.parser")
    assert [part.get_text() for part in page.select(".error")] == ["TypeError: a < b"]
    assert [link["href"] for link in page.select("section a")] == ["01_tensors.html"]
    assert [heading.get_text() for heading in page.select("h2")][-4:] == ["Recap", "A mistake", "A mistake", "Recap"]
    index = BeautifulSoup((tmp_path / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert [(link["href"], link.get_text()) for link in index.select("li a")] == [("09_example.html", "9. Title")]


def test_the_speaker_has_notes_and_a_deck_with_answers_shows_each_solution_on_a_slide_of_its_own(tmp_path):
    plan = {
        "sections": {"a-section": {"minutes": 3, "show": "`first-code`"}},
        "questions": {"predict-it": {"ask": "how many?", "expect": "`4`", "heard": '"5"'}},
    }
    deck = Deck(new_notebook(cells=CELLS), plan, answers=True)
    notes = {slide.name: _words(slide.notes_html) for slide in deck.slides if slide.notes}
    assert notes == {
        "a-section-2": ["3", "minutes.", "Show", "first-code."],
        "predict-it": ["Ask:", "how", "many?", "Expect:", "4", "Often", "heard", "instead:", '"5"'],
    }
    names = [slide.name for slide in deck.slides]
    assert names[names.index("a-task") + 1] == "a-solution"
    solution = deck.slides[names.index("a-solution")]
    assert (solution.title, [part.style for part in solution.parts]) == (
        "Exercise 9.1: Do",
        ["source", "output", "text"],
    )
