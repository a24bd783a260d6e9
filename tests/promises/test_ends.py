"""Loops, processes and programs that end during checks, in every phase.

As in ``test_lifecycle.py``, nothing is printed, nothing is left, and nothing blocks.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import textwrap
import warnings
from collections.abc import Iterator

import aiohttp
import pytest

import tryconnect
from tests.support.event_loops import FACTORIES
from tests.support.phases import CLIENTS, phases
from tests.support.programs import run
from tryconnect import testing as peers

pytestmark = pytest.mark.slow

ENDS = {
    "a loop that is closed under its checks": """
        async def lonely(place):
            async with tryconnect.Client(proxy=None, ssl=trusting) as client:
                await client.probe(at[place])

        async def begin():
            waiting = ("name", "connect", "connect tcp", "tls", "response", "response tls")
            begun = [
                *(tryconnect.probe(at[place]) for place in waiting),
                *(lonely(place) for place in waiting),
                tryconnect.fetch_text(at["body"]),
            ]
            begun = [asyncio.ensure_future(quiet(each)) for each in begun]
            await asyncio.sleep(0.2)
            return [task for task in begun if not task.done()]

        def left_alone():
            loop = new_loop()
            told = []
            loop.set_exception_handler(lambda _, context: told.append(str(context.get("message"))))
            pending = len(loop.run_until_complete(begin()))
            # asyncio, uvloop and aiohttp warn of what is open, and the order in which the garbage
            # collector ends them and our coroutines is its own.
            warnings.simplefilter("ignore", ResourceWarning)
            loop.close()
            return pending, told

        # Libraries' objects turn to their loop once more as they are collected, and fail.
        sys.unraisablehook = lambda _: None
        for _ in range(3):
            pending, told = left_alone()
            gc.collect()
            assert pending > 10, pending
            # asyncio's and aiohttp's own complaints about a loop that is closed with pending work.
            own = {"Unclosed connector", "Unclosed client session", "Unclosed response"}
            own.add("None")  # uvloop's
            assert set(told) - own == {"Task was destroyed but it is pending!"}, told
    """,
    "asyncio.run left by an exception": """
        async def main(error):
            async with calls() as opened:
                begun = [asyncio.ensure_future(quiet(call())) for call in opened]
                await asyncio.sleep(0.1)
                raise error

        async def main_in_a_group(error):
            async with calls() as opened, asyncio.TaskGroup() as group:
                begun = [group.create_task(quiet(call())) for call in opened]
                await asyncio.sleep(0.1)
                raise error

        for start in (main, main_in_a_group):
            for error in (LookupError(), SystemExit(3), KeyboardInterrupt()):
                try:
                    with asyncio.Runner(loop_factory=new_loop) as runner:
                        runner.run(start(error))
                except BaseException as caught:
                    assert error in (caught, *getattr(caught, "exceptions", ())), caught
                else:
                    raise AssertionError("nothing was raised")
    """,
    "interrupted by a signal": """
        async def main():
            async with calls() as opened:
                begun = [asyncio.ensure_future(quiet(call())) for call in opened]
                asyncio.get_running_loop().call_later(0.1, signal.raise_signal, signal.SIGINT)
                await asyncio.sleep(5)

        try:
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(main())
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("nothing was raised")
    """,
    "a fork with a live session": """
        async def main():
            async with tryconnect.Client(proxy=None) as client:
                assert await client.probe(at["good"])
                under_way = asyncio.ensure_future(client.probe(at["response"]))
                await asyncio.sleep(0.05)
                child = os.fork()
                if child == 0:
                    ended = tryconnect.sync.probe_many([at["good"]] * 20)
                    os._exit(not all(ended) or not tryconnect.sync.try_connect(at["good"]))
                # Waiting in the loop, for the child's calls may need its server's answers only.
                while True:
                    pid, status = os.waitpid(child, os.WNOHANG)
                    if pid:
                        break
                    await asyncio.sleep(0.01)
                assert os.waitstatus_to_exitcode(status) == 0
                assert await client.probe(at["good"])
                under_way.cancel()
                await asyncio.wait([under_way])
                assert under_way.cancelled()

        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(main())
    """,
    "a loop in each of 8 threads": """
        async def main(failed):
            async with calls() as opened:
                begun = [asyncio.ensure_future(quiet(call())) for call in opened]
                await asyncio.sleep(0.1)
                for task in begun:
                    task.cancel()
                await asyncio.wait(begun)
                failed += [task for task in begun if not task.cancelled() and task.exception()]

        def work(failed):
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(main(failed))

        failed = []
        workers = [threading.Thread(target=work, args=(failed,)) for _ in range(8)]
        [worker.start() for worker in workers]
        [worker.join() for worker in workers]
        assert failed == [], failed
    """,
    "whose guard, resolver and addresses stop the program": """
        class Stopping(Resolver):
            async def resolve(self, *_, **__):
                raise kind(3)

        def stop(*_):
            raise kind(3)

        async def guarded(address):
            guard = tryconnect.Guard(stop)
            async with tryconnect.Client(guard=guard) as client:
                await client.probe(address)

        async def resolved():
            async with tryconnect.Client(resolver=Stopping(), proxy=None) as client:
                await client.probe("http://some.test/")

        def addresses():
            yield at["good"]
            yield at["response"]
            stop()

        async def read():
            async with tryconnect.probe_many(addresses()) as probes:
                async for _ in probes:
                    pass

        stops = [
            lambda: guarded(at["good"]),
            lambda: guarded(at["two addresses"]),
            lambda: guarded(at["port"]),
            lambda: guarded(at["two addresses"].replace("http", "tcp").rstrip("/")),
            resolved,
            read,
        ]
        # Of two addresses, each is tried in a task of its own; the one that stops the program is
        # raised once more when the other is cancelled, and asyncio says so.
        logging.getLogger("asyncio").addFilter(lambda record: "never retrieved" not in record.msg)
        for kind in (KeyboardInterrupt, SystemExit):
            for start in stops:
                try:
                    with asyncio.Runner(loop_factory=new_loop) as runner:
                        runner.run(start())
                except kind:
                    pass
                else:
                    raise AssertionError((kind, start))
    """,
}
"""What each program does after ``CLIENTS``."""

PREAMBLE = """
import logging, warnings, pycares

if sys.argv[2:] == ["uvloop"]:
    # See test_cancellation.py.
    logging.getLogger("asyncio").addFilter(lambda record: "SSL protocol" not in record.msg)

async def quiet(coroutine):
    with contextlib.suppress(tryconnect.TryConnectError):
        await coroutine

def open_things():
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

with asyncio.Runner(loop_factory=new_loop) as runner:  # what lives as long as the process
    runner.run(tryconnect.try_connect(at["good"].replace("127.0.0.1", "localhost")))
pycares.Channel(servers=["127.0.0.1"]).close()
before = open_things()
"""

# pycares closes channels in its own thread.
EPILOGUE = """
deadline = time.monotonic() + 10
while True:
    gc.collect()
    descriptors, threads = open_things()
    if descriptors <= before[0] and threads <= before[1]:
        break
    assert time.monotonic() < deadline, (before, (descriptors, threads), threading.enumerate())
    time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def places() -> Iterator[str]:
    with peers.in_thread(phases()) as opened:
        yield opened


@pytest.mark.parametrize("loop", FACTORIES)
@pytest.mark.parametrize("name", ENDS)
def test_nothing_is_left_of(name: str, loop: str, places: str) -> None:
    program = CLIENTS + PREAMBLE + textwrap.dedent(ENDS[name]) + EPILOGUE

    done = run(program, places, loop)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_wait_can_be_let_go_where_its_loop_was_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its owner, or by the garbage collector."""
    failed: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: failed.append(unraisable.object))
    with peers.in_thread(peers.silent()) as peer, peers.in_thread(peers.closed_port()) as port:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)  # it complains of the tasks, rightly
        coroutine = tryconnect.wait_until_up(peer.url, f"tcp://{port.address}")
        task = loop.create_task(coroutine)
        loop.run_until_complete(asyncio.sleep(0.05))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # the libraries' own
            loop.close()
            coroutine.close()
            del coroutine, task
            gc.collect()
    # aiohttp's response turns to the closed loop if the collector meets it before our coroutine.
    assert set(failed) <= {aiohttp.ClientResponse.__del__}
