"""The peers as pytest fixtures, for sync and async tests.

They run in threads of their own, so they work with blocking code and with any event loop.
``pytest_tryconnect`` registers them if a test imports ``tryconnect.testing``.

.. versionadded:: 0.1
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest

from tryconnect import testing
from tryconnect._check.transports import aiohttp_only

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

__all__ = [
    "OpenPeer",
    "aiohttp_transport",
    "bad_peer",
    "http_peer",
    "https_peer",
    "open_peer",
    "peers_ca_file",
    "peers_ssl",
]

P = TypeVar("P", bound=testing.Peer)


class OpenPeer(Protocol):
    """The type of the fixture ``open_peer``, for annotations.

    .. versionadded:: 0.1
    """

    def __call__(self, opening: AbstractAsyncContextManager[P], /) -> P:
        """Open a peer until the test ends."""


@pytest.fixture
def aiohttp_transport() -> Iterator[None]:
    """Send every check of the test by aiohttp, lists too, so that a mocked session answers them.

    .. versionadded:: 0.1
    """
    with aiohttp_only():
        yield


@pytest.fixture
def open_peer() -> Iterator[OpenPeer]:
    """Open any peer for the rest of the test: ``open_peer(testing.silent()).url``.

    .. versionadded:: 0.1
    """
    with ExitStack() as stack:

        def opened(opening: AbstractAsyncContextManager[P], /) -> P:
            return stack.enter_context(testing.in_thread(opening))

        yield opened


@pytest.fixture
def http_peer(open_peer: OpenPeer) -> testing.HttpServer:
    """Run the well-behaved server, with the routes of :func:`tryconnect.testing.http_server`.

    .. versionadded:: 0.1
    """
    return open_peer(testing.http_server())


@pytest.fixture
def https_peer(open_peer: OpenPeer) -> testing.HttpServer:
    """Run the same server over TLS; ``peers_ssl`` and ``peers_ca_file`` trust its certificate.

    .. versionadded:: 0.1
    """
    return open_peer(testing.http_server(tls=testing.server_context()))


@pytest.fixture(params=testing.BAD_PEERS)
def bad_peer(request: pytest.FixtureRequest, open_peer: OpenPeer) -> testing.Peer:
    """Run the test with each peer of ``tryconnect.testing.BAD_PEERS``, one after another.

    Skips those that this system or installation does not support.

    .. versionadded:: 0.1
    """
    case = testing.BAD_PEERS[request.param]
    try:
        peer = open_peer(case.open())
    except (ModuleNotFoundError, RuntimeError) as error:
        pytest.skip(str(error))
    peer.scheme = case.scheme
    return peer


@pytest.fixture(scope="session")
def peers_ssl() -> ssl.SSLContext:
    """Return a client's context that trusts the good certificates of the peers.

    .. versionadded:: 0.1
    """
    return testing.trusting()


@pytest.fixture(scope="session")
def peers_ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the certificate of the peers' authority to a file, for ``SSL_CERT_FILE`` and the like.

    .. versionadded:: 0.1
    """
    file = tmp_path_factory.mktemp("peers") / "ca.pem"
    file.write_bytes(testing.ca_pem())
    return file
