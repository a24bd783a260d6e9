"""Guards around every test: nothing is left behind, and nothing uses the loop's executor."""

import asyncio
import gc
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import hypothesis  # noqa: F401 - where trio is installed, it must not come after gc.freeze()
import pytest
from pytest_asyncio import is_async_test

from tests.support import leaks
from tests.support.event_loops import FACTORIES, LoopFactory, forbid_executor, start_native_threads
from tryconnect import testing as peers
from tryconnect._runtime.portal import portal_loop

pytest_plugins = ["pytester", "tests.support.wants", "tests.support.slow"]


def pytest_collection_finish() -> None:
    """Hide everything that exists now from the guards and their garbage collections.

    Otherwise those would take many times as long after every test.
    """
    start_native_threads()
    portal_loop()  # also lives as long as the process
    gc.collect()
    gc.freeze()


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, LoopFactory]:
    """Use one loop for each test, unless its marker names others (``event_loops.on_each_loop``)."""
    del config
    marker = item.get_closest_marker("asyncio")
    chosen = marker is not None and "loop_factories" in marker.kwargs
    return FACTORIES if chosen else {"stock": FACTORIES["stock"]}


@pytest.fixture(autouse=True)
def around_every_test(request: pytest.FixtureRequest) -> None:
    """Set the guards up first, so that they check last; async ones run in the test's loop."""
    guards = ("leak_guard", "no_executor") if is_async_test(request.node) else ("sync_leak_guard",)
    for guard in guards:
        request.getfixturevalue(guard)


@pytest.fixture
async def leak_guard() -> AsyncIterator[leaks.Guard]:
    """Fail async tests that leave tasks, timers, descriptors, threads or complaints behind.

    It is async so that it runs in the test's loop; a sync fixture would find no loop.
    """
    async with leaks.watch(leaks.SETTLE_TIMEOUT) as guard:
        yield guard


@pytest.fixture
def sync_leak_guard() -> Iterator[leaks.Guard]:
    """Fail sync tests that leave descriptors, threads or complaints behind."""
    with leaks.watch_sync(leaks.SETTLE_TIMEOUT) as guard:
        yield guard


@pytest.fixture
async def no_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make all uses of the loop's default executor fail."""
    forbid_executor(asyncio.get_running_loop(), monkeypatch)


@pytest.fixture
async def http_server() -> AsyncIterator[peers.HttpServer]:
    """Open the well-behaved server (see ``tryconnect/testing/_http.py`` for its routes)."""
    async with peers.http_server() as server:
        yield server


@pytest.fixture
async def https_server() -> AsyncIterator[peers.HttpServer]:
    """Open the same over TLS, with a certificate that ``client_ssl`` trusts."""
    async with peers.http_server(tls=peers.server_context()) as server:
        yield server


@pytest.fixture(scope="session")
def client_ssl() -> ssl.SSLContext:
    """Return a client's context that trusts the certificates of the peers."""
    return peers.trusting()


@pytest.fixture(scope="session")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the peers' certificate authority to a file, for ``SSL_CERT_FILE`` and the like."""
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(peers.ca_pem())
    return file


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run programs without coverage, which loads modules that they are about."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
