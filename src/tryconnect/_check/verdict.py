"""Turn an attempt into a report: one ordered table of rows, of which the first match decides.

Whatever maps an exception to a :class:`~tryconnect.Reason` is a row of ``ROWS``. A row matches if
an exception of its types is anywhere in the chain of causes (aiohttp wraps the operating system's
and OpenSSL's errors) and its condition holds. Rows go from specific to general; a test proves that
none shadows a later one.

Everything here is decided from values: no clock, no socket, no ``await``.
"""

from __future__ import annotations

import errno
import socket
import ssl
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tryconnect._check import messages
from tryconnect._model import faults
from tryconnect._model.faults import ContentEncodingError
from tryconnect._model.report import Report
from tryconnect._transport.attempt import Attempt, Phase, ProxyStep
from tryconnect._transport.tls import NoAuthority
from tryconnect.errors import InvalidAddress, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tryconnect._model.expect import Expect

__all__ = ["EXPECTATIONS", "ROWS", "Row", "judge"]


def judge(address: str, attempt: Attempt, expect: Expect | None = None) -> Report:
    """Return the report on an attempt for the address that was asked for."""
    reason, detail = _verdict(attempt, expect)
    error = attempt.error
    if isinstance(error, faults.Interrupted) and reason is not Reason.local:
        error = error.__cause__
    return Report(
        address,
        reason,
        detail,
        attempt.status,
        attempt.target.url if attempt.target else None,
        attempt.ip,
        attempt.hops,
        attempt.tls,
        attempt.timings,
        datetime.fromtimestamp(attempt.began, UTC),
        error,
    )


def _verdict(attempt: Attempt, expect: Expect | None) -> tuple[Reason, str]:
    if attempt.error is not None:
        return _verdict_on_error(attempt.error, attempt)
    status = attempt.status
    if status is None:
        return _expected(attempt, expect) or (Reason.ok, messages.connected(attempt))
    if attempt.proxy and status == _PROXY_AUTHENTICATION_REQUIRED:
        return Reason.proxy, messages.proxy_wants_password(None, attempt)
    return _expected(attempt, expect) or (Reason.ok, messages.answered(attempt, expect))


def _expected(attempt: Attempt, expect: Expect | None) -> tuple[Reason, str] | None:
    """Return the first expectation that is not met, and the sentence on it."""
    if expect is None:
        return None
    for reason, complaint in EXPECTATIONS:
        if sentence := complaint(expect, attempt):
            return reason, sentence
    return None


EXPECTATIONS: tuple[tuple[Reason, Callable[[Expect, Attempt], str | None]], ...] = (
    (Reason.status, messages.wrong_status),
    (Reason.body, messages.wrong_header),
    (Reason.body, messages.wrong_body),
    (Reason.cert_expiring, messages.certificate_ends),
    (Reason.slow, messages.too_slow),
)
"""What may be expected, in the order in which it is judged: each makes its sentence where it is not
met.  What is wrong comes before what is only late."""


def _verdict_on_error(error: BaseException, attempt: Attempt) -> tuple[Reason, str]:
    if isinstance(error, faults.Interrupted) and error.__cause__ is not None:
        reason, detail = _verdict_on_error(error.__cause__, attempt)
        return (Reason.local, str(error)) if reason in _DOUBTFUL_AFTER_A_GAP else (reason, detail)
    chain = list(_chain(error))
    for number, place in _candidates(tuple(map(type, chain))):
        row, link = ROWS[number], chain[place]
        if row.when is None or row.when(link, attempt):
            return row.reason, row.sentence(link, attempt)
    raise AssertionError("the last row fits every exception") from error


@lru_cache(maxsize=256)
def _candidates(chain: tuple[type[BaseException], ...]) -> list[tuple[int, int]]:
    """Return the numbers of the rows whose types are in a chain, and where in it they are.

    Thousands of checks fail alike: to go through all rows takes half as long as all the rest.
    """
    return [
        (number, place)
        for number, row in enumerate(ROWS)
        for place, kind in enumerate(chain)
        if _is_kind(kind, *row.types)
    ]


_DOUBTFUL_AFTER_A_GAP = frozenset(
    {
        Reason.timeout,
        Reason.reset,
        Reason.proxy,
        Reason.tls_handshake,
        Reason.dns_failed,
        Reason.unreachable,
        Reason.body,
    }
)
"""What a peer, or a network, does to those who do not answer. A refusal, say, is no such thing."""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and its causes; a mere context is an accident of handling."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__


class Row(NamedTuple):
    """One rule of the verdict.

    Attributes:
        types: the exceptions that it matches: classes, or the names of aiohttp's, which a check by
            another transport never loads.
        reason: the reason to report.
        sentence: makes the report's detail.
        when: a further condition; ``None``: no condition.
    """

    types: tuple[type[BaseException] | str, ...]
    reason: Reason
    sentence: Callable[[BaseException, Attempt], str]
    when: Callable[[BaseException, Attempt], bool] | None = None


def _is(error: BaseException, *types: type[BaseException] | str) -> bool:
    """Return whether an exception is of one of these types, or of aiohttp's with these names."""
    return _is_kind(type(error), *types)


def _is_kind(kind: type[BaseException], *types: type[BaseException] | str) -> bool:
    return any(
        _is_named(kind, each) if isinstance(each, str) else issubclass(kind, each) for each in types
    )


def _is_named(kind: type[BaseException], name: str) -> bool:
    return any(
        each.__name__ == name and each.__module__.startswith("aiohttp.") for each in kind.__mro__
    )


_PROXY_AUTHENTICATION_REQUIRED = 407

_NOT_FOUND = {
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name)
}


def _numbers(*names: str) -> frozenset[int]:
    # Not every platform has every number.
    return frozenset(getattr(errno, name) for name in names if hasattr(errno, name))


_NO_WAY_OUT = _numbers(
    # No address of that family, no port left to send from (EADDRINUSE: on Windows and the BSDs); a
    # kernel, or a sandbox, without IPv6; no device.
    *("EADDRNOTAVAIL", "EADDRINUSE", "EAFNOSUPPORT", "EPFNOSUPPORT", "EPROTONOSUPPORT"),
    *("ESOCKTNOSUPPORT", "ENETDOWN", "ENODEV", "ENXIO"),
)
_FORBIDDEN = _numbers("EACCES", "EPERM")


def _any_errno(
    numbers: frozenset[int], *, by_unix: bool = False
) -> Callable[[BaseException, Attempt], bool]:
    def fits(error: BaseException, attempt: Attempt) -> bool:
        found = not numbers.isdisjoint(messages.error_numbers(error))
        return found and bool(not by_unix or (attempt.target and attempt.target.path))

    return fits


def _from_afar(error: BaseException, _: Attempt) -> bool:
    """Return whether "permission denied" is what the network answered.

    A firewall's "administratively prohibited" arrives so by IPv6 (ICMPv6 types 1.1, 1.5 and 1.6,
    RFC 4443, section 3.1).  asyncio and uvloop put it in these words where the answer came later;
    what this machine forbids, ``connect()`` says at once, in the system's words.
    """
    return f"[Errno {errno.EACCES}] Connect call failed" in str(error)


def _at_proxy(_: BaseException, attempt: Attempt) -> bool:
    return attempt.failed_at_proxy is not None


def _late(error: BaseException, attempt: Attempt) -> bool:
    """Return whether the check's own time is over, and not just a resolver's."""
    for link in _chain(attempt.error):
        if link is error:
            break
        if _is(link, socket.gaierror, "ClientConnectorDNSError"):
            return False
    return True


def _late_at_proxy(error: BaseException, attempt: Attempt) -> bool:
    return _at_proxy(error, attempt) and _late(error, attempt)


def _reaching_proxy(error: BaseException, attempt: Attempt) -> bool:
    """Return whether a proxy cannot be reached, for other reasons than this machine's own."""
    if attempt.failed_at_proxy is not ProxyStep.reach:
        return False
    numbers = set(messages.error_numbers(error))
    ours = bool(numbers) and numbers <= _NO_WAY_OUT | _FORBIDDEN
    return not ours or _from_afar(error, attempt)


def _asking_proxy(error: BaseException, attempt: Attempt) -> bool:
    if attempt.failed_at_proxy is ProxyStep.ask:
        return True
    # An answer to CONNECT that cannot be parsed, whatever its status is.
    in_tunnel = attempt.phase in {None, Phase.response, Phase.body}
    return bool(attempt.proxy) and not in_tunnel and _is(error, "ClientResponseError")


def _no_thread(error: BaseException, _: Attempt) -> bool:
    return str(error).startswith(_NO_THREAD)


_NO_THREAD = (
    "can't start new thread",
    "can't create new thread",  # at interpreter shutdown (3.12)
    "cannot schedule new futures after",  # concurrent.futures, at shutdown
)
"""How CPython begins what it says where no thread is to be had; it has no type of its own."""


def _in_handshake(_: BaseException, attempt: Attempt) -> bool:
    return attempt.phase is Phase.tls


def _name_missing(error: BaseException, _: Attempt) -> bool:
    return isinstance(error, OSError) and error.errno in _NOT_FOUND


def _no_memory_for_tls(error: BaseException, _: Attempt) -> bool:
    # ERR_R_MALLOC_FAILURE (include/openssl/err.h).
    return "MALLOC_FAILURE" in str(error) or "malloc failure" in str(error)


def _no_memory_for_names(error: BaseException, _: Attempt) -> bool:
    return isinstance(error, OSError) and error.errno == socket.EAI_MEMORY


ROWS: tuple[Row, ...] = (
    # What tryconnect itself found. A bad redirect is caused by an invalid address.
    Row((faults.TooManyRedirects,), Reason.too_many_redirects, messages.own_words),
    Row((faults.BadRedirect,), Reason.protocol, messages.own_words),
    Row((faults.ProxyUnusable,), Reason.proxy, messages.own_words),
    Row((InvalidAddress,), Reason.invalid_address, messages.own_words),
    Row((faults.LocalFault,), Reason.local, messages.own_words),
    Row((faults.Blocked,), Reason.blocked, messages.blocked),
    Row((faults.TooLarge,), Reason.too_large, messages.own_words),
    # Want of anything on our side looks like anything: it comes before the rest.
    Row((MemoryError,), Reason.local, messages.out_of_memory),
    Row((socket.gaierror,), Reason.local, messages.out_of_memory, _no_memory_for_names),
    Row((ssl.SSLError,), Reason.local, messages.out_of_memory, _no_memory_for_tls),
    Row(
        (OSError,),
        Reason.local,
        messages.out_of_resources,
        _any_errno(_numbers("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "WSAEMFILE", "WSAENOBUFS")),
    ),
    Row((RuntimeError,), Reason.local, messages.no_thread, _no_thread),
    Row((NoAuthority,), Reason.local, messages.no_authority),
    # The proxy: the same exceptions as the address's own, so it comes before them.
    Row((faults.ProxyRefused,), Reason.proxy, messages.proxy_refused),
    Row(("ClientHttpProxyError",), Reason.proxy, messages.proxy_said),
    Row((TimeoutError,), Reason.proxy, messages.proxy_timeout, _late_at_proxy),
    Row((ssl.SSLError,), Reason.proxy, messages.proxy_handshake, _at_proxy),
    Row((OSError, "ClientError"), Reason.proxy, messages.proxy_unreached, _reaching_proxy),
    Row(
        (OSError, "ClientError", faults.Disconnected, faults.NotHttp),
        Reason.proxy,
        messages.proxy_broke,
        _asking_proxy,
    ),
    Row((TimeoutError,), Reason.timeout, messages.timeout, _late),
    # TLS, before the errors of the operating system: ssl.SSLError is one.
    Row((ssl.SSLCertVerificationError,), Reason.tls_certificate, messages.certificate),
    Row((ssl.SSLError,), Reason.tls_handshake, messages.handshake),
    Row(
        (OSError, "ClientError", faults.Disconnected),
        Reason.tls_handshake,
        messages.handshake_broken,
        _in_handshake,
    ),
    # Names.
    Row((socket.gaierror,), Reason.dns_not_found, messages.name_missing, _name_missing),
    Row((socket.gaierror,), Reason.dns_failed, messages.name_unknown),
    Row(("ClientConnectorDNSError",), Reason.dns_failed, messages.name_unknown),
    # The operating system. Of several addresses' faults, the one that proves most comes first.
    Row((ConnectionRefusedError,), Reason.refused, messages.refused),
    Row((OSError,), Reason.refused, messages.refused, _any_errno(_numbers("ECONNREFUSED"))),
    Row(
        (OSError,),
        Reason.refused,
        messages.no_socket_file,
        _any_errno(
            _numbers("ENOENT", "ENOTSOCK", "ENOTDIR", "EPROTOTYPE", "ELOOP"),
            by_unix=True,
        ),
    ),
    Row(
        # asyncio raises them without a number, too.
        (ConnectionResetError, ConnectionAbortedError, BrokenPipeError),
        Reason.reset,
        messages.reset,
    ),
    Row(("ServerDisconnectedError", faults.Disconnected), Reason.reset, messages.closed),
    Row(
        (OSError,),
        Reason.reset,
        messages.reset,
        # A connection that is gone before we could look is one that was reset.
        _any_errno(
            _numbers("ECONNRESET", "ECONNABORTED", "EPIPE", "ENETRESET", "ENOTCONN", "ESHUTDOWN")
        ),
    ),
    Row((OSError,), Reason.timeout, messages.timeout, _any_errno(_numbers("ETIMEDOUT"))),
    Row(
        (OSError,),
        Reason.unreachable,
        messages.unreachable,
        # What ICMP's "unreachable" becomes (Linux, net/ipv4/icmp.c: icmp_err_convert). And EINVAL:
        # a black hole in our own routing table, or a link-local address without its interface; on
        # Windows, whatever has no number of its own, which is mostly this.
        _any_errno(
            _numbers("ENETUNREACH", "EHOSTUNREACH", "EHOSTDOWN", "ENONET", "ENOPROTOOPT", "EINVAL")
        ),
    ),
    Row((OSError,), Reason.unreachable, messages.unreachable, _from_afar),
    Row((OSError,), Reason.local, messages.no_local_address, _any_errno(_NO_WAY_OUT)),
    Row((OSError,), Reason.local, messages.forbidden, _any_errno(_FORBIDDEN)),
    # The answer itself.
    Row((faults.WrongService,), Reason.protocol, messages.wrong_service),
    Row(("ClientPayloadError",), Reason.body, messages.body_broken),
    Row((ContentEncodingError,), Reason.body, messages.body_unreadable),
    Row(("ClientResponseError", faults.NotHttp), Reason.protocol, messages.not_http),
    Row((Exception,), Reason.unknown, messages.unknown),
)
