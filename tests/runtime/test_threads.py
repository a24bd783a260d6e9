"""Blocking work beside the loop."""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pycares
import pytest

from tests.support.event_loops import on_each_loop
from tests.support.leaks import Guard
from tests.support.limits import no_thread_to_be_had
from tryconnect._model.faults import LocalFault
from tryconnect._runtime import threads
from tryconnect._runtime.threads import (
    Overdue,
    ThreadsafeLoop,
    cannot_await,
    is_overdue,
    run_in_daemon_thread,
)

LONG = 5.0
"""Seconds after which a test gives up; none waits that long."""


def named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


@on_each_loop
async def test_the_future_holds_the_result() -> None:
    assert await run_in_daemon_thread(lambda: 42, name="work") == 42


@on_each_loop
async def test_the_future_holds_the_exception_with_its_traceback() -> None:
    def work() -> None:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing") as caught:
        await run_in_daemon_thread(work, name="work")
    assert "in work" in "".join(traceback.format_tb(caught.value.__traceback__))


async def test_the_work_has_a_daemon_thread_of_the_given_name() -> None:
    thread = await run_in_daemon_thread(threading.current_thread, name="work of mine")
    assert thread.name == "work of mine"
    assert thread.daemon
    assert thread is not threading.main_thread()


async def test_the_loop_goes_on_meanwhile() -> None:
    release = threading.Event()
    answer = run_in_daemon_thread(lambda: release.wait(LONG), name="work")
    await asyncio.sleep(0)
    assert not answer.done()
    release.set()
    assert await answer


async def test_works_run_side_by_side() -> None:
    meeting = threading.Barrier(3, timeout=LONG)
    answers = [run_in_daemon_thread(meeting.wait, name="work") for _ in range(3)]
    assert sorted(await asyncio.gather(*answers)) == [0, 1, 2]


def fails(release: threading.Event) -> None:
    release.wait(LONG)
    raise LookupError("nobody wants to know")


def succeeds(release: threading.Event) -> None:
    release.wait(LONG)


@on_each_loop
@pytest.mark.parametrize("work", [fails, succeeds])
async def test_who_is_cancelled_leaves_at_once_and_the_outcome_is_dropped(
    work: Callable[[threading.Event], None], leak_guard: Guard
) -> None:
    release = threading.Event()
    answer = run_in_daemon_thread(lambda: work(release), name="cancelled work")
    waiting = asyncio.ensure_future(answer)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    (thread,) = named("cancelled work")
    assert thread.is_alive()
    release.set()
    thread.join(LONG)
    await asyncio.sleep(0)  # what was delivered is run
    assert leak_guard.expect_complaints() == []


@pytest.mark.parametrize("work", [fails, succeeds])
def test_a_closed_loop_makes_the_thread_end_quietly(
    work: Callable[[threading.Event], None], capfd: pytest.CaptureFixture[str]
) -> None:
    release = threading.Event()

    async def leave() -> None:
        run_in_daemon_thread(lambda: work(release), name="late work")

    asyncio.run(leave())
    (thread,) = named("late work")
    release.set()
    thread.join(LONG)
    assert not thread.is_alive()
    assert capfd.readouterr() == ("", "")


def test_without_a_running_loop_nothing_starts() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        run_in_daemon_thread(lambda: None, name="lost work")
    assert not named("lost work")


@pytest.mark.skipif(sys.platform != "linux", reason="a stack that is too large for Linux")
async def test_where_no_thread_is_to_be_had_it_is_this_machines_fault() -> None:
    with (
        no_thread_to_be_had(),
        pytest.raises(LocalFault, match="this machine cannot start another thread"),
    ):
        run_in_daemon_thread(lambda: None, name="lost work")
    assert not named("lost work")


async def test_without_memory_to_tell_the_result_the_thread_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    faults: list[BaseException] = [MemoryError(), SystemError("error return without exception set")]
    tell = loop.call_soon_threadsafe

    def without_memory(*args: Any) -> asyncio.Handle:
        if faults:
            raise faults.pop()
        return tell(*args)

    monkeypatch.setattr(loop, "call_soon_threadsafe", without_memory)
    assert await asyncio.wait_for(run_in_daemon_thread(lambda: 42, name="work"), LONG) == 42
    assert not faults


async def test_work_for_which_the_exit_waits_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it ends, none like it is begun: it would wait for the same lock."""
    monkeypatch.setattr(threads, "MAX_SETUP", 0.05)
    release = threading.Event()
    with pytest.raises(Overdue, match="was not loaded within"):
        await run_in_daemon_thread(lambda: release.wait(LONG), name="overdue", exit_waits=True)
    assert is_overdue()
    with pytest.raises(Overdue):
        run_in_daemon_thread(lambda: None, name="next", exit_waits=True)
    assert await run_in_daemon_thread(lambda: 42, name="of another kind") == 42

    (thread,) = named("overdue")
    release.set()
    thread.join(LONG)
    assert not is_overdue()
    assert await run_in_daemon_thread(lambda: 42, name="next", exit_waits=True) == 42


async def test_while_the_process_exits_work_for_which_that_waits_is_done_by_the_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "is_exiting", lambda: True)

    here = await run_in_daemon_thread(threading.current_thread, name="late", exit_waits=True)
    assert here is threading.current_thread()
    there = await run_in_daemon_thread(threading.current_thread, name="late")
    assert there.name == "late"


async def test_a_postbox_delivers_to_its_loop() -> None:
    loop = asyncio.get_running_loop()
    postbox = ThreadsafeLoop(loop)
    answer = postbox.create_future()
    assert answer.get_loop() is loop
    await run_in_daemon_thread(
        lambda: postbox.call_soon_threadsafe(answer.set_result, "sent"), name="sender"
    )
    assert await answer == "sent"


def test_a_postbox_of_a_closed_loop_drops_what_comes() -> None:
    loop = asyncio.new_event_loop()
    postbox = ThreadsafeLoop(loop)
    loop.close()
    postbox.call_soon_threadsafe(pytest.fail, "delivered")


@pytest.mark.parametrize(
    ("kind", "gone"),
    [(None, False), (ValueError, False), (asyncio.CancelledError, False), (GeneratorExit, True)],
)
def test_a_coroutine_that_is_thrown_away_can_await_no_more(
    kind: type[BaseException] | None,
    gone: bool,  # noqa: FBT001
) -> None:
    loop = asyncio.new_event_loop()
    try:
        assert cannot_await(loop, kind) is gone
    finally:
        loop.close()
    assert cannot_await(loop, kind)


# --- what is private to others, and what hangs on it


async def test_a_loop_of_asyncios_knows_its_thread() -> None:
    """Blocking calls are refused by it where they would stop the loop, and nowhere else."""
    loop: Any = asyncio.get_running_loop()
    assert loop._thread_id == threading.get_ident()


def test_pycares_takes_its_queue_as_it_is_loaded() -> None:
    """By it we see that gevent patched too late: each call in the portal would hang."""
    assert pycares.SimpleQueue is queue.SimpleQueue  # type: ignore[attr-defined]
