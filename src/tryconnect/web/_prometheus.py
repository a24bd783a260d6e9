"""What is used of prometheus_client, which the extra ``serve`` installs."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.exposition import choose_encoder
except ModuleNotFoundError as missing:
    raise ImportError(
        "the probe server needs prometheus-client: pip install 'tryconnect[serve]'",
        name=missing.name,
    ) from missing

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "CollectorRegistry",
    "Counter",
    "CounterMetricFamily",
    "Gauge",
    "GaugeMetricFamily",
    "Histogram",
    "Metric",
    "encoded",
]


class _Collected(CollectorRegistry):
    """A registry of given metrics."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        super().__init__(auto_describe=False)
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        return self._metrics


def encoded(metrics: CollectorRegistry | Iterable[Metric], accept: str) -> tuple[bytes, str]:
    """Return metrics as text, and its content type.

    Args:
        metrics: The metrics, or a registry of them.
        accept: The request's ``Accept`` header, which chooses between Prometheus' text format and
            OpenMetrics.
    """
    encode, content_type = choose_encoder(accept)
    registry = metrics if isinstance(metrics, CollectorRegistry) else _Collected(metrics)
    return encode(registry), content_type
