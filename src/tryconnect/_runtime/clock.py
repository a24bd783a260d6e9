"""Monotonic time: by the loop's own clock if that is monotonic, or else by the portal's."""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tryconnect._runtime.portal import call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["CLOCK", "Clock", "keeps_time", "sleep"]


class Clock(NamedTuple):
    """What time is made of here; tests bring one that goes faster.

    Attributes:
        now: Seconds, from any point on; never goes back.
        sleep: Waits that many seconds.
    """

    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]


async def sleep(delay: float) -> None:
    """Sleep by a monotonic clock: the running loop's, or else the portal's.

    Args:
        delay: Seconds.
    """
    if keeps_time(asyncio.get_running_loop()):
        # It may have a clock, but no timers.
        with contextlib.suppress(NotImplementedError, AttributeError):
            return await asyncio.sleep(delay)
    return await call(partial(asyncio.sleep, delay))


def keeps_time(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether a loop's clock is monotonic.

    One that reads seconds since 1970 is the wall clock, which jumps when it is set or the machine
    resumes. (On a machine that does not know the date, the wall clock starts with the machine.)
    """
    try:
        now = loop.time()
    except (NotImplementedError, AttributeError):
        return False
    return abs(now - time.time()) > _ALIKE or abs(now - time.monotonic()) < _ALIKE


_ALIKE = 3600.0
"""Seconds by which two readings of one clock may differ: the wall's may have been set between."""


CLOCK = Clock(time.monotonic, sleep)
