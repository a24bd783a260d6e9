"""One part of a survey: its addresses are checked, and its file appears; twice does nothing more.

These are plain functions of plain arguments, which an engine calls in whatever process it likes, as
often as it likes: a part's file has a name that the plan determines, and appears when it is whole.
"""

from __future__ import annotations

import functools
import json
import os
import threading
import time
from collections import Counter, deque
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from tryconnect._client import MonitorClient
from tryconnect._model.render import SCHEMA
from tryconnect._runs.workers import Budget, Pace
from tryconnect._runtime import portal
from tryconnect._runtime.descriptors import affordable
from tryconnect._survey.batches import CheckOptions, Turns, checked
from tryconnect._survey.files import INNER, appearing, locked
from tryconnect._survey.inputs import ADDRESS, rows_of
from tryconnect.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tryconnect._model.report import Report
    from tryconnect._survey.plan import Part

__all__ = [
    "FORMATS",
    "LOCK",
    "OWN_FAULT",
    "PARTS_PER_PROCESS",
    "BlindError",
    "How",
    "Outcome",
    "StoppedError",
    "done",
    "in_flight",
    "probe_part",
    "resume_parts",
    "sighted",
    "stop_parts",
]

PARTS_PER_PROCESS = 2
"""Parts at a time in one process: while one waits for its last silent hosts, the other works."""

LOCK = "parts.lock"

_ROWS_PER_GROUP = 16384
_META = b"tryconnect"

SUSPICIOUS = 0.2
"""The share of failures that a sick worker causes, from which on canaries are asked."""

OWN_FAULT = frozenset(
    {Reason.timeout, Reason.unreachable, Reason.dns_failed, Reason.dns_not_found, Reason.local}
)
"""What a worker that is cut off reports of everything."""

NO_SIGHT = OWN_FAULT | {Reason.invalid_address, Reason.blocked}
"""What does not tell that the worker sees anybody."""

_FEW = 10
"""Fewer reports than this make nobody suspicious before the end, as long as somebody is seen."""

_UNSEEN_FOR = 1.0
"""Seconds without anybody seen that make each failure suspicious."""

_ASK_AGAIN = 2.0
"""Seconds between two rounds of canaries in one part."""

_CANARY_TIMEOUT = 5.0
_CANARIES = 3
"""How many a part asks, and how many hosts that were ok it names for others."""


@dataclass(frozen=True, slots=True, repr=False)
class How:
    """How the addresses of a part are checked and where its reports go.

    It has no ``repr`` that shows anything: engines write the arguments of what fails into their
    logs, and headers and canaries may be secret.

    Attributes:
        options: Of the checks; ``limit`` is that of the process.
        format: ``parquet`` or ``jsonl``.
        show_secrets: Whether addresses keep their secrets.
        by_host: Whether no other part has the same hosts.
        rate: Checks in a second, of this part.
        rate_per_host: The same for each host.
        canaries: Addresses that answer, unless this worker is cut off.
        settled: Publish even where there is nothing to tell a sick worker from dead hosts.
    """

    options: CheckOptions
    format: str = "parquet"
    show_secrets: bool = False
    by_host: bool = False
    rate: float | None = None
    rate_per_host: float | None = None
    canaries: tuple[str, ...] = ()
    settled: bool = False

    def __repr__(self) -> str:
        return "How(…)"


class Outcome(NamedTuple):
    """What is known of a part that is done.

    Attributes:
        counts: How many reports there are of each reason.
        limit: How many checks ran at once; fewer than asked for, where there are too few files.
        ok: A few addresses that answered.
    """

    counts: dict[str, int]
    limit: int = 0
    ok: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Outcome(counts={self.counts})"


class BlindError(Exception):
    """No canary answers: this worker is cut off, and what it reports of others is worth nothing.

    Attributes:
        asked: Whether there was one to ask.
    """

    def __init__(self, asked: bool) -> None:  # noqa: FBT001 - it is pickled by position
        super().__init__(asked)
        self.asked = asked

    def __str__(self) -> str:
        return "no canary answers" if self.asked else "there is no canary to ask"


class StoppedError(Exception):
    """The survey has been interrupted."""


_stopped = threading.Event()
_blind = threading.Event()
"""No canary answered this process when it was asked last."""

_started: dict[str, int] = {}


def stop_parts() -> None:
    """Let the parts under way in this process end, unfinished, within a second."""
    _stopped.set()


def resume_parts() -> None:
    """Let parts begin again."""
    _stopped.clear()
    _blind.clear()


def in_flight() -> int:
    """Return how many addresses of the parts under way in this process have been checked."""
    return sum(_started.values())


@functools.cache
def _budget(limit: int) -> Budget:
    """Return the one budget of checks in this process, which its parts share."""
    return Budget(limit)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_budget.cache_clear)


def probe_part(out: str, part: Part, how: How) -> Outcome:
    """Check the addresses of a part; does nothing where its file is there.

    Raises:
        BlindError: This worker is cut off, or may be; nothing is published.
        StoppedError: The survey has been interrupted.
    """
    final = Path(out, f"{part.name}.{how.format}")
    if (counts := done(final)) is not None:
        return Outcome(counts)
    with ExitStack() as stack:
        stack.enter_context(locked(Path(out, INNER, LOCK), shared=True))
        stack.callback(_started.pop, part.name, None)
        return _probe(final, part, how)


def _probe(final: Path, part: Part, how: How) -> Outcome:
    limit = affordable(how.options.limit)
    sight = _Sight(how)
    sight.check_first()
    reports = checked(
        rows_of(str(final.parent / INNER), part),
        how.options._replace(limit=limit),
        column=ADDRESS,
        keep=None,
        rows_per_batch=4096,
        seconds_per_batch=0.5,
        show_secrets=how.show_secrets,
        turns=Turns(_budget(limit), Pace(how.rate, how.rate_per_host)),
        on_report=sight.take,
    )
    with (
        closing(
            reports
        ),  # or the checks of a part that fails go on for as long as its error is kept
        appearing(final, private=how.show_secrets) as path,
        FORMATS[how.format](path) as sink,
    ):
        for batch in _until_stopped(reports):
            sink.write(batch)
            _started[part.name] = sight.counts.total()
            sight.check_early()
        counts = {str(reason): count for reason, count in sorted(sight.counts.items())}
        if sight.counts.total() != part.rows:
            raise RuntimeError(f"{part.name}: {sight.counts.total()} reports of {part.rows} rows")
        sight.check_finally()
        sink.finish(final, counts)
    return Outcome(counts, limit, sight.ok())


def _until_stopped(reports: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in reports:
        if _stopped.is_set():
            raise StoppedError
        yield batch


# --- files


class _Parquet:
    """Writes a part's reports as Parquet, with the counts in its footer."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._writer: Any = None
        self._held: list[pa.RecordBatch] = []
        self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, batch.schema, compression="zstd")
        self._held.append(batch)
        self._rows += len(batch)
        if self._rows >= _ROWS_PER_GROUP:
            self._flush()

    def finish(self, final: Path, counts: dict[str, int]) -> None:
        """Write what is left, and the counts."""
        del final
        self._flush()
        self._writer.add_key_value_metadata({_META: json.dumps({"counts": counts})})
        self._writer.close()

    def _flush(self) -> None:
        if self._held:
            table = pa.Table.from_batches(self._held)
            self._writer.write_table(table, row_group_size=_ROWS_PER_GROUP)
        self._held, self._rows = [], 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()


class _JsonLines:
    """Writes a part's reports as JSON Lines, and the counts into a file beside it."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("w", encoding="ascii")  # noqa: SIM115 - closed below

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch."""
        for row in batch.to_pylist():
            self._file.write(json.dumps({"schema": SCHEMA} | row, default=_plain) + "\n")

    def finish(self, final: Path, counts: dict[str, int]) -> None:
        """Write what is left, and the counts."""
        self._file.flush()
        with appearing(_counts_file(final)) as path:
            Path(path).write_text(json.dumps({"counts": counts}), "ascii")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


FORMATS: dict[str, Callable[[str], Any]] = {"parquet": _Parquet, "jsonl": _JsonLines}


def _counts_file(final: Path) -> Path:
    return final.parent / INNER / f"{final.stem}.counts"


def done(final: Path) -> dict[str, int] | None:
    """Return the counts of a part's file; ``None``: it is not there, or not whole."""
    try:
        if final.suffix == ".parquet":
            text = pq.read_metadata(final).metadata[_META]
        else:
            os.stat(final)  # noqa: PTH116 - raises where there is none
            text = _counts_file(final).read_bytes()
    except (OSError, KeyError, pa.ArrowInvalid):
        return None
    counts: dict[str, int] = json.loads(text)["counts"]
    return counts


# --- a sick worker


@dataclass
class _Sight:
    """Whether a part's reports tell of the hosts, or only of the worker's own sight.

    A part that is nearly done when its worker is cut off has few failures, but they are the last
    that comes in: nobody is seen any more.

    Attributes:
        counts: The reports so far.
    """

    how: How
    counts: Counter[Reason] = field(default_factory=Counter)
    _ok: deque[str] = field(default_factory=lambda: deque(maxlen=_CANARIES))
    _recent: int = 0
    _recent_bad: int = 0
    _unseen: int = 0
    _seen_at: float = field(default_factory=time.monotonic)
    _asked_at: float = 0.0

    def take(self, report: Report) -> None:
        """Count a report."""
        self.counts[report.reason] += 1
        self._recent += 1
        if report.reason in OWN_FAULT:
            self._recent_bad += 1
            self._unseen += 1
        elif report.reason not in NO_SIGHT:
            self._unseen = 0
            self._seen_at = time.monotonic()
            if report.reason is Reason.ok:
                self._ok.append(report.address)

    def ok(self) -> tuple[str, ...]:
        """Return a few addresses that answered."""
        return tuple(self._ok)

    def check_first(self) -> None:
        """Ask the canaries before a part begins, where none answered this process before.

        Raises:
            BlindError: None of them answers.
        """
        if _blind.is_set() and self.how.canaries:
            self._ask(self.how.canaries)

    def check_early(self) -> None:
        """Ask the canaries, if what came in of late is suspicious.

        Raises:
            BlindError: None of them answers.
        """
        if time.monotonic() - self._asked_at < _ASK_AGAIN or not self._is_suspicious():
            return
        # A host of this part may have as many checks under way as it is to have.
        if candidates := self.how.canaries or (() if self.how.by_host else self.ok()):
            self._ask(candidates)

    def _is_suspicious(self) -> bool:
        if self._unseen and time.monotonic() - self._seen_at > _UNSEEN_FOR:
            return True
        recent, bad = self._recent, self._recent_bad
        if recent < _FEW:
            return False
        self._recent = self._recent_bad = 0
        return bad > SUSPICIOUS * recent

    def check_finally(self) -> None:
        """Ask the canaries before a part with many failures, or with failures last, is published.

        Raises:
            BlindError: None of them answers; or there is none, and the failures are many.
        """
        bad = sum(self.counts[reason] for reason in OWN_FAULT)
        many = bad > SUSPICIOUS * self.counts.total()
        if not (many or self._unseen):
            return
        if candidates := (*self.how.canaries, *self.ok()):
            self._ask(candidates)
        elif many and not self.how.settled:
            raise BlindError(asked=False)

    def _ask(self, canaries: Sequence[str]) -> None:
        if not sighted(canaries, self.how.options):
            _blind.set()
            raise BlindError(asked=True)
        _blind.clear()
        self._asked_at = self._seen_at = time.monotonic()


def sighted(canaries: Iterable[str], options: CheckOptions) -> bool:
    """Return whether any of the canaries answers, however it does."""

    async def ask() -> bool:
        probes = MonitorClient(**(options.client or {})).probe_many(
            dict.fromkeys(canaries), timeout=min(options.timeout, _CANARY_TIMEOUT)
        )
        async with probes:
            async for report in probes:
                if report.reason not in OWN_FAULT:
                    return True
        return False

    return portal.run(ask)
