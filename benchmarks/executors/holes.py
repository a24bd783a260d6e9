"""Checks addresses that never answer, all at once: a program for one way of asking.

``python -m benchmarks.executors.holes LOOP WAY TIMEOUT URL…``

Prints how long it took, the most threads of the process meanwhile, and how long an innocent job
waited that was submitted to the executor a tenth of a second after the start.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import aiohttp
import requests

import tryconnect
from benchmarks.executors.loops import LOOPS
from benchmarks.executors.processes import say

Way = Callable[[Sequence[str], float], Awaitable[None]]


async def requests_in_executor(urls: Sequence[str], timeout: float) -> None:
    """Ask with requests, each in the loop's executor."""

    def get(url: str) -> bool:
        try:
            requests.get(url, timeout=timeout)
        except requests.RequestException:
            return False
        return True

    loop = asyncio.get_running_loop()
    # Not by gather(): QtAsyncio cannot cancel one (its futures lack what asyncio's have).
    for job in [loop.run_in_executor(None, get, url) for url in urls]:
        await job


async def by_aiohttp(
    urls: Sequence[str], timeout: float, *, resolver: aiohttp.ThreadedResolver | None = None
) -> None:
    """Ask with aiohttp, in one session without a limit."""
    limits = aiohttp.ClientTimeout(total=timeout)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, resolver=resolver), timeout=limits
    ) as session:

        async def get(url: str) -> bool:
            try:
                async with session.get(url):
                    return True
            except (aiohttp.ClientError, TimeoutError):
                return False

        await asyncio.gather(*map(get, urls))


async def aiohttp_threaded(urls: Sequence[str], timeout: float) -> None:
    """Ask with aiohttp, resolving names in the executor."""
    await by_aiohttp(urls, timeout, resolver=aiohttp.ThreadedResolver())


async def by_tryconnect(urls: Sequence[str], timeout: float) -> None:
    """Ask with tryconnect."""
    async with tryconnect.probe_many(urls, timeout=timeout) as probes:
        async for _ in probes:
            pass


WAYS: Final[dict[str, Way]] = {
    "requests in the executor": requests_in_executor,
    "aiohttp": by_aiohttp,
    "aiohttp, ThreadedResolver": aiohttp_threaded,
    "tryconnect": by_tryconnect,
}


class Threads:
    """Counts the threads of the process except itself, including those of C libraries."""

    def __init__(self) -> None:
        self.most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def _count(self) -> None:
        while not self._over.wait(0.02):
            self.most = max(self.most, len(os.listdir("/proc/self/task")) - 1)  # noqa: PTH208

    def end(self) -> int:
        """Stop counting; return the most there were."""
        self._over.set()
        self._thread.join()
        return self.most


async def innocent() -> float:
    """Return how long an empty job waits for the executor."""
    await asyncio.sleep(0.1)
    begun = time.monotonic()
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    return time.monotonic() - begun


async def measured(way: Way, urls: Sequence[str], timeout: float) -> None:
    """Ask all, and print the figures."""
    threads = Threads()
    begun = time.monotonic()
    waiting = asyncio.ensure_future(innocent())
    try:
        await way(urls, timeout)
    except NotImplementedError:
        waiting.cancel()
        say(impossible=True)
        return
    total = time.monotonic() - begun
    say(total=total, threads=threads.end(), waited=await waiting)


def main() -> None:
    """Run one way."""
    loop, way, timeout, *urls = sys.argv[1:]
    LOOPS[loop](measured(WAYS[way], urls, float(timeout)))


if __name__ == "__main__":
    main()
