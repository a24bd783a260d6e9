"""Timeouts that work in a broken loop: they rely on nothing but ``call_soon``.

asyncio's own depend on the loop's clock and timers, which are being examined.
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
"""Seconds for one test: what works takes milliseconds, even on a busy machine."""

_STEP = 0.001
"""Seconds between two looks at a condition."""

_CANCEL_TIMEOUT = 0.5
"""Seconds for a cancelled task to end."""


async def until(done: Callable[[], bool], *, timeout: float | None = None) -> bool:
    """Wait until a condition holds or the timeout (``LIMIT``) expires; return whether it holds.

    The loop runs in steps of a millisecond: its other tasks continue, but it is never idle.
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
    """The outcome of a coroutine: a value or an exception; neither if it timed out."""

    value: _T | None = None
    error: Exception | None = None


async def bounded(
    work: Coroutine[object, object, _T], *, timeout: float | None = None
) -> Outcome[_T]:
    """Run a coroutine in a task of its own; abandon it after the timeout (``LIMIT``)."""

    async def go() -> Outcome[_T]:
        try:
            return Outcome(value=await work)
        except Exception as error:
            return Outcome(error=error)

    task = asyncio.get_running_loop().create_task(go())
    try:
        if await until(task.done, timeout=timeout):
            return task.result()
        return Outcome()
    finally:
        if not task.done():
            task.cancel()
            await until(task.done, timeout=_CANCEL_TIMEOUT)
