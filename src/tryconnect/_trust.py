"""Whose certificates are trusted: the system's, and those that the environment names."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from pathlib import Path

from tryconnect._faults import LocalFault
from tryconnect._records import Phase
from tryconnect._trail import current

__all__ = ["context_for"]


def context_for(setting: ssl.SSLContext | bool | None) -> ssl.SSLContext:  # noqa: FBT001 - aiohttp's own form
    """Return the context for a client's ``ssl`` option.

    Args:
        setting: a context of the caller's own; ``None`` or ``True`` for the process's verifying
            one, built once (25 ms); ``False`` for one that accepts any certificate.

    Raises:
        LocalFault: the environment names a file of certificates that cannot be read.
    """
    if isinstance(setting, ssl.SSLContext):
        return _timed(setting)
    if setting is False:
        return _unverified()
    variable, path = next(
        ((name, os.environ[name]) for name in _BUNDLES if os.environ.get(name)), (None, None)
    )
    # OpenSSL reads SSL_CERT_FILE and SSL_CERT_DIR by itself while the context is built.
    openssl_reads = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    return _verified(variable, path, openssl_reads)


_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""requests' variables: the first that is set counts.  There it replaces requests' own bundle; here
its certificates are trusted besides the system's, so that setting it takes nothing away."""


@lru_cache(maxsize=1)
def _verified(
    variable: str | None,
    path: str | None,
    openssl_reads: tuple[str | None, str | None],  # noqa: ARG001 - a part of the cache's key
) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if path is None:
        return _speaking_http(context)
    folder = Path(path).is_dir()
    try:
        context.load_verify_locations(
            cafile=None if folder else path, capath=path if folder else None
        )
    except OSError as error:  # ssl.SSLError is one: the file holds no certificates
        raise LocalFault(
            f"{variable} names {path}, which cannot be read as certificates ({error})"
        ) from error
    return _speaking_http(context)


@lru_cache(maxsize=1)
def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _speaking_http(context)


def _speaking_http(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(["http/1.1"])
    return _timed(context)


def _timed(context: ssl.SSLContext) -> ssl.SSLContext:
    # A context that has a class of its own keeps it; its handshakes count as connecting.
    if context.sslobject_class is ssl.SSLObject:
        context.sslobject_class = _TimedHandshake
    return context


class _TimedHandshake(ssl.SSLObject):
    """An OpenSSL connection that notes when its handshake begins.

    asyncio and uvloop both run the handshake through ``SSLObject.do_handshake``; outside of a check
    there is no trail, and nothing is noted.
    """

    def do_handshake(self) -> None:
        trail = current.get()
        if trail is not None and trail.phase is Phase.connect:
            trail.enter(Phase.tls)
        super().do_handshake()
