"""Whole checks on the reactor end once, on time, and leave nothing, however they are left."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.support.event_loops import on_each_loop
from tests.support.transports import attempt, options
from tests.support.unloadable import Unloadable
from tests.transport.test_connector import Invented
from tryconnect import testing as peers
from tryconnect._address.target import parse
from tryconnect._check.reactor_network import ReactorNetwork
from tryconnect._model.faults import LocalFault
from tryconnect._transport.attempt import Attempt, Phase
from tryconnect._transport.proxies import Proxies
from tryconnect._transport.resolver import Resolver
from tryconnect.testing import dns

Opening = Callable[[], AbstractAsyncContextManager[peers.Peer]]


def made(**chosen: Any) -> ReactorNetwork:
    chosen = {"ssl": peers.trusting()} | chosen
    return ReactorNetwork(options(**chosen), proxies=Proxies(None))


@pytest.fixture
async def network() -> AsyncIterator[ReactorNetwork]:
    opened = made()
    yield opened
    await opened.aclose()


WAITS = {
    "no connection": (peers.full_backlog, "http", Phase.connect),
    "no handshake": (lambda: peers.tls_server("silent_handshake"), "https", Phase.tls),
    "no answer": (peers.silent, "http", Phase.response),
    "half a head": (lambda: peers.drip("headers"), "http", Phase.response),
}


async def test_a_certificate_is_made_out_to_the_name_without_its_last_dot() -> None:
    network = made(resolver=Invented("127.0.0.1"))
    async with peers.http_server(tls=peers.server_context()) as server:
        done = await attempt(network, parse(f"https://good.test.:{server.port}/"), 5)
        await network.aclose()

    assert (done.error, done.status) == (None, 200)


@pytest.mark.slow
@on_each_loop
@pytest.mark.parametrize(("open_peer", "scheme", "phase"), WAITS.values(), ids=list(WAITS))
async def test_the_deadline_ends_it_wherever_it_is(
    network: ReactorNetwork, open_peer: Opening, scheme: str, phase: Phase
) -> None:
    async with open_peer() as peer:
        done = await attempt(network, parse(f"{scheme}://{peer.address}/"), 0.2)

    assert isinstance(done.error, TimeoutError)
    assert done.phase is phase
    assert 0.2 <= done.timings.total < 0.7


async def test_the_deadline_ends_a_look_up() -> None:
    async with peers.dns_server({"a.test": dns.SILENT}) as server:
        names = Resolver(**server.resolver_arguments)
        network = made(resolver=names)
        done = await attempt(network, parse("http://a.test/"), 0.1)
        await network.aclose()
        await names.close()

    assert isinstance(done.error, TimeoutError)
    assert done.phase is Phase.dns


@pytest.mark.parametrize(("open_peer", "scheme"), [each[:2] for each in WAITS.values()])
async def test_closing_ends_what_is_under_way_with_a_word_of_our_own(
    open_peer: Opening, scheme: str
) -> None:
    network, said = made(), list[Attempt]()
    async with open_peer() as peer:
        for _ in range(3):
            network.start(parse(f"{scheme}://{peer.address}/"), 5, said.append)
        await asyncio.sleep(0.02)
        await network.aclose()
        await network.aclose()

    assert [type(each.error) for each in said] == [LocalFault] * 3


async def test_abandoning_ends_it_without_a_word() -> None:
    network, said = made(), list[Attempt]()
    async with peers.silent() as peer:
        network.start(parse(peer.url), 5, said.append)
        await asyncio.sleep(0.02)
        network.abandon()

    assert said == []
    assert not network.under_way


@pytest.mark.slow
@on_each_loop
async def test_cancelled_at_any_moment_it_says_nothing_and_leaves_nothing(
    network: ReactorNetwork,
) -> None:
    """The leak guard counts tasks, timers and descriptors."""
    said: list[Attempt] = []
    chance = random.Random(1)  # noqa: S311 - the same at each run
    async with peers.http_server(tls=peers.server_context()) as server:
        target = parse(server.at("/redirect/3"))
        for _ in range(40):
            checks = [network.start(target, 5, said.append) for _ in range(3)]
            for _ in range(chance.randrange(40)):
                await asyncio.sleep(0)
            count = len(said)
            for check in checks:
                check.cancel()
                check.cancel()
            await asyncio.sleep(0)
            assert len(said) == count
            assert not network.under_way

    assert all(each.error is None for each in said)


async def test_want_of_descriptors_is_our_own_fault(
    network: ReactorNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("tryconnect._transport.dialer.socket.SocketType", none_left)
    done = await attempt(network, parse("http://127.0.0.1:1/"), 5)

    assert isinstance(done.error, OSError)
    assert (done.error.errno, done.phase, done.timings.connect) == (errno.EMFILE, None, None)


async def test_a_fault_in_who_is_told_is_nobody_elses(network: ReactorNetwork) -> None:
    loop, heard, said = asyncio.get_running_loop(), list[Any](), list[Attempt]()
    loop.set_exception_handler(lambda _, context: heard.append(context["exception"]))

    def broken(_: Attempt) -> None:
        raise KeyError

    async with peers.http_server() as server:
        network.start(parse(server.url), 5, broken)
        network.start(parse(server.url), 5, said.append)
        while not (heard and said):  # noqa: ASYNC110 - nobody rings
            await asyncio.sleep(0)

    assert [type(error) for error in heard] == [KeyError]
    assert not network.under_way


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ImportError("x.so: cannot open shared object file: Too many open files"), LocalFault),
        (ImportError("no c-ares"), ImportError),
    ],
)
async def test_where_nothing_can_look_names_up_only_want_is_said_to_be_want(
    error: Exception,
    told: type[Exception],
    network: ReactorNetwork,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "tryconnect._transport.resolver", Unloadable(error))
    done = await attempt(network, parse("http://a.test/"), 5)

    assert type(done.error) is told
    assert error in {done.error, done.error.__cause__}


async def test_abandoning_ends_a_look_up_too() -> None:
    network, said = made(), list[Attempt]()
    async with peers.dns_server({"a.test": dns.SILENT, "b.test": dns.SILENT}) as server:
        network._names = names = Resolver(**server.resolver_arguments)
        network.start(parse("http://a.test/"), 5, said.append)
        ended = list[Any]()
        names.look_up("b.test", socket.AF_INET, lambda *end: ended.append(end))
        network.abandon()

    assert (said, len(ended)) == ([], 1)


async def test_a_context_is_made_where_there_is_none_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tryconnect._transport.tls._contexts", {})
    network = made(ssl=False)
    async with peers.http_server(tls=peers.server_context()) as server:
        done = await attempt(network, parse(server.url), 5)
        await network.aclose()

    assert (done.error, done.status) == (None, 200)


async def test_a_platform_without_unix_sockets(
    network: ReactorNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "AF_UNIX", raising=False)
    done = await attempt(network, parse("unix:///run/none"), 5)

    assert isinstance(done.error, LocalFault)
    assert "no unix sockets" in str(done.error)
