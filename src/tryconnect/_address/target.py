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
Grammar: the WHATWG URL standard, by which browsers read what they are redirected to. An address is
read more strictly: what two programs read differently is how guards are walked around.
"""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from tryconnect._address.authority import Authority, Part, is_ipv4, read_authority
from tryconnect._address.whatwg import relative_target, request_target
from tryconnect._model.greeting import greeting_of, schemes
from tryconnect._model.lazy_pattern import lazy_pattern
from tryconnect.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from tryconnect._model.greeting import Greeting

__all__ = [
    "ENCRYPTED",
    "Target",
    "TargetKind",
    "address_text",
    "may_share_credentials",
    "parse",
    "resolve_redirect",
]


class TargetKind(StrEnum):
    """What a check of a target does."""

    http = "http"
    service = "service"
    tcp = "tcp"
    tls = "tls"
    unix = "unix"


ENCRYPTED = ("https:", "tls:")
"""How URLs begin that are asked over TLS from the first byte on."""


class Target(NamedTuple):
    """One thing to check.  A target that exists is valid.

    Attributes:
        kind: what the check does.
        url: normalised, without credentials and fragment; what a report shows as the final URL.
        host: ASCII, no brackets, lower case but for an IPv6 zone; empty for a unix socket, and
            ``localhost`` for HTTP over one.
        port: 1 to 65535; 0 for a unix socket.
        path: the file of a unix socket, also of one that speaks HTTP; else empty.
        authorization: value of the ``Authorization`` header that the address's credentials make
            (RFC 7617, UTF-8), or ``None``.
        method: how an http target is asked, ``GET`` or ``HEAD``; redirects keep it.
    """

    kind: TargetKind
    url: str
    host: str = ""
    port: int = 0
    path: str = ""
    authorization: str | None = None
    method: str = "GET"

    def __repr__(self) -> str:
        return f"Target(kind={self.kind!r}, url={self.url!r})"  # the rest is in it, or a secret

    @property
    def scheme(self) -> str:
        """``http``, ``https``, ``http+unix``, ``tcp``, ``tls``, ``unix``, or that of a service."""
        return self.url.partition(":")[0]

    @property
    def is_encrypted(self) -> bool:
        """Whether it is asked over TLS from the first byte on."""
        return self.url.startswith(ENCRYPTED)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what may share connections and secrets (RFC 6454)."""
        return self.scheme, self.host, self.port

    @property
    def request_target(self) -> str:
        """The path and query of an http target, as its request line has them."""
        return f"/{self.url.split('/', 3)[3]}"

    @property
    def host_header(self) -> str:
        """The value of an http target's ``Host`` header.

        It has no zone, which means nothing to others (RFC 6874, section 4).
        """
        if self.path:
            return self.host
        place = self.url.split("/", 3)[2]
        if "%" not in place:
            return place
        zone, bracket, port = place.partition("]")
        return f"{zone.partition('%')[0]}{bracket}{port}"


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
    usual = _USUAL.fullmatch(text) if len(text) <= _LONGEST else None
    if usual is None:
        return None
    scheme, ip, name, digits, tail = usual.groups("")
    default = _DEFAULT_PORTS[scheme]
    port = int(digits or default)
    if port > _HIGHEST_PORT or len(name) > _LONGEST_NAME or (ip and not is_ipv4(ip)):
        return None
    if _may_have_dots(tail):
        return None
    host = name or ip
    place = host if port == default else f"{host}:{port}"
    return Target(TargetKind.http, f"{scheme}://{place}{tail or '/'}", host, port)


def _parse_full(text: str) -> Target:
    part = Part(text, len(text) - len(text.lstrip()), len(text.rstrip()))
    if part.start >= part.end:
        raise InvalidAddress(text, "the address is empty")
    if part.end - part.start > _LONGEST:
        raise part.fault(f"the address is longer than {_LONGEST:,} characters")
    # A fragment is not sent.
    end = match.end() if (match := _BEFORE_FRAGMENT.match(*part)) else part.end
    if bad := _FORBIDDEN.search(text, part.start, end):
        raise InvalidAddress(text, _NO_SUCH_CHARACTER, *bad.span())
    scheme = _SCHEME.match(text, part.start, part.end)
    if scheme is None:
        if (slip := _SLIP.match(text, part.start, part.end)) and _is_known(slip[1].lower()):
            problem = f"write {slip[1].lower()}:// with a colon and two slashes"
            raise InvalidAddress(text, problem, *slip.span())
        return _without_scheme(part)
    rest, name = part.after(scheme.end()), scheme[1].lower()
    if (read := _SCHEMES.get(name)) is not None:
        return read(rest)
    if (greeting := greeting_of(name)) is not None:
        return _service_target(greeting, rest)
    known = ", ".join(f"{each}://" for each in (*_SCHEMES, *schemes()))
    raise InvalidAddress(text, f"only {known} can be checked", *scheme.span(1))


def _is_known(scheme: str) -> bool:
    return scheme in _SCHEMES or greeting_of(scheme) is not None


def resolve_redirect(base: Target, location: str) -> Target:
    """Read the ``Location`` of a redirect from ``base`` as browsers do (RFC 9110, section 10.2.2).

    Args:
        base: the target that answered with the redirect.
        location: the header's value; bytes that were not UTF-8 may stand in it as lone surrogates
            (PEP 383), as aiohttp leaves them: they are followed percent-encoded, as browsers do.

    Raises:
        InvalidAddress: the location is no address, or not one that speaks HTTP.
    """
    text = _IGNORED.sub("", location.strip(_C0_AND_SPACE))
    text = _RAW_BYTE.sub(lambda raw: f"%{ord(raw[0]) - 0xDC00:02X}", text)
    part = Part(text, 0, len(text))
    if len(text) > _LONGEST:
        raise part.fault(f"it is longer than {_LONGEST:,} characters")
    if bad := _SURROGATE.search(text):
        raise InvalidAddress(text, _NO_SUCH_CHARACTER, *bad.span())
    scheme = match[1].lower() if (match := _URL_SCHEME.match(text)) else base.scheme
    if scheme not in _DEFAULT_PORTS and match is not None:
        raise part.fault("not to an http or https address")
    rest = part.after(match.end() if match else 0)
    slashes = len(rest.text) - len(rest.text.lstrip("/\\"))
    if slashes > 1 or scheme != base.scheme:
        return _elsewhere(base, scheme, rest.after(rest.start + slashes))
    tail = relative_target(rest.text, base.request_target)
    return base._replace(url=f"{base.url.removesuffix(base.request_target)}{tail}")


def _elsewhere(base: Target, scheme: str, part: Part) -> Target:
    """Return the target of a ``Location`` that names a host."""
    authority = read_authority(part, legacy_ipv4=True)
    if base.path and scheme in {"http", base.scheme}:
        if authority.host == base.host and authority.port in {None, _DEFAULT_PORTS["http"]}:
            # The server calls itself as it was called.
            tail = request_target(authority.tail.text.partition("#")[0] or "/")
            return base._replace(url=f"{base.url.removesuffix(base.request_target)}{tail}")
        scheme = "http"
    address, _, zone = authority.host.partition("%")
    if zone and not address.startswith(_LINK_LOCAL):
        raise part.fault("this is not an IPv6 address")
    if not zone and address == base.host.partition("%")[0]:
        # Servers do not know the zone, which is ours.
        authority = authority._replace(host=base.host)
    target = _http_target(scheme, authority)._replace(method=base.method)
    if target.authorization is None and may_share_credentials(base, target):
        return target._replace(authorization=base.authorization)
    return target


def may_share_credentials(first: Target, second: Target) -> bool:
    """Tell whether credentials meant for one target may be sent to the other.

    They may within one origin (RFC 6454), and from plain HTTP to HTTPS on the same host.
    """
    if first.host != second.host:
        return False
    ends = (first.scheme, first.port), (second.scheme, second.port)
    return ends[0] == ends[1] or ends == (("http", 80), ("https", 443))


_LONGEST = 65_536
"""Servers stop at 8 KiB, browsers far above; a longer text is no address but an accident."""

_NO_SUCH_CHARACTER = "an address has no such character in it"
_FORBIDDEN = lazy_pattern(r"[\x00-\x1f\x7f\ud800-\udfff]")
_BEFORE_FRAGMENT = lazy_pattern("https?://[^#]*#", re.IGNORECASE)
_SURROGATE = lazy_pattern(r"[\ud800-\udfff]")
_LINK_LOCAL = ("fe8", "fe9", "fea", "feb")  # RFC 4291, section 2.5.6
_SPACE = lazy_pattern(r"\s")
# What the WHATWG URL standard takes off both ends of a URL, and out of it.
_C0_AND_SPACE = "".join(map(chr, range(0x21)))
_IGNORED = lazy_pattern(r"[\t\r\n]")
_SCHEME = lazy_pattern(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_URL_SCHEME = lazy_pattern(r"([A-Za-z][A-Za-z0-9+.\-]*):")
# What stands for ://, as in http:/host, https//host or tcp:22 (wait-on's words for localhost:22).
_SLIP = lazy_pattern(r"([A-Za-z]+)(?::|[:;.,\s]*[/\\]{2})[/\\]*")
_TOO_MANY_SLASHES = lazy_pattern(r"[/\\]+(?=[^/\\])")
_RAW_BYTE = lazy_pattern(r"[\udc80-\udcff]")
# A path and a query with nothing to encode.
_PLAIN_TAIL = lazy_pattern(r"/[!$-;=@-\[\]_a-z|~]*(?:\?[!$-&(-;=?-~]*)?")
# No user, no fragment, nothing to encode; a last label that is no number; no port 0.
_USUAL = lazy_pattern(
    r"(https?)://"
    r"(?:([0-9.]{7,15})|((?:[a-z0-9_\-]{1,63}\.)*+[a-z][a-z0-9_\-]{0,62}))"
    rf"(?::([1-9][0-9]{{0,4}}))?({_PLAIN_TAIL.pattern})?"
)
_LONGEST_NAME = 253
_HIGHEST_PORT = 65_535
_DEFAULT_PORTS = {"http": 80, "https": 443}
# sun_path, less the closing NUL: unix(7) 108 bytes, macOS and the BSDs 104.
_LONGEST_PATH = 107 if sys.platform == "linux" else 103


def _read_strictly(part: Part, *, has_scheme: bool = True) -> Authority:
    if has_scheme and (slip := _TOO_MANY_SLASHES.match(*part)):
        raise part.until(slip.end()).fault("only two slashes, //, stand before the host")
    authority = read_authority(part, has_scheme=has_scheme)
    userinfo, tail = authority.userinfo, authority.tail
    if userinfo is not None and _SPACE.search(userinfo.text):
        raise userinfo.fault("a space in a user name or a password is written as %20")
    if tail.text.startswith("\\"):
        raise tail.until(tail.start + 1).fault("a backslash cannot follow the host: write /")
    return authority


def _without_scheme(part: Part) -> Target:
    if part.text.startswith(("//", "://")):
        raise part.until(part.start).fault("a scheme is missing: write https:// or http:// first")
    authority = _read_strictly(part, has_scheme=False)
    if authority.userinfo is not None:
        raise part.fault("write https:// or http:// before an address with a user name")
    local = authority.is_ip or f".{authority.host.rstrip('.')}".endswith(".localhost")
    scheme = {None: "http" if local else "https", 443: "https", 80: "http"}.get(authority.port)
    if scheme is None and not authority.tail.text:
        return _tcp_target(authority)
    return _http_target(scheme or "http", authority)


def _http(part: Part) -> Target:
    return _http_target("http", _read_strictly(part))


def _https(part: Part) -> Target:
    return _http_target("https", _read_strictly(part))


def _tcp(part: Part) -> Target:
    return _tcp_target(_read_with_port(part, "tcp", 22))


def _tls(part: Part) -> Target:
    return _tcp_target(_read_with_port(part, "tls", 443), TargetKind.tls)


def _read_with_port(part: Part, scheme: str, port: int) -> Authority:
    authority = _read_strictly(part)
    if authority.userinfo is not None:
        raise authority.userinfo.fault(f"a {scheme} address has no user name")
    if authority.tail.text not in {"", "/"}:
        raise authority.tail.fault(f"a {scheme} address ends with its port")
    if authority.port is None:
        end = authority.tail.start
        problem = f"a {scheme} address needs a port, as in {scheme}://host:{port}"
        raise Part(part.whole, end, end).fault(problem)
    return authority


def _service_target(greeting: Greeting, part: Part) -> Target:
    """Return the target of a service; its credentials, database and options are not looked at."""
    authority = _read_strictly(part)
    port = authority.port or greeting.port
    url = f"{greeting.scheme}://{authority.netloc_host}:{port}"
    return Target(TargetKind.service, url, authority.host, port)


def _http_unix(part: Part) -> Target:
    end = match.start() if (match := _AFTER_SOCKET.search(*part)) else part.end
    file = part.until(end)
    path = unquote_to_bytes(file.text).decode("utf-8", "surrogateescape")
    if not path.startswith("/") or "\0" in path:
        raise file.fault("an http+unix address has its socket first, as in http+unix://%2Frun%2Fa")
    _check_length(file, path)
    tail = part.after(end).text.partition("#")[0]
    tail = request_target(tail if tail.startswith("/") else f"/{tail}")
    url = f"http+unix://{quote(path, safe='', errors='surrogateescape')}{tail}"
    return Target(TargetKind.http, url, "localhost", path=path)


_AFTER_SOCKET = lazy_pattern(r"[/?#]")


def _check_length(part: Part, path: str) -> None:
    if len(path.encode("utf-8", "surrogateescape")) > _LONGEST_PATH:
        raise part.fault(f"the path of a unix socket has at most {_LONGEST_PATH} bytes")


def _unix(part: Part) -> Target:
    path = part.text
    if not path.startswith("/") or path == "/":
        raise part.fault("a unix address names a file from the root, as in unix:///run/app.sock")
    _check_length(part, path)
    return Target(TargetKind.unix, f"unix://{path}", path=path)


_SCHEMES: dict[str, Callable[[Part], Target]] = {
    "http": _http,
    "https": _https,
    "http+unix": _http_unix,
    "tcp": _tcp,
    "tls": _tls,
    "unix": _unix,
}


def _tcp_target(authority: Authority, kind: TargetKind = TargetKind.tcp) -> Target:
    port = authority.port or 0
    return Target(kind, f"{kind}://{authority.netloc_host}:{port}", authority.host, port)


def _http_target(scheme: str, authority: Authority) -> Target:
    default = _DEFAULT_PORTS[scheme]
    port = authority.port or default
    netloc = authority.netloc_host if port == default else f"{authority.netloc_host}:{port}"
    tail = authority.tail.text.partition("#")[0] or "/"
    if _may_have_dots(tail) or not _PLAIN_TAIL.fullmatch(tail):
        tail = request_target(tail)
    url = f"{scheme}://{netloc}{tail}"
    return Target(
        TargetKind.http, url, authority.host, port, authorization=_authorization(authority.userinfo)
    )


def _may_have_dots(tail: str) -> bool:
    """Return whether a path may have a segment of dots, by which others are left out."""
    return "/." in tail or "/%2e" in tail or "/%2E" in tail


def _authorization(userinfo: Part | None) -> str | None:
    if userinfo is None or not userinfo.text:
        return None
    user, _, password = userinfo.text.partition(":")
    pair = b":".join(map(unquote_to_bytes, (user, password)))
    return f"Basic {b64encode(pair).decode('ascii')}"
