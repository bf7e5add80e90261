"""Every slide in a real browser: it fits, can be read from afar, and asks no network; and the speaker's view."""

import re
from itertools import pairwise

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.notebooks import NOTEBOOKS
from tools.slides import HEIGHT, WIDTH, Deck, write

LEAST_TEXT, LEAST_CODE = 24, 20  # pixels on a slide of 1280 x 720
LEAST_PICTURE = 0.9  # of the pixels it has

# Of the slide that is shown: what lies beyond its edge, what is cut off, what covers what, and the sizes.
LOOK = """([width, height]) => {
  const slide = Reveal.getCurrentSlide(), found = [];
  const frame = slide.querySelector('.page').getBoundingClientRect();
  const name = (element) => `${element.className || element.tagName} ${element.textContent.trim().slice(0, 30)}`;
  if (Math.abs(frame.width - width) > 1 || Math.abs(frame.height - height) > 1) found.push('is not full size');
  for (const element of slide.querySelectorAll('.page *')) {
    const box = element.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) { if (element.textContent.trim()) found.push(`hides ${name(element)}`); }
    if (Math.min(box.left - frame.left, frame.right - box.right, box.top - frame.top, frame.bottom - box.bottom) < -1)
      found.push(`cuts ${name(element)}`);
    if (getComputedStyle(element).visibility !== 'visible') found.push(`does not show ${name(element)}`);
  }
  const words = document.createTreeWalker(slide.querySelector('.page'), NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    if (!words.currentNode.textContent.trim()) continue;
    const range = document.createRange();
    range.selectNodeContents(words.currentNode);
    for (const box of range.getClientRects())
      if (box.right > frame.right - 8 || box.bottom > frame.bottom - 8) found.push(`cuts the words ${range}`);
  }
  for (const code of slide.querySelectorAll('.page pre')) {
    if (code.scrollWidth > code.clientWidth) found.push(`cuts a line of ${name(code)}`);
  }
  const kinds = ['header', '.text', '.predict', '.closing', '.source', '.output', '.error', '.figure', '.live'];
  const solid = [...slide.querySelectorAll(kinds.map((kind) => `.page ${kind}`).join())];
  solid.forEach((one, i) => solid.slice(i + 1).forEach((other) => {
    const a = one.getBoundingClientRect(), b = other.getBoundingClientRect();
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 1 && high > 1)
      found.push(`${name(one)} covers ${name(other)}`);
  }));
  const size = (element) => parseFloat(getComputedStyle(element).fontSize);
  const pictures = [...slide.querySelectorAll('.figure img')].map((image) => image.complete && image.naturalWidth
    && Math.min(image.clientWidth / image.naturalWidth, image.clientHeight / image.naturalHeight));
  return {
    found,
    text: [...slide.querySelectorAll('.text, .predict, .closing')].map(size),
    code: [...slide.querySelectorAll('.page pre')].map(size),
    pictures,
  };
}"""


@pytest.fixture(scope="module")
def viewer(browser):
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    yield page
    page.close()


@pytest.fixture(scope="module")
def decks(viewer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    return write(NOTEBOOKS, folder, viewer), folder


@pytest.fixture
def watched(browser):
    """A page, and what it asked the network for and complained of."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, offline=True)
    page, complaints = context.new_page(), []
    context.on("request", lambda request: complaints.append(request.url) if not _local(request.url) else None)
    page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page, complaints
    context.close()


def _local(address):
    return address.startswith(("file:", "data:", "about:"))


def _open(page, file, query=""):
    page.goto(file.as_uri() + query)
    page.wait_for_function("window.slidesFaults")


def test_make_slides_finds_nothing_that_does_not_fit(decks):
    assert decks[0] == 0


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_slide_fits_and_can_be_read_from_the_back_row(path, decks, watched):
    page, complaints = watched
    _open(page, decks[1] / f"{path.stem}.html")
    names = page.evaluate("Reveal.getSlides().map((slide) => slide.id)")
    assert names == [slide.name for slide in Deck(nbformat.read(path, as_version=4)).slides]
    page.add_style_tag(content=".fragment { opacity: 1 !important; visibility: visible !important; }")
    for name in names:
        page.evaluate(
            "name => { const at = Reveal.getIndices(document.getElementById(name)); Reveal.slide(at.h, at.v); }", name
        )
        seen = page.evaluate(LOOK, [WIDTH, HEIGHT])
        assert seen["found"] == [], name
        assert min(seen["text"], default=LEAST_TEXT) >= LEAST_TEXT, name
        assert min(seen["code"], default=LEAST_CODE) >= LEAST_CODE, name
        assert min(seen["pictures"], default=1) >= LEAST_PICTURE, name
    assert complaints == []


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ([new_markdown_cell("word " * 500, id="too-long")], r"too-long is \d+ pixels too high"),
        ([new_code_cell(f"x = {'1 + ' * 40}1", id="too-wide")], r"too-wide has a line that is \d+ pixels too long"),
        ([new_code_cell("x = 1\n" * 40, id="too-many")], r"too-many is \d+ pixels too high"),
    ],
)
def test_a_slide_that_is_too_full_is_named_with_the_remedy(viewer, cells, fault, tmp_path, capsys):
    for cell in cells:
        cell.metadata.slideshow = {"slide_type": "subslide"}
    title = new_markdown_cell("# 9. An example", id="the-title", metadata={"slideshow": {"slide_type": "slide"}})
    path = tmp_path / "09_example.ipynb"
    nbformat.write(new_notebook(cells=[title, *cells]), path)
    assert write([path], tmp_path / "out", viewer) == 1
    said = capsys.readouterr().out
    assert re.search(fault, said)
    assert "a shorter passage as text" in said


def test_a_long_line_makes_smaller_code_and_leaves_the_text_large(viewer, tmp_path):
    title = new_markdown_cell("# 9. An example", id="the-title", metadata={"slideshow": {"slide_type": "slide"}})
    text = new_markdown_cell("Why?", id="some-text", metadata={"slideshow": {"slide_type": "subslide"}})
    code = new_code_cell(f"x = {'1 + ' * 22}1", id="some-code", metadata={"slideshow": {"slide_type": "-"}})
    path = tmp_path / "09_example.ipynb"
    nbformat.write(new_notebook(cells=[title, text, code]), path)
    assert write([path], tmp_path / "out", viewer) == 0
    viewer.evaluate("Reveal.slide(0, 1)")
    seen = viewer.evaluate(LOOK, [WIDTH, HEIGHT])
    assert (seen["found"], seen["text"], min(seen["code"])) == ([], [34], 20)


def test_one_key_goes_through_everything_and_what_waits_comes_after_a_press(decks, watched):
    page, complaints = watched
    _open(page, decks[1] / "01_tensors.html")
    page.evaluate(
        "() => { const slide = document.querySelector('section[id]:has(.predict):has(.outputs.fragment)');"
        " const at = Reveal.getIndices(slide); Reveal.slide(at.h, at.v); }"
    )
    waiting = page.locator("section[id].present .outputs.fragment").first
    assert waiting.evaluate("element => getComputedStyle(element).visibility") == "hidden"
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('section[id].present .outputs.fragment.visible')")
    places = []
    page.evaluate("Reveal.slide(0, 0)")
    while not places or places[-1] != page.evaluate("[Reveal.getSlidePastCount(), Reveal.getIndices().f ?? -1]"):
        places.append(page.evaluate("[Reveal.getSlidePastCount(), Reveal.getIndices().f ?? -1]"))
        page.keyboard.press("PageDown")
    assert places[-1][0] == page.evaluate("Reveal.getTotalSlides()") - 1
    assert all(later > earlier for earlier, later in pairwise(places))
    assert complaints == []


def test_the_speaker_sees_the_notes_with_no_network(decks, watched):
    page, complaints = watched
    _open(page, decks[1] / "01_tensors.html")
    with page.context.expect_page() as opened:
        page.keyboard.press("s")
    speaker = opened.value
    notes = speaker.locator(".speaker-controls-notes")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    words = page.evaluate("Reveal.getCurrentSlide().querySelector('.notes').textContent.trim().slice(0, 40)")
    speaker.wait_for_function(
        "words => document.querySelector('.speaker-controls-notes').textContent.includes(words)", arg=words
    )
    assert notes.is_visible()
    assert speaker.frames[-1].url.startswith("file:")
    assert complaints == []


def test_it_prints_a_page_for_each_slide(decks, watched):
    page, complaints = watched
    _open(page, decks[1] / "04_autograd.html", "?print-pdf")
    page.wait_for_function("document.querySelectorAll('.pdf-page').length === Reveal.getTotalSlides()")
    sheets = re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True, print_background=True))
    assert len(sheets) == page.evaluate("Reveal.getTotalSlides()")
    assert complaints == []


def test_the_index_leads_to_every_deck(decks, watched):
    page, complaints = watched
    page.goto((decks[1] / "index.html").as_uri())
    links = page.locator("li a")
    assert links.evaluate_all("all => all.map((a) => a.getAttribute('href'))") == [
        f"{path.stem}.html" for path in NOTEBOOKS
    ]
    links.first.click()
    page.wait_for_function("window.slidesFaults")
    assert complaints == []
