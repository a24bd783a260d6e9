"""The event loops that tests run on, and an executor that nobody may use."""

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
    """Has a listener on loopback, which a test closes at a moment that only the loop knows.

    That resets the connections that it has not accepted.
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
    """Start libuv's thread pool, which then lives as long as the process.

    Every ``sock_connect`` of uvloop goes through it, literal addresses too; started before the
    first test, it is nobody's leak.
    """
    if "uvloop" in FACTORIES:
        loop = FACTORIES["uvloop"]()
        loop.run_until_complete(loop.getaddrinfo("127.0.0.1", 80))
        loop.close()


class ExecutorUsedError(AssertionError):
    """Something went to the loop's default executor."""


class NoExecutor(ThreadPoolExecutor):
    """An executor that refuses all work."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise ExecutorUsedError(f"the default executor was to run {fn!r} with {args} {kwargs}")


def forbid_executor(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make look-ups, ``to_thread`` and ``run_in_executor(None, …)`` fail on this loop.

    The stock loop looks names up in the executor; uvloop has threads of its own for that, and asks
    itself for literal addresses too, which it answers without them.
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
    """Whether this is an address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
