"""How many files and sockets this process may have open."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from tryconnect.doctor._findings import fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tryconnect.doctor._findings import Finding

__all__ = ["descriptors"]

_BULK = 150
"""Descriptors that a hundred checks at once take, which is what bulk checks begin with, and some
for the loop, the resolver and the program's files."""

_USUAL = 1024
"""Linux' usual limit of a process."""


def descriptors(
    name: str, *, limit: int | None = None, taken: int | None = None
) -> Iterator[Finding]:
    """Compare the limit with what is open.

    Args:
        name: the finding's.
        limit: descriptors that this process may have; ``None``: ask the system.
        taken: those that it has; ``None``: ask the system.
    """
    limit = _limit() if limit is None else limit
    if limit is None:
        yield ok(name, "this system sets a process no limit of open files")
        return
    taken = _taken() if taken is None else taken
    free = limit - taken
    sentence = f"{free} of {limit} open files are free"
    if free < _BULK:
        yield fault(
            name,
            f"only {sentence}",
            "raise the limit (ulimit -n 4096), or check fewer addresses at once",
        )
    elif limit < _USUAL:
        yield warning(name, sentence, f"raise the limit to the usual {_USUAL}: ulimit -n {_USUAL}")
    else:
        yield ok(name, sentence)


def _limit() -> int | None:
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return None
    soft: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def _taken() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return len(os.listdir(folder))  # noqa: PTH208 - names are all that is wanted
    return 0
