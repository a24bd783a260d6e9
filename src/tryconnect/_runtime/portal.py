"""The portal: one stock asyncio loop in a daemon thread, for callers that no other loop can serve.

Some event loops cannot open connections, some keep time by a clock that people set, and some
threads have no loop at all. They hand their work to the portal and wait for its outcome.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from tryconnect._model.faults import LocalFault
from tryconnect._runtime.at_exit import hold_exit, is_exiting
from tryconnect._runtime.bridge import LoopCall
from tryconnect._runtime.descriptors import shortage
from tryconnect._runtime.greenlets import (
    GreenletEvent,
    gevent_patched,
    make_selector,
    native,
    start_native,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["call", "portal_loop", "run", "start_soon", "stock_loop"]

_T = TypeVar("_T")


async def call(work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Run a coroutine in the portal, and await its outcome in the running loop, whatever that is.

    If the caller is cancelled, the work is cancelled too; the cancellation propagates once the work
    has ended.

    Args:
        work: A coroutine function; what it returns or raises, this does.

    Raises:
        LocalFault: This machine cannot open the portal.
    """
    return await LoopCall(work, portal_loop()).wait()


def run(work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Run a coroutine in the portal, and block until it is done.

    An interrupt cancels the work, and propagates once that has ended, or after a second.

    Args:
        work: A coroutine function; what it returns or raises, this does.

    Raises:
        LocalFault: This machine cannot open the portal.
        RuntimeError: This is the portal's own thread.
    """
    loop = portal_loop()
    if _portal is not None and _portal.is_here():
        raise RuntimeError("a blocking call in tryconnect's own thread would wait for itself")
    loop_call = LoopCall(work, loop)
    over = GreenletEvent() if gevent_patched() else threading.Event()
    try:
        loop_call.start(over.set)
        over.wait()
    except BaseException:
        loop_call.cancel()
        over.wait(_CANCEL_TIMEOUT)  # it may have come before the work was handed over
        raise
    return loop_call.result()


_CANCEL_TIMEOUT = 1.0
"""Seconds that cancelled work may take to end."""


def start_soon(work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Run a coroutine in the portal without waiting for it; its outcome is dropped.

    Args:
        work: A coroutine function.

    Raises:
        LocalFault: This machine cannot open the portal.
    """
    LoopCall(work, portal_loop()).start(lambda: None)


def stock_loop() -> asyncio.AbstractEventLoop:
    """Make the platform's own loop, whatever policy the program has installed.

    Raises:
        OSError: There are no descriptors to be had.
    """
    # Asked first: asyncio complains, on standard error, of a loop that it has half made.
    if (want := shortage(_DESCRIPTORS)) is not None:
        raise want
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop()
    return asyncio.SelectorEventLoop()


_DESCRIPTORS = 3
"""What a loop opens: its selector, and a pair of sockets by which threads wake it."""


class _Portal:
    """A loop and the thread that runs it, for as long as the process lives."""

    def __init__(self) -> None:
        self.loop = stock_loop()
        self._thread = threading.Thread(target=self._turn, name="tryconnect-portal", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self.loop.close()
            raise
        hold_exit(self, self._park)

    def is_here(self) -> bool:
        """Return whether this is its thread."""
        return self._thread.ident == threading.get_ident()

    def is_alive(self) -> bool:
        """Return whether its loop runs."""
        return self._thread.is_alive()

    def _turn(self) -> None:
        # A debugging loop complains of long steps. Here nobody is kept waiting by them, and most
        # are waits for another thread to let go of the interpreter.
        self.loop.slow_callback_duration = math.inf
        while not self._is_stopped:
            # One of these in a task ends a loop's run, after it was given to whoever awaits it.
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_forever()

    _is_stopped = False

    def _park(self, seconds: float) -> None:
        """Keep the thread out of every library from now on, as the process is about to end.

        To end the loop would have asyncio complain of each task that was still under way.

        Args:
            seconds: How long to wait for the step that the loop is in.
        """
        parked = threading.Event()

        def park() -> None:
            parked.set()
            threading.Event().wait()

        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(park)
            parked.wait(seconds)


class _NativePortal(_Portal):
    """The same under gevent, where a thread of the standard library's would be a greenlet."""

    def __init__(self) -> None:
        self._ended = native("allocate_lock")()
        self._ended.acquire()
        self.loop = start_native(self._make, lambda _: self._turn())
        hold_exit(self, self._park)

    def is_here(self) -> bool:
        return bool(self._ident == native("get_ident")())

    def is_alive(self) -> bool:
        return not self._is_stopped

    def _make(self) -> asyncio.AbstractEventLoop:
        self._ident = native("get_ident")()
        self.loop = asyncio.SelectorEventLoop(make_selector())
        return self.loop

    def _turn(self) -> None:
        try:
            super()._turn()
        finally:
            self._ended.release()

    def _park(self, seconds: float) -> None:
        """Stop the loop and its thread: gevent's hub cannot be cut where it stands.

        The process would crash or hang as it ends (26.9, Python 3.11 and 3.12).
        """
        self._is_stopped = True
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._ended.acquire(timeout=seconds)


def portal_loop() -> asyncio.AbstractEventLoop:
    """Return the portal's loop, and start it if it does not run yet.

    Raises:
        LocalFault: This machine cannot open it.
    """
    global _portal  # noqa: PLW0603 - there is one in a process
    with _lock:
        # No thread starts any more, and those that were there are parked.
        if is_exiting() or sys.is_finalizing():
            raise LocalFault("the interpreter is shutting down")
        kind = _NativePortal if gevent_patched() else _Portal
        if type(_portal) is not kind or not _portal.is_alive():
            try:
                _portal = kind()
            except (OSError, RuntimeError, MemoryError) as error:
                raise LocalFault("this machine cannot start a loop in another thread") from error
        return _portal.loop


def _begin_anew() -> None:
    """Forget, in the child of a fork, the portal of the parent.

    Its loop is not closed: that would remove the parent's pipe from the selector they share.
    """
    global _portal, _lock
    _portal, _lock = None, threading.RLock()


_portal: _Portal | None = None
# The garbage collector may call in while the portal is being opened, in the same thread.
_lock = threading.RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
