"""The trace of one check: the time that each phase takes, its peer, its certificate, its sockets.

aiohttp tells when a phase begins only through tracing, whose mere presence costs 12 % of a check,
and never tells when TLS begins. So the few places that know (the resolver, the socket factory,
OpenSSL's handshake, the connector) write into the trace of the check that they work for. They find
it in ``current``: a context variable reaches into the tasks and callbacks that a library starts.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Self

from tryconnect._model.faults import Blocked
from tryconnect._model.lazy_pattern import lazy_pattern
from tryconnect._model.report import Hop, Timings, Tls
from tryconnect._transport.attempt import NO_HEADERS, Attempt, Phase, ProxyRoute, ProxyStep
from tryconnect._transport.certificate_end import certificate_end
from tryconnect._transport.cookies import Cookies
from tryconnect._transport.sockets import Sockets, make_socket

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from yarl import URL

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
        started: when the check began, by ``time.perf_counter``.
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

    # Class-level defaults of what seldom changes; CPython takes ten times as long to assign an
    # attribute that hides one of its class.
    proxy: ProxyRoute | None = None
    socks: URL | None = None
    """The SOCKS proxy of the current request."""
    socks_step: ProxyStep | None = None
    """What is under way with it."""
    headers: Mapping[str, str] = NO_HEADERS
    body: Decoded | None = None
    wants_body = True
    guarded = False
    reused = False
    distrusts_kept = False
    protocol: object = None
    unconfirmed: OSError | None = None
    """What the name servers said of a name, where the system has not confirmed it."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.status: int | None = None
        self.ip: str | None = None
        self.tls: Tls | None = None
        self.head = b""
        """What came where no protocol of aiohttp's keeps it."""
        self.phase: Phase | None = None
        self.hops: list[Hop] = []
        self._began = time.time()
        self.started = self._since = time.perf_counter()
        self._spent: dict[Phase, float] = {}

    @cached_property
    def cookies(self) -> Cookies:
        """What redirects have set."""
        return Cookies()

    @cached_property
    def _sockets(self) -> Sockets:
        return Sockets()

    def begin(self, phase: Phase | None) -> None:
        """End the current phase, if any, and begin another."""
        now = time.perf_counter()
        if (ended := self.phase) is not None:
            self._spent[ended] = self._spent.get(ended, 0.0) + now - self._since
        self.phase, self._since = phase, now

    def end(self) -> None:
        """End the current phase, if any."""
        self.begin(None)

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

    def attempt(self, error: BaseException | None) -> Attempt:
        """Return what happened, as a value."""
        ended_in = self.phase
        self.end()
        return Attempt(
            self.target,
            error,
            ended_in,
            self._timings(),
            self._began,
            self.status,
            self.ip,
            tuple(self.hops),
            self.tls,
            self.proxy,
            None if error is None else self._step_with_proxy(ended_in),
            self._read(),
            self.headers,
            self.body,
        )

    def _read(self) -> bytes:
        """Return what came where a head was expected, on the connection that was last in use."""
        head: bytes = getattr(self.protocol, "head", self.head)
        return head

    def _step_with_proxy(self, ended_in: Phase | None) -> ProxyStep | None:
        """Return what was under way with the proxy; ``None``: it had let something through."""
        if self.proxy is None or self.status is not None:
            return None
        if self.proxy.is_socks:
            return self.socks_step
        said = self._read()
        if not self.target.url.startswith("https:"):
            through = said[:5].upper() == b"HTTP/"
        else:  # a tunnel stands once the proxy has said 2xx (RFC 9110, section 9.3.6)
            through = ended_in is Phase.response or _TUNNEL.match(said) is not None
        if through:
            return None
        return ProxyStep.reach if self.protocol is None else ProxyStep.ask

    def _timings(self) -> Timings:
        dns, connect, tls, response = map(self._spent.get, _TIMED)
        return Timings(dns, connect, tls, response, self._since - self.started)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._token = current.set(self)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            current.reset(self._token)
        except ValueError:  # the garbage collector has another context
            current.set(None)
        try:
            await self._sockets.aclose(self._loop, kind)
        finally:
            # A kept connection's callbacks hold their context, and with it this trace.
            self.body, self.headers, self.protocol = None, {}, None


_TIMED = (Phase.dns, Phase.connect, Phase.tls, Phase.response)


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


_TUNNEL = lazy_pattern(rb"(?i)HTTP/1\.\d +2")


def _ip(peername: object) -> str | None:
    return peername[0] if isinstance(peername, tuple) else None


def tls_facts(ssl_object: Any) -> Tls | None:
    """Return what is known of an encrypted connection; ``None`` if it is not encrypted."""
    if ssl_object is None:
        return None
    certificate = ssl_object.getpeercert(True) or b""  # noqa: FBT003 - as ssl has it
    end = certificate_end(certificate)
    return Tls(ssl_object.version() or "unknown", end, _chain_end(ssl_object))


def _chain_end(ssl_object: Any) -> datetime | None:
    """Return the earliest end of the certificates that lead from the peer's to a trusted one."""
    verified = getattr(ssl_object, "get_verified_chain", None)  # Python 3.13
    ends = [certificate_end(each) for each in verified()] if verified else []
    return min((end for end in ends if end is not None), default=None)
