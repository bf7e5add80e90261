"""nbgrader's zip_collect, for what platforms export: damaged archives stay files, and every file is somebody's."""

from __future__ import annotations

import re
import shutil
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin
from traitlets import Dict

MOST_BYTES = 2**32  # that all archives together may unpack to
LATE = "late"  # a learner's folder for what the platform calls late without saying how late
UNKNOWN = "unknown"  # the learner of a file that no rule matches
NOT_HANDED_IN = re.compile(
    r"(^|/)(\.[^/]*|__MACOSX|__pycache__|node_modules|site-packages|Thumbs\.db|desktop\.ini)(/|$)"
)
DAMAGED = (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError)


class Unpack(ExtractorPlugin):
    """Unpacks archives within archives; one that cannot be read is kept as a file, and the others go on."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Copy a folder of archives and files to another one, each archive unpacked into a folder of its name.

        The name of an only archive says nothing about its contents, so it gets no folder.
        """
        self.left = MOST_BYTES
        source, target = Path(archive_path), Path(extracted_path)
        files = sorted(path for path in source.rglob("*") if path.is_file() and not path.is_symlink())
        for path in files:
            place = target / path.relative_to(source)
            if not self._unpack(path, place.with_suffix("") if len(files) > 1 else target):
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)

    def _unpack(self, archive: Path, folder: Path) -> bool:
        """Unpack a file, and what is in it, if it is an archive that can be read."""
        if archive.suffix.lower() != ".zip":
            return False
        try:
            with zipfile.ZipFile(archive) as opened:
                members = [member for member in opened.infolist() if not NOT_HANDED_IN.search(member.filename)]
                if (size := sum(member.file_size for member in members)) > self.left:
                    raise ValueError(f"the archives unpack to more than {MOST_BYTES:,} bytes")
                self.left -= size
                made = [Path(opened.extract(member, folder)) for member in members]
        except DAMAGED as error:
            self.log.warning("Kept as it is: %s (%s)", archive, error)
            return False
        for path in made:
            if path.is_file() and self._unpack(path, path.with_suffix("")):
                path.unlink()
        return True


class EveryFile(FileNameCollectorPlugin):
    """Says of each unpacked file whose it is, by the first rule that matches its path; without one, it is `unknown`."""

    rules = Dict(help="regular expressions with the group student_id, by name").tag(config=True)

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """The learner of a file; None for what nobody means to hand in, such as `.ipynb_checkpoints`."""
        path = Path(submitted_file)
        name = path.relative_to(next(parent for parent in path.parents if parent.name == "extracted")).as_posix()
        if NOT_HANDED_IN.search(name) or path.name == "submission_metadata.yml":
            return None
        # The whole path stays the file's name: nbgrader fails where somebody has two files of one name.
        for rule in self.rules.values():
            if match := re.fullmatch(rule, name):
                groups = match.groupdict()
                found = {"file_id": f"{LATE}/{name}" if groups.get("late") else name}
                if "submission" in groups:
                    return found | _gradescope(path, groups["submission"])
                return found | {"student_id": groups["student_id"]}
        return {"student_id": UNKNOWN, "file_id": name}


def _gradescope(path: Path, submission: str) -> dict[str, str]:
    folder = next(parent for parent in path.parents if parent.name == submission)
    known = _metadata(folder.parent / "submission_metadata.yml").get(submission, {})
    people = known.get(":submitters") or [{}]
    found = {"student_id": str(people[0].get(":sid") or UNKNOWN)}
    return found | ({"timestamp": str(known[":created_at"])} if ":created_at" in known else {})


@cache
def _metadata(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
