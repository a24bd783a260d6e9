"""Durations as people write them: ``30s``, ``2m``, ``500ms``, ``1h30m``."""

from __future__ import annotations

import re

from tryconnect._model.lazy_pattern import lazy_pattern

__all__ = ["parse_duration"]

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
"""Seconds in each unit, the largest first: the order in which they may follow each other."""

_NUMBER = r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+"

_DURATION = lazy_pattern(
    rf"(?P<bare>{_NUMBER})|" + r"\s*".join(rf"(?:({_NUMBER})\s*{unit})?" for unit in _UNITS),
    re.ASCII,
)


def parse_duration(text: str) -> float:
    """Return a duration in seconds.

    Args:
        text: Numbers with units from days to milliseconds, the largest first (``1h30m``); a number
            without a unit counts seconds.

    Raises:
        ValueError: It is not written like that.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or not match[0]:
        raise ValueError(
            f"a duration looks like 30s, 2m, 500ms, 1h30m or 1.5 (seconds), not {text!r}"
        )
    if match["bare"]:
        return float(match["bare"])
    amounts = zip(match.groups()[1:], _UNITS.values(), strict=True)
    return sum(float(amount) * seconds for amount, seconds in amounts if amount)
