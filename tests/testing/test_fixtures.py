"""The peers come to pytest as fixtures for those who import them, and cost others nothing."""

import pytest

from tryconnect.testing.fixtures import __all__ as names

pytestmark = pytest.mark.slow

FIXTURES = sorted(set(names) - {"OpenPeer"})

LOADED = """
import sys

def test_loaded():
    heavy = {"tryconnect", "aiohttp", "aiodns", "yarl", "trustme", "cryptography", "dns"}
    assert sorted(heavy & {name.partition(".")[0] for name in sys.modules}) == []
    assert "pytest_tryconnect" in sys.modules
"""

USES = """
def test_fixtures(open_peer, http_peer, https_peer, peers_ssl, peers_ca_file):
    assert peers_ca_file.read_bytes() == testing.ca_pem()
    assert sync.try_connect(http_peer.url)
    with sync.Client(ssl=peers_ssl, proxy=None) as client:
        assert client.try_connect(https_peer.url)
    silent = open_peer(testing.silent())
    assert sync.probe(silent.url, timeout=0.1).reason == "timeout"
    assert silent.connections == 1
"""
IMPORTS = "from tryconnect import sync, testing"

EACH = f"""
{IMPORTS}

def test_my_client_survives(bad_peer):
    with sync.Client(proxy=None) as client:
        client.probe(bad_peer.url, timeout=0.2)
"""


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    alone = ("-p", "no:asyncio", "-p", "no:cacheprovider", "-W", "error")
    return pytester.runpytest_subprocess(*options, *alone)


def test_who_does_not_import_them_pays_nothing(pytester: pytest.Pytester) -> None:
    """Not asyncio's price either: the package is not imported."""
    pytester.makepyfile(LOADED)

    run(pytester).assert_outcomes(passed=1)
    shown = run(pytester, "--fixtures", "-v").stdout.str()
    assert [name for name in FIXTURES if name in shown] == []


def test_that_look_at_what_is_loaded_bites(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"import aiohttp\n{LOADED}")

    run(pytester).assert_outcomes(failed=1)


def test_a_test_file_that_imports_them_has_them(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"{IMPORTS}\n{USES}")

    run(pytester).assert_outcomes(passed=1)


def test_a_conftest_that_imports_them_brings_them_to_all(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import tryconnect.testing")
    pytester.makepyfile("def test_it(open_peer): pass")

    run(pytester).assert_outcomes(passed=1)
    shown = run(pytester, "--fixtures", "-v").stdout.str()
    assert [name for name in FIXTURES if name not in shown] == []


def test_they_can_be_asked_for_by_name_as_well(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("pytest_plugins = ['tryconnect.testing.fixtures']")
    pytester.makepyfile(f"{IMPORTS}\n{USES}")

    run(pytester).assert_outcomes(passed=1)


def test_they_can_be_kept_out(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"{IMPORTS}\n{USES}")

    run(pytester, "-p", "no:tryconnect").assert_outcomes(errors=1)


def test_a_test_meets_every_bad_peer(pytester: pytest.Pytester) -> None:
    from tryconnect.testing import BAD_PEERS  # noqa: PLC0415 - the fixtures have to be asked for first

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
