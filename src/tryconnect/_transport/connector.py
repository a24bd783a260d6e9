"""How connections are made: aiohttp's connector, which records what it does in the trace."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import aiohttp
from aiohappyeyeballs import start_connection
from aiohttp.client_proto import ResponseHandler

from tryconnect._address.authority import is_ipv4
from tryconnect._model.faults import Blocked, LocalFault
from tryconnect._transport.addr_infos import Pins, addr_infos, literal_infos, pinned_infos
from tryconnect._transport.protocol import HeadFirstProtocol
from tryconnect._transport.trace import current, open_socket
from tryconnect._transport.upstream import ADDRESSES, CONNECTIONS, GUARD, HEADS, missing

if TYPE_CHECKING:
    from aiohappyeyeballs import AddrInfoType
    from aiohttp import ClientRequest, ClientTimeout
    from aiohttp.abc import AbstractResolver
    from aiohttp.connector import Connection
    from yarl import URL

    from tryconnect._model.guard import Guard
    from tryconnect._transport.trace import Trace

__all__ = [
    "HAPPY_EYEBALLS_DELAY",
    "MAY_BE_SHORTAGE",
    "Connector",
    "connected",
    "connected_unix",
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
        pins: Addresses that stand in for a look-up.
    """

    def __init__(
        self,
        resolver: AbstractResolver,
        *,
        family: socket.AddressFamily,
        guard: Guard | None,
        keep_alive: bool,
        pins: Pins = MappingProxyType({}),
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
        self._pins = pins
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
            sock = await self._connected(req, host)
            transport, protocol = await asyncio.get_running_loop().create_connection(
                self._new_protocol,
                sock=sock,
                ssl=context,
                # Certificates are made out to names without the dot at the end.
                server_hostname=host.rstrip(".") if context else None,
            )
        except aiohttp.ClientConnectorDNSError:
            raise
        except ssl.CertificateError as error:
            raise aiohttp.ClientConnectorCertificateError(req.connection_key, error) from error
        except ssl.SSLError as error:
            raise aiohttp.ClientConnectorSSLError(req.connection_key, error) from error
        except OSError as error:
            raise client_error(req.connection_key, error) from error
        if (trace := current.get()) is not None:
            trace.protocol = protocol  # a proxy's answer to CONNECT shows whose fault it is
        return transport, protocol

    async def _connected(self, req: ClientRequest, host: str) -> socket.socket:
        if host.startswith("%2F"):
            return await connected_unix(unquote(host, errors="surrogateescape"), guard=self._guard)
        trace = current.get()
        if trace is not None and trace.socks is not None:
            return await self._connected_through(trace.socks, req, host, trace)
        return await connected(
            await self._look_up_infos(req, host, req.port or 0), guard=self._guard
        )

    async def _look_up_infos(self, req: ClientRequest, host: str, port: int) -> list[AddrInfoType]:
        try:
            return await self._addr_infos(host, port)
        except OSError as error:
            raise aiohttp.ClientConnectorDNSError(req.connection_key, error) from error

    async def _connected_through(
        self, proxy: URL, req: ClientRequest, host: str, trace: Trace
    ) -> socket.socket:
        from tryconnect._transport.socks import asks_proxy_for_names, connected_through

        port = req.port or 0
        hosts = [host]
        if not asks_proxy_for_names(proxy):
            infos = await self._look_up_infos(req, host, port)
            if proxy.scheme == "socks4":  # it knows no other
                infos = [info for info in infos if info[0] == socket.AF_INET]
            hosts = [info[4][0] for info in infos]

        async def connect() -> socket.socket:
            place = await self._addr_infos(proxy.raw_host or "", proxy.port or 0)
            return await connected(place, guard=self._guard)

        return await connected_through(proxy, hosts, port, trace=trace, connect=connect)

    async def _addr_infos(self, host: str, port: int) -> list[AddrInfoType]:
        family = self._address_family
        if (pinned := self._pins.get((host, port))) is not None:
            return pinned_infos(pinned, port, family)
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


async def connected_unix(path: str, *, guard: Guard | None) -> socket.socket:
    """Return a socket that is connected to a unix socket.

    Raises:
        LocalFault: this platform has none.
        Blocked: there is a guard, which lets none through.
        OSError: there is no such socket, or nothing listens on it.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise LocalFault("this platform has no unix sockets")
    sock = open_socket((socket.AF_UNIX, socket.SOCK_STREAM, 0, "", path), guard=guard)
    sock.settimeout(0)
    loop = asyncio.get_running_loop()
    while not _is_connected(sock):
        await loop.sock_connect(sock, path)
        # Linux refuses at once when the listener's queue is full (EAGAIN, see connect(2)), which
        # asyncio takes for "under way" and then for success.
        if not _is_connected(sock):
            await asyncio.sleep(_QUEUE_FULL_PAUSE)
    return sock


_QUEUE_FULL_PAUSE = 0.02
"""Seconds between two tries at a unix socket whose queue is full."""


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


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
