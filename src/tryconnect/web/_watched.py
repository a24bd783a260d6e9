"""A watched target: its state, its last report and its latest checks."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tryconnect._model.reason import Reason
from tryconnect._runs.history import History
from tryconnect.web._targets import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from tryconnect._model.report import Report
    from tryconnect._runs.history import Point
    from tryconnect.web._targets import WatchedTarget

__all__ = ["HISTORY", "Watched", "iso_time", "point_dict"]

HISTORY = 60
"""Checks of each target to remember: ten minutes at the default interval."""


SLOW = 1.0
"""Seconds after which a target that does not answer is taken for a silent one."""


class Watched(History):
    """A target and its history.

    Attributes:
        target: The target.
        request: What to check.
        expect: What its answer must be like, or ``None``.
        clock: Monotonic time, by which a state becomes stale.
        suspect: It may be silent: no check has ended yet, or the last one waited in vain.
        due: When the latest check was to begin.
        begun: When it began.
        waits: It has not begun, as there is no room.
        fault: What ended the latest check where that made no report, in words.
        reasons: How many checks have ended with each reason.
        cert_expiry: When the certificate that was last seen expires, in seconds since 1970.
    """

    def __init__(self, target: WatchedTarget, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(str(target.address), HISTORY)
        self.target = target
        self.request = target.request
        self.expect = self.request.expect
        self.clock = clock
        self.suspect = True
        self.due = self.begun = 0.0
        self.waits = False
        self.fault = ""
        self.reasons: Counter[Reason] = Counter()
        self.cert_expiry: float | None = None
        self._stale_at = 0.0
        self._last: dict[str, Any] | None = None

    @property
    def up(self) -> bool | None:
        """Whether the target is up; ``None`` while that is unknown, or known no longer."""
        up = super().up
        return None if up and self.stale else up

    @property
    def stale(self) -> bool:
        """Whether nobody has checked it for so long that at least one check is missing.

        Checks in which this machine was at fault say nothing, and do not count.
        """
        return self.state is not None and self.clock() > self._stale_at

    @property
    def lateness(self) -> float:
        """How many seconds late the latest check began, or the next one is by now."""
        return max((self.clock() if self.waits else self.begun) - self.due, 0.0)

    def take(self, report: Report, now: float) -> Point:
        """Record a check and its report."""
        self._last = report.as_dict()
        self.reasons[report.reason] += 1
        ends = () if report.tls is None else (report.tls.expires, report.tls.chain_expires)
        known = [end.timestamp() for end in ends if end is not None]
        self.cert_expiry = min(known, default=self.cert_expiry)
        if report.reason is not Reason.local:
            self._stale_at = self.clock() + 2 * self.target.every + self.target.timeout + SLOW
        took = self.clock() - self.begun
        self.suspect = report.reason is Reason.timeout or not (
            report.ok or report.status is not None or took < SLOW
        )
        return super().take(report, now)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without the address's secrets."""
        return {
            **shown(self.target),
            "up": self.up,
            "stale": self.stale,
            "since": None if self.state is None else iso_time(self.since),
            "number": self.reasons.total(),
            "last": self._last,
            "history": [point_dict(point) for point in self.latest],
        }


def point_dict(point: Point) -> dict[str, Any]:
    """Return a check as plain values for JSON."""
    return {
        "time": iso_time(point.time),
        "ok": point.ok,
        "reason": point.reason.value,
        "seconds": point.seconds,
    }


def iso_time(time: float) -> str:
    """Return seconds since 1970 as ISO 8601, in UTC."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
