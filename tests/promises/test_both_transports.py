"""Both transports say the same of every peer, in the same words."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support import hall
from tests.support.event_loops import on_each_loop
from tests.support.transports import both, options
from tools import compare_transports
from tryconnect import Guard
from tryconnect import testing as peers
from tryconnect._transport import dialer, exchange
from tryconnect._transport.addr_infos import AddrInfo
from tryconnect._transport.resolver import Resolver

pytestmark = pytest.mark.slow

SECONDS = 5.0

ROWS = {(title, name): row for title, rows in hall.SECTIONS.items() for name, row in rows.items()}


@pytest.mark.parametrize(("title", "name"), ROWS)
def test_both_say_the_same_of_every_peer(title: str, name: str) -> None:
    row = ROWS[title, name]

    async def compare(place: hall.Place) -> None:
        names = Resolver(**place.names) if place.names else None
        seconds = min(hall.limit_for(name, row), SECONDS)
        async with both(options(ssl=peers.trusting(), resolver=names)) as pair:
            by_aiohttp, by_reactor = await pair.facts(place.address, seconds)
        if names is not None:
            await names.close()
        assert by_reactor == by_aiohttp

    with row.open() as place:
        asyncio.run(compare(place))


@on_each_loop
@pytest.mark.parametrize("scheme", ["tcp", "http"])
@pytest.mark.parametrize("name", ["silent", "refuses", "black hole", "resets at once"])
async def test_both_say_the_same_where_only_the_connection_counts(scheme: str, name: str) -> None:
    case = peers.BAD_PEERS[name]
    async with case.open() as peer, both(options()) as pair:
        by_aiohttp, by_reactor = await pair.facts(f"{scheme}://{peer.address}", 0.3)

    assert by_reactor == by_aiohttp


UNIX = ["a socket", "nothing", "no socket", "a dead socket"]


@pytest.mark.parametrize("what", UNIX)
async def test_both_say_the_same_of_unix_sockets(what: str, tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    if what == "no socket":
        path.touch()
    with socket.socket(socket.AF_UNIX) as sock:
        if "socket" in what and what != "no socket":
            sock.bind(os.fspath(path))
        if what == "a socket":
            sock.listen()
        async with both(options()) as pair:
            by_aiohttp, by_reactor = await pair.facts(f"unix://{path}", SECONDS)

    assert by_reactor == by_aiohttp


async def test_a_unix_socket_whose_queue_is_full_is_waited_for(tmp_path: Path) -> None:
    path = os.fspath(tmp_path / "app.sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        asyncio.get_running_loop().call_later(0.05, lambda: listener.accept()[0].close())  # noqa: PLW0108 - accepts then
        async with both(options()) as pair:
            by_reactor = await pair.facts_by(1, f"unix://{path}", SECONDS)

    assert by_reactor.reason == "ok"


GUARDS = {
    "public": Guard.public(),
    "no port": Guard(lambda _: True, {1}),
    "loopback": Guard(lambda ip: ip.is_loopback),
}


@pytest.mark.parametrize("address", ["http://{}/", "http://{}/redirect/1", "tcp://{}", "unix:///x"])
@pytest.mark.parametrize("guard", GUARDS)
async def test_both_ask_the_guard(guard: str, address: str, http_server: peers.HttpServer) -> None:
    async with both(options(guard=GUARDS[guard])) as pair:
        by_aiohttp, by_reactor = await pair.facts(address.format(http_server.address), SECONDS)

    assert by_reactor == by_aiohttp
    assert (by_reactor.reason == "ok") is (guard == "loopback" and address != "unix:///x")


class Twice:
    """Says that a name has the same address twice."""

    async def resolve(self, _: str, port: int = 0, **__: object) -> list[dict[str, Any]]:
        return [{"host": "127.0.0.1", "port": port}] * 2

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "twice.test"])
async def test_a_guard_that_was_not_asked_has_not_said_yes(
    host: str, http_server: peers.HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (exchange, dialer):
        monkeypatch.setattr(module, "open_socket", lambda _, info, __: (_opened(info), False))
    async with both(options(guard=Guard(lambda _: True), resolver=Twice())) as pair:
        by_reactor = await pair.facts_by(1, f"http://{host}:{http_server.port}/", SECONDS)

    assert by_reactor.reason == "blocked"
    assert not http_server.requests


def _opened(info: AddrInfo) -> socket.socket:
    sock = socket.socket(*info[:3])
    sock.settimeout(0)
    return sock


FAMILIES = [
    ("ipv4", "http://[::1]:1/"),
    ("ipv6", "http://127.0.0.1:1/"),
    ("any", "http://[::1]:1/"),
]


@pytest.mark.parametrize(("family", "address"), FAMILIES)
async def test_both_keep_to_a_family(family: str, address: str) -> None:
    async with both(options(family=family)) as pair:
        by_aiohttp, by_reactor = await pair.facts(address, SECONDS)

    assert by_reactor == by_aiohttp


async def test_both_read_the_certificates_before_they_connect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", os.fspath(tmp_path / "missing.pem"))
    async with both(options()) as pair:
        by_aiohttp, by_reactor = await pair.facts("https://127.0.0.1:1/", SECONDS)

    assert by_reactor == by_aiohttp
    assert by_reactor.reason == "local"


# --- what they send


HEADERS = [
    {},
    {"Cookie": "mine=1", "accept": "text/html", "X-Word": "ä"},
    {"Host": "other.test", "Authorization": "Bearer x", "Connection": "keep-alive"},
]
WAYS = ["/", "/redirect/2", "/cookies", "/?a=b%2Fc", "http://me:word@{}/redirect/1", "/elsewhere"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("headers", HEADERS)
async def test_both_send_the_same(headers: dict[str, str], way: str) -> None:
    async with peers.http_server() as server, peers.http_server(host="127.0.0.2") as other:
        cookies = (("Set-Cookie", 'a="b c"; Path=/'), ("Set-Cookie", "d=e"), ("Location", "/"))
        server.pages["/cookies"] = peers.CannedResponse(status=302, headers=cookies)
        server.pages["/elsewhere"] = peers.CannedResponse(
            status=307, headers=(("Location", other.at("/")), *cookies[:2])
        )
        address = way.format(server.address) if "://" in way else server.at(way)
        sent = []
        async with both(options(headers=headers)) as pair:
            for which in range(2):
                server.requests.clear()
                other.requests.clear()
                await pair.attempt_by(which, address, SECONDS)
                sent.append([_head(each) for each in (*server.requests, *other.requests)])

    assert sent[0] == sent[1]
    assert sent[0]


def _head(request: bytes) -> tuple[bytes, list[bytes]]:
    """The request line and the headers, whose order says nothing."""
    first, *lines = request.rstrip().split(b"\r\n")
    return first, sorted(lines)


# --- mutated replies


def test_both_say_the_same_of_mutated_replies() -> None:
    """In a run of its own: debug mode makes some time out."""
    seen = asyncio.run(compare_transports.run(count=300, seed=1))

    assert seen.differences == []
    assert len(seen.reasons) > 4
