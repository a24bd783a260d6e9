"""Many checks at once: a fixed set of workers pulls the addresses, and the reader holds them back.

The law of this file: whoever reads holds the run, and nobody else does.  A :class:`Probes` that is
left, closed or forgotten ends its run; the run never holds its ``Probes``.  So it is no async
generator: a loop that does not finalise those (qasync does not) would keep a forgotten one's
sockets for ever.

At any time only so many addresses have been pulled and not been read as reports: memory is flat for
input of any length, and a reader who pauses makes the workers pause.
"""

from __future__ import annotations

import asyncio
import warnings
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeAlias, TypeVar, cast

from tryconnect._address.target import address_text
from tryconnect._model.expect import Expect, as_expect
from tryconnect._model.report import Report
from tryconnect._options import check_positive_int, check_seconds
from tryconnect._runs.source import Source
from tryconnect._runs.workers import HostLimiter, Job, WorkerPool, host_of
from tryconnect._runtime.descriptors import affordable
from tryconnect._runtime.threads import ThreadsafeLoop, wait_all
from tryconnect._transport.answer_cache import AnswerCache, shared_answers
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
            self, address: str, *, timeout: float, expect: Expect | None
        ) -> Coroutine[Any, Any, Report]:
            """Check an address within that many seconds."""


__all__ = ["Probes", "checks_of_many"]

_Lent = TypeVar("_Lent")

Lend: TypeAlias = "Callable[[], AbstractAsyncContextManager[_Lent]]"
"""Lends what the checks of one run share, for as long as it goes on."""

CheckOne: TypeAlias = "Callable[[_Lent, str], Awaitable[Report]]"
"""Checks one address with it."""

_HELPERS = 10
"""How many more workers each one hires.  By ones, they would come one after the other.  By tens,
most come at the same time and go on in step, and a processor that does the same for many checks in
a row finds it in its caches: 3 % of a check, and 5 % over TLS."""

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
) -> Probes:
    """Return a bulk run; see :func:`tryconnect.probe_many`."""
    each = _One(check_seconds(timeout), as_expect(expect), keep_tracebacks=keep_tracebacks)
    if per_host is not None:
        check_positive_int(per_host, "per_host")
    return Probes(
        lend,
        each.check,
        addresses,
        limit=_affordable(check_positive_int(limit, "limit")),
        per_host=per_host,
        ordered=ordered,
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
    ) -> None:
        self._run = _Run(lend, check, addresses, limit=limit, per_host=per_host, ordered=ordered)
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
    ) -> None:
        self.started = 0
        self.counts: Counter[Reason] = Counter()
        self.ended = False
        self._lend = lend
        self._check = check
        self._source = Source(addresses)
        self._workers = WorkerPool(limit)
        self._host_limiter = None if per_host is None else HostLimiter(per_host)
        self._ordered = ordered
        ahead = LOOKAHEAD if ordered or per_host is not None else 2
        self._room = asyncio.Semaphore(limit * ahead)
        self._ready: deque[Job] = deque()
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
        self._room.release()
        return cast("Report", self._ready.popleft().report)

    async def supervise(self) -> None:
        """Run until the input is at its end, a worker fails, or the reader has left."""
        shared_answers.set(AnswerCache())  # the workers' tasks inherit it
        try:
            async with self._source, self._lend() as lent, self._workers:
                self._workers.start(self._work(lent))
                self._failure = await self._workers.join()
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

    async def _work(self, lent: _Lent) -> None:
        while (job := await self._next()) is not None:
            helpers = 0 if self._source.exhausted else min(_HELPERS, self._workers.room)
            for _ in range(helpers):
                self._workers.start(self._work(lent))
            following: Job | None = job
            while following is not None:
                self.started += 1
                report = await self._check(lent, following.address)
                self._done(following, report)
                following = self._host_limiter.release(following) if self._host_limiter else None

    async def _next(self) -> Job | None:
        """Pull addresses until one may be checked now; ``None``: there are no more."""
        while True:
            await self._room.acquire()
            try:
                job = await self._source.pull(self._take)
            except StopAsyncIteration:
                self._room.release()
                return None
            if self._host_limiter is None or self._host_limiter.acquire(job):
                return job

    def _take(self, pulled: object) -> Job:
        address = address_text(pulled)
        job = Job(address, host_of(address) if self._host_limiter else None)
        if self._ordered:
            self._ready.append(job)
        return job

    def _done(self, job: Job, report: Report) -> None:
        job.report = report
        self.counts[report.reason] += 1
        if not self._ordered:
            self._ready.append(job)
        self._news.set()


class _One:
    """How one address of many is checked."""

    def __init__(self, timeout: float, expect: Expect | None, *, keep_tracebacks: bool) -> None:
        self._timeout = timeout
        self._expect = expect
        self._keep_tracebacks = keep_tracebacks

    async def check(self, client: CheckingClient, address: str) -> Report:
        """Return a report, also for an address that cannot be asked for what is expected."""
        try:
            report = await client._check(address, timeout=self._timeout, expect=self._expect)  # noqa: SLF001
        except ValueError as error:
            report = Report(address, Reason.invalid_address, str(error), error=error)
        if not self._keep_tracebacks and isinstance(report.error, BaseException):
            _forget_tracebacks(report.error)
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
