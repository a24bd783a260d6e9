"""Runs an asyncio client: a number of workers, each checking one address after another."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.work import Tally, Work

__all__ = ["OK", "in_workers"]

OK = 200


async def in_workers(work: Work, tally: Tally, check: Callable[[str], Awaitable[bool]]) -> None:
    """Run as many workers as checks at once, each taking one address after another."""
    urls = work.urls()

    async def worker() -> None:
        for url in urls:
            began = time.perf_counter()
            try:
                up = await check(url)
            except Exception:  # noqa: BLE001 - whatever a client raises, it means "no"
                up = False
            tally.note(up, time.perf_counter() - began)

    await asyncio.gather(*(worker() for _ in range(work.at_once)))
