"""A slow test without the mark is listed, and fails the gate if it is far too slow."""

from __future__ import annotations

import pytest

from tests.support import slow
from tests.support.programs import ROOT

TESTS = """
import time
import pytest

def test_quick():
    pass

@pytest.mark.slow
def test_marked():
    time.sleep(0.3)

def test_unmarked():
    time.sleep({seconds})
"""


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def _run(pytester: pytest.Pytester, seconds: float) -> pytest.RunResult:
    pytester.makepyfile(TESTS.format(seconds=seconds))
    pytester.makeini("[pytest]\nmarkers =\n    slow: x")
    return pytester.runpytest_subprocess("-p", slow.__name__, "-p", "no:asyncio")


@pytest.mark.slow
def test_it_is_named(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRYCONNECT_TESTS", raising=False)

    result = _run(pytester, 0.3)

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*over 0.2 s, and not marked slow*", "* s *::test_unmarked"])
    result.stdout.no_fnmatch_line("* s *::test_marked")
    result.stdout.no_fnmatch_line("* s *::test_quick")


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "code"), [(0.3, 0), (1.2, 1)])
def test_in_the_gate_it_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, seconds: float, code: int
) -> None:
    monkeypatch.setenv("TRYCONNECT_TESTS", "all")

    assert _run(pytester, seconds).ret == code
