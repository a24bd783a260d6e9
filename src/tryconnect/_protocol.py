"""What arrives on a connection: the head of an answer first, and only then its body.

aiohttp parses whatever a read brought in one go.  Where the body's framing is broken, it throws
away the head that came in the same read; where a header line is out of order, it hangs up before
the rest has come.  So a verdict would hang on how the network cut the bytes.  Here a head is handed
on whole and alone.  It is also kept, as it came, for answers that a strict parser refuses, but
which are answers all the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiohttp import ClientPayloadError
from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    import asyncio

__all__ = ["HeadFirst", "status_of"]

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_BEGINNING = b"HTTP/1."
_LONGEST_HEAD = 2**17
"""Bytes: above the parser's own limits, so that it can say what is wrong with a longer one."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})[ \r\n]")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9]{2}[ \r\n]")
"""1xx: the real answer is still to come (RFC 9110, section 15.2); 101 is one itself."""


class HeadFirst(ResponseHandler):
    """aiohttp's protocol for one connection, fed with heads and bodies apart."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.head = b""
        self._held = bytearray()
        self._in_head = True

    def set_response_params(self, **params: Any) -> None:
        """Begin another answer."""
        self.head = b""
        self._held.clear()
        self._in_head = True
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Pass data on: a head when it is complete, then whatever comes."""
        # Before a parser is set, aiohttp only keeps the data and delivers it again later.
        while data and self._in_head and self._parser is not None:
            seen = len(self._held)
            self._held += data
            end = _END_OF_HEAD.search(self._held, max(0, seen - 3))
            if end is None and self._may_be_a_head():
                return
            cut = end.end() if end else len(self._held)
            self.head, data = bytes(self._held[:cut]), bytes(self._held[cut:])
            self._held.clear()
            self._in_head = _INTERIM.match(self.head) is not None
            super().data_received(self.head)
            if not data:
                return
        super().data_received(data)

    def _may_be_a_head(self) -> bool:
        """Tell whether the rest of a head is worth waiting for."""
        begins_right = self._held.startswith(_BEGINNING) or _BEGINNING.startswith(self._held)
        return begins_right and len(self._held) < _LONGEST_HEAD

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """Tell a failure to who waits for a head, as aiohttp does, and to who reads the body.

        The body's reader would wait for ever after a fault in its framing.
        """
        cause = exc if exc_cause is None else exc_cause
        body = self._payload
        if body is not None and not body.is_eof() and body.exception() is None:
            broken = ClientPayloadError("its framing is broken")
            broken.__cause__ = cause
            body.set_exception(broken)
        super().set_exception(exc, cause)


def status_of(head: bytes) -> int | None:
    """Return the status in a complete head, or ``None`` where there is none that HTTP/1 knows."""
    line = _STATUS_LINE.match(head)
    return int(line[1]) if line and _END_OF_HEAD.search(head) else None
