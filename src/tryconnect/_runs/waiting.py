"""Checks in the course of time: until an address is up or down, and each change between the two.

The patterns take a ``check`` and know no network.  Time is monotonic, whatever the loop's own clock
is: neither a suspended machine nor a clock that is set makes them hurry or stand still.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from typing import TYPE_CHECKING, NamedTuple, Self, TypeAlias

from tryconnect._runtime.portal import sleep
from tryconnect._runtime.threads import is_gone, until_done
from tryconnect.errors import Reason, WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from tryconnect._model.report import Report

__all__ = ["CLOCK", "Clock", "Steadiness", "Watch", "pauses", "wait_until"]

Check: TypeAlias = "Callable[[float], Awaitable[Report]]"
"""Checks one address within that many seconds."""


class Clock(NamedTuple):
    """What time is made of here; tests bring one that goes faster.

    Attributes:
        now: seconds, from any point on; never goes back.
        sleep: waits that many seconds.
    """

    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]


CLOCK = Clock(time.monotonic, sleep)


FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
"""Seconds.  What starts is found within moments; what stays down is not hammered at."""

JITTER = 0.1
"""Watches spread by a tenth, so that a thousand of them do not fall into step."""


async def wait_until(
    checks: Sequence[Check],
    *,
    up: bool,
    timeout: float,
    longest: float,
    any_of: bool,
    clock: Clock = CLOCK,
) -> list[Report]:
    """Check again and again until all addresses, or any of them, are up (or down).

    Args:
        checks: one for each address.
        up: what is waited for.
        timeout: seconds for everything.
        longest: seconds that a single check may take.
        any_of: one address is enough.
        clock: the time.

    Returns:
        The last report of each address; of those only that got there, where one is enough.

    Raises:
        WaitTimeout: the deadline came first.
    """
    loop = asyncio.get_running_loop()
    deadline = clock.now() + timeout
    waits = [_Wait(check, up=up, deadline=deadline, longest=longest) for check in checks]
    tasks = [loop.create_task(wait.run(clock)) for wait in waits]
    try:
        left = set(tasks)
        while left and not (any_of and any(wait.reached for wait in waits)):
            done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a fault in one of them is not waited out
    finally:
        if not is_gone(loop, sys.exc_info()[0]):
            for task in tasks:
                task.cancel()
            await until_done(*tasks)
        for task in tasks:
            # Nobody else asks for the others' faults.
            _ = task.done() and (task.cancelled() or task.exception())
    reached = [wait.report for wait in waits if wait.report is not None and wait.reached]
    missed = [wait.report for wait in waits if wait.report is not None and not wait.reached]
    if missed and not (any_of and reached):
        error = missed[0].error
        cause = error if isinstance(error, BaseException) else None
        raise WaitTimeout(missed, timeout=timeout, up=up) from cause
    return reached


class _Wait:
    """Waiting for one address."""

    def __init__(self, check: Check, *, up: bool, deadline: float, longest: float) -> None:
        self.reached = False
        self.report: Report | None = None
        self._check = check
        self._up = up
        self._deadline = deadline
        self._longest = longest

    async def run(self, clock: Clock) -> None:
        """Check until the address is as wished, or the deadline has come."""
        for pause in pauses():
            left = self._deadline - clock.now()
            if left <= 0 and self.report is not None:
                return
            report = await self._check(max(min(left, self._longest), _A_MOMENT))
            if self._takes(report, short=left < self._longest):
                self.reached = report.ok is self._up
            if self.reached:
                return
            await clock.sleep(max(0.0, min(pause, self._deadline - clock.now())))

    def _takes(self, report: Report, *, short: bool) -> bool:
        """Keep a report, if it says anything; tell whether it may decide.

        That the last look, which the deadline cuts short, had no answer in time says nothing.
        """
        if short and report.reason is Reason.timeout and self.report is not None:
            return False
        self.report = report
        return report.reason is not Reason.local


_A_MOMENT = 0.001


def pauses() -> Iterator[float]:
    """Yield the pauses before each check, in seconds, for ever.

    "Full jitter": anything between nothing and a bound that doubles, from 0.1 s to 2 s; so that
    those who wait for one server do not ask it in step (Brooker, "Exponential Backoff And Jitter",
    2015).
    """
    bound = FIRST_PAUSE
    while True:
        yield random.uniform(0, bound)  # noqa: S311 - spreads load, keeps no secret
        bound = min(2 * bound, LONGEST_PAUSE)


class Steadiness:
    """Whether an address counts as up: changes only when enough reports in a row say so.

    Args:
        rise: how many good reports in a row make it up.
        fall: how many bad ones make it down.
    """

    def __init__(self, *, rise: int = 1, fall: int = 1) -> None:
        self.up: bool | None = None
        self._told = False
        self._needed = {True: rise, False: fall}
        self._in_a_row = 0

    def changes(self, report: Report) -> bool:
        """Take the next report; tell whether it is the first, or changes the state.

        A report of our own machine's fault says nothing about the address.
        """
        first, self._told = not self._told, True
        if report.reason is Reason.local:
            return first
        if report.ok is self.up:
            self._in_a_row = 0
            return False
        self._in_a_row += 1
        if self.up is not None and self._in_a_row < self._needed[report.ok]:
            return False
        self.up, self._in_a_row = report.ok, 0
        return True


class Watch:
    """The state of an address: the first report, then the report of each change.

    An async iterator without an end.  Between two steps it holds nothing: no task, no connection.
    Leaving the loop, or a cancellation, ends it at once.

    .. versionadded:: 0.1
    """

    def __init__(
        self,
        check: Callable[[], Awaitable[Report]],
        *,
        every: float,
        rise: int,
        fall: int,
        clock: Clock = CLOCK,
    ) -> None:
        self._check = check
        self._every = every
        self._clock = clock
        self._state = Steadiness(rise=rise, fall=fall)
        self._next: float | None = None
        self._closed = False

    async def aclose(self) -> None:
        """End the watch: the next step is the end.  A second call does nothing."""
        self._closed = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Report:
        while not self._closed:
            if self._next is not None:
                await self._clock.sleep(max(0.0, self._next - self._clock.now()))
            spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - keeps no secret
            self._next = self._clock.now() + self._every * spread
            report = await self._check()
            if self._state.changes(report):
                return report
        raise StopAsyncIteration
