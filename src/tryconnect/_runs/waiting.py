"""Repeated checks: wait for a service to come up or go away.

They are given a ``check`` and know no network. Time is monotonic, whatever the loop's own clock is:
neither a suspended machine nor a clock that is set makes them hurry or stand still.
"""

from __future__ import annotations

import asyncio
import random
import sys
from typing import TYPE_CHECKING, Protocol, TypeAlias

from tryconnect._address.request import read_requests
from tryconnect._address.target import address_text
from tryconnect._model.expect import as_expect
from tryconnect._model.faults import Interrupted
from tryconnect._options import CHECK_TIMEOUT, UP, check_method, check_seconds
from tryconnect._runtime.clock import CLOCK
from tryconnect._runtime.pulse import NOTICEABLE
from tryconnect._runtime.threads import ThreadsafeLoop, cannot_await, wait_all
from tryconnect.errors import Reason, WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from yarl import URL

    from tryconnect._address.request import Request
    from tryconnect._model.expect import ExpectLike
    from tryconnect._model.report import Report
    from tryconnect._runtime.clock import Clock

    class Check(Protocol):
        """How a client checks one address."""

        def __call__(self, request: Request, *, timeout: float) -> Awaitable[Report]:
            """Check an address within that many seconds."""


__all__ = ["backoff", "repeated_check", "wait", "wait_until"]

RepeatedCheck: TypeAlias = "Callable[[float], Awaitable[Report]]"
"""Checks one address within that many seconds."""


INITIAL_WAIT = 0.1
MAX_WAIT = 2.0
"""Seconds. What starts is found within moments; what stays down is not hammered."""


async def wait(
    check: Check,
    addresses: Sequence[str | URL],
    *,
    up: bool,
    timeout: float,
    expect: ExpectLike,
    any_of: bool,
    strict: bool = True,
    method: str = "GET",
) -> list[Report]:
    """Wait until addresses are up or down; see :func:`tryconnect.wait_until_up`.

    ``strict``: the caller has written the expectation for these very addresses.
    """
    if not addresses:
        raise ValueError("there is no address to wait for")
    requests = read_requests(
        [*map(address_text, addresses)],
        as_expect(expect),
        strict=strict and expect is not UP,
        method=check_method(method),
    )
    return await wait_until(
        [repeated_check(check, request) for request in requests],
        up=up,
        timeout=check_seconds(timeout),
        longest=CHECK_TIMEOUT,
        any_of=any_of,
    )


async def wait_until(
    checks: Sequence[RepeatedCheck],
    *,
    up: bool,
    timeout: float,
    longest: float,
    any_of: bool,
    clock: Clock = CLOCK,
) -> list[Report]:
    """Check repeatedly until all addresses, or any of them, are up (or down).

    Args:
        checks: One for each address.
        up: What is waited for.
        timeout: Seconds for everything.
        longest: Seconds that a single check may take.
        any_of: Return as soon as one address has got there.
        clock: Replaced by tests.

    Returns:
        The last report of each address; with ``any_of``, only of those that got there.

    Raises:
        WaitTimeout: The deadline came first.
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
        if cannot_await(loop, sys.exc_info()[0]):
            postbox = ThreadsafeLoop(loop)  # who throws this away may do so in any thread
            for task in tasks:
                postbox.call_soon_threadsafe(task.cancel)
        else:
            for task in tasks:
                task.cancel()
            await wait_all(*tasks)
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


def repeated_check(check: Check, request: Request) -> RepeatedCheck:
    """Return a function that checks an address; an unusable address raises at once.

    Raises:
        InvalidAddress: The text is no address.
        ValueError: The expectation does not apply to the address.
    """
    request.valid_target()

    async def ask(timeout: float) -> Report:
        return await check(request, timeout=timeout)

    return ask


class _Wait:
    """The wait for one address."""

    def __init__(self, check: RepeatedCheck, *, up: bool, deadline: float, longest: float) -> None:
        self.reached = False
        self.report: Report | None = None
        self._check = check
        self._up = up
        self._deadline = deadline
        self._longest = longest

    async def run(self, clock: Clock) -> None:
        """Check until the address is as wanted, or the deadline has passed."""
        for pause in backoff():
            left = self._deadline - clock.now()
            if left <= 0 and self.report is not None:
                return
            report = await self._check(max(min(left, self._longest), _A_MOMENT))
            if self._takes(report, short=left < self._longest):
                self.reached = report.ok is self._up
            if self.reached:
                return
            if isinstance(report.error, Interrupted):
                self._deadline += report.error.seconds
            await self._sleep(max(0.0, min(pause, self._deadline - clock.now())), clock)

    async def _sleep(self, pause: float, clock: Clock) -> None:
        """Sleep; if this process was stopped meanwhile, that time does not count."""
        started = clock.now()
        await clock.sleep(pause)
        overslept = clock.now() - started - pause
        if overslept > NOTICEABLE:
            self._deadline += overslept

    def _takes(self, report: Report, *, short: bool) -> bool:
        """Keep a report unless it says nothing; return whether it may decide.

        A timeout of the last check says nothing if the deadline cut that check short.
        """
        if short and report.reason is Reason.timeout and self.report is not None:
            return False
        self.report = report
        return report.reason is not Reason.local


_A_MOMENT = 0.001


def backoff() -> Iterator[float]:
    """Yield the seconds to sleep after each check, for ever.

    "Full jitter": anything from zero to a bound that doubles, from 0.1 s to 2 s, so that programs
    that wait for one server do not ask in step (Brooker, "Exponential Backoff And Jitter", 2015).
    """
    bound = INITIAL_WAIT
    while True:
        yield random.uniform(0, bound)  # noqa: S311 - spreads load, keeps no secret
        bound = min(2 * bound, MAX_WAIT)
