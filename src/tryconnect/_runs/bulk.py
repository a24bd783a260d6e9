"""Many checks at once: one task pulls the addresses, and the reader holds it back.

The law of this file: whoever reads holds the run, and nobody else does.  A :class:`Probes` that is
left, closed or forgotten ends its run; the run never holds its ``Probes``.  So it is no async
generator: a loop that does not finalise those (qasync does not) would keep a forgotten one's
sockets for ever.

At any time only so many addresses have been pulled and not been read as reports: memory is flat for
input of any length, and a reader who pauses makes the checks pause.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections import Counter, deque
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeAlias, TypeVar, cast

from tryconnect._address.target import address_text
from tryconnect._model.expect import Expect, as_expect
from tryconnect._model.report import Report
from tryconnect._options import TRANSPORTS, check_positive_int, check_seconds
from tryconnect._runs.source import Source
from tryconnect._runs.workers import HostLimiter, Job, WorkerPool, host_of
from tryconnect._runtime.descriptors import affordable
from tryconnect._runtime.threads import ThreadsafeLoop, wait_all
from tryconnect._transport.answer_cache import AnswerCache, shared_answers
from tryconnect._transport.reactor import TIME_BUDGET
from tryconnect.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from tryconnect._model.expect import ExpectLike
    from tryconnect._runs.source import Addresses

    class CheckingClient(Protocol):
        """A client, as far as it matters here."""

        def _check(
            self, address: str, *, timeout: float, expect: Expect | None, transport: str = ...
        ) -> Coroutine[Any, Any, Report]:
            """Check an address within that many seconds."""

        def _starter(self, *, timeout: float, expect: Expect | None, transport: str) -> Start:
            """Return what begins checks without a task, where that can be."""


__all__ = ["Probes", "checks_of_many"]

_Lent = TypeVar("_Lent")
_Reported = TypeVar("_Reported")

Lend: TypeAlias = "Callable[[], AbstractAsyncContextManager[_Lent]]"
"""Lends what the checks of one run share, for as long as it goes on."""

CheckOne: TypeAlias = "Callable[[_Lent, str], Awaitable[Report]]"
"""Checks one address with it."""

OnReport: TypeAlias = "Callable[[Report | BaseException], None]"
"""Gets the report of a check, or what ends the whole run."""

Start: TypeAlias = "Callable[[str, OnReport], Callable[[], None] | None]"
"""Begins the check of one address without a task; it calls back with the report, perhaps before it
returns.  Returns what cancels it; ``None``: the address has to be checked by a :data:`CheckOne`."""

MakeStart: TypeAlias = "Callable[[_Lent], Start]"
"""Makes the :data:`Start` of a run."""

LOOKAHEAD = 10
"""How many times ``limit`` addresses are pulled ahead where some have to wait for others: for
their host's turn, or for an earlier address' report."""


def checks_of_many(
    lend: Callable[[], AbstractAsyncContextManager[CheckingClient]],
    addresses: Addresses,
    *,
    limit: int,
    per_host: int | None,
    timeout: float,
    expect: ExpectLike,
    ordered: bool,
    keep_tracebacks: bool,
    transport: str,
) -> Probes:
    """Return a bulk run; see :func:`tryconnect.probe_many`."""
    each = _One(
        check_seconds(timeout),
        as_expect(expect),
        keep_tracebacks=keep_tracebacks,
        transport=_transport(transport),
    )
    if per_host is not None:
        check_positive_int(per_host, "per_host")
    return Probes(
        lend,
        each.check,
        addresses,
        limit=_affordable(check_positive_int(limit, "limit")),
        per_host=per_host,
        ordered=ordered,
        start=each.starter,
    )


class Probes:
    """The reports of many checks, each as soon as it is there.

    An async iterator, and an async context manager that ends the run when it is left::

        async with tryconnect.probe_many(addresses) as probes:
            async for report in probes: ...

    Without ``async with``, leaving the loop ends the run too, as soon as nobody holds the iterator
    any more.  Ending it cancels the checks under way and closes their sockets.

    The run begins with the first report that is asked for, or with :meth:`begin`.  One task at a
    time reads.

    .. versionadded:: 0.1
    """

    def __init__(
        self,
        lend: Lend[_Lent],
        check: CheckOne[_Lent],
        addresses: Addresses,
        *,
        limit: int,
        per_host: int | None,
        ordered: bool,
        start: MakeStart[_Lent] | None = None,
    ) -> None:
        self._run = _Run(
            lend, check, addresses, limit=limit, per_host=per_host, ordered=ordered, start=start
        )
        self._ender: _Ender | None = None

    @property
    def started(self) -> int:
        """How many checks have begun."""
        return self._run.started

    @property
    def finished(self) -> int:
        """How many checks have ended, read or not."""
        return self._run.counts.total()

    @property
    def counts(self) -> Mapping[Reason, int]:
        """How many checks have ended with each reason."""
        return self._run.counts

    def begin(self) -> None:
        """Begin the run in the running loop, without reading yet; a second call does nothing."""
        if self._ender is None and not self._run.ended:
            self._ender = _Ender(self._run)

    async def aclose(self) -> None:
        """End the run; a second call does nothing.

        The checks under way are cancelled, and nothing of them is left when this returns.
        """
        if self._ender is not None:
            await self._ender.aclose()
        self._run.end()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Report:
        self.begin()
        return await self._run.read()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if (ender := getattr(self, "_ender", None)) is not None:
            ender.end_soon()


class _Ender:
    """The task of a run, which the loop holds as long as it goes on."""

    def __init__(self, run: _Run[Any]) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(run.supervise())
        # Loops hold their tasks weakly.  When nobody is left to read, all workers may stand still,
        # and the run would be garbage before it could be ended in order.
        try:
            anchor = self._loop.call_later(_LONGER_THAN_ANY_RUN, self._task.done)
        except (NotImplementedError, AttributeError):  # a loop without timers
            _anchored.add(self._task)
            self._task.add_done_callback(_anchored.discard)
        else:
            self._task.add_done_callback(lambda _: anchor.cancel())

    async def aclose(self) -> None:
        """Cancel the run, and return when it has ended, also if cancelled oneself."""
        self._task.cancel()
        await wait_all(self._task)

    def end_soon(self) -> None:
        """Cancel the run from wherever the garbage collector happens to be."""
        if not self._task.done():
            ThreadsafeLoop(self._loop).call_soon_threadsafe(self._task.cancel)


_anchored: set[asyncio.Task[None]] = set()

_LONGER_THAN_ANY_RUN = 10.0**6
"""Seconds: eleven days.  In milliseconds, as Qt counts, it still fits 32 bits."""


class _Run(Generic[_Lent]):
    """What goes on behind a :class:`Probes`."""

    def __init__(
        self,
        lend: Lend[_Lent],
        check: CheckOne[_Lent],
        addresses: Addresses,
        *,
        limit: int,
        per_host: int | None,
        ordered: bool,
        start: MakeStart[_Lent] | None,
    ) -> None:
        self.started = 0
        self.counts: Counter[Reason] = Counter()
        self.ended = False
        self._lend = lend
        self._check = check
        self._make_start = start
        self._start: Start | None = None
        self._source = Source(addresses)
        self._workers = WorkerPool()
        self._host_limiter = None if per_host is None else HostLimiter(per_host)
        self._ordered = ordered
        self._limit = limit
        self._window = limit * (LOOKAHEAD if ordered or per_host is not None else 2)
        self._under_way = 0
        self._unread = 0
        self._due: deque[Job] = deque()
        self._begins_due = False
        self._cancels: dict[Job, Callable[[], None]] = {}
        self._ready: deque[Job] = deque()
        self._room = asyncio.Event()
        self._news = asyncio.Event()
        self._failure: BaseException | None = None

    async def read(self) -> Report:
        """Return the next report.

        Raises:
            StopAsyncIteration: there is none any more.
            BaseException: the input or the check raised it.
        """
        while not self._ready or self._ready[0].report is None:
            if self.ended:
                self.end()
                failure, self._failure = self._failure, None
                raise failure or StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        self._unread -= 1
        self._room.set()
        return cast("Report", self._ready.popleft().report)

    async def supervise(self) -> None:
        """Run until the input is at its end, a check fails, or the reader has left."""
        shared_answers.set(AnswerCache())  # the tasks and callbacks of the run inherit it
        try:
            async with self._source, self._lend() as lent, self._workers:
                if self._make_start is not None:
                    self._start = self._make_start(lent)
                try:
                    self._workers.start(self._feed(lent))
                    self._failure = await self._workers.join()
                finally:
                    for cancel in self._cancels.values():
                        cancel()
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the reader
            self._failure = error
        finally:
            self.ended = True
            self._news.set()

    def end(self) -> None:
        """Let go of what was not read: nothing more will come."""
        self.ended = True
        self._ready.clear()
        self._news.set()

    async def _feed(self, lent: _Lent) -> None:
        """Begin checks as long as there are addresses and room, and wait for the last to end."""
        pause_at = time.perf_counter() + TIME_BUDGET
        while not self._source.exhausted or self._under_way:
            if self._source.exhausted or not self._has_room():
                self._room.clear()
                await self._room.wait()
            elif time.perf_counter() > pause_at:  # others want to use the loop, too
                await asyncio.sleep(0)
            else:
                await self._pull(lent)
                continue
            pause_at = time.perf_counter() + TIME_BUDGET

    def _has_room(self) -> bool:
        return self._under_way < self._limit and self._unread < self._window

    async def _pull(self, lent: _Lent) -> None:
        """Begin the check of the next address, if its host has room for it."""
        self._unread += 1
        try:
            job = await self._source.pull(self._take)
        except StopAsyncIteration:
            self._unread -= 1
            return
        if self._host_limiter is None or self._host_limiter.acquire(job):
            self._under_way += 1
            self._begin(lent, job)

    def _take(self, pulled: object) -> Job:
        address = address_text(pulled)
        job = Job(address, host_of(address) if self._host_limiter else None)
        if self._ordered:
            self._ready.append(job)
        return job

    def _begin(self, lent: _Lent, job: Job) -> None:
        """Begin a check, and those that take its place where it ends at once."""
        self._due.append(job)
        if self._begins_due:
            return
        self._begins_due = True
        try:
            while self._due:
                self._begin_one(lent, self._due.popleft())
        finally:
            self._begins_due = False

    def _begin_one(self, lent: _Lent, job: Job) -> None:
        self.started += 1
        cancel = None
        if self._start is not None:
            cancel = self._start(job.address, partial(self._done, lent, job))
        if cancel is None:
            self._workers.start(self._see_through(lent, job))
        elif job.report is None:
            self._cancels[job] = cancel

    async def _see_through(self, lent: _Lent, job: Job) -> None:
        self._done(lent, job, await self._check(lent, job.address))

    def _done(self, lent: _Lent, job: Job, report: Report | BaseException) -> None:
        if isinstance(report, BaseException):
            self._workers.start(_raised(report))
            return
        job.report = report
        self._cancels.pop(job, None)
        self.counts[report.reason] += 1
        if not self._ordered:
            self._ready.append(job)
        following = self._host_limiter.release(job) if self._host_limiter else None
        if following is None:
            self._under_way -= 1
            self._room.set()
        else:
            self._begin(lent, following)
        self._news.set()


async def _raised(error: BaseException) -> None:
    raise error


class _One:
    """How one address of many is checked."""

    def __init__(
        self, timeout: float, expect: Expect | None, *, keep_tracebacks: bool, transport: str
    ) -> None:
        self._timeout = timeout
        self._expect = expect
        self._keep_tracebacks = keep_tracebacks
        self._transport = transport

    async def check(self, client: CheckingClient, address: str) -> Report:
        """Return a report, also for an address that cannot be asked for what is expected."""
        try:
            report = await client._check(  # noqa: SLF001 - both are ours
                address,
                timeout=self._timeout,
                expect=self._expect,
                transport=self._transport,
            )
        except ValueError as error:
            report = Report(address, Reason.invalid_address, str(error), error=error)
        return self._kept(report)

    def starter(self, client: CheckingClient) -> Start:
        """Return what begins checks without a task, where that can be."""
        start = client._starter(  # noqa: SLF001 - as above
            timeout=self._timeout, expect=self._expect, transport=self._transport
        )
        return lambda address, on_report: start(
            address, lambda report: on_report(self._kept(report))
        )

    def _kept(self, report: _Reported) -> _Reported:
        error = getattr(report, "error", None)
        if not self._keep_tracebacks and isinstance(error, BaseException):
            _forget_tracebacks(error)
        return report


def _forget_tracebacks(error: BaseException) -> None:
    """Let go of the frames that failures hold: 11 KiB for each."""
    for link in _with_all_behind(error):
        link.__traceback__ = None


def _with_all_behind(error: BaseException) -> Iterator[BaseException]:
    left, seen = [error], {id(error)}
    while left:
        link = left.pop()
        yield link
        inner = [link.__cause__, link.__context__]
        if isinstance(link, BaseExceptionGroup):
            inner += link.exceptions
        for each in inner:
            if each is not None and id(each) not in seen:
                seen.add(id(each))
                left.append(each)


def _transport(name: str) -> str:
    if name not in TRANSPORTS:
        raise ValueError(f"transport is one of {', '.join(TRANSPORTS)}, not {name!r}")
    return name


def _affordable(limit: int) -> int:
    most = affordable(limit)
    if most < limit:
        warnings.warn(
            f"limit={limit} is lowered to {most}: this process may open too few files for more "
            "(ulimit -n)",
            RuntimeWarning,
            stacklevel=4,  # who called probe_many
        )
    return most
