"""A body is read: unpacked, counted, decoded, piece by piece, and no more of it than was asked for.

Never ``response.read()`` or ``.text()``: they lift aiohttp's limit on what a chunk may unpack to
(317 bytes of brotli became 200 MB), and hold the loop for the whole of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tryconnect._decoding.content_encoding import ContentDecoder
from tryconnect._decoding.decoder import Decoder
from tryconnect._model.faults import TooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from multidict import CIMultiDictProxy

    from tryconnect._model.expect import Expect
    from tryconnect._model.text import Decoded

__all__ = ["BodyPlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyPlan:
    """What of a body is wanted.

    Attributes:
        max_bytes: the most that is taken, in bytes after decompression.
        cut: a longer body is cut there; else it is a fault.
        expect: the body of an answer whose status is not the expected one is not wanted.
        encoding: the caller's choice; ``None``: the body's own.
    """

    max_bytes: int
    cut: bool = False
    expect: Expect | None = None
    encoding: str | None = None

    def wants(self, status: int) -> bool:
        """Tell whether the body of an answer with this status is wanted."""
        return self.expect is None or self.expect.accepts_status(status)

    async def read(
        self, headers: CIMultiDictProxy[str], chunks: AsyncIterator[bytes], *, announced: int | None
    ) -> Decoded:
        """Return the text of an answer.

        Args:
            headers: the answer's.
            chunks: the body as it comes.
            announced: its length in bytes, where the answer tells.

        Raises:
            TooLarge: there is more than wanted.
            ContentEncodingError: it cannot be unpacked, or broke off.
            aiohttp.ClientPayloadError: the connection ended too early.
        """
        if announced is not None and announced > self.max_bytes and not self.cut:
            raise _too_large(self)
        decoder = Decoder(_joined(headers, "Content-Type"), encoding=self.encoding)
        async for piece in _pieces(headers, chunks, self):
            decoder.feed(piece)
        for _ in decoder.finish():
            await asyncio.sleep(0)
        return decoder.result


async def _pieces(
    headers: CIMultiDictProxy[str], chunks: AsyncIterator[bytes], plan: BodyPlan
) -> AsyncIterator[bytes]:
    """Yield what is wanted of the unpacked body, and let the loop breathe between the pieces."""
    inflater = ContentDecoder(_joined(headers, "Content-Encoding"))
    left = plan.max_bytes
    async for chunk in chunks:
        for piece in inflater.feed(chunk):
            if len(piece) > left:
                if not plan.cut:
                    raise _too_large(plan)
                yield piece[:left]
                return
            left -= len(piece)
            yield piece
            await asyncio.sleep(0)
    inflater.finish()


def _joined(headers: CIMultiDictProxy[str], name: str) -> str | None:
    """Return a header as one value (RFC 9110, section 5.3)."""
    return ", ".join(headers.getall(name, ())) or None


def _too_large(plan: BodyPlan) -> TooLarge:
    return TooLarge(f"the body is longer than {plan.max_bytes:,} bytes")
