"""Rows of a terminal, lines elsewhere."""

from __future__ import annotations

import argparse
import io
import re

import pytest

from tryconnect import Reason, Report, Timings
from tryconnect.cli._format import format_of, numbered
from tryconnect.cli._terminal import cells

OK = Report(
    "example.com", Reason.ok, "answered 200 in 40 ms", timings=Timings(dns=0.01, total=0.04)
)
BAD = Report("localhost:8000", Reason.refused, "nothing listens at localhost:8000")
LONG = Report(
    "https://example.com/a/long/path/to/a/page/of/some/documentation",
    Reason.tls_certificate,
    "the certificate of example.com has expired: renew it",
)


class Screen(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def options(**changed: object) -> argparse.Namespace:
    usual = {"format": None, "color": "never", "verbose": False, "show_secrets": False}
    return argparse.Namespace(**usual | changed)


def printed(
    columns: int, *reports: Report, stream: io.StringIO | None = None, **changed: object
) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", str(columns))
        addresses = [report.address for report in reports]
        out = format_of(options(**changed), stream or Screen(), addresses)
        return out.head() + "".join(map(out.text, reports))


def test_a_wide_terminal_has_a_table() -> None:
    assert printed(80, OK, BAD) == (
        "✔ example.com     answered 200 in 40 ms\n"
        "✘ localhost:8000  refused: nothing listens at localhost:8000\n"
    )


def test_a_narrow_terminal_has_the_details_below() -> None:
    assert printed(36, OK, BAD) == (
        "✔ example.com\n"
        "    answered 200 in 40 ms\n"
        "✘ localhost:8000\n"
        "    refused: nothing listens at\n"
        "    localhost:8000\n"
    )


def test_an_address_that_is_too_long_stands_alone() -> None:
    assert printed(80, OK, LONG) == (
        "✔ example.com  answered 200 in 40 ms\n"
        "✘ https://example.com/a/long/path/to/a/page/of/some/documentation\n"
        "               tls_certificate: the certificate of example.com has expired:\n"
        "               renew it\n"
    )


@pytest.mark.parametrize("columns", [20, 40, 80, 140])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(columns: int) -> None:
    text = printed(columns, OK, BAD, verbose=True)

    assert all(cells(line) <= columns for line in text.splitlines())
    assert "".join(text.split()).endswith(f"{BAD.detail}".replace(" ", ""))
    assert "[dns10ms]" in "".join(text.split())


def test_details_are_dim_and_reasons_coloured() -> None:
    assert printed(80, OK, BAD, color="always") == (
        "\x1b[32m✔\x1b[0m example.com     \x1b[2manswered 200 in 40 ms\x1b[0m\n"
        "\x1b[31m✘\x1b[0m localhost:8000  \x1b[31mrefused\x1b[0m"
        "\x1b[2m: nothing listens at localhost:8000\x1b[0m\n"
    )


def test_elsewhere_a_line_begins_with_its_reason() -> None:
    lines = printed(80, OK, BAD, stream=io.StringIO()).splitlines()

    assert [line.split()[:2] for line in lines] == [["ok", OK.address], ["refused", BAD.address]]
    assert lines[0].index("answered") == lines[1].index("nothing")
    assert printed(80, OK, format="line").startswith("ok ")


def test_a_line_can_be_coloured_and_so_is_only_its_reason() -> None:
    plain = printed(80, OK, BAD, format="line")

    assert printed(80, OK, BAD, format="line", color="always") == (
        plain.replace("ok ", "\x1b[32mok\x1b[0m ", 1).replace(
            "refused", "\x1b[31mrefused\x1b[0m", 1
        )
    )


def test_a_forced_colour_makes_a_table_without_a_width() -> None:
    text = printed(80, OK, LONG, stream=io.StringIO(), color="always")

    assert text.count("\n") == 2


def test_a_change_has_its_time_of_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = format_of(options(), Screen(), [BAD.address])

    assert re.match(
        r"12:34:56  . localhost:8000", out.text(BAD, "2026-01-01T12:34:56+01:00"), re.DOTALL
    )


def test_a_numbered_address_is_an_address_with_its_place() -> None:
    entry = numbered("h", 3)

    assert (entry, entry.place, hash(entry)) == ("h", 3, hash("h"))
