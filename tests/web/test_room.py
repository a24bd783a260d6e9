"""Who gets the next place in the room for checks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tryconnect.web._room import Room


class Visitors:
    """Tasks that want a place, and those that hold one."""

    def __init__(self, limit: int) -> None:
        self.room = Room(limit)
        self.inside: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def come(self, name: str, *, by: float = 0.0, suspect: bool = False) -> None:
        self._tasks[name] = asyncio.create_task(self._visit(name, by, suspect))

    async def _visit(self, name: str, by: float, suspect: bool) -> None:  # noqa: FBT001
        async with self.room.place(by=by, suspect=suspect):
            self.inside.append(name)
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self.inside.remove(name)

    async def go(self, *names: str) -> None:
        for name in names:
            self._tasks.pop(name).cancel()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, limit: int) -> AsyncIterator["Visitors"]:
        visitors = cls(limit)
        yield visitors
        await visitors.go(*visitors._tasks)


@pytest.mark.parametrize(
    ("limit", "suspects", "others"), [(10, 5, 5), (10, 5, 20), (5, 2, 5), (2, 1, 5), (1, 1, 0)]
)
async def test_suspects_hold_half_of_the_room_at_most(
    limit: int, suspects: int, others: int
) -> None:
    async with Visitors.of(limit) as visitors:
        for number in range(50):
            visitors.come(f"suspect {number}", suspect=True)
        await visitors.settle()
        assert len(visitors.inside) == suspects

        for number in range(others):
            visitors.come(f"other {number}")
        await visitors.settle()

        assert len(visitors.inside) == min(limit, suspects + others)
        assert sum(name.startswith("suspect") for name in visitors.inside) == suspects


async def test_those_that_answer_may_take_all_of_it() -> None:
    async with Visitors.of(4) as visitors:
        for number in range(9):
            visitors.come(str(number))
        await visitors.settle()

        assert visitors.inside == ["0", "1", "2", "3"]


async def test_the_earliest_deadline_comes_first() -> None:
    async with Visitors.of(2) as visitors:
        for name, by in (("a", 1.0), ("b", 1.0), ("late", 9.0), ("soon", 2.0), ("middle", 5.0)):
            visitors.come(name, by=by)
        visitors.come("suspect", by=3.0, suspect=True)
        await visitors.settle()

        for leaves, then in (
            *(("a", ["b", "soon"]), ("b", ["soon", "suspect"]), ("soon", ["suspect", "middle"])),
            ("suspect", ["middle", "late"]),
        ):
            await visitors.go(leaves)
            assert visitors.inside == then


async def test_who_gives_up_waiting_leaves_the_place_to_the_next() -> None:
    async with Visitors.of(1) as visitors:
        for name in ("first", "gives up", "last"):
            visitors.come(name)
        await visitors.settle()

        await visitors.go("gives up")
        await visitors.go("first")

        assert visitors.inside == ["last"]


async def test_who_is_cancelled_as_it_is_let_in_leaves_the_place_too() -> None:
    async with Visitors.of(1) as visitors:
        for name in ("first", "unlucky", "last"):
            visitors.come(name)
        await visitors.settle()

        await visitors.go("first", "unlucky")

        assert visitors.inside == ["last"]


async def test_who_is_cancelled_between_being_let_in_and_coming_in_leaves_the_place_too() -> None:
    async with Visitors.of(1) as visitors:
        for name in ("first", "unlucky", "last"):
            visitors.come(name)
        await visitors.settle()

        visitors._tasks.pop("first").cancel()
        await asyncio.sleep(0)
        assert not visitors.inside
        await visitors.go("unlucky")

        assert visitors.inside == ["last"]


async def test_a_room_that_grows_lets_more_in() -> None:
    async with Visitors.of(1) as visitors:
        for name in "abc":
            visitors.come(name)
        await visitors.settle()

        visitors.room.resize(2)
        await visitors.settle()

        assert visitors.inside == ["a", "b"]
