"""The choice of an encoding, from the first bytes and the declared type."""

import codecs

import pytest

from tests.decoding import sentences as said
from tryconnect._decoding import sniffer as sniffing
from tryconnect._decoding.decoder import Decoder
from tryconnect._decoding.sniffer import Choice, Sniffer
from tryconnect._model.text import EncodingSource


def test_a_mark_behind_the_first_bytes_is_none_even_where_a_chunk_begins_with_it() -> None:
    decoder = Decoder("text/plain")
    for chunk in (b"abc", codecs.BOM_UTF16_LE, b"\xc3\xa9" * 20):
        decoder.feed(chunk)
    list(decoder.finish())
    assert decoder.result.source is EncodingSource.utf8


def test_an_escape_that_comes_byte_by_byte_is_seen() -> None:
    decoder = Decoder("text/plain")
    for byte in b"abc" + said.JAPANESE.encode("iso2022_jp"):
        decoder.feed(bytes([byte]))
    list(decoder.finish())
    assert (decoder.result.text, decoder.result.encoding) == ("abc" + said.JAPANESE, "iso-2022-jp")


WINDOW = 16 * 1024


@pytest.mark.parametrize("size", [1000, 1024, WINDOW, 3 * WINDOW])
def test_a_detector_sees_16_kib_from_the_first_telling_byte_on(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    seen = []

    def detect(window: bytes, *, whole: bool) -> str:
        seen.append((window, whole))
        return "gbk"

    monkeypatch.setattr(sniffing, "detect", detect)
    body = b"a" * 16 + said.CHINESE.encode("gbk") * 1000
    decoder = Decoder("text/plain")
    fed = 0
    while not seen:
        decoder.feed(body[fed : fed + size])
        fed += size
    assert seen == [(body[16 : 16 + WINDOW], False)]
    assert fed < 16 + WINDOW + size


def test_the_choice_is_made_with_the_byte_that_fills_the_window() -> None:
    decoder = Decoder("text/plain")
    decoder.feed(b"abc" + (said.CHINESE.encode("gbk") * 1000)[:WINDOW])
    assert decoder._choice is not None


def test_a_choice_is_made_before_the_body_has_ended() -> None:
    decoder = Decoder("text/html")
    for _ in range(6):
        decoder.feed(said.CHINESE.encode("gbk") * 200)
    assert len(decoder._text) > 0
    list(decoder.finish())
    assert decoder.result.source is EncodingSource.detected


GBK = said.CHINESE.encode("gbk")
HALF = "\u4e2d".encode()[:-1]

# The header, the caller's encoding, the body -> the encoding, and why.
CHOICES = [
    (None, None, b"\xef\xbb\xbfa", Choice("utf-8", EncodingSource.bom, mark=3)),
    (None, None, b"\xff\xfea\0", Choice("utf-16le", EncodingSource.bom, mark=2)),
    ("text/plain; charset=gbk", None, b"\xef\xbb\xbf", Choice("utf-8", EncodingSource.bom, mark=3)),
    ("text/plain; charset=big5", "gb2312", b"a", Choice("gbk", EncodingSource.override)),
    (None, "cp037", b"\xff\xfe", Choice("cp037", EncodingSource.override)),
    ("text/plain; charset=big5", None, GBK, Choice("big5", EncodingSource.header)),
    ("application/json", None, GBK, Choice("utf-8", EncodingSource.json)),
    ("text/html", None, b"<meta charset=gbk>", Choice("gbk", EncodingSource.meta)),
    ("text/html", None, b"<?xml encoding='gbk'?>", Choice("gbk", EncodingSource.xml)),
    ("text/xml", None, b"<?xml encoding='gbk'?>", Choice("gbk", EncodingSource.xml)),
    ("text/xml", None, b"<meta charset=gbk>", Choice("utf-8", EncodingSource.xml)),
    ("text/plain", None, b"<meta charset=gbk>", Choice("utf-8", EncodingSource.utf8)),
    ("text/plain", None, b"", Choice("utf-8", EncodingSource.utf8)),
    ("text/plain", None, b'\x1b$B$"\x1b(B', Choice("iso-2022-jp", EncodingSource.detected)),
    ("text/plain", None, "\u4e2d\u6587".encode(), Choice("utf-8", EncodingSource.utf8)),
    ("text/plain", None, "\u4e2d\u6587".encode() + HALF, Choice("utf-8", EncodingSource.utf8)),
    ("text/plain", None, GBK, Choice("gb18030", EncodingSource.detected)),
    ("text/plain", None, b"\x80", Choice("windows-1252", EncodingSource.detected)),
]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(("header", "encoding", "body", "choice"), CHOICES)
def test_the_strongest_word_is_taken_however_the_body_is_cut(
    header: str | None, encoding: str | None, body: bytes, choice: Choice, size: int
) -> None:
    sniffer = Sniffer(header, encoding)
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    early = next((found for piece in pieces if (found := sniffer.look(piece))), None)
    assert (early or sniffer.conclude()) == choice


def test_nothing_to_go_by_is_the_browsers_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sniffing, "detect", lambda _window, *, whole: None if whole else "gbk")
    sniffer = Sniffer("text/plain", None)
    assert sniffer.look(GBK) is None
    assert sniffer.conclude() == Choice("windows-1252", EncodingSource.fallback)


def test_half_a_character_after_one_alone_is_not_called_utf_8() -> None:
    sniffer = Sniffer("text/plain", None)
    assert sniffer.look(b"abc" + HALF) is None
    assert sniffer.conclude().source is not EncodingSource.utf8
