"""What the parts of ``_decoding`` promise one another, where no whole body shows it."""

import codecs

import pytest

from tests.decoding import sentences as said
from tryconnect._decoding import detector as detection
from tryconnect._decoding import sniffer as sniffing
from tryconnect._decoding.decoder import Decoder, decode
from tryconnect._decoding.iso2022jp import Iso2022JpDecoder
from tryconnect._decoding.multibyte import MultiByteDecoder, sequences
from tryconnect._decoding.prescan import PRESCAN_SIZE, meta_encoding
from tryconnect._decoding.web_codecs import piece_decoder
from tryconnect._model.text import EncodingSource

SWITCHING = "a\u65e5\u672c\uff71\xa5b".encode("iso2022_jp_ext") + b"\x1b$B\x46"
"""Escapes in between, and half a character at the end."""


@pytest.mark.parametrize("first", range(len(SWITCHING) + 1))
@pytest.mark.parametrize("second", [0, 1, 2, 3])
def test_iso_2022_jp_may_be_cut_inside_an_escape_or_a_character(first: int, second: int) -> None:
    whole = Iso2022JpDecoder().decode(SWITCHING, final=True)
    decoder = Iso2022JpDecoder()
    pieces = (
        SWITCHING[:first],
        SWITCHING[first : first + second],
        SWITCHING[first + second :],
    )

    told = [decoder.decode(piece, final=False) for piece in pieces]
    told.append(decoder.decode(b"", final=True))

    assert "".join(told) == whole
    assert whole == "a\u65e5\u672c\uff71\xa5b\ufffd"


GBK = b"<meta charset=gbk>"

DECLARED = {
    b"<meta charset=utf-16be>": "utf-8",
    b"<meta charset=utf-16le>": "utf-8",
    b"<meta charset=x-user-defined>": "windows-1252",
    b"<meta content='text/html; charset=gbk'>": None,
    b"<meta http-equiv=content-type content='text/html; charset=gbk'>": "gbk",
    b"<meta http-equiv=content-type content='text/html; CHARSET=gbk'>": "gbk",
    b"<meta http-equiv=content-type http-equiv=x content='text/html; charset=gbk'>": "gbk",
    b"<body>".ljust(1023) + GBK: "gbk",
    b"<body>".ljust(1024) + GBK: None,
    b"<body><link>".ljust(1024) + GBK: None,
    b"</head>".ljust(1024) + GBK: None,
    **{
        b"<%b></%b>".replace(b"%b", tag).ljust(1024) + GBK: "gbk"
        for tag in b"base link meta noscript object script style title".split()
    },
    **{
        b"<%b><meta charset=big5></%b >".replace(b"%b", tag) + GBK: "gbk"
        for tag in b"iframe noembed noframes textarea xmp".split()
    },
    b"<title></title><title><meta charset=big5></TITLE>" + GBK: "gbk",
}


@pytest.mark.parametrize(("head", "name"), DECLARED.items())
def test_what_a_page_declares(head: bytes, name: str | None) -> None:
    assert meta_encoding(head) == name


def test_a_page_is_searched_for_64_kib() -> None:
    for size, encoding in ((64 * 1024, "gbk"), (64 * 1024 + 1, "utf-8")):
        page = b"<head>".ljust(size - len(GBK)) + GBK
        assert decode(page, "text/html").encoding == encoding
    assert PRESCAN_SIZE == 64 * 1024


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


# The bytes that a detector is asked for -> what it says.
ASKED = [
    ({b"\xb0\xa1\xb0": "windows-1252", b"\xb0\xa1": "gbk"}, True, "gbk"),
    ({b"\xb0\xa1\x80": "windows-1252", b"\xb0\xa1": "gbk"}, True, "gbk"),
    ({b"\xb0\xa1\xb0": "windows-1252", b"\xb0\xa1": "koi8-r"}, True, "windows-1252"),
    ({b"\xb0\xa1\xb0": "windows-1252"}, False, "windows-1252"),
    ({b"\xb0\xa1z": "windows-1252"}, True, "windows-1252"),
    *(
        ({b"\xb0\xa1\xb0": name}, True, name)
        for name in ("gb18030", "gbk", "big5", "euc-jp", "shift_jis", "euc-kr")
    ),
]


@pytest.mark.parametrize(("answers", "whole", "name"), ASKED)
def test_a_detector_is_asked_again_without_a_last_byte_that_may_be_half_a_character(
    monkeypatch: pytest.MonkeyPatch, answers: dict[bytes, str], name: str, *, whole: bool
) -> None:
    asked = []

    def ask(window: bytes, _: object) -> str:
        asked.append(window)
        return answers.get(window, "none")

    monkeypatch.setattr(detection, "_ask", ask)
    assert detection.detect(next(iter(answers)), whole=whole) == name
    assert asked == list(answers)


@pytest.mark.parametrize("name", ["utf-8", "windows-1252", "koi8-u", "x-user-defined"])
def test_what_is_swift_is_decoded_in_large_pieces(name: str) -> None:
    assert piece_decoder(name)[1] == 256 * 1024


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


# How many malformed steps came before -> the text of what Python reads otherwise (a character that
# it moved; four bytes that stand for none).
COUNTED = {10_000: "\ue7c7 \ufffd<p>", 10_001: "\u1e3f \ufffd9\ufffd9<p>"}


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize(("malformed", "text"), COUNTED.items())
def test_ten_thousand_malformed_steps_are_counted_as_the_standard_does(
    malformed: int, text: str, pieces: int
) -> None:
    decoder = MultiByteDecoder(sequences("gbk"))
    for _ in range(pieces):
        decoder.decode(b"\xff" * (malformed // pieces) + b" ", final=False)
    decoder.decode(b"\xff" * (malformed % pieces) + b" ", final=False)
    told = [
        decoder.decode(body, final=True) for body in (b"\x81\x35\xf4\x37", b"\xfe\x39\xfe\x39<p>")
    ]
    assert " ".join(told) == text


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_lead_before_an_escape_is_malformed_wherever_it_is_cut(cut: int) -> None:
    body = b'\x1b$B$\x1b(B<\x1b$B$"'
    decoder = Iso2022JpDecoder()
    told = [
        decoder.decode(body[:cut], final=False),
        decoder.decode(body[cut:], final=False),
        decoder.decode(b"", final=True),
    ]
    assert "".join(told) == "\ufffd<\u3042"


HALVES = {
    "gbk": (b"\x81", b"\x81\x30", b"\x81\x30\x81"),
    "big5": (b"\x81", b"\xfe"),
    "euc-jp": (b"\xa4", b"\x8e", b"\x8f", b"\x8f\xa1"),
    "shift_jis": (b"\x81", b"\xe0"),
    "euc-kr": (b"\x81", b"\xfe"),
}


@pytest.mark.parametrize(
    ("encoding", "half"), [(name, half) for name, halves in HALVES.items() for half in halves]
)
def test_half_a_character_waits_for_the_rest_where_others_are_malformed(
    encoding: str, half: bytes
) -> None:
    known = sequences(encoding)
    assert known.step_by_step(b"\xff\n" + half, final=False) == ("\ufffd\n", half)
    assert known.step_by_step(b"\xff\n" + half, final=True) == ("\ufffd\n\ufffd", b"")
