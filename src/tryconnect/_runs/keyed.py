"""Runs whose reports come with a key, that share one budget of checks, and that keep a pace."""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from tryconnect._address.request import ListReader
from tryconnect._model.expect import as_expect
from tryconnect._options import check_positive_int, check_seconds
from tryconnect._runs.bulk import LOOKAHEAD, Probes, Run, check_one
from tryconnect._runs.source import END
from tryconnect._runs.workers import UNPACED, HostLimiter, Job, host_of
from tryconnect._transport.reactor import TIME_BUDGET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from tryconnect._model.expect import ExpectLike
    from tryconnect._model.report import Report
    from tryconnect._runs.bulk import CheckingClient
    from tryconnect._runs.workers import Budget, Pace

__all__ = ["Feed", "Keyed", "KeyedProbes", "Sink", "checks_with_keys"]


Keyed: TypeAlias = "tuple[str, Any]"
"""An address, and what its report comes back with; a million named tuples would take their time."""


class Feed(ABC):
    """An async iterator of :class:`Keyed` that knows what it has now, which spares a coroutine."""

    @abstractmethod
    def pop(self) -> Keyed | None:
        """Return the next address; ``None``: it has to be awaited, or there is none."""

    @abstractmethod
    def __aiter__(self) -> AsyncIterator[Keyed]:
        """Return itself."""

    @abstractmethod
    async def __anext__(self) -> Keyed:
        """Return the next address, once there is one."""


class Sink(NamedTuple):
    """Takes the reports of a run that nobody reads.

    Attributes:
        on_report: Gets the key of an address, and its report; must neither block nor raise.
        budget: Shared with other runs of the same loop; ``None``: the run's limit is its own.
        pace: How many checks may begin in a second.
    """

    on_report: Callable[[Any, Report], None]
    budget: Budget | None = None
    pace: Pace = UNPACED


def checks_with_keys(
    lend: Callable[[], AbstractAsyncContextManager[CheckingClient]],
    feed: Feed,
    sink: Sink,
    *,
    limit: int,
    per_host: int | None,
    timeout: float,
    expect: ExpectLike,
) -> KeyedProbes:
    """Return a bulk run whose reports go to a sink, each with the key of its address.

    What holds it back is its input. The options are those of :func:`tryconnect.probe_many`.
    """
    each = check_one(check_seconds(timeout))
    if per_host is not None:
        check_positive_int(per_host, "per_host")
    return KeyedProbes(
        _KeyedRun(
            feed,
            sink,
            per_host,
            lend,
            each.check,
            feed,
            ListReader(as_expect(expect), strict=False),
            limit=check_positive_int(limit, "limit"),
            per_host=None,
            ordered=False,
            start=each.starter,
            keep_tracebacks=False,
        )
    )


class KeyedProbes(Probes):
    """A run that goes on by itself."""

    async def wait(self) -> None:
        """Let the run go on to its end."""
        self.begin()
        with contextlib.suppress(StopAsyncIteration):
            await self._run.read()


class _KeyedRun(Run["CheckingClient"]):
    """What goes on behind a :class:`KeyedProbes`: one task begins all checks."""

    def __init__(
        self, feed: Feed, sink: Sink, most: int | None, *arguments: Any, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._input = feed
        self._on_report, self._budget, self._pace = sink
        if most is not None or sink.pace.per_host:
            self._host_limiter = HostLimiter(most, sink.pace, self._begin_soon)
            self._window = LOOKAHEAD * self._limit
        self._waiting: deque[Job] = deque()

    async def supervise(self) -> None:
        """Run until the input is exhausted, a check fails, or nobody wants the reports."""
        try:
            await super().supervise()
        finally:
            if self._host_limiter:
                self._host_limiter.close()
            if self._budget:
                self._budget.close_run(self._room, self._under_way)

    async def _feed(self) -> None:
        job: Job | None
        pause_at = time.perf_counter() + TIME_BUDGET
        while not self._source.exhausted or self._under_way or self._is_held_back():
            if not self._may_begin():
                self._room.clear()
                await self._room.wait()
            elif time.perf_counter() > pause_at:  # others want to use the loop, too
                await asyncio.sleep(0)
            else:
                self._acquire_room()  # before anybody else can take it
                if self._waiting:
                    job = self._waiting.popleft()
                else:
                    job = self._job(self._input.pop() or await self._source.wait())
                if job is None:
                    self._release_room()
                else:
                    if self._pace.interval:
                        await asyncio.sleep(self._pace.delay())
                    self._begin(job)
                continue
            pause_at = time.perf_counter() + TIME_BUDGET

    def _is_held_back(self) -> bool:
        """Return whether there are addresses that wait for their host's turn, or for room."""
        return bool(self._waiting or (self._host_limiter and self._host_limiter.has_waiting))

    def _may_begin(self) -> bool:
        if self._under_way >= self._limit:
            return False
        if not self._waiting and (self._source.exhausted or self._unread >= self._window):
            return False
        return self._budget is None or self._budget.has_room(self._room)

    def _job(self, pulled: Any) -> Job | None:
        """Return the job of an address; ``None``: there is none, or its host has no room for it."""
        if pulled is END:
            return None
        address, key = pulled
        request = self._reader.read(address)
        host = host_of(request.target) if self._host_limiter else None
        job = Job(request, host, key)
        self._unread += 1
        return job if self._host_limiter is None or self._host_limiter.acquire(job) else None

    def _begin_soon(self, job: Job) -> None:
        """Begin a check as soon as there is room: its host has its turn."""
        self._waiting.append(job)
        self._room.set()

    def _acquire_room(self) -> None:
        self._under_way += 1
        if self._budget:
            self._budget.acquire()

    def _release_room(self) -> None:
        self._under_way -= 1
        if self._budget:
            self._budget.release()
        self._room.set()

    def _deliver(self, job: Job, report: Report) -> None:
        self._unread -= 1
        self._on_report(job.key, report)
        if self._budget:
            self._budget.release()

    def _fill_soon(self) -> None:
        """Leave what would begin in the room of another check to the one task."""
        while self._due:
            self._under_way -= 1
            self._begin_soon(self._due.popleft())
        self._room.set()
