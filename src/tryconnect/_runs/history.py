"""What a watch has seen of one address: its state, since when, and its checks."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from tryconnect._model.reason import Reason

if TYPE_CHECKING:
    from tryconnect._model.report import Report

__all__ = ["History", "Point"]


class Point(NamedTuple):
    """One check of the past: when it ended, its reason, and how many seconds it took."""

    time: float
    reason: Reason
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the check was good."""
        return self.reason is Reason.ok


class History:
    """The history of one address, in plain values: a report can hold all frames of its check.

    Args:
        address: as it was typed.
        size: how many checks to remember.

    Attributes:
        checks: how many checks have ended; those in which this machine was at fault do not count.
        good: how many of them were good.
        transitions: how often the state changed.
        state: the reason of the first report or of the last change; ``None`` before the first.
        since: when that was, by the caller's clock.
        detail: the latest report's.
        latest: the latest checks.
    """

    def __init__(self, address: str, size: int) -> None:
        self.address = address
        self.checks = self.good = self.transitions = 0
        self.state: Reason | None = None
        self.since = 0.0
        self.detail = ""
        self.latest: deque[Point] = deque(maxlen=size)

    @property
    def up(self) -> bool | None:
        """Whether the address is up; ``None`` while that is unknown."""
        return None if self.state in {None, Reason.local} else self.state is Reason.ok

    @property
    def share(self) -> str:
        """The share of good checks, as a percentage."""
        return f"{self.good / self.checks:.1%}" if self.checks else "–"  # noqa: RUF001

    def take(self, report: Report, now: float) -> Point:
        """Record a check, whether it changes the state or not."""
        if report.reason is not Reason.local:
            self.checks += 1
            self.good += report.ok
        self.detail = report.detail
        point = Point(now, report.reason, report.timings.total)
        self.latest.append(point)
        return point

    def change(self, report: Report, now: float) -> None:
        """Record the first state, or a change of it."""
        self.transitions += self.state is not None
        self.state, self.since = report.reason, now
