"""How reports are printed: as lines for people, as JSON or as CSV.

A terminal gets rows with a mark, and the addresses in a column. Elsewhere a line begins with the
reason, so that programs can tell the lines apart by their first word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from tryconnect._model.redaction import escape_control
from tryconnect._model.render import json_line, line, phases, shown_address
from tryconnect.cli._terminal import (
    cells,
    coloured,
    columns,
    live,
    mark,
    marked,
    painted,
    style,
    wrapped,
)
from tryconnect.errors import Reason

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from typing import TextIO

    from tryconnect import Report

__all__ = ["FORMATS", "Entry", "Format", "format_of", "numbered"]

FORMATS = ("line", "json", "csv")


class Entry(str):
    """An address with its place in the input; its report carries it back.

    Attributes:
        place: How many addresses come before it.
    """

    __slots__ = ("place",)
    place: int


def numbered(address: str, place: int) -> Entry:
    """Return an address with its place."""
    entry = Entry(address)
    entry.place = place
    return entry


class Format(Protocol):
    """Turns reports into text."""

    def head(self) -> str:
        """Return what comes before the first one."""

    def text(self, report: Report, time: str | None = None) -> str:
        """Return the text of a report, with its end of line.

        Args:
            report: What to tell.
            time: When it was, in ISO 8601; ``None``: that need not be told to people.
        """


def format_of(
    options: argparse.Namespace, stream: TextIO | None, addresses: Iterable[str] = ()
) -> Format:
    """Return the format that the options and the stream ask for.

    Args:
        options: Those of ``add_output``.
        stream: Where it will be printed.
        addresses: Those that are known already, for the width of their column.
    """
    if options.format == "json":
        return _Json(options.show_secrets)
    if options.format == "csv":
        return _Csv(options.show_secrets)
    colours = coloured(stream, options.color)
    look = _Look(options.show_secrets, bool(options.verbose), colours)
    if options.format is None and (colours or live(stream)):
        width = columns(stream)
        return Rows(look, marks=marked(stream), width=width, addresses=addresses)
    return _Lines(look, addresses)


class _Look(NamedTuple):
    show_secrets: bool
    verbose: bool
    colours: bool

    def address(self, report: Report) -> str:
        unparsable = report.reason is Reason.invalid_address
        return shown_address(report.address, show_secrets=self.show_secrets, unparsable=unparsable)

    def typed(self, address: str) -> str:
        return shown_address(address, show_secrets=self.show_secrets)

    def paint(self, text: str, look: str) -> str:
        return painted(text, look) if self.colours and text else text


class _Lines:
    """Lines that begin with the reason."""

    def __init__(self, look: _Look, addresses: Iterable[str]) -> None:
        self._look = look
        self._width = min(max(map(len, map(look.typed, addresses)), default=0), _WIDEST)

    def head(self) -> str:
        return ""

    def text(self, report: Report, time: str | None = None) -> str:
        look = self._look
        told = line(report, show_secrets=look.show_secrets, verbose=look.verbose, width=self._width)
        if look.colours:
            rest = told.removeprefix(report.reason)
            told = f"{painted(report.reason, style(report.reason))}{rest}"
        return f"{time}  {told}\n" if time else f"{told}\n"


_WIDEST = 48
"""Columns for addresses: longer ones stand out of the table."""


class Rows:
    """Rows of a table: a mark, the address, and what came of it; as wide as the terminal.

    Args:
        look: How it looks.
        marks: Whether ✔ and ✘ can be shown.
        width: Columns of the terminal; ``None``: any number.
        addresses: Those that are known already.
    """

    def __init__(
        self, look: _Look, *, marks: bool, width: int | None, addresses: Iterable[str] = ()
    ) -> None:
        self._look = look
        self._marks = marks
        self._columns = width
        self._most = _WIDEST if width is None else max(min(_WIDEST, width // 2), _NARROWEST)
        self._width = 0
        for address in addresses:
            self._widen(look.typed(address))

    def head(self) -> str:
        """Return nothing: the rows speak for themselves."""
        return ""

    def text(self, report: Report, time: str | None = None) -> str:
        """Return the row of a report; what does not fit goes on below."""
        look = self._look
        address = look.address(report)
        self._widen(address)
        start = f"{time.partition('T')[2][:8]}  " if time else ""
        place, pieces = self._placed(self._told(report), len(start) + 2)
        lines = [self._painted(piece, report) for piece in pieces]
        gap = place - len(start) - 2 - cells(address)
        shown = look.paint(mark(ok=report.ok, marks=self._marks), style(report.reason))
        first = f"{look.paint(start, 'dim')}{shown} {address}"
        if gap >= _GAP or self._columns is None:
            first += " " * max(gap, _GAP) + lines.pop(0)
        return "\n".join([first, *(" " * place + line for line in lines)]) + "\n"

    def _told(self, report: Report) -> str:
        detail = escape_control(report.detail.partition("\n")[0])
        taken = phases(report.timings) if self._look.verbose else ""
        return (
            ("" if report.ok else f"{report.reason}: ") + detail + (f"  [{taken}]" if taken else "")
        )

    def _placed(self, told: str, indent: int) -> tuple[int, list[str]]:
        """Return in which column a detail begins, and its lines."""
        place = indent + self._width + _GAP
        if self._columns is None:
            return place, [told]
        if self._columns - place < _ENOUGH:
            place = indent + _GAP  # below the address
        return place, list(wrapped(told, max(self._columns - place, _NARROWEST)))

    def _painted(self, piece: str, report: Report) -> str:
        word = "" if report.ok or not piece.startswith(f"{report.reason}:") else str(report.reason)
        look = self._look
        return look.paint(word, style(report.reason)) + look.paint(piece.removeprefix(word), "dim")

    def _widen(self, address: str) -> None:
        if (width := cells(address)) <= self._most:
            self._width = max(self._width, width)


_GAP = 2
"""Columns between two of the table."""

_NARROWEST = 16
"""Columns in which a detail or an address can still be read."""

_ENOUGH = 30
"""Columns in which a detail is better read beside its address than below it."""


class _Json:
    def __init__(self, show_secrets: bool) -> None:  # noqa: FBT001 - from an option
        self._show_secrets = show_secrets

    def head(self) -> str:
        return ""

    def text(self, report: Report, time: str | None = None) -> str:
        index = getattr(report.address, "place", None)
        told = json_line(report, show_secrets=self._show_secrets, time=time, index=index)
        return f"{told}\n"


class _Csv(_Json):
    """Comma-separated values (RFC 4180), in the columns of :data:`_CSV`."""

    def head(self) -> str:
        return ",".join(_CSV) + "\n"

    def text(self, report: Report, time: str | None = None) -> str:
        import json  # noqa: PLC0415 - who wants lines needs neither

        told = json.loads(super().text(report, time))
        flat = {**told, **told["timings"], "tls_expires": (told["tls"] or {}).get("expires")}
        return ",".join(_csv_cell(flat.get(name)) for name in _CSV) + "\n"


_CSV = (
    *("index", "time", "address", "ok", "reason", "detail", "status", "url", "ip", "tls_expires"),
    *("dns", "connect", "tls", "response", "total"),
)
"""The columns: keys of the JSON, its timings, and when the certificate ends."""


def _csv_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return f"{value}"
    text = escape_control(value.partition("\n")[0])
    # A spreadsheet would calculate what begins so (OWASP, CSV Injection).
    text = f"'{text}" if text[:1] in set("=+-@") else text
    return '"{}"'.format(text.replace('"', '""')) if set(text) & set(',"') else text
