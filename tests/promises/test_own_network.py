"""Networks that are broken in ways which loopback cannot be, in a network of the test's own.

``own_network/inside.py`` is run by a pytest of its own, in a namespace that has no way out: its
only cable leads to a second such namespace, ``own_network/far.py``.
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
"""Names the namespace that the tests inside must not be in."""


def run_inside(*arguments: str, apart: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the tests inside, in a namespace of their own (unless it is tested that they refuse)."""
    return subprocess.run(  # noqa: S603 - our own words
        [
            *(["unshare", "--net"] if apart else []),
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", str(INSIDE)),
            *arguments,
        ],
        # The plugins of the outer run, coverage for example, have nothing to do there.
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
    assert re.search(r"\d\d passed in ", last), last
    assert "skipped" not in last


@pytest.mark.skipif(sys.platform != "linux", reason="there are no namespaces")
def test_outside_of_such_a_network_nothing_is_tried() -> None:
    """Its addresses are somebody else's there."""
    done = run_inside("--collect-only", apart=False)

    assert done.returncode != 0
    assert "this is no network of our own" in done.stdout
