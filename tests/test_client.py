"""The owner of a session: its options, its life, and the connections that it keeps."""

from __future__ import annotations

import asyncio
import math
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

import tryconnect
from tests.support.event_loops import LoopFactory, each_factory, on_each_loop
from tests.support.programs import run
from tests.support.unloadable import Unloadable
from tryconnect import Client, Expect, FetchError, Guard, Reason, Report, WaitTimeout
from tryconnect import testing as peers
from tryconnect._check.session import Checker

METHODS = ("try_connect", "probe", "fetch_text", "fetch")

# --- options

NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({"family": "ipv5"}, "family is one of any, ipv4, ipv6, not 'ipv5'"),
    ({"family": None}, "family is one of any, ipv4, ipv6, not None"),
    ({"loop": "gui"}, "loop is one of auto, native, portal, not 'gui'"),
    ({"loop": None}, "loop is one of auto, native, portal, not None"),
    ({"ssl": "no"}, """ssl is an ssl.SSLContext, "system", False or None, not 'no'"""),
    ({"ssl": 0}, 'ssl is an ssl.SSLContext, "system", False or None, not 0'),
    (
        {"ssl": "system", "ca_file": "x"},
        'ssl="system" trusts what the system does, and no ca_file besides',
    ),
    ({"key_file": "x"}, "key_file needs cert_file, whose key it is"),
    ({"resolve": {"h:1": "name"}}, "resolve needs an IP address for h:1, not 'name'"),
    ({"resolve": {"h:1": []}}, "resolve needs an IP address for h:1"),
    ({"headers": {"": "x"}}, "'' cannot be the name of a header"),
    ({"headers": {"a b": "x"}}, "'a b' cannot be the name of a header"),
    ({"headers": {"a:": "x"}}, "'a:' cannot be the name of a header"),
    ({"headers": {"ä": "x"}}, "'ä' cannot be the name of a header"),
    ({"headers": {"a\r\nb": "x"}}, r"'a\r\nb' cannot be the name of a header"),
    ({"headers": {"a": "x\r\nb: y"}}, "the header a needs a text of one line"),
    ({"headers": {"a": "x\n"}}, "the header a needs a text of one line"),
    ({"headers": {"a": "\0"}}, "the header a needs a text of one line"),
    ({"headers": {"a": None}}, "the header a needs a text of one line"),
    ({"headers": {"a": 1}}, "the header a needs a text of one line"),
    ({"headers": {"a": b"x"}}, "the header a needs a text of one line"),
    ({"user_agent": "x\ny"}, "the header User-Agent needs a text of one line"),
    ({"user_agent": None}, "the header User-Agent needs a text of one line"),
    ({"proxy": ""}, 'no proxy is proxy=None; the environment\'s is proxy="env"'),
    (
        {"proxy": "ftp://127.0.0.1:1080"},
        (
            "a proxy has an address of one of http://, https://, socks4://, socks4a://, "
            "socks5://, socks5h://, not ftp://"
        ),
    ),
    (
        {"proxy": "http://127.0.0.1:8080", "guard": Guard.public()},
        "with a guard there can be no proxy: it is the proxy that would connect",
    ),
]


def test_a_context_of_ones_own_takes_no_files(client_ssl: ssl.SSLContext) -> None:
    with pytest.raises(ValueError, match=r"^a context of your own has its files already: "):
        Client(ssl=client_ssl, ca_file="x")


@pytest.mark.parametrize(
    ("options", "sentence"), NONSENSE, ids=lambda value: repr(value).partition(" at 0x")[0][:40]
)
def test_nonsense_is_refused_in_one_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole sentence is compared
        Client(**options)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("options", [{"unknown": 1}, {"proxy": 42}, {"headers": 42}])
def test_what_is_no_option_at_all_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Client(**options)


def test_a_header_that_cannot_be_encoded_is_refused() -> None:
    with pytest.raises(ValueError, match="header a"):
        Client(headers={"a": "\ud800"})


SENSE: list[dict[str, Any]] = [
    {},
    {"headers": {}},
    {"headers": {"X-Tab": "a\tb", "X-Umlaut": "ü", "X-Empty": ""}},
    {"ssl": ssl.create_default_context()},
    {"ssl": False},
    {"ssl": True},
    {"proxy": None},
    {"proxy": "127.0.0.1:8080"},
    {"proxy": URL("http://127.0.0.1:8080")},
    {"family": "ipv6"},
    {"loop": "native"},
    {"loop": "portal"},
    {"user_agent": "mine/1"},
]


@pytest.mark.parametrize(
    "options", SENSE, ids=lambda value: repr(value).partition(" at 0x")[0][:40]
)
async def test_sense_is_accepted(options: dict[str, Any]) -> None:
    async with Client(**options):
        pass


NO_TIMES: list[Any] = [0, -1, -0.1, math.inf, math.nan, True, None, "10", "x", 1j, []]


@pytest.mark.parametrize("timeout", NO_TIMES, ids=repr)
async def test_a_timeout_is_a_number_above_0(timeout: Any) -> None:
    async with Client() as client:
        for method in METHODS:
            with pytest.raises(ValueError, match=r"^timeout is a number of seconds"):
                await getattr(client, method)("http://127.0.0.1:1/", timeout=timeout)


async def test_nor_is_a_number_that_no_float_can_hold() -> None:
    async with Client() as client:
        with pytest.raises(ValueError, match=r"^timeout is a number of seconds"):
            await client.probe("http://127.0.0.1:1/", timeout=10**400)


@pytest.mark.parametrize("max_bytes", [0, -1, 1.5, True, None, "1"], ids=repr)
async def test_max_bytes_is_a_whole_number(max_bytes: Any) -> None:
    async with Client() as client:
        with pytest.raises(ValueError, match=r"^max_bytes is a whole number above 0, not "):
            await client.fetch_text("http://127.0.0.1:1/", max_bytes=max_bytes)


@pytest.mark.parametrize("encoding", ["", "nonsense", "hex", "rot13"])
async def test_an_encoding_must_exist(encoding: str) -> None:
    async with Client() as client:
        with pytest.raises(ValueError, match="encoding"):
            await client.fetch_text("http://127.0.0.1:1/", encoding=encoding)


@pytest.mark.parametrize("expect", ["", "2x", "abc", 99, True, 2.0, [], "300-200"], ids=repr)
async def test_an_expectation_makes_sense(expect: Any) -> None:
    async with Client() as client:
        for method in METHODS:
            with pytest.raises(ValueError, match=r"^an expected status looks like "):
                await getattr(client, method)("http://127.0.0.1:1/", expect=expect)


@pytest.mark.parametrize("expect", ["2xx", 200, Expect(body="hello")], ids=repr)
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:7", "127.0.0.1:7", "unix:///run/none"])
async def test_nothing_is_expected_of_a_connection(address: str, expect: Any) -> None:
    async with Client() as client:
        with pytest.raises(ValueError, match=f" cannot be expected of {address}: only of"):
            await client.probe(address, expect=expect)


@pytest.mark.parametrize("address", [None, 42, b"http://127.0.0.1/", ["127.0.0.1"], object()])
async def test_an_address_is_a_text_or_a_url(address: Any) -> None:
    async with Client() as client:
        for method in METHODS:
            with pytest.raises(TypeError, match=r"^an address is a str or a yarl\.URL, not "):
                await getattr(client, method)(address)


async def test_a_yarl_url_will_do(http_server: peers.HttpServer) -> None:
    async with Client(proxy=None) as client:
        url = URL(http_server.url)
        report = await client.probe(url)

        assert await client.try_connect(url)
        assert await client.fetch_text(url) == "hello"
        assert (await client.fetch(url)).text == "hello"
    assert report.address == http_server.url


@pytest.mark.parametrize("address", ["", "http://", "no address", "\ud800", "x" * 100_000])
async def test_a_bad_address_raises_nothing(address: str) -> None:
    async with Client() as client:
        report = await client.probe(address)

        assert not await client.try_connect(address)
        with pytest.raises(FetchError) as caught:
            await client.fetch_text(address)
    assert report.reason is caught.value.report.reason is Reason.invalid_address


# --- its life

OPEN_FIRST = "^a Client works inside of: async with tryconnect.Client"


@pytest.mark.parametrize("method", METHODS)
async def test_it_works_only_while_open(method: str, http_server: peers.HttpServer) -> None:
    client = Client(proxy=None)
    with pytest.raises(RuntimeError, match=OPEN_FIRST):
        await getattr(client, method)(http_server.url)
    async with client:
        assert await getattr(client, method)(http_server.url)
    with pytest.raises(RuntimeError, match=r"^this Client is closed"):
        await getattr(client, method)(http_server.url)


async def test_it_cannot_be_open_twice() -> None:
    async with Client() as client:
        with pytest.raises(RuntimeError, match=r"^this Client is open already"):
            await client.__aenter__()


async def test_it_can_be_opened_again(http_server: peers.HttpServer) -> None:
    client = Client(proxy=None)
    for _ in range(2):
        async with client:
            assert await client.probe(http_server.url)


def test_it_belongs_to_one_loop() -> None:
    async def use() -> None:
        await client.probe("http://127.0.0.1:1/")

    async def opens() -> None:
        async with client:
            with pytest.raises(
                RuntimeError, match=r"^this Client was opened in another event loop"
            ):
                await asyncio.get_running_loop().create_task(in_another_loop())

    async def in_another_loop() -> None:
        # Another loop, in this same thread, as GUIs nest them.
        asyncio._set_running_loop(None)
        try:
            asyncio.run(use())
        finally:
            asyncio._set_running_loop(loop)

    client = Client()
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        runner.run(opens())


async def test_closing_twice_does_nothing(http_server: peers.HttpServer) -> None:
    async with Client(proxy=None) as client:
        assert await client.probe(http_server.url)
        await client.aclose()
        await client.aclose()
    await client.aclose()


class SlowToClose(Checker):
    """Takes a while to close, as connections over TLS may."""

    ended = 0

    async def aclose(self) -> None:
        await asyncio.sleep(0.02)
        await super().aclose()
        type(self).ended += 1


async def test_a_cancellation_does_not_stop_the_closing(
    monkeypatch: pytest.MonkeyPatch, https_server: peers.HttpServer
) -> None:
    monkeypatch.setattr("tryconnect._check.session.Checker", SlowToClose)
    monkeypatch.setattr(SlowToClose, "ended", 0)

    async def check() -> None:
        async with Client(ssl=peers.trusting(), proxy=None) as client:
            assert await client.probe(https_server.url)
            used.set()

    used = asyncio.Event()
    task = asyncio.ensure_future(check())
    await used.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.001)
    with pytest.raises(asyncio.CancelledError):
        await task

    assert SlowToClose.ended == 1


async def test_an_exception_inside_closes_too(http_server: peers.HttpServer) -> None:
    client = Client(proxy=None)

    async def fail() -> None:
        async with client:
            assert await client.probe(http_server.url)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    with pytest.raises(RuntimeError, match=r"^this Client is closed"):
        await client.probe(http_server.url)


@each_factory
def test_where_its_loop_is_gone_it_is_let_go(loop_factory: LoopFactory) -> None:
    """The garbage collector ends a block whose loop was closed under it; nothing can be awaited."""
    client = Client(proxy=None)
    loop = loop_factory()
    loop.run_until_complete(client.__aenter__())
    loop.close()

    for _ in range(2):
        with pytest.raises(StopIteration):
            client.__aexit__(GeneratorExit, GeneratorExit(), None).send(None)


@each_factory
def test_with_it_goes_what_repeated_checks_go_by(loop_factory: LoopFactory) -> None:
    """The leak guard counts descriptors."""
    client = Client(proxy=None)

    async def visit() -> None:
        await client.__aenter__()
        assert await client.wait_until_down("tcp://127.0.0.1:1", timeout=5)

    loop = loop_factory()
    loop.run_until_complete(visit())
    fresh = client._fresh
    loop.close()
    with pytest.raises(StopIteration):
        client.__aexit__(GeneratorExit, GeneratorExit(), None).send(None)

    assert fresh is not None
    assert fresh._session is None


# --- kept connections


@on_each_loop
@pytest.mark.parametrize("tls", ["plain", "tls"])
@pytest.mark.parametrize("path", ["/", "/status/204", "/status/404", "/redirect/3"])
async def test_connections_are_kept_from_check_to_check(path: str, tls: str) -> None:
    context = peers.server_context() if tls == "tls" else None
    async with (
        peers.http_server(tls=context) as server,
        Client(ssl=peers.trusting(), proxy=None) as client,
    ):
        for _ in range(3):
            assert await client.probe(server.at(path))
            await asyncio.sleep(0.005)  # the body, which nobody waits for, arrives meanwhile

        assert server.connections == 1


async def test_texts_keep_connections_too(http_server: peers.HttpServer) -> None:
    async with Client(proxy=None) as client:
        assert [await client.fetch_text(http_server.url) for _ in range(3)] == ["hello"] * 3

    assert http_server.connections == 1


async def test_checks_at_once_have_a_connection_each(http_server: peers.HttpServer) -> None:
    async with Client(proxy=None) as client:
        reports = await asyncio.gather(*(client.probe(http_server.url) for _ in range(20)))

    assert all(reports)
    assert http_server.connections == 20


async def test_an_unfinished_body_costs_the_connection(http_server: peers.HttpServer) -> None:
    async with Client(proxy=None) as client:
        for _ in range(2):
            assert await client.probe(http_server.at("/endless"))

        assert http_server.connections == 2


# --- cancellation

SILENT_PEERS: dict[str, Callable[[], AbstractAsyncContextManager[peers.Peer]]] = {
    "silent": peers.silent,
    "silent handshake": lambda: peers.tls_server("silent_handshake"),
    "body": lambda: peers.drip("body"),
}


@on_each_loop
@pytest.mark.parametrize("name", SILENT_PEERS)
async def test_a_cancellation_passes(name: str) -> None:
    async with SILENT_PEERS[name]() as peer, Client(ssl=peers.trusting(), proxy=None) as client:
        task = asyncio.ensure_future(client.fetch_text(peer.url))
        while not peer.connections:  # noqa: ASYNC110 - the peer has no event for it
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.slow
@on_each_loop
async def test_of_cancellation_and_deadline_the_cancellation_wins() -> None:
    """A task that was cancelled before its end ends cancelled, however close the deadline."""
    limit = 0.03
    async with peers.silent() as peer, Client(proxy=None) as client:
        loop = asyncio.get_running_loop()
        for offset in range(-5, 6):
            task = asyncio.ensure_future(client.probe(peer.url, timeout=limit))
            asked: list[bool] = []
            loop.call_later(limit + offset * 0.0002, lambda: asked.append(task.cancel()))  # noqa: B023
            await asyncio.wait([task])
            while not asked:  # noqa: ASYNC110 - a timer has no event
                await asyncio.sleep(0.001)

            assert task.cancelled() is asked[0]
            assert task.cancelled() or task.result().reason is Reason.timeout


async def test_a_deadline_of_the_callers_own() -> None:
    async with peers.silent() as peer, Client(proxy=None) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.probe(peer.url)


class Resolver(AbstractResolver):
    """Does something else than resolving."""

    def __init__(self, work: Callable[[], Awaitable[list[ResolveResult]]]) -> None:
        self.work = work

    async def resolve(self, *_: Any, **__: Any) -> list[ResolveResult]:
        return await self.work()

    async def close(self) -> None:
        """Nothing is open."""


async def swallows() -> list[ResolveResult]:
    """Turn a cancellation into a failure, as some libraries do."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError as error:
        raise OSError("no answer") from error
    return []


def raising(error: BaseException) -> Resolver:
    async def fail() -> list[ResolveResult]:
        raise error

    return Resolver(fail)


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_no_library_swallows_a_cancellation(scheme: str) -> None:
    async with Client(resolver=Resolver(swallows), proxy=None) as client:
        task = asyncio.ensure_future(client.probe(f"{scheme}://shop.example:80"))
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_a_deadline_is_one_for_such_a_library_too(scheme: str) -> None:
    async with Client(resolver=Resolver(swallows), proxy=None) as client:
        report = await client.probe(f"{scheme}://shop.example:80", timeout=0.05)

    assert report.reason is Reason.timeout


class OwnBaseError(BaseException):
    """Neither a failure nor a cancellation."""


async def test_what_is_no_exception_passes() -> None:
    async with Client(resolver=raising(OwnBaseError()), proxy=None) as client:
        with pytest.raises(OwnBaseError):
            await client.probe("tcp://shop.example:80")


@pytest.mark.parametrize("transport", ["auto", "aiohttp"])
async def test_what_is_no_exception_ends_a_list_too(transport: Any) -> None:
    async with Client(resolver=raising(OwnBaseError()), proxy=None) as client:
        with pytest.raises(OwnBaseError):
            await anext(client.probe_many(["http://shop.example:80"], transport=transport))


async def test_want_of_memory_is_our_own_fault() -> None:
    async with Client(resolver=raising(MemoryError()), proxy=None) as client:
        report: Report = await client.probe("tcp://shop.example:80")

    assert report.reason is Reason.local
    assert "out of memory" in report.detail


def test_a_client_is_made_without_a_loop() -> None:
    """Making one imports aiohttp, and a program chooses when to pay for that."""
    assert isinstance(tryconnect.Client(), Client)


# --- kept connections


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FAREWELL = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 6\r\n\r\nPOISON"


async def test_what_comes_while_nothing_is_asked_is_no_answer() -> None:
    async def answers_and_says_more(connection: peers.Connection) -> None:
        await connection.head()
        await connection.send(ANSWER)
        await asyncio.sleep(0.02)
        await connection.send(FAREWELL)
        await connection.until_gone()

    async with peers.serve(answers_and_says_more) as peer, Client(proxy=None) as client:
        texts = []
        for _ in range(3):
            texts.append(await client.fetch_text(peer.url))
            await asyncio.sleep(0.05)

    assert texts == ["ok"] * 3


async def test_connections_that_died_while_kept_are_not_blamed_on_the_peer() -> None:
    async def serves_once(connection: peers.Connection) -> None:
        await connection.head()
        await asyncio.sleep(0.02)
        await connection.send(ANSWER)
        await connection.head()
        connection.reset()

    async with peers.serve(serves_once) as peer, Client(proxy=None) as client:
        await asyncio.gather(*(client.fetch_text(peer.url) for _ in range(5)))
        reports = [await client.probe(peer.url) for _ in range(3)]

    assert [report.reason for report in reports] == [Reason.ok] * 3


async def test_a_client_that_is_closed_under_a_check_blames_itself() -> None:
    async with peers.silent() as peer:
        client = Client(proxy=None)
        await client.__aenter__()
        check = asyncio.ensure_future(client.probe(peer.url))
        await asyncio.sleep(0.05)  # long enough to be under way
        await client.aclose()
        report = await check

    assert report.reason is Reason.local
    assert "closed" in report.detail


# --- what this machine does not let us have


async def test_where_a_module_is_missing_that_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tryconnect._check.network", None)
    with pytest.raises(ImportError, match="network"):
        async with Client():
            pass


async def test_nothing_is_loaded_beside_an_import_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tryconnect._client.is_overdue", lambda: True)
    async with Client() as client:
        report = await client.probe("tcp://127.0.0.1:1")

    assert report.reason is Reason.local
    assert "was not loaded within" in report.detail


@pytest.mark.parametrize("words", ["x.so: cannot open shared object file: Too many open files", ""])
async def test_where_nothing_can_read_bodies_only_want_is_a_report(
    words: str, monkeypatch: pytest.MonkeyPatch, http_server: peers.HttpServer
) -> None:
    async with Client(proxy=None) as client:
        broken = Unloadable(ImportError(words))
        monkeypatch.setitem(sys.modules, "tryconnect._check.body", broken)
        check = client.probe(http_server.url, expect=Expect(body="hello"))
        if words:
            assert (await check).reason is Reason.local
        else:
            with pytest.raises(ImportError):
                await check

    assert http_server.requests == []


NO_PLACE_FOR_KEYS = """
import asyncio, os
os.environ["SSLKEYLOGFILE"] = os.devnull + "/keys"
import tryconnect

async def main():
    try:
        async with tryconnect.Client() as client:
            await client.probe("http://127.0.0.1:1/")
    except tryconnect.TryConnectError as error:
        print(error)
        assert isinstance(error.__cause__, OSError)

asyncio.run(main())
"""


@pytest.mark.slow
def test_where_aiohttp_cannot_be_loaded_the_setting_is_named() -> None:
    done = run(NO_PLACE_FOR_KEYS)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("aiohttp cannot be loaded (")
    assert done.stdout.endswith(": does SSLKEYLOGFILE name a file to write to?\n")


# --- the client's own defaults


DRAINING = b"HTTP/1.1 503 Draining\r\nContent-Length: 5\r\n\r\nlater"


async def test_an_argument_beats_the_client_and_that_the_methods_default() -> None:
    async with (
        peers.raw(DRAINING) as peer,
        Client(proxy=None, expect="2xx") as strict,
        Client(proxy=None, expect="any") as easy,
        Client(proxy=None) as usual,
    ):
        found = {
            name: (
                (await client.probe(peer.url)).ok,
                await client.try_connect(peer.url, expect="any"),
                await client.try_connect(peer.url, expect=None),
                await client.try_connect(peer.url, expect=200),
                [report.ok async for report in client.probe_many([peer.url])],
                (await anext(client.watch(peer.url))).ok,
                (await anext(client.watch(peer.url, expect=503))).ok,
            )
            for name, client in {"strict": strict, "easy": easy, "usual": usual}.items()
        }
        assert await easy.fetch_text(peer.url) == "later"
        assert await easy.wait_until_up(peer.url)
        assert await strict.wait_until_down(peer.url)
        with pytest.raises(FetchError):
            await usual.fetch_text(peer.url)

    assert found == {
        "strict": (False, True, True, False, [False], False, True),
        "easy": (True, True, True, False, [True], True, True),
        "usual": (True, True, True, False, [True], False, True),
    }


async def test_a_clients_expectation_is_ignored_where_it_does_not_apply() -> None:
    async with peers.raw(b"") as peer, Client(proxy=None, expect=200) as client:
        assert await client.try_connect(peer.address)
        assert await client.wait_until_up(peer.address)
        assert [report.ok async for report in client.probe_many([peer.address])] == [True]
        assert await anext(client.watch(peer.address))


async def test_a_clients_timeout_is_that_of_its_calls() -> None:
    async with peers.silent() as silent, Client(proxy=None, timeout=0.01) as client:
        started = time.monotonic()
        assert (await client.probe(silent.url)).reason is Reason.timeout
        with pytest.raises(FetchError, match="timeout"):
            await client.fetch(silent.url)
        with pytest.raises(WaitTimeout):
            await client.wait_until_up(silent.url)
        assert [each.reason async for each in client.probe_many([silent.url])] == [Reason.timeout]
        assert (await anext(client.watch(silent.url))).reason is Reason.timeout
        assert time.monotonic() - started < 2
        report = await client.probe(silent.url, timeout=0.1)
        assert report.timings.total >= 0.1


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": "1"}, {"expect": "?"}])
def test_a_client_refuses_defaults_that_make_no_sense(options: Any) -> None:
    with pytest.raises(ValueError, match=r"^(timeout is|an expected status looks)"):
        Client(**options)


# --- the method


@pytest.mark.parametrize("hops", [1, 3])
async def test_head_is_asked_of_every_hop_on_both_transports(
    hops: int, http_server: peers.HttpServer
) -> None:
    url = http_server.at(f"/redirect/{hops}")
    async with Client(proxy=None) as client:
        reports = [await client.probe(url, method="HEAD")]
        for transport in ("auto", "aiohttp"):
            run = client.probe_many([url], method="HEAD", transport=transport)
            reports += [report async for report in run]

    assert [(report.ok, report.status, len(report.hops)) for report in reports] == [
        (True, 200, hops)
    ] * 3
    methods = [request.split()[0] for request in http_server.requests]
    assert methods == [b"HEAD"] * 3 * (hops + 1)


async def test_a_connection_that_answered_head_is_kept(http_server: peers.HttpServer) -> None:
    async with Client(proxy=None) as client:
        for method in ("HEAD", "GET", "HEAD"):
            assert await client.try_connect(http_server.url, method=method)
        assert await client.fetch_text(http_server.url) == "hello"

    assert http_server.connections <= 2


async def test_repeated_checks_ask_by_head_too(http_server: peers.HttpServer) -> None:
    async with Client(proxy=None) as client:
        await client.wait_until_up(http_server.url, method="HEAD")
        await anext(client.watch(http_server.url, method="HEAD"))

    assert [request.split()[0] for request in http_server.requests] == [b"HEAD"] * 2


@pytest.mark.parametrize("method", ["POST", "head", None])
async def test_there_are_two_methods(method: Any) -> None:
    async with Client() as client:
        for call in (client.probe, client.try_connect, client.wait_until_up):
            with pytest.raises(ValueError, match=r"^method is one of GET, HEAD, not "):
                await call("http://h/", method=method)
    for start in (client.probe_many, client.watch):
        with pytest.raises(ValueError, match=r"^method is one of GET, HEAD, not "):
            start("http://h/", method=method)


async def test_a_closed_client_says_so(http_server: peers.HttpServer) -> None:
    async with Client() as client:
        pass
    with pytest.raises(RuntimeError, match=r"^this Client is closed: its calls belong inside of "):
        await client.probe(http_server.url)
    async with client:  # it may be opened again
        assert await client.try_connect(http_server.url)


def test_a_closed_client_for_with_says_so() -> None:
    with tryconnect.sync.Client() as client:
        pass
    with pytest.raises(RuntimeError, match=r"^this Client is closed: its calls belong inside of "):
        client.probe("http://h/")
