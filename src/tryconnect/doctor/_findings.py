"""The doctor's findings."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NOTHING_TO_DO", "Finding", "Findings", "Level", "fault", "ok", "warning"]


class Level(StrEnum):
    """How bad a finding is.

    Example:
        >>> tryconnect.doctor.Level("fault") is tryconnect.doctor.Level.fault
        True

    .. versionadded:: 0.1
    """

    ok = "ok"
    warning = "warning"
    """Something is missing or slow; checks still work, other code may not."""
    fault = "fault"
    """Something is broken: results or errors are lost or late, or checks fail."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one test.

    Attributes:
        name: The test's name, one of a closed set.
        level: How bad the finding is.
        sentence: What was found.
        advice: What to do about it; ``"nothing to do"`` if nothing is wrong.

    Example:
        >>> findings = await tryconnect.doctor.examine(only="loop")
        >>> findings.named("timers")[0].level
        <Level.ok: 'ok'>

    .. versionadded:: 0.1
    """

    name: str
    level: Level
    sentence: str
    advice: str

    def as_dict(self) -> dict[str, str]:
        """Return plain values for JSON."""
        return {**asdict(self), "level": str(self.level)}


@dataclass(frozen=True, slots=True)
class Findings:
    """All findings of an examination, in order; true if there is no fault.

    Attributes:
        all: The findings.

    Example:
        >>> findings = tryconnect.doctor.Findings(())
        >>> bool(findings), findings.problems
        (True, ())

    .. versionadded:: 0.1
    """

    all: tuple[Finding, ...]

    def __bool__(self) -> bool:
        return self.healthy

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    @property
    def healthy(self) -> bool:
        """Whether there is no fault; warnings do not count."""
        return all(finding.level is not Level.fault for finding in self.all)

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The warnings and faults."""
        return tuple(finding for finding in self.all if finding.level is not Level.ok)

    def named(self, name: str) -> tuple[Finding, ...]:
        """Return the findings of one name: several for name servers and proxies, else one."""
        return tuple(finding for finding in self.all if finding.name == name)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"healthy": self.healthy, "findings": [finding.as_dict() for finding in self.all]}


NOTHING_TO_DO = "nothing to do"

# What runs a test gives its findings their name.


def ok(sentence: str) -> Finding:
    """Return a finding that something is fine."""
    return Finding("", Level.ok, sentence, NOTHING_TO_DO)


def warning(sentence: str, advice: str) -> Finding:
    """Return a finding that something is missing or slow."""
    return Finding("", Level.warning, sentence, advice)


def fault(sentence: str, advice: str) -> Finding:
    """Return a finding that something is broken."""
    return Finding("", Level.fault, sentence, advice)
