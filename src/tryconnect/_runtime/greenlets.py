"""Programs whose standard library gevent or eventlet has patched: a thread is a greenlet there.

asyncio marks the running loop for each thread of the operating system, so no two greenlets can run
a loop each. Under gevent the portal runs what all of them ask for, in a thread of the operating
system's own, and a greenlet that waits for it lets the others go on.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "GreenletEvent",
    "eventlet_patched",
    "gevent_patched",
    "make_selector",
    "native",
    "patched_too_late",
    "start_native",
]

_T = TypeVar("_T")


def gevent_patched() -> bool:
    """Return whether gevent has patched what asyncio stands on."""
    monkey = sys.modules.get("gevent.monkey")
    modules = ("_thread", "select", "socket")
    return monkey is not None and any(map(monkey.is_module_patched, modules))


def patched_too_late() -> bool:
    """Return whether gevent patched after pycares had been loaded.

    Its thread would be a greenlet then, and wait for the queue of before: nothing else in the
    portal's thread would run again.
    """
    if not gevent_patched():
        return False
    import queue

    loaded = getattr(sys.modules.get("pycares"), "SimpleQueue", queue.SimpleQueue)
    return loaded is not queue.SimpleQueue


def eventlet_patched() -> bool:
    """Return whether eventlet has patched what asyncio stands on."""
    patcher = sys.modules.get("eventlet.patcher")
    modules = ("thread", "select", "socket")
    return patcher is not None and any(map(patcher.is_monkey_patched, modules))


class GreenletEvent:
    """A ``threading.Event`` that one greenlet waits for, and any thread sets."""

    def __init__(self) -> None:
        import gevent.event

        self._event = gevent.event.Event()
        self._hub = gevent.get_hub()

    def set(self) -> None:
        """Wake the greenlet that waits, from any thread."""
        self._hub.loop.run_callback_threadsafe(self._event.set)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, or as many seconds; return whether it is set."""
        while not self._event.wait(_HOUR if timeout is None else timeout):
            if timeout is not None:
                return False
        return True


_HOUR = 3600.0
"""Seconds. A hub without a timer takes a wait without an end for a deadlock."""


def make_selector() -> Any:
    """Return the selector of a loop, in the thread of :func:`start_native` that runs the loop."""
    from gevent.selectors import GeventSelector

    class Selector(GeventSelector):  # type: ignore[misc]
        def select(self, timeout: float | None = None) -> Any:
            return super().select(_HOUR if timeout is None else timeout)

    return Selector()


def native(name: str) -> Any:
    """Return a function of the module ``_thread`` as it was before gevent patched it."""
    from gevent.monkey import get_original

    return get_original("_thread", name)


def start_native(make: Callable[[], _T], run: Callable[[_T], None]) -> _T:
    """Make something in a new thread of the operating system's, and run it there.

    Args:
        make: Makes it, in the thread.
        run: Called with it, in the thread, which ends when it returns.

    Returns:
        What was made.

    Raises:
        RuntimeError: There is no thread to be had.
        Exception: Whatever ``make`` raises.
    """
    made: list[_T] = []
    failed: list[Exception] = []
    ready = native("allocate_lock")()
    ready.acquire()

    def go() -> None:
        try:
            made.append(make())
        except Exception as error:  # noqa: BLE001 - it belongs to the caller
            failed.append(error)
            return
        finally:
            ready.release()
        run(made[0])

    native("start_new_thread")(go, ())
    ready.acquire()
    if failed:
        raise failed[0]
    return made[0]
