"""An address as it was typed becomes a target: what exactly is to be checked.

The rule for texts without a scheme is the one that people mean when they type them:

======================================  =====================================================
``host``, ``host/path``                 https; http for ``localhost`` and for IP addresses
``host:443…``, ``host:80…``             https, http
``host:port/path``                      http
``host:port``                           tcp: the connection opens, which proves less
======================================  =====================================================

Everything a stranger can type either becomes a valid :class:`Target` or raises
:class:`~tryconnect.errors.InvalidAddress` that points at the fault; nothing else is ever raised.
Grammar: RFC 3986; hosts are read as strictly as the WHATWG URL standard ("ends in a number") does,
since a text that two programs read differently is how guards are walked around.
"""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urljoin

from tryconnect._address.authority import Authority, Part, is_ipv4, read_authority, yarl_url
from tryconnect.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = [
    "Target",
    "TargetKind",
    "address_text",
    "expect_not_applicable",
    "may_share_credentials",
    "parse",
    "resolve_redirect",
]


class TargetKind(StrEnum):
    """What a check of a target does."""

    http = "http"
    tcp = "tcp"
    unix = "unix"


class Target(NamedTuple):
    """One thing to check.  A target that exists is valid.

    Attributes:
        kind: what the check does.
        url: normalised, without credentials and fragment; what a report shows as the final URL.
        host: ASCII, no brackets, lower case but for an IPv6 zone; empty for a unix socket.
        port: 1 to 65535; 0 for a unix socket.
        path: the file of a unix socket; else empty.
        authorization: value of the ``Authorization`` header that the address's credentials make
            (RFC 7617, UTF-8), or ``None``.
    """

    kind: TargetKind
    url: str
    host: str = ""
    port: int = 0
    path: str = ""
    authorization: str | None = None

    def __repr__(self) -> str:
        return f"Target(kind={self.kind!r}, url={self.url!r})"  # the rest is in it, or a secret

    @property
    def scheme(self) -> str:
        """``http``, ``https``, ``tcp`` or ``unix``."""
        return self.url.partition(":")[0]

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what may share connections and secrets (RFC 6454)."""
        return self.scheme, self.host, self.port

    @property
    def request_target(self) -> str:
        """The path and query of an http target, as its request line has them."""
        return self.url[self._path_start() :]

    @property
    def host_header(self) -> str:
        """The value of an http target's ``Host`` header.

        It has no zone, which means nothing to others (RFC 6874, section 4).
        """
        place = self.url[self.url.index("//") + 2 : self._path_start()]
        zone, bracket, port = place.partition("]")
        return f"{zone.partition('%')[0]}{bracket}{port}"

    def _path_start(self) -> int:
        return self.url.index("/", len("https://"))


def address_text(address: object) -> str:
    """Return the text of an address.

    Raises:
        TypeError: it is neither a ``str`` nor a ``yarl.URL``.
    """
    if isinstance(address, str):
        return address
    # Who holds a yarl.URL has imported yarl; who does not, need not pay for it.
    yarl = sys.modules.get("yarl")
    if yarl is not None and isinstance(address, yarl.URL):
        return str(address)
    raise TypeError(f"an address is a str or a yarl.URL, not {type(address).__name__}")


def parse(text: str) -> Target:
    """Read an address.

    Raises:
        InvalidAddress: the text is not an address; it says what is wrong and where.
    """
    return _parse_plain(text) or _parse_full(text)


def _parse_plain(text: str) -> Target | None:
    """Read an address as most are; ``None`` for any other.

    :func:`_any` says the same of it, and takes five times as long: 6 % of a check.
    """
    usual = _USUAL.fullmatch(text)
    if usual is None or len(text) > _LONGEST:
        return None
    scheme, name, ip, digits, path = usual.groups()
    default = _DEFAULT_PORTS[scheme]
    port = int(digits or default)
    if port > _HIGHEST_PORT or (name and len(name) > _LONGEST_NAME) or (ip and not is_ipv4(ip)):
        return None
    host = name or ip
    place = host if port == default else f"{host}:{port}"
    return Target(TargetKind.http, f"{scheme}://{place}{path or '/'}", host, port)


def _parse_full(text: str) -> Target:
    part = Part(text, len(text) - len(text.lstrip()), len(text.rstrip()))
    if part.start >= part.end:
        raise InvalidAddress(text, "the address is empty")
    if part.end - part.start > _LONGEST:
        raise part.fault(f"the address is longer than {_LONGEST:,} characters")
    if bad := _FORBIDDEN.search(text, part.start, part.end):
        raise InvalidAddress(text, "an address has no such character in it", *bad.span())
    scheme = _SCHEME.match(text, part.start, part.end)
    if scheme is None:
        return _without_scheme(part)
    read = _SCHEMES.get(scheme[1].lower())
    if read is None:
        known = ", ".join(f"{name}://" for name in _SCHEMES)
        raise InvalidAddress(text, f"only {known} can be checked", *scheme.span(1))
    return read(part.after(scheme.end()))


def resolve_redirect(base: Target, location: str) -> Target:
    """Read the ``Location`` of a redirect from ``base`` (RFC 9110, section 10.2.2).

    Args:
        base: the target that answered with the redirect.
        location: the header's value; bytes that were not UTF-8 may stand in it as lone surrogates
            (PEP 383), as aiohttp leaves them: they are followed percent-encoded, as browsers do.

    Raises:
        InvalidAddress: the location is no address, or not one that speaks HTTP.
    """
    location = _RAW_BYTE.sub(lambda raw: f"%{ord(raw[0]) - 0xDC00:02X}", location.strip())
    try:
        joined = urljoin(base.url, location)
    except ValueError:  # its text may quote a password
        raise InvalidAddress(location, "its target cannot be read", 0, len(location)) from None
    if joined.partition("://")[0].lower() not in {"http", "https"}:
        raise InvalidAddress(joined, "not to an http or https address", 0, len(joined))
    target = parse(joined)
    if target.authorization is None and may_share_credentials(base, target):
        return target._replace(authorization=base.authorization)
    return target


def may_share_credentials(first: Target, second: Target) -> bool:
    """Tell whether credentials meant for one target may be sent to the other.

    They may within one origin (RFC 6454), and from plain HTTP to HTTPS on the same host.
    """
    if first.host != second.host:
        return False
    ends = (first.url.partition(":")[0], first.port), (second.url.partition(":")[0], second.port)
    return ends[0] == ends[1] or ends == (("http", 80), ("https", 443))


def expect_not_applicable(target: Target) -> str:
    """Say why nothing can be expected of the answer of a target that is not asked by HTTP."""
    return f"nothing can be expected of a {target.kind}:// address but to open"


_LONGEST = 65_536
"""Servers stop at 8 KiB, browsers far above; a longer text is no address but an accident."""

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_RAW_BYTE = re.compile(r"[\udc80-\udcff]")
# Paths that yarl leaves as they are: nothing to encode, no segment that begins with a dot.
_PLAIN_PATH = re.compile(r"(?:/(?:[A-Za-z0-9_~\-][A-Za-z0-9_~.\-]*)?)+")
# No user, no query, no fragment, nothing to encode; a last label that is no number; no port 0.
_USUAL = re.compile(
    r"(https?)://"
    r"(?:((?:[a-z0-9_\-]{1,63}\.)*+[a-z][a-z0-9_\-]{0,62})|([0-9.]{7,15}))"
    rf"(?::([1-9][0-9]{{0,4}}))?({_PLAIN_PATH.pattern})?"
)
_LONGEST_NAME = 253
_HIGHEST_PORT = 65_535
_DEFAULT_PORTS = {"http": 80, "https": 443}
# sun_path, less the closing NUL: unix(7) 108 bytes, macOS and the BSDs 104.
_LONGEST_PATH = 107 if sys.platform == "linux" else 103


def _without_scheme(part: Part) -> Target:
    if part.text.startswith("//"):
        raise part.until(part.start).fault("a scheme is missing: write https:// or http:// first")
    authority = read_authority(part, has_scheme=False)
    if authority.userinfo is not None:
        raise part.fault("write https:// or http:// before an address with a user name")
    local = authority.is_ip or f".{authority.host.rstrip('.')}".endswith(".localhost")
    scheme = {None: "http" if local else "https", 443: "https", 80: "http"}.get(authority.port)
    if scheme is None and not authority.tail.text:
        return _tcp_target(authority)
    return _http_target(scheme or "http", authority)


def _http(part: Part) -> Target:
    return _http_target("http", read_authority(part))


def _https(part: Part) -> Target:
    return _http_target("https", read_authority(part))


def _tcp(part: Part) -> Target:
    authority = read_authority(part)
    if authority.userinfo is not None:
        raise authority.userinfo.fault("a tcp address has no user name")
    if authority.tail.text not in {"", "/"}:
        raise authority.tail.fault("a tcp address ends with its port")
    if authority.port is None:
        end = authority.tail.start
        raise Part(part.whole, end, end).fault("a tcp address needs a port, as in tcp://host:22")
    return _tcp_target(authority)


def _unix(part: Part) -> Target:
    path = part.text
    if not path.startswith("/") or path == "/":
        raise part.fault("a unix address names a file from the root, as in unix:///run/app.sock")
    if len(path.encode()) > _LONGEST_PATH:
        raise part.fault(f"the path of a unix socket has at most {_LONGEST_PATH} bytes")
    return Target(TargetKind.unix, f"unix://{path}", path=path)


_SCHEMES: dict[str, Callable[[Part], Target]] = {
    "http": _http,
    "https": _https,
    "tcp": _tcp,
    "unix": _unix,
}


def _tcp_target(authority: Authority) -> Target:
    port = authority.port or 0
    url = f"tcp://{authority.netloc_host}:{port}"
    return Target(TargetKind.tcp, url, authority.host, port)


def _http_target(scheme: str, authority: Authority) -> Target:
    default = _DEFAULT_PORTS[scheme]
    port = authority.port or default
    netloc = authority.netloc_host if port == default else f"{authority.netloc_host}:{port}"
    tail = authority.tail.text.partition("#")[0]
    tail = tail if tail.startswith("/") else f"/{tail}"
    if not _PLAIN_PATH.fullmatch(tail):
        try:
            tail = yarl_url(f"http://h{tail}").raw_path_qs
        except ValueError as error:
            raise authority.tail.fault("the path cannot be read") from error
    url = f"{scheme}://{netloc}{tail}"
    return Target(
        TargetKind.http, url, authority.host, port, authorization=_authorization(authority.userinfo)
    )


def _authorization(userinfo: Part | None) -> str | None:
    if userinfo is None or not userinfo.text:
        return None
    user, _, password = userinfo.text.partition(":")
    pair = f"{unquote(user)}:{unquote(password)}"
    return f"Basic {b64encode(pair.encode()).decode('ascii')}"
