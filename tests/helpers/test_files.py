"""A file is replaced whole or not at all."""

from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import pytest

from helpers import files
from helpers.files import replace_whole


def test_the_file_has_its_name_only_when_it_is_complete(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with replace_whole(path) as part:
        part.write_text("half", encoding="utf-8")
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "half"
    assert list(path.parent.iterdir()) == [path]


def save(path):
    with replace_whole(path) as part:
        part.write_text("new", encoding="utf-8")


@pytest.mark.parametrize("step", ["pathlib.Path.write_text", "os.fsync", "pathlib.Path.replace"])
def test_after_an_interruption_the_old_file_is_there_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    monkeypatch.setattr(step, Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save(path)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_do_not_share_a_part(tmp_path):
    path = tmp_path / "a.txt"
    with replace_whole(path) as first, replace_whole(path) as second:
        first.write_text("first", encoding="utf-8")
        second.write_text("second", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "first"  # the outer block ends last
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("refusals", [2, 1000])
def test_a_file_that_another_program_has_open_is_tried_again_for_a_while(tmp_path, monkeypatch, refusals):
    """As on Windows, where a virus scanner opens each new file."""
    monkeypatch.setattr(files, "_PAUSE", 0.0)
    replace = Mock(side_effect=[PermissionError("used by another process")] * refusals + [None])
    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(PermissionError, match="another process") if refusals > 2 else nullcontext():
        save(tmp_path / "a.txt")
    assert replace.call_count == min(refusals + 1, files._ATTEMPTS)
