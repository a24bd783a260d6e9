"""The functions and the client for programs without an event loop."""

from __future__ import annotations

import asyncio
import gc
import inspect
import itertools
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from yarl import URL

import tryconnect
from tests.support.programs import PRELUDE
from tryconnect import FetchError, Reason, WaitTimeout, sync
from tryconnect import testing as peers
from tryconnect._options import ClientOptions
from tryconnect._runtime import portal

FUNCTIONS: list[Callable[..., object]] = [
    sync.try_connect,
    sync.probe,
    sync.fetch,
    sync.fetch_text,
]
each_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: each.__name__)
METHODS = [function.__name__ for function in FUNCTIONS]


@pytest.fixture(scope="module")
def server() -> Iterator[peers.HttpServer]:
    with peers.in_thread(peers.http_server()) as peer:
        yield peer


def test_it_has_the_names_of_the_package() -> None:
    calls = {
        name for name in tryconnect.__all__ if inspect.iscoroutinefunction(vars(tryconnect)[name])
    }

    assert set(sync.__all__) == calls | {
        *("BlockingProbes", "BlockingWatch", "Client", "probe_many", "watch")
    }


# --- functions


def test_what_they_return(server: peers.HttpServer) -> None:
    assert sync.try_connect(server.url) is True
    assert sync.probe(server.url).status == 200
    assert sync.fetch_text(server.url) == "hello"
    assert sync.fetch(URL(server.url)).text == "hello"


def test_options_pass_through(server: peers.HttpServer) -> None:
    assert not sync.try_connect(server.url, expect=404)
    assert sync.probe(server.url, expect="4xx").reason is Reason.status
    assert sync.fetch_text(server.at("/status/404"), expect=404) == ""
    with pytest.raises(FetchError):
        sync.fetch_text(server.url, max_bytes=4)
    with peers.in_thread(peers.silent()) as silent:
        assert sync.probe(silent.url, timeout=0.05).reason is Reason.timeout


@each_function
def test_nonsense_is_refused(function: Callable[..., object]) -> None:
    with pytest.raises(TypeError, match=r"^an address is a str"):
        function(42)
    with pytest.raises(ValueError, match=r"^timeout is a number"):
        function("http://127.0.0.1:1/", timeout=0)


@each_function
async def test_inside_a_loop_they_name_the_await(function: Callable[..., object]) -> None:
    name = function.__name__
    with pytest.raises(RuntimeError) as caught:
        function("http://127.0.0.1:1/")
    assert str(caught.value) == (
        f"tryconnect.sync.{name} would stop the event loop that runs here; "
        f"write: await tryconnect.{name}(…)"
    )
    del caught
    gc.collect()  # a coroutine that was never awaited would complain now


@each_function
def test_they_work_in_any_thread(function: Callable[..., object], server: peers.HttpServer) -> None:
    answers: list[object] = []
    threads = [
        threading.Thread(target=lambda: answers.append(function(server.url))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 3
    assert all(answers)


MARKS: dict[str, Callable[[], object]] = {
    "something else": object,  # as QtAsyncio does in its executor's threads
    "a loop of another thread": portal.portal_loop,
}


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS)
def test_they_work_in_a_thread_that_is_only_marked(
    mark: Callable[[], object], server: peers.HttpServer
) -> None:
    answers: list[object] = []

    def work() -> None:
        asyncio._set_running_loop(mark())  # type: ignore[arg-type]
        answers.append(sync.try_connect(server.url))
        answers.append(sync.probe("http://127.0.0.1:1/").reason)
        with sync.Client(proxy=None) as client:
            answers.append(client.fetch_text(server.url))
            answers.extend(report.ok for report in client.probe_many([server.url] * 2))
            answers.append(next(client.watch(server.url)).ok)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert answers == [True, "refused", "hello", True, True, True]


async def test_they_work_in_a_thread_beside_a_loop(server: peers.HttpServer) -> None:
    done = asyncio.Event()
    answers: list[bool] = []
    loop = asyncio.get_running_loop()

    def work() -> None:
        answers.append(sync.try_connect(server.url))
        loop.call_soon_threadsafe(done.set)

    thread = threading.Thread(target=work)
    thread.start()
    await done.wait()
    thread.join()

    assert answers == [True]


# --- streams of reports


@pytest.fixture(params=["function", "client"])
def way(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What offers the streams."""
    if request.param == "function":
        yield sync
    else:
        with sync.Client(proxy=None) as client:
            yield client


def test_many_addresses_make_a_report_each(way: Any, server: peers.HttpServer) -> None:
    addresses = [server.url, "no address", URL(server.url), "127.0.0.1:1"]

    reports = list(way.probe_many(iter(addresses), ordered=True))

    assert [report.reason for report in reports] == ["ok", "invalid_address", "ok", "refused"]


def test_counts_are_those_of_the_run(way: Any, server: peers.HttpServer) -> None:
    probes = way.probe_many([server.url] * 5 + ["no address"])
    assert (probes.started, probes.finished) == (0, 0)

    assert len(list(probes)) == 6

    assert (probes.started, probes.finished) == (6, 6)
    assert probes.counts == {Reason.ok: 5, Reason.invalid_address: 1}


@pytest.mark.slow
def test_a_slow_reader_sees_no_false_timeout(way: Any, server: peers.HttpServer) -> None:
    for report in way.probe_many([server.url] * 5, limit=5, timeout=0.2):
        assert report
        time.sleep(0.3)


def test_addresses_are_pulled_in_the_readers_thread_and_not_far_ahead(
    way: Any, server: peers.HttpServer
) -> None:
    threads, pulled = set(), itertools.count()

    def endless() -> Iterator[str]:
        for _ in pulled:
            threads.add(threading.current_thread())
            yield server.url

    with way.probe_many(endless(), limit=3) as probes:
        for _ in range(20):
            assert next(probes)
        time.sleep(0.05)
        assert probes.started <= 20 + 2 * 3

    assert threads == {threading.current_thread()}
    assert next(pulled) <= 20 + 3 * 3 + 1
    with pytest.raises(StopIteration):
        next(probes)


def test_a_slow_input_holds_back_no_report(way: Any, server: peers.HttpServer) -> None:
    def slow() -> Iterator[str]:
        for _ in range(3):
            yield server.url
            time.sleep(0.2)

    started = time.monotonic()
    with way.probe_many(slow()) as probes:
        next(probes)

        assert time.monotonic() - started < 0.4


def test_a_fault_of_the_input_reaches_the_reader(way: Any) -> None:
    def broken() -> Iterator[str]:
        yield "127.0.0.1:1"
        raise LookupError

    with way.probe_many(broken()) as probes, pytest.raises(LookupError):
        list(probes)


@pytest.mark.parametrize("nonsense", ["example.com", 7])
def test_what_is_not_many_addresses_is_refused(way: Any, nonsense: Any) -> None:
    with pytest.raises(TypeError):
        way.probe_many(nonsense)


def test_a_run_that_is_dropped_leaves_nothing(way: Any) -> None:
    """The leak guard sees that its sockets are closed."""
    with peers.in_thread(peers.silent()) as silent:
        for report in way.probe_many(["no address", *[silent.url] * 20]):
            assert report.reason is Reason.invalid_address
            break


def test_closing_twice_and_before_the_beginning_does_nothing(way: Any) -> None:
    probes = way.probe_many(["127.0.0.1:1"])
    probes.close()
    probes.close()

    assert list(probes) == []


def test_waiting(way: Any, server: peers.HttpServer) -> None:
    (report,) = way.wait_until_up(server.url, timeout=5)
    assert report.ok
    (report,) = way.wait_until_down("127.0.0.1:1", timeout=5)
    assert report.reason is Reason.refused
    with pytest.raises(WaitTimeout):
        way.wait_until_down(server.url, timeout=0.2)


def test_watching(way: Any) -> None:
    with peers.in_thread(peers.http_server()) as server:
        watch = way.watch(server.url, every=0.02)
        assert next(watch).ok
    for report in watch:
        assert report.reason is Reason.refused
        break


@pytest.mark.parametrize("stream", ["probe_many", "watch"])
async def test_inside_a_loop_streams_name_the_async_for(stream: str) -> None:
    reports = getattr(sync, stream)(["a.test"] if stream == "probe_many" else "a.test")

    with pytest.raises(RuntimeError, match=rf"async for report in tryconnect\.{stream}"):
        next(reports)


# --- what is the caller's


@pytest.fixture
def _policies_are_deprecated() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def current_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_event_loop_policy().get_event_loop()


@pytest.mark.usefixtures("_policies_are_deprecated")
def test_the_callers_current_loop_stays(server: peers.HttpServer) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    policy = asyncio.get_event_loop_policy()
    try:
        assert sync.try_connect(server.url)
        with sync.Client(proxy=None) as client:
            assert client.try_connect(server.url)
            assert current_loop() is loop
        assert current_loop() is loop
        assert not loop.is_closed()
        assert asyncio.get_event_loop_policy() is policy
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@pytest.mark.usefixtures("_policies_are_deprecated")
def test_a_foreign_policy_is_not_obeyed(server: peers.HttpServer) -> None:
    class Foreign(asyncio.DefaultEventLoopPolicy):
        """A GUI's: its loop is not to be had like that."""

        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            raise AssertionError("the policy was asked")

    before = asyncio.get_event_loop_policy()
    policy = Foreign()
    asyncio.set_event_loop_policy(policy)
    try:
        assert sync.try_connect(server.url)
        with sync.Client(proxy=None) as client:
            assert client.try_connect(server.url)
        assert asyncio.get_event_loop_policy() is policy
    finally:
        asyncio.set_event_loop_policy(before)


# --- the client


def test_a_client_keeps_connections() -> None:
    with peers.in_thread(peers.http_server()) as server:
        with sync.Client(proxy=None) as client:
            assert client.try_connect(server.url)
            assert client.probe(server.url).ok
            assert client.fetch_text(server.url) == "hello"
            assert client.fetch(server.url).text == "hello"

        assert len(server.requests) == 4
        assert server.connections < 4


@pytest.mark.parametrize("method", METHODS)
def test_a_client_works_only_while_open(method: str, server: peers.HttpServer) -> None:
    client = sync.Client(proxy=None)
    words = r"^a Client works inside of: with tryconnect\.sync\.Client\(\) as client$"
    with pytest.raises(RuntimeError, match=words):
        getattr(client, method)(server.url)
    with client:
        assert getattr(client, method)(server.url)
        client.close()
        client.close()
        with pytest.raises(RuntimeError, match=r"^this Client is closed"):
            getattr(client, method)(server.url)


def test_a_client_cannot_be_open_twice() -> None:
    with sync.Client() as client:
        with pytest.raises(RuntimeError, match="open already"):
            client.__enter__()
        assert not client.try_connect("http://127.0.0.1:1/")


def test_a_client_can_be_opened_again(server: peers.HttpServer) -> None:
    client = sync.Client(proxy=None)
    for _ in range(2):
        with client:
            assert client.try_connect(server.url)


async def test_no_client_inside_a_loop() -> None:
    words = r"^tryconnect.sync.Client would stop .*: async with tryconnect.Client"
    with pytest.raises(RuntimeError, match=words):
        sync.Client().__enter__()


@pytest.mark.parametrize("method", ["try_connect", "probe", "fetch_text", "fetch"])
def test_no_call_inside_a_loop(method: str) -> None:
    with sync.Client() as client:

        async def inside() -> None:
            with pytest.raises(RuntimeError, match=rf"^tryconnect\.sync\.Client\.{method} would"):
                getattr(client, method)("http://127.0.0.1:1/")

        asyncio.run(inside())
        gc.collect()


@pytest.mark.parametrize("options", [{"family": "ipv5"}, {"ssl": 42}])
def test_a_clients_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"family|ssl"):
        sync.Client(**options)


def test_an_opening_that_fails_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, server: peers.HttpServer
) -> None:
    client = sync.Client(proxy=None)
    with monkeypatch.context() as patch:
        patch.setattr(tryconnect.Client, "_open", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            client.__enter__()
    with client:
        assert client.try_connect(server.url)


# --- signals

INTERRUPTED = """
    import sys
    import tryconnect.sync
    try:
        {call}
    except KeyboardInterrupt:
        print("interrupted")
"""
INTERRUPTED_CALLS = {
    "try_connect": "tryconnect.sync.try_connect(sys.argv[1])",
    "fetch_text": "tryconnect.sync.fetch_text(sys.argv[1])",
    "Client": "with tryconnect.sync.Client() as client: client.probe(sys.argv[1])",
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT for one process is POSIX's")
@pytest.mark.parametrize("name", INTERRUPTED_CALLS)
def test_an_interrupt_passes(name: str) -> None:
    program = PRELUDE + textwrap.dedent(INTERRUPTED.format(call=INTERRUPTED_CALLS[name]))
    with peers.in_thread(peers.silent()) as peer:
        words = [sys.executable, "-X", "dev", "-W", "error", "-c", program, peer.url]
        with subprocess.Popen(  # noqa: S603 - our own words
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            while not peer.requests and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)

    assert (process.returncode, out, err) == (0, "interrupted\n", "")


NAMES = ["try_connect", "probe", "fetch", "fetch_text", "wait_until_up", "wait_until_down"]


@pytest.mark.parametrize("name", NAMES)
def test_name_signature_and_help_are_the_coroutines(name: str) -> None:
    for ours, owner in ((sync, tryconnect), (sync.Client, tryconnect.Client)):
        blocking, function = getattr(ours, name), getattr(owner, name)
        assert inspect.signature(blocking) == inspect.signature(function)
        doc = (inspect.getdoc(function) or "").replace("await tryconnect.", "tryconnect.sync.")
        assert inspect.getdoc(blocking) == doc
        assert blocking.__qualname__ == function.__qualname__
        assert blocking.__module__.startswith("tryconnect.sync")
        assert not inspect.iscoroutinefunction(blocking)
    assert pickle.loads(pickle.dumps(getattr(sync, name))) is getattr(sync, name)  # noqa: S301


def test_the_clients_take_the_same_options() -> None:
    assert inspect.signature(sync.Client) == inspect.signature(tryconnect.Client)
    assert {*ClientOptions.__annotations__} == {*inspect.signature(sync.Client).parameters}
    with pytest.raises(TypeError):
        sync.Client(x=1)  # type: ignore[call-arg]
