"""A survey becomes one page of HTML that needs nothing else; pyarrow adds up, SVG draws."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from tryconnect._model.redaction import escape_control
from tryconnect._model.render import duration
from tryconnect._model.report import Timings
from tryconnect._survey.batches import REPORT
from tryconnect._survey.files import appearing
from tryconnect.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["write_report"]

_BINS_PER_DECADE = 10
_FIRST, _LAST = -4, 2
"""The decades of latency that are told apart, in seconds: 0.1 ms to 100 s."""

_MOST = 20
"""Rows of the lists of hosts and certificates."""

_SOON = timedelta(days=30)
_HOST = r"^[a-z+]+://(?P<host>\[[^\]]*\]|[^/:?#]*)"


@dataclass
class _Sums:
    """What the page tells, added up file by file.

    Attributes:
        reasons: How many reports there are of each reason.
        statuses: The same of each status.
        phases: How often each phase took a time of each bin.
        certificates: The hosts whose certificates end first.
        slowest: The hosts with the longest check that got an answer.
        first: When the first check began.
        last: When the last one did.
    """

    reasons: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    phases: dict[str, Counter[int]] = field(
        default_factory=lambda: {name: Counter() for name in Timings._fields}
    )
    certificates: dict[str, datetime] = field(default_factory=dict)
    slowest: dict[str, tuple[float, int]] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the reports of a batch."""
        self.reasons.update(_counted(batch.column("reason")))
        self.statuses.update(_counted(batch.column("status").drop_null()))
        timings = batch.column("timings")
        for name, bins in self.phases.items():
            bins.update(_counted(_bins(timings.field(name))))
        hosts = pc.struct_field(pc.extract_regex(batch.column("url"), _HOST), "host")
        self._add_certificates(hosts, batch.column("tls"))
        self._add_slowest(hosts, timings.field("total"), batch.column("status"))
        low, high = pc.min_max(batch.column("checked_at")).values()
        if low.is_valid:
            self.first = min(filter(None, (self.first, low.as_py())))
            self.last = max(filter(None, (self.last, high.as_py())))

    def _add_certificates(self, hosts: pa.Array, tls: pa.Array) -> None:
        ends = pc.if_else(pc.is_valid(tls), tls.field("expires"), None)
        table = pa.table({"host": hosts, "ends": ends}).drop_null()
        if not len(table):
            return
        ends_of = table.group_by("host").aggregate([("ends", "min")]).sort_by("ends_min")
        found = ends_of.slice(0, _MOST).to_pylist()
        for row in found:
            host, end = row["host"], row["ends_min"]
            self.certificates[host] = min(end, self.certificates.get(host, end))
        self.certificates = dict(
            sorted(self.certificates.items(), key=lambda item: item[1])[:_MOST]
        )

    def _add_slowest(self, hosts: pa.Array, total: pa.Array, status: pa.Array) -> None:
        table = pa.table({"host": hosts, "total": total}).filter(pc.is_valid(status)).drop_null()
        if not len(table):
            return
        by_host = table.group_by("host").aggregate([("total", "max"), ("total", "count")])
        for row in by_host.sort_by([("total_max", "descending")]).slice(0, _MOST).to_pylist():
            longest, count = self.slowest.get(row["host"], (0.0, 0))
            self.slowest[row["host"]] = max(longest, row["total_max"]), count + row["total_count"]
        self.slowest = dict(sorted(self.slowest.items(), key=lambda item: -item[1][0])[:_MOST])


def _counted(values: pa.Array) -> dict[Any, int]:
    return {each["values"]: each["counts"] for each in pc.value_counts(values).to_pylist()}


def _bins(seconds: pa.Array) -> pa.Array:
    """Return the bin of each time that there is."""
    known = seconds.drop_null()
    known = known.filter(pc.greater(known, 0))  # what is no address took no time
    positive = pc.max_element_wise(known, 10.0**_FIRST)
    numbers = pc.floor(pc.multiply(pc.log10(positive), float(_BINS_PER_DECADE)))
    highest = float(_LAST * _BINS_PER_DECADE - 1)
    return pc.cast(pc.min_element_wise(numbers, highest), pa.int64())


def write_report(folder: Path) -> Path:
    """Write the page about a survey's folder, and return its path.

    Raises:
        ValueError: There are no reports in it.
    """
    files = sorted([*folder.glob("part-*.parquet"), *folder.glob("part-*.jsonl")])
    if not files:
        raise ValueError(f"there are no reports of a survey in {folder}")
    sums = _Sums()
    kind = "json" if files[0].suffix == ".jsonl" else "parquet"
    schema = None if kind == "parquet" else pa.schema(REPORT)
    columns = ["reason", "status", "url", "timings", "tls", "checked_at"]
    for batch in ds.dataset([str(f) for f in files], format=kind, schema=schema).to_batches(
        columns
    ):
        if len(batch):
            sums.add(batch)
    page = folder / "report.html"
    with appearing(page) as path:
        Path(path).write_text(_page(folder.resolve().name, len(files), sums), "utf-8")
    return page


# --- the page

_GOOD, _BAD, _OWN = "#2f8f5b", "#c2483d", "#b58a1b"

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --dim: #667080; --line: #d9dee6; --bar: #5277c4;
  --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ef; --dim: #97a2b3; --line: #343d4b;
  --bar: #7d9fe6; --paper: #171b22; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
p { color: var(--dim); margin: .2rem 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { padding: .2rem .6rem .2rem 0; text-align: left; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
th { color: var(--dim); font-weight: 500; } .n { text-align: right; white-space: nowrap; }
.bar { width: 45%; } svg { display: block; } svg text { fill: var(--dim); font-size: 11px; }
.word { white-space: nowrap; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr));
  gap: 0 2.5rem; }
"""


def _page(name: str, files: int, sums: _Sums) -> str:
    total = sums.reasons.total()
    title = f"Survey of {total:,} addresses"
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    sections = [
        f"<h1>{title}</h1>",
        f"<p>{_text(name)}: {_facts(files, sums)}</p>",
        '<div class="columns">',
        _section("Outcomes", _outcomes(sums.reasons)),
        _section("Statuses", _statuses(sums.statuses)),
        "</div>",
        _section("Latency by phase", _latencies(sums.phases)),
        '<div class="columns">',
        _section("Certificates that end first", _certificates(sums)),
        _section("Slowest hosts that answered", _slowest(sums.slowest)),
        "</div>",
    ]
    head = (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        f"<title>{title}</title><style>{_STYLE}</style>",
    )
    return "\n".join([*head, *sections, "</html>\n"])


def _facts(files: int, sums: _Sums) -> str:
    total, good = sums.reasons.total(), sums.reasons[Reason.ok]
    outcome = f"{good:,} ok ({_share(good, total)}), {total - good:,} failed"
    return f"{outcome}; {files:,} files; {_period(sums)}"


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body or '<p>none</p>'}</section>"


def _text(text: str) -> str:
    """Return a text that a peer may have chosen, for HTML."""
    return html.escape(escape_control(text))


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %" if total else "none"


def _period(sums: _Sums) -> str:
    if sums.first is None or sums.last is None:
        return "no checks"
    took = duration(max((sums.last - sums.first).total_seconds(), 0.001))
    return f"{sums.first:%Y-%m-%d %H:%M} UTC, within {took}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; all but the first column, and bars, hold numbers."""
    body = "".join(f"<tr>{''.join(map(_cell, range(len(row)), row))}</tr>" for row in rows)
    head = "".join(
        f'<th class="{"n" if number and label else ""}">{label}</th>'
        for number, label in enumerate(heads)
    )
    return body and f"<table><tr>{head}</tr>{body}</table>"


def _cell(number: int, value: str) -> str:
    if value.startswith("<svg"):
        return f'<td class="bar">{value}</td>'
    kind = "n" if number else "word" if value.isidentifier() else ""
    return f'<td class="{kind}">{value}</td>'


def _bar(share: float, colour: str) -> str:
    width = max(100 * share, 0.3)
    return (
        f'<svg width="100%" height="12" role="img" aria-label="{100 * share:.1f} %">'
        f'<rect width="{width:.2f}%" height="12" rx="2" fill="{colour}"/></svg>'
    )


def _outcomes(reasons: Counter[str]) -> str:
    total = reasons.total()
    most = max(reasons.values(), default=1)
    return _table(
        ("reason", "addresses", "share", ""),
        (
            (_text(str(reason)), f"{n:,}", _share(n, total), _bar(n / most, _colour(str(reason))))
            for reason, n in reasons.most_common()
        ),
    )


def _colour(reason: str) -> str:
    if reason == Reason.ok:
        return _GOOD
    return _OWN if reason in {Reason.invalid_address, Reason.blocked, Reason.local} else _BAD


def _statuses(statuses: Counter[int]) -> str:
    most = max(statuses.values(), default=1)
    total = statuses.total()
    return _table(
        ("status", "answers", "share", ""),
        (
            (str(status), f"{n:,}", _share(n, total), _bar(n / most, "var(--bar)"))
            for status, n in statuses.most_common(_MOST)
        ),
    )


def _latencies(phases: dict[str, Counter[int]]) -> str:
    rows = [
        (
            name,
            f"{bins.total():,}",
            *(duration(_quantile(bins, q)) for q in (0.5, 0.9, 0.99)),
            _histogram(bins),
        )
        for name, bins in phases.items()
        if bins
    ]
    return _table(("phase", "checks", "median", "90 %", "99 %", ""), rows)


def _quantile(bins: Counter[int], share: float) -> float:
    """Return the time that this share of the checks did not exceed, to a quarter of it."""
    wanted = share * bins.total()
    numbers = sorted(bins)
    seen = accumulate(bins[number] for number in numbers)
    number = next(n for n, count in zip(numbers, seen, strict=True) if count >= wanted)
    return float(10 ** ((number + 1) / _BINS_PER_DECADE))


_WIDTH, _HEIGHT = 360, 46


def _histogram(bins: Counter[int]) -> str:
    """Return a drawing of how long a phase took; each decade has the same width."""
    first, last = _FIRST * _BINS_PER_DECADE, _LAST * _BINS_PER_DECADE
    each = _WIDTH / (last - first)
    most = max(bins.values())
    bars = "".join(
        f'<rect x="{(number - first) * each:.1f}" y="{_HEIGHT - h:.1f}" width="{each - 1:.1f}" '
        f'height="{h:.1f}" fill="var(--bar)"/>'
        for number, count in sorted(bins.items())
        for h in [max(1.0, _HEIGHT * count / most)]
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 14}" width="100%" role="img" '
        f'aria-label="how often it took how long">{bars}{"".join(_axis(each))}</svg>'
    )


def _axis(each: float) -> Iterator[str]:
    yield f'<path d="M0 {_HEIGHT}.5H{_WIDTH}" stroke="var(--line)"/>'
    for decade in range(_FIRST, _LAST + 1):
        x = (decade - _FIRST) * _BINS_PER_DECADE * each
        anchor = "start" if decade == _FIRST else "end" if decade == _LAST else "middle"
        label = duration(10.0**decade)
        yield f'<text x="{x:.1f}" y="{_HEIGHT + 12}" text-anchor="{anchor}">{label}</text>'


def _certificates(sums: _Sums) -> str:
    now = sums.last or datetime.now(UTC)
    return _table(
        ("host", "ends", "in"),
        (
            (
                f"<b>{_text(host)}</b>" if ends - now < _SOON else _text(host),
                f"{ends:%Y-%m-%d}",
                f"{(ends - now).days} days",
            )
            for host, ends in sums.certificates.items()
        ),
    )


def _slowest(slowest: dict[str, tuple[float, int]]) -> str:
    return _table(
        ("host", "longest", "answers"),
        ((_text(host), duration(longest), f"{n:,}") for host, (longest, n) in slowest.items()),
    )
