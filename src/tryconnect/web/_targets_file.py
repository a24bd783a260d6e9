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
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from tryconnect._model.expect import Expect
from tryconnect.web._alert_tables import TABLES, AlertSettings, TableError, read_alert_tables
from tryconnect.web._targets import FIELDS, REQUIRED, TargetError, WatchedTarget, add_distinct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["TargetsFile", "read_targets", "read_targets_file", "read_verified"]

Table: TypeAlias = "dict[str, Any]"
Place: TypeAlias = "Callable[[Table], bool]"
"""Returns whether the beginning of a file reaches a place."""

_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class TargetsFile(NamedTuple):
    """What a file of targets says: the targets, and how to tell of changes.

    Example:
        >>> from pathlib import Path
        >>> file = Path("shop.toml")
        >>> written = file.write_text('target = [{name = "shop", address = "https://example.com/"}]')
        >>> targets, alerts = tryconnect.web.read_targets_file(file)
        >>> len(targets)
        1

    .. versionadded:: 0.1
    """

    targets: list[WatchedTarget]
    alerts: AlertSettings | None


def read_targets(path: Path) -> list[WatchedTarget]:
    """Read the targets of a file.

    Raises:
        ValueError: It cannot be read or is invalid; the message names file, line and fault.

    Example:
        >>> from pathlib import Path
        >>> file = Path("targets.toml")
        >>> written = file.write_text('target = [{name = "shop", address = "https://example.com/"}]')
        >>> [target.name for target in tryconnect.web.read_targets(file)]
        ['shop']
    """
    return read_targets_file(path).targets


def read_targets_file(path: Path) -> TargetsFile:
    """Read a file of targets, and what it says about alerts.

    Raises:
        ValueError: It cannot be read or is invalid; the message names file, line and fault.

    Example:
        >>> from pathlib import Path
        >>> file = Path("shop.toml")
        >>> written = file.write_text('target = [{name = "shop", address = "https://example.com/"}]')
        >>> tryconnect.web.read_targets_file(file).targets[0].address
        'https://example.com/'

    .. versionadded:: 0.1
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line}: this is not UTF-8") from error
    try:
        return _read(tomllib.loads(text), path)
    except tomllib.TOMLDecodeError as error:
        fault, line = _syntax(error, text)
    except _Fault as error:
        fault, line = str(error), _line(text, error.place)
    raise ValueError(f"{path}, line {line}: {fault}")


def read_verified(path: Path) -> TargetsFile:
    """Read a file of targets, and have Apprise read its URLs.

    Raises:
        ValueError: As above, or Apprise cannot read a URL.
    """
    file = read_targets_file(path)
    if file.alerts is not None:
        file.alerts.verify()
    return file


class _Fault(ValueError):
    """A file is TOML, but its content is invalid."""

    def __init__(self, fault: str, place: Place) -> None:
        super().__init__(fault)
        self.place = place


def _read(file: Table, path: Path) -> TargetsFile:
    for key in file:
        if key not in {"target", *TABLES}:
            words = "[[target]], [[alert]], [[maintenance]]"
            raise _Fault(f"the file has tables {words} and [network], not {key!r}", _at_key(key))
    targets = [*_targets(file)]
    try:
        alerts = read_alert_tables(file, path)
    except TableError as error:
        raise _Fault(str(error), _at_field(error.number, error.field, error.table)) from error
    for number, target in enumerate(targets):
        for name in target.alerts or ():
            if name not in alerts.ways:
                fault = f"there is no alert called {name!r}"
                raise _Fault(fault, _at_field(number, "alerts"))
    return TargetsFile(targets, alerts)


def _targets(file: Table) -> Iterator[WatchedTarget]:
    tables = file.get("target", [])
    if not isinstance(tables, list):
        raise _Fault("a target is a table [[target]]", _at_key("target"))
    if not tables:
        raise _Fault("there is no [[target]]", lambda _: False)
    named: dict[str, WatchedTarget] = {}
    for number, table in enumerate(tables):
        try:
            target = _target(table)
            add_distinct(named, target)
        except TargetError as error:
            raise _Fault(str(error), _at_field(number, error.field)) from error
        yield target


def _target(table: object) -> WatchedTarget:
    if not isinstance(table, dict):
        raise TargetError("", "a target is a table [[target]]")
    for key in table:
        if key not in FIELDS:
            raise TargetError(key, f"a target has no {key!r}, only {', '.join(FIELDS)}")
    for key in REQUIRED:
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


def _at_field(number: int | None, field: str, table: str = "target") -> Place:
    """Return the place of a table's field, or of its heading if it has no such field.

    Args:
        number: Which of the tables; ``None``: there is only one.
        field: The field; empty: the heading.
        table: The name of the table.
    """

    def reached(file: Table) -> bool:
        if number is None:
            return table in file and (not field or field in file[table])
        tables = file.get(table, [])
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
