"""Content-Encoding: compressed chunks -> pieces of the body, none of them large.

A few hundred bytes can unpack to gigabytes. So nothing is ever unpacked "at once": each library
is asked for at most 32 KiB at a time, and the caller, who counts the pieces, stops when it has
enough. A piece may be empty: then work was done of which nothing came out, and it is time to
look at the clock.

Browsers' leniency is kept where nothing is lost by it: bytes after the end of a stream are ignored,
checksums are not looked at, "deflate" may lack its wrapper, and a stream that was flushed and never
finished is whole. But a stream that is cut short is an error: half a page must not pass for the
page.
"""

import contextlib
import copy
import functools
import importlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol, Self

from tryconnect._model.faults import ContentEncodingError

PIECE_SIZE: Final = 32 * 1024
"""The most that one piece of output holds."""

# How much compressed data a library is given at a time. It hands back what follows the end of a
# stream as a copy, which thousands of tiny streams in one chunk would make quadratic.
_INPUT_SIZE: Final = 16 * 1024

# As in curl (MAX_ENCODE_STACK), against bombs within bombs.
_MOST_CODINGS: Final = 5

# A gzip header that is longer (its name has no end) is taken for corrupt.
_LONGEST_HEADER: Final = 16 * 1024


def accept_encoding() -> str:
    """Return the Accept-Encoding header that names what this installation can undo."""
    return ", ".join(name for name in _OFFERED if _CODINGS[name].library() is not None)


def codings(value: str) -> list[str]:
    """Return those words of a header's value that name a coding, in lower case."""
    return [name for word in value.split(",") if (name := word.strip(" \t").lower()) in _CODINGS]


class ContentDecoder:
    """Undoes the content codings of one body.

    Args:
        content_encoding: The Content-Encoding header; None if there was none. Several values
            are joined by commas. Words that name no coding ("utf-8", "aws-chunked") are ignored,
            as browsers do.
    """

    def __init__(self, content_encoding: str | None) -> None:
        # The coding that was applied last is undone first (RFC 9110, 8.4).
        self._names = codings(content_encoding or "")[::-1]
        self._streams: list[_Stream] = []
        self._has_begun = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what the next bytes unpack to, in pieces of at most ``PIECE_SIZE``.

        Take all pieces before you feed the next chunk; or stop for good.

        Raises:
            ContentEncodingError: The bytes are corrupt, or the coding is not installed.
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

    _has_begun = False
    """Whether anything has come out of it."""
    _ended = 0
    """How many streams have ended."""
    _to_skip = 0
    """How many bytes of the trailer of the last one are still to come."""

    def __init__(self, name: str) -> None:
        coding = _CODINGS[name]
        library = coding.library()
        if library is None:
            raise ContentEncodingError(
                f"the body is coded as {name!r}, which needs {coding.package}"
            )
        self._name, self._coding = name, coding
        self._open, self._error = library
        self._current: _Decompressor | None = self._open()
        self._held = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data unpacks to, in pieces of bounded size, some of them empty."""
        data, self._held = self._held + data, b""
        while True:
            if self._current is None:
                data = self._behind_trailer(data)
                if not self._opens_again(data):
                    return
            current = self._current = self._current or self._open()
            spare = copy.copy(current) if self._may_be_broken() else None
            try:
                piece = current.decompress(data, PIECE_SIZE)
            except self._error as error:
                if not isinstance(spare, _Zlib):
                    raise ContentEncodingError(f"the {self._name} body is corrupt") from error
                yield from spare.up_to_fault(data)
                self.is_over = True
                return
            yield piece
            self._has_begun |= bool(piece)
            if current.eof:
                self._current, data = None, current.unused_data
                self._ended += 1
                self._to_skip = self._coding.trailer_size
            elif current.needs_input:
                return
            else:
                data = b""

    def finish(self) -> None:
        """Raise ContentEncodingError if something of the body is missing."""
        current = self._current
        if current is not None and not self._may_be_broken() and not self._is_flushed(current):
            raise ContentEncodingError(f"the {self._name} body was cut short")

    def _may_be_broken(self) -> bool:
        """Return whether browsers would not look at the present stream."""
        return self._ended > 0 and self._coding.first_counts

    def _is_flushed(self, current: "_Decompressor") -> bool:
        """Return whether nothing is missing but the mark of the end.

        A flush ends a block at a whole byte, where an empty last block may follow. Anywhere else,
        its bytes mean something else, and the stream does not end with them.
        """
        if not self._has_begun:
            return False
        *others, last = self._coding.last_blocks
        ends = [(copy.copy(current), other) for other in others]
        return all(self._is_ended_by(*end) for end in [*ends, (current, last)])

    def _is_ended_by(self, current: "_Decompressor", block: bytes) -> bool:
        try:
            return not current.decompress(block, PIECE_SIZE) and current.eof
        except self._error:
            return False

    def _behind_trailer(self, data: bytes) -> bytes:
        skipped = min(self._to_skip, len(data))
        self._to_skip -= skipped
        return data[skipped:]

    def _opens_again(self, data: bytes) -> bool:
        """Return whether another stream follows the one that has ended."""
        if data.startswith(self._coding.openings):
            return True
        if not self._coding.may_be_followed:
            if data:
                raise ContentEncodingError(f"the {self._name} body has bytes behind its end")
            return False
        if any(opening.startswith(data) for opening in self._coding.openings):
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
    """zlib's decompressor, which is of an older shape, for a header and what it opens.

    zlib knows these headers too. But then it looks at the checksum at the end, which browsers do
    not, and throws away a text of which nothing is missing.

    Args:
        header_size: Returns the length of the header that these bytes open with, or None if there
            must be more of it; raises zlib.error if they open with none.
    """

    needs_input = True

    def __init__(self, header_size: Callable[[bytes], int | None]) -> None:
        self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
        self._header_size = header_size
        self._header: bytes | None = b""
        self._rest = b""

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if self._header is not None:
            data = self._header + data
            size = self._header_size(data)
            self._header = data if size is None else None
            if size is None:
                return b""
            data = data[size:]
        piece = self._zlib.decompress(self._rest + data, max_length)
        self._rest = self._zlib.unconsumed_tail
        # A full piece may leave output behind even where all input is consumed.
        self.needs_input = len(piece) < max_length
        return piece

    def __copy__(self) -> Self:
        twin = type(self)(self._header_size)
        vars(twin).update(vars(self), _zlib=self._zlib.copy())
        return twin

    def up_to_fault(self, data: bytes) -> Iterator[bytes]:
        """Yield what corrupt data unpacks to, the same however it was cut into chunks.

        zlib throws away what it has unpacked in the call that meets the fault: each call takes at
        most one byte and unpacks at most one. What it holds of the last piece comes first.
        """
        data, self._rest = self._rest + data, b""
        with contextlib.suppress(zlib.error):
            for byte in [b"", *(data[at : at + 1] for at in range(len(data)))]:
                yield self.decompress(byte, 1)
                while not self.needs_input:
                    yield self.decompress(b"", 1)


_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_FIXED: Final = 10
_FHCRC, _FEXTRA, _FNAME, _FCOMMENT, _RESERVED = 0x02, 0x04, 0x08, 0x10, 0xE0


def _gzip_header_size(data: bytes) -> int | None:
    """Return the length of a gzip header (RFC 1952, 2.3)."""
    if not (_GZIP_MAGIC + bytes([zlib.DEFLATED])).startswith(data[:3]):
        raise zlib.error("this is not gzip")
    size = _gzip_fields_end(data)
    if size is None and len(data) > _LONGEST_HEADER:
        raise zlib.error("the header does not end")
    return size


def _gzip_fields_end(data: bytes) -> int | None:
    if len(data) < _GZIP_FIXED:
        return None
    flags, end = data[3], _GZIP_FIXED
    if flags & _RESERVED:
        raise zlib.error("the header has unknown fields")
    if flags & _FEXTRA:
        end += 2 + int.from_bytes(data[end : end + 2], "little")
    for flag in (_FNAME, _FCOMMENT):
        if flags & flag:
            end = data.find(b"\0", end) + 1
            if not end:
                return None
    if flags & _FHCRC:
        end += 2
    return end if end <= len(data) else None


def _zlib_header_size(data: bytes) -> int | None:
    """Return the length of a zlib header (RFC 1950, 2.2), which may be lacking."""
    if len(data) < 2:  # noqa: PLR2004 (as long as it is)
        return None
    if data[0] & 0x0F != zlib.DEFLATED or int.from_bytes(data[:2]) % 31:
        return 0
    if data[1] & 0x20:
        raise zlib.error("it needs a dictionary")
    return 2


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
    """Whether bytes behind the end are ignored, as browsers do. Brotli's library gives up on them,
    output and all, where they come in one chunk with the end: then they must be a fault in any."""
    openings: tuple[bytes, ...] = ()
    """How a further stream begins, where several in a row make one body."""
    trailer_size: int = 0
    """How many bytes behind the end are the stream's own, as far as they are there."""
    first_counts: bool = False
    """Whether the body is whole when the first stream is: browsers look at no other."""
    last_blocks: tuple[bytes, ...] = (b"",)
    """Each ends a stream that was flushed at its last byte, and adds nothing to it."""


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


_EMPTY_DEFLATE: Final = (b"\x03\0", b"\0\0\0\xff\xff\x03\0")
"""RFC 1951, 3.2.6: a last block with fixed codes, and its end; and the same behind a stored block.

In the middle of a block, one of them may be taken for its end, in 7 of 1,000 places, but not both:
they begin with different bits, and nothing else ends a block than one code.
"""

_GZIP: Final = _Coding(
    lambda: _Library(functools.partial(_Zlib, _gzip_header_size), zlib.error),
    openings=(_GZIP_MAGIC,),  # RFC 1952, 2.2: a file is a series of members
    trailer_size=8,
    first_counts=True,
    last_blocks=_EMPTY_DEFLATE,
)
_CODINGS: Final = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,  # RFC 9110, 8.4.1.3
    "deflate": _Coding(
        lambda: _Library(functools.partial(_Zlib, _zlib_header_size), zlib.error),
        last_blocks=_EMPTY_DEFLATE,
    ),
    "br": _Coding(
        _brotli,
        "the package Brotli, 1.2 or later",
        may_be_followed=False,
        last_blocks=(b"\x03",),  # RFC 7932, 9.2: ISLAST, ISLASTEMPTY
    ),
    # RFC 8878, 3.1: frames, and frames to be skipped, one after another
    "zstd": _Coding(
        _zstd,
        "Python 3.14 or the package backports.zstd",
        openings=(
            b"\x28\xb5\x2f\xfd",
            *(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60)),
        ),
        last_blocks=(b"\x01\0\0",),  # RFC 8878, 3.1.1.2: the last, raw, of no bytes
    ),
}
_OFFERED: Final = ("gzip", "deflate", "br", "zstd")
