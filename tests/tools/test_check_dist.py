"""What a release may not lack, hold or be called."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from tools.check_dist import WANTED, faults, unannounced

CHANGELOG = "Changelog\n===\n\n0.2.0, {date}\n-----\n\n0.1.0, 2026-01-31\n-----\n"

# The version, what the changelog says in place of a date, the tag -> what is wrong.
RELEASES = [
    ("0.2.0", "in development", "", []),
    ("0.2.0", "2026-11-28", "v0.2.0", []),
    ("0.2.0", "in development", "v0.2.0", ["CHANGELOG.rst says 0.2.0 is 'in development'"]),
    ("0.2.0", "2026-11-28", "v0.3.0", ["the tag v0.3.0 is not v0.2.0"]),
    ("0.3.0", "2026-11-28", "", ["CHANGELOG.rst begins with 0.2.0, not 0.3.0"]),
]


@pytest.mark.parametrize(("version", "date", "tag", "found"), RELEASES)
def test_a_tag_is_what_the_changelog_announces(
    version: str, date: str, tag: str, found: list[str]
) -> None:
    told = unannounced(version, CHANGELOG.format(date=date), tag)
    assert [each.partition(": date it")[0] for each in told] == found


def test_a_changelog_without_a_heading_announces_nothing() -> None:
    assert unannounced("0.1.0", "Changelog\n", "") == [
        "CHANGELOG.rst has no heading such as '0.1.0, 2026-01-31'"
    ]


def built(folder: Path, *names: str) -> Path:
    with zipfile.ZipFile(folder / "tryconnect-9.9.9-py3-none-any.whl", "w") as wheel:
        for name in names:
            wheel.writestr(name, "")
    with tarfile.open(folder / "tryconnect-9.9.9.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("tryconnect-9.9.9/src"), io.BytesIO())
    return folder


def test_archives_without_the_package_are_refused(tmp_path: Path) -> None:
    found = faults(built(tmp_path, "tests/x.py", "tryconnect/__pycache__/x.pyc"))
    assert {f"the wheel lacks {name}" for name in WANTED} <= set(found)
    assert "the wheel has tests/x.py" in found
    assert "the wheel has tryconnect/__pycache__/x.pyc" in found
    assert "the source archive lacks src/tryconnect/__init__.py" in found


def test_a_folder_without_archives_is_refused(tmp_path: Path) -> None:
    assert faults(tmp_path) == [f"{tmp_path} has 0 wheels and 0 source archives"]
