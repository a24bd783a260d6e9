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
    from tryconnect.web._metrics import Books
    from tryconnect.web._parameters import Question

__all__ = ["AT_ONCE_IN_A_LIST", "Checks"]

AT_ONCE_IN_A_LIST = 25
"""Checks of one list under way at the same time: it leaves room for others."""


class Checks:
    """Whoever finds no room for a check is told to come again: nobody waits in a queue.

    Args:
        client: checks the addresses.
        limit: checks at once.
        books: where they are counted.
    """

    def __init__(self, client: Client, *, limit: int, books: Books) -> None:
        self._client = client
        self._free = limit
        self._books = books

    async def one(self, question: Question) -> Report:
        """Check an address.

        Raises:
            Problem: there is no room.
        """
        with self._room(1), self._books.under_way():
            report = await self._client.probe(
                question.address, timeout=question.timeout, expect=question.expect
            )
        self._books.enter(report)
        return report

    @contextlib.asynccontextmanager
    async def many(self, addresses: Sequence[str], question: Question) -> AsyncIterator[Probes]:
        """Check a list of addresses while the context lasts; its end cancels what is under way.

        Whoever reads a report enters it in the books.

        Raises:
            Problem: there is no room.
        """
        with self._room(min(len(addresses), AT_ONCE_IN_A_LIST)) as limit:
            run = self._client.probe_many(
                addresses, limit=limit, timeout=question.timeout, expect=question.expect
            )
            with self._books.under_way(run):
                async with run:
                    yield run

    @contextlib.contextmanager
    def _room(self, wanted: int) -> Iterator[int]:
        """Take as much room as there is, up to what is wanted, and give it back afterwards."""
        taken = min(wanted, self._free)
        if taken < 1:
            self._books.turned_away.inc()
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
