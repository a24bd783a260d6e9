"""A loop's clock and its timers."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import TYPE_CHECKING

from tryconnect._model.render import duration
from tryconnect._runtime.clock import keeps_time
from tryconnect.doctor._bounded import LIMIT, until
from tryconnect.doctor._findings import fault, ok

if TYPE_CHECKING:
    from tryconnect.doctor._findings import Finding

__all__ = ["clock", "timers"]

__all__ = ["clock", "timers"]


async def timers(name: str) -> Finding:
    """See whether ``call_later`` calls, and not before its time."""
    fired: list[float] = []
    begun = time.monotonic()
    handle = asyncio.get_running_loop().call_later(_DELAY, lambda: fired.append(time.monotonic()))
    try:
        await until(lambda: bool(fired))
    finally:
        handle.cancel()
    if not fired:
        return fault(
            name,
            f"a timer of {duration(_DELAY)} did not fire within {LIMIT:g} s",
            "have the loop's call_later mended: no deadline of asyncio's works in this loop",
        )
    late = fired[0] - begun - _DELAY
    if late < -_TOO_EARLY:
        return fault(
            name,
            f"a timer of {duration(_DELAY)} fired {duration(-late)} too early",
            "have the loop's call_later mended: it takes seconds",
        )
    return ok(name, f"a timer of {duration(_DELAY)} fired {duration(max(late, 0))} late")


_DELAY = 0.1

_TOO_EARLY = 0.03
"""Seconds: clocks of GUIs tick in steps of up to 16 ms."""


async def clock(name: str) -> Finding:
    """See whether ``time()`` goes forward, evenly, and is not the wall's clock."""
    loop = asyncio.get_running_loop()
    begun, readings = time.monotonic(), [loop.time()]

    def read() -> bool:
        readings.append(loop.time())
        return time.monotonic() - begun > _DELAY

    await until(read)
    passed, counted = time.monotonic() - begun, readings[-1] - readings[0]
    if any(later < earlier for earlier, later in pairwise(readings)):
        return fault(name, "time() goes backwards", _ADVICE)
    if not passed / 2 < counted < passed * 2:
        return fault(
            name, f"time() counts {counted:.3g} where {duration(passed)} have passed", _ADVICE
        )
    if not keeps_time(loop):
        return fault(
            name,
            "time() is the wall's clock: when that is set, or a machine resumes, deadlines jump",
            _ADVICE,
        )
    return ok(name, "time() goes forward evenly, and nobody sets it")


_ADVICE = "have the loop's time() return time.monotonic(): every deadline of asyncio's hangs on it"
