"""``userinfo@host:port``, taken apart, and hosts in the one form that everybody reads alike.

Grammar: RFC 3986, section 3.2. Hosts are read as the WHATWG URL standard says, less what it takes
for an IPv4 address and others do not (``127.1``, ``0x7f.1``, wide digits), and less names that DNS
could not hold: a text that two programs read differently is how guards are walked around.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from tryconnect._address.whatwg import ascii_host
from tryconnect._model.lazy_pattern import lazy_pattern
from tryconnect.errors import InvalidAddress

__all__ = ["Authority", "Part", "is_ip", "is_ipv4", "read_authority"]


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


def read_authority(part: Part, *, has_scheme: bool = True, legacy_ipv4: bool = False) -> Authority:
    """Take the authority off the beginning of a part; its ``tail`` is the rest.

    Args:
        part: what follows the scheme, if there is one.
        has_scheme: without one, an IPv6 address may stand without brackets.
        legacy_ipv4: take every form of an IPv4 address that browsers do.

    Raises:
        InvalidAddress: there is no host that can be asked, or no port.
    """
    end = match.start() if (match := _AUTHORITY_END.search(*part)) else part.end
    tail = part.after(end)
    at = part.whole.rfind("@", part.start, end)
    userinfo = part.until(at) if at >= 0 else None
    place = Part(part.whole, at + 1 if at >= 0 else part.start, end)
    host, port = _host_and_port(place, has_scheme=has_scheme)
    name, is_ip = _host(host, legacy_ipv4=legacy_ipv4)
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


def _host(part: Part, *, legacy_ipv4: bool) -> tuple[str, bool]:
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
    name = text.lower()
    if not name.isascii() or "%" in name:
        name = _international(part)
    if _NUMBER.fullmatch(name.rstrip(".").rpartition(".")[2]):
        name = _international(part) if legacy_ipv4 else name.removesuffix(".")
        if not is_ipv4(name) or not (legacy_ipv4 or text.startswith(name)):
            raise part.fault("an IPv4 address is four numbers from 0 to 255, as in 127.0.0.1")
        return name, True
    too_long = len(name) > _LONGEST_NAME or max(map(len, name.split("."))) > _LONGEST_LABEL
    if too_long or not _NAME.fullmatch(name):
        raise part.fault("this is not a host name")
    return name, False


def is_ipv4(text: str) -> bool:
    """Tell whether a text is an IPv4 address in its one usual form."""
    try:
        # As strict as ipaddress, and ten times as fast: every check comes this way.
        socket.inet_pton(socket.AF_INET, text)
    except OSError:
        return False
    return True


def is_ip(host: str) -> bool:
    """Return whether a target's host is an IP address, by itself or with a zone."""
    return ":" in host or host.rpartition(".")[2].isdigit()  # hosts are ASCII


def _one_spelling(ipv6: str) -> str:
    """Write an IPv6 address as URLs have it: RFC 5952, without dots; a zone stays as it is."""
    address, percent, zone = ipv6.partition("%")
    packed = socket.inet_pton(socket.AF_INET6, address)
    text = socket.inet_ntop(socket.AF_INET6, packed)
    if "." in text:
        groups = struct.unpack("!2H", packed[12:])
        text = ":".join([text.rpartition(":")[0], *(f"{group:x}" for group in groups)])
    return f"{text}{percent}{zone}"


def _is_ipv6(text: str) -> bool:
    address, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        return False
    try:
        socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):  # the latter for NUL
        return False
    return True


def _international(part: Part) -> str:
    if len(part.text) > _LONGEST_ESCAPED_NAME:  # ten thousand characters would take a while
        raise part.fault("this is not a host name")
    try:
        return ascii_host(part.text)
    except ValueError:  # its text may quote the address
        kind = "a" if part.text.isascii() else "an international"
        raise part.fault(f"this is not {kind} host name") from None


_AUTHORITY_END = lazy_pattern(r"[/?#\\]")
# Underscores are no host name by RFC 952, but service names in containers have them.
_NAME = lazy_pattern(r"(?:[a-z0-9_\-]+\.)*[a-z0-9_\-]+\.?")
_LONGEST_LABEL = 63
_LONGEST_NAME = 254
"""Characters, with a dot at the end: RFC 1035, section 2.3.4, allows 255 octets on the wire."""
_LONGEST_ESCAPED_NAME = 9 * _LONGEST_NAME
"""Characters: a character of three bytes may be written as three escapes, ``%E4%BE%8B``."""
_NUMBER = lazy_pattern(r"[0-9]+|0x[0-9a-f]*")
_ESCAPED_ZONE = lazy_pattern(r"%25.")
_ZONE = lazy_pattern(r"[A-Za-z0-9._~\-]+")
