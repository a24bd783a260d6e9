"""Whole programs print nothing, leave nothing behind, and do not wait for abandoned work.

Each runs in its own process, in development mode with warnings as errors, as users would run it:
``python -X dev -W error``.
"""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Iterator

import pytest

from tests.support.programs import run
from tryconnect import testing as peers
from tryconnect.testing import dns

pytestmark = pytest.mark.slow

PREAMBLE = """
import asyncio, os, random, sys, threading, time
import tryconnect, tryconnect.sync

url = sys.argv[1]

def open_things():
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

before = open_things()
"""

# pycares keeps one daemon thread for the life of the process.
EPILOGUE = """
deadline = time.monotonic() + 1
while True:
    descriptors, threads = open_things()
    if descriptors <= before[0] and threads <= before[1] + 1:
        break
    assert time.monotonic() < deadline, (before, (descriptors, threads), threading.enumerate())
    time.sleep(0.01)
"""

PROGRAMS = {
    "one call": "assert asyncio.run(tryconnect.try_connect(url))",
    "500 calls at once": """
        async def main():
            # Making 500 tasks takes asyncio's debug mode 0.1 s, of which it would complain.
            asyncio.get_running_loop().slow_callback_duration = 1
            return await asyncio.gather(*(tryconnect.try_connect(url) for _ in range(500)))
        assert all(asyncio.run(main()))
    """,
    "two loops, one after the other": """
        assert asyncio.run(tryconnect.try_connect(url))
        assert asyncio.run(tryconnect.try_connect(url))
    """,
    "200 sync calls": """
        assert all(tryconnect.sync.try_connect(url) for _ in range(200))
    """,
    "a sync client": """
        with tryconnect.sync.Client() as client:
            assert all(client.try_connect(url) for _ in range(20))
    """,
    "cancelled at 500 random moments": """
        async def main():
            chance = random.Random(2026)
            for _ in range(500):
                task = asyncio.create_task(tryconnect.try_connect(url))
                await asyncio.sleep(chance.random() * 0.01)
                task.cancel()
                try:
                    assert await task is True
                except asyncio.CancelledError:
                    pass
                assert asyncio.all_tasks() == {asyncio.current_task()}
        asyncio.run(main())
    """,
    "cancelled before aiohttp is imported": """
        async def main():
            task = asyncio.create_task(tryconnect.try_connect(url))
            await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            return await tryconnect.try_connect(url)
        assert asyncio.run(main())
    """,
    "a loop in each of 8 threads": """
        answers = []
        def work():
            answers.append(asyncio.run(tryconnect.try_connect(url)))
        workers = [threading.Thread(target=work) for _ in range(8)]
        [worker.start() for worker in workers]
        [worker.join() for worker in workers]
        assert answers == [True] * 8
    """,
    "a program that fails with checks under way": """
        async def main():
            tasks = [asyncio.create_task(tryconnect.try_connect(url)) for _ in range(20)]
            await asyncio.sleep(0.005)
            raise LookupError
        try:
            asyncio.run(main())
        except LookupError:
            pass
    """,
    "a fork after a look-up": """
        assert asyncio.run(tryconnect.try_connect(url))
        child = os.fork()
        if child == 0:
            before = open_things()
            assert all(tryconnect.sync.try_connect(url) for _ in range(20))
            time.sleep(0.5)
            after = open_things()
            os._exit(after[0] > before[0] or after[1] > before[1] + 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    """,
    "a loop thrown away with a look-up under way": """
        import gc, socket
        assert asyncio.run(tryconnect.try_connect(url))
        let_go = threading.Event()
        socket.getaddrinfo = lambda *_, **__: let_go.wait()
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)  # it complains of the task, rightly
        task = loop.create_task(tryconnect.try_connect("printer.local"))
        loop.call_later(0.01, loop.stop)
        loop.run_forever()
        loop.close()
        del task, loop
        gc.collect()
        let_go.set()
        assert asyncio.run(tryconnect.try_connect(url))
    """,
}


# So does the portal, once it has started.
OPEN_PORTAL = """
from tryconnect._runtime import portal
portal.run(lambda: asyncio.sleep(0))
before = open_things()
"""

THROUGH_PORTAL = {
    "a list of 200, on the reactor": """
        assert all(report.ok for report in tryconnect.sync.probe_many([url] * 200))
    """,
    "200 checks at once": """
        async def main():
            asyncio.get_running_loop().slow_callback_duration = 1
            async with tryconnect.Client(loop="portal") as client:
                return await asyncio.gather(*(client.try_connect(url) for _ in range(200)))
        assert all(asyncio.run(main()))
    """,
    "a client for each of 50": """
        async def check():
            async with tryconnect.Client(loop="portal") as client:
                return await client.try_connect(url)
        async def main():
            return await asyncio.gather(*(check() for _ in range(50)))
        assert all(asyncio.run(main()))
    """,
    "cancelled at 200 random moments": """
        async def main():
            chance = random.Random(2026)
            async with tryconnect.Client(loop="portal") as client:
                for _ in range(200):
                    task = asyncio.create_task(client.try_connect(url))
                    await asyncio.sleep(chance.random() * 0.01)
                    task.cancel()
                    try:
                        assert await task is True
                    except asyncio.CancelledError:
                        pass
                    assert len(asyncio.all_tasks(portal.portal_loop())) == 0
        asyncio.run(main())
    """,
    "a program that fails with checks under way": """
        async def main():
            async with tryconnect.Client(loop="portal") as client:
                tasks = [asyncio.create_task(client.try_connect(url)) for _ in range(20)]
                await asyncio.sleep(0.005)
                raise LookupError
        try:
            asyncio.run(main())
        except LookupError:
            pass
    """,
    "a fork while a run goes on": """
        probes = tryconnect.sync.probe_many([url] * 40, limit=4)
        assert next(probes).ok
        child = os.fork()
        if child == 0:
            assert all(report.ok for report in tryconnect.sync.probe_many([url] * 20))
            async def main():
                async with tryconnect.Client(loop="portal") as client:
                    return await client.try_connect(url)
            os._exit(not asyncio.run(main()))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert sum(report.ok for report in probes) == 39
    """,
}
PROGRAMS |= {
    f"{name}, through the portal": OPEN_PORTAL + textwrap.dedent(program)
    for name, program in THROUGH_PORTAL.items()
}


@pytest.fixture(scope="module")
def server() -> Iterator[peers.HttpServer]:
    with peers.in_thread(peers.http_server()) as peer:
        yield peer


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_ends_clean(name: str, host: str, server: peers.HttpServer) -> None:
    program = PREAMBLE + textwrap.dedent(PROGRAMS[name]) + EPILOGUE

    done = run(program, f"http://{host}:{server.port}/")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_count_of_open_things_bites(server: peers.HttpServer) -> None:
    program = f"{PREAMBLE}\nkept = open('/dev/null')\n{EPILOGUE}"

    done = run(program, server.url)

    assert done.returncode == 1
    assert "AssertionError" in done.stderr


SILENT = """
import asyncio, sys, time
import tryconnect
from tryconnect._transport.resolver import Resolver

async def main():
    # Whole calls are timed, since single steps take long on a busy machine.
    asyncio.get_running_loop().slow_callback_duration = 1
    async with tryconnect.Client(resolver=Resolver(nameservers=sys.argv[2:])) as client:
        await client.try_connect("https://127.0.0.1:1/")  # warms: contexts are made once
        for _ in range(5):
            started = time.perf_counter()
            assert not await client.try_connect(sys.argv[1], timeout=1.0)
            print(time.perf_counter() - started)

asyncio.run(main())
print(time.time())
"""


def _assert_in_time(*words: str) -> None:
    """Check a silent peer five times; then expect the process to exit."""
    done = run(SILENT, *words)
    ended = time.time()

    assert (done.returncode, done.stderr) == (0, "")
    *calls, left_at = map(float, done.stdout.split())
    # The promise is 0.05 s; a machine that also runs other tests gets some more.
    assert 1.0 <= sorted(calls)[len(calls) // 2] < 1.25
    assert ended - left_at < 1.0


def test_a_silent_server_takes_its_second_and_no_more() -> None:
    with peers.in_thread(peers.silent()) as peer:
        _assert_in_time(peer.url)


def test_a_silent_handshake_takes_its_second_and_no_more() -> None:
    with peers.in_thread(peers.tls_server("silent_handshake")) as peer:
        _assert_in_time(peer.url)


def test_a_silent_name_server_takes_its_second_and_no_more() -> None:
    zone = {"quiet.test": dns.SILENT}
    with peers.in_thread(peers.dns_server(zone)) as peer:
        _assert_in_time("http://quiet.test/", peer.address)

        assert {query.name for query in peer.queries} == {"quiet.test"}


AT_EXIT = """
import sys, time
from tryconnect import sync
from tryconnect._transport.resolver import Resolver

good, silent, nameserver = sys.argv[1:]
client = sync.Client(resolver=Resolver(nameservers=[nameserver]))
probes = client.probe_many([*[silent] * 60, *["http://quiet.test/"] * 20, good], limit=81)
assert next(probes).ok
print(time.time())
"""


def test_nobody_waits_at_exit_for_what_goes_on_in_the_portal(server: peers.HttpServer) -> None:
    zone = {"quiet.test": dns.SILENT}
    with peers.in_thread(peers.silent()) as silent, peers.in_thread(dns.server(zone)) as names:
        for _ in range(3):
            done = run(AT_EXIT, server.url, silent.url, names.address)
            ended = time.time()

            assert (done.returncode, done.stderr) == (0, "")
            assert ended - float(done.stdout) < 1.0
        assert names.queries
        assert len(silent.requests) == 3 * 60


def test_a_hung_system_look_up_holds_nothing() -> None:
    """What name servers do not know is asked of getaddrinfo, which hangs here."""
    hung = """
        import socket
        from tryconnect._transport import name_settings
        from tryconnect._transport.nsswitch import NameServices
        others = NameServices(ours=("files",), others=True)
        name_settings._nsswitch.read = lambda: others
        def hang(*args, **options):
            time.sleep(30)
        socket.getaddrinfo = hang
        report = asyncio.run(tryconnect.probe("tcp://printer.local:80", timeout=0.3))
        assert report.reason == "timeout", report
        print(report.detail)
    """

    started = time.monotonic()
    done = run(PREAMBLE + textwrap.dedent(hung), "")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("no answer from the name servers for ")
    assert time.monotonic() - started < 10
