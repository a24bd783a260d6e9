"""Read a file of targets, or say which line of it is invalid and why.

It is TOML, one table for each target::

    [[target]]
    name = "shop"
    address = "https://example.com/"
    every = 30
    timeout = 5
    expect = "2xx"  # or 204, or {status = "2xx", body = "ready"}
    rise = 1
    fall = 3
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeAlias

from tryconnect._model.expect import Expect
from tryconnect.web._targets import TargetError, WatchedTarget, distinct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["read_targets"]

Table: TypeAlias = "dict[str, Any]"
Place: TypeAlias = "Callable[[Table], bool]"
"""Returns whether the beginning of a file reaches a place."""

_KEYS = [field.name for field in fields(WatchedTarget)]
_REQUIRED = [field.name for field in fields(WatchedTarget) if field.default is MISSING]
_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def read_targets(path: Path) -> list[WatchedTarget]:
    """Read a file of targets.

    Raises:
        ValueError: It cannot be read or is invalid; the message names file, line and fault.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line}: this is not UTF-8") from error
    try:
        return [*_targets(tomllib.loads(text))]
    except tomllib.TOMLDecodeError as error:
        fault, line = _syntax(error, text)
    except _Fault as error:
        fault, line = str(error), _line(text, error.place)
    raise ValueError(f"{path}, line {line}: {fault}")


class _Fault(ValueError):  # noqa: N818 - the file's
    """A file is TOML, but its content is invalid."""

    def __init__(self, fault: str, place: Place) -> None:
        super().__init__(fault)
        self.place = place


def _targets(file: Table) -> Iterator[WatchedTarget]:
    for key in file:
        if key != "target":
            raise _Fault(f"the file has tables [[target]] only, not {key!r}", _at_key(key))
    tables = file.get("target", [])
    if not isinstance(tables, list):
        raise _Fault("a target is a table [[target]]", _at_key("target"))
    if not tables:
        raise _Fault("there is no [[target]]", lambda _: False)
    seen: list[WatchedTarget] = []
    for number, table in enumerate(tables):
        try:
            target = _target(table)
            distinct([*seen, target])
        except TargetError as error:
            raise _Fault(str(error), _at_field(number, error.field)) from error
        seen.append(target)
        yield target


def _target(table: object) -> WatchedTarget:
    if not isinstance(table, dict):
        raise TargetError("", "a target is a table [[target]]")
    for key in table:
        if key not in _KEYS:
            raise TargetError(key, f"a target has no {key!r}, only {', '.join(_KEYS)}")
    for key in _REQUIRED:
        if key not in table:
            raise TargetError("", f"the target has no {key}")
    if isinstance(table.get("expect"), dict):
        table = table | {"expect": _expect(table["expect"])}
    return WatchedTarget(**table)


_EXPECT_KEYS = frozenset({"status", "body", "max_redirects"})


def _expect(table: Table) -> Expect:
    if table.keys() - _EXPECT_KEYS:
        raise TargetError(
            "expect", "an expectation has a status, a body, or both, and max_redirects"
        )
    try:
        return Expect(**table)
    except ValueError as error:
        raise TargetError("expect", str(error)) from error


def _at_key(key: str) -> Place:
    return lambda file: key in file


def _at_field(number: int, field: str) -> Place:
    """Return the place of a target's field, or of its heading if it has no such field."""

    def reached(file: Table) -> bool:
        tables = file.get("target", [])
        return len(tables) > number and (not field or field in tables[number])

    return reached


def _syntax(error: tomllib.TOMLDecodeError, text: str) -> tuple[str, int]:
    """Return the parser's message, and the line of the error."""
    said = _LINE.search(str(error))
    line = int(said[1]) if said and said[1] else text.count("\n") + 1
    return _LINE.sub("", str(error)), line


def _line(text: str, place: Place) -> int:
    """Return the line at which a file reaches a place.

    The parser reports lines for syntax errors only. But reaching a place is monotonic in the number
    of lines read, so the first such line can be found by bisection.
    """
    lines = text.split("\n")
    found = bisect_left(range(len(lines)), x=True, key=lambda n: place(_beginning(lines[: n + 1])))
    return min(found + 1, len(lines))


def _beginning(lines: Sequence[str]) -> Table:
    """Parse the longest beginning of the lines that is valid TOML."""
    for end in range(len(lines), 0, -1):
        try:
            return tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
    return {}
