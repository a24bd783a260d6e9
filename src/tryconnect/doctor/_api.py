"""``examine``: the way to the loop that is examined, from within it, beside it, or into it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import math
import threading
from typing import TYPE_CHECKING, Literal

from tryconnect.doctor._bounded import until
from tryconnect.doctor._examination import Examination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tryconnect.doctor._findings import Findings

__all__ = ["examine"]


async def examine(
    loop: asyncio.AbstractEventLoop | None = None,
    *,
    only: Literal["loop", "machine"] | None = None,
    name_servers: Sequence[str] | None = None,
) -> Findings:
    """Examine an event loop and this machine.

    It is a coroutine because a loop shows only from within what it can do: a program awaits it in
    its own loop, and a loop that nobody runs yet runs it by
    ``loop.run_until_complete(tryconnect.doctor.examine())``.

    The examination takes about half a second in a sound loop, and at most some seconds for each
    thing that is broken; the loop goes on meanwhile, but is kept turning.  Each test has its own
    deadline, which asks nothing of the loop's clock and timers.  Nothing stays, but what any use of
    them leaves: the threads of the loop's executor, and where checks go through the portal, its
    thread.

    Args:
        loop: the one to examine.  ``None``: the one that this coroutine runs in.  One that runs in
            another thread (a GUI's) is examined there, from outside.  One that is at rest is run
            in a thread of the doctor's own, and is at rest afterwards; a loop that works in the
            main thread only, like Qt's, has to run this coroutine itself.  If such a loop stands
            still, it is left there.
        only: ``"loop"`` or ``"machine"``; ``None``: both.
        name_servers: whom the machine's part asks for names, as ``"192.0.2.53"`` or
            ``"127.0.0.1:5353"``; ``None``: those that this machine is set to.

    Returns:
        The :class:`~tryconnect.doctor.Findings`, which are true where there is no fault.

    Raises:
        RuntimeError: the loop is closed.
        ValueError: an option makes no sense.

    .. versionadded:: 0.1
    """
    examination = Examination(only=only, name_servers=name_servers)
    if loop is None or loop is asyncio.get_running_loop():
        await examination.of_loop()
    elif loop.is_closed():
        raise RuntimeError("a closed loop cannot be examined")
    elif loop.is_running():
        await _beside(loop, examination)
    else:
        await _into(loop, examination)
    await examination.of_machine()
    return examination.findings


async def _beside(loop: asyncio.AbstractEventLoop, examination: Examination) -> None:
    """Examine a loop that runs in another thread."""
    visit = _Visit(loop, examination)
    loop.call_soon_threadsafe(visit.begin)
    await visit.wait()


async def _into(loop: asyncio.AbstractEventLoop, examination: Examination) -> None:
    """Examine a loop that is at rest."""
    visit = _Visit(loop, examination)
    errors: list[Exception] = []

    def run() -> None:
        going = visit.go()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(going)
        except Exception as error:  # noqa: BLE001 - it belongs to the caller
            errors.append(error)
            if inspect.getcoroutinestate(going) == inspect.CORO_CREATED:  # the loop refused to run
                going.close()
        finally:
            visit.over.set()

    thread = threading.Thread(target=run, name="tryconnect-doctor", daemon=True)
    thread.start()
    await visit.wait()
    if visit.over.is_set():
        thread.join()
    if errors:
        raise errors[0]


class _Visit:
    """An examination in a loop of another thread, and its end where that loop does not end it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, examination: Examination) -> None:
        self.over = threading.Event()
        self._loop = loop
        self._examination = examination
        self._left = False
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start, in the loop itself, unless that took it up too late."""
        if not self._left:
            self._task = self._loop.create_task(self.go())

    async def go(self) -> None:
        """Examine."""
        self._task = self._task or asyncio.current_task()
        try:
            await self._examination.of_loop()
        finally:
            self.over.set()

    async def wait(self) -> None:
        """Wait for the end, or for a standstill; the loop is left in either case."""
        try:
            await until(self._settled, timeout=math.inf)
        finally:
            self._left = True
            if not self.over.is_set():
                with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                    self._loop.call_soon_threadsafe(self._end)
                await until(self.over.is_set, timeout=_FAREWELL)
        if not self.over.is_set():
            self._examination.gave_up()

    def _settled(self) -> bool:
        return self.over.is_set() or self._examination.stands_still()

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()


_FAREWELL = 0.5
"""Seconds for an examination that is cancelled to end."""
