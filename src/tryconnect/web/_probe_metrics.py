"""Turn a report into metrics, with blackbox_exporter's names and meanings where it has any.

What it measures and our checks do not is left out: the length of the body, the HTTP version. An
absent series can be told from one that is 0.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from tryconnect._address.target import parse
from tryconnect.errors import Reason
from tryconnect.web._prometheus import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tryconnect._model.guard import IPAddress
    from tryconnect._model.report import Report, Tls
    from tryconnect.web._prometheus import Metric

__all__ = ["metrics"]


def metrics(report: Report) -> Iterator[Metric]:
    """Yield the metrics that ``/probe`` shows for a report."""
    times = report.timings
    yield GaugeMetricFamily("probe_success", "Whether the target answered as expected", report.ok)
    yield _labelled(
        "tryconnect_probe_reason",
        "The reason of the report, as a label; its value is 1",
        "reason",
        {str(report.reason): 1},
    )
    yield GaugeMetricFamily("probe_duration_seconds", "Seconds taken by the probe", times.total)
    yield GaugeMetricFamily(
        "probe_dns_lookup_time_seconds", "Seconds of the name look-up", times.dns or 0.0
    )
    failed_by_body = report.reason is Reason.body
    yield GaugeMetricFamily(
        "probe_failed_due_to_regex", "Whether the body made it fail", failed_by_body
    )
    peer = _ip(report)
    version, checksum = (peer.version, _fnv_1a(peer.packed)) if peer else (0, 0)
    yield GaugeMetricFamily("probe_ip_protocol", "IP version, 4 or 6; 0: unknown", version)
    yield GaugeMetricFamily("probe_ip_addr_hash", "Hash of the IP address; 0: unknown", checksum)
    if (report.url or "").startswith(("http://", "https://")):
        yield from _http(report)
    if report.tls is not None:
        yield from _tls(report.tls)


def _http(report: Report) -> Iterator[Metric]:
    encrypted = report.status is not None and report.tls is not None
    yield GaugeMetricFamily(
        "probe_http_status_code", "Status of the last response", report.status or 0
    )
    yield GaugeMetricFamily(
        "probe_http_redirects", "Number of redirects followed", len(report.hops)
    )
    yield GaugeMetricFamily("probe_http_ssl", "Whether the last response came over TLS", encrypted)
    times = report.timings
    phases = {
        "resolve": times.dns,
        "connect": times.connect,
        "tls": times.tls,
        "processing": times.response,
        # The body is not downloaded, or not timed.
        "transfer": None,
    }
    yield _labelled(
        "probe_http_duration_seconds",
        "Seconds by phase, summed over all redirects",
        "phase",
        {phase: seconds or 0.0 for phase, seconds in phases.items()},
    )


def _tls(tls: Tls) -> Iterator[Metric]:
    yield _labelled(
        "probe_tls_version_info",
        "The TLS version, as a label; its value is 1",
        "version",
        {tls.version.replace("TLSv", "TLS "): 1},
    )
    ends = [end.timestamp() for end in (tls.expires, tls.chain_expires) if end is not None]
    if ends:
        help_ = "Earliest expiry of the certificates of the chain, in seconds since 1970"
        yield GaugeMetricFamily("probe_ssl_earliest_cert_expiry", help_, min(ends))
    if tls.chain_expires is not None:
        help_ = "Expiry of the chain that was verified, in seconds since 1970"
        name = "probe_ssl_last_chain_expiry_timestamp_seconds"
        yield GaugeMetricFamily(name, help_, tls.chain_expires.timestamp())


def _labelled(name: str, text: str, label: str, rows: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in rows.items():
        family.add_metric([value], number)
    return family


def _ip(report: Report) -> IPAddress | None:
    """Return the peer's IP address, even if it was not reached: the host may be a literal one."""
    for text in (report.ip or "", parse(report.url).host if report.url else ""):
        try:
            return ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            continue
    return None


def _fnv_1a(data: bytes) -> int:
    """Return the hash that blackbox_exporter shows: 32-bit FNV-1a."""
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFF_FFFF
    return value
