"""Waiting that a broken loop cannot prolong: it asks no more of the loop than ``call_soon``.

Deadlines of asyncio's own hang on the loop's clock and timers, which are what is examined.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["LIMIT", "Outcome", "bounded", "until"]

_T = TypeVar("_T")

LIMIT = 2.0
"""Seconds that one test may take: what works takes milliseconds, on a busy machine too."""


async def until(done: Callable[[], bool], *, timeout: float | None = None) -> bool:
    """Wait until something is so, or the time is up (``LIMIT``); tell whether it is.

    The loop is kept turning in steps of a millisecond: others in it go on, but it is never idle.
    """
    end = time.monotonic() + (LIMIT if timeout is None else timeout)
    while not done():
        if time.monotonic() >= end:
            return False
        time.sleep(_STEP)  # noqa: ASYNC251 - the loop's own timers may be broken
        await asyncio.sleep(0)
    return True


@dataclass(frozen=True, slots=True)
class Outcome(Generic[_T]):
    """How some work ended: with a value, by an exception, or not in time (then both are None)."""

    value: _T | None = None
    error: Exception | None = None


async def bounded(
    work: Coroutine[object, object, _T], *, timeout: float | None = None
) -> Outcome[_T]:
    """Do some work in a task of its own, and leave it where it takes too long (``LIMIT``)."""

    async def go() -> Outcome[_T]:
        try:
            return Outcome(value=await work)
        except Exception as error:  # noqa: BLE001 - a value: some loops print what tasks raise
            return Outcome(error=error)

    task = asyncio.get_running_loop().create_task(go())
    try:
        if await until(task.done, timeout=timeout):
            return task.result()
        return Outcome()
    finally:
        if not task.done():
            task.cancel()
            await until(task.done, timeout=_FAREWELL)


_STEP = 0.001

_FAREWELL = 0.5
"""Seconds for what is cancelled to end."""
