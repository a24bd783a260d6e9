"""Heads and bodies are told apart, however the network cuts them."""

from __future__ import annotations

import asyncio
import itertools
import ssl

import aiohttp
import pytest
from aiohttp.http_exceptions import HttpProcessingError

from tryconnect._transport.http_head import LONGEST_HEAD, status_of
from tryconnect._transport.protocol import HeadFirstProtocol

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MALFORMED = b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n"
ODD = b"HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 5\r\n\r\n"


def fresh() -> HeadFirstProtocol:
    """A protocol that waits for an answer."""
    protocol = HeadFirstProtocol(asyncio.get_running_loop())
    protocol.set_response_params(read_until_eof=True, auto_decompress=False)
    return protocol


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("before", [b"", INTERIM, INTERIM * 2], ids=["", "103", "103 103"])
async def test_head_and_body_arrive_and_interim_answers_are_passed_over(
    before: bytes, size: int
) -> None:
    protocol = fresh()
    for piece in pieces(before + HEAD + b"hello", size):
        protocol.data_received(piece)

    message, payload = await protocol.read()

    assert message.code == 200
    assert await payload.read() == b"hello"
    assert protocol.head == HEAD


@pytest.mark.parametrize("end", list(itertools.product([b"\r\n", b"\n"], repeat=2)))
async def test_ends_of_heads(end: tuple[bytes, bytes]) -> None:
    """Lines may end without CR (RFC 9112, section 2.2)."""
    head = b"HTTP/1.1 200 OK" + b"".join(end)
    protocol = fresh()
    protocol.data_received(head + b"body")

    assert protocol.head == head
    assert status_of(protocol.head) == 200


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_head_is_put_in_order_and_kept_as_it_came(size: int) -> None:
    protocol = fresh()
    for piece in pieces(ODD + b"hello", size):
        protocol.data_received(piece)

    message, payload = await protocol.read()

    assert message.headers["X"] == "y"
    assert await payload.read() == b"hello"
    assert protocol.head == ODD
    assert protocol.should_close


async def test_a_body_that_nobody_wants_is_let_fall() -> None:
    protocol = fresh()
    protocol.expect_head(and_body=False)
    protocol.data_received(HEAD + b"hel")
    protocol.data_received(b"lo")

    message, payload = await protocol.read()

    assert message.code == 200
    assert payload.total_bytes == 0


async def test_without_a_body_only_a_head_that_leads_on_is_put_in_order() -> None:
    """The status is read from the head as it came."""
    protocol = fresh()
    protocol.expect_head(and_body=False)
    protocol.data_received(ODD)

    with pytest.raises(HttpProcessingError):
        await protocol.read()
    assert status_of(protocol.head) == 200

    redirect = fresh()
    redirect.expect_head(and_body=False)
    redirect.data_received(ODD.replace(b"X : y", b"LOCATION : /there"))
    message, _ = await redirect.read()
    assert message.headers["Location"] == "/there"


async def test_a_head_that_its_peer_hung_up_in_has_a_body_that_is_missing() -> None:
    protocol = fresh()
    protocol.data_received(HEAD[:-2])
    protocol.connection_lost(None)

    message, payload = await protocol.read()

    assert message.code == status_of(protocol.head) == 200
    with pytest.raises(aiohttp.ClientPayloadError):
        await payload.read()


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 20", INTERIM, INTERIM[:-2], HEAD])
async def test_no_other_end_makes_a_head(sent: bytes) -> None:
    protocol = fresh()
    protocol.data_received(sent)
    protocol.connection_lost(None)

    assert protocol.head == (HEAD if sent == HEAD else b"")


async def test_a_broken_connection_makes_no_head() -> None:
    protocol = fresh()
    protocol.data_received(HEAD[:-2])
    protocol.connection_lost(ConnectionResetError())

    assert protocol.head == b""


async def test_a_head_stands_whatever_its_body_is() -> None:
    protocol = fresh()
    protocol.data_received(CHUNKED + b"no chunk\r\n")

    message, payload = await protocol.read()

    assert message.code == 200
    with pytest.raises(aiohttp.ClientPayloadError) as caught:
        await payload.read()
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("size", [1, 20, 1000])
async def test_a_head_that_the_parser_refuses_is_kept(size: int) -> None:
    protocol = fresh()
    for piece in pieces(MALFORMED, size):
        protocol.data_received(piece)

    with pytest.raises(HttpProcessingError):
        await protocol.read()
    assert protocol.head == MALFORMED


@pytest.mark.parametrize("banner", [b"SSH-2.0-x\r\n", b"H", b"HTTP/2.0 ", b"\0"])
async def test_what_begins_otherwise_is_not_waited_for(banner: bytes) -> None:
    """A line that is no status line is told at once, though no empty line ever comes."""
    protocol = fresh()
    protocol.data_received(banner + b"no more\r\n")

    with pytest.raises(HttpProcessingError):
        await protocol.read()


async def test_a_head_without_end_is_refused() -> None:
    protocol = fresh()
    protocol.data_received(b"HTTP/1.1 200 OK\r\n")
    line = b"X-More: and more\r\n"
    for _ in range(LONGEST_HEAD // len(line) + 1):
        protocol.data_received(line)

    with pytest.raises(HttpProcessingError):
        await protocol.read()


async def test_half_a_head_is_none() -> None:
    protocol = fresh()
    protocol.data_received(HEAD[:20])

    assert status_of(protocol.head) is None


async def test_the_next_answer_begins_anew() -> None:
    protocol = fresh()
    for body in (b"hello", b"again"):
        protocol.expect_head()
        protocol.set_response_params(read_until_eof=True, auto_decompress=False)
        assert protocol.head == b""
        protocol.data_received(HEAD)
        protocol.data_received(body)
        _, payload = await protocol.read()
        assert await payload.read() == body
        assert protocol.head == HEAD


async def test_what_comes_before_a_request_is_kept_for_its_answer() -> None:
    """Servers that speak first."""
    protocol = HeadFirstProtocol(asyncio.get_running_loop())
    protocol.data_received(HEAD + b"hello")
    protocol.set_response_params(read_until_eof=True, auto_decompress=False)

    message, payload = await protocol.read()

    assert message.code == 200
    assert await payload.read() == b"hello"


async def test_an_exception_reaches_the_reader_of_the_body() -> None:
    protocol = fresh()
    protocol.data_received(HEAD)
    _, payload = await protocol.read()
    fault = OSError("lost")
    protocol.set_exception(fault)

    with pytest.raises(aiohttp.ClientPayloadError) as caught:
        await payload.read()
    assert caught.value.__cause__ is fault


@pytest.mark.parametrize("data", [HEAD, CHUNKED], ids=["length", "chunks"])
async def test_want_of_memory_is_not_taken_for_a_body_that_broke_off(data: bytes) -> None:
    """It ends the connection, where asyncio has no room for what it would read."""
    protocol = fresh()
    protocol.data_received(data)
    _, payload = await protocol.read()
    want = MemoryError()
    protocol.connection_lost(want)

    with pytest.raises(aiohttp.ClientPayloadError) as caught:
        await payload.read()
    assert caught.value.__cause__ is want


async def test_nor_for_an_answer_that_did_not_come() -> None:
    protocol = fresh()
    protocol.connection_lost(MemoryError())

    with pytest.raises(MemoryError):
        await protocol.read()


async def test_what_broke_a_body_is_not_talked_over_by_the_end_of_its_connection() -> None:
    protocol = fresh()
    protocol.data_received(HEAD)
    _, payload = await protocol.read()
    fault = OSError("lost")
    protocol.set_exception(fault)
    protocol.connection_lost(None)

    with pytest.raises(aiohttp.ClientPayloadError) as caught:
        await payload.read()
    assert caught.value.__cause__ is fault


async def test_an_exception_after_the_body_does_not() -> None:
    protocol = fresh()
    protocol.data_received(HEAD + b"hello")
    _, payload = await protocol.read()
    protocol.set_exception(OSError("lost"), ValueError("why"))

    assert await payload.read() == b"hello"


async def test_a_flood_of_interim_answers_costs_what_its_bytes_cost() -> None:
    """Counted, not timed: nothing of it reaches the parser, and nothing is kept."""
    protocol = fresh()
    protocol.data_received(INTERIM * 10_000)

    assert protocol.head == b""
    assert not protocol._splitter._held
    protocol.data_received(HEAD + b"hello")
    message, _ = await protocol.read()
    assert message.code == 200


CHUNK_BODIES = {
    # the body, and whether its connection may be used again
    b"5\r\nhello\r\n0\r\n\r\n": True,
    b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX: y\r\n\r\n": True,
    b"5\nhello\n0\n\n": False,
    b"5\r\nhello\r\n0\r\n\n": False,
}


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(("body", "reusable"), CHUNK_BODIES.items())
async def test_chunks_arrive(*, body: bytes, reusable: bool, size: int) -> None:
    protocol = fresh()
    for piece in pieces(CHUNKED + body, size):
        protocol.data_received(piece)

    _, payload = await protocol.read()

    assert await payload.read() == b"hello"
    assert protocol.should_close is not reusable


@pytest.mark.parametrize("exc", [None, ConnectionResetError()])
async def test_a_connection_may_end_after_the_last_chunk(exc: Exception | None) -> None:
    protocol = fresh()
    protocol.data_received(CHUNKED + b"5\r\nhello\r\n0\r\nX: ")
    protocol.connection_lost(exc)

    _, payload = await protocol.read()

    assert await payload.read() == b"hello"


async def test_chunks_without_the_last_are_no_body() -> None:
    protocol = fresh()
    protocol.data_received(CHUNKED + b"5\r\nhello\r\n")
    protocol.connection_lost(None)

    _, payload = await protocol.read()

    with pytest.raises(aiohttp.ClientPayloadError):
        await payload.read()


async def test_what_follows_chunks_ends_the_connection() -> None:
    protocol = fresh()
    protocol.data_received(CHUNKED + b"5\r\nhello\r\n0\r\n\r\nmore")

    _, payload = await protocol.read()

    assert await payload.read() == b"hello"
    assert protocol.should_close


async def test_chunks_where_there_is_no_body_are_let_fall() -> None:
    protocol = fresh()
    protocol.data_received(CHUNKED.replace(b"200 OK", b"204 No Content") + b"0\r\n\r\n")

    message, payload = await protocol.read()

    assert message.code == 204
    assert await payload.read() == b""
    assert protocol.should_close


UNTIL_THE_END = b"HTTP/1.1 200 OK\r\n\r\nhello"


@pytest.mark.parametrize("exc", [ConnectionResetError(), OSError(5, "I/O"), ssl.SSLError()])
async def test_a_body_without_a_length_does_not_end_with_a_fault(exc: Exception) -> None:
    protocol = fresh()
    protocol.data_received(UNTIL_THE_END)
    protocol.connection_lost(exc)

    _, payload = await protocol.read()

    with pytest.raises(aiohttp.ClientPayloadError, match="broke off"):
        await payload.read()


@pytest.mark.parametrize("exc", [None, ssl.SSLEOFError()])
async def test_a_body_without_a_length_ends_with_its_connection(exc: Exception | None) -> None:
    """Browsers do not mind a TLS connection that ends without a farewell."""
    protocol = fresh()
    protocol.data_received(UNTIL_THE_END)
    protocol.connection_lost(exc)

    _, payload = await protocol.read()

    assert await payload.read() == b"hello"


async def test_thousands_of_headers_are_taken() -> None:
    protocol = fresh()
    protocol.set_response_params(
        read_until_eof=True, auto_decompress=False, max_headers=LONGEST_HEAD
    )
    protocol.data_received(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n")

    message, _ = await protocol.read()

    assert len(message.headers) == 5000


async def test_tls_that_fails_behind_the_end_of_its_connection_is_no_fault_of_the_loop() -> None:
    protocol = fresh()
    protocol.data_received(HEAD + b"hello")
    protocol.connection_lost(None)
    protocol._tls_failed(ssl.SSLError())

    message, payload = await protocol.read()

    assert message.code == 200
    assert await payload.read() == b"hello"
    assert protocol.should_close


async def test_what_comes_of_an_unwanted_body_after_the_end_is_not_kept() -> None:
    protocol = fresh()
    protocol.expect_head(and_body=False)
    protocol.data_received(HEAD + b"hel")
    protocol.connection_lost(None)
    protocol.data_received(b"lo")

    assert protocol._tail == b""
