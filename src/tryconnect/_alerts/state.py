"""When to tell: a machine of values, which is asked and told the time.

It compares what is so with what was told last, so nothing is told twice, and whatever could not be
told at its time, for a failure, a limit or a maintenance, is told later if it is still so.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tryconnect._alerts.alert import AlertKind

__all__ = ["Pace", "Teller"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often to tell.

    Args:
        remind: Seconds after which a target that is still down is told again; ``None``: never.
        most: How many alerts of a target may be delivered within ``per`` seconds; what happens
            beyond that is told later, if it is still so.
        per: See ``most``.
        first_retry: Seconds until a failed delivery is tried again; doubled after each.
        last_retry: The most seconds between two attempts.
    """

    remind: float | None = None
    most: int = 10
    per: float = 3600.0
    first_retry: float = 5.0
    last_retry: float = 600.0


class Teller:
    """What one target's state is, and what was told of it by one way.

    Times are seconds of a clock that never goes back.

    Args:
        pace: How often to tell.
        told_up: What was told last; ``None``: that is unknown, so whatever is so is told. A target
            that nobody has heard of counts as up.
    """

    def __init__(self, pace: Pace, *, told_up: bool | None = True) -> None:
        self._pace = pace
        self._up: bool | None = None
        self._told_up = told_up
        self._told_at: float | None = None
        self._deliveries: deque[float] = deque(maxlen=pace.most)
        self._under_way: bool | None = None
        self._failures = 0
        self._not_before = float("-inf")

    def update(self, *, up: bool) -> None:
        """Take the state of the target."""
        self._up = up

    @property
    def settled(self) -> bool:
        """Whether nothing will be due before the next update."""
        return self._under_way is None and (
            self._up is None or (self._up and self._told_up is True)
        )

    @property
    def told_down(self) -> bool:
        """Whether the last that was told is that the target is down."""
        return self._told_up is False

    def due(self, now: float, *, quiet: bool = False) -> AlertKind | None:
        """Return what is to be told now, if anything; its delivery then counts as under way.

        Args:
            now: The time.
            quiet: Maintenance is going on: nothing is to be told.
        """
        if quiet or self._up is None or self._under_way is not None or now < self._not_before:
            return None
        kind = self._kind(now)
        if kind is None or self._too_many(now):
            return None
        self._under_way = self._up
        return kind

    def delivered(self, now: float) -> None:
        """Take that the delivery has succeeded."""
        self._told_up, self._under_way = self._under_way, None
        self._told_at = now
        self._deliveries.append(now)
        self._failures, self._not_before = 0, float("-inf")

    def failed(self, now: float) -> None:
        """Take that it has failed: it is due again after a while."""
        self._under_way = None
        wait = self._pace.first_retry * 2 ** min(self._failures, 30)
        self._failures += 1
        self._not_before = now + min(wait, self._pace.last_retry)

    def _kind(self, now: float) -> AlertKind | None:
        if self._up != self._told_up:
            return AlertKind.up if self._up else AlertKind.down
        if self._up or self._pace.remind is None:
            return None
        if self._told_at is None:  # by the process before this one
            self._told_at = now
        return AlertKind.still_down if now - self._told_at >= self._pace.remind else None

    def _too_many(self, now: float) -> bool:
        full = len(self._deliveries) == self._pace.most
        return full and now - self._deliveries[0] < self._pace.per
