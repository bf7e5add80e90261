"""What the course itself knows of its exercises, read from its own notebooks: the only source of a verdict."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat

from tools.exercises import book_of, places
from tools.notebooks import NOTEBOOKS


@dataclass(frozen=True)
class Asked:
    """One exercise as the course asks it: its cell untouched, and the names of the answers that its check takes."""

    name: str
    number: str
    title: str
    goal: str
    cell: str
    source: str
    answers: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Lesson:
    """A notebook of the course: its exercises, and what its cells are."""

    stem: str
    title: str
    checks: str
    asked: tuple[Asked, ...]
    cells: tuple[tuple[str, str], ...]  # id and source of each code cell, in order
    solutions: tuple[tuple[str, str], ...]
    raising: frozenset[str]  # cells that show an error on purpose

    @property
    def number(self) -> str:
        """The number that its file name begins with."""
        return self.stem.partition("_")[0]

    @property
    def surroundings(self) -> tuple[str, ...]:
        """The code of the cells that are no exercise and no solution."""
        others = {one.cell for one in self.asked} | {name for name, _ in self.solutions}
        return tuple(source for name, source in self.cells if name not in others)


@cache
def lessons() -> tuple[Lesson, ...]:
    """Every notebook of the course that has exercises."""
    return tuple(map(_lesson, NOTEBOOKS))


def _lesson(path: Path) -> Lesson:
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    tags = {cell.id: set(cell.metadata.get("tags", [])) for cell in code}
    asked = tuple(
        Asked(
            one.exercise.name,
            one.exercise.number,
            one.exercise.title,
            one.exercise.goal,
            one.cell.id,
            one.cell.source,
            _answers(one.cell.source, one.exercise.name),
            one.exercise.seconds,
        )
        for one in places(path)
    )
    judge = next(iter(book_of(notebook).exercises.values())).judge
    return Lesson(
        path.stem,
        notebook.cells[0].source.partition("\n")[0].removeprefix("# "),
        judge.__module__.rpartition(".")[2],
        asked,
        tuple((cell.id, cell.source) for cell in code),
        tuple((cell.id, cell.source) for cell in code if "solution" in tags[cell.id]),
        frozenset(name for name, given in tags.items() if "raises-exception" in given),
    )


def _answers(source: str, name: str) -> tuple[str, ...]:
    """The names that the untouched cell gives to its check."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name:
            return tuple(argument.id for argument in node.args if isinstance(argument, ast.Name))
    raise ValueError(f"Expected a call of check.{name}(...) in the cell of that exercise; found none. Add it.")
