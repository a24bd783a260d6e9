"""One examination: what is looked at, what was found so far, and what is under way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, TypeAlias

from tryconnect._model.render import duration
from tryconnect.doctor._findings import Findings, fault
from tryconnect.doctor._loop_checks import LOOP_TESTS, tested
from tryconnect.doctor._machine_checks import looked_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tryconnect.doctor._findings import Finding

__all__ = ["Examination", "Part"]

Part: TypeAlias = 'Literal["loop", "machine"]'


class Examination:
    """Collects findings, so that those before a standstill are not lost.

    Args:
        only: the part that is examined; ``None`` for both.
        name_servers: whom to ask for names; ``None`` for the machine's own.
    """

    def __init__(
        self, *, only: Part | None = None, name_servers: Sequence[str] | None = None
    ) -> None:
        if only not in {None, "loop", "machine"}:
            raise ValueError(f'only is "loop", "machine" or None, not {only!r}')
        self._only = only
        self._name_servers = name_servers
        self._found: list[Finding] = []
        self._under_way: str | None = None
        self._moved = time.monotonic()

    @property
    def findings(self) -> Findings:
        """What was found so far."""
        return Findings(tuple(self._found))

    async def whole(self) -> None:
        """Examine the running loop and the machine, what of them is wanted."""
        await self.of_loop()
        await self.of_machine()

    async def of_loop(self) -> None:
        """Examine the running loop, where that is wanted."""
        if self._only == "machine":
            return
        async for finding in tested(self._begin):
            self._found.append(finding)
        self._under_way = None

    async def of_machine(self) -> None:
        """Examine the machine, where that is wanted."""
        if self._only == "loop":
            return
        self._moved = time.monotonic()
        self._found += await looked_at(self._name_servers)

    def _begin(self, name: str) -> None:
        self._under_way, self._moved = name, time.monotonic()

    def stands_still(self) -> bool:
        """Tell whether the loop has done nothing for longer than any test takes."""
        return time.monotonic() - self._moved > STANDSTILL

    def gave_up(self) -> None:
        """Note that the loop stood still, and that it was left."""
        name = self._under_way or next(iter(LOOP_TESTS))
        self._found.append(
            fault(
                name,
                f"the loop stood still for {duration(STANDSTILL)} and was left: the tests after "
                "this one were not made",
                "see where the loop waits: neither its timers nor calls from other threads wake it",
            )
        )


STANDSTILL = 10.0
"""Seconds: longer than any test's own limit."""
