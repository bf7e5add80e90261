"""Tie every number that the prose of a notebook quotes to the cell that prints it, and say which are tied to nothing.

    python -m tools.prose            tie what is new, and list what has to be tied by hand
    python -m tools.prose --check    tie nothing, only list; status 1 if anything is listed

The ties are kept in `tests/prose.json`: notebook, text cell, number as it is written there, and one of

    "prints CELL"     the output of that cell shows the number; rounded, where it is quoted with decimals
    "code CELL"       the code of that cell sets it
    "equation"        it is part of an equation that the text spells out, and the equation is true
    "result 5 x 3 = 15"  it is part of this equation, which the text leaves out, and which is true; written by hand
    "rounds 6.001 CELL"  a whole number that stands for this one, which the output of that cell shows; written by hand
    "means 68.0 % CELL"  the words stand for this number, and the output of that cell shows it; written by hand. The
                      words may be "over 200", or have no figure in them at all: "nearly seven in ten"
    "fact: REASON"    known from elsewhere, and not checked; written by hand, with the reason or the source

CELL is an id of the same notebook; `06_quickstart/five-epochs` names one of another. What is new is tied to the nearest
cell of its section: look at the difference of `tests/prose.json` before you commit it. `tests/test_prose.py` fails on a
number that has no tie, and on a tie that no longer holds.
"""

from __future__ import annotations

import argparse
import ast
import json
import operator
import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.proof import record

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
TIES = ROOT / "tests" / "prose.json"

Ties = dict[str, dict[str, dict[str, str]]]  # notebook -> text cell -> number as written -> tie

# What is not prose: code, formulas, links (they number notebooks), headings of exercises and what other tests compare.
_NOT_PROSE = re.compile(
    r"""```.*?```|`[^`]*`|\$[^$\n]*\$|!?\[[^\]]*\]\([^)]*\)|<[^>]+>
    |^\ {4}.*$|^\#\#*\ \d+\.\ |^\#\#\#\#\ Exercise\ .*$|^\d+\.\ |[Ee]xercises?\ \d+\.\d+|[Ss]ections?\ [\d, ]+\d*
    |^\*About\ \d+\ minutes,\ difficulty\ \d\ of\ 3\.\*|about\ \d+\ minutes,\ and\ \d+\ for\ the\ exercises""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_QUOTED = re.compile(
    r"(?<![\w.,√])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?"
    r"(?:\s?%|\s(?:million|thousand)\b)?(?![A-Za-z\d]|\.\d)"
)
_PRINTED = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?(?:[eE][-+]?\d+)?(?:\s?%)?")
_EQUATION = re.compile(
    r"(?<![\w.√])((?:[-(]{0,2}\d[\d.,]*[⁰¹²³⁴-⁹]*\)?\s*[-+·×x/]?\s*)+)=\s*(-?\d[\d.,]*\d|-?\d)(\s?%)?"
)
# What an output shows and no text quotes: the number of an exercise, and what is stored to compare a figure by.
_NOT_SHOWN = re.compile(r"\b[Ee]xercise \d+\.\d+|\(figure, described below[^)]*\)")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_SCALES = {"%": 0.01, "million": 1e6, "thousand": 1e3}


@dataclass(frozen=True)
class Number:
    """A number as a text writes it, and half of the last digit that it states."""

    written: str
    value: float
    half: float

    @classmethod
    def read(cls, written: str) -> Number:
        """The number behind '0.68', '-1', '12,000', '68 %' or '2.7 million'."""
        digits, _, unit = written.partition(" ") if " " in written else (written.rstrip("%"), "", "%"[: "%" in written])
        mantissa, _, exponent = digits.replace(",", "").lower().partition("e")
        decimals = len(mantissa.partition(".")[2])
        scale = _SCALES.get(unit, 1.0) * 10.0 ** int(exponent or 0)
        return cls(written, float(mantissa) * scale, 0.5 * 10.0**-decimals * scale)

    def shown_in(self, text: str) -> bool:
        """Whether the text shows this number: itself, or rounded to it where it is quoted with decimals."""
        found = [Number.read(written) for written in _PRINTED.findall(text)]
        if "." not in self.written:  # 1 would be shown by whatever lies between 0.5 and 1.5
            found = [one for one in found if self._distance(one) < 1e-9]
        return any(map(self.rounds, found))

    def set_in(self, code: str) -> bool:
        """Whether the code states this number: there 0.8 is exact, and is 80 %; and 24_000 is 24,000."""
        code = re.sub(r"(?<=\d)_(?=\d)", "", code)
        return any(abs(Number.read(found).value - self.value) < 1e-9 for found in _PRINTED.findall(code))

    def rounds(self, printed: Number) -> bool:
        """Whether a printed number has as many digits as this one or more, and is this one when rounded to them."""
        slack = 1e-9 * max(1.0, abs(self.value))
        return printed.half <= self.half + slack and self._distance(printed) <= self.half + slack

    def _distance(self, printed: Number) -> float:
        signs = (printed.value, abs(printed.value)) if self.value >= 0 else (printed.value,)
        return min(abs(sign - self.value) for sign in signs)


def quoted(source: str) -> list[Number]:
    """The numbers that the prose of a text cell quotes, each once."""
    prose = _NOT_PROSE.sub(lambda hit: " ` " if "`" in hit.group() else " ", source)
    return [Number.read(written) for written in dict.fromkeys(_QUOTED.findall(prose))]


def equations(source: str) -> Iterator[tuple[str, bool]]:
    """Every equation between numbers that the text spells out, such as 2 · 3 = 6, and whether it is true."""
    for hit in _EQUATION.finditer(source):
        left = re.sub(r"([⁰¹²³⁴-⁹]+)", lambda raised: "**" + raised.group().translate(_RAISED), hit.group(1))
        left = re.sub(r"[·×x]", "*", left.replace(",", "")).strip()
        if not re.search(r"[-+*/]", left.lstrip("-")):
            continue
        right = Number.read(hit.group(2) + (hit.group(3) or ""))
        try:
            value = _calculate(ast.parse(left, mode="eval").body)
        except (SyntaxError, KeyError):
            continue  # a part of a longer formula
        flat = re.sub(r"([⁰¹²³⁴-⁹]+)", lambda raised: "^" + raised.group().translate(_RAISED), hit.group())
        yield flat, abs(value - right.value) <= right.half * 1.001


_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def _calculate(node: ast.expr) -> float:
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_calculate(node.left), _calculate(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_calculate(node.operand)
    if isinstance(node, ast.Constant):
        return node.value
    raise KeyError(type(node))


def printed(cell: NotebookNode) -> str:
    """What the outputs of a code cell show to the reader, as text."""
    texts = []
    for output in cell.get("outputs", []):
        texts += [output.get("text", ""), output.get("evalue", ""), output.get("data", {}).get("text/plain", "")]
    return _NOT_SHOWN.sub(" ", "\n".join(texts))


def holds(tie: str, number: Number, text_cell: NotebookNode, cells: dict[str, NotebookNode]) -> bool:
    """Whether a tie still holds. `cells` maps 'cell' of this notebook and 'notebook/cell' of all to their cells."""
    kind, _, rest = tie.partition(" ")
    if kind == "fact:":
        return len(rest.split()) >= 2  # no command can look it up; it has to name where it comes from
    if kind in {"means", "rounds"}:
        given, _, name = rest.rpartition(" ")
        if not _PRINTED.fullmatch(given) or name not in cells:
            return False
        source = Number.read(given)
        return source.shown_in(printed(cells[name])) and (kind == "means" or number.rounds(source))
    if kind in {"equation", "result"}:
        text = rest if kind == "result" else text_cell.source
        return any(true and number.shown_in(equation) for equation, true in equations(text))
    if kind not in {"prints", "code"} or rest not in cells:
        return False
    return number.shown_in(printed(cells[rest])) if kind == "prints" else number.set_in(cells[rest].source)


def nearest(number: Number, place: int, notebook: list[NotebookNode]) -> str | None:
    """The tie to the nearest cell of its section that prints the number, else sets it; before sooner than after."""
    sections = [sum(_is_heading(cell) for cell in notebook[: i + 1]) for i in range(len(notebook))]
    found = []
    for i, cell in enumerate(notebook):
        if cell.cell_type != "code" or sections[i] != sections[place]:
            continue
        cost = abs(i - place) + 2 * (i > place)
        if number.shown_in(printed(cell)):
            found.append((cost, f"prints {cell.id}"))
        elif number.set_in(cell.source):
            found.append((cost + 3, f"code {cell.id}"))
    if found:
        return min(found)[1]
    return "equation" if holds("equation", number, notebook[place], {}) else None


def _is_heading(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown" and cell.source.startswith("## ")


def read_cells() -> dict[str, list[NotebookNode]]:
    """The cells of every notebook of the course."""
    return {path.stem: nbformat.read(path, as_version=4).cells for path in NOTEBOOKS}


def faults(ties: Ties, notebooks: dict[str, list[NotebookNode]]) -> Iterator[str]:
    """Every number without a tie, every tie that does not hold or has lost its number, and every false equation."""
    everywhere = {f"{stem}/{cell.id}": cell for stem, cells in notebooks.items() for cell in cells}
    for stem in ties.keys() - notebooks.keys():
        yield f"tests/prose.json names {stem}, and there is no such notebook: take it out"
    for stem, notebook in notebooks.items():
        cells = everywhere | {cell.id: cell for cell in notebook}
        texts = {cell.id: cell for cell in notebook if cell.cell_type == "markdown"}
        for name in ties.get(stem, {}).keys() - texts.keys():
            yield f"tests/prose.json names {stem}/{name}, and there is no such text: run `make prose`"
        for name, cell in texts.items():
            known = dict(ties.get(stem, {}).get(name, {}))
            for number in quoted(cell.source):
                tie = known.pop(number.written, None)
                if tie is None:
                    yield f"{stem}/{name} says {number.written}, which is tied to no cell: run `make prose`"
                elif not holds(tie, number, cell, cells):
                    yield f"{stem}/{name} says {number.written}, tied to '{tie}', which does not show it: mend either"
            for written, tie in known.items():
                if _is_words(written) and written in cell.source and tie.startswith("means "):
                    if not holds(tie, Number("", 0, 0), cell, cells):
                        yield f"{stem}/{name} says '{written}', tied to '{tie}', which does not show it: mend either"
                    continue
                yield f"{stem}/{name} no longer says {written} (tied to '{tie}'): run `make prose`"
            for equation, true in equations(cell.source):
                if not true:
                    yield f"{stem}/{name} says {equation}, which is not true"


def tied(ties: Ties, notebooks: dict[str, list[NotebookNode]]) -> Ties:
    """The ties that still hold, and a new one, where the nearest cell gives it, for every number that has none."""
    everywhere = {f"{stem}/{cell.id}": cell for stem, cells in notebooks.items() for cell in cells}
    result: Ties = {}
    for stem, notebook in notebooks.items():
        cells = everywhere | {cell.id: cell for cell in notebook}
        for place, cell in enumerate(notebook):
            if cell.cell_type != "markdown":
                continue
            for number in quoted(cell.source):
                tie = ties.get(stem, {}).get(cell.id, {}).get(number.written)
                if tie is None or not holds(tie, number, cell, cells):
                    tie = nearest(number, place, notebook)
                if tie is not None:
                    result.setdefault(stem, {}).setdefault(cell.id, {})[number.written] = tie
            for words, tie in ties.get(stem, {}).get(cell.id, {}).items():
                if _is_words(words) and words in cell.source:
                    result.setdefault(stem, {}).setdefault(cell.id, {})[words] = tie
    return result


def _is_words(key: str) -> bool:
    return not _QUOTED.fullmatch(key)


def missing_sections(texts: Iterable[str]) -> Iterator[int]:
    """The numbers of sections that these texts of one notebook name, and that have no heading."""
    text = "\n".join(texts)
    headings = {int(number) for number in re.findall(r"^## (\d+)\. ", text, re.MULTILINE)}
    for named in re.findall(r"\b[Ss]ections? (\d+(?:, \d+)*)", text):
        yield from sorted({int(number) for number in named.split(", ")} - headings)


_KINDS = {
    "prints": "shown by an output",
    "code": "set in a cell's code",
    "equation": "in a true equation of the text",
    "result": "in a true equation that the text leaves out",
    "rounds": "rounded from a number that an output shows",
    "means": "in words for a number that an output shows",
}


def summary(ties: Ties, notebooks: int, wrong: int) -> tuple[str, str]:
    """What the ties say of the numbers, in two sentences: how many are only stated, and how many were checked."""
    kinds = [tie.split()[0] for texts in ties.values() for numbers in texts.values() for tie in numbers.values()]
    stated = kinds.count("fact:")
    counts = ", ".join(f"{kinds.count(kind)} {words}" for kind, words in _KINDS.items())
    return (
        f"{len(kinds)} numbers in the text of {notebooks} notebooks are tied to where they come from; {stated} of them "
        "are facts, stated with their source or reason, which no command checks.",
        f"The other {len(kinds) - stated} were looked up there ({counts}): {wrong} do not hold.",
    )


def load() -> Ties:
    """The ties as they are stored."""
    return json.loads(TIES.read_text(encoding="utf-8")) if TIES.exists() else {}


def main(arguments: list[str] | None = None) -> int:
    """Run the command of the command line and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="tie nothing, only list")
    chosen = parser.parse_args(arguments)
    start = time.perf_counter()
    notebooks = read_cells()
    ties = load()
    if not chosen.check:
        ties = tied(ties, notebooks)
        TIES.write_text(json.dumps(ties, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    found = list(faults(ties, notebooks))
    print(*found, sep="\n", end="\n" if found else "")
    tried, outcome = summary(ties, len(notebooks), len(found))
    print(tried, outcome)
    if not chosen.check:
        record.write(
            "prose",
            section="Prose",
            tried=tried,
            outcome=outcome,
            passed=not found,
            command="make prose",
            seconds=time.perf_counter() - start,
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
