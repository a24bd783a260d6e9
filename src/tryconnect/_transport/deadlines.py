"""The deadlines of many checks, under one timer of the loop.

A timer for each check would be 5 % of it, and most never fire.  Here a deadline is an entry in the
set of all that fall into the same few milliseconds; only the earliest set has a timer.
"""

from __future__ import annotations

import time
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from tryconnect._transport.reactor import TIME_BUDGET

if TYPE_CHECKING:
    import asyncio

__all__ = ["GRAIN", "Deadlines", "Perishable"]

GRAIN = 0.002
"""Seconds by which a deadline may be late."""


class Perishable(Protocol):
    """What has a deadline."""

    def expire(self) -> None:
        """Called once, when the deadline has passed."""


_Item = TypeVar("_Item", bound=Perishable)


class Deadlines(Generic[_Item]):
    """Who is to be told when time is up.

    Args:
        loop: needs ``call_later``, and a clock that runs evenly.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[int, set[_Item]] = {}
        self._order: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0

    def add(self, item: _Item, when: float) -> int:
        """Have ``expire`` called at a moment of ``time.perf_counter``, or up to ``GRAIN`` later.

        Returns:
            What :meth:`discard` wants to know.
        """
        slot = int(when / GRAIN) + 1
        waiting = self._slots.get(slot)
        if waiting is None:
            waiting = self._slots[slot] = set()
            heappush(self._order, slot)
            if self._timer is None or slot < self._armed_for:
                self._arm()
        waiting.add(item)
        return slot

    def discard(self, item: _Item, slot: int) -> None:
        """Forget a deadline that was met."""
        if (waiting := self._slots.get(slot)) is not None:
            waiting.discard(item)

    def is_awaited(self) -> bool:
        """Return whether there is anybody who has neither been told nor discarded."""
        return any(self._slots.values())

    def items(self) -> list[_Item]:
        """Return whoever has neither been told nor discarded."""
        return [item for waiting in self._slots.values() for item in waiting]

    def close(self) -> None:
        """Forget all of them."""
        self._slots.clear()
        self._order.clear()
        self._disarm()

    def _arm(self) -> None:
        self._disarm()
        if self._order:
            self._armed_for = self._order[0]
            delay = max(self._armed_for * GRAIN - time.perf_counter(), 0.0)
            self._timer = self._loop.call_later(delay, self._ring)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        """Tell those whose time is up, as far as this turn's time allows."""
        self._timer = None
        now = time.perf_counter()
        end = now + TIME_BUDGET
        while self._order and self._order[0] * GRAIN <= now and time.perf_counter() < end:
            slot = self._order[0]
            waiting = self._slots[slot]
            while waiting and time.perf_counter() < end:
                waiting.pop().expire()
            if not waiting and self._slots.pop(slot, None) is not None:  # else it was closed
                heappop(self._order)
        self._arm()
