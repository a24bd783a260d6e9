"""The peers that require the extra ``testing``, which is imported when they are used.

TLS needs trustme and cryptography, DNS needs dnspython.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager

    from tryconnect.testing._serve import Peer
    from tryconnect.testing.dns import DnsServer, Zone

__all__ = ["ca_pem", "dns_server", "server_context", "tls_server", "trusting"]


@contextlib.contextmanager
def _the_extra() -> Iterator[None]:
    """Explain how to install what is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        package = {"dns": "dnspython"}.get(module, module)
        sentence = f"this peer needs {package}: pip install 'tryconnect[testing]'"
        raise ModuleNotFoundError(sentence, name=error.name) from error


def tls_server(kind: str = "good", *, host: str = "127.0.0.1") -> AbstractAsyncContextManager[Peer]:
    """Serve https in one way, good or bad; after a successful handshake, answer 200.

    Args:
        kind: A name in ``tryconnect.testing.tls.KINDS``, such as ``"expired"`` or
            ``"silent_handshake"``.
        host: Where to listen.

    Raises:
        ModuleNotFoundError: The extra ``testing`` is not installed.
        KeyError: There is no such kind.

    Example:
        >>> from tryconnect.testing import tls_server
        >>> async with tls_server("expired") as peer:
        ...     print((await tryconnect.probe(peer.url, timeout=5)).reason)
        tls_certificate

    .. versionadded:: 0.1
    """
    with _the_extra():
        from tryconnect.testing import tls
    return tls.server(kind, host=host)


def server_context(kind: str = "good") -> ssl.SSLContext:
    """Return a server's context, made once, for loopback and ``good.test``.

    Args:
        kind: What is wrong with it: a name in ``tryconnect.testing.certificates.CONTEXTS``.

    Raises:
        ModuleNotFoundError: The extra ``testing`` is not installed.
        KeyError: There is no such kind.

    Example:
        >>> from tryconnect.testing import http_server, server_context, trusting
        >>> async with http_server(tls=server_context()) as server:
        ...     async with tryconnect.Client(ssl=trusting()) as client:
        ...         print(await client.try_connect(server.url))
        True

    .. versionadded:: 0.1
    """
    with _the_extra():
        from tryconnect.testing import certificates
    return certificates.context(kind)


def trusting() -> ssl.SSLContext:
    """Return a client's context that trusts the peers' certificate authority only.

    Raises:
        ModuleNotFoundError: The extra ``testing`` is not installed.

    Example:
        >>> from tryconnect.testing import tls_server, trusting
        >>> async with tls_server() as peer, tryconnect.Client(ssl=trusting()) as client:
        ...     print(await client.try_connect(peer.url))
        True

    .. versionadded:: 0.1
    """
    with _the_extra():
        from tryconnect.testing import certificates
    return certificates.client_context()


def ca_pem() -> bytes:
    """Return the certificate of the peers' authority, for ``SSL_CERT_FILE`` and the like.

    Each process makes its own.

    Raises:
        ModuleNotFoundError: The extra ``testing`` is not installed.

    Example:
        >>> from tryconnect.testing import ca_pem
        >>> print(ca_pem().decode().splitlines()[0])
        -----BEGIN CERTIFICATE-----

    .. versionadded:: 0.1
    """
    with _the_extra():
        from tryconnect.testing import certificates
    return certificates.authority().cert_pem.bytes()


def dns_server(zone: Zone, *, host: str = "127.0.0.1") -> AbstractAsyncContextManager[DnsServer]:
    """Serve a zone over UDP and TCP on one port.

    Args:
        zone: Addresses by name, or an ``Answer`` of ``tryconnect.testing.dns``; other names do not
            exist. It may be changed while the server runs.
        host: Where to listen.

    Raises:
        ModuleNotFoundError: The extra ``testing`` is not installed.

    Example:
        >>> from tryconnect.testing import dns_server
        >>> async with dns_server({"shop.test": ["192.0.2.1"]}) as server:
        ...     print(server.queries)
        []

    .. versionadded:: 0.1
    """
    with _the_extra():
        from tryconnect.testing import dns
    return dns.server(zone, host=host)
