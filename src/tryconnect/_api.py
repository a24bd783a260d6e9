"""The functions of the package, and the client that they share.

All calls that are under way in a running loop share one client; the last one out closes it.  So
nothing outlives the calls, whatever loop they run in, and a thousand of them at once still use one
session.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from tryconnect._client import Client, checker_class
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
from tryconnect._runtime.threads import run_in_daemon_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from tryconnect._check.session import Checker
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
    """Tell whether an address answers.

    ``True`` means what ``requests.get(address)`` without an exception means: an HTTP answer came,
    with any status, after up to 10 redirects, over a verified connection.  The body is not
    downloaded.  For ``tcp://``, ``unix://`` and ``host:port`` it means that the connection opens.

    Args:
        address: a URL, ``host``, ``host:port`` or ``tcp://host:port``.
        timeout: seconds for everything: name, connection, TLS, redirects, headers.
        expect: what the answer must be like to count: ``"2xx"``, ``"200-399"``, ``204``, or an
            :class:`~tryconnect.Expect`; ``None``: any HTTP answer.

    Returns:
        The same as :func:`probe`'s ``Report.ok``.

    Raises:
        TypeError: the address is neither a ``str`` nor a ``yarl.URL``.
        ValueError: ``timeout`` or ``expect`` makes no sense, or something is expected of an
            address that is not asked by HTTP.  Never for an address: a bad one is ``False``.
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings.

    .. versionadded:: 0.1
    """
    return (await probe(address, timeout=timeout, expect=expect)).ok


async def probe(
    address: Address, *, timeout: float = CHECK_TIMEOUT, expect: ExpectLike = None
) -> Report:
    """Tell whether an address answers, and if not, why.

    Args and errors are those of :func:`try_connect`.

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
    """Return the text at a URL as a browser would show it, and how it came about.

    Args:
        url: an http or https address.
        timeout: seconds for everything, the body included.
        expect: what the answer must be like; an error page is no text by default.
        max_bytes: the longest body that is taken, in bytes after decompression.
        encoding: overrides what the answer declares: a label as browsers know it (``"gbk"``), or
            the name of a Python text codec.  ``None``: a byte order mark, the header, the page's
            own declaration, UTF-8 where the bytes are that, or what they look like.

    Returns:
        A :class:`~tryconnect.Page`.

    Raises:
        FetchError: no such text came; its ``report`` says why.
        TypeError: the URL is neither a ``str`` nor a ``yarl.URL``.
        ValueError: an option makes no sense.
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

    Args and errors are those of :func:`fetch`, whose ``text`` this is.

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
) -> Probes:
    """Check many addresses, some at a time, and give out each report as soon as it is there.

    Every address makes one :class:`~tryconnect.Report`, the bad ones too: also one that is asked
    by TCP where something is expected of an HTTP answer (``invalid_address``).  Memory does not
    grow with the number of addresses: at most twice ``limit`` of them (ten times, with
    ``per_host`` or ``ordered``) have been taken from the input and not been read as reports, so a
    reader who pauses makes the checks pause.

    Args:
        addresses: any iterable or async iterable of addresses, also one without an end.  It is
            asked inside the loop, so it must not block; an async generator is closed at the end.
        limit: how many are checked at the same time.  It is lowered, with a ``RuntimeWarning``,
            where this process may not open two files for each (``ulimit -n``).
        per_host: how many checks of one host there may be at the same time; others do not wait
            for them.  ``None``: as many as there are.
        timeout: seconds for each check, from its own start.
        expect: as in :func:`try_connect`.
        ordered: give the reports in the order of the addresses.
        keep_tracebacks: let ``Report.error`` keep its frames, which are some 11 KiB each.

    Returns:
        :class:`~tryconnect.Probes`: an async iterator of reports, and an async context manager.

    Raises:
        TypeError: ``addresses`` is no iterable, or one text; or, while it is read, one of the
            addresses is neither a ``str`` nor a ``yarl.URL``.
        ValueError: an option makes no sense.
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings; while it is
            read.

    .. versionadded:: 0.1
    """
    return checks_of_many(
        _Shared,
        addresses,
        limit=limit,
        per_host=per_host,
        timeout=timeout,
        expect=expect,
        ordered=ordered,
        keep_tracebacks=keep_tracebacks,
    )


async def wait_until_up(
    *addresses: Address,
    timeout: float = WAIT_TIMEOUT,
    expect: ExpectLike = UP,
    any_of: bool = False,
) -> list[Report]:
    """Check addresses again and again until they are up.

    Between two checks of an address it pauses for a random time, up to 0.1 s at first and up to
    2 s in the end, so that many who wait for one server do not ask in step.  A single check takes
    at most 10 s.

    Args:
        addresses: what to wait for, all at the same time.
        timeout: seconds for everything.
        expect: what an HTTP answer must be like to count as up.  The default, 2xx, means "open"
            for an address that is not asked by HTTP.
        any_of: one of the addresses is enough.

    Returns:
        The last report of each address, in the order given; with ``any_of``, of those that are up.

    Raises:
        WaitTimeout: they were not up in time; its ``report`` says what was the matter.
        InvalidAddress: one of the texts is no address.
        TypeError: an address is neither a ``str`` nor a ``yarl.URL``.
        ValueError: there is no address, an option makes no sense, or something is expected of an
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

    A fault of our own machine (``local``) is not taken for the address being down.  The rest is as
    in :func:`wait_until_up`, except for the default of ``expect``: any HTTP answer means up.

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

    A fault of our own machine (``local``) is no change.

    Args:
        address: what to watch.
        every: seconds from the start of one check to that of the next, give or take a tenth at
            random, so that many watches do not fall into step.
        timeout: seconds for each check.
        expect: as in :func:`try_connect`.
        rise: how many good reports in a row make a change to up.
        fall: how many bad ones make a change to down.

    Returns:
        :class:`~tryconnect.Watch`, an async iterator without an end.  Between two steps it holds
        nothing.

    Raises:
        InvalidAddress: the text is no address.
        TypeError: the address is neither a ``str`` nor a ``yarl.URL``.
        ValueError: an option makes no sense, or something is expected of an address that is not
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


class _Shared:
    """Lends the loop's client to one call."""

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

    Only the calls hold a lease: a loop that dies with calls under way is not kept alive by us.  And
    while it lives it holds its loop, so no other loop can have the same ``id``.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.users = 0
        self._loop = loop
        self._client: Client | None = None
        self._import: asyncio.Future[Callable[..., Checker]] | None = None
        if not _imported():
            # It takes a quarter of a second, for which a GUI would stand still.
            # Where no thread is to be had, Client() imports it.
            with contextlib.suppress(LocalFault):
                self._import = run_in_daemon_thread(
                    checker_class, name="tryconnect-import", until_done=True
                )

    async def client(self) -> Client:
        """Return the client; the first caller finds it made and opened."""
        if self._import is not None:
            # One caller's cancellation is not the others'.
            await asyncio.shield(self._import)
        if self._client is None:
            self._client = Client()._twin()  # noqa: SLF001 - both are owners of sessions
            self._client._open()  # noqa: SLF001 - both are owners of sessions
        return self._client

    async def give_back(self, kind: type[BaseException] | None) -> None:
        """Leave; the last one out closes the client.

        Args:
            kind: the exception that ends the call, or ``None``.
        """
        self.users -= 1
        if self.users:
            return
        # Before any await: who comes now gets a new one.  The garbage collector may have been here.
        _leases.pop(id(self._loop), None)
        if self._client is not None:
            await self._client.__aexit__(kind, None, None)


_leases: WeakValueDictionary[int, _Lease] = WeakValueDictionary()


def _imported() -> bool:
    """Tell whether aiohttp need not be imported any more: a module half way has no class yet."""
    return hasattr(sys.modules.get("tryconnect._check.session"), "Checker")
