"""The history of the targets: checks, hourly roll-ups and incidents, in a file of SQLite's.

One thread writes, a transaction for each half second. Readers have connections of their own, which
a write-ahead log lets read meanwhile. A process that is killed loses what it has not yet written:
at most the last second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tryconnect._model.reason import Reason
from tryconnect._runtime.threads import run_in_daemon_thread
from tryconnect.web._history_file import HistoryError, checked_folder, locked
from tryconnect.web._history_queries import open_incidents
from tryconnect.web._history_schema import connect, migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["HistoryStore", "Keep"]

_log = logging.getLogger("tryconnect.web")
_T = TypeVar("_T")

DAY = 86_400

WRITE_EVERY = 0.5
"""Seconds between two transactions."""

MOST_WAITING = 200_000
"""Checks that wait in memory while they cannot be written: 400 s of 5,000 targets. Beyond that the
oldest are dropped."""

READERS = 2
"""Reads at once: they share the machine with the checks."""


class Keep(NamedTuple):
    """For how long what is kept.

    Attributes:
        days: Days for which each check is kept.
        size: Bytes of the file; the oldest checks go first.
        hourly_days: Days for which the hourly roll-ups and the incidents are kept.

    Example:
        >>> tryconnect.web.Keep(days=7).days
        7

    .. versionadded:: 0.1
    """

    days: float = 7
    size: float = 2e9
    hourly_days: float = 400


class _Check(NamedTuple):
    name: str
    time: float
    reason: Reason
    seconds: float


class _Statement(NamedTuple):
    """A change of an incident; ``values`` are those of the statement, after the target's number."""

    name: str
    sql: str
    values: tuple[Any, ...]


_OPEN = """
    INSERT INTO incident (target, start, reason, detail) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_CLOSE = "UPDATE incident SET stop = max(start, ?2) WHERE target = ?1 AND stop IS NULL"
_TOLD = "UPDATE incident SET told = 1 WHERE target = ?1 AND stop IS NULL"

_INSERT = "INSERT OR REPLACE INTO raw VALUES (?, ?, ?, ?, ?)"
_ROLL_UP = """
    INSERT INTO hourly VALUES (?, ?, 1, ?, ?, ?)
    ON CONFLICT DO UPDATE SET checks = checks + 1, good = good + excluded.good,
        taken = taken + excluded.taken, slowest = max(slowest, excluded.slowest)
"""


class HistoryStore:
    """A history that is being written.

    Args:
        path: Its file, which is created if there is none.
        keep: For how long what is kept.

    Attributes:
        open_incidents: Those that had not ended when the file was opened, by target.
        fault: Why nothing can be written at the moment, or ``None``.
        written: How many checks were written.
        latencies: The seconds that the latest transactions took.

    Raises:
        ValueError: The file cannot be a history; the message says why in one sentence.

    Example:
        >>> from pathlib import Path
        >>> keep = tryconnect.web.Keep(days=7)
        >>> history = tryconnect.web.HistoryStore(Path("history.db"), keep=keep)
        >>> app = tryconnect.web.probe_app(history=history)
        >>> await history.aclose()

    .. versionadded:: 0.1
    """

    def __init__(self, path: Path, *, keep: Keep = Keep()) -> None:  # noqa: B008 - immutable
        self._path = checked_folder(path)
        self._keep = keep
        with contextlib.ExitStack() as undo:
            lock_file = undo.enter_context(locked(path))
            try:
                self._db = undo.enter_context(contextlib.closing(connect(self._path)))
                migrate(self._db, path)
                self.open_incidents = open_incidents(self._db)
                self._ids: dict[str, dict[str, int]] = {
                    table: dict(self._db.execute(f"SELECT word, id FROM {table}"))  # noqa: S608
                    for table in ("target", "reason")
                }
            except sqlite3.Error as error:
                raise HistoryError(path, f"it cannot be used: {error}") from error
            self._lock_file = lock_file
            undo.pop_all()
        self._waiting: deque[_Check | _Statement] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write_on, name="tryconnect-history")
        self._thread.daemon = True
        self._readers: asyncio.Semaphore | None = None
        self.fault: str | None = None
        self.written = 0
        self.latencies: deque[float] = deque(maxlen=10_000)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    async def aclose(self) -> None:
        """Write what there is, and close the file."""
        self._stopping.set()
        await run_in_daemon_thread(self._end, name="tryconnect-history-end")

    def _end(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()
        self._db.close()
        self._lock_file.close()

    # --- what is to be written

    def add(self, name: str, reason: Reason, seconds: float, now: float) -> None:
        """Add a check of a target."""
        self._waiting.append(_Check(name, now, reason, seconds))

    def went_down(self, name: str, reason: Reason, detail: str, now: float) -> None:
        """Begin an incident, unless one is open already."""
        self._waiting.append(_Statement(name, _OPEN, (now, reason.value, detail)))

    def came_up(self, name: str, now: float) -> None:
        """End the open incident, if there is one."""
        self._waiting.append(_Statement(name, _CLOSE, (now,)))

    def told(self, name: str) -> None:
        """Note that an alert of the open incident was delivered."""
        self._waiting.append(_Statement(name, _TOLD, ()))

    # --- what is asked

    async def read(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what a query finds; it runs in a thread, on a connection of its own.

        Raises:
            HistoryError: The file cannot be read.
        """
        if self._readers is None:
            self._readers = asyncio.Semaphore(READERS)
        async with self._readers:
            return await run_in_daemon_thread(
                partial(self._ask, query), name="tryconnect-history-read"
            )

    def _ask(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            with contextlib.closing(connect(self._path, read_only=True)) as db:
                return query(db)
        except sqlite3.Error as error:
            raise HistoryError(self._path, f"it cannot be read: {error}") from error

    # --- the thread

    def _write_on(self) -> None:
        last = False
        while not last:
            last = self._stopping.wait(WRITE_EVERY)
            self._write_waiting()

    def _write_waiting(self) -> None:
        batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        began = time.perf_counter()
        try:
            if batch:
                self._write(batch)
                self.latencies.append(time.perf_counter() - began)
            self._prune(time.time())
        except sqlite3.Error as error:
            self._failed(str(error), batch)
        else:
            self._worked()

    def _write(self, batch: list[_Check | _Statement]) -> None:
        checks = [each for each in batch if isinstance(each, _Check)]
        with self._transaction():
            self._learn("target", {each.name for each in batch})
            self._learn("reason", {each.reason.value for each in checks})
            self._db.executemany(_INSERT, map(self._raw_row, checks))
            counted = (each for each in checks if each.reason is not Reason.local)
            self._db.executemany(_ROLL_UP, map(self._hourly_row, counted))
            for each in batch:
                if isinstance(each, _Statement):
                    self._db.execute(each.sql, (self._ids["target"][each.name], *each.values))
        self.written += len(checks)

    @contextlib.contextmanager
    def _transaction(self) -> Any:
        self._db.execute("BEGIN IMMEDIATE")
        known = {table: dict(ids) for table, ids in self._ids.items()}
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._ids = known
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _learn(self, table: str, words: Iterable[str]) -> None:
        ids = self._ids[table]
        for word in words:
            if word not in ids:
                insert = f"INSERT INTO {table} (word) VALUES (?)"  # noqa: S608 - two tables
                ids[word] = self._db.execute(insert, (word,)).lastrowid or 0

    def _raw_row(self, check: _Check) -> tuple[int, ...]:
        minute, at = divmod(round(check.time * 1000), 60_000)
        reason = self._ids["reason"][check.reason.value]
        return minute, self._ids["target"][check.name], at, reason, round(check.seconds * 1e6)

    def _hourly_row(self, check: _Check) -> tuple[int, ...]:
        good = check.reason is Reason.ok
        taken = round(check.seconds * 1e6) if good else 0
        return int(check.time // 3600), self._ids["target"][check.name], good, taken, taken

    # --- what is too old, or too much

    def _prune(self, now: float) -> None:
        """Delete one minute of what is too old or too much, and one hour of roll-ups."""
        oldest = self._db.execute("SELECT min(minute) FROM raw").fetchone()[0]
        if oldest is not None and (
            oldest * 60 < now - self._keep.days * DAY or self._size() > self._keep.size
        ):
            self._db.execute("DELETE FROM raw WHERE minute <= ?", (oldest,))
        last = now - self._keep.hourly_days * DAY
        hour = self._db.execute("SELECT min(hour) FROM hourly").fetchone()[0]
        if hour is not None and hour * 3600 < last:
            self._db.execute("DELETE FROM hourly WHERE hour <= ?", (hour,))
            self._db.execute("DELETE FROM incident WHERE stop < ?", (last,))

    def _size(self) -> int:
        """Return the bytes in use; the file keeps those of deleted rows for later ones."""
        pages, free, size = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    # --- no room

    def _failed(self, fault: str, batch: list[_Check | _Statement]) -> None:
        """Keep what could not be written for the next time, and say so once."""
        surplus = max(0, len(batch) - MOST_WAITING)
        dropped = {
            *islice((n for n, each in enumerate(batch) if isinstance(each, _Check)), surplus)
        }
        kept = [each for number, each in enumerate(batch) if number not in dropped]
        self._waiting.extendleft(reversed(kept))
        if self.fault is None:
            _log.error("%s: cannot be written, so checks wait in memory: %s", self._path, fault)
        self.fault = fault

    def _worked(self) -> None:
        if self.fault is not None:
            _log.warning("%s: writing works again", self._path)
            self.fault = None
