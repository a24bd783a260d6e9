"""Connections through SOCKS proxies, by python-socks, over a socket of ours.

Its own resolver asks the loop's executor, so it is never used: a name is looked up here before, or
goes to the proxy as it is.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from python_socks import ProxyError, ProxyType  # an extra: whoever imports this wants it
from python_socks.async_.asyncio import Proxy

from tryconnect._model.faults import ProxyRefused
from tryconnect._transport.attempt import ProxyStep

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Iterable

    from yarl import URL

    from tryconnect._transport.trace import Trace

__all__ = ["asks_proxy_for_names", "connected_through"]

_OF_THE_TARGET = {
    3: errno.ENETUNREACH,
    4: errno.EHOSTUNREACH,
    5: errno.ECONNREFUSED,
    6: errno.ETIMEDOUT,
}
"""Replies of version 5 (RFC 1928, section 6) that are about the address and not about the proxy."""

_REPLIES = {
    1: "says that it failed",
    2: "does not allow the connection",
    7: "does not know how to connect",
    8: "cannot connect to this kind of address",
    91: "refuses the connection, or failed",
    92: "wants to know who asks (ident)",
    93: "wants to know who asks (ident)",
}
"""The others, and those of version 4."""


def asks_proxy_for_names(proxy: URL) -> bool:
    """Return whether names go to the proxy as they are: by 4a and 5h, as curl has it."""
    return proxy.scheme in {"socks4a", "socks5h"}


async def connected_through(
    proxy: URL,
    hosts: Iterable[str],
    port: int,
    *,
    trace: Trace | None,
    connect: Callable[[], Awaitable[socket.socket]],
) -> socket.socket:
    """Return a socket that a proxy has connected to the first of some hosts that answers.

    Args:
        proxy: the proxy's URL.
        hosts: IP addresses, or one name, which the proxy looks up.
        port: theirs.
        trace: takes note of how far it came.
        connect: connects to the proxy.

    Raises:
        ProxyRefused: the proxy does not connect.
        OSError: the proxy cannot be reached, or says why none of the hosts can be.
    """
    failure: OSError | None = None
    for host in hosts:
        try:
            return await _connected(proxy, host, port, trace, connect)
        except _TargetFault as error:
            failure = error.fault
    raise failure or OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))


class _TargetFault(Exception):
    def __init__(self, fault: OSError) -> None:
        self.fault = fault


class _OurWay:
    """The way to the proxy, as python-socks knows it: another proxy that it goes through."""

    def __init__(
        self, trace: Trace | None, connect: Callable[[], Awaitable[socket.socket]]
    ) -> None:
        self._trace = trace
        self._connect = connect

    async def connect(self, **_: Any) -> socket.socket:
        sock = await self._connect()
        if self._trace is not None:
            self._trace.socks_step = ProxyStep.ask
        return sock


async def _connected(
    proxy: URL,
    host: str,
    port: int,
    trace: Trace | None,
    connect: Callable[[], Awaitable[socket.socket]],
) -> socket.socket:
    if trace is not None:
        trace.socks_step = ProxyStep.reach
    through = Proxy(
        ProxyType.SOCKS4 if proxy.scheme.startswith("socks4") else ProxyType.SOCKS5,
        proxy.host or "",
        proxy.port or 0,  # it has one: proxies.py sees to it
        username=proxy.user,
        password=(proxy.password or "") if proxy.user is not None else None,
        rdns=True,  # an IP address is one all the same
        forward=_OurWay(trace, connect),  # type: ignore[arg-type]
    )
    try:
        sock: socket.socket = await through.connect(host, port, timeout=_NEVER)
    except ProxyError as error:
        raise _explained(error, has_password=proxy.user is not None, trace=trace) from error
    if trace is not None:
        trace.socks_step = None
    return sock


_NEVER = 10.0**9
"""Seconds: the check has a deadline of its own."""


def _explained(error: Any, *, has_password: bool, trace: Trace | None) -> Exception:
    code = error.error_code
    if code in _OF_THE_TARGET:
        if trace is not None:
            trace.socks_step = None
        number = _OF_THE_TARGET[code]
        return _TargetFault(OSError(number, os.strerror(number)))
    if code in _REPLIES:
        return ProxyRefused(_REPLIES[code])
    if type(error.__cause__).__name__ == "IncompleteReadError":
        return ProxyRefused("broke the connection off")
    if has_password:
        return ProxyRefused("does not accept the user name and password in its URL")
    return ProxyRefused(
        "wants a user name and password, or is no SOCKS proxy: write them into its URL"
    )
