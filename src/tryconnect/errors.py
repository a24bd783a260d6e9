"""The words for what can go wrong: the reasons of a report, and the exceptions.

::

    TryConnectError
     ├── InvalidAddress   (also a ValueError)    a text that is no address
     ├── FetchError                              no text came; carries the report
     └── WaitTimeout      (also a TimeoutError)  waited in vain; carries the reports
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from tryconnect._model.reason import Reason
from tryconnect._model.redaction import HIDDEN, escape_control, redact_address, secret_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tryconnect._model.report import Report

__all__ = ["FetchError", "InvalidAddress", "Reason", "TryConnectError", "WaitTimeout"]


class TryConnectError(Exception):
    """The base of every exception that tryconnect raises on its own account.

    Example:
        >>> try:
        ...     await tryconnect.fetch_text("localhost:8000")
        ... except tryconnect.TryConnectError as error:
        ...     print(type(error).__name__)
        FetchError
    """


class InvalidAddress(TryConnectError, ValueError):
    """A text that is not an address.

    Its ``str()`` is a sentence, then the text with a caret under the fault.  Passwords and queries
    are never shown.

    Attributes:
        address: the text as it was given.
        problem: what is wrong, one sentence without a full stop.
        start: index in ``address`` of the first character at fault.
        end: index after the last one; equal to ``start`` where something is missing.

    Example:
        >>> try:
        ...     await tryconnect.wait_until_up("http://example.com:port/")
        ... except tryconnect.InvalidAddress as error:
        ...     print(error)
        a port is a number from 1 to 65535
            http://example.com:port/
                               ^^^^

    .. versionadded:: 0.1
    """

    def __init__(self, address: str, problem: str, start: int = 0, end: int = 0) -> None:
        super().__init__(address, problem, start, end)
        self.address = address
        self.problem = problem
        self.start = min(start, len(address))
        self.end = min(end, len(address))

    def __repr__(self) -> str:
        return (
            f"InvalidAddress({redact_address(self.address, unparsable=True)!r}, {self.problem!r})"
        )

    def __str__(self) -> str:
        return f"{self.problem}\n{_marked(self.address, self.start, self.end)}"


class FetchError(TryConnectError):
    """No text could be fetched.

    Attributes:
        report: the :class:`~tryconnect.Report` that says why.  Its ``error`` is also this
            exception's ``__cause__``, where there is one.

    Example:
        >>> try:
        ...     await tryconnect.fetch_text("example.com/missing")
        ... except tryconnect.FetchError as error:
        ...     print(error.report.reason, error.report.status)
        status 404

    .. versionadded:: 0.1
    """

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        address = escape_control(
            redact_address(
                self.report.address, unparsable=self.report.reason is Reason.invalid_address
            )
        )
        return f"{address}: {self.report.reason}: {self.report.detail}"


class WaitTimeout(TryConnectError, TimeoutError):
    """The addresses that were waited for are not up (or not down) in time.

    Attributes:
        reports: the last :class:`~tryconnect.Report` of each address that did not get there.
        report: the first of them.  Its ``error`` is also this exception's ``__cause__``, where
            there is one.
        timeout: how many seconds were waited.
        up: whether the addresses were to be up, or down.

    Example:
        >>> try:
        ...     await tryconnect.wait_until_up("localhost:8000", timeout=0.1)
        ... except tryconnect.WaitTimeout as error:
        ...     print(error.report.reason)
        refused

    .. versionadded:: 0.1
    """

    def __init__(self, reports: Sequence[Report], *, timeout: float, up: bool) -> None:
        super().__init__(reports, timeout, up)
        self.reports = list(reports)
        self.timeout = timeout
        self.up = up

    @property
    def report(self) -> Report:
        """The last report of the first address that did not get there."""
        return self.reports[0]

    def __reduce__(self) -> tuple[Any, ...]:
        return _wait_timeout, (self.reports, self.timeout, self.up)

    def __str__(self) -> str:
        shown = "; ".join(map(_told, self.reports[:_MOST_TOLD]))
        more = len(self.reports) - _MOST_TOLD
        rest = f"; and {more} more" if more > 0 else ""
        return f"not {'up' if self.up else 'down'} within {self.timeout:g} s: {shown}{rest}"


_MOST_TOLD = 3
"""Addresses that a sentence can name before nobody reads it any more."""


def _told(report: Report) -> str:
    address = escape_control(redact_address(report.address))
    return f"{address} ({report.reason}: {report.detail})"


def _wait_timeout(reports: Sequence[Report], timeout: float, up: bool) -> WaitTimeout:  # noqa: FBT001 - for pickle
    return WaitTimeout(reports, timeout=timeout, up=up)


_WINDOW = 30
"""Characters shown on each side of a fault: with them the line fits a terminal of 80."""


def _marked(address: str, start: int, end: int) -> str:
    """Show the neighbourhood of a fault without its secrets, and carets below the fault."""
    hidden = secret_spans(address, unparsable=True)
    for first, last in hidden:
        start = first if first < start < last else start
    end = min(max(end, start), start + _WINDOW)

    def shown(first: int, last: int) -> str:
        return "".join(_cell(address, index, hidden) for index in range(first, last))

    before = shown(max(0, start - _WINDOW), start)
    fault = shown(start, end)
    after = shown(end, min(len(address), end + _WINDOW))
    carets = "^" * max(1, _columns(fault))
    return f"    {before}{fault}{after}\n    {' ' * _columns(before)}{carets}"


def _cell(address: str, index: int, hidden: list[tuple[int, int]]) -> str:
    for first, last in hidden:
        if first <= index < last:
            return HIDDEN if index == first else ""
    return escape_control(address[index])


def _columns(text: str) -> int:
    """Count the terminal cells of a text: a caret must stand below the right one."""
    marks = sum(unicodedata.category(char) in {"Mn", "Me"} for char in text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) - marks + wide
