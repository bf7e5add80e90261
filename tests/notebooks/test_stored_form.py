"""The stored form of the notebooks: one normal form, every cell executed, nothing in an output that will not last."""

import copy

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tools.notebooks import FOLDED, NOTEBOOKS, faults, normal, page_exporter


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_form(path):
    assert not list(faults(path)), f"{path.name} breaks rules of the stored form"


def _clean():
    output = new_output("execute_result", data={"text/plain": "2"}, execution_count=1)
    return new_notebook(
        cells=[
            new_markdown_cell("# A title", id="the-title"),
            new_code_cell("1 + 1", id="one-sum", execution_count=1, outputs=[output]),
        ]
    )


def _faults_of(notebook, folder, *, as_it_is=False):
    path = folder / "01_example.ipynb"
    text = nbformat.writes(notebook) if as_it_is else normal(notebook)
    path.write_text(text, encoding="utf-8")
    return " | ".join(faults(path))


def test_a_clean_notebook_has_no_faults(tmp_path):
    assert _faults_of(_clean(), tmp_path) == ""


def test_normal_form_is_a_fixed_point_and_drops_what_a_session_leaves_behind():
    untidy = _clean()
    untidy.metadata = {"widgets": {"state": {}}, "colab": {}, "kernelspec": {"name": "my-kernel", "display_name": "x"}}
    untidy.cells[1].metadata = {"collapsed": True, "execution": {"iopub": "time"}, "tags": ["approx"]}
    untidy.cells[1].execution_count = 17
    untidy.cells[1].outputs[0].execution_count = 17
    once = normal(untidy)
    assert normal(nbformat.reads(once, as_version=4)) == once
    tidy = _clean()
    tidy.cells[1].metadata = {"tags": ["approx"]}
    assert once == normal(tidy)


def _set(cell=1, **changes):
    def change(notebook):
        for name, value in changes.items():
            setattr(notebook.cells[cell], name, value)

    return change


STREAM = new_output("stream", name="stdout", text="")


def _prints(text, name="stdout"):
    return _set(outputs=[{**copy.deepcopy(STREAM), "text": text, "name": name}])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_set(execution_count=None, outputs=[]), "was never executed"),
        (_set(id="0123abcd"), "use two or more words"),
        (_set(id="sum"), "use two or more words"),
        (_set(source="1 + 1;"), "ends with ';'"),
        (_set(metadata={"tags": ["aprox"]}), "unknown tag aprox"),
        (_set(metadata={"tags": ["raises-exception"]}), "an error on purpose"),
        (_set(outputs=[new_output("error", ename="E", evalue="", traceback=[])]), "an error on purpose"),
        (lambda nb: (_prints("✗ not yet")(nb), _set(metadata={"tags": ["solution"]})(nb)), "does not accept"),
        (_set(metadata={"rtol": 0.1}), "rtol without the tag approx"),
        (_set(metadata={"tags": ["once"]}), "must say what a second run does"),
        (_set(source="# Run again, it goes on.\n1 + 1"), "must say what a second run does"),
        (lambda nb: (_prints("loss nan")(nb), _set(metadata={"tags": ["approx"]})(nb)), "prints nan or inf"),
        (_prints("<object at 0x7f3a2b1c>"), "memory address"),
        (_prints("<Figure size 640x480 with 1 Axes>"), "memory address"),
        (_prints("saved to /home/me/model.pt"), "a path of the machine"),
        (_prints("saved to C:\\me\\model.pt"), "a path of the machine"),
        (_prints("UserWarning: x", name="stderr"), "a warning or a progress bar"),
        (_prints("x" * 600_000), "larger than 500,000 bytes"),
    ],
)
def test_each_fault_is_found(change, fault, tmp_path):
    notebook = _clean()
    change(notebook)
    assert fault in _faults_of(notebook, tmp_path)


def test_another_form_is_found(tmp_path):
    notebook = _clean()
    notebook.metadata = {"kernelspec": {"name": "my-kernel", "display_name": "Mine"}}
    assert "not stored in the normal form" in _faults_of(notebook, tmp_path, as_it_is=True)
    miscounted = _clean()
    miscounted.cells[1].execution_count = 3
    assert "not stored in the normal form" in _faults_of(miscounted, tmp_path, as_it_is=True)


def test_solutions_are_folded_and_nothing_else():
    notebook = _clean()
    notebook.cells[1].metadata = {"tags": ["exercise"], "jupyter": FOLDED}
    solution = new_code_cell("2 + 2", id="one-solution", execution_count=2, metadata={"tags": ["solution"]})
    notebook.cells.append(solution)
    stored = nbformat.reads(normal(notebook), as_version=4)
    assert [cell.metadata.get("jupyter") for cell in stored.cells] == [None, None, FOLDED]
    page, _ = page_exporter().from_notebook_node(stored)
    folded = page.partition("<details>")[2].partition("</details>")[0]
    assert page.count("<details>") == 1
    assert "Solution</summary>" in folded
    assert folded.count('class="jp-Cell-inputWrapper"') == page.count('class="jp-Cell-inputWrapper"') - 2 == 1


@pytest.mark.parametrize("cell", ["06_quickstart test-function", "07_digits validation-loop", "07_digits test-loop"])
def test_a_function_that_judges_a_network_puts_it_into_eval_mode(cell):
    """No stored output shows it where the network happens to be in eval mode already."""
    stem, cell_id = cell.split()
    (path,) = (path for path in NOTEBOOKS if path.stem == stem)
    (source,) = (cell.source for cell in nbformat.read(path, as_version=4).cells if cell.id == cell_id)
    names = {"torch": torch, "device": "cpu"}
    exec(source, names)
    (judge,) = (value for name, value in names.items() if name in ("test", "validate"))
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3))
    data = TensorDataset(torch.ones(20, 4), torch.zeros(20, dtype=torch.int64))
    loss_fn = [nn.CrossEntropyLoss()] if "loss_fn" in source else []
    first, again = (judge(model.train(), DataLoader(data, batch_size=8), *loss_fn) for _ in range(2))
    assert str(first) == str(again)
    assert not model.training
