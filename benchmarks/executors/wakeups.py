"""Tests a hypothesis: a loop that threads do not wake delays exceptions only while it is idle.

``python -m benchmarks.executors.wakeups``

The loop is asyncio's own, except that ``call_soon_threadsafe`` queues the call and does not wake
the loop. A job in its executor raises; the exception reaches the ``await`` when the loop next wakes
for another reason, such as a GUI's timer, a mouse movement or a polling debugger.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final

from tryconnect import doctor

NEXT = 4.0
"""Seconds until an unrelated event in the idle program."""

TICK = 1 / 60

TAKES = 0.1
"""Seconds that the job works before it fails."""


class Unwoken(asyncio.SelectorEventLoop):
    """A loop that other threads do not wake."""

    def _write_to_self(self) -> None:
        pass


Loop = Callable[[], asyncio.AbstractEventLoop]

LOOPS: Final[dict[str, Loop]] = {"asyncio's own": asyncio.SelectorEventLoop, "not woken": Unwoken}


def _job() -> None:
    time.sleep(TAKES)
    raise OSError("the connection was refused")


@contextlib.contextmanager
def ticking() -> Iterator[None]:
    """Run a timer that fires sixty times a second, as GUIs do."""
    loop = asyncio.get_running_loop()

    timers: list[asyncio.TimerHandle] = []

    def tick() -> None:
        timers[:] = [loop.call_later(TICK, tick)]

    tick()
    try:
        yield
    finally:
        timers[0].cancel()


async def arrival(*, busy: bool) -> float:
    """Return the seconds from an exception in the executor to its ``except`` clause."""
    loop = asyncio.get_running_loop()
    unrelated = loop.call_later(NEXT, lambda: None)
    begun = time.monotonic()
    try:
        with ticking() if busy else contextlib.nullcontext():
            await loop.run_in_executor(None, _job)
    except OSError:
        pass
    finally:
        unrelated.cancel()
    return time.monotonic() - begun - TAKES


async def said_by_doctor(*, busy: bool) -> str:
    """Return the doctor's verdict on waking the loop."""
    with ticking() if busy else contextlib.nullcontext():
        (found,) = (await doctor.examine(only="loop")).named("wake_up")
    return str(found.level)


def measured(factory: Loop, *, busy: bool) -> tuple[float, str]:
    """Return when the exception arrived in a new loop, and the doctor's verdict."""

    async def both() -> tuple[float, str]:
        return await arrival(busy=busy), await said_by_doctor(busy=busy)

    loop = factory()
    try:
        return loop.run_until_complete(both())
    finally:
        loop.close()  # and its executor, without waiting


def rows() -> list[list[str]]:
    """Return a row for each loop, idle and busy."""
    return [
        [name, state, f"{waited * 1000:.0f} ms", said]
        for name, factory in LOOPS.items()
        for state in ("idle", "a 60 Hz timer")
        for waited, said in [measured(factory, busy=state != "idle")]
    ]


def main() -> None:
    """Print the table."""
    for row in rows():
        print("  ".join(f"{cell:<14}" for cell in row))


if __name__ == "__main__":
    main()
