"""The caller's own choice of an encoding."""

import encodings
import pkgutil
import random
from encodings.aliases import aliases

import pytest

from tests.decoding import sentences as said
from tryconnect._decoding.decoder import decode
from tryconnect._decoding.labels import check_encoding
from tryconnect._model.text import EncodingSource

NAMES = sorted(
    {module.name for module in pkgutil.iter_modules(encodings.__path__)}
    | set(aliases)
    | set(aliases.values())
)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("gb2312", "gbk"),
        (" GBK\n", "gbk"),
        ("latin1", "windows-1252"),
        ("latin-1", "windows-1252"),
        ("utf_8", "utf-8"),
        ("euc_kr", "euc-kr"),
        ("shift_jis", "shift_jis"),
        ("cp949", "cp949"),
        ("cp037", "cp037"),
        ("utf-8-sig", "utf-8-sig"),
        ("iso-2022-kr", "replacement"),
    ],
)
def test_an_encoding_has_many_labels(label: str, name: str) -> None:
    assert check_encoding(label) == name
    assert check_encoding(name) == name


@pytest.mark.parametrize(
    "label",
    [
        *("", "no such", "a\0b", "\udcff", "é", "rot13", "base64", "idna", "punycode", "undefined"),
        *("utf-7", "unicode_escape", "raw_unicode_escape", "utf_32", "mbcs", "oem", "../utf-8"),
        "x" * 999,
    ],
)
def test_what_cannot_decode_all_bytes_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match=r"^encoding must be a WHATWG label or .*, not '"):
        check_encoding(label)
    with pytest.raises(ValueError, match="encoding must be"):
        decode(b"", encoding=label)


def accepted() -> list[str]:
    found = []
    for name in NAMES:
        try:
            check_encoding(name)
        except ValueError:
            continue
        found.append(name)
    return found


@pytest.mark.parametrize("label", accepted())
def test_what_is_accepted_decodes_all_bytes(label: str) -> None:
    chance = random.Random(label)  # noqa: S311 - the same at each run
    bodies = [
        b"",
        b"\xff",
        bytes(range(256)),
        b"\xff\xfe\0\0a\0",
        b"\x0e\x1b$)A\x1b$B" * 9,
        b"~{<:Ky~}~",
        chance.randbytes(40_000),
        bytes(chance.choices(range(0x20, 0x7F), k=999)),
    ]
    for body in bodies:
        decoded = decode(body, "text/html; charset=gbk", encoding=label)
        assert decoded.encoding in {check_encoding(label), "utf-16le"}


def test_the_caller_outdoes_the_header_and_the_page() -> None:
    page = f"<meta charset=big5>{said.CHINESE}"
    decoded = decode(page.encode("gbk"), "text/html; charset=euc-kr", encoding="gb2312")
    assert (decoded.text, decoded.encoding) == (page, "gbk")
    assert decoded.source is EncodingSource.override


def test_a_mark_outdoes_the_caller_as_in_browsers() -> None:
    decoded = decode("\ufeffé".encode(), encoding="gbk")
    assert (decoded.text, decoded.source) == ("é", EncodingSource.bom)


def test_a_codec_that_browsers_lack_is_obeyed_to_the_letter() -> None:
    body = "\ufeffé".encode("utf-32-le")
    assert body.startswith(b"\xff\xfe")
    decoded = decode(body, encoding="utf-32-le")
    assert (decoded.text, decoded.source) == ("\ufeffé", EncodingSource.override)
    assert decode("é".encode("cp037"), encoding="cp037").text == "é"
