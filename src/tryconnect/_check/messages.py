"""The sentences of a report's detail: what happened, and what a person can do about it.

Remote text (certificates, first lines) is escaped before it enters a sentence; addresses are
redacted. Sentences start in lower case and have no full stop: callers put them after a colon.

No library's text enters a sentence: what an exception means is read from its type and its numbers.
Two sentences do quote an exception: the last row's, which is unforeseen, and a resolver's.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from typing import TYPE_CHECKING

from tryconnect._address.target import ENCRYPTED, TargetKind
from tryconnect._model.greeting import greeting_of, recognised
from tryconnect._model.lazy_pattern import lazy_pattern
from tryconnect._model.redaction import escape_control, redact
from tryconnect._model.render import duration
from tryconnect._transport.attempt import Attempt, Phase, ProxyStep
from tryconnect._transport.http_head import raw_fields

if TYPE_CHECKING:
    import re

    from tryconnect._model.expect import Expect
    from tryconnect._model.report import Tls


# --- what went well


def connected(attempt: Attempt) -> str:
    """The connection opened, and all is well that was asked beyond."""
    target = attempt.target
    if target is not None and (greeting := greeting_of(target.scheme)) is not None:
        return f"answered as {greeting.name} does in {duration(attempt.timings.total)}"
    done = "encrypted" if target is not None and target.kind is TargetKind.tls else "connected"
    return f"{done} in {duration(attempt.timings.total)}"


def answered(attempt: Attempt, expect: Expect | None = None) -> str:
    """An HTTP answer came; where a certificate was to be judged, whether there was one."""
    count = len(attempt.hops)
    after = f" after {count} redirect{'s' * (count > 1)}" if count else ""
    plain = expect is not None and expect.cert_days is not None and _tls(attempt) is None
    without = ", without TLS: there is no certificate" if plain else ""
    return f"answered {attempt.status} in {duration(attempt.timings.total)}{after}{without}"


# --- what was expected of it; no sentence where it is so


def wrong_status(expect: Expect, attempt: Attempt) -> str | None:
    """The status is another one."""
    if attempt.status is None or expect.accepts_status(attempt.status):
        return None
    return f"answered {attempt.status}, where {expect.describe_status()} was expected"


def wrong_header(expect: Expect, attempt: Attempt) -> str | None:
    """A header is not there, or has another value."""
    if attempt.status is None or expect.headers is None:
        return None
    fields = raw_fields(attempt.head) if attempt.head else attempt.headers.items()
    missing = expect.missing_in_headers(fields)
    if missing is None:
        return None
    wanted = dict(expect.headers)[missing]
    what = f" with {_wanted(wanted)} in it" if wanted else ""
    return f"the answer has no header {missing}{what}"


def wrong_body(expect: Expect, attempt: Attempt) -> str | None:
    """The body was read and is not the one wanted."""
    if attempt.status is None:
        return None
    missing = expect.missing_in_body(attempt.body.text if attempt.body else "")
    if missing is None:
        return None
    if missing == "":
        return "the body should be empty and is not"
    return f"the body has no {_wanted(missing)} in it"


def _wanted(wanted: str | re.Pattern[str]) -> str:
    return _quoted(wanted if isinstance(wanted, str) else wanted.pattern)


def certificate_ends(expect: Expect, attempt: Attempt) -> str | None:
    """The certificate ends too soon, or there is none where TLS was asked for."""
    if expect.cert_days is None:
        return None
    if (tls := _tls(attempt)) is None:
        missing = f"{_place(attempt)} answered without TLS, so there is no certificate"
        return missing if _began_with_tls(attempt) else None
    end = tls.expires
    if end is None:
        return f"nobody can read when the certificate of {_place(attempt)} ends"
    left = (end.timestamp() - attempt.began) / _DAY
    if left >= expect.cert_days:
        return None
    certificate = f"the certificate of {_place(attempt)}"
    if left < 0:
        return f"{certificate} ended {_days(int(-left))} ago, on {end:%Y-%m-%d}"
    less = f"less than {expect.cert_days:,}"
    return f"{certificate} ends in {_days(int(left))}, on {end:%Y-%m-%d}: {less}"


_DAY = 86_400


def _tls(attempt: Attempt) -> Tls | None:
    """Return the target's own TLS: a request for http:// may go through a proxy that has TLS."""
    plain = attempt.target is not None and attempt.target.scheme == "http"
    return None if plain else attempt.tls


def _began_with_tls(attempt: Attempt) -> bool:
    first = attempt.hops[0] if attempt.hops else attempt.target
    return first is not None and first.url.startswith(ENCRYPTED)


def _days(count: int) -> str:
    return f"{count:,} day{'s' * (count != 1)}"


def too_slow(expect: Expect, attempt: Attempt) -> str | None:
    """All is as expected, but late."""
    if expect.within is None or attempt.timings.total <= expect.within:
        return None
    done = connected(attempt) if attempt.status is None else answered(attempt)
    return f"{done}, where {duration(expect.within)} was expected"


# --- deadline


def timeout(_: BaseException, attempt: Attempt) -> str:
    """The deadline passed: what had worked, and what was waited for."""
    done = [
        f"{word} in {duration(taken)}"
        for phase, word in _DONE.items()
        if phase is not attempt.phase and (taken := getattr(attempt.timings, phase)) is not None
    ]
    waiting = _WAITING[attempt.phase]
    count = len(attempt.hops)
    before = f"after {count} redirect{'s' * (count > 1)}: " if count else ""
    past = f"{', '.join(done)}, then " if done else ""
    return f"{before}{past}{waiting} for {duration(_waited(attempt))}"


def _waited(attempt: Attempt) -> float:
    timings = attempt.timings
    waited: float | None = getattr(timings, attempt.phase or "", None)
    if waited is not None:
        return waited
    phases = (timings.dns, timings.connect, timings.tls, timings.response)
    return timings.total - sum(filter(None, phases))  # in the body, or before the first phase


_DONE = {
    Phase.dns: "name found",
    Phase.connect: "connected",
    Phase.tls: "encrypted",
    Phase.response: "answered",
}
_WAITING = {
    None: "nothing more happened",
    Phase.dns: "no answer from the name servers",
    Phase.connect: "no connection",
    Phase.tls: "no end of the TLS handshake",
    Phase.response: "no answer",
    Phase.body: "no end of the body",
}


# --- our own machine


def own_words(error: BaseException, _: Attempt) -> str:
    """The fault is tryconnect's own and says what it is."""
    return str(error)


def out_of_memory(_: BaseException, __: Attempt) -> str:
    """No memory is left."""
    return "this machine is out of memory; the address was not tried to its end"


def out_of_resources(error: BaseException, _: Attempt) -> str:
    """No descriptors or buffers are left."""
    return (
        f"this machine has no room for another connection{_because(error)}: "
        f"check fewer addresses at once, or {_remedy(error)}"
    )


def _remedy(error: BaseException) -> str:
    if {errno.ENOMEM, errno.ENOBUFS}.isdisjoint(error_numbers(_unwrapped(error))):
        return "raise the limit of open files"
    return "give it more memory"


def no_local_address(error: BaseException, attempt: Attempt) -> str:
    """The kernel has no address or device to send from."""
    return f"this machine has no way to send to {_peer(attempt)}{_because(error)}"


def forbidden(error: BaseException, attempt: Attempt) -> str:
    """The kernel does not let this process connect there."""
    return f"this process may not connect to {_peer(attempt)}{_because(error)}"


def no_thread(error: BaseException, _: Attempt) -> str:
    """No thread is left."""
    if "shutdown" in str(error):
        return "the interpreter is shutting down, and starts no more threads"
    return (
        "this machine cannot start another thread: check fewer addresses at once, or raise its "
        "limit of processes"
    )


def no_authority(_: BaseException, attempt: Attempt) -> str:
    """No certificate could have been accepted: the store is empty."""
    return (
        f"the certificate of {_peer(attempt)} cannot be judged, because this machine trusts no "
        "authority at all: install ca-certificates, or name a file of them in SSL_CERT_FILE"
    )


# --- the guard


def blocked(_: BaseException, attempt: Attempt) -> str:
    """The client's guard refused."""
    return f"the client's guard lets nothing connect to {_peer(attempt)}"


# --- proxy


def proxy_said(error: BaseException, attempt: Attempt) -> str:
    """The proxy answered CONNECT with something other than 200."""
    status = getattr(error, "status", None)
    if status == 407:  # noqa: PLR2004 - RFC 9110, section 15.5.8
        return proxy_wants_password(error, attempt)
    return f"{_proxy(attempt)} answered {status} when asked for {_place(attempt)}"


def proxy_refused(error: BaseException, attempt: Attempt) -> str:
    """A SOCKS proxy does not connect."""
    return f"{_proxy(attempt)} {error} when asked for {_place(attempt)}"


def proxy_wants_password(_: BaseException | None, attempt: Attempt) -> str:
    """The proxy demands credentials, or does not accept those that it was given."""
    if attempt.proxy and attempt.proxy.has_password:
        return f"{_proxy(attempt)} does not accept the user name and password in its URL (407)"
    return f"{_proxy(attempt)} wants a user name and password (407): write them into its URL"


def proxy_timeout(_: BaseException, attempt: Attempt) -> str:
    """The deadline passed, and nothing had come through the proxy."""
    waited = duration(_waited(attempt))
    if attempt.failed_at_proxy is ProxyStep.reach:
        return f"{_proxy(attempt)} cannot be reached: {_WAITING[attempt.phase]} for {waited}"
    return (
        f"{_proxy(attempt)} gave no answer for {waited} when asked for {_place(attempt)}: "
        "it is no HTTP proxy, or waits for what is behind it"
    )


def proxy_unreached(error: BaseException, attempt: Attempt) -> str:
    """The way to the proxy itself failed."""
    return f"{_proxy(attempt)} cannot be reached{_because(error)}"


def proxy_handshake(error: BaseException, attempt: Attempt) -> str:
    """The TLS handshake with the proxy failed."""
    inner = _unwrapped(error)
    if isinstance(inner, ssl.SSLCertVerificationError):
        advice = _ADVICE_ON_CERTIFICATES.get(getattr(inner, "verify_code", 0))
    else:
        advice = _advice(_ssl_reason(inner), _NO_TLS_PROXY | _ADVICE_ON_HANDSHAKES)
    told = f": {advice}" if advice else ""
    return f"{proxy_unreached(error, attempt)}{told}"


_NO_TLS_PROXY = dict.fromkeys(
    ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"),
    "it speaks no TLS; write http:// in its URL",
)


def proxy_broke(_: BaseException, attempt: Attempt) -> str:
    """The proxy did not answer as proxies do."""
    if not attempt.said:
        return (
            f"{_proxy(attempt)} broke the connection off without an answer when asked for "
            f"{_place(attempt)}"
        )
    service = recognised(attempt.said)
    if service is None:
        return f"{_proxy(attempt)} answers, but not with HTTP ({_beginning(attempt)})"
    name = service.name
    if name == "TLS":
        return f"{_proxy(attempt)} speaks TLS: write https:// in its URL"
    advice = _ADVICE_ON_PROXIES.get(name, "not HTTP: is its port right?")
    return f"{_proxy(attempt)} speaks {name}, {advice} ({_beginning(attempt)})"


_ADVICE_ON_PROXIES = {
    "SOCKS": "not HTTP: write socks5h:// in its URL",
    "HTTP/2": "and only proxies with HTTP/1.1 can be used",
}


# --- TLS


def certificate(error: BaseException, attempt: Attempt) -> str:
    """The certificate did not pass; OpenSSL's number says why."""
    inner = _unwrapped(error)
    code = getattr(inner, "verify_code", 0)
    advice = _ADVICE_ON_CERTIFICATES.get(code)
    told = f": {advice}" if advice else ""
    return f"the certificate of {_place(attempt)} was not accepted{_because(error)}{told}"


# Numbers of OpenSSL's X509_V_ERR_* (include/openssl/x509_vfy.h).
_MORE_TRUST = "if it is right, name its CA in SSL_CERT_FILE or REQUESTS_CA_BUNDLE"
_ADVICE_ON_CERTIFICATES = {
    9: "it is not valid yet; check this machine's clock",
    10: "it has expired",
    18: f"it is self-signed; {_MORE_TRUST}",
    19: f"its chain ends in an unknown CA; {_MORE_TRUST}",
    20: f"its CA is unknown, or the server leaves out an intermediate; {_MORE_TRUST}",
    21: f"its CA is unknown, or the server leaves out an intermediate; {_MORE_TRUST}",
    23: "its CA has revoked it",
    26: "it is not made out for servers",
    32: "its CA may not issue certificates",
    34: "it has an extension that is critical, and that OpenSSL does not know",
    62: "its subjectAltName lacks it, so it is made out to another host name",
    64: "it is made out to another IP address",
    66: "its key is too weak",
    67: "its CA's key is too weak",
    68: "it is signed with a broken digest",
    78: "it contradicts itself on how it is signed",
    79: "its CA may not issue certificates",
}

# What ssl.VERIFY_X509_STRICT looks for, which Python 3.13 switches on.
_STRICT = range(80, 95)
_ADVICE_ON_CERTIFICATES |= dict.fromkeys(
    _STRICT,
    "it or its CA's is not made as RFC 5280 says; issue it anew, or bring a context without "
    "ssl.VERIFY_X509_STRICT (set from Python 3.13 on) with Client(ssl=…)",
)


def handshake(error: BaseException, attempt: Attempt) -> str:
    """OpenSSL gave up on the handshake, or on what came after it."""
    encrypted = attempt.phase in {Phase.response, Phase.body}
    table = _ADVICE_ON_HANDSHAKES if encrypted else _NO_TLS | _ADVICE_ON_HANDSHAKES
    advice = _advice(_ssl_reason(_unwrapped(error)), table)
    told = f": {advice}" if advice else ""
    what = "the TLS connection with {} broke" if encrypted else "no TLS connection with {}"
    return f"{what.format(_place(attempt))}{_because(error)}{told}"


def _advice(reason: str, table: dict[str, str]) -> str | None:
    return next((words for mark, words in table.items() if mark in reason), None)


# Marks are parts of OpenSSL's names for reasons (include/openssl/sslerr.h).
_NO_TLS = {
    "WRONG_VERSION_NUMBER": "the port does not speak TLS; try http:// or tcp://",
    "RECORD_LAYER_FAILURE": "the port does not speak TLS; try http:// or tcp://",
    "PACKET_LENGTH_TOO_LONG": "the port does not speak TLS; try http:// or tcp://",
    "HTTP_REQUEST": "the port speaks plain HTTP; try http://",
}
_OLD_VERSION = "the server knows no TLS version that is still safe"
_WEAK = "the server's ciphers or keys are too weak for this machine; they need an update"
_WANTS_CERTIFICATE = "the server wants a client certificate: Client(cert_file=…) can bring one"
_OTHER_CERTIFICATE = "the server does not accept the client certificate"
_ADVICE_ON_HANDSHAKES = {
    # RFC 7301, section 3.2: none of the protocols that were offered; checks offer HTTP/1.1.
    "NO_APPLICATION_PROTOCOL": "the server speaks HTTP/2 only, and checks speak HTTP/1.1; try "
    "tcp://",
    "PROTOCOL_VERSION": _OLD_VERSION,
    "UNSUPPORTED_PROTOCOL": _OLD_VERSION,
    "WRONG_SSL_VERSION": _OLD_VERSION,
    "UNSAFE_LEGACY_RENEGOTIATION": "the server cannot renegotiate safely (RFC 5746) and needs an "
    "update; Client(ssl=…) with ssl.OP_LEGACY_SERVER_CONNECT takes it all the same",
    "DH_KEY_TOO_SMALL": "the server's Diffie-Hellman key is too small; it needs an update",
    "MODULUS_TOO_SMALL": "the server's Diffie-Hellman key is too small; it needs an update",
    "EE_KEY_TOO_SMALL": _WEAK,
    "WRONG_SIGNATURE_TYPE": _WEAK,
    "LEGACY_SIGALG": _WEAK,
    "WRONG_CIPHER_RETURNED": _WEAK,
    # RFC 8446, section 6.2.
    "INSUFFICIENT_SECURITY": "the server wants stronger ciphers than this machine offers",
    "CERTIFICATE_REQUIRED": _WANTS_CERTIFICATE,
    "ALERT_BAD_CERTIFICATE": _OTHER_CERTIFICATE,
    "ALERT_UNSUPPORTED_CERTIFICATE": _OTHER_CERTIFICATE,
    "ALERT_CERTIFICATE": _OTHER_CERTIFICATE,
    "ALERT_UNKNOWN_CA": _OTHER_CERTIFICATE,
    "ALERT_ACCESS_DENIED": "the server lets this client do nothing",
    "ALERT_INTERNAL_ERROR": "the server has a fault of its own, or no certificate of that name",
    "UNRECOGNIZED_NAME": "the server has no site of that name",
    "HANDSHAKE_FAILURE": "server and client have no cipher in common, or it wants a certificate",
}


def handshake_broken(error: BaseException, attempt: Attempt) -> str:
    """The connection ended inside the handshake."""
    return f"{_place(attempt)} broke off in the TLS handshake{_because(error)}"


# --- names


def name_missing(_: BaseException, attempt: Attempt) -> str:
    """The name servers know no such name."""
    return f"the name {_host(attempt)} does not exist or has no address: is it spelt right?"


def name_unknown(error: BaseException, attempt: Attempt) -> str:
    """The name servers gave no usable answer."""
    return f"the name servers could not look {_host(attempt)} up{_because(error, resolver=True)}"


# --- the way there


def refused(_: BaseException, attempt: Attempt) -> str:
    """Nothing listens there."""
    return f"nothing listens at {_place(attempt)}"


def no_socket_file(_: BaseException, attempt: Attempt) -> str:
    """A unix address names no socket."""
    return f"there is no socket at {_place(attempt)}"


def reset(_: BaseException, attempt: Attempt) -> str:
    """The connection was torn down."""
    return f"{_place(attempt)} broke the connection off before it answered"


def closed(_: BaseException, attempt: Attempt) -> str:
    """The connection was closed in order, but too early."""
    return f"{_place(attempt)} closed the connection without an answer"


def unreachable(error: BaseException, attempt: Attempt) -> str:
    """There is no route, or no machine at its end."""
    return f"there is no way to {_place(attempt)}{_because(error)}"


# --- the answer


def body_broken(_: BaseException, __: Attempt) -> str:
    """The body did not arrive whole."""
    return "the body broke off before its end, or its framing is broken"


def body_unreadable(error: BaseException, _: Attempt) -> str:
    """The body cannot be unpacked; its coding is named in the peer's own words."""
    return _clean(str(error))


def not_http(error: BaseException, attempt: Attempt) -> str:
    """Something answered that is not HTTP, or is broken."""
    place = _place(attempt)
    if not attempt.said:
        return f"{place} answers, but not with HTTP"
    service = recognised(attempt.said)
    if service is not None:
        usual = f"not HTTP: try {service.scheme or 'tcp'}://"
        advice = _ADVICE_ON_PROTOCOLS.get(service.name, usual)
        return f"{place} speaks {service.name}, {advice} ({_beginning(attempt)})"
    if not attempt.said.startswith(b"HTTP/"):
        return f"{place} answers, but not with HTTP ({_beginning(attempt)})"
    text = str(getattr(error, "message", error))
    what = next((words for mark, words in _BROKEN_HEADS.items() if mark in text), "broken")
    return f"{place} answers, but not with HTTP ({what} after {_beginning(attempt)})"


def wrong_service(_: BaseException, attempt: Attempt) -> str:
    """Something answered that is not the service, or one that is not ready."""
    place, said = _place(attempt), attempt.said
    greeting = greeting_of(attempt.target.scheme) if attempt.target else None
    wanted = greeting.name if greeting else "the service"
    if said[:5].upper() == b"HTTP/":
        return f"{place} speaks HTTP, not {wanted}: try http:// ({_beginning(attempt)})"
    other = recognised(said)
    if other is None or wanted in other.name:
        return f"{place} does not answer as {wanted} should ({_beginning(attempt)})"
    advice = f": try {other.scheme}://" if other.scheme else ""
    return f"{place} speaks {other.name}, not {wanted}{advice} ({_beginning(attempt)})"


_ADVICE_ON_PROTOCOLS = {
    "TLS": "not plain HTTP: try https://",
    "HTTP/2": "and checks speak HTTP/1.1: try tcp://",
}
_BROKEN_HEADS = {"Too many": "too many headers", "more than": "too long a line"}
"""What aiohttp's parser says of a head, and what that means; everything else is "broken"."""


def unknown(error: BaseException, _: Attempt) -> str:
    """The fault is unforeseen."""
    return f"an unforeseen fault: {_clean(f'{type(error).__name__}: {error}')}"


# --- parts of sentences


def _host(attempt: Attempt) -> str:
    return attempt.target.host if attempt.target else "?"


def _place(attempt: Attempt) -> str:
    target = attempt.target
    if target is None:
        return "the address"
    host = f"[{target.host}]" if ":" in target.host else target.host
    return target.path or f"{host}:{target.port}"


def _peer(attempt: Attempt) -> str:
    """Return the peer of the connection that failed: the proxy, or the target itself."""
    return _proxy(attempt) if attempt.failed_at_proxy else _place(attempt)


def _proxy(attempt: Attempt) -> str:
    return f"the proxy {attempt.proxy.place}" if attempt.proxy else "the proxy"


def _beginning(attempt: Attempt) -> str:
    """Quote how an answer begins: its first line, or as much of it as is of use."""
    line, end, _ = attempt.said.lstrip(b"\r\n").partition(b"\n")
    if not end:  # it may be cut within an address, before what would show that it has a password
        line = line.partition(b"://")[0]
    return _quoted(line.decode("utf-8", "surrogateescape"), most=60)


def _because(error: BaseException, *, resolver: bool = False) -> str:
    """Return what the operating system or OpenSSL calls an error, in brackets, or nothing.

    Args:
        error: the exception.
        resolver: take a resolver's own words, too, where it has no number.
    """
    inner = _unwrapped(error)
    if isinstance(inner, ssl.SSLCertVerificationError):
        text = getattr(inner, "verify_message", "")
    elif isinstance(inner, ssl.SSLError):
        text = _ssl_reason(inner)
    elif isinstance(inner, socket.gaierror) or resolver:
        text = _resolver_text(inner)
    else:
        text = "; ".join(dict.fromkeys(map(os.strerror, error_numbers(inner))))
    return f" ({_clean(text)})" if text else ""


def _ssl_reason(error: BaseException) -> str:
    """Return OpenSSL's name for what was wrong, also for those that Python has no name of."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, str) and _SSL_NAME.fullmatch(reason):
        return reason
    found = _SSL_TEXT.search(str(error))
    return found[1] or found[2].strip().upper().replace(" ", "_") if found else ""


_SSL_NAME = lazy_pattern(r"[A-Z0-9_]+")
_SSL_TEXT = lazy_pattern(r"\[SSL(?:: ([A-Z0-9_]+))?\] ([A-Za-z0-9 ]*)")
"""How Python puts it: ``[SSL] tlsv1 alert no application protocol (_ssl.c:1006)``."""


def _resolver_text(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return "" if _NUMBERED.search(str(text)) else str(text)


_NUMBERED = lazy_pattern(r"\[\w+ -?\d+\]|_ssl\.c")
"""A library's text about another's error."""


def _unwrapped(error: BaseException) -> BaseException:
    """Return what the operating system or OpenSSL raised, out of aiohttp's wrapping."""
    for name in ("certificate_error", "os_error"):
        error = getattr(error, name, error)
    return error


def _clean(text: str, *, most: int = 120) -> str:
    """Make remote text one short printable line without secrets."""
    line = escape_control(" ".join(redact(text)[:1000].split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _quoted(text: str, *, most: int = 120) -> str:
    return f'"{_clean(text, most=most)}"'


def error_numbers(error: BaseException) -> tuple[int, ...]:
    """Return every error number of an ``OSError``, in their order, each once.

    Where several addresses of a name failed differently, aiohappyeyeballs joins their texts into
    one ``OSError`` without a number: ``Multiple exceptions: [Errno 111] …, [Errno 101] …``.
    """
    if not isinstance(error, OSError) or isinstance(error, socket.gaierror):  # which has its own
        return ()
    if error.errno is not None:
        return (error.errno,)
    if not error.args:  # as most that tell of a deadline
        return ()
    return tuple(dict.fromkeys(int(number) for number in _NUMBER.findall(str(error))))


_NUMBER = lazy_pattern(r"\[(?:Errno|WinError) (\d+)\]")
