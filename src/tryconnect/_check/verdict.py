"""An attempt becomes a report: one ordered table of rows, the first that fits decides.

The law of this file: whatever maps an exception to a :class:`~tryconnect.Reason` is a row of
``ROWS``.  A row fits when an exception of its types stands anywhere in the chain of causes (aiohttp
wraps the operating system's and OpenSSL's errors) and its condition holds.  Rows go from the
particular to the general; a test proves that none hides a later one.

Everything here is decided from values: no clock, no socket, no ``await``.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from typing import TYPE_CHECKING, NamedTuple

from tryconnect._address.target import TargetKind
from tryconnect._check import messages
from tryconnect._model import faults
from tryconnect._model.faults import ContentEncodingError
from tryconnect._model.report import Report
from tryconnect._transport.attempt import Attempt, Phase
from tryconnect.errors import InvalidAddress, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tryconnect._model.expect import Expect

__all__ = ["ROWS", "Row", "judge"]


def judge(address: str, attempt: Attempt, expect: Expect | None = None) -> Report:
    """Say what an attempt means for the address that was asked for."""
    reason, detail = _verdict(attempt, expect)
    return Report(
        address=address,
        reason=reason,
        detail=detail,
        status=attempt.status,
        url=attempt.target.url if attempt.target else None,
        ip=attempt.ip,
        hops=attempt.hops,
        tls=attempt.tls,
        timings=attempt.timings,
        error=attempt.error,
    )


def _verdict(attempt: Attempt, expect: Expect | None) -> tuple[Reason, str]:
    if attempt.error is not None:
        return _verdict_on_error(attempt.error, attempt)
    status = attempt.status
    if status is None:
        return Reason.ok, messages.connected(attempt)
    if attempt.proxied and status == _PROXY_AUTHENTICATION_REQUIRED:
        return Reason.proxy, messages.proxy_wants_password(None, attempt)
    if expect is not None and not expect.accepts_status(status):
        return Reason.status, f"answered {status}, where {expect.status} was expected"
    text = attempt.body.text if attempt.body else ""
    if expect is not None and not expect.accepts_body(text):
        return Reason.body, messages.wrong_body(expect)
    return Reason.ok, messages.answered(attempt)


def _verdict_on_error(error: BaseException, attempt: Attempt) -> tuple[Reason, str]:
    chain = list(_chain(error))
    for row in ROWS:
        for link in chain:
            if _is(link, *row.types) and (row.when is None or row.when(link, attempt)):
                return row.reason, row.sentence(link, attempt)
    raise AssertionError("the last row fits every exception") from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and its causes.  Contexts are accidents of handling; causes are meant."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__


class Row(NamedTuple):
    """One rule of the verdict.

    Attributes:
        types: the exceptions it is about: classes, or the names of aiohttp's, which a check by
            another transport never loads.
        reason: the word for them.
        sentence: makes the report's detail.
        when: what must hold besides; ``None``: nothing.
    """

    types: tuple[type[BaseException] | str, ...]
    reason: Reason
    sentence: Callable[[BaseException, Attempt], str]
    when: Callable[[BaseException, Attempt], bool] | None = None


def _is(error: BaseException, *types: type[BaseException] | str) -> bool:
    """Return whether an exception is of one of these types, or of aiohttp's with these names."""
    return any(
        _is_named(error, each) if isinstance(each, str) else isinstance(error, each)
        for each in types
    )


def _is_named(error: BaseException, name: str) -> bool:
    return any(
        each.__name__ == name and each.__module__.startswith("aiohttp.")
        for each in type(error).__mro__
    )


_PROXY_AUTHENTICATION_REQUIRED = 407

_NOT_FOUND = {
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name)
}


def _errnos(error: BaseException) -> set[int]:
    """Return every error number of an ``OSError``.

    Where several addresses of a name failed differently, aiohappyeyeballs joins their texts into
    one ``OSError`` without a number: ``Multiple exceptions: [Errno 111] …, [Errno 101] …``.
    """
    if not isinstance(error, OSError):
        return set()
    if error.errno is not None:
        return {error.errno}
    return {int(number) for number in _ERRNO.findall(str(error))}


_ERRNO = re.compile(r"\[(?:Errno|WinError) (\d+)\]")


def _any_errno(
    *names: str, of_kind: TargetKind | None = None
) -> Callable[[BaseException, Attempt], bool]:
    # Not every platform has every number.
    numbers = {getattr(errno, name) for name in names if hasattr(errno, name)}

    def fits(error: BaseException, attempt: Attempt) -> bool:
        kind = attempt.target and attempt.target.kind
        return bool(numbers & _errnos(error)) and of_kind in {None, kind}

    return fits


def _from_afar(error: BaseException, _: Attempt) -> bool:
    """Tell whether "permission denied" is what the network answered.

    A firewall's "administratively prohibited" arrives so by IPv6 (ICMPv6 types 1.1, 1.5 and 1.6,
    RFC 4443, section 3.1).  asyncio and uvloop put it in these words where the answer came later;
    what this machine forbids, ``connect()`` says at once, in the system's words.
    """
    return f"[Errno {errno.EACCES}] Connect call failed" in str(error)


def _at_proxy(_: BaseException, attempt: Attempt) -> bool:
    """Tell whether a fault met the connection to the proxy, not the one through it.

    aiohttp's connector names the place that it failed at; what else fails before the request is
    sent, fails while the proxy is asked to let us through.
    """
    target, error = attempt.target, attempt.error
    if not attempt.proxied or target is None:
        return False
    if error is not None and _is(error, "ClientConnectorError"):
        host, port = getattr(error, "host", ""), getattr(error, "port", 0)
        # yarl writes the zone of an IPv6 address as %25.
        return (host.replace("%25", "%"), port) != (target.host, target.port)
    return attempt.phase not in {Phase.response, Phase.body}


def _in_handshake(_: BaseException, attempt: Attempt) -> bool:
    return attempt.phase is Phase.tls


def _name_missing(error: BaseException, _: Attempt) -> bool:
    return isinstance(error, OSError) and error.errno in _NOT_FOUND


def _no_memory_for_names(error: BaseException, _: Attempt) -> bool:
    return isinstance(error, OSError) and error.errno == socket.EAI_MEMORY


ROWS: tuple[Row, ...] = (
    # What tryconnect itself found.  A bad redirect is caused by an invalid address.
    Row((faults.TooManyRedirects,), Reason.too_many_redirects, messages.own_words),
    Row((faults.BadRedirect, faults.NotHttp), Reason.protocol, messages.own_words),
    Row((faults.ProxyUnusable,), Reason.proxy, messages.own_words),
    Row((InvalidAddress,), Reason.invalid_address, messages.own_words),
    Row((faults.LocalFault,), Reason.local, messages.own_words),
    Row((faults.Blocked,), Reason.blocked, messages.blocked),
    Row((faults.TooLarge,), Reason.too_large, messages.own_words),
    # Want of memory or descriptors on our side looks like anything: it comes before the rest.
    Row((MemoryError,), Reason.local, messages.out_of_memory),
    Row(
        (OSError,),
        Reason.local,
        messages.out_of_resources,
        _any_errno("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "WSAEMFILE", "WSAENOBUFS"),
    ),
    Row((TimeoutError,), Reason.timeout, messages.timeout),
    # The proxy: the same exceptions as the address's own, so it comes before them.
    Row(("ClientHttpProxyError",), Reason.proxy, messages.proxy_said),
    Row(("ClientConnectorError",), Reason.proxy, messages.proxy_unreached, _at_proxy),
    Row((OSError, "ClientError"), Reason.proxy, messages.proxy_broke, _at_proxy),
    # TLS, before the errors of the operating system: ssl.SSLError is one.
    Row((ssl.SSLCertVerificationError,), Reason.tls_certificate, messages.certificate),
    Row((ssl.SSLError,), Reason.tls_handshake, messages.handshake),
    Row(
        (OSError, "ClientError"),
        Reason.tls_handshake,
        messages.handshake_broken,
        _in_handshake,
    ),
    # Names.
    Row((socket.gaierror,), Reason.dns_not_found, messages.name_missing, _name_missing),
    Row((socket.gaierror,), Reason.local, messages.out_of_memory, _no_memory_for_names),
    Row((socket.gaierror,), Reason.dns_failed, messages.name_unknown),
    Row(("ClientConnectorDNSError",), Reason.dns_failed, messages.name_unknown),
    # The operating system.  Of several addresses' faults, the one that proves most comes first.
    Row((ConnectionRefusedError,), Reason.refused, messages.refused),
    Row((OSError,), Reason.refused, messages.refused, _any_errno("ECONNREFUSED")),
    Row(
        (OSError,),
        Reason.refused,
        messages.no_socket_file,
        _any_errno("ENOENT", "ENOTSOCK", "ENOTDIR", "EPROTOTYPE", "ELOOP", of_kind=TargetKind.unix),
    ),
    Row(
        # asyncio raises them without a number, too.
        (ConnectionResetError, ConnectionAbortedError, BrokenPipeError),
        Reason.reset,
        messages.reset,
    ),
    Row(("ServerDisconnectedError",), Reason.reset, messages.closed),
    Row(
        (OSError,),
        Reason.reset,
        messages.reset,
        # A connection that is gone before we could look is one that was reset.
        _any_errno("ECONNRESET", "ECONNABORTED", "EPIPE", "ENETRESET", "ENOTCONN", "ESHUTDOWN"),
    ),
    Row((OSError,), Reason.timeout, messages.timeout, _any_errno("ETIMEDOUT")),
    Row(
        (OSError,),
        Reason.unreachable,
        messages.unreachable,
        # What ICMP's "unreachable" becomes (Linux, net/ipv4/icmp.c: icmp_err_convert).  And EINVAL:
        # a black hole in our own routing table, or a link-local address without its interface; on
        # Windows, whatever has no number of its own, which is mostly this.
        _any_errno("ENETUNREACH", "EHOSTUNREACH", "EHOSTDOWN", "ENONET", "ENOPROTOOPT", "EINVAL"),
    ),
    Row((OSError,), Reason.unreachable, messages.unreachable, _from_afar),
    Row(
        (OSError,),
        Reason.local,
        messages.no_local_address,
        # No address of that family, no port left to send from (EADDRINUSE: on Windows and the
        # BSDs); a kernel, or a sandbox, without IPv6; no device.
        _any_errno(
            *("EADDRNOTAVAIL", "EADDRINUSE", "EAFNOSUPPORT", "EPFNOSUPPORT", "EPROTONOSUPPORT"),
            *("ESOCKTNOSUPPORT", "ENETDOWN", "ENODEV", "ENXIO"),
        ),
    ),
    Row((OSError,), Reason.local, messages.forbidden, _any_errno("EACCES", "EPERM")),
    # The answer itself.
    Row(("ClientPayloadError",), Reason.body, messages.body_broken),
    Row((ContentEncodingError,), Reason.body, messages.body_unreadable),
    Row(("ClientResponseError",), Reason.protocol, messages.not_http),
    Row((Exception,), Reason.unknown, messages.unknown),
)
