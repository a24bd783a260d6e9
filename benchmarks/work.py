"""What one run asks: which addresses, how many of them at once, for how long."""

from __future__ import annotations

import array
import statistics
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FIRST_HOST", "Tally", "Work"]

FIRST_HOST = IPv4Address("127.0.0.1")
"""All of 127.0.0.0/8 is this machine: sixteen million hosts to tell apart, and no network."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """The same questions for every client.

    Args:
        count: how many addresses.
        ports: one port that all hosts have, or one for each of as many hosts as there are ports.
        path: what is asked for.
        scheme: ``http`` or ``https``.
        spread: each address is a host of its own; else all are ``127.0.0.1``.
        first: the number of the first host, so that no two runs need to share one.
        at_once: how many checks are under way at the same time.
        timeout: seconds for one check.
        silent: no host answers: a "no" is the right answer, and how late it comes is measured.
        ca: the file with the certificate of the authority to trust.
        descriptors: the most that the process may open (``ulimit -n``); ``None``: as many as the
            system lets it.
    """

    count: int
    ports: list[int]
    path: str = "/1k"
    scheme: str = "http"
    spread: bool = True
    first: int = 0
    at_once: int = 100
    timeout: float = 10.0
    silent: bool = False
    ca: str | None = None
    descriptors: int | None = None

    def urls(self) -> Iterator[str]:
        """Yield the addresses; no list of them is held, so memory is the client's own."""
        for number in range(self.first, self.first + self.count):
            place = number % len(self.ports)
            host = number if len(self.ports) == 1 else place
            name = FIRST_HOST + (host if self.spread else 0)
            yield f"{self.scheme}://{name}:{self.ports[place]}{self.path}"


@dataclass
class Tally:
    """What came of it."""

    work: Work
    up: int = 0
    down: int = 0
    late: array.array[float] = field(default_factory=lambda: array.array("d"))
    """By how many seconds each answer about a silent host missed its deadline."""

    def note(self, up: bool, took: float) -> None:  # noqa: FBT001 - the answer itself
        """Take one answer, which took so many seconds."""
        if up:
            self.up += 1
        else:
            self.down += 1
        if self.work.silent:
            self.late.append(took - self.work.timeout)

    @property
    def right(self) -> int:
        """How many answers are right."""
        return self.down if self.work.silent else self.up

    def lateness(self) -> list[float]:
        """Return the median, the 99th percentile and the most, in seconds; empty for none."""
        if len(self.late) < 2:  # noqa: PLR2004 - below, there is no percentile
            return list(self.late) * 3
        percentiles = statistics.quantiles(self.late, n=100, method="inclusive")
        return [percentiles[49], percentiles[98], max(self.late)]
