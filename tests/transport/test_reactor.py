"""One descriptor in the loop stands for many sockets, and no turn holds the loop for long."""

from __future__ import annotations

import asyncio
import os
import selectors
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import NoReturn

import pytest

from tests.support.event_loops import on_each_loop
from tryconnect._transport import reactor as module
from tryconnect._transport.reactor import (
    LEAST_STEPS,
    READ,
    TIME_BUDGET,
    WRITE,
    Reactor,
    SelectorPoller,
)

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=["the system's", "of the standard library"])
async def reactor(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Reactor]:
    if request.param != "the system's":
        # kqueue has the standard library's shape; here it stands for another selector.
        monkeypatch.setattr(
            module, "new_poller", lambda: SelectorPoller(selectors.DefaultSelector())
        )
    watching = Reactor(asyncio.get_running_loop())
    yield watching
    watching.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    ends = socket.socketpair()
    for end in ends:
        end.settimeout(0)
    yield ends
    for end in ends:
        end.close()


def unexpected(error: Exception) -> NoReturn:
    raise AssertionError from error


async def until(condition: object) -> None:
    async with asyncio.timeout(2):
        while not condition():  # type: ignore[operator]  # noqa: ASYNC110 - nobody rings
            await asyncio.sleep(0)


@on_each_loop
async def test_what_is_ready_takes_its_step(reactor: Reactor, pair: Pair) -> None:
    near, far = pair
    heard: list[bytes] = []
    reactor.watch(near.fileno(), READ, lambda: heard.append(near.recv(9)), unexpected)
    far.send(b"hello")
    await until(lambda: heard)

    reactor.rewatch(near.fileno(), WRITE, lambda: heard.append(b"writable"), unexpected)
    await until(lambda: b"writable" in heard)
    reactor.unwatch(near.fileno())
    reactor.unwatch(near.fileno())
    count = len(heard)
    await asyncio.sleep(0.01)

    assert len(heard) == count
    assert heard[0] == b"hello"


async def test_what_a_step_raises_is_told_to_whom_it_belongs(reactor: Reactor, pair: Pair) -> None:
    fault, told = ValueError(), []

    def step() -> None:
        raise fault

    def fail(error: Exception) -> None:
        told.append(error)
        reactor.unwatch(pair[0].fileno())

    reactor.watch(pair[0].fileno(), WRITE, step, fail)
    await until(lambda: told)

    assert told == [fault]


async def test_a_number_that_is_used_again_within_a_turn_is_not_taken_for_the_old_one(
    reactor: Reactor,
) -> None:
    """Both are ready; whichever comes first replaces the other by a socket that is not."""
    pairs = [socket.socketpair() for _ in range(2)]
    new: list[Pair] = []
    called: list[str] = []

    def replace(other: int) -> None:
        called.append("old")
        if new:
            return
        near, far = pairs[other]
        number = near.fileno()
        reactor.unwatch(number)
        near.close()
        new.append(socket.socketpair())
        assert new[0][0].fileno() == number
        reactor.watch(number, READ, lambda: called.append("new"), unexpected)
        reactor.unwatch(pairs[1 - other][0].fileno())
        del far

    for index, (near, _) in enumerate(pairs):
        reactor.watch(near.fileno(), WRITE, partial(replace, 1 - index), unexpected)
    await until(lambda: new)
    await asyncio.sleep(0.01)
    assert called == ["old"]

    new[0][1].send(b"now")
    await until(lambda: "new" in called)
    reactor.close()
    for each in (*pairs, *new):
        for end in each:
            end.close()


@pytest.mark.slow
async def test_a_turn_ends_when_its_time_is_up(reactor: Reactor) -> None:
    """Each of 48 steps takes a fifth of the time: others get a turn after the least of them."""
    pairs = [socket.socketpair() for _ in range(48)]
    turns: list[int] = []
    rounds = 0

    def step(number: int) -> None:
        turns.append(rounds)
        reactor.unwatch(number)
        end = time.perf_counter() + TIME_BUDGET / 5
        while time.perf_counter() < end:
            pass

    for near, _ in pairs:
        reactor.watch(near.fileno(), WRITE, partial(step, near.fileno()), unexpected)
    while len(turns) < len(pairs):
        await asyncio.sleep(0)
        rounds += 1

    assert max(Counter(turns).values()) == LEAST_STEPS
    for each in pairs:
        for end in each:
            end.close()


async def test_closing_twice_and_in_the_middle_of_a_turn(reactor: Reactor, pair: Pair) -> None:
    calls: list[int] = []

    def step() -> None:
        calls.append(1)
        reactor.close()

    for end in pair:
        reactor.watch(end.fileno(), WRITE, step, unexpected)
    await until(lambda: calls)
    reactor.close()
    await asyncio.sleep(0.01)

    assert calls == [1]


async def test_what_nobody_hangs_up_is_closed_with_it(reactor: Reactor) -> None:
    kept, hung_up = (reactor.open(socket.AF_INET, socket.SOCK_STREAM, 0) for _ in range(2))
    assert kept.gettimeout() == 0
    reactor.watch(hung_up.fileno(), READ, pytest.fail, unexpected)
    reactor.hang_up(hung_up)
    assert (kept.fileno() >= 0, hung_up.fileno()) == (True, -1)
    reactor.close()

    assert kept.fileno() == -1


async def test_a_system_that_opens_no_socket_unblocked_has_it_unblocked_next(
    reactor: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As macOS."""
    monkeypatch.setattr(module, "_NON_BLOCKING", 0)

    assert reactor.open(socket.AF_INET, socket.SOCK_STREAM, 0).gettimeout() == 0


async def test_a_system_without_epoll_is_watched_by_kqueue(
    monkeypatch: pytest.MonkeyPatch, pair: Pair
) -> None:
    monkeypatch.delattr("select.epoll", raising=False)
    if not hasattr(selectors, "KqueueSelector"):
        monkeypatch.setattr(selectors, "KqueueSelector", selectors.EpollSelector, raising=False)
    poller = module.new_poller()
    poller.register(pair[0].fileno(), WRITE)

    assert isinstance(poller, SelectorPoller)
    assert poller.poll(0, 1) == [(pair[0].fileno(), selectors.EVENT_WRITE)]
    poller.close()


async def test_a_loop_that_cannot_watch_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()

    def cannot(*_: object) -> NoReturn:
        raise NotImplementedError

    monkeypatch.setattr(loop, "add_reader", cannot)
    with pytest.raises(NotImplementedError):
        Reactor(loop)


async def test_a_system_without_a_selector_to_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("select.epoll")

    with pytest.raises(NotImplementedError):
        Reactor(asyncio.get_running_loop())


async def test_the_child_of_a_fork_leaves_the_loops_selector_alone(
    reactor: Reactor, pair: Pair
) -> None:
    near, far = pair
    heard: list[bytes] = []
    reactor.watch(near.fileno(), READ, lambda: heard.append(near.recv(9)), unexpected)
    child = os.fork()
    if not child:
        try:
            reactor.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)  # noqa: ASYNC222 - it ends at once
    far.send(b"hello")

    await until(lambda: heard)


async def test_a_socket_that_a_fork_still_holds_is_watched_no_longer(
    reactor: Reactor, pair: Pair
) -> None:
    near, far = pair
    copy = near.dup()  # as a fork's: the open file lives on
    calls: list[int] = []
    reactor.watch(near.fileno(), READ, lambda: calls.append(1), unexpected)
    reactor.unwatch(near.fileno())
    near.close()
    far.send(b"hello")
    await asyncio.sleep(0.01)

    assert calls == []
    assert reactor._poller.poll(0, 1) == []
    copy.close()
