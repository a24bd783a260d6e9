"""The addresses of files and of standard input, read in passing, no faster than they are used.

A line is an address.  White space around it is none of it; blank lines, and those that begin with
``#``, are none.  What comes is handed on at once, be it a whole block of a file or a single line
that somebody types: so the reading is ours, and not a buffered file's, which also would hold a
lock that the interpreter wants when it ends.
"""

from __future__ import annotations

import asyncio
import codecs
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tryconnect._runtime.threads import run_in_daemon_thread

if TYPE_CHECKING:
    import io
    from collections.abc import AsyncIterator, Iterable, Iterator

__all__ = ["LONGEST_LINE", "Lines", "addresses", "addresses_in", "count", "opened"]

LONGEST_LINE = 2**17
"""Bytes.  An address has at most 65,536 characters; a longer line is cut, and a report says so."""

_BLOCK = 2**16
"""Bytes that are read at once: what a pipe holds on Linux."""


def opened(name: str) -> io.FileIO:
    """Open a file by its name, or standard input for ``-``.

    Raises:
        ValueError: that cannot be done.
    """
    try:
        if name == "-":
            return open(0, "rb", buffering=0, closefd=False)
        return Path(name).open("rb", buffering=0)
    except OSError as error:
        raise ValueError(f"cannot read {name}: {error.strerror}") from None


class Lines:
    """Cuts blocks of bytes into lines; what is too long for one is cut short."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def add(self, block: bytes) -> list[bytes]:
        """Take the next block; return the lines that are complete now.  No bytes: the end."""
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
    """Yield the addresses in lines: bytes that are not UTF-8 stay, as lone surrogates (PEP 383)."""
    for line in lines:
        address = line.strip()
        if address and not address.startswith(b"#"):
            yield address.decode("utf-8", "surrogateescape")


async def addresses(words: Iterable[str], files: Iterable[io.FileIO]) -> AsyncIterator[str]:
    """Yield addresses from the command line, then those in files, and close these."""
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
    """Return what there is of a file, as soon as there is something; nothing at its end."""
    if await _is_readable(file.fileno()):
        return file.read(_BLOCK) or b""
    return await run_in_daemon_thread(partial(file.read, _BLOCK), name="tryconnect-input") or b""


async def _is_readable(descriptor: int) -> bool:
    """Wait until a read would return at once; ``False``: the loop cannot tell, of a disk's file.

    So nothing of ours sits in the read of a pipe when the run is left before its input ends.
    """
    loop = asyncio.get_running_loop()
    news = asyncio.Event()
    try:
        loop.add_reader(descriptor, news.set)
    except (OSError, NotImplementedError):  # epoll has no place for it; Windows' own loop
        return False
    try:
        await news.wait()
    finally:
        loop.remove_reader(descriptor)
    return True


async def count(names: Iterable[str]) -> int | None:
    """Count the addresses in files; ``None`` where one of them can be read only once."""
    paths = [Path(name) for name in names]
    if not all(path.is_file() for path in paths):
        return None
    return await run_in_daemon_thread(lambda: sum(map(_count, paths)), name="tryconnect-count")


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in addresses_in(file))
