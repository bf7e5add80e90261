"""The table of answer times: every control is moved over its range, and what is slow is said to be."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from torch import nn

from helpers.widgets import DigitPad
from helpers.widgets.panel import Panel, RefusalError, choice, slider, text
from tools import answer_times, moves

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def panel():
    controls = {"speed": choice("speed", ["fast", "slow"]), "words": text("words", "ab"), "n": slider("n", 0, 0, 100)}

    def answer(speed, words, n):
        if words == "a":
            raise RefusalError("Expected two letters: received one. Type another.")
        time.sleep(0.02 * (speed == "slow"))
        return None, f"At {n}."

    def adjust(panel):
        panel.controls["n"].disabled = panel.values["speed"] == "fast"

    return Panel("A panel", controls, answer, adjust=adjust)


def measured(widget, repeat=1):
    return {row["control"]: row for row in json.loads(moves.measured(widget, repeat))}


def test_every_control_is_moved_over_its_range(panel):
    rows = measured(panel)
    assert [*rows] == ["speed", "words", "n", "all, at random"]
    assert rows["n"]["moves"] == 21 - 1  # it stands at the first of its places already
    assert rows["n"]["median"] >= 20  # disabled while the panel is fast, so it was made slow
    assert all(row["limit"] == 100 for row in rows.values())  # it shows no picture


def test_a_refusal_is_no_answer(panel, monkeypatch):
    monkeypatch.setattr(moves, "TYPED", ())
    assert measured(panel)["words"]["moves"] == 2  # nothing and "ab", but not "a"


def test_of_moves_to_one_place_the_best_counts():
    seen = []

    def answer(n):
        seen.append(n)
        time.sleep(0.05 * (seen.count(n) == 1))
        return None, f"At {n}."

    panel = Panel("Slow at first", {"n": slider("n", 0, 0, 3)}, answer)
    assert measured(panel, repeat=2)["n"]["worst"] < 50
    assert len(seen) > 6


def test_the_pad_is_measured_too():
    pad = DigitPad(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))
    assert [*measured(pad)] == ["strokes", "width", "framed"]


def test_what_is_slow_is_said_and_fails(monkeypatch, capsys):
    row = {"control": "n", "moves": 5, "median": 90.0, "worst": 350.0, "limit": 300}
    monkeypatch.setattr(answer_times, "rows", lambda path, repeat: [("play", row)])
    assert answer_times.main(["some.ipynb"]) == 1
    assert "350  over 300" in capsys.readouterr().out
    row["worst"] = 299.0
    assert answer_times.main(["some.ipynb"]) == 0


def test_the_measurement_brings_nothing_into_the_kernel_that_it_measures():
    asked = "import sys; before = {*sys.modules}; import tools.moves; print(*{*sys.modules} - before)"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "tools.moves" in said.split()
    assert not {name.partition(".")[0] for name in said.split()} - {"tools", *sys.stdlib_module_names}
