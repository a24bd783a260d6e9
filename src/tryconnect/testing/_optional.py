"""The peers that need what the extra ``testing`` brings, looked for when they are asked for.

TLS takes trustme and cryptography, DNS takes dnspython; all other peers do without.
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
    """Say how to get what is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        package = {"dns": "dnspython"}.get(module, module)
        sentence = f"this peer needs {package}: pip install 'tryconnect[testing]'"
        raise ModuleNotFoundError(sentence, name=error.name) from error


def tls_server(kind: str = "good", *, host: str = "127.0.0.1") -> AbstractAsyncContextManager[Peer]:
    """Serve https in one way, good or bad; who gets through the handshake is answered 200.

    Args:
        kind: a name in ``tryconnect.testing.tls.KINDS``, such as ``"expired"`` or
            ``"silent_handshake"``.
        host: where to listen.

    Raises:
        ModuleNotFoundError: the extra ``testing`` is not installed.
        KeyError: there is no such kind.

    .. versionadded:: 0.1
    """
    with _the_extra():
        from tryconnect.testing import tls  # noqa: PLC0415 - not everybody has what it needs
    return tls.server(kind, host=host)


def server_context(kind: str = "good") -> ssl.SSLContext:
    """Return a server's context, made once: its certificate is for loopback and ``good.test``.

    Args:
        kind: what is wrong with it: a name in ``tryconnect.testing.certificates.CONTEXTS``.

    Raises:
        ModuleNotFoundError: the extra ``testing`` is not installed.
        KeyError: there is no such kind.

    .. versionadded:: 0.1
    """
    with _the_extra():
        from tryconnect.testing import certificates  # noqa: PLC0415 - as above
    return certificates.context(kind)


def trusting() -> ssl.SSLContext:
    """Return a client's context that trusts the peers' certificate authority, and nothing else.

    Raises:
        ModuleNotFoundError: the extra ``testing`` is not installed.

    .. versionadded:: 0.1
    """
    with _the_extra():
        from tryconnect.testing import certificates  # noqa: PLC0415 - as above
    return certificates.client_context()


def ca_pem() -> bytes:
    """Return the certificate of the peers' authority, for ``SSL_CERT_FILE`` and the like.

    It is made anew in each process.

    Raises:
        ModuleNotFoundError: the extra ``testing`` is not installed.

    .. versionadded:: 0.1
    """
    with _the_extra():
        from tryconnect.testing import certificates  # noqa: PLC0415 - as above
    return certificates.authority().cert_pem.bytes()


def dns_server(zone: Zone, *, host: str = "127.0.0.1") -> AbstractAsyncContextManager[DnsServer]:
    """Serve names over UDP and TCP on one port, as a zone says.

    Args:
        zone: addresses by name, or an ``Answer`` of ``tryconnect.testing.dns``; names that are not
            in it do not exist. It may be changed while the server runs.
        host: where to listen.

    Raises:
        ModuleNotFoundError: the extra ``testing`` is not installed.

    .. versionadded:: 0.1
    """
    with _the_extra():
        from tryconnect.testing import dns  # noqa: PLC0415 - as above
    return dns.server(zone, host=host)
