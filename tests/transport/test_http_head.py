"""Heads that a strict parser refuses are put in order as the standard says, and no further."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._transport.http_head import completed, is_chunked, is_interim, normalized, status_of

FIRST = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 5\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
PACKED = b"Content-Encoding: %b\r\n"


IN_ORDER = [
    FIRST + b"\r\n",
    FIRST + LENGTH + b"\r\n",
    b"HTTP/1.0 200 OK\r\nX: y\r\n\r\n",
    b"HTTP/1.1 200 \r\nX:\r\nY:   z  \r\n\r\n",
    FIRST + b"Set-Cookie: a=\xff\xfe\r\nX: \ty\r\n\r\n",
    FIRST + b"Transfer-Encoding: chunked\r\n\r\n",
    FIRST + b"transfer-encoding:Chunked \r\n\r\n",
    FIRST + b"content-length:  0005 \r\n\r\n",
    FIRST + b"Content-Length: 123456789012345678\r\n\r\n",
]


@pytest.mark.parametrize("head", IN_ORDER)
def test_a_head_in_order_stays_as_it_is(head: bytes) -> None:
    assert normalized(head) is head


MENDED = [
    # status lines
    (b"HTTP/1.2 200 OK\r\n", b"HTTP/1.1 200 OK\r\n"),
    (b"HTTP/1.9 200\r\n", b"HTTP/1.1 200 \r\n"),
    (b"HTTP/1.0  404 \t Not Found\r\n", b"HTTP/1.0 404 Not Found\r\n"),
    (b"HTTP/1.1\t200\tOK\r\n", b"HTTP/1.1 200 OK\r\n"),
    (b"HTTP/1.1 200 O\0K\rAY\r\n", b"HTTP/1.1 200 O K AY\r\n"),
    (b"http/1.1 200 OK\r\n", FIRST),
    (b"Http/1.0 404 No\r\n", b"HTTP/1.0 404 No\r\n"),
    (b"HTTP/1.1 200OK\r\n", FIRST),
    (b"HTTP/1.1 200, OK\r\n", b"HTTP/1.1 200 , OK\r\n"),
    (b"HTTP/1.1 200\xff\r\n", b"HTTP/1.1 200 \xff\r\n"),
    # fields
    (FIRST + b"X : y\r\n", FIRST + b"X: y\r\n"),
    (FIRST + b"X: a\r\n  b\r\n\tc\r\n", FIRST + b"X: a b c\r\n"),
    (FIRST + b" X: a\r\nY: b\r\n", FIRST + b"Y: b\r\n"),
    (FIRST + b"X: a\0b\rc\x7fd\x1be\r\n", FIRST + b"X: a b c d e\r\n"),
    (FIRST + b"no header\r\nX: y\r\n", FIRST + b"X: y\r\n"),
    (FIRST + b": y\r\nX Y: z\r\n\xfc: a\r\nZ\0: b\r\n", FIRST),
    # where the body ends
    (FIRST + LENGTH + LENGTH, FIRST + LENGTH),
    (FIRST + b"Content-Length: 5, 5\r\ncontent-length :5\r\n", FIRST + LENGTH),
    (FIRST + b"Content-Length: 5,05,5\r\n", FIRST + LENGTH),
    (FIRST + b"Content-Length: ,05,\r\nContent-Length:\r\n", FIRST + LENGTH),
    (FIRST + b"Content-Length:\r\n 5\r\n", FIRST + LENGTH),
    (FIRST + b"Content-Length: 00, 0\r\n", FIRST + b"Content-Length: 0\r\n"),
    (FIRST + LENGTH + b"transfer-encoding: CHUNKED\r\n", FIRST + CHUNKED),
    (FIRST + LENGTH + b"Content-Length: 6\r\n" + CHUNKED, FIRST + CHUNKED),
    (FIRST + CHUNKED * 2, FIRST + CHUNKED),
    (FIRST + b"Transfer-Encoding: ,\tchunked ,identity\r\n", FIRST + CHUNKED),
    (FIRST + b"Transfer-Encoding: identity\r\n" + LENGTH, FIRST + LENGTH),
    (FIRST + b"Transfer-Encoding:\r\n" + LENGTH, FIRST + LENGTH),
    # codings of the transfer
    (FIRST + b"Transfer-Encoding: gzip, chunked\r\n", FIRST + PACKED % b"gzip" + CHUNKED),
    (FIRST + b"Transfer-Encoding: GZip\r\n" + LENGTH, FIRST + PACKED % b"gzip" + LENGTH),
    (
        FIRST + PACKED % b"br" + b"Transfer-Encoding: deflate\r\nTransfer-Encoding: gzip\r\n",
        FIRST + PACKED % b"br" + PACKED % b"deflate, gzip",
    ),
    # what comes once
    (
        FIRST + b"Content-Type: a/b\r\nX: y\r\ncontent-type: c/d\r\n",
        FIRST + b"X: y\r\nContent-Type: a/b, c/d\r\n",
    ),
    (FIRST + b"Server: a\r\nServer: b\r\n", FIRST + b"Server: a, b\r\n"),
    # how long the connection is kept
    (FIRST + b"Connection: keep-alive\r\nX : y\r\n", FIRST + b"X: y\r\n"),
]


@pytest.mark.parametrize(("head", "mended"), MENDED)
@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r\r\n"])
def test_a_head_out_of_order_is_mended(head: bytes, mended: bytes, end: bytes) -> None:
    given = re.sub(rb"\r*\n", lambda _: end, head + b"\r\n")

    assert normalized(given) == mended + b"Connection: close\r\n\r\n"


NOT_MENDED = [
    b"",
    b"\r\n\r\n",
    b"SSH-2.0-x\r\n\r\n",
    b"HTTP/2 200 OK\r\n\r\n",
    b"HTTP/1.10 200 OK\r\n\r\n",
    b"HTTP/1.1 099 OK\r\nX : y\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\nX : y\r\n\r\n",
    b"HTTP/1.12 200 OK\r\nX : y\r\n\r\n",
    # not complete
    FIRST + b"X : y\r\n",
    FIRST + b"X : y\r\n\r\nbody",
    # no telling where the body ends
    FIRST + LENGTH + b"Content-Length: 6\r\n\r\n",
    FIRST + b"X : y\r\nContent-Length: 5, 6\r\n\r\n",
    FIRST + b"Content-Length: 5, 5 bytes\r\n\r\n",
    FIRST + b"Content-Length: -5\r\nContent-Length: 5\r\n\r\n",
]


@pytest.mark.parametrize("head", NOT_MENDED)
def test_what_cannot_be_mended_stays_as_it_is(head: bytes) -> None:
    assert normalized(head) is head


NO_LENGTHS = [
    *(b"", b"5 bytes", b"null", b"-5", b"+5", b"0x5", b"5.0", b"5;", b"5_0", b"1e3", b"\xb2", b","),
    *(b"\xef\xbc\x95", b"five", b"'5'", b'"5"', b"5 5", b"9" * 19, b"9" * 5000, b"five, five"),
]


@pytest.mark.parametrize("length", NO_LENGTHS)
def test_a_length_that_is_no_number_does_not_count(length: bytes) -> None:
    head = FIRST + b"Content-Length: %b\r\nX: y\r\n\r\n" % length

    assert normalized(head) == FIRST + b"X: y\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "answer"),
    [(FIRST + CHUNKED + b"\r\n", True), (FIRST + LENGTH + b"\r\n", False), (FIRST, False)],
)
def test_whether_there_are_chunks(*, head: bytes, answer: bool) -> None:
    assert is_chunked(normalized(head)) is answer


STATUSES = [
    (FIRST + b"\r\n", 200),
    (b"HTTP/1.0 404 Not Found\r\n\r\n", 404),
    (b"HTTP/1.1 999\r\n\r\n", 999),
    (b"HTTP/1.1 200\n\n", 200),
    (b"HTTP/1.1 200\r\r\n\r\r\n", 200),
    (b"HTTP/1.1 101 Switching\r\n\r\n", 101),
    (b"HTTP/1.1  200 OK\r\n\r\n", 200),
    (b"HTTP/1.2 200 OK\r\n\r\n", 200),
    (b"http/1.1 200 OK\r\n\r\n", 200),
    (b"HTTP/1.1 404Not Found\r\n\r\n", 404),
    (b"HTTP/1.1 099 Low\r\n\r\n", None),
    (b"HTTP/1.1 1000 High\r\n\r\n", None),
    (b"HTTP/1.12 200 OK\r\n\r\n", None),
    (b"HTTP/2 200\r\n\r\n", None),
    (b"RTSP/1.0 200 OK\r\n\r\n", None),
    (b" HTTP/1.1 200 OK\r\n\r\n", None),
    (b"HTTP/1.1 200 OK\r\nhalf", None),
    (b"HTTP/1.1 200", None),
    (b"", None),
]


@pytest.mark.parametrize(("head", "status"), STATUSES)
def test_the_status_in_a_head(head: bytes, status: int | None) -> None:
    assert status_of(head) == status


INTERIM = {
    b"HTTP/1.1 100 Continue\r\n": True,
    b"HTTP/1.1 100": True,
    b"HTTP/1.2  103\n": True,
    b"HTTP/1.1 199 X": True,
    b"http/1.1 100Continue": True,
    b"HTTP/1.1 101 Switching\r\n": False,
    b"HTTP/1.1 1000": False,
    b"HTTP/1.1 10": False,
    b"HTTP/1.1 200 OK\r\n": False,
}


@pytest.mark.parametrize(("data", "answer"), INTERIM.items())
def test_an_interim_answer_only_promises_another(*, data: bytes, answer: bool) -> None:
    assert is_interim(data) is answer
    assert is_interim(bytearray(b"before" + data), len(b"before")) is answer


MISSING = b"Transfer-Encoding: chunked\r\n"
CUT = [
    (b"HTTP/1.1 200", b"HTTP/1.1 200\r\n" + MISSING),
    (b"HTTP/1.1 200 OK", FIRST + MISSING),
    (b"HTTP/1.1 200 OK\r", b"HTTP/1.1 200 OK\r\r\n" + MISSING),
    (FIRST, FIRST + MISSING),
    (FIRST + b"X: y\r\n", FIRST + b"X: y\r\n" + MISSING),
    (FIRST + b"X: y\r\nLocation: /ha", FIRST + b"X: y\r\n" + MISSING),
    (FIRST + LENGTH + b"\r", FIRST + LENGTH + MISSING),
    (b"HTTP/1.1 101 Switching", b"HTTP/1.1 101 Switching\r\n" + MISSING),
]


@pytest.mark.parametrize(("cut", "whole"), CUT)
def test_a_head_that_its_peer_hung_up_in_is_completed(cut: bytes, whole: bytes) -> None:
    assert completed(cut) == normalized(whole + b"\r\n")
    assert status_of(completed(cut)) == int(cut[9:12])


@pytest.mark.parametrize(
    "cut", [b"", b"HTTP/1.1 20", b"HTTP/1.1 2000", b"HTTP/1.1 100 Continue\r\n", b"SSH-2.0-x\r\n"]
)
def test_without_a_status_there_is_nothing_to_complete(cut: bytes) -> None:
    assert completed(cut) == b""


PIECES = st.sampled_from(
    [
        *(b"HTTP/1.1 200 OK", b"HTTP/1.2", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\0", b":", b"X"),
        *(b"Content-Length", b"Transfer-Encoding: chunked", b"Connection: x", b",", b"5", b"\xff"),
    ]
)


@given(st.lists(PIECES, max_size=20).map(b"".join))
def test_mending_twice_changes_nothing_more_and_keeps_the_status(text: bytes) -> None:
    head = FIRST + text + b"\r\n\r\n"
    mended = normalized(head)

    assert normalized(mended) == mended
    assert status_of(mended) == status_of(head)
