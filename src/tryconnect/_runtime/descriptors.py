"""File descriptors: how many checks they suffice for, and whether any are left."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

__all__ = ["affordable", "limit", "shortage", "taken"]

PER_CHECK = 2
"""A name with addresses of both families is tried over two sockets at a time (RFC 8305)."""

RESERVE = 24
"""For the loop, name look-ups, and whatever else the program opens."""


def affordable(wanted: int) -> int:
    """Return how many of the wanted checks can run at once; at least one.

    All of them if the system has no such limit, as Windows does not.
    """
    most = limit()
    if most is None:
        return wanted
    return max(1, min(wanted, (most - taken() - RESERVE) // PER_CHECK))


def limit() -> int | None:
    """Return how many descriptors this process may open; ``None``: any number, or unknown."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return None
    soft: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def taken() -> int:
    """Return how many descriptors this process has open; 0 if that is unknown."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return len(os.listdir(Path(folder)))  # noqa: PTH208 - counts, and needs no paths
    return 0


ENOUGH = 5
"""Descriptors: a question takes one; where the loop watches no sockets, c-ares' thread takes four
more (epoll, a pipe, inotify). ``getaddrinfo`` needs some as well."""


def shortage() -> OSError | None:
    """Return the system's error if it does not even have a few descriptors left, else ``None``.

    Without a descriptor c-ares reaches no server, the system's resolver finds no name, and OpenSSL
    trusts no authority: each of them blames the peer. So if they fail, this is asked first.
    """
    with contextlib.ExitStack() as opened:
        try:
            for _ in range(ENOUGH):
                opened.enter_context(socket.socket())
        except OSError as error:
            return error
    return None
