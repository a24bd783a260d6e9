"""What holds for all bodies, not only for those of the table."""

import codecs
import itertools
import random
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decoding import sentences as said
from tryconnect._decoding import multibyte
from tryconnect._decoding.content_type import content_type
from tryconnect._decoding.decoder import Decoder, decode
from tryconnect._decoding.labels import check_encoding
from tryconnect._decoding.prescan import meta_encoding, xml_encoding
from tryconnect._model.text import Decoded

WEB = [
    *("utf-8", "gbk", "gb18030", "big5", "euc-jp", "iso-2022-jp", "shift_jis", "euc-kr"),
    *("utf-16le", "utf-16be", "windows-1252", "windows-1255", "koi8-u", "x-user-defined"),
    "replacement",
]

# Bytes that decoders stumble over, more often than chance would bring them.
STUMBLING_BLOCKS = [
    *(b"<p>", b"\x1b$B", b"\x1b(B", b"\x1b(I", b"\x1b", b"$", b"\x81\x30", b"\x81\x35\xf4\x37"),
    *(b"\x8f", b"\x8f\xa2\xb7", b"\x8e", b"\xa2\x41", b"\xad\xa1", b"\x80", b"\xef\xbb\xbf"),
    *(b"\xff\xfe", b"<meta charset=gbk>", b"\x00", b"\xd8", b"\xed\xa0", b"\xf0\x9f\x98\x80"),
    *(b"\xc3\xa9" * 40, "中文".encode(), "中文".encode("gbk"), "かな".encode("cp932")),
]
TRICKY = st.lists(
    st.one_of(st.binary(max_size=6), st.sampled_from(STUMBLING_BLOCKS)), max_size=30
).map(b"".join)
TYPES = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.sampled_from(
        ["text/html", "text/plain", "text/xml", "application/json", "a/b", "text/html,"]
    ),
    st.sampled_from(WEB).map("text/html; charset={}".format),
)


def in_pieces(body: bytes, cuts: list[int], header: str | None, encoding: str | None) -> Decoded:
    decoder = Decoder(header, encoding=encoding)
    edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    for start, end in itertools.pairwise(edges):
        decoder.feed(body[start:end])
    for _ in decoder.finish():
        pass
    return decoder.result


@given(TRICKY, TYPES)
def test_nothing_is_raised(body: bytes, header: str | None) -> None:
    decoded = decode(body, header)
    assert isinstance(decoded.text, str)
    decoded.text.encode()  # no lone surrogates
    assert check_encoding(decoded.encoding) == decoded.encoding


@given(TRICKY, TYPES, st.lists(st.integers(0, 300)), st.none() | st.sampled_from(WEB))
def test_pieces_are_the_same_as_the_whole(
    body: bytes, header: str | None, cuts: list[int], encoding: str | None
) -> None:
    whole = decode(body, header, encoding=encoding)
    assert in_pieces(body, cuts, header, encoding) == whole


@pytest.mark.slow
@pytest.mark.parametrize("label", WEB)
def test_large_pieces_are_the_same_as_the_whole(label: str) -> None:
    """Beyond the sizes at which work is cut, and the caps."""
    chance = random.Random(label)  # noqa: S311 - the same at each run
    body = b"".join(
        chance.choice([bytes(chance.choices(range(256), k=9)), "中文かなé".encode(), b"<p>text"])
        for _ in range(60_000)
    )
    cuts = [chance.randrange(len(body)) for _ in range(20)]
    for header in (f"text/html; charset={label}", "text/html"):
        assert in_pieces(body, cuts, header, None) == decode(body, header)


@given(st.text())
def test_utf8_comes_back(text: str) -> None:
    expected = text.removeprefix("\ufeff")
    assert decode(text.encode(), "text/html; charset=utf-8").text == expected


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: "\x1b$" not in text))
def test_undeclared_utf8_comes_back(text: str) -> None:
    assert decode(text.encode(), "text/plain").text == text.removeprefix("\ufeff")


@pytest.mark.parametrize("label", [name for name in WEB if not name.startswith(("utf-16", "repl"))])
def test_markup_after_any_broken_sequence_survives(label: str) -> None:
    ways = [b"", b"\x30", b"\x30\x81", b"\xa1", b"\x80", b"\xff"]
    for lead in range(0x80, 0x100):
        for way in ways:
            body = bytes([lead]) + way + b"<p>"
            assert decode(body, f"text/plain; charset={label}").text.endswith("<p>") or body[
                :2
            ] in (
                codecs.BOM_UTF16_LE,
                codecs.BOM_UTF16_BE,
            ), body


@pytest.mark.slow
@pytest.mark.parametrize("label", ["gbk", "big5", "euc-jp", "shift_jis", "euc-kr"])
def test_markup_survives_even_where_malformed_steps_are_no_longer_counted(label: str) -> None:
    garbage = b"\xff" * (multibyte.MALFORMED_CAP + 20_000)
    for lead in range(0x80, 0x100):
        text = decode(garbage + bytes([lead]) + b"<p>" * 9, f"text/plain; charset={label}").text
        assert text.endswith("<p>" * 8), lead


@pytest.mark.parametrize("label", WEB)
def test_steps_are_of_bounded_size(label: str) -> None:
    body = said.RUSSIAN.encode() * 10_000
    decoder = Decoder(f"text/html; charset={label}")
    decoder.feed(body)
    steps = sum(1 for _ in decoder.finish())
    assert steps >= len(body) // (256 * 1024)


@given(st.binary(max_size=200), st.text(max_size=60))
def test_no_head_and_no_header_is_too_strange(head: bytes, header: str) -> None:
    meta_encoding(b"<meta " + head)
    xml_encoding(b"<?xml " + head)
    content_type("text/html;" + header)


@pytest.mark.parametrize(
    "piece", ["a" * 65_535, "a" * 65_534 + "\u4e2d", "a" * 65_534 + "\U0001f600"]
)
@pytest.mark.parametrize("header", ["text/html", "text/html; charset=utf-8"])
def test_memory_is_not_much_more_than_the_text(piece: str, header: str) -> None:
    count = 40
    chunk = piece.encode()
    decode(chunk, header)
    tracemalloc.start()
    try:
        decoder = Decoder(header)
        for _ in range(count):
            decoder.feed(bytes(bytearray(chunk)))  # a new object, as from a socket
        for _ in decoder.finish():
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert decoder.result.text == piece * count
    # Python 3.11 does not always extend a str in place.
    assert peak < (5 if sys.version_info >= (3, 12) else 9) * count * len(chunk) + 2**20


def test_bytes_are_dropped_as_they_are_decoded() -> None:
    chunk = said.CHINESE.encode("gbk") * 200
    decode(chunk, "text/html")
    tracemalloc.start()
    try:
        decoder = Decoder("text/html; charset=gbk")
        for _ in range(100):
            decoder.feed(bytes(bytearray(chunk)))
        for _ in decoder.finish():
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * 100 * len(chunk)  # bytes and text of the same size: 2 without dropping


def test_nothing_is_left_waiting_by_small_chunks() -> None:
    body = said.CHINESE.encode("gbk") * 5000
    decoder = Decoder("text/html")
    for start in range(0, len(body), 32 * 1024):
        decoder.feed(body[start : start + 32 * 1024])
        assert decoder._waiting.size < 128 * 1024
    assert sum(1 for _ in decoder.finish()) < 8


def test_a_chunk_pays_for_two_careful_pieces_at_most() -> None:
    decoder = Decoder("text/plain; charset=gbk")
    decoder.feed(b"a" * 100_000)
    decoder.feed(b"a")
    assert decoder._waiting.size == 100_001 - 32 * 1024


def test_a_chunk_that_makes_a_piece_whole_is_decoded() -> None:
    decoder = Decoder("text/plain; charset=gbk")
    decoder.feed(b"abc")
    decoder.feed(b"a" * (16 * 1024 - 3))
    assert decoder._waiting.size == 0


@pytest.mark.parametrize("kind", ["text/html", "text/plain"])
def test_a_body_whose_encoding_is_named_is_decoded_from_its_first_chunks_on(kind: str) -> None:
    decoder = Decoder(f"{kind}; charset=gbk")
    for _ in range(2):
        decoder.feed(b"a" * 16 * 1024)
    assert len(decoder._text) == 32 * 1024
    assert decoder._waiting.size == 0


def test_the_encoding_is_known_once_it_is_taken() -> None:
    decoder = Decoder("text/plain")
    decoder.feed(b"abc")
    assert (decoder.encoding, decoder.waiting, decoder.preview()) == (None, b"abc", "abc")
    decoder.feed("\u4e2d".encode())
    assert (decoder.waiting, decoder.preview()) == ("abc\u4e2d".encode(), "abc\u4e2d")
    list(decoder.finish())
    assert (decoder.encoding, decoder.result.text) == ("utf-8", "abc\u4e2d")


def test_a_label_that_nobody_knows_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="encoding must be"):
        Decoder(encoding="no such")
