"""The head of an answer, put in order as browsers do before a strict parser sees it.

Servers write heads that RFC 9112 forbids, and clients have always read them. Where browsers agree
on what such a head means, it is written anew here. Where nobody can tell where the body ends, a
head stays as it came, and the parser says what is wrong with it.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from tryconnect._model.abnf import TOKEN
from tryconnect._model.faults import NotHttp
from tryconnect._model.lazy_pattern import lazy_pattern

__all__ = [
    "END_OF_HEAD",
    "LONGEST_HEAD",
    "completed",
    "fields_of",
    "has_location",
    "is_chunked",
    "is_interim",
    "normalized",
    "not_http",
    "raw_fields",
    "status_of",
]

LONGEST_HEAD = 2**17
"""Bytes."""

END_OF_HEAD = lazy_pattern(rb"\n\r{0,2}\n")
"""An empty line. Lines may end without CR (RFC 9112, section 2.2), and some end with two."""

_ENDS_OF_HEAD = (b"\n\r\n", b"\n\n", b"\n\r\r\n")

_STATUS_LINE = lazy_pattern(
    rb"HTTP/1\.([0-9])[ \t]+([1-9][0-9]{2})(?![0-9])[ \t]*([^\n]*)", re.IGNORECASE
)
"""A higher minor version is read as the highest known (RFC 9110, section 2.5); words may have any
white space between them (RFC 9112, section 4). Chromium (``HttpResponseHeaders::ParseStatusLine``)
also takes small letters, and a reason without a space before it."""

_INTERIM = lazy_pattern(rb"HTTP/1\.[0-9][ \t]+1(?!01)[0-9]{2}(?![0-9])", re.IGNORECASE)
"""1xx: the final answer is still to come (RFC 9110, section 15.2); 101 is one itself."""

_TOKEN = TOKEN.encode()
_CONTROLS = rb"\0-\x08\x0a-\x1f\x7f"
_TEXT = rb"[^" + _CONTROLS + rb"]*"
_FIRST = rb"HTTP/1\.[01] [1-9][0-9]{2}(?: " + _TEXT + rb")?\r\n"
_FIELD = _TOKEN + rb":" + _TEXT + rb"\r\n"
_IN_ORDER = lazy_pattern(_FIRST + rb"(?:" + _FIELD + rb")*+\r\n")
"""What aiohttp takes also under ``python -X dev``, where its parser is strict."""

_FRAMING = lazy_pattern(rb"\n(?:content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_PLAIN_FRAMING = lazy_pattern(
    rb"\n(?:content-length:[ \t]*[0-9]{1,18}|transfer-encoding:[ \t]*chunked)[ \t]*\r\n",
    re.IGNORECASE,
)
"""What needs no second look: a length, or the one transfer coding that frames a body."""

_CHUNKED = lazy_pattern(rb"\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)

_ONCE = frozenset(
    b"content-type content-location content-range etag host max-forwards server user-agent".split()
)
"""Fields that aiohttp refuses to see twice under ``python -X dev``."""

_ONCE_NAMES = lazy_pattern(rb"\n(" + rb"|".join(sorted(_ONCE)) + rb"):", re.IGNORECASE)

_NAME = lazy_pattern(_TOKEN)
_END_OF_LINE = lazy_pattern(rb"\r{0,2}\n")
"""Without a bound, a run of CR would take the square of its length: 4 s for 128 KiB."""

_FOLD = lazy_pattern(rb"\r{0,2}\n[ \t]+")
"""A field that goes on in the next line, which is obsolete (RFC 9112, section 5.2)."""

_FORBIDDEN = lazy_pattern(rb"[" + _CONTROLS + rb"]")
"""To be replaced by spaces: NUL and CR must be, or else the whole be thrown away; others may stay
(RFC 9110, section 5.5)."""


def status_of(head: bytes) -> int | None:
    """Return the status in a complete head, or ``None`` where there is none that HTTP/1 knows."""
    line = _STATUS_LINE.match(head)
    return int(line[2]) if line and head.endswith(_ENDS_OF_HEAD) else None


def not_http(head: bytes) -> NotHttp:
    """Return the fault of what came in place of a head with a status."""
    if _STATUS_LINE.match(head) is None:
        return NotHttp("the answer is not HTTP/1.0 or 1.1")
    longest = max(map(len, head.split(b"\n")))
    return NotHttp(_LONG_LINE if longest > _LONGEST_LINE else _LONG_HEAD)


_LONGEST_LINE = 65_536
_LONG_LINE = f"more than {_LONGEST_LINE:,} bytes in a line"
_LONG_HEAD = f"Too many headers: more than {LONGEST_HEAD:,} bytes"


def fields_of(head: bytes) -> list[tuple[str, str]]:
    """Return the header fields of a complete head.

    Raises:
        NotHttp: nobody can tell where it ends.
    """
    head = normalized(head)
    if not _is_plain(head):
        raise NotHttp("a redirect, and no telling where its head ends")
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")[1:-2]
    pairs = (line.partition(":") for line in lines)
    return [(name, value.strip(" \t")) for name, _, value in pairs]


def raw_fields(head: bytes) -> list[tuple[str, str]]:
    """Return the header fields of a head as they came, whatever they say of where it ends."""
    lines = _END_OF_LINE.split(_FOLD.sub(b" ", head.partition(b"\n")[2]))
    return [
        (name.decode(), value.decode("utf-8", "surrogateescape")) for name, value in _fields(lines)
    ]


def is_interim(data: bytes | bytearray, start: int = 0) -> bool:
    """Return whether an answer that begins there only promises another."""
    return _INTERIM.match(data, start) is not None


def has_location(head: bytes) -> bool:
    """Return whether a head may name another place to go to."""
    return b"\nlocation" in head.lower()


def is_chunked(head: bytes) -> bool:
    """Return whether a normalized head announces chunks."""
    return _CHUNKED.search(head) is not None


def normalized(head: bytes) -> bytes:
    """Return a complete head as a strict parser wants it, or as it came if it cannot be mended.

    A transfer coding beside ``chunked`` becomes one more content coding: both are undone alike.
    """
    if _is_plain(head):
        return head
    first, _, rest = head.partition(b"\n")
    lines = _END_OF_LINE.split(_FOLD.sub(b" ", rest))
    status_line = _STATUS_LINE.match(first)
    fields = _framed(_once(_fields(lines)))
    if status_line is None or fields is None or lines[-2:] != [b"", b""]:
        return head
    minor, status, phrase = status_line.groups()
    first = b"HTTP/1.%b %b %b" % (min(minor, b"1"), status, _cleaned(phrase))
    # No other answer comes by a connection whose peer writes such heads.
    mended = [first, *(b"%b: %b" % field for field in fields), b"Connection: close"]
    return b"\r\n".join([*mended, b"", b""])


def completed(cut: bytes) -> bytes:
    """Complete a head that its peer hung up in; empty where there is not even a status.

    What was not sent to its end is dropped. A body is announced that never ends: it is missing
    where one is wanted.
    """
    if _STATUS_LINE.match(cut) is None or is_interim(cut):
        return b""
    whole = cut[: cut.rfind(b"\n") + 1] or cut + b"\r\n"
    return normalized(whole + b"Transfer-Encoding: chunked\r\n\r\n")


def _is_plain(head: bytes) -> bool:
    framing = len(_FRAMING.findall(head))
    once = [name.lower() for name in _ONCE_NAMES.findall(head)]
    return (
        framing <= 1
        and framing == len(_PLAIN_FRAMING.findall(head))
        and len(once) == len(set(once))
        and _IN_ORDER.fullmatch(head) is not None
    )


_Field: TypeAlias = tuple[bytes, bytes]


def _fields(lines: list[bytes]) -> list[_Field]:
    """Return the header fields of these lines; what is none is passed over, as in browsers."""
    fields: list[_Field] = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon and _NAME.fullmatch(name := name.rstrip(b" \t")):  # RFC 9112, section 5.1
            fields.append((name, _cleaned(value)))
    return fields


def _cleaned(value: bytes) -> bytes:
    return _FORBIDDEN.sub(b" ", value).strip()


def _once(fields: list[_Field]) -> list[_Field]:
    """Join the values of fields that must not come twice (RFC 9110, section 5.3)."""
    joined: dict[bytes, _Field] = {}
    others: list[_Field] = []
    for name, value in fields:
        key = name.lower()
        if key not in _ONCE:
            others.append((name, value))
        elif key in joined:
            joined[key] = (joined[key][0], b"%b, %b" % (joined[key][1], value))
        else:
            joined[key] = (name, value)
    return [*others, *joined.values()]


def _framed(fields: list[_Field]) -> list[_Field] | None:
    """Leave one word on where the body ends (RFC 9112, section 6.3); ``None``: there is none."""
    others = [field for field in fields if field[0].lower() not in _REPLACED]
    transfer = [word.lower() for word in _words(fields, b"transfer-encoding")]
    if packed := [word for word in transfer if word not in _NO_PACKING]:
        others.append((b"Content-Encoding", b", ".join(packed)))
    if b"chunked" in transfer:
        return [*others, (b"Transfer-Encoding", b"chunked")]
    lengths = dict.fromkeys(map(_number, _words(fields, b"content-length")))
    if len(lengths) > 1:
        return None
    return [*others, *((b"Content-Length", each) for each in lengths if _counts(each))]


_REPLACED = {b"content-length", b"transfer-encoding", b"connection"}
_NO_PACKING = {b"chunked", b"identity"}


def _words(fields: list[_Field], wanted: bytes) -> list[bytes]:
    """Return the members of a list that may stand in several fields."""
    values = [value for name, value in fields if name.lower() == wanted]
    return [word for each in b",".join(values).split(b",") if (word := each.strip())]


def _number(word: bytes) -> bytes:
    return (word.lstrip(b"0") or b"0") if word.isdigit() else word


def _counts(length: bytes) -> bool:
    """Return whether a length is one to browsers: else the body goes on until the connection ends.

    Fetch, "extract a length"; Chromium, ``HttpResponseHeaders::GetInt64HeaderValue``.
    """
    return length.isdigit() and len(length) <= _LONGEST_LENGTH


_LONGEST_LENGTH = 18
"""Digits: a longer number does not fit into 63 bits."""
