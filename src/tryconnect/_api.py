"""The functions of the package, and the client that they share.

All calls in progress in a running loop share one client; the last to finish closes it. So nothing
outlives the calls, whatever loop they run in, and a thousand concurrent calls use one session.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Literal
from weakref import WeakValueDictionary

from tryconnect._check.loading import Loading
from tryconnect._client import Client, MonitorClient, checker_class
from tryconnect._keywords import explains_keywords
from tryconnect._model.faults import LocalFault
from tryconnect._options import (
    CHECK_TIMEOUT,
    DEFAULT_LIMIT,
    FETCH_TIMEOUT,
    MAX_BYTES,
    UP,
    WAIT_TIMEOUT,
    WATCH_INTERVAL,
)
from tryconnect._runs.bulk import checks_of_many
from tryconnect._runs.watching import watch as start_watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tryconnect._address.request import Request
    from tryconnect._model.expect import ExpectLike
    from tryconnect._model.report import Page, Report
    from tryconnect._options import Method
    from tryconnect._runs.bulk import Probes
    from tryconnect._runs.source import Address, Addresses
    from tryconnect._runs.watching import Watch

__all__ = [
    "fetch",
    "fetch_text",
    "probe",
    "probe_many",
    "try_connect",
    "wait_until_down",
    "wait_until_up",
    "watch",
]


@explains_keywords
async def try_connect(
    address: Address,
    *,
    timeout: float = CHECK_TIMEOUT,
    expect: ExpectLike = None,
    method: Method = "GET",
) -> bool:
    """Return whether an address answers.

    ``True`` means what ``requests.get(address)`` without an exception means: an HTTP answer came,
    with any status, after up to 10 redirects, over a verified connection. The body is not
    downloaded. For ``tcp://``, ``unix://`` and ``host:port`` it means that the connection opens.

    Args:
        address: A URL, ``host``, ``host:port`` or ``tcp://host:port``.
        timeout: Seconds for everything: name, connection, TLS, redirects, headers.
        expect: What the answer must be like to count: ``"2xx"``, ``"200-399"``, ``204``, or an
            :class:`~tryconnect.Expect`; ``None``, or ``"any"``: any HTTP answer.
        method: ``"GET"``, or ``"HEAD"`` for servers that should not even begin to send a body; not
            all servers answer both alike.

    Returns:
        The same as :func:`probe`'s ``Report.ok``.

    Raises:
        TypeError: The address is neither a ``str`` nor a ``yarl.URL``.
        ValueError: An option makes no sense, or does not apply to this kind of address, as
            :doc:`/reference/expectations` has it. Never for an address: a bad one is ``False``.
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings.

    Example:
        >>> await tryconnect.try_connect("example.com")
        True

    .. versionadded:: 0.1
    """
    return (await probe(address, timeout=timeout, expect=expect, method=method)).ok


@explains_keywords
async def probe(
    address: Address,
    *,
    timeout: float = CHECK_TIMEOUT,
    expect: ExpectLike = None,
    method: Method = "GET",
) -> Report:
    """Check an address, and report whether it answers and, if not, why.

    Arguments and errors are those of :func:`try_connect`.

    Returns:
        A :class:`~tryconnect.Report`, which is true where the address answers as expected.

    Example:
        >>> report = await tryconnect.probe("example.com/missing", expect="2xx")
        >>> print(report.reason, "-", report.detail)
        status - answered 404, where 2xx was expected

    .. versionadded:: 0.1
    """
    async with _Shared() as client:
        return await client.probe(address, timeout=timeout, expect=expect, method=method)


@explains_keywords
async def fetch(
    url: Address,
    *,
    timeout: float = FETCH_TIMEOUT,
    expect: ExpectLike = "2xx",
    max_bytes: int = MAX_BYTES,
    encoding: str | None = None,
) -> Page:
    """Fetch the text at a URL as a browser would show it, with headers, encoding and report.

    Args:
        url: An http or https address.
        timeout: Seconds for everything, the body included.
        expect: What the answer must be like; an error page is no text by default.
        max_bytes: The longest body that is taken, in bytes after decompression.
        encoding: Overrides what the answer declares: a label as browsers know it (``"gbk"``), or
            the name of a Python text codec. ``None``: a byte order mark, the header, the page's
            own declaration, UTF-8 where the bytes are that, or what they look like.

    Returns:
        A :class:`~tryconnect.Page`.

    Raises:
        FetchError: No text came, or the answer is not the expected one; ``report`` says why.
        TypeError: The URL is neither a ``str`` nor a ``yarl.URL``.
        ValueError: An option makes no sense.
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings.

    Example:
        >>> page = await tryconnect.fetch("https://example.com/health")
        >>> page.text, page.encoding, page.headers["content-type"]
        ('ready', 'utf-8', 'text/plain')

    .. versionadded:: 0.1
    """
    async with _Shared() as client:
        return await client.fetch(
            url, timeout=timeout, expect=expect, max_bytes=max_bytes, encoding=encoding
        )


@explains_keywords
async def fetch_text(
    url: Address,
    *,
    timeout: float = FETCH_TIMEOUT,
    expect: ExpectLike = "2xx",
    max_bytes: int = MAX_BYTES,
    encoding: str | None = None,
) -> str:
    """Return the text at a URL as a browser would show it.

    Arguments and errors are those of :func:`fetch`, whose ``text`` this is.

    Example:
        >>> await tryconnect.fetch_text("https://example.com/health")
        'ready'

    .. versionadded:: 0.1
    """
    page = await fetch(url, timeout=timeout, expect=expect, max_bytes=max_bytes, encoding=encoding)
    return page.text


@explains_keywords
def probe_many(
    addresses: Addresses,
    *,
    limit: int = DEFAULT_LIMIT,
    per_host: int | None = None,
    timeout: float = CHECK_TIMEOUT,
    expect: ExpectLike = None,
    ordered: bool = False,
    keep_tracebacks: bool = False,
    transport: Literal["auto", "aiohttp"] = "auto",
    method: Method = "GET",
) -> Probes:
    """Check many addresses concurrently, and yield each report as soon as it is ready.

    Every address makes one :class:`~tryconnect.Report`, the bad ones too, and is held to what can
    be expected of its kind (:doc:`/reference/expectations`). Memory is constant: at most twice
    ``limit`` addresses (ten times, with ``per_host`` or ``ordered``) have been taken from the input
    and not been read as reports, so a reader who pauses makes the checks pause.

    Args:
        addresses: Any iterable or async iterable of addresses, also one without an end. It is
            asked inside the loop, so it must not block; an async generator is closed at the end.
        limit: How many checks run at the same time; lowered, with a ``RuntimeWarning``, if this
            process may not open two files for each (``ulimit -n``).
        per_host: The same for one host, without delay to others. ``None``: no limit of its own.
        timeout: Seconds for each check, from its own start.
        expect: As in :func:`try_connect`; what does not apply to an address is ignored there.
        ordered: Yield the reports in the order of the addresses.
        keep_tracebacks: Keep the frames of ``Report.error``, some 11 KiB each.
        transport: ``"auto"``: over tryconnect's own sockets, at a quarter of aiohttp's cost, and by
            aiohttp where they cannot (:doc:`/reference/transports`). ``"aiohttp"``: all by aiohttp,
            for programs whose tests replace its session.
        method: As in :func:`try_connect`.

    Returns:
        :class:`~tryconnect.Probes`: an async iterator of reports, and an async context manager.

    Raises:
        TypeError: ``addresses`` is one text or no iterable, or holds neither ``str`` nor ``URL``.
        ValueError: An option makes no sense; or, after the last report, something was expected
            that applies to none of the addresses.
        TryConnectError: While it is read: this machine's settings keep aiohttp from loading.

    Example:
        >>> addresses = ["example.com", "localhost:8000"]
        >>> async for report in tryconnect.probe_many(addresses, ordered=True):
        ...     print(report.address, report.reason)
        example.com ok
        localhost:8000 refused

    .. versionadded:: 0.1
    """
    return checks_of_many(
        _of_the_run,
        addresses,
        limit=limit,
        per_host=per_host,
        timeout=timeout,
        expect=expect,
        ordered=ordered,
        keep_tracebacks=keep_tracebacks,
        transport=transport,
        method=method,
    )


@explains_keywords
async def wait_until_up(
    *addresses: Address,
    timeout: float = WAIT_TIMEOUT,
    expect: ExpectLike = UP,
    any_of: bool = False,
    method: Method = "GET",
) -> list[Report]:
    """Check addresses again and again until they are up.

    Between two checks of an address it sleeps for a random time, up to 0.1 s at first and up to
    2 s in the end, so that many programs that wait for one server do not ask in step. A single
    check takes at most 10 s, and opens a connection of its own.

    Args:
        addresses: What to wait for, all at the same time.
        timeout: Seconds for everything.
        expect: What the answers must be like to count as up; ``"any"`` for any. What does not
            apply to an address is ignored there: the default, 2xx, means "open" for one that is not
            asked by HTTP.
        any_of: Return as soon as one of the addresses is up.
        method: As in :func:`try_connect`.

    Returns:
        The last report of each address, in the order given; with ``any_of``, of those that are up.

    Raises:
        WaitTimeout: They were not up in time; its ``report`` says why.
        InvalidAddress: One of the texts is no address.
        TypeError: An address is neither a ``str`` nor a ``yarl.URL``.
        ValueError: There is no address, an option makes no sense, or something is expected that
            applies to none of the addresses.
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings.

    Example:
        >>> reports = await tryconnect.wait_until_up("example.com", timeout=30)
        >>> print(reports[0].reason)
        ok

    .. versionadded:: 0.1
    """
    async with _Shared() as client:
        return await client.wait_until_up(
            *addresses, timeout=timeout, expect=expect, any_of=any_of, method=method
        )


@explains_keywords
async def wait_until_down(
    *addresses: Address,
    timeout: float = WAIT_TIMEOUT,
    expect: ExpectLike = None,
    any_of: bool = False,
    method: Method = "GET",
) -> list[Report]:
    """Check addresses again and again until they are down: none of them answers at all.

    A server that is being drained, and says 503, is not down yet. Where something is expected, an
    answer that is not as expected counts as down, too. A fault of this machine (``local``) does
    not. All else is as in :func:`wait_until_up`.

    Example:
        >>> reports = await tryconnect.wait_until_down("localhost:8000", timeout=30)
        >>> print(reports[0].reason)
        refused

    .. versionadded:: 0.1
    """
    async with _Shared() as client:
        return await client.wait_until_down(
            *addresses, timeout=timeout, expect=expect, any_of=any_of, method=method
        )


@explains_keywords
def watch(
    address: Address,
    *,
    every: float = WATCH_INTERVAL,
    timeout: float = CHECK_TIMEOUT,
    expect: ExpectLike = UP,
    rise: int = 1,
    fall: int = 1,
    method: Method = "GET",
) -> Watch:
    """Watch an address: its first report, then the report of each change between up and down.

    Each check opens a connection of its own. A fault of this machine (``local``) is no change.

    Args:
        address: What to watch.
        every: Seconds from the start of one check to the start of the next, plus or minus a
            random tenth, so that many watches do not fall into step.
        timeout: Seconds for each check.
        expect: What the answers must be like to count as up; ``"any"`` for any. The default, 2xx,
            means "open" for an address that is not asked by HTTP.
        rise: How many good reports in a row count as a change to up.
        fall: How many bad reports in a row count as a change to down.
        method: As in :func:`try_connect`.

    Returns:
        :class:`~tryconnect.Watch`, an async iterator without an end. Between two steps it holds
        nothing.

    Raises:
        InvalidAddress: The text is no address.
        TypeError: The address is neither a ``str`` nor a ``yarl.URL``.
        ValueError: An option makes no sense, or does not apply to this kind of address.
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings; at the first
            step.

    Example:
        >>> async for report in tryconnect.watch("example.com", every=30):
        ...     print("up" if report else "down", report.status)
        ...     break
        up 200

    .. versionadded:: 0.1
    """
    return start_watch(
        _check,
        address,
        every=every,
        timeout=timeout,
        expect=expect,
        rise=rise,
        fall=fall,
        method=method,
    )


async def _check(request: Request, *, timeout: float) -> Report:
    async with _Shared() as client:
        return await client._check(request, timeout=timeout)


@contextlib.asynccontextmanager
async def _of_the_run() -> AsyncIterator[Client]:
    """Lend a client to one run, whose class is imported beside the loop."""
    with contextlib.suppress(LocalFault):  # each check says so
        await Loading(partial(checker_class, mockable=False), *_CHECKER).done()
    async with MonitorClient() as client:
        yield client


_CHECKER = ("tryconnect._check.session", "Checker")


class _Shared:
    """Lends the running loop's client to one call."""

    async def __aenter__(self) -> Client:
        loop = asyncio.get_running_loop()
        lease = _leases.get(id(loop))
        if lease is None:
            lease = _leases[id(loop)] = _Lease(loop)
        self._lease = lease
        lease.users += 1
        try:
            return await lease.client()
        except BaseException as error:
            await lease.give_back(type(error))
            raise

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self._lease.give_back(kind)


class _Lease:
    """The client of one loop while calls use it.

    Only the calls hold a lease, so a loop that dies with calls in progress is not kept alive. A
    lease holds its loop, so while it lives no other loop can have the same ``id``.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.users = 0
        self._loop = loop
        self._loading = Loading(partial(checker_class, mockable=True), *_CHECKER)
        self._client: Client | None = None

    async def client(self) -> Client:
        """Return the client; the first caller finds it made and opened."""
        with contextlib.suppress(LocalFault):  # the check says so
            await self._loading.done()
        if self._client is None:
            self._client = Client()._twin()
            self._client._open()
        return self._client

    async def give_back(self, kind: type[BaseException] | None) -> None:
        """Release the client; the last call closes it.

        Args:
            kind: The exception that ends the call, or ``None``.
        """
        self.users -= 1
        if self.users:
            return
        # Before any await: the next call gets a new lease. The collector may have removed it.
        _leases.pop(id(self._loop), None)
        if self._client is not None:
            await self._client.__aexit__(kind, None, None)


_leases: WeakValueDictionary[int, _Lease] = WeakValueDictionary()
