"""Whose certificates are trusted: the system's, and those that the environment names."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tryconnect._model.faults import LocalFault
from tryconnect._model.lazy_pattern import lazy_pattern
from tryconnect._model.tls_settings import TlsSettings
from tryconnect._runtime.descriptors import shortage
from tryconnect._runtime.threads import run_in_daemon_thread
from tryconnect._transport.trace import current

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Connection", "NoAuthority", "TlsContexts", "verifying"]


class NoAuthority(ssl.SSLCertVerificationError):
    """A certificate was not accepted, and none could have been: no authority is trusted here."""


class TlsContexts:
    """The TLS context of one session.

    Args:
        setting: a context of the caller's own; ``None`` or ``True`` for the process's verifying
            one; ``False`` for one that accepts any certificate; or how it differs from these.
    """

    def __init__(self, setting: ssl.SSLContext | bool | TlsSettings | None) -> None:  # noqa: FBT001 - as aiohttp
        self._setting = setting
        self._own: ssl.SSLContext | None = None
        self._lock = asyncio.Lock()

    def ready(self) -> ssl.SSLContext | None:
        """Return the context, where it need not be made."""
        if isinstance(self._setting, ssl.SSLContext):
            return self._setting
        if isinstance(self._setting, TlsSettings):
            return self._own
        return _contexts.get(_Wanted.now(verified=self._setting is not False))

    async def context(self) -> ssl.SSLContext:
        """Return the context; the process's own are made at their first use.

        Reading all certificates of a system takes 25 to 100 ms, so it is done beside the loop.

        Raises:
            LocalFault: the environment names a file of certificates that cannot be read.
            OSError: there are no descriptors to read any.
        """
        if isinstance(self._setting, ssl.SSLContext):
            return _timed(self._setting)
        if isinstance(self._setting, TlsSettings):
            return await self._made(self._setting)
        wanted = _Wanted.now(verified=self._setting is not False)
        async with self._lock:
            context = _contexts.get(wanted)
            if context is None:
                context = await run_in_daemon_thread(
                    partial(_made_once, wanted), name="tryconnect-trust", exit_waits=True
                )
            return context

    async def _made(self, settings: TlsSettings) -> ssl.SSLContext:
        async with self._lock:
            if self._own is None:
                self._own = await run_in_daemon_thread(
                    partial(_make_own, settings), name="tryconnect-trust", exit_waits=True
                )
            return self._own


def _make_own(settings: TlsSettings) -> ssl.SSLContext:
    """Make the context of one client.

    Raises:
        LocalFault: a file of it cannot be read.
    """
    if settings.by_system:
        from truststore import SSLContext  # an extra: loaded where it is used

        context: ssl.SSLContext = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_alpn_protocols(["http/1.1"])
    elif settings.ca_file is None or not settings.verified:
        context = _make(_Wanted.now(verified=settings.verified))
    else:
        context = _trusting_only(settings.ca_file)
    if settings.cert_file is not None:
        try:
            context.load_cert_chain(settings.cert_file, settings.key_file, password=_no_password)
        except OSError as error:  # ssl.SSLError is one
            files = " and ".join(filter(None, (settings.cert_file, settings.key_file)))
            raise LocalFault(
                f"the client's certificate cannot be read from {files} ({error})"
            ) from error
    return _timed(context)


def _trusting_only(path: str) -> ssl.SSLContext:
    folder = os.path.isdir(path)
    try:
        context = ssl.create_default_context(
            cafile=None if folder else path, capath=path if folder else None
        )
    except OSError as error:
        raise LocalFault(
            f"ca_file is {path}, which cannot be read as certificates ({error})"
        ) from error
    context.hostname_checks_common_name = False
    context.set_alpn_protocols(["http/1.1"])
    return context


def _no_password() -> str:
    """Refuse to read a key with a password, for which OpenSSL would ask at the terminal.

    Raises:
        LocalFault: always.
    """
    raise LocalFault("the key of the client's certificate has a password: store it without one")


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
_making = threading.Lock()

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""requests' variables: the first that is set counts. There it replaces requests' own bundle; here
its certificates are trusted besides the system's, so that setting it takes nothing away."""


def verifying() -> ssl.SSLContext:
    """Make a context as the environment wants it now, which is not kept; this blocks.

    Raises:
        LocalFault: the environment names a file of certificates that cannot be read.
    """
    return _make(_Wanted.now(verified=True))


def _made_once(wanted: _Wanted) -> ssl.SSLContext:
    """Return the process's own context, and make it first where there is none yet."""
    with _making:
        context = _contexts.get(wanted)
        if context is not None:
            return context
        context = _make(wanted)
        if context.sslobject_class is _DistrustingConnection:  # until a certificate is installed
            return context
        if len(_contexts) >= _MOST_CONTEXTS:  # an environment that changes would fill it
            _contexts.clear()
        _contexts[wanted] = context
        return context


def _make(wanted: _Wanted) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context()
        if wanted.verified and wanted.path is not None and not _holds(context, wanted.path):
            folder = os.path.isdir(wanted.path)
            context.load_verify_locations(
                cafile=None if folder else wanted.path, capath=wanted.path if folder else None
            )
    except OSError as error:  # ssl.SSLError is one: the file holds no certificates
        if error.errno in _WANTS and not isinstance(error, ssl.SSLError):
            raise
        named = f"{wanted.variable} names {wanted.path}" if wanted.path else "this machine has some"
        raise LocalFault(f"{named}, which cannot be read as certificates ({error})") from error
    if not wanted.verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        # As browsers, Go and urllib3 do (RFC 9110, section 4.3.4; RFC 9525, section 6.3).
        context.hostname_checks_common_name = False
        if _trusts_no_authority(context, wanted.path):
            context.sslobject_class = _DistrustingConnection
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL skips what it cannot open, silently; and contexts are kept.
    if (want := shortage()) is not None:
        raise want
    return _timed(context)


_WANTS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def _holds(context: ssl.SSLContext, path: str) -> bool:
    """Return whether a file of certificates is the one that OpenSSL has read by itself."""
    read = ssl.get_default_verify_paths().cafile
    try:
        return bool(read and _count(context)) and os.path.samefile(read, path)
    except OSError:
        return False


def _trusts_no_authority(context: ssl.SSLContext, path: str | None) -> bool:
    """Return whether a context holds no certificate, and has no folder to find one in."""
    if _count(context):
        return False
    named = os.environ.get("SSL_CERT_DIR") or ssl.get_default_verify_paths().openssl_capath
    folders = [*named.split(os.pathsep), path or ""]
    return not any(_HASHED.fullmatch(name) for folder in folders for name in _names_in(folder))


_HASHED = lazy_pattern(r"[0-9a-f]{8}\.\d+")
"""How a file is called that OpenSSL finds in a folder (openssl-rehash(1))."""


def _count(context: ssl.SSLContext) -> int:
    return context.cert_store_stats()["x509"]


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder) if folder else []
    except OSError:
        return []


def _timed(context: ssl.SSLContext) -> ssl.SSLContext:
    # A context that has a class of its own keeps it; its handshakes count as connecting.
    if context.sslobject_class is ssl.SSLObject:
        context.sslobject_class = Connection
    return context


class Connection(ssl.SSLObject):
    """An OpenSSL connection that notes when its handshake begins, and delivers before it fails.

    asyncio and uvloop both run the handshake through ``SSLObject.do_handshake``; outside of a check
    there is no trace, and nothing is noted. And both read record by record until there is no more,
    and deliver what came in one go: where a later record is broken, all of it would be lost.
    """

    on_failure: Callable[[ssl.SSLError], object] | None = None
    """Ends the connection once what was read is delivered; ``None``: errors are raised at once."""

    _undelivered = False
    _failure: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        """Begin or continue the handshake."""
        trace = current.get()
        if trace is not None:
            trace.handshake_started()
        super().do_handshake()

    def read(self, len: int = 1024, buffer: Any = None) -> bytes:  # noqa: A002 - as ssl
        """Read from the next record; an error comes after what was read before it.

        Raises:
            ssl.SSLError: there is nothing to read now, or the connection is broken.
        """
        if self._failure is not None:
            raise self._failure
        try:
            data = super().read(len, buffer)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self._undelivered = False
            raise
        except ssl.SSLError as error:
            if not self._undelivered or self.on_failure is None:
                raise
            self._failure = error
            self.on_failure(error)
            raise ssl.SSLWantReadError from None
        self._undelivered = True
        return data


class _DistrustingConnection(Connection):
    """A connection of a machine that trusts no authority: its own fault, and not the peer's."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            raise NoAuthority(*error.args) from error
