"""The targets that a probe server watches, validated when they are made."""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from tryconnect._address.request import read_request
from tryconnect._address.target import address_text, parse
from tryconnect._model.expect import Expect, as_expect
from tryconnect._model.redaction import redact_address
from tryconnect._options import (
    CHECK_TIMEOUT,
    UP,
    WATCH_INTERVAL,
    check_positive_int,
    check_seconds,
)
from tryconnect.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from yarl import URL

    from tryconnect._address.request import Request
    from tryconnect._model.expect import ExpectLike

__all__ = [
    "FIELDS",
    "REQUIRED",
    "Field",
    "TargetError",
    "WatchedTarget",
    "add_distinct",
    "distinct",
    "shown",
]

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
        expect: What the answer must be like to count as up; ``None``, or ``"any"``: any will do.
            The default is 2xx, and "open" for an address that is not asked by HTTP.
        rise: How many good checks in a row make it up.
        fall: How many bad checks in a row make it down.
        group: The group that it is shown in, and that maintenances name; empty: none.
        alerts: The names of the alerts that tell of it; ``None``: all that there are.

    Raises:
        ValueError: One of them is invalid.

    Example:
        >>> expect = tryconnect.Expect(body="ready")
        >>> shop = tryconnect.web.WatchedTarget(
        ...     name="shop", address="example.com/health", expect=expect
        ... )
        >>> shop.every
        10.0

    .. versionadded:: 0.1
    """

    name: str
    address: str | URL
    every: float = WATCH_INTERVAL
    timeout: float = CHECK_TIMEOUT
    expect: ExpectLike = UP
    rise: int = 1
    fall: int = 1
    group: str = ""
    alerts: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for field, row in FIELDS.items():
            try:
                object.__setattr__(self, field, row.valid(getattr(self, field)))
            except InvalidAddress as error:
                raise TargetError(field, error.problem) from error
            except (TypeError, ValueError) as error:
                raise TargetError(field, str(error)) from error
        try:
            self.request.valid_target()
        except ValueError as error:
            raise TargetError("expect", str(error)) from error

    @property
    def request(self) -> Request:
        """What to check: the address and what is expected, read."""
        return read_request(str(self.address), as_expect(self.expect), strict=self.expect is not UP)


def distinct(targets: Iterable[WatchedTarget]) -> dict[str, WatchedTarget]:
    """Return targets by name.

    Raises:
        ValueError: Two have the same name.
    """
    named: dict[str, WatchedTarget] = {}
    for target in targets:
        add_distinct(named, target)
    return named


def add_distinct(named: dict[str, WatchedTarget], target: WatchedTarget) -> None:
    """Add a target to others.

    Raises:
        ValueError: One of them has its name.
    """
    if target.name in named:
        raise TargetError("name", f"two targets are called {target.name!r}")
    named[target.name] = target


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


def _group(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_NAME or not value.isprintable():
        raise ValueError(f"a group is a text of at most {LONGEST_NAME} characters, not {value!r}")
    return value.strip()


def _alerts(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):  # type: ignore[attr-defined]
        raise ValueError(f"alerts is a list of names, not {value!r}")
    return tuple(value)  # type: ignore[arg-type]


def _every(value: object) -> float:
    every = check_seconds(value, "every")
    if every < SHORTEST_EVERY:
        raise ValueError(f"every is at least {SHORTEST_EVERY:g} seconds, not {value!r}")
    return every


def _show_expect(expect: Expect | None) -> dict[str, Any] | None:
    if expect is None:
        return None
    body = expect.body.pattern if isinstance(expect.body, re.Pattern) else expect.body
    plain = expect.status is None or isinstance(expect.status, int | str)
    told: dict[str, Any] = {
        "status": expect.status if plain else expect.describe_status(),
        "body": body,
    }
    if expect.max_redirects is not None:
        told["max_redirects"] = expect.max_redirects
    return told


class Field(NamedTuple):
    """A field of a target: of the class, of the file and of the API.

    Attributes:
        valid: Returns the value to keep, or raises ``ValueError`` or ``TypeError``.
        schema: What a file may have, as JSON schema.
        show: Returns the value as the API has it; ``None``: the API does not tell it.
    """

    valid: Callable[[Any], object]
    schema: dict[str, Any]
    show: Callable[[Any], object] | None = lambda value: value


_SECONDS = {"type": "number", "exclusiveMinimum": 0}
_COUNT = {"type": "integer", "minimum": 1}
_STATUS = {"type": ["string", "integer"]}

FIELDS: dict[str, Field] = {
    "name": Field(_name, {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}),
    "address": Field(_address, {"type": "string"}, redact_address),
    "every": Field(_every, {"type": "number", "minimum": SHORTEST_EVERY}),
    "timeout": Field(check_seconds, _SECONDS),
    "expect": Field(
        as_expect,
        {
            "anyOf": [
                _STATUS,
                {
                    "type": "object",
                    "properties": {
                        "status": _STATUS,
                        "body": {"type": "string"},
                        "max_redirects": {"type": "integer", "minimum": 0},
                    },
                    "additionalProperties": False,
                },
            ]
        },
        _show_expect,
    ),
    "rise": Field(lambda value: check_positive_int(value, "rise"), _COUNT),
    "fall": Field(lambda value: check_positive_int(value, "fall"), _COUNT),
    "group": Field(_group, {"type": "string", "maxLength": LONGEST_NAME}),
    "alerts": Field(_alerts, {"type": "array", "items": {"type": "string"}}, show=None),
}
"""The fields of :class:`WatchedTarget`, in its order."""

REQUIRED = [field.name for field in fields(WatchedTarget) if field.default is MISSING]
"""Those that a file must give."""


def shown(target: WatchedTarget) -> dict[str, Any]:
    """Return a target as plain values for JSON, without secrets."""
    return {
        name: field.show(getattr(target, name))
        for name, field in FIELDS.items()
        if field.show is not None
    }
