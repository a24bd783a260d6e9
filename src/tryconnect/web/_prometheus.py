"""The way to prometheus_client, which only the extra ``serve`` brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
    from prometheus_client.core import GaugeMetricFamily
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
    "Gauge",
    "GaugeMetricFamily",
    "Histogram",
    "Metric",
    "encoded",
]


class _These(CollectorRegistry):
    """A registry of metrics that are known already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        super().__init__(auto_describe=False)
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._metrics


def encoded(metrics: CollectorRegistry | Iterable[Metric], accept: str) -> tuple[bytes, str]:
    """Return metrics as text, and the type of the text.

    Args:
        metrics: the metrics, or a registry of them.
        accept: the header by which a request chooses: Prometheus' text, or OpenMetrics.
    """
    encode, content_type = choose_encoder(accept)
    registry = metrics if isinstance(metrics, CollectorRegistry) else _These(metrics)
    return encode(registry), content_type
