"""What a stream can show: colours, marks, live lines; and how wide it is.

Colours and marks are for terminals. ``--color`` decides, then ``NO_COLOR`` (https://no-color.org),
then ``FORCE_COLOR`` (https://force-color.org); ``TERM=dumb`` has neither colours nor live lines.
Live lines require a terminal. Everywhere else, in pipes, files and logs, text is plain.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO, TypeAlias

from tryconnect.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "Spans",
    "cells",
    "coloured",
    "columns",
    "drawn",
    "live",
    "mark",
    "marked",
    "painted",
    "style",
    "wrapped",
]


def live(stream: TextIO | None, variables: Mapping[str, str] = os.environ) -> bool:
    """Return whether a stream is a terminal whose lines can be redrawn."""
    # Windows' consoles interpret escapes only if told to, which is untested.
    if stream is None or sys.platform == "win32" or not stream.isatty():
        return False
    return variables.get("TERM", "dumb") not in {"dumb", ""}


def coloured(
    stream: TextIO | None, choice: str = "auto", variables: Mapping[str, str] = os.environ
) -> bool:
    """Return whether to colour what a stream shows.

    Args:
        stream: Where it is printed.
        choice: ``always``, ``never``; ``auto``: as the environment says.
        variables: The environment.
    """
    if choice != "auto":
        return choice == "always"
    if variables.get("NO_COLOR"):
        return False
    return bool(variables.get("FORCE_COLOR")) or live(stream, variables)


def marked(stream: TextIO | None, variables: Mapping[str, str] = os.environ) -> bool:
    """Return whether a stream shows ✔ and ✘; the fonts of Linux's console have neither."""
    try:
        "✔✘".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeError, LookupError):
        return False
    return variables.get("TERM") != "linux"


def columns(stream: TextIO | None, variables: Mapping[str, str] = os.environ) -> int | None:
    """Return how many columns a terminal has; ``None``: it is none."""
    if stream is None or not stream.isatty():
        return None
    if (told := variables.get("COLUMNS", "")).isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def style(reason: Reason) -> str:
    """Return the colour of a reason: red if the peer is at fault, yellow if not."""
    return _STYLES.get(reason, "red")


_STYLES = {
    Reason.ok: "green",
    Reason.invalid_address: "yellow",
    Reason.blocked: "yellow",
    Reason.local: "yellow",
    Reason.unknown: "yellow",
}


def mark(*, ok: bool, marks: bool) -> str:
    """Return ✔ or ✘, or a letter each where those cannot be shown."""
    return ("✔" if ok else "✘") if marks else ("+" if ok else "x")


def painted(text: str, look: str) -> str:
    """Return a text in a colour, or dim."""
    return f"\x1b[{_CODES[look]}m{text}\x1b[0m"


_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}
"""ECMA-48, section 8.3.117."""


Spans: TypeAlias = "Sequence[tuple[str, str]]"
"""A line in pieces: each with its look, of which ``""`` is plain."""


def drawn(spans: Spans, width: int, *, colours: bool) -> str:
    """Return a line, cut where it is wider than a terminal."""
    line, left = "", width
    cut = sum(cells(text) for text, _ in spans) > width
    for text, look in spans:
        shown = "".join(_fitting(text, left - cut))
        left -= cells(shown)
        line += painted(shown, look) if colours and look and shown else shown
        if shown != text:
            return f"{line}…"
    return line


def _fitting(text: str, width: int) -> Iterator[str]:
    for char in text:
        width -= cells(char)
        if width < 0:
            return
        yield char


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415 - most texts are ASCII

    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def wrapped(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a text at a width; a longer word is cut."""
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cells(joined) <= width:
            line = joined
            continue
        if line:
            yield line
        line = word
        while cells(line) > width:
            end = next(n for n in range(len(line), 0, -1) if n == 1 or cells(line[:n]) <= width)
            yield line[:end]
            line = line[end:]
    if line or not text:
        yield line
