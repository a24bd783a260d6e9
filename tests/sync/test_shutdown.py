"""Blocking calls in finalisers, while the interpreter shuts down."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import pytest

from tryconnect import sync
from tryconnect._model.faults import LocalFault
from tryconnect._runtime.portal import portal_loop
from tryconnect._runtime.threads import run_in_daemon_thread

pytestmark = pytest.mark.slow

LAST = """
from tryconnect import sync
{before}

class Last:
    def __del__(self):
        try:
            print({call}, flush=True)
        except BaseException as error:
            print(type(error).__name__, error, flush=True)

last = Last()
"""

CALLS = [
    "sync.try_connect('tcp://127.0.0.1:1', timeout=1)",
    "list(sync.probe_many(['tcp://127.0.0.1:1'], timeout=1))",
    "next(sync.watch('tcp://127.0.0.1:1'))",
    "sync.Client().__enter__()",
]
BEFORE = {
    "first": "",
    "after a check": CALLS[0],
    "after a bulk run": CALLS[1],
}


@pytest.mark.slow
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("call", CALLS)
def test_a_last_check_says_at_once_that_it_cannot_be_made(before: str, call: str) -> None:
    """Up to Python 3.11 a thread that is started then never runs, and its start is waited for."""
    program = LAST.format(before=before, call=call)
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=20
    )
    if "Client" in call:  # that it makes takes aiohttp, which cannot be imported any more
        assert "shutting down" in done.stdout
    else:
        assert done.stdout.startswith("RuntimeError tryconnect.sync.")
        assert "the interpreter is shutting down" in done.stdout


async def test_no_thread_and_no_portal_is_started_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "is_finalizing", lambda: True)
    for start in (portal_loop, partial(run_in_daemon_thread, list, name="last")):
        with pytest.raises(LocalFault, match=r"^the interpreter is shutting down"):
            start()


def test_no_blocking_call_is_begun_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "is_finalizing", lambda: True)
    with pytest.raises(
        RuntimeError, match=r"sync.try_connect cannot run: the interpreter is shutt"
    ):
        sync.try_connect("tcp://127.0.0.1:1")
