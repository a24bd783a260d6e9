"""The head of an answer, put in order as browsers do before a strict parser sees it.

Servers write heads that RFC 9112 forbids, and clients have always read them.  What it says a client
may do about them is done here, and no more: where no one can tell where the body ends, a head stays
as it came, and the parser says what is wrong with it.
"""

from __future__ import annotations

import re

from tryconnect._model.abnf import TOKEN

__all__ = ["END_OF_HEAD", "completed", "has_location", "is_interim", "normalized", "status_of"]

END_OF_HEAD = re.compile(rb"\n\r{0,2}\n")
"""An empty line.  Lines may end without CR (RFC 9112, section 2.2), and some end with two."""

_ENDS_OF_HEAD = (b"\n\r\n", b"\n\n", b"\n\r\r\n")

_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9])[ \t]+([1-9][0-9]{2})(?![^ \t\r\n])[ \t]*([^\n]*)")
"""A higher minor version is to be read as the highest one knows (RFC 9110, section 2.5); words may
have any white space between them (RFC 9112, section 4)."""

_INTERIM = re.compile(rb"HTTP/1\.[0-9][ \t]+1(?!01)[0-9]{2}(?![^ \t\r\n])")
"""1xx: the real answer is still to come (RFC 9110, section 15.2); 101 is one itself."""

_TOKEN = TOKEN.encode()
_CONTROLS = rb"\0-\x08\x0a-\x1f\x7f"
_TEXT = rb"[^" + _CONTROLS + rb"]*"
_FIRST = rb"HTTP/1\.[01] [1-9][0-9]{2}(?: " + _TEXT + rb")?\r\n"
_FIELD = _TOKEN + rb":" + _TEXT + rb"\r\n"
_IN_ORDER = re.compile(_FIRST + rb"(?:" + _FIELD + rb")*+\r\n")
"""What aiohttp takes also under ``python -X dev``, where its parser is strict."""

_NAME = re.compile(_TOKEN)
_FRAMING = re.compile(rb"\n(?:content-length:([^\n]*)|transfer-encoding:)", re.IGNORECASE)
_END_OF_LINE = re.compile(rb"\r{0,2}\n")
"""Without a bound, a run of CR would take the square of its length: 4 s for 128 KiB."""

_FOLD = re.compile(rb"\r{0,2}\n[ \t]+")
"""A field that goes on in the next line, which is obsolete (RFC 9112, section 5.2)."""

_FORBIDDEN = re.compile(rb"[" + _CONTROLS + rb"]")
"""To be replaced by spaces: NUL and CR must be, or else the whole be thrown away; others may stay
(RFC 9110, section 5.5)."""


def status_of(head: bytes) -> int | None:
    """Return the status in a complete head, or ``None`` where there is none that HTTP/1 knows."""
    line = _STATUS_LINE.match(head)
    return int(line[2]) if line and head.endswith(_ENDS_OF_HEAD) else None


def is_interim(data: bytes | bytearray, start: int = 0) -> bool:
    """Tell whether an answer that begins there only promises another."""
    return _INTERIM.match(data, start) is not None


def has_location(head: bytes) -> bool:
    """Tell whether a head may name another place to go to."""
    return b"\nlocation" in head.lower()


def normalized(head: bytes) -> bytes:
    """Return a complete head as a strict parser wants it, or as it came if it cannot be mended."""
    framing = _FRAMING.findall(head)
    if len(framing) <= 1 and b"," not in b"".join(framing) and _IN_ORDER.fullmatch(head):
        return head
    first, _, rest = head.partition(b"\n")
    lines = _END_OF_LINE.split(_FOLD.sub(b" ", rest))
    status_line = _STATUS_LINE.match(first)
    fields = _framed(_fields(lines))
    if status_line is None or fields is None or lines[-2:] != [b"", b""]:
        return head
    minor, status, phrase = status_line.groups()
    first = b"HTTP/1.%b %b %b" % (min(minor, b"1"), status, _cleaned(phrase))
    # No other answer comes by a connection whose peer writes such heads.
    mended = [first, *(b"%b: %b" % field for field in fields), b"Connection: close"]
    return b"\r\n".join([*mended, b"", b""])


def completed(cut: bytes) -> bytes:
    """Complete a head that its peer hung up in; empty where there is not even a status.

    What was not sent to its end is dropped.  A body is announced that will never end: it is missing
    where one is wanted.
    """
    if _STATUS_LINE.match(cut) is None or is_interim(cut):
        return b""
    whole = cut[: cut.rfind(b"\n") + 1] or cut + b"\r\n"
    return normalized(whole + b"Transfer-Encoding: chunked\r\n\r\n")


def _fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the header fields of these lines; what is none is passed over, as in browsers."""
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon and _NAME.fullmatch(name := name.rstrip(b" \t")):  # RFC 9112, section 5.1
            fields.append((name, _cleaned(value)))
    return fields


def _cleaned(value: bytes) -> bytes:
    return _FORBIDDEN.sub(b" ", value).strip()


def _framed(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]] | None:
    """Leave one word on where the body ends (RFC 9112, section 6.3); ``None``: there is none."""
    others = [field for field in fields if field[0].lower() not in _REPLACED]
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    if any(name.lower() == b"transfer-encoding" for name, _ in fields) or not lengths:
        return others
    said = [each.strip() for value in lengths for each in value.split(b",")]
    same = all(each.isdigit() for each in said) and len({each.lstrip(b"0") for each in said}) == 1
    return [*others, (b"Content-Length", said[0])] if same else None


_REPLACED = {b"content-length", b"connection"}
