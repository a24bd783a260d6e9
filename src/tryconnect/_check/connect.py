"""Checks without HTTP: whether a port or a socket opens, encrypts, or greets as a service does."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from typing import TYPE_CHECKING, TypedDict, Unpack, cast

from tryconnect._address.authority import is_ip
from tryconnect._model.greeting import greeting_of
from tryconnect._transport.addr_infos import Pins, addr_infos, literal_infos, pinned_infos
from tryconnect._transport.attempt import Phase
from tryconnect._transport.connector import connected, connected_unix, refuse_itself
from tryconnect._transport.dialogue import Dialogue
from tryconnect._transport.trace import tls_facts

if TYPE_CHECKING:
    import socket

    from tryconnect._model.greeting import Greeting
    from tryconnect._model.guard import Guard
    from tryconnect._transport.resolver import Resolver
    from tryconnect._transport.tls import TlsContexts
    from tryconnect._transport.trace import Trace

__all__ = ["Way", "open_service", "open_tcp", "open_tls", "open_unix"]


class Way(TypedDict):
    """How connections without HTTP are made."""

    family: socket.AddressFamily
    guard: Guard | None
    pins: Pins


async def open_tcp(trace: Trace, names: Resolver, **way: Unpack[Way]) -> None:
    """Connect to a trace's target by TCP, and close the connection.

    Raises:
        OSError: nothing accepts a connection there, or the name cannot be resolved.
    """
    sock = await _connected(trace, names, **way)
    trace.end()
    sock.close()  # no transport holds it, so nobody need wait for the loop to close it


async def open_service(trace: Trace, names: Resolver, **way: Unpack[Way]) -> None:
    """Connect to a trace's service, and hear whether it says what it should.

    Raises:
        WrongService: it says something else.
        Disconnected: it hangs up before it says anything.
        OSError: nothing accepts a connection there, or the name cannot be resolved.
    """
    sock = await _connected(trace, names, **way)
    trace.begin(Phase.response)
    dialogue = Dialogue(cast("Greeting", greeting_of(trace.target.scheme)))
    loop = asyncio.get_running_loop()
    saying = dialogue.begin()
    while not dialogue.is_over:
        try:
            if saying:
                await loop.sock_sendall(sock, saying)
            if not (data := await loop.sock_recv(sock, _PIECE)):
                dialogue.end()
            saying = dialogue.feed(data)
        finally:
            trace.head = dialogue.said
    with contextlib.suppress(OSError):  # it may have hung up: all is said
        sock.send(saying)
    trace.end()
    sock.close()


_PIECE = 4096
"""Bytes."""


async def open_tls(trace: Trace, names: Resolver, trust: TlsContexts, **way: Unpack[Way]) -> None:
    """Connect to a trace's target by TCP, shake hands with it by TLS, and close the connection.

    Raises:
        ssl.SSLError: the handshake fails, or the certificate cannot be trusted.
        OSError: nothing accepts a connection there, or the name cannot be resolved.
    """
    context = await trust.context()
    sock = await _connected(trace, names, **way)
    transport, _ = await asyncio.get_running_loop().create_connection(
        asyncio.Protocol,
        sock=sock,
        ssl=context,
        # Certificates are made out to names without the dot at the end.
        server_hostname=trace.target.host.rstrip("."),
    )
    trace.tls = tls_facts(transport.get_extra_info("ssl_object"))
    trace.end()
    transport.abort()


async def _connected(
    trace: Trace,
    names: Resolver,
    *,
    family: socket.AddressFamily,
    guard: Guard | None,
    pins: Pins,
) -> socket.socket:
    host, port = trace.target.host, trace.target.port
    if (pinned := pins.get((host, port))) is not None:
        infos = pinned_infos(pinned, port, family)
    elif is_ip(host):
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
    return sock


async def open_unix(trace: Trace, *, guard: Guard | None) -> None:
    """Connect to a trace's unix socket, and close the connection.

    Raises:
        LocalFault: this platform has no unix sockets.
        OSError: there is no such socket, or nothing listens on it.
    """
    sock = await connected_unix(trace.target.path, guard=guard)
    trace.end()
    sock.close()
