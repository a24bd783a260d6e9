"""The table of a watch: a row for each address, failing ones first, and as many as fit."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from tryconnect._model.redaction import escape_control
from tryconnect._model.render import duration, shown_address
from tryconnect.cli._terminal import cells, mark, style, wrapped
from tryconnect.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tryconnect._runs.history import History, Point
    from tryconnect.cli._terminal import Spans

__all__ = ["Table"]


class _Column(NamedTuple):
    """A column of the table.

    Attributes:
        title: its title.
        wide: the columns of a terminal that is wide enough for it.
        cell: returns its cell for an address at a time.
        right: aligned to the right.
    """

    title: str
    wide: int
    cell: Callable[[History, float], Spans]
    right: bool = False


class Table:
    """Composes the table at each moment.

    Args:
        watched: What is known of each address.
        clock: That of their ``since``.
        every: Seconds between checks.
        show_secrets: Show addresses as they are.
        marks: Whether ✔ and ✘ can be shown.
    """

    def __init__(
        self,
        watched: Sequence[History],
        clock: Callable[[], float],
        *,
        every: float,
        show_secrets: bool,
        marks: bool,
    ) -> None:
        self._watched = watched
        self._clock = clock
        self._every = every
        self._show_secrets = show_secrets
        self._columns = [_Column("state", 0, lambda each, _: _state(each, marks=marks)), *_COLUMNS]

    def compose(self, width: int, height: int) -> list[Spans]:
        """Return the lines for a terminal of so many columns and lines."""
        watched = sorted(self._watched, key=_rank)
        columns = [column for column in self._columns if width >= column.wide]
        fitting = max(height - _FRAME, 1)
        rows = self._rows(watched[:fitting], columns, width)
        blocks = [
            [row, *self._why(each, width)] for row, each in zip(rows[1:], watched, strict=False)
        ]
        shown = _that_fit(blocks, fitting, all_of=len(watched))
        lines = [rows[0], *(line for block in blocks[:shown] for line in block)]
        if hidden := watched[shown:]:
            lines.append([(f"… and {len(hidden):,} more: {_counted(hidden)}", "bold")])
        return [*lines, [(f"a check every {self._every:g} s; Ctrl-C ends it", "dim")]]

    def _rows(
        self, watched: Sequence[History], columns: Sequence[_Column], width: int
    ) -> list[Spans]:
        """Return the head of the table, and a row for each address."""
        now = self._clock()
        parts: list[list[Spans]] = []
        for column in columns:
            found = [[(column.title, "dim")], *(column.cell(each, now) for each in watched)]
            parts.append(_aligned(found, right=column.right))
        taken = sum(2 + sum(cells(text) for text, _ in part[0]) for part in parts)
        left = max(width - taken, _NARROWEST)
        names = ["address", *(_cut(self._shown(each), left) for each in watched)]
        parts.insert(0, _aligned([[(name, "")] for name in names], right=False))
        rows = [_joined(row) for row in zip(*parts, strict=True)]
        return [[(text, "dim") for text, _ in rows[0]], *rows[1:]]

    def _why(self, each: History, width: int) -> list[Spans]:
        """Return why an address is not up, on lines of its own."""
        detail = escape_control(each.detail.partition("\n")[0])
        if each.up or each.state is None or not detail:
            return []
        return [[("    ", ""), (line, "dim")] for line in wrapped(detail, max(width - 4, 8))]

    def _shown(self, each: History) -> str:
        return shown_address(each.address, show_secrets=self._show_secrets)


def _rank(each: History) -> int:
    """Sort what is down first, then what is unknown, then what is up."""
    return 0 if each.up is False else 2 if each.up else 1


_FRAME = 2
"""Lines of the table's head and foot."""

_NARROWEST = 10
"""Columns that an address needs to be recognisable."""


def _that_fit(blocks: Sequence[Sequence[Spans]], lines: int, *, all_of: int) -> int:
    """Return how many blocks fit into so many lines, with one that says what is hidden."""
    needed = 0
    for count, block in enumerate(blocks):
        needed += len(block)
        last = count + 1 == all_of
        if needed > lines - (not last):
            return count
    return len(blocks)


def _counted(hidden: Iterable[History]) -> str:
    words = Counter(_word(each) for each in hidden)
    return ", ".join(f"{number:,} {word}" for word, number in words.most_common())


def _word(each: History) -> str:
    return "…" if each.state is None else "up" if each.up else str(each.state)


def _cut(text: str, width: int) -> str:
    """Leave out the middle of an address that is too wide: many begin in the same way."""
    if cells(text) <= width:
        return text
    start, end = text[: width // 2], text[width // 2 :]
    while cells(start) > width // 2:
        start = start[:-1]
    while cells(start) + cells(end) > width - 1:
        end = end[1:]
    return f"{start}…{end}"


def _aligned(found: list[Spans], *, right: bool) -> list[Spans]:
    """Return the cells of a column, all of the same width."""
    widths = [sum(cells(text) for text, _ in spans) for spans in found]
    widest = max(widths)
    gaps = [(" " * (widest - width), "") for width in widths]
    pairs = zip(found, gaps, strict=True)
    return [[gap, *spans] if right else [*spans, gap] for spans, gap in pairs]


def _joined(parts: Sequence[Spans]) -> Spans:
    return [span for part in parts for span in (*part, ("  ", ""))][:-1]


def _state(each: History, *, marks: bool) -> Spans:
    if each.state is None:
        return [("  …", "dim")]
    return [(f"{mark(ok=bool(each.up), marks=marks)} {_word(each)}", style(each.state))]


def _since(each: History, now: float) -> Spans:
    known = each.state is not None
    return [(str(timedelta(seconds=int(now - each.since))) if known else "", "")]


def _took(each: History, _: float) -> Spans:
    return [(duration(each.latest[-1].seconds) if each.latest else "", "")]


def _history(each: History, _: float) -> Spans:
    """Draw the latest checks: the slower a good one was, the higher is its bar."""
    slowest = max((point.seconds for point in each.latest if point.ok), default=0.0)
    return [_bar(point, slowest) for point in each.latest]


_BARS = "▁▂▃▄▅▆▇"


def _bar(point: Point, slowest: float) -> tuple[str, str]:
    if not point.ok:
        return "×", style(point.reason)  # noqa: RUF001 - no letter
    part = point.seconds / slowest if slowest else 0.0
    return _BARS[min(int(part * len(_BARS)), len(_BARS) - 1)], style(Reason.ok)


_COLUMNS = (
    _Column("for", 0, _since, right=True),
    _Column("took", 59, _took, right=True),
    _Column("good", 69, lambda each, _: [(each.share, "")], right=True),
    _Column("last checks", 99, _history),
)
