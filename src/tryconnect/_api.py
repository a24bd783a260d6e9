"""The functions of the package, and the client that they share.

All calls in progress in a running loop share one client; the last to finish closes it. So nothing
outlives the calls, whatever loop they run in, and a thousand concurrent calls use one session.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Literal
from weakref import WeakValueDictionary

from tryconnect._check.loading import Loading
from tryconnect._client import Client, MonitorClient, checker_class
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
    from types import TracebackType

    from tryconnect._client import Address
    from tryconnect._model.expect import Expect, ExpectLike
    from tryconnect._model.report import Page, Report
    from tryconnect._runs.bulk import Probes
    from tryconnect._runs.source import Addresses
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


async def try_connect(
    address: Address, *, timeout: float = CHECK_TIMEOUT, expect: ExpectLike = None
) -> bool:
    """Return whether an address answers.

    ``True`` means what ``requests.get(address)`` without an exception means: an HTTP answer came,
    with any status, after up to 10 redirects, over a verified connection. The body is not
    downloaded. For ``tcp://``, ``unix://`` and ``host:port`` it means that the connection opens.

    Args:
        address: A URL, ``host``, ``host:port`` or ``tcp://host:port``.
        timeout: Seconds for everything: name, connection, TLS, redirects, headers.
        expect: What the answer must be like to count: ``"2xx"``, ``"200-399"``, ``204``, or an
            :class:`~tryconnect.Expect`; ``None``: any HTTP answer.

    Returns:
        The same as :func:`probe`'s ``Report.ok``.

    Raises:
        TypeError: The address is neither a ``str`` nor a ``yarl.URL``.
        ValueError: ``timeout`` or ``expect`` makes no sense, or something is expected of an
            address that is not asked by HTTP. Never for an address: a bad one is ``False``.
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings.

    .. versionadded:: 0.1
    """
    return (await probe(address, timeout=timeout, expect=expect)).ok


async def probe(
    address: Address, *, timeout: float = CHECK_TIMEOUT, expect: ExpectLike = None
) -> Report:
    """Check an address, and report whether it answers and, if not, why.

    Arguments and errors are those of :func:`try_connect`.

    Returns:
        A :class:`~tryconnect.Report`, which is true where the address answers as expected.

    .. versionadded:: 0.1
    """
    async with _Shared() as client:
        return await client.probe(address, timeout=timeout, expect=expect)


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

    .. versionadded:: 0.1
    """
    async with _Shared() as client:
        return await client.fetch(
            url, timeout=timeout, expect=expect, max_bytes=max_bytes, encoding=encoding
        )


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

    .. versionadded:: 0.1
    """
    page = await fetch(url, timeout=timeout, expect=expect, max_bytes=max_bytes, encoding=encoding)
    return page.text


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
) -> Probes:
    """Check many addresses concurrently, and yield each report as soon as it is ready.

    Every address makes one :class:`~tryconnect.Report`, the bad ones too: also one that is asked
    by TCP where something is expected of an HTTP answer (``invalid_address``). Memory does not
    grow with the number of addresses: at most twice ``limit`` of them (ten times, with
    ``per_host`` or ``ordered``) have been taken from the input and not been read as reports, so a
    reader who pauses makes the checks pause.

    Args:
        addresses: Any iterable or async iterable of addresses, also one without an end. It is
            asked inside the loop, so it must not block; an async generator is closed at the end.
        limit: How many checks run at the same time. Lowered, with a ``RuntimeWarning``, if this
            process may not open two files for each (``ulimit -n``).
        per_host: How many checks of one host run at the same time; checks of other hosts do not
            wait for them. ``None``: no limit of its own.
        timeout: Seconds for each check, from its own start.
        expect: As in :func:`try_connect`.
        ordered: Yield the reports in the order of the addresses.
        keep_tracebacks: Keep the frames of ``Report.error``, some 11 KiB each.
        transport: ``"auto"`` checks over sockets of tryconnect's own, which costs a quarter of
            aiohttp's, and by aiohttp where that cannot be done: see the table in
            :doc:`/reference/transports`. ``"aiohttp"`` checks all by aiohttp, for programs whose
            tests replace its session.

    Returns:
        :class:`~tryconnect.Probes`: an async iterator of reports, and an async context manager.

    Raises:
        TypeError: ``addresses`` is no iterable, or one text; or, while it is read, one of the
            addresses is neither a ``str`` nor a ``yarl.URL``.
        ValueError: An option makes no sense.
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings; while it is
            read.

    .. versionadded:: 0.1
    """
    return checks_of_many(
        _OfTheRun,
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
    *addresses: Address,
    timeout: float = WAIT_TIMEOUT,
    expect: ExpectLike = UP,
    any_of: bool = False,
) -> list[Report]:
    """Check addresses again and again until they are up.

    Between two checks of an address it sleeps for a random time, up to 0.1 s at first and up to
    2 s in the end, so that many programs that wait for one server do not ask in step. A single
    check takes at most 10 s, and opens a connection of its own.

    Args:
        addresses: What to wait for, all at the same time.
        timeout: Seconds for everything.
        expect: What an HTTP answer must be like to count as up. The default, 2xx, means "open"
            for an address that is not asked by HTTP.
        any_of: Return as soon as one of the addresses is up.

    Returns:
        The last report of each address, in the order given; with ``any_of``, of those that are up.

    Raises:
        WaitTimeout: They were not up in time; its ``report`` says why.
        InvalidAddress: One of the texts is no address.
        TypeError: An address is neither a ``str`` nor a ``yarl.URL``.
        ValueError: There is no address, an option makes no sense, or something is expected of an
            address that is not asked by HTTP.
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings.

    .. versionadded:: 0.1
    """
    async with _Shared() as client:
        return await client.wait_until_up(*addresses, timeout=timeout, expect=expect, any_of=any_of)


async def wait_until_down(
    *addresses: Address,
    timeout: float = WAIT_TIMEOUT,
    expect: ExpectLike = None,
    any_of: bool = False,
) -> list[Report]:
    """Check addresses again and again until they are down: none of them answers as expected.

    A fault of this machine (``local``) does not count as down. All else is as in
    :func:`wait_until_up`, except the default of ``expect``: any HTTP answer means up.

    .. versionadded:: 0.1
    """
    async with _Shared() as client:
        return await client.wait_until_down(
            *addresses, timeout=timeout, expect=expect, any_of=any_of
        )


def watch(
    address: Address,
    *,
    every: float = WATCH_INTERVAL,
    timeout: float = CHECK_TIMEOUT,
    expect: ExpectLike = None,
    rise: int = 1,
    fall: int = 1,
) -> Watch:
    """Watch an address: its first report, then the report of each change between up and down.

    Each check opens a connection of its own. A fault of this machine (``local``) is no change.

    Args:
        address: What to watch.
        every: Seconds from the start of one check to the start of the next, plus or minus a
            random tenth, so that many watches do not fall into step.
        timeout: Seconds for each check.
        expect: As in :func:`try_connect`.
        rise: How many good reports in a row count as a change to up.
        fall: How many bad reports in a row count as a change to down.

    Returns:
        :class:`~tryconnect.Watch`, an async iterator without an end. Between two steps it holds
        nothing.

    Raises:
        InvalidAddress: The text is no address.
        TypeError: The address is neither a ``str`` nor a ``yarl.URL``.
        ValueError: An option makes no sense, or something is expected of an address that is not
            asked by HTTP.
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings; at the first
            step.

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
    )


async def _check(address: str, *, timeout: float, expect: Expect | None) -> Report:
    async with _Shared() as client:
        return await client._check(address, timeout=timeout, expect=expect)  # noqa: SLF001 - as above


class _OfTheRun:
    """Lends a client to one run, whose class is imported beside the loop."""

    async def __aenter__(self) -> Client:
        load = partial(checker_class, mockable=False)
        await Loading(load, "tryconnect._check.session", "Checker").done()
        self._client = MonitorClient()
        return await self._client.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, traceback)


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
        load = partial(checker_class, mockable=True)
        self._loading = Loading(load, "tryconnect._check.session", "Checker")
        self._client: Client | None = None

    async def client(self) -> Client:
        """Return the client; the first caller finds it made and opened."""
        await self._loading.done()
        if self._client is None:
            self._client = Client()._twin()  # noqa: SLF001 - both are owners of sessions
            self._client._open()  # noqa: SLF001 - both are owners of sessions
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
