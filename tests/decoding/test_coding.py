"""Content codings: what was packed is unpacked, in pieces that are never large."""

import contextlib
import functools
import gzip
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._decoding import content_encoding
from tryconnect._decoding.content_encoding import PIECE_SIZE, ContentDecoder, accept_encoding
from tryconnect._model.faults import ContentEncodingError

brotli = pytest.importorskip("brotli")
zstd = content_encoding._installed("compression.zstd", "backports.zstd")


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
TEXT = "Съешь же ещё этих мягких французских булок. ".encode() * 500


def unpack(coding: str | None, packed: bytes, size: int = 2**30) -> bytes:
    inflater = ContentDecoder(coding)
    pieces = []
    for start in range(0, len(packed), size):
        for piece in inflater.feed(packed[start : start + size]):
            assert len(piece) <= PIECE_SIZE
            pieces.append(piece)
    inflater.finish()
    return b"".join(pieces)


@pytest.mark.parametrize("size", [1, 7, 1000, 2**30])
@pytest.mark.parametrize("coding", PACKERS)
def test_what_was_packed_is_unpacked(coding: str, size: int) -> None:
    assert unpack(coding, PACKERS[coding](TEXT), size) == TEXT
    assert unpack(coding.upper(), PACKERS[coding](b""), size) == b""


@given(st.sampled_from(sorted(PACKERS)), st.binary(), st.integers(1, 50))
def test_whatever_was_packed_is_unpacked(coding: str, data: bytes, size: int) -> None:
    assert unpack(coding, PACKERS[coding](data), size) == data


@given(st.sampled_from(sorted(PACKERS)), st.binary(), st.integers(1, 50))
def test_garbage_is_an_error_of_one_kind(coding: str, garbage: bytes, size: int) -> None:
    with contextlib.suppress(ContentEncodingError):
        assert isinstance(unpack(coding, garbage, size), bytes)


@pytest.mark.parametrize("size", [1, 1000])
def test_deflate_may_lack_its_wrapper(size: int) -> None:
    assert unpack("deflate", raw_deflate(TEXT), size) == TEXT


@pytest.mark.parametrize(
    "coding", [None, "", "identity", " , ", "none", "utf-8", "identity,\tUTF-8"]
)
def test_what_is_not_packed_passes_in_pieces(coding: str | None) -> None:
    body = bytes(3 * PIECE_SIZE + 1)
    assert unpack(coding, body) == body


@pytest.mark.parametrize("coding", [*PACKERS, "gzip, br", "lzma", "gzip," * 9])
def test_a_body_of_no_bytes_may_claim_any_coding(coding: str) -> None:
    assert unpack(coding, b"") == b""
    inflater = ContentDecoder(coding)
    assert b"".join(inflater.feed(b"")) == b""
    inflater.finish()


def test_codings_are_undone_from_the_last_to_the_first() -> None:
    packed = brotli.compress(zlib.compress(gzip.compress(TEXT)))
    for size in (1, 2**30):
        assert unpack("gzip, deflate,br", packed, size) == TEXT
    with pytest.raises(ContentEncodingError):
        unpack("br, deflate, gzip", packed)


@pytest.mark.parametrize("size", [1, 2**30])
def test_streams_in_a_row_are_one_body(size: int) -> None:
    assert unpack("gzip", gzip.compress(TEXT) * 3, size) == TEXT * 3
    skipped = b"\x50\x2a\x4d\x18\x04\0\0\0skip"
    frame = zstd.compress(TEXT)
    assert unpack("zstd", skipped + frame + skipped + frame, size) == TEXT * 2


@pytest.mark.parametrize("size", [1, 2**30])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("after", [b"\0", b"\x1f", b"garbage", b"\0" * 999])
def test_what_follows_the_end_is_ignored(coding: str, after: bytes, size: int) -> None:
    assert unpack(coding, PACKERS[coding](TEXT) + after, size) == TEXT


@pytest.mark.parametrize("size", [1, 7, 2**30])
def test_what_follows_the_end_of_brotli_is_a_fault_however_it_is_cut(size: int) -> None:
    with pytest.raises(ContentEncodingError):
        unpack("br", brotli.compress(TEXT) + b"more", size)


@pytest.mark.parametrize("coding", PACKERS)
def test_a_body_that_is_cut_short_is_an_error(coding: str) -> None:
    packed = PACKERS[coding](TEXT)
    for length in (1, 2, 5, len(packed) // 2, len(packed) - 1):
        with pytest.raises(ContentEncodingError, match=f"^the {coding} body was cut short$"):
            unpack(coding, packed[:length])


@pytest.mark.parametrize("coding", PACKERS)
def test_a_body_that_is_corrupt_is_an_error(coding: str) -> None:
    with pytest.raises(ContentEncodingError, match=f"^the {coding} body is corrupt$") as caught:
        unpack(coding, b"<html>never packed</html>")
    assert isinstance(caught.value, ValueError)
    assert caught.value.__cause__ is not None


def test_a_changed_byte_is_found_by_the_checksum() -> None:
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 1
    with pytest.raises(ContentEncodingError, match="corrupt"):
        unpack("gzip", bytes(packed))


def test_an_inner_stream_that_is_cut_short_is_an_error() -> None:
    packed = gzip.compress(gzip.compress(TEXT)[:-1])
    with pytest.raises(ContentEncodingError, match="cut short"):
        unpack("gzip, gzip", packed)


def test_an_outer_stream_that_is_cut_after_the_inner_end_is_an_error() -> None:
    with pytest.raises(ContentEncodingError, match="cut short"):
        unpack("gzip, gzip", gzip.compress(gzip.compress(TEXT))[:-1])


def test_an_unknown_coding_is_named() -> None:
    with pytest.raises(ContentEncodingError, match=r"coded as 'lzma', which nothing here can undo"):
        unpack("gzip, LZMA", b"x")


def test_too_many_codings_are_refused() -> None:
    packed = functools.reduce(lambda data, _: gzip.compress(data), range(5), TEXT)
    assert unpack("gzip," * 5, packed) == TEXT
    with pytest.raises(ContentEncodingError, match="coded 6 times over, more than 5"):
        unpack("gzip," * 6, gzip.compress(packed))


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Let modules be missing, or others."""

    def lack(*names: str, **others: ModuleType) -> None:
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)
        for name, module in others.items():
            monkeypatch.setitem(sys.modules, name, module)
        content_encoding._brotli.cache_clear()
        content_encoding._zstd.cache_clear()

    yield lack
    monkeypatch.undo()
    lack()


def test_all_that_is_installed_is_offered() -> None:
    assert accept_encoding() == "gzip, deflate, br, zstd"


def test_what_is_missing_is_not_offered(without: Callable[..., None]) -> None:
    without("brotli", "brotlicffi", "compression.zstd", "backports.zstd")
    assert accept_encoding() == "gzip, deflate"
    with pytest.raises(
        ContentEncodingError, match=r"coded as 'br', which needs the package Brotli"
    ):
        unpack("br", b"x")
    with pytest.raises(ContentEncodingError, match=r"coded as 'zstd', which needs Python 3\.14 or"):
        unpack("zstd", b"x")


def test_a_brotli_whose_output_cannot_be_limited_is_not_offered(
    without: Callable[..., None],
) -> None:
    old = ModuleType("brotli")
    old.Decompressor = object  # type: ignore[attr-defined]
    without(brotli=old)
    assert "br" not in accept_encoding()


def test_brotlicffi_stands_in(without: Callable[..., None]) -> None:
    without("brotli", brotlicffi=brotli)
    assert unpack("br", brotli.compress(TEXT)) == TEXT


BOMB_SIZE = 50 * 2**20


@functools.cache
def bomb(coding: str) -> bytes:
    return PACKERS[coding](bytes(BOMB_SIZE))


@pytest.mark.parametrize("coding", PACKERS)
def test_a_bomb_never_exists_in_memory(coding: str) -> None:
    packed = bomb(coding)
    sys.modules["brotli"]  # imported before the measurement
    tracemalloc.start()
    try:
        inflater = ContentDecoder(coding)
        total = largest = 0
        for piece in inflater.feed(packed):
            total += len(piece)
            largest = max(largest, len(piece))
        inflater.finish()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == BOMB_SIZE
    assert largest <= PIECE_SIZE
    assert peak < 2**20


@pytest.mark.parametrize("coding", PACKERS)
def test_each_library_is_held_to_the_size_of_a_piece(coding: str) -> None:
    library = content_encoding._CODINGS[coding].library()
    assert library is not None
    decompressor, data = library.decompressor(), bomb(coding)
    for _ in range(20):
        assert len(decompressor.decompress(data, PIECE_SIZE)) <= PIECE_SIZE
        data = b""


def test_a_bomb_within_a_bomb_is_unpacked_piece_by_piece() -> None:
    packed = gzip.compress(bomb("gzip"))
    pieces = ContentDecoder("gzip, gzip").feed(packed)
    assert all(len(next(pieces)) <= PIECE_SIZE for _ in range(20))


def test_what_follows_an_inner_end_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else ten kilobytes could keep a machine busy for as long as their sender likes."""
    unpacked = 0

    class Counted(content_encoding._Zlib):
        def decompress(self, data: bytes, max_length: int) -> bytes:
            nonlocal unpacked
            piece = super().decompress(data, max_length)
            unpacked += len(piece)
            return piece

    monkeypatch.setattr(content_encoding, "_Zlib", Counted)
    packed = gzip.compress(gzip.compress(TEXT) + bytes(BOMB_SIZE))
    inflater = ContentDecoder("gzip, gzip")
    pieces = list(inflater.feed(packed))
    assert b"".join(pieces) == TEXT
    assert list(inflater.feed(packed)) == []
    assert unpacked < BOMB_SIZE / 100
    inflater.finish()


def test_work_without_output_gives_empty_pieces() -> None:
    """A name of any length may stand in a gzip header: the caller must get to look at the clock."""
    header = b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * BOMB_SIZE
    pieces = ContentDecoder("gzip, deflate").feed(zlib.compress(header))
    assert sum(piece == b"" for piece in pieces) >= BOMB_SIZE // PIECE_SIZE


def test_a_window_beyond_what_http_allows_is_refused() -> None:
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    packed = packer.compress(b"a", mode=packer.FLUSH_BLOCK) + packer.flush()
    assert zstd.decompress(packed) == b"a"
    with pytest.raises(ContentEncodingError, match="corrupt"):
        unpack("zstd", packed)


def test_thousands_of_tiny_streams_are_copied_a_few_times_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_bytes = 0

    class Counted(content_encoding._Zlib):
        def decompress(self, data: bytes, max_length: int) -> bytes:
            nonlocal given_bytes
            given_bytes += len(data)
            return super().decompress(data, max_length)

    monkeypatch.setattr(content_encoding, "_Zlib", Counted)
    packed = gzip.compress(b"") * 20_000
    assert unpack("gzip", packed) == b""
    assert given_bytes <= 1000 * len(packed)  # half of them: 10,000
