"""Draws figures of the performance page as bars: ``python -m benchmarks.plots``.

The page's tables are the only place of the figures; ``python -m benchmarks --write`` draws the bars
anew. A picture has a ground of its own, so that it can be read on light and dark pages.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.table import PAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FOLDER", "PLOTS", "Plot", "draw", "figures", "main", "svg_of"]

FOLDER = PAGE.parents[1] / "_static"


class Plot(NamedTuple):
    """Bars of one column of a table.

    Attributes:
        column: The table's column.
        title: What the bars show.
    """

    column: str
    title: str


PLOTS = {
    "plain": Plot("CPU, µs", "Processor time for one check over http, µs"),
    "tls": Plot("CPU, µs", "Processor time for one check over https, µs"),
    "silent": Plot("99 %", "Silent hosts: 99 % of the answers are late by at most, ms"),
    "oneshot": Plot("CPU, ms", "Processor time of a program that makes one check, ms"),
}
"""By the name of the table."""

WIDTH, LABELS, BAR, ROW, TOP = 720, 250, 390, 24, 56

STYLE = """\
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .ground { fill: #fff; stroke: #d0d7de }
  .ours { fill: #18794e }
  .theirs { fill: #8c959f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .ground { fill: #161b22; stroke: #30363d }
    .ours { fill: #3fb950 }
    .theirs { fill: #6e7681 }
  }"""


def figures(page: str, table: str, column: str) -> list[tuple[str, float]]:
    """Return the first column of a page's table, and the numbers of another one.

    Raises:
        ValueError: The page has no such table, or that no such column.
    """
    lines = page.partition(f".. {table} begins:")[2].partition(f".. {table} ends")[0].splitlines()
    rules = [line for line in lines if line.startswith("==")]
    if not rules:
        raise ValueError(f"the page has no table {table!r}")
    spans = [match.span() for match in re.finditer("=+", rules[0])]
    head, *rows = (
        [line[begin:end].strip() for begin, end in spans]
        for line in lines[lines.index(rules[0]) : len(lines) - lines[::-1].index(rules[0])]
        if line not in rules
    )
    where = head.index(column)
    return [(row[0], float(row[where].replace(",", ""))) for row in rows]


def svg_of(title: str, bars: Sequence[tuple[str, float]]) -> str:
    """Return bars as a picture; ours are green."""
    height = TOP + ROW * len(bars) + 8
    most = max(figure for _, figure in bars) or 1
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{STYLE}\n</style>",
        f'<rect class="ground" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        f'<text class="title" x="16" y="32">{escape(title)}</text>',
    ]
    for row, (name, figure) in enumerate(bars):
        top, wide = TOP + ROW * row, round(figure / most * BAR, 1)
        whose = "ours" if "tryconnect" in name else "theirs"
        lines += [
            f'<text x="{LABELS - 8}" y="{top + 13}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{whose}" x="{LABELS}" y="{top}" width="{max(wide, 1)}" height="16"/>',
            f'<text x="{LABELS + wide + 8:.1f}" y="{top + 13}">{figure:,g}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def draw() -> dict[str, str]:
    """Return the pictures of the page by the names of their tables."""
    page = PAGE.read_text("utf-8")
    return {
        name: svg_of(plot.title, figures(page, name, plot.column)) for name, plot in PLOTS.items()
    }


def main() -> None:
    """Write the pictures."""
    for name, svg in draw().items():
        (FOLDER / f"plot-{name}.svg").write_text(svg, "utf-8")


if __name__ == "__main__":
    main()
