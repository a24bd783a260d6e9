"""What holds for all bodies, not only for those of the table."""

import codecs
import itertools
import random
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decoding import sentences as said
from tryconnect._decoding import multibyte, prescan
from tryconnect._decoding.content_type import content_type
from tryconnect._decoding.decoder import Decoder, decode
from tryconnect._decoding.labels import check_encoding
from tryconnect._decoding.prescan import meta_encoding, xml_encoding
from tryconnect._decoding.web_codecs import piece_decoder
from tryconnect._model.text import Decoded, EncodingSource

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


@pytest.mark.parametrize(
    ("label", "codec"),
    [("gbk", "gb18030"), ("big5", "big5"), ("shift_jis", "cp932"), ("euc-kr", "cp949")],
)
def test_every_character_of_the_large_encodings_comes_back(label: str, codec: str) -> None:
    han = [chr(point) for point in range(0x4E00, 0x9FA6)]
    body = "".join(han).encode(codec, "ignore")
    assert decode(body, f"text/html; charset={label}").text == body.decode(codec)


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


class CountedSequences(multibyte.Sequences):
    """Counts what is read step by step."""

    def __init__(self) -> None:
        super().__init__(multibyte.SPELLINGS["gbk"]())
        self.bytes_read = 0

    def step_by_step(self, data: bytes, *, final: bool) -> tuple[str, bytes]:
        self.bytes_read += len(data)
        return super().step_by_step(data, final=final)


@pytest.mark.parametrize("junk", [b"\xff", b"\x81\x20", b"\xa1\xa1\xff"])
def test_slow_repairs_are_capped(junk: bytes) -> None:
    known = CountedSequences()
    decoder = multibyte.MultiByteDecoder(known)
    piece = junk * 6000
    for _ in range(100):
        decoder.decode(piece, False)  # noqa: FBT003
    assert known.bytes_read <= 2 * len(piece) + 10_000 * len(junk)


def test_characters_that_python_lacks_are_not_repairs() -> None:
    known = CountedSequences()
    decoder = multibyte.MultiByteDecoder(known)
    piece = b"\x80\x81\x35\xf4\x37" * 5000
    texts = [decoder.decode(piece, False) for _ in range(10)]  # noqa: FBT003
    assert set(texts) == {"€\ue7c7" * 5000}
    assert known.bytes_read == 10 * len(piece)


def test_after_the_cap_doubtful_sequences_are_not_read_step_by_step() -> None:
    known = CountedSequences()
    decoder = multibyte.MultiByteDecoder(known)
    decoder.decode(b"\xff" * (multibyte.MALFORMED_CAP + 1), False)  # noqa: FBT003
    before = known.bytes_read
    decoder.decode(b"\x81\x35\xf4\x37", False)  # noqa: FBT003
    assert known.bytes_read == before


@pytest.mark.parametrize("encoding", ["gbk", "big5", "euc-jp", "iso-2022-jp", "utf-16le", "cp037"])
def test_what_may_be_slow_is_decoded_in_small_pieces(encoding: str) -> None:
    assert piece_decoder(encoding)[1] <= 32 * 1024


@pytest.mark.parametrize("label", WEB)
def test_steps_are_of_bounded_size(label: str) -> None:
    body = said.RUSSIAN.encode() * 10_000
    decoder = Decoder(f"text/html; charset={label}")
    decoder.feed(body)
    steps = sum(1 for _ in decoder.finish())
    assert steps >= len(body) // (256 * 1024)


HOSTILE_HEADS = [
    b"<a ",
    b"<!--",
    b'<a b="',
    b"<a b='x' ",
    b"<?",
    b"</",
    b"<a>",
    b"<title>",
    b"<script></script>",
    b"<meta>",
    b"<meta content='charset '>",
    b'<meta content="charset=',
    b"<a" + b" " * 100,
    b"<a =",
    b"<!-",
    b"<!--->",
    b'<?xml encoding="a"',
    b"<?xml encoding",
]


class CountedPattern:
    """Counts the bytes that a pattern passes over: to the end, where it does not match."""

    passed_over = 0

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self._pattern = pattern

    def match(self, data: bytes, start: int) -> re.Match[bytes] | None:
        return self._counted(self._pattern.match(data, start), data, start)

    def search(self, data: bytes, start: int) -> re.Match[bytes] | None:
        return self._counted(self._pattern.search(data, start), data, start)

    def _counted(
        self, found: re.Match[bytes] | None, data: bytes, start: int
    ) -> re.Match[bytes] | None:
        CountedPattern.passed_over += (found.end() if found else len(data)) - start
        return found


@pytest.mark.parametrize("head", HOSTILE_HEADS)
def test_the_scan_passes_over_each_byte_a_few_times_at_most(
    monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    monkeypatch.setattr(prescan, "_MARKUP", CountedPattern(prescan._MARKUP))
    monkeypatch.setattr(prescan, "_OPENING", CountedPattern(prescan._OPENING))
    page = head * (prescan.PRESCAN_SIZE // len(head))
    CountedPattern.passed_over = 0
    meta_encoding(page)
    xml_encoding(b"<?xml " + page)
    assert CountedPattern.passed_over <= 3 * len(page)


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
    assert peak < 5 * count * len(chunk) + 2**20


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


def test_a_choice_is_made_before_the_body_has_ended() -> None:
    decoder = Decoder("text/html")
    for _ in range(6):
        decoder.feed(said.CHINESE.encode("gbk") * 200)
    assert len(decoder._text) > 0
    list(decoder.finish())
    assert decoder.result.source is EncodingSource.detected


def test_nothing_is_left_waiting_by_small_chunks() -> None:
    body = said.CHINESE.encode("gbk") * 5000
    decoder = Decoder("text/html")
    for start in range(0, len(body), 32 * 1024):
        decoder.feed(body[start : start + 32 * 1024])
        assert decoder._waiting.size < 128 * 1024
    assert sum(1 for _ in decoder.finish()) < 8
