"""The browser tests see what goes wrong: a cell that raises, and an error on the page's console."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook


def _notebook(*sources):
    cells = [new_code_cell(source, id=f"cell-number-{i}") for i, source in enumerate(sources)]
    return new_notebook(cells=[new_markdown_cell("# Title", id="the-title"), *cells])


def test_errors_on_purpose_pass_and_others_are_reported_with_their_cell(open_notebook):
    notebook = _notebook("1 / 0", "1 + 1", "int('x')", "2 + 2")
    notebook.cells[1].metadata.tags = ["raises-exception"]
    page = open_notebook(notebook)
    with pytest.raises(AssertionError, match=r"^cell cell-number-2: ValueError: invalid literal"):
        page.run_all()
    assert page.cells()[2].outputs[0].data["text/plain"] == "2"
    assert not page.console_errors


def test_console_errors_are_reported(open_notebook):
    script = "from IPython.display import Javascript\n"
    page = open_notebook(_notebook(script + "Javascript('console.error(\"a broken widget\")')"), name="console")
    page.run_all()
    assert page.console_errors == ["a broken widget"]
