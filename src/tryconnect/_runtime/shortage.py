"""Whether this machine is short of descriptors, where a library says something else of it.

Without a descriptor c-ares cannot reach its servers, the system's look-up finds no name, and
OpenSSL knows no authority: each of them blames the peer.  So where they fail, we look ourselves.
"""

from __future__ import annotations

import contextlib
import socket

__all__ = ["shortage"]

ENOUGH = 5
"""Descriptors: a channel of c-ares takes four (epoll, a pipe, inotify), and its question one."""


def shortage() -> OSError | None:
    """Return the system's own words where there are not even a few descriptors to be had."""
    with contextlib.ExitStack() as opened:
        try:
            for _ in range(ENOUGH):
                opened.enter_context(socket.socket())
        except OSError as error:
            return error
    return None
