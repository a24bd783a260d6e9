"""Which files may name programs to run."""

import os
from pathlib import Path

import pytest

from tryconnect._alerts.trusted_file import writable_by_others

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no such bits")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / "conf"
    inner.mkdir(mode=0o755)
    (inner / "targets.toml").write_text("")
    (inner / "targets.toml").chmod(0o644)
    return inner


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o444, 0o755])
def test_a_file_that_only_its_owner_writes_is_trusted(mode: int, folder: Path) -> None:
    file = folder / "targets.toml"
    file.chmod(mode)

    assert writable_by_others(file) is None


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o622, 0o1646])
def test_a_file_that_others_write_is_not(mode: int, folder: Path) -> None:
    file = folder / "targets.toml"
    file.chmod(mode)

    assert writable_by_others(file) == f"others can write {file}: chmod go-w {file}"


@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_nor_is_one_that_others_can_replace(mode: int, folder: Path) -> None:
    folder.chmod(mode)

    assert writable_by_others(folder / "targets.toml") == (
        f"others can write {folder}: chmod go-w {folder}"
    )


def test_a_folder_in_which_nobody_replaces_what_is_anothers_is_trusted(folder: Path) -> None:
    folder.chmod(0o1777)

    assert writable_by_others(folder / "targets.toml") is None


@pytest.mark.parametrize("which", ["targets.toml", "."])
def test_what_belongs_to_somebody_else_is_not(which: str, folder: Path) -> None:
    if os.geteuid():
        pytest.skip("only root gives files away")
    os.chown(folder / which, 12345, -1)

    fault = writable_by_others(folder / "targets.toml")

    assert fault == f"{(folder / which).resolve()} belongs to another user"


def test_links_are_looked_at_from_both_ends(folder: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (shared / "link.toml").symlink_to(folder / "targets.toml")
    (folder / "link.toml").symlink_to(shared / "real.toml")
    (shared / "real.toml").write_text("")

    for link in (shared / "link.toml", folder / "link.toml"):
        assert writable_by_others(link) == f"others can write {shared}: chmod go-w {shared}"
