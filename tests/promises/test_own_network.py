"""Networks that are broken in ways that loopback cannot be, in the test's own network.

A separate pytest runs ``tests/support/own_network/inside.py``, in an isolated namespace: its only
cable leads to a second one, in which ``far.py`` runs.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[1]
INSIDE = TESTS / "support" / "own_network" / "inside.py"
OUTER = "TRYCONNECT_OUTER_NETWORK"
"""The variable with the namespace in which the tests inside must not run."""


def run_inside(*arguments: str, apart: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the tests inside, in their own namespace (except to test that they refuse)."""
    return subprocess.run(  # noqa: S603 - our own words
        [
            *(["unshare", "--net"] if apart else []),
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra"),
            *("-m", "", str(INSIDE)),  # all of them are slow
            *arguments,
        ],
        # The plugins of the outer run, such as coverage, do not apply there.
        env={**os.environ, "PYTEST_ADDOPTS": "", OUTER: str(Path("/proc/self/ns/net").readlink())},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.wants(namespaces=True, program="nft")
def test_what_is_broken_in_a_network_of_our_own_is_reported_right() -> None:
    done = run_inside()

    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    last = done.stdout.splitlines()[-1]
    assert re.search(r"\d\d passed\b", last), last
    assert "skipped" not in last


@pytest.mark.skipif(sys.platform != "linux", reason="there are no namespaces")
def test_outside_of_such_a_network_nothing_is_tried() -> None:
    """Its addresses belong to others there."""
    done = run_inside("--collect-only", apart=False)

    assert done.returncode != 0
    assert "this is no network of our own" in done.stdout
