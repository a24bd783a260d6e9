"""Coverage is measured of the whole package, by lines and branches, and of nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import tryconnect

SOURCE = Path(tryconnect.__file__).parent
ROOT = Path(__file__).parent.parent


def measured(folder: Path, *program: str) -> dict[str, object]:
    """Run a program under the project's own configuration, and return coverage's report of it."""
    data = f"--data-file={folder / 'coverage'}"
    report = folder / "coverage.json"
    for command in (["run", data, *program], ["json", data, "--quiet", "-o", str(report)]):
        subprocess.run([sys.executable, "-m", "coverage", *command], check=True, cwd=ROOT)  # noqa: S603
    read: dict[str, object] = json.loads(report.read_text("utf-8"))
    return read


def test_every_room_is_in_the_report_also_those_that_nobody_entered(tmp_path: Path) -> None:
    """Else a room without a single test would be missed by who reads the figure."""
    report = measured(tmp_path, "-m", "tryconnect", "--version")

    files = report["files"]
    assert isinstance(files, dict)
    found = {(ROOT / name).resolve() for name in files}
    assert found == {path.resolve() for path in SOURCE.rglob("*.py")}
    summaries = {(ROOT / name).resolve(): each["summary"] for name, each in files.items()}
    assert summaries[SOURCE / "_version.py"]["percent_covered"] == 100
    assert summaries[SOURCE / "_http.py"]["covered_lines"] == 0
    assert summaries[SOURCE / "_http.py"]["num_branches"] > 0
