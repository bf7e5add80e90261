"""Judges the answers of one notebook: finds each, runs what it needs, and gives it to the course's own check.

The check that a notebook calls is a recorder, which only notes what it was given. The check that decides is imported
here, from the course, before any of the notebook's code runs, and is found in no module afterwards. So it does not
matter what the notebook makes of the name `check`, of `helpers.checks`, of its call, or of what is printed.
"""

from __future__ import annotations

import linecache
import os
import sys
import time
import types
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # the course's own helpers before all others

import torch
from limits import Job, begin
from needs import Cell, needed
from pristine import Pristine, refuse_reaching_out
from recorder import Recorder, display, get_ipython

from helpers.checks.compare import message_of
from helpers.checks.core import Exercise, State
from helpers.checks.guard import TimeUp, within

PATIENCE = 3.0  # times what a check may take on a learner's own machine: here others run beside it
WORDS = {State.RIGHT: "solved", State.NOT_ATTEMPTED: "not attempted"}


class Judge:
    """The course's checks for one notebook, and the ground that they stand on."""

    def __init__(self, job: Job) -> None:
        self.task, self.say = job.task, job.say
        self.exercises: dict[str, Exercise] = dict(
            import_module(f"helpers.checks.{self.task['checks']}").book.exercises
        )
        self._rename()
        _warm_up()
        self.pristine = Pristine(sys.modules)
        self.main = sys.modules["__main__"]
        for name in list(sys.modules):
            if name.startswith("helpers.checks"):
                sys.modules[name] = Recorder(name)
            elif name in ("__main__", "limits", "needs", "pristine", "recorder"):
                del sys.modules[name]
        sys.path.remove(str(HERE))
        sys.modules["helpers"].checks = sys.modules["helpers.checks"]
        self.recorder = sys.modules[f"helpers.checks.{self.task['checks']}"]
        sys.modules["helpers.checks"].__dict__[self.task["checks"]] = self.recorder
        self.refused = refuse_reaching_out(("/proc/", "helpers/checks", ".ipynb", str(HERE)))
        self.cells = [Cell(**cell) for cell in self.task["cells"]]
        self.course = [Cell(**cell) for cell in self.task["course"]]

    def _rename(self) -> None:
        """Let the checks' own functions be found, by a pickle of theirs, under a name that nobody is told."""
        name = f"helpers.checks.{self.task['checks']}"
        alias = f"checks_{os.urandom(8).hex()}"
        sys.modules[alias] = sys.modules[name]
        for value in vars(sys.modules[name]).values():
            if isinstance(value, types.FunctionType | type) and value.__module__ == name:
                value.__module__ = alias

    def judge(self, exercise: dict[str, Any]) -> dict[str, Any]:
        """The best verdict on the cells that may hold this answer."""
        untouched = Cell("<untouched>", exercise["source"])
        name = exercise["name"]
        solutions = {place for place, cell in enumerate(self.cells) if cell.is_solution(name)}
        solutions.update(self.task["solutions"])
        own = exercise["cells"]
        answering = {place for place, cell in enumerate(self.cells) if cell.calls(name)} - solutions
        if not (own or answering):  # neither its id nor its check is left
            answering = {place for place, cell in enumerate(self.cells) if cell.defines(exercise["answers"])}
        places = sorted(answering.union(own) - solutions)
        if not places and own:
            return _attempted("It is marked as a solution (`solution=True`) and does not count.")
        if not places:
            return {"state": "not attempted", "sentence": "The cell of this exercise is missing.", "missing": True}
        changed = [place for place in places if not self.cells[place].says(untouched)]
        if not changed:
            return {"state": "not attempted", "sentence": ""}
        best: dict[str, Any] = {}
        for place in changed[-3:]:
            verdict = self._of_cell(exercise, place, solutions)
            order = ["not attempted", "attempted", "solved"]
            if not best or order.index(verdict["state"]) > order.index(best["state"]):
                best = verdict
        return best

    def _of_cell(self, exercise: dict[str, Any], place: int, solutions: set[int]) -> dict[str, Any]:
        answer = self.cells[place]
        if answer.tree is None:
            return _attempted(answer.fault)
        usable = [place for place, cell in enumerate(self.cells) if not (cell.is_solution() or place in solutions)]
        above = [self.cells[one] for one in usable if one < place]
        others = [self.cells[one] for one in usable if one > place] + self.course
        verdict = self._verdict(exercise, answer, needed(answer, above, others))
        if "NameError" in verdict["sentence"]:  # it was defined in a way that cannot be seen in the text
            everything = [cell for cell in above if cell.tree]
            again = self._verdict(exercise, answer, everything)
            return again if again["state"] == "solved" else verdict
        return verdict

    def _verdict(  # noqa: PLR0911 - a way out for each way to fail
        self, exercise: dict[str, Any], answer: Cell, before: list[Cell]
    ) -> dict[str, Any]:
        names, fault, changed = self._run(answer, before)
        given = [answers for name, answers in self.recorder.calls if name == exercise["name"]]
        self.recorder.calls.clear()
        notes = [f"It replaced {_listed(changed)}, which was put back before the check."] if changed else []
        if given and len(given[-1]) == len(exercise["answers"]):
            answers = given[-1]
        elif missing := [name for name in exercise["answers"] if name not in names]:
            return self._refusal() or _attempted(fault or f"There is no `{missing[0]}`.", notes)
        else:
            answers = tuple(names[name] for name in exercise["answers"])
        if refusal := self._refusal():
            return refusal
        check = self.exercises[exercise["name"]]
        check.seconds = exercise["seconds"] * PATIENCE
        state, sentences = Exercise._judged(check, answers)
        if refusal := self._refusal():
            return refusal
        if changed := self.pristine.restored():
            return _attempted(f"Not counted, because it replaced {_listed(changed)} while it was judged.", foul=True)
        if state is State.RIGHT and self._accepts_anything(check, answers):
            return _attempted("Not counted: after it, any answer passes.", foul=True)
        if state is State.NOT_YET:
            return _attempted(fault if fault and not given else sentences[-1], notes)
        return {"state": WORDS[state], "sentence": "", "notes": notes}

    def _refusal(self) -> dict[str, Any] | None:
        """The verdict on an answer that looked for its judge."""
        refused = self.refused()
        return _attempted(f"Refused, because it uses {', '.join(refused)}.", foul=True) if refused else None

    def _run(self, answer: Cell, before: list[Cell]) -> tuple[dict[str, Any], str, list[str]]:
        """The names that are there after the answer's cell, the error that ended it, and what was replaced."""
        module = types.ModuleType("__main__")
        names = module.__dict__
        names.update(check=self.recorder, display=display, get_ipython=get_ipython)
        sys.modules["__main__"] = module
        end = time.monotonic() + self.task["seconds"]
        error: BaseException | None = None
        for cell in (*before, answer):
            error = None
            left = self.task["seconds"] if cell is answer else max(end - time.monotonic(), 0.1)
            linecache.cache[cell.name] = (len(cell.source), None, cell.source.splitlines(keepends=True), cell.name)
            try:
                code = compile(cell.tree, cell.name, "exec", dont_inherit=True)
                within(left, lambda code=code: exec(code, names))
            except BaseException as raised:  # SystemExit too: what it ends is this one answer
                error = raised
        changed = self.pristine.restored()
        if error is None:
            return names, "", changed
        if isinstance(error, TimeUp):
            return names, f"Stopped after {left:.0f} seconds, because it took too long.", changed
        return names, message_of(error), changed

    def _accepts_anything(self, check: Exercise, answers: tuple[Any, ...]) -> bool:
        """Whether this check, which has just said yes, says yes to a wrong answer too."""
        return any(
            Exercise._judged(check, wrong)[0] is State.RIGHT
            for wrong in (tuple(map(_spoilt, answers)), (object(),) * len(answers))
        )


def _attempted(sentence: str, notes: list[str] | None = None, *, foul: bool = False) -> dict[str, Any]:
    return {"state": "attempted", "sentence": sentence, "notes": notes or [], "foul": foul}


def _warm_up() -> None:
    """Do once what PyTorch puts in place when it is first used, so that nobody is blamed for it."""
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    for make in (torch.optim.SGD, torch.optim.Adam):
        optimizer = make(model.parameters(), lr=0.1)
        model(torch.ones(2, 2)).sum().backward()
        optimizer.step()


def _spoilt(answer: Any) -> Any:
    """A wrong answer made of a right one."""
    if type(answer) is torch.Tensor:
        return ~answer if answer.dtype == torch.bool else answer.detach() + 1
    if type(answer) in (int, float):
        return answer + 1
    if type(answer) in (tuple, list):
        return type(answer)(map(_spoilt, answer))
    if isinstance(answer, types.FunctionType):
        return lambda *inputs, **options: _spoilt(answer(*inputs, **options))
    return None


def _listed(changed: list[str]) -> str:
    names = sorted(set(changed))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def main() -> None:
    """Judge every exercise of the task, and say each verdict as soon as it is there."""
    job = begin()
    judge = Judge(job)
    say = job.say
    for exercise in judge.task["exercises"]:
        start = time.monotonic()
        say(exercise=exercise["name"])
        verdict = judge.judge(exercise)
        say(exercise=exercise["name"], **verdict, seconds=round(time.monotonic() - start, 2))
    say(done=True)
    os._exit(0)  # a learner's threads and farewells are not waited for


if __name__ == "__main__":
    main()
