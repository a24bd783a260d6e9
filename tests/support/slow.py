"""Requires tests that take over 0.2 seconds to be marked ``slow``; a plain run skips them.

At the end of a run, a section lists those that are not marked. Since machines are noisy, a run
fails only with ``TRYCONNECT_TESTS=all`` in the environment, if a test took five times as long.
"""

from __future__ import annotations

import os
from collections import defaultdict

import pytest

from tests.support.wants import ALL

SLOW = 0.2
"""Seconds for setup, call and teardown together."""

FAR_TOO_SLOW = 5 * SLOW

_taken: defaultdict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    # What wants other people's programs takes the time that those take.
    if not {"slow", "wants"} & set(report.keywords):
        _taken[report.nodeid] += report.duration


def unmarked(longer_than: float) -> list[str]:
    """Return a line for each test without the mark that took longer, the longest first."""
    late = sorted(_taken.items(), key=lambda item: -item[1])
    return [f"{seconds:.2f} s {test}" for test, seconds in late if seconds > longer_than]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := unmarked(SLOW):
        terminalreporter.section(f"over {SLOW} s, and not marked slow")
        for line in lines:
            terminalreporter.line(line)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    passed = session.exitstatus == pytest.ExitCode.OK
    if (
        passed
        and not hasattr(session.config, "workerinput")
        and os.environ.get("TRYCONNECT_TESTS") == ALL
        and unmarked(FAR_TOO_SLOW)
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
