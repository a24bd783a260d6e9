"""The interpreter's exit: no thread of ours is inside a library when it comes.

A daemon thread is stopped where it stands once the interpreter has gone, and a C library may take
itself down under it: OpenSSL's own ``atexit`` handler frees what a thread that reads certificates
still uses, and the process ends with SIGSEGV. So the exit waits for such threads, within a bound.
"""

from __future__ import annotations

import atexit
import os
import time
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_WAIT", "hold_exit", "is_exiting", "release_exit"]

MAX_WAIT = 2.0
"""Seconds that the exit waits for all threads together; reading a store takes up to 0.1."""

Wait: TypeAlias = "Callable[[float], object]"

_waits: dict[object, Wait] = {}
_exiting = False


def hold_exit(key: object, wait: Wait) -> None:
    """Have the exit wait for something.

    Args:
        key: by which :func:`release_exit` finds it.
        wait: called in the thread that exits, with the most seconds that it may block.
    """
    if not _waits:
        # Not once and for all: what is registered last is called first.
        atexit.unregister(_wait_for_all)
        atexit.register(_wait_for_all)
    _waits[key] = wait


def release_exit(key: object) -> None:
    """Hold the exit no longer."""
    _waits.pop(key, None)


def is_exiting() -> bool:
    """Return whether nothing holds the exit any more: a new thread would be cut."""
    return _exiting


def _wait_for_all() -> None:
    global _exiting  # noqa: PLW0603 - a process exits once
    _exiting = True
    end = time.monotonic() + MAX_WAIT
    for wait in list(_waits.values()):
        wait(max(0.0, end - time.monotonic()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waits.clear)  # the threads stayed with the parent
