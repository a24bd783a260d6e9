"""Want of descriptors is seen as such, however few of them are left, and whoever says otherwise."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from tests.limits import descriptors
from tests.programs import run
from tryconnect import testing as peers
from tryconnect._shortage import ENOUGH, shortage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="c-ares' descriptors on Linux")


def test_where_there_are_enough_nothing_is_said() -> None:
    assert shortage() is None
    with descriptors(ENOUGH):
        assert shortage() is None


@pytest.mark.parametrize("left", range(ENOUGH))
def test_where_there_are_not_the_system_says_so(left: int) -> None:
    with descriptors(left):
        want = shortage()

    assert want is not None
    assert want.errno == errno.EMFILE


TRUSTING = """
import asyncio, sys
import tryconnect
from tests.limits import descriptors
from tryconnect import _trust

tryconnect.Client()  # imports aiohttp, which takes a while

async def main(url):
    for left in range(12):
        _trust._contexts.clear()
        async with tryconnect.Client() as client:
            with descriptors(left):
                report = await client.probe(url)
            print(report.reason)
            assert await client.probe(url), "a context without authorities was kept"

asyncio.run(main(sys.argv[1]))
"""


def test_no_authority_is_unknown_for_want_of_descriptors(
    monkeypatch: pytest.MonkeyPatch, ca_file: Path
) -> None:
    """OpenSSL reads the file of ``SSL_CERT_FILE``, or does not, and says nothing either way."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    with peers.in_thread(peers.tls_server()) as peer:
        done = run(TRUSTING, peer.url)

    assert (done.returncode, done.stderr) == (0, "")
    reasons = done.stdout.split()
    assert (reasons[0], reasons[-1]) == ("local", "ok")
    assert set(reasons) == {"local", "ok"}
