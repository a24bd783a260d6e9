"""Blocking calls where gevent or eventlet has patched the standard library."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from tests.support.ports import free_port
from tests.support.programs import ROOT, run
from tryconnect import sync
from tryconnect import testing as peers
from tryconnect._runtime import greenlets

pytestmark = pytest.mark.slow

PATCHED = """
from gevent import monkey
monkey.patch_all({patch})
import sys
import gevent
from gevent import joinall, pywsgi, spawn
from tryconnect import sync

def hello(environ, start_response):
    gevent.sleep(0.1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]

server = pywsgi.WSGIServer(("127.0.0.1", 0), hello, log=None, error_log=None)
server.start()
url = f"http://127.0.0.1:{{server.server_port}}/"
named = url.replace("127.0.0.1", "localhost")

def at_once(work, count=4):
    jobs = [spawn(work) for _ in range(count)]
    joinall(jobs, timeout=10)
    for job in jobs:
        assert job.ready(), "it still waits"
    return [job.get() for job in jobs]
"""

CALLS = {
    "probe": ("sync.probe(url, timeout=5).reason", "ok"),
    "by name": ("sync.probe(named, timeout=5).reason", "ok"),
    "TLS": ('sync.probe(url.replace("http:", "https:"), timeout=5).reason', "tls_handshake"),
    "tcp": ('sync.try_connect("tcp://127.0.0.1:1", timeout=5)', "False"),
    "fetch": ("sync.fetch_text(url, timeout=5)", "hello"),
    "deadline": ("sync.probe(url, timeout=0.02).reason", "timeout"),
    "many": ("len([*filter(None, sync.probe_many([url] * 9 + ['tcp://127.0.0.1:1']))])", "9"),
    "wait": ("sync.wait_until_up(url, timeout=5)[0].reason", "ok"),
    "watch": ("next(sync.watch(url)).reason", "ok"),
    "client": ("client()", "[True, 'hello', True, True]"),
    "cut short": ("cut()", "cut"),
    "inside a loop": ("inside()", "RuntimeError"),
}

HELPERS = """
def client():
    with sync.Client(proxy=None) as checks:
        text = checks.fetch_text(url)
        waited = checks.wait_until_up(url, timeout=5)
        return [checks.try_connect(url), text, bool(waited[0]), next(checks.watch(url)).ok]

def cut():
    with gevent.Timeout(0.02, False):
        sync.probe(url, timeout=5)
        return "answered"
    return "cut"

def inside():
    import asyncio
    async def block():
        sync.probe(url)
    try:
        asyncio.run(block())
    except RuntimeError as error:
        return type(error).__name__
"""


@pytest.mark.wants(module="gevent")
@pytest.mark.parametrize("patch", ["", "thread=False"])
def test_greenlets_call_at_the_same_time(patch: str) -> None:
    calls = [f"print(*at_once(lambda: {call}), sep='; ')" for call, _ in CALLS.values()]
    # Only one loop of the program's own can run, also without tryconnect.
    calls[-1] = calls[-1].replace("())", "()), 1)").replace("inside()), 1)", "inside(), 1)")
    done = run("\n".join([PATCHED.format(patch=patch), HELPERS, *calls]))

    outcomes = ["; ".join([wanted] * 4) for _, wanted in CALLS.values()]
    outcomes[-1] = CALLS["inside a loop"][1]
    assert done.stdout.splitlines() == outcomes, done.stderr
    assert done.returncode == 0


@pytest.mark.wants(module="gevent")
def test_where_gevent_comes_too_late_it_says_so_at_once() -> None:
    done = run(
        "from tryconnect import Client, sync\n"
        "Client()\n"
        "import warnings; warnings.simplefilter('ignore')\n"
        "from gevent import monkey; monkey.patch_all()\n"
        "sync.probe('http://127.0.0.1:1/')\n"
    )
    assert "RuntimeError: tryconnect.sync.probe cannot run: gevent has patched" in done.stderr


@pytest.mark.wants(module="eventlet")
@pytest.mark.parametrize(
    "call", ["probe('tcp://127.0.0.1:1')", "Client().__enter__()", "watch('a.test').__next__()"]
)
def test_under_eventlet_it_says_so_at_once(call: str) -> None:
    done = run(
        "import warnings; warnings.simplefilter('ignore')\n"
        "import eventlet; eventlet.monkey_patch()\n"
        f"from tryconnect import sync\nsync.{call}\n"
    )
    assert "cannot run where eventlet has patched the standard library" in done.stderr


def traced(name: str) -> Any:
    """A function of ``_thread``, but a debugger sees what the thread does."""

    def start(function: Callable[[], object], _: object) -> None:
        threading.Thread(target=function).start()

    return {"start_new_thread": start, "allocate_lock": threading.Lock}[name]


def test_what_a_thread_makes_it_runs_and_its_maker_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greenlets, "native", traced)
    ran: SimpleQueue[tuple[list[int], int]] = SimpleQueue()

    made = greenlets.start_native(
        lambda: [threading.get_ident()], lambda it: ran.put((it, threading.get_ident()))
    )
    it, runner = ran.get(timeout=5)

    assert it is made
    assert made == [runner] != [threading.get_ident()]


def test_what_a_thread_cannot_make_is_its_makers_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greenlets, "native", traced)
    ran: list[object] = []

    with pytest.raises(ZeroDivisionError):
        greenlets.start_native(lambda: 1 / 0, ran.append)
    assert not ran


@pytest.mark.wants(module="gevent")
def test_an_event_is_waited_for_as_long_as_one_likes() -> None:
    def wait() -> list[bool]:
        event = greenlets.GreenletEvent()
        waits = [event.wait(0), event.wait(0.001)]
        timer = threading.Timer(0.05, event.set)
        timer.start()
        waits += [event.wait(), event.wait(0)]
        timer.join()
        gevent.get_hub().destroy(destroy_loop=True)
        return waits

    gevent = pytest.importorskip("gevent")
    with ThreadPoolExecutor(1) as thread:  # a hub for each
        assert thread.submit(wait).result() == [False, False, True, True]


def test_a_wait_without_an_end_outlasts_the_hours_of_which_it_is_made() -> None:
    asked: list[float] = []
    answers = iter([False, False, True, False])

    def wait(seconds: float) -> bool:
        asked.append(seconds)
        return next(answers)

    event = object.__new__(greenlets.GreenletEvent)
    event._event = SimpleNamespace(wait=wait)

    assert event.wait()
    assert not event.wait(0.5)
    assert asked == [3600, 3600, 3600, 0.5]


APP = """
from tryconnect import sync

def app(environ, start_response):
    report = sync.probe(environ["QUERY_STRING"], timeout=5)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [report.reason.encode()]
"""


@pytest.mark.wants(module="gevent")
@pytest.mark.wants(module="gunicorn")
def test_gunicorns_greenlets_check_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    (tmp_path / "checker.py").write_text(APP)
    place = f"127.0.0.1:{free_port()}"
    words = ["-m", "gunicorn", "-k", "gevent", "-w", "1", "-b", place, "checker:app"]
    with (
        peers.in_thread(peers.http_server()) as slow,
        subprocess.Popen([sys.executable, *words], cwd=tmp_path) as server,  # noqa: S603
        ThreadPoolExecutor(4) as askers,
    ):
        assert sync.wait_until_up(f"tcp://{place}", timeout=30)
        url = f"http://{place}/?{slow.at('/slow-body?seconds=0.3')}"
        answers = [*askers.map(requests.get, [url] * 4)]
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) == 0

    assert [answer.text for answer in answers] == ["ok"] * 4
