"""The trace of one check: the time that each phase takes, its peer, its certificate, its sockets.

aiohttp tells when a phase begins only through tracing, whose mere presence costs 12 % of a check,
and never tells when TLS begins. So the few places that know (the resolver, the socket factory,
OpenSSL's handshake, the connector) write into the trace of the check that they work for. They find
it in ``current``: a context variable reaches into the tasks and callbacks that a library starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from tryconnect._model.faults import Blocked
from tryconnect._model.report import Hop, Timings, Tls
from tryconnect._transport.attempt import Attempt, Phase, ProxyRoute, ProxyStep
from tryconnect._transport.sockets import Sockets, make_socket

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any

    from tryconnect._address.target import Target
    from tryconnect._model.guard import Guard
    from tryconnect._model.text import Decoded

__all__ = ["Trace", "UnguardedHandshake", "current", "open_socket", "tls_facts"]

current: ContextVar[Trace | None] = ContextVar("tryconnect_trace", default=None)
"""The trace of the check that the running code works for."""


class UnguardedHandshake(Blocked, ssl.SSLError):
    """A TLS handshake begins over a socket that the client's guard was not asked about.

    An ``ssl.SSLError``, because event loops end a connection in good order for no other exception.
    """


class Trace:
    """What is known so far about the check that is running.

    An asynchronous context manager: on leaving, whatever the check opened is closed, however it
    ended. Connections that an owner keeps for later checks are the exception.

    Attributes:
        target: what is asked; changes with each redirect.
        status: of the last response.
        ip: of the last peer.
        tls: of the last connection.
        proxied: the last request went through a proxy.
        headers: of the response whose body was read.
        body: what was read, decoded.
        wants_body: the body is read, too.
        guarded: no connection may be used that a guard was not asked about.
        reused: no socket has been opened for the current request.
        distrusts_kept: a kept connection was found dead; no other is tried.
        protocol: parses the current connection.
        phase: the one that is running, if any.
        hops: the redirects that were followed.
    """

    # Class-level defaults; instances assign only what changes.
    status: int | None = None
    ip: str | None = None
    tls: Tls | None = None
    proxy: ProxyRoute | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    body: Decoded | None = None
    wants_body = True
    guarded = False
    reused = False
    distrusts_kept = False
    protocol: object = None
    unconfirmed: OSError | None = None
    """What the name servers said of a name, where the system has not confirmed it."""
    head = b""
    """What came where no protocol of aiohttp's keeps it."""
    phase: Phase | None = None

    def __init__(self, target: Target) -> None:
        self.target = target
        self.hops: list[Hop] = []
        self._started = self._since = time.perf_counter()
        self._spent: dict[Phase, float] = {}
        self._sockets = Sockets()

    def begin(self, phase: Phase) -> None:
        """End the current phase, if any, and begin another."""
        if self.phase is not None:
            self.end()
        self.phase, self._since = phase, time.perf_counter()

    def end(self) -> None:
        """End the current phase, if any."""
        if self.phase is not None:
            spent = time.perf_counter() - self._since
            self._spent[self.phase] = self._spent.get(self.phase, 0.0) + spent
            self.phase = None

    def socket_opened(self, sock: socket.socket) -> None:
        """Record a socket, and with it the beginning of a connection."""
        self._sockets.add(sock)
        self.reused = False
        if self.phase is not Phase.connect:
            self.begin(Phase.connect)

    def owns(self, transport: asyncio.Transport) -> bool:
        """Return whether the socket of a transport was opened for this check."""
        return self._sockets.include(transport)

    def handshake_started(self) -> None:
        """Record that a TLS handshake runs: if it fails, the peer is known.

        Raises:
            UnguardedHandshake: the check has a guard, which was not asked about this connection.
        """
        if self.guarded and self.reused:
            raise UnguardedHandshake
        if self.phase is Phase.connect:
            self.begin(Phase.tls)
            self.ip = _ip(self._sockets.peername())

    def connection_ready(self, transport: asyncio.Transport | None) -> None:
        """Record the connection over which the request will go."""
        self.begin(Phase.response)
        if transport is None:
            return
        self._sockets.hand_over(transport)
        self.ip = _ip(transport.get_extra_info("peername"))
        self.tls = tls_facts(transport.get_extra_info("ssl_object"))

    def attempt(self, *, error: BaseException | None) -> Attempt:
        """Return what happened, as a value."""
        ended_in = self.phase
        self.end()
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
        head: bytes = getattr(self.protocol, "head", self.head)
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
        try:
            await self._sockets.aclose(self._loop, kind)
        finally:
            # A kept connection's callbacks hold their context, and with it this trace.
            self.body, self.headers, self.protocol = None, {}, None


def open_socket(addr_info: tuple[Any, ...], *, guard: Guard | None = None) -> socket.socket:
    """Return a socket for one attempt to connect, and record it in the current trace.

    Args:
        addr_info: family, kind, protocol, name and address, as ``socket.getaddrinfo`` has them.
        guard: says whether the address may be connected to; ``None``: it may.

    Raises:
        Blocked: the guard refuses the address.
        OSError: no socket can be had.
    """
    sock = make_socket(addr_info, guard)
    if (trace := current.get()) is not None:
        trace.socket_opened(sock)
    return sock


_BEGINNING = 1024
"""Bytes of an answer that are kept to tell what it is."""

_TUNNEL = re.compile(rb"(?i)HTTP/1\.\d +2")


def _ip(peername: object) -> str | None:
    return peername[0] if isinstance(peername, tuple) else None


def tls_facts(ssl_object: Any) -> Tls | None:
    """Return what is known of an encrypted connection; ``None`` if it is not encrypted."""
    if ssl_object is None:
        return None
    not_after = (ssl_object.getpeercert() or {}).get("notAfter", "")
    return Tls(ssl_object.version() or "unknown", _moment(not_after))


def _moment(text: str) -> datetime | None:
    with contextlib.suppress(ValueError, OverflowError):
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
    return None
