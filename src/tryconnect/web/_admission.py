"""Limit and count the checks that clients ask for."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from tryconnect._address.request import read_request
from tryconnect.web._problems import Problem
from tryconnect.web._virtual_host import named

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from tryconnect import Client, Report
    from tryconnect._address.request import Request
    from tryconnect._runs.bulk import Probes
    from tryconnect.web._metrics import Metrics
    from tryconnect.web._parameters import Question

__all__ = ["LIST_LIMIT", "LIST_TIMEOUT", "Admission"]

LIST_LIMIT = 25
"""Slots that one list takes at most. All lists together take half of the room at most, and each
half of what is left of that: there is something left for the next one, and for single checks."""

LIST_TIMEOUT = 300.0
"""Seconds after which a list ends."""


class Admission:
    """Hands out slots for checks; without a free one, a request is rejected at once.

    Args:
        client: Checks the addresses.
        limit: How many checks may run at once.
        metrics: Counts the checks.
    """

    def __init__(self, client: Client, *, limit: int, metrics: Metrics) -> None:
        self._client = client
        self._free = limit
        self._free_for_lists = max(limit // 2, 1)
        self._metrics = metrics

    async def one(self, question: Question) -> Report:
        """Check an address.

        Raises:
            Problem: No slot is free.
        """
        with self._slots(1), self._metrics.in_flight():
            request = read_request(question.address, question.expect)
            report = await self._check(request, question)
        self._metrics.count(report)
        return report

    async def _check(self, request: Request, question: Question) -> Report:
        if not question.hostname:
            return await self._client._check(request, timeout=question.timeout)
        async with named(self._client, request, question.hostname) as (client, renamed):
            return await client._check(renamed, timeout=question.timeout)

    @contextlib.asynccontextmanager
    async def many(self, addresses: Sequence[str], question: Question) -> AsyncIterator[Probes]:
        """Check a list of addresses while the context lasts; leaving it cancels what is running.

        The caller counts the reports it reads.

        Raises:
            Problem: No slot is free.
        """
        with self._slots_of_list(len(addresses)) as limit:
            run = self._client.probe_many(
                addresses, limit=limit, timeout=question.timeout, expect=question.expect
            )
            with self._metrics.in_flight(run):
                async with run:
                    yield run

    @contextlib.contextmanager
    def _slots_of_list(self, wanted: int) -> Iterator[int]:
        """Acquire up to as many slots as wanted, as a list may; release them afterwards."""
        share = min(self._free_for_lists, max(self._free_for_lists // 2, 1))
        with self._slots(min(wanted, LIST_LIMIT, share)) as taken:
            self._free_for_lists -= taken
            try:
                yield taken
            finally:
                self._free_for_lists += taken

    @contextlib.contextmanager
    def _slots(self, wanted: int) -> Iterator[int]:
        """Acquire up to as many slots as wanted; release them afterwards."""
        taken = min(wanted, self._free)
        if taken < 1:
            self._metrics.rejected.inc()
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too many checks are running: try again in a second",
                headers={"Retry-After": "1"},
            )
        self._free -= taken
        try:
            yield taken
        finally:
            self._free += taken
