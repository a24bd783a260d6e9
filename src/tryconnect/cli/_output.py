"""Standard output that never blocks the loop, however slowly it is read.

If ``write`` blocked the loop, running checks would time out and Ctrl-C would be ignored, only
because the output is paged. So each piece is written when it fits: a pipe that ``poll`` reports as
writable takes ``PIPE_BUF`` bytes at once (pipe(7): 4,096 on Linux).
"""

from __future__ import annotations

import asyncio
import select
import sys
from typing import TYPE_CHECKING, TextIO

from tryconnect._model.render import json_line, line
from tryconnect.cli._terminal import coloured, painted

if TYPE_CHECKING:
    import argparse

    from tryconnect import Report

__all__ = ["accepts", "say", "tell", "write"]

_PIECE = 400
"""Characters, of up to ten bytes each: an escape on an ASCII terminal."""


async def tell(report: Report, options: argparse.Namespace, *, time: str | None = None) -> None:
    """Print a report on standard output, in the format that the options select."""
    if options.json:
        text = json_line(report, show_secrets=options.show_secrets, time=time)
    else:
        text = line(report, show_secrets=options.show_secrets)
        text = painted(text, report.reason) if coloured(sys.stdout) else text
        text = f"{time}  {text}" if time else text
    await write(f"{text}\n")


def say(text: str) -> None:
    """Print a message on standard error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command line prints


async def write(text: str, stream: TextIO | None = None) -> None:
    """Write a text to a stream, standard output by default."""
    stream = stream or sys.stdout
    for start in range(0, len(text), _PIECE):
        if not accepts(stream):
            await _writable(stream.fileno())
        stream.write(text[start : start + _PIECE])
        stream.flush()


def accepts(stream: TextIO) -> bool:
    """Return whether a write would not block; ``True`` if the system cannot tell."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
    except (AttributeError, OSError, ValueError):  # no poll on Windows, or no descriptor
        return True
    return bool(poll.poll(0))


async def _writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    news = asyncio.Event()
    loop.add_writer(descriptor, news.set)
    try:
        await news.wait()
    finally:
        loop.remove_writer(descriptor)
