"""What a loop makes of other threads: wake-ups, and failures in its executor."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from tryconnect._model.render import duration
from tryconnect.doctor._bounded import LIMIT, bounded, until
from tryconnect.doctor._findings import fault, ok

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from tryconnect.doctor._findings import Finding

__all__ = ["executor_errors", "unretrieved", "wake_up"]


# --- a call from another thread


async def wake_up(name: str) -> Finding:
    """See whether ``call_soon_threadsafe`` wakes an idle loop.

    Nothing may keep the loop busy meanwhile, so nothing watches this test from within but a timer.
    """
    slept = 0
    delays: list[float] = []
    # A busy machine may make one call late, or one loop late in falling asleep: two of three count.
    while slept < _MAJORITY and len(delays) < _MAJORITY:
        delay = await _handed_over()
        if delay is None or delay > _GUARD / 2:
            slept += 1
        else:
            delays.append(delay)
    if slept < _MAJORITY:
        took = duration(min(delays))
        return ok(name, f"a call from another thread wakes the idle loop in {took}")
    return fault(
        name,
        f"a call from another thread does not wake the idle loop: only a timer did, {_GUARD:g} s "
        "later",
        "make the loop's call_soon_threadsafe wake its wait (asyncio writes into a socket pair); "
        "until then results of threads arrive when something else happens, or never",
    )


_MAJORITY = 2

_GUARD = 1.0
"""Seconds after which a timer wakes a loop that the call does not wake."""

_SETTLED = 0.05
"""Seconds that the loop gets to fall asleep before it is called."""


async def _handed_over() -> float | None:
    """Return the seconds that a call from a thread took, or ``None`` where a timer came first."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[float] = loop.create_future()

    def arrive(moment: float) -> None:
        if not arrived.done():
            arrived.set_result(time.monotonic() - moment)

    def call() -> None:
        time.sleep(_SETTLED)
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(arrive, time.monotonic())

    guard = loop.call_later(_SETTLED + _GUARD, arrive, float("-inf"))
    caller = threading.Thread(target=call, name="tryconnect-doctor-caller", daemon=True)
    caller.start()
    try:
        delay = await arrived
    finally:
        guard.cancel()
        caller.join(LIMIT)
    return None if delay == float("inf") else delay


# --- failures in the executor


class PlantedError(Exception):
    """The failure that the doctor raises to see what becomes of it."""


def _planted_failure() -> None:
    raise PlantedError


async def executor_errors(name: str) -> Finding:
    """See whether an exception in the loop's executor reaches who awaits it, with its frames."""
    outcome = await bounded(
        _awaited(asyncio.get_running_loop().run_in_executor(None, _planted_failure))
    )
    error = outcome.error
    try:
        if isinstance(error, NotImplementedError):
            raise error
        if error is None:
            return fault(
                name,
                f"an exception raised in the executor did not arrive within {LIMIT:g} s",
                "do not hand blocking work to this loop's executor: use a thread of your own, or "
                "code that awaits",
            )
        if not isinstance(error, PlantedError):
            return fault(
                name,
                f"an exception raised in the executor arrives as another: {type(error).__name__}",
                "catch and log exceptions inside of what you hand to run_in_executor",
            )
        frames = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
        if _planted_failure.__name__ not in frames:
            return fault(
                name,
                "an exception raised in the executor arrives without the frames of its thread",
                "log exceptions inside of what you hand to run_in_executor, where the frames are",
            )
        return ok(name, "an exception raised in the executor arrives with its frames")
    finally:
        del error, outcome  # their frames hold this one


async def _awaited(future: Awaitable[None]) -> None:
    await future


# --- failures that nobody awaits


async def unretrieved(name: str) -> Finding:
    """See whether a failure that nobody awaits is reported."""
    silent = [kind for kind, plant in _PLANTERS.items() if not await _is_heard(plant)]
    if silent:
        return fault(
            name,
            f"a failure that nobody awaits passes without a word: {' and '.join(silent)}",
            "await every future, or add a callback that logs its exception; the loop's author can "
            "report it when the future is deleted, as asyncio does",
        )
    return ok(name, "failures that nobody awaits are reported")


async def _forget_executor_job() -> int:
    """Let a job fail in the executor, and forget it."""
    future = asyncio.get_running_loop().run_in_executor(None, _planted_failure)
    await until(future.done)
    return id(future)


async def _forget_task() -> int:
    """Let a task fail, and forget it."""

    async def fail() -> None:
        raise PlantedError

    task = asyncio.get_running_loop().create_task(fail())
    await until(task.done)
    return id(task)


_PLANTERS = {"an executor's job": _forget_executor_job, "a task": _forget_task}


async def _is_heard(plant: Callable[[], Coroutine[object, object, int]]) -> bool:
    with _listening() as heard:
        future = await plant()

        def is_heard() -> bool:
            return bool({_PLANTED, future} & heard)

        if not await until(is_heard, timeout=_SETTLED):
            gc.collect()  # a loop's future may be part of a circle
            await until(is_heard, timeout=_SETTLED)
        return is_heard()


_PLANTED = -1
"""Stands for the planted exception among the ``id`` of futures."""


@contextlib.contextmanager
def _listening() -> Iterator[set[int]]:
    """Collect what failures are reported of, wherever loops do that.

    All that is not about the planted failure goes where it went before.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    heard = set()

    def handle(*args: Any) -> None:  # QtAsyncio leaves the first one, the loop, out
        context: dict[str, Any] = args[-1]
        if isinstance(context.get("exception"), PlantedError):
            heard.add(_PLANTED)
            return
        # Where the loop made another exception of it, it is known by its future.
        heard.add(id(context.get("future")))
        if before is None:
            loop.default_exception_handler(context)
        else:
            before(*args)

    def is_other(record: logging.LogRecord) -> bool:
        planted = isinstance(record.exc_info[1] if record.exc_info else None, PlantedError)
        if planted:
            heard.add(_PLANTED)
        return not planted

    logger = logging.getLogger("asyncio")
    loop.set_exception_handler(handle)
    logger.addFilter(is_other)
    try:
        yield heard
    finally:
        logger.removeFilter(is_other)
        loop.set_exception_handler(before)
