"""Deadlines of many checks under one timer: none early, none late, and none left."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.support.event_loops import on_each_loop
from tryconnect._transport.deadlines import GRAIN, Deadlines

LATE = 0.1
"""Seconds that a busy machine may add."""


class Item:
    def __init__(self, expired: list[Any], name: str = "") -> None:
        self.name = name
        self.at = 0.0
        self._expired = expired

    def expire(self) -> None:
        self.at = time.perf_counter()
        self._expired.append(self)


@on_each_loop
async def test_each_is_told_once_in_order_and_none_early() -> None:
    deadlines, expired = Deadlines[Any](asyncio.get_running_loop()), list[Item]()
    start = time.perf_counter()
    due = {
        Item(expired, name): start + after
        for name, after in {"c": 0.06, "a": 0.02, "b": 0.04, "now": -1.0}.items()
    }
    for item, when in due.items():
        deadlines.add(item, when)
    await asyncio.sleep(0.1)

    assert [item.name for item in expired] == ["now", "a", "b", "c"]
    for item, when in due.items():
        assert item.at >= when
        assert item.at - max(when, start) < GRAIN + LATE
    deadlines.close()


async def test_what_was_met_is_forgotten() -> None:
    deadlines, expired = Deadlines[Any](asyncio.get_running_loop()), list[Item]()
    met, missed = Item(expired), Item(expired)
    slot = deadlines.add(met, time.perf_counter() + 0.01)
    deadlines.add(missed, time.perf_counter() + 0.01)
    deadlines.discard(met, slot)
    deadlines.discard(met, slot)
    await asyncio.sleep(0.05)

    assert expired == [missed]
    deadlines.discard(missed, slot)  # its slot has gone


async def test_a_closed_one_tells_nobody() -> None:
    deadlines, expired = Deadlines[Any](asyncio.get_running_loop()), list[Item]()
    slot = deadlines.add(Item(expired), time.perf_counter() + 0.01)
    deadlines.close()
    deadlines.discard(Item(expired), slot)
    await asyncio.sleep(0.03)

    assert expired == []


async def test_who_is_told_may_close_and_may_add() -> None:
    deadlines: Deadlines[Any] = Deadlines(asyncio.get_running_loop())
    expired = list[Item]()

    class Adds(Item):
        def expire(self) -> None:
            super().expire()
            deadlines.add(closes, time.perf_counter())

    class Closes(Item):
        def expire(self) -> None:
            super().expire()
            deadlines.close()

    closes = Closes(expired, "closes")
    deadlines.add(Adds(expired, "adds"), time.perf_counter())
    await asyncio.sleep(0.05)

    assert [item.name for item in expired] == ["adds", "closes"]


@pytest.mark.parametrize("count", [1, 500])
async def test_there_is_one_timer_at_most(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    made: list[asyncio.TimerHandle] = []
    call_later = loop.call_later

    def counted(*args: Any) -> asyncio.TimerHandle:
        made.append(call_later(*args))
        return made[-1]

    monkeypatch.setattr(loop, "call_later", counted)
    deadlines: Deadlines[Any] = Deadlines(loop)
    start = time.perf_counter()
    for number in range(count):
        deadlines.add(Item([]), start + 10 + number / 1000)

    assert len(made) == 1
    deadlines.add(Item([]), start + 5)
    assert [timer.cancelled() for timer in made] == [True, False]
    deadlines.close()


async def test_many_at_once_do_not_hold_the_loop() -> None:
    """Each of a hundred takes 0.2 ms: others get a turn meanwhile."""
    deadlines, expired = Deadlines[Any](asyncio.get_running_loop()), list[Item]()

    class Slow(Item):
        def expire(self) -> None:
            super().expire()
            time.sleep(0.0002)

    when = time.perf_counter()
    for _ in range(100):
        deadlines.add(Slow(expired), when)
    rounds = 0
    while len(expired) < 100:
        await asyncio.sleep(0)
        rounds += 1

    assert rounds > 8
