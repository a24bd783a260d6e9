"""The client, which owns a session: it opens one in a loop, and closes it."""

from __future__ import annotations

import asyncio
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, cast

from tryconnect._address.target import address_text
from tryconnect._check.loading import load_aiohttp
from tryconnect._check.unloaded import UnloadedChecker, is_want
from tryconnect._model.expect import ExpectLike, as_expect
from tryconnect._model.faults import LocalFault
from tryconnect._options import (
    CHECK_TIMEOUT,
    DEFAULT_LIMIT,
    FETCH_TIMEOUT,
    MAX_BYTES,
    UP,
    USER_AGENT,
    WAIT_TIMEOUT,
    WATCH_INTERVAL,
    check_positive_int,
    check_seconds,
    read_options,
)
from tryconnect._runs.bulk import checks_of_many
from tryconnect._runs.waiting import wait
from tryconnect._runs.watching import watch
from tryconnect._runtime.threads import cannot_await, defer_cancellation

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from ssl import SSLContext

    from yarl import URL

    from tryconnect._check.session import Checker
    from tryconnect._model.expect import Expect
    from tryconnect._model.guard import Guard
    from tryconnect._model.report import Page, Report
    from tryconnect._model.resolver import HostResolver
    from tryconnect._runs.bulk import Probes
    from tryconnect._runs.source import Addresses
    from tryconnect._runs.watching import Watch

__all__ = ["Address", "Client", "MonitorClient", "checker_class"]

Address: TypeAlias = "str | URL"


class Client:
    """Checks and fetches over one session that keeps its connections.

    Single checks and fetches reuse them. Waits, watches and bulk runs open a new connection for
    each check: a kept one proves nothing about the next visitor.

    Use it with ``async with``, inside the loop that runs it. Making one imports aiohttp (about a
    quarter of a second, once per process), so a program can choose when to pay for that.

    Args:
        headers: Sent with every request. ``Authorization``, ``Cookie``, ``Host`` and
            ``Proxy-Authorization`` among them are not sent on to another origin by a redirect.
        ssl: An ``ssl.SSLContext`` of your own; ``False`` accepts any certificate; ``None``
            verifies against the system's store (or ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``, which
            OpenSSL takes in its place) and ``REQUESTS_CA_BUNDLE``.
            Your context's ``sslobject_class`` is set, where it has none, to time handshakes.
        proxy: ``"env"`` obeys ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` (on
            Windows and macOS the system's settings too) as they are when the client opens; a URL
            is one proxy for all; ``None``: none.
        family: ``"any"``, ``"ipv4"`` or ``"ipv6"``: the addresses that are tried.
        guard: Says which peers may be connected to, for addresses that strangers typed:
            ``Guard.public()``. With one, ``proxy="env"`` means none.
        resolver: Looks names up in place of tryconnect's own; you close it. Tests pass one that
            knows invented names. It runs in the loop that opened the client, whatever ``loop`` is.
        user_agent: The ``User-Agent`` header.
        loop: Where connections live. ``"native"``: in the loop that opens the client.
            ``"portal"``: in a loop of tryconnect's own, in a daemon thread that serves all clients
            of the process, so that no check times out while the caller's thread is blocked, as a
            GUI's may be. ``"auto"``: natively, except that the portal does what the loop cannot do,
            and everything if the loop's clock is the time of day.

    Raises:
        ValueError: An option makes no sense.

    .. versionadded:: 0.1
    """

    _mockable = True
    """Whether single checks go by aiohttp, whose session users mock and configure."""

    def __init__(
        self,
        *,
        headers: Mapping[str, str] | None = None,
        ssl: SSLContext | bool | None = None,
        proxy: str | URL | None = "env",
        family: Literal["any", "ipv4", "ipv6"] = "any",
        guard: Guard | None = None,
        resolver: HostResolver | None = None,
        user_agent: str = USER_AGENT,
        loop: Literal["auto", "native", "portal"] = "auto",
    ) -> None:
        self._options = read_options(
            headers=headers,
            ssl=ssl,
            proxy=proxy,
            family=family,
            guard=guard,
            resolver=resolver,
            user_agent=user_agent,
            loop=loop,
        )
        checker_class(mockable=self._mockable)  # now, and not within the first check's time
        self._keep_alive = self._mockable
        self._session: Checker | None = None
        self._fresh: Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def try_connect(
        self, address: Address, *, timeout: float = CHECK_TIMEOUT, expect: ExpectLike = None
    ) -> bool:
        """Return whether an address answers; see :func:`tryconnect.try_connect`."""
        return (await self.probe(address, timeout=timeout, expect=expect)).ok

    async def probe(
        self, address: Address, *, timeout: float = CHECK_TIMEOUT, expect: ExpectLike = None
    ) -> Report:
        """Check an address, and report; see :func:`tryconnect.probe`."""
        text, seconds, expected = address_text(address), check_seconds(timeout), as_expect(expect)
        return await self._check(text, timeout=seconds, expect=expected)

    def probe_many(
        self,
        addresses: Addresses,
        *,
        limit: int = DEFAULT_LIMIT,
        per_host: int | None = None,
        timeout: float = CHECK_TIMEOUT,
        expect: ExpectLike = None,
        ordered: bool = False,
        keep_tracebacks: bool = False,
        transport: Literal["auto", "aiohttp"] = "auto",
    ) -> Probes:
        """Check many addresses; see :func:`tryconnect.probe_many`.

        The run has a session of its own, so it needs no open client, and may outlive one.
        """
        return checks_of_many(
            self._twin,
            addresses,
            limit=limit,
            per_host=per_host,
            timeout=timeout,
            expect=expect,
            ordered=ordered,
            keep_tracebacks=keep_tracebacks,
            transport=transport,
        )

    async def wait_until_up(
        self,
        *addresses: Address,
        timeout: float = WAIT_TIMEOUT,
        expect: ExpectLike = UP,
        any_of: bool = False,
    ) -> list[Report]:
        """Wait until addresses are up; see :func:`tryconnect.wait_until_up`.

        Each check opens a connection of its own.
        """
        return await wait(
            self._check_afresh, addresses, up=True, timeout=timeout, expect=expect, any_of=any_of
        )

    async def wait_until_down(
        self,
        *addresses: Address,
        timeout: float = WAIT_TIMEOUT,
        expect: ExpectLike = None,
        any_of: bool = False,
    ) -> list[Report]:
        """Wait until addresses are down; see :func:`tryconnect.wait_until_down`.

        Each check opens a connection of its own.
        """
        return await wait(
            self._check_afresh, addresses, up=False, timeout=timeout, expect=expect, any_of=any_of
        )

    def watch(
        self,
        address: Address,
        *,
        every: float = WATCH_INTERVAL,
        timeout: float = CHECK_TIMEOUT,
        expect: ExpectLike = None,
        rise: int = 1,
        fall: int = 1,
    ) -> Watch:
        """Watch an address; see :func:`tryconnect.watch`.

        Each check opens a connection of its own. The client must be open at each step.
        """
        return watch(
            self._check_afresh,
            address,
            every=every,
            timeout=timeout,
            expect=expect,
            rise=rise,
            fall=fall,
        )

    async def fetch_text(
        self,
        url: Address,
        *,
        timeout: float = FETCH_TIMEOUT,
        expect: ExpectLike = "2xx",
        max_bytes: int = MAX_BYTES,
        encoding: str | None = None,
    ) -> str:
        """Return the text at a URL; see :func:`tryconnect.fetch_text`."""
        page = await self.fetch(
            url, timeout=timeout, expect=expect, max_bytes=max_bytes, encoding=encoding
        )
        return page.text

    async def fetch(
        self,
        url: Address,
        *,
        timeout: float = FETCH_TIMEOUT,
        expect: ExpectLike = "2xx",
        max_bytes: int = MAX_BYTES,
        encoding: str | None = None,
    ) -> Page:
        """Fetch the text at a URL, with all about it; see :func:`tryconnect.fetch`."""
        text, seconds, expected = address_text(url), check_seconds(timeout), as_expect(expect)
        most = check_positive_int(max_bytes, "max_bytes")
        return await self._opened().fetch(
            text, timeout=seconds, expect=expected, max_bytes=most, encoding=encoding
        )

    def _check(
        self, address: str, *, timeout: float, expect: Expect | None, transport: str = "auto"
    ) -> Coroutine[Any, Any, Report]:
        """Check an address, with options that have been validated."""
        return self._opened().probe(address, timeout=timeout, expect=expect, transport=transport)

    def _starter(
        self, *, timeout: float, expect: Expect | None, transport: str
    ) -> Callable[[str, Callable[[Report | BaseException], None]], Callable[[], None] | None]:
        """Return what begins checks without a task, where that can be."""
        session = self._opened()
        return partial(session.start, timeout=timeout, expect=expect, transport=transport)

    def _check_afresh(
        self, address: str, *, timeout: float, expect: Expect | None
    ) -> Coroutine[Any, Any, Report]:
        """Check an address over a connection of its own, as the next visitor will.

        A kept connection outlives the listener, the certificate and the name that it was opened
        with, and holds up a server that is being drained.
        """
        fresh = self._without_kept()._opened()  # noqa: SLF001 - our own
        return fresh.probe(address, timeout=timeout, expect=expect)

    async def aclose(self) -> None:
        """Close the client and its connections; a second call does nothing.

        If the caller is cancelled meanwhile, the cancellation propagates once all is closed.
        """
        fresh, self._fresh = self._fresh, None
        session, self._session = self._session, None
        try:
            if fresh is not None:
                await fresh.aclose()
        finally:
            if session is not None:
                await defer_cancellation(session.aclose)

    async def __aenter__(self) -> Self:
        if self._session is not None:
            raise RuntimeError("this Client is open already: make another one")
        self._open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._loop is not None and cannot_await(self._loop, kind):
            self._abandon()
        else:
            await self.aclose()

    def _twin(self, *, mockable: bool = True) -> Client:
        """Return a client with the same options, not open, that keeps no connections."""
        twin = copy(self)
        twin._session = twin._fresh = twin._loop = None  # noqa: SLF001 - our own
        twin._keep_alive = False  # noqa: SLF001 - our own
        twin._mockable = mockable and self._mockable  # noqa: SLF001 - our own
        return twin

    def _without_kept(self) -> Client:
        """Return a client that keeps no connections, and is open as long as this one."""
        self._opened()
        if not self._keep_alive:
            return self
        if self._fresh is None:
            self._fresh = self._twin()
            self._fresh._open()  # noqa: SLF001 - our own
        return self._fresh

    def _abandon(self) -> None:
        fresh, self._fresh = self._fresh, None
        session, self._session = self._session, None
        if fresh is not None:
            fresh._abandon()  # noqa: SLF001 - our own
        if session is not None:
            session.abandon()

    def _open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._session = checker_class(mockable=self._mockable)(
            self._options, keep_alive=self._keep_alive, mockable=self._mockable
        )

    def _opened(self) -> Checker:
        if self._session is None:
            raise RuntimeError("a Client works inside of: async with tryconnect.Client() as client")
        if self._loop is not asyncio.get_running_loop():
            raise RuntimeError("this Client was opened in another event loop: open one per loop")
        return self._session


class MonitorClient(Client):
    """A client whose single checks take the transport of lists, too, and keep no connections.

    For lists, the command line and the probe server, whose users never see its session. It loads
    aiohttp when a check needs it, and not before.
    """

    _mockable = False


def checker_class(*, mockable: bool) -> Callable[..., Checker]:
    """Return the class of sessions, which is imported the first time.

    If this machine lacks the means to import it, each check of what is returned reports that.

    Args:
        mockable: import aiohttp, too.

    Raises:
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings.
    """
    try:
        if mockable:
            load_aiohttp()
        from tryconnect._check.session import Checker  # noqa: PLC0415 - a light import is promised
    except (LocalFault, OSError, ImportError, MemoryError, RuntimeError, SystemError) as error:
        if not isinstance(error, LocalFault) and not is_want(error):
            raise
        unloaded = UnloadedChecker(error)
        return lambda *_, **__: cast("Checker", unloaded)
    return Checker
