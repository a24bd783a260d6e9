"""Times at which nothing is to be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["DAYS", "Maintenance"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A maintenance window: once, or on certain days of each week.

    Args:
        start: When it starts: a moment, or a time of the day.
        end: When it ends, likewise. A time of day that is not after ``start`` is the next day's.
        days: The days of the week on which it starts, as in ``DAYS``; empty: on each. Only for
            times of the day.
        zone: The zone of times without one; ``None``: this machine's.
        targets: The names of the targets; empty, with ``groups`` empty too: all.
        groups: The groups of targets.

    Raises:
        ValueError: The times make no window.
    """

    start: datetime | time
    end: datetime | time
    days: Collection[str] = ()
    zone: tzinfo | None = None
    targets: Collection[str] = ()
    groups: Collection[str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.start, datetime) is not isinstance(self.end, datetime):
            raise ValueError("start and end are both moments, or both times of the day")
        if unknown := sorted(set(self.days) - set(DAYS)):
            raise ValueError(f"a day is one of {', '.join(DAYS)}, not {unknown[0]!r}")
        if isinstance(self.start, datetime):
            if self.days:
                raise ValueError("days are for times of the day, not for moments")
            if not self._moment(self.start) < self._moment(self.end):  # type: ignore[arg-type]
                raise ValueError("it ends before it starts")

    def covers(self, now: datetime, name: str, group: str) -> bool:
        """Return whether nothing is to be told of a target at this moment."""
        return self._is_for(name, group) and self._is_on(now)

    def _is_for(self, name: str, group: str) -> bool:
        everything = not (self.targets or self.groups)
        return everything or name in self.targets or (group != "" and group in self.groups)

    def _is_on(self, now: datetime) -> bool:
        if isinstance(self.start, datetime):
            return self._moment(self.start) <= now < self._moment(self.end)  # type: ignore[arg-type]
        here = now.astimezone(self.zone)
        return any(
            self._begins_on(day) and start <= now < end
            for day in (here.date() - timedelta(days=1), here.date())
            for start, end in [self._window(day)]
        )

    def _begins_on(self, day: date) -> bool:
        return not self.days or DAYS[day.weekday()] in self.days

    def _window(self, day: date) -> tuple[datetime, datetime]:
        next_day = day + timedelta(days=1) if self.end <= self.start else day  # type: ignore[operator]
        return (
            self._moment(datetime.combine(day, self.start)),  # type: ignore[arg-type]
            self._moment(datetime.combine(next_day, self.end)),  # type: ignore[arg-type]
        )

    def _moment(self, time: datetime) -> datetime:
        if time.tzinfo is not None:
            return time
        return time.astimezone() if self.zone is None else time.replace(tzinfo=self.zone)
