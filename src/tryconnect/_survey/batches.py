"""Arrow record batches of addresses in, Arrow record batches of reports out.

The checks run in the portal, so they go on while the consumer is busy with a batch and while the
producer makes the next one: a generator that turned its loop only when it is asked for a batch
would see time-outs that no host is to blame for. The input is pulled in the consumer's thread, to
which a database cursor, say, may belong; what was checked becomes a batch there, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias

import pyarrow as pa

from tryconnect._client import MonitorClient
from tryconnect._model.redaction import escape_control, redact_address
from tryconnect._model.report import Timings, error_text
from tryconnect._options import check_positive_int, check_seconds
from tryconnect._runs.keyed import Feed, Sink, checks_with_keys
from tryconnect._runs.workers import UNPACED
from tryconnect._runtime import portal
from tryconnect._runtime.descriptors import lowered
from tryconnect._runtime.threads import wait_all
from tryconnect.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from tryconnect._model.expect import ExpectLike
    from tryconnect._model.report import Report
    from tryconnect._options import ClientOptions
    from tryconnect._runs.keyed import Keyed
    from tryconnect._runs.workers import Budget, Pace

__all__ = [
    "REPORT",
    "ROW",
    "CheckOptions",
    "Turns",
    "arrow_batch",
    "batches_of",
    "checked",
    "report_schema",
    "row_of",
]

ROW = "row"
"""The column that joins reports with their input: addresses are redacted, and may repeat."""

_SECONDS = pa.float64()
_MOMENT = pa.timestamp("us", "UTC")

REPORT = (
    pa.field("address", pa.string()),
    pa.field("ok", pa.bool_()),
    pa.field("reason", pa.string()),
    pa.field("detail", pa.string()),
    pa.field("status", pa.int16()),
    pa.field("url", pa.string()),
    pa.field("ip", pa.string()),
    pa.field("hops", pa.list_(pa.struct([("status", pa.int16()), ("url", pa.string())]))),
    pa.field("tls", pa.struct([("version", pa.string()), ("expires", _MOMENT)])),
    pa.field("timings", pa.struct([(name, _SECONDS) for name in Timings._fields])),
    pa.field("checked_at", _MOMENT),
    pa.field("error", pa.string()),
)
"""The keys of ``docs/reference/json.rst``."""


def report_schema(kept: Iterable[pa.Field] = ()) -> pa.Schema:
    """Return the schema of reports with these columns of the input.

    Raises:
        ValueError: A column of the input has the name of one of a report's.

    Example:
        >>> from tryconnect.arrow import report_schema
        >>> report_schema().names[:4]
        ['row', 'address', 'ok', 'reason']
    """
    fields = list(kept)
    if not any(field.name == ROW for field in fields):
        fields.insert(0, pa.field(ROW, pa.int64()))
    names = [field.name for field in fields]
    taken = {field.name for field in REPORT}
    clashing = sorted({name for name in names if name in taken or names.count(name) > 1})
    if clashing:
        raise ValueError(
            f"reports have columns of their own named {', '.join(clashing)}: rename those of the "
            "input, or leave them out with keep="
        )
    return pa.schema([*fields, *REPORT])


class CheckOptions(NamedTuple):
    """How the addresses are checked; see :func:`tryconnect.probe_many`."""

    limit: int
    per_host: int | None
    timeout: float
    expect: ExpectLike
    client: ClientOptions | None


class Turns(NamedTuple):
    """What the checks of several runs in one process have in common."""

    budget: Budget | None = None
    pace: Pace = UNPACED


def batches_of(source: Any) -> Iterator[pa.RecordBatch]:
    """Yield the record batches of whatever holds Arrow data.

    Args:
        source: An iterable of record batches or tables, or an object with
            ``__arrow_c_stream__``: a table, a reader, a data frame of Polars or pandas.

    Raises:
        TypeError: It is something else.
    """
    if hasattr(source, "__arrow_c_stream__"):
        yield from _of_stream(source)
        return
    for each in [source] if isinstance(source, pa.RecordBatch) else source:
        if isinstance(each, pa.RecordBatch):
            yield each
        elif hasattr(each, "__arrow_c_stream__"):
            yield from _of_stream(each)
        else:
            raise TypeError(f"batches are Arrow record batches or tables, not {each!r:.80}")


def _of_stream(stream: Any) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a stream; of one without any, an empty one, as it has columns."""
    reader = pa.RecordBatchReader.from_stream(stream)
    yield pa.RecordBatch.from_pylist([], schema=reader.schema)
    yield from reader


def checked(
    source: Any,
    options: CheckOptions,
    *,
    column: str,
    keep: Sequence[str] | None,
    rows_per_batch: int,
    seconds_per_batch: float,
    show_secrets: bool,
    turns: Turns | None = None,
    on_report: Callable[[Report], object] | None = None,
) -> Generator[pa.RecordBatch, None, None]:
    """Check the addresses of a column, and yield their reports.

    Args:
        source: See :func:`batches_of`.
        options: How to check.
        column: Where the addresses are.
        keep: The columns that go through; ``None``: all.
        rows_per_batch: How many reports a batch has at most.
        seconds_per_batch: After this time a batch is given out that is not full.
        show_secrets: Keep the secrets of addresses.
        turns: Shared with other runs of this process.
        on_report: Is called with each report, in the portal; must neither block nor raise.
    """
    check_positive_int(rows_per_batch, "rows_per_batch")
    check_seconds(seconds_per_batch, "seconds_per_batch")

    row = partial(row_of, show_secrets=show_secrets)

    def row_seen(report: Report) -> _Row:
        if on_report is not None:
            on_report(report)
        return row(report)

    seen = row if on_report is None else row_seen
    flow = _Flow(options, turns or Turns(), rows_per_batch, seconds_per_batch, seen)
    return _checked(_Input(batches_of(source), column, keep), flow)


def _checked(source: _Input, flow: _Flow) -> Generator[pa.RecordBatch, None, None]:
    gave = True
    try:
        while not (source.ended and flow.is_empty()):
            # What is due goes out first, but not twice in a row: the checks must not run dry while
            # the consumer is busy with what it gets.
            if flow.is_hungry() and (gave or not flow.is_due()):
                source.feed(flow)
                gave = False
            elif done := portal.run(flow.take):
                yield arrow_batch(done, source.schema)
                gave = True
        if source.schema is not None and not flow.pulled:
            yield pa.RecordBatch.from_pylist([], schema=source.schema)
    finally:
        _close(flow)


def _close(flow: _Flow) -> None:
    try:
        portal.run(flow.stop)
    except RuntimeError:  # the garbage collector has come upon this in the portal's own thread
        portal.start_soon(flow.stop)


class _Input:
    """The input, pulled batch by batch, whose columns meet the reports again in the end.

    Args:
        batches: The input.
        column: Where the addresses are.
        keep: The columns that go through; ``None``: all.
    """

    def __init__(
        self, batches: Iterator[pa.RecordBatch], column: str, keep: Sequence[str] | None
    ) -> None:
        self.ended = False
        self.schema: pa.Schema | None = None
        self._batches = batches
        self._column = column
        self._keep = keep
        self._kept: list[str] = []
        self._given: pa.Schema | None = None
        self._rows = 0

    def feed(self, flow: _Flow) -> None:
        """Pull the next batch, and hand over its addresses, each with its row."""
        batch = next(self._batches, None)
        if batch is None:
            self.ended = True
            flow.end()
        else:
            flow.feed(self._keyed(batch), len(batch))

    def _keyed(self, batch: pa.RecordBatch) -> Iterator[Keyed]:
        if self.schema is None or batch.schema != self._given:
            self._read_schema(batch.schema)
        texts = [text or "" for text in batch.column(self._column).to_pylist()]
        columns = [batch.column(name).to_pylist() for name in self._kept]
        if ROW not in self._kept:
            columns.insert(0, range(self._rows, self._rows + len(texts)))
        self._rows += len(texts)
        return zip(texts, zip(*columns, strict=True), strict=True)

    def _read_schema(self, given: pa.Schema) -> None:
        if self._column not in given.names:
            raise ValueError(
                f"there is no column {self._column!r} in the input: {', '.join(given.names)}"
            )
        kind = given.field(self._column).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (
            pa.types.is_string(kind)
            or pa.types.is_large_string(kind)
            or pa.types.is_string_view(kind)
            or pa.types.is_null(kind)
        ):
            raise TypeError(f"the column {self._column!r} holds {kind}, and no text")
        names = given.names if self._keep is None else [ROW, *self._keep]
        fields = [field for field in given if field.name in names and field.name != self._column]
        missing = set(self._keep or ()) - set(given.names)
        if missing:
            raise ValueError(f"there is no column {', '.join(sorted(missing))} in the input")
        schema = report_schema(fields)
        if self.schema is not None and schema != self.schema:
            raise ValueError("the batches of the input differ in their columns")
        self.schema, self._given = schema, given
        self._kept = [field.name for field in fields]


_Row: TypeAlias = "tuple[Any, ...]"
_OK, _UNPARSABLE = Reason.ok, Reason.invalid_address
_WORDS = {reason: str(reason) for reason in Reason}
"""One text for all rows of a reason."""


class _Flow(Feed):
    """Addresses on their way into the portal, and reports on their way back.

    Args:
        options: How to check.
        turns: Shared with other runs of this process.
        rows: How many reports a batch has at most.
        seconds: After this time a batch is given out that is not full.
        row_of: Returns the values of a report, in the portal.
    """

    def __init__(
        self,
        options: CheckOptions,
        turns: Turns,
        rows: int,
        seconds: float,
        row_of: Callable[[Report], _Row],
    ) -> None:
        limit = check_positive_int(options.limit, "limit")
        limit = lowered(limit, stacklevel=6)  # who asks for the first batch
        self._ahead = limit
        self._rows = rows
        self._seconds = seconds
        self._row_of = row_of
        self._fed: deque[Iterator[Keyed]] = deque()
        self._done: deque[_Row] = deque()
        self.pulled = self._taken = self._given_out = 0
        self._ended = False
        self._more = asyncio.Event()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._given_out_at = time.monotonic()
        self._run: asyncio.Task[None] | None = None
        self._probes = checks_with_keys(
            MonitorClient(**(options.client or {}))._twin,
            self,
            Sink(self._report, turns.budget, turns.pace),
            limit=limit,
            per_host=options.per_host,
            timeout=options.timeout,
            expect=options.expect,
        )

    # In the consumer's thread.

    def is_hungry(self) -> bool:
        """Return whether the checks will soon have no more addresses."""
        return not self._ended and self.pulled - self._taken < self._ahead

    def is_empty(self) -> bool:
        """Return whether all that was pulled has been given out."""
        return self._given_out == self.pulled

    def is_due(self) -> bool:
        """Return whether a batch is full, or has waited long enough."""
        count = len(self._done)
        late = time.monotonic() - self._given_out_at >= self._seconds
        return count >= self._rows or (count > 0 and (late or self._is_last()))

    def _is_last(self) -> bool:
        return self._ended and len(self._done) == self.pulled - self._given_out

    def feed(self, addresses: Iterator[Keyed], count: int) -> None:
        """Hand over the addresses of a batch."""
        self.pulled += count  # first: the portal takes them at once
        self._fed.append(addresses)
        self._tell()

    def end(self) -> None:
        """There is no more to hand over."""
        self._ended = True
        self._tell()

    def _tell(self) -> None:
        if self._run is not None:
            self._run.get_loop().call_soon_threadsafe(self._more.set)

    # In the portal.

    async def take(self) -> list[_Row]:
        """Return a batch when it is due; nothing, if addresses are needed before that."""
        if self._run is None:
            self._run = asyncio.get_running_loop().create_task(self._probes.wait())
            self._run.add_done_callback(lambda _: self._news.set())
        while not self.is_due() and not self.is_hungry():
            if self._run.done():
                self._run.result()
                raise RuntimeError("the checks have ended before their addresses")
            self._news.clear()
            left = self._given_out_at + self._seconds - time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(left, 0) if self._done else None):
                    await self._news.wait()
        if not self.is_due():
            return []
        done = [self._done.popleft() for _ in range(min(len(self._done), self._rows))]
        self._given_out += len(done)
        self._given_out_at = time.monotonic()
        self._room.set()
        return done

    async def stop(self) -> None:
        """End the checks."""
        await self._probes.aclose()
        if self._run is not None:
            self._run.cancel()
            await wait_all(self._run)

    def _report(self, kept: _Row, report: Report) -> None:
        self._done.append(kept + self._row_of(report))
        count = len(self._done)
        if count in (1, self._rows) or (self._ended and self._is_last()):
            self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Keyed:
        while (keyed := self.pop()) is None:
            if self._ended and not self._fed:
                raise StopAsyncIteration
            self._more.clear()
            self._room.clear()
            if self._has_plenty():
                await self._room.wait()
            elif not self._fed and not self._ended:  # it may have come in between
                await self._more.wait()
        return keyed

    def _has_plenty(self) -> bool:
        """Return whether the consumer has enough to read."""
        return len(self._done) >= 2 * self._rows

    def pop(self) -> Keyed | None:
        """Return the next address, if there is one to check now."""
        if len(self._done) >= 2 * self._rows:
            return None
        while self._fed:
            if keyed := next(self._fed[0], None):
                self._taken += 1
                if self.pulled - self._taken == self._ahead - 1:
                    self._news.set()
                return keyed
            self._fed.popleft()
        return None


# --- columns


def row_of(report: Report, *, show_secrets: bool) -> _Row:
    """Return the values of a report, in the order of :data:`REPORT`; the timings one by one.

    They are those of ``Report.as_dict``, at half its cost. None is an object that the garbage
    collector looks at, again and again while many are kept.
    """
    address, url, tls = report.address, report.url, report.tls
    if not show_secrets:
        unparsable = report.reason is _UNPARSABLE
        same = url == address  # as is nearly each that was no redirect
        address = redact_address(address, unparsable=unparsable)
        url = address if same else url and redact_address(url)
    return (
        address,
        report.reason is _OK,
        _WORDS[report.reason],
        report.detail,
        report.status,
        url,
        report.ip,
        report.hops and tuple(hop.as_dict(show_secrets=show_secrets) for hop in report.hops),
        tls and {"version": tls.version, "expires": tls.expires},
        *report.timings,
        report.checked_at,
        error_text(report.error, show_secrets=show_secrets),
    )


def arrow_batch(rows: Sequence[_Row], schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch of rows, each of what the input keeps and the values of a report."""
    columns: list[Any] = [*zip(*rows, strict=True)]
    at = schema.names.index("timings")
    phases = slice(at, at + len(Timings._fields))
    seconds = [pa.array(phase, _SECONDS) for phase in columns[phases]]
    columns[phases] = [pa.StructArray.from_arrays(seconds, fields=[*schema.field(at).type])]
    return pa.RecordBatch.from_arrays([*map(_array, columns, schema.types)], schema=schema)


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    """Return an array; bytes of a file that were no text are escaped (PEP 383)."""
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([text and _NO_UNICODE.sub(_escaped, text) for text in values], kind)


def _escaped(match: re.Match[str]) -> str:
    return escape_control(match[0])


_NO_UNICODE = re.compile("[\ud800-\udfff]")
