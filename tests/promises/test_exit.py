"""Programs that exit while a thread of ours is inside a library: they end as they should.

``tools/exits.py`` does it some hundred times.
"""

from __future__ import annotations

import os

import pytest

from tests.support.programs import run

pytestmark = pytest.mark.slow

ENDS_EARLY = """
import asyncio, threading, time
import tryconnect, tryconnect._check.session
from tryconnect._transport import tls

make = tls._make
entered = threading.Event()

def slow(wanted):
    entered.set()
    time.sleep(0.3)
    print("made", flush=True)
    return make(wanted)

tls._make = slow

async def main():
    check = asyncio.create_task(tryconnect.probe("https://127.0.0.1:9/", timeout=0.01))
    while not entered.is_set():
        await asyncio.sleep(0.001)
    check.cancel()
    await asyncio.wait([check])
    print("cancelled", check.cancelled(), flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
def test_the_exit_waits_for_the_thread_that_reads_certificates() -> None:
    done = run(ENDS_EARLY)

    assert (done.returncode, done.stdout.split(), done.stderr) == (
        0,
        ["cancelled", "True", "made"],
        "",
    )


HANGS = """
import atexit, threading, time

def told():
    print(time.perf_counter() - began < 4, flush=True)

atexit.register(told)
from tryconnect._runtime import at_exit
from tryconnect._runtime.threads import run_in_daemon_thread
import asyncio

async def main():
    run_in_daemon_thread(threading.Event().wait, name="stuck", exit_waits=True)

asyncio.run(main())
at_exit.MAX_WAIT = 0.2
began = time.perf_counter()
"""


@pytest.mark.slow
def test_but_only_so_long() -> None:
    done = run(HANGS)

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "True", "")


AT_EXIT = """
import atexit, asyncio
import tryconnect, tryconnect._check.session

def check():
    report = asyncio.run(tryconnect.probe("https://127.0.0.1:9/", timeout=5))
    print(report.reason, flush=True)

asyncio.run(tryconnect.probe("tcp://127.0.0.1:9", timeout=5))
atexit.register(check)
"""


@pytest.mark.slow
def test_a_check_during_the_exit_reads_certificates_by_itself_or_says_why_not() -> None:
    done = run(AT_EXIT)

    assert done.returncode == 0
    assert done.stdout.strip() in {"refused", "local"}
    assert done.stderr == ""


PORTAL = """
import asyncio, threading
import tryconnect
from tryconnect._runtime import portal

async def busy():
    while True:
        await asyncio.sleep(0)

portal.start_soon(busy)
"""


@pytest.mark.slow
def test_the_portal_is_parked_and_says_nothing() -> None:
    done = run(PORTAL)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


FORKED = """
import os, sys, time, warnings
warnings.simplefilter("ignore")
from tryconnect._runtime import portal

portal.portal_loop()
child = os.fork()
if child == 0:
    sys.exit(0)
began = time.perf_counter()
assert os.waitpid(child, 0)[1] == 0
print(time.perf_counter() - began < 1.5)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_of_a_fork_waits_for_none_of_its_parents_threads() -> None:
    done = run(FORKED)

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "True", "")


@pytest.mark.slow
@pytest.mark.parametrize("timeout", [0.001, 0.005, 0.02])
def test_an_exit_right_after_a_check_of_https(timeout: float) -> None:
    program = f"""
import asyncio
import tryconnect, tryconnect._check.session
asyncio.run(tryconnect.probe("https://127.0.0.1:9/", timeout={timeout}))
"""
    assert [run(program).returncode for _ in range(5)] == [0] * 5
