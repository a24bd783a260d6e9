"""What an answer must be like to count: the one word for anything stricter than "it answers"."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from math import inf
from typing import Any, TypeAlias, cast

from tryconnect._model.abnf import TOKEN
from tryconnect._model.lazy_pattern import lazy_pattern

__all__ = ["Expect", "ExpectLike", "as_expect"]

Status: TypeAlias = int | str | range | Collection[int | str | range]
"""How the statuses that count are written."""

Wanted: TypeAlias = str | re.Pattern[str]
"""What is looked for in a text."""

Headers: TypeAlias = Mapping[str, Wanted] | tuple[tuple[str, Wanted], ...]
"""What is looked for in each header."""


@dataclass(frozen=True, slots=True)
class Expect:
    """What a check must find for its address to count as answering.

    Args:
        status: One status (``204``); a text: a class (``"2xx"``), a range (``"200-399"``), a list
            of these (``"2xx, 304"``), or ``"any"``; a :class:`range`; a list of all of these
            (``[200, 204]``), which is kept as a tuple. ``None``: any status, as ``"any"``.
        body: A text that the body must contain; ``""``: the body must be empty, as captive portals
            are told from the internet by; a compiled pattern: as ``pattern``.
            Asking for a body downloads it, up to 1 MiB decompressed, which is as far as is looked,
            and no further than to the text. ``None``: any body, which is then not downloaded.
        max_redirects: How many redirects are followed; the next one is the answer that is looked
            at: ``Expect(status=301, max_redirects=0)`` asks for the redirect itself. ``None``: at
            most 10, and one more is the failure ``too_many_redirects``.
        pattern: A regular expression, as text or compiled, that must be found in the body
            (``re.search``); it is kept compiled. It may be given beside ``body``.
        headers: What the answer's headers must be like, by name: a text that the value must
            contain, where ``""`` asks only for the header to be there; or a compiled pattern that
            must be found in it; else the reason is ``body``. Values of headers of one name are
            joined by ``", "``. It is kept as a tuple of pairs.
        within: Seconds that the whole check may take; a longer one is ``slow``, where the
            ``timeout`` does not end it before.
        cert_days: Days that the peer's certificate must still be valid for; less is
            ``cert_expiring``. After redirects it is the last peer's: an ``http://`` address that
            leads to ``https://`` is held to it, one that answers without TLS is not, and an
            ``https://`` address that leads to one without TLS is ``cert_expiring``. Certificates
            that are not verified are looked at, too.

    Raises:
        ValueError: None of them is given, or one of them makes no sense.

    Example:
        >>> expect = tryconnect.Expect(status="2xx", body="ready", within=2)
        >>> await tryconnect.try_connect("example.com/health", expect=expect)
        True

    .. versionadded:: 0.1
    """

    status: Status | None = None
    body: Wanted | None = None
    max_redirects: int | None = None
    pattern: Wanted | None = None
    headers: Headers | None = None
    within: float | None = None
    cert_days: int | None = None
    _ranges: tuple[range, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", _header_pairs(self.headers))
        if not self.given():
            raise ValueError(f"Expect needs at least one of {', '.join(_FIELDS)}")
        if self.body is not None and not _is_text_or_pattern(self.body):
            raise ValueError(f"an expected body is a str or a pattern of str, not {self.body!r}")
        if self.max_redirects is not None and not _is_count(self.max_redirects):
            raise ValueError(f"max_redirects is a number from 0 up, not {self.max_redirects!r}")
        if self.within is not None and not _is_time(self.within):
            raise ValueError(f"within is a number of seconds above 0, not {self.within!r}")
        if self.cert_days is not None and not _is_count(self.cert_days):
            raise ValueError(f"cert_days is a number from 0 up, not {self.cert_days!r}")
        status = _hashable(self.status)
        object.__setattr__(self, "_ranges", _ranges(status))
        object.__setattr__(self, "status", status)
        object.__setattr__(self, "pattern", _compiled(self.pattern))

    def __repr__(self) -> str:
        """Return what makes an equal one; what is not expected is left out."""
        words = [f"{name}={value!r}" for name, value in self.given().items()]
        return f"Expect({', '.join(words)})"

    @property
    def bodies(self) -> tuple[Wanted, ...]:
        """What is looked for in the body, each by itself."""
        return tuple(each for each in (self.body, self.pattern) if each is not None)

    def expects_anything(self) -> bool:
        """Return whether there is an answer that does not count."""
        return self.given().keys() != {"status"} or _EVERY not in self._ranges

    def accepts_status(self, status: int) -> bool:
        """Return whether an answer with this status counts."""
        return self.status is None or any(status in allowed for allowed in self._ranges)

    def accepts_body(self, text: str) -> bool:
        """Return whether an answer with this decoded body counts."""
        return self.missing_in_body(text) is None

    def missing_in_body(self, text: str) -> Wanted | None:
        """Return what is expected of a decoded body and not so; ``""``: it is not empty."""
        return next((each for each in self.bodies if not _is_in(each, text, whole=True)), None)

    def missing_in_headers(self, fields: Iterable[tuple[str, str]]) -> str | None:
        """Return the name of the first header that is not there, or not as expected."""
        found: dict[str, str] = {}
        for name, value in fields:
            key = name.lower()
            found[key] = f"{found[key]}, {value}" if key in found else value
        for name, wanted in cast("tuple[tuple[str, Wanted], ...]", self.headers or ()):
            if not _is_in(wanted, found.get(name.lower())):
                return name
        return None

    def describe_status(self) -> str:
        """Return the expected status in words for a sentence: ``2xx``, ``200 or 204``."""
        status = self.status
        return " or ".join(map(_described, status if isinstance(status, tuple) else (status,)))

    def given(self) -> dict[str, Any]:
        """Return what is expected, by its name here."""
        given = ((name, getattr(self, name)) for name in _FIELDS)
        return {name: value for name, value in given if value is not None}


_FIELDS = tuple(each.name for each in fields(Expect) if each.init)


ExpectLike: TypeAlias = Expect | Status | None
"""An :class:`Expect`, or what it takes as ``status``."""


def as_expect(value: ExpectLike) -> Expect | None:
    """Return the expectation that a caller wrote, or ``None`` where anything counts.

    Raises:
        ValueError: The value makes no sense.
    """
    if value is None:
        return None
    expect = value if isinstance(value, Expect) else Expect(status=value)
    return expect if expect.expects_anything() else None


_EVERY = range(100, 1000)
"""RFC 9110, section 15: three digits, of which the first is not 0; some servers make their own."""

_ITEM = lazy_pattern(
    r" *(?:(?P<any>any)|(?P<hundred>[1-9])xx|(?P<first>[0-9]{3})(?: *- *(?P<last>[0-9]{3}))?) *",
    re.IGNORECASE,
)


def _hashable(status: object) -> object:
    if isinstance(status, set | frozenset):
        return tuple(sorted(status, key=str))
    return tuple(status) if isinstance(status, list) else status


def _ranges(status: object) -> tuple[range, ...]:
    """Return the statuses that count, as ranges."""
    if status is None:
        return ()
    items = status if isinstance(status, tuple) else (status,)
    if not items:
        raise _nonsense(status)
    return tuple(found for item in items for found in _item_ranges(item, status))


def _item_ranges(item: object, status: object) -> list[range]:
    if isinstance(item, range) and item and min(item) in _EVERY and max(item) in _EVERY:
        return [item]
    if isinstance(item, bool) or not isinstance(item, int | str):
        raise _nonsense(status)
    return [
        _range(each, status)
        for each in str(int(item) if isinstance(item, int) else item).split(",")
    ]


def _range(item: str, status: object) -> range:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise _nonsense(status)
    if match["any"]:
        return _EVERY
    if match["hundred"]:
        start = int(match["hundred"]) * 100
        return range(start, start + 100)
    first = int(match["first"])
    last = int(match["last"] or first)
    if first not in _EVERY or first > last:
        raise _nonsense(status)
    return range(first, last + 1)


def _described(item: object) -> str:
    if not isinstance(item, range):
        return str(item)
    if len(item) == 1:
        return str(item[0])
    return f"{min(item)}-{max(item)}" + (
        f" in steps of {abs(item.step)}" if abs(item.step) > 1 else ""
    )


def _nonsense(status: object) -> ValueError:
    return ValueError(
        'an expected status looks like 204, "2xx", "200-399", "2xx, 304", [200, 204], '
        f'range(200, 300) or "any", not {status!r}'
    )


def _is_text_or_pattern(wanted: Any) -> bool:
    return isinstance(wanted, str) or (
        isinstance(wanted, re.Pattern) and isinstance(wanted.pattern, str)
    )


def _compiled(pattern: Any) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    if not _is_text_or_pattern(pattern):
        raise ValueError(f"pattern is a regular expression of str, not {pattern!r}")
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"pattern is no regular expression: {error}") from error


def _header_pairs(headers: Any) -> tuple[tuple[str, Wanted], ...] | None:
    pairs = tuple(headers.items() if isinstance(headers, Mapping) else headers or ())
    for name, wanted in pairs:
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a header")
        if not _is_text_or_pattern(wanted):
            raise ValueError(f"the header {name} is a str or a pattern of str, not {wanted!r}")
    return pairs or None


_TOKEN = lazy_pattern(TOKEN)


def _is_in(wanted: Wanted, text: str | None, *, whole: bool = False) -> bool:
    """Return whether a text has in it what is wanted; ``whole``: ``""`` wants it empty."""
    if text is None:
        return False
    if isinstance(wanted, re.Pattern):
        return wanted.search(text) is not None
    return not text if whole and not wanted else wanted in text


def _is_count(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def _is_time(number: object) -> bool:
    return type(number) in {int, float} and 0 < cast("float", number) < inf
