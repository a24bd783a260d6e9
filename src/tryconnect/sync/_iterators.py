"""Streams of reports for programs without an event loop: iterators that block at each step.

A bulk run goes on in the portal between two steps: if it stood still, its checks would time out.
The addresses are pulled in the reader's thread, to which a database cursor, say, may belong.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from tryconnect._address.target import address_text
from tryconnect._model.faults import LocalFault
from tryconnect._model.report import Report
from tryconnect._runs.source import iterate
from tryconnect._runtime import portal
from tryconnect.errors import Reason
from tryconnect.sync._runner import refuse_inside_a_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from yarl import URL

    from tryconnect._runs import bulk, watching
    from tryconnect._runs.source import Addresses

__all__ = ["BlockingProbes", "BlockingWatch"]


class BlockingProbes:
    """The reports of many checks, each as soon as it is ready: an iterator, also for ``with``.

    The checks go on between two steps, in a daemon thread that serves all such runs of the process,
    as far ahead of the reader as ``limit`` allows. The addresses are taken from the input in the
    reader's thread. Leaving ``with``, closing it, or dropping the last reference ends the run.

    Example:
        >>> with tryconnect.sync.probe_many(["example.com", "localhost:8000"]) as probes:
        ...     print(sorted(str(report.reason) for report in probes), probes.finished)
        ['ok', 'refused'] 2

    .. versionadded:: 0.1
    """

    def __init__(
        self,
        start: Callable[[Addresses], bulk.Probes],
        addresses: Iterable[str | URL],
        *,
        ahead: int,
    ) -> None:
        self._feed = _Feed(addresses, room=ahead)
        self._probes = start(self._feed)
        self._begun = False
        self._read = 0

    @property
    def started(self) -> int:
        """How many checks have begun."""
        return self._probes.started

    @property
    def finished(self) -> int:
        """How many checks have ended, read or not."""
        return self._probes.finished

    @property
    def counts(self) -> Mapping[Reason, int]:
        """How many checks have ended with each reason."""
        return self._probes.counts

    def close(self) -> None:
        """End the run, and cancel its checks; a second call does nothing."""
        if self._begun:
            portal.run(self._probes.aclose)
        self._feed.end()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Report:
        refuse_inside_a_loop("probe_many", "async for report in tryconnect.probe_many(…)")
        if not self._begun:
            try:
                portal.run(self._begin)
            except LocalFault as fault:  # the next step tries again
                address = address_text(next(self._feed.input))
                return Report(address, Reason.local, str(fault), error=fault)
        # An input that is slow does not hold back a report that is there.
        self._feed.fill(until=lambda: self._probes.finished > self._read)
        try:
            report = portal.run(self._probes.__anext__)
        except StopAsyncIteration:
            raise StopIteration from None
        self._read += 1
        return report

    async def _begin(self) -> None:
        self._probes.begin()
        self._begun = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Feed:
    """Addresses on their way from the reader's thread into the portal.

    Args:
        addresses: The input.
        room: How many may be on their way.
    """

    def __init__(self, addresses: Iterable[str | URL], *, room: int) -> None:
        self.input = iterate(addresses)
        self._room = room
        self._under_way: deque[str | URL] = deque()
        self._ended = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._more = asyncio.Event()

    # In the reader's thread.

    def fill(self, *, until: Callable[[], bool]) -> None:
        """Pull addresses while there is room for them and ``until`` is not met."""
        while not self._ended and len(self._under_way) < self._room and not until():
            try:
                self._under_way.append(next(self.input))
            except StopIteration:
                self._ended = True
            self._tell()

    def end(self) -> None:
        """Pull no more."""
        self._ended = True

    def _tell(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._more.set)

    # In the portal.

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | URL:
        self._loop = asyncio.get_running_loop()
        while True:
            self._more.clear()  # first: what comes from here on is heard
            ended = self._ended
            with contextlib.suppress(IndexError):
                return self._under_way.popleft()
            if ended:
                raise StopAsyncIteration
            await self._more.wait()


class BlockingWatch:
    """The state of an address: the first report, then, at each step, the report of the next change.

    An iterator without an end. Between two steps nothing goes on.

    Example:
        >>> watch = tryconnect.sync.watch("example.com")
        >>> next(watch).ok
        True

    .. versionadded:: 0.1
    """

    def __init__(self, watch: watching.Watch, run: Callable[[Callable[[], Any]], Report]) -> None:
        self._watch = watch
        self._run = run

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Report:
        refuse_inside_a_loop("watch", "async for report in tryconnect.watch(…)")
        return self._run(self._watch.__anext__)
