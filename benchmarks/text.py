"""Measures how long decoding takes, how long it blocks a loop, and how much memory it needs.

Run from the root of a checkout::

    python -m benchmarks.text

Every ratio compares the medians of two things that take turns in one run; the longest pauses are
also medians of several runs, because a busy machine adds to any single one. Memory is a fresh
process's peak minus its memory after the imports.
"""
# ruff: noqa: RUF001 - a script, which prints; and Chinese

import gzip
import statistics
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator

from benchmarks.usage import peak
from tryconnect._decoding.content_encoding import PIECE_SIZE, ContentDecoder
from tryconnect._decoding.decoder import Decoder, decode

KIB, MIB = 1024, 1024 * 1024
CHUNK_SIZE = PIECE_SIZE
BOMB_SIZE = 200_000_000

PROSE = "春天来了，万物复苏，花儿开放。<p>Plain text, with some markup: <a href='/'>é</a></p>\n"


def spent(work: Callable[[], object]) -> float:
    """Return the seconds that the work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def medians(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int
) -> tuple[float, float]:
    """Return the median seconds of two works that take turns."""
    pairs = [(spent(ours), spent(theirs)) for _ in range(rounds)]
    return statistics.median(one for one, _ in pairs), statistics.median(two for _, two in pairs)


def filled(text: str, codec: str, size: int) -> bytes:
    """Return ``size`` bytes of a repeated text."""
    unit = text.encode(codec)
    return (unit * (size // len(unit) + 1))[:size]


def steps(body: bytes, header: str | None) -> Iterator[float]:
    """Decode a body that comes in chunks; yield the seconds of each step between two pauses."""
    decoder = Decoder(header)
    for start in range(0, len(body), CHUNK_SIZE):
        chunk = body[start : start + CHUNK_SIZE]
        yield spent(lambda chunk=chunk: decoder.feed(chunk))  # type: ignore[misc]
    rest = decoder.finish()
    begin = time.perf_counter()
    for _ in rest:
        yield time.perf_counter() - begin
        begin = time.perf_counter()
    yield time.perf_counter() - begin


def longest(runs: Iterable[list[float]]) -> tuple[float, float]:
    """Return the median of the longest steps, and of the sums."""
    done = list(runs)
    return statistics.median(map(max, done)), statistics.median(map(sum, done))


def utf8_rows() -> Iterator[str]:
    """UTF-8 under its header against the bare codec."""
    for name, text in (("prose", PROSE), ("ASCII", "Plain text, with some markup: <p>.\n")):
        body = filled(text, "utf-8", 100 * KIB)
        ours, theirs = medians(
            lambda body=body: decode(body, "text/html; charset=utf-8"),  # type: ignore[misc]
            lambda body=body: body.decode("utf-8", "replace"),  # type: ignore[misc]
            rounds=501,
        )
        times = f"{ours * 1e6:7.0f} µs  {ours / theirs:5.2f} x bytes.decode"
        yield f"utf-8, 100 KiB of {name:6}  {times}"


# The hostile ones consist of what takes longest: escapes, sequences that Python lacks, rare ones.
PAGES: dict[str, tuple[bytes, str | None]] = {
    "GBK, no header": (filled(PROSE, "gbk", 10 * MIB), "text/html"),
    "GBK, header": (filled(PROSE, "gbk", 10 * MIB), "text/html; charset=gbk"),
    "UTF-8, no header": (filled(PROSE, "utf-8", 10 * MIB), None),
    "ASCII, no header": (b"plain text " * 950_000, None),
    "hostile GBK: euros": (b"\x80" * MIB, "text/html; charset=gbk"),
    "hostile GBK: no lead": (b"\xff" * 10 * MIB, "text/html; charset=gbk"),
    "hostile EUC-JP: row 13": (b"\xad\xa1a" * (MIB // 3), "text/html; charset=euc-jp"),
    "hostile EUC-JP: AD FE": (b"\xad\xfe" * (MIB // 2), "text/html; charset=euc-jp"),
    "hostile ISO-2022-JP": (b'\x1b$B$"\x1b(Ba' * (MIB // 9), "text/html; charset=iso-2022-jp"),
    "hostile UTF-16": (b"\x00\xdc" * (MIB // 2), "text/html; charset=utf-16"),
    "hostile head": (b"<meta>" * (MIB // 6), "text/html"),
}


def pause_rows() -> Iterator[str]:
    """Print the longest pause when decoding in chunks."""
    decode(b"\x80")  # the detector's import happens once in a process
    for name, (body, header) in PAGES.items():
        pause, total = longest(list(steps(body, header)) for _ in range(5))
        size = f"{len(body) / MIB:.0f} MiB"
        yield f"{name:24} {size:>7}  {total * 1e3:6.0f} ms  longest step {pause * 1e3:5.1f} ms"


def raw_deflate(data: bytes) -> bytes:
    """Compress as servers do that omit the zlib wrapper."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def packers() -> dict[str, Callable[[bytes], bytes]]:
    """Return the compressions that are available here."""
    found: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": raw_deflate}
    try:
        import brotli  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra

        found["br"] = brotli.compress
    except ImportError:
        pass
    try:
        from backports import zstd  # noqa: PLC0415 - an extra

        found["zstd"] = zstd.compress
    except ImportError:
        pass
    return found


def in_a_fresh_process(task: str, argument: str, data: bytes) -> list[str]:
    """Run one of the tasks below in its own process; return the words that it prints."""
    command = [sys.executable, "-m", "benchmarks.text", task, argument]
    return subprocess.run(command, input=data, stdout=-1, check=True).stdout.decode().split()  # noqa: S603


def unpack(coding: str) -> None:
    """Decompress standard input; print its size, the longest step and the peak memory."""
    packed = sys.stdin.buffer.read()
    list(ContentDecoder(coding).feed(b""))
    before = peak()
    inflater = ContentDecoder(coding)
    pieces = (
        piece
        for at in range(0, len(packed), CHUNK_SIZE)
        for piece in inflater.feed(packed[at : at + CHUNK_SIZE])
    )
    size, pause, begin = 0, 0.0, time.perf_counter()
    for piece in pieces:
        pause = max(pause, time.perf_counter() - begin)
        size += len(piece)
        begin = time.perf_counter()
    inflater.finish()
    print(size, pause, peak() - before)


def read(header: str) -> None:
    """Decode standard input in chunks; print its size and the peak memory."""
    before = peak()
    decoder, size = Decoder(header), 0
    while chunk := sys.stdin.buffer.read(CHUNK_SIZE):
        decoder.feed(chunk)
        size += len(chunk)
    for _ in decoder.finish():
        pass
    print(size, peak() - before)


def bomb_rows() -> Iterator[str]:
    """Print the cost of 200 MB of zeros compressed into a few bytes."""
    for coding, pack in packers().items():
        packed = pack(bytes(BOMB_SIZE))
        words = [in_a_fresh_process("unpack", coding, packed) for _ in range(3)]
        pause = statistics.median(float(word[1]) for word in words)
        memory = statistics.median(int(word[2]) for word in words)
        yield (
            f"bomb, {coding:8} {len(packed):7} bytes -> {BOMB_SIZE // 10**6} MB  "
            f"longest step {pause * 1e3:4.1f} ms  peak {memory / MIB:5.1f} MiB"
        )


def memory_rows() -> Iterator[str]:
    """Print the peak memory, as a multiple of the body."""
    emoji = "\U0001f600".encode()
    bodies = {
        "ASCII": b"a" * 10 * MIB,
        "ASCII, emoji at the end": b"a" * 10 * MIB + emoji,
        "ASCII, emoji everywhere": (b"a" * 4092 + emoji) * (10 * MIB // 4096),
        "prose in GBK": filled(PROSE, "gbk", 10 * MIB),
    }
    for name, body in bodies.items():
        size, memory = map(int, in_a_fresh_process("read", "text/html", body))
        yield f"memory, {name:24} {size / MIB:3.0f} MiB  peak {memory / size:4.1f} x"


TASKS = {"unpack": unpack, "read": read}


def main() -> None:
    """Print all rows, or run one task in this fresh process."""
    if len(sys.argv) > 1:
        TASKS[sys.argv[1]](sys.argv[2])
        return
    for rows in (utf8_rows, pause_rows, bomb_rows, memory_rows):
        for row in rows():
            print(row, flush=True)


if __name__ == "__main__":
    main()
