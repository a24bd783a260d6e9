"""The misbehaving peers do what they say, as a bare socket sees it."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.event_loops import on_each_loop
from tryconnect import testing as peers
from tryconnect.testing._misbehaving import OK, Opening

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
STATUS = b"HTTP/1.1 200 OK\r\n"
MOMENT = 0.05

REFUSED = """
    length_and_chunked same_length_twice two_lengths negative_length nul_in_header bare_cr_in_header
    space_before_colon header_without_colon unfinished_headers no_empty_line http_1_2 two_spaces
"""
NOT_AS_AIOHTTP = {
    **dict.fromkeys(REFUSED.split(), "refuses what browsers mend"),
    "long_body": "refuses an answer with bytes after its body",
    "broken_chunk": "refuses an answer whose first chunk comes with the headers and is broken",
    "status_000": "takes 0 for a status",
    "rtsp": "takes RTSP for HTTP",
}
"""Where aiohttp's reading differs from the table's."""

if sys.flags.dev_mode:
    NOT_AS_AIOHTTP["obs_fold"] = "reads strictly under -X dev, leniently else"


@contextlib.asynccontextmanager
async def client_of(peer: peers.Peer, *, asks: bool = True) -> AsyncIterator[asyncio.StreamReader]:
    reader, writer = await asyncio.open_connection(peer.host, peer.port)
    if asks:
        writer.write(REQUEST)
    try:
        yield reader
    finally:
        writer.transport.abort()


async def hears_nothing(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MOMENT):
            await reader.read(1)
    return not reader.at_eof()


@on_each_loop
async def test_raw_sends_its_bytes_after_the_request() -> None:
    async with peers.raw(b"anything") as peer, client_of(peer) as reader:
        assert await reader.read() == b"anything"

    assert peer.requests == [REQUEST]


@on_each_loop
async def test_raw_may_stay_when_all_is_said() -> None:
    async with peers.raw(b"anything", close=False) as peer, client_of(peer) as reader:
        assert await reader.readexactly(8) == b"anything"
        assert await hears_nothing(reader)
    assert peer.connections == 1


async def test_raw_can_speak_first_and_stay() -> None:
    async with (
        peers.raw(b"220 hello\r\n", speaks_first=True, close=False) as peer,
        client_of(peer, asks=False) as reader,
    ):
        assert await reader.readline() == b"220 hello\r\n"
        assert await hears_nothing(reader)


@pytest.mark.parametrize("name", peers.REPLIES)
async def test_replies_are_what_the_table_says(name: str) -> None:
    reply = peers.REPLIES[name]
    status: int | None = None
    async with peers.raw(reply) as peer, aiohttp.ClientSession() as session:
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(peer.url) as response:
                status = response.status

    assert (status == reply.status) is (name not in NOT_AS_AIOHTTP)


@on_each_loop
async def test_silent_and_its_end_with_a_client_still_there() -> None:
    async with peers.silent() as peer, client_of(peer) as reader:
        assert await hears_nothing(reader)

    assert peer.requests == [REQUEST]


async def test_accepts_late() -> None:
    async with peers.accepts_late(2 * MOMENT) as peer, client_of(peer) as reader:
        assert await hears_nothing(reader)
        assert await reader.read() == OK


@pytest.mark.parametrize("asks", [True, False])
async def test_closes_is_an_orderly_end(asks: bool) -> None:  # noqa: FBT001
    opening = peers.closes("request" if asks else "accept")
    async with opening as peer, client_of(peer, asks=asks) as reader:
        assert await reader.read() == b""


@on_each_loop
@pytest.mark.parametrize(
    ("opening", "heard"),
    [
        (lambda: peers.reset("accept"), b""),
        (lambda: peers.reset("request"), b""),
        (lambda: peers.reset("status"), b"HTTP/1.1 200"),
        (lambda: peers.reset("headers"), STATUS + b"Content-Type: text/p"),
        (lambda: peers.reset("body"), OK[:-3]),
    ],
)
async def test_reset_is_no_orderly_end(opening: type[Opening], heard: bytes) -> None:
    async with opening() as peer, client_of(peer) as reader:
        assert await reader.readexactly(len(heard)) == heard
        with pytest.raises(ConnectionResetError):
            await reader.read()


@pytest.mark.parametrize(
    ("part", "at_once"), [("status", 0), ("headers", len(STATUS)), ("body", len(OK) - 5)]
)
async def test_drip(part: str, at_once: int) -> None:
    opening = peers.drip(part, interval=MOMENT)  # type: ignore[arg-type]
    async with opening as peer, client_of(peer) as reader:
        assert await reader.readexactly(at_once) == OK[:at_once]
        assert await reader.read(100) == OK[at_once : at_once + 1]


@on_each_loop
@pytest.mark.parametrize(
    ("opening", "unit"),
    [
        (peers.endless_headers, b"\r\nX-More: and more\r\nX-More: and more\r\n"),
        (peers.endless_1xx, b"HTTP/1.1 102 Processing\r\n\r\n"),
        (peers.endless_body, b"x\r\n1000\r\nx"),
    ],
)
async def test_endless(opening: type[Opening], unit: bytes) -> None:
    async with opening() as peer, client_of(peer) as reader:
        for _ in range(100):
            await reader.readuntil(unit)


async def test_repeats_can_end() -> None:
    opening = peers.repeats(b"ab", before=b"<", after=b">", times=3)
    async with opening as peer, client_of(peer) as reader:
        assert await reader.read() == b"<ababab>"


async def test_big_header() -> None:
    async with peers.big_header(1_000_000) as peer, client_of(peer) as reader:
        assert len(await reader.read()) > 1_000_000


@on_each_loop
async def test_closed_port_refuses() -> None:
    async with peers.closed_port() as peer:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(peer.host, peer.port)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux drops what its queue cannot hold")
async def test_full_backlog_hangs() -> None:
    async with peers.full_backlog() as peer:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(MOMENT):
                    await asyncio.open_connection(peer.host, peer.port)


@pytest.mark.skipif(not peers.ipv6_loopback(), reason="no IPv6 here")
async def test_ipv6() -> None:
    async with peers.raw(host="::1") as peer, client_of(peer) as reader:
        assert peer.url == f"http://[::1]:{peer.port}/"
        assert await reader.read() == OK


@pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets in asyncio here")
async def test_unix() -> None:
    async with peers.unix_server() as peer:
        reader, writer = await asyncio.open_unix_connection(peer.path)
        writer.write(REQUEST)
        assert await reader.read() == OK
        writer.transport.abort()

    assert not peer.path.exists()
    assert peer.url == f"unix://{peer.path}"


def test_any_peer_runs_in_a_thread() -> None:
    with (
        peers.in_thread(peers.raw(b"hello")) as peer,
        socket.create_connection((peer.host, peer.port)) as client,
    ):
        client.sendall(REQUEST)
        assert client.recv(100) == b"hello"


async def test_a_peers_own_fault_is_heard() -> None:
    async def broken(_: peers.Connection) -> None:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup, match="own fault"):
        async with peers.serve(broken) as peer, client_of(peer) as reader:
            await reader.read()
