"""The leak guards detect leaks."""

import asyncio
import logging
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import aiodns
import pytest

from tests.support.event_loops import ExecutorUsedError, on_each_loop
from tests.support.leaks import Guard, Snapshot, differences, watch, watch_sync
from tryconnect._runtime.portal import portal_loop, start_soon

HASTE = 0.01
ROOT = Path(__file__).parents[2]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@contextmanager
def a_task() -> Iterator[None]:
    task = asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="lost task")
    yield
    task.cancel()


@contextmanager
def a_task_in_the_portal() -> Iterator[None]:
    begun = threading.Event()
    made: list[asyncio.Task[None]] = []

    async def hang() -> None:
        if (task := asyncio.current_task()) is not None:
            made.append(task)
        begun.set()
        await asyncio.sleep(60)

    start_soon(hang)
    begun.wait()
    yield
    portal_loop().call_soon_threadsafe(made[0].cancel)


@contextmanager
def a_timer() -> Iterator[None]:
    timer = asyncio.get_running_loop().call_later(60, print, "lost timer")
    yield
    timer.cancel()


@contextmanager
def a_socket() -> Iterator[None]:
    with socket.create_server(("127.0.0.1", 0)):
        yield


@contextmanager
def a_socket_pair() -> Iterator[None]:
    one, other = socket.socketpair()
    with one, other:
        yield


@contextmanager
def a_file() -> Iterator[None]:
    with Path(__file__).open("rb"):
        yield


@contextmanager
def a_thread() -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="lost thread", daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join()


@contextmanager
def a_loop_error() -> Iterator[None]:
    asyncio.get_running_loop().call_exception_handler({"message": "lost error"})
    yield


@contextmanager
def a_warning() -> Iterator[None]:
    logging.getLogger("aiohttp.client").warning("lost %s", "warning")
    yield


Leak = Callable[[], AbstractContextManager[None]]


@pytest.mark.parametrize(
    ("leak", "complaint"),
    [
        (a_task, "tasks: .*lost task"),
        (a_task_in_the_portal, "tasks: .*LoopCall"),
        (a_timer, "timers: .*print"),
        pytest.param(a_socket, r"descriptors: \d+ <socket.socket .*laddr=", marks=on_linux),
        pytest.param(a_socket_pair, "descriptors: .* socket pair", marks=on_linux),
        pytest.param(a_file, r"descriptors: \d+ .*test_leaks.py", marks=on_linux),
        (a_thread, "threads: .*lost thread"),
        (a_loop_error, "exception handler: .*lost error"),
        (a_warning, "aiohttp.client: lost warning"),
    ],
)
async def test_watch_tells_what_was_left(leak: Leak, complaint: str, leak_guard: Guard) -> None:
    held = leak()
    with pytest.raises(AssertionError, match=complaint):
        async with watch(HASTE):
            held.__enter__()

    held.__exit__(None, None, None)
    leak_guard.expect_complaints()


@pytest.mark.parametrize(
    ("leak", "complaint"),
    [
        pytest.param(a_socket, "descriptors", marks=on_linux),
        (a_thread, "threads"),
        (a_task_in_the_portal, "tasks: .*LoopCall"),
        (a_warning, "lost warning"),
    ],
)
def test_watch_sync_tells_too(leak: Leak, complaint: str, sync_leak_guard: Guard) -> None:
    held = leak()
    with pytest.raises(AssertionError, match=complaint), watch_sync(HASTE):
        held.__enter__()

    held.__exit__(None, None, None)
    sync_leak_guard.expect_complaints()


@on_each_loop
async def test_what_was_there_before_is_not_a_leak() -> None:
    with a_task(), a_timer(), a_socket(), a_thread():
        async with watch(HASTE):
            pass


@on_each_loop
async def test_what_goes_away_soon_is_not_a_leak() -> None:
    async with watch():
        asyncio.get_running_loop().call_later(0.01, int)
        asyncio.get_running_loop().create_task(asyncio.sleep(0.01)).set_name("soon over")


@on_linux
def test_what_comes_after_the_last_look_is_not_a_leak() -> None:
    guard = Guard()
    assert list(guard.pauses(HASTE)) == []
    with a_socket():
        assert guard.left()
        guard.verdict()


async def test_a_difference_is_what_came_not_what_went() -> None:
    with a_timer():
        before = Snapshot.take()
    after = Snapshot.take()

    assert differences(before, after) == []
    assert len(differences(after, before)) == 1


@on_linux
@on_each_loop
async def test_an_open_resolver_is_a_leak_and_a_closed_one_is_not() -> None:
    async with watch():
        resolver = aiodns.DNSResolver()
        await resolver.close()

    with pytest.raises(AssertionError, match="native_threads"):
        async with watch(HASTE):
            resolver = aiodns.DNSResolver()

    await resolver.close()


@on_each_loop
@pytest.mark.parametrize(
    "use",
    [
        lambda _: asyncio.to_thread(int),
        lambda loop: loop.run_in_executor(None, int),
        lambda loop: loop.getaddrinfo("localhost", 80),
        lambda loop: loop.getnameinfo(("127.0.0.1", 80)),
    ],
)
async def test_the_executor_refuses(
    use: Callable[[asyncio.AbstractEventLoop], Awaitable[object]],
) -> None:
    with pytest.raises(ExecutorUsedError):
        await use(asyncio.get_running_loop())


IMPATIENT = """
from tests.support import leaks
from tests.conftest import *

leaks.SETTLE_TIMEOUT = 0.05
"""

GUILTY = """
import asyncio, gc, socket, threading
from tests.support.event_loops import on_each_loop

kept = []

@on_each_loop
async def test_task():
    kept.append(asyncio.create_task(asyncio.sleep(60)))

@on_each_loop
async def test_socket():
    kept.append(socket.create_server(("127.0.0.1", 0)))

@on_each_loop
async def test_garbage_socket():
    circle = [socket.create_server(("127.0.0.1", 0))]
    circle.append(circle)

async def test_timer():
    asyncio.get_running_loop().call_later(60, int)

async def test_complaint():
    asyncio.get_running_loop().call_exception_handler({"message": "lost"})

async def test_future_failed_unheard():
    asyncio.get_running_loop().create_future().set_exception(ValueError("unheard"))

async def test_thread():
    stop = threading.Event()
    threading.Thread(target=stop.wait, daemon=True).start()

def test_sync_socket():
    kept.append(socket.create_server(("127.0.0.1", 0)))

def test_sync_garbage_socket():
    circle = [socket.create_server(("127.0.0.1", 0))]
    circle.append(circle)
"""

INNOCENT = """
import asyncio
from tests.support.event_loops import on_each_loop

async def test_async(http_server):
    pass

@on_each_loop
async def test_each_loop(http_server):
    pass

def test_sync(ca_file):
    pass
"""

EXECUTOR = """
import asyncio

async def test_executor():
    await asyncio.to_thread(int)
"""


@pytest.mark.slow
@on_linux
@pytest.mark.parametrize(
    ("program", "outcomes"),
    [
        pytest.param(GUILTY, {"passed": 12, "errors": 12}, id="guilty"),
        pytest.param(INNOCENT, {"passed": 4}, id="innocent"),
        pytest.param(EXECUTOR, {"failed": 1}, id="executor"),
    ],
)
def test_whole_tests_are_judged(
    pytester: pytest.Pytester, program: str, outcomes: dict[str, int]
) -> None:
    pytester.makeconftest(IMPATIENT)
    pytester.makepyfile(program)

    result = pytester.runpytest_subprocess("-c", ROOT / "pyproject.toml", "--rootdir", ROOT)

    result.assert_outcomes(**outcomes)
