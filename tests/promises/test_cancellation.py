"""Cancellation ends a check at once, in any phase, and is never mistaken for an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from tests.support.event_loops import FACTORIES, on_each_loop
from tests.support.phases import CLIENTS, phases
from tests.support.programs import run
from tryconnect import Client
from tryconnect import testing as peers
from tryconnect._check.reactor_network import ReactorCheck
from tryconnect._transport.attempt import Phase

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def places() -> Iterator[str]:
    with peers.in_thread(phases()) as opened:
        yield opened


MANY = 1000
"""Cancellations on each loop."""

PROGRAM = f"""
# Where create_connection is cancelled in the very step in which the handshake ends, uvloop (0.23)
# closes the transport under its TLS, which then cannot write, and complains.
UVLOOPS_OWN = "the handler is closed"

from tryconnect._transport import trace

in_phases = collections.Counter()
leave = trace.Trace.__aexit__

async def noted(trail, kind, *rest):
    if kind is asyncio.CancelledError:
        in_phases[str(trail.phase)] += 1
        in_phases["redirected"] += bool(trail.hops)
    await leave(trail, kind, *rest)

trace.Trace.__aexit__ = noted

async def cancel(call, chance, by_steps):
    task = asyncio.ensure_future(call())
    if by_steps:
        for _ in range(chance.randrange(80)):
            await asyncio.sleep(0)
    else:
        await asyncio.sleep(chance.random() * 0.015)
    asked = task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() is asked, task
    if not asked:
        task.exception()  # only of wait_until_down, whose time may have come
    in_phases["done before"] += not asked
    assert asyncio.all_tasks() == {{asyncio.current_task()}}

async def main():
    chance = random.Random(2026)
    async with leaks.watch() as guard:
        async with calls() as all_calls:
            for number in range({MANY}):
                await cancel(chance.choice(all_calls), chance, number % 2)
        heard = guard.expect_complaints()
        if sys.argv[2:] == ["uvloop"]:
            heard = [each for each in heard if UVLOOPS_OWN not in each]
        assert heard == []
    print(json.dumps(in_phases))

with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
"""


@pytest.mark.parametrize("loop", FACTORIES)
def test_a_thousand_cancellations_at_random_moments_leave_nothing(loop: str, places: str) -> None:
    done = run(CLIENTS + PROGRAM, places, loop)

    assert (done.returncode, done.stderr) == (0, "")
    seen = json.loads(done.stdout)
    assert all(seen[str(phase)] >= 10 for phase in (*Phase, "redirected")), seen
    assert seen["done before"] < MANY / 2  # more on faster machines


# --- together with the deadline

WAITING: dict[str, tuple[Callable[[], AbstractAsyncContextManager[peers.Peer]], str]] = {
    "connect": (peers.full_backlog, "http"),
    "tcp": (peers.full_backlog, "tcp"),
    "tls": (lambda: peers.tls_server("silent_handshake"), "https"),
    "response": (peers.silent, "http"),
}


@on_each_loop
@pytest.mark.parametrize("steps", [None, *range(8)])
@pytest.mark.parametrize(("opening", "scheme"), WAITING.values(), ids=list(WAITING))
async def test_of_cancellation_and_deadline_in_one_moment_the_cancellation_wins(
    opening: Callable[[], AbstractAsyncContextManager[peers.Peer]],
    scheme: str,
    steps: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It comes just before the deadline (``None``), or a number of loop steps after it.

    In the first steps the deadline's own cancellation is still propagating; then the rest of the
    check is being closed.
    """
    loop = asyncio.get_running_loop()
    # tcp:// is asked on the reactor, which has deadlines of its own.
    owner, name = (ReactorCheck, "expire") if scheme == "tcp" else (asyncio.Timeout, "_on_timeout")
    passes = getattr(owner, name)
    asked: list[bool] = []

    def after(count: int) -> None:
        if count:
            loop.call_soon(after, count - 1)
        else:
            asked.append(task.cancel())

    def together(deadline: object) -> None:
        if steps is None:
            asked.append(task.cancel())
        passes(deadline)
        if steps is not None:
            after(steps)

    async with opening() as peer, Client(ssl=peers.trusting(), proxy=None) as client:
        monkeypatch.setattr(owner, name, together)
        address = f"{scheme}://{peer.address}"
        task = asyncio.ensure_future(client.try_connect(address, timeout=0.02))
        await asyncio.wait([task])
        async with asyncio.timeout(10):
            while not asked:  # noqa: ASYNC110 - steps have no event
                await asyncio.sleep(0)

    # A late cancel() returns False, and the task has a result.
    assert task.cancelled() is asked[0]
    assert asked[0] or task.result() is False
    assert asked[0] or steps not in {None, 0}
