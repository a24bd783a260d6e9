"""The trail of one check: its phases, its peer, its sockets, and that none of them outlives it.

aiohttp tells when a phase begins only through tracing, whose mere presence costs 12 % of a check,
and never tells when TLS begins.  So the few places that know (the resolver, the socket factory,
OpenSSL's handshake, the connector) write into the trail of the check that they work for.  They find
it in ``current``: a context variable reaches into the tasks and callbacks that a library starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from tryconnect._model.faults import Blocked
from tryconnect._model.report import Hop, Timings, Tls
from tryconnect._runtime.threads import cannot_await
from tryconnect._transport.attempt import Attempt, Phase, ProxyRoute, ProxyStep

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any

    from tryconnect._address.target import Target
    from tryconnect._model.guard import Guard
    from tryconnect._model.text import Decoded

__all__ = ["Trace", "current", "open_socket"]

current: ContextVar[Trace | None] = ContextVar("tryconnect_trail", default=None)
"""The check that the running code works for."""


class Trace:
    """What is known so far of the check under way.

    An asynchronous context manager: on leaving, whatever the check opened is closed, however it
    ended.  Connections that an owner keeps for later checks are the exception.
    """

    # The class's own until they change: to set them all for each check takes longer.
    status: int | None = None
    ip: str | None = None
    tls: Tls | None = None
    proxy: ProxyRoute | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    body: Decoded | None = None
    wants_body = True
    reused = False
    distrusts_kept = False
    protocol: object = None
    phase: Phase | None = None

    def __init__(self, target: Target) -> None:
        self.target = target
        self.hops: list[Hop] = []
        self._started = self._since = time.perf_counter()
        self._spent: dict[Phase, float] = {}
        self._sockets: list[socket.socket] = []
        self._transports: list[asyncio.Transport] = []

    def begin(self, phase: Phase | None) -> None:
        """End the current phase, if any, and begin another, if any."""
        now = time.perf_counter()
        if self.phase is not None:
            self._spent[self.phase] = self._spent.get(self.phase, 0.0) + now - self._since
        self.phase = phase
        self._since = now

    def socket_opened(self, sock: socket.socket) -> None:
        """Take note of a socket, and with it of the beginning of a connection."""
        self._sockets.append(sock)
        self.reused = False
        if self.phase is not Phase.connect:
            self.begin(Phase.connect)

    def handshake_started(self) -> None:
        """Take note that a TLS handshake goes on: where it fails, the peer is known."""
        if self.phase is Phase.connect:
            self.begin(Phase.tls)
            self.ip = next(filter(None, map(_peer, reversed(self._sockets))), None)

    def connection_ready(self, transport: asyncio.Transport | None) -> None:
        """Take note of the connection over which the request will go."""
        self.begin(Phase.response)
        if transport is None:
            return
        self._transports.append(transport)
        self.ip = _ip(transport.get_extra_info("peername"))
        self.tls = _tls(transport.get_extra_info("ssl_object"))

    def attempt(self, *, error: BaseException | None) -> Attempt:
        """Return what happened, as a value."""
        ended_in = self.phase
        if ended_in is not None:
            self.begin(None)
        return Attempt(
            target=self.target,
            error=error,
            phase=ended_in,
            timings=self._timings(),
            status=self.status,
            ip=self.ip,
            hops=tuple(self.hops),
            tls=self.tls,
            proxy=self.proxy,
            failed_at_proxy=None if error is None else self._step_with_proxy(ended_in),
            said=self._said(),
            headers=self.headers,
            body=self.body,
        )

    def _said(self) -> bytes:
        """Return the beginning of what came on the connection that was last in use."""
        head: bytes = getattr(self.protocol, "head", b"")
        return head[:_BEGINNING]

    def _step_with_proxy(self, ended_in: Phase | None) -> ProxyStep | None:
        """Return what was under way with the proxy; ``None``: it had let something through."""
        said = self._said()
        if self.proxy is None or self.status is not None:
            return None
        if not self.target.url.startswith("https:"):
            through = said[:5].upper() == b"HTTP/"
        else:  # a tunnel stands once the proxy has said 2xx (RFC 9110, section 9.3.6)
            through = ended_in is Phase.response or _TUNNEL.match(said) is not None
        if through:
            return None
        return ProxyStep.reach if self.protocol is None else ProxyStep.ask

    def _lost(self) -> list[socket.socket]:
        """Return the sockets that no transport keeps open; see that they close at once."""
        kept, let_go = set(), {-1}
        for transport in self._transports:
            if not transport.is_closing():
                kept.add(_fileno(transport))
            elif not self._loop.is_closed():
                # A peer that never answers close_notify would hold a closing TLS connection open
                # for asyncio's 30 s; close() has sent ours already.
                transport.abort()
                if type(transport).__module__ == _ASYNCIOS_OWN:
                    let_go.add(_fileno(transport))
        lost = []
        for sock in self._sockets:
            if sock.fileno() in let_go:
                sock.close()
            elif sock.fileno() not in kept:
                lost.append(sock)
        return lost

    def _timings(self) -> Timings:
        return Timings(
            dns=self._spent.get(Phase.dns),
            connect=self._spent.get(Phase.connect),
            tls=self._spent.get(Phase.tls),
            response=self._spent.get(Phase.response),
            total=time.perf_counter() - self._started,
        )

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._token = current.set(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            current.reset(self._token)
        except ValueError:  # the garbage collector has another context
            current.set(None)
        left = self._lost()
        try:
            if not cannot_await(self._loop, kind) and not await _closed_within(3, left):
                for sock in left:
                    _shutdown(sock)
                await _closed_within(20, left)
        finally:
            for sock in left:
                sock.close()
            # A kept connection's callbacks hold their context, and with it this trail.
            self.body, self.headers, self.protocol = None, {}, None
            self._sockets.clear()
            self._transports.clear()


def open_socket(addr_info: tuple[Any, ...], *, guard: Guard | None = None) -> socket.socket:
    """Make the socket for one attempt to connect, and leave a trace of it.

    Raises:
        Blocked: the guard does not let anything connect to that address.
    """
    family, kind, proto, _, address = addr_info
    if guard is not None and not (family != _UNIX and guard.lets_through(address)):
        raise Blocked
    sock = _Socket(family, kind, proto)
    if (trace := current.get()) is not None:
        trace.socket_opened(sock)
    return sock


class _Socket(socket.socket):
    """A socket that remembers of what kind it is.

    asyncio asks six times for each connection, and the standard library's socket makes its number
    a member of an enumeration each time, which is 2 % of a check.
    """

    __slots__ = ("family", "type")

    def __init__(self, family: socket.AddressFamily, kind: socket.SocketKind, proto: int) -> None:
        super().__init__(family, kind, proto)
        self.family = family  # type: ignore[misc]
        self.type = kind  # type: ignore[misc]


_BEGINNING = 1024
"""Bytes of an answer that are kept to tell what it is."""

_TUNNEL = re.compile(rb"(?i)HTTP/1\.\d +2")

_ASYNCIOS_OWN = "asyncio.selector_events"
"""Where the plain transports are from that take their hands off the selector as they are aborted,
and only close the socket in the loop's next round.  Not to wait for that is 1.5 % of a bulk run."""

_UNIX = getattr(socket, "AF_UNIX", None)


async def _closed_within(ticks: int, sockets: list[socket.socket]) -> bool:
    """Give the loop the few rounds that it needs to close sockets by itself.

    Closing a socket that a transport still holds would pull it out from under the loop's selector.
    """
    for _ in range(ticks):
        if {sock.fileno() for sock in sockets} <= {-1}:
            return True
        await asyncio.sleep(0)
    return False


def _shutdown(sock: socket.socket) -> None:
    """End a connection that a library lost, for example when descriptors ran out."""
    with contextlib.suppress(OSError):  # not connected, or closed by now
        sock.shutdown(socket.SHUT_RDWR)


def _fileno(transport: asyncio.Transport) -> int:
    sock = transport.get_extra_info("socket")
    return -1 if sock is None else sock.fileno()


def _peer(sock: socket.socket) -> str | None:
    with contextlib.suppress(OSError):  # not connected
        return _ip(sock.getpeername())
    return None


def _ip(peername: object) -> str | None:
    return peername[0] if isinstance(peername, tuple) else None


def _tls(ssl_object: Any) -> Tls | None:
    if ssl_object is None:
        return None
    not_after = (ssl_object.getpeercert() or {}).get("notAfter", "")
    return Tls(ssl_object.version() or "unknown", _moment(not_after))


def _moment(text: str) -> datetime | None:
    """Read a moment as OpenSSL writes it: ``Mar  9 12:00:00 2027 GMT``.

    ``ssl.cert_time_to_seconds`` reads it with ``strptime``, which takes 2 % of a check.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    month, *numbers = found.groups()
    day, hour, minute, second, year = map(int, numbers)
    with contextlib.suppress(ValueError):  # a leap second, for example
        return datetime(year, _MONTHS.index(month) // 3 + 1, day, hour, minute, second, tzinfo=UTC)
    return None


_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_MOMENT = re.compile(r"([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4}) GMT", re.ASCII)
