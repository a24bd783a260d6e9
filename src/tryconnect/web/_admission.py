"""The checks that strangers ask for: so many at once and no more, each of them counted."""

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

__all__ = ["AT_ONCE_IN_A_LIST", "Admission"]

AT_ONCE_IN_A_LIST = 25
"""Admission of one list under way at the same time: it leaves room for others."""


class Admission:
    """Whoever finds no room for a check is told to come again: nobody waits in a queue.

    Args:
        client: checks the addresses.
        limit: checks at once.
        metrics: where they are counted.
    """

    def __init__(self, client: Client, *, limit: int, metrics: Metrics) -> None:
        self._client = client
        self._free = limit
        self._metrics = metrics

    async def one(self, question: Question) -> Report:
        """Check an address.

        Raises:
            Problem: there is no room.
        """
        with self._room(1), self._metrics.in_flight():
            report = await self._client.probe(
                question.address, timeout=question.timeout, expect=question.expect
            )
        self._metrics.count(report)
        return report

    @contextlib.asynccontextmanager
    async def many(self, addresses: Sequence[str], question: Question) -> AsyncIterator[Probes]:
        """Check a list of addresses while the context lasts; its end cancels what is under way.

        Whoever reads a report enters it in the metrics.

        Raises:
            Problem: there is no room.
        """
        with self._room(min(len(addresses), AT_ONCE_IN_A_LIST)) as limit:
            run = self._client.probe_many(
                addresses, limit=limit, timeout=question.timeout, expect=question.expect
            )
            with self._metrics.in_flight(run):
                async with run:
                    yield run

    @contextlib.contextmanager
    def _room(self, wanted: int) -> Iterator[int]:
        """Take as much room as there is, up to what is wanted, and give it back afterwards."""
        taken = min(wanted, self._free)
        if taken < 1:
            self._metrics.rejected.inc()
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "as many checks as may run at once are under way: come again in a second",
                headers={"Retry-After": "1"},
            )
        self._free -= taken
        try:
            yield taken
        finally:
            self._free += taken
