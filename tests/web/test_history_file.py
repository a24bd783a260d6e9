"""Where a history may be, and that it has one writer."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import ROOT
from tryconnect.web import _history_file
from tryconnect.web._history import HistoryStore
from tryconnect.web._history_file import HistoryError, checked_folder, network_file_system

FUSE, EXT4, TMPFS = 0x65735546, 0xEF53, 0x01021994

FILE_SYSTEMS = {
    "a disk": (EXT4, "ext4", None),
    "memory": (TMPFS, "tmpfs", None),
    "a disk behind FUSE": (FUSE, "fuseblk", None),
    "another one": (FUSE, "fuse.bindfs", None),
    "NFS": (0x6969, "nfs4", "nfs"),
    "NFS where the mount table is hidden": (0x6969, "", "nfs"),
    "Windows' shares": (0xFF534D42, "cifs", "cifs"),
    "newer ones": (0xFE534D42, "smb3", "smb3"),
    "a folder of a virtual machine's host": (0x01021997, "9p", "9p"),
    "SSH behind FUSE": (FUSE, "fuse.sshfs", "fuse.sshfs"),
    "Gluster behind FUSE": (FUSE, "fuse.glusterfs", "fuse.glusterfs"),
    "a system without statfs": (None, "", None),
}


@pytest.mark.parametrize(("magic", "mount", "name"), FILE_SYSTEMS.values(), ids=list(FILE_SYSTEMS))
def test_a_file_system_is_known_by_its_number_or_its_mount(
    magic: int | None, mount: str, name: str | None
) -> None:
    assert network_file_system(magic, mount) == name


def test_on_a_network_file_system_there_is_one_sentence_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_history_file, "_statfs_type", lambda _: 0x6969)
    file = tmp_path / "history.db"

    with pytest.raises(HistoryError, match=r"network file system \(nfs\).*a local disk$"):
        HistoryStore(file)

    assert not file.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="statfs(2) is Linux's here")
def test_this_machines_own_file_systems_are_told_apart(tmp_path: Path) -> None:
    assert _history_file._statfs_type(Path("/proc")) == 0x9FA0  # linux/magic.h
    assert _history_file._mount_type(Path("/proc")) == "proc"
    assert network_file_system(_history_file._statfs_type(tmp_path), "") is None


@pytest.mark.skipif(sys.platform != "linux", reason="statfs(2) is Linux's here")
def test_of_a_folder_that_cannot_be_looked_at_no_file_system_is_known(tmp_path: Path) -> None:
    gone = tmp_path / "gone"

    assert (_history_file._statfs_type(gone), _history_file._mount_type(gone)) == (None, "")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a table")
def test_a_device_that_the_mount_table_does_not_name_may_hold_a_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a subvolume of Btrfs, which has a device of its own."""
    monkeypatch.setattr(os, "major", lambda _: 987_654)

    assert _history_file._mount_type(tmp_path) == ""
    assert checked_folder(tmp_path / "history.db") == tmp_path.resolve() / "history.db"


@pytest.mark.parametrize("name", ["no/folder.db", "", "folder", "text.db", "other.db", "later.db"])
def test_what_cannot_be_a_history_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("no database at all" * 100)
    other(tmp_path / "other.db", "CREATE TABLE a (b)")
    other(
        tmp_path / "later.db", "PRAGMA application_id = 0x74726379; PRAGMA user_version = 1000000"
    )

    with pytest.raises(HistoryError) as raised:
        HistoryStore(tmp_path / name)

    assert "\n" not in str(raised.value)


def other(path: Path, script: str) -> None:
    db = sqlite3.connect(path)
    db.executescript(script)
    db.close()


SECOND = """
import sys
from pathlib import Path
from tryconnect.web._history import HistoryStore
HistoryStore(Path(sys.argv[1]))._end()
"""


@pytest.mark.slow
@pytest.mark.parametrize("by", ["its own name", "a symbolic link", "a hard link"])
async def test_a_second_server_is_refused_until_the_first_has_ended(
    by: str, tmp_path: Path
) -> None:
    file = name = tmp_path / "history.db"
    first = HistoryStore(file)
    if by != "its own name":
        name = tmp_path / "link.db"
        (name.symlink_to if "symbolic" in by else name.hardlink_to)(file)

    assert await opened(name) == f"{name}: another server is writing this history"

    await first.aclose()
    assert await opened(name) == ""


async def opened(file: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SECOND, str(file)), stderr=subprocess.PIPE, cwd=ROOT
    )
    said = (await process.communicate())[1].decode()
    return said.strip().rpartition("HistoryError: ")[2]


@pytest.mark.slow
async def test_a_system_without_flock_has_histories_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_history_file, "fcntl", None)
    file = tmp_path / "history.db"
    first = HistoryStore(file)
    try:
        _history_file.locked(file).close()
    finally:
        await first.aclose()

    assert file.read_bytes().startswith(b"SQLite format 3\0")
