"""``tryconnect wait``: until addresses are up, or gone, or the time is over."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.cli.commands import Ran, command, ran_here
from tryconnect import testing as peers

Here = Callable[..., Ran]


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Here:
    return lambda *words: ran_here(capsys, "wait", *words)


@contextmanager
def coming_up(port: int, *, after: float) -> Iterator[None]:
    """Start a server at a port, but only after so many seconds."""
    over = threading.Event()

    def serve() -> None:
        time.sleep(after)
        with peers.in_thread(peers.http_server(port=port)):
            over.wait()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def free_port() -> int:
    with peers.in_thread(peers.closed_port()) as closed:
        return closed.port


def test_what_is_up_is_told_at_once(here: Here, server: peers.HttpServer) -> None:
    done = here(server.url, server.address)

    assert (done.code, done.err) == (0, "")
    assert [line.split()[:2] for line in done.out.splitlines()] == [
        ["ok", server.url],
        ["ok", server.address],
    ]


@pytest.mark.slow
def test_it_waits_until_a_server_is_there_and_says_what_for(here: Here) -> None:
    port = free_port()
    with coming_up(port, after=0.4):
        done = here(f"http://127.0.0.1:{port}/")

    assert done.code == 0
    assert done.out.startswith("ok ")
    assert done.err.count("waiting: refused ") == 1  # not once for each check


@pytest.mark.slow
def test_it_waits_until_a_server_is_gone(here: Here, server: peers.HttpServer) -> None:
    with peers.in_thread(peers.http_server()) as leaving:
        late = leaving.url
    assert here("--gone", late).code == 0

    done = here("--gone", "--timeout", "0.3", server.url)

    assert done.code == 1
    assert done.out.startswith("ok ")
    assert done.err.startswith("waiting: ok ")
    assert done.err.endswith("tryconnect: not gone within 0.3 s\n")


@pytest.mark.slow
def test_when_the_time_is_over_the_last_reports_are_told(
    here: Here, server: peers.HttpServer, closed: peers.Peer
) -> None:
    done = here("--timeout", "0.3", closed.url, server.at("/status/503"), server.url)

    assert done.code == 1
    assert [line.split()[0] for line in done.out.splitlines()] == ["refused", "status"]
    assert done.err.endswith("tryconnect: not up within 0.3 s\n")


def test_one_is_enough_if_asked(here: Here, server: peers.HttpServer, closed: peers.Peer) -> None:
    done = here("--any", closed.url, server.url)

    assert done.code == 0
    assert [line.split()[1] for line in done.out.splitlines()] == [server.url]


EXPECTED: list[tuple[list[str], int]] = [
    (["--expect", "404"], 0),
    (["--expect", "2xx"], 1),
    (["--gone", "--expect", "2xx"], 0),
    (["--gone"], 1),
    (["--expect-body", "x"], 1),
]


@pytest.mark.parametrize(("words", "code"), EXPECTED)
def test_what_counts_as_up_can_be_said(
    here: Here, server: peers.HttpServer, words: list[str], code: int
) -> None:
    assert here("--timeout", "0.2", *words, server.at("/status/404")).code == code


def test_a_body_is_waited_for_in_a_good_answer(here: Here, server: peers.HttpServer) -> None:
    server.pages["/starting"] = peers.CannedResponse(b"ready", (), 503)

    assert here("--expect-body", "hell", server.url).code == 0
    assert here("--timeout", "0.2", "--expect-body", "ready", server.at("/starting")).code == 1


def test_json(here: Here, server: peers.HttpServer, closed: peers.Peer) -> None:
    done = here("--json", "--quiet", "--any", server.url, closed.url)

    assert json.loads(done.out)["address"] == server.url
    assert done.err == ""


WRONG = [[], ["http://h:99999/"], ["--expect", "2xx", "tcp://127.0.0.1:9"], ["--timeout", "0", "h"]]


@pytest.mark.parametrize("words", WRONG)
def test_wrong_usage(here: Here, words: list[str]) -> None:
    done = here(*words)

    assert (done.code, done.out) == (2, "")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT for one process is POSIX's")
def test_an_interrupt_tells_how_far_it_came(closed: peers.Peer) -> None:
    with subprocess.Popen(  # noqa: S603 - our own words
        command("wait", closed.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("waiting: refused ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)

    assert (process.returncode, out) == (130, "")
    assert re.match(r"interrupted: refused +http", err)
