"""Tests of what a loop can do with sockets, on local connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING

from tryconnect._model.render import duration
from tryconnect.doctor._bounded import LIMIT, until
from tryconnect.doctor._findings import ok, warning
from tryconnect.doctor._servers import HELLO, anonymous, greet, listening, over_tls, serving

if TYPE_CHECKING:
    import ssl

    from tryconnect.doctor._findings import Finding

__all__ = ["add_reader", "create_connection", "sock_connect", "tls"]


async def sock_connect() -> Finding:
    """Check that the loop connects a socket."""
    with listening() as listener, socket.socket() as sock:
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, listener.getsockname())
        sock.getpeername()
    return ok("the loop connects sockets")


async def create_connection() -> Finding:
    """Check that the loop opens a connection and reads from it."""
    with serving(greet) as place:
        await _greeted(place)
    return ok("the loop opens connections and reads from them")


async def tls() -> Finding:
    """Check that the loop opens an encrypted connection and reads from it."""
    contexts = anonymous()
    if contexts is None:
        return warning(
            "TLS was not tried: this OpenSSL requires certificates",
            "check an https:// address of your own",
        )
    ours, theirs = contexts
    with serving(over_tls(theirs, greet)) as place:
        await _greeted(place, ours)
    return ok("the loop opens encrypted connections and reads from them")


async def add_reader() -> Finding:
    """Check that the loop reports when a descriptor is readable."""
    loop = asyncio.get_running_loop()
    ready = threading.Event()
    with contextlib.ExitStack() as stack:
        near, far = map(stack.enter_context, socket.socketpair())
        near.settimeout(0)
        loop.add_reader(near.fileno(), ready.set)
        stack.callback(loop.remove_reader, near.fileno())
        far.sendall(HELLO)
        if not await until(ready.is_set):
            raise TimeoutError(f"no call came within {duration(LIMIT)}")
    return ok("the loop watches descriptors")


class _Client(asyncio.Protocol):
    """Records what it receives."""

    def __init__(self) -> None:
        self.heard = b""
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, _: Exception | None) -> None:
        self.lost = True


async def _greeted(place: tuple[str, int], context: ssl.SSLContext | None = None) -> None:
    """Connect, and wait for the greeting.

    Raises:
        TimeoutError: It did not arrive.
    """
    transport, client = await asyncio.get_running_loop().create_connection(
        _Client, *place, ssl=context
    )
    try:
        if not await until(lambda: client.heard == HELLO):
            raise TimeoutError(f"connected, but nothing was read within {duration(LIMIT)}")
    finally:
        transport.abort()
        await until(lambda: client.lost)
