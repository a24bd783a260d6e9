"""How connections are made: aiohttp's connector, with hooks that leave a trail."""

from __future__ import annotations

import errno
import os
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp

from tryconnect._faults import LocalFault
from tryconnect._protocol import HeadFirst
from tryconnect._trail import current, open_socket

if TYPE_CHECKING:
    from aiohappyeyeballs import AddrInfoType
    from aiohttp import ClientRequest, ClientTimeout
    from aiohttp.abc import AbstractResolver, ResolveResult
    from aiohttp.connector import Connection

    from tryconnect._guard import Guard
    from tryconnect._trail import Trail

__all__ = ["HAPPY_EYEBALLS_DELAY", "Connector", "addr_infos", "refuse_itself"]

HAPPY_EYEBALLS_DELAY = 0.25
"""Seconds until the next address of a name is tried beside the first (RFC 8305, section 5)."""


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
            happy_eyeballs_delay=HAPPY_EYEBALLS_DELAY,
            socket_factory=partial(open_socket, guard=guard),
        )
        # aiohttp's only place for another protocol.  partial is invariant, so mypy wants the base.
        self._factory = partial(HeadFirst, loop=self._loop)  # type: ignore[assignment]

    async def connect(
        self, req: ClientRequest, traces: list[Any], timeout: ClientTimeout
    ) -> Connection:
        """Return a connection, kept or new, and note whom it leads to."""
        trail = current.get()
        while True:
            if trail is not None:
                trail.reused = True  # until a socket is opened
            connection = await super().connect(req, traces, timeout)
            if trail is None or not trail.reused or _still_good(connection, trail):
                break
            connection.close()
        if isinstance(connection.protocol, HeadFirst):
            connection.protocol.expect_head()
        if (transport := connection.transport) is not None:
            try:
                refuse_itself(*map(transport.get_extra_info, ("sockname", "peername")))
            except OSError:
                connection.close()
                raise
        if trail is not None:
            trail.connected(connection.transport)
            trail.protocol = connection.protocol
        return connection

    async def _wrap_create_connection(
        self, *args: Any, addr_infos: list[AddrInfoType], **options: Any
    ) -> Any:
        # aiohttp starts the race again without the first address, and again, and so would try n
        # addresses n * (n + 1) / 2 times.  Each gets one try.
        try:
            return await super()._wrap_create_connection(*args, addr_infos=addr_infos, **options)
        except Exception:
            addr_infos.clear()
            raise

    def _convert_hosts_to_addr_infos(self, hosts: list[ResolveResult]) -> list[AddrInfoType]:
        # aiohttp leaves the zone of a link-local address in its text, and asyncio would then look
        # it up in the loop's executor.
        return addr_infos(hosts, self._family)


def _still_good(connection: Connection, trail: Trail) -> bool:
    """Tell whether a kept connection may carry the trail's request.

    What a peer sent while nothing was asked (a farewell, or worse) would be taken for the answer;
    aiohttp looks for it when it puts a connection away, not when it takes it out.
    """
    protocol = connection.protocol
    return not trail.distrusts_kept and protocol is not None and not protocol.should_close


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
    found = [(host["host"], host["port"]) for host in hosts]
    infos: list[AddrInfoType] = [
        (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", _ipv6_address(ip, port))
        if ":" in ip
        else (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (ip, port))
        for ip, port in found
    ]
    wanted = [info for info in infos if family in (socket.AF_UNSPEC, info[0])]
    if not wanted:
        raise LocalFault(f"the client is set to another family of addresses than {found[0][0]}")
    return wanted


def _ipv6_address(ip: str, port: int) -> tuple[str, int, int, int]:
    # Zones are in the form that URLs have them in, which is how aiohttp hands literals on.
    ip, _, zone = ip.partition("%25")
    if not zone:
        return ip, port, 0, 0
    try:
        return ip, port, 0, int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
    except OSError as error:
        raise LocalFault(f"this machine has no network interface named {zone}") from error
