"""A client for programs without an event loop: one loop and one session for all its calls."""

from __future__ import annotations

import inspect
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, Self, TypeVar, Unpack

from tryconnect import _client
from tryconnect._options import BY_CLIENT, DEFAULT_LIMIT, WATCH_INTERVAL
from tryconnect.sync._iterators import BlockingProbes, BlockingWatch
from tryconnect.sync._runner import COPIED, make_runner, refuse_inside_a_loop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterable

    from tryconnect._model.expect import ExpectLike
    from tryconnect._options import ByClient, ClientOptions, Method
    from tryconnect._runs.source import Address
    from tryconnect.sync._runner import PortalRunner

__all__ = ["Client"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _blocking(
    function: Callable[Concatenate[_client.Client, _P], Coroutine[Any, Any, _T]],
) -> Callable[Concatenate[Client, _P], _T]:
    """Return a method that runs a client's and blocks until it is done."""

    @wraps(function, assigned=COPIED, updated=())
    def call(self: Client, /, *args: _P.args, **options: _P.kwargs) -> _T:
        start = partial(function, self._client, *args, **options)
        return self._run(function.__name__, start)

    return call


class Client:
    """:class:`tryconnect.Client` for ``with``: one loop and one session for all calls inside.

    Takes the same options. It belongs to the thread that opened it.

    Example:
        >>> with tryconnect.sync.Client(timeout=5) as client:
        ...     print(client.fetch_text("https://example.com/health"))
        ready

    .. versionadded:: 0.1
    """

    __signature__ = inspect.signature(_client.Client)

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        self._client = _client.Client(**options)
        self._runner: asyncio.Runner | PortalRunner | None = None
        self._closed = False

    try_connect = _blocking(_client.Client.try_connect)
    probe = _blocking(_client.Client.probe)
    fetch = _blocking(_client.Client.fetch)
    fetch_text = _blocking(_client.Client.fetch_text)
    wait_until_up = _blocking(_client.Client.wait_until_up)
    wait_until_down = _blocking(_client.Client.wait_until_down)

    def probe_many(
        self,
        addresses: Iterable[Address],
        *,
        limit: int = DEFAULT_LIMIT,
        per_host: int | None = None,
        timeout: float | ByClient = BY_CLIENT,
        expect: ExpectLike | ByClient = BY_CLIENT,
        ordered: bool = False,
        keep_tracebacks: bool = False,
        transport: Literal["auto", "aiohttp"] = "auto",
        method: Method = "GET",
    ) -> BlockingProbes:
        """Check many addresses concurrently; see :func:`tryconnect.sync.probe_many`."""
        start = partial(
            self._client.probe_many,
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
        self,
        address: Address,
        *,
        every: float = WATCH_INTERVAL,
        timeout: float | ByClient = BY_CLIENT,
        expect: ExpectLike | ByClient = BY_CLIENT,
        rise: int = 1,
        fall: int = 1,
        method: Method = "GET",
    ) -> BlockingWatch:
        """Watch an address; see :func:`tryconnect.sync.watch`.

        The client must be open at each step.
        """
        watch = self._client.watch(
            address,
            every=every,
            timeout=timeout,
            expect=expect,
            rise=rise,
            fall=fall,
            method=method,
        )
        return BlockingWatch(watch, partial(self._run, "watch"))

    def close(self) -> None:
        """Close the session and its loop; a second call does nothing."""
        refuse_inside_a_loop("Client.close", "await client.aclose() of a tryconnect.Client")
        runner, self._runner = self._runner, None
        if runner is not None:
            self._closed = True
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

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, name: str, start: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        refuse_inside_a_loop(f"Client.{name}", f"await client.{name}(…) of a tryconnect.Client")
        if self._runner is None and self._closed:
            raise RuntimeError("this Client is closed: its calls belong inside of with")
        if self._runner is None:
            raise RuntimeError("a Client works inside of: with tryconnect.sync.Client() as client")
        return self._runner.run(start())
