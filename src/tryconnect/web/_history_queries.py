"""What is asked of a history; all of it runs in a thread of its own, on a connection of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tryconnect.web._watched import iso_time

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

__all__ = [
    "HOUR",
    "MOST_POINTS",
    "Incident",
    "RawCheck",
    "checks_between",
    "incidents_since",
    "open_incidents",
    "series",
    "uptimes",
]

HOUR = 3600
MOST_POINTS = 2000
"""Points of one series: more than a screen has columns."""

UPTIME_DAYS = {"24h": 1, "7d": 7, "30d": 30}


class Incident(NamedTuple):
    """A time for which a target was down.

    Attributes:
        start: When it went down, in seconds since 1970.
        stop: When it came up again; ``None``: it has not.
        reason: Why, at first.
        detail: The sentence of that report.
        told: Whether an alert of it was delivered.
    """

    start: float
    stop: float | None
    reason: str
    detail: str
    told: bool = False

    def as_dict(self, now: float) -> dict[str, Any]:
        """Return plain values for JSON."""
        end = now if self.stop is None else self.stop
        return {
            "start": iso_time(self.start),
            "end": None if self.stop is None else iso_time(self.stop),
            "seconds": round(max(0.0, end - self.start), 3),
            "reason": self.reason,
            "detail": self.detail,
        }


class RawCheck(NamedTuple):
    """One check: when it ended, in seconds since 1970, its reason, and the seconds it took."""

    time: float
    reason: str
    seconds: float


_TARGET = "SELECT id FROM target WHERE word = :name"

# To seek each minute is faster than to read what all other targets did meanwhile.
_SLOTS = """
    WITH RECURSIVE slot(x) AS (
        SELECT max(:first, (SELECT min({slot}) FROM {table}))
        UNION ALL
        SELECT x + 1 FROM slot WHERE x < min(:last, (SELECT max({slot}) FROM {table}))
    )
"""
_MINUTES = _SLOTS.format(slot="minute", table="raw")
_HOURS = _SLOTS.format(slot="hour", table="hourly")

_RAW_SERIES = f"""
    {_MINUTES}
    SELECT CAST((minute * 60000 + at) / (:step * 1000) AS INTEGER) AS point,
        count(*) - sum(word = 'local'), sum(word = 'ok'),
        sum(iif(word = 'ok', taken, 0)), max(iif(word = 'ok', taken, 0))
    FROM slot CROSS JOIN raw ON minute = x AND target = ({_TARGET})
    JOIN reason ON reason.id = raw.reason
    GROUP BY point ORDER BY point
"""  # noqa: S608 - our own words

_HOURLY_SERIES = f"""
    {_HOURS}
    SELECT CAST(hour * 3600 / :step AS INTEGER) AS point,
        sum(checks), sum(good), sum(taken), max(slowest)
    FROM slot CROSS JOIN hourly ON hour = x AND target = ({_TARGET})
    GROUP BY point ORDER BY point
"""  # noqa: S608 - our own words

_UPTIME = f"""
    {_HOURS}
    SELECT sum(checks), sum(good)
    FROM slot CROSS JOIN hourly ON hour = x AND target = ({_TARGET})
"""  # noqa: S608 - our own words

_CHECKS = f"""
    {_MINUTES}
    SELECT minute * 60 + at / 1000.0, word, taken / 1e6
    FROM slot CROSS JOIN raw ON minute = x AND target = ({_TARGET})
    JOIN reason ON reason.id = raw.reason
"""  # noqa: S608 - our own words

_INCIDENTS = f"""
    SELECT start, stop, reason, detail FROM incident
    WHERE target = ({_TARGET}) AND coalesce(stop, 1e18) >= :since
    ORDER BY start DESC LIMIT 1000
"""  # noqa: S608 - our own words

_OPEN = """
    SELECT word, start, stop, reason, detail, told
    FROM incident JOIN target ON target.id = incident.target WHERE stop IS NULL
"""


def series(
    db: sqlite3.Connection, name: str, *, since: float, until: float, step: int
) -> list[dict[str, Any]]:
    """Return what the checks of a target were like, in steps of so many seconds.

    From an hour on the hourly roll-ups are asked, which last longer than the checks themselves.
    """
    hourly = step % HOUR == 0
    slot = HOUR if hourly else 60
    rows = db.execute(
        _HOURLY_SERIES if hourly else _RAW_SERIES,
        {"name": name, "first": int(since // slot), "last": int(until // slot), "step": step},
    )
    return [
        {
            "time": iso_time(point * step),
            "checks": checks,
            "good": good,
            "seconds": round(taken / good / 1e6, 6) if good else None,
            "slowest": slowest / 1e6 if good else None,
        }
        for point, checks, good, taken, slowest in rows
    ]


def uptimes(db: sqlite3.Connection, name: str, now: float) -> dict[str, float | None]:
    """Return the shares of good checks in the last 24 hours, 7 and 30 days, to the hour.

    Checks at which this machine was at fault do not count; ``None``: there were no checks.
    """
    hour = int(now // HOUR)
    found = {}
    for word, days in UPTIME_DAYS.items():
        first = hour - 24 * days + 1
        rows = db.execute(_UPTIME, {"name": name, "first": first, "last": hour})
        checks, good = rows.fetchone()
        found[word] = good / checks if checks else None
    return found


def incidents_since(db: sqlite3.Connection, name: str, since: float) -> list[Incident]:
    """Return the incidents of a target, newest first: those that were open then, or came later."""
    rows = db.execute(_INCIDENTS, {"name": name, "since": since})
    return [Incident(*row) for row in rows]


def open_incidents(db: sqlite3.Connection) -> dict[str, Incident]:
    """Return the incidents that have not ended, by target."""
    return {
        name: Incident(start, stop, reason, detail, told=bool(told))
        for name, start, stop, reason, detail, told in db.execute(_OPEN)
    }


def checks_between(
    db: sqlite3.Connection, name: str, *, since: float, until: float
) -> Iterator[RawCheck]:
    """Return the checks of a target, oldest first."""
    found = db.execute(_CHECKS, {"name": name, "first": int(since // 60), "last": int(until // 60)})
    for row in found:
        if since <= row[0] < until:
            yield RawCheck(*row)
