"""A missing requirement skips a test in plain runs, and fails it in the gate."""

import pytest

from tests.support import wants

ASKS = """
import pytest

@pytest.mark.wants(module="pytest", program="sh")
def test_that_has_all():
    pass

@pytest.mark.wants(module="no_such.module")
def test_that_lacks_a_module():
    pass

@pytest.mark.wants(program="no-such-program")
def test_that_lacks_a_program():
    pass
"""


def _run(pytester: pytest.Pytester) -> pytest.RunResult:
    pytester.makepyfile(ASKS)
    return pytester.runpytest("-p", wants.__name__, "-p", "no:asyncio", "-ra")


def test_in_a_plain_run_it_is_skipped_and_says_why(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRYCONNECT_TESTS", raising=False)

    result = _run(pytester)

    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["*not on this machine: module no_such.module*"])


def test_in_the_gate_it_fails(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRYCONNECT_TESTS", wants.ALL)

    # Failing in the setup counts as an error.
    _run(pytester).assert_outcomes(passed=1, errors=2)
