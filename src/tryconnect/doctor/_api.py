"""``examine``: examine the current loop, a loop in another thread, or one that is not running."""

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

    This is a coroutine because what a loop can do shows only from within: await it in a running
    loop, or run it with ``loop.run_until_complete(tryconnect.doctor.examine())``.

    The examination takes about half a second in a sound loop, and at most a few seconds for each
    broken feature. The loop continues to run meanwhile, but is never idle. Each test has its own
    timeout, which does not depend on the loop's clock and timers. Nothing is left behind except for
    the threads of the loop's executor, and the portal's thread if checks go through the portal.

    Args:
        loop: The loop to examine. ``None``: the loop that runs this coroutine. A loop that is
            running in another thread, such as a GUI's, is examined there. A loop that is not
            running is run in a thread of the doctor's; one that works only in the main thread, such
            as Qt's, must run this coroutine itself. A loop that hangs is abandoned in that thread.
        only: ``"loop"`` or ``"machine"``; ``None``: both.
        name_servers: The name servers to examine, such as ``"192.0.2.53"`` or
            ``"127.0.0.1:5353"``; ``None``: those that this machine uses.

    Returns:
        The :class:`~tryconnect.doctor.Findings`, which are true if there is no fault.

    Raises:
        RuntimeError: The loop is closed.
        ValueError: An option is invalid.

    Example:
        >>> findings = await tryconnect.doctor.examine(only="loop")
        >>> findings.healthy
        True

    .. versionadded:: 0.1
    """
    examination = Examination(only=only, name_servers=name_servers)
    if loop is None or loop is asyncio.get_running_loop():
        await examination.of_loop()
    elif loop.is_closed():
        raise RuntimeError("a closed loop cannot be examined")
    elif loop.is_running():
        await _in_its_thread(loop, examination)
    else:
        await _in_new_thread(loop, examination)
    await examination.of_machine()
    return examination.findings


async def _in_its_thread(loop: asyncio.AbstractEventLoop, examination: Examination) -> None:
    """Examine a loop that is running in another thread."""
    visit = _Visit(loop, examination)
    loop.call_soon_threadsafe(visit.begin)
    await visit.wait()


async def _in_new_thread(loop: asyncio.AbstractEventLoop, examination: Examination) -> None:
    """Examine a loop that is not running."""
    visit = _Visit(loop, examination)
    errors: list[Exception] = []

    def run() -> None:
        going = visit.go()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(going)
        except Exception as error:
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


_CANCEL_TIMEOUT = 0.5
"""Seconds for a cancelled examination to end."""


class _Visit:
    """An examination in a loop of another thread, which is abandoned if that loop hangs."""

    def __init__(self, loop: asyncio.AbstractEventLoop, examination: Examination) -> None:
        self.over = threading.Event()
        self._loop = loop
        self._examination = examination
        self._left = False
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start within the loop, unless it was abandoned before it got to it."""
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
        """Wait until the examination ends or the loop hangs; cancel it in the latter case."""
        try:
            await until(self._settled, timeout=math.inf)
        finally:
            self._left = True
            if not self.over.is_set():
                with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                    self._loop.call_soon_threadsafe(self._end)
                await until(self.over.is_set, timeout=_CANCEL_TIMEOUT)
        if not self.over.is_set():
            self._examination.abandon()

    def _settled(self) -> bool:
        return self.over.is_set() or self._examination.is_hung()

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
