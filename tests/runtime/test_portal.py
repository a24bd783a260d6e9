"""A loop of our own in a thread of ours, for callers in any loop and in none."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.event_loops import on_each_loop
from tests.support.loops.minimal import MinimalLoop, SlottedLoop
from tests.support.programs import run
from tryconnect._model.faults import LocalFault
from tryconnect._runtime import clock, greenlets, portal
from tryconnect._runtime.at_exit import release_exit

LONG = 5.0
"""Seconds after which a test gives up; none waits that long."""

each_minimal = pytest.mark.parametrize("kind", [MinimalLoop, SlottedLoop])


@contextlib.contextmanager
def minimal(kind: type[MinimalLoop | SlottedLoop]) -> Iterator[Any]:
    loop = kind()
    try:
        yield loop
    finally:
        loop.close()


async def where() -> threading.Thread:
    await asyncio.sleep(0)
    return threading.current_thread()


async def breaks() -> None:
    raise TimeoutError


# --- one loop in one thread


@on_each_loop
async def test_it_is_one_daemon_thread_for_all() -> None:
    threads = {await portal.call(where) for _ in range(3)}
    threads |= set(await asyncio.gather(*(portal.call(where) for _ in range(3))))
    (thread,) = threads
    assert (thread.name, thread.daemon) == ("tryconnect-portal", True)


def test_its_loop_is_asyncios_own_whatever_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "new_event_loop", lambda: pytest.fail("asked the policy"))
    loop = portal.stock_loop()
    try:
        kind = getattr(asyncio, "ProactorEventLoop", asyncio.SelectorEventLoop)
        assert type(loop) is kind
    finally:
        loop.close()


@pytest.mark.parametrize("fault", [SystemExit, KeyboardInterrupt])
async def test_it_turns_on_after_what_would_end_a_loop(fault: type[BaseException]) -> None:
    async def ends_the_loop() -> None:
        async def inner() -> None:
            raise fault

        await asyncio.ensure_future(inner())

    thread = await portal.call(where)
    with pytest.raises(fault):
        await portal.call(ends_the_loop)
    assert await portal.call(where) is thread


@pytest.mark.wants(module="gevent")
def test_under_gevent_it_has_a_thread_of_the_systems_and_leaves_it_when_parked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gevent = pytest.importorskip("gevent")
    threads: list[threading.Thread] = []

    def start(function: Callable[[], object], _: object) -> None:
        def go() -> None:
            function()
            native.loop.close()
            gevent.get_hub().destroy(destroy_loop=True)

        threads.append(threading.Thread(target=go))
        threads[0].start()

    natives: dict[str, Any] = {
        "start_new_thread": start,
        "allocate_lock": threading.Lock,
        "get_ident": threading.get_ident,
    }
    for module in (portal, greenlets):
        monkeypatch.setattr(module, "native", natives.__getitem__)

    async def is_here() -> bool:
        await asyncio.sleep(0.01)
        return native.is_here()

    native = portal._NativePortal()
    inside = asyncio.run_coroutine_threadsafe(is_here(), native.loop)
    assert inside.result(LONG)
    assert not native.is_here()
    assert native.is_alive()

    native._park(LONG)
    assert not native.is_alive()
    threads[0].join(LONG)
    assert not threads[0].is_alive()
    release_exit(native)


def test_parked_in_a_thread_of_the_systems_it_lets_go_of_it() -> None:
    native = portal._NativePortal.__new__(portal._NativePortal)
    native.loop = asyncio.SelectorEventLoop()
    native._ended = threading.Lock()
    native._ended.acquire()
    thread = threading.Thread(target=native._turn, daemon=True)
    thread.start()
    assert native.is_alive()

    native._park(LONG)
    thread.join(LONG)
    assert not thread.is_alive()
    assert not native.is_alive()
    native.loop.close()


# --- from any loop


@each_minimal
def test_a_loop_needs_hardly_anything(kind: type[MinimalLoop | SlottedLoop]) -> None:
    async def visit() -> list[threading.Thread]:
        return [await portal.call(where), await portal.call(where)]

    with minimal(kind) as loop:
        assert {thread.name for thread in loop.run_until_complete(visit())} == {"tryconnect-portal"}


@each_minimal
def test_tracebacks_survive(kind: type[MinimalLoop | SlottedLoop]) -> None:
    async def visit() -> str:
        try:
            await portal.call(breaks)
        except TimeoutError as error:
            return "".join(traceback.format_tb(error.__traceback__))
        return "nothing was raised"

    with minimal(kind) as loop:
        assert "in breaks" in loop.run_until_complete(visit())


@each_minimal
def test_cancellation_takes_milliseconds(kind: type[MinimalLoop | SlottedLoop]) -> None:
    begun = threading.Event()
    cancelled: list[float] = []

    async def hangs() -> None:
        begun.set()
        try:
            await asyncio.sleep(LONG)
        finally:
            cancelled.append(time.monotonic())

    async def visit() -> tuple[float, float]:
        task = loop.create_task(portal.call(hangs))
        while not begun.is_set():  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0)
        started = time.monotonic()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return started, time.monotonic()

    with minimal(kind) as loop:
        started, ended = loop.run_until_complete(visit())
    # Milliseconds, and this machine's other work.
    assert started <= cancelled[0] <= ended < started + LONG / 5


# --- blocking


def test_a_thread_without_a_loop_may_block() -> None:
    assert portal.run(where).name == "tryconnect-portal"
    with pytest.raises(TimeoutError) as caught:
        portal.run(breaks)
    assert "in breaks" in "".join(traceback.format_tb(caught.value.__traceback__))


async def test_in_its_own_thread_it_refuses_to_block() -> None:
    async def blocks() -> None:
        portal.run(where)

    with pytest.raises(RuntimeError, match="would wait for itself"):
        await portal.call(blocks)


async def test_in_its_own_thread_awaiting_works() -> None:
    async def awaits() -> threading.Thread:
        return await portal.call(where)

    assert (await portal.call(awaits)).name == "tryconnect-portal"


def test_nobody_need_wait() -> None:
    done = threading.Event()

    async def work() -> None:
        done.set()
        raise LookupError("nobody wants to know")

    portal.start_soon(work)
    assert done.wait(LONG)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT for one process is POSIX's")
def test_an_interrupt_cancels_the_work_and_passes() -> None:
    ended: list[str] = []

    async def hangs() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    with pytest.raises(KeyboardInterrupt):
        portal.run(hangs)
    assert ended == ["cancelled"]


# --- time


class Wall(MinimalLoop):
    """A loop whose clock people set."""

    def time(self) -> float:
        return time.time()


class NoTimers(MinimalLoop):
    """A loop that can tell the time, and no more."""

    def time(self) -> float:
        return time.monotonic()


@pytest.mark.parametrize("kind", [MinimalLoop, Wall, NoTimers])
def test_a_loop_without_timers_sleeps_in_the_portal(kind: type[MinimalLoop]) -> None:
    with minimal(kind) as loop:
        before = time.monotonic()
        loop.run_until_complete(clock.sleep(0.02))
        assert 0.02 <= time.monotonic() - before < LONG


async def test_a_sound_loop_sleeps_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "call", lambda _: pytest.fail("went through the portal"))
    await clock.sleep(0.001)


@pytest.mark.parametrize(
    ("offset", "keeps"), [(0.0, False), (-1800.0, False), (1800.0, False), (-1e6, True)]
)
def test_the_walls_clock_is_told_from_an_even_one(
    offset: float,
    keeps: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with minimal(MinimalLoop) as loop:
        monkeypatch.setattr(loop, "time", lambda: time.time() + offset, raising=False)
        assert clock.keeps_time(loop) is keeps


def test_where_nobody_knows_the_date_clocks_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = portal.stock_loop()
    monkeypatch.setattr(time, "time", time.monotonic)
    try:
        assert clock.keeps_time(loop)
    finally:
        loop.close()


# --- what can go wrong


@pytest.mark.parametrize("fault", [OSError(24, "Too many open files"), RuntimeError("no thread")])
def test_a_portal_that_cannot_be_opened_is_this_machines_fault(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(portal, "_portal", None)
    broken = "stock_loop" if isinstance(fault, OSError) else "threading.Thread.start"
    with monkeypatch.context() as patch:
        target = portal if isinstance(fault, OSError) else threading.Thread
        patch.setattr(target, broken.rpartition(".")[2], fail)
        with pytest.raises(LocalFault, match="cannot start a loop") as caught:
            portal.portal_loop()
    assert caught.value.__cause__ is fault


PROGRAMS = {
    "it starts with its first work": """
        import threading
        from tryconnect._runtime import clock, portal
        assert threading.active_count() == 1
        portal.run(work)
        assert [thread.name for thread in threading.enumerate()][1:] == ["tryconnect-portal"]
    """,
    "works under way at exit": """
        for _ in range(50):
            portal.start_soon(lambda: asyncio.sleep(60))
        portal.run(work)
    """,
    "a busy portal at exit": """
        async def busy():
            while True:
                await asyncio.sleep(0)
        for _ in range(5):
            portal.start_soon(busy)
        portal.run(work)
    """,
    "a loop thrown away with a work under way": """
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)  # it complains of the task, rightly
        task = loop.create_task(portal.call(lambda: asyncio.sleep(0.1)))
        loop.call_later(0.01, loop.stop)
        loop.run_forever()
        loop.close()
        loop = weakref.ref(loop)
        del task
        gc.collect()
        assert loop() is not None  # whoever waits for the portal is held by it, as by a socket
        portal.run(lambda: asyncio.sleep(0.2))
        gc.collect()
        assert loop() is None
    """,
    "a client that becomes garbage while the portal is opened": """
        stock_loop = portal.stock_loop
        def collecting():
            portal.stock_loop = stock_loop
            portal.start_soon(work)
            return stock_loop()
        portal.stock_loop = collecting
        portal.run(work)
    """,
    "a fork with works under way": """
        portal.run(work)
        for _ in range(20):
            portal.start_soon(lambda: asyncio.sleep(60))
        before = portal.run(where)
        child = os.fork()
        if child == 0:
            gc.collect()
            ok = portal.run(where) is not before and portal.run(where).is_alive()
            gc.collect()
            os._exit(not ok)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert portal.run(where) is before  # the parent's own goes on
        assert portal.run(lambda: asyncio.sleep(0.01, "still here")) == "still here"
    """,
    "a fork while another thread opens the portal": """
        with portal._lock:
            child = os.fork()
            if child == 0:
                os._exit(portal.run(where).name != "tryconnect-portal")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    """,
}

PREAMBLE = """
import asyncio, gc, os, threading, warnings, weakref
from tryconnect._runtime import clock, portal

# Python 3.12 warns of every fork beside threads.
warnings.filterwarnings("ignore", "This process", DeprecationWarning)

async def work():
    await asyncio.sleep(0.01)

async def where():
    return threading.current_thread()
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_ends_clean(name: str) -> None:
    if "fork" in name and not hasattr(os, "fork"):
        pytest.skip("forks are POSIX's")
    done = run(PREAMBLE + textwrap.dedent(PROGRAMS[name]))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
