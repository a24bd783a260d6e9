"""The tests of a loop, in order, and what to do if it lacks a feature."""

from __future__ import annotations

import asyncio
from dataclasses import replace
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

    run: Callable[[], Coroutine[object, object, Finding]]
    tries: str
    """The feature that it tries."""
    missing: str
    """What to do if the loop lacks that feature."""
    idle: bool = False
    """The loop must be idle meanwhile, so only a timer of its own can end the test."""


_PORTAL = (
    "use tryconnect, whose checks then run in a loop of its own; aiohttp and asyncio's streams do "
    "not work in this loop"
)

LOOP_TESTS = {
    "timers": LoopTest(
        _clock.timers,
        "call_later",
        "do not use asyncio.sleep and asyncio.timeout in this loop",
    ),
    "clock": LoopTest(_clock.clock, "time()", "do not use asyncio.timeout in this loop"),
    "wake_up": LoopTest(
        _threads.wake_up,
        "call_soon_threadsafe",
        "do not call this loop from other threads, nor use libraries that do",
        idle=True,
    ),
    "executor_errors": LoopTest(
        _threads.executor_errors,
        "run_in_executor",
        "run blocking work in a thread of your own",
    ),
    "unretrieved": LoopTest(
        _threads.unretrieved,
        "run_in_executor or set_exception_handler",
        "await every future: this loop cannot report unawaited failures",
    ),
    "sock_connect": LoopTest(_sockets.sock_connect, "sock_connect", _PORTAL),
    "create_connection": LoopTest(_sockets.create_connection, "create_connection", _PORTAL),
    "tls": LoopTest(_sockets.tls, "create_connection with TLS", _PORTAL),
    "add_reader": LoopTest(
        _sockets.add_reader,
        "add_reader",
        "avoid libraries that watch descriptors; tryconnect and aiohttp do not need this",
    ),
    "road": LoopTest(
        _dispatch.road,
        "a check",
        "use tryconnect.sync in a thread: its checks have their own loop",
    ),
}
"""By the names of the findings."""

_LONGEST = 6.0
"""Seconds for one test, which waits for ``LIMIT`` at most a few times."""


async def tested(begins: Callable[[str], None]) -> AsyncIterator[Finding]:
    """Yield the findings of the running loop.

    Args:
        begins: Called with the name of each test before it runs.
    """
    has_timers = False
    for name, test in LOOP_TESTS.items():
        begins(name)
        if test.idle and not has_timers:
            finding = warning(
                f"{test.tries} was not tried: without timers, nothing could end the test",
                "fix the timers first, and examine the loop again",
            )
        else:
            finding = await _found(test)
        has_timers = has_timers or (name == "timers" and finding.level is Level.ok)
        yield replace(finding, name=name)


async def _found(test: LoopTest) -> Finding:
    try:
        finding = await (test.run() if test.idle else _in_time(test))
    except Exception as error:
        if LoopCapabilities(asyncio.get_running_loop()).is_missing_feature(error):
            return warning(f"this loop does not have {test.tries}", test.missing)
        said = escape_control(redact(f"{type(error).__name__}: {error}"))
        return fault(f"{test.tries} fails in this loop ({said})", test.missing)
    if finding is None:
        took = duration(_LONGEST)
        return fault(f"{test.tries} did not finish within {took}", test.missing)
    return finding


async def _in_time(test: LoopTest) -> Finding | None:
    outcome = await bounded(test.run(), timeout=_LONGEST)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value
