"""What was handed in: which files, by whom, of which notebook. Reads text and JSON, runs nothing.

A class's folder may hold `anna_06_quickstart.ipynb` beside each other, a folder for each learner, what a learning
platform exports (`Anna Meier_1234_assignsubmission_file_/...`, `meieranna_1234_5678_06_quickstart.ipynb`), and zips of
any of these; or be one such zip itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tools.results.course import Lesson, lessons

LARGEST = 20_000_000  # bytes of one file; the course's own notebooks stay under 500,000
MOST_CELLS = 2_000
IGNORED = {"__MACOSX", "Thumbs.db", "desktop.ini"}  # and whatever begins with a dot


class Refused(Exception):  # noqa: N818 - a finding about a file
    """A file is not run, and why."""


@dataclass(frozen=True)
class Handed:
    """One file that was handed in; `fault` says why it is not even read."""

    path: Path  # of the file, or of the zip it lies in
    member: str  # its name in the zip, or nothing
    name: str  # below the class's folder, with the zip as a folder
    learner: str
    fault: str = ""

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            Refused: it cannot be read, or is too large.
        """
        try:
            if not self.member:
                with self.path.open("rb") as stream:
                    data = stream.read(LARGEST + 1)
            else:
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as stream:
                    data = stream.read(LARGEST + 1)  # however much the archive promises to unpack to
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
            raise Refused(f"cannot be read: {clean(error)}") from error
        if len(data) > LARGEST:
            raise Refused(f"is larger than {LARGEST // 10**6} MB")
        return data


@dataclass(frozen=True)
class Written:
    """A cell as it was handed in."""

    id: str
    source: str
    tags: frozenset[str]


@dataclass(frozen=True)
class Notebook:
    """A notebook that was handed in, the notebook of the course that it is, and what is odd about it."""

    lesson: Lesson
    cells: tuple[Written, ...]  # those with code
    notes: tuple[str, ...]
    digest: str


def handed_in(folder: Path) -> list[Handed]:
    """Every file below a folder, or in a zip, in the order of its name.

    Raises:
        ValueError: there is no such folder.
    """
    if folder.is_dir():
        found = sorted(_walk(folder, PurePosixPath()), key=lambda one: one[0])
    elif folder.is_file():
        whole = _members(folder, PurePosixPath()) if folder.suffix.lower() == ".zip" else None
        found = sorted(whole or [(PurePosixPath(folder.name), folder, "", "")])
    else:
        raise ValueError(f"Expected a folder of returned notebooks, or a zip of one; there is no {folder}.")
    top = {name.parts[0] for name, *_ in found}
    # An export often has everything in one folder more: that is nobody's name.
    common = len(top) == 1 and len({name.parts[1] for name, *_ in found if len(name.parts) > 2}) > 1
    return [
        Handed(path, member, clean(name), learner_of(name.parts[common:]), fault) for name, path, member, fault in found
    ]


def _walk(folder: Path, below: PurePosixPath) -> Iterator[tuple[PurePosixPath, Path, str, str]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield below, folder, "", f"cannot be read: {clean(error.strerror)}"
        return
    for entry in entries:
        name, path = below / entry.name, Path(entry.path)
        if entry.name in IGNORED or entry.name.startswith("."):
            continue
        if entry.is_symlink():
            yield name, path, "", "is a link to somewhere else, which is not followed"
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(path, name)
        elif not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
            yield name, path, "", "is not a file that can be read"
        elif path.suffix.lower() == ".zip":
            yield from _members(path, below / path.stem)
        else:
            yield name, path, "", ""


def _members(path: Path, below: PurePosixPath) -> Iterator[tuple[PurePosixPath, Path, str, str]]:
    """The files in a zip; nothing is unpacked to disk, so none can be written to a place of its choice."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        yield below.parent / path.name, path, "", f"is not a zip that can be read: {clean(error)}"
        return
    for member in members[:10_000]:
        parts = [part for part in re.split(r"[/\\]+", member.filename) if part not in ("", ".", "..")]
        if member.is_dir() or not parts or any(part in IGNORED or part.startswith(".") for part in parts):
            continue
        fault = "is a zip inside a zip: unpack it first" if parts[-1].lower().endswith(".zip") else ""
        yield below.joinpath(*parts), path, member.filename, fault


def learner_of(parts: tuple[str, ...]) -> str:
    """Whose a file is: the name of the first folder, or what is left of the file's name without the notebook's."""
    name = parts[0] if len(parts) > 1 else PurePosixPath(parts[0]).stem
    name = re.sub(r"_\d+_assignsubmission_\w+?_?(?=_|$|\d\d_)", "_", name)  # Moodle
    for lesson in lessons():
        name = re.sub(rf"(?i)[\s._-]*{lesson.stem}([\s._-]*(\(?\d+\)?|copy\d*|late))*", "", name)
    name = re.sub(r"(?i)(_late)?_\d{3,}_\d{3,}_?.*$", "", name)  # Canvas
    return clean(name.strip(" ._-")) or "(no name)"


def clean(text: Any, longest: int = 200) -> str:
    """A stranger's text as one short line that can be shown anywhere: no control or direction characters."""
    shown = "".join("�" if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Co", "Cn") else one for one in str(text))
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def notebook_of(handed: Handed) -> Notebook:
    """Read a file that was handed in.

    Raises:
        Refused: it is not a notebook, not one of this course, or not to be read.
    """
    if handed.fault:
        raise Refused(handed.fault)
    data = handed.read()
    name = PurePosixPath(handed.name).name
    if not data.strip():
        raise Refused("is empty")
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Refused("is not a notebook: it is not text") from None
    except (ValueError, RecursionError) as error:
        kind = "is a broken notebook" if name.lower().endswith(".ipynb") else "is not a notebook"
        raise Refused(f"{kind}: no JSON ({clean(error)})") from None
    try:
        cells, notes = _cells(document)
    except (AttributeError, KeyError, TypeError, IndexError, RecursionError):
        raise Refused("is not a notebook: JSON, but without cells") from None
    if len(cells) > MOST_CELLS:
        raise Refused(f"has more than {MOST_CELLS:,} cells")
    lesson = _lesson_of(cells, name)
    if lesson is None:
        raise Refused("is a notebook, but not one of this course")
    notes += _oddities(cells, lesson)
    return Notebook(lesson, tuple(cells), tuple(notes), hashlib.sha256(data).hexdigest())


def _cells(document: dict[str, Any]) -> tuple[list[Written], list[str]]:
    notes = []
    if "worksheets" in document:
        notes.append("an old format (3)")
        document = {**document, "cells": [cell for sheet in document["worksheets"] for cell in sheet["cells"]]}
    kernel = document.get("metadata", {}).get("kernelspec", {})
    language = kernel.get("language") or "python"
    if language != "python" or kernel.get("name", "python3") != "python3":
        notes.append(f"its kernel is named {clean(kernel.get('name'), 40)!r}; it was run with Python")
    cells = []
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            source = cell["source"] if "source" in cell else cell["input"]
            source = source if isinstance(source, str) else "".join(source)
            tags = cell.get("metadata", {}).get("tags", [])
            tags = frozenset(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else frozenset()
            cells.append(Written(str(cell.get("id", "")), _encodable(source), tags))
    return cells, notes


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _lesson_of(cells: list[Written], name: str) -> Lesson | None:
    """The notebook of the course that has most in common with these cells; its name decides where nothing else does."""
    text = "\n".join(cell.source for cell in cells)
    called = set(re.findall(r"\bcheck\s*\.\s*(\w+)", text))
    ids = {cell.id for cell in cells}

    def common(lesson: Lesson) -> tuple[int, int]:
        asked = sum(one.cell in ids or one.name in called for one in lesson.asked)
        named = re.search(rf"(?<!\d){lesson.stem}|(?<!\d){lesson.number}(?!\d)", name.lower())
        return asked, int(named is not None)

    best = max(lessons(), key=common)
    asked, named = common(best)
    stem = best.stem in name.lower()
    return best if asked or (named and stem) else None


def _oddities(cells: list[Written], lesson: Lesson) -> list[str]:
    """What a reader of the table should know of a notebook whose cells are not those that were given out."""
    notes = []
    known = {name: place for place, (name, _) in enumerate(lesson.cells)}
    places = [known[cell.id] for cell in cells if cell.id in known]
    if places != sorted(places):
        notes.append("its cells are in another order")
    ids = [cell.id for cell in cells if cell.id]
    if len(set(ids)) < len(ids):
        notes.append("cells with the same id")
    solutions = {name for name, _ in lesson.solutions}
    if missing := len(known.keys() - set(ids) - solutions):
        notes.append(f"{missing} of {len(known) - len(solutions)} cells are missing or have another id")
    if extra := sum(cell.id not in known for cell in cells):
        notes.append(f"{extra} cells of the learner's own" if extra > 1 else "a cell of the learner's own")
    return notes
