"""Where the coroutines of blocking calls run: in a loop of the calling thread, or in the portal.

asyncio's runner refuses a thread that is marked as running a loop. QtAsyncio marks the threads of
its executor, although no loop can run there: the portal serves them, and gevent's greenlets.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tryconnect._runtime import portal
from tryconnect._runtime.greenlets import eventlet_patched, gevent_patched, patched_too_late
from tryconnect._runtime.spare_loop import SpareLoop
from tryconnect._runtime.threads import can_run_here, running_loop

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["COPIED", "PortalRunner", "make_runner", "refuse_inside_a_loop"]

COPIED = ("__name__", "__qualname__", "__doc__", "__annotations__")
"""What a blocking function has from its coroutine, beside the signature."""

_T = TypeVar("_T")


def refuse_inside_a_loop(name: str, instead: str) -> None:
    """Refuse to block the thread of a running loop, or where no loop can run at all.

    Raises:
        RuntimeError: A loop runs in this thread; the interpreter is shutting down; eventlet has
            patched the standard library; or gevent has, after it was in use.
    """
    if sys.is_finalizing():
        raise RuntimeError(
            f"tryconnect.sync.{name} cannot run: the interpreter is shutting down, and starts "
            "neither loops nor threads any more"
        )
    if eventlet_patched():
        raise RuntimeError(
            f"tryconnect.sync.{name} cannot run where eventlet has patched the standard library: "
            "asyncio does not work in green threads; gevent is served"
        )
    if patched_too_late():
        raise RuntimeError(
            f"tryconnect.sync.{name} cannot run: gevent has patched the standard library after "
            "tryconnect had begun to use it; let gevent.monkey.patch_all() come first"
        )
    loop = running_loop()
    if loop is not None and can_run_here(loop):
        raise RuntimeError(
            f"tryconnect.sync.{name} would stop the event loop that runs here; write: {instead}"
        )


def make_runner() -> asyncio.Runner | PortalRunner:
    """Return what runs coroutines for this thread; the caller closes it.

    Its loop is the platform's stock one, whatever policy the program has installed; where there
    are no descriptors for one, it needs none, and the checks report that.
    """
    if gevent_patched() or running_loop() is not None:
        return PortalRunner()
    return asyncio.Runner(loop_factory=_make_loop)


def _make_loop() -> asyncio.AbstractEventLoop:
    try:
        return portal.stock_loop()
    except OSError:
        return SpareLoop()


class PortalRunner:
    """Runs coroutines in the portal, with the methods of ``asyncio.Runner``."""

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine to its end, and return what it returns."""

        async def go() -> _T:
            return await work

        return portal.run(go)

    def close(self) -> None:
        """Do nothing: the portal stays open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
