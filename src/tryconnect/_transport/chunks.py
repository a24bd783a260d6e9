"""A body in chunks, read as browsers read it: pure, bytes in and bytes out.

aiohttp's parser wants each line to end as RFC 9112 has it, and each trailer to be a field. Nothing
of a text depends on either.
"""

from __future__ import annotations

import re

__all__ = ["BadChunk", "ChunkReader"]

_LONGEST_LINE = 16_384
"""Bytes, as in Chromium (``HttpChunkedDecoder::kMaxLineBufLen``)."""

_LONGEST_TRAILER = 65_536
"""Bytes: what comes after them is not waited for."""

_SIZE = re.compile(rb"0*([0-9A-Fa-f]{1,15})")


class BadChunk(ValueError):
    """Nobody can tell where the body goes on."""


class ChunkReader:
    """Takes the chunks of one body apart (RFC 9112, section 7.1).

    Lines may end in LF alone (section 2.2), a size may have white space and extensions behind it,
    and after the last chunk anything may stand up to an empty line, or to the connection's end.

    Attributes:
        has_last_chunk: Nothing of the body is missing.
        is_over: What follows is not the body's.
        is_odd: Another client may have read the end elsewhere: the connection must not be reused.
    """

    has_last_chunk = False
    is_over = False
    is_odd = False
    _line = b""
    _left = 0
    _is_after_data = False
    _trailer_size = 0

    def feed(self, data: bytes) -> bytes:
        """Return what the next bytes have of the body.

        Raises:
            BadChunk: They are no chunks.
        """
        found: list[bytes] = []
        at = 0
        while at < len(data) and not self.is_over:
            if self._left:
                found.append(data[at : at + self._left])
                at += len(found[-1])
                self._left -= len(found[-1])
            else:
                at = self._read_line(data, at)
        self.is_odd |= at < len(data)
        return b"".join(found)

    def _read_line(self, data: bytes, start: int) -> int:
        end = data.find(b"\n", start) + 1 or len(data)
        self._line += data[start:end]
        if self.has_last_chunk:
            self._trailer_size += end - start
            if self._trailer_size > _LONGEST_TRAILER:
                self.is_over = self.is_odd = True
                return end
        elif len(self._line) > _LONGEST_LINE:
            raise BadChunk("a chunk's size does not end")
        if self._line.endswith(b"\n"):
            line, self._line = self._line, b""
            self._take(line)
        return end

    def _take(self, line: bytes) -> None:
        text = line.rstrip(b"\r\n")
        self.is_odd |= line != text + b"\r\n"
        if self.has_last_chunk:
            self.is_over = not text
        elif self._is_after_data:
            if text:
                raise BadChunk("a chunk is longer than its size")
            self._is_after_data = False
        else:
            self._left = _size(text)
            self._is_after_data = self._left > 0
            self.has_last_chunk = self._left == 0


def _size(text: bytes) -> int:
    size = _SIZE.fullmatch(text.partition(b";")[0].strip(b" \t"))
    if size is None:
        raise BadChunk("a chunk's size is no number")
    return int(size[1], 16)
