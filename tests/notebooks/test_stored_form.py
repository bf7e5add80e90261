"""The stored form of the notebooks: one normal form, every cell executed, nothing in an output that will not last."""

import copy

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tools import NOTEBOOKS
from tools.notebooks import faults, normal


def test_stored_form(path):
    assert not list(faults(path))


def _clean():
    output = new_output("execute_result", data={"text/plain": "2"}, execution_count=1)
    text = new_markdown_cell("# A title", id="the-title")
    code = new_code_cell("1 + 1", id="one-sum", execution_count=1, outputs=[output])
    course = {"title": "Sums", "minutes": 5, "able_to": "add"}
    return new_notebook(cells=[text, code], metadata={"course": course})


def _faults_of(text, folder):
    path = folder / "01_example.ipynb"
    path.write_text(text, encoding="utf-8")
    return " | ".join(faults(path))


def test_normal_form_is_a_fixed_point_and_drops_what_a_session_leaves_behind(tmp_path):
    untidy = _clean()
    untidy.metadata |= {"widgets": {}, "colab": {}, "kernelspec": {"name": "my-kernel", "display_name": "x"}}
    untidy.cells[1].metadata = {"collapsed": True, "execution": {"iopub": "time"}, "tags": ["approx"]}
    untidy.cells[1].execution_count = untidy.cells[1].outputs[0].execution_count = 17
    tidy = _clean()
    tidy.cells[1].metadata = {"tags": ["approx"]}
    assert normal(untidy) == normal(tidy) == normal(nbformat.reads(normal(untidy), as_version=4))
    assert _faults_of(normal(untidy), tmp_path) == ""
    assert "not in the stored form" in _faults_of(nbformat.writes(untidy), tmp_path)
    assert "not in the stored form" in _faults_of(
        normal(tidy).replace('"execution_count": 1', '"execution_count": 3'), tmp_path
    )  # it ran in another order


def _set(**changes):
    return lambda notebook: notebook.cells[1].update(copy.deepcopy(changes))


def _prints(text, name="stdout", **changes):
    return _set(outputs=[new_output("stream", name=name, text=text)], **changes)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_set(execution_count=None, outputs=[]), "was never executed"),
        (_set(id="sum"), "two or more words"),
        (_set(source="1 + 1;"), "ends with ';'"),
        (_set(metadata={"tags": ["aprox"]}), "unknown tag aprox"),
        (_set(metadata={"tags": ["raises-exception"]}), "if and only if it stores an error"),
        (_set(metadata={"rtol": 0.1}), "rtol without the tag approx"),
        (_set(metadata={"tags": ["once"]}), "must say what a second run does"),
        (_prints("✗ not yet", metadata={"tags": ["solution"]}), "its own check rejects"),
        (_prints("loss nan", metadata={"tags": ["approx"]}), "prints nan or inf"),
        (_prints("<object at 0x7f3a2b1c>"), "memory address"),
        (_prints("<Figure size 640x480 with 1 Axes>"), "memory address"),
        (_prints("saved to /home/me/model.pt"), "a path of the machine"),
        (_prints("UserWarning: x", name="stderr"), "a warning or a progress bar"),
        (_prints("x" * 600_000), "larger than 500,000 bytes"),
        (lambda notebook: notebook.metadata.course.pop("able_to"), "has no metadata `course`"),
    ],
)
def test_each_fault_is_found(change, fault, tmp_path):
    notebook = _clean()
    change(notebook)
    assert fault in _faults_of(normal(notebook), tmp_path)


@pytest.mark.parametrize("cell", ["06_quickstart test-function", "07_digits validation-loop", "07_digits predict-loop"])
def test_a_function_that_judges_a_network_puts_it_into_eval_mode(cell):
    """No stored output shows it where the network happens to be in eval mode already."""
    stem, cell_id = cell.split()
    (path,) = (path for path in NOTEBOOKS if path.stem == stem)
    (source,) = (cell.source for cell in nbformat.read(path, as_version=4).cells if cell.id == cell_id)
    names = {"torch": torch, "device": "cpu"}
    exec(source, names)
    (judge,) = (value for name, value in names.items() if name in ("test", "validate", "predict"))
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3))
    data = TensorDataset(torch.ones(20, 4), torch.zeros(20, dtype=torch.int64))
    loss_fn = [nn.CrossEntropyLoss()] if "loss_fn" in source else []
    first, again = (judge(model.train(), DataLoader(data, batch_size=8), *loss_fn) for _ in range(2))
    assert str(first) == str(again)
    assert not model.training
