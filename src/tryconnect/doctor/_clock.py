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

_DELAY = 0.1
"""Seconds that a timer is set to, and for which the clock is read."""

_TOO_EARLY = 0.03
"""Seconds: clocks of GUIs tick in steps of up to 16 ms."""

_ADVICE = "have time() return time.monotonic(): all of asyncio's timeouts depend on it"


async def timers() -> Finding:
    """Check that ``call_later`` calls back, and not too early."""
    fired: list[float] = []
    begun = time.monotonic()
    handle = asyncio.get_running_loop().call_later(_DELAY, lambda: fired.append(time.monotonic()))
    try:
        await until(lambda: bool(fired))
    finally:
        handle.cancel()
    if not fired:
        return fault(
            f"a timer of {duration(_DELAY)} did not fire within {LIMIT:g} s",
            "fix the loop's call_later: none of asyncio's timeouts work in this loop",
        )
    late = fired[0] - begun - _DELAY
    if late < -_TOO_EARLY:
        return fault(
            f"a timer of {duration(_DELAY)} fired {duration(-late)} too early",
            "fix the loop's call_later: its delays are in seconds",
        )
    return ok(f"a timer of {duration(_DELAY)} fired {duration(max(late, 0))} late")


async def clock() -> Finding:
    """Check that ``time()`` advances evenly, and is not the wall clock."""
    loop = asyncio.get_running_loop()
    begun, readings = time.monotonic(), [loop.time()]

    def read() -> bool:
        readings.append(loop.time())
        return time.monotonic() - begun > _DELAY

    await until(read)
    passed, counted = time.monotonic() - begun, readings[-1] - readings[0]
    if any(later < earlier for earlier, later in pairwise(readings)):
        return fault("time() goes backwards", _ADVICE)
    if not passed / 2 < counted < passed * 2:
        return fault(f"time() counts {counted:.3g} while {duration(passed)} have passed", _ADVICE)
    if not keeps_time(loop):
        return fault(
            "time() is the wall clock: timeouts jump when it is set, or the machine resumes",
            _ADVICE,
        )
    return ok("time() advances evenly, and cannot be set")
