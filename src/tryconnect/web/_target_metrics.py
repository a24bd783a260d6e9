"""The watched targets as metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tryconnect.web._prometheus import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tryconnect.web._prometheus import Metric
    from tryconnect.web._watched import Watched
    from tryconnect.web._watcher import Watcher

__all__ = ["TargetMetrics"]

PREFIX = "tryconnect_target_"

GAUGES: dict[str, tuple[str, Callable[[Watched], float | None]]] = {
    "up": (
        "Whether the target is up; absent while that is unknown.",
        lambda watched: watched.up,
    ),
    "check_duration_seconds": (
        "Seconds that the latest check took.",
        lambda watched: watched.latest[-1].seconds if watched.latest else None,
    ),
    "last_check_timestamp_seconds": (
        "When the latest check ended, in seconds since 1970.",
        lambda watched: watched.latest[-1].time if watched.latest else None,
    ),
    "lateness_seconds": (
        "How late the latest check began, or the next one is by now.",
        lambda watched: watched.lateness,
    ),
    "cert_expiry_timestamp_seconds": (
        "Expiry of the certificate that was last seen, in seconds since 1970.",
        lambda watched: watched.cert_expiry,
    ),
}
"""Name, help and value of each gauge; without a value the target has no row."""


class TargetMetrics:
    """A collector of ``prometheus_client``: reads the state of all targets when it is asked."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        targets = self._watcher.targets
        late = self._watcher.lateness
        yield GaugeMetricFamily("tryconnect_targets", "Targets that are watched.", len(targets))
        yield GaugeMetricFamily(
            "tryconnect_targets_late", "Targets that are more than a second late.", late.targets
        )
        yield GaugeMetricFamily(
            "tryconnect_schedule_lateness_seconds",
            "How late the check of a target began, or is by now, at most.",
            late.seconds,
        )
        for name, (text, value) in GAUGES.items():
            family = GaugeMetricFamily(PREFIX + name, text, labels=["target"])
            for target, watched in targets.items():
                if (number := value(watched)) is not None:
                    family.add_metric([target], number)
            yield family
        yield from self._reasons()

    def _reasons(self) -> Iterator[Metric]:
        labels = ["target", "reason"]
        latest = GaugeMetricFamily(
            f"{PREFIX}reason", "The reason of the latest check, as a label.", labels=labels
        )
        counts = CounterMetricFamily(
            f"{PREFIX}checks", "Checks that have ended, by reason.", labels=labels
        )
        for target, watched in self._watcher.targets.items():
            if watched.latest:
                latest.add_metric([target, watched.latest[-1].reason.value], 1)
            for reason, number in watched.reasons.items():
                counts.add_metric([target, reason.value], number)
        yield latest
        yield counts
