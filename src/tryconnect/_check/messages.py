"""The sentences of a report's detail: what happened, and what a person can do about it.

Remote text (certificates, status lines) is escaped before it enters a sentence; addresses are
redacted.  Sentences start in lower case and have no full stop: callers put them behind a colon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tryconnect._model.redaction import escape_control, redact
from tryconnect._model.render import duration
from tryconnect._transport.attempt import Attempt, Phase

if TYPE_CHECKING:
    from tryconnect._model.expect import Expect


# --- what went well


def connected(attempt: Attempt) -> str:
    """The connection opened; nothing more was asked."""
    return f"connected in {duration(attempt.timings.total)}"


def answered(attempt: Attempt) -> str:
    """An HTTP answer came."""
    count = len(attempt.hops)
    after = f" after {count} redirect{'s' * (count > 1)}" if count else ""
    return f"answered {attempt.status} in {duration(attempt.timings.total)}{after}"


def wrong_body(expect: Expect) -> str:
    """The body was read and is not the one wanted."""
    if expect.body == "":
        return "the body should be empty and is not"
    wanted = expect.body if isinstance(expect.body, str) else getattr(expect.body, "pattern", "")
    return f"the body has no {_quoted(wanted)} in it"


# --- deadline


def timeout(_: BaseException, attempt: Attempt) -> str:
    """The deadline passed: what had worked, and what was waited for."""
    timings = attempt.timings
    phases = (timings.dns, timings.connect, timings.tls, timings.response)
    waited = getattr(timings, attempt.phase or "", None)
    if waited is None:  # in the body, or before the first phase
        waited = timings.total - sum(filter(None, phases))
    done = [
        f"{word} in {duration(taken)}"
        for phase, word in _DONE.items()
        if phase is not attempt.phase and (taken := getattr(attempt.timings, phase)) is not None
    ]
    waiting = _WAITING[attempt.phase]
    count = len(attempt.hops)
    before = f"after {count} redirect{'s' * (count > 1)}: " if count else ""
    past = f"{', '.join(done)}, then " if done else ""
    return f"{before}{past}{waiting} for {duration(waited)}"


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
        f"this machine has no room for another connection ({_system_text(error)}): "
        "check fewer addresses at once, or raise the limit of open files"
    )


def no_local_address(error: BaseException, attempt: Attempt) -> str:
    """The kernel has no address or device to send from."""
    return f"this machine has no way to send to {_place(attempt)} ({_system_text(error)})"


def forbidden(error: BaseException, attempt: Attempt) -> str:
    """The kernel does not let this process connect there."""
    return f"this process may not connect to {_place(attempt)} ({_system_text(error)})"


# --- the guard


def blocked(_: BaseException, attempt: Attempt) -> str:
    """The client's guard refused."""
    return f"the client's guard lets nothing connect to {_place(attempt)}"


# --- proxy


def proxy_said(error: BaseException, attempt: Attempt) -> str:
    """The proxy answered CONNECT with something other than 200."""
    status = getattr(error, "status", None)
    if status == 407:  # noqa: PLR2004 - RFC 9110, section 15.5.8
        return proxy_wants_password(error, attempt)
    return f"the proxy answered {status} when asked for {_place(attempt)}"


def proxy_wants_password(_: BaseException | None, __: Attempt) -> str:
    """The proxy wants to know who asks."""
    return "the proxy wants a user name and password (407): write them into the proxy's URL"


def proxy_unreached(error: BaseException, _: Attempt) -> str:
    """The way to the proxy itself failed."""
    host, port = getattr(error, "host", "?"), getattr(error, "port", "?")
    return f"the proxy {host}:{port} cannot be reached ({_system_text(error)})"


def proxy_broke(error: BaseException, _: Attempt) -> str:
    """The proxy did not answer CONNECT as proxies do."""
    text = str(getattr(error, "message", "")) or _system_text(error)
    return f"the proxy let nothing through: it broke off, or is no proxy ({_clean(text)})"


# --- TLS


def certificate(error: BaseException, attempt: Attempt) -> str:
    """The certificate did not pass; OpenSSL's number says why."""
    inner = _unwrapped(error)
    code = getattr(inner, "verify_code", 0)
    message = _clean(getattr(inner, "verify_message", None) or str(inner))
    advice = _ADVICE_ON_CERTIFICATES.get(code)
    told = f": {advice}" if advice else ""
    return f"the certificate of {_place(attempt)} was not accepted ({message}){told}"


# Numbers of OpenSSL's X509_V_ERR_* (include/openssl/x509_vfy.h).
_MORE_TRUST = "if it is right, name its CA in SSL_CERT_FILE or REQUESTS_CA_BUNDLE"
_ADVICE_ON_CERTIFICATES = {
    9: "it is not valid yet; check this machine's clock",
    10: "it has expired",
    18: f"it is self-signed; {_MORE_TRUST}",
    19: f"its chain ends in an unknown CA; {_MORE_TRUST}",
    20: f"its CA is unknown, or the server leaves out an intermediate; {_MORE_TRUST}",
    21: f"its CA is unknown, or the server leaves out an intermediate; {_MORE_TRUST}",
    62: "it is made out to another host name",
    64: "it is made out to another IP address",
    66: "its key is too weak",
    67: "its CA's key is too weak",
    68: "it is signed with a broken digest",
}


def handshake(error: BaseException, attempt: Attempt) -> str:
    """OpenSSL gave up on the handshake, or on what came behind it."""
    reason = getattr(_unwrapped(error), "reason", None) or _system_text(error)
    encrypted = attempt.phase in {Phase.response, Phase.body}
    table = _ADVICE_ON_HANDSHAKES if encrypted else _NO_TLS | _ADVICE_ON_HANDSHAKES
    advice = next((words for mark, words in table.items() if mark in reason), None)
    told = f": {advice}" if advice else ""
    what = "the TLS connection with {} broke" if encrypted else "no TLS connection with {}"
    return f"{what.format(_place(attempt))} ({_clean(reason)}){told}"


_NO_TLS = {
    "WRONG_VERSION_NUMBER": "the port does not speak TLS; try http:// or tcp://",
    "RECORD_LAYER_FAILURE": "the port does not speak TLS; try http:// or tcp://",
    "HTTP_REQUEST": "the port speaks plain HTTP; try http://",
}
_ADVICE_ON_HANDSHAKES = {
    "PROTOCOL_VERSION": "the server knows no TLS version that is still safe",
    "UNSUPPORTED_PROTOCOL": "the server knows no TLS version that is still safe",
    "CERTIFICATE_REQUIRED": "the server wants a client certificate: Client(ssl=…) can bring one",
    "UNRECOGNIZED_NAME": "the server has no site of that name",
    "HANDSHAKE_FAILURE": "server and client have no cipher in common, or it wants a certificate",
}


def handshake_broken(error: BaseException, attempt: Attempt) -> str:
    """The connection ended inside the handshake."""
    inner = _unwrapped(error)
    said = f" ({_system_text(error)})" if str(inner) else ""  # a class's name tells nobody anything
    return f"{_place(attempt)} broke off in the TLS handshake{said}"


# --- names


def name_missing(_: BaseException, attempt: Attempt) -> str:
    """The name servers know no such name."""
    return f"the name {_host(attempt)} does not exist or has no address: is it spelt right?"


def name_unknown(error: BaseException, attempt: Attempt) -> str:
    """The name servers gave no usable answer."""
    return f"the name servers could not look {_host(attempt)} up ({_system_text(error)})"


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
    return f"there is no way to {_place(attempt)} ({_system_text(error)})"


# --- the answer


def body_broken(error: BaseException, _: Attempt) -> str:
    """The body did not arrive whole."""
    inner = error.__cause__ or error
    return f"the body broke off ({_clean(str(getattr(inner, 'message', '') or error))})"


def body_unreadable(error: BaseException, _: Attempt) -> str:
    """The body cannot be unpacked; its coding is named in the peer's own words."""
    return _clean(str(error))


def not_http(error: BaseException, attempt: Attempt) -> str:
    """Something answered that is not HTTP."""
    message = str(getattr(error, "message", "") or type(error).__name__)
    # aiohttp's parser points with a caret, on a line of its own.
    lines = [line for line in message.splitlines() if line.strip(" ^")]
    return f"{_place(attempt)} answers, but not with HTTP ({_clean(' '.join(lines))})"


def unknown(error: BaseException, _: Attempt) -> str:
    """Nobody foresaw this."""
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


def _system_text(error: BaseException) -> str:
    """Say what the operating system or a library said, without numbers and class names."""
    inner = _unwrapped(error)
    text = getattr(inner, "verify_message", None) or getattr(inner, "strerror", None)
    text = text or str(inner) or type(inner).__name__
    return _clean(str(text))


def _unwrapped(error: BaseException) -> BaseException:
    """Return what the operating system or OpenSSL raised, out of aiohttp's wrapping."""
    for name in ("certificate_error", "os_error"):
        error = getattr(error, name, error)
    return error


def _clean(text: str) -> str:
    """Make remote text one short printable line without secrets."""
    line = escape_control(" ".join(redact(text)[:1000].split()))
    return line if len(line) <= 120 else f"{line[:119]}…"  # noqa: PLR2004 - fits two lines


def _quoted(text: str) -> str:
    return f'"{_clean(text)}"'
