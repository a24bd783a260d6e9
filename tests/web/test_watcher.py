"""What the server knows of its targets, for a day and a thousand of them too."""

import asyncio
import contextlib
import gc
import heapq
import itertools
import logging
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.web.serving import asking, problem, unguarded, until
from tryconnect import Expect, Reason, Report, Timings
from tryconnect import testing as peers
from tryconnect._address.request import Request
from tryconnect._runtime.clock import Clock
from tryconnect.web import WatchedTarget
from tryconnect.web._metrics import Metrics
from tryconnect.web._watched import HISTORY, Watched, iso_time
from tryconnect.web._watcher import Listener, Watcher

OFTEN = 0.1


def report(address: str, reason: Reason, detail: str) -> Report:
    """A report of one and the same moment."""
    return Report(address, reason, detail, timings=Timings(total=0.25), checked_at=LONG_AGO)


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Heard:
    """A listener: what happened, and how the target stood then."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Reason, bool | None]] = []
        self.times: list[float] = []

    def checked(self, watched: Watched, report: Report, now: float) -> None:
        self.events.append(("check", report.reason, watched.up))
        self.times.append(now)

    def changed(self, watched: Watched, report: Report, now: float) -> None:
        assert watched.since == now
        self.events.append(("change", report.reason, watched.up))


class Table:
    """A check that answers from a table, and at once."""

    def __init__(self, *reasons: Reason) -> None:
        self.left = list(reasons)
        self.in_flight = self.most = self.checks = 0

    async def __call__(self, request: Request, *, timeout: float) -> Report:
        self.checks += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        if not self.left:
            await asyncio.get_running_loop().create_future()
        reason = self.left.pop(0)
        return report(request.address, reason, f"within {timeout:g} s")


async def now_and_then(_: float) -> None:
    await asyncio.sleep(0)


DEFAULT_LIMIT = Clock(now=lambda: 0.0, sleep=now_and_then)


async def watched(
    table: Table, *targets: WatchedTarget, limit: int = 100, first: Listener | None = None
) -> tuple[Watcher, Heard]:
    """Watch until the table has no more answers."""
    heard = Heard()
    listeners = [heard] if first is None else [first, heard]
    watching = Watcher(targets, limit=limit, metrics=Metrics(), listeners=listeners)
    async with watching.running(table, clock=DEFAULT_LIMIT):
        await until(lambda: not table.left and table.in_flight == 0)
        await asyncio.sleep(0)
    return watching, heard


# --- a target's state


WITHIN = report("http://h/?key=x", Reason.ok, "within 10 s")


async def test_each_check_and_each_change_is_told() -> None:
    table = Table(Reason.ok, Reason.ok, Reason.refused, Reason.refused, Reason.ok)

    watching, heard = await watched(table, WatchedTarget(name="a", address="http://h/?key=x"))

    told = watching.targets["a"].as_dict()
    assert heard.events == [
        ("check", "ok", None),
        ("change", "ok", True),
        ("check", "ok", True),
        ("check", "refused", True),
        ("change", "refused", False),
        ("check", "refused", False),
        ("check", "ok", False),
        ("change", "ok", True),
    ]
    assert [iso_time(time) for time in heard.times] == [each["time"] for each in told["history"]]
    assert told | {"since": None, "history": []} == {
        "name": "a",
        "address": "http://h/?key=***",
        "every": 10,
        "timeout": 10,
        "expect": {"status": "2xx", "body": None},
        "rise": 1,
        "fall": 1,
        "group": "",
        "up": True,
        "stale": False,
        "since": None,
        "number": 5,
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

    assert [up for event, _, up in heard.events if event == "change"] == states


FAULT = "a fault at http://h/?key=secret"


class Faulty:
    """A listener that fails each time."""

    def checked(self, *_: object) -> None:
        raise RuntimeError(FAULT)

    changed = checked


async def test_the_fault_of_a_listener_is_logged_and_the_watch_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    target = WatchedTarget(name="a", address="h")

    _, heard = await watched(Table(Reason.ok, Reason.ok), target, first=Faulty())

    assert [event for event, *_ in heard.events] == ["check", "change", "check"]
    assert caplog.text.count("RuntimeError: a fault at http://h/?key=***") == 3
    assert "secret" not in caplog.text


@pytest.mark.slow
async def test_the_fault_of_a_judge_is_logged_and_the_watch_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults = [RuntimeError(FAULT)]

    async def judge(_: Watched, report: Report) -> Report:
        if faults:
            raise faults.pop()
        return report

    table, heard = Table(Reason.ok, Reason.ok, Reason.refused), Heard()
    target = WatchedTarget(name="a", address="h")
    watching = Watcher([target], limit=1, metrics=Metrics(), listeners=[heard], judge=judge)
    async with watching.running(table, clock=DEFAULT_LIMIT):
        await until(lambda: not table.left and table.in_flight == 0)
        assert watching.healthy

    checks = [reason for event, reason, _ in heard.events if event == "check"]
    assert checks == ["ok", "refused"]
    assert caplog.text.count("RuntimeError: a fault at http://h/?key=***") == 1
    assert "secret" not in caplog.text


@pytest.mark.parametrize("wish", [KeyboardInterrupt, SystemExit])
def test_a_wish_to_end_the_program_is_no_fault_of_a_check(
    wish: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    async def check(*_: object, **__: object) -> Report:
        raise wish

    async def watch() -> None:
        target = WatchedTarget(name="a", address="h")
        watching = Watcher([target], limit=1, metrics=Metrics(), listeners=[])
        async with asyncio.timeout(5), watching.running(check):
            await asyncio.get_running_loop().create_future()

    with pytest.raises(wish):
        asyncio.run(watch())

    assert caplog.messages == []


async def test_what_is_expected_is_told() -> None:
    targets = [
        WatchedTarget(name="a", address="h", expect="2xx"),
        WatchedTarget(name="b", address="h", expect=Expect(body=re.compile("re.dy"))),
    ]

    watching, _ = await watched(Table(Reason.ok, Reason.ok), *targets)

    told = [each.as_dict()["expect"] for each in watching.targets.values()]
    assert told == [{"status": "2xx", "body": None}, {"status": None, "body": "re.dy"}]


@pytest.mark.parametrize(
    ("address", "expect", "told"),
    [
        ("tcp://h:1", None, None),
        ("h", Expect("2xx", max_redirects=0), {"status": "2xx", "body": None, "max_redirects": 0}),
    ],
)
def test_so_is_that_nothing_is_expected_and_how_many_redirects(
    address: str, expect: Expect | None, told: dict[str, Any] | None
) -> None:
    target = WatchedTarget(name="a", address=address, expect=expect)

    assert Watched(target).as_dict()["expect"] == told


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
    assert "refused             http://h/?key=***  within 10 s" in messages[1]


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
    "group": "a\nb",
    "alerts": "on call",
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


class World:
    """Targets by their address, in time that passes as fast as it can: each answers, or not."""

    def __init__(self, *targets: WatchedTarget, limit: int | None = None) -> None:
        self.clock = FastClock()
        self.silent: set[str] = set()
        self.hanging: set[str] = set()
        self.raises: dict[str, list[BaseException]] = {}
        self.starts: dict[str, list[float]] = {str(each.address): [] for each in targets}
        self.in_flight = self.most = 0
        self.aged: list[tuple[str, bool]] = []
        self.watcher = Watcher(
            targets,
            limit=limit,
            metrics=Metrics(),
            listeners=[],
            on_stale=lambda each: self.aged.append((each.target.name, each.stale)),
        )

    async def check(self, request: Request, *, timeout: float) -> Report:
        address = request.address
        self.starts[address].append(self.clock.time)
        if self.raises.get(address):
            raise self.raises[address].pop(0)
        if address in self.hanging:
            await asyncio.get_running_loop().create_future()
        if address not in self.silent:
            return Report(address, Reason.ok, "answered", timings=Timings(total=0.01))
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await self.clock.sleep(timeout)
        finally:
            self.in_flight -= 1
        return Report(address, Reason.timeout, "silent", timings=Timings(total=timeout))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.watcher.running(self.check, clock=Clock(self.clock.now, self.clock.sleep)):
            await asyncio.sleep(0)
            yield

    def states(self) -> list[bool | None]:
        return [watched.up for watched in self.watcher.targets.values()]


def targets_of(number: int, **fields: Any) -> list[WatchedTarget]:
    return [WatchedTarget(name=f"{n}", address=f"http://h/{n}", **fields) for n in range(number)]


@pytest.mark.slow
async def test_silent_targets_do_not_starve_one_that_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """200 of them, in a room of ten: each wants a second of each second."""
    live = WatchedTarget(name="live", address="http://live/", every=0.5, timeout=1)
    world = World(*targets_of(200, every=1, timeout=1), live, limit=10)
    world.silent = {f"http://h/{n}" for n in range(200)}
    async with world.running():
        await world.clock.run(120.0)
        late = world.watcher.lateness
        assert world.watcher.healthy

    starts = world.starts["http://live/"]
    gaps = [after - before for before, after in itertools.pairwise(starts)]
    assert len(starts) > 200
    assert max(gaps) < 0.55 + 1.0
    assert world.most == 5
    # The silent ones all have their turn: five each second.
    turns = [len(world.starts[address]) for address in world.silent]
    assert min(turns) >= 2
    # And what cannot be kept is told.
    assert late.targets > 150
    assert 20 < late.seconds < 60
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2  # one line a minute
    assert re.fullmatch(r"\d+ of 201 targets are checked late, by up to \d+\.\d s: .*", told[0])


@pytest.mark.slow
async def test_those_that_fall_silent_all_at_once_are_suspects_from_then_on() -> None:
    live = WatchedTarget(name="live", address="http://live/", every=0.5, timeout=1)
    world = World(*targets_of(200, every=1, timeout=1), live, limit=10)
    async with world.running():
        await world.clock.run(20.0)
        world.silent = {f"http://h/{n}" for n in range(200)}
        await world.clock.run(80.0)

    starts = [start for start in world.starts["http://live/"] if start > 45.0]
    assert len(starts) > 60
    assert max(after - before for before, after in itertools.pairwise(starts)) < 0.55 + 1.0


@pytest.mark.slow
async def test_a_schedule_that_is_kept_again_is_told(caplog: pytest.LogCaptureFixture) -> None:
    world = World(*targets_of(20, every=1, timeout=5), limit=2)
    world.silent = {f"http://h/{n}" for n in range(20)}
    async with world.running():
        await world.clock.run(30.0)
        world.silent.clear()
        await world.clock.run(120.0)
        assert world.watcher.lateness.targets == 0

    assert caplog.messages[-1] == "all targets are checked on time again"


@pytest.mark.slow
async def test_without_a_limit_all_are_checked_on_time_though_all_are_silent() -> None:
    world = World(*targets_of(150, every=1, timeout=5))
    world.silent = {f"http://h/{n}" for n in range(150)}
    async with world.running():
        await world.clock.run(20.0)
        assert world.watcher.lateness.targets == 0

    assert world.most == 150


@pytest.mark.slow
async def test_first_checks_are_spread_over_the_interval() -> None:
    world = World(*targets_of(400, every=2), limit=100)
    async with world.running():
        await world.clock.run(2.0)

    firsts = sorted(starts[0] for starts in world.starts.values())
    in_each_tenth = Counter(int(first * 10 + 0.001) for first in firsts)
    assert in_each_tenth == dict.fromkeys(range(20), 20)


FAULTS = {
    "a cancellation": asyncio.CancelledError(),
    "want of memory": MemoryError(),
    "a fault of the resolver's": KeyError("h"),
    "of a kind of its own": type("Odd", (BaseException,), {})("odd"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
async def test_a_fault_in_one_check_is_logged_and_its_watch_goes_on(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(*targets_of(2, every=1))
    world.raises["http://h/1"] = [fault, fault, fault]
    async with world.running():
        await world.clock.run(2.0)
        last = world.watcher.targets["1"].as_dict()["last"]
        await world.clock.run(10.0)
        assert world.watcher.healthy
        assert world.states() == [True, True]

    assert (last["reason"], last["detail"]) == (
        *("local", "the check failed by a fault of the server itself: see its log"),
    )
    (record,) = caplog.records  # the same fault is told once
    assert record.getMessage().startswith("a check of 1 failed\nTraceback")


async def test_a_resolver_that_cancels_its_own_task_ends_no_watch() -> None:
    world = World(*targets_of(1, every=1))
    real, calls = world.check, itertools.count()

    async def check(request: Request, *, timeout: float) -> Report:
        if next(calls) == 1:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)
        return await real(request, timeout=timeout)

    world.check = check  # type: ignore[method-assign]
    async with world.running():
        await world.clock.run(10.0)
        assert world.watcher.healthy
        assert world.states() == [True]

    assert len(world.starts["http://h/0"]) >= 8


async def test_nothing_is_called_up_that_nobody_checks() -> None:
    """Whatever keeps them from it: a check that does not end, or faults of this machine only."""
    world = World(*targets_of(3, every=1, timeout=2))
    async with world.running():
        await world.clock.run(3.0)
        assert world.states() == [True, True, True]
        world.raises["http://h/1"] = [MemoryError()] * 100
        world.hanging = {"http://h/2"}
        await world.clock.run(15.0)

        assert world.states() == [True, None, None]
        told = world.watcher.targets["1"].as_dict()
        assert (told["up"], told["stale"]) == (None, True)
        assert sorted(world.aged) == [("1", True), ("2", True)]

        world.raises.clear()
        await world.clock.run(20.0)
        assert world.states() == [True, True, None]
        assert world.aged[-1] == ("1", False)


@pytest.mark.slow
async def test_the_fault_of_whoever_is_told_of_stale_targets_is_logged_and_others_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(*targets_of(2, every=1, timeout=2))
    told: list[str] = []

    def on_stale(watched: Watched) -> None:
        told.append(watched.target.name)
        if len(told) == 1:
            raise RuntimeError(FAULT)

    world.watcher._on_stale = on_stale
    async with world.running():
        await world.clock.run(3.0)
        world.hanging = {"http://h/0"}
        await world.clock.run(15.0)
        assert world.watcher.healthy
        world.hanging |= {"http://h/1"}
        await world.clock.run(30.0)

    assert told == ["0", "1"]
    assert "RuntimeError: a fault at http://h/?key=***" in caplog.text


async def test_a_check_that_ignores_its_timeout_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tryconnect.web._watcher.OVERTIME", 0.01)

    async def hang(*_: object, **__: object) -> Report:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    target = WatchedTarget(name="a", address="h", timeout=0.01)
    watcher = Watcher([target], limit=1, metrics=Metrics(), listeners=[])
    async with watcher.running(hang):
        await until(lambda: watcher.targets["a"].latest)

    assert watcher.targets["a"].latest[0].reason is Reason.local


DAY = 24 * 3600.0
WATCH_INTERVAL = 600.0

WORDS = [reason for reason in Reason if reason not in {Reason.ok, Reason.local}]


class Ups:
    """Answers from a table: each address is down for one hour, each for a reason of its own."""

    def __init__(self, clock: FastClock) -> None:
        self._clock = clock
        self.seen: Counter[str] = Counter()

    async def __call__(self, request: Request, *, timeout: float) -> Report:
        del timeout
        await asyncio.sleep(0)
        address = request.address
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

    def checked(self, *_: object) -> None:
        self.events["check"] += 1

    def changed(self, *_: object) -> None:
        self.events["change"] += 1


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
        listeners=[listener],
    )
    memory = {}
    async with watching.running(ups, clock=Clock(clock.now, clock.sleep)):
        await asyncio.sleep(0)
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
