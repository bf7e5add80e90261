"""What `jupyter nbconvert --to html` makes of a notebook, with no option."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbconvert import HTMLExporter

from tools import NOTEBOOKS

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem[:2])
def test_solutions_are_folded_until_they_are_clicked(notebook: Path, tmp_path: Path, browser: Browser) -> None:
    stored = nbformat.read(notebook, as_version=4)
    stored.cells = [cell for cell in stored.cells if "exercise" in cell.id or "solution" in cell.id]
    html, _ = HTMLExporter().from_notebook_node(stored)
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    page = browser.new_page()
    page.route("http*://**", lambda route: route.abort())  # MathJax
    page.goto((tmp_path / "page.html").as_uri(), wait_until="domcontentloaded")
    solutions = page.locator(".celltag_solution .jp-InputArea").all()
    assert len(solutions) == sum("solution" in cell.metadata.get("tags", []) for cell in stored.cells) > 0
    assert not any(solution.is_visible() for solution in solutions)
    assert page.locator(".celltag_exercise .jp-InputArea").first.is_visible()
    page.locator(".celltag_solution .jp-Cell-inputWrapper").first.click()
    assert solutions[0].is_visible()
    page.close()
