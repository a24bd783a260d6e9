"""Answer questions about a target's history: series, uptime, incidents, and all of it as CSV."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web

from tryconnect.web._delivery import send
from tryconnect.web._events import as_json
from tryconnect.web._history_queries import (
    HOUR,
    MOST_POINTS,
    checks_between,
    incidents_since,
    series,
    uptimes,
)
from tryconnect.web._keys import HISTORY, WATCHER
from tryconnect.web._problems import Problem, bad_request
from tryconnect.web._watched import iso_time

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from multidict import MultiMapping

    from tryconnect.web._history import HistoryStore

__all__ = ["ROUTES"]


DAY = 24 * HOUR
LONGEST = 500 * DAY
"""Seconds: beyond that nothing is kept by default."""

STEPS = (10, 30, 60, 300, 900, HOUR, 6 * HOUR, DAY)
"""Seconds of one point, of which the first that makes few enough points is the default."""

FEW = 300
"""Points of a chart without ``step``."""

CSV_SLICE = HOUR
"""Seconds of checks that are read at once, so that no read takes long."""


class Question(NamedTuple):
    """What is asked: since when, until when, and in which steps, in seconds."""

    since: float
    until: float
    step: int


async def history(request: web.Request) -> web.Response:
    """``GET /api/targets/{name}/history``: its series, uptime and incidents."""
    store, name = _store(request), request.match_info["name"]
    question = question_of(request.query, time.time())
    return web.json_response(
        await store.read(partial(_told, name=name, question=question)), dumps=as_json
    )


def _told(db: sqlite3.Connection, name: str, question: Question) -> dict[str, Any]:
    since, until, step = question
    incidents = incidents_since(db, name, since)
    return {
        "name": name,
        "since": iso_time(since),
        "step": step,
        "points": series(db, name, since=since, until=until, step=step),
        "uptime": uptimes(db, name, until),
        "incidents": [incident.as_dict(until) for incident in incidents],
    }


async def history_csv(request: web.Request) -> web.StreamResponse:
    """``GET /api/targets/{name}/history.csv``: each check that is kept."""
    store, name = _store(request), request.match_info["name"]
    since, until, _ = question_of(request.query, time.time(), stepped=False)
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": 'attachment; filename="history.csv"',
        }
    )
    await response.prepare(request)
    await send(request, response, b"time,ok,reason,seconds\r\n")
    start = max(since, await store.read(_oldest))
    while start < until:
        end = min(start + CSV_SLICE, until)
        rows = await store.read(partial(_csv_rows, name=name, since=start, until=end))
        if rows:
            await send(request, response, rows)
        start = end
    return response


def _csv_rows(db: sqlite3.Connection, name: str, since: float, until: float) -> bytes:
    """Return lines of RFC 4180; no value of ours has a comma, a quote or a formula in it."""
    return "".join(
        f"{iso_time(at)},{str(reason == 'ok').lower()},{reason},{seconds:.6f}\r\n"
        for at, reason, seconds in checks_between(db, name, since=since, until=until)
    ).encode()


def _oldest(db: sqlite3.Connection) -> float:
    minute = db.execute("SELECT min(minute) FROM raw").fetchone()[0]
    return float("inf") if minute is None else minute * 60.0


def question_of(query: MultiMapping[str], now: float, *, stepped: bool = True) -> Question:
    """Read the parameters ``since`` and ``step``.

    Args:
        query: The request's.
        now: The time, in seconds since 1970.
        stepped: Whether ``step`` is one of them.

    Raises:
        Problem: A parameter is unknown, repeated or invalid.
    """
    known = ("since", "step") if stepped else ("since",)
    for name in query:
        if name not in known:
            raise bad_request(
                f"unknown parameter {name[:40]!r}; the known ones: {', '.join(known)}"
            )
        if len(query.getall(name)) > 1:
            raise bad_request(f"the parameter {name} is given more than once")
    since = _since(query, now)
    return Question(since, now, _step(query, now - since))


def _since(query: Mapping[str, str], now: float) -> float:
    if "since" not in query:
        return now - DAY
    since = _moment(query["since"])
    if since is None or not now - LONGEST <= since <= now:
        raise bad_request(
            "since is a time in the past, at most 500 days ago: seconds since 1970, or ISO 8601 "
            "such as 2026-01-31T12:00:00Z"
        )
    return since


def _moment(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        # A plus in a query is a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _step(query: Mapping[str, str], seconds: float) -> int:
    if "step" not in query:
        return next((step for step in STEPS if seconds / step <= FEW), 2 * DAY)
    text = query["step"]
    step = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004
    least = max(1, math.ceil(seconds / MOST_POINTS))
    if step < least:
        raise bad_request(f"step is a whole number of seconds, here at least {least}")
    return step


def _store(request: web.Request) -> HistoryStore:
    """Return the history, if there is one and it may know the target."""
    store = request.app.get(HISTORY)
    if store is None:
        raise Problem(
            HTTPStatus.NOT_FOUND, "this server keeps no history: start it with --history FILE"
        )
    if request.match_info["name"] not in request.app[WATCHER].targets:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no target of this name")
    return store


ROUTES = (
    web.get("/api/targets/{name}/history", history),
    web.get("/api/targets/{name}/history.csv", history_csv),
)
