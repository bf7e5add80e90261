"""What a class gets: the notebooks cell by cell, without solutions, and everything that they need to run."""

import shutil
import subprocess
import zipfile

import nbformat
import pytest
from nbclient import NotebookClient

from tests.cells import global_names
from tools import LEFT_OUT, ROOT, handout
from tools.handout import fill, main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "handout"
    fill(folder)
    return folder


def _cells(path):
    return nbformat.read(path, as_version=4).cells


def _tags(cell):
    return set(cell.metadata.get("tags", []))


def test_a_notebook_is_the_same_cell_by_cell_without_solutions_and_outputs(path, folder):
    kept = [cell for cell in _cells(path) if not _tags(cell) & LEFT_OUT]
    given = _cells(folder / "notebooks" / path.name)
    assert [(cell.id, cell.source, cell.metadata) for cell in given] == [(c.id, c.source, c.metadata) for c in kept]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in given if cell.cell_type == "code")
    assert not [cell.id for cell in given if cell.id.endswith("-solution") or cell.source.startswith("# Solution")]


def test_nothing_that_is_left_needs_what_only_a_solution_defines(path):
    assert not list(_needing_a_solution(_cells(path)))


def _needing_a_solution(cells):
    """The cells that read a name which was last set by a cell that the handout leaves out."""
    by_a_solution = {}
    for cell in cells:
        if cell.cell_type == "code":
            left_out = bool(_tags(cell) & LEFT_OUT)
            assigned, read = global_names(cell.source)
            for name in read:
                if by_a_solution.get(name, False) and not left_out:
                    yield f"{cell.id} reads {name}"
            by_a_solution |= dict.fromkeys(assigned - {"_"}, left_out)


def test_it_runs_from_top_to_bottom_in_its_own_folder(folder, monkeypatch, tmp_path):
    """One that needs helpers and data; that the others run follows from the test of names and the course's own runs."""
    monkeypatch.setenv("PYTHONPATH", str(folder))  # its helpers, as installed in its own environment
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    notebook = nbformat.read(folder / "notebooks" / "03_build_model.ipynb", as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("import helpers\nhelpers.__file__"))
    resources = {"metadata": {"path": folder / "notebooks"}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    assert str(folder) in notebook.cells[-1].outputs[0].data["text/plain"]
    exercises = [cell for cell in notebook.cells if "exercise" in _tags(cell)]
    verdicts = [output.data["text/plain"] for cell in exercises for output in cell.outputs if "data" in output]
    assert len(verdicts) >= 5
    assert all("not attempted yet" in verdict for verdict in verdicts)


def test_it_has_everything_that_a_learner_needs(folder):
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert not [name for name in files if "__pycache__" in name or "/raw/" in name or "original/" in name]
    needed = [*(ROOT / "helpers").rglob("*.py"), *(ROOT / "helpers").rglob("*.js"), *(ROOT / "data").rglob("*.gz")]
    assert files >= {path.relative_to(ROOT).as_posix() for path in needed if "original" not in path.parts}
    at_the_top = "notebooks helpers data pyproject.toml LICENSE README.md requirements.txt Makefile .gitignore"
    assert {name.partition("/")[0] for name in files} == set(at_the_top.split())


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_lab_installs_first_and_again_only_where_the_folder_has_moved(folder, tmp_path):
    for name in ("requirements.txt", "pyproject.toml", ".venv/lab"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def plan():
        command = ["make", "-n", "-f", folder / "Makefile", "lab"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    (tmp_path / ".venv" / "lab").write_text(f"{tmp_path}\n", encoding="utf-8")
    assert "pip install" not in plan()
    (tmp_path / ".venv" / "lab").write_text("/where/it/was\n", encoding="utf-8")
    assert plan().index("venv --clear") < plan().index("pip install") < plan().index("bin/jupyter lab ")
    (tmp_path / ".venv" / "lab").unlink()
    assert plan().index("venv  .venv") < plan().index("pip install")


def test_the_zip_file_holds_one_folder(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(handout, "HANDOUT", tmp_path / "pytorch-course")
    assert main([]) == 0
    with zipfile.ZipFile(capsys.readouterr().out.partition(" (")[0]) as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {"pytorch-course"}
        assert "pytorch-course/notebooks/01_tensors.ipynb" in archive.namelist()


def test_one_week_in_a_repository_says_where_to_hand_in_and_replaces_the_last_release(tmp_path):
    folder = tmp_path / "students"
    (folder / ".git").mkdir(parents=True)
    assert main(["--folder", str(folder)]) == 0
    assert main(["--folder", str(folder), "--weeks", "1", "4", "--hand-in", "Moodle, by Friday."]) == 0
    assert (folder / ".git").is_dir()
    given = sorted((folder / "notebooks").iterdir())
    assert [path.name for path in given] == ["01_tensors.ipynb", "04_autograd.ipynb"]
    assert all(_cells(path)[-1].source.endswith("hand it in: Moodle, by Friday.") for path in given)
    assert "02_datasets" not in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("names", "arguments", "message"),
    [
        (["thesis.docx"], ["--weeks", "8"], "1 to 7; received [8]"),
        (["thesis.docx"], [], "holds thesis.docx"),
        (["helpers", "notebooks", "tools"], [], "holds tools"),  # the course itself
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_is_lost(names, arguments, message, tmp_path, capsys):
    for name in names:
        (tmp_path / name).touch()
    assert main(["--folder", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == names
