"""Checks without HTTP: whether a TCP port or a unix socket opens."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import TYPE_CHECKING

from tryconnect._address.authority import is_ip
from tryconnect._model.faults import LocalFault
from tryconnect._transport.addr_infos import addr_infos, literal_infos
from tryconnect._transport.connector import connected, refuse_itself
from tryconnect._transport.trace import open_socket

if TYPE_CHECKING:
    from tryconnect._model.guard import Guard
    from tryconnect._transport.resolver import Resolver
    from tryconnect._transport.trace import Trace

__all__ = ["open_tcp", "open_unix"]


async def open_tcp(
    trace: Trace,
    names: Resolver,
    *,
    family: socket.AddressFamily,
    guard: Guard | None,
) -> None:
    """Connect to a trace's target by TCP, and close the connection.

    Raises:
        OSError: nothing accepts a connection there, or the name cannot be resolved.
    """
    host, port = trace.target.host, trace.target.port
    if is_ip(host):
        infos = literal_infos(host.replace("%", "%25"), port, family)
    else:
        infos = addr_infos(await names.resolve(host, port, family=family), family)
    sock = await connected(infos, guard=guard)
    try:
        peer = sock.getpeername()
    except OSError as error:  # it opened, and was reset before we could look
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)) from error
    refuse_itself(sock.getsockname(), peer)
    trace.ip = peer[0]
    trace.end()
    sock.close()  # no transport holds it, so nobody need wait for the loop to close it


async def open_unix(trace: Trace, *, guard: Guard | None) -> None:
    """Connect to a trace's unix socket, and close the connection.

    Raises:
        LocalFault: this platform has no unix sockets.
        OSError: there is no such socket, or nothing listens on it.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise LocalFault("this platform has no unix sockets")
    sock = open_socket((socket.AF_UNIX, socket.SOCK_STREAM, 0, "", trace.target.path), guard=guard)
    sock.settimeout(0)
    loop = asyncio.get_running_loop()
    while not _is_connected(sock):
        await loop.sock_connect(sock, trace.target.path)
        # Linux refuses at once when the listener's queue is full (EAGAIN, see connect(2)), which
        # asyncio takes for "under way" and then for success.
        if not _is_connected(sock):
            await asyncio.sleep(_QUEUE_FULL_PAUSE)
    trace.end()
    sock.close()


_QUEUE_FULL_PAUSE = 0.02
"""Seconds between two tries at a unix socket whose queue is full."""


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
