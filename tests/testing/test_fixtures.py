"""The peers come to pytest as fixtures, and cost nothing until a test uses one."""

import inspect

import pytest

from pytest_tryconnect import fixtures
from tryconnect.testing import BAD_PEERS

pytestmark = pytest.mark.slow

FIXTURES = sorted(
    name
    for name, each in vars(fixtures).items()
    if type(each).__name__ == "FixtureFunctionDefinition"
)

LOADED = """
import sys

def test_loaded():
    ours = {name for name in sys.modules if name.partition(".")[0] in {"tryconnect", "aiohttp"}}
    assert ours == set()
    assert "pytest_tryconnect" in sys.modules
"""

USES = """
def test_fixtures(
    tryconnect_open_peer, tryconnect_http_peer, tryconnect_https_peer, tryconnect_ssl,
    tryconnect_ca_file,
):
    assert tryconnect_ca_file.read_bytes() == testing.ca_pem()
    assert sync.try_connect(tryconnect_http_peer.url)
    with sync.Client(ssl=tryconnect_ssl, proxy=None) as client:
        assert client.try_connect(tryconnect_https_peer.url)
    silent = tryconnect_open_peer(testing.silent())
    assert sync.probe(silent.url, timeout=0.1).reason == "timeout"
    assert silent.connections == 1
"""
IMPORTS = "from tryconnect import sync, testing"

EACH = f"""
{IMPORTS}

def test_my_client_survives(tryconnect_bad_peer):
    with sync.Client(proxy=None) as client:
        client.probe(tryconnect_bad_peer.url, timeout=0.2)
"""


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    alone = ("-p", "no:asyncio", "-p", "no:cacheprovider", "-W", "error")
    return pytester.runpytest_subprocess(*options, *alone)


def test_until_one_is_used_nothing_of_ours_is_loaded(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LOADED)

    run(pytester).assert_outcomes(passed=1)


def test_that_look_at_what_is_loaded_bites(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"import tryconnect\n{LOADED}")

    run(pytester).assert_outcomes(failed=1)


def test_a_test_file_has_them_without_an_import(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"def test_it(tryconnect_http_peer): pass\n{IMPORTS}\n{USES}")

    run(pytester).assert_outcomes(passed=2)


def test_their_names_have_a_prefix_and_their_docstrings_are_shown(
    pytester: pytest.Pytester,
) -> None:
    assert len(FIXTURES) == 7
    assert not [name for name in FIXTURES if not name.startswith("tryconnect_")]
    pytester.makepyfile("NEEDS = 'tryconnect_'")
    shown = run(pytester, "--fixtures", "-v").stdout.str()
    for name in FIXTURES:
        assert name in shown
        assert inspect.getdoc(getattr(fixtures, name))


def test_a_conftest_that_names_them_brings_them_to_all(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "import pytest\n\n@pytest.fixture\n"
        "def url(tryconnect_http_peer): return tryconnect_http_peer.url"
    )
    pytester.makepyfile(f"{IMPORTS}\ndef test_it(url): assert sync.try_connect(url)")

    run(pytester).assert_outcomes(passed=1)


def test_another_plugin_can_ask_for_them(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(theirs="pytest_plugins = ['pytest_tryconnect.fixtures']")
    pytester.makepyfile(f"{IMPORTS}\n{USES}")

    run(pytester, "-p", "theirs", "-p", "no:tryconnect").assert_outcomes(passed=1)


def test_they_can_be_kept_out(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"{IMPORTS}\n{USES}")

    run(pytester, "-p", "no:tryconnect").assert_outcomes(errors=1)


def test_a_test_meets_every_bad_peer(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(EACH)
    outcome = run(pytester).parseoutcomes()

    assert outcome.get("passed", 0) + outcome.get("skipped", 0) == len(BAD_PEERS)
    assert outcome.get("skipped", 0) <= 1  # the black hole, where the system has none


def test_a_bad_peer_that_needs_what_is_not_installed_is_skipped(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys\nsys.modules['trustme'] = None")
    pytester.makepyfile(EACH)
    result = run(pytester, "-k", "expired or silent", "-rs")

    result.assert_outcomes(skipped=2, passed=1)  # "TLS: silent handshake" is the second
    result.stdout.fnmatch_lines(["*this peer needs trustme: pip install 'tryconnect?testing?'"])
