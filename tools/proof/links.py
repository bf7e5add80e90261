"""Links: inside the course each leads somewhere, to its heading; the others are listed, and tried on demand.

    python -m tools.proof.links              the links inside, and a list of the others with where they stand
    python -m tools.proof.links --outside    ask each of the others for an answer (needs the internet)

Read are the Markdown files and notebooks, the docstrings and comments of every program, HTML, style sheets and scripts.
"""

from __future__ import annotations

import argparse
import ast
import html
import io
import re
import subprocess
import sys
import tokenize
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import perf_counter, sleep
from urllib.parse import unquote, urlsplit

import nbformat

from tools.proof import record

# Pages that tools/site.py makes beside those in docs/, and looks at itself; a template becomes a page elsewhere.
MADE = {"docs/cheat_sheet.md", "docs/errors.md", "docs/glossary.md"}
TEMPLATE = ".j2"
TEXTS = {".md", ".ipynb", ".py", ".html", ".j2", ".css", ".js", ".svg", ".yml", ".toml", ".txt", ".cfg"}
AGENT = "Mozilla/5.0 (compatible; link check of a course)"
TIMEOUT, TRIES, AT_ONCE = 20.0, 3, 8
REFUSED = {401, 403, 405, 429, 999}  # by a site that answers people, and not programs

_MARKDOWN = re.compile(
    r"\]\(\s*<?([^()\s<>]+(?:\([^()\s]*\)[^()\s]*)?)>?(?:\s+[\"'][^)]*)?\s*\)|^\[[^\]]+\]:\s+(\S+)", re.M
)
_ATTRIBUTE = re.compile(r"""\b(?:href|src)\s*=\s*["']([^"'{}<>]+)["']|\burl\(\s*["']?([^"'(){}]+)["']?\s*\)""")
_BARE = re.compile(r"https?://[^\s<>\"'`{}|\\^]+")
_NAMED = re.compile(r"`((?:helpers|tools|tests|notebooks|docs|\.github)/[\w./-]+\.(?:py|ipynb|md|css|js|cfg|yml|j2))`")
_CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.M | re.S)


@dataclass(frozen=True, order=True)
class Link:
    """Where a link leads, and where it stands: a file of the course, from its root."""

    target: str
    file: str

    @property
    def is_outside(self) -> bool:
        """Whether it leads to another machine."""
        return self.target.startswith(("http://", "https://"))


def all_links(root: Path = record.ROOT) -> list[Link]:
    """Every link of the course, once for each file that it stands in."""
    return sorted({Link(target, name) for name in files(root) for target in links_of(root / name)})


@lru_cache
def files(root: Path) -> tuple[str, ...]:
    """Every text that git would hand out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode("utf-8").split("\0")
    return tuple(sorted(name for name in listed if Path(name).suffix in TEXTS and (root / name).is_file()))


def links_of(path: Path) -> Iterator[str]:
    """The targets of the links of one file; addresses of this machine are none."""
    for kind, text in _prose(path):
        if kind == "markdown":
            text = _CODE.sub(lambda code: "" if code.group().startswith(("```", "~~~")) else code.group(), text)
            yield from (match.group(1) for match in _NAMED.finditer(text))
            text = _CODE.sub("", text)
            yield from (html.unescape(one or other) for one, other in _MARKDOWN.findall(text))
        yield from filter(None, (html.unescape(one or other) for one, other in _ATTRIBUTE.findall(text)))
        for found in _BARE.findall(text):
            address = found.rstrip(".,;:!?*_")
            while address.endswith(")") and address.count("(") < address.count(")"):
                address = address[:-1].rstrip(".,;:")
            host = urlsplit(address).hostname or ""
            if "." in host and not host.startswith("127.") and not host.endswith((".example", ".invalid", "w3.org")):
                yield address


def _prose(path: Path) -> Iterator[tuple[str, str]]:
    """The parts of a file that people read, each with its kind."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield "markdown", text
    elif path.suffix == ".py":
        yield "markdown", "\n\n".join(_said(text))
    elif path.suffix == ".ipynb":
        for cell in nbformat.reads(text, as_version=4).cells:
            yield "markdown", cell.source if cell.cell_type == "markdown" else "\n\n".join(_said(cell.source))
    else:
        yield "other", text


def _said(source: str) -> Iterator[str]:
    """The docstrings and comments of a program."""
    try:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield ast.get_docstring(node) or ""
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield token.string
    except (SyntaxError, tokenize.TokenError):
        return  # a cell that is wrong on purpose


def broken(root: Path = record.ROOT) -> list[str]:
    """A sentence for each link inside the course that leads nowhere."""
    return [
        f"{link.file}: {link.target} {fault}"
        for link in all_links(root)
        if not link.is_outside and (fault := _fault(root, link))
    ]


def _fault(root: Path, link: Link) -> str:
    target, _, anchor = unquote(link.target).partition("#")
    if re.match(r"[a-z][a-z0-9+.-]*:", target):  # mailto:, data:, attachment:
        return ""
    here = (root / link.file).parent
    if _NAMED.fullmatch(f"`{target}`") and not (here / target).exists():
        here = root  # a name in the text counts from the course's folder
    path = (here / target).resolve() if target else (root / link.file).resolve()
    if not path.is_relative_to(root.resolve()):
        return "leads out of the course"
    name = path.relative_to(root.resolve()).as_posix()
    if link.file.endswith(TEMPLATE) or (name in MADE and link.file.startswith("docs/")):
        return ""
    known = _tracked(root)
    if name != "." and name not in known and not any(other.startswith(f"{name}/") for other in known):
        return "leads to no file that git would hand out"
    if anchor and anchor not in _anchors(path):
        return f"leads to no heading #{anchor}"
    return ""


@lru_cache
def _tracked(root: Path) -> frozenset[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode("utf-8").split("\0")
    return frozenset(name for name in listed if name and (root / name).exists())


def _anchors(path: Path) -> set[str]:
    """What may stand behind # for this file."""
    text = "\n\n".join(part for _, part in _prose(path)) if path.suffix in TEXTS else ""
    named = set(re.findall(r"""\b(?:id|name)\s*=\s*["']([^"']+)["']""", text))
    if path.suffix == ".py":
        return {f"L{number + 1}" for number in range(len(path.read_text(encoding="utf-8").splitlines()))}
    anchors: set[str] = set()
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", _CODE.sub(_keep_words, text), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        if path.suffix == ".ipynb":
            anchors.add(plain.replace(" ", "-"))  # JupyterLab's way
        slug = re.sub(r"[^\w\- ]", "", plain.replace("*", "").lower()).replace(" ", "-")  # GitHub's way
        number = 0
        while (numbered := f"{slug}-{number}" if number else slug) in anchors:
            number += 1
        anchors.add(numbered)
    return anchors | named


def _keep_words(code: re.Match[str]) -> str:
    return "" if code.group().startswith(("```", "~~~")) else code.group().strip("`")


@dataclass(frozen=True)
class Answer:
    """What an address answered: ok, refused (to a program; look yourself), or broken."""

    address: str
    verdict: str
    said: str


def ask(address: str, *, timeout: float = TIMEOUT, pause: float = 1.0) -> Answer:
    """Ask an address, again after a pause where it did not answer, and by GET where it does not know HEAD."""
    said = "no answer"
    for attempt in range(TRIES):
        for method in ("HEAD", "GET"):
            request = urllib.request.Request(address.partition("#")[0], method=method, headers={"User-Agent": AGENT})
            try:
                with urllib.request.urlopen(request, timeout=timeout) as reply:
                    moved = reply.geturl() if reply.geturl() != request.full_url else ""
                    return Answer(address, "ok", f"{reply.status}{f', moved to {moved}' if moved else ''}")
            except urllib.error.HTTPError as error:
                said = str(error.code)
                if method == "GET" and error.code in REFUSED:
                    return Answer(address, "refused", said)
                if method == "GET" and error.code < 500:
                    return Answer(address, "broken", said)
            except (OSError, ValueError) as error:
                said = str(getattr(error, "reason", error))
                break  # nobody there: HEAD or GET is the same
        if attempt + 1 < TRIES:
            sleep(pause)
    return Answer(address, "broken", said)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what the command line asks for; return 1 where a link is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outside", action="store_true", help="ask the addresses outside for an answer")
    outside = parser.parse_args(arguments).outside
    started = perf_counter()
    links, faults = all_links(), broken()
    places: dict[str, list[str]] = {}
    for link in links:
        if link.is_outside:
            places.setdefault(link.target, []).append(link.file)
    inside, texts = sum(not link.is_outside for link in links), len(files(record.ROOT))
    print(*faults, sep="\n", end="\n" if faults else "")
    print(f"{inside} links inside the course, {len(faults)} broken; {len(places)} addresses outside\n")
    record.write(
        "links-inside",
        section="Links",
        tried=f"{inside} links inside the course, in {texts} files, were followed to their file and heading.",
        outcome=f"{len(faults) or 'None'} led nowhere; {len(places)} addresses outside are listed by the command.",
        passed=not faults,
        command="make links",
        seconds=perf_counter() - started,
    )
    if not outside:
        for address, found in places.items():
            print(address, *(f"    {file}" for file in found), sep="\n")
        return int(bool(faults))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(ask, places))
    for answer in sorted(answers, key=lambda answer: answer.verdict):
        print(f"{answer.verdict:<9}{answer.address}  ({answer.said})", *(places[answer.address]), sep="\n    ")
    if answers and all(answer.verdict == "broken" and not answer.said.isdigit() for answer in answers):
        print("No address answered at all: this machine has no internet. Nothing was found out, and nothing recorded.")
        return 1
    dead = [answer for answer in answers if answer.verdict == "broken"]
    refused = sum(answer.verdict == "refused" for answer in answers)
    record.write(
        "links-outside",
        section="Links",
        tried=f"Each of {len(answers)} addresses outside the course was asked for an answer.",
        outcome=f"{len(dead) or 'None'} did not answer well, {refused or 'none'} refused to answer a program.",
        passed=not dead,
        command="make links OUTSIDE=yes",
        seconds=perf_counter() - started,
        rows=[{"address": answer.address, "answer": answer.said} for answer in answers if answer.verdict != "ok"],
    )
    return int(bool(faults or dead))


if __name__ == "__main__":
    sys.exit(main())
