"""How connections are made: the form of addresses, and the race between them."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.support.event_loops import Listening, on_each_loop
from tryconnect import Client, Reason
from tryconnect import testing as peers
from tryconnect._model.faults import LocalFault
from tryconnect._transport.addr_infos import addr_infos
from tryconnect._transport.connector import HAPPY_EYEBALLS_DELAY, Connector

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own way")

KIND = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")


def found(*hosts: str, port: int = 80) -> list[ResolveResult]:
    """The results of a look-up."""
    return [
        ResolveResult(hostname="shop.example", host=host, port=port, family=0, proto=0, flags=0)
        for host in hosts
    ]


FIRST_INDEX, FIRST_NAME = socket.if_nameindex()[0]

INFOS: list[tuple[str, Any]] = [
    ("127.0.0.1", (socket.AF_INET, *KIND, ("127.0.0.1", 80))),
    ("::1", (socket.AF_INET6, *KIND, ("::1", 80, 0, 0))),
    ("fe80::1", (socket.AF_INET6, *KIND, ("fe80::1", 80, 0, 0))),
    ("fe80::1%253", (socket.AF_INET6, *KIND, ("fe80::1", 80, 0, 3))),
    (f"fe80::1%25{FIRST_NAME}", (socket.AF_INET6, *KIND, ("fe80::1", 80, 0, FIRST_INDEX))),
]


@pytest.mark.parametrize(("host", "info"), INFOS)
def test_an_address_as_the_system_wants_it(host: str, info: Any) -> None:
    assert addr_infos(found(host), socket.AF_UNSPEC) == [info]


def test_an_interface_that_is_not_there_is_our_own_fault() -> None:
    with pytest.raises(LocalFault, match="no network interface named nowhere9"):
        addr_infos(found("fe80::1%25nowhere9"), socket.AF_UNSPEC)


@pytest.mark.parametrize(
    ("family", "hosts"),
    [
        (socket.AF_UNSPEC, ["::1", "127.0.0.1", "127.0.0.2"]),
        (socket.AF_INET, ["127.0.0.1", "127.0.0.2"]),
        (socket.AF_INET6, ["::1"]),
    ],
)
def test_only_the_wanted_family_in_the_same_order(family: int, hosts: list[str]) -> None:
    infos = addr_infos(found("::1", "127.0.0.1", "127.0.0.2"), family)

    assert [info[4][0] for info in infos] == hosts


def test_no_address_of_the_wanted_family() -> None:
    with pytest.raises(LocalFault, match=r"another family of addresses than 127\.0\.0\.1$"):
        addr_infos(found("127.0.0.1"), socket.AF_INET6)


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_a_link_local_literal_keeps_out_of_the_executor(scheme: str) -> None:
    """asyncio would look its zone up there, which fails this test."""
    async with Client(proxy=None) as client:
        report = await client.probe(f"{scheme}://[fe80::1%25{FIRST_NAME}]:7", timeout=0.1)

    assert report.reason in {Reason.unreachable, Reason.local, Reason.refused, Reason.timeout}


class Invented(AbstractResolver):
    """Finds these addresses for every name."""

    def __init__(self, *hosts: str) -> None:
        self.hosts = hosts

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,
    ) -> list[ResolveResult]:
        del host, family
        return found(*self.hosts, port=port)

    async def close(self) -> None:
        """Nothing is open."""


@contextlib.contextmanager
def black_hole(host: str, port: int) -> Iterator[None]:
    """Fill the queue of a listener that nobody empties: Linux then drops every SYN."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(socket.create_server((host, port), backlog=0))
        for _ in range(8):
            client = stack.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex((host, port))
            if not select.select([], [client], [], 0.02)[1]:
                break
        yield


@contextlib.asynccontextmanager
async def half_dead() -> AsyncIterator[peers.Peer]:
    """A server at 127.0.0.1 with a black hole at 127.0.0.2."""
    async with peers.raw() as peer:
        with black_hole("127.0.0.2", peer.port):
            yield peer


@pytest.mark.slow
@linux_only
@on_each_loop
@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_the_second_address_is_tried_beside_a_first_that_does_not_answer(
    scheme: str,
) -> None:
    resolver = Invented("127.0.0.2", "127.0.0.1")
    async with half_dead() as peer, Client(resolver=resolver, proxy=None) as client:
        report = await client.probe(f"{scheme}://shop.example:{peer.port}")

    assert (report.reason, report.ip) == (Reason.ok, "127.0.0.1")
    assert report.timings.connect is not None
    assert HAPPY_EYEBALLS_DELAY - 0.01 <= report.timings.connect < HAPPY_EYEBALLS_DELAY + 0.25


@pytest.mark.slow
@linux_only
@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_a_cancelled_race_leaves_no_runner(scheme: str) -> None:
    resolver = Invented("127.0.0.2", "127.0.0.2", "127.0.0.2")
    async with half_dead() as peer, Client(resolver=resolver, proxy=None) as client:
        task = asyncio.ensure_future(client.probe(f"{scheme}://shop.example:{peer.port}"))
        await asyncio.sleep(HAPPY_EYEBALLS_DELAY + 0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@on_each_loop
@pytest.mark.parametrize("keep_alive", ["kept", "not kept"])
async def test_a_connection_is_kept_only_by_an_owner(
    keep_alive: str, http_server: peers.HttpServer
) -> None:
    owner = Client(proxy=None)
    async with owner if keep_alive == "kept" else owner._twin() as client:
        for _ in range(2):
            assert await client.probe(http_server.url)

        assert http_server.connections == (1 if keep_alive == "kept" else 2)


async def test_a_certificate_is_made_out_to_the_name_without_its_last_dot(
    https_server: peers.HttpServer,
) -> None:
    context = peers.trusting()
    async with Client(proxy=None, ssl=context, resolver=Invented("127.0.0.1")) as client:
        report = await client.probe(f"https://good.test.:{https_server.port}/")

    assert report.ok


async def test_it_works_outside_of_a_check_too(http_server: peers.HttpServer) -> None:
    connector = Connector(
        Invented("127.0.0.1"), family=socket.AF_UNSPEC, guard=None, keep_alive=False
    )
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(f"http://shop.example:{http_server.port}/") as response,
    ):
        assert response.status == 200


class HangsUp(Listening):
    """Has the listener closed, and a connection reset, in the moment before it is handed over."""

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        transport, protocol = await super().create_connection(*args, **options)
        self.listener.close()
        while protocol.transport is not None:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0)
        return transport, protocol


def test_a_connection_that_is_lost_before_the_request_was_reset() -> None:
    assert HangsUp().probe("http").reason is Reason.reset


class Held(Invented):
    """Keeps who asks waiting."""

    def __init__(self, *hosts: str) -> None:
        super().__init__(*hosts)
        self.asked = asyncio.Event()
        self.released = asyncio.Event()

    async def resolve(self, *args: Any, **options: Any) -> list[ResolveResult]:
        self.asked.set()
        await self.released.wait()
        return await super().resolve(*args, **options)


@on_each_loop
@pytest.mark.parametrize("keep_alive", ["kept", "not kept"])
async def test_a_connection_that_opens_as_the_client_is_closed_is_closed_too(
    keep_alive: str, http_server: peers.HttpServer
) -> None:
    resolver = Held("127.0.0.1")
    owner = Client(proxy=None, resolver=resolver)
    async with owner if keep_alive == "kept" else owner._twin() as client:
        checking = asyncio.ensure_future(client.probe(f"http://shop.example:{http_server.port}/"))
        await resolver.asked.wait()
    resolver.released.set()
    report = await checking

    assert (report.reason, report.detail) == (
        Reason.local,
        "the client was closed while the check was under way",
    )
    assert http_server.requests == []


async def test_a_client_that_is_closed_under_a_check_asks_for_no_more_names() -> None:
    class Counted(Held):
        names: list[str] = []  # noqa: RUF012 - of one test

        async def resolve(self, host: str, *args: Any, **options: Any) -> list[ResolveResult]:
            self.names.append(host)
            return await super().resolve(host, *args, **options)

    resolver = Counted("127.0.0.1")
    async with Client(proxy="socks5://proxy.test:1", resolver=resolver) as client:
        checking = asyncio.ensure_future(client.probe("http://shop.example/"))
        await resolver.asked.wait()
    resolver.released.set()
    report = await checking

    assert report.reason is Reason.local
    assert "closed" in report.detail
    assert resolver.names == ["shop.example"]
