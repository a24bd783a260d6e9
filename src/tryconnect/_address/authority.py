"""``userinfo@host:port``, taken apart, and hosts in the one form that everybody reads alike.

Grammar: RFC 3986, section 3.2.  Hosts are read as strictly as the WHATWG URL standard does (a host
that ends in a number is an IPv4 address or nothing): a text that two programs read differently is
how guards are walked around.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, NamedTuple

from tryconnect.errors import InvalidAddress

if TYPE_CHECKING:
    from yarl import URL

__all__ = ["Authority", "Part", "is_ip", "is_ipv4", "read_authority", "yarl_url"]


class Part(NamedTuple):
    """A stretch of the typed text that remembers where it stands, so that a fault can point."""

    whole: str
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.whole[self.start : self.end]

    def after(self, index: int) -> Part:
        return Part(self.whole, index, self.end)

    def until(self, index: int) -> Part:
        return Part(self.whole, self.start, index)

    def find(self, mark: str) -> int:
        return self.whole.find(mark, self.start, self.end)

    def fault(self, problem: str) -> InvalidAddress:
        return InvalidAddress(self.whole, problem, self.start, self.end)


class Authority(NamedTuple):
    """``userinfo@host:port``, taken apart (RFC 3986, section 3.2)."""

    userinfo: Part | None
    host: str
    port: int | None
    is_ip: bool
    tail: Part

    @property
    def netloc_host(self) -> str:
        """The host as a URL has it (RFC 3986 and, for zones, RFC 6874)."""
        return f"[{self.host.replace('%', '%25')}]" if ":" in self.host else self.host


def read_authority(part: Part, *, has_scheme: bool = True) -> Authority:
    """Take the authority off the beginning of a part; its ``tail`` is the rest.

    Args:
        part: what follows the scheme, if there is one.
        has_scheme: without one, an IPv6 address may stand without brackets.

    Raises:
        InvalidAddress: there is no host that can be asked, or no port.
    """
    end = match.start() if (match := _AUTHORITY_END.search(*part)) else part.end
    tail = part.after(end)
    if tail.text.startswith("\\"):
        raise tail.until(end + 1).fault("a backslash cannot follow the host: write /")
    at = part.whole.rfind("@", part.start, end)
    userinfo = part.until(at) if at >= 0 else None
    if userinfo is not None and _SPACE.search(userinfo.text):
        raise userinfo.fault("a space in a user name or a password is written as %20")
    place = Part(part.whole, at + 1 if at >= 0 else part.start, end)
    host, port = _host_and_port(place, has_scheme=has_scheme)
    name, is_ip = _host(host)
    return Authority(userinfo, name, _port(port), is_ip, tail)


def _host_and_port(place: Part, *, has_scheme: bool) -> tuple[Part, Part | None]:
    """Split ``host:port``; the port part begins after the colon."""
    if place.text.startswith("["):
        close = place.find("]")
        if close < 0:
            raise place.fault("the bracket is not closed")
        rest = place.after(close + 1)
        if rest.text and not rest.text.startswith(":"):
            raise rest.fault("only a port can follow the bracket")
        return place.until(close + 1), _after_colon(rest, rest.start, has_scheme=has_scheme)
    if place.text.count(":") > 1:
        if has_scheme or not _is_ipv6(place.text):
            raise place.fault("write an IPv6 address in brackets, as in [::1]:80")
        return place, None
    colon = place.find(":")
    end = colon if colon >= 0 else place.end
    return place.until(end), _after_colon(place, end, has_scheme=has_scheme)


def _after_colon(place: Part, colon: int, *, has_scheme: bool) -> Part | None:
    """Return the port's part; ``None`` where there is no colon, or nothing follows it in a URL."""
    if colon == place.end or (has_scheme and colon == place.end - 1):
        return None  # RFC 3986, section 3.2.3: an empty port is the default one
    return place.after(colon + 1)


def _port(part: Part | None) -> int | None:
    if part is None:
        return None
    digits = part.text.lstrip("0")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and int(digits) <= 65535):  # noqa: PLR2004 - RFC 6335
        raise part.fault("a port is a number from 1 to 65535")
    return int(digits)


def _host(part: Part) -> tuple[str, bool]:
    """Return the host in ASCII, and whether it is an IP address."""
    text = part.text
    if not text:
        raise part.fault("the host is missing")
    if text.startswith("["):
        text = text[1:-1]
        if _ESCAPED_ZONE.search(text):  # RFC 6874; people write a bare % too
            text = text.replace("%25", "%", 1)
        if not _is_ipv6(text):
            raise part.fault("this is not an IPv6 address")
        return _one_spelling(text), True
    if ":" in text:
        return _one_spelling(text), True
    name = text.lower() if text.isascii() else _idna(part)
    last = name.rstrip(".").rpartition(".")[2]
    if _NUMBER.fullmatch(last):
        return _ipv4(name.removesuffix("."), part), True
    too_long = len(name) > _LONGEST_NAME or max(map(len, name.split("."))) > _LONGEST_LABEL
    if too_long or not _NAME.fullmatch(name):
        raise part.fault("this is not a host name")
    return name, False


def _ipv4(text: str, part: Part) -> str:
    if not is_ipv4(text):
        raise part.fault("an IPv4 address is four numbers from 0 to 255, as in 127.0.0.1")
    return text


def is_ipv4(text: str) -> bool:
    """Tell whether a text is an IPv4 address in its one usual form."""
    try:
        # As strict as ipaddress, and ten times as fast: every check comes this way.
        socket.inet_pton(socket.AF_INET, text)
    except OSError:
        return False
    return True


def is_ip(host: str) -> bool:
    """Tell whether a target's host is an IP address, by itself or with a zone."""
    return ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _one_spelling(ipv6: str) -> str:
    """Write an IPv6 address in the one form that RFC 5952 recommends; a zone stays as it is."""
    address, percent, zone = ipv6.partition("%")
    packed = socket.inet_pton(socket.AF_INET6, address)
    return f"{socket.inet_ntop(socket.AF_INET6, packed)}{percent}{zone}"


def _is_ipv6(text: str) -> bool:
    address, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        return False
    try:
        socket.inet_pton(socket.AF_INET6, address)
    except OSError:
        return False
    return True


def _idna(part: Part) -> str:
    if len(part.text) > _LONGEST_NAME:  # looking at its characters would take seconds
        raise part.fault("this is not a host name")
    try:
        host: str | None = yarl_url(f"http://{part.text}/").raw_host
    except ValueError as error:  # UnicodeError is one
        raise part.fault("this is not an international host name") from error
    return host or ""


def yarl_url(text: str) -> URL:
    """Let yarl read a URL: it encodes paths and international names (through the idna library).

    Raises:
        ValueError: it cannot.
    """
    from yarl import URL  # noqa: PLC0415 - costs a third of the import budget; most need it late

    try:
        return URL(text)
    except OverflowError as error:  # Punycode may stand for a number that is no character's
        raise ValueError("this is no URL") from error


_AUTHORITY_END = re.compile(r"[/?#\\]")
# Underscores are no host name by RFC 952, but service names in containers have them.
_NAME = re.compile(r"(?:[a-z0-9_\-]+\.)*[a-z0-9_\-]+\.?")
_SPACE = re.compile(r"\s")
_LONGEST_LABEL = 63
_LONGEST_NAME = 254
"""Characters, with a dot at the end: RFC 1035, section 2.3.4, allows 255 octets on the wire."""
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ESCAPED_ZONE = re.compile(r"%25.")
_ZONE = re.compile(r"[A-Za-z0-9._~\-]+")
