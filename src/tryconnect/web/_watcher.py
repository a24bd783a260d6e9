"""Watch the targets of a server: their state, last report and history."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from tryconnect._model.expect import Expect, as_expect
from tryconnect._model.redaction import escape_control, redact_address
from tryconnect._model.render import line
from tryconnect._runs.history import History
from tryconnect._runs.watching import Watch
from tryconnect._runtime.clock import CLOCK
from tryconnect.web._problems import log_fault
from tryconnect.web._targets import distinct

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tryconnect._model.report import Report
    from tryconnect._runs.history import Point
    from tryconnect._runs.waiting import Check
    from tryconnect._runtime.clock import Clock
    from tryconnect.web._metrics import Metrics
    from tryconnect.web._targets import WatchedTarget

__all__ = ["HISTORY", "Watched", "Watcher"]

_log = logging.getLogger("tryconnect.web")

HISTORY = 60
"""Checks of each target to remember: ten minutes at the default interval."""


class Listening(Protocol):
    """What publishes each check and each change."""

    def publish(self, event: str, data: dict[str, Any]) -> None:
        """Publish an event."""


class Watched(History):
    """A target and its history.

    Attributes:
        target: The target.
        expect: What its answer must be like, or ``None``.
    """

    def __init__(self, target: WatchedTarget) -> None:
        super().__init__(str(target.address), HISTORY)
        self.target = target
        self.expect = as_expect(target.expect)
        self._last: dict[str, Any] | None = None

    def take(self, report: Report, now: float) -> Point:
        """Record a check and its report."""
        self._last = report.as_dict()
        return super().take(report, now)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without the address's secrets."""
        target = self.target
        return {
            "name": target.name,
            "address": redact_address(self.address),
            "every": target.every,
            "timeout": target.timeout,
            "expect": self.expect and _expect_dict(self.expect),
            "rise": target.rise,
            "fall": target.fall,
            "up": self.up,
            "since": None if self.state is None else _utc(self.since),
            "last": self._last,
            "history": [_point_dict(point) for point in self.latest],
        }


class Watcher:
    """Watches targets, a limited number of them at a time.

    Args:
        targets: What to watch.
        limit: How many checks run at once; further ones wait for a slot.
        metrics: Counts the checks.
        listener: Publishes each check and each change.

    Raises:
        ValueError: Two targets have the same name.
    """

    def __init__(
        self, targets: Iterable[WatchedTarget], *, limit: int, metrics: Metrics, listener: Listening
    ) -> None:
        self.targets = {name: Watched(target) for name, target in distinct(targets).items()}
        self._slots = asyncio.Semaphore(limit)
        self._metrics = metrics
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    @property
    def healthy(self) -> bool:
        """Whether the targets are still being watched."""
        return self._task is not None and not self._task.done()

    @contextlib.asynccontextmanager
    async def running(self, check: Check, *, clock: Clock = CLOCK) -> AsyncIterator[None]:
        """Watch while the context lasts; leaving it cancels running checks.

        Args:
            check: Checks an address.
            clock: The time, and how to wait.
        """
        self._task = asyncio.create_task(self._watch_all(check, clock))
        try:
            yield
        finally:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch_all(self, check: Check, clock: Clock) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for watched in self.targets.values():
                    group.create_task(self._watch(watched, check, clock))
                await asyncio.get_running_loop().create_future()  # even if there are no targets
        except Exception as error:  # noqa: BLE001 - nothing awaits it; healthz reports it
            log_fault(error)

    async def _watch(self, watched: Watched, check: Check, clock: Clock) -> None:
        target = watched.target
        changes = Watch(
            partial(self._check, watched, check),
            every=target.every,
            rise=target.rise,
            fall=target.fall,
            clock=clock,
        )
        async for report in changes:
            watched.change(report, _now())
            _log.info("%s is %s: %s", escape_control(target.name), _WORDS[watched.up], line(report))
            self._listener.publish("change", watched.as_dict())

    async def _check(self, watched: Watched, check: Check) -> Report:
        target = watched.target
        async with self._slots:
            with self._metrics.in_flight():
                report = await check(watched.address, timeout=target.timeout, expect=watched.expect)
        self._metrics.count(report)
        point = watched.take(report, _now())
        event = {"name": target.name, **_point_dict(point), "detail": report.detail}
        self._listener.publish("check", event)
        return report


_WORDS = {True: "up", False: "down", None: "unknown"}


def _expect_dict(expect: Expect) -> dict[str, Any]:
    body = expect.body.pattern if isinstance(expect.body, re.Pattern) else expect.body
    plain = expect.status is None or isinstance(expect.status, int | str)
    told: dict[str, Any] = {
        "status": expect.status if plain else expect.describe_status(),
        "body": body,
    }
    if expect.max_redirects is not None:
        told["max_redirects"] = expect.max_redirects
    return told


def _point_dict(point: Point) -> dict[str, Any]:
    return {
        "time": _utc(point.time),
        "ok": point.ok,
        "reason": point.reason.value,
        "seconds": point.seconds,
    }


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _utc(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
