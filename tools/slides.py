"""Write each notebook as slides: `python -m tools.slides [NOTEBOOK ...]` fills build/slides/, which needs no network.

The slides follow from the notebook:

- A heading begins a slide and gives it its title; a section (##) lies to the right of the last one, all else below.
- Between two code cells, the text that leads to the second one (the last cell, or else the last paragraph) begins a
  slide with that code and its output. What stands before it concludes the slide of the first one.
- After "Predict, then run", output and conclusion wait for a key press.
- An exercise is shown with its whole task and without an answer; with `--answers` its solution is on the next slide.
- Notes for the speaker (key S) come from docs/plans.yml: minutes, what to show, what to ask, which answers to expect.
- The tag `skip-slide` leaves out a cell; of a code cell, also the paragraph that leads to it and the conclusion.

`slides.js` chooses the size of the letters in the browser and continues a slide that is too full on another one. With
`--pdf` Chromium prints each deck beside it.
"""

from __future__ import annotations

import argparse
import shutil
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from importlib.util import find_spec
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import nbformat
import yaml
from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from nbformat import NotebookNode
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from helpers.files import replace_whole
from tools import LEFT_OUT, NOTEBOOKS, ROOT
from tools.browser import CHROMIUM, chromium
from tools.notebooks import title

PLANS = ROOT / "docs" / "plans.yml"
SLIDES = ROOT / "build" / "slides"
PAD = ROOT / "docs" / "images" / "pad.png"
PLUGINS = ("plugin/notes/notes.js", "plugin/zoom/zoom.js")
REVEAL = ("dist/reveal.js", "dist/reveal.css", "dist/reset.css", "LICENSE", *PLUGINS)
MARKDOWN = MarkdownIt("commonmark").enable("table")
FORMATTER = HtmlFormatter(style="a11y-light")
TEMPLATES = Environment(loader=FileSystemLoader(ROOT / "tools"), trim_blocks=True, autoescape=True)


@dataclass(frozen=True)
class Part:
    """A piece of a slide; `style` is its class in slides.css."""

    style: str
    html: str
    waits: bool = False  # for a key press


@dataclass(frozen=True)
class Block:
    """A paragraph, list, table or heading of the text cell `cell_id`."""

    cell_id: str
    node: SyntaxTreeNode

    @property
    def level(self) -> int:
        """1 for a heading of the first level, and so on; 0 for what is not a heading."""
        return int(self.node.tag[1]) if self.node.type == "heading" else 0

    def html(self) -> str:
        """The block as HTML; a heading without the element around it."""
        shown = self.node.children[0] if self.level else self.node
        return MARKDOWN.renderer.render(shown.to_tokens(), MARKDOWN.options, {})


@dataclass
class Slide:
    """What is shown at once, unless slides.js finds it too much."""

    cell_id: str  # the cell that begins it
    name: str
    section: str
    title: str
    under_heading: bool = False
    task: bool = False
    parts: list[Part] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # for the speaker, as Markdown

    @property
    def notes_html(self) -> str:
        """The notes as HTML."""
        return MARKDOWN.render("\n\n".join(self.notes))

    def has(self, style: str) -> bool:
        """Whether a part of this style is on it: `source` for a code cell, `predict` where it asks for a prediction."""
        return any(part.style == style for part in self.parts)


class Deck:
    """The slides of a notebook, made by going through its cells from the first to the last."""

    def __init__(self, notebook: NotebookNode, plan: dict[str, Any] | None = None, *, answers: bool = False) -> None:
        """Make the slides, with notes from the notebook's part of docs/plans.yml, and with solutions or without."""
        self.name = title(notebook)
        self.notes = speaker_notes(plan or {})
        self.slides: list[Slide] = []
        self.section = self.title = ""
        self.skips_conclusion = False  # that of a code cell that is left out
        cells = [cell for cell in notebook.cells if not _is_hidden(cell, answers=answers)]
        for kind, run in groupby(cells, key=lambda cell: cell.cell_type):
            if kind == "markdown":
                self._add_text([block for cell in run for block in _blocks(cell)])
            else:
                for cell in run:
                    self._add_code(cell)
        for empty, following in pairwise(self.slides):
            if not empty.parts:  # a heading above another one
                following.notes = empty.notes + following.notes
        self.slides = [slide for slide in self.slides if slide.parts]

    @property
    def stacks(self) -> list[list[Slide]]:
        """The slides of each section: sections lie beside each other, their slides below each other."""
        return [list(slides) for _, slides in groupby(self.slides, key=lambda slide: slide.section)]

    def _add_text(self, blocks: list[Block]) -> None:
        """Add the text between two code cells."""
        start = next((i for i, block in enumerate(blocks) if block.level), None)
        if start is None:
            start = _start_of_question(blocks)
        conclusion, question = blocks[:start], blocks[start:]
        if conclusion and not self.skips_conclusion:
            if self.slides[-1].task:
                self._begin(conclusion[0].cell_id, self.title)
            self._add_blocks(conclusion, waits=self.slides[-1].has("predict"))
        self.skips_conclusion = False
        if not question[0].level and (self.slides[-1].has("source") or self.slides[-1].task):
            if self._mistake_is_over():
                self.title = self.section
            self._begin(question[0].cell_id, self.title)
        self._add_blocks(question)

    def _mistake_is_over(self) -> bool:
        """Whether the last two slides showed, under one heading, an error and what to do about it."""
        first, last = self.slides[-2:]
        return first.title == last.title == self.title and first.has("error")

    def _add_blocks(self, blocks: list[Block], *, waits: bool = False) -> None:
        for block in blocks:
            if block.level:
                self._add_heading(block)
            else:
                style = "predict" if block.node.type == "blockquote" else "text"
                self.slides[-1].parts.append(Part(style, block.html(), waits))
            self.slides[-1].notes += self.notes.pop(block.cell_id, [])

    def _add_heading(self, block: Block) -> None:
        heading = block.html()
        if block.level <= 2:
            self.section = heading
        if block.level <= 3:
            self.title = heading
        self._begin(block.cell_id, heading, under_heading=True, task=block.level == 4)

    def _add_code(self, cell: NotebookNode) -> None:
        if "skip-slide" in cell.metadata.get("tags", []):
            if not self.slides[-1].under_heading and not self.slides[-1].has("source"):
                self.slides.pop()  # the question alone
            self.skips_conclusion = True
            return
        if "solution" in cell.metadata.get("tags", []):
            self._begin(cell.id, self.slides[-1].title)
        slide = self.slides[-1]
        slide.notes += self.notes.pop(cell.id, [])
        lexer = get_lexer_by_name("ipython3")
        slide.parts.append(Part("source", highlight(cell.source, lexer, FORMATTER)))
        if not slide.task:  # its output speaks of an answer that nobody has given yet
            slide.parts += _outputs(cell, waits=slide.has("predict"))

    def _begin(self, cell_id: str, heading: str, *, under_heading: bool = False, task: bool = False) -> None:
        taken = sum(slide.cell_id == cell_id for slide in self.slides)
        name = f"{cell_id}-{taken + 1}" if taken else cell_id
        self.slides.append(Slide(cell_id, name, self.section, heading, under_heading, task))


def speaker_notes(plan: dict[str, Any]) -> dict[str, list[str]]:
    """Return what docs/plans.yml says about a cell, as Markdown, by the id of the cell."""
    sections = plan.get("sections", {}).items()
    notes = {name: [f"{about['minutes']} minutes. Show {about['show']}."] for name, about in sections}
    for name, about in plan.get("questions", {}).items():
        answers = (f"**Expect:** {about['expect']}", f"**Often heard instead:** {about['heard']}")
        notes.setdefault(name, []).extend((f"**Ask:** {about['ask']}", *answers))
    return notes


def _is_hidden(cell: NotebookNode, *, answers: bool) -> bool:
    """Whether the cell holds or needs a solution, holds a hint, or is a text that is left out."""
    tags = set(cell.metadata.get("tags", []))
    left_out = (set() if answers else LEFT_OUT) | ({"skip-slide"} if cell.cell_type == "markdown" else set())
    return bool(tags & left_out) or cell.source.startswith("<details>")


def _blocks(cell: NotebookNode) -> Iterator[Block]:
    """The paragraphs, lists, tables and headings of a text cell; a link to another notebook leads to its slides."""
    for node in SyntaxTreeNode(MARKDOWN.parse(cell.source)).children:
        for link in node.walk():
            if link.type == "link" and link.attrs["href"].endswith(".ipynb"):
                link.attrs["href"] = Path(link.attrs["href"]).with_suffix(".html").name
        yield Block(cell.id, node)


def _start_of_question(blocks: list[Block]) -> int:
    """Where the text that leads to the next code begins: at the last cell, or else at the last paragraph."""
    last_cell = [block.cell_id for block in blocks].index(blocks[-1].cell_id)
    if last_cell > 0:
        return last_cell
    paragraphs = [i for i, block in enumerate(blocks) if block.node.type in ("paragraph", "blockquote")]
    return paragraphs[-1] if paragraphs else 0


def _outputs(cell: NotebookNode, *, waits: bool) -> Iterator[Part]:
    """The outputs of a cell, a figure together with its caption."""
    captions = set()
    is_widget = "widget" in cell.metadata.get("tags", [])
    for output in cell.outputs:
        data = output.get("data", {})
        if is_widget and "image/png" not in data:  # the pad
            encoded = b64encode(PAD.read_bytes()).decode()
            yield _figure(encoded, "The pad as it was once used in JupyterLab.", *Image.open(PAD).size, waits=waits)
            continue
        if output.output_type == "error":
            yield Part("error", f"<pre><b>{escape(output.ename)}:</b> {escape(output.evalue)}</pre>", waits)
        elif output.output_type == "stream":
            yield Part("output", f"<pre>{escape(output.text.rstrip())}</pre>", waits)
        elif "image/png" in data:
            shown = output.metadata["image/png"]
            captions.add(shown["alt"])
            yield _figure(data["image/png"].strip(), shown["alt"], shown["width"], shown["height"], waits=waits)
        elif data["text/plain"] not in captions:
            yield Part("output", f"<pre>{escape(data['text/plain'])}</pre>", waits)


def _figure(png: str, caption: str, width: int, height: int, *, waits: bool) -> Part:
    image = f'<img src="data:image/png;base64,{png}" data-width="{width}" data-height="{height}" alt="">'
    return Part("figure", f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>", waits)


def write(paths: list[Path], folder: Path = SLIDES, *, answers: bool = False) -> None:
    """Write the slides of each notebook into the folder, and beside them an index, reveal.js and the styles."""
    plans = yaml.safe_load(PLANS.read_text(encoding="utf-8"))["notebooks"]
    carried = Path(next(iter(find_spec("sphinx_revealjs").submodule_search_locations))) / "_static" / "revealjs"
    (folder / "reveal").mkdir(parents=True, exist_ok=True)
    for name in REVEAL:
        shutil.copyfile(carried / name, folder / "reveal" / Path(name).name)
    for name in ("slides.css", "slides.js"):
        shutil.copyfile(ROOT / "tools" / name, folder / name)
    titles = {}
    for path in paths:
        deck = Deck(nbformat.read(path, as_version=4), plans.get(int(path.stem[:2])), answers=answers)
        titles[f"{path.stem}.html"] = deck.name
        page = TEMPLATES.get_template("slides.html.j2").render(deck=deck, code_style=FORMATTER.get_style_defs())
        (folder / f"{path.stem}.html").write_text(page, encoding="utf-8", newline="\n")
    index = TEMPLATES.get_template("slides_index.html.j2").render(titles=titles)
    (folder / "index.html").write_text(index, encoding="utf-8", newline="\n")


def print_pdf(paths: list[Path], folder: Path) -> None:
    """Print the slides of each notebook, a page for each slide, into a PDF file beside them.

    Raises:
        RuntimeError: there is no Chromium.
    """
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only for this

    if chromium() is None:
        raise RuntimeError(f"Expected a Chromium to print with, one of {', '.join(CHROMIUM)}: install it.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium())
        for path in paths:
            page = browser.new_page()
            page.goto(f"{(folder / path.stem).as_uri()}.html?print-pdf")
            page.wait_for_function("window.slidesPrintable")
            with replace_whole(folder / f"{path.stem}.pdf") as part:
                part.write_bytes(page.pdf(prefer_css_page_size=True, print_background=True))
            page.close()
        browser.close()


def main(arguments: list[str] | None = None) -> None:
    """Write the slides and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, default=NOTEBOOKS)
    parser.add_argument("--answers", action="store_true", help="with the solutions, into build/slides-with-answers/")
    parser.add_argument("--pdf", action="store_true", help="print them as well")
    options = parser.parse_args(arguments)
    folder = SLIDES.with_name("slides-with-answers") if options.answers else SLIDES
    write(options.notebooks, folder, answers=options.answers)
    if options.pdf:
        print_pdf(options.notebooks, folder)
    print(f"Open {folder / 'index.html'} in a browser. Space goes on, S opens the speaker's view, ? lists all keys.")


if __name__ == "__main__":
    main()
