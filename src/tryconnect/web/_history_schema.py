"""The tables of a history, and how those of an earlier version become this one's."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from tryconnect.web._history_file import HistoryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["APPLICATION", "MIGRATIONS", "connect", "migrate"]

APPLICATION = 0x74726379
"""``application_id`` of SQLite's header: "trcy"."""

BUSY_TIMEOUT = 5.0
"""Seconds that a connection waits for another's lock: somebody may look at the file with a tool."""

MIGRATIONS = (
    # Checks are stored by the minute first: those of a minute share pages, so a second of 5,000
    # targets changes few of them, and the oldest are deleted together. `at` is milliseconds into
    # the minute, `taken` microseconds.
    """
    CREATE TABLE target (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE reason (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE raw (
        minute INTEGER NOT NULL, target INTEGER NOT NULL, at INTEGER NOT NULL,
        reason INTEGER NOT NULL, taken INTEGER NOT NULL,
        PRIMARY KEY (minute, target, at)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE hourly (
        hour INTEGER NOT NULL, target INTEGER NOT NULL,
        checks INTEGER NOT NULL, good INTEGER NOT NULL,
        taken INTEGER NOT NULL, slowest INTEGER NOT NULL,
        PRIMARY KEY (hour, target)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE incident (
        id INTEGER PRIMARY KEY, target INTEGER NOT NULL,
        start REAL NOT NULL, stop REAL, reason TEXT NOT NULL, detail TEXT NOT NULL,
        told INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX incident_of_target ON incident (target, start);
    CREATE UNIQUE INDEX open_incident ON incident (target) WHERE stop IS NULL;
    """,
)
"""What makes each version of the one before it; ``user_version`` counts those that were applied."""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a history for one thread at a time, without transactions of the module's own."""
    return sqlite3.connect(
        f"{path.as_uri()}?mode={'ro' if read_only else 'rwc'}",
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
    )


def migrate(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[str] = MIGRATIONS
) -> None:
    """Create the tables, or bring those of an earlier version up to date, each step whole.

    Raises:
        HistoryError: It is another program's database, or a later version's.
    """
    application = _pragma(connection, "application_id")
    version = _pragma(connection, "user_version")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION and (application or version or tables):
        raise HistoryError(path, "it is another program's database")
    if version > len(migrations):
        raise HistoryError(path, "it was written by a later version of tryconnect")
    # A crash of the machine may lose the latest transactions, one of the process none: sqlite.org,
    # "Write-Ahead Logging".
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    for number, script in enumerate(migrations[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT"
        )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
