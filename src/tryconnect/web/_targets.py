"""The targets that a probe server watches, validated when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tryconnect._address.target import TargetKind, address_text, expect_not_applicable, parse
from tryconnect._model.expect import as_expect
from tryconnect._options import CHECK_TIMEOUT, WATCH_INTERVAL, check_positive_int, check_seconds
from tryconnect.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from yarl import URL

    from tryconnect._model.expect import ExpectLike

__all__ = ["TargetError", "WatchedTarget", "distinct"]

LONGEST_NAME = 100
SHORTEST_EVERY = 0.1
"""Seconds: more often would be a load test."""


class TargetError(ValueError):
    """A target is invalid.

    Attributes:
        field: The invalid field.
    """

    def __init__(self, field: str, fault: str) -> None:
        super().__init__(fault)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedTarget:
    """An address that a probe server watches.

    Args:
        name: Its name, which is part of paths and so has no slash.
        address: What to check.
        every: Seconds from the start of one check to that of the next, give or take a tenth.
        timeout: Seconds for each check.
        expect: What an HTTP answer must be like; ``None``: any answer will do.
        rise: How many good checks in a row make it up.
        fall: How many bad checks in a row make it down.

    Raises:
        ValueError: One of them is invalid.

    .. versionadded:: 0.1
    """

    name: str
    address: str | URL
    every: float = WATCH_INTERVAL
    timeout: float = CHECK_TIMEOUT
    expect: ExpectLike = None
    rise: int = 1
    fall: int = 1

    def __post_init__(self) -> None:
        for field, valid in _VALID.items():
            try:
                object.__setattr__(self, field, valid(getattr(self, field)))
            except InvalidAddress as error:
                raise TargetError(field, error.problem) from error
            except (TypeError, ValueError) as error:
                raise TargetError(field, str(error)) from error
        target = parse(str(self.address))
        if self.expect is not None and target.kind is not TargetKind.http:
            raise TargetError("expect", expect_not_applicable(target))


def distinct(targets: Iterable[WatchedTarget]) -> dict[str, WatchedTarget]:
    """Return targets by name.

    Raises:
        ValueError: Two have the same name.
    """
    named: dict[str, WatchedTarget] = {}
    for target in targets:
        if target.name in named:
            raise TargetError("name", f"two targets are called {target.name!r}")
        named[target.name] = target
    return named


def _name(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME:
        raise ValueError(f"a name is a text of 1 to {LONGEST_NAME} characters, not {value!r}")
    if not value.isprintable() or value != value.strip() or "/" in value:
        raise ValueError(f"a name has neither slash, line break nor space around it: {value!r}")
    return value


def _address(value: object) -> str:
    text = address_text(value)
    parse(text)
    return text


def _every(value: object) -> float:
    every = check_seconds(value, "every")
    if every < SHORTEST_EVERY:
        raise ValueError(f"every is at least {SHORTEST_EVERY:g} seconds, not {value!r}")
    return every


_VALID: dict[str, Callable[[Any], object]] = {
    "name": _name,
    "address": _address,
    "every": _every,
    "timeout": check_seconds,
    "expect": as_expect,
    "rise": lambda value: check_positive_int(value, "rise"),
    "fall": lambda value: check_positive_int(value, "fall"),
}
