"""The workers of a bulk run, and how many of them one host gets."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Any, Self

from tryconnect._address.target import TargetKind, parse
from tryconnect._runtime.threads import cannot_await, wait_all
from tryconnect.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from tryconnect._model.report import Report

__all__ = ["HostLimiter", "Job", "WorkerPool", "host_of"]


class WorkerPool:
    """The workers of a run: a context manager that leaves none of them behind."""

    def __init__(self) -> None:
        self._workers: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._failure: BaseException | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let one more worker begin."""
        worker = asyncio.get_running_loop().create_task(work)
        self._workers.add(worker)
        worker.add_done_callback(self._leave)

    async def join(self) -> BaseException | None:
        """Wait until all have done their work, or one has failed; return what it failed of."""
        await self._idle.wait()
        return self._failure

    def _leave(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled():
            self._failure = worker.exception() or self._failure
        if self._failure is not None or not self._workers:
            self._idle.set()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        workers = [*self._workers]
        if not self._loop.is_closed():
            for worker in workers:
                worker.cancel()
        if not cannot_await(self._loop, kind):
            await wait_all(*workers)


class Job:
    """An address on its way through a run."""

    __slots__ = ("address", "host", "report")

    def __init__(self, address: str, host: str | None) -> None:
        self.address = address
        self.host = host
        self.report: Report | None = None


class HostLimiter:
    """How many checks of each host are under way, and which jobs wait for their host's turn."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way: Counter[str] = Counter()
        self._waiting: defaultdict[str, deque[Job]] = defaultdict(deque)

    def acquire(self, job: Job) -> bool:
        """Tell whether a job may begin; if not, it waits here."""
        if job.host is None:
            return True
        if self._under_way[job.host] < self._most:
            self._under_way[job.host] += 1
            return True
        self._waiting[job.host].append(job)
        return False

    def release(self, job: Job) -> Job | None:
        """Take note that a job is done; return the next one of its host, which begins with that."""
        if job.host is None:
            return None
        if waiting := self._waiting.get(job.host):
            return waiting.popleft()
        self._waiting.pop(job.host, None)
        self._under_way[job.host] -= 1
        if not self._under_way[job.host]:
            del self._under_way[job.host]
        return None


def host_of(address: str) -> str | None:
    """Return what ``per_host`` counts by; ``None`` for what leads to no host."""
    try:
        target = parse(address)
    except InvalidAddress:
        return None
    return target.path if target.kind is TargetKind.unix else target.host
