"""The peers of ``tryconnect.testing`` as pytest fixtures, for sync and async tests.

The peers run in threads of their own, so they work with blocking code and with any event loop.

Their names all begin with ``tryconnect_``. ``tryconnect.testing`` is imported when a test uses one.

.. versionadded:: 0.1
"""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

    from tryconnect.testing import HttpServer, OpenPeer, Peer


@pytest.fixture
def tryconnect_aiohttp_transport() -> Iterator[None]:
    """Send every check of the test by aiohttp, lists too, so that a mocked session answers them.

    .. versionadded:: 0.1
    """
    from tryconnect._check.transports import aiohttp_only

    with aiohttp_only():
        yield


@pytest.fixture
def tryconnect_open_peer() -> Iterator[OpenPeer]:
    """Open any peer for the rest of the test: ``tryconnect_open_peer(testing.silent()).url``.

    .. versionadded:: 0.1
    """
    from contextlib import ExitStack

    from tryconnect.testing import in_thread

    with ExitStack() as stack:
        yield lambda opening: stack.enter_context(in_thread(opening))


@pytest.fixture
def tryconnect_http_peer(tryconnect_open_peer: OpenPeer) -> HttpServer:
    """Run the well-behaved server, with the routes of :func:`tryconnect.testing.http_server`.

    .. versionadded:: 0.1
    """
    from tryconnect import testing

    return tryconnect_open_peer(testing.http_server())


@pytest.fixture
def tryconnect_https_peer(tryconnect_open_peer: OpenPeer) -> HttpServer:
    """Run the same server over TLS, with a certificate that ``tryconnect_ssl`` trusts.

    .. versionadded:: 0.1
    """
    from tryconnect import testing

    return tryconnect_open_peer(testing.http_server(tls=testing.server_context()))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that wants a bad peer once for each."""
    if "tryconnect_bad_peer" in metafunc.fixturenames:
        from tryconnect.testing import BAD_PEERS

        metafunc.parametrize("tryconnect_bad_peer", BAD_PEERS, indirect=True)


@pytest.fixture
def tryconnect_bad_peer(request: pytest.FixtureRequest, tryconnect_open_peer: OpenPeer) -> Peer:
    """Run the test with each peer of ``tryconnect.testing.BAD_PEERS``, one after another.

    Skips those that this system or installation does not support.

    .. versionadded:: 0.1
    """
    from tryconnect.testing import BAD_PEERS

    case = BAD_PEERS[request.param]
    try:
        peer = tryconnect_open_peer(case.open())
    except (ModuleNotFoundError, RuntimeError) as error:
        pytest.skip(str(error))
    peer.scheme = case.scheme
    return peer


@pytest.fixture(scope="session")
def tryconnect_ssl() -> ssl.SSLContext:
    """Return a client's context that trusts the good certificates of the peers.

    .. versionadded:: 0.1
    """
    from tryconnect.testing import trusting

    return trusting()


@pytest.fixture(scope="session")
def tryconnect_ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the certificate of the peers' authority to a file, for ``SSL_CERT_FILE`` and the like.

    .. versionadded:: 0.1
    """
    from tryconnect.testing import ca_pem

    file = tmp_path_factory.mktemp("peers") / "ca.pem"
    file.write_bytes(ca_pem())
    return file
