"""Coverage is measured for the whole package, by lines and branches, and for nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tryconnect

pytestmark = pytest.mark.slow

SOURCE = Path(tryconnect.__file__).parent
ROOT = Path(__file__).parents[2]


def measured(folder: Path, *program: str) -> dict[str, object]:
    """Run a program with the project's configuration, and return its coverage report."""
    data = f"--data-file={folder / 'coverage'}"
    report = folder / "coverage.json"
    commands = (
        ["run", data, *program],
        ["combine", data, "--quiet"],
        ["json", data, "--quiet", "--fail-under=0", "-o", str(report)],
    )
    for command in commands:
        subprocess.run([sys.executable, "-m", "coverage", *command], check=True, cwd=ROOT)  # noqa: S603
    read: dict[str, object] = json.loads(report.read_text("utf-8"))
    return read


def test_every_room_is_in_the_report_also_those_that_nobody_entered(tmp_path: Path) -> None:
    """Otherwise the figure would hide a module without a single test."""
    report = measured(tmp_path, "-m", "tryconnect", "--version")

    files = report["files"]
    assert isinstance(files, dict)
    found = {(ROOT / name).resolve() for name in files}
    # No import finds a file whose name has a dot in it.
    modules = (path for path in SOURCE.rglob("*.py") if "." not in path.stem)
    assert found == {path.resolve() for path in modules}
    summaries = {(ROOT / name).resolve(): each["summary"] for name, each in files.items()}
    assert summaries[SOURCE / "_version.py"]["percent_covered"] == 100
    assert summaries[SOURCE / "_check" / "http.py"]["covered_lines"] == 0
    assert summaries[SOURCE / "_check" / "http.py"]["num_branches"] > 0


PARENT = """
import os, subprocess, sys

subprocess.run([sys.executable, "-m", "tryconnect", "--version"], check=True)
child = os.fork()
if not child:
    import tryconnect.sync
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on Windows")
def test_what_children_ran_counts_too(tmp_path: Path) -> None:
    """Otherwise code that only runs in a separate program, or at exit, would count as untested."""
    (tmp_path / "parent.py").write_text(PARENT, "utf-8")

    report = measured(tmp_path, str(tmp_path / "parent.py"))

    files = report["files"]
    assert isinstance(files, dict)
    covered = {
        Path(name).name for name, each in files.items() if each["summary"]["covered_lines"] > 0
    }
    assert {"__main__.py", "threads.py"} <= covered
    assert "dispatch.py" not in covered
