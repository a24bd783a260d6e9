"""Want of descriptors or memory is seen as such, however little is left, whoever says otherwise."""

from __future__ import annotations

import errno
import gzip
import sys
from pathlib import Path

import pytest

from tests.support.limits import descriptors
from tests.support.programs import run
from tryconnect import testing as peers
from tryconnect._runtime.descriptors import ENOUGH, shortage

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="c-ares' descriptors on Linux"),
    pytest.mark.slow,
]


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


def test_want_of_memory_while_looking_is_want_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def without() -> None:
        raise MemoryError

    monkeypatch.setattr("tryconnect._runtime.descriptors.socket.socket", without)

    want = shortage()

    assert want is not None
    assert want.errno == errno.ENOMEM


TRUSTING = """
import asyncio, sys
import tryconnect
from tests.support.limits import descriptors
from tryconnect._transport import tls

tryconnect.Client()  # imports aiohttp, which takes a while

async def main(url):
    for left in range(12):
        tls._contexts.clear()
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


# --- memory

LITTLE_MEMORY = """
import asyncio, logging, resource, sys, time
import tryconnect

logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it tells of each fault, rightly

def leave(mib):
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + mib * 2**20, resource.RLIM_INFINITY))

async def main(url, *paths):
    async with tryconnect.Client(proxy=None) as client:
        await client.fetch(url)
        leave(48)
        for path in paths:
            start = time.monotonic()
            try:
                await client.fetch(url + path, max_bytes=2**40)
            except tryconnect.FetchError as error:
                print(error.report.reason, time.monotonic() - start)

asyncio.run(main(*sys.argv[1:]))
"""

MUCH = 200_000_000
PAGES = {
    "plain": peers.CannedResponse(b"x" * MUCH),
    "characters": peers.CannedResponse(
        "汉".encode() * (MUCH // 3), (("Content-Type", "text/html"),)
    ),
    "packed": peers.CannedResponse(gzip.compress(bytes(MUCH), 1), (("Content-Encoding", "gzip"),)),
}


def test_an_answer_larger_than_the_memory_is_our_own_fault() -> None:
    """For who allows a tebibyte."""
    with peers.in_thread(peers.http_server()) as peer:
        peer.pages.update({f"/{name}": page for name, page in PAGES.items()})
        done = run(LITTLE_MEMORY, peer.url, *PAGES, "endless", *PAGES, "endless")

    assert (done.returncode, done.stderr) == (0, "")
    answers = [line.split() for line in done.stdout.splitlines()]
    assert [reason for reason, _ in answers] == ["local"] * 8
    assert max(float(seconds) for _, seconds in answers) < 10
