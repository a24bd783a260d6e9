"""A head is the same however the network cuts it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._transport.head_splitter import HeadSplitter
from tryconnect._transport.http_head import LONGEST_HEAD

HEAD = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
WHOLE = [
    (HEAD, HEAD),
    (HEAD + b"body", HEAD),
    (b"\r\n\r\n\n" + HEAD, HEAD),
    (b"\r\n" + INTERIM + b"\r\n" + INTERIM + b"\n\n" + HEAD, HEAD),
    (b"http/1.1 200OK\r\n\r\nbody", b"http/1.1 200OK\r\n\r\n"),
    (INTERIM * 3 + HEAD + b"body", HEAD),
    (b"HTTP/1.0 200\n\nbody", b"HTTP/1.0 200\n\n"),
    (b"HTTP/1.1 101 Switching\r\n\r\n\x00", b"HTTP/1.1 101 Switching\r\n\r\n"),
]


def fed(data: bytes, cuts: list[int]) -> tuple[bytes, bytes] | None:
    """What comes of data that arrives in pieces, with all that came behind it."""
    splitter = HeadSplitter()
    ends = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(ends) if start < end]
    for number, piece in enumerate(pieces, 1):
        if (found := splitter.feed(piece)) is not None:
            return found[0], found[1] + b"".join(pieces[number:])
    return None


@pytest.mark.slow
@pytest.mark.parametrize(("data", "head"), WHOLE)
@given(cuts=st.lists(st.integers(1, 150)))
def test_a_head_is_found_however_it_is_cut(data: bytes, head: bytes, cuts: list[int]) -> None:
    found = fed(data, cuts)

    assert found == (head, data[data.index(head) + len(head) :])


@pytest.mark.parametrize(
    "banner", [b"SSH-2.0-x\r\n", b"\0", b"HTTP/2 200\r\n", b"<html>", b" HTTP/1.1 200\r\n"]
)
def test_what_begins_otherwise_is_handed_on_at_once(banner: bytes) -> None:
    assert HeadSplitter().feed(banner) == (banner, b"")


@pytest.mark.parametrize("data", [b"", b"\r\n", b"HTTP/1.1 20", INTERIM, INTERIM + b"HTTP/1.1 2"])
def test_what_a_peer_hangs_up_in_may_be_no_head(data: bytes) -> None:
    splitter = HeadSplitter()

    assert not data or splitter.feed(data) is None
    assert splitter.finish() == b""


def test_what_a_peer_hangs_up_in_is_one_from_its_status_on() -> None:
    splitter = HeadSplitter()
    splitter.feed(HEAD[:-2])

    assert splitter.finish().startswith(HEAD[:-2])


def test_a_head_without_end_is_handed_on_when_it_is_too_long() -> None:
    splitter = HeadSplitter()
    pieces = iter([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n" * 1000] * (LONGEST_HEAD // 6000 + 1)])
    found = None
    while found is None:
        found = splitter.feed(next(pieces))

    assert len(found[0]) >= LONGEST_HEAD
