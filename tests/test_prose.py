"""Numbers in the prose: each is tied to the cell that prints it, and the tie holds."""

import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from tools import prose
from tools.prose import ROOT, Number, equations, faults, quoted, tied

README = ROOT / "README.md"


@pytest.fixture(scope="module")
def notebooks():
    return prose.read_cells()


@pytest.mark.parametrize("stem", [path.stem for path in prose.NOTEBOOKS])
def test_every_number_in_the_prose_is_tied_to_the_cell_that_prints_it(stem, notebooks):
    ties = prose.load()
    assert ties.keys() == notebooks.keys(), "run `make prose`"
    if found := [fault for fault in faults(ties, notebooks) if fault.startswith(f"{stem}/")]:
        pytest.fail("\n".join(found))


@pytest.mark.parametrize("stem", [path.stem for path in prose.NOTEBOOKS])
def test_most_numbers_are_tied_to_cells_and_facts_stay_few(stem):
    """A fact is believed, not checked: where a cell can show the number, it should."""
    ties = [tie for numbers in prose.load()[stem].values() for tie in numbers.values()]
    assert sum(tie.startswith("fact: ") for tie in ties) < 0.25 * len(ties)


def _cells(
    text="The loss falls to 0.68, and 70.9 % are right.", output="loss 0.6771, right 0.7093\n", code="train(lr=0.1)"
):
    printed = new_output("stream", name="stdout", text=output)
    return {
        "01_example": [
            new_markdown_cell("## A section", id="a-heading"),
            new_code_cell(code, id="the-training", outputs=[printed]),
            new_markdown_cell(text, id="the-conclusion"),
        ]
    }


TIES = {"01_example": {"the-conclusion": {"0.68": "prints the-training", "70.9 %": "prints the-training"}}}


def test_numbers_are_tied_to_the_cell_that_prints_them():
    assert tied({}, _cells()) == TIES
    assert not list(faults(TIES, _cells()))


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"output": "loss 0.6671, right 0.7093\n"}, "the-conclusion says 0.68, tied to 'prints the-training'"),
        ({"output": "loss 0.6771, right 0.7161\n"}, "the-conclusion says 70.9 %, tied to 'prints the-training'"),
        ({"output": "loss 0.7, right 0.7093\n"}, "the-conclusion says 0.68, tied to"),  # fewer digits than are quoted
        ({"text": "The loss falls to 0.67, and 70.9 % are right."}, "says 0.67, which is tied to no cell"),
        ({"text": "And 70.9 % are right."}, "no longer says 0.68"),
        ({"text": "It falls to 0.68, and 70.9 % are right; 2 · 3 = 7."}, "2 · 3 = 7, which is not true"),
    ],
)
def test_a_changed_output_and_a_changed_sentence_both_fail(changed, fault):
    assert fault in "\n".join(faults(TIES, _cells(**changed)))


def test_words_may_stand_for_a_number_that_a_cell_prints():
    ties = {"01_example": {"the-conclusion": {"nearly seven in ten": "means 0.6771 the-training"}}}
    text = "It is nearly seven in ten."
    assert not list(faults(ties, _cells(text=text)))
    assert tied(ties, _cells(text=text)) == ties
    assert "says 'nearly seven in ten'" in "\n".join(faults(ties, _cells(text=text, output="loss 0.51\n")))
    assert "no longer says nearly seven" in "\n".join(faults(ties, _cells(text="Most of them.")))


def test_a_whole_number_that_is_rounded_has_to_name_what_it_is_rounded_from():
    text, output = "It comes near 6.", "slope 6.001, step 5.6, loss 7.3\n"
    cells = _cells(text=text, output=output)

    def found(tie):
        return list(faults({"01_example": {"the-conclusion": {"6": tie}}}, cells))

    assert tied({}, cells) == {}
    assert "tied to 'prints the-training'" in "\n".join(found("prints the-training"))
    assert not found("rounds 6.001 the-training")
    assert found("rounds 6.002 the-training")  # the output does not show it
    assert found("rounds 7.3 the-training")  # shown, and not rounded to 6
    assert found("rounds the-training")
    assert found("rounds 6.001 no-such-cell")


@pytest.mark.parametrize(
    "output",
    [
        "○ Exercise 1.3, From a file into a network: not attempted yet.",
        "✓ Solution of exercise 1.3, From a file into a network: right.",
        "(figure, described below; boxes 40, mean 1.3, weighted 0.93)",
    ],
)
def test_what_only_labels_an_output_is_no_source(output):
    ties = {"01_example": {"the-conclusion": {"1.3": "prints the-training"}}}
    assert list(faults(ties, _cells(text="It is 1.3.", output=output)))
    assert not list(faults(ties, _cells(text="It is 1.3.", output=f"{output}\nmean 1.3")))


def test_an_equation_that_the_text_leaves_out_is_worked_out_too():
    def found(tie):
        return list(faults({"01_example": {"the-conclusion": {"15": tie}}}, _cells(text="Each of the 15 numbers.")))

    assert not found("result 5 x 3 = 15")
    assert found("result 5 x 4 = 15")  # false
    assert found("result 5 x 4 = 20")  # true, of another number
    assert found("result")


def test_the_record_separates_what_was_checked_from_what_is_only_stated():
    ties = {
        "01_example": {
            "a": {"0.68": "prints the-training", "0.1": "code the-training", "60,000": "fact: the size of a set"},
            "b": {"6": "rounds 6.001 the-training", "15": "result 5 x 3 = 15", "nearly all": "means 0.9 a-cell"},
        }
    }
    tried, outcome = prose.summary(ties, notebooks=1, wrong=0)
    assert tried.startswith("6 numbers in the text of 1 notebooks")
    assert "; 1 of them are facts" in tried
    assert tried.endswith("which no command checks.")
    assert outcome.startswith("The other 5 were looked up there (")
    assert outcome.endswith("): 0 do not hold.")
    assert "fact" not in outcome
    assert sum(map(int, re.findall(r"\d+", outcome.partition("(")[2].partition(")")[0]))) == 5


def test_a_setting_is_tied_to_the_code_and_a_fact_needs_its_reason():
    ties = {"01_example": {"the-conclusion": {"0.1": "code the-training", "60,000": "fact: the size of Fashion-MNIST"}}}
    text = "With a step of 0.1 on 60,000 pictures."
    assert not list(faults(ties, _cells(text=text)))
    assert len(list(faults(ties, _cells(text=text, code="train(lr=0.2)")))) == 1
    assert Number.read("24,000").set_in("range(24_000)")
    assert Number.read("80 %").set_in("int(0.8 * n)")
    ties["01_example"]["the-conclusion"]["60,000"] = "fact: known"
    assert len(list(faults(ties, _cells(text=text)))) == 1
    ties["01_example"]["the-conclusion"]["60,000"] = "prints no-such-cell"
    assert len(list(faults(ties, _cells(text=text)))) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a loss of 0.68, then -1.5 and 12,000 pictures", ["0.68", "-1.5", "12,000"]),
        ("71 % of 2.7 million, or 64%", ["71 %", "2.7 million", "64%"]),
        ("pixels of 28 x 28 from -1 to 1; a 3-D tensor", ["28", "-1", "1", "3"]),
        ("`[64, 10]`, ```\n12\n```, $x = 7$, [notebook 4](04_autograd.ipynb), 2w, 5v²", []),
        ("#### Exercise 1.1: Five\n\n*About 2 minutes, difficulty 1 of 3.*\n\n## 7. When it bounces\n\n1. first", []),
        ("as in section 7; sections 5, 11 |", []),
    ],
)
def test_what_counts_as_a_quoted_number(text, found):
    assert [number.written for number in quoted(text)] == found


@pytest.mark.parametrize(
    ("quote", "text", "shown"),
    [
        ("0.68", "0.6771", True),
        ("0.68", "0.6849", True),
        ("0.68", "0.6852", False),
        ("67.7 %", "accuracy 0.6771", True),
        ("67.7 %", "accuracy 67.71%", True),
        ("67.7 %", "accuracy 0.68", False),
        ("68 %", "accuracy 0.68", True),
        ("68 %", "accuracy 0.6771", False),  # without decimals only the number itself will do
        ("8", "batch means [1.5, 5.5, 8.5]", False),
        ("1", "99.2%", False),
        ("-1", "tensor(-0.999)", False),
        ("64", "torch.int64", True),
        ("12,000", "size 12000", True),
        ("2.7 million", "2,678,824 bytes", True),
        ("1", "tensor(1.)", True),
        ("0.39", "gradient -0.3900", True),  # "falls by 0.39"
        ("-0.39", "gradient 0.3900", False),
        ("168", "epoch 1680", False),
        ("3", "0.3", False),
    ],
)
def test_what_counts_as_shown(quote, text, shown):
    assert Number.read(quote).shown_in(text) is shown


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("By hand: 1 x 10 + 2 x 20 = 50.", [True]),
        ("1 · 0.2975 + 0 · (-0.2548) - 0.1188 = 0.18, and 28 · 28 = 785", [True, False]),
        ("0.9²⁰ = 12 % of the way", [True]),
        ("ln 10 = 2.3; w = 3; x2 + 1 = 7; lr=0.1", []),
    ],
)
def test_equations_are_worked_out(text, found):
    assert [true for _, true in equations(text)] == found


@pytest.mark.parametrize("stem", [path.stem for path in prose.NOTEBOOKS])
def test_sections_that_the_prose_names_exist(stem, notebooks):
    texts = [cell.source for cell in notebooks[stem] if cell.cell_type == "markdown"]
    assert not list(prose.missing_sections(texts))


def test_a_section_that_does_not_exist_is_found():
    assert list(prose.missing_sections(["## 1. One", "as in section 2, and in sections 1, 3"])) == [2, 3]


@pytest.mark.parametrize("path", prose.NOTEBOOKS, ids=lambda path: path.stem)
def test_the_readme_gives_the_minutes_that_the_notebook_gives(path, notebooks):
    """`tests/test_exercises.py` compares the minutes of the exercises with those of their checks."""
    minutes, exercises = re.search(
        r"\*\*Time\*\* about (\d+) minutes, and (\d+) for the exercises", notebooks[path.stem][0].source
    ).groups()
    tasks = sum("exercise" in cell.metadata.get("tags", []) for cell in notebooks[path.stem])
    row = next(line for line in README.read_text(encoding="utf-8").splitlines() if f"(notebooks/{path.name})" in line)
    assert row.endswith(f"| {minutes} | {tasks}, {exercises} minutes |")
