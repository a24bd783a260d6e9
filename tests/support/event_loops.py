"""The event loops that tests run on, and an executor that refuses all work."""

import asyncio
import importlib
import importlib.util
import ipaddress
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NoReturn

import pytest

from tryconnect import Client, Report

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

FACTORIES: dict[str, LoopFactory] = {"stock": asyncio.new_event_loop}
if importlib.util.find_spec("uvloop"):
    FACTORIES["uvloop"] = importlib.import_module("uvloop").new_event_loop

on_each_loop = pytest.mark.asyncio(loop_factories=["stock", "uvloop"])
"""Marks a test to run once on asyncio's own loop and once on uvloop (skipped where missing)."""

each_factory = pytest.mark.parametrize("loop_factory", FACTORIES.values(), ids=list(FACTORIES))
"""The same for sync tests that start loops themselves: gives them a ``loop_factory``."""


class Listening(asyncio.SelectorEventLoop):
    """A loop with a listener on loopback, which tests close at a moment that only the loop knows.

    Closing it resets the connections that it has not accepted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.listener = socket.create_server(("127.0.0.1", 0))

    def probe(self, scheme: str) -> Report:
        """Check the listener, and close the loop."""
        url = f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}"

        async def check() -> Report:
            async with Client(proxy=None) as client:
                return await client.probe(url)

        with asyncio.Runner(loop_factory=lambda: self) as runner:
            return runner.run(check())


def start_native_threads() -> None:
    """Start libuv's thread pool, which lives as long as the process.

    Every ``sock_connect`` of uvloop uses it, even for literal addresses; started before the first
    test, it does not count as a leak.
    """
    if "uvloop" in FACTORIES:
        loop = FACTORIES["uvloop"]()
        loop.run_until_complete(loop.getaddrinfo("127.0.0.1", 80))
        loop.close()


class ExecutorUsedError(AssertionError):
    """The loop's default executor was used."""


class NoExecutor(ThreadPoolExecutor):
    """An executor that refuses all work."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise ExecutorUsedError(f"the default executor was to run {fn!r} with {args} {kwargs}")


def forbid_executor(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make name resolution, ``to_thread`` and ``run_in_executor(None, …)`` fail on this loop.

    The stock loop resolves names in the executor; uvloop has its own threads for that, and also
    calls itself for literal addresses, which need no thread.
    """
    look_up = loop.getaddrinfo

    async def literals_only(host: str, *args: Any, **kwargs: Any) -> Any:
        if not is_literal(host):
            raise ExecutorUsedError(f"the loop was to look up {host!r}")
        return await look_up(host, *args, **kwargs)

    async def refuse(*args: Any) -> NoReturn:
        raise ExecutorUsedError(f"the loop was to look up {args}")

    loop.set_default_executor(NoExecutor(max_workers=1))
    monkeypatch.setattr(loop, "getaddrinfo", literals_only)
    monkeypatch.setattr(loop, "getnameinfo", refuse)


def is_literal(host: str) -> bool:
    """Return whether this is an address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
