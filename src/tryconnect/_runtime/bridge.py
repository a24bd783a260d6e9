"""Calls from one thread into the loop of another.

The law of this file: an outcome crosses between threads as a value, never as the exception of a
future or a task (``asyncio.wrap_future`` makes a new ``TimeoutError`` up to Python 3.12, and so
loses the traceback; some loops print whatever a task of theirs raises). And of the loop that waits
nothing is used but ``create_future``, ``call_soon``, ``call_soon_threadsafe``, ``get_debug`` and
``is_closed``: that is all that some have.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tryconnect._runtime.threads import ThreadsafeLoop, defer_cancellation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

__all__ = ["LoopCall"]

_T = TypeVar("_T")


class LoopCall(Generic[_T]):
    """A coroutine that a loop runs for a caller in another thread, in the caller's context.

    Args:
        work: The coroutine function.
        loop: Runs it.
    """

    def __init__(
        self, work: Callable[[], Coroutine[Any, Any, _T]], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._work = work
        self._loop = loop
        self._context = contextvars.copy_context()
        self._cancelled = False
        self._task: asyncio.Task[None] | None = None
        self._result: list[_T] = []
        self._error: BaseException | None = None

    async def wait(self) -> _T:
        """Start the work and await its outcome in the running loop, whatever that is.

        If the caller is cancelled, the work is cancelled too; the cancellation propagates once the
        work has ended, so nothing of it is left behind.
        """
        return await self._outcome(lambda end: defer_cancellation(end.wait, on_cancel=self.cancel))

    async def wait_or_abandon(self) -> _T:
        """Do the same, except that a cancellation propagates at once: that loop may stand still."""
        return await self._outcome(_End.wait)

    async def _outcome(self, wait: Callable[[_End], Awaitable[None]]) -> _T:
        end = _End(asyncio.get_running_loop())
        self.start(end.on_done)
        try:
            await wait(end)
        except BaseException:
            self.cancel()
            raise
        return self.result()

    def start(self, on_done: Callable[[], object]) -> None:
        """Start the work.

        Args:
            on_done: Called once it is done, in the thread that did it.

        Raises:
            RuntimeError: The loop is closed.
        """
        self._on_done = on_done
        self._loop.call_soon_threadsafe(self._start)

    def cancel(self) -> None:
        """Cancel the work, from any thread; ``on_done`` is called all the same."""
        ThreadsafeLoop(self._loop).call_soon_threadsafe(self._stop)

    def result(self) -> _T:
        """Return what the work returned, or raise what it raised; to be called once."""
        error, self._error = self._error, None
        if error is None:
            return self._result.pop()
        try:
            raise error
        finally:
            del error  # an exception and the frame that holds it would keep each other alive

    # In the loop that does the work.

    def _start(self) -> None:
        # A task copies the context that it is made in; not every loop has a parameter for it.
        self._task = self._context.run(self._loop.create_task, self._go())
        self._task.add_done_callback(self._finish)
        if self._cancelled:
            self._task.cancel()

    def _stop(self) -> None:
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()

    async def _go(self) -> None:
        try:
            self._result.append(await self._work())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
            self._error = error

    def _finish(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():  # before its first step
            self._error = asyncio.CancelledError()
        self._on_done()


class _End:
    """The end of a call, signalled by one thread and awaited in another's loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_done = False
        self._loop = ThreadsafeLoop(loop)
        self._waiter: asyncio.Future[None] = loop.create_future()

    def on_done(self) -> None:
        """Signal it from the other thread; does nothing if the waiting loop is closed."""
        self._loop.call_soon_threadsafe(self._wake)

    async def wait(self) -> None:
        """Wait until the end; can be called again after a cancellation."""
        if self._is_done:
            return
        if self._waiter.cancelled():
            self._waiter = self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        self._is_done = True
        if not self._waiter.done():
            self._waiter.set_result(None)
