"""The file of a history: whether it can be one, and who writes it."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import IO

from tryconnect._model.redaction import escape_control

__all__ = ["HistoryError", "checked_folder", "locked", "network_file_system"]

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]


class HistoryError(ValueError):
    """A file cannot hold a history; one sentence says why."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(escape_control(f"{path}: {fault}"))


def checked_folder(path: Path) -> Path:
    """Return where a history's file really is, symbolic links resolved.

    Raises:
        HistoryError: The folder does not exist, or is on a network file system.
    """
    resolved = path.resolve()
    folder = resolved.parent
    if not folder.is_dir():
        raise HistoryError(path, f"there is no folder {folder}")
    if name := network_file_system(_statfs_type(folder), _mount_type(folder)):
        raise HistoryError(
            path,
            f"it would be on a network file system ({name}), where SQLite's locks do not hold and "
            "the history would be corrupted: give a file on a local disk",
        )
    return resolved


def locked(path: Path) -> IO[bytes]:
    """Open a history's file and lock it until the returned file is closed, or the process ends.

    ``flock`` is independent of the locks that SQLite itself takes (``fcntl``). The file must stay
    open until SQLite has closed its own: to close any descriptor of a file releases all of the
    process's ``fcntl`` locks on it.

    Raises:
        HistoryError: It cannot be written, or another server has locked it.
    """
    try:
        file = path.open("ab")
    except OSError as error:
        raise HistoryError(path, error.strerror or str(error)) from error
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise HistoryError(path, "another server is writing this history") from None
    return file


def network_file_system(magic: int | None, mount_type: str) -> str | None:
    """Return the name of a file system that is shared over a network, or ``None``.

    Args:
        magic: ``f_type`` of statfs(2); ``None``: unknown.
        mount_type: The type that the mount table names, such as ``fuse.sshfs``; may be empty.
    """
    if magic in _NETWORK_MAGIC:
        return _NETWORK_MAGIC[magic]
    kind, _, name = mount_type.partition(".")
    if (name if kind == "fuse" else kind) in _NETWORK_TYPES:
        return mount_type
    return None


_NETWORK_MAGIC = {
    0x6969: "nfs",
    0x517B: "smb",
    0xFF534D42: "cifs",
    0xFE534D42: "smb3",
    0x01021997: "9p",
    0x5346414F: "afs",
    0x6B414653: "afs",
    0x00C36400: "ceph",
    0x73757245: "coda",
    0x0BD00BD0: "lustre",
    0x01161970: "gfs2",
    0x7461636F: "ocfs2",
    0x786F4256: "vboxsf",
    0x0000564C: "ncp",
    0x19830326: "beegfs",
    0x47504653: "gpfs",
}
"""statfs(2), linux/magic.h, and the sources of those that are not in the kernel."""

_NETWORK_TYPES = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "coda", "lustre", "gfs2"),
        *("ocfs2", "vboxsf", "ncpfs", "beegfs", "gpfs", "sshfs", "glusterfs", "s3fs", "rclone"),
        *("davfs", "davfs2", "ceph-fuse", "gcsfuse", "curlftpfs", "juicefs", "mfs", "blobfuse"),
    }
)
"""FUSE (0x65735546) has one magic number for all that is behind it: local disks and ``sshfs``."""


def _statfs_type(folder: Path) -> int | None:
    if sys.platform != "linux":
        return None
    found = ctypes.create_string_buffer(512)  # struct statfs has 120 bytes, f_type comes first
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.statfs(os.fsencode(folder), found):
        return None
    return ctypes.c_ulong.from_buffer(found).value & 0xFFFFFFFF


def _mount_type(folder: Path) -> str:
    """Return the type of the mount that a folder is on, by its device (proc_pid_mountinfo(5))."""
    try:
        device = folder.stat().st_dev
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for row in mounts.splitlines():
        fields = row.split(" ")
        if fields[2] == wanted:
            return fields[fields.index("-") + 1]
    return ""
