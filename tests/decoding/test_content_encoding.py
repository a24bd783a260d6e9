"""Content codings: what was packed is unpacked, in pieces that are never large."""

import contextlib
import functools
import gzip
import random
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
    "coding",
    [
        *(None, "", "identity", " , ", "none", "utf-8", "identity,\tUTF-8", "aws-chunked", "8bit"),
        *(
            "us-ascii",
            "UTF-8, binary",
            "text/html",
            "lzma",
            "compress",
            "gzip2",
            "x-br",
            "\xe9",
            ";",
        ),
    ],
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
    for length in (1, 2, 5, len(packed) // 2, len(packed) - 10):
        with pytest.raises(ContentEncodingError, match=f"^the {coding} body was cut short$"):
            unpack(coding, packed[:length])


@pytest.mark.parametrize("coding", PACKERS)
def test_a_body_that_is_corrupt_is_an_error(coding: str) -> None:
    with pytest.raises(ContentEncodingError, match=f"^the {coding} body is corrupt$") as caught:
        unpack(coding, b"<html>never packed</html>")
    assert isinstance(caught.value, ValueError)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("size", [1, 7, 2**30])
@pytest.mark.parametrize("missing", range(1, 9))
def test_gzip_may_lack_its_trailer_or_part_of_it(missing: int, size: int) -> None:
    assert unpack("gzip", gzip.compress(TEXT)[:-missing], size) == TEXT
    assert unpack("gzip", gzip.compress(TEXT) + gzip.compress(TEXT)[:-missing], size) == TEXT * 2


@pytest.mark.parametrize("size", [1, 7, 2**30])
@pytest.mark.parametrize(("coding", "trailer"), [("gzip", 8), ("deflate", 4)])
def test_checksums_are_not_looked_at(coding: str, trailer: int, size: int) -> None:
    packed = PACKERS[coding](TEXT)
    for at in range(1, trailer + 1):
        changed = bytearray(packed)
        changed[-at] ^= 1
        assert unpack(coding, bytes(changed), size) == TEXT
        assert unpack(coding, packed[:-at], size) == TEXT


def broken_deflate(packed: bytes) -> bytes:
    """A block of a type that there is not, in place of the first."""
    return packed[:10] + b"\xff" * 20


SECOND = gzip.compress(b"second")
BROKEN_MEMBERS = {
    "one byte of it": b"\x1f",
    "no more than its magic": b"\x1f\x8b",
    "half a header": SECOND[:7],
    "another method": b"\x1f\x8b\x07" + SECOND[3:],
    "unknown fields": b"\x1f\x8b\x08\xff" + SECOND[4:],
    "a header without data": SECOND[:10],
    "a broken block": broken_deflate(SECOND),
    "a name without an end": b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 2**17,
}


@pytest.mark.parametrize("size", [1, 7, 2**30])
@pytest.mark.parametrize("member", BROKEN_MEMBERS.values(), ids=BROKEN_MEMBERS)
def test_a_broken_member_of_gzip_ends_the_body_unless_it_is_the_first(
    member: bytes, size: int
) -> None:
    assert unpack("gzip", gzip.compress(TEXT) + member, size) == TEXT
    with pytest.raises(ContentEncodingError):
        unpack("gzip", member, size)


@given(st.binary(), st.binary(), st.data())
def test_what_comes_before_a_fault_is_the_same_in_any_pieces(
    text: bytes, more: bytes, data: st.DataObject
) -> None:
    member = bytearray(gzip.compress(more + b"second" * 500))
    at = data.draw(st.integers(3, len(member) - 1))
    member[at:at] = data.draw(st.binary(min_size=1))
    body = gzip.compress(text) + member

    whole = unpack("gzip", body)

    assert whole.startswith(text)
    assert [unpack("gzip", body, size) for size in (1, 2, 7, len(body) - 1)] == [whole] * 4


def runs_and_a_fault(letters: int, runs: int) -> bytes:
    """Deflated: some letters, and runs of 258, the last in one byte with a block of no type."""
    bits = "001" + f"{29:05b}"[::-1] + "00000" + f"{14:04b}"[::-1]
    code_lengths = {2: 1, 15: 2, 17: 2}  # of the symbols 18, 2 and 1, in RFC 1951's order
    bits += "".join(f"{code_lengths.get(place, 0):03b}"[::-1] for place in range(18))
    for zeros, then in ((120, "11"), (135, "11"), (28, "10")):  # "x", the end, and 258 bytes
        bits += "0" + f"{zeros - 11:07b}"[::-1] + then
    bits += "10" + "10" * letters + "00" * runs + "11" + "111"
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


@pytest.mark.parametrize("letters", range(9, 15))
def test_a_fault_may_hide_in_bits_that_came_with_a_full_piece(letters: int) -> None:
    runs = PIECE_SIZE // 258
    assert letters + 258 * (runs - 1) < PIECE_SIZE < letters + 258 * runs
    body = gzip.compress(b"first") + SECOND[:10] + runs_and_a_fault(letters, runs)

    whole, *others = (unpack("gzip", body, size) for size in (2**30, 1, 7))

    # zlib keeps what it unpacks in the very call that meets the fault.
    assert whole in [b"first" + b"x" * (letters + 258 * runs - lost) for lost in range(2)]
    assert others == [whole, whole]


def test_a_second_frame_of_zstd_that_is_cut_short_is_an_error() -> None:
    with pytest.raises(ContentEncodingError, match="cut short"):
        unpack("zstd", zstd.compress(TEXT) + zstd.compress(TEXT)[:-5])


HEADER_FIELDS = {
    "none": (0, b""),
    "text": (0x01, b""),
    "extra": (0x04, b"\x03\x00abc"),
    "a name": (0x08, b"page.html\0"),
    "a comment": (0x10, b"hello\0"),
    "a checksum": (0x02, b"\x12\x34"),
    "all": (0x1F, b"\x02\x00\0\0name\0comment\0\x12\x34"),
}


@pytest.mark.parametrize("size", [1, 3, 2**30])
@pytest.mark.parametrize(("flags", "fields"), HEADER_FIELDS.values(), ids=HEADER_FIELDS)
def test_a_gzip_header_may_have_fields(flags: int, fields: bytes, size: int) -> None:
    header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + fields
    assert unpack("gzip", header + raw_deflate(TEXT) + bytes(8), size) == TEXT
    with pytest.raises(ContentEncodingError):
        unpack("gzip", header[:-1], size)


def test_deflate_cannot_have_a_dictionary() -> None:
    packer = zlib.compressobj(zdict=b"hello")
    with pytest.raises(ContentEncodingError, match="corrupt"):
        unpack("deflate", packer.compress(TEXT) + packer.flush())


def flushed_brotli(data: bytes) -> bytes:
    packer = brotli.Compressor()
    return bytes(packer.process(data) + packer.flush())


def flushed_zstd(data: bytes) -> bytes:
    packer = zstd.ZstdCompressor()
    return bytes(packer.compress(data, mode=packer.FLUSH_BLOCK))


def flushed_zlib(wbits: int, mode: int, data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(data) + packer.flush(mode)


FLUSHED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", functools.partial(flushed_zlib, 31, zlib.Z_SYNC_FLUSH)),
    "gzip, fully": ("gzip", functools.partial(flushed_zlib, 31, zlib.Z_FULL_FLUSH)),
    "deflate": ("deflate", functools.partial(flushed_zlib, 15, zlib.Z_SYNC_FLUSH)),
    "raw deflate": ("deflate", functools.partial(flushed_zlib, -15, zlib.Z_SYNC_FLUSH)),
    "brotli": ("br", flushed_brotli),
    "zstd": ("zstd", flushed_zstd),
}


@pytest.mark.parametrize("size", [1, 7, 2**30])
@pytest.mark.parametrize(("coding", "flushed"), FLUSHED.values(), ids=FLUSHED)
def test_a_stream_that_was_flushed_and_not_finished_is_whole(
    coding: str, flushed: Callable[[bytes], bytes], size: int
) -> None:
    for text in (b"x", TEXT, bytes(3 * PIECE_SIZE)):
        assert unpack(coding, flushed(text), size) == text


def test_wherever_a_stream_without_a_flush_is_cut_it_is_cut_short() -> None:
    """Of an empty last block, some of these make another fault, and some the end of their own."""
    chance = random.Random(1)  # noqa: S311 - the same each time
    packed = raw_deflate(bytes(chance.randrange(64) for _ in range(4000)))
    for length in range(1, len(packed)):
        with pytest.raises(ContentEncodingError, match="cut short"):
            unpack("deflate", packed[:length])


@pytest.mark.parametrize(("coding", "flushed"), FLUSHED.values(), ids=FLUSHED)
def test_a_flushed_stream_that_is_cut_short_is_an_error(
    coding: str, flushed: Callable[[bytes], bytes]
) -> None:
    packed = flushed(TEXT)
    for missing in (6, 9, len(packed) // 2):
        with pytest.raises(ContentEncodingError, match="cut short"):
            unpack(coding, packed[:-missing])


def test_an_inner_stream_that_is_cut_short_is_an_error() -> None:
    packed = gzip.compress(gzip.compress(TEXT)[:-10])
    with pytest.raises(ContentEncodingError, match="cut short"):
        unpack("gzip, gzip", packed)


def test_an_outer_stream_that_is_cut_after_the_inner_end_is_an_error() -> None:
    with pytest.raises(ContentEncodingError, match="cut short"):
        unpack("gzip, gzip", gzip.compress(gzip.compress(TEXT))[:-10])


def test_known_codings_are_undone_beside_words_that_are_none() -> None:
    assert unpack("aws-chunked, gzip, utf-8", gzip.compress(TEXT)) == TEXT


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


@pytest.mark.slow
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


@pytest.mark.slow
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
    """Any number of empty members may make a body: the caller must get to look at the clock."""
    pieces = ContentDecoder("gzip, deflate").feed(zlib.compress(gzip.compress(b"") * 5000))
    assert sum(piece == b"" for piece in pieces) >= 5000


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
