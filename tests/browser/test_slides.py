"""Every slide in a real browser: it fits, can be read from the back row, and needs no network; the speaker's view."""

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.notebooks import NOTEBOOKS
from tools.slides import Deck, print_pdf, write

LEAST_TEXT, LEAST_CODE = 24, 20  # pixels on a slide of 1280 x 720
LEAST_FIGURE = 0.9  # of the pixels it has

# Of the slide that is shown: what lies beyond its edge, what is cut off, what overlaps, and the sizes.
LOOK = """() => {
  const page = Reveal.getCurrentSlide().querySelector('.page'), faults = [];
  const frame = page.getBoundingClientRect();
  const bottom = frame.bottom - 20; // a margin
  const name = (element) => `${element.className || element.tagName} ${element.textContent.trim().slice(0, 30)}`;
  for (const element of page.querySelectorAll('*')) {
    const box = element.getBoundingClientRect();
    if (!(box.width && box.height) && element.textContent.trim()) faults.push(`hides ${name(element)}`);
    if (Math.min(box.left - frame.left, frame.right - box.right, box.top - frame.top, bottom - box.bottom) < 0)
      faults.push(`cuts ${name(element)}`);
    if (element.tagName === 'PRE' && element.scrollWidth > element.clientWidth)
      faults.push(`cuts a line of ${name(element)}`);
  }
  const boxes = [...page.children].map((part) => part.getBoundingClientRect());
  boxes.slice(1).forEach((box, i) =>
    box.top < boxes[i].bottom - 1 && faults.push(`covers ${name(page.children[i])}`));
  const size = (part) => parseFloat(getComputedStyle(part).fontSize);
  const figures = [...page.querySelectorAll('.figure img')].map((image) =>
    Math.min(image.clientWidth / image.dataset.width, image.clientHeight / image.dataset.height))
  const text = [...page.querySelectorAll('.text, .predict, figcaption')].map(size);
  return { faults, text, code: [...page.querySelectorAll('pre')].map(size), figures };
}"""


@pytest.fixture
def watched(new_page):
    """A page without a network."""
    return new_page(offline=True)


def _open(page, file):
    page.goto(file.as_uri())
    page.wait_for_function("window.slidesFaults")
    assert page.evaluate("window.slidesFaults") == [], "a part has to scroll"


def _looks(page):
    """What LOOK finds on each slide, with everything shown that waits for a key press."""
    page.add_style_tag(content=".fragment { opacity: 1 !important; visibility: visible !important; }")
    for i, name in enumerate(page.evaluate("Reveal.getSlides().map((slide) => slide.id)")):
        page.evaluate("i => { const at = Reveal.getIndices(Reveal.getSlides()[i]); Reveal.slide(at.h, at.v); }", i)
        yield name, page.evaluate(LOOK)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_slide_fits_and_can_be_read_from_the_back_row(path, slides, watched):
    _open(watched, slides / f"{path.stem}.html")
    for name, look in _looks(watched):
        assert look["faults"] == [], name
        assert min(look["text"], default=LEAST_TEXT) >= LEAST_TEXT, name
        assert min(look["code"], default=LEAST_CODE) >= LEAST_CODE, name
        assert min(look["figures"], default=1) >= LEAST_FIGURE, name


def test_a_full_slide_is_continued_and_a_long_line_makes_only_code_smaller(watched, tmp_path):
    cells = [
        new_markdown_cell("# 9. An example\n\nWhy.", id="the-title"),
        new_markdown_cell("\n\n".join(["## Much text", *["word " * 90] * 5]), id="much-text"),
        new_markdown_cell("## A long line\n\nWhy?", id="the-question"),
        new_code_cell(f"x = {'1 + ' * 22}1", id="long-line"),
        new_markdown_cell("## A long table\n\n| a |\n|---|\n" + "| row |\n" * 40, id="long-table"),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "09_example.ipynb")
    write([tmp_path / "09_example.ipynb"], tmp_path)
    _open(watched, tmp_path / "09_example.html")
    looks = dict(_looks(watched))
    assert not any(look["faults"] for look in looks.values())
    assert sum(name.startswith("much-text") for name in looks) >= 2
    assert sum(name.startswith("long-table") for name in looks) >= 3
    assert watched.locator("tbody tr").count() == 40
    assert looks["the-question"]["code"] < [24] < looks["the-question"]["text"]


def test_one_key_goes_through_everything_and_what_waits_comes_after_a_press(slides, watched):
    _open(watched, slides / "01_tensors.html")
    watched.evaluate(
        "() => { const slide = document.querySelector('section[id]:has(.predict):has(.output.fragment)');"
        " const at = Reveal.getIndices(slide); Reveal.slide(at.h, at.v); }"
    )
    waiting = watched.locator("section[id].present .output.fragment").first
    assert waiting.evaluate("element => getComputedStyle(element).visibility") == "hidden"
    watched.keyboard.press("ArrowRight")
    watched.wait_for_function("document.querySelector('section[id].present .output.fragment.visible')")
    where, steps = "[Reveal.getSlidePastCount(), Reveal.getIndices().f ?? -1]", []
    watched.evaluate("Reveal.slide(0, 0)")
    while not steps or steps[-1] != watched.evaluate(where):
        steps.append(watched.evaluate(where))
        watched.keyboard.press("PageDown")
    assert steps[-1][0] == watched.evaluate("Reveal.getTotalSlides()") - 1
    assert all(later > earlier for earlier, later in pairwise(steps))


def test_the_speaker_sees_the_next_slide_without_a_network(slides, watched):
    _open(watched, slides / "01_tensors.html")
    assert watched.locator("section[id$=-more] > .notes").count() > 0, "the notes stay while a slide is continued"
    with watched.context.expect_page() as opened:
        watched.keyboard.press("s")
    opened.value.wait_for_function("document.querySelectorAll('iframe').length === 2")


def test_it_prints_a_page_for_each_slide(tmp_path):
    write(NOTEBOOKS[3:4], tmp_path)
    with ThreadPoolExecutor(1) as another_thread:  # in this one Playwright runs already, for the other tests
        another_thread.submit(print_pdf, NOTEBOOKS[3:4], tmp_path).result()
    sheets = re.findall(rb"/Type\s*/Page\b", (tmp_path / "04_autograd.pdf").read_bytes())
    assert len(sheets) >= len(Deck(nbformat.read(NOTEBOOKS[3], as_version=4)).slides)
