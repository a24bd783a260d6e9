"""Watch the targets of a server, and tell listeners of each check and each change."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tryconnect._model.reason import Reason
from tryconnect._model.redaction import escape_control
from tryconnect._model.render import line
from tryconnect._model.report import Report
from tryconnect._options import DEFAULT_LIMIT
from tryconnect._runs.watching import Watch
from tryconnect._runtime.clock import CLOCK
from tryconnect._runtime.descriptors import affordable
from tryconnect._runtime.pulse import Wake
from tryconnect._runtime.threads import wait_all
from tryconnect.web._problems import log_fault
from tryconnect.web._room import Room
from tryconnect.web._targets import distinct
from tryconnect.web._watched import Watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable

    from tryconnect._runs.waiting import Check
    from tryconnect._runtime.clock import Clock
    from tryconnect.web._metrics import Metrics
    from tryconnect.web._targets import WatchedTarget

__all__ = ["Lateness", "Listener", "Watcher"]

_log = logging.getLogger("tryconnect.web")


class Listener(Protocol):
    """What is told of each check and each change; both are called in the loop, and must not block.

    What they raise is logged, and the watch goes on.
    """

    def checked(self, watched: Watched, report: Report, now: float) -> None:
        """Called after each check, of which ``watched`` knows already.

        Args:
            watched: The target, its state and its latest checks.
            report: The report of the check.
            now: When it ended, in seconds since 1970.
        """

    def changed(self, watched: Watched, report: Report, now: float) -> None:
        """Called after ``checked``, for the first state of a target and each change of it.

        ``watched.up`` is the state since ``watched.since``, which is ``now``; ``None``: unknown,
        since all faults so far were this machine's.
        """


class Lateness(NamedTuple):
    """How well the schedule is kept.

    Attributes:
        seconds: How late the latest of all targets is, or was at its latest check.
        targets: How many are more than a second late.
    """

    seconds: float
    targets: int


class Watcher:
    """Watches targets, a limited number of them at a time.

    Args:
        targets: What to watch.
        limit: How many checks run at once; further ones wait for a place. ``None``: as many as
            there are targets, as far as this process may open descriptors.
        metrics: Counts the checks that are running.
        listeners: Told of each check and each change, in this order.
        on_stale: Told when the state of a target is known no longer, and when it is known again.
        judge: Given each report before it counts; it may return one that blames this machine.
        on_replaced: Told when other targets are watched.

    Raises:
        ValueError: Two targets have the same name.
    """

    def __init__(
        self,
        targets: Iterable[WatchedTarget],
        *,
        limit: int | None,
        metrics: Metrics,
        listeners: Iterable[Listener],
        on_stale: Callable[[Watched], None] = lambda _: None,
        judge: Callable[[Watched, Report], Awaitable[Report]] | None = None,
        on_replaced: Callable[[], None] = lambda: None,
    ) -> None:
        self.targets = {name: Watched(target) for name, target in distinct(targets).items()}
        self.listeners = [*listeners]
        self._limit = limit
        self._room = Room(1)
        self._metrics = metrics
        self._on_stale = on_stale
        self._judge = judge
        self._stale: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._on_replaced = on_replaced
        self._watchdog: asyncio.Task[None] | None = None
        self._wake = Wake()

    @property
    def healthy(self) -> bool:
        """Whether the targets are still being watched."""
        tasks = [self._watchdog, *self._tasks.values()]
        return all(task is not None and not task.done() for task in tasks)

    @property
    def lateness(self) -> Lateness:
        """How well the schedule is kept."""
        late = [watched.lateness for watched in self.targets.values()]
        return Lateness(max(late, default=0.0), sum(each > PROMPT for each in late))

    @contextlib.asynccontextmanager
    async def running(self, check: Check, *, clock: Clock = CLOCK) -> AsyncIterator[None]:
        """Watch while the context lasts; leaving it cancels running checks.

        Args:
            check: Checks an address.
            clock: The time, and how to wait.
        """
        self._check_request, self._clock = check, clock
        self._begin(self.targets.values())
        self._watchdog = asyncio.create_task(self._look_after())
        try:
            yield
        finally:
            tasks = [self._watchdog, *self._tasks.values(), *self._leaving]
            self._tasks.clear()
            for task in tasks:
                task.cancel()
            await wait_all(*tasks)

    def replace(self, targets: Iterable[WatchedTarget]) -> None:
        """Watch other targets from now on; those that have not changed go on as they are.

        Raises:
            ValueError: Two targets have the same name.
        """
        wanted = distinct(targets)
        kept = {
            name: watched
            for name, watched in self.targets.items()
            if wanted.get(name) == watched.target
        }
        for name in self._tasks.keys() - kept.keys():
            task = self._tasks.pop(name)
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
            task.cancel()
        self.targets = {name: kept.get(name) or Watched(target) for name, target in wanted.items()}
        self._begin([self.targets[name] for name in wanted.keys() - kept.keys()])
        self._on_replaced()

    def _begin(self, targets: Collection[Watched]) -> None:
        """Begin to watch some targets, spread over the interval at which they are checked."""
        # Twice as many as there are: all of them may be silent, and those get half.
        wanted = 2 * len(self.targets) + RESERVE
        self._room.resize(self._limit or max(DEFAULT_LIMIT, affordable(wanted) - RESERVE))
        for number, watched in enumerate(targets):
            watched.clock = self._clock.now
            after = number * min(START_SPACING, watched.target.every / len(targets))
            task = asyncio.create_task(self._watch(watched, after))
            self._tasks[watched.target.name] = task

    async def _watch(self, watched: Watched, after: float) -> None:
        """Watch a target for ever; what one check or listener does wrong ends no more than that."""
        target = watched.target
        changes = Watch(
            lambda: self._check(watched, changes),
            every=target.every,
            rise=target.rise,
            fall=target.fall,
            clock=self._clock,
        )
        while True:
            try:
                if after:
                    after, delay = 0.0, after
                    await self._clock.sleep(delay)
                async for report in changes:
                    self._change(watched, report)
            except asyncio.CancelledError as error:
                self._pass_on(watched, error)
            except Exception as error:
                log_fault(error)

    def _change(self, watched: Watched, report: Report) -> None:
        now = time.time()
        watched.change(report, now)
        name = escape_control(watched.target.name)
        _log.info("%s is %s: %s", name, _WORDS[watched.up], line(report))
        for listener in self.listeners:
            _tell(listener.changed, watched, report, now)

    async def _check(self, watched: Watched, changes: Watch) -> Report:
        watched.due, watched.waits = changes.due, True
        by = changes.due + min(watched.target.every, PROMPT)
        async with self._room.place(by=by, suspect=watched.suspect):
            watched.begun, watched.waits = self._clock.now(), False
            with self._metrics.in_flight():
                report = await self._report(watched)
        if self._judge is not None:  # which may take its time, and holds no place
            report = await self._judge(watched, report)
        now = time.time()
        watched.take(report, now)
        for listener in self.listeners:
            _tell(listener.checked, watched, report, now)
        return report

    async def _report(self, watched: Watched) -> Report:
        """Check a target; whatever is raised is a fault of our own."""
        target = watched.target
        try:
            async with asyncio.timeout(target.timeout + OVERTIME):
                report = await self._check_request(watched.request, timeout=target.timeout)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a resolver of the caller's may raise anything
            if isinstance(error, asyncio.CancelledError):
                self._pass_on(watched, error)
            words = f"{type(error).__name__}: {error}"
            if watched.fault != words:
                watched.fault = words
                log_fault(error, f"a check of {target.name} failed")
            detail = "the check failed by a fault of the server itself: see its log"
            return Report(watched.address, Reason.local, detail, error=error)
        watched.fault = ""
        return self._wake.excuse(report)

    def _pass_on(self, watched: Watched, error: asyncio.CancelledError) -> None:
        """Raise a cancellation that is meant for the watch, and forget one that came by mistake."""
        task = asyncio.current_task()
        if task is None or self._tasks.get(watched.target.name) is not task:
            raise error
        while task.cancelling():
            task.uncancel()

    async def _look_after(self) -> None:
        """Look at all targets now and then: what nobody checks makes no event of its own."""
        told_at = -math.inf
        while True:
            shortest = min((each.target.every for each in self.targets.values()), default=0.0)
            await self._clock.sleep(min(max(shortest / 2, PROMPT / 2), LONGEST_LOOK))
            try:
                self._wake.look()
                self._look_for_stale()
                told_at = self._tell_lateness(told_at)
            except Exception as error:
                log_fault(error)

    def _look_for_stale(self) -> None:
        stale = {name for name, watched in self.targets.items() if watched.stale}
        changed, self._stale = stale ^ self._stale, stale
        for name in changed & self.targets.keys():
            self._on_stale(self.targets[name])

    def _tell_lateness(self, told_at: float) -> float:
        """Log whether the schedule is kept, once a minute while it is not; return when it was."""
        late, now = self.lateness, self._clock.now()
        if late.targets and now - told_at > TELL_EVERY:
            _log.warning(
                "%d of %d targets are checked late, by up to %.1f s: raise --limit, or check less "
                "often",
                *(late.targets, len(self.targets), late.seconds),
            )
            return now
        if not late.targets and told_at > -math.inf:
            _log.warning("all targets are checked on time again")
            return -math.inf
        return told_at


PROMPT = 1.0
"""Seconds that a check may be late."""

START_SPACING = 0.01
"""Seconds between the first checks of two targets, or less where an interval has no room for it."""

OVERTIME = 5.0
"""Seconds after its timeout at which a check that has not ended is given up."""

RESERVE = 2 * DEFAULT_LIMIT
"""Checks that descriptors are left for: those which clients ask for, and their connections."""

TELL_EVERY = 60.0
LONGEST_LOOK = 10.0

_WORDS = {True: "up", False: "down", None: "unknown"}


def _tell(
    listener: Callable[[Watched, Report, float], None], watched: Watched, report: Report, now: float
) -> None:
    try:
        listener(watched, report, now)
    except Exception as error:
        log_fault(error)
