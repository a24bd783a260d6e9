"""Tests of a loop with other threads: wake-ups, and failures in its executor."""

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


async def wake_up() -> Finding:
    """Check that ``call_soon_threadsafe`` wakes an idle loop.

    The loop must be idle meanwhile, so only a timer guards this test.
    """
    slept = 0
    delays: list[float] = []
    # On a busy machine a call may be late, or the loop not yet asleep: two of three decide.
    while slept < _MAJORITY and len(delays) < _MAJORITY:
        delay = await _handed_over()
        if delay is None or delay > _GUARD / 2:
            slept += 1
        else:
            delays.append(delay)
    if slept < _MAJORITY:
        took = duration(min(delays))
        return ok(f"a call from another thread wakes the idle loop in {took}")
    return fault(
        f"a call from another thread does not wake the idle loop: only a timer did, {_GUARD:g} s "
        "later",
        "make the loop's call_soon_threadsafe wake it up (asyncio writes to a socket pair); until "
        "then, results of threads arrive when something else happens, or never",
    )


_MAJORITY = 2

_GUARD = 1.0
"""Seconds after which a timer wakes a loop that the call does not wake."""

_SETTLED = 0.05
"""Seconds for the loop to become idle before it is called."""


async def _handed_over() -> float | None:
    """Return how long a call from a thread took in seconds, or ``None`` if a timer came first."""
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
    """The exception that the doctor raises to see what happens to it."""


def _planted_failure() -> None:
    raise PlantedError


async def executor_errors() -> Finding:
    """Check that an exception in the loop's executor is raised where it is awaited, with frames."""
    outcome = await bounded(
        _awaited(asyncio.get_running_loop().run_in_executor(None, _planted_failure))
    )
    error = outcome.error
    try:
        if isinstance(error, NotImplementedError):
            raise error
        if error is None:
            return fault(
                f"an exception raised in the executor did not arrive within {LIMIT:g} s",
                "run blocking work in a thread of your own instead of this loop's executor",
            )
        if not isinstance(error, PlantedError):
            return fault(
                f"an exception raised in the executor arrives as another: {type(error).__name__}",
                "catch and log exceptions within the functions that you pass to run_in_executor",
            )
        frames = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
        if _planted_failure.__name__ not in frames:
            return fault(
                "an exception raised in the executor arrives without the frames of its thread",
                "log exceptions within the functions that you pass to run_in_executor",
            )
        return ok("an exception raised in the executor arrives with its frames")
    finally:
        del error, outcome  # their frames hold this one


async def _awaited(future: Awaitable[None]) -> None:
    await future


# --- unawaited failures


async def unretrieved() -> Finding:
    """Check that an unawaited failure is reported."""
    silent = [kind for kind, plant in _PLANTERS.items() if not await _is_heard(plant)]
    if silent:
        return fault(
            f"unawaited failures are not reported: {' and '.join(silent)}",
            "await every future, or add a callback that logs its exception; the loop can report it "
            "when the future is deleted, as asyncio does",
        )
    return ok("unawaited failures are reported")


async def _forget_executor_job() -> int:
    """Let a job fail in the executor, and drop its future."""
    future = asyncio.get_running_loop().run_in_executor(None, _planted_failure)
    await until(future.done)
    return id(future)


async def _forget_task() -> int:
    """Let a task fail, and drop it."""

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
            gc.collect()  # the future may be part of a cycle
            await until(is_heard, timeout=_SETTLED)
        return is_heard()


_PLANTED = -1
"""Stands for the planted exception among the ``id`` of futures."""


@contextlib.contextmanager
def _listening() -> Iterator[set[int]]:
    """Collect reported failures, from the loop's exception handler and the log.

    Everything but the planted failure is passed on.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    heard = set()

    def handle(*args: Any) -> None:  # QtAsyncio omits the first one, the loop
        context: dict[str, Any] = args[-1]
        if isinstance(context.get("exception"), PlantedError):
            heard.add(_PLANTED)
            return
        # If the loop raised another exception instead, its future identifies it.
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
