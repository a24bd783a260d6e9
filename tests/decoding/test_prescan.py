"""What a page declares about its own encoding."""

import re

import pytest

from tryconnect._decoding import prescan
from tryconnect._decoding.decoder import decode
from tryconnect._decoding.prescan import PRESCAN_SIZE, meta_encoding, xml_encoding

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
