"""What a class is given: the notebooks cell by cell, without solutions, and all that they need to run."""

import shutil
import subprocess
import symtable
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tools.handout import FOLDER_IN_ZIP, HANDOUT, LEFT_OUT, fill, main, pack, parts
from tools.notebooks import NOTEBOOKS, ROOT

# One that needs the helpers and the data. That the others run follows from the test of names, and from the course's
# own run of every notebook.
RUN = [path for path in NOTEBOOKS if path.stem == "03_build_model"]


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "handout"
    fill(folder)
    return folder


def _cells(path):
    return nbformat.read(path, as_version=4).cells


def _tags(cell):
    return set(cell.metadata.get("tags", []))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_the_same_cell_by_cell_without_solutions_and_outputs(path, handout):
    kept = [cell for cell in _cells(path) if not _tags(cell) & {"solution", "after-solution"}]
    given = _cells(handout / "notebooks" / path.name)
    assert [(cell.id, cell.cell_type, cell.source) for cell in given] == [
        (cell.id, cell.cell_type, cell.source) for cell in kept
    ]
    assert [cell.metadata for cell in given] == [cell.metadata for cell in kept]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in given if cell.cell_type == "code")
    assert len(_cells(path)) - len(given) >= sum("exercise" in _tags(cell) for cell in kept)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_that_is_left_needs_what_only_a_solution_defines(path):
    assert not list(_needing_a_solution(_cells(path)))


def _needing_a_solution(cells):
    """The cells that read a name which was last set by a cell that the handout leaves out."""
    by_a_solution = {}
    for cell in cells:
        if cell.cell_type == "code":
            left_out = bool(_tags(cell) & LEFT_OUT)
            sets, reads = _names(cell.source)
            for name in reads - sets:
                if by_a_solution.get(name, False) and not left_out:
                    yield f"{cell.id} reads {name}"
            by_a_solution |= dict.fromkeys(sets - {"_"}, left_out)


def _names(source):
    """The global names that a cell sets, and those that it reads, also inside its functions."""
    top = symtable.symtable(source, "cell", "exec")
    tables = [top]
    for table in tables:
        tables += table.get_children()
    sets = {name.get_name() for name in top.get_symbols() if name.is_assigned() or name.is_imported()}
    reads = {
        name.get_name()
        for table in tables
        for name in table.get_symbols()
        if name.is_referenced() and (table is top or name.is_global())
    }
    return sets, reads


def test_a_need_of_a_solution_is_found():
    cells = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("a = 1"),
            nbformat.v4.new_code_cell("a = b = 2", metadata={"tags": ["solution"]}),
            nbformat.v4.new_code_cell("b = 3\nprint(b)", id="sets-its-own"),
            nbformat.v4.new_code_cell("def f(b):\n    return a + b", id="reads-the-solution"),
            nbformat.v4.new_code_cell("a", id="left-out-too", metadata={"tags": ["after-solution"]}),
        ]
    ).cells
    assert list(_needing_a_solution(cells)) == ["reads-the-solution reads a"]


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.stem)
def test_it_runs_from_top_to_bottom_in_its_own_folder(path, handout, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(handout))  # its helpers, as installed in its own environment
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))  # the data are unpacked there, and the handout stays as it is
    notebook = nbformat.read(handout / "notebooks" / path.name, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("import helpers\nhelpers.__file__"))
    resources = {"metadata": {"path": handout / "notebooks"}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    assert str(handout) in notebook.cells[-1].outputs[0].data["text/plain"]
    states = [
        output.data["text/plain"]
        for cell in notebook.cells
        if "exercise" in _tags(cell)
        for output in cell.outputs
        if "data" in output
    ]
    assert len(states) >= 5
    assert all("not attempted yet" in state for state in states)


def test_it_holds_all_that_a_learner_needs_and_nothing_of_the_instructor(handout):
    top = {path.name for path in handout.iterdir()}
    assert top == {
        "notebooks",
        "helpers",
        "data",
        "pyproject.toml",
        "LICENSE",
        "README.md",
        "requirements.txt",
        "Makefile",
    }
    files = {path.relative_to(handout).as_posix() for path in handout.rglob("*") if path.is_file()}
    assert not [name for name in files if "__pycache__" in name or "/raw/" in name or "original/" in name]
    helpers = {
        p.relative_to(ROOT).as_posix() for p in (ROOT / "helpers").rglob("*") if p.suffix in (".py", ".js", ".css")
    }
    archives = {p.relative_to(ROOT).as_posix() for p in (ROOT / "data" / "drawn").rglob("*.gz")}
    assert files >= helpers | archives
    packages = (handout / "requirements.txt").read_text(encoding="utf-8")
    assert all(name in packages for name in ("torch>", "jupyterlab>", "-e ."))
    assert not any(name in packages for name in ("pytest", "playwright", "sphinx"))


def test_its_readme_leads_to_every_notebook(handout):
    readme = (handout / "README.md").read_text(encoding="utf-8")
    assert all(f"](notebooks/{path.name})" in readme for path in NOTEBOOKS)
    assert "NOTEBOOKS" not in readme


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make, which its README does not ask for on Windows")
def test_its_makefile_works(handout):
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=handout, capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["help", "lab"]
    planned = subprocess.run(["make", "-n", "lab"], cwd=handout, capture_output=True, text=True, check=True).stdout
    assert "pip install" in planned
    assert "jupyter lab" in planned


def test_the_same_course_makes_the_same_zip_file(handout):
    first = pack(handout).read_bytes()
    assert pack(handout).read_bytes() == first
    with zipfile.ZipFile(handout.with_suffix(".zip")) as archive:
        assert archive.testzip() is None
        assert {Path(name).parts[0] for name in archive.namelist()} == {FOLDER_IN_ZIP}
        assert len(archive.namelist()) == sum(path.is_file() for path in handout.rglob("*"))


def test_a_lost_part_is_named():
    with pytest.raises(ValueError, match=r"Expected a part of some.txt to begin with '# Lost'"):
        parts("# Found\na\n\nb", ("# Found", "# Lost"), "some.txt")


def test_the_command_leaves_somebodys_folder_alone(tmp_path, capsys):
    kept = tmp_path / "mine"
    kept.mkdir()
    (kept / "work.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        main([str(kept)])
    assert stopped.value.code == 2
    assert "does not exist yet" in capsys.readouterr().err
    assert (kept / "work.txt").exists()
    assert HANDOUT.is_relative_to(ROOT / "build")


def test_help_is_given(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "without the solutions" in capsys.readouterr().out
