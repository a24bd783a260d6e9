"""Answers are read as browsers read them, and the same head gives every call the same answer."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
import socket
import struct
import zlib
from collections.abc import AsyncIterator

import pytest

from tests.support.event_loops import on_each_loop
from tryconnect import Client, Expect, FetchError, Reason, try_connect
from tryconnect import testing as peers
from tryconnect._check import body as body_module
from tryconnect._check.body import BodyPlan, _Lookout
from tryconnect._decoding.decoder import Decoder

FIRST = b"HTTP/1.1 200 OK\r\n"
PLAIN = b"Content-Type: text/plain\r\n"
LENGTH = b"Content-Length: 5\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(proxy=None) as client:
        yield client


def packed_chunks(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


ANSWERS = {
    "129 headers": FIRST + LENGTH + b"X: y\r\n" * 129 + b"\r\nhello",
    "2000 headers": FIRST + LENGTH + b"X: y\r\n" * 2000 + b"\r\nhello",
    "a header of 100,000 bytes": FIRST + LENGTH + b"X: " + b"y" * 100_000 + b"\r\n\r\nhello",
    "an empty length": FIRST + b"Content-Length:\r\n\r\nhello",
    "a length with a sign": FIRST + b"Content-Length: +9\r\n\r\nhello",
    "a length below zero": FIRST + b"Content-Length: -1\r\n\r\nhello",
    "a length with a unit": FIRST + b"Content-Length: 5 bytes\r\n\r\nhello",
    "a word for a length": FIRST + b"Content-Length: undefined\r\n\r\nhello",
    "a length of 20 digits": FIRST + b"Content-Length: 18446744073709551616\r\n\r\nhello",
    "a length twice": FIRST + LENGTH * 2 + b"\r\nhello",
    "an empty line first": b"\r\n" + FIRST + LENGTH + b"\r\nhello",
    "many empty lines first": b"\n\r\n" * 50 + FIRST + LENGTH + b"\r\nhello",
    "small letters": b"http/1.1 200 OK\r\n" + LENGTH + b"\r\nhello",
    "no space before the reason": b"HTTP/1.1 200OK\r\n" + LENGTH + b"\r\nhello",
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\nhello",
    "lines end in LF": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "two types": FIRST + PLAIN * 2 + LENGTH + b"\r\nhello",
    "chunk lines end in LF": FIRST + CHUNKED + b"\r\n5\nhello\n0\n\n",
    "chunk lines of both kinds": FIRST + CHUNKED + b"\r\n2\nhe\r\n3\r\nllo\n0\r\n\n",
    "chunk extensions": FIRST + CHUNKED + b'\r\n5 ;a="b"\r\nhello\r\n0;c\r\n\r\n',
    "a trailer": FIRST + CHUNKED + b"\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "a trailer that is no field": FIRST + CHUNKED + b"\r\n5\r\nhello\r\n0\r\n<!-- -->\n\n",
    "no end after the last chunk": FIRST + CHUNKED + b"\r\n5\r\nhello\r\n0\r\n",
    "chunked, in capitals": FIRST + b"Transfer-Encoding: CHUNKED\r\n\r\n" + CHUNKS,
    "chunked twice": FIRST + CHUNKED * 2 + b"\r\n" + CHUNKS,
    "identity": FIRST + b"Transfer-Encoding: identity\r\n" + LENGTH + b"\r\nhello",
    "gzip, chunked": FIRST
    + b"Transfer-Encoding: gzip, chunked\r\n\r\n"
    + packed_chunks(gzip.compress(b"hello")),
    "deflate, chunked, in two fields": FIRST
    + b"Transfer-Encoding: deflate\r\n"
    + CHUNKED
    + b"\r\n"
    + packed_chunks(zlib.compress(b"hello")),
    "gzip for the transfer alone": FIRST
    + b"Transfer-Encoding: gzip\r\n\r\n"
    + gzip.compress(b"hello"),
    "packed for the transfer and before": FIRST
    + b"Content-Encoding: gzip\r\nTransfer-Encoding: deflate, chunked\r\n\r\n"
    + packed_chunks(zlib.compress(gzip.compress(b"hello"))),
    "gzip without its trailer": FIRST
    + b"Content-Encoding: gzip\r\n\r\n"
    + gzip.compress(b"hello")[:-8],
    "a coding that is none": FIRST + b"Content-Encoding: aws-chunked\r\n" + LENGTH + b"\r\nhello",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_is_one_to_every_call(answer: bytes, client: Client) -> None:
    async with peers.raw(answer) as peer:
        report = await client.probe(peer.url)
        text = await client.fetch_text(peer.url)
        looked_at = await client.probe(peer.url, expect=Expect(status=200, body="hello"))

    assert (report.reason, report.status) == (Reason.ok, 200)
    assert text == "hello"
    assert looked_at.reason is Reason.ok


@on_each_loop
@pytest.mark.parametrize("name", ["gzip, chunked", "chunk lines end in LF", "small letters"])
async def test_so_it_is_byte_by_byte(name: str, client: Client) -> None:
    async def handler(connection: peers.Connection) -> None:
        await connection.head()
        for byte in ANSWERS[name]:
            await connection.send(bytes([byte]))
            await asyncio.sleep(0)

    async with peers.serve(handler) as peer:
        assert await client.fetch_text(peer.url) == "hello"


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_redirect_by_such_an_answer_is_followed(name: str, client: Client) -> None:
    """Its head is the same but for the status and where it leads to."""
    head, end, body = ANSWERS[name].partition(
        b"\r\n\r\n" if b"\r\n\r\n" in ANSWERS[name] else b"\n\n"
    )
    odd = re.sub(rb"200", b"302", head, count=1) + b"\r\nLocation: /there" + end + body

    async def handler(connection: peers.Connection) -> None:
        asked = await connection.head()
        await connection.send(odd if b" / " in asked else FIRST + LENGTH + b"\r\nthere")

    async with peers.serve(handler) as peer:
        report = await client.probe(peer.url)
        text = await client.fetch_text(peer.url)

    assert [hop.status for hop in report.hops] == [302]
    assert (report.status, text) == (200, "there")


BROKEN = {
    "chunks without the last": FIRST + CHUNKED + b"\r\n5\r\nhello\r\n",
    "half a chunk": FIRST + CHUNKED + b"\r\n5\r\nhel",
    "no chunk": FIRST + CHUNKED + b"\r\nhello\r\n0\r\n\r\n",
    "a chunk that is longer": FIRST + CHUNKED + b"\r\n3\r\nhello\r\n0\r\n\r\n",
    "half a length": FIRST + b"Content-Length: 9\r\n\r\nhello",
    "half a gzip": FIRST + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"hello")[:-10],
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
async def test_half_a_body_is_no_text(answer: bytes, client: Client) -> None:
    async with peers.raw(answer) as peer:
        report = await client.probe(peer.url)
        with pytest.raises(FetchError) as caught:
            await client.fetch_text(peer.url)

    assert (report.reason, report.status) == (Reason.ok, 200)
    assert (caught.value.report.reason, caught.value.report.status) == (Reason.body, 200)


@on_each_loop
@pytest.mark.parametrize("length", [b"", b"Content-Length: 99\r\n", CHUNKED])
async def test_a_reset_does_not_end_a_body(length: bytes, client: Client) -> None:
    async def handler(connection: peers.Connection) -> None:
        await connection.head()
        await connection.send(FIRST + length + b"\r\n5\r\nhello\r\n")
        await asyncio.sleep(0.05)
        linger = struct.pack("ii", 1, 0)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    async with peers.serve(handler) as peer:
        with pytest.raises(FetchError) as caught:
            await client.fetch_text(peer.url)

    assert (caught.value.report.reason, caught.value.report.status) == (Reason.body, 200)


ODD_ENDS = {
    "LF": FIRST + CHUNKED + b"\r\n5\nhello\n0\n\n",
    "bytes behind the end": FIRST + CHUNKED + b"\r\n" + CHUNKS + b"\r\n",
    "a head out of order": b"http/1.1 200 OK\r\n" + LENGTH + b"\r\nhello",
}


@pytest.mark.parametrize("answer", ODD_ENDS.values(), ids=ODD_ENDS)
async def test_a_connection_of_odd_framing_is_not_used_again(answer: bytes, client: Client) -> None:
    async with kept(answer) as peer:
        for _ in range(3):
            assert await client.fetch_text(peer.url) == "hello"

        assert peer.connections == 3


async def test_a_connection_of_chunks_in_order_is_used_again(client: Client) -> None:
    async with kept(FIRST + CHUNKED + b"\r\n" + CHUNKS) as peer:
        for _ in range(3):
            assert await client.fetch_text(peer.url) == "hello"

        assert peer.connections == 1


def kept(answer: bytes) -> contextlib.AbstractAsyncContextManager[peers.Peer]:
    """A server that gives the same answer to every request of a connection."""

    async def handler(connection: peers.Connection) -> None:
        while await connection.head():
            await connection.send(answer)

    return peers.serve(handler)


# --- an expected text


def flushed(*texts: bytes) -> list[bytes]:
    packer = zlib.compressobj(wbits=31)
    return [packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH) for text in texts]


CYRILLIC = "готово".encode("cp1251")
STREAMS: dict[str, tuple[bytes, list[bytes], str | re.Pattern[str]]] = {
    "a text": (PLAIN, [b"ready"], "ready"),
    "in two pieces": (PLAIN, [b"re", b"ady"], "ready"),
    "without a type": (b"", [b"is it ", b"ready?"], "ready"),
    "with a mark": (PLAIN, [b"\xef\xbb\xbf", b"ready"], "ready"),
    "in UTF-16": (PLAIN, ["\ufeffready".encode("utf-16-le")], "ready"),
    "beyond ASCII": (PLAIN, ["prêt".encode()[:-2], "prêt".encode()[-2:]], "prêt"),
    "in a declared encoding": (b"Content-Type: a/b; charset=cp1251\r\n", [CYRILLIC], "готово"),
    "in an encoding of a meta": (
        b"Content-Type: text/html\r\n",
        [b"<meta charset=cp1251><p>", CYRILLIC],
        "готово",
    ),
    "events": (b"Content-Type: text/event-stream\r\n", [b"data: ready\n\n"], "data: ready"),
    "JSON": (b"Content-Type: application/json\r\n", [b'{"state":"ready"'], '"ready"'),
    "gzip": (b"Content-Encoding: gzip\r\n", flushed(b"are you ", b"ready"), "you ready"),
    "behind much": (PLAIN, [b"." * 300_000, b"re", b"ady"], "ready"),
    "behind much in GBK": (
        b"Content-Type: text/html; charset=gbk\r\n",
        ["好".encode("gbk") * 50_000, "准备".encode("gbk")],
        "准备",
    ),
    "behind much, in an encoding that nobody names": (
        PLAIN,
        [b"." * 300_000, "Всё готово, можно начинать проверку. ".encode("koi8-r"), b"ready"],
        "ready",
    ),
    "a pattern": (PLAIN, [b"rea", b"dy"], re.compile("r.a.y")),
    "a pattern's line": (PLAIN, [b"not ready\nre", b"ady\n"], re.compile("^ready$", re.MULTILINE)),
    "a pattern's word": (PLAIN, [b"ready", b"."], re.compile(r"\bready\b")),
    "a pattern behind much": (PLAIN, [b"." * 300_000, b"ready"], re.compile("r.ady")),
    "something where nothing should be": (PLAIN, [b"portal"], ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("chunked", [False, True], ids=["", "chunked"])
@pytest.mark.parametrize("name", STREAMS)
async def test_a_text_that_has_come_is_there(*, name: str, chunked: bool, client: Client) -> None:
    headers, body, expected = STREAMS[name]

    async with endless(headers, body, chunked=chunked) as peer:
        report = await client.probe(peer.url, expect=Expect(body=expected), timeout=5)

    assert report.reason is (Reason.ok if expected != "" else Reason.body)
    assert report.timings.total < 4


UNSETTLED: dict[str, re.Pattern[str]] = {
    "the end": re.compile("ready$"),
    "the very end": re.compile(r"ready\Z"),
    "what does not follow": re.compile("ready(?!.*not)", re.DOTALL),
    "a word's end": re.compile(r"ready\b"),
    "a line's end": re.compile("ready$", re.MULTILINE),
}


@pytest.mark.parametrize("expected", UNSETTLED.values(), ids=UNSETTLED)
async def test_what_may_yet_change_is_waited_for(expected: re.Pattern[str], client: Client) -> None:
    async def handler(connection: peers.Connection) -> None:
        await connection.head()
        await connection.send(FIRST + PLAIN + b"\r\nready")
        await asyncio.sleep(0.05)
        await connection.send(b"ing, not done")

    async with peers.serve(handler) as peer:
        report = await client.probe(peer.url, expect=Expect(body=expected))

    assert report.reason is Reason.body


def endless(
    headers: bytes, body: list[bytes], *, chunked: bool
) -> contextlib.AbstractAsyncContextManager[peers.Peer]:
    """A body that comes piece by piece, and does not end."""

    async def handler(connection: peers.Connection) -> None:
        await connection.head()
        await connection.send(FIRST + headers + (CHUNKED if chunked else b"") + b"\r\n")
        for piece in body:
            await connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await asyncio.sleep(0.02)
        await connection.receive()

    return peers.serve(handler)


@pytest.mark.parametrize("body", [b".", b"\xe9", b"\xc3\xa9"])
@pytest.mark.parametrize("kind", ["text/html", "text/plain; charset=utf-8"])
def test_a_body_in_tiny_pieces_is_not_decoded_again_and_again(kind: str, body: bytes) -> None:
    """Counted, not timed."""
    again = 0

    class Counted(Decoder):
        def preview(self) -> str:
            nonlocal again
            again += len(self.waiting)
            return super().preview()

    decoder = Counted(kind)
    lookout = _Lookout("needle", decoder)
    for _ in range(3000):
        decoder.feed(body)
        assert not lookout.is_settled(body)

    assert again < 3000 * 2 * 4 + 64 * 130


def test_a_pattern_does_not_begin_where_a_look_does() -> None:
    for pieces in ([b"." * 5000, b"x" * 9000, b"x"], [b"\xe9", b"x" * 70_000, b"x"]):
        decoder = Decoder("text/html")
        lookout = _Lookout(re.compile("^x"), decoder)
        for piece in pieces:
            decoder.feed(piece)
            assert not lookout.is_settled(piece)


def test_a_slow_pattern_is_not_searched_for_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        body_module, "_LONGEST_SEARCH", 0.0
    )  # how fast this machine is says nothing
    decoder = Decoder("text/plain")
    lookout = _Lookout(re.compile("(a+)+!"), decoder)
    decoder.feed(b"a" * 20)
    lookout.is_settled(b"a" * 20)
    decoder.feed(b"a!")

    assert not lookout.is_settled(b"a!")


# --- redirects


@pytest.fixture
async def redirects() -> AsyncIterator[peers.Peer]:
    """A server whose path says how many redirects follow."""

    async def handler(connection: peers.Connection) -> None:
        left = int((await connection.head()).split(b" ")[1][1:])
        if left:
            head = b"HTTP/1.1 301 Moved\r\nLocation: /%d\r\n" % (left - 1)
            await connection.send(head + b"Content-Length: 5\r\n\r\nmoved")
        else:
            await connection.send(FIRST + LENGTH + b"\r\nhello")

    async with peers.serve(handler) as peer:
        yield peer


MAX_REDIRECTS: list[tuple[int, Expect, Reason, int | None, int]] = [
    # redirects, what is expected; reason, status, hops
    (1, Expect(status=301, max_redirects=0), Reason.ok, 301, 0),
    (1, Expect(status="3xx", max_redirects=0), Reason.ok, 301, 0),
    (1, Expect(status=301, body="moved", max_redirects=0), Reason.ok, 301, 0),
    (1, Expect(status=301, body="hello", max_redirects=0), Reason.body, 301, 0),
    (1, Expect(body="moved", max_redirects=0), Reason.ok, 301, 0),
    (1, Expect(status=200, max_redirects=0), Reason.status, 301, 0),
    (1, Expect(max_redirects=0), Reason.ok, 301, 0),
    (0, Expect(status=301, max_redirects=0), Reason.status, 200, 0),
    (0, Expect(status=200, max_redirects=0), Reason.ok, 200, 0),
    (2, Expect(status=301, max_redirects=1), Reason.ok, 301, 1),
    (1, Expect(status=200, max_redirects=1), Reason.ok, 200, 1),
    (2, Expect(status=200, body="hello", max_redirects=5), Reason.ok, 200, 2),
    (12, Expect(status=200, max_redirects=20), Reason.ok, 200, 12),
    (1, Expect(status=301), Reason.status, 200, 1),
    (11, Expect(status=200), Reason.too_many_redirects, 301, 10),
]


@pytest.mark.parametrize("row", MAX_REDIRECTS)
async def test_a_redirect_can_be_what_is_expected(
    row: tuple[int, Expect, Reason, int | None, int], client: Client, redirects: peers.Peer
) -> None:
    count, expect, reason, status, hops = row

    report = await client.probe(f"{redirects.url}{count}", expect=expect)

    assert (report.reason, report.status, len(report.hops)) == (reason, status, hops)


async def test_a_redirect_can_be_fetched(client: Client, redirects: peers.Peer) -> None:
    expect = Expect(status=301, max_redirects=0)

    assert await client.fetch_text(f"{redirects.url}1", expect=expect) == "moved"


async def test_a_redirect_that_leads_nowhere_can_be_expected(client: Client) -> None:
    odd = b"HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\nContent-Length: 1, 2\r\n\r\n"
    async with peers.raw(odd) as peer:
        report = await client.probe(peer.url, expect=Expect(status=302, max_redirects=0))

    assert (report.reason, report.status) == (Reason.ok, 302)


@pytest.mark.parametrize("expect", ["any", "ANY", [200, 404], range(100, 600), ["2xx", 404]])
async def test_any_answer_and_lists_in_calls(expect: str | list[int | str] | range) -> None:
    async with peers.raw(b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno") as peer:
        assert await try_connect(peer.url, expect=expect)
        async with Client(proxy=None) as client:
            assert await client.fetch_text(peer.url, expect=expect) == "no"


async def test_any_answer_can_be_expected_of_tcp() -> None:
    async with peers.raw(b"") as peer:
        assert await try_connect(f"tcp://{peer.address}", expect="any")


def test_a_plan_without_a_body_reads_none() -> None:
    assert not BodyPlan(max_bytes=1, cut=True, expect=Expect(max_redirects=0)).reads_body
    assert BodyPlan(max_bytes=1).reads_body
