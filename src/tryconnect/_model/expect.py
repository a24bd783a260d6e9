"""What an answer must be like to count: the one word for anything stricter than "it answers"."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Expect", "ExpectLike", "as_expect"]


@dataclass(frozen=True, slots=True)
class Expect:
    """The status and body that an HTTP answer must have.

    Args:
        status: one status (``204``), or a text: a class (``"2xx"``), a range (``"200-399"``), a
            list of these (``"2xx, 304"``).  ``None``: any status.
        body: a text that the body must contain; ``""``: the body must be empty, as captive portals
            are told from the internet by; a compiled pattern: it must be found (``re.search``).
            Asking for a body downloads it, up to 1 MiB decompressed, which is as far as is looked.
            ``None``: any body, which is then not downloaded.

    Raises:
        ValueError: neither is given, or one of them makes no sense.

    .. versionadded:: 0.1
    """

    status: int | str | None = None
    body: str | re.Pattern[str] | None = None
    _ranges: tuple[range, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.status is None and self.body is None:
            raise ValueError("Expect needs a status, a body, or both")
        if self.body is not None and not _is_text_or_pattern(self.body):
            raise ValueError(f"an expected body is a str or a pattern of str, not {self.body!r}")
        object.__setattr__(self, "_ranges", _ranges(self.status))

    def accepts_status(self, status: int) -> bool:
        """Tell whether an answer with this status counts."""
        return self.status is None or any(status in allowed for allowed in self._ranges)

    def accepts_body(self, text: str) -> bool:
        """Tell whether an answer with this decoded body counts."""
        if self.body is None:
            return True
        if isinstance(self.body, re.Pattern):
            return self.body.search(text) is not None
        return self.body in text if self.body else not text


ExpectLike: TypeAlias = Expect | int | str | None


def as_expect(value: ExpectLike) -> Expect | None:
    """Return the expectation that a caller wrote, or ``None`` where anything counts.

    Raises:
        ValueError: the value makes no sense.
    """
    if value is None or isinstance(value, Expect):
        return value
    return Expect(status=value)


_ITEM = re.compile(
    r" *(?:(?P<hundred>[1-9])xx|(?P<first>[0-9]{3})(?: *- *(?P<last>[0-9]{3}))?) *",
    re.IGNORECASE,
)


def _ranges(status: object) -> tuple[range, ...]:
    """Turn ``"2xx, 304"`` into ranges of statuses."""
    if status is None:
        return ()
    if isinstance(status, bool) or not isinstance(status, int | str):
        raise _nonsense(status)
    return tuple(_range(item, status) for item in str(status).split(","))


def _range(item: str, status: object) -> range:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise _nonsense(status)
    if match["hundred"]:
        start = int(match["hundred"]) * 100
        return range(start, start + 100)
    first = int(match["first"])
    last = int(match["last"] or first)
    if not 100 <= first <= last:  # noqa: PLR2004 - RFC 9110, section 15: statuses begin at 100
        raise _nonsense(status)
    return range(first, last + 1)


def _nonsense(status: object) -> ValueError:
    return ValueError(
        f'an expected status looks like 204, "2xx", "200-399" or "2xx, 304", not {status!r}'
    )


def _is_text_or_pattern(body: object) -> bool:
    return isinstance(body, str) or (isinstance(body, re.Pattern) and isinstance(body.pattern, str))
