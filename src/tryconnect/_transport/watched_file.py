"""A file of the machine's settings, read again whenever what stands behind its path has changed.

``stat`` follows links and sees through bind mounts, so a file that is replaced (NetworkManager,
resolvconf, a container's runtime) is noticed like one that is written to. glibc looks in the same
way before each look-up.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WatchedFile"]

_T = TypeVar("_T")


class WatchedFile(Generic[_T]):
    """What a file says, parsed once per change.

    Args:
        path: the file; it need not exist.
        parse: makes a value of its text. ``None`` stands for a file that cannot be read.
    """

    def __init__(self, path: str, parse: Callable[[str | None], _T]) -> None:
        self._path = path
        self._parse = parse
        self._seen: tuple[int, ...] | None = None
        self._value = parse(None)

    def read(self) -> _T:
        """Return the value of the file as it is now; the same object while nothing has changed."""
        try:
            now = os.stat(self._path)  # noqa: PTH116 - half the cost of Path.stat, for each name
            seen = now.st_mtime_ns, now.st_ino, now.st_size, now.st_ctime_ns, now.st_dev
        except OSError:
            seen = None
        if seen != self._seen:
            try:
                text = Path(self._path).read_bytes().decode("utf-8", "surrogateescape")
            except OSError as error:
                if error.errno in _FOR_NOW:
                    return self._value
                text = None
            self._value, self._seen = self._parse(text), seen
        return self._value


_FOR_NOW = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR}
"""The file may be readable the next time."""
