"""Limit and count the checks that clients ask for."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from tryconnect.web._problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from tryconnect import Client, Report
    from tryconnect._runs.bulk import Probes
    from tryconnect.web._metrics import Metrics
    from tryconnect.web._parameters import Question

__all__ = ["LIST_LIMIT", "Admission"]

LIST_LIMIT = 25
"""Slots that one list takes at most: others are left for other clients."""


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
        self._metrics = metrics

    async def one(self, question: Question) -> Report:
        """Check an address.

        Raises:
            Problem: No slot is free.
        """
        with self._slots(1), self._metrics.in_flight():
            report = await self._client.probe(
                question.address, timeout=question.timeout, expect=question.expect
            )
        self._metrics.count(report)
        return report

    @contextlib.asynccontextmanager
    async def many(self, addresses: Sequence[str], question: Question) -> AsyncIterator[Probes]:
        """Check a list of addresses while the context lasts; leaving it cancels what is running.

        The caller counts the reports it reads.

        Raises:
            Problem: No slot is free.
        """
        with self._slots(min(len(addresses), LIST_LIMIT)) as limit:
            run = self._client.probe_many(
                addresses, limit=limit, timeout=question.timeout, expect=question.expect
            )
            with self._metrics.in_flight(run):
                async with run:
                    yield run

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
