"""What an answer must be like to count: the one word for anything stricter than "it answers"."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Expect", "ExpectLike", "as_expect"]

Status: TypeAlias = int | str | range | Collection[int | str | range]
"""How the statuses that count are written."""


@dataclass(frozen=True, slots=True)
class Expect:
    """The status and body that an HTTP answer must have.

    Args:
        status: One status (``204``); a text: a class (``"2xx"``), a range (``"200-399"``), a list
            of these (``"2xx, 304"``), or ``"any"``; a :class:`range`; a list of all of these
            (``[200, 204]``), which is kept as a tuple. ``None``: any status, as ``"any"``.
        body: A text that the body must contain; ``""``: the body must be empty, as captive portals
            are told from the internet by; a compiled pattern: it must be found (``re.search``).
            Asking for a body downloads it, up to 1 MiB decompressed, which is as far as is looked,
            and no further than to the text. ``None``: any body, which is then not downloaded.
        max_redirects: How many redirects are followed; the next one is the answer that is looked
            at: ``Expect(status=301, max_redirects=0)`` asks for the redirect itself. ``None``: at
            most 10, and one more is the failure ``too_many_redirects``.

    Raises:
        ValueError: None of them is given, or one of them makes no sense.

    .. versionadded:: 0.1
    """

    status: Status | None = None
    body: str | re.Pattern[str] | None = None
    max_redirects: int | None = None
    _ranges: tuple[range, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.status is None and self.body is None and self.max_redirects is None:
            raise ValueError("Expect needs a status, a body, or both")
        if self.body is not None and not _is_text_or_pattern(self.body):
            raise ValueError(f"an expected body is a str or a pattern of str, not {self.body!r}")
        if self.max_redirects is not None and not _is_count(self.max_redirects):
            raise ValueError(f"max_redirects is a number from 0 up, not {self.max_redirects!r}")
        status = _hashable(self.status)
        object.__setattr__(self, "_ranges", _ranges(status))
        object.__setattr__(self, "status", status)

    def __repr__(self) -> str:
        """Return what makes an equal one; what is not expected is left out."""
        given = ((name, getattr(self, name)) for name in ("status", "body", "max_redirects"))
        words = [f"{name}={value!r}" for name, value in given if value is not None]
        return f"Expect({', '.join(words)})"

    def expects_anything(self) -> bool:
        """Return whether there is an HTTP answer that does not count."""
        return (self.body, self.max_redirects) != (None, None) or _EVERY not in self._ranges

    def accepts_status(self, status: int) -> bool:
        """Return whether an answer with this status counts."""
        return self.status is None or any(status in allowed for allowed in self._ranges)

    def accepts_body(self, text: str) -> bool:
        """Return whether an answer with this decoded body counts."""
        if self.body is None:
            return True
        if isinstance(self.body, re.Pattern):
            return self.body.search(text) is not None
        return self.body in text if self.body else not text

    def describe_status(self) -> str:
        """Return the expected status in words for a sentence: ``2xx``, ``200 or 204``."""
        status = self.status
        return " or ".join(map(_described, status if isinstance(status, tuple) else (status,)))


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

_ITEM = re.compile(
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


def _is_text_or_pattern(body: object) -> bool:
    return isinstance(body, str) or (isinstance(body, re.Pattern) and isinstance(body.pattern, str))


def _is_count(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0
