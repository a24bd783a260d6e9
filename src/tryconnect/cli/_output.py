"""What the program prints: it never blocks the loop, and a stream that takes no more is an error.

If a write blocked the loop, running checks would time out and Ctrl-C would be ignored, only because
the output is paged, or a terminal's cable is cut. So each piece is written when it fits. A pipe
that ``poll`` reports as writable takes ``PIPE_BUF`` bytes at once (pipe(7): 4,096 on Linux). A
terminal promises nothing of the kind, so it is opened a second time: ``O_NONBLOCK`` belongs to the
open file, and the shell shares the first one.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["IO_ERROR", "Outlet", "OutputError", "abandon", "say", "say_soon", "show", "write"]

IO_ERROR = 74
"""The exit code of a program that cannot write its output: EX_IOERR of sysexits.h."""

_PIECE = 4096
"""Bytes: the least that a pipe takes which can be written to (pipe(7))."""


class OutputError(OSError):
    """Standard output cannot be written to."""


def say(text: str) -> None:
    """Print a message on standard error, and wait until it has been taken."""
    if say_soon(text):
        with _nobody_to_tell():
            Outlet.of(sys.stderr).finish()


def say_soon(text: str) -> bool:
    """Print a message on standard error as far as it is taken now; return whether it can be."""
    if sys.stderr is not None:  # it was open when the process began
        with _nobody_to_tell():
            Outlet.of(sys.stderr).put(f"{text}\n")
    return sys.stderr is not None


@contextlib.contextmanager
def _nobody_to_tell() -> Iterator[None]:
    """Go on where standard error cannot be written to."""
    try:
        yield
    except OutputError:
        abandon(sys.stderr)


def show(text: str) -> None:
    """Print a text on standard output, and wait until it has been taken.

    Raises:
        OutputError: It is closed or full, or its reader has left.
    """
    outlet = Outlet.of(sys.stdout)
    outlet.put(text)
    outlet.finish()


async def write(text: str) -> None:
    """Print a text on standard output; the loop goes on until it has been taken.

    Raises:
        OutputError: It is closed or full, or its reader has left.
    """
    outlet = Outlet.of(sys.stdout)
    outlet.put(text)
    await outlet.drain()


@contextlib.contextmanager
def _checked(stream: TextIO | None) -> Iterator[TextIO]:
    if stream is None:  # it was closed when the process began
        raise OutputError(errno.EBADF, os.strerror(errno.EBADF))
    try:
        yield stream
    except OSError as error:
        raise OutputError(error.errno, error.strerror) from None
    except ValueError as error:  # closed meanwhile
        raise OutputError(errno.EBADF, os.strerror(errno.EBADF)) from error


def abandon(stream: TextIO | None) -> None:
    """Let a stream that failed go nowhere, or Python would complain of it at exit."""
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    with contextlib.suppress(OSError, ValueError):
        stream.flush()


class Outlet:
    """A stream that is written to as fast as it takes it, and not faster.

    Args:
        stream: Standard output or standard error.
    """

    _outlets: dict[int, Outlet] = {}  # noqa: RUF012 - one for each stream, for as long as it is

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._pending = b""
        self._terminal = _reopened(stream)
        self._descriptor = _descriptor(stream) if self._terminal is None else self._terminal

    @classmethod
    def of(cls, stream: TextIO | None) -> Outlet:
        """Return the outlet of a stream."""
        found = cls._outlets.get(id(stream))
        if found is None or found._stream is not stream:  # noqa: SLF001 - its own class
            found = cls._outlets[id(stream)] = cls(stream)
        return found

    def put(self, text: str) -> None:
        """Write what fits now, and keep the rest.

        Raises:
            OutputError: The stream is closed or full, or its reader has left.
        """
        with _checked(self._stream) as stream:
            if self._descriptor is None:
                stream.write(text)
                stream.flush()
                return
            stream.flush()
            self._pending += text.encode(stream.encoding, "backslashreplace")
        self.push()

    def push(self) -> bool:
        """Write what fits now; return whether nothing is left.

        Raises:
            OutputError: As above.
        """
        with _checked(self._stream), contextlib.suppress(BlockingIOError):
            while self._pending and self._fits():
                taken = os.write(self._descriptor or 0, self._pending[:_PIECE])
                self._pending = self._pending[taken:]
        return not self._pending

    async def drain(self) -> None:
        """Write the rest as it fits.

        Raises:
            OutputError: As above.
        """
        while not self.push():
            await _writable(self._descriptor or 0)

    def finish(self) -> None:
        """Write the rest, and let the whole process wait for it.

        Raises:
            OutputError: As above.
        """
        while not self.push():
            self._fits(wait=True)

    def _fits(self, *, wait: bool = False) -> bool:
        poll = select.poll()
        poll.register(self._descriptor or 0, select.POLLOUT)
        return bool(poll.poll(None if wait else 0))


def _descriptor(stream: TextIO | None) -> int | None:
    """Return what to write to; ``None``: to the stream itself, as on Windows and in tests."""
    if stream is None or not hasattr(select, "poll"):
        return None
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _reopened(stream: TextIO | None) -> int | None:
    """Open a terminal for writes that do not block; ``None``: it is none, or it cannot be."""
    if stream is None or sys.platform == "win32":
        return None
    with contextlib.suppress(OSError, ValueError):
        if stream.isatty():
            name = os.ttyname(stream.fileno())
            return os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    return None


async def _writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    news = asyncio.Event()
    loop.add_writer(descriptor, news.set)
    try:
        await news.wait()
    finally:
        loop.remove_writer(descriptor)
