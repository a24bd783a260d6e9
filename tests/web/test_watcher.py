"""What the server knows of its targets, for a day and a thousand of them too."""

import asyncio
import gc
import heapq
import logging
import re
import sys
from collections import Counter
from typing import Any

import pytest

from tests.web.serving import asking, problem, unguarded, until
from tryconnect import Expect, Reason, Report, Timings
from tryconnect import testing as peers
from tryconnect._runtime.clock import Clock
from tryconnect.web import WatchedTarget
from tryconnect.web._metrics import Metrics
from tryconnect.web._watcher import HISTORY, Watcher

OFTEN = 0.1


class Heard:
    """A listener."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def publish(self, event: str, data: dict[str, Any]) -> None:
        self.events.append((event, data))


class Table:
    """A check that answers from a table, and at once."""

    def __init__(self, *reasons: Reason) -> None:
        self.left = list(reasons)
        self.in_flight = self.most = self.checks = 0

    async def __call__(self, address: str, *, timeout: float, expect: object) -> Report:
        del expect
        self.checks += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        if not self.left:
            await asyncio.get_running_loop().create_future()
        reason = self.left.pop(0)
        return Report(address, reason, f"within {timeout:g} s", timings=Timings(total=0.25))


async def now_and_then(_: float) -> None:
    await asyncio.sleep(0)


DEFAULT_LIMIT = Clock(now=lambda: 0.0, sleep=now_and_then)


async def watched(table: Table, *targets: WatchedTarget, limit: int = 100) -> tuple[Watcher, Heard]:
    """Watch until the table has no more answers."""
    heard = Heard()
    watching = Watcher(targets, limit=limit, metrics=Metrics(), listener=heard)
    async with watching.running(table, clock=DEFAULT_LIMIT):
        await until(lambda: not table.left and table.in_flight == 0)
        await asyncio.sleep(0)
    return watching, heard


# --- a target's state


WITHIN = Report("http://h/?key=x", Reason.ok, "within 10 s", timings=Timings(total=0.25))


async def test_each_check_and_each_change_is_told() -> None:
    table = Table(Reason.ok, Reason.ok, Reason.refused, Reason.refused, Reason.ok)

    watching, heard = await watched(table, WatchedTarget(name="a", address="http://h/?key=x"))

    told = watching.targets["a"].as_dict()
    assert [event for event, _ in heard.events] == [
        *("check", "change", "check", "check", "change", "check", "check", "change")
    ]
    assert [data["up"] for event, data in heard.events if event == "change"] == [True, False, True]
    assert [data["reason"] for event, data in heard.events if event == "check"] == [
        *("ok", "ok", "refused", "refused", "ok")
    ]
    assert heard.events[0][1] == {
        "name": "a",
        "time": told["history"][0]["time"],
        "ok": True,
        "reason": "ok",
        "seconds": 0.25,
        "detail": "within 10 s",
    }
    assert told | {"since": None, "history": []} == {
        "name": "a",
        "address": "http://h/?***",
        "every": 10,
        "timeout": 10,
        "expect": None,
        "rise": 1,
        "fall": 1,
        "up": True,
        "since": None,
        "last": WITHIN.as_dict(),
        "history": [],
    }
    assert len(told["history"]) == 5
    assert re.fullmatch(r"2\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\d\+00:00", told["since"])


STATES: dict[str, tuple[list[Reason], list[bool | None]]] = {
    "three failures in a row": ([Reason.ok, *[Reason.reset] * 3], [True, False]),
    "two of them are too few": ([Reason.ok, *[Reason.reset] * 2], [True]),
    "nor do they add up": (
        [Reason.ok, Reason.reset, Reason.reset, Reason.ok, Reason.reset],
        [True],
    ),
    "two good ones in a row": ([Reason.reset, Reason.ok, Reason.ok], [False, True]),
    "one of them is too few": ([Reason.reset, Reason.ok], [False]),
    "our own fault at first": ([Reason.local, Reason.ok, Reason.ok], [None, True]),
    "our own fault changes nothing": ([Reason.ok, *[Reason.local] * 5], [True]),
}


@pytest.mark.parametrize(("reasons", "states"), STATES.values(), ids=list(STATES))
async def test_a_state_changes_when_enough_checks_say_so(
    reasons: list[Reason], states: list[bool | None]
) -> None:
    target = WatchedTarget(name="a", address="h", rise=2, fall=3)

    _, heard = await watched(Table(*reasons), target)

    assert [data["up"] for event, data in heard.events if event == "change"] == states


async def test_what_is_expected_is_told() -> None:
    targets = [
        WatchedTarget(name="a", address="h", expect="2xx"),
        WatchedTarget(name="b", address="h", expect=Expect(body=re.compile("re.dy"))),
    ]

    watching, _ = await watched(Table(Reason.ok, Reason.ok), *targets)

    told = [each.as_dict()["expect"] for each in watching.targets.values()]
    assert told == [{"status": "2xx", "body": None}, {"status": None, "body": "re.dy"}]


async def test_so_many_checks_run_at_once_and_no_more() -> None:
    table = Table(*[Reason.ok] * 200)
    targets = [WatchedTarget(name=str(number), address="h") for number in range(50)]

    await watched(table, *targets, limit=7)

    assert table.most == 7


async def test_a_change_is_logged_without_escapes(caplog: pytest.LogCaptureFixture) -> None:
    target = WatchedTarget(name="a", address="http://h/?key=secret")

    with caplog.at_level(logging.INFO, "tryconnect.web"):
        await watched(Table(Reason.ok, Reason.refused), target)

    messages = [record.getMessage() for record in caplog.records]
    assert [message[:8] for message in messages] == ["a is up:", "a is dow"]
    assert "refused             http://h/?***  within 10 s" in messages[1]


async def test_history_is_bounded() -> None:
    watching, _ = await watched(
        Table(*[Reason.ok] * (HISTORY + 50)), WatchedTarget(name="a", address="h")
    )

    assert len(watching.targets["a"].as_dict()["history"]) == HISTORY


BAD = {
    "name": "",
    "address": "http://h:99999/",
    "every": 0.05,
    "timeout": 0,
    "expect": "good",
    "rise": 0,
    "fall": 1.5,
}


@pytest.mark.parametrize("field", BAD)
def test_a_target_that_makes_no_sense_cannot_be(field: str) -> None:
    with pytest.raises(ValueError, match=r"(?s).+"):
        WatchedTarget(**{"name": "a", "address": "h", field: BAD[field]})  # type: ignore[arg-type]


# --- over HTTP


async def test_targets_are_told_by_their_names(http_server: peers.HttpServer) -> None:
    targets = [
        WatchedTarget(name="the shop", address=http_server.url, every=OFTEN),
        WatchedTarget(name="broken", address=http_server.at("/status/500"), expect="2xx"),
    ]
    async with asking(unguarded(targets)) as asker:

        async def known() -> bool:
            told = await (await asker.get("/api/targets")).json()
            return [each["up"] for each in told["targets"]] == [True, False]

        await until(known)
        one = await (await asker.get("/api/targets/the%20shop")).json()
        other = await (await asker.get("/api/targets/broken")).json()

    assert (one["name"], one["last"]["status"], one["up"]) == ("the shop", 200, True)
    assert (other["last"]["reason"], other["up"]) == ("status", False)
    assert other["expect"] == {"status": "2xx", "body": None}


async def test_a_watch_that_has_ended_is_ill(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(*_: object, **__: object) -> Report:
        raise RuntimeError("a fault in here")

    watching = Watcher(
        [WatchedTarget(name="a", address="h")], limit=1, metrics=Metrics(), listener=Heard()
    )
    async with watching.running(fail):
        assert watching.healthy
        await until(lambda: not watching.healthy)

    assert [record.name for record in caplog.records] == ["tryconnect.web"]


async def test_an_ill_server_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tryconnect.web._watcher.Watcher.healthy", False)
    async with asking(unguarded()) as asker:
        told = await problem(await asker.get("/healthz"), 503)

    assert told == "the targets are no longer watched"


# --- a day


class FastClock:
    """Time that passes as soon as everybody waits for it."""

    def __init__(self) -> None:
        self.time = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = 0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._number += 1
        heapq.heappush(self._sleepers, (self.time + seconds, self._number, woken))
        await woken

    async def run(self, until: float) -> None:
        """Wake one sleeper after the other, each when its time has come."""
        while self._sleepers and self._sleepers[0][0] <= until:
            self.time, _, woken = heapq.heappop(self._sleepers)
            woken.set_result(None)
            for _ in range(4):  # as long as a check from a table takes
                await asyncio.sleep(0)
        self.time = until


DAY = 24 * 3600.0
WATCH_INTERVAL = 600.0

WORDS = [reason for reason in Reason if reason not in {Reason.ok, Reason.local}]


class Ups:
    """Answers from a table: each address is down for one hour, each for a reason of its own."""

    def __init__(self, clock: FastClock) -> None:
        self._clock = clock
        self.seen: Counter[str] = Counter()

    async def __call__(self, address: str, **_: object) -> Report:
        await asyncio.sleep(0)
        number = int(address.rpartition("/")[2])
        self.seen[address] += 1
        detail = f"check {self.seen[address]}"
        if int(self._clock.time // 3600) != number % 24:
            return Report(address, Reason.ok, detail)
        try:
            number / 0  # an error with its frames, as real ones have: these must not be kept
        except ZeroDivisionError as error:
            return Report(address, WORDS[number % len(WORDS)], detail, error=error)
        raise AssertionError


class Deaf:
    """A listener that counts."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()

    def publish(self, event: str, _: dict[str, Any]) -> None:
        self.events[event] += 1


async def watch_for_a_day(targets: int) -> dict[str, Any]:
    clock = FastClock()
    ups, listener = Ups(clock), Deaf()
    watching = Watcher(
        [
            WatchedTarget(name=f"target {n}", address=f"http://h/{n}", every=WATCH_INTERVAL)
            for n in range(targets)
        ],
        limit=targets,
        metrics=Metrics(),
        listener=listener,
    )
    memory = {}
    async with watching.running(ups, clock=Clock(clock.now, clock.sleep)):
        await asyncio.sleep(0)
        await until(lambda: sum(ups.seen.values()) == targets)
        for hour in (12, 18, 24):
            await clock.run(hour * 3600.0)
            gc.collect()
            memory[hour] = sys.getallocatedblocks()
    return {
        "memory": memory,
        "checks": ups.seen,
        "events": listener.events,
        "history": [len(each.as_dict()["history"]) for each in watching.targets.values()],
    }


@pytest.mark.slow
def test_a_thousand_targets_for_a_day_take_no_more_memory_than_for_a_morning() -> None:
    """Not in debug mode, in which asyncio remembers where each task was made."""
    day = asyncio.run(watch_for_a_day(1000), debug=False)

    checks = list(day["checks"].values())
    assert len(checks) == 1000
    # Every 600 s, give or take a tenth each time.
    assert all(DAY / WATCH_INTERVAL * 0.95 < each < DAY / WATCH_INTERVAL * 1.05 for each in checks)
    # Up at first (or down, in the first hour), then down and up again: 3 changes, or 2.
    assert 2900 <= day["events"]["change"] <= 3000
    assert day["events"]["check"] == sum(checks)
    assert set(day["history"]) == {HISTORY}
    # By noon every history is full.  From there on nothing grows.
    assert day["memory"][24] < day["memory"][12] * 1.01
