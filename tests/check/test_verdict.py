"""Attempts become reports: a case for each row of the table, real errors where that is simple."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from tryconnect._address.target import parse
from tryconnect._check import messages, verdict
from tryconnect._check.messages import error_numbers
from tryconnect._check.verdict import ROWS, Row, judge
from tryconnect._model import faults
from tryconnect._model.expect import Expect
from tryconnect._model.faults import ContentEncodingError
from tryconnect._model.render import duration
from tryconnect._model.report import Hop, Report, Timings, Tls
from tryconnect._model.text import Decoded, EncodingSource
from tryconnect._transport.attempt import Attempt, Phase, ProxyRoute, ProxyStep
from tryconnect._transport.tls import NoAuthority
from tryconnect.errors import InvalidAddress, Reason
from tryconnect.testing import server_context, trusting

ADDRESS = "https://good.test/"
TARGET = parse(ADDRESS)
PLAIN = Attempt(target=TARGET, timings=Timings(total=10.0))
PROXIED = Attempt(target=TARGET, proxy=ProxyRoute("proxy.test:3128"))
REACHING = replace(PROXIED, failed_at_proxy=ProxyStep.reach, phase=Phase.connect)
ASKING = replace(REACHING, failed_at_proxy=ProxyStep.ask)
WITH_PASSWORD = replace(ASKING, proxy=ProxyRoute("proxy.test:3128", has_password=True))
IN_TLS = Attempt(target=TARGET, phase=Phase.tls)
TCP = Attempt(target=parse("tcp://[::1]:22"))
UNIX = Attempt(target=parse("unix:///run/app.sock"))


# --- errors as they come


def system(name: str) -> OSError:
    """The operating system's error of that name; Python picks the class."""
    number = getattr(errno, name)
    return OSError(number, os.strerror(number))


def said(name: str) -> str:
    """What the operating system says of that error."""
    return os.strerror(getattr(errno, name))


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def key(host: str = "good.test", port: int = 443) -> ConnectionKey:
    return ConnectionKey(host, port, is_ssl=True, ssl=True, proxy=None, proxy_auth=None,
                         proxy_headers_hash=None)  # fmt: skip


def unconnected(os_error: OSError, host: str = "good.test") -> BaseException:
    """What aiohttp makes of an error while connecting."""
    return caused(aiohttp.ClientConnectorError(key(host), os_error), os_error)


def several(*names: str) -> OSError:
    """What aiohappyeyeballs makes of addresses that fail differently."""
    faults = ", ".join(str(system(name)) for name in names)
    return OSError(f"Multiple exceptions: {faults}")


def unresolved(number: int, text: str, host: str = "good.test") -> BaseException:
    fault = socket.gaierror(number, text)
    return caused(aiohttp.ClientConnectorDNSError(key(host, 443), fault), fault)


def shaken(kind: str, host: str = "good.test") -> ssl.SSLError:
    """The client's error of a handshake in memory with a server of this kind."""
    return _handshake(server_context(kind), trusting(), host)


def _handshake(
    server: ssl.SSLContext | None, client: ssl.SSLContext, host: str, said: bytes = b""
) -> ssl.SSLError:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(to_client, to_server, server_hostname=host)]
    if server is not None:
        ends.append(server.wrap_bio(to_server, to_client, server_side=True))
    to_client.write(said)
    for _ in range(5):
        for end in ends:
            try:
                end.do_handshake()
                end.read(0 if end is not ends[0] else 1)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                if end is ends[0]:
                    return error
    raise AssertionError("both ends are content")


def no_tls(said: bytes) -> ssl.SSLError:
    """The client's error where the other side does not speak TLS."""
    return _handshake(None, trusting(), "good.test", said)


def wrapped_certificate(kind: str, host: str = "good.test") -> BaseException:
    fault = shaken(kind)
    assert isinstance(fault, ssl.SSLCertVerificationError)
    return caused(aiohttp.ClientConnectorCertificateError(key(host), fault), fault)


def request_info() -> aiohttp.RequestInfo:
    return aiohttp.RequestInfo(URL(ADDRESS), "GET", CIMultiDictProxy(CIMultiDict[str]()))


def proxy_answer(status: int) -> aiohttp.ClientHttpProxyError:
    return aiohttp.ClientHttpProxyError(request_info(), (), status=status, message="no")


def broken_answer(message: str) -> aiohttp.ClientResponseError:
    return aiohttp.ClientResponseError(request_info(), (), status=400, message=message)


# --- the table


class Case(NamedTuple):
    """What ended an attempt, and what is to be said of it."""

    name: str
    error: BaseException
    reason: Reason
    detail: str
    attempt: Attempt = PLAIN


R = Reason
MORE_TRUST = "if it is right, name its CA in SSL_CERT_FILE or REQUESTS_CA_BUNDLE"
NO_ROOM = "check fewer addresses at once, or raise the limit of open files"
NOT_ACCEPTED = "the certificate of good.test:443 was not accepted"
NO_TLS = "no TLS connection with good.test:443"

CASES = [
    # What tryconnect itself found.
    Case(
        "no address",
        InvalidAddress("a b", "wrong", 1, 2),
        R.invalid_address,
        "wrong\n    a b\n     ^",
        Attempt(target=None),
    ),
    Case("redirects", faults.TooManyRedirects("no end"), R.too_many_redirects, "no end"),
    Case("a bad redirect", faults.BadRedirect("to ftp"), R.protocol, "to ftp"),
    Case(
        "a bad redirect, caused by a text that is no address",
        caused(faults.BadRedirect("to nowhere"), InvalidAddress("a b", "wrong")),
        R.protocol,
        "to nowhere",
    ),
    Case(
        "a SOCKS proxy that does not connect",
        faults.ProxyRefused("does not allow the connection"),
        R.proxy,
        "the proxy proxy.test:3128 does not allow the connection when asked for good.test:443",
        PROXIED,
    ),
    Case("a strange proxy", faults.ProxyUnusable("socks5"), R.proxy, "socks5"),
    Case(
        "the guard",
        unconnected(faults.Blocked()),
        R.blocked,
        "the client's guard lets nothing connect to good.test:443",
    ),
    Case("our settings", faults.LocalFault("no such file"), R.local, "no such file"),
    Case("a long body", faults.TooLarge("over 10 bytes"), R.too_large, "over 10 bytes"),
    # Want on our side.
    Case(
        "no memory",
        MemoryError(),
        R.local,
        "this machine is out of memory; the address was not tried to its end",
    ),
    Case(
        "no descriptors",
        unconnected(system("EMFILE")),
        R.local,
        "this machine has no room for another connection (" + said("EMFILE") + "): " + NO_ROOM,
    ),
    Case(
        "no descriptors for one of several addresses",
        several("ECONNREFUSED", "EMFILE"),
        R.local,
        "this machine has no room for another connection "
        f"({said('ECONNREFUSED')}; {said('EMFILE')}): {NO_ROOM}",
    ),
    Case(
        "no thread",
        RuntimeError("can't start new thread"),
        R.local,
        "this machine cannot start another thread: check fewer addresses at once, or raise its "
        "limit of processes",
    ),
    Case(
        "no thread at the interpreter's end",
        RuntimeError("can't create new thread at interpreter shutdown"),
        R.local,
        "the interpreter is shutting down, and starts no more threads",
    ),
    Case(
        "no memory for TLS",
        ssl.SSLError(1, "[SSL] malloc failure (_ssl.c:3113)"),
        R.local,
        "this machine is out of memory; the address was not tried to its end",
    ),
    Case(
        "nobody is trusted",
        NoAuthority(1, "unable to get local issuer certificate"),
        R.local,
        "the certificate of good.test:443 cannot be judged, because this machine trusts no "
        "authority at all: install ca-certificates, or name a file of them in SSL_CERT_FILE",
    ),
    Case(
        "no memory in the kernel",
        system("ENOMEM"),
        R.local,
        f"this machine has no room for another connection ({said('ENOMEM')}): check fewer "
        "addresses at once, or give it more memory",
    ),
    # The proxy.
    Case(
        "the proxy refuses",
        proxy_answer(403),
        R.proxy,
        "the proxy proxy.test:3128 answered 403 when asked for good.test:443",
        ASKING,
    ),
    Case(
        "the proxy wants a password",
        proxy_answer(407),
        R.proxy,
        "the proxy proxy.test:3128 wants a user name and password (407): write them into its URL",
        ASKING,
    ),
    Case(
        "the proxy wants another password",
        proxy_answer(407),
        R.proxy,
        "the proxy proxy.test:3128 does not accept the user name and password in its URL (407)",
        WITH_PASSWORD,
    ),
    Case(
        "no proxy there",
        caused(
            aiohttp.ClientProxyConnectionError(key("proxy.test", 3128), system("ECONNREFUSED")),
            system("ECONNREFUSED"),
        ),
        R.proxy,
        f"the proxy proxy.test:3128 cannot be reached ({said('ECONNREFUSED')})",
        REACHING,
    ),
    Case(
        "no proxy at several addresses",
        several("ECONNREFUSED", "ENETUNREACH"),
        R.proxy,
        f"the proxy proxy.test:3128 cannot be reached "
        f"({said('ECONNREFUSED')}; {said('ENETUNREACH')})",
        REACHING,
    ),
    Case(
        "this process may not connect to the proxy",
        unconnected(system("EACCES")),
        R.local,
        f"this process may not connect to the proxy proxy.test:3128 ({said('EACCES')})",
        REACHING,
    ),
    Case(
        "the guard does not let the proxy through",
        unconnected(faults.Blocked()),
        R.blocked,
        "the client's guard lets nothing connect to the proxy proxy.test:3128",
        REACHING,
    ),
    Case(
        "the proxy breaks off before it lets us through",
        aiohttp.ServerDisconnectedError(),
        R.proxy,
        "the proxy proxy.test:3128 broke the connection off without an answer when asked for "
        "good.test:443",
        ASKING,
    ),
    Case(
        "the proxy's name is unknown",
        unresolved(socket.EAI_NONAME, "Name or service not known", "proxy.test"),
        R.proxy,
        "the proxy proxy.test:3128 cannot be reached (Name or service not known)",
        REACHING,
    ),
    Case(
        "the proxy cannot be reached in time",
        TimeoutError(),
        R.proxy,
        "the proxy proxy.test:3128 cannot be reached: no connection for 2 s",
        replace(REACHING, timings=Timings(connect=2.0, total=2.0)),
    ),
    Case(
        "the proxy is silent",
        TimeoutError(),
        R.proxy,
        "the proxy proxy.test:3128 gave no answer for 2 s when asked for good.test:443: it is no "
        "HTTP proxy, or waits for what is behind it",
        replace(ASKING, timings=Timings(connect=2.0, total=2.0)),
    ),
    Case(
        "the proxy speaks SOCKS",
        broken_answer("Bad status line"),
        R.proxy,
        "the proxy proxy.test:3128 speaks SOCKS, not HTTP: write socks5h:// in its URL "
        r'("\x05\xff")',
        replace(ASKING, head=b"\x05\xff"),
    ),
    Case(
        "the proxy speaks TLS",
        faults.NotHttp(),
        R.proxy,
        "the proxy proxy.test:3128 speaks TLS: write https:// in its URL",
        replace(ASKING, head=b"\x15\x03\x01\x00\x02\x02\x16"),
    ),
    Case(
        "the proxy speaks whatever",
        broken_answer("Bad status line"),
        R.proxy,
        'the proxy proxy.test:3128 answers, but not with HTTP ("hello")',
        replace(ASKING, head=b"hello\r\nworld"),
    ),
    Case(
        "the proxy speaks no TLS",
        no_tls(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        R.proxy,
        "the proxy proxy.test:3128 cannot be reached (WRONG_VERSION_NUMBER): it speaks no TLS; "
        "write http:// in its URL",
        REACHING,
    ),
    Case(
        "a machine of this link, seen through a good proxy",
        unconnected(system("ECONNREFUSED"), "fe80::1%25eth0"),
        R.refused,
        "nothing listens at [fe80::1%eth0]:443",
        replace(PROXIED, target=parse("https://[fe80::1%25eth0]/")),
    ),
    Case(
        "the proxy's certificate",
        wrapped_certificate("expired", "proxy.test"),
        R.proxy,
        "the proxy proxy.test:3128 cannot be reached (certificate has expired): it has expired",
        REACHING,
    ),
    Case(
        "a bad certificate, seen through a good proxy",
        wrapped_certificate("expired"),
        R.tls_certificate,
        f"{NOT_ACCEPTED} (certificate has expired): it has expired",
        PROXIED,
    ),
    # TLS.
    Case(
        "expired",
        shaken("expired"),
        R.tls_certificate,
        f"{NOT_ACCEPTED} (certificate has expired): it has expired",
    ),
    Case(
        "not valid yet",
        wrapped_certificate("not_yet_valid"),
        R.tls_certificate,
        f"{NOT_ACCEPTED} (certificate is not yet valid): "
        "it is not valid yet; check this machine's clock",
    ),
    Case(
        "wrong host",
        shaken("wrong_host"),
        R.tls_certificate,
        f"{NOT_ACCEPTED} (Hostname mismatch, certificate is not valid for 'good.test'.): "
        "its subjectAltName lacks it, so it is made out to another host name",
    ),
    Case(
        "wrong IP address",
        shaken("wrong_host", "192.0.2.1"),
        R.tls_certificate,
        f"{NOT_ACCEPTED} (IP address mismatch, certificate is not valid for '192.0.2.1'.): "
        "it is made out to another IP address",
    ),
    Case(
        "self-signed",
        shaken("self_signed"),
        R.tls_certificate,
        f"{NOT_ACCEPTED} (self-signed certificate): it is self-signed; {MORE_TRUST}",
    ),
    Case(
        "unknown CA",
        shaken("unknown_ca"),
        R.tls_certificate,
        f"{NOT_ACCEPTED} (unable to get local issuer certificate): "
        f"its CA is unknown, or the server leaves out an intermediate; {MORE_TRUST}",
    ),
    Case(
        "a certificate with a fault that we have no advice on",
        ssl.SSLCertVerificationError(1, "strange"),
        R.tls_certificate,
        NOT_ACCEPTED,
    ),
    Case(
        "no TLS, but SSH",
        no_tls(b"SSH-2.0-OpenSSH_9.2\r\n"),
        R.tls_handshake,
        f"{NO_TLS} (WRONG_VERSION_NUMBER): the port does not speak TLS; try http:// or tcp://",
    ),
    Case(
        "a name that the server does not have",
        shaken("sni_needed", "localhost"),
        R.tls_handshake,
        f"{NO_TLS} (TLSV1_UNRECOGNIZED_NAME): the server has no site of that name",
    ),
    Case(
        "an error without a reason",
        ssl.SSLError("strange"),
        R.tls_handshake,
        NO_TLS,
    ),
    Case(
        "reset in the handshake",
        unconnected(system("ECONNRESET")),
        R.tls_handshake,
        f"good.test:443 broke off in the TLS handshake ({said('ECONNRESET')})",
        IN_TLS,
    ),
    Case(
        "closed in the handshake",
        aiohttp.ServerDisconnectedError(),
        R.tls_handshake,
        "good.test:443 broke off in the TLS handshake",
        IN_TLS,
    ),
    # The deadline.
    Case("the deadline", TimeoutError(), R.timeout, "nothing more happened for 10 s"),
    Case(
        "the deadline, in the handshake",
        TimeoutError(),
        R.timeout,
        "no end of the TLS handshake for 0.0 ms",
        IN_TLS,
    ),
    Case(
        "the system's own deadline",
        unconnected(system("ETIMEDOUT")),
        R.timeout,
        "nothing more happened for 10 s",
    ),
    Case(
        "several addresses, all silent",
        unconnected(several("ETIMEDOUT", "EHOSTUNREACH")),
        R.timeout,
        "nothing more happened for 10 s",
    ),
    # Names.
    Case(
        "no such name",
        unresolved(socket.EAI_NONAME, "Name or service not known"),
        R.dns_not_found,
        "the name good.test does not exist or has no address: is it spelt right?",
    ),
    Case(
        "no name server",
        unresolved(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        R.dns_failed,
        "the name servers could not look good.test up (Temporary failure in name resolution)",
    ),
    Case(
        "no memory to look a name up",
        unresolved(socket.EAI_MEMORY, "Memory allocation failure"),
        R.local,
        "this machine is out of memory; the address was not tried to its end",
    ),
    Case(
        "a resolver whose time is over",
        caused(
            aiohttp.ClientConnectorDNSError(key(), socket.gaierror(socket.EAI_AGAIN, "late")),
            TimeoutError(),
        ),
        R.dns_failed,
        "the name servers could not look good.test up (late)",
    ),
    Case(
        "a resolver of the caller's own",
        aiohttp.ClientConnectorDNSError(key(), OSError(None, "lost the phone book")),
        R.dns_failed,
        "the name servers could not look good.test up (lost the phone book)",
    ),
    # The operating system.
    Case(
        "refused",
        unconnected(system("ECONNREFUSED")),
        R.refused,
        "nothing listens at good.test:443",
    ),
    Case("refused on tcp", system("ECONNREFUSED"), R.refused, "nothing listens at [::1]:22", TCP),
    Case(
        "one address is unreachable, one refuses",
        unconnected(several("ENETUNREACH", "ECONNREFUSED")),
        R.refused,
        "nothing listens at good.test:443",
    ),
    Case(
        "one address refuses, one is unreachable",
        several("ECONNREFUSED", "ENETUNREACH"),
        R.refused,
        "nothing listens at [::1]:22",
        TCP,
    ),
    Case("no file", system("ENOENT"), R.refused, "there is no socket at /run/app.sock", UNIX),
    Case(
        "a file, but no socket",
        system("ENOTSOCK"),
        R.refused,
        "there is no socket at /run/app.sock",
        UNIX,
    ),
    Case(
        "reset",
        system("ECONNRESET"),
        R.reset,
        "good.test:443 broke the connection off before it answered",
    ),
    Case(
        "a broken pipe",
        system("EPIPE"),
        R.reset,
        "good.test:443 broke the connection off before it answered",
    ),
    Case(
        "aborted",
        system("ECONNABORTED"),
        R.reset,
        "good.test:443 broke the connection off before it answered",
    ),
    Case(
        "closed",
        aiohttp.ServerDisconnectedError(),
        R.reset,
        "good.test:443 closed the connection without an answer",
    ),
    Case(
        "a reset in aiohttp's words only",
        aiohttp.ClientOSError(errno.ECONNRESET, "Connection reset by peer"),
        R.reset,
        "good.test:443 broke the connection off before it answered",
    ),
    Case(
        "unreachable",
        unconnected(system("EHOSTUNREACH")),
        R.unreachable,
        f"there is no way to good.test:443 ({said('EHOSTUNREACH')})",
    ),
    Case(
        "unreachable in two ways",
        several("ENETUNREACH", "EHOSTUNREACH"),
        R.unreachable,
        f"there is no way to [::1]:22 ({said('ENETUNREACH')}; {said('EHOSTUNREACH')})",
        TCP,
    ),
    Case(
        "a router that forbids, by IPv6",
        OSError(errno.EACCES, "Connect call failed ('::1', 22, 0, 0)"),
        R.unreachable,
        f"there is no way to [::1]:22 ({said('EACCES')})",
        TCP,
    ),
    Case(
        "a router that forbids one way, and another that leads nowhere",
        unconnected(OSError(f"{several('EINVAL')}, [Errno {errno.EACCES}] Connect call failed")),
        R.unreachable,
        f"there is no way to good.test:443 ({said('EINVAL')}; {said('EACCES')})",
    ),
    Case(
        "no address of our own",
        unconnected(system("EADDRNOTAVAIL")),
        R.local,
        f"this machine has no way to send to good.test:443 ({said('EADDRNOTAVAIL')})",
    ),
    Case(
        "forbidden",
        system("EACCES"),
        R.local,
        f"this process may not connect to /run/app.sock ({said('EACCES')})",
        UNIX,
    ),
    # The answer.
    Case(
        "half a body",
        aiohttp.ClientPayloadError("Not enough data to satisfy content length header."),
        R.body,
        "the body broke off before its end, or its framing is broken",
    ),
    Case(
        "a body that cannot be unpacked",
        ContentEncodingError("the gzip data is broken"),
        R.body,
        "the gzip data is broken",
    ),
    Case(
        "no HTTP, but SSH",
        broken_answer("Bad status line\x1b[31m 'SSH-2.0'"),
        R.protocol,
        'good.test:443 speaks SSH, not HTTP: try ssh:// ("SSH-2.0-\\x1b[31mred")',
        replace(PLAIN, head=b"SSH-2.0-\x1b[31mred\r\n"),
    ),
    Case(
        "another service",
        faults.WrongService(),
        R.protocol,
        'good.test:6379 speaks SSH, not Redis: try ssh:// ("SSH-2.0-x")',
        Attempt(target=parse("redis://good.test"), head=b"SSH-2.0-x\r\n"),
    ),
    Case(
        "no HTTP, but something",
        faults.NotHttp("wrong"),
        R.protocol,
        'good.test:443 answers, but not with HTTP ("hello")',
        replace(PLAIN, head=b"\r\nhello\r\n"),
    ),
    Case(
        "no HTTP, but TLS",
        broken_answer("Bad status line"),
        R.protocol,
        r'good.test:443 speaks TLS, not plain HTTP: try https:// ("\x15\x03\x01\x00\x02\x02\x16")',
        replace(PLAIN, head=b"\x15\x03\x01\x00\x02\x02\x16"),
    ),
    Case(
        "no HTTP/1",
        broken_answer("Bad status line"),
        R.protocol,
        "good.test:443 speaks HTTP/2, and checks speak HTTP/1.1: try tcp:// "
        r'("\x00\x00\x00\x04\x00\x00\x00\x00\x00")',
        replace(PLAIN, head=bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])),
    ),
    Case(
        "HTTP that is broken",
        broken_answer("Invalid header token"),
        R.protocol,
        'good.test:443 answers, but not with HTTP (broken after "HTTP/1.1 200 OK")',
        replace(PLAIN, head=b"HTTP/1.1 200 OK\r\n\0"),
    ),
    Case(
        "no HTTP, and no words",
        broken_answer(""),
        R.protocol,
        "good.test:443 answers, but not with HTTP",
    ),
    # Whatever else.
    Case(
        "unforeseen",
        ZeroDivisionError(f"about {ADDRESS}?SECRET"),
        R.unknown,
        f"an unforeseen fault: ZeroDivisionError: about {ADDRESS}?***",
    ),
    Case(
        "an unforeseen number",
        system("EXDEV"),
        R.unknown,
        f"an unforeseen fault: OSError: {system('EXDEV')}",
    ),
    Case(
        "no target",
        system("ECONNREFUSED"),
        R.refused,
        "nothing listens at the address",
        Attempt(target=None),
    ),
    Case(
        "no target and no name",
        socket.gaierror(socket.EAI_AGAIN, ""),
        R.dns_failed,
        "the name servers could not look ? up",
        Attempt(target=None),
    ),
]


def by_name(case: Case) -> str:
    return case.name


def report_on(case: Case) -> Report:
    return judge(ADDRESS, replace(case.attempt, error=case.error))


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_each_fault_has_its_reason_and_sentence(case: Case) -> None:
    report = report_on(case)
    assert (report.reason, report.detail) == (case.reason, case.detail)
    assert report.error is case.error
    assert not report


# --- the numbers of the operating system

NUMBERS = {
    R.local: (
        # Want: of descriptors, buffers, memory.
        *("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"),
        # No address to send from, or no port; no such family of addresses; no device.
        *("EADDRNOTAVAIL", "EADDRINUSE", "EAFNOSUPPORT", "EPFNOSUPPORT", "EPROTONOSUPPORT"),
        *("ESOCKTNOSUPPORT", "ENETDOWN", "ENODEV", "ENXIO"),
        # A sandbox, a firewall of our own, a routing table that prohibits.
        *("EACCES", "EPERM"),
    ),
    R.refused: ("ECONNREFUSED",),
    R.reset: (*("ECONNRESET", "ECONNABORTED", "EPIPE", "ENETRESET", "ENOTCONN", "ESHUTDOWN"),),
    R.timeout: ("ETIMEDOUT",),
    R.unreachable: (
        *("ENETUNREACH", "EHOSTUNREACH", "EHOSTDOWN", "ENONET", "ENOPROTOOPT", "EINVAL"),
    ),
}
"""Which of them say what, of a host; all others are ``unknown``: nothing that connects, sends or
receives is documented to raise them (connect(2), socket(2), send(2), recv(2), tcp(7), ip(7))."""

OF_A_PATH = ("ENOENT", "ENOTSOCK", "ENOTDIR", "EPROTOTYPE", "ELOOP")
"""Those that say ``refused``, of a unix socket (unix(7), path_resolution(7))."""


def reason_of(name: str, numbers: Mapping[Reason, Sequence[str]]) -> Reason:
    return next((reason for reason, names in numbers.items() if name in names), R.unknown)


SYSTEMS = sorted(set(errno.errorcode.values()))


@pytest.mark.parametrize("name", SYSTEMS)
def test_each_number_of_the_system_has_one_reason(name: str) -> None:
    errors = [unconnected(system(name)), several(name, "EXDEV"), several("EXDEV", name)]

    said = {judge(ADDRESS, replace(PLAIN, error=error)).reason for error in errors}

    # EXDEV stands for any other number; Windows and Linux share some.
    assert said == {reason_of(name, NUMBERS)}


@pytest.mark.parametrize("name", SYSTEMS)
def test_of_a_unix_socket_too(name: str) -> None:
    numbers = {**NUMBERS, R.refused: (*NUMBERS[R.refused], *OF_A_PATH)}

    report = judge("unix:///run/app.sock", replace(UNIX, error=system(name)))

    assert report.reason is reason_of(name, numbers)


def test_our_own_machines_faults_are_never_blamed_on_a_peer() -> None:
    """Want of anything decides before whatever else went wrong with other addresses of a name."""
    wants = NUMBERS[R.local][:4]

    for want in wants:
        for other in (name for names in NUMBERS.values() for name in names):
            report = judge(ADDRESS, replace(PLAIN, error=unconnected(several(other, want))))
            assert report.reason is R.local


def test_windows_numbers_are_read_too() -> None:
    windows = f"Multiple exceptions: [WinError {errno.ECONNREFUSED}] no, [WinError 1] never"

    assert judge(ADDRESS, replace(PLAIN, error=OSError(windows))).reason is R.refused


# --- the order of the rows


def deciding_row(case: Case, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the index of the row that a case is judged by."""

    def numbered(row: Row, number: int) -> Row:
        return row._replace(sentence=lambda _, __: str(number))

    rows = tuple(numbered(row, number) for number, row in enumerate(ROWS))
    with monkeypatch.context() as patched:
        patched.setattr(verdict, "ROWS", rows)
        return int(report_on(case).detail)


def test_each_row_decides_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    decided = {deciding_row(case, monkeypatch) for case in CASES}
    idle = [row for number, row in enumerate(ROWS) if number not in decided]
    assert not idle


def classes(row: Row) -> list[type[BaseException]]:
    return [getattr(aiohttp, each) if isinstance(each, str) else each for each in row.types]


def hidden_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that can never decide: an earlier one without condition takes all theirs."""
    return [
        row
        for number, row in enumerate(rows)
        if any(
            earlier.when is None
            and all(issubclass(each, tuple(classes(earlier))) for each in classes(row))
            for earlier in rows[:number]
        )
    ]


def test_no_row_hides_a_later_one() -> None:
    assert hidden_rows(ROWS) == []


def test_a_hidden_row_is_found() -> None:
    general = Row((OSError, ValueError), Reason.unknown, messages.unknown)
    particular = Row((TimeoutError, UnicodeError), Reason.timeout, messages.timeout)
    assert hidden_rows([general, particular]) == [particular]
    assert hidden_rows([particular, general]) == []


def test_a_row_with_a_condition_hides_nothing() -> None:
    sometimes = Row((OSError,), Reason.unknown, messages.unknown, lambda _, __: False)
    particular = Row((TimeoutError,), Reason.timeout, messages.timeout)
    assert hidden_rows([sometimes, particular]) == []
    partly = Row((TimeoutError, KeyError), Reason.timeout, messages.timeout)
    assert hidden_rows([Row((OSError,), Reason.unknown, messages.unknown), partly]) == []


def test_the_last_row_fits_every_exception() -> None:
    assert ROWS[-1].types == (Exception,)
    assert ROWS[-1].when is None


def test_what_is_no_exception_is_not_judged() -> None:
    # KeyboardInterrupt and cancellation are never caught, so they never come here.
    with pytest.raises(AssertionError, match=r"^the last row fits every exception$"):
        judge(ADDRESS, replace(PLAIN, error=KeyboardInterrupt()))


@pytest.mark.parametrize("error", [ValueError("[Errno 24]"), socket.gaierror(24, "[Errno 24]")])
def test_only_the_operating_systems_errors_have_numbers(error: Exception) -> None:
    assert error_numbers(error) == ()


def test_errors_that_cause_each_other_are_looked_at_once() -> None:
    one, other = KeyError("one"), LookupError("other")
    one.__cause__, other.__cause__ = other, one
    report = judge(ADDRESS, replace(PLAIN, error=one))
    assert report.detail == "an unforeseen fault: KeyError: 'one'"


def test_a_mere_context_does_not_decide() -> None:
    error = KeyError("one")
    error.__context__ = MemoryError()
    assert judge(ADDRESS, replace(PLAIN, error=error)).reason is Reason.unknown


# --- no library's words

RAW = "Expected HTTP/, RTSP/ or ICE/ (_ssl.c:1006) [Errno 111] Multiple exceptions"
"""What libraries say, which tells nobody anything."""

LIBRARIES: list[Callable[[str], BaseException]] = [
    lambda text: OSError(None, text),
    lambda text: OSError(errno.ECONNREFUSED, text),
    lambda text: OSError(errno.EHOSTUNREACH, text),
    lambda text: OSError(errno.EACCES, text),
    lambda text: OSError(errno.EADDRNOTAVAIL, text),
    lambda text: OSError(f"Multiple exceptions: [Errno {errno.ECONNREFUSED}] {text}"),
    ConnectionResetError,
    TimeoutError,
    MemoryError,
    lambda text: RuntimeError(f"can't start new thread {text}"),
    lambda text: socket.gaierror(socket.EAI_AGAIN, text),
    lambda text: ssl.SSLError(1, text),
    lambda text: ssl.SSLError(1, f"[SSL: WRONG_VERSION_NUMBER] {text}"),
    lambda text: ssl.SSLCertVerificationError(1, text),
    lambda text: NoAuthority(1, text),
    lambda text: unconnected(OSError(errno.ECONNREFUSED, text)),
    lambda text: aiohttp.ClientProxyConnectionError(key(), OSError(None, text)),
    lambda text: aiohttp.ClientConnectorSSLError(key(), ssl.SSLError(1, text)),
    lambda text: aiohttp.ClientHttpProxyError(request_info(), (), status=502, message=text),
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientPayloadError,
    broken_answer,
    faults.Disconnected,
    faults.NotHttp,
]
"""Every kind of error that a row foresees, but what tryconnect says itself."""


@given(
    make=st.sampled_from(LIBRARIES),
    text=st.just(RAW) | st.text(min_size=12).map(lambda text: f"<{text}_ssl.c>"),
    phase=st.sampled_from([None, *Phase]),
    step=st.sampled_from([None, *ProxyStep]),
    said=st.sampled_from([b"", b"SSH-2.0-x", b"HTTP/1.1 200 OK\r\n", b"hello"]),
)
def test_no_sentence_has_a_librarys_words_in_it(
    make: Callable[[str], BaseException],
    text: str,
    phase: Phase | None,
    step: ProxyStep | None,
    said: bytes,
) -> None:
    attempt = replace(PROXIED if step else PLAIN, phase=phase, failed_at_proxy=step, head=said)

    report = judge(ADDRESS, replace(attempt, error=make(text)))

    if report.reason is not R.unknown:
        for word in (text, "_ssl.c", "Errno", "exceptions", "Expected HTTP/", "Error"):
            assert word not in report.detail


def test_each_row_of_aiohttps_errors_has_one_for_another_transports() -> None:
    for row in ROWS:
        if any(isinstance(each, str) for each in row.types) and row.reason not in ONLY_AIOHTTP:
            others = [each for each in row.types if not isinstance(each, str)]
            same = [other for other in ROWS if other.sentence is row.sentence and other is not row]
            assert others or same, row


ONLY_AIOHTTP = {R.body, R.proxy}
"""Only aiohttp reads bodies, and goes through proxies."""


# --- advice

HANDSHAKES = [
    ("[SSL] tlsv1 alert no application protocol (_ssl.c:1006)", "speaks HTTP/2 only"),
    ("[SSL: UNSAFE_LEGACY_RENEGOTIATION_DISABLED] x (_ssl.c:1)", "OP_LEGACY_SERVER_CONNECT"),
    ("[SSL: DH_KEY_TOO_SMALL] dh key too small (_ssl.c:1)", "Diffie-Hellman key is too small"),
    ("[SSL] tlsv1 alert insufficient security (_ssl.c:1)", "wants stronger ciphers"),
    ("[SSL: TLSV1_ALERT_INSUFFICIENT_SECURITY] x (_ssl.c:1)", "wants stronger ciphers"),
    ("[SSL: TLSV1_ALERT_PROTOCOL_VERSION] x (_ssl.c:1)", "no TLS version that is still safe"),
    ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] x (_ssl.c:1)", "wants a client certificate"),
    ("[SSL: TLSV1_ALERT_UNKNOWN_CA] x (_ssl.c:1)", "does not accept the client certificate"),
    ("[SSL: PACKET_LENGTH_TOO_LONG] x (_ssl.c:1)", "does not speak TLS"),
]


@pytest.mark.parametrize(("text", "words"), HANDSHAKES)
def test_a_failed_handshake_has_its_advice(text: str, words: str) -> None:
    report = judge(ADDRESS, replace(IN_TLS, error=ssl.SSLError(1, text)))

    assert report.reason is R.tls_handshake
    assert words in report.detail
    assert "_ssl.c" not in report.detail


@pytest.mark.parametrize("code", [*range(80, 95)])
def test_what_python_313_is_strict_about_has_its_advice(code: int) -> None:
    error = ssl.SSLCertVerificationError(1, "no")
    error.verify_code, error.verify_message = code, "Missing Authority Key Identifier"

    report = judge(ADDRESS, replace(IN_TLS, error=error))

    assert report.reason is R.tls_certificate
    assert "(Missing Authority Key Identifier)" in report.detail
    assert "VERIFY_X509_STRICT" in report.detail


# --- answers

HOP = Hop(301, "http://good.test/")
SPENT = Timings(total=0.04)
ANSWERED = Attempt(target=TARGET, status=200, timings=SPENT)


def text(body: str) -> Decoded:
    return Decoded(body, "utf-8", EncodingSource.utf8)


SHORT = "answered 200 in 40 ms"

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Odd : a\r\nx-odd: b\r\n\r\n"
DAY = 86_400
END = datetime(2030, 1, 2, tzinfo=UTC).timestamp()
ENCRYPTED = replace(ANSWERED, tls=Tls("TLSv1.3", datetime.fromtimestamp(END, UTC)))

ANSWERS: list[tuple[Attempt, Expect | None, Reason, str]] = [
    (replace(ANSWERED, status=None), None, R.ok, "connected in 40 ms"),
    (ANSWERED, None, R.ok, SHORT),
    (replace(ANSWERED, status=500), None, R.ok, "answered 500 in 40 ms"),
    (replace(ANSWERED, hops=(HOP,)), None, R.ok, f"{SHORT} after 1 redirect"),
    (replace(ANSWERED, hops=(HOP, HOP)), None, R.ok, f"{SHORT} after 2 redirects"),
    (ANSWERED, Expect(status="2xx"), R.ok, SHORT),
    (
        replace(ANSWERED, status=500),
        Expect(status="2xx"),
        R.status,
        "answered 500, where 2xx was expected",
    ),
    (replace(ANSWERED, body=text("all ready")), Expect(body="ready"), R.ok, SHORT),
    (
        replace(ANSWERED, body=text("no")),
        Expect(body="ready"),
        R.body,
        'the body has no "ready" in it',
    ),
    (ANSWERED, Expect(body="ready"), R.body, 'the body has no "ready" in it'),
    (ANSWERED, Expect(body=""), R.ok, SHORT),
    (
        replace(ANSWERED, body=text("no")),
        Expect(body=re.compile("^re+ady\n")),
        R.body,
        'the body has no "^re+ady" in it',
    ),
    (replace(ANSWERED, body=text("")), Expect(body=""), R.ok, SHORT),
    (
        replace(ANSWERED, body=text("a portal")),
        Expect(body=""),
        R.body,
        "the body should be empty and is not",
    ),
    (
        replace(ANSWERED, status=407, proxy=ProxyRoute("[::1]:3128")),
        Expect(status=407),
        R.proxy,
        "the proxy [::1]:3128 wants a user name and password (407): write them into its URL",
    ),
    (replace(ANSWERED, status=407), None, R.ok, "answered 407 in 40 ms"),
    (replace(ANSWERED, body=text("version 12")), Expect(pattern=r"version \d+"), R.ok, SHORT),
    (
        replace(ANSWERED, body=text("version x")),
        Expect(body="version", pattern=r"version \d+"),
        R.body,
        r'the body has no "version \d+" in it',
    ),
    (replace(ANSWERED, head=HEAD), Expect(headers={"content-TYPE": "json"}), R.ok, SHORT),
    (replace(ANSWERED, head=HEAD), Expect(headers={"X-Odd": "a, b"}), R.ok, SHORT),
    (replace(ANSWERED, headers={"Server": "x"}), Expect(headers={"server": "x"}), R.ok, SHORT),
    (
        replace(ANSWERED, head=HEAD),
        Expect(headers={"X-Odd": "", "Content-Type": re.compile("^text/")}),
        R.body,
        'the answer has no header Content-Type with "^text/" in it',
    ),
    (
        replace(ANSWERED, head=HEAD),
        Expect(headers={"ETag": ""}),
        R.body,
        "the answer has no header ETag",
    ),
    (ANSWERED, Expect(within=0.04), R.ok, SHORT),
    (ANSWERED, Expect(within=0.039), R.slow, f"{SHORT}, where 39 ms was expected"),
    (
        replace(ANSWERED, status=None),
        Expect(within=0.001, status=200),
        R.slow,
        "connected in 40 ms, where 1.0 ms was expected",
    ),
    (replace(ENCRYPTED, began=END - 14 * DAY), Expect(cert_days=14), R.ok, SHORT),
    (
        replace(ENCRYPTED, began=END - 14 * DAY + 1),
        Expect(cert_days=14),
        R.cert_expiring,
        "the certificate of good.test:443 ends in 13 days, on 2030-01-02: less than 14",
    ),
    (
        replace(ENCRYPTED, began=END + 1.5 * DAY),
        Expect(cert_days=0, within=0.001),
        R.cert_expiring,
        "the certificate of good.test:443 ended 1 day ago, on 2030-01-02",
    ),
    (
        ANSWERED,
        Expect(cert_days=1),
        R.cert_expiring,
        "good.test:443 answered without TLS, so there is no certificate",
    ),
    (
        replace(ANSWERED, target=parse("http://good.test/")),
        Expect(cert_days=1),
        R.ok,
        f"{SHORT}, without TLS: there is no certificate",
    ),
    (
        # Through a proxy, whose certificate it is.
        replace(ENCRYPTED, target=parse("http://good.test/")),
        Expect(cert_days=10**6),
        R.ok,
        f"{SHORT}, without TLS: there is no certificate",
    ),
    (
        replace(ENCRYPTED, began=END - DAY, hops=(Hop(301, "http://good.test/"),)),
        Expect(cert_days=2),
        R.cert_expiring,
        "the certificate of good.test:443 ends in 1 day, on 2030-01-02: less than 2",
    ),
    (
        replace(ANSWERED, target=parse("http://good.test/"), hops=(Hop(301, ADDRESS),)),
        Expect(cert_days=1),
        R.cert_expiring,
        "good.test:80 answered without TLS, so there is no certificate",
    ),
    (
        replace(ANSWERED, tls=Tls("TLSv1.3")),
        Expect(cert_days=1),
        R.cert_expiring,
        "nobody can read when the certificate of good.test:443 ends",
    ),
]


@pytest.mark.parametrize(("attempt", "expect", "reason", "detail"), ANSWERS)
def test_an_answer_is_held_against_what_was_expected(
    attempt: Attempt, expect: Expect | None, reason: Reason, detail: str
) -> None:
    report = judge(ADDRESS, attempt, expect)
    assert (report.reason, report.detail) == (reason, detail)
    assert report.error is None


def test_a_report_tells_all_that_the_attempt_knew() -> None:
    error = system("ECONNRESET")
    attempt = Attempt(
        target=TARGET,
        error=error,
        timings=SPENT,
        status=200,
        ip="192.0.2.1",
        hops=(HOP,),
        tls=Tls("TLSv1.3"),
        began=END,
    )
    report = judge(" typed ", attempt)
    assert report.checked_at == datetime(2030, 1, 2, tzinfo=UTC)
    assert (report.address, report.url) == (" typed ", "https://good.test/")
    assert (report.status, report.ip, report.hops) == (200, "192.0.2.1", (HOP,))
    assert (report.tls, report.timings, report.error) == (Tls("TLSv1.3"), SPENT, error)


ELSEWHERE: set[Reason] = set()
"""Reasons that another room gives; a new one that judge() does not know must be named here."""


def test_each_reason_is_reached() -> None:
    reached = {case.reason for case in CASES} | {reason for _, _, reason, _ in ANSWERS}
    assert reached | ELSEWHERE == set(Reason)
    assert not reached & ELSEWHERE


# --- timeouts

TIMEOUTS: list[tuple[Phase | None, Timings, int, str]] = [
    (None, Timings(total=10.0), 0, "nothing more happened for 10 s"),
    (
        Phase.dns,
        Timings(dns=10.0, total=10.0),
        0,
        "no answer from the name servers for 10 s",
    ),
    (
        Phase.connect,
        Timings(dns=0.0123, connect=9.9877, total=10.0),
        0,
        "name found in 12 ms, then no connection for 9.99 s",
    ),
    (
        Phase.tls,
        Timings(dns=0.012, connect=0.0005, tls=0.5, total=0.5125),
        0,
        "name found in 12 ms, connected in 0.5 ms, then no end of the TLS handshake for 500 ms",
    ),
    (
        Phase.response,
        Timings(connect=0.04, response=10.0, total=10.04),
        0,
        "connected in 40 ms, then no answer for 10 s",
    ),
    (
        Phase.response,
        Timings(dns=0.02, connect=0.04, tls=0.06, response=1.25, total=1.37),
        1,
        (
            "after 1 redirect: name found in 20 ms, connected in 40 ms, encrypted in 60 ms, "
            "then no answer for 1.25 s"
        ),
    ),
    (
        Phase.connect,
        Timings(connect=1.0, response=0.5, total=1.5),
        2,
        "after 2 redirects: answered in 500 ms, then no connection for 1 s",
    ),
    (
        None,
        Timings(connect=0.04, total=2.0),
        0,
        "connected in 40 ms, then nothing more happened for 1.96 s",
    ),
]


@pytest.mark.parametrize(("phase", "timings", "hops", "detail"), TIMEOUTS)
def test_a_timeout_names_its_phase_and_what_had_worked(
    phase: Phase | None, timings: Timings, hops: int, detail: str
) -> None:
    attempt = Attempt(target=TARGET, phase=phase, timings=timings, hops=(HOP,) * hops)
    report = judge(ADDRESS, replace(attempt, error=TimeoutError()))
    assert (report.reason, report.detail) == (Reason.timeout, detail)


def test_a_timeout_in_the_body_says_so() -> None:
    timings = Timings(connect=0.04, response=0.1, total=10.0)
    attempt = Attempt(target=TARGET, phase=Phase.body, timings=timings)
    detail = judge(ADDRESS, replace(attempt, error=TimeoutError())).detail
    assert detail.startswith("connected in 40 ms, answered in 100 ms, then no end of the body for ")


# --- sentences

DURATIONS = [
    (0, "0.0 ms"),
    (0.00004, "0.0 ms"),
    (0.0005, "0.5 ms"),
    (0.0099, "9.9 ms"),
    (0.01, "10 ms"),
    (0.0404, "40 ms"),
    (0.999, "999 ms"),
    (1, "1 s"),
    (1.25, "1.25 s"),
    (10.04, "10 s"),
    (59.96, "60 s"),
    (600, "600 s"),
    (1800, "1800 s"),
    (86400, "86400 s"),
]


@pytest.mark.parametrize(("seconds", "words"), DURATIONS)
def test_a_duration_has_about_three_figures(seconds: float, words: str) -> None:
    assert duration(seconds) == words


SAID = [
    ("two\r\nlines\tof  text ", "two lines of text"),
    ("\x1b[31mred\u202e", "\\x1b[31mred\\u202e"),
    ("see http://me:SECRET@h/?SECRET", "see http://me:***@h/?***"),
    ("a" * 120, "a" * 120),
    ("a" * 121, "a" * 119 + "…"),
    ("a" * 1_000_000, "a" * 119 + "…"),
    ("\ud800", "\\ud800"),
]


@pytest.mark.parametrize(("text", "shown"), SAID, ids=range(len(SAID)))
def test_what_others_say_becomes_one_short_line(text: str, shown: str) -> None:
    report = judge(ADDRESS, replace(PLAIN, error=socket.gaierror(socket.EAI_AGAIN, text)))
    assert report.detail == f"the name servers could not look good.test up ({shown})"


@pytest.mark.parametrize(
    "said",
    [
        b"see http://me:SECRET@h/?SECRET\r\n",
        b"see http://me:" + b"SECRET" * 200,
        b"a" * 1000 + b" http://me:SECRET",
    ],
)
def test_a_secret_that_a_peer_says_is_hidden_also_where_it_is_cut_off(said: bytes) -> None:
    attempt = replace(PLAIN, head=said, error=broken_answer("no"))
    assert "SECRET" not in judge(ADDRESS, attempt).detail


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_a_sentence_starts_low_and_has_no_full_stop(case: Case) -> None:
    sentence = report_on(case).detail.partition("\n")[0]
    assert not sentence[0].isupper()
    assert not sentence.endswith(".")


@given(st.text(st.characters(exclude_categories=())), st.sampled_from(ROWS[5:]))
def test_whatever_a_peer_says_the_detail_is_one_printable_line(text: str, row: Row) -> None:
    error = broken_answer(text)
    assert row.sentence(error, PLAIN).isprintable()
    assert judge(ADDRESS, replace(PLAIN, error=error)).detail.isprintable()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeoutError(), Reason.local),
        (ConnectionResetError(), Reason.local),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), Reason.local),
        (ConnectionRefusedError(), Reason.refused),
        (ssl.SSLCertVerificationError(), Reason.tls_certificate),
    ],
)
def test_what_a_gap_explains_is_local_and_the_rest_stands(error: Exception, reason: Reason) -> None:
    gap = faults.Interrupted(4.5)
    gap.__cause__ = error

    report = judge("h", Attempt(target=parse("http://h/"), error=gap))

    assert report.reason is reason
    assert report.error is (gap if reason is Reason.local else error)
