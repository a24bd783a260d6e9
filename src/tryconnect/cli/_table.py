"""The table of a watch: a row for each address, with as many columns as there is room for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from rich.table import Table
from rich.text import Text

from tryconnect._model.redaction import escape_control
from tryconnect._model.render import duration, shown_address
from tryconnect.cli._history import History, share
from tryconnect.cli._terminal import style

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tryconnect import Report

__all__ = ["table"]


class _Column(NamedTuple):
    """A column, and from how many columns of the terminal on it is shown."""

    title: str
    wide: int
    cell: Callable[[History, float], Text]
    right: bool = False


def _state(watched: History, now: float) -> Text:
    del now
    if watched.state is None:
        return Text("● …", "dim")
    reason = watched.state.reason
    return Text(f"● {'up' if watched.state.ok else reason}", style(reason))


def _since(watched: History, now: float) -> Text:
    if watched.state is None:
        return Text("")
    return Text(str(timedelta(seconds=int(now - watched.since))))


def _took(watched: History, now: float) -> Text:
    del now
    return Text(duration(watched.latest[-1].timings.total)) if watched.latest else Text("")


def _good(watched: History, now: float) -> Text:
    del now
    return Text(share(watched))


def _history(watched: History, now: float) -> Text:
    """Draw the last checks: the slower a good one was, the higher is its bar."""
    del now
    slowest = max((each.timings.total for each in watched.latest if each), default=0.0)
    return Text("").join(_bar(report, slowest) for report in watched.latest)


def _bar(report: Report, slowest: float) -> Text:
    if not report:
        return Text("×", style(report.reason))  # noqa: RUF001 - no letter
    part = report.timings.total / slowest if slowest else 0.0
    return Text(_BARS[min(int(part * len(_BARS)), len(_BARS) - 1)], "green")


_BARS = "▁▂▃▄▅▆▇"


def _detail(watched: History, now: float) -> Text:
    del now
    text = watched.latest[-1].detail.partition("\n")[0] if watched.latest else ""
    return Text(escape_control(text), "dim")


_COLUMNS = (
    _Column("state", 0, _state),
    _Column("for", 0, _since, right=True),
    _Column("took", 59, _took, right=True),
    _Column("good", 69, _good, right=True),
    _Column("last checks", 99, _history),
    _Column("detail", 139, _detail),
)


_NARROWEST = 20
"""Columns by which an address can be told from others."""


def table(
    watched: Iterable[History], *, now: float, width: int, every: float, show_secrets: bool
) -> Table:
    """Return the table as it is now, for so many columns of a terminal."""
    columns = [column for column in _COLUMNS if width >= column.wide]
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    shown.caption = f"a check every {every:g} s; Ctrl-C ends it"
    shown.caption_justify = "left"
    half = max(width // 2, _NARROWEST)
    shown.add_column("address", no_wrap=True, overflow="ellipsis", max_width=half)
    for column in columns:
        shown.add_column(
            column.title,
            no_wrap=True,
            overflow="ellipsis",
            justify="right" if column.right else "left",
        )
    for each in watched:
        address = Text(shown_address(each.address, show_secrets=show_secrets))
        shown.add_row(address, *(column.cell(each, now) for column in columns))
    return shown
