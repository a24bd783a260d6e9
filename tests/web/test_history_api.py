"""What is told of the past over HTTP."""

import csv
import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from multidict import MultiDict

from tests.web.serving import Asker, asking, problem, unguarded, until
from tryconnect import Reason
from tryconnect import testing as peers
from tryconnect.web import WatchedTarget, _history
from tryconnect.web._history import HistoryStore
from tryconnect.web._history_api import question_of
from tryconnect.web._problems import Problem

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
DAY = 86_400

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_history, "WRITE_EVERY", 0.01)


@asynccontextmanager
async def remembering(
    file: Path, *targets: WatchedTarget
) -> AsyncIterator[tuple[Asker, HistoryStore]]:
    store = HistoryStore(file)
    async with asking(unguarded(targets, history=store)) as asker:
        yield asker, store


async def test_checks_and_incidents_of_a_target_are_remembered_over_a_restart(
    tmp_path: Path,
) -> None:
    file = tmp_path / "history.db"
    async with peers.http_server() as site:
        shop = WatchedTarget(name="the shop", address=site.url, every=0.1, expect="2xx")
        async with remembering(file, shop) as (asker, store):
            await until(lambda: store.written >= 3)
            site.pages["/"] = peers.CannedResponse(b"", status=503)

            async def incidents() -> int:
                return len((await told(asker))["incidents"])

            await until(incidents)
        site.pages["/"] = peers.CannedResponse(b"")
        async with remembering(file, shop) as (asker, store):
            assert store.open_incidents == {}  # taken by the monitor

            async def over() -> bool:
                return (await told(asker))["incidents"][0]["end"] is not None

            await until(over)
            found = await told(asker)

    (incident,) = found["incidents"]
    assert (incident["reason"], incident["detail"]) == (
        "status",
        "answered 503, where 2xx was expected",
    )
    assert 0 < incident["seconds"] < 60
    assert 0 < found["uptime"]["24h"] < 1
    assert found["uptime"]["24h"] == found["uptime"]["30d"]
    assert found["step"] == 300
    assert sum(point["checks"] for point in found["points"]) >= 5


async def told(asker: Asker, query: str = "") -> dict:  # type: ignore[type-arg]
    response = await asker.get(f"/api/targets/the%20shop/history{query}")
    assert response.status == 200, await response.text()
    return await response.json()  # type: ignore[no-any-return]


async def test_all_checks_can_be_had_as_csv(tmp_path: Path) -> None:
    shop = WatchedTarget(name="the shop", address="tcp://127.0.0.1:1", every=1000)
    async with remembering(tmp_path / "history.db", shop) as (asker, store):
        now = time.time()
        for number in range(500):
            reason = Reason.refused if number % 2 else Reason.ok
            store.add("the shop", reason, 0.25, now - 60 * number - 1)
        await until(lambda: store.written >= 501)
        response = await asker.get(f"/api/targets/the%20shop/history.csv?since={now - DAY}")
        rows = [*csv.DictReader(io.StringIO(await response.text()))]

    assert response.headers["Content-Disposition"] == 'attachment; filename="history.csv"'
    assert len(rows) == 501
    assert rows == sorted(rows, key=lambda row: row["time"])
    assert rows[0].keys() == {"time", "ok", "reason", "seconds"}
    assert rows[0] | {"time": ""} == {
        "time": "",
        "ok": "false",
        "reason": "refused",
        "seconds": "0.250000",
    }


async def test_hours_without_a_check_do_not_end_the_csv(tmp_path: Path) -> None:
    shop = WatchedTarget(name="the shop", address="tcp://127.0.0.1:1", every=1000)
    async with remembering(tmp_path / "history.db", shop) as (asker, store):
        now = time.time()
        for hours in (9, 3):
            store.add("the shop", Reason.ok, 0.25, now - hours * 3600)
        await until(lambda: store.written >= 3)
        response = await asker.get(f"/api/targets/the%20shop/history.csv?since={now - DAY}")
        rows = (await response.text()).splitlines()

    assert rows[0] == "time,ok,reason,seconds"
    assert [row.partition(",")[2] for row in rows[1:3]] == ["true,ok,0.250000"] * 2
    assert len(rows) == 4  # and the check of now, which nothing answers


async def test_without_a_history_one_sentence_says_how_to_have_one() -> None:
    async with asking(unguarded([WatchedTarget(name="a", address="h", every=99)])) as asker:
        for path in ("history", "history.csv"):
            said = await problem(await asker.get(f"/api/targets/a/{path}"), 404)
            assert said == "this server keeps no history: start it with --history FILE"


async def test_of_a_target_that_is_not_watched_nothing_is_told(tmp_path: Path) -> None:
    async with remembering(tmp_path / "history.db") as (asker, _):
        said = await problem(await asker.get("/api/targets/a/history"), 404)

    assert said == "there is no target of this name"


async def test_an_incident_of_a_target_that_left_the_file_is_over(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    store = HistoryStore(file)
    store.start()
    store.went_down("gone", Reason.refused, "", time.time() - 60)
    await store.aclose()
    async with remembering(file):
        pass
    store = HistoryStore(file)
    found = store.open_incidents
    await store.aclose()

    assert found == {}


GOOD = {
    "": (DAY, 300),
    f"since={NOON - 3600}": (3600, 30),
    f"since={NOON - 7 * DAY}": (7 * DAY, 3600),
    "since=2026-01-01T11:00:00Z": (3600, 30),
    "since=2026-01-01T12:00:00+01:00": (3600, 30),
    "since=2026-01-01": (DAY / 2, 300),
    f"since={NOON - 3600}&step=60": (3600, 60),
    f"since={NOON - 490 * DAY}": (490 * DAY, 2 * DAY),
}


@pytest.mark.parametrize(("query", "expected"), GOOD.items(), ids=list(GOOD))
def test_a_question_has_a_beginning_and_steps(query: str, expected: tuple[float, int]) -> None:
    question = question_of(parsed(query), NOON)

    assert (question.until - question.since, question.step) == expected


BAD = {
    "since=yesterday": "since is a time in the past",
    f"since={NOON + 60}": "since is a time in the past",
    "since=0": "since is a time in the past",
    "since=nan": "since is a time in the past",
    "since=inf": "since is a time in the past",
    "since=2026-01-01&since=2026-01-01": "more than once",
    "step=0": "step is a whole number of seconds, here at least 44",
    "step=43": "here at least 44",
    "step=1e3": "step is a whole number",
    "step=-60": "step is a whole number",
    "step=99999999999": "step is a whole number",
    "until=now": "unknown parameter 'until'; the known ones: since, step",
}


@pytest.mark.parametrize(("query", "fault"), BAD.items(), ids=list(BAD))
def test_a_question_that_makes_no_sense_is_told_what_is_wrong(query: str, fault: str) -> None:
    with pytest.raises(Problem, match=fault):
        question_of(parsed(query), NOON)


def parsed(query: str) -> MultiDict[str]:
    return MultiDict(tuple(pair.split("=", 1)) for pair in query.split("&") if pair)  # type: ignore[misc]
