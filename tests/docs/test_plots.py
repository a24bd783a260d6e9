"""The bars of the performance page show what its tables say."""

from __future__ import annotations

import re

import pytest

from benchmarks.plots import FOLDER, PLOTS, draw, figures, svg_of
from benchmarks.table import PAGE, Table, written

PLACE = ".. silent begins: written by python -m benchmarks\n.. silent ends\n"


@pytest.mark.parametrize("name", PLOTS)
def test_a_picture_is_current(name: str) -> None:
    """If not, run ``python -m benchmarks.plots``."""
    assert (FOLDER / f"plot-{name}.svg").read_text("utf-8") == draw()[name]


def test_every_picture_is_on_the_page() -> None:
    shown = re.findall(r"_static/plot-(\w+)\.svg", PAGE.read_text("utf-8"))

    assert shown == list(PLOTS)


def test_the_figures_of_a_column_are_read() -> None:
    table = Table(("client", "CPU, µs", "late"), [["a ÷ b", "1", ""], ["c, d", "1,000", "2.5"]])
    page = written(PLACE, "silent", str(table))

    assert figures(page, "silent", "CPU, µs") == [("a ÷ b", 1), ("c, d", 1000)]
    with pytest.raises(ValueError, match="no table 'tls'"):
        figures(page, "tls", "CPU, µs")
    with pytest.raises(ValueError, match="'right'"):
        figures(page, "silent", "right")


def test_the_longest_bar_is_the_greatest_figure() -> None:
    svg = svg_of("late", [("tryconnect", 500), ("a < b", 1000), ("c", 0)])
    widths = re.findall(r'class="(ours|theirs)" x="250" y="\d+" width="([\d.]+)"', svg)

    assert widths == [("ours", "195.0"), ("theirs", "390.0"), ("theirs", "1")]
    assert "a &lt; b" in svg
