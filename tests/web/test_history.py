"""What a history keeps, how long, and what becomes of it when the machine does not play along."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import ROOT
from tests.web.serving import until
from tryconnect import Reason
from tryconnect.web import _history
from tryconnect.web._history import HistoryStore, Keep
from tryconnect.web._history_file import HistoryError
from tryconnect.web._history_queries import (
    checks_between,
    incidents_since,
    open_incidents,
    series,
    uptimes,
)
from tryconnect.web._history_schema import MIGRATIONS, connect, migrate

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
DAY = 86_400

FOR_EVER = Keep(days=1e5, hourly_days=1e5)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_history, "WRITE_EVERY", 0.01)


@asynccontextmanager
async def writing(file: Path, keep: Keep = FOR_EVER) -> AsyncIterator[HistoryStore]:
    store = HistoryStore(file, keep=keep)
    store.start()
    try:
        yield store
    finally:
        await store.aclose()


async def written(store: HistoryStore) -> None:
    await until(lambda: not store._waiting)
    await asyncio.sleep(0.05)


def asked(file: Path, query: Callable[[sqlite3.Connection], Any]) -> Any:
    db = connect(file, read_only=True)
    try:
        return query(db)
    finally:
        db.close()


async def test_checks_come_back_by_target_and_time(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with writing(file) as store:
        for number in range(10):
            store.add("a", Reason.ok, 0.25, NOON + number)
            store.add("b", Reason.refused, 0.001, NOON + number)

    found = asked(file, lambda db: [*checks_between(db, "a", since=NOON + 2, until=NOON + 5)])

    assert [(each.time - NOON, each.reason, each.seconds) for each in found] == [
        (2, "ok", 0.25),
        (3, "ok", 0.25),
        (4, "ok", 0.25),
    ]


@pytest.mark.parametrize("step", [60, 3600])
async def test_a_series_has_a_point_for_each_step_with_checks(step: int, tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with writing(file) as store:
        for second, reason, seconds in (
            (0, Reason.ok, 0.1),
            (1, Reason.ok, 0.3),
            (2, Reason.timeout, 9.0),  # its seconds say how long we waited, nothing of the target
            (3, Reason.local, 5.0),
            (step, Reason.refused, 1.0),
        ):
            store.add("a", reason, seconds, NOON + second)
            store.add("b", Reason.ok, 77, NOON + second)

    found = asked(file, partial(series, name="a", since=NOON - DAY, until=NOON + DAY, step=step))

    first, second = found
    assert first == {
        "time": "2026-01-01T12:00:00.000+00:00",
        "checks": 3,
        "good": 2,
        "seconds": 0.2,
        "slowest": 0.3,
    }
    assert (second["checks"], second["good"], second["seconds"]) == (1, 0, None)


async def test_uptime_is_the_share_of_good_checks_of_each_time(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with writing(file) as store:
        for days, reason in (
            (0.5, Reason.ok),
            (3, Reason.refused),
            (20, Reason.ok),
            (20.1, Reason.local),
            (31, Reason.refused),
        ):
            store.add("a", reason, 0.1, NOON - days * DAY)
        store.add("b", Reason.ok, 0.1, NOON - 20 * DAY)

    assert asked(file, lambda db: uptimes(db, "a", NOON)) == {"24h": 1.0, "7d": 0.5, "30d": 2 / 3}
    assert asked(file, lambda db: uptimes(db, "b", NOON)) == {"24h": None, "7d": None, "30d": 1.0}
    assert asked(file, lambda db: uptimes(db, "c", NOON)) == dict.fromkeys(["24h", "7d", "30d"])


async def test_incidents_have_a_beginning_and_an_end_also_over_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with writing(file) as store:
        assert store.open_incidents == {}
        store.went_down("a", Reason.refused, "nothing listens", NOON)
        store.came_up("a", NOON + 60)
        store.went_down("a", Reason.timeout, "no answer", NOON + 120)
        store.went_down("b", Reason.timeout, "no answer", NOON)
        store.told("b")
    async with writing(file) as store:
        still = store.open_incidents
        store.went_down("a", Reason.reset, "it was down all the time", NOON + 200)
        store.came_up("a", NOON + 300)
        store.came_up("c", NOON)  # it was never down

    assert {name: (each.start - NOON, each.told) for name, each in still.items()} == {
        "a": (120, False),
        "b": (0, True),
    }
    found = asked(file, lambda db: incidents_since(db, "a", 0))
    assert [(each.start - NOON, each.stop - NOON, each.reason) for each in found] == [
        (120, 300, "timeout"),
        (0, 60, "refused"),
    ]
    assert found[1].as_dict(NOON)["seconds"] == 60
    assert asked(file, lambda db: incidents_since(db, "a", NOON + 61))[-1].start == NOON + 120
    assert list(asked(file, open_incidents)) == ["b"]


async def test_a_clock_that_is_set_back_ends_no_incident_before_it_began(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with writing(file) as store:
        store.went_down("a", Reason.refused, "", NOON)
        store.came_up("a", NOON - 3600)
        store.add("a", Reason.ok, 0.1, NOON)
        store.add("a", Reason.reset, 0.1, NOON)  # the same millisecond, once more

    (found,) = asked(file, lambda db: incidents_since(db, "a", 0))
    assert found.as_dict(NOON)["seconds"] == 0
    (check,) = asked(file, lambda db: [*checks_between(db, "a", since=0, until=NOON + 1)])
    assert check.reason == "reset"


# --- how long it is kept


@pytest.mark.slow
async def test_what_is_too_old_goes_and_the_roll_ups_stay(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    now = time.time()
    async with writing(file, Keep(days=7, hourly_days=400)) as store:
        for days in (0, 6, 8, 399, 401):
            store.add("a", Reason.ok, 0.1, now - days * DAY)
            store.went_down("a", Reason.reset, "", now - days * DAY)
            store.came_up("a", now - days * DAY)
        await until(lambda: len(kept(file)["raw"]) == 2 and len(kept(file)["hourly"]) == 4)

    assert len(kept(file)["incident"]) == 4


def kept(file: Path) -> dict[str, list[Any]]:
    tables = ("raw", "hourly", "incident")
    return asked(  # type: ignore[no-any-return]
        file,
        lambda db: {each: db.execute(f"SELECT * FROM {each}").fetchall() for each in tables},  # noqa: S608
    )


@pytest.mark.slow
async def test_a_file_that_is_full_loses_its_oldest_checks(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    size = 400_000
    async with writing(file, Keep(size=size, days=1e5, hourly_days=1e5)) as store:
        for minute in range(60):
            for number in range(1000):
                store.add(f"target {number}", Reason.ok, 0.1, NOON + 60 * minute + number / 100)
            await written(store)
        await until(lambda: store._size() <= size)

    minutes = {row[0] - int(NOON // 60) for row in kept(file)["raw"]}
    assert minutes == set(range(min(minutes), 60))
    assert min(minutes) > 0
    assert file.stat().st_size < 2 * size


# --- versions


def test_a_history_of_each_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    steps = (*MIGRATIONS, "ALTER TABLE target ADD COLUMN note TEXT", "CREATE TABLE more (a)")
    for version in range(1, len(steps) + 1):
        db = connect(file)
        migrate(db, file, steps[:version])
        assert db.execute("PRAGMA user_version").fetchone() == (version,)
        db.close()
    assert asked(file, lambda db: db.execute("SELECT note FROM target, more").fetchall()) == []


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    db = connect(file)
    migrate(db, file)

    with pytest.raises(sqlite3.OperationalError):
        migrate(db, file, (*MIGRATIONS, "CREATE TABLE more (a); CREATE TABLE more (a)"))
    db.execute("ROLLBACK")

    assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'more'").fetchone() == (0,)
    db.close()


# --- when it goes wrong

KILLED = """
import sys, time
from pathlib import Path
from tryconnect import Reason
from tryconnect.web._history import HistoryStore
store = HistoryStore(Path(sys.argv[1]))
store.start()
store.went_down("a", Reason.refused, "nothing listens", time.time())
while True:
    store.add("a", Reason.refused, 0.1, time.time())
    print(time.time(), flush=True)
    time.sleep(0.01)
"""


@pytest.mark.slow
async def test_a_server_that_is_killed_loses_no_more_than_the_last_second(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, str(file)), stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout
    await process.stdout.readline()
    await asyncio.sleep(2)
    process.kill()
    last = float((await process.communicate())[0].splitlines()[-1])

    async with writing(file) as store:
        assert "a" in store.open_incidents
        found = await store.read(lambda db: [*checks_between(db, "a", since=0, until=1e18)])

    assert len(found) > 100
    assert last - found[-1].time < 1


FULL = """
import asyncio, logging, os, sys, time
from pathlib import Path
from tryconnect import Reason
from tryconnect.web._history import HistoryStore, Keep

logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stdout)

async def main(folder):
    store = HistoryStore(folder / "history.db", keep=Keep(days=1e5))
    store.start()
    number = 0
    while store.fault is None:
        for _ in range(2000):
            number += 1
            store.add("a", Reason.ok, 0.1, number)
        await asyncio.sleep(0.05)
    store.went_down("a", Reason.timeout, "while it was full", number)
    await asyncio.sleep(1.2)
    (folder / "ballast").unlink()
    async with asyncio.timeout(10):
        while store.fault or store._waiting:
            await asyncio.sleep(0.1)
    await store.aclose()
    print(number, store.written)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.slow
@pytest.mark.wants(namespaces=True)
def test_a_disk_that_is_full_is_told_once_and_loses_nothing(tmp_path: Path) -> None:
    """A file system of 1 MB, which nobody else sees."""
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    small = (
        f"mount -t tmpfs -o size=1m tmpfs {tmp_path} && head -c 700k /dev/zero >{tmp_path}/ballast"
    )
    done = subprocess.run(  # noqa: S603 - our own words
        ["unshare", "--mount", "sh", "-c", f'{small}; exec "$@"', "sh", *command],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )

    assert done.stderr == ""
    full, works, count = done.stdout.splitlines()
    assert full.startswith("ERROR ")
    assert "database or disk is full" in full
    assert works.endswith("writing works again")
    added, stored = count.split()
    assert added == stored


async def test_what_cannot_be_written_waits_within_bounds_and_incidents_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_history, "MOST_WAITING", 10)
    file = tmp_path / "history.db"
    store = HistoryStore(file, keep=FOR_EVER)
    broken = True

    def write(*args: Any) -> None:
        if broken:
            raise sqlite3.OperationalError("database or disk is full")
        HistoryStore._write(store, *args)

    monkeypatch.setattr(store, "_write", write)
    store.went_down("a", Reason.reset, "", NOON)
    for second in range(100):
        store.add("a", Reason.reset, 0.1, NOON + second)
        store._write_waiting()
    broken = False
    store._write_waiting()
    await store.aclose()

    assert list(asked(file, open_incidents)) == ["a"]
    found = asked(file, lambda db: [*checks_between(db, "a", since=0, until=NOON + 1000)])
    assert [each.time - NOON for each in found] == list(range(91, 100))


async def test_a_batch_that_fails_in_the_middle_leaves_nothing_and_is_written_whole_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "history.db"
    store = HistoryStore(file, keep=FOR_EVER)
    fault = "BEFORE INSERT ON hourly BEGIN SELECT raise(ABORT, 'not now'); END"
    store._db.execute(f"CREATE TRIGGER fault {fault}")
    store.add("a", Reason.ok, 0.1, NOON)

    store._write_waiting()

    assert store.fault == "not now"
    counts = "SELECT (SELECT count(*) FROM target), (SELECT count(*) FROM raw)"
    assert asked(file, lambda db: db.execute(counts).fetchone()) == (0, 0)

    store._db.execute("DROP TRIGGER fault")
    store._write_waiting()
    await store.aclose()

    (check,) = asked(file, lambda db: [*checks_between(db, "a", since=0, until=NOON + 1000)])
    assert (check.time, check.reason) == (NOON, "ok")
    assert [message.rpartition(": ")[2] for message in caplog.messages] == [
        *("not now", "writing works again")
    ]


async def test_a_history_that_cannot_be_read_says_so_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with writing(file) as store:
        with pytest.raises(HistoryError) as raised:
            await store.read(lambda db: db.execute("SELECT * FROM moon"))

    assert str(raised.value) == f"{file}: it cannot be read: no such table: moon"
