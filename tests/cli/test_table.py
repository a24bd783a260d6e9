"""The table of a watch."""

from __future__ import annotations

import pytest

from tryconnect import Reason, Report, Timings
from tryconnect._runs.history import History
from tryconnect.cli._table import Table, _cut
from tryconnect.cli._terminal import cells

WHY = {
    Reason.refused: "nothing listens there",
    Reason.status: "answered 503, where 2xx was expected",
}


def seen(address: str, *reasons: Reason) -> History:
    """What is known of an address after checks with these outcomes."""
    history = History(address, 30)
    for reason in reasons:
        detail = WHY.get(reason, "answered 200")
        report = Report(address, reason, detail, timings=Timings(total=0.01))
        history.take(report, 0.0)
        if history.state is None or (history.up is not report.ok):
            history.change(report, 0.0)
    return history


def lines(watched: list[History], width: int = 80, height: int = 24) -> list[str]:
    table = Table(watched, lambda: 60.0, every=10, show_secrets=False, marks=True)
    return ["".join(text for text, _ in spans).rstrip() for spans in table.compose(width, height)]


def test_what_fails_comes_first_with_its_reason_below() -> None:
    watched = [
        seen("up.test", Reason.ok),
        seen("new.test"),
        seen("down.test", Reason.ok, Reason.refused),
        seen("ours.test", Reason.local),
    ]

    assert lines(watched) == [
        "address    state          for   took    good",
        "down.test  ✘ refused  0:01:00  10 ms   50.0%",
        "    nothing listens there",
        "new.test     …                             –",  # noqa: RUF001 - as drawn
        "ours.test  ✘ local    0:01:00  10 ms       –",  # noqa: RUF001 - as drawn
        "    answered 200",
        "up.test    ✔ up       0:01:00  10 ms  100.0%",
        "a check every 10 s; Ctrl-C ends it",
    ]


@pytest.mark.parametrize("height", [3, 5, 8, 13, 40])
def test_what_does_not_fit_is_counted(height: int) -> None:
    watched = [seen(f"{n}.test", Reason.ok) for n in range(20)]
    watched += [seen("down.test", Reason.refused)]

    found = lines(watched, height=height)

    assert len(found) <= max(height, 3)
    rows = sum("test" in line for line in found)
    more = [line for line in found if line.startswith("… and ")]
    assert more == ([f"… and {21 - rows} more: {told(rows)}"] if rows < 21 else [])


def told(rows: int) -> str:
    return f"{21 - rows} up" if rows else "20 up, 1 refused"


@pytest.mark.parametrize("width", [30, 40, 80, 140])
def test_why_it_fails_is_told_at_any_width(width: int) -> None:
    address = "https://a.very.long.name.of.a.host.test/with/a/path"
    head, row, *why, foot = lines([seen(address, Reason.status)], width=width)

    assert " ".join(line.strip() for line in why) == WHY[Reason.status]
    assert "✘ status" in row
    assert all(len(line) <= width for line in (head, row, *why))
    assert foot


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("http://h/one", 12, "http://h/one"),
        ("http://host/one", 12, "http:/…t/one"),
        ("日本日本日本", 7, "日…日本"),
        ("ab", 1, "…"),
    ],
)
def test_an_address_that_is_too_wide_keeps_its_ends(text: str, width: int, shown: str) -> None:
    assert _cut(text, width) == shown
    assert cells(shown) <= width


def test_secrets_are_hidden() -> None:
    assert "***" in lines([seen("http://me:pass@h/", Reason.ok)])[1]
