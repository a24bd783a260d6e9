"""Notice when nothing ran here: a process that was stopped, a machine that slept, a blocked loop.

A peer's silence proves nothing then. A timer beats while checks are running; a beat that comes late
is a gap. Sleep of the machine stops the monotonic clock on Linux, but not ``CLOCK_BOOTTIME``
(clock_gettime(2)).
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from tryconnect._model.faults import Interrupted
from tryconnect._model.reason import Reason

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from tryconnect._model.report import Report

__all__ = ["NOTICEABLE", "PERIOD", "Pulse", "Wake", "slept"]

PERIOD = 0.25
"""Seconds from beat to beat."""

NOTICEABLE = 0.5
"""Seconds by which a beat may be late: a busy machine is no stopped one."""

SHARE = 0.25
"""The share of a check's time that must be lost for this machine to be to blame."""

GAPS = 16
"""Gaps to remember: only those that a check under way has lived through matter."""


SETTLE = 15.0
"""Seconds that the network may take to come back after the machine has slept."""


def slept() -> float:
    """Return how many seconds this machine has slept since it was booted, where that is known."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if clock is None else time.clock_gettime(clock) - time.monotonic()


class Pulse:
    """Beats in a loop while checks are running.

    Args:
        loop: Needs ``call_later``.
        busy: Says whether any are, besides those inside of the context.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, busy: Callable[[], object] = lambda: False
    ) -> None:
        self._loop = loop
        self._busy = busy
        self._timer: asyncio.TimerHandle | None = None
        self._users = 0
        self._gaps: deque[tuple[float, float]] = deque(maxlen=GAPS)

    def start(self) -> None:
        """Begin to beat, and go on while it is busy; a second call does nothing."""
        if self._timer is None:
            self._last, self._slept = time.perf_counter(), slept()
            self._timer = self._loop.call_later(PERIOD, self._beat)

    def stop(self) -> None:
        """End it; a second call does nothing."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def __enter__(self) -> None:
        """Beat while anybody is inside."""
        self._users += 1
        self.start()

    def __exit__(self, *_: object) -> None:
        self._users -= 1
        if not self._users:
            self.stop()

    def blame(self, error: BaseException, started: float) -> BaseException:
        """Return the fault of this machine that explains an error, if there is one, else the error.

        Args:
            error: What a check ended with.
            started: When the check began, by ``time.perf_counter``.
        """
        self._look()
        if not self._gaps:
            return error
        lost = sum(gap for end, gap in self._gaps if end > started)
        if not lost or lost < SHARE * (time.perf_counter() - started):
            return error
        fault = Interrupted(lost)
        fault.__cause__ = error
        return fault

    def _beat(self) -> None:
        self._timer = None
        self._look()
        if self._users or self._busy():
            self._timer = self._loop.call_later(PERIOD, self._beat)

    def _look(self) -> None:
        now, asleep = time.perf_counter(), slept()
        for gap in (now - self._last - PERIOD, asleep - self._slept):
            if gap > NOTICEABLE:
                self._gaps.append((now, gap))
        self._last, self._slept = now, asleep


class Wake:
    """Remembers when this machine woke up: for a while its network is gone, not its peers."""

    def __init__(self) -> None:
        self._slept = slept()
        self._at = -math.inf

    def look(self) -> None:
        """Look whether it has slept; to be called now and then, and asked by ``excuse``."""
        now = slept()
        if now - self._slept > NOTICEABLE:
            self._at = time.perf_counter()
        self._slept = now

    def excuse(self, report: Report) -> Report:
        """Return a report; ``local`` if nothing answered and the machine has just woken up."""
        if report.ok or report.status is not None or report.reason is Reason.local:
            return report
        self.look()
        if time.perf_counter() - self._at > SETTLE:
            return report
        detail = f"this machine has just woken up: {report.detail}"
        return replace(report, reason=Reason.local, detail=detail)
