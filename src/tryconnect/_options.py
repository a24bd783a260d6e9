"""The options of clients and calls: validated once, at the edge, then trusted."""

from __future__ import annotations

import re
import socket
from enum import Enum
from ipaddress import ip_address
from os import PathLike, fspath
from ssl import SSLContext
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, TypedDict, cast

from tryconnect._address.target import address_text, parse
from tryconnect._model.abnf import TOKEN
from tryconnect._model.expect import Expect, as_expect
from tryconnect._model.proxy import NEEDS_SOCKS, PROXY_SCHEMES, SOCKS_SCHEMES
from tryconnect._model.tls_settings import TlsSettings
from tryconnect._version import HOMEPAGE, __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yarl import URL

    from tryconnect._model.expect import ExpectLike
    from tryconnect._model.guard import Guard
    from tryconnect._model.resolver import HostResolver

__all__ = [
    "BY_CLIENT",
    "CHECK_TIMEOUT",
    "DEFAULT_LIMIT",
    "FAMILIES",
    "FETCH_TIMEOUT",
    "LOOPS",
    "MAX_BYTES",
    "METHODS",
    "TRANSPORTS",
    "UP",
    "USER_AGENT",
    "WAIT_TIMEOUT",
    "WATCH_INTERVAL",
    "ByClient",
    "ClientOptions",
    "FilePath",
    "Method",
    "Options",
    "check_method",
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
"""What is waited for and watched by default. It means "open" for an address that is not checked by
HTTP, so it is recognised by its identity."""


class ByClient(Enum):
    """Stands for an argument that was not given: the client's, or else the method's default."""

    by_client = "by_client"

    def __repr__(self) -> str:
        return "<by the client>"


BY_CLIENT = ByClient.by_client

Method: TypeAlias = Literal["GET", "HEAD"]
"""How an address is asked by HTTP."""

METHODS = ("GET", "HEAD")

FilePath: TypeAlias = str | PathLike[str]

USER_AGENT = f"tryconnect/{__version__}" + (f" (+{HOMEPAGE})" if HOMEPAGE else "")


class ClientOptions(TypedDict, total=False):
    """What a client can be made with. See :class:`tryconnect.Client` for the meanings."""

    headers: Mapping[str, str] | None
    ssl: SSLContext | bool | Literal["system"] | None
    ca_file: FilePath | None
    cert_file: FilePath | None
    key_file: FilePath | None
    proxy: str | URL | None
    resolve: Mapping[str, str | Sequence[str]] | None
    family: Literal["any", "ipv4", "ipv6"]
    guard: Guard | None
    resolver: HostResolver | None
    user_agent: str
    loop: Literal["auto", "native", "portal"]
    timeout: float | None
    expect: ExpectLike


class Options(NamedTuple):
    """What a client was made with. See :class:`tryconnect.Client` for the meanings."""

    headers: Mapping[str, str]
    ssl: SSLContext | bool | TlsSettings | None
    proxy: str | URL | None
    resolve: Mapping[tuple[str, int], tuple[str, ...]]
    family: socket.AddressFamily
    guard: Guard | None
    resolver: HostResolver | None
    loop: str
    timeout: float | None
    expect: ExpectLike


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
    timeout: float | None = None,
    expect: ExpectLike = None,
    ca_file: FilePath | None = None,
    cert_file: FilePath | None = None,
    key_file: FilePath | None = None,
    resolve: Mapping[str, str | Sequence[str]] | None = None,
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
        ssl=_ssl(ssl, ca_file, cert_file, key_file),
        resolve=_pins(resolve or {}),
        proxy=_proxy(proxy, guard),
        family=FAMILIES[family],
        guard=guard,
        resolver=resolver,
        loop=loop,
        timeout=None if timeout is None else check_seconds(timeout),
        expect=None if expect is None else _validated(expect),
    )


def _has(module: str) -> bool:
    from importlib.util import find_spec  # most clients need no extra

    return find_spec(module) is not None


_LONGEST_TIMEOUT = 10**9
"""Seconds: 31 years. Event loops count in machine words, some of them in nanoseconds."""

FAMILIES = {"any": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}

LOOPS = ("auto", "native", "portal")

TRANSPORTS = ("auto", "aiohttp")

_BAD_IN_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_TOKEN = re.compile(TOKEN)


def _validated(expect: ExpectLike) -> ExpectLike:
    as_expect(expect)  # "any" is an expectation here: it beats a method's default
    return expect


def _proxy(proxy: str | URL | None, guard: Guard | None) -> str | URL | None:
    if proxy in {"env", None}:
        return proxy if guard is None else None
    if not proxy:
        raise ValueError('no proxy is proxy=None; the environment\'s is proxy="env"')
    scheme, mark, _ = address_text(proxy).partition("://")
    if mark and scheme.lower() not in PROXY_SCHEMES:
        known = ", ".join(f"{each}://" for each in PROXY_SCHEMES)
        raise ValueError(f"a proxy has an address of one of {known}, not {scheme}://")
    if scheme.lower() in SOCKS_SCHEMES and not _has("python_socks"):
        raise ValueError(f"a proxy with {scheme}:// needs {NEEDS_SOCKS}")
    if guard is not None:
        raise ValueError("with a guard there can be no proxy: it is the proxy that would connect")
    return proxy


def _ssl(
    ssl: object, ca_file: FilePath | None, cert_file: FilePath | None, key_file: FilePath | None
) -> SSLContext | bool | TlsSettings | None:
    files = [None if each is None else fspath(each) for each in (ca_file, cert_file, key_file)]
    own = any(each is not None for each in files)
    if isinstance(ssl, SSLContext) and own:
        raise ValueError("a context of your own has its files already: load them into it")
    if key_file is not None and cert_file is None:
        raise ValueError("key_file needs cert_file, whose key it is")
    if ssl == "system":
        if ca_file is not None:
            raise ValueError('ssl="system" trusts what the system does, and no ca_file besides')
        if not _has("truststore"):
            raise ValueError('ssl="system" needs truststore: pip install "tryconnect[truststore]"')
    elif ssl is not None and not isinstance(ssl, bool | SSLContext):
        raise ValueError(f'ssl is an ssl.SSLContext, "system", False or None, not {ssl!r}')
    if isinstance(ssl, SSLContext) or not (own or ssl == "system"):
        return cast("SSLContext | bool | None", ssl)
    return TlsSettings(ssl is not False, ssl == "system", *files)


def _pins(
    resolve: Mapping[str, str | Sequence[str]],
) -> dict[tuple[str, int], tuple[str, ...]]:
    """Return the addresses that stand in for look-ups, by host and port."""
    pins = {}
    for place, ips in resolve.items():
        target = parse(f"tcp://{place}")
        listed = (ips,) if isinstance(ips, str) else tuple(ips)
        if not listed:
            raise ValueError(f"resolve needs an IP address for {place}")
        for ip in listed:
            try:
                ip_address(ip.partition("%")[0])
            except ValueError:
                raise ValueError(f"resolve needs an IP address for {place}, not {ip!r}") from None
        pins[target.host, target.port] = listed
    return pins


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


def check_method(value: object) -> str:
    """Return how addresses are asked by HTTP.

    Raises:
        ValueError: It is not one of ``METHODS``.
    """
    if value not in METHODS:
        raise ValueError(f"method is one of {', '.join(METHODS)}, not {value!r}")
    return str(value)


def check_positive_int(value: object, name: str) -> int:
    """Return a limit or a count.

    Raises:
        ValueError: It is not a whole number above 0.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is a whole number above 0, not {value!r}")
    return value
