"""What a watch has seen of one address so far."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tryconnect.errors import Reason

if TYPE_CHECKING:
    from tryconnect import Report

__all__ = ["REMEMBERED", "History", "share"]

REMEMBERED = 30
"""Reports that a table has room to show as a row of bars."""


@dataclass(slots=True)
class History:
    """An address that is watched.

    Attributes:
        address: as it was typed.
        checks: how many checks ended; those in which our own machine was at fault do not count.
        good: how many of them were good.
        changes: how often it went up or down.
        state: the report of the last change, or the first one.
        since: when that was, by a monotonic clock.
        latest: the last reports.
    """

    address: str
    checks: int = 0
    good: int = 0
    changes: int = 0
    state: Report | None = None
    since: float = 0.0
    latest: deque[Report] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def take(self, report: Report) -> None:
        """Take a report, whether it changes anything or not."""
        self.latest.append(report)
        if report.reason is not Reason.local:
            self.checks += 1
            self.good += report.ok

    def change(self, report: Report, now: float) -> None:
        """Take note of the first state, or a change."""
        self.changes += self.state is not None
        self.state, self.since = report, now


def share(watched: History) -> str:
    """Say how many of the checks were good."""
    return f"{watched.good / watched.checks:.1%}" if watched.checks else "–"  # noqa: RUF001
