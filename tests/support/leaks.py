"""Finds what a test leaves behind: tasks, timers, descriptors, threads, and complaints.

Call ``Snapshot.take()`` before and after; ``differences(before, after)`` returns sentences.
``watch()`` and ``watch_sync()`` do both around a block; ``conftest.py`` puts them around every
test.

A block is not to blame for what exists before it, nor for what disappears by itself within moments
after it (c-ares closes its channels in its own thread).
"""

import asyncio
import contextlib
import gc
import itertools
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, Self

from tryconnect._runtime.portal import portal_loop

SETTLE_TIMEOUT = 3.0
"""Seconds within which things may still disappear; a busy machine needs more than one."""

PAUSE = 0.002
"""Seconds between two snapshots."""

PYCARES_THREAD = "_run_safe_shutdown_loop"
"""The target of pycares' one daemon thread, which lives as long as the process."""

LOGGERS = ("asyncio", "aiohttp", "aiodns")

SLOW = 1.0
"""Seconds that one step may block the loop before asyncio complains (its default of 0.1 s is too
short for busy machines)."""


class Descriptor(NamedTuple):
    """An open file descriptor, and what it refers to."""

    number: int
    target: str

    def __str__(self) -> str:
        if self.target.startswith("socket:"):
            # It may be gone by now: other threads close theirs.
            with contextlib.suppress(OSError), _copy(self.number) as sock:
                return f"{self.number} {sock!r}"
        return f"{self.number} {self.target}"


@dataclass(frozen=True)
class Snapshot:
    """What exists at one moment. Empty if the system or the loop cannot report it."""

    tasks: frozenset[asyncio.Task[Any]]
    timers: frozenset[asyncio.TimerHandle]
    descriptors: frozenset[Descriptor]
    threads: frozenset[threading.Thread]
    native_threads: frozenset[str]

    @classmethod
    def take(cls) -> Self:
        """Take a snapshot, in the running loop if there is one."""
        threads = frozenset(threading.enumerate())
        return cls(
            tasks=frozenset(_tasks()),
            timers=frozenset(_timers()),
            descriptors=frozenset(_descriptors()),
            threads=frozenset(each for each in threads if PYCARES_THREAD not in each.name),
            native_threads=frozenset(_native_threads() - {str(each.native_id) for each in threads}),
        )


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """Return a sentence for each thing that is only in ``after``."""
    return [
        f"{kind.name}: {thing}"
        for kind in fields(Snapshot)
        for thing in getattr(after, kind.name) - getattr(before, kind.name)
    ]


def _loops() -> Iterator[asyncio.AbstractEventLoop]:
    """Yield the running loop, if there is one, and the portal's."""
    with contextlib.suppress(RuntimeError):
        yield asyncio.get_running_loop()
    yield portal_loop()


def _tasks() -> set[asyncio.Task[Any]]:
    loops = list(_loops())
    mine = {asyncio.current_task()} if len(loops) > 1 else set()
    return {task for loop in loops for task in asyncio.all_tasks(loop)} - mine


def _timers() -> Iterator[asyncio.TimerHandle]:
    """Yield the timers of asyncio's own loops; other loops do not expose theirs."""
    for loop in _loops():
        timers = list(getattr(loop, "_scheduled", ()))
        yield from (each for each in timers if not each.cancelled())


def _descriptors() -> Iterator[Descriptor]:
    """Yield all open descriptors except the null device; ends of socket pairs are only counted.

    uvloop keeps a null device in reserve from its first connection on. It opens another pair for
    signals at each run, and fixtures and tests are separate runs.
    """
    if sys.platform != "linux":
        return
    pairs = itertools.count()
    for entry in Path("/proc/self/fd").iterdir():
        # The descriptor that lists the directory is closed by now.
        with contextlib.suppress(OSError):
            number, target = int(entry.name), str(entry.readlink())
            if target == os.devnull:
                continue
            if target.startswith("socket:") and _is_of_a_pair(number):
                yield Descriptor(next(pairs), "one more end of a socket pair")
            else:
                yield Descriptor(number, target)


def _copy(descriptor: int) -> socket.socket:
    return socket.socket(fileno=os.dup(descriptor))


def _is_of_a_pair(descriptor: int) -> bool:
    with _copy(descriptor) as sock:
        return sock.family == socket.AF_UNIX and not sock.getsockname() and not sock.getpeername()


def _native_threads() -> set[str]:
    """Return all threads of the process, including those of C libraries (c-ares has some)."""
    if sys.platform != "linux":
        return set()
    return {entry.name for entry in Path("/proc/self/task").iterdir()}


class Complaints(logging.Handler):
    """Collects calls to the loop's exception handler, and warnings of asyncio and aiohttp."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(f"{record.name}: {record.getMessage()}")

    def handle_loop_error(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.heard.append(f"exception handler: {context}")

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        for name in LOGGERS:
            logging.getLogger(name).addHandler(self)
        try:
            yield
        finally:
            for name in LOGGERS:
                logging.getLogger(name).removeHandler(self)


@dataclass
class Guard:
    """One watched block."""

    before: Snapshot = field(default_factory=Snapshot.take)
    complaints: Complaints = field(default_factory=Complaints)
    remains: list[str] = field(default_factory=list)

    def expect_complaints(self) -> list[str]:
        """Return the complaints and forget them, for tests that cause them on purpose."""
        heard, self.complaints.heard = self.complaints.heard, []
        return heard

    def left(self) -> list[str]:
        return differences(self.before, Snapshot.take())

    def pauses(self, patience: float) -> Iterator[float]:
        """Yield short waits while something is left, for at most ``patience`` seconds.

        What the last look saw is the verdict's: servers of a fixture accept connections all the
        time, and another look could meet one that an earlier look saw gone.
        """
        deadline = time.monotonic() + patience
        while (remains := self.left()) and time.monotonic() < deadline:
            yield PAUSE
        self.remains = remains

    def verdict(self) -> None:
        """Raise if the last look saw anything left, or anything complained."""
        if faults := self.remains + self.complaints.heard:
            raise AssertionError("left behind:\n  " + "\n  ".join(faults))


@contextlib.asynccontextmanager
async def watch(patience: float = SETTLE_TIMEOUT) -> AsyncIterator[Guard]:
    """Watch a block in the running loop; ``AssertionError`` says what it left."""
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = SLOW
    guard = Guard()
    handler_before = loop.get_exception_handler()
    loop.set_exception_handler(guard.complaints.handle_loop_error)
    try:
        with guard.complaints.listening():
            yield guard
            gc.collect()
            for pause in guard.pauses(patience):
                await asyncio.sleep(pause)
    finally:
        loop.set_exception_handler(handler_before)
    guard.verdict()


@contextlib.contextmanager
def watch_sync(patience: float = SETTLE_TIMEOUT) -> Iterator[Guard]:
    """Watch a block without a loop: descriptors, threads and warnings."""
    guard = Guard()
    with guard.complaints.listening():
        yield guard
        gc.collect()
        for pause in guard.pauses(patience):
            time.sleep(pause)
    guard.verdict()
