"""An environment of its own for what learners never need, around the course's: build/<name>."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment(name: str) -> Path:
    """The Python of the environment build/`name`, made anew where what it needs has changed; it sees all of this one's.

    It holds what `tools/proof/requirements-<name>.txt` names.
    """
    folder = ROOT / "build" / name
    requirements = Path(__file__).with_name(f"requirements-{name}.txt")
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    made, wanted = folder / "installed.txt", requirements.read_text(encoding="utf-8") + sys.version
    if not made.is_file() or made.read_text(encoding="utf-8") != wanted:
        print(f"Installing {requirements.name} into {folder.relative_to(ROOT)} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        packages = next(path for path in map(Path, sys.path) if path.name == "site-packages")
        where = "import sysconfig; print(sysconfig.get_path('purelib'))"
        own = subprocess.run([str(python), "-c", where], check=True, capture_output=True, text=True).stdout.strip()
        Path(own, "course.pth").write_text(f"{packages}\n", encoding="utf-8")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", str(requirements)], check=True)
        made.write_text(wanted, encoding="utf-8")
    return python
