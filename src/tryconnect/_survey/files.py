"""Files that appear under their names when they are whole, or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["INNER", "appearing", "is_locked", "locked", "sweep"]

INNER = "_tryconnect"
"""The folder of a survey's own files; readers of data sets pass over what begins with ``_``."""

_TMP = "tmp"


@contextlib.contextmanager
def appearing(final: Path, *, private: bool = False) -> Iterator[str]:
    """Yield the name of a temporary file; at the end it is on the disk, under its own name.

    Args:
        final: Its name, in the survey's folder or in that of its own files.
        private: Only its owner may read it.
    """
    inner = final.parent if final.parent.name == INNER else final.parent / INNER
    folder = inner / _TMP
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    import tempfile  # noqa: PLC0415 - not to load it with the package

    descriptor, path = tempfile.mkstemp(prefix=f"{final.name}.", dir=folder)  # mode 0600
    try:
        yield path
        if not private:
            mask = os.umask(0)
            os.umask(mask)
            os.fchmod(descriptor, 0o666 & ~mask)
        os.fsync(descriptor)
        Path(path).replace(final)
        _sync_folder(final.parent)
    finally:
        os.close(descriptor)
        Path(path).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sweep(inner: Path, *patterns: str) -> None:
    """Remove what was being written, and files by their patterns."""
    for pattern in (f"{_TMP}/*", *patterns):
        for path in inner.glob(pattern):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock of a file, which ends with the process; no more than a wish on some networks.

    Raises:
        BlockingIOError: Somebody else holds it.
    """
    try:
        import fcntl  # noqa: PLC0415 - Windows has none
    except ImportError:
        yield
        return
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # this file system has no locks
            pass
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Return whether anybody holds the lock of a file."""
    try:
        with locked(path):
            return False
    except BlockingIOError:
        return True
