"""The progress of a bulk run: a bar if its length is known, rate, counts and remaining time."""

from __future__ import annotations

import time
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING

from tryconnect.cli._live import FRAMES
from tryconnect.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from tryconnect import Probes
    from tryconnect.cli._terminal import Spans

__all__ = ["Bar"]

_WINDOW = 50
"""Drawings over which the rate is averaged: five seconds."""

_SHORTEST, _LONGEST = 8, 40
"""Columns of the shortest and of the longest bar."""


class Bar:
    """Composes the line.

    Args:
        probes: The run.
        clock: Returns seconds, for the rate.

    Attributes:
        total: How many addresses there are; ``None``: unknown.
    """

    def __init__(self, probes: Probes, clock: Callable[[], float] = time.monotonic) -> None:
        self.total: int | None = None
        self._probes = probes
        self._clock = clock
        self._seen = deque([(clock(), 0)], maxlen=_WINDOW)
        self._frame = 0

    def compose(self, width: int, _: int = 1) -> list[Spans]:
        """Return the line for a width in columns."""
        self._frame += 1
        self._seen.append((self._clock(), self._probes.finished))
        told = self._told()
        available = width - sum(len(text) for text, _ in told) - 2
        if self.total is None or available < _SHORTEST:
            return [[(f"{FRAMES[self._frame % len(FRAMES)]} ", "cyan"), *told]]
        length = min(available, _LONGEST)
        done = length * self._probes.finished // (self.total or 1)
        return [[("━" * done, "green"), ("━" * (length - done), "dim"), ("  ", ""), *told]]

    def _told(self) -> Spans:
        finished = self._probes.finished
        good = self._probes.counts.get(Reason.ok, 0)
        of = "" if self.total is None else f"/{self.total:,}"
        rate = self._rate()
        parts = [
            (f"{finished:,}{of}", ""),
            (f"{rate:,.0f}/s", "dim"),
            (f"{good:,} ok", "green"),
            (f"{finished - good:,} failed", "red" if finished > good else "dim"),
        ]
        if self.total is not None and rate:
            left = timedelta(seconds=round((self.total - finished) / rate))
            parts.append((f"{left} left", "cyan"))
        return [part for each in parts for part in (each, ("  ", ""))][:-1]

    def _rate(self) -> float:
        (first, before), (last, now) = self._seen[0], self._seen[-1]
        return (now - before) / (last - first) if last > first else 0.0
