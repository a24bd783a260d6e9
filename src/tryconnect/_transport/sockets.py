"""Who closes what: the sockets of one check, and the transports that took some of them over.

Closing a socket that a transport still holds would pull it out from under the loop's selector. So
a transport closes its own, which takes a loop a few rounds, and only what no transport closed is
closed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

from tryconnect._model.faults import Blocked
from tryconnect._runtime.threads import cannot_await

if TYPE_CHECKING:
    from tryconnect._model.guard import Guard

__all__ = ["CLOSING_ROUNDS", "Sockets", "make_socket"]

CLOSING_ROUNDS = 3
"""Rounds of the loop in which a transport that is aborted has closed its socket.

asyncio needs one for a plain connection and one more for each layer above it, uvloop the same.
``tests/transport/test_upstream.py`` holds every loop to it.
"""

_LAST_ROUNDS = 20
"""Rounds for what was shut down because it did not close by itself."""

_GUARDED_FAMILIES = (socket.AF_INET, socket.AF_INET6)
"""What a guard can judge: the address of anything else is no IP address."""


def make_socket(addr_info: tuple[Any, ...], guard: Guard | None) -> socket.socket:
    """Return a socket for one attempt to connect.

    Args:
        addr_info: family, kind, protocol, name and address, as ``socket.getaddrinfo`` has them.
        guard: says whether the address may be connected to; ``None``: it may.

    Raises:
        Blocked: the guard refuses the address.
        OSError: no socket can be had.
    """
    family, kind, proto, _, address = addr_info
    if guard is not None and not (family in _GUARDED_FAMILIES and guard.lets_through(address)):
        raise Blocked
    return socket.socket(family, kind, proto)


class Sockets:
    """The sockets that one check opened, each of which is closed when the check ends.

    The exception are those of connections that a client keeps.
    """

    def __init__(self) -> None:
        self._opened: list[socket.socket] = []
        self._transports: list[asyncio.Transport] = []

    def add(self, sock: socket.socket) -> None:
        """Own a socket."""
        self._opened.append(sock)

    def hand_over(self, transport: asyncio.Transport) -> None:
        """Leave the socket of a transport to the transport, which may be kept open."""
        self._transports.append(transport)

    def include(self, transport: asyncio.Transport) -> bool:
        """Return whether the socket of an open transport is one of these."""
        number = _fileno(transport)
        return number != -1 and any(sock.fileno() == number for sock in self._opened)

    def peername(self) -> object:
        """Return the address of the last peer that is connected, or ``None``."""
        for sock in reversed(self._opened):
            with contextlib.suppress(OSError):  # not connected
                return sock.getpeername()
        return None

    async def aclose(
        self, loop: asyncio.AbstractEventLoop, kind: type[BaseException] | None
    ) -> None:
        """Close all of them but those of open transports.

        Args:
            loop: The one that the check ran in.
            kind: The exception that the check is left with, or ``None``.
        """
        left = self._without_owner(loop)
        try:
            if not cannot_await(loop, kind) and await _still_open(left, CLOSING_ROUNDS):
                for sock in left:
                    _shutdown(sock)
                await _still_open(left, _LAST_ROUNDS)
        finally:
            for sock in left:
                sock.close()
            self._opened.clear()
            self._transports.clear()

    def _without_owner(self, loop: asyncio.AbstractEventLoop) -> list[socket.socket]:
        """Return the sockets that no open transport holds; abort the transports that are closing.

        A peer that never answers close_notify would hold a closing TLS connection open for
        asyncio's 30 s; ``close()`` has sent ours already.
        """
        held = set()
        for transport in self._transports:
            if not transport.is_closing():
                held.add(_fileno(transport))
            elif not loop.is_closed():
                transport.abort()
        return [sock for sock in self._opened if sock.fileno() not in held]


async def _still_open(sockets: list[socket.socket], rounds: int) -> bool:
    """Return whether any of the sockets is open after a few rounds of the loop."""
    for _ in range(rounds):
        if not [sock for sock in sockets if sock.fileno() != -1]:
            return False
        await asyncio.sleep(0)
    return any(sock.fileno() != -1 for sock in sockets)


def _shutdown(sock: socket.socket) -> None:
    """End a connection that a library lost, for example when descriptors ran out."""
    with contextlib.suppress(OSError):  # not connected, or closed by now
        sock.shutdown(socket.SHUT_RDWR)


def _fileno(transport: asyncio.Transport) -> int:
    sock = transport.get_extra_info("socket")
    return -1 if sock is None else sock.fileno()
