"""Without descriptors a check never raises: its report is ``local``, however few there are."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.limits import descriptors
from tests.support.programs import run
from tryconnect import testing as peers
from tryconnect._runtime.capabilities import LoopCapabilities
from tryconnect._runtime.spare_loop import SpareLoop
from tryconnect.sync._runner import make_runner

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="one child for each number of descriptors"),
    pytest.mark.slow,
]

SWEEP = """
import asyncio, os, sys, traceback
import tryconnect, tryconnect.sync
from tests.support.limits import descriptors
from tryconnect._transport import name_settings
from tryconnect._transport.resolv_conf import ResolvConf

way, first, most, name_server, *addresses = sys.argv[1:]
conf = ResolvConf((name_server,), (), timeout=5, attempts=2)
name_settings.machine_settings = lambda: name_settings.settings_for(conf)
if first == "later":
    import tryconnect._check.network, tryconnect._check.session, tryconnect._transport.resolver

async def probe(address):
    return [await tryconnect.probe(address, timeout=5)]

async def portal(address):
    async with tryconnect.Client(loop="portal") as client:
        return [await client.probe(address, timeout=5)]

async def fetch(address):
    if not address.startswith("http"):
        return await probe(address)
    try:
        return [(await tryconnect.fetch(address, timeout=5)).report]
    except tryconnect.FetchError as error:
        return [error.report]

async def wait(address):
    try:
        return await tryconnect.wait_until_up(address, timeout=1)
    except tryconnect.WaitTimeout as error:
        return [error.report]

async def watch(address):
    return [await anext(tryconnect.watch(address, timeout=5))]

async def many(_, transport="auto"):
    run = tryconnect.probe_many(addresses, timeout=5, limit=1, transport=transport)
    return [report async for report in run]

def sync_client(address):
    with tryconnect.sync.Client() as client:
        return [client.probe(address, timeout=5)]

def sync_wait(address):
    try:
        return tryconnect.sync.wait_until_up(address, timeout=1)
    except tryconnect.WaitTimeout as error:
        return [error.report]

WAYS = {
    "probe": probe, "portal": portal, "fetch": fetch, "wait": wait, "watch": watch,
    "probe_many": many, "probe_many by aiohttp": lambda _: many(_, "aiohttp"),
}
SYNC = {
    "sync.probe": lambda address: [tryconnect.sync.probe(address, timeout=5)],
    "sync.watch": lambda address: [next(tryconnect.sync.watch(address, timeout=5))],
    "sync.wait": sync_wait, "sync.Client": sync_client,
    "sync.probe_many": lambda _: list(tryconnect.sync.probe_many(addresses, timeout=5, limit=1)),
}

async def in_loop(address, left):
    with descriptors(left):
        reports = await WAYS[way](address)
    return reports, await WAYS[way](address)

def blocking(address, left):
    with descriptors(left):
        reports = SYNC[way](address)
    return reports, SYNC[way](address)

def child(address, left):
    if way in WAYS:
        scarce, plenty = asyncio.run(in_loop(address, left))
    else:
        scarce, plenty = blocking(address, left)
    assert all(plenty), plenty
    print(left, *(report.reason for report in scarce), flush=True)

for address in addresses[:1] if "many" in way else addresses:
    for left in range(int(most)):
        if not (pid := os.fork()):
            try:
                child(address, left)
            except BaseException:
                print(way, address, left, file=sys.stderr)
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(0)
        os.waitpid(pid, 0)
"""

WAYS = ("probe", "portal", "fetch", "wait", "watch", "probe_many", "probe_many by aiohttp")
SYNC = ("sync.probe", "sync.watch", "sync.wait", "sync.Client", "sync.probe_many")
MOST = 12
"""All of them suffice with fewer."""


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Return a name server, and addresses of every kind."""
    authority = Path(tmp_path_factory.mktemp("authority"), "ca.pem")
    authority.write_bytes(peers.ca_pem())
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            patch.delenv(name, raising=False)
        patch.setenv("SSL_CERT_FILE", str(authority))

        http = stack.enter_context(peers.in_thread(peers.http_server()))
        encrypted = peers.http_server(tls=peers.server_context())
        https = stack.enter_context(peers.in_thread(encrypted))
        unix = stack.enter_context(peers.in_thread(peers.unix_server()))
        zone = peers.dns_server({"good.test": ["127.0.0.1"]})
        names = stack.enter_context(peers.in_thread(zone))
        yield [
            names.address,
            *(http.url, https.url, f"tcp://127.0.0.1:{http.port}", unix.url),
            *(f"http://good.test:{http.port}/?token=1", f"tcp://good.test:{http.port}"),
        ]


def swept(*words: str) -> list[list[str]]:
    """Return the reasons by number of free descriptors, of one sweep after the other."""
    done = run(SWEEP, *words, seconds=180)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.timeout(200)
@pytest.mark.parametrize("way", [*WAYS, *SYNC])
def test_a_check_is_ok_or_local_with_any_number_of_descriptors(way: str, words: list[str]) -> None:
    lines = swept(way, "later", str(MOST), *words)

    sweeps = 1 if "many" in way else len(words) - 1
    assert [int(left) for left, *_ in lines] == [*range(MOST)] * sweeps
    assert {reason for _, *reasons in lines for reason in reasons} == {"ok", "local"}
    assert all({*reasons} == {"local"} for left, *reasons in lines if left == "0")
    assert all({*reasons} == {"ok"} for left, *reasons in lines if left == str(MOST - 1))


@pytest.mark.timeout(200)
@pytest.mark.parametrize("way", ["probe", "fetch", "probe_many", "sync.probe"])
def test_so_is_the_first_check_of_a_process(way: str, words: list[str]) -> None:
    """It imports modules, reads the trust store and starts threads."""
    lines = swept(way, "first", "3", *words)

    assert len(lines) == 3 * (1 if "many" in way else len(words) - 1)
    assert {reason for _, *reasons in lines for reason in reasons} <= {"ok", "local"}
    assert all({*reasons} == {"local"} for left, *reasons in lines if left == "0")


async def test_a_loop_is_not_blamed_for_want_of_a_socket_to_try_it_with() -> None:
    """Happy Eyeballs joins errors of several addresses in one without a number."""
    capabilities = LoopCapabilities(asyncio.get_running_loop())
    with descriptors(0):
        blamed = await capabilities.is_to_blame(OSError("Multiple exceptions: …"))

    assert not blamed


def test_a_blocking_call_gets_a_loop_all_the_same() -> None:
    async def which() -> object:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0.001)
        ended = loop.create_future()
        threading.Thread(
            target=loop.call_soon_threadsafe, args=(ended.set_result, type(loop))
        ).start()
        return await ended

    with descriptors(0), make_runner() as runner:
        assert runner.run(which()) is SpareLoop
