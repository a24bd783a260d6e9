"""Chunks are read as browsers read them, however the network cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._transport.chunks import (
    _LONGEST_LINE,
    _LONGEST_TRAILER,
    BadChunk,
    ChunkReader,
)

SIZES = [1, 2, 3, 7, 1000]


def fed(data: bytes, size: int) -> tuple[bytes, ChunkReader]:
    """What is read of a body that comes in pieces of that size."""
    reader = ChunkReader()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(map(reader.feed, pieces)), reader


WHOLE: dict[bytes, bool] = {
    # the body, and whether its end is as the standard has it
    b"5\r\nhello\r\n0\r\n\r\n": True,
    b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n": True,
    b"05\r\nhello\r\n000\r\n\r\n": True,
    b"0000000000000000000005\r\nhello\r\n0\r\n\r\n": True,
    b"5;a=b\r\nhello\r\n0;c\r\n\r\n": True,
    b'5 ; a="b;c"\r\nhello\r\n0\r\n\r\n': True,
    b"5 \r\nhello\r\n0 \r\n\r\n": True,
    b" \t5\t\r\nhello\r\n0\r\n\r\n": True,
    b"5\r\nhello\r\n0\r\nX: y\r\nZ: a\r\n\r\n": True,
    b"5\r\nhello\r\n0\r\nno field\r\n: \r\n \r\n\r\n": True,
    b"5\nhello\n0\n\n": False,
    b"2\nhe\n3\nllo\n0\n\n": False,
    b"2\r\nhe\n3\nllo\r\n0\r\n\n": False,
    b"5\r\nhello\r\n0\n\r\n": False,
    b"5\r\nhello\r\n0\r\nX: y\n\n": False,
    b"5\r\r\nhello\r\n0\r\n\r\n": False,
    b"5\r\nhello\r\r\n0\r\n\r\n": False,
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("data", "in_order"), WHOLE.items())
def test_a_whole_body(*, data: bytes, in_order: bool, size: int) -> None:
    body, reader = fed(data, size)

    assert body == b"hello"
    assert reader.has_last_chunk
    assert reader.is_over
    assert reader.is_odd is not in_order


def test_sizes_are_hexadecimal() -> None:
    for digits in (b"1a", b"1A", b"001a"):
        body, _ = fed(digits + b"\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n", 1000)
        assert body == b"x" * 26


ENDS = {
    # how it ends, and whether something of the body may be missing
    b"5\r\nhello\r\n0\r\n": False,
    b"5\r\nhello\n0\n": False,
    b"5\r\nhello\r\n0\r\n\r": False,
    b"5\r\nhello\r\n0\r\nX: y\r\n": False,
    b"5\r\nhello\r\n0\r\nX: ": False,
    b"5\r\nhello\r\n0\r": True,
    b"5\r\nhello\r\n0": True,
    b"5\r\nhello\r\n": True,
    b"5\r\nhello": True,
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("data", "is_cut"), ENDS.items())
def test_after_the_last_chunk_nothing_is_missing(*, data: bytes, is_cut: bool, size: int) -> None:
    body, reader = fed(data, size)

    assert body == b"hello"
    assert reader.has_last_chunk is not is_cut
    assert not reader.is_over


NO_CHUNKS = [
    *(b"\r\n", b"zz\r\n", b"-5\r\n", b"+5\r\n", b"0x5\r\n", b"5_0\r\n", b";5\r\n", b"5 5\r\n"),
    *(b"1" * 16 + b"\r\n", b"<html>\n", b"\xb2\r\n", b"5.0\r\n"),
    *(
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello!\r\n0\r\n\r\n",
        b"4\r\nhello\r\n",
        b"7\r\nhello\r\n0\r\n",
    ),
    b"5;" + b"x" * _LONGEST_LINE,
]


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("data", NO_CHUNKS)
def test_what_is_no_chunk_is_refused(data: bytes, size: int) -> None:
    with pytest.raises(BadChunk):
        fed(data + b"\r\n", size)


@pytest.mark.parametrize("size", [1000, 100_000])
def test_a_trailer_without_end_is_not_waited_for(size: int) -> None:
    body, reader = fed(b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * _LONGEST_TRAILER, size)

    assert body == b"hello"
    assert reader.is_over
    assert reader.is_odd


def test_what_follows_is_not_the_bodys() -> None:
    body, reader = fed(b"5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n", 1000)

    assert body == b"hello"
    assert reader.is_odd


CHUNK = st.binary(min_size=1, max_size=40)
END = st.sampled_from([b"\r\n", b"\n"])


@pytest.mark.slow
@given(st.lists(st.tuples(CHUNK, END, END)), st.integers(1, 20))
def test_any_chunks_are_put_together(chunks: list[tuple[bytes, bytes, bytes]], size: int) -> None:
    data = b"".join(b"%x%b%b%b" % (len(data), one, data, two) for data, one, two in chunks)

    body, reader = fed(data + b"0\r\n\r\n", size)

    assert body == b"".join(data for data, _, _ in chunks)
    assert reader.is_over


@given(st.binary(), st.integers(1, 10))
def test_garbage_is_read_or_refused(data: bytes, size: int) -> None:
    try:
        body, _ = fed(data, size)
    except BadChunk:
        return
    assert len(body) <= len(data)
