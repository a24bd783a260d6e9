"""The decoder of each name."""

import pytest

from tryconnect._decoding.web_codecs import piece_decoder


@pytest.mark.parametrize("name", ["utf-8", "windows-1252", "koi8-u", "x-user-defined"])
def test_what_is_swift_is_decoded_in_large_pieces(name: str) -> None:
    assert piece_decoder(name)[1] == 256 * 1024


@pytest.mark.parametrize("encoding", ["gbk", "big5", "euc-jp", "iso-2022-jp", "utf-16le", "cp037"])
def test_what_may_be_slow_is_decoded_in_small_pieces(encoding: str) -> None:
    assert piece_decoder(encoding)[1] <= 32 * 1024


SINGLE_BYTE = {
    ("koi8-u", b"\xae\xbe"): "\u045e\u040e",
    ("windows-1255", b"\xca"): "\u05ba",
    ("windows-1252", b"\x80\x81\xe9"): "\u20ac\x81\xe9",
    ("iso-8859-7", b"\xae"): "\ufffd",
    ("x-user-defined", b"a\x80\xff"): "a\uf780\uf7ff",
}


@pytest.mark.parametrize(("named", "text"), SINGLE_BYTE.items())
def test_a_single_byte_means_what_the_index_says(named: tuple[str, bytes], text: str) -> None:
    name, body = named
    assert piece_decoder(name)[0](body, True) == text  # noqa: FBT003 - as Python's decoders


def test_what_browsers_refuse_is_one_replacement_character() -> None:
    decode, _ = piece_decoder("replacement")
    assert [decode(piece, False) for piece in (b"", b"a", b"b")] == ["", "\ufffd", ""]  # noqa: FBT003


@pytest.mark.parametrize("name", ["gbk", "iso-2022-jp", "utf-8", "cp037"])
def test_the_decoder_of_a_name_waits_for_half_a_character(name: str) -> None:
    text = "\xe9" if name == "cp037" else "\u3042"
    body = text.encode(name)
    decode, _ = piece_decoder(name)
    pieces = [decode(body[:1], False), decode(body[1:], True)]  # noqa: FBT003
    assert "".join(pieces) == text
