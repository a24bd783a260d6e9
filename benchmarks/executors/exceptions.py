"""Shows what happens to one exception raised in a loop's executor: a program for one case.

``python -m benchmarks.executors.exceptions LOOP EXCEPTION {awaited,forgotten}``
"""

import asyncio
import concurrent.futures
import contextlib
import gc
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

import requests

from benchmarks.executors.loops import LOOPS
from benchmarks.executors.processes import say
from tryconnect import testing as peers

HANG = 10.0
"""Seconds after which an ``await`` counts as hanging: its job ends within half a second."""


class OwnError(BaseException):
    """A ``BaseException`` that is not an ``Exception``."""


# --- raisers: each runs in the executor's thread


def _raises(kind: type[BaseException]) -> Callable[[], NoReturn]:
    def planted() -> NoReturn:
        raise kind

    return planted


@contextlib.contextmanager
def _asking(peer: Any, scheme: str = "http") -> Iterator[Callable[[], None]]:
    with peers.in_thread(peer) as running:

        def planted() -> None:
            requests.get(f"{scheme}://{running.address}/", timeout=0.5)

        yield planted


def _read_silence() -> None:
    def planted() -> None:
        socket.create_connection(address, timeout=0.2).recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        planted()


REQUESTS: Final[dict[str, Callable[[], Any]]] = {
    "refused": lambda: _asking(peers.closed_port()),
    "connect timeout": lambda: _asking(peers.full_backlog()),
    "read timeout": lambda: _asking(peers.silent()),
    "TLS failure": lambda: _asking(peers.raw(), "https"),
    "reset": lambda: _asking(peers.reset("request")),
    "no HTTP": lambda: _asking(peers.raw(b"SSH-2.0-OpenSSH_9.2\r\n")),
}
"""Failures of ``requests.get``, by name."""

BARE: Final[dict[str, Callable[[], None]]] = {
    "OSError": _raises(OSError),
    "TimeoutError of a socket": _read_silence,
    "CancelledError of concurrent": _raises(concurrent.futures.CancelledError),
    "CancelledError of asyncio": _raises(asyncio.CancelledError),
    "another BaseException": _raises(OwnError),
    "StopIteration": _raises(StopIteration),
    "SystemExit": _raises(SystemExit),
}
"""Exceptions that the thread raises itself, by name."""

CASES: Final = [*(f"requests: {name}" for name in REQUESTS), *BARE]


@contextlib.contextmanager
def raiser(case: str) -> Iterator[Callable[[], None]]:
    """Yield a function that raises the case's exception."""
    if case in BARE:
        yield BARE[case]
        return
    with REQUESTS[case.removeprefix("requests: ")]() as ask:
        yield ask


# --- the program


async def awaited(work: Callable[[], None]) -> None:
    """Await the job as most programs do, and report what was caught."""
    _watch()
    try:
        await asyncio.get_running_loop().run_in_executor(None, work)
        say(outcome="nothing raised")
    except Exception as error:  # noqa: BLE001 - that is the question
        frames = {
            frame.name
            for link in (error, error.__cause__)
            if link is not None
            for frame in traceback.extract_tb(link.__traceback__)
        }
        changed = f" as {type(error).__name__}" if error.__cause__ else ""
        kept = "" if "planted" in frames else ", **frames lost**"
        say(outcome=f"caught{changed}{kept}")
    except BaseException:  # noqa: BLE001 - likewise
        say(outcome="**not caught**")


async def forgotten(work: Callable[[], None]) -> None:
    """Start the job without awaiting it, and give it time to end."""
    over = threading.Event()

    def noted() -> None:
        try:
            work()
        finally:
            over.set()

    asyncio.get_running_loop().run_in_executor(None, noted)
    while not over.is_set():  # noqa: ASYNC110 - of a thread
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    gc.collect()
    await asyncio.sleep(0)


def _watch() -> None:
    """End the process if the ``await`` does not return."""

    def give_up() -> None:
        say(outcome="**await hangs**")
        os._exit(0)

    watcher = threading.Timer(HANG, give_up)
    watcher.daemon = True
    watcher.start()


def main() -> None:
    """Run one case."""
    loop, case, way = sys.argv[1:]
    with raiser(case) as work:
        LOOPS[loop](awaited(work) if way == "awaited" else forgotten(work))


if __name__ == "__main__":
    main()
