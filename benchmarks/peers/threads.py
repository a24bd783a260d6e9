"""requests, in threads."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import requests

from benchmarks.peers._workers import OK

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.work import Tally, Work

__all__ = ["executor", "pool"]


async def executor(work: Work, tally: Tally) -> None:
    """In the loop's default executor: the idiom that tryconnect replaces."""
    check = functools.partial(blocking_check, requests.get, work.timeout)
    loop = asyncio.get_running_loop()
    checks = (loop.run_in_executor(None, check, url) for url in work.urls())
    for up, took in await asyncio.gather(*checks):
        tally.note(up, took)


def pool(work: Work, tally: Tally) -> None:
    """In a thread pool, with a session for each thread."""
    own = threading.local()

    def begin() -> None:
        own.session = requests.Session()

    def check(url: str) -> tuple[bool, float]:
        return blocking_check(own.session.get, work.timeout, url)

    with ThreadPoolExecutor(work.at_once, initializer=begin) as threads:
        for up, took in threads.map(check, work.urls()):
            tally.note(up, took)


def blocking_check(get: Callable[..., Any], timeout: float, url: str) -> tuple[bool, float]:
    """Check one address in the usual idiom; return the answer, and the seconds it took."""
    began = time.perf_counter()
    try:
        with get(url, timeout=timeout) as response:
            up = response.status_code == OK
    except OSError:  # what requests raises
        up = False
    return up, time.perf_counter() - began
