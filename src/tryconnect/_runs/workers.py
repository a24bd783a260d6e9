"""The workers of a bulk run, none of whom is left behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from tryconnect._runtime.threads import is_gone, until_done

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

__all__ = ["Crew"]


class Crew:
    """The workers of a run: a context manager that leaves none of them behind."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._workers: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._failure: BaseException | None = None

    @property
    def room(self) -> int:
        """How many more may be hired."""
        return self._most - len(self._workers)

    def hire(self, work: Coroutine[Any, Any, None]) -> None:
        """Let one more worker begin."""
        worker = asyncio.get_running_loop().create_task(work)
        self._workers.add(worker)
        worker.add_done_callback(self._leave)

    async def idle(self) -> BaseException | None:
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
        if not is_gone(self._loop, kind):
            await until_done(*workers)
