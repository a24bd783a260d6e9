"""Draw what the command line looks like in a terminal: ``python -m tools.draw_terminal``.

Each picture is the screen of a real run, in the world of the documents (``tests/docs``), read back
by pyte. ``tests/docs/test_pictures.py`` runs them again and compares the words.
"""

from __future__ import annotations

import os
import sys
import time
from html import escape
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pyte

from tryconnect.cli._terminal import wrapped

FOLDER = Path(__file__).parents[1] / "docs" / "_static"

LINES = 24


class Picture(NamedTuple):
    """A run to draw.

    Attributes:
        words: What is typed after the program's name.
        columns: How wide the terminal is.
        until: What must be on the screen before it is drawn; ``""``: the end of the program.
    """

    words: str
    columns: int
    until: str = ""


_CHECK = "example.com example.com/maintenance localhost:8000 --expect 2xx"
_WATCH = "watch --every 0.2 example.com example.com/maintenance localhost:8000"

PICTURES = {
    "terminal-check": Picture(_CHECK, 80),
    "terminal-check-narrow": Picture(_CHECK, 40),
    "terminal-watch": Picture(_WATCH, 100, until="[▁▂▃▄▅▆▇]{5}"),
    "terminal-watch-narrow": Picture(_WATCH, 40, until="0:00:01"),
}


def screen_of(picture: Picture) -> pyte.Screen:
    """Run a picture's command in a terminal; return the screen."""
    from tests.cli.terminal import terminal  # noqa: PLC0415 - POSIX only

    program = [sys.executable, "-m", "tools.draw_terminal", *picture.words.split()]
    with terminal(program, columns=picture.columns) as running:
        if picture.until:
            running.until(picture.until)
        else:
            running.end()
        shown = running.shown
        running.interrupt()
    screen = pyte.Screen(picture.columns, LINES)
    # pyte knows no dim letters; grey ones look the same.
    pyte.ByteStream(screen).feed(shown.replace(b"\x1b[2m", b"\x1b[90m"))
    return screen


def svg_of(picture: Picture) -> str:
    """Return the picture."""
    screen = screen_of(picture)
    height = max(row for row, text in enumerate(screen.display) if text.strip()) + 1
    typed = wrapped(f"$ tryconnect {picture.words}", picture.columns)
    lines = [[("brightwhite", line)] for line in typed]
    rows = [*enumerate([*lines, *(_spans(screen, row) for row in range(height))])]
    width = picture.columns * _CELL
    size = f'width="{width + 2 * _MARGIN:g}" height="{(len(rows) + 0.5) * _LINE + 2 * _MARGIN:g}"'
    texts = "\n".join(_text(row, spans) for row, spans in rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n'
        f'<rect {size} rx="6" fill="#1d1f21"/>\n'
        '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13">\n'
        f"{texts}\n</g>\n</svg>\n"
    )


_CELL, _LINE, _MARGIN = 7.83, 18, 10

_SPACE = "\u00a0"
"""SVG draws several of the plain ones as one."""

_COLOURS = {
    "default": "#d0d0d0",
    "brightblack": "#8a8f94",
    "brightwhite": "#ffffff",
    "green": "#7ec16e",
    "red": "#f0746e",
    "brown": "#e5c07b",
    "cyan": "#6fc3d0",
}
"""pyte's names; it calls yellow brown."""


def _spans(screen: pyte.Screen, row: int) -> list[tuple[str, str]]:
    cells = [screen.buffer[row][column] for column in range(screen.columns)]
    grouped = groupby(cells, key=lambda cell: cell.fg)
    return [(colour, "".join(cell.data for cell in group)) for colour, group in grouped]


def _text(row: int, spans: list[tuple[str, str]]) -> str:
    """Return a line; each span stands at its own place, whatever the font's width is."""
    told, column = [], 0
    for colour, text in spans:
        if text.strip():
            x = _MARGIN + (column + len(text) - len(text.lstrip())) * _CELL
            length = len(text.strip()) * _CELL
            told.append(
                f'<tspan x="{x:g}" textLength="{length:g}" fill="{_COLOURS[colour]}">'
                f"{escape(text.strip()).replace(' ', _SPACE)}</tspan>"
            )
        column += len(text)
    return f'<text y="{_MARGIN + (row + 1) * _LINE - 4:g}">{"".join(told)}</text>'


def _run(words: list[str]) -> int:
    """Run the command line in the world of the documents."""
    from tests.docs.documents import world  # noqa: PLC0415 - the children's part
    from tryconnect import cli  # noqa: PLC0415 - likewise

    with world():
        del os.environ["COLUMNS"]  # the terminal's own counts
        return cli.main(words)


def main() -> None:
    """Draw all of them."""
    for name, picture in PICTURES.items():
        started = time.monotonic()
        (FOLDER / f"{name}.svg").write_text(svg_of(picture), "utf-8")
        print(f"{name}: {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(_run(sys.argv[1:]))
    main()
