"""``tryconnect serve`` as a monitor: who is told what, also if it is killed in between."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.alerts.sinks import Noted, eventually, http_hook, mail_server
from tests.web.serving import asking, unguarded
from tryconnect import Reason, Report
from tryconnect import testing as peers
from tryconnect.web import WatchedTarget
from tryconnect.web._alert_tables import read_alert_tables
from tryconnect.web._monitor import Monitor
from tryconnect.web._watched import Watched

pytestmark = pytest.mark.slow

FILE = """
[[target]]
name = "shop"
address = "{site}?key=hunter2"
every = 0.2
expect = "2xx"

[[alert]]
name = "on call"
exec = '''{command}'''
notify_variable = "ON_CALL"
"""


@contextlib.asynccontextmanager
async def server(folder: Path, urls: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A server that is killed in the end, without a word of warning."""
    with (folder / "stderr").open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-m", "tryconnect", "serve", "--port", "0"),
            *("--targets", str(folder / "targets.toml"), "--history", str(folder / "history.db")),
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=os.environ | {"ON_CALL": urls, "NO_PROXY": "*"},
        )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().rpartition(" ")[2].strip()
    try:
        yield process, url
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.communicate()


async def history(url: str) -> Any:
    async with aiohttp.request("GET", f"{url}api/targets/shop/history") as response:
        return await response.json()


async def test_down_and_up_are_told_once_each_though_the_server_is_killed_in_between(
    tmp_path: Path,
) -> None:
    noted = Noted(tmp_path)
    async with mail_server() as mail, http_hook() as hook, peers.http_server() as site:
        file = tmp_path / "targets.toml"
        file.write_text(FILE.format(site=site.url, command=noted.line))
        file.chmod(0o600)

        def all_told(count: int) -> bool:
            return len(mail.got) == len(hook.got) == len(noted.got) == count

        async with server(tmp_path, f"{mail.url} {hook.url}") as (_, url):
            site.pages["/"] = peers.CannedResponse(b"", status=503)
            went_down = time.time()
            await eventually(lambda: all_told(1))
            await asyncio.sleep(1.0)  # what was told a second ago is written down
        async with server(tmp_path, f"{mail.url} {hook.url}") as (_, url):
            await asyncio.sleep(1.0)
            assert all_told(1)
            site.pages["/"] = peers.CannedResponse(b"")
            await eventually(lambda: all_told(2))
            await asyncio.sleep(1.0)
            found = await history(url)
        complaints = (tmp_path / "stderr").read_text()

    assert noted.states == ["down", "up"]
    assert mail.subjects == hook.titles
    assert mail.subjects[0] == "shop is down"
    assert mail.subjects[1].startswith("shop is up again after ")
    (incident,) = found["incidents"]
    assert abs(incident["seconds"] - (time.time() - went_down)) < 10
    assert float(noted.got[1]["TRYCONNECT_SECONDS"]) > 2
    # One line for each change, and for each delivery; and no secrets.
    assert "shop is down: " in complaints
    assert "alert delivered by exec: shop is down" in complaints
    assert "alert delivered by notify: shop is up again after" in complaints
    everything = complaints + str(found) + str(noted.got) + str(hook.got) + str(mail.got[0])
    assert "hunter2" not in everything


async def test_an_alert_can_neither_be_set_nor_seen_over_http(tmp_path: Path) -> None:
    noted = Noted(tmp_path)
    settings = read_alert_tables({"alert": [{"name": "on call", "exec": noted.line}]})
    target = WatchedTarget(name="shop", address="tcp://127.0.0.1:1", alerts=["on call"])
    async with asking(unguarded([target], alerts=settings)) as asker:
        await eventually(lambda: noted.states == ["down"])
        told = await (await asker.get("/api/targets")).text()
        refused = [
            (await asker.request(method, path, data=b"exec=id")).status
            for method, path in (
                ("POST", "/api/targets"),
                ("PUT", "/api/targets/shop"),
                ("PATCH", "/api/targets/shop"),
                ("POST", "/api/alerts"),
                ("GET", "/api/check?address=h&exec=id"),
                ("GET", "/probe?target=h&exec=id"),
            )
        ]

    assert "note.py" not in told
    assert "on call" not in told
    assert set(refused) == {400, 404, 405}


async def test_a_canary_that_is_silent_too_blames_nobody(tmp_path: Path) -> None:
    noted = Noted(tmp_path)
    async with peers.closed_port() as nobody:
        settings = read_alert_tables(
            {
                "alert": [{"name": "on call", "exec": noted.line}],
                "network": {"canaries": [f"tcp://{nobody.address}"]},
            }
        )
        targets = [
            WatchedTarget(name=name, address=f"tcp://{nobody.address}", every=0.2) for name in "abc"
        ]
        async with asking(unguarded(targets, alerts=settings)) as asker:
            await eventually(lambda: noted.states == ["local"])
            await asyncio.sleep(0.5)
            told = (await (await asker.get("/api/targets")).json())["targets"]

    assert noted.states == ["local"]
    assert noted.got[0]["TRYCONNECT_TITLE"] == "this machine's network is gone"
    assert [target["up"] for target in told] == [None] * 3
    assert {target["last"]["reason"] for target in told} == {Reason.local.value}


DOWN = Report("tcp://127.0.0.1:1", Reason.refused, "nothing listens")
UP = Report("tcp://127.0.0.1:1", Reason.ok, "connected")


class Told:
    """A monitor of one target, whose reports the test makes; its alerts, and those after a reload.

    Attributes:
        first: whom the first table tells.
        second: whom the other one tells.
    """

    def __init__(self, folder: Path) -> None:
        self.first, self.second = Noted(folder), Noted(folder / "second")
        self.tables = [
            read_alert_tables({"alert": [{"name": "a", "exec": each.line}]})
            for each in (self.first, self.second)
        ]
        self.target = WatchedTarget(name="a", address="tcp://127.0.0.1:1")
        self.monitor = Monitor(self.tables[0], None)
        self.watched = Watched(self.target)

    async def check(self, *_: object, **__: object) -> Report:
        raise AssertionError

    def change(self, report: Report) -> None:
        self.watched.take(report, time.time())
        self.watched.change(report, time.time())
        self.monitor.changed(self.watched, report, time.time())


async def test_a_reload_changes_who_is_told_and_repeats_nothing(tmp_path: Path) -> None:
    told = Told(tmp_path)
    async with told.monitor.running([told.target], told.check):
        told.change(DOWN)
        await eventually(lambda: told.first.states == ["down"])
        told.monitor.replace([told.target], told.tables[0])
        told.change(UP)
        await eventually(lambda: told.first.states == ["down", "up"])
        told.monitor.replace([told.target], told.tables[1])
        told.change(DOWN)
        await eventually(lambda: told.second.states == ["down"])
        told.monitor.replace([])
        told.monitor.changed(told.watched, DOWN, time.time())

    assert told.first.states == ["down", "up"]


async def test_before_it_runs_a_report_counts_as_it_is() -> None:
    monitor = Monitor(read_alert_tables({}), None)
    watched = Watched(WatchedTarget(name="a", address="tcp://127.0.0.1:1"))

    assert await monitor.judge(watched, DOWN) is DOWN


async def test_what_is_replaced_before_it_runs_holds_once_it_does(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.monitor.replace([told.target], told.tables[1])
    async with told.monitor.running([told.target], told.check):
        told.change(DOWN)
        await eventually(lambda: told.second.states == ["down"])

    assert told.first.states == []
