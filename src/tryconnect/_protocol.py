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
        """Pass data on: a head when it is complete, then whatever comes.

        Interim answers are passed over: nobody asked for them, and a peer can send thousands.
        """
        # Before a parser is set, aiohttp only keeps the data and delivers it again later.
        if not data or not self._in_head or self._parser is None:
            super().data_received(data)
            return
        held, seen, start = self._held, len(self._held), 0
        held += data
        while (end := _END_OF_HEAD.search(held, max(start, seen - 3))) is not None:
            if _INTERIM.match(held, start) is None:
                self._hand_on(start, end.end())
                return
            start = end.end()
        del held[:start]
        if not self._may_be_a_head():
            self._hand_on(0, len(held))

    def _hand_on(self, start: int, end: int) -> None:
        """Pass on what is held: a head, or what will not become one; then what came behind it."""
        self._in_head = False
        self.head, rest = bytes(self._held[start:end]), bytes(self._held[end:])
        self._held.clear()
        super().data_received(self.head)
        if rest:
            super().data_received(rest)

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
