"""The table of a watch: a row for each address, and as many columns as fit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from rich.table import Table
from rich.text import Text

from tryconnect._model.redaction import escape_control
from tryconnect._model.render import duration, shown_address
from tryconnect.cli._terminal import style

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import JustifyMethod

    from tryconnect._runs.history import History, Point

__all__ = ["table"]


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
    cell: Callable[[History, float], Text]
    right: bool = False


def _state(watched: History, _: float) -> Text:
    if watched.state is None:
        return Text("● …", "dim")
    return Text(f"● {'up' if watched.up else watched.state}", style(watched.state))


def _since(watched: History, now: float) -> Text:
    known = watched.state is not None
    return Text(str(timedelta(seconds=int(now - watched.since))) if known else "")


def _took(watched: History, _: float) -> Text:
    return Text(duration(watched.latest[-1].seconds) if watched.latest else "")


def _history(watched: History, _: float) -> Text:
    """Draw the latest checks: the slower a good one was, the higher is its bar."""
    slowest = max((each.seconds for each in watched.latest if each.ok), default=0.0)
    return Text("").join(_bar(point, slowest) for point in watched.latest)


_BARS = "▁▂▃▄▅▆▇"


def _bar(point: Point, slowest: float) -> Text:
    if not point.ok:
        return Text("×", style(point.reason))  # noqa: RUF001 - no letter
    part = point.seconds / slowest if slowest else 0.0
    return Text(_BARS[min(int(part * len(_BARS)), len(_BARS) - 1)], "green")


def _detail(watched: History, _: float) -> Text:
    return Text(escape_control(watched.detail.partition("\n")[0]), "dim")


_COLUMNS = (
    _Column("state", 0, _state),
    _Column("for", 0, _since, right=True),
    _Column("took", 59, _took, right=True),
    _Column("good", 69, lambda watched, _: Text(watched.share), right=True),
    _Column("last checks", 99, _history),
    _Column("detail", 139, _detail),
)


_NARROWEST = 20
"""Columns that an address needs to be recognisable."""


def table(
    watched: Iterable[History], *, now: float, width: int, every: float, show_secrets: bool
) -> Table:
    """Return the table at this moment.

    Args:
        watched: what is known of each address.
        now: by the clock of their ``since``.
        width: columns of the terminal.
        every: seconds between checks.
        show_secrets: show addresses as they are.
    """
    columns = [column for column in _COLUMNS if width >= column.wide]
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    shown.caption = f"a check every {every:g} s; Ctrl-C ends it"
    shown.caption_justify = "left"
    half = max(width // 2, _NARROWEST)
    shown.add_column("address", no_wrap=True, overflow="ellipsis", max_width=half)
    for column in columns:
        justify: JustifyMethod = "right" if column.right else "left"
        shown.add_column(column.title, no_wrap=True, overflow="ellipsis", justify=justify)
    for each in watched:
        address = Text(shown_address(each.address, show_secrets=show_secrets))
        shown.add_row(address, *(column.cell(each, now) for column in columns))
    return shown
