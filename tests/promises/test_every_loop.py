"""The same suite runs in every supported event loop, each in its own process, as users run it."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.loops.drivers import DRIVERS
from tests.support.screen import screen
from tryconnect import testing as peers

ROOT = Path(__file__).parent.parent.parent

each_loop = pytest.mark.parametrize(
    "loop",
    [
        pytest.param(name, marks=pytest.mark.wants(**driver.wants) if driver.wants else ())
        for name, driver in DRIVERS.items()
    ],
)


class Ran(NamedTuple):
    """A program that has ended."""

    outcomes: dict[str, Any]
    code: int
    stderr: str


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    """One server of each kind."""
    with (
        peers.in_thread(peers.http_server()) as http,
        peers.in_thread(peers.http_server(tls=peers.server_context())) as https,
        peers.in_thread(peers.tls_server("expired")) as untrusted,
        peers.in_thread(peers.unix_server()) as unix,
        peers.in_thread(peers.silent()) as silent,
    ):
        yield {
            "http": http.url,
            "missing": http.at("/status/404"),
            "https": https.url,
            "tcp": f"tcp://{http.address}",
            "unix": unix.url,
            "name": f"http://localhost:{http.port}/",
            "refused": "tcp://127.0.0.1:1",
            "untrusted": untrusted.url,
            "silent": silent.url,
        }


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """Run an X server without a screen; yields an empty string if no test needs one."""
    if shutil.which("Xvfb") is None:
        yield ""
        return
    with screen() as display:
        yield display


@pytest.fixture
def ran(loop: str, addresses: dict[str, str], ca_file: Path, display: str) -> Ran:
    """Return the results of the loop's program, which runs once for all tests."""
    return run(loop, json.dumps(addresses), str(ca_file), display)


@functools.cache
def run(loop: str, addresses: str, ca_file: str, display: str) -> Ran:
    strict = ["-X", "dev", "-W", "error", *(f"-W{noise}" for noise in DRIVERS[loop].noise)]
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, *strict, "-m", "tests.support.loops.program", loop, addresses],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env={
            **os.environ,
            "SSL_CERT_FILE": ca_file,
            "NO_PROXY": "*",
            "QT_API": "pyside6",
            "QT_QPA_PLATFORM": "offscreen",
            "DISPLAY": display,
        },
    )
    *noise, last = done.stdout.splitlines() or [""]
    assert noise == [], done.stdout + done.stderr
    return Ran(json.loads(last or "{}"), done.returncode, done.stderr)


EXPECTED = {
    "http": ["ok", 200],
    "https": ["ok", True],
    "tcp": "ok",
    "unix": "ok",
    "name": ["ok", True],
    "refused": "refused",
    "certificate": "tls_certificate",
    "fetch_text": "hello",
    "failed_fetch": 404,
    "kept": [False, True, True],
    "bulk": ["ok"] * 25 + ["refused"] * 25,
    "forgotten_bulk": "ok",
    "waiting": ["ok", "ok"],
    "waiting_in_vain": ["refused"],
    "watching": "ok",
    "chosen": ["ok"] * 4,
    "tasks": 0,
}


@pytest.mark.slow
@each_loop
def test_the_end_is_clean(ran: Ran) -> None:
    assert (ran.code, ran.stderr) == (0, "")


@pytest.mark.slow
@each_loop
@pytest.mark.parametrize("case", EXPECTED)
def test_what_comes_of_it(case: str, ran: Ran) -> None:
    assert ran.outcomes[case] == EXPECTED[case]


@each_loop
def test_jobs_of_the_executor_may_block(loop: str, ran: Ran) -> None:
    has_none = loop in {"minimal", "slotted"}

    said = ran.outcomes.get("in_executor")

    assert said == (None if has_none else [True, "hello", "ok", "ok", "ok"])


@each_loop
def test_silence_ends_with_its_deadline(ran: Ran) -> None:
    reason, took = ran.outcomes["silent"]

    assert reason == "timeout"
    assert 0.28 <= took < 1  # Qt's timers may be early by 5 %


@each_loop
def test_a_cancellation_is_obeyed_at_once(ran: Ran) -> None:
    assert ran.outcomes["cancelled"] < 0.5


@each_loop
def test_the_portal_is_opened_by_need_only(loop: str, ran: Ran) -> None:
    assert ran.outcomes["portal"] is bool(DRIVERS[loop].through_portal)


@each_loop
@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_no_thread_is_made_but_those_of_c_ares(loop: str, ran: Ran) -> None:
    others = DRIVERS[loop].threads + ran.outcomes["portal"]
    assert ran.outcomes["threads"] <= 1 + others  # pycares keeps one
    assert ran.outcomes["most threads"] <= 2 + others  # and c-ares has one while it works


def test_the_documents_say_which_loop_takes_which_road() -> None:
    page = (ROOT / "docs" / "howto" / "event-loops.rst").read_text("utf-8")
    table = page.partition("held to tests/support/loops/drivers.py")[2].partition(".. table ends")[
        0
    ]
    said = [(row[:34].strip(), *row[47:].split()) for row in table.strip().splitlines()[3:-1]]

    assert said == [
        (
            driver.title,
            *("portal" if scheme in driver.through_portal else "itself" for scheme in TOLD),
        )
        for driver in DRIVERS.values()
    ]


TOLD = ("http", "https", "tcp")
