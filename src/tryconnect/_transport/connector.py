"""How connections are made: aiohttp's connector, which records what it does in the trace."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohappyeyeballs import start_connection
from aiohttp.client_proto import ResponseHandler

from tryconnect._address.authority import is_ipv4
from tryconnect._model.faults import Blocked
from tryconnect._transport.addr_infos import addr_infos, literal_infos
from tryconnect._transport.protocol import HeadFirstProtocol
from tryconnect._transport.trace import current, open_socket
from tryconnect._transport.upstream import ADDRESSES, CONNECTIONS, GUARD, HEADS, missing

if TYPE_CHECKING:
    from aiohappyeyeballs import AddrInfoType
    from aiohttp import ClientRequest, ClientTimeout
    from aiohttp.abc import AbstractResolver
    from aiohttp.connector import Connection

    from tryconnect._model.guard import Guard
    from tryconnect._transport.trace import Trace

__all__ = [
    "HAPPY_EYEBALLS_DELAY",
    "MAY_BE_SHORTAGE",
    "Connector",
    "connected",
    "refuse_itself",
]

HAPPY_EYEBALLS_DELAY = 0.25
"""Seconds until the next address of a name is tried beside the first (RFC 8305, section 5)."""


MAY_BE_SHORTAGE = (
    socket.gaierror,
    aiohttp.ClientConnectorDNSError,
    aiohttp.ClientConnectorCertificateError,
)
"""What is raised about a peer, and may come from a lack of descriptors here."""


class Connector(aiohttp.TCPConnector):
    """A connector for checks.

    Two methods of aiohttp's are overridden, one of them private. Neither is what a guard hangs on:
    every socket comes from the public ``socket_factory``, and a connection over any other is closed
    before the request goes out. What holds without the hooks stands in ``upstream``.

    Args:
        resolver: Looks names up; stays the caller's.
        family: The addresses that are tried; ``AF_UNSPEC`` for all.
        guard: Says which peers may be connected to; ``None`` for all.
        keep_alive: Keep connections for the next check of the same host.
    """

    def __init__(
        self,
        resolver: AbstractResolver,
        *,
        family: socket.AddressFamily,
        guard: Guard | None,
        keep_alive: bool,
    ) -> None:
        sees_connections = not missing(CONNECTIONS)
        super().__init__(
            resolver=resolver,
            family=family,
            # Whether a kept connection may carry a request is looked at where it is taken.
            force_close=not (keep_alive and sees_connections),
            # How many checks run at once is the caller's business; a queue in here would hide
            # the waiting inside a check's deadline.
            limit=0,
            # With the cache, waiters share one look-up in a task of its own, which outlives them.
            use_dns_cache=False,
            happy_eyeballs_delay=HAPPY_EYEBALLS_DELAY,
            **_socket_factory(guard),
        )
        self._guard = guard
        self._address_family = family
        self._look_up = resolver.resolve
        protocol = ResponseHandler if missing(HEADS) else HeadFirstProtocol
        self._new_protocol = partial(protocol, loop=asyncio.get_running_loop())
        # aiohttp's only place for another protocol.
        self._factory = self._new_protocol
        # What is not called as we know it stays aiohttp's own.
        for name in [hook.name for hook in missing(CONNECTIONS + ADDRESSES)]:
            setattr(self, name, getattr(super(), name, None))

    async def connect(
        self, req: ClientRequest, traces: list[Any], timeout: ClientTimeout
    ) -> Connection:
        """Return a connection, kept or new, and record whom it leads to."""
        trace = current.get()
        while True:
            if trace is not None:
                trace.reused = True  # until a socket is opened
            connection = await super().connect(req, traces, timeout)
            if trace is None or not trace.reused or _still_good(connection, trace):
                break
            connection.close()
        transport, protocol = connection.transport, connection.protocol
        if transport is not None:
            try:
                self._vet(transport, trace)
            except OSError:
                connection.close()
                raise
        if isinstance(protocol, HeadFirstProtocol):
            # A connection that is kept must have read the body that nobody wants.
            unwanted = self.force_close and trace is not None and not trace.wants_body
            protocol.expect_head(and_body=not unwanted)
        if trace is not None:
            trace.connection_ready(transport)
            trace.protocol = protocol
        return connection

    def _vet(self, transport: asyncio.Transport, trace: Trace | None) -> None:
        """Refuse a connection that no request may go over.

        The guard was asked before a socket of this check was made; what else there is, a kept
        connection or one that was made by whatever way, is judged now.

        Raises:
            Blocked: The guard does not let anything connect there.
            ConnectionRefusedError: It leads to itself.
        """
        sockname, peername = map(transport.get_extra_info, ("sockname", "peername"))
        refuse_itself(sockname, peername)
        if self._guard is None or (trace is not None and trace.owns(transport)):
            return
        if not isinstance(peername, tuple) or not self._guard.lets_through(peername):
            raise Blocked

    async def _create_direct_connection(
        self,
        req: ClientRequest,
        traces: list[Any],
        timeout: ClientTimeout,
        *,
        client_error: type[Exception] = aiohttp.ClientConnectorError,
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        """Open a connection to the host or the proxy, each of whose addresses gets one try.

        aiohttp starts the race again without the first address, and again, and so would try n
        addresses n * (n + 1) / 2 times. Its timeouts on the way are never set here.
        """
        del traces, timeout
        host = req.url.raw_host or ""
        context: Any = req.ssl if req.is_ssl() else None
        try:
            infos = await self._addr_infos(host, req.port or 0)
        except OSError as error:
            raise aiohttp.ClientConnectorDNSError(req.connection_key, error) from error
        try:
            sock = await connected(infos, guard=self._guard)
            transport, protocol = await asyncio.get_running_loop().create_connection(
                self._new_protocol,
                sock=sock,
                ssl=context,
                # Certificates are made out to names without the dot at the end.
                server_hostname=host.rstrip(".") if context else None,
            )
        except ssl.CertificateError as error:
            raise aiohttp.ClientConnectorCertificateError(req.connection_key, error) from error
        except ssl.SSLError as error:
            raise aiohttp.ClientConnectorSSLError(req.connection_key, error) from error
        except OSError as error:
            raise client_error(req.connection_key, error) from error
        if (trace := current.get()) is not None:
            trace.protocol = protocol  # a proxy's answer to CONNECT shows whose fault it is
        return transport, protocol

    async def _addr_infos(self, host: str, port: int) -> list[AddrInfoType]:
        family = self._address_family
        if ":" in host or is_ipv4(host):
            return literal_infos(host, port, family)
        if self.closed:
            raise aiohttp.ClientConnectionError("the connector is closed")
        return addr_infos(await self._look_up(host, port, family=family), family)


def _socket_factory(guard: Guard | None) -> dict[str, Any]:
    """Return the option of aiohttp's that has it make sockets by our function."""
    if GUARD[0] in missing(GUARD):
        return {}
    return {"socket_factory": partial(open_socket, guard=guard)}


async def connected(infos: list[AddrInfoType], *, guard: Guard | None) -> socket.socket:
    """Return a socket that is connected to the first address that answers.

    Args:
        infos: The addresses of one name.
        guard: Says which of them may be connected to; ``None`` for all.

    Raises:
        Blocked: The guard allows none of them.
        OSError: Nothing accepts a connection at any of them.
    """
    if len(infos) > 1:
        return await _first_connected(infos, guard)
    sock = open_socket(infos[0], guard=guard)
    try:
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, infos[0][4])
    except BaseException:
        sock.close()
        raise
    return sock


async def _first_connected(infos: list[AddrInfoType], guard: Guard | None) -> socket.socket:
    opened = []

    def open_one(info: AddrInfoType) -> socket.socket:
        opened.append(open_socket(info, guard=guard))
        return opened[-1]

    sock = await start_connection(
        infos, happy_eyeballs_delay=HAPPY_EYEBALLS_DELAY, socket_factory=open_one
    )
    if sock not in opened:  # the guard was not asked about it
        sock.close()
        raise Blocked
    return sock


def _still_good(connection: Connection, trace: Trace) -> bool:
    """Return whether a kept connection may carry the request of a trace.

    What a peer sent while nothing was asked (a farewell, or worse) would be taken for the response;
    aiohttp looks for it when it puts a connection away, not when it takes it out.
    """
    protocol = connection.protocol
    return not trace.distrusts_kept and protocol is not None and not protocol.should_close


def refuse_itself(sockname: object, peername: object) -> None:
    """Refuse a connection whose two ends are one socket.

    The kernel chooses the port to send from, and now and then it is the very one that is asked:
    TCP's simultaneous open (RFC 9293, section 3.5) then makes the socket its own peer.

    Raises:
        ConnectionRefusedError: The two ends are the same.
    """
    if sockname == peername:
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
