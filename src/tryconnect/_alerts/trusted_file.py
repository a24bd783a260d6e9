"""Whether a file may name programs to run: only if nobody else can write it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["writable_by_others"]


def writable_by_others(path: Path) -> str | None:
    """Return why others can change a file, as a sentence, or ``None`` if they cannot.

    The file and each folder above it must belong to root or to this user, and only they may write
    it; in a folder with the sticky bit, such as ``/tmp``, others cannot replace what is not theirs.
    That holds for the path as it is written and for what its symbolic links lead to.
    """
    if not hasattr(os, "geteuid"):  # Windows: its access lists say more than these bits
        return None
    written = path.absolute()
    resolved = path.resolve()
    for each in dict.fromkeys([resolved, *resolved.parents, *written.parents]):
        if fault := _fault(each, is_file=each == resolved):
            return fault
    return None


def _fault(path: Path, *, is_file: bool) -> str | None:
    found = path.stat()
    if found.st_uid not in {0, os.geteuid()}:
        return f"{path} belongs to another user"
    sticky = not is_file and found.st_mode & stat.S_ISVTX
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky:
        return f"others can write {path}: chmod go-w {path}"
    return None
