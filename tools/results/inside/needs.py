"""What an answer needs: the cells of a notebook that define what it uses, and nothing else of the notebook.

Read from the text alone, before any of it runs. So an endless loop elsewhere holds nothing up, cells may stand in any
order, and an answer may call a function that its learner wrote in a cell of their own.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

GIVEN = {"check", "display", "get_ipython"}  # by the judge


@dataclass
class Cell:
    """A code cell in the form that can be reasoned about; `tree` is None where it is no Python."""

    name: str  # in messages and tracebacks
    source: str
    tree: ast.Module | None = field(init=False, default=None)
    fault: str = field(init=False, default="")
    binds: set[str] = field(init=False, default_factory=set)
    reads: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        try:
            self.tree = self._parsed()
            table = symtable.symtable(ast.unparse(self.tree), self.name, "exec")
            self.binds = {one.get_name() for one in table.get_symbols() if one.is_assigned() or one.is_imported()}
            self.reads = _read(table) - self.binds - GIVEN
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            place = f" in line {error.lineno} of the cell" if isinstance(error, SyntaxError) else ""
            self.tree, self.fault = None, f"{type(error).__name__}: {str(error.args[0])[:80]}{place}"

    def _parsed(self) -> ast.Module:
        try:
            return ast.parse(self.source, self.name)
        except SyntaxError:
            # Jupyter's own words: a magic, a shell command, a question. They are not needed to judge an answer.
            plain = re.sub(r"\A\s*%%(time|timeit|capture)\b.*", "", self.source)
            if plain.lstrip().startswith("%%"):
                raise
            return ast.parse(
                re.sub(r"^(\s*)(?:[%!?].*|[\w.]+\?+\s*)$", r"\1pass", plain, flags=re.MULTILINE), self.name
            )

    def calls(self, check: str) -> bool:
        """Whether it calls this check, `check.NAME(...)`, or is no Python but seems to."""
        if self.tree is None:
            return re.search(rf"\bcheck\s*\.\s*{check}\b", self.source) is not None
        return any(call.func.attr == check for call in self._calls)

    def is_solution(self, check: str = "") -> bool:
        """Whether it calls this check, or any, as the course's solutions do: `check.NAME(..., solution=True)`."""
        return any(
            (not check or call.func.attr == check) and any(keyword.arg == "solution" for keyword in call.keywords)
            for call in self._calls
        )

    @cached_property
    def _calls(self) -> list[ast.Call]:
        """Its calls of something with a dot before its name."""
        nodes = ast.walk(self.tree or ast.Module([], []))
        return [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]

    def defines(self, names: list[str]) -> bool:
        """Whether it binds all of these names, or is no Python but seems to."""
        if self.tree is None:
            return all(re.search(rf"^(def |class )?{name}\b\s*[(=:]", self.source, re.MULTILINE) for name in names)
        return self.binds.issuperset(names)

    def imports_only(self, names: set[str]) -> Cell | None:
        """The import statements that bind these names, where they bind all that is wanted of this cell; else None."""
        statements, bound = [], set()
        for node in self.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                aliases = [alias for alias in node.names if _bound(alias) in names]
                bound |= {_bound(alias) for alias in aliases}
                if aliases:
                    named = ast.Import(aliases)
                    if isinstance(node, ast.ImportFrom):
                        named = ast.ImportFrom(node.module, aliases, node.level)
                    statements.append(ast.unparse(named))
        return Cell(self.name, "\n".join(statements)) if names <= bound else None

    def says(self, other: Cell) -> bool:
        """Whether both are the same program, whatever their blanks and comments."""
        if self.tree is None or other.tree is None:
            return self.source.split() == other.source.split()
        return ast.dump(self.tree) == ast.dump(other.tree)


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _read(table: Any) -> set[str]:
    """The names that a piece of code takes from its notebook, in functions and classes too."""
    top = table.get_type() == "module"
    own = {one.get_name() for one in table.get_symbols() if one.is_referenced() and (top or one.is_global())}
    return own.union(*map(_read, table.get_children()))


def needed(answer: Cell, above: list[Cell], others: list[Cell]) -> list[Cell]:
    """The cells that an answer needs, in the order in which they should run, the answer not among them.

    A name comes from the nearest cell `above` that binds it; otherwise from the first of the `others` that does: what
    stands below, and the course's own cells, for a learner who deleted the imports.
    """
    order = [*above, *others]
    wanted: dict[int, set[str]] = {}
    asked = [(name, len(above)) for name in sorted(answer.reads)]
    seen = set(asked)
    while asked:
        name, limit = asked.pop()
        places = [place for place, cell in enumerate(order) if name in cell.binds]
        # A learner may have a function of their own called `help`; whoever has none means Python's.
        elsewhere = places[0] if places and not hasattr(builtins, name) else None
        place = next((one for one in reversed(places) if one < limit), elsewhere)
        if place is None:
            continue
        wanted.setdefault(place, set()).add(name)
        whole = order[place].imports_only(wanted[place]) is None
        more = {(read, min(place, len(above))) for read in order[place].reads if whole} - seen
        seen |= more
        asked += more
    return [order[place].imports_only(names) or order[place] for place, names in _in_turn(wanted, len(above))]


def _in_turn(wanted: dict[int, set[str]], above: int) -> list[tuple[int, set[str]]]:
    """What comes from elsewhere runs first: what stands above may use it."""
    return sorted(wanted.items(), key=lambda item: (item[0] < above, item[0]))
