"""Content-Encoding: compressed chunks -> pieces of the body, none of them large.

A few hundred bytes can unpack to gigabytes. So nothing is ever unpacked "at once": each library
is asked for at most 32 KiB at a time, and the caller, who counts the pieces, stops when it has
enough. A piece may be empty: then work was done of which nothing came out, and it is time to
look at the clock.

Browsers' leniency is kept where nothing is lost by it (bytes after the end of a stream are
ignored, "deflate" may lack its wrapper). But a stream that is cut short is an error: half a page
must not pass for the page.
"""

import functools
import importlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

from tryconnect._model.faults import ContentEncodingError

PIECE_SIZE: Final = 32 * 1024
"""The most that one piece of output holds."""

# How much compressed data a library is given at a time. It hands back what follows the end of a
# stream as a copy, which thousands of tiny streams in one chunk would make quadratic.
_INPUT_SIZE: Final = 16 * 1024

# As in curl (MAX_ENCODE_STACK), against bombs within bombs.
_MOST_CODINGS: Final = 5

# What servers send where no coding is. The words that are no codings at all are common mistakes,
# which every browser survives by ignoring what it does not know.
_NO_CODINGS: Final = frozenset({"", "identity", "none", "utf-8", "utf8", "iso-8859-1", "binary"})


def accept_encoding() -> str:
    """Return the Accept-Encoding header that names what this installation can undo."""
    return ", ".join(name for name in _OFFERED if _CODINGS[name].library() is not None)


class ContentDecoder:
    """Undoes the content codings of one body.

    Args:
        content_encoding: The Content-Encoding header; None if there was none. Several values
            are joined by commas.
    """

    def __init__(self, content_encoding: str | None) -> None:
        names = [name.strip(" \t").lower() for name in (content_encoding or "").split(",")]
        # The coding that was applied last is undone first (RFC 9110, 8.4).
        self._names = [name for name in reversed(names) if name not in _NO_CODINGS]
        self._streams: list[_Stream] = []
        self._has_begun = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what the next bytes unpack to, in pieces of at most ``PIECE_SIZE``.

        Take all pieces before you feed the next chunk; or stop for good.

        Raises:
            ContentEncodingError: The bytes are corrupt, or the coding is unknown or not installed.
        """
        if chunk and not self._has_begun:  # a body of no bytes may claim any coding
            self._has_begun = True
            self._streams = _streams(self._names)
        return iter(()) if _is_over(self._streams) else _through(chunk, self._streams)

    def finish(self) -> None:
        """Check that the body is whole.

        Raises:
            ContentEncodingError: It was cut short. (A body of no bytes is whole.)
        """
        for stream in reversed(self._streams):
            stream.finish()
            if stream.is_over:  # what is missing around it would have been ignored
                return


def _streams(names: list[str]) -> list["_Stream"]:
    if len(names) > _MOST_CODINGS:
        raise ContentEncodingError(
            f"the body is coded {len(names)} times over, more than {_MOST_CODINGS}"
        )
    return [_Stream(name) for name in names]


def _is_over(streams: Sequence["_Stream"]) -> bool:
    return any(stream.is_over for stream in streams)


def _through(data: bytes, streams: Sequence["_Stream"]) -> Iterator[bytes]:
    """Yield what the data unpacks to when it has passed all streams."""
    if not streams or not data:
        yield from (data[at : at + PIECE_SIZE] for at in range(0, len(data) or 1, PIECE_SIZE))
        return
    first, others = streams[0], streams[1:]
    for at in range(0, len(data), _INPUT_SIZE):
        for piece in first.feed(data[at : at + _INPUT_SIZE]):
            yield from _through(piece, others)
            if _is_over(others):  # the rest would be unpacked only to be ignored
                return


class _Stream:
    """What one coding made: a compressed stream, or several in a row."""

    is_over = False
    """Whether nothing that follows belongs to the body."""

    def __init__(self, name: str) -> None:
        if name not in _CODINGS:
            raise ContentEncodingError(
                f"the body is coded as {name!r}, which nothing here can undo"
            )
        coding = _CODINGS[name]
        library = coding.library()
        if library is None:
            raise ContentEncodingError(
                f"the body is coded as {name!r}, which needs {coding.package}"
            )
        self._name, self._openings, self._coding = name, coding.openings, coding
        self._open, self._error = library
        self._current: _Decompressor | None = self._open()
        self._held = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data unpacks to, in pieces of bounded size, some of them empty."""
        data, self._held = self._held + data, b""
        while self._current is not None or self._opens_again(data):
            current = self._current = self._current or self._open()
            try:
                piece = current.decompress(data, PIECE_SIZE)
            except self._error as error:
                raise ContentEncodingError(f"the {self._name} body is corrupt") from error
            yield piece
            if current.eof:
                self._current, data = None, current.unused_data
            elif current.needs_input:
                return
            else:
                data = b""

    def finish(self) -> None:
        """Raise ContentEncodingError if the stream has not ended."""
        if self._current is not None:
            raise ContentEncodingError(f"the {self._name} body was cut short")

    def _opens_again(self, data: bytes) -> bool:
        """Whether another stream follows the one that has ended."""
        if data.startswith(self._openings):
            return True
        if not self._coding.may_be_followed:
            if data:
                raise ContentEncodingError(f"the {self._name} body has bytes behind its end")
            return False
        if any(opening.startswith(data) for opening in self._openings):
            self._held = data  # too short to tell, or nothing at all
        else:
            self.is_over = True
        return False


class _Decompressor(Protocol):
    """A decompressor in the shape that the standard library gives them."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether there is no output before there is more input."""

    @property
    def unused_data(self) -> bytes:
        """What followed the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most so many bytes; unless ``needs_input``, the data must be empty."""


class _Zlib:
    """zlib's decompressor, which is of an older shape."""

    needs_input = True

    def __init__(self, wbits: int) -> None:
        self._zlib = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        # A full piece may leave output behind even where all input is consumed.
        self.needs_input = len(piece) < max_length
        return piece


class _Deflate(_Zlib):
    """zlib's decompressor for streams that may lack the wrapper of RFC 9110, 8.4.1.2."""

    def __init__(self) -> None:
        super().__init__(zlib.MAX_WBITS)
        self._start: bytes | None = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if self._start is not None:
            data = self._start = self._start + data
            if len(data) < 2:  # noqa: PLR2004 (what RFC 1950, 2.2 needs to tell its header)
                return b""
            self._start = None
            if data[0] & 0x0F != zlib.DEFLATED or int.from_bytes(data[:2]) % 31:
                super().__init__(-zlib.MAX_WBITS)
        return super().decompress(data, max_length)


class _Brotli:
    """Brotli's decompressor, which has words of its own."""

    needs_input = True
    unused_data = b""

    def __init__(self, brotli: Any) -> None:
        self._brotli = brotli.Decompressor()

    @property
    def eof(self) -> bool:
        return bool(self._brotli.is_finished())

    def decompress(self, data: bytes, max_length: int) -> bytes:
        # Output grows in blocks, the first just short of 32 KiB, until it reaches the limit.
        limit = max_length // 2
        piece = bytes(self._brotli.process(data, output_buffer_limit=limit))
        self.needs_input = len(piece) < limit and self._brotli.can_accept_more_data()
        return piece


class _Library(NamedTuple):
    decompressor: Callable[[], _Decompressor]
    error: type[Exception]


class _Coding(NamedTuple):
    library: Callable[[], _Library | None]
    package: str = ""
    may_be_followed: bool = True
    """Whether bytes behind the end are ignored, as browsers do.  Brotli's library gives up on them,
    output and all, where they come in one chunk with the end: then they must be a fault in any."""
    openings: tuple[bytes, ...] = ()
    """How a further stream begins, where several in a row make one body."""


def _installed(*names: str) -> Any:
    """Return the first of these modules that can be imported, or None."""
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


@functools.cache
def _brotli() -> _Library | None:
    brotli = _installed("brotli", "brotlicffi")
    # Without this attribute (before 1.2) its output cannot be limited: that is as good as none.
    if not hasattr(getattr(brotli, "Decompressor", None), "can_accept_more_data"):
        return None
    return _Library(functools.partial(_Brotli, brotli), brotli.error)


@functools.cache
def _zstd() -> _Library | None:
    zstd = _installed("compression.zstd", "backports.zstd")
    if zstd is None:
        return None
    # RFC 9659: a window of at most 8 MiB. The library's own limit is 128 MiB, for each stream.
    options = {zstd.DecompressionParameter.window_log_max: 23}
    return _Library(functools.partial(zstd.ZstdDecompressor, options=options), zstd.ZstdError)


_GZIP: Final = _Coding(
    lambda: _Library(functools.partial(_Zlib, 16 + zlib.MAX_WBITS), zlib.error),
    openings=(b"\x1f\x8b",),  # RFC 1952, 2.2: a file is a series of members
)
_CODINGS: Final = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,  # RFC 9110, 8.4.1.3
    "deflate": _Coding(lambda: _Library(_Deflate, zlib.error)),
    "br": _Coding(_brotli, "the package Brotli, 1.2 or later", may_be_followed=False),
    # RFC 8878, 3.1: frames, and frames to be skipped, one after another
    "zstd": _Coding(
        _zstd,
        "Python 3.14 or the package backports.zstd",
        openings=(
            b"\x28\xb5\x2f\xfd",
            *(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60)),
        ),
    ),
}
_OFFERED: Final = ("gzip", "deflate", "br", "zstd")
