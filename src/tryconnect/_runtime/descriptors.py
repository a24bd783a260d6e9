"""File descriptors: how many checks they suffice for, and whether any are left."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import warnings

__all__ = ["affordable", "limit", "lowered", "raise_limit", "shortage", "taken"]

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


def lowered(wanted: int, *, stacklevel: int) -> int:
    """Return what :func:`affordable` does; warn the caller ``stacklevel`` above if it is less."""
    most = affordable(wanted)
    if most < wanted:
        warnings.warn(
            f"limit={wanted} is lowered to {most}: this process may open too few files for more "
            "(ulimit -n)",
            RuntimeWarning,
            stacklevel=stacklevel,
        )
    return most


def limit() -> int | None:
    """Return how many descriptors this process may open; ``None``: any number, or unknown."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return None
    soft: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def raise_limit() -> None:
    """Let this process open as many descriptors as the administrator allows.

    The soft limit is low for the sake of programs that use ``select()``, which this one does not:
    a server raises it (systemd.exec(5), "LimitNOFILE=").
    """
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows; macOS with "unlimited"
        import resource  # noqa: PLC0415 - Windows has none

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def taken() -> int:
    """Return how many descriptors this process has open; 0 if that is unknown."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return len(os.listdir(folder))
    return 0


ENOUGH = 5
"""Descriptors: a question takes one; where the loop watches no sockets, c-ares' thread takes four
more (epoll, a pipe, inotify). ``getaddrinfo`` needs some as well."""


def shortage(enough: int = ENOUGH) -> OSError | None:
    """Return the system's error if it does not even have a few descriptors left, else ``None``.

    Without a descriptor c-ares reaches no server, the system's resolver finds no name, and OpenSSL
    trusts no authority: each of them blames the peer. So if they fail, this is asked first.
    """
    with contextlib.ExitStack() as opened:
        try:
            for _ in range(enough):
                opened.enter_context(socket.socket())
        except OSError as error:
            return error
        except MemoryError:
            return OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    return None
