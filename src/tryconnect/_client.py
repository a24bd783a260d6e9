"""The client, which owns a session: it opens one in a loop, and closes it."""

from __future__ import annotations

import asyncio
import sys
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from tryconnect._address.request import read_request
from tryconnect._address.target import address_text
from tryconnect._check.loading import afford_loading, load_aiohttp
from tryconnect._check.unloaded import UnloadedChecker, is_want
from tryconnect._keywords import explains_keywords
from tryconnect._model.expect import ExpectLike, as_expect
from tryconnect._model.faults import LocalFault
from tryconnect._options import (
    BY_CLIENT,
    CHECK_TIMEOUT,
    DEFAULT_LIMIT,
    FETCH_TIMEOUT,
    MAX_BYTES,
    UP,
    USER_AGENT,
    WAIT_TIMEOUT,
    WATCH_INTERVAL,
    ByClient,
    check_method,
    check_positive_int,
    check_seconds,
    read_options,
)
from tryconnect._runs.bulk import checks_of_many
from tryconnect._runs.waiting import wait
from tryconnect._runs.watching import watch
from tryconnect._runtime.resource import AsyncResource
from tryconnect._runtime.threads import Overdue, defer_cancellation, is_overdue

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from ssl import SSLContext

    from yarl import URL

    from tryconnect._address.request import Request
    from tryconnect._check.session import Checker
    from tryconnect._model.guard import Guard
    from tryconnect._model.report import Page, Report
    from tryconnect._model.resolver import HostResolver
    from tryconnect._options import FilePath, Method
    from tryconnect._runs.bulk import Probes
    from tryconnect._runs.source import Address, Addresses
    from tryconnect._runs.watching import Watch

__all__ = ["Client", "MonitorClient", "checker_class"]


class Client(AsyncResource):
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
            ``"system"``: the operating system verifies, also on Windows and macOS (extra
            ``truststore``).
        ca_file: A file, or a folder, of the only authorities that are trusted, as curl's
            ``--cacert``. ``None``: those that ``ssl`` says.
        cert_file: A client's certificate, for servers that ask for one.
        key_file: Its key, without a password. ``None``: it is in the same file.
        proxy: ``"env"`` obeys ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` (on
            Windows and macOS the system's settings too) as they are when the client opens; a URL
            is one proxy for all; ``None``: none. Proxies are for HTTP. They have ``http://`` or
            ``https://`` URLs, or, with the extra ``socks``, ``socks5://`` and ``socks4://``, where
            names are looked up here, or ``socks5h://`` and ``socks4a://``, where the proxy does
            that.
        resolve: Addresses that stand in for a look-up, as curl's ``--resolve``:
            ``{"example.com:443": "192.0.2.1"}``, or a list of them. Names in requests and
            certificates stay.
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
        timeout: Seconds, for each call that is given no ``timeout``. ``None``: the default of the
            method, which is that of the function of its name.
        expect: What an answer must be like, for each call that is given no ``expect``; ``"any"``
            for any. It is ignored where it does not apply to an address. ``None``: the default of
            the method.

    Raises:
        ValueError: An option makes no sense.

    Example:
        >>> async with tryconnect.Client(headers={"Accept": "text/plain"}, timeout=5) as client:
        ...     print(await client.try_connect("https://example.com/health"))
        True

    .. versionadded:: 0.1
    """

    _mockable = True
    """Whether single checks go by aiohttp, whose session users mock and configure."""

    @explains_keywords
    def __init__(
        self,
        *,
        headers: Mapping[str, str] | None = None,
        ssl: SSLContext | bool | Literal["system"] | None = None,
        ca_file: FilePath | None = None,
        cert_file: FilePath | None = None,
        key_file: FilePath | None = None,
        proxy: str | URL | None = "env",
        resolve: Mapping[str, str | Sequence[str]] | None = None,
        family: Literal["any", "ipv4", "ipv6"] = "any",
        guard: Guard | None = None,
        resolver: HostResolver | None = None,
        user_agent: str = USER_AGENT,
        loop: Literal["auto", "native", "portal"] = "auto",
        timeout: float | None = None,
        expect: ExpectLike = None,
    ) -> None:
        self._options = read_options(
            headers=headers,
            ssl=ssl,
            ca_file=ca_file,
            cert_file=cert_file,
            key_file=key_file,
            proxy=proxy,
            resolve=resolve,
            family=family,
            guard=guard,
            resolver=resolver,
            user_agent=user_agent,
            loop=loop,
            timeout=timeout,
            expect=expect,
        )
        checker_class(mockable=self._mockable)  # now, and not within the first check's time
        self._keep_alive = self._mockable
        self._session: Checker | None = None
        self._fresh: Client | None = None
        self._closed = False

    @explains_keywords
    async def try_connect(
        self,
        address: Address,
        *,
        timeout: float | ByClient = BY_CLIENT,
        expect: ExpectLike | ByClient = BY_CLIENT,
        method: Method = "GET",
    ) -> bool:
        """Return whether an address answers; see :func:`tryconnect.try_connect`."""
        return (await self.probe(address, timeout=timeout, expect=expect, method=method)).ok

    @explains_keywords
    async def probe(
        self,
        address: Address,
        *,
        timeout: float | ByClient = BY_CLIENT,
        expect: ExpectLike | ByClient = BY_CLIENT,
        method: Method = "GET",
    ) -> Report:
        """Check an address, and report; see :func:`tryconnect.probe`."""
        expected, strict = self._expected(expect, None)
        request = read_request(
            address_text(address), as_expect(expected), strict=strict, method=check_method(method)
        )
        return await self._check(request, timeout=self._seconds(timeout, CHECK_TIMEOUT))

    @explains_keywords
    def probe_many(
        self,
        addresses: Addresses,
        *,
        limit: int = DEFAULT_LIMIT,
        per_host: int | None = None,
        timeout: float | ByClient = BY_CLIENT,
        expect: ExpectLike | ByClient = BY_CLIENT,
        ordered: bool = False,
        keep_tracebacks: bool = False,
        transport: Literal["auto", "aiohttp"] = "auto",
        method: Method = "GET",
    ) -> Probes:
        """Check many addresses; see :func:`tryconnect.probe_many`.

        The run has a session of its own, so it needs no open client, and may outlive one.
        """
        expected, strict = self._expected(expect, None)
        return checks_of_many(
            self._twin,
            addresses,
            limit=limit,
            per_host=per_host,
            timeout=self._seconds(timeout, CHECK_TIMEOUT),
            expect=expected,
            strict=strict,
            method=method,
            ordered=ordered,
            keep_tracebacks=keep_tracebacks,
            transport=transport,
        )

    @explains_keywords
    async def wait_until_up(
        self,
        *addresses: Address,
        timeout: float | ByClient = BY_CLIENT,
        expect: ExpectLike | ByClient = BY_CLIENT,
        any_of: bool = False,
        method: Method = "GET",
    ) -> list[Report]:
        """Wait until addresses are up; see :func:`tryconnect.wait_until_up`.

        Each check opens a connection of its own.
        """
        expected, strict = self._expected(expect, UP)
        return await wait(
            self._check_afresh,
            addresses,
            up=True,
            timeout=self._seconds(timeout, WAIT_TIMEOUT),
            expect=expected,
            strict=strict,
            method=method,
            any_of=any_of,
        )

    @explains_keywords
    async def wait_until_down(
        self,
        *addresses: Address,
        timeout: float | ByClient = BY_CLIENT,
        expect: ExpectLike | ByClient = BY_CLIENT,
        any_of: bool = False,
        method: Method = "GET",
    ) -> list[Report]:
        """Wait until addresses are down; see :func:`tryconnect.wait_until_down`.

        Each check opens a connection of its own.
        """
        expected, strict = self._expected(expect, None)
        return await wait(
            self._check_afresh,
            addresses,
            up=False,
            timeout=self._seconds(timeout, WAIT_TIMEOUT),
            expect=expected,
            strict=strict,
            method=method,
            any_of=any_of,
        )

    @explains_keywords
    def watch(
        self,
        address: Address,
        *,
        every: float = WATCH_INTERVAL,
        timeout: float | ByClient = BY_CLIENT,
        expect: ExpectLike | ByClient = BY_CLIENT,
        rise: int = 1,
        fall: int = 1,
        method: Method = "GET",
    ) -> Watch:
        """Watch an address; see :func:`tryconnect.watch`.

        Each check opens a connection of its own. The client must be open at each step.
        """
        expected, strict = self._expected(expect, UP)
        return watch(
            self._check_afresh,
            address,
            every=every,
            timeout=self._seconds(timeout, CHECK_TIMEOUT),
            expect=expected,
            strict=strict,
            method=method,
            rise=rise,
            fall=fall,
        )

    @explains_keywords
    async def fetch_text(
        self,
        url: Address,
        *,
        timeout: float | ByClient = BY_CLIENT,
        expect: ExpectLike | ByClient = BY_CLIENT,
        max_bytes: int = MAX_BYTES,
        encoding: str | None = None,
    ) -> str:
        """Return the text at a URL; see :func:`tryconnect.fetch_text`."""
        page = await self.fetch(
            url, timeout=timeout, expect=expect, max_bytes=max_bytes, encoding=encoding
        )
        return page.text

    @explains_keywords
    async def fetch(
        self,
        url: Address,
        *,
        timeout: float | ByClient = BY_CLIENT,
        expect: ExpectLike | ByClient = BY_CLIENT,
        max_bytes: int = MAX_BYTES,
        encoding: str | None = None,
    ) -> Page:
        """Fetch the text at a URL, with all about it; see :func:`tryconnect.fetch`."""
        expected, strict = self._expected(expect, UP)
        request = read_request(address_text(url), as_expect(expected), strict=strict)
        seconds = self._seconds(timeout, FETCH_TIMEOUT)
        most = check_positive_int(max_bytes, "max_bytes")
        return await self._opened().fetch(
            request, timeout=seconds, max_bytes=most, encoding=encoding
        )

    def _seconds(self, timeout: float | ByClient, default: float) -> float:
        """Return the timeout that counts: the argument, or the client's, or the method's."""
        if timeout is not BY_CLIENT:
            return check_seconds(timeout)
        return default if self._options.timeout is None else self._options.timeout

    def _expected(
        self, expect: ExpectLike | ByClient, default: ExpectLike
    ) -> tuple[ExpectLike, bool]:
        """Return the expectation that counts, and whether it was written for this very call."""
        if not isinstance(expect, ByClient):
            return expect, True
        return default if self._options.expect is None else self._options.expect, False

    def _check(
        self, request: Request, *, timeout: float, transport: str = "auto"
    ) -> Coroutine[Any, Any, Report]:
        """Check an address, with options that have been validated."""
        return self._opened().probe(request, timeout=timeout, transport=transport)

    def _starter(
        self, *, timeout: float, transport: str
    ) -> Callable[[Request, Callable[[Report | BaseException], None]], Callable[[], None] | None]:
        """Return a function that starts checks without a task, if possible."""
        return partial(self._opened().start, timeout, transport)

    def _check_afresh(self, request: Request, *, timeout: float) -> Coroutine[Any, Any, Report]:
        """Check an address over a connection of its own, as the next visitor will.

        A kept connection outlives the listener, the certificate and the name that it was opened
        with, and holds up a server that is being drained.
        """
        fresh = self._without_kept()._opened()
        return fresh.probe(request, timeout=timeout)

    async def aclose(self) -> None:
        """Close the client and its connections; a second call does nothing.

        If the caller is cancelled meanwhile, the cancellation propagates once all is closed.
        """
        self._closed = self._closed or self._session is not None
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

    def _twin(self, *, mockable: bool = True) -> Client:
        """Return a client with the same options, not open, that keeps no connections."""
        twin = copy(self)
        twin._session = twin._fresh = twin._loop = None
        twin._closed = False
        twin._keep_alive = False
        twin._mockable = mockable and self._mockable
        return twin

    def _without_kept(self) -> Client:
        """Return a client that keeps no connections, and is open as long as this one."""
        self._opened()
        if not self._keep_alive:
            return self
        if self._fresh is None:
            self._fresh = self._twin()
            self._fresh._open()
        return self._fresh

    def _abandon(self) -> None:
        fresh, self._fresh = self._fresh, None
        session, self._session = self._session, None
        if fresh is not None:
            fresh._abandon()
        if session is not None:
            session.abandon()

    def _open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._session = checker_class(mockable=self._mockable)(
            self._options, keep_alive=self._keep_alive, mockable=self._mockable
        )

    def _opened(self) -> Checker:
        if self._session is None and self._closed:
            raise RuntimeError("this Client is closed: its calls belong inside of async with")
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
    """Return the class of checkers, which is imported the first time.

    If this machine lacks the resources to import it, every check of what is returned reports that.

    Args:
        mockable: import aiohttp, too.

    Raises:
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings.
    """
    try:
        if is_overdue():  # to import it would wait for the import that does not end
            raise Overdue
        if "tryconnect._check.session" not in sys.modules:
            afford_loading()
        if mockable:
            load_aiohttp()
        from tryconnect._check.session import Checker  # noqa: PLC0415 - a light import is promised
    except (LocalFault, OSError, ImportError, MemoryError, RuntimeError, SystemError) as error:
        if not isinstance(error, LocalFault) and not is_want(error):
            raise
        unloaded = UnloadedChecker(error)
        return lambda *_, **__: cast("Checker", unloaded)
    return Checker
