"""A body is read: unpacked, counted, decoded, piece by piece, and no more of it than was asked for.

Never ``response.read()`` or ``.text()``: they lift aiohttp's limit on what a chunk may unpack to
(317 bytes of brotli became 200 MB), and hold the loop for the whole of it.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tryconnect._decoding.content_encoding import ContentDecoder
from tryconnect._decoding.decoder import Decoder
from tryconnect._decoding.web_codecs import piece_decoder
from tryconnect._model.faults import TooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from multidict import CIMultiDictProxy

    from tryconnect._model.expect import Expect
    from tryconnect._model.text import Decoded

__all__ = ["BodyPlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyPlan:
    """What of an answer is wanted.

    Attributes:
        max_bytes: The most that is taken of the body, in bytes after decompression.
        cut: The body is only looked at: it is read until the verdict on it stands, and cut at
            ``max_bytes``. Otherwise a longer body is a fault.
        expect: The body of an answer whose status is not the expected one is not wanted.
        encoding: The caller's choice; ``None``: the body's own.
    """

    max_bytes: int
    cut: bool = False
    expect: Expect | None = None
    encoding: str | None = None

    @property
    def max_redirects(self) -> int | None:
        """The redirect after so many is the answer; ``None``: it is a failure, after ten."""
        return None if self.expect is None else self.expect.max_redirects

    @property
    def reads_body(self) -> bool:
        """Whether the body is wanted, if the status is."""
        return not self.cut or (self.expect is not None and bool(self.expect.bodies))

    def wants(self, status: int) -> bool:
        """Return whether the body of an answer with this status is wanted."""
        return self.expect is None or self.expect.accepts_status(status)

    async def read(
        self, headers: CIMultiDictProxy[str], chunks: AsyncIterator[bytes], *, announced: int | None
    ) -> Decoded:
        """Return the text of an answer.

        Args:
            headers: The answer's.
            chunks: The body as it comes.
            announced: Its length in bytes, where the answer says so.

        Raises:
            TooLarge: There is more than is wanted.
            ContentEncodingError: It cannot be unpacked, or broke off.
            aiohttp.ClientPayloadError: The connection ended too early.
        """
        if announced is not None and announced > self.max_bytes and not self.cut:
            raise _too_large(self)
        decoder = Decoder(_joined(headers, "Content-Type"), encoding=self.encoding)
        expected = () if self.expect is None or not self.cut else self.expect.bodies
        lookouts = [_Lookout(each, decoder) for each in expected]
        async for piece in _pieces(headers, chunks, self):
            decoder.feed(piece)
            lookouts = [lookout for lookout in lookouts if not lookout.is_settled(piece)]
            if expected and not lookouts:
                break
        for _ in decoder.finish():
            await asyncio.sleep(0)
        return decoder.result


_PATTERN_OVERLAP = 4096
"""Characters: as far as a match of a pattern may reach back into text that was searched before.

A longer one is found too, when the body ends.
"""

_FREE_LOOKS = 64
_FREE_RATIO = 4
"""How often a body whose encoding is not known yet is decoded as a whole, to look at it.

The first pieces are all looked at. Then so many bytes may be decoded again for each that comes: a
look takes up to some milliseconds, and a body may come byte by byte.
"""

_LONGEST_SEARCH = 0.02
"""Seconds: after a longer one, a pattern is searched for at the body's end only."""

_NEEDS_THE_END = re.compile(r"\(\?!|\\[Zz]")
_NEEDS_THE_NEXT = re.compile(r"\\[bB]|\$")
"""What in a pattern says something about text that has not come yet."""


class _Lookout:
    """Watches a body for what settles the verdict on it, whatever may follow.

    Args:
        expected: The text or pattern that is looked for; empty if the body must be.
        decoder: Decodes the body.
    """

    def __init__(self, expected: str | re.Pattern[str], decoder: Decoder) -> None:
        self._expected = expected
        self._decoder = decoder
        self._decode: Callable[[bytes, bool], str] | None = None
        self._is_ascii = True
        self._looks = self._allowance = 0
        self._tail = ""
        self._is_start = True
        self._is_hopeless = self._needs_next = False
        self._overlap = len(expected) if isinstance(expected, str) else _PATTERN_OVERLAP
        if isinstance(expected, re.Pattern):
            source = expected.pattern
            at_the_end = "$" in source and not expected.flags & re.MULTILINE
            self._is_hopeless = at_the_end or _NEEDS_THE_END.search(source) is not None
            self._needs_next = _NEEDS_THE_NEXT.search(source) is not None

    def is_settled(self, piece: bytes) -> bool:
        """Return whether the verdict stands, now that the decoder has been fed this piece."""
        if self._is_hopeless:
            return False
        if self._decoder.encoding is not None:
            return self._is_settled_by(self._decoded(self._decoder.encoding, piece))
        self._is_ascii = self._is_ascii and piece.isascii() and b"\x1b" not in piece
        if self._is_ascii:  # which every encoding reads alike
            return self._is_settled_by(piece.decode("ascii"))
        waiting = len(self._decoder.waiting)
        self._looks += 1
        self._allowance += _FREE_RATIO * len(piece)
        if self._looks > _FREE_LOOKS and waiting > self._allowance:
            return False
        self._allowance = 0
        self._tail, self._is_start = "", True
        return self._is_settled_by(self._decoder.preview())

    def _decoded(self, encoding: str, piece: bytes) -> str:
        """Decode ahead of the decoder, which waits for whole blocks."""
        if self._decode is None:
            self._decode, _ = piece_decoder(encoding)
            self._tail, self._is_start = "", True
            piece = self._decoder.waiting
        return self._decode(piece, False)  # noqa: FBT003

    def _is_settled_by(self, more: str) -> bool:
        text, is_start = self._tail + more, self._is_start
        self._tail = text[-self._overlap :] if self._overlap else ""
        self._is_start = is_start and len(self._tail) == len(text)
        if isinstance(self._expected, str):
            return self._expected in text if self._expected else bool(text)
        started = time.perf_counter()
        # "^" does not match where a search begins, but where the text does.
        found = self._expected.search(text, 0 if is_start else 1)
        # A pattern may be slow on a text that its sender chose: once, not for each piece.
        self._is_hopeless = time.perf_counter() - started > _LONGEST_SEARCH
        return found is not None and (not self._needs_next or found.end() < len(text))


async def _pieces(
    headers: CIMultiDictProxy[str], chunks: AsyncIterator[bytes], plan: BodyPlan
) -> AsyncIterator[bytes]:
    """Yield what is wanted of the unpacked body, and let the loop breathe between the pieces."""
    unpacker = ContentDecoder(_joined(headers, "Content-Encoding"))
    left = plan.max_bytes
    async for chunk in chunks:
        for piece in unpacker.feed(chunk):
            if len(piece) > left:
                if not plan.cut:
                    raise _too_large(plan)
                yield piece[:left]
                return
            left -= len(piece)
            yield piece
            await asyncio.sleep(0)
    unpacker.finish()


def _joined(headers: CIMultiDictProxy[str], name: str) -> str | None:
    """Return a header as one value (RFC 9110, section 5.3)."""
    return ", ".join(headers.getall(name, ())) or None


def _too_large(plan: BodyPlan) -> TooLarge:
    return TooLarge(f"the body is longer than {plan.max_bytes:,} bytes")
