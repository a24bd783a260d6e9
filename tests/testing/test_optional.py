"""Peers that need more than tryconnect brings say so; all others do without."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from tryconnect import testing

pytestmark = pytest.mark.slow

EXTRA = ("trustme", "cryptography", "dns")


@pytest.fixture(params=EXTRA)
def lacking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that is not installed, as far as imports can tell."""
    missing: str = request.param
    for loaded in list(sys.modules):
        if loaded.startswith(("tryconnect.testing.", f"{missing}.")):
            monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, missing, None)
    for name in ("certificates", "dns", "tls"):
        monkeypatch.delattr(testing, name, raising=False)
    return missing


ASKED: dict[Callable[[], object], set[str]] = {
    testing.tls_server: {"trustme", "cryptography"},
    testing.server_context: {"trustme", "cryptography"},
    testing.trusting: {"trustme", "cryptography"},
    testing.ca_pem: {"trustme", "cryptography"},
    lambda: testing.dns_server({}): {"dns"},
}


@pytest.mark.parametrize("ask", ASKED, ids=["tls", "server's", "client's", "authority", "dns"])
def test_who_asks_for_what_is_missing_is_told_what_to_install(
    ask: Callable[[], object], lacking: str
) -> None:
    if lacking not in ASKED[ask]:
        assert ask() is not None
        return
    with pytest.raises(ModuleNotFoundError) as caught:
        ask()

    package = "dnspython" if lacking == "dns" else lacking
    assert str(caught.value) == f"this peer needs {package}: pip install 'tryconnect[testing]'"


WITHOUT = f"""
import asyncio, sys
sys.modules.update(dict.fromkeys({EXTRA}))
import tryconnect
from tryconnect import testing

async def main():
    for open_peer in (testing.raw, testing.http_server, testing.closes, testing.proxy):
        async with open_peer() as peer:
            print((await tryconnect.probe(peer.url)).reason)

asyncio.run(main())
"""


def test_peers_without_tls_and_names_need_nothing_more() -> None:
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False
    )

    assert done.stdout.split() == ["ok", "ok", "reset", "ok"], done.stderr


PACKS = """
import sys
sys.modules.update(dict.fromkeys(("brotli", "backports.zstd", "compression.zstd")))
from tryconnect import testing

for coding in ("gzip", "br", "zstd"):
    for peer in (testing.packed, testing.bomb):
        try:
            peer(coding)
        except ModuleNotFoundError as error:
            print(error.name, error, sep=": ")
        else:
            print(coding)
"""


def test_packers_that_are_not_installed_are_missed_only_by_who_asks_for_them() -> None:
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", PACKS], capture_output=True, text=True, check=False
    )

    told = "{0}: this peer needs {0}: pip install 'tryconnect[testing]'"
    expected = ["gzip", told.format("Brotli"), told.format("backports.zstd")]
    assert done.stdout.splitlines() == [line for line in expected for _ in range(2)], done.stderr
