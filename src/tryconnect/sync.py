"""The same checks for programs without an event loop: plain functions, and a ``with``-able client.

Each call runs in a loop of its own, through asyncio's own runner; the thread's current loop, its
policy and its executor are left alone.  Inside a running loop the functions refuse, and name the
``await`` to write instead: waiting there would stop the very loop that the caller lives in.

.. versionadded:: 0.1
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self, TypeVar

import tryconnect
from tryconnect._options import CHECK_TIMEOUT, FETCH_TIMEOUT, MAX_BYTES
from tryconnect._portal import stock_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

    from tryconnect._client import Address
    from tryconnect._expect import ExpectLike
    from tryconnect._records import Page, Report

__all__ = ["Client", "fetch", "fetch_text", "probe", "try_connect"]

_T = TypeVar("_T")


def try_connect(
    address: Address, *, timeout: float = CHECK_TIMEOUT, expect: ExpectLike = None
) -> bool:
    """Tell whether an address answers; see :func:`tryconnect.try_connect`.

    Raises:
        RuntimeError: a loop runs in this thread.
    """
    return _run("try_connect", tryconnect.try_connect, address, timeout=timeout, expect=expect)


def probe(address: Address, *, timeout: float = CHECK_TIMEOUT, expect: ExpectLike = None) -> Report:
    """Tell whether an address answers, and why not; see :func:`tryconnect.probe`.

    Raises:
        RuntimeError: a loop runs in this thread.
    """
    return _run("probe", tryconnect.probe, address, timeout=timeout, expect=expect)


def fetch(
    url: Address,
    *,
    timeout: float = FETCH_TIMEOUT,
    expect: ExpectLike = "2xx",
    max_bytes: int = MAX_BYTES,
    encoding: str | None = None,
) -> Page:
    """Return the text at a URL, and how it came about; see :func:`tryconnect.fetch`.

    Raises:
        RuntimeError: a loop runs in this thread.
    """
    return _run(
        "fetch",
        tryconnect.fetch,
        url,
        timeout=timeout,
        expect=expect,
        max_bytes=max_bytes,
        encoding=encoding,
    )


def fetch_text(
    url: Address,
    *,
    timeout: float = FETCH_TIMEOUT,
    expect: ExpectLike = "2xx",
    max_bytes: int = MAX_BYTES,
    encoding: str | None = None,
) -> str:
    """Return the text at a URL; see :func:`tryconnect.fetch_text`.

    Raises:
        RuntimeError: a loop runs in this thread.
    """
    return _run(
        "fetch_text",
        tryconnect.fetch_text,
        url,
        timeout=timeout,
        expect=expect,
        max_bytes=max_bytes,
        encoding=encoding,
    )


class Client:
    """:class:`tryconnect.Client` for ``with``: one loop and one session for all calls inside.

    Takes the same options.  It belongs to the thread that opened it.

    .. versionadded:: 0.1
    """

    def __init__(self, **options: Any) -> None:
        self._client = tryconnect.Client(**options)
        self._runner: asyncio.Runner | None = None

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

    def close(self) -> None:
        """Close the session and its loop; a second call does nothing."""
        _refuse_inside_a_loop("Client.close", "await client.aclose() of a tryconnect.Client")
        runner, self._runner = self._runner, None
        if runner is not None:
            with runner:
                runner.run(self._client.aclose())

    def __enter__(self) -> Self:
        _refuse_inside_a_loop("Client", "async with tryconnect.Client() as client")
        if self._runner is not None:
            raise RuntimeError("this Client is open already: make another one")
        self._runner = asyncio.Runner(loop_factory=stock_loop)
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
        _refuse_inside_a_loop(f"Client.{name}", f"await client.{name}(…) of a tryconnect.Client")
        if self._runner is None:
            raise RuntimeError("a Client works inside of: with tryconnect.sync.Client() as client")
        return self._runner.run(function(*args, **options))


def _run(
    name: str, function: Callable[..., Coroutine[Any, Any, _T]], *args: Any, **options: Any
) -> _T:
    _refuse_inside_a_loop(name, f"await tryconnect.{name}(…)")
    with asyncio.Runner(loop_factory=stock_loop) as runner:
        return runner.run(function(*args, **options))


def _refuse_inside_a_loop(name: str, instead: str) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        f"tryconnect.sync.{name} would stop the event loop that runs here; write: {instead}"
    )
