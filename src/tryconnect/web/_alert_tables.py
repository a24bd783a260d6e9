"""Read what a targets file says about alerts: ways, maintenances, and canaries.

::

    [[alert]]
    name = "on call"
    exec = "/usr/local/bin/page --now"  # a program and its arguments; no shell
    notify = ["mailto://…"]             # URLs of Apprise's
    notify_variable = "ON_CALL"         # or a variable that holds them
    remind = "4h"                       # tell again while it is down; or seconds
    timeout = 30                        # seconds for each
    most_per_hour = 10                  # for each target

    [[maintenance]]
    start = 23:00:00                    # or 2026-01-31T23:00:00+01:00
    end = 02:00:00
    days = ["sat", "sun"]
    zone = "Europe/Berlin"
    targets = ["shop"]
    groups = ["databases"]

    [network]
    canaries = ["tcp://192.0.2.1:53"]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tryconnect._address.target import parse
from tryconnect._alerts.channels import TIME_LIMIT, Command, Notification, urls_of_variable
from tryconnect._alerts.dispatch import Way
from tryconnect._alerts.maintenance import DAYS, Maintenance
from tryconnect._alerts.state import Pace
from tryconnect._alerts.trusted_file import writable_by_others
from tryconnect._model.duration import parse_duration
from tryconnect._options import check_positive_int, check_seconds
from tryconnect.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

__all__ = ["TABLES", "AlertSettings", "TableError", "read_alert_tables"]

Fields: TypeAlias = "Mapping[str, Callable[[Any], Any]]"
"""How to read each field of a table."""


class TableError(ValueError):
    """A table is invalid.

    Attributes:
        table: Its name.
        number: Which one of that name, from 0; ``None``: there can be one only.
        field: The invalid field; empty: the table.
    """

    def __init__(self, table: str, number: int | None, field: str, fault: str) -> None:
        super().__init__(fault)
        self.table = table
        self.number = number
        self.field = field


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """What a targets file says about alerts; the reference of the probe server has its tables.

    Example:
        >>> from pathlib import Path
        >>> file = Path("shop.toml")
        >>> written = file.write_text('target = [{name = "shop", address = "https://example.com/"}]')
        >>> app = tryconnect.web.probe_app(alerts=tryconnect.web.read_targets_file(file).alerts)

    .. versionadded:: 0.1
    """

    ways: Mapping[str, tuple[Way, ...]] = field(default_factory=dict)
    maintenances: tuple[Maintenance, ...] = ()
    canaries: tuple[str, ...] = ()

    def ways_of(self, names: Iterable[str] | None) -> list[Way]:
        """Return the ways of a target: those of the named alerts, or of all."""
        chosen = self.ways if names is None else names
        return [way for name in chosen for way in self.ways.get(name, ())]

    def verify(self) -> None:
        """Have Apprise read all URLs.

        Raises:
            ValueError: It cannot read one.
        """
        for name, ways in self.ways.items():
            for way in ways:
                if isinstance(way.channel, Notification):
                    try:
                        way.channel.verify()
                    except ValueError as error:
                        raise ValueError(f"the alert {name!r}: {error}") from None


def read_alert_tables(file: Mapping[str, Any], path: Path | None = None) -> AlertSettings:
    """Read the tables of a file.

    Args:
        file: The whole file, as TOML gives it.
        path: Where it is; ``None``: it is no file, so nobody else can write it.

    Raises:
        TableError: One is invalid.
    """
    ways: dict[str, tuple[Way, ...]] = {}
    for number, table in enumerate(_tables(file, "alert")):
        reader = _Reader("alert", number, table, _ALERT)
        name = reader.read("name")
        if name in ways:
            raise reader.fault("name", f"two alerts are called {name!r}")
        ways[name] = _ways(reader, path)
    maintenances = [
        _maintenance(number, table) for number, table in enumerate(_tables(file, "maintenance"))
    ]
    network = file.get("network", {})
    if not isinstance(network, dict):
        raise TableError("network", None, "", "the network is a table [network]")
    canaries = _Reader("network", None, network, _NETWORK).read("canaries", ())
    return AlertSettings(ways, tuple(maintenances), tuple(canaries))


def _tables(file: Mapping[str, Any], name: str) -> list[Any]:
    tables = file.get(name, [])
    if not isinstance(tables, list):
        article = "an" if name[0] in "aeiou" else "a"
        raise TableError(name, None, "", f"{article} {name} is a table [[{name}]]")
    return tables


class _Reader:
    """Reads the fields of one table."""

    def __init__(self, name: str, number: int | None, table: object, known: Fields) -> None:
        if not isinstance(table, dict):
            raise TableError(name, number, "", f"this is a table [[{name}]]")
        self._place = name, number
        self._table = table
        self._known = known
        for key in table:
            if key not in known:
                words = ", ".join(known)
                raise TableError(name, number, key, f"there is no {key!r} here, only {words}")

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def read(self, key: str, *default: Any) -> Any:
        """Return a field, or its default, or raise if it has none."""
        if key not in self._table:
            if not default:
                raise TableError(*self._place, "", f"there is no {key}")
            return default[0]
        try:
            return self._known[key](self._table[key])
        except InvalidAddress as error:
            raise TableError(*self._place, key, error.problem) from None
        except (TypeError, ValueError) as error:
            raise TableError(*self._place, key, str(error)) from None

    def fault(self, key: str, fault: str) -> TableError:
        """Return the error of a field."""
        return TableError(*self._place, key, fault)


def _ways(reader: _Reader, path: Path | None) -> tuple[Way, ...]:
    pace = Pace(remind=reader.read("remind", None), most=reader.read("most_per_hour", 10))
    timeout = reader.read("timeout", TIME_LIMIT)
    channels: list[Command | Notification] = []
    if "exec" in reader:
        others = None if path is None else writable_by_others(path)
        if others is not None:
            raise reader.fault("exec", f"a file with exec must be safe from others: {others}")
        command = reader.read("exec")
        channels.append(Command(command.line, timeout))
    for key in ("notify", "notify_variable"):
        if key in reader:
            try:
                channels.append(Notification(reader.read(key), timeout))
            except ValueError as error:
                raise reader.fault(key, str(error)) from None
    if not channels:
        raise reader.fault("", "an alert has exec, notify or notify_variable")
    return tuple(Way(channel, pace) for channel in channels)


def _maintenance(number: int, table: object) -> Maintenance:
    reader = _Reader("maintenance", number, table, _MAINTENANCE)
    try:
        return Maintenance(
            start=reader.read("start"),
            end=reader.read("end"),
            **{key: reader.read(key) for key in _OPTIONAL if key in reader},
        )
    except TableError:
        raise
    except ValueError as error:
        raise reader.fault("start", str(error)) from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"this is a text, not {value!r}")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"this is a list of texts, not {value!r}")  # noqa: TRY004 - a file's fault
    return tuple(map(_text, value))


def _urls(value: object) -> tuple[str, ...]:
    try:
        return (_text(value),) if isinstance(value, str) else _texts(value)
    except ValueError:  # which would show secrets
        raise ValueError("notify is a list of URLs") from None


def _urls_of_variable(value: object) -> tuple[str, ...]:
    return urls_of_variable(_text(value))


def _seconds(value: object) -> float:
    return check_seconds(parse_duration(value) if isinstance(value, str) else value)


def _when(value: object) -> datetime | time:
    if not isinstance(value, datetime | time):
        raise ValueError(  # noqa: TRY004 - a file's fault
            f"this is a time such as 23:00:00 or 2026-01-31T23:00:00+01:00, not {value!r}"
        )
    return value


def _zone(value: object) -> ZoneInfo:
    try:
        return ZoneInfo(_text(value))
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"there is no time zone {value!r}") from None


def _addresses(value: object) -> tuple[str, ...]:
    addresses = _texts(value)
    for address in addresses:
        parse(address)
    return addresses


_ALERT: Fields = {
    "name": _text,
    "exec": Command,
    "notify": _urls,
    "notify_variable": _urls_of_variable,
    "remind": _seconds,
    "timeout": _seconds,
    "most_per_hour": lambda value: check_positive_int(value, "most_per_hour"),
}
_MAINTENANCE: Fields = {
    "start": _when,
    "end": _when,
    "days": _texts,
    "zone": _zone,
    "targets": _texts,
    "groups": _texts,
}
_OPTIONAL = ("days", "zone", "targets", "groups")
_NETWORK: Fields = {"canaries": _addresses}

_WORDS = {"type": "array", "items": {"type": "string"}}
_DURATION = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}

TABLES: dict[str, dict[str, Any]] = {
    "alert": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "exec": {"type": "string"},
                "notify": {"anyOf": [{"type": "string"}, _WORDS]},
                "notify_variable": {"type": "string"},
                "remind": _DURATION,
                "timeout": _DURATION,
                "most_per_hour": {"type": "integer", "minimum": 1},
            },
            "required": ["name"],
            "additionalProperties": False,
        },
    },
    "maintenance": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "start": {},  # TOML's own types for times; JSON has none
                "end": {},
                "days": {"type": "array", "items": {"enum": [*DAYS]}},
                "zone": {"type": "string"},
                "targets": _WORDS,
                "groups": _WORDS,
            },
            "required": ["start", "end"],
            "additionalProperties": False,
        },
    },
    "network": {
        "type": "object",
        "properties": {"canaries": _WORDS},
        "additionalProperties": False,
    },
}
"""The tables beside ``[[target]]``, as JSON schemas."""
