"""The room for checks of targets: who gets the next place.

Silent targets hold a place for their whole timeout, and would starve those that answer. So targets
that may be silent hold at most half of the room. Within that, the earliest deadline comes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from heapq import heappop, heappush
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Room"]

Waiting: TypeAlias = "list[tuple[float, int, asyncio.Future[None]]]"
"""A heap: by when, in which order they came, and what lets them in."""


class Room:
    """A limited number of places.

    Args:
        limit: How many there are.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = {False: 0, True: 0}
        self._waiting: dict[bool, Waiting] = {False: [], True: []}
        self._number = itertools.count()

    def resize(self, limit: int) -> None:
        """Change the number of places; those that are held stay held."""
        self._limit = limit
        self._admit()

    @contextlib.asynccontextmanager
    async def place(self, *, by: float, suspect: bool) -> AsyncIterator[None]:
        """Hold a place while the context lasts; wait for one first.

        Args:
            by: The deadline for getting it, by any clock; the earliest comes first.
            suspect: It may be held for long: half of the places, rounded down, are for these, but
                at least one.
        """
        admitted = asyncio.get_running_loop().create_future()
        heappush(self._waiting[suspect], (by, next(self._number), admitted))
        self._admit()
        try:
            await admitted
        except asyncio.CancelledError:
            if not admitted.cancelled():  # it had just been let in
                self._leave(suspect)
            raise
        try:
            yield
        finally:
            self._leave(suspect)

    def _leave(self, suspect: bool) -> None:  # noqa: FBT001 - which of the two
        self._held[suspect] -= 1
        self._admit()

    def _admit(self) -> None:
        while sum(self._held.values()) < self._limit:
            open_to = [
                (queue[0], suspect)
                for suspect, queue in self._waiting.items()
                if queue and not (suspect and self._held[True] >= max(self._limit // 2, 1))
            ]
            if not open_to:
                return
            _, suspect = min(open_to)
            *_, admitted = heappop(self._waiting[suspect])
            if not admitted.done():  # else it was cancelled
                admitted.set_result(None)
                self._held[suspect] += 1
