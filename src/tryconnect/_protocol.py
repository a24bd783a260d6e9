"""What arrives on a connection: the head of an answer first, and only then its body.

aiohttp parses whatever a read brought in one go.  Where the body's framing is broken, it throws
away the head that came in the same read: the verdict would hang on how the network cut the bytes.
Fed piece by piece, the head stands whatever follows it.  It is also kept, as it came, for answers
whose header lines a strict parser refuses, but which are answers all the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    import asyncio

__all__ = ["HeadFirst", "status_of"]

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_LONGEST_HEAD = 2**18
"""Bytes: twice what the parser takes; a head whose end was not found by then has none."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})[ \r\n]")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9]{2}[ \r\n]")
"""1xx: the real answer is still to come (RFC 9110, section 15.2); 101 is one itself."""


class HeadFirst(ResponseHandler):
    """aiohttp's protocol for one connection, fed with heads and bodies apart."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.head = b""
        self._in_head = True

    def set_response_params(self, **params: Any) -> None:
        """Begin another answer."""
        self.head = b""
        self._in_head = True
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Pass data on, cut where a head ends."""
        # Before a parser is set, aiohttp only keeps the data and delivers it again later.
        while data and self._in_head and self._parser is not None:
            seen = len(self.head)
            self.head += data
            end = _END_OF_HEAD.search(self.head, max(0, seen - 3))
            if end is None:
                self._in_head = len(self.head) < _LONGEST_HEAD
                break
            piece, data = data[: end.end() - seen], data[end.end() - seen :]
            self.head = self.head[: end.end()]
            if _INTERIM.match(self.head):
                self.head = b""
            else:
                self._in_head = False
            super().data_received(piece)
            if not data:
                return
        super().data_received(data)


def status_of(head: bytes) -> int | None:
    """Return the status in a complete head, or ``None`` where there is none that HTTP/1 knows."""
    line = _STATUS_LINE.match(head)
    return int(line[1]) if line and _END_OF_HEAD.search(head) else None
