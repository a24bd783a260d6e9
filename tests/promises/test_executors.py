"""The programs of the executors' investigation work, and its page has their tables."""

from __future__ import annotations

import re
import sys

import pytest

from benchmarks.executors import exceptions, page, wakeups
from benchmarks.executors.__main__ import TABLES
from benchmarks.executors.processes import Ended, ended

pytestmark = pytest.mark.slow

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the peers are Linux'")


def outcome(case: str, way: str = "awaited", *, loop: str = "stock") -> Ended:
    return ended("exceptions", loop, case, way, limit=60)


@linux_only
@pytest.mark.parametrize("case", [f"requests: {name}" for name in exceptions.REQUESTS])
def test_the_official_loop_delivers_what_requests_raises(case: str) -> None:
    """It answers the page's question."""
    assert outcome(case).said == {"outcome": "caught"}


@pytest.mark.parametrize(
    "case", ["CancelledError of asyncio", "another BaseException", "SystemExit"]
)
def test_what_is_no_exception_is_not_caught(case: str) -> None:
    assert outcome(case).said == {"outcome": "**not caught**"}


def test_the_official_loop_reports_a_failure_that_nobody_awaits() -> None:
    assert "OSError" in outcome("OSError", "forgotten").words


@pytest.mark.wants(module="PySide6.QtAsyncio")
def test_qtasyncio_does_not() -> None:
    end = outcome("OSError", "forgotten", loop="QtAsyncio")
    assert end.code == 0
    assert "OSError" not in end.words


@pytest.mark.wants(module="qasync")
def test_what_is_no_exception_hangs_in_qasync() -> None:
    assert outcome("another BaseException", loop="qasync").said == {"outcome": "**await hangs**"}


def test_a_program_that_does_not_end_is_killed() -> None:
    assert ended("exceptions", "stock", "OSError", "awaited", limit=0.01).code is None


def test_a_loop_that_is_not_woken_is_late_where_it_is_idle_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wakeups, "NEXT", 2.0)
    monkeypatch.setattr(wakeups, "TAKES", 0.5)  # lets the loop fall asleep even on a busy machine
    late, said = wakeups.measured(wakeups.Unwoken, busy=False)
    assert late > 0.5
    assert said == "fault"
    soon, said = wakeups.measured(wakeups.Unwoken, busy=True)
    assert soon < late
    assert said == "ok"


def test_the_page_has_a_place_for_each_table() -> None:
    text = page.PAGE.read_text("utf-8")
    begun = re.findall(r"^\.\. (.*) begins: written by benchmarks/executors$", text, re.MULTILINE)
    assert set(begun) == {"exceptions in Python 3.11", "exceptions in Python 3.13"} | (
        set(TABLES) - {"exceptions"}
    )
    assert all(f".. {name} ends\n" in text for name in begun)


def test_a_table_has_a_row_for_each_row() -> None:
    assert page.table([["a", "b"], ["1", ""]]).splitlines() == [
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - a",
        "     - b",
        "   * - 1",
        "     -",
    ]
