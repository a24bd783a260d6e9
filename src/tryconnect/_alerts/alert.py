"""An alert, as plain facts, and as the words and variables that leave the process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from tryconnect._model.redaction import escape_control, redact, redact_address
from tryconnect._model.render import duration

__all__ = ["LARGEST_FACTS", "OWN_NETWORK", "Alert", "AlertKind", "long_duration"]

LARGEST_FACTS = 4096
"""Bytes of all variables of an alert, names included: what a peer says must not fill the memory of
every program that runs below the command."""

OWN_NETWORK = "this machine's network"
"""The name under which alerts speak of the network itself; no target can have it."""


class AlertKind(StrEnum):
    """What an alert says."""

    down = "down"
    still_down = "still-down"
    up = "up"
    local = "local"
    local_over = "local-over"


_WORDS = {
    AlertKind.down: "{name} is down",
    AlertKind.still_down: "{name} is still down",
    AlertKind.up: "{name} is up again",
    AlertKind.local: "{name} is gone",
    AlertKind.local_over: "{name} is back",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What is to be told.

    Args:
        kind: What it says.
        name: The target's name.
        address: Its address, as it was typed.
        reason: The word of the report; empty where there was none.
        detail: The sentence of the report.
        since: When the target went down, in seconds since 1970.
        now: When this is told, likewise.
        group: The group of the target, or empty.
    """

    kind: AlertKind
    name: str
    address: str
    reason: str
    detail: str
    since: float
    now: float
    group: str = ""

    @property
    def seconds(self) -> float:
        """For how long the target is or was down."""
        return max(0.0, self.now - self.since)  # the clock may have been set back

    @property
    def _shown_name(self) -> str:
        """The name, without secrets where it is the address."""
        same = self.name == self.address
        return escape_control(redact_address(self.name) if same else self.name)

    @property
    def title(self) -> str:
        """Return one line that says it, without control characters."""
        told = _WORDS[self.kind].format(name=self._shown_name)
        if self.kind is AlertKind.still_down:
            return f"{told}, for {long_duration(self.seconds)}"
        if self.kind in {AlertKind.up, AlertKind.local_over}:
            return f"{told} after {long_duration(self.seconds)}"
        return told

    @property
    def body(self) -> str:
        """Return what else there is to say."""
        facts = self._facts()
        told = [facts["DETAIL"], facts["ADDRESS"], f"since {facts['SINCE']}"]
        return "\n".join(filter(None, told))

    def variables(self) -> dict[str, str]:
        """Return the variables for a command: escaped, without secrets, and of limited length."""
        facts = {f"TRYCONNECT_{name}": value for name, value in self._facts().items()}
        room = LARGEST_FACTS
        for name, value in facts.items():
            facts[name] = _cut(value, room - len(name) - len("=\0"))
            room -= len(name) + len("=\0") + len(facts[name].encode())
        return facts

    def _facts(self) -> dict[str, str]:
        """Return the facts by name, those that can be long last."""
        return {
            "STATE": self.kind.value,
            "REASON": self.reason,
            "SINCE": datetime.fromtimestamp(self.since, UTC).isoformat(timespec="seconds"),
            "SECONDS": f"{self.seconds:.0f}",
            "NAME": self._shown_name,
            "GROUP": escape_control(self.group),
            "ADDRESS": _cut(escape_control(redact_address(self.address)), _LONGEST_ADDRESS),
            "TITLE": self.title,
            "DETAIL": escape_control(redact(self.detail.partition("\n")[0])),
        }


_LONGEST_ADDRESS = 1000


def _cut(text: str, room: int) -> str:
    """Return as much of a text as fits into so many bytes of UTF-8."""
    return text.encode()[: max(0, room)].decode(errors="ignore")


def long_duration(seconds: float) -> str:
    """Return how long something lasted, in at most two units: ``3 d 4 h``, ``12 min``, ``40 s``."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return duration(seconds)
    whole, units = int(seconds), []
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        count, whole = divmod(whole, length)
        units.append((count, unit))
    first = next(index for index, (count, _) in enumerate(units) if count)
    return " ".join(f"{count} {unit}" for count, unit in units[first : first + 2] if count)
