"""``tryconnect watch``: states and changes, until somebody has seen enough."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO

import jsonschema
import pytest

from tests.cli.commands import command, ran_here
from tests.cli.test_check import SCHEMA
from tryconnect import testing as peers

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
