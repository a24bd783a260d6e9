"""The targets that a server watches: each one's state, its last report, and a little history."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections import deque
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tryconnect._model.expect import Expect, as_expect
from tryconnect._model.redaction import escape_control, redact_address
from tryconnect._model.render import line
from tryconnect._runs.watching import Watch
from tryconnect._runtime.clock import CLOCK
from tryconnect.errors import Reason
from tryconnect.web._problems import log_fault
from tryconnect.web._targets import distinct

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tryconnect._model.report import Report
    from tryconnect._runtime.clock import Clock
    from tryconnect.web._metrics import Metrics
    from tryconnect.web._targets import WatchedTarget

__all__ = ["HISTORY", "ProbeMethod", "Watched", "Watcher"]

_log = logging.getLogger("tryconnect.web")

HISTORY = 60
"""Checks of each target that are remembered: ten minutes at the usual pace."""


class ProbeMethod(Protocol):
    """How an address is checked: a client's ``probe``."""

    async def __call__(self, address: str, *, timeout: float, expect: Expect | None) -> Report:
        """Return the report."""


class Listening(Protocol):
    """Who wants to hear of each check, and of each change."""

    def publish(self, event: str, data: dict[str, Any]) -> None:
        """Hear of an event."""


class Point(NamedTuple):
    """One check of the past."""

    time: float
    reason: Reason
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "time": _utc(self.time),
            "ok": self.reason is Reason.ok,
            "reason": self.reason.value,
            "seconds": self.seconds,
        }


class Watched:
    """A target, and what is known of it.

    Attributes:
        target: the target.
        expect: what its answer must be like, or ``None``.
        up: its state; ``None``: not known yet.
        since: when it came into this state, in seconds since 1970.
    """

    def __init__(self, target: WatchedTarget) -> None:
        self.target = target
        self.expect = as_expect(target.expect)
        self.up: bool | None = None
        self.since: float | None = None
        # Plain values: a report can hold a traceback, and with it a whole check's frames.
        self._last: dict[str, Any] | None = None
        self._history: deque[Point] = deque(maxlen=HISTORY)

    def take(self, report: Report, now: float) -> Point:
        """Remember a report."""
        self._last = report.as_dict()
        point = Point(now, report.reason, report.timings.total)
        self._history.append(point)
        return point

    def turn(self, report: Report, now: float) -> None:
        """Take the state that a report brings."""
        self.up = None if report.reason is Reason.local else report.ok
        self.since = now

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without the address's secrets."""
        target = self.target
        return {
            "name": target.name,
            "address": redact_address(str(target.address)),
            "every": target.every,
            "timeout": target.timeout,
            "expect": self.expect and _expect_dict(self.expect),
            "rise": target.rise,
            "fall": target.fall,
            "up": self.up,
            "since": self.since and _utc(self.since),
            "last": self._last,
            "history": [point.as_dict() for point in self._history],
        }


class Watcher:
    """Watches targets, some of them at a time.

    Args:
        targets: what to watch.
        limit: checks at once; who finds no room waits for its turn.
        metrics: where checks are counted.
        listener: is told of each check and of each change.

    Raises:
        ValueError: two targets have the same name.
    """

    def __init__(
        self, targets: Iterable[WatchedTarget], *, limit: int, metrics: Metrics, listener: Listening
    ) -> None:
        self.targets = {name: Watched(target) for name, target in distinct(targets).items()}
        self._room = asyncio.Semaphore(limit)
        self._metrics = metrics
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    @property
    def healthy(self) -> bool:
        """Whether the targets are being watched."""
        return self._task is not None and not self._task.done()

    @contextlib.asynccontextmanager
    async def going_on(self, check: ProbeMethod, *, clock: Clock = CLOCK) -> AsyncIterator[None]:
        """Watch while the context lasts; its end cancels what is under way.

        Args:
            check: checks an address.
            clock: tells the time, and waits.
        """
        self._task = asyncio.create_task(self._watch_all(check, clock))
        try:
            yield
        finally:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch_all(self, check: ProbeMethod, clock: Clock) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for watched in self.targets.values():
                    group.create_task(self._watch(watched, check, clock))
                await asyncio.get_running_loop().create_future()  # also where there is no target
        except Exception as error:  # noqa: BLE001 - nobody waits for it, and healthz asks
            log_fault(error)

    async def _watch(self, watched: Watched, check: ProbeMethod, clock: Clock) -> None:
        target = watched.target
        changes = Watch(
            partial(self._look, watched, check),
            every=target.every,
            rise=target.rise,
            fall=target.fall,
            clock=clock,
        )
        async for report in changes:
            watched.turn(report, _now())
            _log.info("%s is %s: %s", escape_control(target.name), _WORDS[watched.up], line(report))
            self._listener.publish("change", watched.as_dict())

    async def _look(self, watched: Watched, check: ProbeMethod) -> Report:
        target = watched.target
        async with self._room:
            with self._metrics.in_flight():
                report = await check(
                    str(target.address), timeout=target.timeout, expect=watched.expect
                )
        self._metrics.count(report)
        point = watched.take(report, _now())
        told = {"name": target.name, **point.as_dict(), "detail": report.detail}
        self._listener.publish("check", told)
        return report


_WORDS = {True: "up", False: "down", None: "not known"}


def _expect_dict(expect: Expect) -> dict[str, Any]:
    body = expect.body.pattern if isinstance(expect.body, re.Pattern) else expect.body
    return {"status": expect.status, "body": body}


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _utc(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
