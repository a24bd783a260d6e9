"""The metrics of the server itself."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tryconnect.errors import Reason
from tryconnect.web._prometheus import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tryconnect._model.report import Report
    from tryconnect._runs.bulk import Probes
    from tryconnect.web._watched import Watched

__all__ = ["Metrics"]

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds: from answers on the local network to the longest timeouts."""


class _Single:
    """A run of one check, with the attributes of ``Probes``."""

    started = 1
    finished = 0


class Metrics:
    """The metrics of one server, in a registry of its own: a process may run several servers."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._checks = Counter(
            "tryconnect_checks", "Checks that have ended.", ["reason"], registry=self.registry
        )
        self._seconds = Histogram(
            "tryconnect_check_duration_seconds",
            "Seconds that checks took.",
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.rejected = Counter(
            "tryconnect_turned_away",
            "Requests rejected because too many checks were running (503).",
            registry=self.registry,
        )
        self._runs: set[Probes | _Single] = set()
        Gauge(
            "tryconnect_checks_in_flight", "Checks that are running.", registry=self.registry
        ).set_function(self._in_flight)
        for reason in Reason:  # a series that exists from the start can be seen to rise
            self._checks.labels(reason.value)

    def count(self, report: Report) -> None:
        """Count a check that has ended."""
        self._checks.labels(report.reason.value).inc()
        self._seconds.observe(report.timings.total)

    def checked(self, watched: Watched, report: Report, now: float) -> None:
        """Count the check of a target."""
        del watched, now
        self.count(report)

    def changed(self, watched: Watched, report: Report, now: float) -> None:
        """Do nothing: changes are not counted."""

    @contextlib.contextmanager
    def in_flight(self, run: Probes | _Single | None = None) -> Iterator[None]:
        """Count a run, or a single check, as in flight while the context lasts."""
        run = run or _Single()
        self._runs.add(run)
        try:
            yield
        finally:
            self._runs.discard(run)

    def _in_flight(self) -> float:
        return sum(run.started - run.finished for run in self._runs)
