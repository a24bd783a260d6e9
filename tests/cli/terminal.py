"""A terminal of our own: a program writes into it, and a test looks at the screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping

import pyte


class Terminal:
    """A running program and its screen.

    Attributes:
        shown: all that the program has written.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], end: int, columns: int, lines: int
    ) -> None:
        self.shown = b""
        self.process = process
        self._end: int | None = end
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)

    def lines(self) -> list[str]:
        """The lines that are on the screen now, without empty ones."""
        while self._end is not None and select.select([self._end], [], [], 0.02)[0]:
            try:
                read = os.read(self._end, 65536)
            except OSError:  # EIO: nobody has it open any more
                break
            self.shown += read
            self._stream.feed(read)
        return [line.rstrip() for line in self._screen.display if line.strip()]

    def close(self) -> None:
        """Take the cable out; what is on the screen stays there."""
        self.lines()
        self._end = None

    def until(self, pattern: str) -> str:
        """Return the first line in which there is that, as soon as there is one."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for line in self.lines():
                if re.search(pattern, line):
                    return line
        raise AssertionError(f"no {pattern!r} in {self.lines()}")

    def press(self, key: bytes) -> None:
        """Type a key that is the terminal's own affair, as Ctrl-S."""
        assert self._end is not None
        os.write(self._end, key)

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self) -> int:
        """Wait for the end, and return the exit code."""
        while self.process.poll() is None:
            self.lines()
        self.lines()
        return self.process.returncode


LINES = 24


@contextlib.contextmanager
def terminal(
    words: list[str],
    *,
    columns: int = 100,
    lines: int = LINES,
    both: bool = True,
    variables: Mapping[str, str | None] | None = None,
) -> Iterator[Terminal]:
    """Run a program whose standard error is a terminal, and whose standard output is, with both.

    Args:
        words: the program's.
        columns: how wide the terminal is.
        lines: how high it is.
        both: standard output goes there too; else to nobody.
        variables: of the environment; ``None`` takes one away.
    """
    end, start = os.openpty()
    fcntl.ioctl(start, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    changed = {"TERM": "xterm-256color", "NO_COLOR": None, "COLUMNS": None, **(variables or {})}
    environment = {**os.environ, **{k: v for k, v in changed.items() if v is not None}}
    for name in [name for name, value in changed.items() if value is None]:
        environment.pop(name, None)
    environment["PYTHONIOENCODING"] = "utf-8"
    try:
        with subprocess.Popen(  # noqa: S603 - our own words
            words,
            stdin=start,
            stdout=start if both else subprocess.DEVNULL,
            stderr=start,
            env=environment,
        ) as process:
            screen = Terminal(process, end, columns, lines)
            try:
                yield screen
            finally:
                if process.poll() is None:
                    process.kill()
                screen.close()
    finally:
        os.close(start)
        os.close(end)
