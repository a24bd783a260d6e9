"""Bytes, as they come -> the text, the encoding and its source.

The work is done in pieces that end at fixed places of the body, however it is fed, so that the
same body gives the same text in one chunk or in thousands.

Memory: bytes are dropped as they are decoded. What is kept is the bytes that wait (for the
encoding to be known, or for their turn) and the text. The text grows in one str instead of a list
of parts that is joined at the end: one emoji makes a str four bytes a character, and a join needs
the parts and the whole at the same time. So a body of n bytes peaks near 5n where it is ASCII with
one emoji at its end, 4n being the answer; a list would have reached 8n with an emoji in each part.
The price: growing relies on CPython extending a str in place, and where it does not, 10 MiB are
copied 320 times (measured at less than 0.1 s, and at 4 s with an emoji from the start).
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from tryconnect._decoding.sniffer import Choice, Sniffer
from tryconnect._decoding.web_codecs import piece_decoder
from tryconnect._model.text import Decoded

# How much is decoded by the way, while more may come.
_DECODED_AT_ONCE: Final = 32 * 1024


class Decoder:
    """Decodes one body that comes in chunks, in short steps.

    ::

        decoder = Decoder(content_type)
        for chunk in body:
            decoder.feed(chunk)
        for _ in decoder.finish():
            ...  # time for something else: await asyncio.sleep(0)
        decoder.result

    Args:
        content_type: The Content-Type header; None if there was none. Several values are joined
            by commas.
        encoding: The caller's own choice: a label that check_encoding() accepts.

    Raises:
        ValueError: check_encoding() does not accept the label.
    """

    result: Decoded
    """The answer; set once ``finish()`` is exhausted."""

    def __init__(self, content_type: str | None = None, *, encoding: str | None = None) -> None:
        self._declared = (content_type, encoding)
        self._sniffer = Sniffer(content_type, encoding)
        self._choice: Choice | None = None
        self._decode: Callable[[bytes, bool], str]
        self._step_size = 0
        self._waiting = _Waiting()
        self._text = ""

    @property
    def encoding(self) -> str | None:
        """The encoding that was taken; None while more bytes might change it."""
        return self._choice and self._choice.encoding

    @property
    def waiting(self) -> bytes:
        """The bytes that have come and are not decoded yet."""
        return self._waiting.peek()

    def preview(self) -> str:
        """Return the text that it would be if the body ended here, while no encoding is taken."""
        content_type, encoding = self._declared
        return decode(self.waiting, content_type, encoding=encoding).text

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, look at them, and decode some of what waits.

        That is a few milliseconds' work for honest pages and chunks of any size up to 256 KiB.
        Nothing is left waiting by chunks of at most 32 KiB, which saves memory.
        """
        self._waiting.append(chunk)
        if self._choice is None:
            choice = self._sniffer.look(chunk)
            if choice is not None:
                self._begin(choice)
            return
        done = 0
        while done < _DECODED_AT_ONCE and self._waiting.size >= self._step_size:
            self._step()
            done += self._step_size

    def finish(self) -> Iterator[None]:
        """Decode the rest; yields after each piece but the last."""
        choice = self._choice or self._sniffer.conclude()
        if self._choice is None:
            self._begin(choice)
        while self._step():
            yield
        self.result = Decoded(self._text, choice.encoding, choice.source)

    def _begin(self, choice: Choice) -> None:
        self._choice = choice
        self._decode, self._step_size = piece_decoder(choice.encoding)
        self._waiting.take(choice.mark)

    def _step(self) -> bool:
        """Decode the next piece; return whether it was not the last."""
        piece = self._waiting.take(self._step_size)
        # Whether something still waits would depend on how the body was fed.
        is_last = len(piece) < self._step_size
        # A str grows in place only while nothing but one local name holds it.
        text, self._text = self._text, ""
        text += self._decode(piece, is_last)
        self._text = text
        return not is_last


class _Waiting:
    """Bytes that come in chunks, and are taken in other sizes."""

    def __init__(self) -> None:
        self.size = 0
        self._chunks: deque[bytes | memoryview] = deque()

    def append(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self.size += len(chunk)

    def peek(self) -> bytes:
        """Return all bytes, and keep them."""
        whole = b"".join(self._chunks)
        self._chunks = deque([whole])
        return whole

    def take(self, size: int) -> bytes:
        """Return the next bytes: so many, or all."""
        size = min(size, self.size)
        self.size -= size
        parts = []
        while size:
            chunk = self._chunks.popleft()
            if len(chunk) > size:
                chunk = memoryview(chunk)
                self._chunks.appendleft(chunk[size:])
                chunk = chunk[:size]
            parts.append(chunk)
            size -= len(chunk)
        return b"".join(parts)


def decode(body: bytes, content_type: str | None = None, *, encoding: str | None = None) -> Decoded:
    """Return the text that a browser would show for these bytes.

    The same as a Decoder that is fed the whole body, for bodies small enough to wait for.

    Args:
        body: All bytes, decompressed.
        content_type: The Content-Type header; None if there was none.
        encoding: The caller's own choice: a label that check_encoding() accepts.

    Raises:
        ValueError: check_encoding() does not accept the label. Nothing else is raised.
    """
    decoder = Decoder(content_type, encoding=encoding)
    decoder.feed(body)
    for _ in decoder.finish():
        pass
    return decoder.result
