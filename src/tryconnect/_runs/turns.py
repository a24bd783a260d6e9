"""Whose turn it is, where a host may only have so many checks at the same time."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING

from tryconnect._address.target import Kind, parse
from tryconnect.errors import InvalidAddress

if TYPE_CHECKING:
    from tryconnect._model.report import Report

__all__ = ["Hosts", "Job", "host_of"]


class Job:
    """An address on its way through a run."""

    __slots__ = ("address", "host", "report")

    def __init__(self, address: str, host: str | None) -> None:
        self.address = address
        self.host = host
        self.report: Report | None = None


class Hosts:
    """How many checks of each host are under way, and which jobs wait for their host's turn."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way: Counter[str] = Counter()
        self._waiting: defaultdict[str, deque[Job]] = defaultdict(deque)

    def enter(self, job: Job) -> bool:
        """Tell whether a job may begin; if not, it waits here."""
        if job.host is None:
            return True
        if self._under_way[job.host] < self._most:
            self._under_way[job.host] += 1
            return True
        self._waiting[job.host].append(job)
        return False

    def leave(self, job: Job) -> Job | None:
        """Take note that a job is done; return the next one of its host, which begins with that."""
        if job.host is None:
            return None
        if waiting := self._waiting.get(job.host):
            return waiting.popleft()
        self._waiting.pop(job.host, None)
        self._under_way[job.host] -= 1
        if not self._under_way[job.host]:
            del self._under_way[job.host]
        return None


def host_of(address: str) -> str | None:
    """Return what ``per_host`` counts by; ``None`` for what leads to no host."""
    try:
        target = parse(address)
    except InvalidAddress:
        return None
    return target.path if target.kind is Kind.unix else target.host
