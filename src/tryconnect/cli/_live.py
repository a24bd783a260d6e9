"""Lines at the bottom of a terminal that are redrawn continually, and erased at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Self, TextIO

from tryconnect._runtime.resource import AsyncResource
from tryconnect._runtime.threads import wait_all
from tryconnect.cli._output import Outlet, OutputError
from tryconnect.cli._terminal import columns, drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tryconnect.cli._terminal import Spans

__all__ = ["FRAMES", "Live"]

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

_EVERY = 0.1
"""Seconds between drawings: often enough to look alive."""

_TO_THE_END = "\x1b[K"
_THIS_LINE = "\r\x1b[2K"
_LINE_ABOVE = "\x1b[1A\x1b[2K"
_BELOW = "\x1b[J"

_LINES = 24
"""Lines of a terminal that does not tell."""


class Live(AsyncResource):
    """Draws lines while its context lasts.

    Args:
        compose: Returns the lines, for columns and lines that there are.
        stream: A terminal.
        colours: Whether to colour them.
        keep: Leave the last drawing on the screen.
    """

    def __init__(
        self,
        compose: Callable[[int, int], Sequence[Spans]],
        stream: TextIO,
        *,
        colours: bool,
        keep: bool = False,
    ) -> None:
        self._compose = compose
        self._stream = stream
        self._outlet = Outlet.of(stream)
        self._colours = colours
        self._keep = keep
        self._height = 0

    def erase(self) -> None:
        """Erase the lines, so that something can be printed; they will be drawn again."""
        if self._height:
            self._outlet.put(_THIS_LINE + _LINE_ABOVE * (self._height - 1))
            self._height = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._draw_forever())
        return self

    async def aclose(self) -> None:
        """Stop, and erase the lines or leave the last drawing."""
        self._task.cancel()
        with contextlib.suppress(OutputError):
            if self._keep and self._outlet.push():
                self._draw()
                self._outlet.put("\n")
            else:
                self.erase()
        await wait_all(self._task)

    async def _draw_forever(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            with contextlib.suppress(OutputError):  # whoever prints lines there says so
                if self._outlet.push():  # else nobody reads what is drawn
                    self._draw()

    def _draw(self) -> None:
        width = (columns(self._stream) or 80) - 1  # some terminals wrap after the last column
        height = self._lines() - 1  # what is taller could not be erased
        lines = [
            drawn(spans, width, colours=self._colours) for spans in self._compose(width, height)
        ]
        up = f"\x1b[{self._height - 1}A" if self._height > 1 else ""
        text = "\n".join(f"{line}{_TO_THE_END}" for line in lines[:height])
        self._outlet.put(f"\r{up}{text}{_BELOW}")
        self._height = len(lines[:height])

    def _lines(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).lines or _LINES
        except (OSError, ValueError):
            return _LINES
