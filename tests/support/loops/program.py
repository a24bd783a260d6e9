"""Runs all checks of the suite in a given event loop, one after another.

``python -m tests.support.loops.program NAME ADDRESSES`` runs them in the loop of that name and
prints the results as JSON. It runs in its own process, since there is one application in a process,
and some loops change asyncio globally. ADDRESSES is a JSON object.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Self

import tryconnect
import tryconnect.sync
from tests.support.loops.drivers import DRIVERS
from tryconnect._runtime.clock import sleep

Addresses = dict[str, str]
Case = Callable[[Addresses], Awaitable[object]]


async def http(at: Addresses) -> object:
    report = await tryconnect.probe(at["http"])
    return [report.reason, report.status]


async def https(at: Addresses) -> object:
    report = await tryconnect.probe(at["https"])
    return [report.reason, report.tls is not None]


async def tcp(at: Addresses) -> object:
    return (await tryconnect.probe(at["tcp"])).reason


async def unix(at: Addresses) -> object:
    return (await tryconnect.probe(at["unix"])).reason


async def name(at: Addresses) -> object:
    report = await tryconnect.probe(at["name"])
    return [report.reason, report.timings.dns is not None]


async def refused(at: Addresses) -> object:
    return (await tryconnect.probe(at["refused"])).reason


async def certificate(at: Addresses) -> object:
    return (await tryconnect.probe(at["untrusted"])).reason


async def silent(at: Addresses) -> object:
    started = time.monotonic()
    report = await tryconnect.probe(at["silent"], timeout=0.3)
    return [report.reason, time.monotonic() - started]


async def cancelled(at: Addresses) -> object:
    task = asyncio.get_running_loop().create_task(tryconnect.try_connect(at["silent"]))
    await sleep(0.1)
    started = time.monotonic()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return time.monotonic() - started
    return None


async def fetch_text(at: Addresses) -> object:
    return await tryconnect.fetch_text(at["http"])


async def failed_fetch(at: Addresses) -> object:
    try:
        return await tryconnect.fetch_text(at["missing"])
    except tryconnect.FetchError as error:
        return error.report.status


async def kept(at: Addresses) -> object:
    """A client keeps its connections alive, whatever thread they are in."""
    async with tryconnect.Client() as client:
        reports = [await client.probe(at["http"]) for _ in range(3)]
    return [report.timings.connect is None for report in reports]


async def chosen(at: Addresses) -> object:
    """Everything goes through the portal, even in loops that do not need it."""
    async with tryconnect.Client(loop="portal") as client:
        return [(await client.probe(at[name])).reason for name in ("http", "https", "tcp", "unix")]


async def bulk(at: Addresses) -> object:
    """Fifty at once, and half of them fail."""
    async with tryconnect.probe_many([at["http"], at["refused"]] * 25, limit=50) as probes:
        return sorted([report.reason async for report in probes])


async def forgotten_bulk(at: Addresses) -> object:
    """A run ends by itself when its consumer is gone."""
    async for report in tryconnect.probe_many([at["http"]] + [at["silent"]] * 10):
        return report.reason
    return None


async def waiting(at: Addresses) -> object:
    return [report.reason for report in await tryconnect.wait_until_up(at["http"], at["tcp"])]


async def waiting_in_vain(at: Addresses) -> object:
    try:
        await tryconnect.wait_until_up(at["refused"], timeout=0.3)
    except tryconnect.WaitTimeout as error:
        return [error.report.reason]
    return None


async def watching(at: Addresses) -> object:
    async for report in tryconnect.watch(at["http"], every=0.01):
        return report.reason
    return None


def blocking(at: Addresses) -> object:
    """Run a job in the executor, in a thread that its loop may mark as running."""
    with tryconnect.sync.Client() as client:
        kept = client.try_connect(at["http"])
    text = tryconnect.sync.fetch_text(at["http"])
    many = [report.reason for report in tryconnect.sync.probe_many([at["tcp"]] * 3)]
    return [kept, text, *many]


async def in_executor(at: Addresses, run_in_executor: Any) -> object:
    """Return the result of a job; ``None`` if there is no executor."""
    try:
        return await run_in_executor(None, blocking, at)
    except NotImplementedError:
        return None


CASES: tuple[Case, ...] = (
    *(http, https, tcp, unix, name),
    *(refused, certificate, silent, cancelled),
    *(fetch_text, failed_fetch, kept),
    *(bulk, forgotten_bulk, waiting, waiting_in_vain, watching),
)
"""They run in this order; those that open the portal in every loop come last, in ``main``."""


def threads() -> int:
    """Return the number of threads of the process, including those of C libraries; 0 if unknown."""
    folder = Path("/proc/self/task")
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0


def has_portal() -> bool:
    return any(thread.name == "tryconnect-portal" for thread in threading.enumerate())


async def settled(most: int) -> int:
    """Count the threads once those of closed c-ares channels have ended, which takes a moment."""
    for _ in range(200):
        if threads() <= most:
            break
        await sleep(0.01)
    return threads()


def forbid_executor() -> None:
    """Make the loop's executor fail, if the loop allows its methods to be replaced."""

    def refuse(*args: object) -> None:
        raise AssertionError(f"the executor was to run {args}")

    with contextlib.suppress(AttributeError):
        asyncio.get_running_loop().run_in_executor = refuse  # type: ignore[assignment]


class Watch:
    """Records the peak number of threads, at every import and every ``await``."""

    def __init__(self) -> None:
        self.most = threads()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._stop.wait(0.001):
            self.most = max(self.most, threads() - 1)  # without this one

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


async def main(loop: str, at: Addresses, outcomes: dict[str, object]) -> None:
    run_in_executor = getattr(asyncio.get_running_loop(), "run_in_executor", None)
    forbid_executor()
    tasks, before = asyncio.all_tasks(), threads()
    with Watch() as watch:
        for case in CASES:
            outcomes[case.__name__] = await case(at)
    outcomes["most threads"] = watch.most - before
    outcomes["portal"] = has_portal()
    outcomes["threads"] = await settled(before + 1 + DRIVERS[loop].threads) - before
    outcomes["chosen"] = await chosen(at)
    if run_in_executor is not None:
        outcomes["in_executor"] = await in_executor(at, run_in_executor)
    outcomes["tasks"] = len(asyncio.all_tasks() - tasks)


def run(loop: str, addresses: str) -> None:
    # On a busy machine any step may take 0.1 s; asyncio and qasync complain, each with its own
    # logger.
    if logging.lastResort is not None:
        logging.lastResort.addFilter(lambda record: not str(record.msg).startswith("Executing "))
    tryconnect.Client()  # imports aiohttp here, since a call would start a thread for that
    outcomes: dict[str, object] = {}
    work: Coroutine[Any, Any, None] = main(loop, json.loads(addresses), outcomes)
    DRIVERS[loop].run(work)
    print(json.dumps(outcomes))  # noqa: T201 - this is a program


if __name__ == "__main__":
    run(*sys.argv[1:])
