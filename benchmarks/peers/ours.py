"""tryconnect."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any, Literal

import tryconnect
from benchmarks.peers._workers import in_workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.work import Tally, Work

__all__ = ["client_probe", "probe_many", "probe_many_by_aiohttp"]


async def probe_many(
    work: Work, tally: Tally, *, transport: Literal["auto", "aiohttp"] = "auto"
) -> None:
    """``tryconnect.probe_many``."""
    began: dict[str, float] = {}

    def clocked() -> Iterator[str]:  # a check starts when its address is taken
        for url in work.urls():
            began[url] = time.perf_counter()
            yield url

    addresses = clocked() if work.silent else work.urls()
    # Checkouts from before there were two transports have no such option.
    chosen: dict[str, Any] = {} if transport == "auto" else {"transport": transport}
    start: Callable[..., tryconnect.Probes] = functools.partial(tryconnect.probe_many, **chosen)
    run = start(addresses, limit=work.at_once, timeout=work.timeout)
    async with run as probes:
        async for report in probes:
            took = time.perf_counter() - began.pop(report.address) if work.silent else 0.0
            tally.note(report.ok, took)


async def probe_many_by_aiohttp(work: Work, tally: Tally) -> None:
    """The same over aiohttp, as for programs whose tests mock its session."""
    await probe_many(work, tally, transport="aiohttp")


async def client_probe(work: Work, tally: Tally) -> None:
    """``tryconnect.Client.probe``, which keeps connections alive."""
    async with tryconnect.Client() as client:
        await in_workers(work, tally, functools.partial(client.try_connect, timeout=work.timeout))
