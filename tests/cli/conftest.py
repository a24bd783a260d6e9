"""Fixtures of the command line's tests: a good server, a closed port, and no proxies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tryconnect import testing as peers


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the machine's own proxies."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        for spelling in (name, name.upper()):
            monkeypatch.delenv(spelling, raising=False)


@pytest.fixture(scope="module")
def server() -> Iterator[peers.HttpServer]:
    """Open the well-behaved server."""
    with peers.in_thread(peers.http_server()) as peer:
        yield peer


@pytest.fixture(scope="module")
def closed() -> Iterator[peers.Peer]:
    """Reserve a port where nothing listens."""
    with peers.in_thread(peers.closed_port()) as peer:
        yield peer
