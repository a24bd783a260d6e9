"""Work in one thread's loop for somebody in another's."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.support.event_loops import on_each_loop
from tests.support.leaks import Guard
from tryconnect._runtime.bridge import LoopCall

LONG = 5.0
"""Seconds after which a test gives up; none waits that long."""


@pytest.fixture
def there() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that turns in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


Way = Callable[["LoopCall[object]"], Awaitable[object]]
each_way = pytest.mark.parametrize(
    "way", [LoopCall.wait, LoopCall.wait_or_abandon], ids=lambda way: way.__name__
)


@on_each_loop
@each_way
async def test_what_the_work_returns(there: asyncio.AbstractEventLoop, way: Way) -> None:
    async def work() -> object:
        return asyncio.get_running_loop()

    assert await way(LoopCall(work, there)) is there


FAULTS = [LookupError("no"), TimeoutError(), SystemExit(3), KeyboardInterrupt(), StopIteration()]


@on_each_loop
@each_way
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_what_the_work_raises_keeps_its_traceback_and_causes(
    there: asyncio.AbstractEventLoop, way: Way, fault: BaseException
) -> None:
    cause = OSError("deep down")

    async def breaks() -> object:
        await asyncio.sleep(0)
        raise fault from cause

    # A coroutine cannot raise StopIteration; Python makes a RuntimeError of it.
    expected = RuntimeError if isinstance(fault, StopIteration) else type(fault)
    caught: BaseException | None = None
    try:
        await way(LoopCall(breaks, there))
    except BaseException as error:  # noqa: BLE001 - all of them are meant
        caught = error
    assert type(caught) is expected
    assert caught is fault or caught.__cause__ is fault
    assert fault.__cause__ is cause
    assert "in breaks" in "".join(traceback.format_tb(fault.__traceback__))


async def test_an_exception_does_not_hold_itself(there: asyncio.AbstractEventLoop) -> None:
    """Else its frames, and all they hold, would stay until the garbage collector comes."""

    class Held:
        gone = False

        def __del__(self) -> None:
            Held.gone = True

    async def breaks() -> None:
        held = Held()
        raise LookupError(id(held))

    async def visit() -> None:
        with pytest.raises(LookupError):
            await LoopCall(breaks, there).wait()

    gc.disable()
    try:
        await visit()
        await LoopCall(lambda: asyncio.sleep(0), there).wait()  # its last task is gone too
        assert Held.gone
    finally:
        gc.enable()


@each_way
async def test_the_work_has_the_context_of_who_waits(
    there: asyncio.AbstractEventLoop, way: Way
) -> None:
    request = contextvars.ContextVar("request", default="none")
    request.set("42")

    async def work() -> object:
        seen = request.get()
        request.set("43")
        return seen

    assert await way(LoopCall(work, there)) == "42"
    assert request.get() == "42"


class Stubborn:
    """Work that takes a moment to end when it is cancelled, and tells how far it is."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()
        self.ended = threading.Event()
        self.cancelled = 0

    async def work(self) -> object:
        self.begun.set()
        try:
            while not self.let_go.is_set():
                try:
                    await asyncio.sleep(0.001)
                except asyncio.CancelledError:
                    self.cancelled += 1
        finally:
            self.ended.set()
        return "done all the same"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG):
        while not condition():  # noqa: ASYNC110 - threads make it true
            await asyncio.sleep(0.001)


@on_each_loop
async def test_who_is_cancelled_sees_it_through(there: asyncio.AbstractEventLoop) -> None:
    stubborn = Stubborn()
    task = asyncio.ensure_future(LoopCall(stubborn.work, there).wait())
    await until(stubborn.begun.is_set)
    for count in (1, 2):
        task.cancel()
        await until(lambda count=count: stubborn.cancelled == count)  # type: ignore[misc]
        assert not task.done()
    stubborn.let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stubborn.ended.is_set()


@on_each_loop
async def test_or_leaves_at_once(there: asyncio.AbstractEventLoop) -> None:
    stubborn = Stubborn()
    task = asyncio.ensure_future(LoopCall(stubborn.work, there).wait_or_abandon())
    await until(stubborn.begun.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not stubborn.ended.is_set()
    await until(lambda: stubborn.cancelled == 1)
    stubborn.let_go.set()
    await until(stubborn.ended.is_set)


@each_way
async def test_cancelled_before_its_first_step(there: asyncio.AbstractEventLoop, way: Way) -> None:
    holding, begun = threading.Event(), threading.Event()
    there.call_soon_threadsafe(holding.wait, LONG)

    async def work() -> object:
        begun.set()
        return None

    task = asyncio.ensure_future(way(LoopCall(work, there)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    holding.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await LoopCall(lambda: asyncio.sleep(0.001), there).wait()  # it was given to it later
    assert not begun.is_set()
    assert not asyncio.all_tasks(there)


async def test_a_cancellation_may_overtake_the_work(there: asyncio.AbstractEventLoop) -> None:
    """Not every loop calls what it is given in order."""
    over = threading.Event()
    errand = LoopCall(lambda: asyncio.sleep(LONG), there)
    errand.cancel()
    errand.start(over.set)
    await until(over.is_set)
    with pytest.raises(asyncio.CancelledError):
        errand.result()


@each_way
async def test_a_wait_that_is_thrown_away_cancels_the_work(
    there: asyncio.AbstractEventLoop, way: Way
) -> None:
    stubborn = Stubborn()
    waiting = way(LoopCall(stubborn.work, there)).__await__()
    next(waiting)
    await until(stubborn.begun.is_set)
    waiting.close()
    await until(lambda: stubborn.cancelled == 1)
    stubborn.let_go.set()
    await until(stubborn.ended.is_set)


@each_way
async def test_a_closed_loop_does_no_work(way: Way) -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        await way(LoopCall(lambda: asyncio.sleep(0), loop))


def test_a_loop_that_is_closed_meanwhile_hears_nothing(
    there: asyncio.AbstractEventLoop, sync_leak_guard: Guard
) -> None:
    stubborn = Stubborn()

    async def leave() -> None:
        waiting = LoopCall(stubborn.work, there).wait()
        waiting.send(None)
        await until(stubborn.begun.is_set)
        left.append(waiting)

    left: list[object] = []
    asyncio.run(leave())
    stubborn.let_go.set()
    assert stubborn.ended.wait(LONG)
    assert sync_leak_guard.expect_complaints() == []
