"""Look every installed package up among the known vulnerabilities, with pip-audit: `python -m tools.proof.audit`.

The package index answers for its vulnerabilities; a machine that cannot reach that service is told so, and nothing is
recorded. pip-audit itself says "no known vulnerabilities" where it could look up nothing: so it is first asked about a
package that is known to be vulnerable. It is installed in build/audit/, beside the course's own packages.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from tools.proof import record

HOME = record.ROOT / "build" / "audit"
AUDITOR = "pip-audit>=2.7,<3"
KNOWN_BAD = {"jinja2": "3.1.2"}  # CVE-2024-22195 and others
SECONDS = 600

Report = list[dict[str, Any]]


class AuditError(RuntimeError):
    """Nothing was found out; the message says why, and what to do."""


def pip_audit(packages: Mapping[str, str]) -> Report:
    """What pip-audit says of each package: `vulns`, or a `skip_reason`.

    Raises: AuditError where it cannot be installed, or says nothing that can be read.
    """
    program = HOME / "bin" / "pip-audit" if sys.platform != "win32" else HOME / "Scripts" / "pip-audit.exe"
    if not program.exists():
        _must([sys.executable, "-m", "venv", HOME], "make an environment for pip-audit")
        python = program.with_name("python" + program.suffix)
        _must([python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", AUDITOR], "install pip-audit")
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "installed.txt")
        listed.write_text("".join(f"{name}=={version}\n" for name, version in packages.items()), encoding="utf-8")
        options = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "15"]
        command = [program, *options, "--requirement", listed]
        try:
            run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
            return json.loads(run.stdout)["dependencies"]
        except subprocess.TimeoutExpired:
            raise AuditError(f"Expected pip-audit to end within {SECONDS} s, it did not. Try again later.") from None
        except (ValueError, KeyError):
            said = (run.stderr.strip() or "nothing").splitlines()[-1]
            raise AuditError(f"Expected a report of pip-audit, received: {said} Is there a network?") from None


def _must(command: Sequence[str | Path], what: str) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    if run.returncode:
        said = (run.stderr.strip() or "no word").splitlines()[-1]
        raise AuditError(f"Expected to {what}, but: {said} Is there a network?")


def installed() -> dict[str, str]:
    """The packages of this environment but the course's own, by name, each with its public version."""
    found = {}
    for package in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()
        if name != "pytorch-first-course":
            found[name] = package.version.partition("+")[0]
    return dict(sorted(found.items()))


def audit(packages: Mapping[str, str], ask: Callable[[Mapping[str, str]], Report] = pip_audit) -> list[dict[str, str]]:
    """A row for each known vulnerability of the packages.

    Raises: AuditError where the service does not answer, or does not know one of the packages.
    """
    if not any(package.get("vulns") for package in ask(KNOWN_BAD)):
        name, version = next(iter(KNOWN_BAD.items()))
        raise AuditError(
            f"Expected the vulnerability service to know of those in {name} {version}, but it names none: this machine "
            "does not reach it (a mirror of the package index usually lacks it). Nothing was audited. "
            "Run it on a machine with the internet."
        )
    report = ask(packages)
    seen = {package["name"].lower() for package in report if "skip_reason" not in package}
    if unknown := packages.keys() - seen:
        raise AuditError(
            f"Expected an answer for each of {len(packages)} packages, received none for {', '.join(sorted(unknown))}. "
            "Try again; a package that the index does not have cannot be audited."
        )
    return list(_rows(report))


def _rows(report: Report) -> Iterator[dict[str, str]]:
    for package in report:
        for found in package["vulns"]:
            fixed = ", ".join(found.get("fix_versions", [])) or "none yet"
            yield {
                "package": package["name"],
                "version": package["version"],
                "known as": found["id"],
                "mended in": fixed,
            }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the vulnerabilities and write the record; return 1 where there are any, 2 where nothing was found out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(arguments)
    started, packages = perf_counter(), installed()
    try:
        rows = audit(packages)
    except AuditError as error:
        print(error)
        return 2
    for row in rows:
        print("  ".join(row.values()))
    outcome = f"{len(rows) or 'None'} known."
    print(f"{len(packages)} packages, vulnerabilities: {outcome}")
    record.write(
        "safety-audit",
        section="Safety",
        tried=f"{len(packages)} installed packages were looked up among the known vulnerabilities (pip-audit).",
        outcome=outcome,
        passed=not rows,
        command="make audit",
        seconds=perf_counter() - started,
        rows=rows,
    )
    return int(bool(rows))


if __name__ == "__main__":
    sys.exit(main())
