"""Lines at the bottom of a terminal that are redrawn continually, and erased at the end.

rich renders the lines, but does not draw them: its live displays redirect everything that a program
prints, which takes a millisecond per line.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self, TextIO

from rich.console import Console

from tryconnect._runtime.threads import wait_all
from tryconnect.cli._output import accepts

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

__all__ = ["FRAMES", "Live"]

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

_EVERY = 0.1
"""Seconds between drawings: often enough to look alive."""

_TO_THE_END = "\x1b[K"
_THIS_LINE = "\r\x1b[2K"
_LINE_ABOVE = "\x1b[1A\x1b[2K"
_BELOW = "\x1b[J"


class Live:
    """Draws lines while its context lasts.

    Args:
        compose: Returns what rich is to print, for a width in columns.
        stream: A terminal.
        keep: Leave the last drawing on the screen.
    """

    def __init__(
        self, compose: Callable[[int], RenderableType], stream: TextIO, *, keep: bool = False
    ) -> None:
        self._compose = compose
        self._stream = stream
        self._keep = keep
        self._console = Console(file=stream, highlight=False)
        self._height = 0

    def erase(self) -> None:
        """Erase the lines, so that something can be printed; they will be drawn again."""
        if self._height:
            self._stream.write(_THIS_LINE + _LINE_ABOVE * (self._height - 1))
            self._stream.flush()
            self._height = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._draw_forever())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        if self._keep and accepts(self._stream):
            self._draw()
            self._stream.write("\n")
            self._stream.flush()
        else:
            self.erase()
        await wait_all(self._task)

    async def _draw_forever(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            if accepts(self._stream):
                self._draw()

    def _draw(self) -> None:
        width = self._console.width - 1  # some terminals wrap after the last column
        with self._console.capture() as captured:
            self._console.print(
                self._compose(width), end="", width=width, no_wrap=True, overflow="ellipsis"
            )
        # What is taller than the terminal could not be erased.
        lines = captured.get().rstrip("\n").split("\n")[: self._console.height - 1]
        up = f"\x1b[{self._height - 1}A" if self._height > 1 else ""
        drawn = "\n".join(f"{line}{_TO_THE_END}" for line in lines)
        self._stream.write(f"\r{up}{drawn}{_BELOW}")
        self._stream.flush()
        self._height = len(lines)
