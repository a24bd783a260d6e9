"""Read addresses from files and standard input, no faster than they are used.

Each line is an address; white space around it, blank lines and lines that begin with ``#`` are
ignored. Whatever arrives is passed on at once, be it a block of a file or a single typed line. So
the file is unbuffered: a buffered one would wait for more, and hold a lock that the interpreter
needs when it exits.
"""

from __future__ import annotations

import asyncio
import codecs
import errno
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from tryconnect._runtime.threads import run_in_daemon_thread
from tryconnect.cli._format import numbered

if TYPE_CHECKING:
    import io
    from collections.abc import AsyncIterator, Iterable, Iterator

    from tryconnect.cli._format import Entry

__all__ = [
    "LONGEST_LINE",
    "Lines",
    "addresses",
    "addresses_in",
    "count",
    "entries",
    "gathered",
    "opened",
]

LONGEST_LINE = 2**17
"""Bytes. An address has at most 65,536 characters; a longer line is cut, and its report says so."""

_BLOCK = 2**16
"""Bytes to read at once: the capacity of a pipe on Linux (pipe(7))."""


def opened(name: str) -> io.FileIO:
    """Open a file, or standard input for ``-``.

    Raises:
        ValueError: It cannot be opened.
    """
    if name == "-" and sys.stdin is None:  # its number may be another file's by now
        raise ValueError(f"cannot read -: {os.strerror(errno.EBADF)}")
    try:
        if name == "-":
            return open(0, "rb", buffering=0, closefd=False)
        return open(name, "rb", buffering=0)
    except OSError as error:
        raise ValueError(f"cannot read {name}: {error.strerror}") from None


class Lines:
    """Splits blocks of bytes into lines, and truncates overlong ones."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def add(self, block: bytes) -> list[bytes]:
        """Take the next block, empty at the end; return the lines that are now complete."""
        *lines, rest = (self._rest + block).split(b"\n")
        if lines and self._skipping:
            lines[0] = b""
            self._skipping = False
        self._rest = b"" if self._skipping else rest
        if self._rest and not block:
            lines.append(self._rest)
        elif len(self._rest) > LONGEST_LINE:
            lines.append(self._rest)
            self._rest, self._skipping = b"", True
        return lines


def addresses_in(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the addresses in lines; bytes that are not UTF-8 become lone surrogates (PEP 383)."""
    for line in lines:
        address = line.strip()
        if address and not address.startswith(b"#"):
            yield address.decode("utf-8", "surrogateescape")


async def entries(words: Iterable[str], files: Iterable[io.FileIO]) -> AsyncIterator[Entry]:
    """Yield the addresses, each with its place."""
    place = 0
    async for address in addresses(words, files):
        yield numbered(address, place)
        place += 1


async def gathered(words: Iterable[str], names: Iterable[str]) -> list[Entry]:
    """Return the addresses on the command line and in the files of these names, with their places.

    Raises:
        ValueError: There is none, or a file cannot be opened.
    """
    found = [entry async for entry in entries(words, [opened(name) for name in names])]
    if not found:
        raise ValueError("an ADDRESS is required, or a FILE of them")
    return found


async def addresses(words: Iterable[str], files: Iterable[io.FileIO]) -> AsyncIterator[str]:
    """Yield the addresses on the command line, then those in files, closing each file."""
    for word in words:
        yield word
    for file in files:
        with file:
            lines = Lines()
            block = (await _read(file)).removeprefix(codecs.BOM_UTF8)
            while True:
                for address in addresses_in(lines.add(block)):
                    yield address
                if not block:
                    break
                block = await _read(file)


async def _read(file: io.FileIO) -> bytes:
    """Return what is available of a file, waiting if necessary; nothing at its end."""
    if await _is_readable(file.fileno()):
        return file.read(_BLOCK) or b""
    return await run_in_daemon_thread(partial(file.read, _BLOCK), name="tryconnect-input") or b""


async def _is_readable(descriptor: int) -> bool:
    """Wait until a read would not block; return ``False`` if the loop cannot tell.

    So no thread is blocked in reading a pipe if the run ends before its input does.
    """
    loop = asyncio.get_running_loop()
    news = asyncio.Event()
    try:
        loop.add_reader(descriptor, news.set)
    except (OSError, NotImplementedError):  # epoll refuses regular files; Windows' loop has none
        return False
    try:
        await news.wait()
    finally:
        loop.remove_reader(descriptor)
    return True


async def count(names: Iterable[str]) -> int | None:
    """Count the addresses in files; ``None`` if one of them can be read only once."""
    files = [*names]
    if not all(map(os.path.isfile, files)):
        return None
    return await run_in_daemon_thread(lambda: sum(map(_count, files)), name="tryconnect-count")


def _count(name: str) -> int:
    with open(name, "rb") as file:
        return sum(1 for _ in addresses_in(file))
