"""A process that did not run calls nobody down: it says ``local``, and checks again."""

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from tests.support.event_loops import on_each_loop
from tests.web.serving import serving, until
from tryconnect import Client, Reason
from tryconnect import testing as peers
from tryconnect._client import MonitorClient
from tryconnect._model.faults import Interrupted

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", [Client, MonitorClient])
async def test_a_check_that_nothing_ran_for_is_local_and_a_refusal_stays_one(
    kind: type[Client],
) -> None:
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 10.0
    async with kind(proxy=None) as client, peers.silent() as silent, peers.closed_port() as closed:
        loop.call_later(0.05, time.sleep, 1.5)
        gap = await client.probe(silent.url, timeout=0.5)
        loop.call_soon(time.sleep, 1.5)
        refused = await client.probe(closed.url, timeout=0.5)
        silence = await client.probe(silent.url, timeout=0.5)

    assert gap.reason is Reason.local
    assert "this process was stopped or blocked, for 1." in gap.detail
    assert isinstance(gap.error, Interrupted)
    assert refused.reason is Reason.refused
    assert not isinstance(refused.error, Interrupted)
    assert silence.reason is Reason.timeout


@pytest.mark.parametrize("kind", [Client, MonitorClient])
async def test_nor_is_a_list_of_addresses_down(kind: type[Client]) -> None:
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 10.0
    async with kind(proxy=None) as client, peers.silent() as silent:
        loop.call_later(0.05, time.sleep, 1.5)
        reports = [report async for report in client.probe_many([silent.url] * 3, timeout=0.5)]

    assert [report.reason for report in reports] == [Reason.local] * 3


STOPPED = 2.5


async def stop(process: int) -> None:
    os.kill(process, signal.SIGSTOP)
    await asyncio.sleep(STOPPED)
    os.kill(process, signal.SIGCONT)


async def test_a_watch_that_was_stopped_tells_no_change() -> None:
    async with peers.raw(delay=0.3) as slow:
        words = ("-m", "tryconnect", "watch", "--every", "0.4", "--timeout", "1.5", slow.url)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "NO_PROXY": "*"},
        )
        assert process.stdout is not None
        assert b" ok " in await process.stdout.readline()
        asked = len(slow.requests)
        await until(lambda: len(slow.requests) > asked)  # in the middle of a check
        await stop(process.pid)
        asked = len(slow.requests)
        await until(lambda: len(slow.requests) > asked + 2)
        process.send_signal(signal.SIGINT)
        rest = (await process.stdout.read()).decode()
        await process.wait()

    assert "0 changes" in rest
    assert "100.0% good" in rest


async def test_a_server_that_was_stopped_calls_no_target_down(tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    async with peers.raw(delay=0.3) as slow:
        file.write_text(
            f'[[target]]\nname = "a"\naddress = "{slow.url}"\nevery = 0.4\ntimeout = 1.5\n', "utf-8"
        )
        async with serving("--targets", str(file)) as served:
            await until(lambda: len(slow.requests) > 2)
            async with aiohttp.ClientSession(served.url) as session:
                before = (await (await session.get("/api/targets/a")).json())["since"]
                asked = len(slow.requests)
                await until(lambda: len(slow.requests) > asked)
                await stop(served.process.pid)
                asked = len(slow.requests)
                await until(lambda: len(slow.requests) > asked + 2)
                told = await (await session.get("/api/targets/a")).json()

    assert (told["up"], told["since"]) == (True, before), json.dumps(told)
    assert {point["reason"] for point in told["history"]} <= {"ok", "local"}


@on_each_loop
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_storm_of_signals_changes_no_verdict(scheme: str) -> None:
    storm = 0

    def count(*_: object) -> None:
        nonlocal storm
        storm += 1

    context = peers.server_context() if scheme == "https" else None
    async with (
        Client(proxy=None, ssl=peers.trusting()) as client,
        peers.http_server(tls=context) as server,
        peers.closed_port() as closed,
    ):
        addresses = [server.at(f"/redirect/{number % 3}") for number in range(300)]
        before = signal.signal(signal.SIGALRM, count)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        try:
            async with client.probe_many([*addresses, *[closed.url] * 100]) as probes:
                found = Counter([report.reason async for report in probes])
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    assert found == {Reason.ok: 300, Reason.refused: 100}
    assert storm > 100
