"""Write each notebook as slides: `python -m tools.slides [NOTEBOOK ...]` fills build/slides/, which needs no network.

What is on a slide is said in the cells' own metadata, under `slideshow`. A cell that says nothing there is on no slide;
its text, where it has one, goes into the speaker's notes.

    slide_type   slide      begins a slide, to the right of the last one: a new section
                 subslide   begins a slide below the last one: the next step in a section
                 -          continues the slide;   fragment   continues it after a key press
                 notes      for the speaker;       skip       for nobody
    text         what the slide shows of a cell's text; without it, all of it. "First words … last words" is the
                 passage from the ones to the others, an empty line joins passages, a list makes several slides.
    title        a heading from further up in the notebook, in the place of the last one
    closing      a passage in which the slide before this cell ends, after a key press
    source       skip: the cell's code is not shown; or the passage of it that is
    output       skip: the cell's output is not shown; fragment: after a key press; subslide: on a slide of its own

Passages are looked up in the text, so they cannot say anything else than the notebook. Headings become titles.
Solutions and hints are never on a slide. After "Predict, then run" the output waits for a key press by itself.
"""

from __future__ import annotations

import argparse
import base64
import html
import re
import shutil
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import nbformat
from jinja2 import Environment, FileSystemLoader, Template
from nbconvert.filters import Highlight2HTML, markdown2html
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter
from pygments.style import Style
from pygments.token import Comment, Keyword, Name, Number, Operator, String, Token

ROOT = Path(__file__).resolve().parents[1]
from tools.browser import FLAGS, chromium
from tools.notebooks import NOTEBOOKS, title

if TYPE_CHECKING:  # slides are written, and not looked at, also where it is missing
    from playwright.sync_api import Page

TYPES = {"slide", "subslide", "fragment", "-", "notes", "skip"}
KEYS = {"slide_type", "title", "text", "closing", "source", "output"}
OUTPUTS = {"skip", "fragment", "subslide"}
SLIDES = ROOT / "build" / "slides"
WIDTH, HEIGHT = 1280, 720
HEADING = re.compile(r"^(#{1,4}) +(.+)$", re.MULTILINE)
ELSEWHERE = re.compile(r"\]\((\d\d_\w+)\.ipynb\)")  # a link to another notebook: here, to its slides
# Of a picture: the least height at which its letters, 10 points in the notebook, are read from the back row.
LEAST_SCALE, LEAST_HEIGHT = 1.25, 470
# A picture with such a height, as a share of its width, has the whole height of the slide.
TALLER, TALL_HEIGHT = 0.68, 668


REMEDY = """\
A slide is named after the cell that begins it. Where it does not fit, change what its cells say under `slideshow`:
a shorter passage as text, "output": "subslide" (a slide of its own), "source": "skip", or begin another slide."""


PRESENT = """\
Open {} in a browser. Space goes on, S opens the speaker's view, ? lists all keys."""


class Colours(Style):
    """The course's palette, in shades dark enough on a pale ground."""

    styles = {  # noqa: RUF012 - Pygments' own form
        Token: "#222222",
        Comment: "italic #5F6B76",
        Keyword: "bold #00568A",
        Name.Builtin: "#00568A",
        Number: "#A34700",
        Operator: "#444444",
        Operator.Word: "bold #00568A",
        String: "#00664B",
    }


class SlidesError(ValueError):
    """A notebook says something of its slides that cannot be done."""


@dataclass(frozen=True)
class Part:
    """A piece of a slide: its kind names its class in the style sheet; `waits` for a key press."""

    kind: str
    html: str
    waits: bool = False
    size: tuple[int, int] = (0, 0)  # width and height in pixels, for a picture

    @property
    def least(self) -> int:
        """The height below which a picture would be too small to read."""
        return min(round(LEAST_SCALE * self.size[1]), LEAST_HEIGHT)


@dataclass(frozen=True)
class Code:
    """A code cell on a slide: its source or nothing, and what it put out, which may come later than the source."""

    source: str
    outputs: list[Part]
    waits: bool = False
    outputs_wait: bool = False
    kind: str = "cell"


@dataclass
class Slide:
    """What is seen at once, and what the speaker reads beside it."""

    name: str
    section: str
    title: str
    parts: list[Part | Code] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    below: bool = False
    opening: bool = False  # the first slide of a notebook

    @property
    def tall(self) -> int:
        """The width of a picture that is too high to stand below a title, and stands beside it; 0 without one."""
        pictures = [
            output for part in self.parts if isinstance(part, Code) for output in part.outputs if output.size[0]
        ]
        return max((round(TALL_HEIGHT * w / h) for w, h in (one.size for one in pictures) if h / w > TALLER), default=0)


def passage(text: str, source: str) -> str:
    """The passage of `source` that `text` names, "first words … last words"; line ends count as spaces.

    Raises: SlidesError where the source does not say so.
    """
    first, _, last = text.partition("…")
    words = [r"\s+".join(map(re.escape, end.split())) for end in (first, last)]
    found = re.search(".*?".join(words if last else words[:1]), source, re.DOTALL)
    if not found:
        raise SlidesError(f"Expected its text to hold the passage {text!r}: it does not. Name another one, or none.")
    return found[0]


def passages(text: str, source: str) -> list[str]:
    """The passages that `text` names, which an empty line keeps apart, each as a sentence."""
    return [_sentence(passage(part, source)) for part in text.split("\n\n")]


def _lines(text: str, source: str) -> str:
    """The whole lines of code that hold the passage `text`."""
    words = passage(text, source)
    at = source.index(words)
    start, end = source.rfind("\n", 0, at) + 1, source.find("\n", at + len(words))
    return dedent(source[start : end if end >= 0 else None])


def _sentence(words: str) -> str:
    words = words.rstrip(",;:")
    return words[0].upper() + words[1:] + ("." if re.search(r"[\w)`\]\"][*_]*$", words) else "")


class Deck:
    """The slides of a notebook, made by going through its cells from the first to the last."""

    def __init__(self, notebook: NotebookNode) -> None:  # noqa: D107
        self.name = title(notebook)
        self.slides: list[Slide] = []
        self.section = self.title = ""
        self.headings: set[str] = set()
        for cell in notebook.cells:
            try:
                self._take(cell)
            except SlidesError as error:
                raise SlidesError(f"cell {cell.id}: {error}") from None

    def _take(self, cell: NotebookNode) -> None:
        tags = cell.metadata.get("tags", [])
        if "solution" in tags or cell.source.startswith("<details>"):
            return
        said = _checked(cell.metadata.get("slideshow", {}))
        if wanted := said.get("title"):
            if wanted not in self.headings:
                raise SlidesError(
                    f"Expected a heading from further up as title: received {wanted!r}. Copy one, or none."
                )
            self.title = wanted
        if closing := said.get("closing"):
            self._slide().parts.append(_prose("closing", passages(closing, cell.source), waits=True))
        if cell.cell_type == "markdown":
            self._take_text(cell, said)
        else:
            self._take_code(cell, said, tags)

    def _take_text(self, cell: NotebookNode, said: dict) -> None:
        kind = said.get("slide_type", "notes")
        of_this_cell = ""
        for level, heading in HEADING.findall(cell.source):
            self.headings.add(heading)
            if len(level) == 2:
                self.section = heading
            if len(level) == 4:
                of_this_cell = heading  # an exercise: what comes after it goes on with the section
            else:
                self.title = heading
        if kind == "skip":
            return
        body = HEADING.sub("", cell.source).strip()
        if kind != "notes":
            wanted = said.get("text", body)
            for i, text in enumerate([wanted] if isinstance(wanted, str) else wanted):
                if kind in ("slide", "subslide") or i:
                    name = f"{cell.id}-{i + 1}" if i else cell.id
                    self._begin(name, of_this_cell, below=kind == "subslide" or i > 0)
                self._slide().parts += _paragraphs(text, body, cell.source, waits=kind == "fragment")
        if self.slides and body:
            self.slides[-1].notes.append(_as_html(body))

    def _take_code(self, cell: NotebookNode, said: dict, tags: list[str]) -> None:
        kind = said.get("slide_type", "skip")
        if kind in ("skip", "notes"):
            return
        if kind in ("slide", "subslide"):
            self._begin(cell.id, below=kind == "subslide")
        waits = kind == "fragment"
        wanted = said.get("source")
        source = "" if wanted == "skip" else _lines(wanted, cell.source) if wanted else cell.source
        how = said.get("output", "fragment" if self._asks() and not waits else "")
        outputs = [] if how == "skip" else list(_outputs(cell, tags))
        if how == "subslide":
            self._slide().parts.append(Code(_highlighted(source), [], waits))
            self._begin(f"{cell.id}-output", below=True)
            self._slide().parts.append(Code("", outputs))
        else:
            self._slide().parts.append(Code(_highlighted(source), outputs, waits, outputs_wait=how == "fragment"))

    def _asks(self) -> bool:
        return any(part.kind == "predict" for part in self._slide().parts)

    def _begin(self, name: str, title: str = "", *, below: bool) -> None:
        first = not self.slides
        title = title or self.title
        section = self.section if self.section != title else "" if title == self.name else self.name
        self.slides.append(Slide(name, section, title, below=below and not first, opening=first))

    def _slide(self) -> Slide:
        if not self.slides:
            raise SlidesError("Expected a slide before it: there is none. Give an earlier cell the slide_type slide.")
        return self.slides[-1]

    @property
    def stacks(self) -> list[list[Slide]]:
        """The slides of each section: sections lie beside each other, their slides below each other."""
        stacks: list[list[Slide]] = []
        for slide in self.slides:
            if not slide.below:
                stacks.append([])
            stacks[-1].append(slide)
        return stacks


def _checked(said: dict) -> dict:
    """What a cell says of the slides, if it can be done."""
    for word, known in (
        (set(said), KEYS),
        ({said.get("slide_type", "-")}, TYPES),
        ({said.get("output", "skip")}, OUTPUTS),
    ):
        if unknown := word - known:
            raise SlidesError(
                f"Expected one of {', '.join(sorted(known))} under slideshow: received {unknown.pop()!r}."
            )
    return said


def _as_html(text: str) -> str:
    return markdown2html(ELSEWHERE.sub(r"](\1.html)", text))


def inline(text: str) -> str:
    """A heading, without the paragraph around it."""
    text = re.sub(r"^(\d+)\.", r"\1\\.", text)  # "1. Tensors" is no list
    return _as_html(text).strip().removeprefix("<p>").removesuffix("</p>")


def _prose(kind: str, text: Iterable[str], waits: bool) -> Part:
    return Part(kind, _as_html("\n\n".join(text)), waits)


def _paragraphs(text: str, body: str, source: str, *, waits: bool) -> Iterator[Part]:
    """What a slide shows of a cell's text; a quotation, in which the notebooks ask, is a part of its own."""
    shown = re.split(r"\n\s*\n(?=> )", body) if text is body else passages(text, source) if text else []
    for asks, part in groupby(shown, key=lambda words: words.startswith("> ")):
        yield _prose("predict" if asks else "text", part, waits)


def _highlighted(source: str) -> str:
    return Highlight2HTML()(source, language="ipython3") if source else ""


def _outputs(cell: NotebookNode, tags: list[str]) -> Iterator[Part]:
    if "exercise" in tags:  # an answer that nobody has given yet
        return
    if "widget" in tags:
        yield Part("live", "<p>Play with it: run this cell in the notebook.</p>")
        return
    captions = {output.metadata["image/png"]["alt"] for output in cell.outputs if _is_picture(output)}
    for output in cell.outputs:
        if output.output_type == "error":
            message = f"<b>{html.escape(output.ename)}:</b> {html.escape(output.evalue)}"
            yield Part("error", f"<pre>{message}</pre>")
        elif output.output_type == "stream":
            yield Part("output", f"<pre>{html.escape(output.text.rstrip())}</pre>")
        elif _is_picture(output):
            picture, alt = output.data["image/png"], html.escape(output.metadata["image/png"]["alt"])
            size = struct.unpack(">II", base64.b64decode(picture[:32])[16:24])  # as every PNG file begins
            image = f'<img src="data:image/png;base64,{picture.strip()}" alt="{alt}">'
            yield Part("figure", image, size=size)
        elif output.data.get("text/plain") not in captions:
            yield Part("output", f"<pre>{html.escape(output.data['text/plain'])}</pre>")


def _is_picture(output: NotebookNode) -> bool:
    return "image/png" in output.get("data", {})


def page(deck: Deck) -> str:
    """The deck as a page, which finds reveal.js beside it."""
    code = HtmlFormatter(style=Colours).get_style_defs(".highlight")
    return _template("slides.html.j2").render(deck=deck, code=code, inline=inline, width=WIDTH, height=HEIGHT)


def _template(name: str) -> Template:
    # What goes in has been escaped already: by nbconvert, by Pygments, or above.
    return Environment(loader=FileSystemLoader(ROOT / "tools"), trim_blocks=True).get_template(name)


def copy_reveal(folder: Path) -> None:
    """Put reveal.js and its speaker's view, out of the package that carries them, beside the slides."""
    carried = Path(next(iter(find_spec("sphinx_revealjs").submodule_search_locations))) / "_static" / "revealjs"
    for name in (
        "dist/reveal.js",
        "dist/reveal.css",
        "dist/reset.css",
        "plugin/notes/notes.js",
        "plugin/zoom/zoom.js",
        "LICENSE",
    ):
        target = folder / "reveal" / Path(name).name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(carried / name, target)
    for name in ("slides.css", "slides.js"):
        shutil.copyfile(ROOT / "tools" / name, folder / name)


def look(page: Page, path: Path) -> list[str]:
    """What does not fit on these slides, a sentence each, as their own script finds when a browser opens them."""
    page.goto(path.as_uri())
    page.wait_for_function("window.slidesFaults")
    return page.evaluate("window.slidesFaults")


@contextmanager
def chromium_page() -> Iterator[Page | None]:
    """An empty page in Chromium, of the size of a slide; None where there is no Chromium."""
    if (found := chromium()) is None or find_spec("playwright") is None:
        yield None
        return
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - it may be missing

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        browser.close()


def write(paths: list[Path], folder: Path, viewer: Page | None) -> int:
    """Write the slides of each notebook, look at every one if there is a viewer, and print a line for each notebook.

    Returns 1 if anything cannot be done or does not fit, and else 0.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy_reveal(folder)
    failed = 0
    for path in paths:
        start = time.perf_counter()
        target = folder / f"{path.stem}.html"
        count, faults = 0, []
        try:
            deck = Deck(nbformat.read(path, as_version=4))
            target.write_text(page(deck), encoding="utf-8", newline="\n")
            count, faults = len(deck.slides), look(viewer, target) if viewer else []
        except SlidesError as error:
            faults = [str(error)]
        print(f"{path.stem:<28}{count:>4} slides{time.perf_counter() - start:>7.1f} seconds")
        for fault in faults:
            print(f"  {fault}")
        failed = failed or int(bool(faults))
    # All that lie there, also those of an earlier run for other notebooks.
    titles = {page.name: _title(page) for page in sorted(folder.glob("[0-9]*.html"))}
    index = _template("slides_index.html.j2").render(titles=titles)
    (folder / "index.html").write_text(index, encoding="utf-8", newline="\n")
    if viewer is None:
        print("Nobody looked whether they fit: that needs playwright and Chromium.")
    print(f"\n{REMEDY if failed else PRESENT.format(folder / 'index.html')}")
    return failed


def _title(page: Path) -> str:
    return re.search(r"<title>(.*?)</title>", page.read_text(encoding="utf-8"))[1]


def _notebook(name: str) -> Path:
    path = Path(name).resolve()
    if path.suffix != ".ipynb" or not path.is_file():
        raise argparse.ArgumentTypeError(f"Expected a notebook: {name} is none. Name files of notebooks/, or nothing.")
    return path


def main(arguments: list[str] | None = None) -> int:
    """Write the slides, look at them where there is a Chromium, and return 1 if anything does not fit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=_notebook, default=NOTEBOOKS)
    chosen = parser.parse_args(arguments).notebooks
    with chromium_page() as viewer:
        return write(chosen, SLIDES, viewer)


if __name__ == "__main__":
    sys.exit(main())
