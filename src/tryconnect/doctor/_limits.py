"""How many more files and sockets this process may open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tryconnect._runtime import descriptors as system
from tryconnect.doctor._findings import fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tryconnect.doctor._findings import Finding

__all__ = ["descriptors"]

_BULK = 150
"""Descriptors for a hundred checks at once, the default of bulk checks, and for the loop, the
resolver and the program's files."""

_USUAL = 1024
"""The usual limit of a process on Linux."""


def descriptors(*, limit: int | None = None, taken: int | None = None) -> Iterator[Finding]:
    """Compare the limit with the number of open descriptors.

    Args:
        limit: How many descriptors this process may open; ``None``: ask the system.
        taken: How many it has open; ``None``: ask the system.
    """
    limit = system.limit() if limit is None else limit
    if limit is None:
        yield ok("there is no limit on open files")
        return
    taken = system.taken() if taken is None else taken
    free = limit - taken
    sentence = f"{free} of {limit} open files are free"
    if free < _BULK:
        yield fault(
            f"only {sentence}",
            "raise the limit (ulimit -n 4096), or check fewer addresses at once",
        )
    elif limit < _USUAL:
        yield warning(sentence, f"raise the limit to the usual {_USUAL}: ulimit -n {_USUAL}")
    else:
        yield ok(sentence)
