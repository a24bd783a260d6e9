"""The tasks of a bulk run, and how many checks of one host run at the same time."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Any

from tryconnect._address.target import TargetKind
from tryconnect._runtime.resource import AsyncResource
from tryconnect._runtime.threads import wait_all

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tryconnect._address.request import Request
    from tryconnect._address.target import Target
    from tryconnect._model.report import Report

__all__ = ["UNPACED", "Budget", "HostLimiter", "Job", "Pace", "WorkerPool", "host_of"]


class WorkerPool(AsyncResource):
    """The tasks of a run; when its context is left, all have ended."""

    def __init__(self) -> None:
        self._workers: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._failure: BaseException | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a worker."""
        worker = asyncio.get_running_loop().create_task(work)
        self._workers.add(worker)
        worker.add_done_callback(self._leave)

    async def join(self) -> BaseException | None:
        """Wait until all workers are done, or one has failed; return its exception, if any."""
        await self._idle.wait()
        return self._failure

    def _leave(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled():
            self._failure = worker.exception() or self._failure
        if self._failure is not None or not self._workers:
            self._idle.set()

    async def aclose(self) -> None:
        """Cancel the workers, and return when they have ended."""
        workers = [*self._workers]
        self._abandon()
        await wait_all(*workers)

    def _abandon(self) -> None:
        for worker in self._workers:
            if not worker.get_loop().is_closed():
                worker.cancel()


class Job:
    """An address in a run, and its report once the check is done."""

    def __init__(self, request: Request, host: str | None, key: object) -> None:
        self.request = request
        self.host = host
        self.key = key
        self.report: Report | None = None


class Budget:
    """How many checks may be under way in all runs of one loop that share it.

    Addresses that wait for their host's turn, or for their input, take nothing of it.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: dict[asyncio.Event, None] = {}

    def has_room(self, room: asyncio.Event) -> bool:
        """Return whether one more check may begin; if not, ``room`` is set when it may."""
        if self._free > 0:
            return True
        self._waiting[room] = None
        return False

    def acquire(self) -> None:
        """Count a check that begins."""
        self._free -= 1

    def release(self) -> None:
        """Count a check that has ended, and let the run that has waited longest begin one."""
        self._free += 1
        if self._waiting:
            room = next(iter(self._waiting))
            del self._waiting[room]
            room.set()

    def close_run(self, room: asyncio.Event, under_way: int) -> None:
        """Give back what a run still has, at its end."""
        self._waiting.pop(room, None)
        self._free += under_way
        for other in self._waiting:
            other.set()
        self._waiting.clear()


class Pace:
    """How often checks begin: at most so many in a second, in a run and on each host.

    They are spread evenly, and nothing is saved up while there is nothing to do.

    Args:
        rate: Checks in a second; ``None``: any number.
        per_host: The same for each host. Its first check waits, too, as other runs may just have
            asked it.
        clock: Returns seconds.
    """

    def __init__(
        self,
        rate: float | None = None,
        per_host: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.interval = 1 / rate if rate else 0.0
        self.per_host = 1 / per_host if per_host else 0.0
        self.clock = clock
        self._next = 0.0

    def delay(self) -> float:
        """Return the seconds until the next check may begin, which is taken to begin then."""
        now = self.clock()
        begins = max(self._next, now)
        self._next = begins + self.interval
        return begins - now


UNPACED = Pace()


class HostLimiter:
    """How many checks of each host are under way, and which jobs wait for their host's turn.

    Args:
        most: How many of one host may be; ``None``: any number.
        pace: How often they may begin.
        on_turn: Gets a job whose host's turn comes later than with the end of another one.
    """

    def __init__(
        self,
        most: int | None,
        pace: Pace = UNPACED,
        on_turn: Callable[[Job], object] = lambda _: None,
    ) -> None:
        self._most = sys.maxsize if most is None else most
        self._pace = pace
        self._on_turn = on_turn
        self._under_way: Counter[str] = Counter()
        self._waiting: defaultdict[str, deque[Job]] = defaultdict(deque)
        self._first = pace.clock() + pace.per_host
        self._next: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @property
    def has_waiting(self) -> bool:
        """Whether any job waits for its host's turn."""
        return bool(self._waiting)

    def acquire(self, job: Job) -> bool:
        """Return whether a job may start; if not, queue it."""
        if job.host is None:
            return True
        if job.host not in self._waiting and self._is_turn_of(job.host):
            self._count(job.host)
            return True
        self._waiting[job.host].append(job)
        self._set_timer(job.host)
        return False

    def release(self, job: Job) -> Job | None:
        """Record that a job is done; return the next one of its host, which takes its place."""
        if job.host is None:
            return None
        self._under_way[job.host] -= 1
        if not self._under_way[job.host]:
            del self._under_way[job.host]
        following = self._take_turn(job.host)
        self._set_timer(job.host)
        return following

    def close(self) -> None:
        """Let no turn come any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _is_turn_of(self, host: str) -> bool:
        if self._under_way[host] >= self._most:
            return False
        return not self._pace.per_host or self._pace.clock() >= self._next.get(host, self._first)

    def _take_turn(self, host: str) -> Job | None:
        """Return the job of a host whose turn it is; its check begins."""
        if host not in self._waiting or not self._is_turn_of(host):
            return None
        waiting = self._waiting[host]
        job = waiting.popleft()
        if not waiting:
            del self._waiting[host]
        self._count(host)
        return job

    def _count(self, host: str) -> None:
        self._under_way[host] += 1
        if self._pace.per_host:
            self._next[host] = self._pace.clock() + self._pace.per_host

    def _set_timer(self, host: str) -> None:
        """See to it that a job gets its turn which waits for nothing but the time."""
        if (
            not self._pace.per_host
            or host not in self._waiting
            or host in self._timers
            or self._under_way[host] >= self._most
        ):
            return
        delay = self._next.get(host, self._first) - self._pace.clock()
        self._timers[host] = asyncio.get_running_loop().call_later(
            max(delay, 0), self._its_turn, host
        )

    def _its_turn(self, host: str) -> None:
        del self._timers[host]
        if (job := self._take_turn(host)) is not None:
            self._on_turn(job)
        self._set_timer(host)


def host_of(target: Target | None) -> str | None:
    """Return what ``per_host`` counts by; ``None`` if there is no host to count."""
    if target is None:
        return None
    return target.path if target.kind is TargetKind.unix else target.host
