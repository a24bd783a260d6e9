"""A client for programs without an event loop: one loop and one session for all its calls."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tryconnect import _client
from tryconnect._options import (
    CHECK_TIMEOUT,
    DEFAULT_LIMIT,
    FETCH_TIMEOUT,
    MAX_BYTES,
    UP,
    WAIT_TIMEOUT,
    WATCH_INTERVAL,
)
from tryconnect.sync._iterators import BlockingProbes, BlockingWatch
from tryconnect.sync._runner import make_runner, refuse_inside_a_loop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterable
    from types import TracebackType

    from tryconnect._client import Address
    from tryconnect._model.expect import ExpectLike
    from tryconnect._model.report import Page, Report
    from tryconnect.sync._runner import PortalRunner

__all__ = ["Client"]

_T = TypeVar("_T")


class Client:
    """:class:`tryconnect.Client` for ``with``: one loop and one session for all calls inside.

    Takes the same options.  It belongs to the thread that opened it.

    .. versionadded:: 0.1
    """

    def __init__(self, **options: Any) -> None:
        self._client = _client.Client(**options)
        self._runner: asyncio.Runner | PortalRunner | None = None

    def try_connect(
        self, address: Address, *, timeout: float = CHECK_TIMEOUT, expect: ExpectLike = None
    ) -> bool:
        """Tell whether an address answers; see :func:`tryconnect.try_connect`."""
        return self._run(
            "try_connect", self._client.try_connect, address, timeout=timeout, expect=expect
        )

    def probe(
        self, address: Address, *, timeout: float = CHECK_TIMEOUT, expect: ExpectLike = None
    ) -> Report:
        """Tell whether an address answers, and why not; see :func:`tryconnect.probe`."""
        return self._run("probe", self._client.probe, address, timeout=timeout, expect=expect)

    def fetch(
        self,
        url: Address,
        *,
        timeout: float = FETCH_TIMEOUT,
        expect: ExpectLike = "2xx",
        max_bytes: int = MAX_BYTES,
        encoding: str | None = None,
    ) -> Page:
        """Return the text at a URL, and how it came about; see :func:`tryconnect.fetch`."""
        return self._run(
            "fetch",
            self._client.fetch,
            url,
            timeout=timeout,
            expect=expect,
            max_bytes=max_bytes,
            encoding=encoding,
        )

    def fetch_text(
        self,
        url: Address,
        *,
        timeout: float = FETCH_TIMEOUT,
        expect: ExpectLike = "2xx",
        max_bytes: int = MAX_BYTES,
        encoding: str | None = None,
    ) -> str:
        """Return the text at a URL; see :func:`tryconnect.fetch_text`."""
        return self._run(
            "fetch_text",
            self._client.fetch_text,
            url,
            timeout=timeout,
            expect=expect,
            max_bytes=max_bytes,
            encoding=encoding,
        )

    def probe_many(
        self,
        addresses: Iterable[Address],
        *,
        limit: int = DEFAULT_LIMIT,
        per_host: int | None = None,
        timeout: float = CHECK_TIMEOUT,
        expect: ExpectLike = None,
        ordered: bool = False,
        keep_tracebacks: bool = False,
    ) -> BlockingProbes:
        """Check many addresses, some at a time; see :func:`tryconnect.sync.probe_many`."""
        start = partial(
            self._client.probe_many,
            limit=limit,
            per_host=per_host,
            timeout=timeout,
            expect=expect,
            ordered=ordered,
            keep_tracebacks=keep_tracebacks,
        )
        return BlockingProbes(start, addresses, ahead=limit)

    def wait_until_up(
        self,
        *addresses: Address,
        timeout: float = WAIT_TIMEOUT,
        expect: ExpectLike = UP,
        any_of: bool = False,
    ) -> list[Report]:
        """Wait until addresses are up; see :func:`tryconnect.wait_until_up`."""
        return self._run(
            "wait_until_up",
            self._client.wait_until_up,
            *addresses,
            timeout=timeout,
            expect=expect,
            any_of=any_of,
        )

    def wait_until_down(
        self,
        *addresses: Address,
        timeout: float = WAIT_TIMEOUT,
        expect: ExpectLike = None,
        any_of: bool = False,
    ) -> list[Report]:
        """Wait until addresses are down; see :func:`tryconnect.wait_until_down`."""
        return self._run(
            "wait_until_down",
            self._client.wait_until_down,
            *addresses,
            timeout=timeout,
            expect=expect,
            any_of=any_of,
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
    ) -> BlockingWatch:
        """BlockingWatch an address; see :func:`tryconnect.sync.watch`.

        The client must be open at each step.
        """
        watch = self._client.watch(
            address, every=every, timeout=timeout, expect=expect, rise=rise, fall=fall
        )
        return BlockingWatch(watch, partial(self._run, "watch"))

    def close(self) -> None:
        """Close the session and its loop; a second call does nothing."""
        refuse_inside_a_loop("Client.close", "await client.aclose() of a tryconnect.Client")
        runner, self._runner = self._runner, None
        if runner is not None:
            with runner:
                runner.run(self._client.aclose())

    def __enter__(self) -> Self:
        refuse_inside_a_loop("Client", "async with tryconnect.Client() as client")
        if self._runner is not None:
            raise RuntimeError("this Client is open already: make another one")
        self._runner = make_runner()
        try:
            self._runner.run(self._client.__aenter__())
        except BaseException:
            self._runner.close()
            self._runner = None
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run(
        self,
        name: str,
        function: Callable[..., Coroutine[Any, Any, _T]],
        *args: Any,
        **options: Any,
    ) -> _T:
        refuse_inside_a_loop(f"Client.{name}", f"await client.{name}(…) of a tryconnect.Client")
        if self._runner is None:
            raise RuntimeError("a Client works inside of: with tryconnect.sync.Client() as client")
        return self._runner.run(function(*args, **options))
