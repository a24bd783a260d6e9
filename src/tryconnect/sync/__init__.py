"""The same checks for programs without an event loop: plain functions, and a client for ``with``.

Each call runs in a loop of its own, through asyncio's runner; the thread's current loop, its policy
and its executor are left alone. Under gevent greenlets call at the same time, and the others go on.

Inside a running loop every function raises ``RuntimeError``, and names the ``await`` to write
instead: to block there would stop the very loop that the caller lives in. So it does while the
interpreter shuts down, and where eventlet has patched the standard library.

.. versionadded:: 0.1
"""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

import tryconnect
from tryconnect._options import CHECK_TIMEOUT, DEFAULT_LIMIT, UP, WATCH_INTERVAL
from tryconnect.sync._client import Client
from tryconnect.sync._iterators import BlockingProbes, BlockingWatch
from tryconnect.sync._runner import COPIED, make_runner, refuse_inside_a_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from tryconnect._model.expect import ExpectLike
    from tryconnect._options import Method
    from tryconnect._runs.source import Address

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

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _blocking(function: Callable[_P, Coroutine[Any, Any, _T]]) -> Callable[_P, _T]:
    """Return what runs a coroutine function and blocks until it is done."""

    @wraps(function, assigned=COPIED, updated=())
    def call(*args: _P.args, **options: _P.kwargs) -> _T:
        return _run(function.__name__, partial(function, *args, **options))

    # Its example, too.
    call.__doc__ = (function.__doc__ or "").replace("await tryconnect.", "tryconnect.sync.")
    return call


try_connect = _blocking(tryconnect.try_connect)
probe = _blocking(tryconnect.probe)
fetch = _blocking(tryconnect.fetch)
fetch_text = _blocking(tryconnect.fetch_text)
wait_until_up = _blocking(tryconnect.wait_until_up)
wait_until_down = _blocking(tryconnect.wait_until_down)


def probe_many(
    addresses: Iterable[Address],
    *,
    limit: int = DEFAULT_LIMIT,
    per_host: int | None = None,
    timeout: float = CHECK_TIMEOUT,
    expect: ExpectLike = None,
    ordered: bool = False,
    keep_tracebacks: bool = False,
    transport: Literal["auto", "aiohttp"] = "auto",
    method: Method = "GET",
) -> BlockingProbes:
    """Check many addresses concurrently; see :func:`tryconnect.probe_many`.

    Returns:
        :class:`BlockingProbes`, an iterator of reports. Its checks go on between two steps.

    Raises:
        RuntimeError: A loop runs in this thread; at the first step.

    Example:
        >>> reports = tryconnect.sync.probe_many(["example.com", "localhost:8000"], ordered=True)
        >>> [str(report.reason) for report in reports]
        ['ok', 'refused']
    """
    start = partial(
        tryconnect.probe_many,
        limit=limit,
        per_host=per_host,
        timeout=timeout,
        expect=expect,
        ordered=ordered,
        keep_tracebacks=keep_tracebacks,
        transport=transport,
        method=method,
    )
    return BlockingProbes(start, addresses, ahead=limit)


def watch(
    address: Address,
    *,
    every: float = WATCH_INTERVAL,
    timeout: float = CHECK_TIMEOUT,
    expect: ExpectLike = UP,
    rise: int = 1,
    fall: int = 1,
    method: Method = "GET",
) -> BlockingWatch:
    """Watch an address; see :func:`tryconnect.watch`.

    Returns:
        :class:`BlockingWatch`, an iterator without an end.

    Raises:
        RuntimeError: A loop runs in this thread; at the first step.

    Example:
        >>> for report in tryconnect.sync.watch("example.com"):
        ...     print("up" if report else "down")
        ...     break
        up
    """
    watch = tryconnect.watch(
        address, every=every, timeout=timeout, expect=expect, rise=rise, fall=fall, method=method
    )
    return BlockingWatch(watch, partial(_run, "watch"))


def _run(name: str, start: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    refuse_inside_a_loop(name, f"await tryconnect.{name}(…)")
    with make_runner() as runner:
        return runner.run(start())
