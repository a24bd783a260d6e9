"""The options of clients and calls: validated once, at the edge, then trusted."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ssl import SSLContext
from typing import TYPE_CHECKING, Literal, TypedDict

from tryconnect._address.target import address_text
from tryconnect._model.abnf import TOKEN
from tryconnect._model.expect import Expect
from tryconnect._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yarl import URL

    from tryconnect._model.guard import Guard
    from tryconnect._model.resolver import HostResolver

__all__ = [
    "CHECK_TIMEOUT",
    "DEFAULT_LIMIT",
    "FAMILIES",
    "FETCH_TIMEOUT",
    "LOOPS",
    "MAX_BYTES",
    "TRANSPORTS",
    "UP",
    "USER_AGENT",
    "WAIT_TIMEOUT",
    "WATCH_INTERVAL",
    "ClientOptions",
    "Options",
    "check_positive_int",
    "check_seconds",
    "read_options",
]

CHECK_TIMEOUT = 10.0
"""Seconds: what most link checkers and probes allow."""
FETCH_TIMEOUT = 30.0
WAIT_TIMEOUT = 60.0
MAX_BYTES = 10 * 2**20

DEFAULT_LIMIT = 100
"""Checks at the same time: more would run out of the usual 1,024 descriptors, with two each."""

WATCH_INTERVAL = 10.0
"""Seconds from one check of a watch to the next."""

UP = Expect(status="2xx")
"""What is waited for by default. It means "open" for an address that is not checked by HTTP, so it
is recognised by its identity."""

USER_AGENT = f"tryconnect/{__version__} (+https://github.com/tryconnect/tryconnect)"


class ClientOptions(TypedDict, total=False):
    """What a client can be made with. See :class:`tryconnect.Client` for the meanings."""

    headers: Mapping[str, str] | None
    ssl: SSLContext | bool | None
    proxy: str | URL | None
    family: Literal["any", "ipv4", "ipv6"]
    guard: Guard | None
    resolver: HostResolver | None
    user_agent: str
    loop: Literal["auto", "native", "portal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a client was made with. See :class:`tryconnect.Client` for the meanings."""

    headers: Mapping[str, str]
    ssl: SSLContext | bool | None
    proxy: str | URL | None
    family: socket.AddressFamily
    guard: Guard | None
    resolver: HostResolver | None
    loop: str


def read_options(
    *,
    headers: Mapping[str, str] | None,
    ssl: object,
    proxy: str | URL | None,
    family: str,
    guard: Guard | None,
    resolver: HostResolver | None,
    user_agent: str,
    loop: str,
) -> Options:
    """Validate a client's options.

    Raises:
        ValueError: One of them makes no sense.
    """
    if family not in [*FAMILIES]:  # a list: what cannot be hashed is no family either
        raise ValueError(f"family is one of {', '.join(FAMILIES)}, not {family!r}")
    if loop not in LOOPS:
        raise ValueError(f"loop is one of {', '.join(LOOPS)}, not {loop!r}")
    return Options(
        headers=_headers({"User-Agent": user_agent, "Accept": "*/*"} | dict(headers or {})),
        ssl=_ssl(ssl),
        proxy=_proxy(proxy, guard),
        family=FAMILIES[family],
        guard=guard,
        resolver=resolver,
        loop=loop,
    )


_LONGEST_TIMEOUT = 10**9
"""Seconds: 31 years. Event loops count in machine words, some of them in nanoseconds."""

FAMILIES = {"any": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}

LOOPS = ("auto", "native", "portal")

TRANSPORTS = ("auto", "aiohttp")

_BAD_IN_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_TOKEN = re.compile(TOKEN)


def _proxy(proxy: str | URL | None, guard: Guard | None) -> str | URL | None:
    if proxy in {"env", None}:
        return proxy if guard is None else None
    if not proxy:
        raise ValueError('no proxy is proxy=None; the environment\'s is proxy="env"')
    scheme, mark, _ = address_text(proxy).partition("://")
    if mark and scheme.lower() not in {"http", "https"}:
        raise ValueError(f"a proxy has an http:// or https:// address, not {scheme}://")
    if guard is not None:
        raise ValueError("with a guard there can be no proxy: it is the proxy that would connect")
    return proxy


def _ssl(ssl: object) -> SSLContext | bool | None:
    if ssl is None or isinstance(ssl, bool | SSLContext):
        return ssl
    raise ValueError(f"ssl is an ssl.SSLContext, False or None, not {ssl!r}")


def _headers(headers: Mapping[str, object]) -> dict[str, str]:
    """Return headers that can be sent (RFC 9110, section 5)."""
    sent = {}
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a header")
        if not isinstance(value, str) or _BAD_IN_HEADER.search(value):
            raise ValueError(f"the header {name} needs a text of one line")
        sent[name] = value
    return sent


def check_seconds(value: object, name: str = "timeout") -> float:
    """Return a duration in seconds.

    Raises:
        ValueError: It is not a number above 0; nothing waits for ever.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is a number of seconds, not {value!r}")  # noqa: TRY004
    if not 0 < value <= _LONGEST_TIMEOUT:
        raise ValueError(f"{name} is a number of seconds above 0, not {value!r}")
    return float(value)


def check_positive_int(value: object, name: str) -> int:
    """Return a limit or a count.

    Raises:
        ValueError: It is not a whole number above 0.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is a whole number above 0, not {value!r}")
    return value
