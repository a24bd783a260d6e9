"""The work of one run: which addresses, how many at once, for how long."""

from __future__ import annotations

import array
import socket
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Tally", "Work", "loopback"]

_FIRST_HOST = int.from_bytes(socket.inet_aton("127.0.0.1"))


def loopback(number: int) -> str:
    """Return the IP address of one of sixteen million hosts: all of 127.0.0.0/8 is this machine.

    Cheaply: what it takes counts as the cost of each client.
    """
    return socket.inet_ntoa((_FIRST_HOST + number).to_bytes(4))


@dataclass(frozen=True, kw_only=True)
class Work:
    """The same work for every client.

    Args:
        count: How many addresses.
        ports: One port for all hosts, or one for each of as many hosts as there are ports.
        path: The path to request.
        scheme: ``http`` or ``https``.
        spread: Whether each address is a different host; otherwise all are ``127.0.0.1``.
        first: The number of the first host, so that runs need not share hosts.
        at_once: How many checks run concurrently.
        timeout: Seconds for one check.
        silent: Whether the hosts never answer: "no" is then right, and its lateness is measured.
        ca: The file with the certificate of the authority to trust.
        descriptors: The most that the process may open (``ulimit -n``); ``None`` for the system's
            limit.
        held: Whether each callback of the event loop is timed, which takes time itself.
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
    held: bool = False

    def urls(self) -> Iterator[str]:
        """Yield the addresses; without a list, all memory is the client's own."""
        for number in range(self.first, self.first + self.count):
            place = number % len(self.ports)
            apart = number if len(self.ports) == 1 else place
            name = loopback(apart if self.spread else 0)
            yield f"{self.scheme}://{name}:{self.ports[place]}{self.path}"


@dataclass
class Tally:
    """The results of one run."""

    work: Work
    up: int = 0
    down: int = 0
    late: array.array[float] = field(default_factory=lambda: array.array("d"))
    """The seconds by which each answer for a silent host was late."""

    def note(self, up: bool, took: float) -> None:  # noqa: FBT001 - the answer itself
        """Count one answer, which took ``seconds``."""
        if up:
            self.up += 1
        else:
            self.down += 1
        if self.work.silent:
            self.late.append(took - self.work.timeout)

    @property
    def right(self) -> int:
        """Return how many answers are right."""
        return self.down if self.work.silent else self.up

    def lateness(self) -> list[float]:
        """Return the median, 99th percentile and maximum, in seconds; empty if there are none."""
        if len(self.late) < 2:  # noqa: PLR2004 - below, there is no percentile
            return list(self.late) * 3
        percentiles = statistics.quantiles(self.late, n=100, method="inclusive")
        return [percentiles[49], percentiles[98], max(self.late)]
