"""What the pages to look things up in are made of: the sections of the notebooks and the tables of their recaps.

Common errors and the cheat sheet are made from the notebooks; `docs/places.yml` adds the places that these do not tell
by themselves, and `docs/glossary.yml` defines the terms. A row that leads nowhere is an error, never a gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
DOCS = ROOT / "docs"

HEADING = re.compile(r"^(#{1,6}) +(.+?) *$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")

# By number of the notebook and row of its recap: the place, such as 1#broadcasting.
Places = dict[int, dict[str, str]]

ERRORS_INTRODUCTION = """\
What you see, why, what to do about it, and the section that makes the error on purpose or explains it. Some of the
worst mistakes raise no error at all: they are here too, by what they look like.

<div data-filter="Type a part of what you see"></div>"""
CALLS_INTRODUCTION = """\
Every call of the course, by notebook. Each is a link to the section where it is met. To have it on paper, print this
page.

<div class="sheet" data-filter="Type a part of a call, or of what it does"></div>"""
GLOSSARY_INTRODUCTION = """\
The words of the course, each in a sentence, with the section that introduces it.

<div data-filter="Type a part of a word"></div>"""


@dataclass
class Section:
    """A heading of a notebook and everything up to the next one; `prose` is its Markdown, `code` what it runs."""

    title: str
    anchor: str
    recap: bool
    prose: str = ""
    code: str = ""
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Error:
    """A row of the table of common errors: a link to where it is taught, and the whole message if a cell raises it."""

    message: str
    cause: str
    remedy: str
    taught: str
    whole: str | None


@dataclass(frozen=True)
class Call:
    """A row of the table of calls; `met` gives the address of the section where each of them is first used."""

    call: str
    does: str
    met: dict[str, str]


@dataclass(frozen=True)
class Term:
    """A term of the glossary; `where` is a link to the section that introduces it."""

    term: str
    definition: str
    where: str


@dataclass(frozen=True)
class Notebook:
    """A notebook as a reader sees it: a title, and sections that can be linked to."""

    stem: str
    cells: list[NotebookNode]

    @classmethod
    def read(cls, path: Path) -> Notebook:
        """The notebook in this file."""
        return cls(path.stem, nbformat.read(path, as_version=4).cells)

    @property
    def number(self) -> int:
        """Its place in the course."""
        return int(self.stem[:2])

    @property
    def title(self) -> str:
        """The first heading, with its number."""
        return next(iter(self.sections.values())).title

    @cached_property
    def sections(self) -> dict[str, Section]:
        """The sections by their anchors, in their order. After an exercise, the section that it belongs to goes on."""
        sections: dict[str, Section] = {}
        here = around = Section("", "", recap=False)
        for cell in self.cells:
            tags = cell.metadata.get("tags", [])
            if cell.cell_type == "markdown":
                above, *parts = HEADING.split(cell.source)
                here.prose += above + "\n"
                for title, text in zip(parts[1::3], parts[2::3], strict=True):
                    around = here
                    # What follows the recap belongs to it.
                    recap = here.recap or title.startswith("Recap")
                    here = Section(title, _unique(anchor(title), sections), recap, title + text + "\n")
                    sections[here.anchor] = here
            elif "solution" in tags:
                here = around
            elif "exercise" not in tags:
                here.code += re.sub(r"^(?:import|from) .*$|#.*$", "", cell.source, flags=re.MULTILINE) + "\n"
                here.errors += tuple(output.evalue for output in cell.outputs if output.output_type == "error")
        return sections

    def address(self, section: Section) -> str:
        """The address of a section for the pages at the top of the site."""
        return f"notebooks/{self.stem}.ipynb#{section.anchor}"

    def link(self, section: Section) -> str:
        """A link to a section, under its title in short."""
        title = re.sub(r"^(?:A mistake on purpose[^:]*:|\d+\.) (.)", lambda one: one[1].upper(), section.title)
        return f"[{self.number}: {title}]({self.address(section)})"

    def rows(self, first: str, last: str) -> Iterator[list[str]]:
        """The rows of the tables whose header begins and ends like this (`.*` for anything).

        Raises: ValueError where the notebook has no such table.
        """
        found = False
        for cell in self.cells:
            inside = False
            for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
                if not line.startswith("|"):
                    inside = False
                    continue
                row = [column.strip() for column in re.split(r"(?<!\\)\|", line)[1:-1]]
                if re.fullmatch(first, row[0]) and re.fullmatch(last, row[-1]):
                    found = inside = True
                elif inside and not set(line) <= set("|-: "):
                    yield row
        if not found:
            raise ValueError(f"Expected a table of {first} to {last} in the recap of {self.stem}; found none.")


def anchor(title: str) -> str:
    """The anchor of a heading, as GitHub and MyST make it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _unique(name: str, taken: dict[str, Section]) -> str:
    """The name, or with the first number that makes it a new one."""
    names = [name, *(f"{name}-{i}" for i in range(1, len(taken) + 1))]
    return next(one for one in names if one not in taken)


def plain(markdown: str) -> str:
    """Markdown without its marks for code and emphasis."""
    return re.sub(r"[`*]", "", markdown)


def find(place: str, notebooks: list[Notebook]) -> tuple[Notebook, Section]:
    """The section of a place such as `1#broadcasting`.

    Raises: ValueError where there is no such section.
    """
    number, _, name = place.partition("#")
    for notebook in notebooks:
        if str(notebook.number) == number and name in notebook.sections:
            return notebook, notebook.sections[name]
    raise ValueError(f"Expected a notebook's number and one of its headings, as in 1#broadcasting; received {place!r}.")


def errors(notebooks: list[Notebook], places: Places) -> dict[str, list[Error]]:
    """The common errors of each notebook, by its title.

    An error is taught in the section that raises it, or where `places` says, by number of the notebook and message.

    Raises: ValueError for a row that leads nowhere, an error on purpose that no row explains, and a place that no
    row needs.
    """
    found: dict[str, list[Error]] = {}
    needed: Places = {}
    for notebook in notebooks:
        rows = found[notebook.title] = []
        explained = set()
        for message, cause, remedy in notebook.rows(".*", "remedy"):
            raised = _raised(message, [notebook, *notebooks])
            if place := places.get(notebook.number, {}).get(plain(message)):
                needed.setdefault(notebook.number, {})[plain(message)] = place
                where, section = find(place, notebooks)
            elif raised:
                where, section, _ = raised
            else:
                raise ValueError(
                    f"Expected a cell that raises {plain(message)!r}, which the recap of {notebook.stem} lists, or a "
                    "place for it in docs/places.yml; found neither. Add a line there."
                )
            explained.add(section.anchor)
            rows.append(Error(message, cause, remedy, where.link(section), raised and raised[2].strip()))
        for section in notebook.sections.values():
            if section.errors and section.anchor not in explained:
                raise ValueError(
                    f"Expected a row for each error on purpose in the recap of {notebook.stem}; found none for "
                    f"{section.errors[0][:70]!r} under {section.title!r}."
                )
    _all_needed(places, needed)
    return found


def _all_needed(places: Places, needed: Places) -> None:
    for number, some in places.items():
        for row in some.keys() - needed.get(number, {}).keys():
            raise ValueError(f"Expected every line of docs/places.yml to name a row; notebook {number} has no {row!r}.")


def _raised(message: str, notebooks: list[Notebook]) -> tuple[Notebook, Section, str] | None:
    """The first section in which an error is raised that says this; dots stand for anything."""
    for one in re.split(r"; |, (?=[A-Z])", plain(message)):
        parts = [part.strip() for part in one.split("...") if part.strip()]
        for notebook in notebooks:
            for section in notebook.sections.values():
                for said in section.errors:
                    if all(part in said for part in parts):
                        return notebook, section, said
    return None


def calls(notebooks: list[Notebook], places: Places) -> dict[str, list[Call]]:
    """The calls met in each notebook, by its title; `places` as for the errors.

    Raises: ValueError for a row whose first call the notebook does not use, and a place that no row needs.
    """
    found: dict[str, list[Call]] = {}
    needed: Places = {}
    for notebook in notebooks:
        rows = found[notebook.title] = []
        for call, does in notebook.rows("call", "what it does"):
            met = {}
            for one in CODE.findall(call):
                if place := places.get(notebook.number, {}).get(one):
                    needed.setdefault(notebook.number, {})[one] = place
                    where, section = find(place, notebooks)
                    met[one] = where.address(section)
                elif section := _used(one, notebook):
                    met[one] = notebook.address(section)
            if not met or next(iter(met)) != CODE.findall(call)[0]:
                raise ValueError(f"Expected {notebook.stem} to use {call}, which its recap lists; it does not.")
            rows.append(Call(call, does, met))
    _all_needed(places, needed)
    return found


def _used(call: str, notebook: Notebook) -> Section | None:
    """The first section that both writes about a call and uses it; else the first that uses it, or mentions it."""
    used, told = (
        [section for section in notebook.sections.values() if re.search(pattern, text(section))]
        for pattern in [_pattern(call)]
        for text in (lambda one: one.code, lambda one: " ".join(CODE.findall(one.prose)))
    )
    both = [section for section in used if section in told]
    return next((section for section in [*both, *used, *told] if not section.recap), None)


def _pattern(call: str) -> str:
    """What a call looks like in code: its name with a dot before it where it has one, or the operator in it."""
    call = re.sub(r"^class \w+\((.+)\)$", r"\1", call)
    before = call.partition("(")[0].partition("=")[0].strip()
    if operator := re.fullmatch(r"\w+ ([^\w\s.]+) \w+", before):
        return re.escape(f" {operator[1]} ")
    dotted, _, name = before.rpartition(".")
    ends = r"\b" if re.search(r"\w$", name) else ""
    return (r"\." if dotted or before.startswith(".") else r"\b") + re.escape(name) + ends


def terms(entries: dict[str, dict[str, str]], notebooks: list[Notebook]) -> list[Term]:
    """The terms of the glossary in alphabetical order; an entry says what a term means, where it is met, its forms.

    Raises: ValueError for a term whose section does not exist, or does not use it.
    """
    found = []
    for term, entry in entries.items():
        forms = (term, *filter(None, entry.get("also", "").split(", ")))
        notebook, section = find(entry["where"], notebooks)
        text = plain(f"{section.prose} {section.code}")
        if not any(re.search(rf"(?<!\w){re.escape(plain(form))}", text, re.IGNORECASE) for form in forms):
            raise ValueError(
                f"Expected the section {entry['where']} to use the term {term!r}, which the glossary says it "
                "introduces; it does not. Name another section, or another form of the term under `also`."
            )
        found.append(Term(term, " ".join(entry["means"].split()), notebook.link(section)))
    return sorted(found, key=lambda one: plain(one.term).lower())


def errors_page(found: dict[str, list[Error]]) -> str:
    """The page of common errors, in MyST Markdown; where a message is told in short, it stands below in full."""
    lines = ["# Common errors", "", ERRORS_INTRODUCTION]
    for title, rows in found.items():
        lines += [
            "",
            f"## {title}",
            "",
            "{.fold}",
            "| what you see | cause | remedy | taught in |",
            "|---|---|---|---|",
        ]
        for row in rows:
            message = CODE.sub(lambda one: _escaped(one[1]), row.message)
            if row.whole or message != row.message:
                message = f'<span class="message">{message}</span>'
            whole = " ".join((row.whole or "").split())
            if re.sub(r"^\w+: ", "", whole) not in plain(row.message):
                message += f'<span class="whole">{_escaped(whole)}</span>'
            lines.append(f"| {message} | {row.cause} | {row.remedy} | {row.taught} |")
    return "\n".join(lines) + "\n"


def calls_page(found: dict[str, list[Call]]) -> str:
    """The cheat sheet, in MyST Markdown: each call is a link to the section that uses it first."""
    lines = ["# Cheat sheet", "", CALLS_INTRODUCTION]
    for title, rows in found.items():
        lines += ["", f"## {title}", "", "{.fold}"]
        lines += ["| call | what it does |", "|---|---|"]
        for row in rows:
            parts = CODE.split(row.call)  # text, code, text, code, ...
            parts[1::2] = [f"[`{one}`]({row.met[one]})" if one in row.met else f"`{one}`" for one in parts[1::2]]
            lines.append(f"| {''.join(parts)} | {row.does} |")
    return "\n".join(lines) + "\n"


def glossary_page(found: list[Term]) -> str:
    """The glossary, in MyST Markdown, under its letters."""
    lines = ["# Glossary", "", GLOSSARY_INTRODUCTION]
    for letter, some in groupby(found, key=lambda one: one.term[0].upper()):
        lines += ["", f"## {letter}", "", "```{glossary}"]
        for one in some:
            lines += [one.term, f"  {one.definition}", "", f"  {one.where}", ""]
        lines += ["```"]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """A message as text in a table: nothing of it is HTML, Markdown, or the end of a column."""
    return re.sub(r"([<>&*_`|\[\]\\])", lambda one: f"&#{ord(one[0])};", text)
