"""Measures leaving a run of ``probe_many`` early: when control returns, and what is left."""

from __future__ import annotations

import asyncio
import gc
import itertools
import statistics
import time
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import tryconnect
from benchmarks import servers
from benchmarks.table import Claim, Table
from benchmarks.usage import descriptors
from benchmarks.work import Work

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = ["leaving"]

READ = 10
"""Reports that are read of 10,000 addresses. Those ten answer, and are the last of the first
``limit``; all others are silent, so ``limit`` checks are running when the run is left."""

DEFAULT = 100
"""The default of ``limit``."""

ROUNDS = 9


class Left(NamedTuple):
    """What a run left behind."""

    seconds: float
    """Seconds until control returns."""
    sockets: int
    """Sockets open at that moment."""
    until_closed: float
    """Seconds until all are closed."""
    complaints: int
    """Warnings, and calls to the loop's exception handler."""


async def close(addresses: Iterator[str], limit: int) -> float:
    """Leave the loop with ``break``, and then the ``async with`` block."""
    began = 0.0
    async with tryconnect.probe_many(addresses, limit=limit) as probes:
        async for _ in probes:
            if probes.counts[tryconnect.Reason.ok] >= READ:
                began = time.perf_counter()
                break
    return time.perf_counter() - began


async def forget(addresses: Iterator[str], limit: int) -> float:
    """Leave the loop with ``break``, without an ``async with`` block."""
    began, seen = 0.0, 0
    async for _ in tryconnect.probe_many(addresses, limit=limit):
        seen += 1
        if seen == READ:
            began = time.perf_counter()
            break
    return time.perf_counter() - began


async def cancel(addresses: Iterator[str], limit: int) -> float:
    """Cancel the task that reads."""
    enough = asyncio.Event()

    async def read() -> None:
        seen = itertools.count(1)
        async with tryconnect.probe_many(addresses, limit=limit) as probes:
            async for _ in probes:
                if next(seen) == READ:
                    enough.set()

    reading = asyncio.ensure_future(read())
    await enough.wait()
    began = time.perf_counter()
    reading.cancel()
    await asyncio.wait([reading])
    return time.perf_counter() - began


WAYS: dict[str, Callable[[Iterator[str], int], Awaitable[float]]] = {
    "break within async with": close,
    "break, and nothing else": forget,
    "the reader is cancelled": cancel,
}


def leaving(*, quick: bool) -> Table:
    """Each way of leaving, with a hundred and a thousand running checks."""
    limits = (DEFAULT,) if quick else (DEFAULT, 1_000)
    with servers.pages() as site, servers.silence() as nobody:
        good = Work(count=READ, ports=site.ports)
        bad = Work(count=10_000 - READ, ports=nobody.ports)
        asyncio.run(warm(good))
        runs = {
            (way, limit): [
                asyncio.run(left(way, mixed(good, bad, limit), limit))
                for _ in range(1 if quick else ROUNDS)
            ]
            for limit in limits
            for way in WAYS
        }
    worst = max(median(runs[way, DEFAULT], "seconds") for way in WAYS)
    return Table(
        ("way", "limit", "control back, ms", "sockets open then", "all closed, ms", "complaints"),
        [row(way, limit, each) for (way, limit), each in runs.items()],
        [
            Claim(
                f"control is back, with the usual limit of {DEFAULT}, within",
                worst * 1e3,
                50,
                " ms",
            ),
            Claim("warnings", sum(one.complaints for each in runs.values() for one in each), 0),
        ],
        ["aiohttp"],
    )


def mixed(good: Work, bad: Work, limit: int) -> Iterator[str]:
    """Yield the addresses of one run."""
    silent = bad.urls()
    yield from itertools.islice(silent, limit - READ)
    yield from good.urls()
    yield from silent


async def warm(good: Work) -> None:
    """Import everything, and start the threads that live as long as the process."""
    async for _ in tryconnect.probe_many(good.urls()):
        pass


async def left(way: str, addresses: Iterator[str], limit: int) -> Left:
    """Leave a run in one of these ways."""
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda *words: complaints.append(words))
    before = descriptors()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        seconds = await WAYS[way](addresses, limit)
        returned, sockets = time.perf_counter(), descriptors() - before
        while descriptors() > before:  # noqa: ASYNC110 - no event tells of a descriptor
            await asyncio.sleep(0)
        closed = time.perf_counter() - returned
        gc.collect()
        await asyncio.sleep(0.05)
    return Left(seconds, sockets, closed, len(complaints) + len(heard))


def median(runs: list[Left], figure: str) -> float:
    """Return the median of one figure."""
    return float(statistics.median(getattr(run, figure) for run in runs))


def row(way: str, limit: int, runs: list[Left]) -> list[str]:
    """Format the medians of one way."""
    return [
        way,
        f"{limit}",
        f"{median(runs, 'seconds') * 1e3:.1f}",
        f"{median(runs, 'sockets'):.0f}",
        f"{median(runs, 'until_closed') * 1e3:.1f}",
        f"{sum(run.complaints for run in runs)}",
    ]
