"""Checks in the loop that asks for them, and through the portal where that cannot."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NoReturn, TypeVar

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

import tryconnect
from tests.support.leaks import SLOW
from tests.support.loops.minimal import MinimalLoop
from tests.support.loops.planted import PlantedLoop, planted
from tests.support.programs import run as run_program
from tryconnect import FetchError, Reason
from tryconnect import testing as peers
from tryconnect._check.transports import aiohttp_only
from tryconnect._client import MonitorClient
from tryconnect._model.faults import LocalFault
from tryconnect._runtime import portal

T = TypeVar("T")
Check = Callable[[tryconnect.Client], Coroutine[Any, Any, T]]


@pytest.fixture(scope="module")
def server() -> Iterator[peers.HttpServer]:
    with peers.in_thread(peers.http_server()) as peer:
        yield peer


@pytest.fixture(scope="module")
def tls_server() -> Iterator[peers.HttpServer]:
    with peers.in_thread(peers.http_server(tls=peers.server_context())) as peer:
        yield peer


@pytest.fixture(scope="module")
def unix_server() -> Iterator[peers.UnixPeer]:
    with peers.in_thread(peers.unix_server()) as peer:
        yield peer


@pytest.fixture(scope="module")
def silent() -> Iterator[peers.Peer]:
    with peers.in_thread(peers.silent()) as peer:
        yield peer


@pytest.fixture(scope="module")
def urls(
    server: peers.HttpServer, tls_server: peers.HttpServer, unix_server: peers.UnixPeer
) -> dict[str, str]:
    """One good address of each scheme."""
    return {
        "http": server.url,
        "https": tls_server.url,
        "tcp": f"tcp://{server.address}",
        "unix": unix_server.url,
    }


def run(kind: type[asyncio.AbstractEventLoop], work: Coroutine[Any, Any, T]) -> T:
    def make() -> asyncio.AbstractEventLoop:
        loop = kind()
        loop.slow_callback_duration = SLOW
        return loop

    with asyncio.Runner(debug=True, loop_factory=make) as runner:
        return runner.run(work)


def using(kind: type[asyncio.AbstractEventLoop], check: Check[T], **options: Any) -> T:
    """Run a check with a client of its own in a loop of its own."""

    async def visit() -> T:
        async with tryconnect.Client(proxy=None, **options) as client:
            return await check(client)

    return run(kind, visit())


# --- what a loop lacks


LACKS = {
    "connect": {"http": ["connect"], "https": ["connect"], "tcp": ["connect"], "unix": []},
    "stream": {"http": ["connect", "stream"], "https": [], "tcp": [], "unix": []},
    "tls": {"http": [], "https": ["connect", "tls"], "tcp": [], "unix": []},
    "unix": {"http": [], "https": [], "tcp": [], "unix": ["unix"]},
}
"""What is tried in vain, for each thing that a loop lacks and each scheme; ``[]``: nothing is."""


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("lacking", LACKS)
def test_what_a_loop_lacks_is_done_through_the_portal_and_not_tried_again(
    lacking: str,
    wrapped: bool,  # noqa: FBT001
    urls: dict[str, str],
    client_ssl: ssl.SSLContext,
) -> None:
    for scheme, url in urls.items():
        kind = planted(lacking, wrapped=wrapped)
        in_vain = LACKS[lacking][scheme]
        for tried in (in_vain, []):
            kind.tried.clear()

            with aiohttp_only():
                report = using(kind, lambda client, url=url: client.probe(url), ssl=client_ssl)  # type: ignore[misc]

            assert report.ok, (scheme, report)
            if in_vain:
                assert kind.tried == tried
            else:
                assert lacking not in kind.tried
                assert kind.tried


@pytest.mark.parametrize("scheme", ["tcp", "unix"])
@pytest.mark.parametrize("lacking", LACKS)
def test_the_reactor_needs_none_of_it(lacking: str, scheme: str, urls: dict[str, str]) -> None:
    kind = planted(lacking, wrapped=False)

    report = using(kind, lambda client: client.probe(urls[scheme]))

    assert report.ok
    assert not kind.tried


class Two(AbstractResolver):
    """Knows two addresses of every name."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        both = ("127.0.0.2", "127.0.0.1")
        return [
            ResolveResult(
                hostname=host, host=ip, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for ip in both
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("scheme", ["http", "tcp"])
def test_a_want_is_found_among_other_failures(scheme: str, server: peers.HttpServer) -> None:
    """aiohappyeyeballs joins the texts of what several addresses failed of, and drops the rest."""
    kind = planted("connect")
    guard = tryconnect.Guard(lambda ip: str(ip) == "127.0.0.1")
    address = f"{scheme}://some.test:{server.port}"

    report = using(kind, lambda client: client.probe(address), guard=guard, resolver=Two())

    assert report.ok
    kind.tried.clear()
    assert using(kind, lambda client: client.probe(address), guard=guard, resolver=Two()).ok
    assert kind.tried == []


def test_a_redirect_to_what_a_loop_lacks(
    server: peers.HttpServer, tls_server: peers.HttpServer, client_ssl: ssl.SSLContext
) -> None:
    kind = planted("tls")
    url = server.at(f"/redirect-to?location={tls_server.url}")

    report = using(kind, lambda client: client.probe(url), ssl=client_ssl)

    assert report.ok
    assert report.url == tls_server.url
    assert len(report.hops) == 1
    kind.tried.clear()
    assert using(kind, lambda client: client.probe(server.url)).ok
    assert kind.tried == ["connect", "stream"]  # http is still its own


def test_the_calls_of_the_package_are_dispatched_alike(server: peers.HttpServer) -> None:
    kind = planted("connect")

    async def visit() -> tuple[bool, str]:
        return await tryconnect.try_connect(server.url), await tryconnect.fetch_text(server.url)

    assert run(kind, visit()) == (True, "hello")
    assert kind.tried == ["connect"]


def test_fifty_at_once_share_one_network(server: peers.HttpServer) -> None:
    async def visit() -> list[bool]:
        return await asyncio.gather(*(tryconnect.try_connect(server.url) for _ in range(50)))

    assert run(planted("stream"), visit()) == [True] * 50


def test_a_want_that_the_portal_has_too_is_not_the_loops(server: peers.HttpServer) -> None:
    class Unfinished(AbstractResolver):
        async def resolve(self, *_: object, **__: object) -> list[ResolveResult]:
            raise NotImplementedError("to be done")

        async def close(self) -> None:
            pass

    kind = planted()
    for _ in range(2):
        report = using(
            kind, lambda client: client.probe("http://some.test/"), resolver=Unfinished()
        )
        assert report.reason is Reason.unknown
        assert "to be done" in report.detail
    assert using(kind, lambda client: client.probe(server.url)).ok
    assert kind.tried == ["connect", "stream"]


# --- what the caller chose


@pytest.mark.parametrize("kind", [planted("tls"), planted("connect", wrapped=True)])
def test_natively_a_want_is_a_fault_of_this_machine(
    kind: type[PlantedLoop], tls_server: peers.HttpServer, client_ssl: ssl.SSLContext
) -> None:
    async def check(client: tryconnect.Client) -> tryconnect.Report:
        with pytest.raises(FetchError, match="PlantedLoop"):
            await client.fetch_text(tls_server.url)
        return await client.probe(tls_server.url)

    report = using(kind, check, loop="native", ssl=client_ssl)

    assert report.reason is Reason.local
    assert report.detail == (
        "this event loop (PlantedLoop) cannot check https:// addresses itself: "
        'tryconnect.Client(loop="portal") can, and so can the default'
    )
    assert Reason.local is using(kind, check, loop="native", ssl=client_ssl).reason


@pytest.mark.parametrize("kind", [MinimalLoop])
def test_natively_without_a_clock(kind: type[MinimalLoop], server: peers.HttpServer) -> None:
    async def visit() -> tryconnect.Report:
        async with tryconnect.Client(loop="native") as client:
            return await client.probe(server.url)

    loop = kind()
    try:
        report = loop.run_until_complete(visit())
    finally:
        loop.close()

    assert report.reason is Reason.local
    assert "MinimalLoop" in report.detail


def test_the_portal_leaves_the_loop_alone(
    server: peers.HttpServer, unix_server: peers.UnixPeer
) -> None:
    async def check(client: tryconnect.Client) -> bool:
        text = await client.fetch_text(server.url)
        return text == "hello" and await client.try_connect(unix_server.url)

    kind = planted()
    assert using(kind, check, loop="portal")
    assert kind.tried == []


def test_a_sound_loop_is_left_for_nothing(
    server: peers.HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tryconnect._check.dispatch.call", lambda _: pytest.fail("the portal was used")
    )

    async def check(client: tryconnect.Client) -> tuple[bool, bool]:
        return await client.try_connect(server.url), await client.try_connect("tcp://127.0.0.1:1")

    assert using(planted(), check) == (True, False)


# --- time


@pytest.mark.slow
def test_the_portal_gets_what_is_left_of_the_time(silent: peers.Peer) -> None:
    async def check(client: tryconnect.Client) -> tuple[float, tryconnect.Report]:
        started = time.monotonic()
        report = await client.probe(silent.url, timeout=0.3)
        return time.monotonic() - started, report

    took, report = using(planted("stream", delay=0.2), check)

    assert report.reason is Reason.timeout
    assert 0.3 <= took < 0.5
    assert report.timings.total == pytest.approx(took, abs=0.1)
    assert report.timings.response is not None
    assert report.timings.response < 0.2


def test_a_loop_by_the_walls_clock_is_not_trusted_with_a_deadline(
    server: peers.HttpServer,
) -> None:
    class Wall(planted()):  # type: ignore[misc]
        def time(self) -> float:
            return time.time()

    assert using(Wall, lambda client: client.probe(server.url)).ok
    assert Wall.tried == []


@pytest.mark.slow
@pytest.mark.parametrize("loop", ["native", "portal"])
def test_a_loop_that_stands_still_makes_nothing_late_in_the_portal(loop: str) -> None:
    async def check(client: tryconnect.Client) -> Reason:
        await client.try_connect("tcp://127.0.0.1:1")  # opens the portal
        checking = asyncio.ensure_future(client.probe(peer.url, timeout=0.25))
        await asyncio.sleep(0.01)
        time.sleep(0.5)  # noqa: ASYNC251 - as a GUI does that draws
        return (await checking).reason

    with peers.in_thread(peers.raw(delay=0.05)) as peer:
        reason = using(planted(), check, loop=loop)
    assert reason is (Reason.ok if loop == "portal" else Reason.timeout)


def test_a_cancellation_reaches_the_portal(silent: peers.Peer) -> None:
    async def check(client: tryconnect.Client) -> float:
        before = silent.connections
        task = asyncio.ensure_future(client.probe(silent.url, timeout=5))
        while silent.connections == before:  # noqa: ASYNC110 - another thread counts
            await asyncio.sleep(0.001)
        started = time.monotonic()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    assert using(planted(), check, loop="portal") < 0.5


# --- a resolver of the caller's


class Bound(AbstractResolver):
    """Works in one loop only, and notes where and for how long it is asked."""

    def __init__(self, *, hangs: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self._hangs = hangs
        self.asked = 0
        self.ended = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family
        assert asyncio.get_running_loop() is self._loop
        self.asked += 1
        try:
            await (self._loop.create_future() if self._hangs else asyncio.sleep(0))
            if host == "no.test":
                raise OSError(None, "no such name")
        finally:
            self.ended += 1
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        raise AssertionError("it is the caller's")


def test_a_resolver_is_asked_in_its_own_loop(server: peers.HttpServer) -> None:
    async def visit() -> None:
        resolver = Bound()
        async with tryconnect.Client(loop="portal", proxy=None, resolver=resolver) as client:
            assert await client.try_connect(f"http://some.test:{server.port}/")
            assert (await client.probe("http://no.test/")).reason is Reason.dns_failed
        assert (resolver.asked, resolver.ended) == (2, 2)

    run(planted(), visit())


def test_a_resolver_that_hangs_is_cancelled() -> None:
    async def visit() -> None:
        resolver = Bound(hangs=True)
        async with tryconnect.Client(loop="portal", proxy=None, resolver=resolver) as client:
            report = await client.probe("http://some.test/", timeout=0.05)
            assert report.reason is Reason.timeout
            await asyncio.sleep(0.01)
        assert (resolver.asked, resolver.ended) == (1, 1)

    run(planted(), visit())


# --- the end


def test_connections_are_kept_in_the_portal_until_the_client_closes() -> None:
    async def check(client: tryconnect.Client) -> list[bool]:
        return [await client.try_connect(kept.url) for _ in range(3)]

    with peers.in_thread(peers.http_server()) as kept:
        assert using(planted(), check, loop="portal") == [True] * 3
        assert kept.connections == 1


def test_closed_under_a_check(silent: peers.Peer) -> None:
    async def visit() -> tryconnect.Report:
        client = tryconnect.Client(loop="portal", proxy=None)
        async with client:
            before = silent.connections
            checking = asyncio.ensure_future(client.probe(silent.url))
            while silent.connections == before:  # noqa: ASYNC110 - another thread counts
                await asyncio.sleep(0.001)
        return await checking

    report = run(planted(), visit())
    assert report.reason is Reason.local
    assert report.detail == "the client was closed while the check was under way"


def test_a_closing_that_is_cancelled_closes_all_the_same(server: peers.HttpServer) -> None:
    async def visit() -> None:
        client = tryconnect.Client(loop="portal", proxy=None)
        await client.__aenter__()
        await client.try_connect(server.url)
        closing = asyncio.ensure_future(client.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing

    run(planted(), visit())


def test_a_loop_that_goes_with_a_check_under_way_leaves_nothing(silent: peers.Peer) -> None:
    before = silent.connections
    loop = planted("connect")()
    loop.set_exception_handler(lambda *_: None)  # it complains of the task, rightly
    task = loop.create_task(tryconnect.try_connect(silent.url, timeout=0.1))
    task.add_done_callback(lambda _: None)
    while silent.connections == before:
        loop.call_later(0.001, loop.stop)
        loop.run_forever()
    loop.close()
    task.get_coro().close()  # type: ignore[union-attr, unused-ignore]
    del task


def test_one_check_is_one_record(
    server: peers.HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "tryconnect"):
        assert using(planted("connect"), lambda client: client.probe(server.url)).ok
    assert len([record for record in caplog.records if record.name == "tryconnect"]) == 1


def test_a_portal_that_cannot_be_opened_is_reported(
    server: peers.HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise LocalFault("no thread")

    monkeypatch.setattr(portal, "portal_loop", fail)

    async def visit() -> tryconnect.Report:
        client = tryconnect.Client(loop="portal")
        await client.__aenter__()
        report = await client.probe(server.url)
        client._abandon()
        return report

    report = run(planted(), visit())
    assert (report.reason, report.detail) == (Reason.local, "no thread")


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, os.strerror(errno.EMFILE)), MemoryError()])
async def test_want_on_the_way_to_a_check_is_our_own_fault(
    error: Exception, server: peers.HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr("tryconnect._check.dispatch._network", none_left)
    async with tryconnect.Client(proxy=None) as client:
        report = await client.probe(server.url)

    assert report.reason is Reason.local
    assert "the address was not tried" in report.detail
    assert isinstance(report.error, LocalFault)
    assert report.error.__cause__ is error


async def test_no_memory_to_load_aiohttp_is_our_own_fault(
    server: peers.HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left() -> NoReturn:
        raise MemoryError

    monkeypatch.delitem(sys.modules, "tryconnect._check.network", raising=False)
    monkeypatch.setattr("tryconnect._check.loading.afford_loading", none_left)
    client = MonitorClient(proxy=None)
    report = await anext(client.probe_many([server.url], transport="aiohttp"))

    assert report.reason is Reason.local
    assert "the address was not tried" in report.detail


async def test_who_leaves_a_check_that_went_on_through_a_proxy_ends_it(
    silent: peers.Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", silent.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    before = silent.connections
    head = b"HTTP/1.1 302 Found\r\nLocation: http://shop.test/\r\n\r\n"
    async with asyncio.timeout(10), peers.raw(head) as peer, MonitorClient() as client:
        check = asyncio.ensure_future(client.probe(peer.url, timeout=60))
        while silent.connections == before:  # noqa: ASYNC110 - nobody rings
            await asyncio.sleep(0.001)
        check.cancel()
        with pytest.raises(asyncio.CancelledError):
            await check


WITHOUT_THREADS = """
import asyncio, threading
import tryconnect
from tests.support.limits import no_thread_to_be_had

ADDRESS = "http://127.0.0.1:1/"

async def main():
    for fewer_at_the_end in (True, False):
        client = tryconnect.Client(loop="portal", proxy=None)
        await client.__aenter__()
        with no_thread_to_be_had():
            print((await client.probe(ADDRESS)).reason)
            if fewer_at_the_end:
                await client.aclose()
        await client.aclose()
        print((await tryconnect.probe(ADDRESS)).reason)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a stack that is too large for Linux")
def test_a_client_can_be_closed_where_no_portal_could_be_opened() -> None:
    done = run_program(WITHOUT_THREADS)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["local", "refused"] * 2


def test_threads_do_not_grow_with_checks(server: peers.HttpServer) -> None:
    async def check(client: tryconnect.Client) -> None:
        await asyncio.gather(*(client.try_connect(server.url) for _ in range(20)))

    using(planted(), check, loop="portal")
    before = {thread.name for thread in threading.enumerate()}
    using(planted(), check, loop="portal")
    assert {thread.name for thread in threading.enumerate()} <= before
