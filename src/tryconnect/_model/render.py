"""A report becomes words for a terminal, or JSON; many become a summary, and an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tryconnect._model.lazy_pattern import lazy_pattern
from tryconnect._model.reason import Reason
from tryconnect._model.redaction import escape_control, redact_address
from tryconnect._model.report import Timings

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Mapping

    from tryconnect._model.report import Report

__all__ = [
    "SCHEMA",
    "caret",
    "duration",
    "exit_code",
    "json_line",
    "line",
    "phases",
    "shown_address",
    "summary",
]

SCHEMA = 1
"""Counts the changes after which a program that reads our JSON may have to be changed."""

_WIDEST_REASON = max(map(len, Reason))


def line(
    report: Report, *, show_secrets: bool = False, verbose: bool = False, width: int = 0
) -> str:
    """Return one line: the reason, the address, and what happened.

    Args:
        report: what to tell.
        show_secrets: keep passwords, and secrets in queries, which are otherwise ``***``.
        verbose: say where the time went, too.
        width: columns to pad the address to.
    """
    unparsable = report.reason is Reason.invalid_address
    address = shown_address(report.address, show_secrets=show_secrets, unparsable=unparsable)
    detail = escape_control(report.detail.partition("\n")[0])
    taken = phases(report.timings) if verbose else ""
    times = f"  [{taken}]" if taken else ""
    return f"{report.reason:<{_WIDEST_REASON}}  {address:<{width}}  {detail}{times}"


def shown_address(address: str, *, show_secrets: bool = False, unparsable: bool = False) -> str:
    """Return an address for a terminal; ``unparsable``: it is known not to parse."""
    return escape_control(
        address if show_secrets else redact_address(address, unparsable=unparsable)
    )


def caret(report: Report) -> str:
    """Return the lines that point at the fault of an invalid address; else nothing."""
    return report.detail.partition("\n")[2]


def json_line(
    report: Report,
    *,
    show_secrets: bool = False,
    time: str | None = None,
    index: int | None = None,
) -> str:
    """Return one JSON object, as ``docs/reference/json.rst`` has it, in one line of ASCII.

    So any terminal and any pipe can take it, whatever a stranger typed or a peer said.

    Args:
        report: what to tell.
        show_secrets: keep passwords, and secrets in queries, which are otherwise ``***``.
        time: when it was, in ISO 8601; ``None``: as the report has it.
        index: how many addresses came before this one; ``None``: that is not told.
    """
    import json  # noqa: PLC0415 - most checks are told in words

    told = report.as_dict(show_secrets=show_secrets)
    told["timings"] = {name: _rounded(taken) for name, taken in told["timings"].items()}
    place = {} if index is None else {"index": index}
    checked_at = told.pop("checked_at")
    text = json.dumps(
        {"schema": SCHEMA} | place | {"time": time or checked_at} | told, ensure_ascii=False
    )
    if not text.isascii() or "\x7f" in text:
        text = json.dumps(json.loads(_NO_UNICODE.sub(_escaped, text))).replace("\x7f", r"\u007f")
    return text


_NO_UNICODE = lazy_pattern("[\ud800-\udfff]")
"""Bytes of a file that are not UTF-8 (PEP 383), which many readers of JSON choke on."""


def _escaped(match: re.Match[str]) -> str:
    import json  # noqa: PLC0415 - as above

    return json.dumps(escape_control(match[0]))[1:-1]


def _rounded(taken: float | None) -> float | None:
    """Keep microseconds: the rest is noise."""
    return taken if taken is None else round(taken, 6)


def duration(seconds: float) -> str:
    """Write a time with about three figures: ``40 ms``, ``0.5 ms``, ``1.25 s``."""
    if seconds < 0.01:  # noqa: PLR2004 - below 10 ms a tenth of one is still of interest
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.3g} s" if seconds < 1000 else f"{seconds:.0f} s"  # noqa: PLR2004


def summary(counts: Mapping[Reason, int], seconds: float, *, rows: bool = True) -> str:
    """Return how many addresses were checked, and how many there were of each reason.

    Args:
        counts: how many there were.
        seconds: how long it took.
        rows: a line for each reason below.
    """
    total = sum(counts.values())
    good = counts.get(Reason.ok, 0)
    title = f"{total:,} checked in {duration(seconds)}: {good:,} ok, {total - good:,} failed"
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"  {reason:<{_WIDEST_REASON}}  {number:>9,}" for reason, number in most if number]
    return "\n".join([title, *lines]) if rows else title


def exit_code(reasons: Iterable[Reason]) -> int:
    """Return 0 where all addresses answer as expected, else 1."""
    return 0 if all(reason is Reason.ok for reason in reasons) else 1


def phases(timings: Timings) -> str:
    """Return how long each phase took that was entered."""
    names = [name for name in Timings._fields if name != "total"]
    taken = {name: getattr(timings, name) for name in names}
    return ", ".join(f"{name} {duration(t)}" for name, t in taken.items() if t is not None)
