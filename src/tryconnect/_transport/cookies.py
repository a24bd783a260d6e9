"""The cookies of one check, which go back byte for byte (RFC 6265, sections 5.1 to 5.4).

Where browsers have moved on, this follows the draft that describes them (6265bis): a cookie may
have no name, and one that is very long or has a control character in it is ignored.
"""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tryconnect._address.authority import is_ip
from tryconnect._address.whatwg import ascii_host
from tryconnect._model.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tryconnect._address.target import Target

__all__ = ["Cookies"]


class Cookies:
    """Cookies that live from the first request of a check to its last.

    Args:
        now: returns the time, in seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._stored: dict[tuple[str, str, str], _Cookie] = {}

    def store(self, target: Target, lines: Iterable[str]) -> None:
        """Store the cookies that a response sets.

        Args:
            target: the target that answered.
            lines: the values of its ``Set-Cookie`` headers; bytes that were not UTF-8 stand in
                them as lone surrogates (PEP 383).
        """
        for line in lines:
            if (cookie := _parse(line, target, self._now())) is not None:
                # A cookie that is set again keeps its place, and so its creation time.
                self._stored[cookie.name, cookie.domain, cookie.path] = cookie

    def header(self, target: Target) -> str:
        """Return the value of the ``Cookie`` header for a target, encoded as what was stored.

        It is empty where there is none.
        """
        if not self._stored:
            return ""
        now = self._now()
        sent = [cookie for cookie in self._stored.values() if cookie.applies_to(target, now)]
        # Longer paths first; where they are alike, the sort keeps the order of creation.
        sent.sort(key=lambda cookie: len(cookie.path), reverse=True)
        return "; ".join(cookie.pair for cookie in sent)


class _Cookie(NamedTuple):
    """A stored cookie (RFC 6265, section 5.3)."""

    name: str
    pair: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    expires: float

    def applies_to(self, target: Target, now: float) -> bool:
        """Return whether the cookie is sent to a target (section 5.4)."""
        host, path = target.host, _path(target)
        return (
            self.expires > now
            and (host == self.domain or (not self.host_only and _is_below(host, self.domain)))
            and (path == self.path or path.startswith(f"{self.path.removesuffix('/')}/"))
            and not (self.secure and target.scheme != "https")
        )


_FORBIDDEN = lazy_pattern(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udc7f\udd00-\udfff]")
_SPACE = " \t"
_MAX_PAIR = 4096
_MAX_ATTRIBUTE = 1024
"""Bytes of a name with its value, and characters of an attribute (6265bis, section 5.6)."""
_MAX_AGE = 400 * 86_400
"""Seconds (6265bis, section 5.5)."""


def _parse(line: str, target: Target, now: float) -> _Cookie | None:
    """Read a ``Set-Cookie`` header (section 5.2); return ``None`` if it sets nothing."""
    if _FORBIDDEN.search(line):
        return None
    pair, *rest = line.split(";")
    name, equals, value = pair.partition("=")
    name, value = (name.strip(_SPACE), value.strip(_SPACE)) if equals else ("", pair.strip(_SPACE))
    attributes = _attributes(rest)
    domain = attributes.get("domain", "")
    if not (name or value) or len(f"{name}{value}".encode(errors="surrogateescape")) > _MAX_PAIR:
        return None
    shared = bool(domain) and not _is_public_suffix(domain)
    if domain not in {"", target.host} and not (shared and _is_below(target.host, domain)):
        return None
    age = attributes.get("max-age")
    return _Cookie(
        name=name,
        pair=f"{name}={value}" if name else value,
        domain=domain or target.host,
        host_only=not shared,
        path=attributes.get("path") or _path(target).rpartition("/")[0] or "/",
        secure="secure" in attributes,
        expires=attributes.get("expires", math.inf) if age is None else now + age,
    )


def _attributes(words: list[str]) -> dict[str, Any]:
    """Return what the attributes of a cookie mean; the last one of a name that means anything."""
    found: dict[str, Any] = {}
    for word in words:
        name, _, value = (part.strip(_SPACE) for part in word.partition("="))
        read = _ATTRIBUTES.get(name.lower())
        if read is not None and len(value) <= _MAX_ATTRIBUTE and (meant := read(value)) is not None:
            found[name.lower()] = meant
    return found


def _max_age(text: str) -> int | None:
    return min(int(text), _MAX_AGE) if re.fullmatch("-?[0-9]+", text) else None


def _domain(text: str) -> str:
    domain = text.removeprefix(".").lower()
    try:
        return domain if domain.isascii() else ascii_host(domain)
    except ValueError:
        return domain  # no host is below it


def _absolute_path(text: str) -> str:
    return text if text.startswith("/") else ""


# Section 5.1.1: a date is looked for among tokens, in any order.
_TOKEN = lazy_pattern(r"[^\t -/;-@\[-`{-~]+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = {
    "time": lazy_pattern(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])"),
    "day": lazy_pattern(r"([0-9]{1,2})(?![0-9])"),
    "month": lazy_pattern(rf"({'|'.join(_MONTHS)})", re.IGNORECASE),
    "year": lazy_pattern(r"([0-9]{2,4})(?![0-9])"),
}
_FIRST_YEAR = 1601


def _date(text: str) -> float | None:
    found: dict[str, tuple[str, ...]] = {}
    for token in _TOKEN.findall(text):
        for part, pattern in _DATE.items():
            if part not in found and (match := pattern.match(token)):
                found[part] = match.groups()
                break
    if found.keys() != _DATE.keys():
        return None
    hour, minute, second = map(int, found["time"])
    day, year = int(found["day"][0]), int(found["year"][0])
    month = _MONTHS.index(found["month"][0].lower()) + 1
    if year < 100:  # noqa: PLR2004 - two digits
        year += 1900 if year >= 70 else 2000  # noqa: PLR2004 - section 5.1.1
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp() if year >= _FIRST_YEAR else None


_ATTRIBUTES: dict[str, Callable[[str], Any]] = {
    "domain": _domain,
    "expires": _date,
    "max-age": _max_age,
    "path": _absolute_path,
    "secure": bool,
}


def _path(target: Target) -> str:
    return target.request_target.partition("?")[0]


def _is_below(host: str, domain: str) -> bool:
    return host.endswith(f".{domain}") and not is_ip(host)


# Without the public suffix list, which changes every week: the names that registries put below
# countries' domains.  As in http.cookiejar's strict_domain.
_REGISTRIES = frozenset({"ac", "co", "com", "edu", "gob", "gov", "mil", "ne", "net", "or", "org"})


def _is_public_suffix(domain: str) -> bool:
    """Return whether strangers share a domain, so that no cookie can be for all of it."""
    name, _, top = domain.rpartition(".")
    return not name or (len(top) == 2 and name in _REGISTRIES)  # noqa: PLR2004 - ISO 3166
