"""Standard output that never holds the loop up, however slowly it is read.

A loop that stands still in a ``write`` would let the checks under way run into their deadlines, and
call good addresses silent, only because somebody pages through the lines; and Ctrl-C would not be
heard.  So each piece is written when it fits: where ``poll`` says that a pipe is writable, it takes
``PIPE_BUF`` bytes at once (pipe(7): 4,096 on Linux).
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
"""Characters: of up to ten bytes each, as the escape of what an ASCII terminal cannot show."""


async def tell(report: Report, options: argparse.Namespace, *, time: str | None = None) -> None:
    """Print a report on standard output, in the form that the options ask for."""
    if options.json:
        text = json_line(report, show_secrets=options.show_secrets, time=time)
    else:
        text = line(report, show_secrets=options.show_secrets)
        text = painted(text, report.reason) if coloured(sys.stdout) else text
        text = f"{time}  {text}" if time else text
    await write(f"{text}\n")


def say(text: str) -> None:
    """Print what is no result on standard error."""
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
    """Tell whether a write would return at once; yes, where the system does not tell."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
    except (AttributeError, OSError, ValueError):  # Windows has no poll, a test's stream no number
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
