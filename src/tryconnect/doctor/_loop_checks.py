"""The tests of a loop, in their order, and what it means where the loop cannot do a thing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from tryconnect._model.redaction import escape_control, redact
from tryconnect._model.render import duration
from tryconnect._runtime.capabilities import LoopCapabilities
from tryconnect.doctor import _clock, _dispatch, _sockets, _threads
from tryconnect.doctor._bounded import bounded
from tryconnect.doctor._findings import Level, fault, warning

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from tryconnect.doctor._findings import Finding

__all__ = ["LOOP_TESTS", "LoopTest", "tested"]


class LoopTest(NamedTuple):
    """One test of a loop."""

    run: Callable[[str], Coroutine[object, object, Finding]]
    """Gets the finding's name."""
    tries: str
    """What of a loop it tries."""
    missing: str
    """What to do where the loop does not have that."""
    idle: bool = False
    """The loop must be idle meanwhile: nothing but a timer of its own can end the test."""


_PORTAL = (
    "use tryconnect, whose checks run in a loop of its own then; aiohttp and asyncio's streams do "
    "not work in this loop"
)

LOOP_TESTS = {
    "timers": LoopTest(
        _clock.timers,
        "call_later",
        "do without asyncio.sleep and asyncio.timeout in this loop: there are no deadlines",
    ),
    "clock": LoopTest(_clock.clock, "time()", "as for timers: there are no deadlines in this loop"),
    "wake_up": LoopTest(
        _threads.wake_up,
        "call_soon_threadsafe",
        "hand nothing to this loop from other threads, and use no library that does",
        idle=True,
    ),
    "executor_errors": LoopTest(
        _threads.executor_errors,
        "run_in_executor",
        "run blocking work in a thread of your own, or do without",
    ),
    "unretrieved": LoopTest(
        _threads.unretrieved,
        "run_in_executor or set_exception_handler",
        "await every future: this loop has no way to report a failure that nobody awaits",
    ),
    "sock_connect": LoopTest(_sockets.sock_connect, "sock_connect", _PORTAL),
    "create_connection": LoopTest(_sockets.create_connection, "create_connection", _PORTAL),
    "tls": LoopTest(_sockets.tls, "create_connection with TLS", _PORTAL),
    "add_reader": LoopTest(
        _sockets.add_reader,
        "add_reader",
        "do without libraries that watch descriptors; tryconnect and aiohttp do not need it",
    ),
    "road": LoopTest(
        _dispatch.road,
        "a check",
        "use tryconnect.sync from a thread: its checks have their own loop",
    ),
}
"""By the names of the findings."""

_LONGEST = 6.0
"""Seconds for one test: each waits at most a few times ``LIMIT`` within."""


async def tested(begins: Callable[[str], None]) -> AsyncIterator[Finding]:
    """Yield the findings of the running loop.

    Args:
        begins: gets the name of each test before it runs, for whoever watches from outside.
    """
    has_timers = False
    for name, test in LOOP_TESTS.items():
        begins(name)
        if test.idle and not has_timers:
            yield warning(
                name,
                f"{test.tries} was not tried: without timers nothing could end the test",
                "mend the timers first, and examine the loop again",
            )
            continue
        finding = await _found(name, test)
        has_timers = has_timers or (name == "timers" and finding.level is Level.ok)
        yield finding


async def _found(name: str, test: LoopTest) -> Finding:
    try:
        finding = await (test.run(name) if test.idle else _in_time(name, test))
    except Exception as error:  # noqa: BLE001 - a strange loop may raise anything
        if LoopCapabilities(asyncio.get_running_loop()).is_missing_feature(error):
            return warning(name, f"this loop does not have {test.tries}", test.missing)
        said = escape_control(redact(f"{type(error).__name__}: {error}"))
        return fault(name, f"{test.tries} fails in this loop ({said})", test.missing)
    if finding is None:
        took = duration(_LONGEST)
        return fault(name, f"{test.tries} did not do its work within {took}", test.missing)
    return finding


async def _in_time(name: str, test: LoopTest) -> Finding | None:
    outcome = await bounded(test.run(name), timeout=_LONGEST)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value
