"""A few bytes and some words -> an attempt, with any error that the network may hand over."""

import socket
import ssl
from collections.abc import Callable

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from tryconnect import Hop, InvalidAddress, Timings, Tls
from tryconnect._address.target import parse
from tryconnect._model import faults
from tryconnect._model.faults import ContentEncodingError
from tryconnect._transport.attempt import Attempt, Phase, ProxyRoute, ProxyStep

KEY = ConnectionKey(
    "example.com", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
)
REQUEST = aiohttp.RequestInfo(
    URL("https://me:pw@example.com/?q"), "GET", CIMultiDictProxy(CIMultiDict())
)
ERRORS: tuple[Callable[[str, int], BaseException], ...] = (
    lambda words, number: OSError(number, words),
    lambda words, _: OSError(words),
    lambda words, number: aiohttp.ClientConnectorError(KEY, OSError(number, words)),
    lambda words, number: aiohttp.ClientConnectorDNSError(KEY, OSError(number, words)),
    lambda words, number: aiohttp.ClientProxyConnectionError(KEY, OSError(number, words)),
    lambda words, number: aiohttp.ClientHttpProxyError(REQUEST, (), status=number, message=words),
    lambda words, number: aiohttp.ClientResponseError(REQUEST, (), status=number, message=words),
    lambda words, _: aiohttp.ClientPayloadError(words),
    lambda words, _: aiohttp.ServerDisconnectedError(words),
    lambda words, _: aiohttp.InvalidURL(words),
    lambda words, number: ssl.SSLError(number, words),
    lambda words, number: ssl.SSLCertVerificationError(number, words),
    lambda words, number: socket.gaierror(number, words),
    lambda words, _: socket.gaierror(words),
    lambda words, _: TimeoutError(words),
    lambda words, _: MemoryError(words),
    lambda words, _: ContentEncodingError(repr(words)),
    lambda words, _: InvalidAddress(words, "this is not a host name", 0, len(words)),
    lambda words, _: ValueError(words),
    lambda words, _: UnicodeDecodeError("utf-8", b"?", 0, 1, words),
    lambda _, __: faults.Blocked(),
)


PHASES = (None, *Phase)
STEPS = (None, *ProxyStep, ProxyStep.ask)
TARGETS = (
    parse("https://me:pw@example.com:8443/a/b?q"),
    parse("tcp://[::1]:22"),
    parse("unix:///run/app.sock"),
    None,
)


def attempt_of(choices: bytes, words: str) -> Attempt:
    """Return the attempt that the bytes choose.

    Args:
        choices: two errors (the second causes the first, or does not), phase, target, flags, and
            two for a number; bytes that lack are 0.
        words: what both errors say.
    """
    one, other, phase, target, flags, *number_bytes = choices.ljust(7, b"\0")[:7]
    number = int.from_bytes(bytes(number_bytes))
    error, cause = (ERRORS[choice % len(ERRORS)](words, number) for choice in (one, other))
    error.__cause__ = cause if flags & 1 else None
    return Attempt(
        target=TARGETS[target % len(TARGETS)],
        error=None if flags & 2 else error,
        phase=PHASES[phase % len(PHASES)],
        timings=Timings(dns=number / 1000, response=number * 1e-7, total=number / 7),
        status=number if flags & 4 else None,
        hops=(Hop(301, "http://me:pw@h/?q"),) * (flags & 1),
        tls=Tls(words) if flags & 8 else None,
        proxy=ProxyRoute("proxy.test:3128") if flags & 16 else None,
        failed_at_proxy=STEPS[flags >> 5 & 3] if flags & 16 else None,
        head=words.encode("utf-8", "replace") if flags & 128 else b"",
    )
