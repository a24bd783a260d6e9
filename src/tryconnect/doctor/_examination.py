"""One examination: its findings so far, and the test that is running."""

from __future__ import annotations

import time
from dataclasses import replace
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


STANDSTILL = 10.0
"""Seconds: longer than the timeout of any test."""


class Examination:
    """Collects findings, so that they are not lost if the loop hangs.

    Args:
        only: The part to examine; ``None`` for both.
        name_servers: The name servers to examine; ``None`` for the machine's own.

    Raises:
        ValueError: ``only`` is invalid.
    """

    def __init__(
        self, *, only: Part | None = None, name_servers: Sequence[str] | None = None
    ) -> None:
        if only not in {None, "loop", "machine"}:
            raise ValueError(f'only is "loop", "machine" or None, not {only!r}')
        self._only = only
        self._name_servers = name_servers
        self._found: list[Finding] = []
        self._running: str | None = None
        self._moved = time.monotonic()

    @property
    def findings(self) -> Findings:
        """The findings so far."""
        return Findings(tuple(self._found))

    async def whole(self) -> None:
        """Examine the running loop and the machine, unless only one is wanted."""
        await self.of_loop()
        await self.of_machine()

    async def of_loop(self) -> None:
        """Examine the running loop, if that is wanted."""
        if self._only == "machine":
            return
        async for finding in tested(self._begin):
            self._found.append(finding)
        self._running = None

    async def of_machine(self) -> None:
        """Examine the machine, if that is wanted."""
        if self._only == "loop":
            return
        self._moved = time.monotonic()
        self._found += await looked_at(self._name_servers)

    def _begin(self, name: str) -> None:
        self._running, self._moved = name, time.monotonic()

    def is_hung(self) -> bool:
        """Return whether the loop has done nothing for longer than any test takes."""
        return time.monotonic() - self._moved > STANDSTILL

    def abandon(self) -> None:
        """Record that the loop hung and was abandoned."""
        hung = fault(
            f"the loop hung for {duration(STANDSTILL)} and was abandoned: the remaining tests "
            "were skipped",
            "find out where it waits: neither timers nor calls from other threads wake it",
        )
        self._found.append(replace(hung, name=self._running or next(iter(LOOP_TESTS))))
