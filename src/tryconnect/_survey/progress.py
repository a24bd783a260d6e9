"""How far a survey is, which callers are told while it runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Progress"]


@dataclass(slots=True)
class Progress:
    """How far a survey is.

    Attributes:
        total: Its addresses; 0 until they are counted.
        parts: Its parts.
        finished: The parts that are done.
        checked: The addresses that have been checked.
        counts: How many reports there are of each reason, in the parts that are done.
        workers: How many processes check.
    """

    total: int = 0
    parts: int = 0
    finished: int = 0
    checked: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    workers: int = 0
