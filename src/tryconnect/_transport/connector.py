"""How connections are made: aiohttp's connector, with hooks that leave a trail."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import aiohttp
from aiohappyeyeballs import start_connection
from aiohttp.connector import Connection

from tryconnect._address.authority import is_ipv4
from tryconnect._model.faults import LocalFault
from tryconnect._transport.protocol import HeadFirstProtocol
from tryconnect._transport.trace import current, open_socket

if TYPE_CHECKING:
    from aiohappyeyeballs import AddrInfoType
    from aiohttp import ClientRequest, ClientTimeout
    from aiohttp.abc import AbstractResolver, ResolveResult
    from aiohttp.client_proto import ResponseHandler

    from tryconnect._model.guard import Guard
    from tryconnect._transport.trace import Trace

__all__ = [
    "HAPPY_EYEBALLS_DELAY",
    "MAY_BE_SHORTAGE",
    "Connector",
    "addr_infos",
    "connected",
    "literal_infos",
    "refuse_itself",
]

HAPPY_EYEBALLS_DELAY = 0.25
"""Seconds until the next address of a name is tried beside the first (RFC 8305, section 5)."""


MAY_BE_SHORTAGE = (
    socket.gaierror,
    aiohttp.ClientConnectorDNSError,
    aiohttp.ClientConnectorCertificateError,
)
"""What is raised of a peer, and may be want of descriptors here."""


class Connector(aiohttp.TCPConnector):
    """A connector for checks.

    Args:
        resolver: looks names up; stays the caller's.
        family: the addresses that are tried; ``AF_UNSPEC`` for all.
        guard: says which peers may be connected to; ``None``: all.
        keep_alive: keep connections for the next check of the same host.
    """

    def __init__(
        self,
        resolver: AbstractResolver,
        *,
        family: socket.AddressFamily,
        guard: Guard | None,
        keep_alive: bool,
    ) -> None:
        super().__init__(
            resolver=resolver,
            family=family,
            force_close=not keep_alive,
            # How many checks run at once is the caller's business; a queue in here would hide
            # the waiting inside a check's deadline.
            limit=0,
            # With the cache, waiters share one look-up in a task of its own, which outlives them.
            use_dns_cache=False,
        )
        self._guard = guard
        # aiohttp's only place for another protocol.  partial is invariant, so mypy wants the base.
        self._factory = partial(HeadFirstProtocol, loop=self._loop)  # type: ignore[assignment]

    async def connect(
        self, req: ClientRequest, traces: list[Any], timeout: ClientTimeout
    ) -> Connection:
        """Return a connection, kept or new, and note whom it leads to."""
        trace = current.get()
        while True:
            if trace is not None:
                trace.reused = True  # until a socket is opened
            if self.force_close:
                # Where none is kept, there is no pool to look into and no queue to stand in,
                # which would take 2 % of a check.
                connection = self._taken(req, await self._create_connection(req, traces, timeout))
            else:
                connection = await super().connect(req, traces, timeout)
            if trace is None or not trace.reused or _still_good(connection, trace):
                break
            connection.close()
        protocol = cast("HeadFirstProtocol", connection.protocol)
        # A connection that is kept must have read the body that nobody wants.
        unwanted = self._force_close and trace is not None and not trace.wants_body
        protocol.expect_head(and_body=not unwanted)
        if (transport := connection.transport) is not None:
            try:
                refuse_itself(*map(transport.get_extra_info, ("sockname", "peername")))
            except OSError:
                connection.close()
                raise
        if trace is not None:
            trace.connection_ready(transport)
            trace.protocol = protocol
        return connection

    def _taken(self, req: ClientRequest, protocol: ResponseHandler) -> Connection:
        if self._closed:
            protocol.close()
            raise aiohttp.ClientConnectionError("the connector is closed")
        self._acquired.add(protocol)
        return Connection(self, req.connection_key, protocol, self._loop)

    async def _addr_infos(self, host: str, port: int, traces: list[Any]) -> list[AddrInfoType]:
        # aiohttp would look at a literal's every digit, which takes 2.5 % of a check.
        if ":" in host or is_ipv4(host):
            return literal_infos(host, port, self._family)
        return addr_infos(await self._resolve_host(host, port, traces), self._family)

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
        addresses n * (n + 1) / 2 times.  It also has timeouts of its own on the way, which are
        never set here and cost 5 % of a check all the same.
        """
        del timeout
        host, context = req.url.raw_host or "", self._get_ssl_context(req)
        try:
            infos = await self._addr_infos(host, req.port or 0, traces)
        except OSError as error:
            raise aiohttp.ClientConnectorDNSError(req.connection_key, error) from error
        try:
            sock = await connected(infos, guard=self._guard)
            transport, protocol = await self._loop.create_connection(
                self._factory,
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


async def connected(infos: list[AddrInfoType], *, guard: Guard | None) -> socket.socket:
    """Return a socket that is connected to the first address that answers.

    Args:
        infos: the addresses of one name.
        guard: says which of them may be connected to; ``None``: all.

    Raises:
        OSError: nothing accepts a connection at any of them.
    """
    if len(infos) > 1:
        return await start_connection(
            infos,
            happy_eyeballs_delay=HAPPY_EYEBALLS_DELAY,
            socket_factory=partial(open_socket, guard=guard),
        )
    sock = open_socket(infos[0], guard=guard)
    try:
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, infos[0][4])
    except BaseException:
        sock.close()
        raise
    return sock


def _still_good(connection: Connection, trace: Trace) -> bool:
    """Tell whether a kept connection may carry the trail's request.

    What a peer sent while nothing was asked (a farewell, or worse) would be taken for the answer;
    aiohttp looks for it when it puts a connection away, not when it takes it out.
    """
    protocol = connection.protocol
    return not trace.distrusts_kept and protocol is not None and not protocol.should_close


def refuse_itself(sockname: object, peername: object) -> None:
    """Refuse a connection whose two ends are one socket.

    The kernel chooses the port to send from, and now and then it is the very one that is asked:
    TCP's simultaneous open (RFC 9293, section 3.5) then makes the socket its own peer.

    Raises:
        ConnectionRefusedError: that is so.
    """
    if sockname == peername:
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


def addr_infos(hosts: list[ResolveResult], family: int) -> list[AddrInfoType]:
    """Turn look-up results into what ``aiohappyeyeballs`` connects to.

    Args:
        hosts: the addresses of one name.
        family: only addresses of this one; ``AF_UNSPEC`` for all.
    """
    return _wanted([_addr_info(host["host"], host["port"]) for host in hosts], family)


def literal_infos(ip: str, port: int, family: int) -> list[AddrInfoType]:
    """Turn an IP address into the same; a zone stands in it as in URLs, behind ``%25``.

    Raises:
        LocalFault: it is of another family than the wanted one, or its zone is none of ours.
    """
    return _wanted([_addr_info(ip, port)], family)


def _wanted(infos: list[AddrInfoType], family: int) -> list[AddrInfoType]:
    if family == socket.AF_UNSPEC:
        return infos
    wanted = [info for info in infos if info[0] == family]
    if not wanted:
        raise LocalFault(f"the client is set to another family of addresses than {infos[0][4][0]}")
    return wanted


def _addr_info(ip: str, port: int) -> AddrInfoType:
    if ":" in ip:
        address = _ipv6_address(ip, port)
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (ip, port)


def _ipv6_address(ip: str, port: int) -> tuple[str, int, int, int]:
    # Zones are in the form that URLs have them in, which is how aiohttp hands literals on.
    ip, _, zone = ip.partition("%25")
    if not zone:
        return ip, port, 0, 0
    try:
        return ip, port, 0, int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
    except OSError as error:
        raise LocalFault(f"this machine has no network interface named {zone}") from error
