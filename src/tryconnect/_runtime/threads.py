"""Living with loops that are not ours: work beside them, and their end.

Blocking work runs in a daemon thread of our own, which the process's exit does not wait for, unless
the work is done inside a library that must not be cut.

The loop's executor would hold loop shutdown and process exit until the work is done, lets other
users starve, and on a GUI's own loop it may lose exceptions; ``asyncio.to_thread`` is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tryconnect._model.faults import LocalFault
from tryconnect._runtime.at_exit import hold_exit, is_exiting, release_exit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = [
    "MAX_SETUP",
    "Overdue",
    "ThreadsafeLoop",
    "can_run_here",
    "cannot_await",
    "defer_cancellation",
    "is_overdue",
    "run_in_daemon_thread",
    "running_loop",
    "wait_all",
]

_T = TypeVar("_T")

MAX_SETUP = 20.0
"""Seconds that work for which the exit waits may take: such work is an import, or a trust store."""

_overdue: list[threading.Thread] = []


class Overdue(LocalFault):
    """What a check needs is not there in time, and whoever touches it would wait for it, too.

    OpenSSL that runs out of memory while it starts may never return.
    """

    def __init__(self) -> None:
        super().__init__(
            f"what checks need was not loaded within {MAX_SETUP:.0f} s, for want of memory or of a "
            "disk that answers: the address was not tried"
        )


def is_overdue() -> bool:
    """Return whether some work for which the exit waits has overrun, and still runs."""
    return any(thread.is_alive() for thread in _overdue)


def run_in_daemon_thread(
    work: Callable[[], _T], *, name: str, exit_waits: bool = False
) -> asyncio.Future[_T]:
    """Run blocking work in a daemon thread; the future holds its result, or its exception.

    If the caller is cancelled, the cancellation propagates at once; the thread runs to its end, and
    its result is dropped.

    Args:
        work: What to run.
        name: The thread's name, for debuggers.
        exit_waits: The interpreter's exit waits for it, within a bound; once that is over, the work
            is done in the calling thread. The caller waits ``MAX_SETUP`` seconds at most.

    Raises:
        LocalFault: There is no thread to be had.
        Overdue: Such work runs already, and has overrun.
    """
    loop = asyncio.get_running_loop()
    postbox = ThreadsafeLoop(loop)
    answer: asyncio.Future[_T] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
            _deliver(postbox, _fail, answer, error)
        else:
            _deliver(postbox, _succeed, answer, result)
        finally:
            release_exit(thread)

    thread = threading.Thread(target=run, name=name, daemon=True)
    if exit_waits and is_exiting():
        run()
        return answer
    if exit_waits and is_overdue():
        raise Overdue
    if sys.is_finalizing():  # up to Python 3.11, its start would be waited for, for ever
        raise LocalFault("the interpreter is shutting down")
    try:
        if exit_waits:
            hold_exit(thread, thread.join)
        thread.start()
    except RuntimeError as error:
        release_exit(thread)
        raise LocalFault("this machine cannot start another thread") from error
    if exit_waits:
        timer = loop.call_later(MAX_SETUP, _overrun, answer, thread)
        answer.add_done_callback(lambda _: timer.cancel())
    return answer


class ThreadsafeLoop:
    """The part of a loop that other threads use, safe to use after the loop is closed.

    To call into a closed loop raises in the calling thread, where nobody can catch it and it would
    only print a traceback.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.create_future = loop.create_future

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> None:
        """Schedule a call in the loop, or drop it if the loop is closed."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *args)


def running_loop() -> object | None:
    """Return what this thread is marked with as running here; mostly it is a loop that does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def can_run_here(loop: object) -> bool:
    """Return whether a coroutine can run in this thread, as its mark says.

    QtAsyncio marks the threads of its executor with what is no asyncio loop at all. A loop built on
    asyncio's knows the thread that it runs in: ``_thread_id``, on which it hangs that blocking
    calls are served there, and refused where they would stop a loop.
    """
    thread = getattr(loop, "_thread_id", None)
    return hasattr(loop, "create_task") and thread in {None, threading.get_ident()}


def cannot_await(loop: asyncio.AbstractEventLoop, kind: type[BaseException] | None) -> bool:
    """Return whether this coroutine is being finalised (closed loop or GeneratorExit).

    Such a coroutine is run to its end by the garbage collector, and must not await.

    Args:
        loop: The loop that ran the coroutine.
        kind: The exception that leaves the coroutine, or ``None``.
    """
    return kind is GeneratorExit or loop.is_closed()


async def defer_cancellation(
    work: Callable[[], Awaitable[_T]], *, on_cancel: Callable[[], object] = lambda: None
) -> _T:
    """Await some work to its end; if the caller is cancelled, that propagates only then.

    Args:
        work: Is called, and awaited, anew after each cancellation.
        on_cancel: Is called at each cancellation, to make the work end sooner.
    """
    cancellation: asyncio.CancelledError | None = None
    while True:
        try:
            result = await work()
        except asyncio.CancelledError as error:
            cancellation = error
            on_cancel()
        else:
            if cancellation is not None:
                raise cancellation
            return result


async def wait_all(*tasks: asyncio.Task[Any]) -> None:
    """Return when all these tasks have ended, however they did.

    If the caller is cancelled meanwhile, the cancellation propagates only then.
    """
    if under_way := [task for task in tasks if not task.done()]:
        await defer_cancellation(partial(asyncio.wait, under_way))


def _deliver(postbox: ThreadsafeLoop, callback: Callable[..., object], *args: object) -> None:
    """Tell the loop, and try again where there is no memory even for that: nobody else can."""
    while True:
        try:
            return postbox.call_soon_threadsafe(callback, *args)
        except (MemoryError, SystemError):
            time.sleep(0.1)


def _overrun(answer: asyncio.Future[_T], thread: threading.Thread) -> None:
    _overdue.append(thread)
    _fail(answer, Overdue())


def _succeed(answer: asyncio.Future[_T], result: _T) -> None:
    if not answer.done():  # cancelled: the caller has left
        answer.set_result(result)


def _fail(answer: asyncio.Future[_T], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
