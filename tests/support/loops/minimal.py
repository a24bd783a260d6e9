"""Hand-written loops with as little as a loop can have: no sockets, no timers, no clock.

What they lack raises ``NotImplementedError``, as ``asyncio.AbstractEventLoop`` does.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class _Turning:
    """A queue of callbacks, and a thread that calls them."""

    __slots__ = ("_closed", "_queue", "_stopping")

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[asyncio.Handle] = queue.SimpleQueue()
        self._stopping = self._closed = False

    def call_soon(
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        if self._closed:
            raise RuntimeError("Event loop is closed")
        handle = asyncio.Handle(callback, args, self, context)  # type: ignore[arg-type]
        self._queue.put(handle)
        return handle

    call_soon_threadsafe = call_soon

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)  # type: ignore[arg-type]

    def create_task(
        self, work: Generator[Any, None, T] | Coroutine[Any, Any, T], **options: Any
    ) -> asyncio.Task[T]:
        return asyncio.Task(work, loop=self, **options)  # type: ignore[arg-type]

    def get_debug(self) -> bool:
        return False

    def is_closed(self) -> bool:
        return self._closed

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        raise AssertionError(context)

    def run_until_complete(self, work: Coroutine[Any, Any, T]) -> T:
        asyncio._set_running_loop(self)  # type: ignore[arg-type]
        try:
            task = self.create_task(work)
            while not task.done():
                self._queue.get()._run()
            return task.result()
        finally:
            asyncio._set_running_loop(None)

    def close(self) -> None:
        self._closed = True


class MinimalLoop(_Turning, asyncio.AbstractEventLoop):  # type: ignore[misc]
    """A minimal loop derived from asyncio's abstract class."""


class SlottedLoop(_Turning):
    """A minimal loop that is no ``AbstractEventLoop``, and does not support weak references."""

    __slots__ = ()
