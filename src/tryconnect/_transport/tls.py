"""Whose certificates are trusted: the system's, and those that the environment names."""

from __future__ import annotations

import asyncio
import os
import ssl
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tryconnect._model.faults import LocalFault
from tryconnect._runtime.descriptors import shortage
from tryconnect._runtime.threads import run_in_daemon_thread
from tryconnect._transport.trace import current

__all__ = ["TlsContexts", "verifying"]


class TlsContexts:
    """The TLS context of one session.

    Args:
        setting: a context of the caller's own; ``None`` or ``True`` for the process's verifying
            one; ``False`` for one that accepts any certificate.
    """

    def __init__(self, setting: ssl.SSLContext | bool | None) -> None:  # noqa: FBT001 - as aiohttp
        self._setting = setting
        self._lock = asyncio.Lock()

    async def context(self) -> ssl.SSLContext:
        """Return the context; the process's own are made at their first use.

        Reading all certificates of a system takes 25 to 100 ms, so it is done beside the loop.

        Raises:
            LocalFault: the environment names a file of certificates that cannot be read.
            OSError: there are no descriptors to read any.
        """
        if isinstance(self._setting, ssl.SSLContext):
            return _timed(self._setting)
        wanted = _Wanted.now(verified=self._setting is not False)
        async with self._lock:
            context = _contexts.get(wanted)
            if context is None:
                context = await run_in_daemon_thread(
                    partial(_make, wanted), name="tryconnect-trust"
                )
                if len(_contexts) >= _MOST_CONTEXTS:  # an environment that changes would fill it
                    _contexts.clear()
                _contexts[wanted] = context
            return context


class _Wanted(NamedTuple):
    """What a context of ours depends on."""

    verified: bool
    variable: str | None
    path: str | None
    read_by_openssl: tuple[str | None, str | None]

    @classmethod
    def now(cls, *, verified: bool) -> _Wanted:
        named = ((name, os.environ[name]) for name in _BUNDLES if os.environ.get(name))
        openssls = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
        variable, path = next(named, (None, None))
        return cls(verified, variable, path, openssls)


_MOST_CONTEXTS = 4
_contexts: dict[_Wanted, ssl.SSLContext] = {}

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""requests' variables: the first that is set counts.  There it replaces requests' own bundle; here
its certificates are trusted besides the system's, so that setting it takes nothing away."""


def verifying() -> ssl.SSLContext:
    """Make a context as the environment wants it now, which is not kept; this blocks.

    Raises:
        LocalFault: the environment names a file of certificates that cannot be read.
    """
    return _make(_Wanted.now(verified=True))


def _make(wanted: _Wanted) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context()
        if wanted.verified and wanted.path is not None:
            folder = Path(wanted.path).is_dir()
            context.load_verify_locations(
                cafile=None if folder else wanted.path, capath=wanted.path if folder else None
            )
    except OSError as error:  # ssl.SSLError is one: the file holds no certificates
        named = f"{wanted.variable} names {wanted.path}" if wanted.path else "this machine has some"
        raise LocalFault(f"{named}, which cannot be read as certificates ({error})") from error
    if not wanted.verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL passes over what it cannot open, and says nothing; and contexts are kept.
    if (want := shortage()) is not None:
        raise want
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
        trace = current.get()
        if trace is not None:
            trace.handshake_started()
        super().do_handshake()
