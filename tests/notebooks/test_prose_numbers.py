"""A number of two or more digits in the text of a notebook appears in an output or in the code of its section.

It may be rounded: the text may say 0.89, or 89 %, where an output says 0.8873. Headings, links, code and formulas
in the text are left out, and so are the lines that `tools.tables` writes.
"""

import re
from decimal import Decimal

import nbformat
from markdown_it import MarkdownIt
from nbformat.v4 import new_markdown_cell

# Known everywhere, and printed in few sections.
KNOWN = {
    "28": "the side of an image",
    "784": "28 x 28",
    "255": "the largest value of 8 bits",
    "60,000": "training images of Fashion-MNIST and of MNIST",
    "10,000": "test images of both",
    "70,000": "images of MNIST in all",
    "1.46": "the smallest loss after two softmaxes, -log(e / (e + 9)), printed in notebook 3",
}
# No cell of its section shows it: the numbers that a text cell may quote all the same, and the reason.
EXCEPTIONS = {
    "green-middle-task": ("20", "the task: the solution says 21"),
    "compare-floats-question": ("16", "IEEE 754: 53 binary digits"),
    "count-classes-conclusion": ("90 % 90 100", "an example"),
    "shuffle-conclusion": ("4.5", "(0 + 9) / 2"),
    "split-first-question": ("250", "1,000 - 750"),
    "copies-conclusion": ("70", "464 - 394"),
    "in-memory-conclusion": ("224 600", "1,000,000 x 3 x 224 x 224 x 4 bytes = 602 GB"),
    "workers-conclusion": ("3.14", "a version of Python"),
    "play-with-modes-conclusion": ("40 1.5 %", "0.9 ** 40 = 0.0148"),
    "colour-net-task": ("20,000", "the task: the check has the limit"),
    "one-layer-question": ("0.99 0.01 4.6", "-log(0.99) = 0.0101, -log(0.01) = 4.605"),
    "who-question": ("17", "1 + exp(-16.7) is 1 in float32"),
    "predict-descent-play": ("0.05", "a setting of the widget"),
    "predict-step": ("0.3367 0.1288", "printed in an earlier section"),
    "step-read": ("0.3367 0.1288", "printed in an earlier section"),
    "save-why": ("2.6", "a version of PyTorch"),
    "remedies-read": ("0.01", "the default of AdamW"),
    "play-with-learning-rates-conclusion": ("0.85", "a setting of the widget"),
    "the-data": ("30 2,000", "the four archives have 30,878,645 bytes; the test set is opened in a later section"),
    "batch-count-hint": ("128", "an example"),
    "five-epochs-conclusion": (
        "65 % 1.08 71 %",
        "test_original_edition.py measures the first two; exercise 1.7 on this page's sets",
    ),
    "improve-question": ("512", "the width of the network in an earlier section"),
    "framing-conclusion": ("14", "the rule of MNIST; the section prints a mean of 14.5"),
    "handwriting-question": ("13", "the description of the data set"),
}
NUMBER = re.compile(r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?:\s?(?:%|million))?(?!\w)")
SHOWN = re.compile(r"\d+(?:,\d{3})*(?:\.\d*)?(?:[eE][-+]?\d+)?")
NOT_SHOWN = re.compile(r"\(figure, described below[^)]*\)|[Ee]xercise \d\.\d+")  # a fingerprint, an exercise's number
GENERATED = re.compile(r"About \d+ minutes, difficulty \d of 3\.|[Ss]ections? \d+(?:, \d+)*")
UNITS = {"": 1, "%": Decimal("0.01"), "million": Decimal(1_000_000)}


def texts_of(source):
    """The paragraphs and table cells of a Markdown source, without code and links; None where a section begins."""
    tokens = MarkdownIt().enable("table").parse(re.sub(r"\$[^$\n]+\$", "", source))
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "heading_open" and token.tag == "h2":
            yield None
        if token.type == "inline" and before.type != "heading_open":
            in_link, parts = 0, []
            for child in token.children:
                in_link += {"link_open": 1, "link_close": -1}.get(child.type, 0)
                parts.append(child.content if child.type == "text" and not in_link else " ")
            yield GENERATED.sub("", "".join(parts))


def shown_by(cell):
    """The numbers in the outputs and the code of a cell."""
    outputs = [
        text for o in cell.outputs for text in (o.get("text"), o.get("evalue"), o.get("data", {}).get("text/plain"))
    ]
    code = re.sub(r"(?<=\d)_(?=\d)", "", cell.source)
    text = NOT_SHOWN.sub("", "\n".join([code, *filter(None, outputs)]))
    return [Decimal(written.replace(",", "")) for written in SHOWN.findall(text)]


def is_shown(written, shown):
    """Whether a number is among those shown, or is one of them rounded to the digits in which it is written."""
    digits, unit = re.fullmatch(r"([\d.,]+)\s?(.*)", written).groups()
    value = Decimal(digits.replace(",", ""))
    if "." not in digits and not unit:
        return value in shown
    half = Decimal(5).scaleb(value.as_tuple().exponent - 1)
    scaled = [
        (number / by, Decimal(1).scaleb(number.as_tuple().exponent) / by) for number in shown for by in {1, UNITS[unit]}
    ]
    return any(number == value or (abs(number - value) <= half and step <= 2 * half) for number, step in scaled)


def unexplained(cells):
    """Yield the id of a text cell and a number that it quotes, where nothing in its section shows the number."""
    texts, shown = [], []
    for cell in [*cells[1:], new_markdown_cell("## end")]:  # the first cell is a summary
        if cell.cell_type == "code":
            shown += shown_by(cell)
            continue
        for text in texts_of(cell.source):
            if text is not None:
                texts += [(cell.id, written) for written in NUMBER.findall(text) if len(re.findall(r"\d", written)) > 1]
            else:
                yield from ((name, written) for name, written in texts if not is_shown(written, shown))
                texts, shown = [], []


def test_every_number_in_the_text_is_shown(path):
    cells = nbformat.read(path, as_version=4).cells
    found = {f"{name}: {written}" for name, written in unexplained(cells) if written not in KNOWN}
    allowed = {
        f"{name}: {written}"
        for name in (cell.id for cell in cells)
        if name in EXCEPTIONS
        for written in NUMBER.findall(EXCEPTIONS[name][0])
    }
    assert not found - allowed, "the text quotes numbers that no output and no code of their section shows"
    assert not allowed - found, "exceptions that are no longer needed: take them out"


def test_sections_named_by_number_exist(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    named = re.findall(r"\d+", " ".join(re.findall(r"\b[Ss]ections? \d+(?:, \d+)*", text)))
    assert set(named) <= set(re.findall(r"^## (\d+)\. ", text, re.MULTILINE))
