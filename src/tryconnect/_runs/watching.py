"""Following an address: its first report, then the report of each change between up and down."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Self

from tryconnect._address.request import read_request
from tryconnect._address.target import address_text
from tryconnect._model.expect import as_expect
from tryconnect._model.faults import Interrupted
from tryconnect._model.reason import Reason
from tryconnect._options import UP, check_method, check_positive_int, check_seconds
from tryconnect._runs.waiting import repeated_check
from tryconnect._runtime.clock import CLOCK
from tryconnect._runtime.pulse import Wake

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from yarl import URL

    from tryconnect._model.expect import ExpectLike
    from tryconnect._model.report import Report
    from tryconnect._runs.waiting import Check
    from tryconnect._runtime.clock import Clock

__all__ = ["Hysteresis", "Watch", "watch"]

JITTER = 0.1
"""Watches spread by a tenth, so that a thousand of them do not fall into step."""


def watch(
    check: Check,
    address: str | URL,
    *,
    every: float,
    timeout: float,
    expect: ExpectLike,
    rise: int,
    fall: int,
    strict: bool = True,
    method: str = "GET",
) -> Watch:
    """Return a watch; see :func:`tryconnect.watch`.

    ``strict``: the caller has written the expectation for this very address.
    """
    request = read_request(
        address_text(address),
        as_expect(expect),
        strict=strict and expect is not UP,
        method=check_method(method),
    )
    return Watch(
        partial(repeated_check(check, request), check_seconds(timeout)),
        every=check_seconds(every, "every"),
        rise=check_positive_int(rise, "rise"),
        fall=check_positive_int(fall, "fall"),
    )


class Hysteresis:
    """Whether an address counts as up: changes only when enough reports in a row say so.

    Args:
        rise: How many good reports in a row make it up.
        fall: How many bad ones make it down.
    """

    def __init__(self, *, rise: int = 1, fall: int = 1) -> None:
        self.up: bool | None = None
        self._told = False
        self._needed = {True: rise, False: fall}
        self._in_a_row = 0

    def update(self, report: Report) -> bool:
        """Take the next report; return whether it is the first, or changes the state.

        A fault of this machine says nothing about the address.
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

    An async iterator without an end. Between two steps it holds nothing: no task, no connection.
    Leaving the loop, or a cancellation, ends it at once.

    Attributes:
        due: when the latest check was to begin, by the clock.

    Example:
        >>> watch = tryconnect.watch("example.com")
        >>> print((await anext(watch)).reason)
        ok

    .. versionadded:: 0.1
    """

    due = 0.0

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
        self._state = Hysteresis(rise=rise, fall=fall)
        self._next: float | None = None
        self._closed = False
        self._wake = Wake()

    async def aclose(self) -> None:
        """End the watch: the next step is the end. A second call does nothing."""
        self._closed = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Report:
        while not self._closed:
            await self._until_due()
            report = self._wake.excuse(await self._check())
            if isinstance(report.error, Interrupted):
                self._next = None  # that check proved nothing: make it again
            if self._state.update(report):
                return report
        raise StopAsyncIteration

    async def _until_due(self) -> None:
        """Wait for the next check, unless the last one has taken longer than to there."""
        self._wake.look()
        now = self._clock.now()
        self.due = now if self._next is None else max(now, self._next)
        if self.due > now:
            await self._clock.sleep(self.due - now)
        spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - keeps no secret
        self._next = self.due + self._every * spread
