"""What arrives on a connection: the head of an answer first, and only then its body.

aiohttp parses whatever a read brought in one go.  Where the body's framing is broken, it throws
away the head that came in the same read; where a header line is out of order, it hangs up before
the rest has come.  So a verdict would hang on how the network cut the bytes.  Here a head is handed
on whole, alone and in order.  It is also kept, as it came, for answers that a strict parser refuses
even so, but which are answers all the same.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import ClientPayloadError
from aiohttp.client_proto import ResponseHandler

from tryconnect._transport.http_head import (
    END_OF_HEAD,
    completed,
    has_location,
    is_interim,
    normalized,
)
from tryconnect._transport.tls import Connection

if TYPE_CHECKING:
    from ssl import SSLError

__all__ = ["HeadFirstProtocol"]

_BEGINNING = b"HTTP/1."
_LONGEST_HEAD = 2**17
"""Bytes: above the parser's own limits, so that it can say what is wrong with a longer one."""


class HeadFirstProtocol(ResponseHandler):
    """aiohttp's protocol for one connection, fed with heads and bodies apart."""

    # The class's own until they change: most connections carry one answer, whose head comes whole.
    head = b""
    _held: bytes | bytearray = b""
    _in_head = True
    _and_body = True
    _failure: SSLError | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, and ask to be told of a failure of its TLS."""
        super().connection_made(transport)
        connection = transport.get_extra_info("ssl_object")
        if isinstance(connection, Connection):
            connection.on_failure = self._tls_failed

    def _tls_failed(self, error: SSLError) -> None:
        """End the connection, after the loop has delivered what came before the failure."""
        self._failure = error
        self.force_close()
        if self.transport is not None:
            asyncio.get_running_loop().call_soon(self.transport.abort)

    def expect_head(self, *, and_body: bool = True) -> None:
        """Begin an answer, which may not be the first on the connection.

        Not in ``set_response_params``, which aiohttp calls for each: to hand its ten arguments on
        takes 1 % of a check.

        Args:
            and_body: read the body, too; without it, the connection cannot be kept.
        """
        self.head = self._held = b""
        self._in_head = True
        self._and_body = and_body

    def data_received(self, data: bytes) -> None:
        """Pass data on: a head when it is complete, then whatever comes.

        Interim answers are passed over: nobody asked for them, and a peer can send thousands.
        """
        # Before a parser is set, aiohttp only keeps the data and delivers it again later.
        if not data or not self._in_head or self._parser is None:
            if self._in_head or self._and_body:
                super().data_received(data)
            return
        # Most heads come whole, and are not copied for it.
        seen, start = len(self._held), 0
        if seen:
            self._held += data
        held = self._held or data
        while (end := END_OF_HEAD.search(held, max(start, seen - 3))) is not None:
            if not is_interim(held, start):
                rest = bytes(held[end.end() :]) if self._and_body else b""
                self._hand_on(bytes(held[start : end.end()]), rest)
                return
            start = end.end()
        if start or not seen:
            self._held = bytearray(held[start:])
        if not _may_become_a_head(self._held):
            self._hand_on(bytes(self._held), b"")

    def _hand_on(self, head: bytes, rest: bytes) -> None:
        """Pass on a head, or what will not become one; then what came behind it."""
        self._in_head = False
        self.head, self._held = head, b""
        # Of an answer without its body, nobody looks at more than where it leads to.
        super().data_received(normalized(head) if self._and_body or has_location(head) else head)
        if rest:
            super().data_received(rest)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Take note of the end; one in good order makes a head of what came of it."""
        exc = exc or self._failure
        if exc is None and self._in_head and (head := completed(bytes(self._held))):
            self._in_head = False
            self.head = head
            super().data_received(head)
        if isinstance(exc, MemoryError):
            # aiohttp would tell the body's reader that the peer broke off.
            self.set_exception(exc)
        if not (self._in_head or self._and_body):
            self._parser = None  # it would miss the body, by four exceptions
        super().connection_lost(exc)

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
            self._payload = None  # at the connection's end, aiohttp would find other words for it
        super().set_exception(exc, cause)


def _may_become_a_head(held: bytes | bytearray) -> bool:
    """Tell whether the rest of a head is worth waiting for."""
    begins_right = held.startswith(_BEGINNING) or _BEGINNING.startswith(held)
    return begins_right and len(held) < _LONGEST_HEAD
