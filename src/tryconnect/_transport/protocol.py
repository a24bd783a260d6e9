"""What arrives on a connection: the head of an answer first, and only then its body.

aiohttp parses whatever a read brought in one go. Where the body's framing is broken, it throws away
the head that came in the same read; where a header line is out of order, it hangs up before the
rest has come. So a verdict would depend on how the network cut the bytes. Here a head is handed on
whole, alone and in order, and chunks are handed on as the standard wants them. The head is also
kept, as it came, for answers that a strict parser refuses even so, but which are answers all the
same.
"""

from __future__ import annotations

import asyncio
import ssl

from aiohttp import ClientPayloadError
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import BadHttpMessage, TransferEncodingError

from tryconnect._transport.chunks import BadChunk, ChunkReader
from tryconnect._transport.head_splitter import HeadSplitter
from tryconnect._transport.http_head import (
    LONGEST_HEAD,
    has_location,
    is_chunked,
    normalized,
    not_http,
    status_of,
)
from tryconnect._transport.tls import Connection

__all__ = ["HeadFirstProtocol"]

_LAST_CHUNK = b"0\r\n\r\n"


class HeadFirstProtocol(ResponseHandler):
    """aiohttp's protocol for one connection, fed with heads and bodies apart."""

    # Class-level defaults; instances assign only what changes.
    head = b""
    _asked = False
    _in_head = True
    _and_body = True
    _chunks: ChunkReader | None = None
    _failure: ssl.SSLError | None = None

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._splitter = HeadSplitter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, and ask to be told of a failure of its TLS."""
        super().connection_made(transport)
        connection = transport.get_extra_info("ssl_object")
        if isinstance(connection, Connection):
            connection.on_failure = self._tls_failed

    def _tls_failed(self, error: ssl.SSLError) -> None:
        """End the connection, after the loop has delivered what came before the failure."""
        self._failure = error
        self.force_close()
        if self.transport is not None:
            asyncio.get_running_loop().call_soon(self.transport.abort)

    def expect_head(self, *, and_body: bool = True) -> None:
        """Begin an answer, which may not be the first on the connection.

        Not in ``set_response_params``, which aiohttp calls for each: to pass its ten arguments on
        takes 1 % of a check.

        Args:
            and_body: Read the body, too; without it, the connection cannot be kept.
        """
        self.head = b""
        self._splitter = HeadSplitter()
        self._chunks = None
        self._asked = self._in_head = True
        self._and_body = and_body

    def data_received(self, data: bytes) -> None:
        """Pass data on: a head when it is complete, then whatever comes.

        Interim answers are passed over: nobody asked for them, and a peer can send thousands.
        """
        # Before a parser is set, aiohttp only keeps the data and delivers it again later.
        if not data or self._parser is None:
            if self._in_head or self._and_body:
                super().data_received(data)
        elif not self._in_head:
            if self._and_body:
                self._take_body(data)
        elif (found := self._splitter.feed(data)) is not None:
            self._hand_on(*found)

    def _hand_on(self, head: bytes, rest: bytes) -> None:
        """Pass on a head, or what will not become one; then what came after it."""
        self._in_head = False
        self.head = head
        if len(head) >= LONGEST_HEAD:
            self.head = head.rstrip()  # it has no status that counts
            self._fail(BadHttpMessage(_too_long(head)))
            return
        if self._asked and status_of(head) is None:  # else it is a proxy's, to CONNECT
            # aiohttp's parser takes RTSP too, and would wait for more of it.
            self._fail(not_http(head))
            return
        # Without its body, nobody looks at more of an answer than where it leads to.
        if not self._and_body and not has_location(head):
            super().data_received(head)
            return
        mended = normalized(head)
        self._chunks = ChunkReader() if is_chunked(mended) else None
        super().data_received(mended)
        if rest and self._and_body:
            self._take_body(rest)

    def _take_body(self, data: bytes) -> None:
        chunks = self._chunks
        if chunks is None:
            super().data_received(data)
            return
        if self._payload is None or self._payload.is_eof():  # the status has no body
            self.force_close()
            return
        try:
            piece = chunks.feed(data)
        except BadChunk as error:
            self._fail(TransferEncodingError(str(error)))
            return
        if piece:
            super().data_received(b"%x\r\n%b\r\n" % (len(piece), piece))
        if chunks.is_over:
            self._finish_chunks(chunks)

    def _finish_chunks(self, chunks: ChunkReader) -> None:
        self._chunks = None
        if chunks.is_odd:
            self.force_close()
        super().data_received(_LAST_CHUNK)

    def _fail(self, error: Exception) -> None:
        if self.transport is not None:
            self.transport.close()
        self.set_exception(error)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Take note of the end; one in good order makes a head of what came of it."""
        exc = exc or self._failure
        if exc is None and self._in_head and (head := self._splitter.finish()):
            self._hand_on(head, b"")
        if self._chunks is not None and self._chunks.has_last_chunk:
            self._finish_chunks(self._chunks)
        if isinstance(exc, MemoryError):
            # aiohttp would tell the body's reader that the peer broke off.
            self.set_exception(exc)
        elif isinstance(exc, OSError) and not isinstance(exc, ssl.SSLEOFError):
            # aiohttp takes any end for the end of a body without a length.
            self._break_body(ClientPayloadError(f"the connection broke off: {exc!r}"))
        if not (self._in_head or self._and_body):
            self._parser = None  # it would miss the body, by four exceptions
        super().connection_lost(exc)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """Raise a failure where a head is awaited, as aiohttp does, and where the body is read.

        The body's reader would wait for ever after a fault in its framing.
        """
        cause = exc if exc_cause is None else exc_cause
        broken = ClientPayloadError("its framing is broken")
        broken.__cause__ = cause
        self._break_body(broken)
        super().set_exception(exc, cause)

    def _break_body(self, error: ClientPayloadError) -> None:
        body = self._payload
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(error)
            self._payload = None  # at the connection's end, aiohttp would find other words for it


def _too_long(head: bytes) -> str:
    """Return what is too much in a head, in words like those of aiohttp's parser."""
    if head.rfind(b"\n", 0, -2) < len(head) // 2:
        return f"a line of more than {LONGEST_HEAD // 2:,} bytes"
    return f"Too many headers: {LONGEST_HEAD:,} bytes"
