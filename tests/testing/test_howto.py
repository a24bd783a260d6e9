"""The tests that the how-to shows run as pytest runs them; its other blocks run as a document."""

import re
import textwrap
from pathlib import Path

import pytest

from tryconnect.testing import BAD_PEERS

pytestmark = pytest.mark.slow

PYTHON_BLOCK = re.compile(r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", re.MULTILINE)
PAGE = Path(__file__).parents[2] / "docs/howto/testing.rst"
BLOCKS = [
    textwrap.dedent(block)
    for block in PYTHON_BLOCK.findall(PAGE.read_text("utf-8"))
    if "def test_" in block
]


def run(pytester: pytest.Pytester, source: str) -> dict[str, int]:
    pytester.makepyfile(source)
    return pytester.runpytest_subprocess(
        "-p", "no:asyncio", "-p", "no:cacheprovider"
    ).parseoutcomes()


def test_the_tests_pass(pytester: pytest.Pytester) -> None:
    tests, _ = BLOCKS

    assert run(pytester, f"import urllib.request\n{tests}") == {"passed": 3}


@pytest.mark.parametrize("caught", [True, False])
def test_the_one_with_all_peers_fails_where_it_says_so(
    pytester: pytest.Pytester, *, caught: bool
) -> None:
    _, survives = BLOCKS
    if not caught:
        survives = survives.replace(", http.client.HTTPException", "")

    outcomes = run(pytester, f"import urllib.request\nfrom tryconnect import testing\n{survives}")

    assert sum(outcomes.values()) == len(BAD_PEERS)
    assert ("failed" in outcomes) is not caught
