"""Bulk checks: one task takes addresses from the input, with backpressure from the reader.

The rule of this file: the reader alone keeps a run alive. Leaving, closing or dropping a
:class:`Probes` ends its run, and the run holds no reference to its ``Probes``. It is not an async
generator because a loop that does not finalise those (qasync does not) would never close the
sockets of one that was dropped.

The number of addresses taken from the input and not read as reports is bounded: memory is constant
for input of any length, and if the reader pauses, so do the checks.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeAlias, TypeVar, cast

from tryconnect._address.request import ListReader, Request
from tryconnect._address.target import address_text
from tryconnect._model.expect import as_expect
from tryconnect._options import TRANSPORTS, UP, check_method, check_positive_int, check_seconds
from tryconnect._runs.source import END, Source
from tryconnect._runs.workers import HostLimiter, Job, WorkerPool, host_of
from tryconnect._runtime.descriptors import lowered
from tryconnect._runtime.resource import AsyncResource
from tryconnect._runtime.threads import ThreadsafeLoop, wait_all
from tryconnect._transport.answer_cache import AnswerCache, shared_answers
from tryconnect._transport.reactor import LEAST_STEPS, TIME_BUDGET

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from tryconnect._model.expect import ExpectLike
    from tryconnect._model.report import Report
    from tryconnect._runs.source import Addresses
    from tryconnect.errors import Reason

    class CheckingClient(Protocol):
        """A client, as far as it matters here."""

        def _check(
            self, request: Request, *, timeout: float, transport: str = ...
        ) -> Coroutine[Any, Any, Report]:
            """Check an address within that many seconds."""

        def _starter(self, *, timeout: float, transport: str) -> Start:
            """Return a function that starts checks without a task, if possible."""


__all__ = ["Probes", "Run", "check_one", "checks_of_many"]

_Lent = TypeVar("_Lent")

Lend: TypeAlias = "Callable[[], AbstractAsyncContextManager[_Lent]]"
"""Opens what the checks of a run share, and closes it when the run ends."""

CheckOne: TypeAlias = "Callable[[_Lent, Request], Awaitable[Report]]"
"""Checks one address, with what the run shares."""

OnReport: TypeAlias = "Callable[[Report | BaseException], None]"
"""Takes the report of a check, or an exception that ends the whole run."""

Start: TypeAlias = "Callable[[Request, OnReport], Callable[[], None] | None]"
"""Starts the check of one address without a task, and calls back with the report, possibly before
it returns. Returns a function that cancels the check; ``None`` if a :data:`CheckOne` is needed."""

MakeStart: TypeAlias = "Callable[[_Lent], Start]"
"""Returns the :data:`Start` of a run."""

LOOKAHEAD = 10
"""How many times ``limit`` addresses are taken ahead if some have to wait for others: for a slot of
their host, or for the report of an earlier address."""


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
    strict: bool = True,
    method: str = "GET",
) -> Probes:
    """Return a bulk run; see :func:`tryconnect.probe_many`.

    ``strict``: the caller has written the expectation for these very addresses.
    """
    each = _One(check_seconds(timeout), transport=_transport(transport))
    if per_host is not None:
        check_positive_int(per_host, "per_host")
    reader = ListReader(
        as_expect(expect), strict=strict and expect is not UP, method=check_method(method)
    )
    return Probes(
        Run(
            lend,
            each.check,
            addresses,
            reader,
            # The warning names who called probe_many.
            limit=lowered(check_positive_int(limit, "limit"), stacklevel=5),
            per_host=per_host,
            ordered=ordered,
            start=each.starter,
            keep_tracebacks=keep_tracebacks,
        )
    )


class Probes(AsyncResource):
    """The reports of many checks, each as soon as it is there.

    An async iterator, and an async context manager that ends the run when it is left::

        async with tryconnect.probe_many(addresses) as probes:
            async for report in probes: ...

    Without ``async with``, the run ends when the loop over it is left and the iterator is no longer
    referenced. Ending a run cancels its checks and closes their sockets.

    The run starts when the first report is requested, or with :meth:`begin`. Only one task may read
    at a time.

    Example:
        >>> async with tryconnect.probe_many(["example.com", "localhost:8000"]) as probes:
        ...     async for report in probes:
        ...         if not report:
        ...             print(report.address, report.reason)
        localhost:8000 refused

    .. versionadded:: 0.1
    """

    def __init__(self, run: Run[Any]) -> None:
        self._run = run
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
        """Start the run in the running loop, before reading; a second call does nothing."""
        if self._ender is None and not self._run.ended:
            self._ender = _Ender(self._run)

    async def aclose(self) -> None:
        """End the run; a second call does nothing.

        Running checks are cancelled, and leave nothing behind when this returns.
        """
        if self._ender is not None:
            await self._ender.aclose()
        self._run.end()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Report:
        self.begin()
        return await self._run.read()

    def _abandon(self) -> None:
        if (ender := getattr(self, "_ender", None)) is not None:
            ender.end_soon()

    def __del__(self) -> None:
        self._abandon()


class _Ender:
    """The task of a run, which the loop references until it ends."""

    def __init__(self, run: Run[Any]) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(run.supervise())
        # Loops reference their tasks weakly. Without a reader, all workers may be waiting, and the
        # run would be collected before it could end in order.
        try:
            anchor = self._loop.call_later(_LONGER_THAN_ANY_RUN, self._task.done)
        except (NotImplementedError, AttributeError):  # a loop without timers
            _anchored.add(self._task)
            self._task.add_done_callback(_anchored.discard)
        else:
            self._task.add_done_callback(lambda _: anchor.cancel())

    async def aclose(self) -> None:
        """Cancel the run, and return once it has ended, even if the caller is cancelled."""
        self._task.cancel()
        await wait_all(self._task)

    def end_soon(self) -> None:
        """Cancel the run from any thread, such as one in which garbage is collected."""
        if not self._task.done():
            ThreadsafeLoop(self._loop).call_soon_threadsafe(self._task.cancel)


_anchored: set[asyncio.Task[None]] = set()

_LONGER_THAN_ANY_RUN = 10.0**6
"""Seconds: eleven days. In milliseconds, as Qt counts, it still fits into 32 bits."""


class Run(Generic[_Lent]):
    """The run of a :class:`Probes`."""

    def __init__(
        self,
        lend: Lend[_Lent],
        check: CheckOne[_Lent],
        addresses: Addresses,
        reader: ListReader | None = None,
        *,
        limit: int,
        per_host: int | None,
        ordered: bool,
        start: MakeStart[_Lent] | None = None,
        keep_tracebacks: bool = True,
    ) -> None:
        self.started = 0
        self.counts: Counter[Reason] = Counter()
        self.ended = False
        self._lend = lend
        self._check = check
        self._make_start = start
        self._keep_tracebacks = keep_tracebacks
        self._lent: _Lent | None = None
        self._start: Start | None = None
        self._reader = reader or ListReader()
        self._source = Source(addresses)
        self._workers = WorkerPool()
        self._host_limiter = None if per_host is None else HostLimiter(per_host)
        self._ordered = ordered
        self._limit = limit
        self._window = limit * (LOOKAHEAD if ordered or per_host is not None else 2)
        self._under_way = 0
        self._unread = 0
        self._due: deque[Job] = deque()
        self._fills_soon = False
        self._runs = False
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
        if self._unread == self._window:
            self._fill_soon()
        self._unread -= 1
        return cast("Report", self._ready.popleft().report)

    async def supervise(self) -> None:
        """Run until the input is exhausted, a check fails, or the reader leaves."""
        shared_answers.set(AnswerCache())  # the tasks and callbacks of the run inherit it
        try:
            async with self._source, self._lend() as lent, self._workers:
                self._lent = lent
                self._loop, self._context = asyncio.get_running_loop(), copy_context()
                self._runs = True
                if self._make_start is not None:
                    self._start = self._make_start(lent)
                try:
                    self._workers.start(self._feed())
                    self._failure = await self._workers.join()
                    if self._failure is None:
                        self._reader.finish()
                finally:
                    self._runs = False
                    for cancel in self._cancels.values():
                        cancel()
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the reader
            self._failure = error
        finally:
            self.ended = True
            self._news.set()

    def end(self) -> None:
        """Drop the reports that were not read; there will be no more."""
        self.ended = True
        self._ready.clear()
        self._news.set()

    async def _feed(self) -> None:
        """Begin checks as long as there are addresses and room, and wait for the last to end."""
        source = self._source
        if source.never_waits:
            self._fill()
        pause_at = time.perf_counter() + TIME_BUDGET
        while not source.exhausted or self._under_way:
            if source.never_waits or source.exhausted or not self._has_room():
                self._room.clear()
                await self._room.wait()
            elif time.perf_counter() > pause_at:  # others want to use the loop, too
                await asyncio.sleep(0)
            else:
                if (pulled := await source.wait()) is not END:
                    self._take(pulled)
                continue
            pause_at = time.perf_counter() + TIME_BUDGET

    def _fill_soon(self) -> None:
        """Fill the room that there is, once whatever else is ready has had its turn.

        So one thing is done to many checks in a row, which a processor then finds in its caches:
        to begin each check where another one ends would take a quarter longer.
        """
        if not self._fills_soon:
            self._fills_soon = True
            self._loop.call_soon(self._fill, context=self._context)

    def _fill(self) -> None:
        """Begin checks as long as there is room, and time in this turn of the loop."""
        self._fills_soon = False
        source, begun, end = self._source, 0, time.perf_counter() + TIME_BUDGET
        try:
            while self._runs and (self._due or (source.never_waits and self._has_room())):
                if self._due:
                    self._begin(self._due.popleft())
                elif (pulled := source.pull()) is not END:
                    self._take(pulled)
                else:
                    break
                begun += 1
                if begun >= LEAST_STEPS and time.perf_counter() > end:
                    self._fill_soon()
                    return
        except BaseException as error:  # noqa: BLE001 - it is the addresses', and ends the run
            self._workers.start(_raised(error))
        if not source.never_waits or not self._under_way:
            self._room.set()

    def _has_room(self) -> bool:
        return self._under_way < self._limit and self._unread < self._window

    def _take(self, pulled: object) -> None:
        """Begin the check of an address, if its host has room for it."""
        request = self._reader.read(address_text(pulled))
        job = Job(request, host_of(request.target) if self._host_limiter else None, None)
        self._unread += 1
        if self._ordered:
            self._ready.append(job)
        if self._host_limiter is None or self._host_limiter.acquire(job):
            self._under_way += 1
            self._begin(job)

    def _begin(self, job: Job) -> None:
        self.started += 1
        cancel = None
        if self._start is not None:
            cancel = self._start(job.request, lambda report: self._done(job, report))
        if cancel is None:
            self._workers.start(self._see_through(job))
        elif job.report is None:
            self._cancels[job] = cancel

    async def _see_through(self, job: Job) -> None:
        self._done(job, await self._check(cast("_Lent", self._lent), job.request))

    def _done(self, job: Job, report: Report | BaseException) -> None:
        if isinstance(report, BaseException):
            self._workers.start(_raised(report))
            return
        if report.error is not None and not self._keep_tracebacks:
            _forget_tracebacks(report.error)
        job.report = report
        self._cancels.pop(job, None)
        self.counts[report.reason] += 1
        self._deliver(job, report)
        following = self._host_limiter.release(job) if self._host_limiter else None
        if following is None:
            self._under_way -= 1
        else:
            self._due.append(following)
        self._fill_soon()

    def _deliver(self, job: Job, report: Report) -> None:
        del report  # it is the job's
        if not self._ordered:
            self._ready.append(job)
        self._news.set()


async def _raised(error: BaseException) -> None:
    raise error


def check_one(timeout: float) -> _One:
    """Return how one address of many is checked within that time, in seconds."""
    return _One(timeout, transport="auto")


class _One:
    """Checks single addresses of a run, with its options."""

    def __init__(self, timeout: float, *, transport: str) -> None:
        self._timeout = timeout
        self._transport = transport

    async def check(self, client: CheckingClient, request: Request) -> Report:
        """Check an address."""
        return await client._check(request, timeout=self._timeout, transport=self._transport)

    def starter(self, client: CheckingClient) -> Start:
        """Return what begins checks without a task, where that can be."""
        return client._starter(timeout=self._timeout, transport=self._transport)


def _forget_tracebacks(error: BaseException | str) -> None:
    """Let go of the frames that failures hold: 11 KiB for each."""
    if isinstance(error, BaseException):
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
