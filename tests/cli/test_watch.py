"""``tryconnect watch``: states and changes, until somebody has seen enough."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import IO

import jsonschema
import pytest

from tests.cli.commands import command, ran_here
from tests.cli.test_check import SCHEMA
from tryconnect import testing as peers
from tryconnect._runs.history import History
from tryconnect.cli import parser_of, watch
from tryconnect.cli._arguments import client_of

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="SIGINT for one process is POSIX's"),
    pytest.mark.slow,
]


class Watcher:
    """The command, while it runs."""

    def __init__(self, process: subprocess.Popen[str], out: IO[str]) -> None:
        self._process = process
        self._out = out
        self.err = ""

    def line(self) -> str:
        return self._out.readline()

    def interrupt(self) -> int:
        self._process.send_signal(signal.SIGINT)
        _, self.err = self._process.communicate(timeout=10)
        return self._process.returncode


@contextmanager
def watching(*words: str) -> Iterator[Watcher]:
    with subprocess.Popen(  # noqa: S603 - our own words
        command("watch", *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Watcher(process, process.stdout)
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.slow
def test_the_first_states_and_each_change_are_told(
    server: peers.HttpServer, closed: peers.Peer
) -> None:
    server.pages["/health"] = peers.CannedResponse(b"ready")
    words = ["--every", "0.1", "--expect", "2xx", server.at("/health"), closed.url]
    with watching(*words[:2], "--expect", "2xx", *words[4:]) as watch:
        first = sorted(watch.line().split()[1] for _ in range(2))
        server.pages["/health"] = peers.CannedResponse(b"", (), 503)
        down = watch.line()
        server.pages["/health"] = peers.CannedResponse(b"ready")
        up = watch.line()
        code = watch.interrupt()

    assert first == ["ok", "refused"]
    assert down.split()[1:3] == ["status", server.at("/health")]
    assert up.split()[1:3] == ["ok", server.at("/health")]
    assert datetime.fromisoformat(up.split()[0]).tzinfo is not None
    assert code == 130
    title, *rows = watch.err.splitlines()
    assert re.fullmatch(r"watched for \d+ s", title)
    assert re.fullmatch(rf" +[\d.]+% good of \d+ checks, 2 changes  {server.url}health", rows[0])
    assert re.fullmatch(rf" +0\.0% good of \d+ checks, 0 changes  {closed.url}", rows[1])


def test_json_tells_the_time_and_is_as_its_schema_says(closed: peers.Peer) -> None:
    with watching("--json", closed.url) as watch:
        told = json.loads(watch.line())
        code = watch.interrupt()

    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.validate(told, schema, format_checker=jsonschema.FormatChecker())
    assert list(told) == list(schema["properties"])
    assert told["time"].endswith("+00:00")
    assert (code, told["index"]) == (130, 0)


@pytest.mark.slow
def test_flapping_is_not_told_where_several_in_a_row_are_asked_for(
    server: peers.HttpServer,
) -> None:
    server.pages["/flaps"] = peers.CannedResponse(b"ready")
    options = ["--every", "0.05", "--expect", "2xx", "--fall", "1000"]
    with watching(*options, server.at("/flaps")) as watch:
        assert watch.line().split()[1] == "ok"
        server.pages["/flaps"] = peers.CannedResponse(b"", (), 503)
        server.requests.clear()
        while len(server.requests) < 5:
            pass
        watch.interrupt()

    assert "0 changes" in watch.err


def test_a_reader_that_leaves_is_no_error(server: peers.HttpServer) -> None:
    server.pages["/"] = peers.CannedResponse(b"ready")
    words = " ".join(command("watch", "--every", "0.05", "--expect", "2xx", server.url))
    with subprocess.Popen(  # noqa: S602 - our own words
        f"{words} | head -n 1", shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert b" ok " in process.stdout.readline()
        server.pages["/"] = peers.CannedResponse(b"", (), 503)
        out, err = process.communicate(timeout=10)

    del server.pages["/"]
    assert out == b""
    assert err == b"tryconnect: cannot write to standard output: Broken pipe\n"


WRONG = [
    [],
    ["http://h:99999/"],
    ["--expect", "2xx", "tcp://127.0.0.1:9"],
    ["--every", "0", "127.0.0.1:9"],
    ["--rise", "0", "127.0.0.1:9"],
]


@pytest.mark.parametrize("words", WRONG)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    done = ran_here(capsys, "watch", *words)

    assert (done.code, done.out) == (2, "")


# --- in this process


@pytest.mark.parametrize("quiet", [True, False])
def test_who_ends_a_quiet_watch_gets_no_summary(
    quiet: bool,  # noqa: FBT001
    server: peers.HttpServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.requests.clear()

    def interrupt_once_it_watches() -> None:
        until = time.monotonic() + 30
        while not server.requests and time.monotonic() < until:
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt_once_it_watches)
    thread.start()
    done = ran_here(capsys, "watch", *(["-q"] if quiet else []), server.url)
    thread.join()

    assert done.code == 130
    assert ("0 changes" in done.err) is not quiet


@asynccontextmanager
async def watched_here(*words: str) -> AsyncIterator[watch._Watches]:
    options = parser_of("watch").parse(list(words))
    watches = watch._Watches(client_of(options), options, None)
    task = asyncio.create_task(watches.run())
    try:
        yield watches
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_where_nobody_reads_the_oldest_changes_are_dropped_and_counted(
    closed: peers.Peer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watch, "UNTOLD", 2)
    end, start = os.pipe()
    with open(end, "rb", buffering=0) as reader, open(start, "w", encoding="utf-8") as out:  # noqa: ASYNC230, PTH123 - descriptors
        os.set_blocking(end, False)
        full = fill(start)
        told, said = b"", ""
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            async with watched_here(*[closed.url] * 5) as watches, asyncio.timeout(10):
                while sum(each.state is not None for each in watches.watched) < 5:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                while "tryconnect:" not in said:
                    told += reader.read(65536) or b""
                    said += capsys.readouterr().err
                    await asyncio.sleep(0.01)

    printed = told[full:].count(b" refused ")
    assert printed in {2, 3}  # one may wait for the pipe, and two for their turn
    assert said == (
        f"tryconnect: {5 - printed} earlier changes were not printed: nobody read them\n"
    )


def fill(pipe: int) -> int:
    """Write into a pipe until it takes no more; return how many bytes it took."""
    os.set_blocking(pipe, False)
    taken = 0
    with suppress(BlockingIOError):
        while True:
            taken += os.write(pipe, bytes(4096))
    return taken


class Screen(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("quiet", [True, False])
async def test_what_became_of_an_alert_is_said_in_place_of_the_table_unless_quiet(
    quiet: bool,  # noqa: FBT001
    closed: peers.Peer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen, over = Screen(), asyncio.Event()
    say = watch._Watches._say
    shown: list[str] = []

    def heard(watches: watch._Watches, line: str) -> None:
        say(watches, line)
        shown.append(screen.getvalue())
        over.set()

    monkeypatch.setattr(watch._Watches, "_say", heard)
    monkeypatch.setenv("TERM", "xterm")
    words = ["--exec", "sleep 0.3", closed.url]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", screen)
        async with watched_here(*words, *(["-q"] if quiet else [])), asyncio.timeout(10):
            await over.wait()

    said = capsys.readouterr().err
    if quiet:
        assert (said, shown) == ("", [""])
    else:
        assert said == f"alert delivered by exec: {closed.url} is down\n"
        assert "Ctrl-C ends it" in shown[0]
        assert shown[0].endswith("\x1b[1A\x1b[2K")  # erased


def test_of_many_addresses_the_summary_names_the_worst() -> None:
    watched = [History(f"h{number}.test", 1) for number in range(22)]
    for each in watched:
        each.checks = each.good = 10
    watched[7].good, watched[21].transitions = 5, 3

    title, *rows, last = watch._summary(watched, 60, Namespace(show_secrets=False)).splitlines()

    assert title == "watched for 60 s"
    assert rows[0] == "   50.0% good of 10 checks, 0 changes  h7.test"
    assert rows[1] == "  100.0% good of 10 checks, 3 changes  h21.test"
    assert len(rows) == 20
    assert last == "  and 2 more, no worse"
