"""A report becomes words for a terminal, and an exit code."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from tryconnect._records import Timings
from tryconnect._redaction import redact_address, visible
from tryconnect._sentences import duration
from tryconnect.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tryconnect._records import Report

__all__ = ["caret", "exit_code", "line"]

_WIDEST_REASON = max(map(len, Reason))


def line(report: Report) -> str:
    """Return one line: the reason, the address, what happened, where the time went."""
    doubt = report.reason is Reason.invalid_address
    address = visible(redact_address(report.address, doubt=doubt))
    detail = visible(report.detail.partition("\n")[0])
    times = _times(report.timings)
    return f"{report.reason:<{_WIDEST_REASON}}  {address}  {detail}{times and f'  [{times}]'}"


def caret(report: Report) -> str:
    """Return the lines that point at the fault of an invalid address; else nothing."""
    return report.detail.partition("\n")[2]


def exit_code(reports: Iterable[Report]) -> int:
    """Return 0 where all addresses answer as expected, else 1."""
    return 0 if all(reports) else 1


def _times(timings: Timings) -> str:
    phases = [item.name for item in fields(Timings) if item.name != "total"]
    taken = {name: getattr(timings, name) for name in phases}
    return ", ".join(f"{name} {duration(t)}" for name, t in taken.items() if t is not None)
