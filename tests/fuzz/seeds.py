"""Where fuzzing begins: the rows of the tests' tables, and words that rooms listen to."""

import ipaddress
import itertools

from tests.address import test_target
from tests.decoding.cases import CASES
from tests.model import test_expect, test_redaction
from tryconnect.testing import REPLIES
from tryconnect.testing._encoded import PACKERS

ADDRESSES = [text for text, *_ in (*test_target.GOOD, *test_target.CREDENTIALS)]
BAD = [text for text, *_ in test_target.BAD if len(text) < 1000]
LOCATIONS = [text for text, *_ in (*test_target.REDIRECTS, *test_target.BAD_REDIRECTS)]
LOCATIONS += test_target.HOSTILE_REDIRECTS
IPS = (
    *("127.0.0.1", "8.8.8.8", "169.254.169.254", "10.0.0.1", "224.0.0.1", "0.0.0.0"),  # noqa: S104
    *("::", "::1", "2606:4700::1111", "fe80::1", "fc00::1", "ff02::1", "::ffff:10.0.0.1"),
    *("64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::", "2001:0:a00:1::", "fec0::1", "3fff::1"),
)
BODY = b"Franz jagt im komplett verwahrlosten Taxi quer durch Bayern. " * 8


def written(*lines: object) -> bytes:
    """An input of several lines."""
    return "\n".join(map(str, lines)).encode("utf-8", "surrogateescape")


def _bytes(text: object) -> bytes:
    return str(text).encode("utf-8", "surrogatepass")


def _redactions() -> list[bytes]:
    parts = ("me", "", "", "h/"), ("", "a:b", "c", "h:81/x"), ("é", "@", "%40", "[::1]/?a#b")
    found = [written(scheme, *part) for scheme in ("http://", "", "HTTPS://") for part in parts]
    return found + [written("http://", "", "", "", text) for text, *_ in test_redaction.ADDRESSES]


def _codings() -> list[bytes]:
    found = [name.encode() + b"\n" + pack(BODY) for name, pack in PACKERS.items()]
    for (one, pack), (other, pack_again) in itertools.product(PACKERS.items(), repeat=2):
        found.append(f"{one}, {other}\n".encode() + pack_again(pack(BODY)))
    bombs = [name.encode() + b"\n" + pack(bytes(2**22)) for name, pack in PACKERS.items()]
    return [*found, *bombs, b"identity\nhello", b"rot13\nuryyb", b"\nhello"]


def _expectations() -> list[bytes]:
    statuses = [row[0] for row in test_expect.STATUSES] + test_expect.NONSENSE
    return [written(status, "hello", "say hello") for status in statuses] + [
        written("", "~ell", "hello"),
        written("2xx", "", ""),
    ]


SEEDS: dict[str, list[bytes]] = {
    "address": [_bytes(text) for text in (*ADDRESSES, *BAD)],
    "redirect": [_bytes(f"http://h:81/a/b?q\n{text}") for text in (*LOCATIONS, *BAD)],
    "redaction": _redactions(),
    "guard": [b"\x00\x50" + ipaddress.ip_address(text).packed for text in IPS],
    "text": [_bytes(f"{case.header or ''}\n\n") + case.body for case in CASES]
    + [_bytes(f"\n{case.encoding}\n") + case.body for case in CASES],
    "coding": _codings(),
    "expect": _expectations(),
    "head": [reply.data for reply in REPLIES.values()],
    "verdict": [
        bytes([one, one + 1, one % 6, one % 4, flags, 0, 104]) + b"see http://me:pw@h/?q\x1b[1m"
        for one, flags in itertools.product(range(21), (0, 1, 4, 9, 17))
    ],
}
"""Inputs by room."""

_URL_WORDS = (
    *("http://", "https://", "tcp://", "unix:///", "ftp://", "//", "://", "@", ":", "[", "]", "%"),
    *("%25", "?", "#", "/../", "\\", "xn--", "::ffff:127.0.0.1", "0x7f", "127.1", "localhost"),
    *(".", "..", "。", "é", "\u2100", "\u202e", "\u00ad", "\ud800", "\x00", "\t", " ", ":65536"),
    *(":0", ":443", "%00", "%2f", "[::1]", "[fe80::1%25eth0]", "javascript:", "data:,", "1e3"),
)
_CHARSETS = (
    *("utf-8", "utf-16", "utf-16be", "gbk", "gb18030", "big5", "euc-jp", "shift_jis", "euc-kr"),
    *("iso-2022-jp", "iso-2022-kr", "windows-1252", "x-user-defined", "koi8-u", "cp037", "utf-7"),
    *("idna", "punycode", "undefined", "rot13", "hex", "utf-32", "unicode_escape", "mbcs"),
)
_TEXT_WORDS = (
    *(b"text/html;charset=", b"text/xml", b"application/json", b"text/plain", b'charset="', b","),
    *(b"<meta charset=", b"<meta http-equiv=content-type content='a;charset=", b"<!--", b"-->"),
    *(b"<?xml encoding='", b"?>", b"<script>", b"</script>", b"\x1b$B", b"\x1b(B", b"\x1b(I"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x81\x30", b"\x81\x35\xf4\x37", b"\x8f\xa2"),
    *(b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\xc3", b"\x80", b"\xff", b"~{", b"\x0e", b"\n"),
)

WORDS: dict[str, list[bytes]] = {
    "address": [_bytes(word) for word in _URL_WORDS],
    "redirect": [_bytes(word) for word in _URL_WORDS],
    "redaction": [_bytes(word) for word in (*_URL_WORDS, "\n")],
    "guard": [ipaddress.ip_address(text).packed for text in IPS],
    "text": [*map(str.encode, _CHARSETS), *_TEXT_WORDS],
    "coding": [
        *(b"gzip", b"deflate", b"br", b"zstd", b"identity", b", ", b"\n", b"\x1f\x8b\x08"),
        *(b"\x78\x9c", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"\x00\x00\xff\xff"),
    ],
    "expect": [b"2xx", b"200-399", b",", b"-", b"~", b"\n", "٣٣٣".encode(), b" "],
    "head": [b"HTTP/1.1 ", b"HTTP/1.0 200 OK", b"\r\n", b"\r\n\r\n", b"\n\n", b"HTTP/2 "],
    "verdict": [b"http://me:pw@h/?q", b"\x1b[31m", b"\r\n", "\u202e".encode(), b"[Errno 111]"],
}
"""What chance alone would not write."""
