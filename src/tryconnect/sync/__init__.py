"""The same checks for programs without an event loop: plain functions, and a ``with``-able client.

Each call runs in a loop of its own, through asyncio's own runner; the thread's current loop, its
policy and its executor are left alone.  Inside a running loop the functions refuse, and name the
``await`` to write instead: waiting there would stop the very loop that the caller lives in.  A
thread that is only marked so, as QtAsyncio marks those of its executor, is served.

.. versionadded:: 0.1
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import tryconnect
from tryconnect._options import (
    CHECK_TIMEOUT,
    DEFAULT_LIMIT,
    FETCH_TIMEOUT,
    MAX_BYTES,
    UP,
    WAIT_TIMEOUT,
    WATCH_INTERVAL,
)
from tryconnect.sync._client import Client
from tryconnect.sync._iterators import BlockingProbes, BlockingWatch
from tryconnect.sync._runner import make_runner, refuse_inside_a_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from tryconnect._client import Address
    from tryconnect._model.expect import ExpectLike
    from tryconnect._model.report import Page, Report

__all__ = [
    "BlockingProbes",
    "BlockingWatch",
    "Client",
    "fetch",
    "fetch_text",
    "probe",
    "probe_many",
    "try_connect",
    "wait_until_down",
    "wait_until_up",
    "watch",
]

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


def probe_many(
    addresses: Iterable[Address],
    *,
    limit: int = DEFAULT_LIMIT,
    per_host: int | None = None,
    timeout: float = CHECK_TIMEOUT,
    expect: ExpectLike = None,
    ordered: bool = False,
    keep_tracebacks: bool = False,
) -> BlockingProbes:
    """Check many addresses, some at a time; see :func:`tryconnect.probe_many`.

    Returns:
        :class:`BlockingProbes`, an iterator of reports.  Its checks go on while nobody asks for
        the next report.

    Raises:
        RuntimeError: a loop runs in this thread; at the first step.
    """
    start = partial(
        tryconnect.probe_many,
        limit=limit,
        per_host=per_host,
        timeout=timeout,
        expect=expect,
        ordered=ordered,
        keep_tracebacks=keep_tracebacks,
    )
    return BlockingProbes(start, addresses, ahead=limit)


def wait_until_up(
    *addresses: Address,
    timeout: float = WAIT_TIMEOUT,
    expect: ExpectLike = UP,
    any_of: bool = False,
) -> list[Report]:
    """Wait until addresses are up; see :func:`tryconnect.wait_until_up`.

    Raises:
        RuntimeError: a loop runs in this thread.
    """
    return _run(
        "wait_until_up",
        tryconnect.wait_until_up,
        *addresses,
        timeout=timeout,
        expect=expect,
        any_of=any_of,
    )


def wait_until_down(
    *addresses: Address,
    timeout: float = WAIT_TIMEOUT,
    expect: ExpectLike = None,
    any_of: bool = False,
) -> list[Report]:
    """Wait until addresses are down; see :func:`tryconnect.wait_until_down`.

    Raises:
        RuntimeError: a loop runs in this thread.
    """
    return _run(
        "wait_until_down",
        tryconnect.wait_until_down,
        *addresses,
        timeout=timeout,
        expect=expect,
        any_of=any_of,
    )


def watch(
    address: Address,
    *,
    every: float = WATCH_INTERVAL,
    timeout: float = CHECK_TIMEOUT,
    expect: ExpectLike = None,
    rise: int = 1,
    fall: int = 1,
) -> BlockingWatch:
    """BlockingWatch an address; see :func:`tryconnect.watch`.

    Returns:
        :class:`BlockingWatch`, an iterator without an end.

    Raises:
        RuntimeError: a loop runs in this thread; at the first step.
    """
    watch = tryconnect.watch(
        address, every=every, timeout=timeout, expect=expect, rise=rise, fall=fall
    )
    return BlockingWatch(watch, partial(_run, "watch"))


def _run(
    name: str, function: Callable[..., Coroutine[Any, Any, _T]], *args: Any, **options: Any
) -> _T:
    refuse_inside_a_loop(name, f"await tryconnect.{name}(…)")
    with make_runner() as runner:
        return runner.run(function(*args, **options))
