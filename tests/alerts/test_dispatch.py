"""Alerts on their way: one each, one at a time, again where one failed, none for nothing."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.sinks import Noted, eventually, http_hook, mail_server
from tests.web.serving import until
from tryconnect._alerts import dispatch
from tryconnect._alerts.alert import Alert
from tryconnect._alerts.channels import Command, Notification, ProgramError
from tryconnect._alerts.dispatch import Alerts, Way
from tryconnect._alerts.maintenance import Maintenance
from tryconnect._alerts.state import Pace

SOON = Pace(first_retry=0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "TICK", 0.01)


class Recorder:
    """A way that notes what it is to tell, fails as often as it is told to, and takes its time."""

    def __init__(self, failures: int = 0, seconds: float = 0.0) -> None:
        self.got: list[Alert] = []
        self.failures = failures
        self.seconds = seconds
        self.running = self.most = 0

    async def deliver(self, alert: Alert) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.running -= 1
        if self.failures:
            self.failures -= 1
            raise ProgramError("no route")
        self.got.append(alert)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(alert.name, alert.kind.value) for alert in self.got]

    def __str__(self) -> str:
        return "recorder"


@contextlib.asynccontextmanager
async def alerting(
    *ways: Way, names: Iterable[str] = ("a",), said: list[str] | None = None, **options: Any
) -> AsyncIterator[Alerts]:
    alerts = Alerts(say=([] if said is None else said).append, **options)
    for name in names:
        alerts.add(name, ways)
    async with alerts:
        yield alerts


def change(alerts: Alerts, name: str, *, up: bool, **facts: Any) -> None:
    words = {"address": "http://h/?secret", "reason": "ok" if up else "refused", "detail": "so"}
    alerts.change(name, up=up, now=time.time(), **words | facts)


async def test_down_and_up_are_told_once_each_with_the_duration() -> None:
    way, said = Recorder(), list[str]()
    told = list[str]()
    async with alerting(Way(way), said=said, told=told.append) as alerts:
        change(alerts, "a", up=True)
        alerts.change("a", up=False, now=1000.0, address="h", reason="refused", detail="so")
        await until(lambda: way.got)
        alerts.change("a", up=True, now=1090.0, address="h", reason="ok", detail="fine")
        await until(lambda: len(way.got) == 2)
        await asyncio.sleep(0.1)

    assert way.told == [("a", "down"), ("a", "up")]
    assert (way.got[1].seconds, way.got[1].detail) == (90, "fine")
    assert said == [
        "alert delivered by recorder: a is down",
        "alert delivered by recorder: a is up again after 1 min",
    ]
    assert told == ["a"]


async def test_a_delivery_that_fails_is_repeated_and_only_that_one() -> None:
    bad, good, said = Recorder(failures=3), Recorder(), list[str]()
    told = list[str]()
    ways = Way(bad, SOON), Way(good, SOON)
    async with alerting(*ways, said=said, told=told.append) as alerts:
        change(alerts, "a", up=False)
        await until(lambda: good.got)
        assert told == []
        await until(lambda: bad.got)

    assert bad.told == good.told == [("a", "down")]
    assert said.count("alert not delivered by recorder: a is down: no route") == 3
    assert told == ["a"]


@pytest.mark.slow
async def test_for_one_target_a_command_never_runs_twice_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = Recorder(seconds=0.05)
    monkeypatch.setattr(dispatch, "Command", Recorder)
    async with alerting(Way(slow), Way(slow, SOON), names=["a"]) as alerts:
        for up in (False, True, False, True):
            change(alerts, "a", up=up)
            await asyncio.sleep(0.02)
        await until(lambda: [kind for _, kind in slow.told].count("up") == 2)

    assert slow.most == 1


@pytest.mark.slow
async def test_so_many_run_at_once_for_all_targets() -> None:
    way, names = Recorder(seconds=0.01), [str(number) for number in range(50)]
    async with alerting(Way(way), names=names) as alerts:
        for name in names:
            change(alerts, name, up=False)
        await until(lambda: len(way.got) == 50)

    assert way.most == dispatch.MOST_DELIVERIES
    assert {name for name, _ in way.told} == {*names}


async def test_in_a_maintenance_nothing_is_told() -> None:
    way = Recorder()
    always = Maintenance(start=time_of_day(0), end=time_of_day(0), groups=["web"])
    async with alerting(Way(way), names=["a", "b"], maintenances=[always]) as alerts:
        change(alerts, "a", up=False, group="web")
        change(alerts, "b", up=False, group="db")
        await until(lambda: way.got)
        await asyncio.sleep(0.05)

    assert way.told == [("b", "down")]


async def test_what_was_told_before_a_restart_is_not_told_again_and_its_end_is() -> None:
    way = Recorder()
    alerts = Alerts(say=lambda _: None)
    alerts.add("a", [Way(way)], down_since=time.time() - 3600, told_down=True)
    alerts.add("b", [Way(way)], down_since=time.time() - 3600)
    async with alerts:
        change(alerts, "a", up=False)
        change(alerts, "b", up=False)
        await until(lambda: way.got)
        change(alerts, "a", up=True)
        await until(lambda: len(way.got) == 2)

    assert way.told == [("b", "down"), ("a", "up")]
    assert all(3599 < alert.seconds < 3700 for alert in way.got)


async def test_a_reload_that_changes_nothing_forgets_nothing() -> None:
    way = Recorder()
    async with alerting(Way(way)) as alerts:
        change(alerts, "a", up=False)
        await until(lambda: way.got)
        alerts.add("a", [Way(way)])
        change(alerts, "a", up=True)
        await until(lambda: len(way.got) == 2)
        alerts.discard("a")
        alerts.discard("a")
        change(alerts, "a", up=False)
        change(alerts, "never heard of", up=False)

    assert way.told == [("a", "down"), ("a", "up")]


async def test_our_own_network_is_told_of_once_by_each_way() -> None:
    way, other = Recorder(), Recorder()
    async with alerting(Way(way), names=["a", "b"]) as alerts:
        alerts.add("c", [Way(other)])
        alerts.network(up=False, now=1000.0, detail="no link")
        await until(lambda: way.got and other.got)
        alerts.network(up=True, now=1060.0, detail="it is back")
        await until(lambda: len(way.got) + len(other.got) == 4)

    name = "this machine's network"
    assert way.told == other.told == [(name, "local"), (name, "local-over")]
    assert way.got[1].title == f"{name} is back after 1 min"


async def test_at_the_end_what_runs_is_ended() -> None:
    way = Recorder(seconds=1000)
    dispatch_end = dispatch.LAST_WORDS
    try:
        dispatch.LAST_WORDS = 0.05
        async with alerting(Way(way)) as alerts:
            change(alerts, "a", up=False)
            await until(lambda: way.running)
    finally:
        dispatch.LAST_WORDS = dispatch_end

    assert way.running == 0
    assert way.got == []


@pytest.mark.slow
async def test_a_target_goes_down_and_up_one_alert_each_by_mail_http_and_command(
    tmp_path: Path,
) -> None:
    noted = Noted(tmp_path)
    async with mail_server() as mail, http_hook() as hook:
        ways = Way(Command(noted.line)), Way(Notification((mail.url, hook.url)))
        async with alerting(*ways) as alerts:
            for up in (False, True):
                change(alerts, "a", up=up)
                # So quickly that the first is still under way.
                await eventually(lambda: noted.got)
            await eventually(lambda: len(mail.got) == len(hook.got) == len(noted.got) == 2)
            await asyncio.sleep(0.2)

    assert noted.states == ["down", "up"]
    assert mail.subjects == hook.titles
    assert mail.subjects[0] == "a is down"
    assert mail.subjects[1].startswith("a is up again after ")
