"""Turn a report into metrics, with blackbox_exporter's names and meanings where it has any.

What it measures and our checks do not is left out: the length of the body, the HTTP version, the
certificate chain. An absent series can be told from one that is 0.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from tryconnect._address.target import parse
from tryconnect.errors import Reason
from tryconnect.web._prometheus import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tryconnect._model.guard import IPAddress
    from tryconnect._model.report import Report
    from tryconnect.web._prometheus import Metric

__all__ = ["metrics"]


def metrics(report: Report) -> Iterator[Metric]:
    """Yield the metrics that ``/probe`` shows for a report."""
    yield GaugeMetricFamily(
        "probe_success", "Whether the target answered as expected", value=report.ok
    )
    yield _reason(report)
    yield GaugeMetricFamily(
        "probe_duration_seconds", "Seconds taken by the probe", value=report.timings.total
    )
    yield GaugeMetricFamily(
        "probe_dns_lookup_time_seconds",
        "Seconds taken by the name look-up",
        value=report.timings.dns or 0.0,
    )
    yield GaugeMetricFamily(
        "probe_failed_due_to_regex",
        "Whether the probe failed because of the response's body",
        value=report.reason is Reason.body,
    )
    yield from _peer(report)
    if (report.url or "").startswith(("http://", "https://")):
        yield from _http(report)
    yield from _tls(report)


def _reason(report: Report) -> Metric:
    family = GaugeMetricFamily(
        "tryconnect_probe_reason",
        "The reason of the report, as a label; its value is 1",
        labels=["reason"],
    )
    family.add_metric([str(report.reason)], 1)
    return family


def _peer(report: Report) -> Iterator[Metric]:
    peer = _ip(report)
    yield GaugeMetricFamily(
        "probe_ip_protocol", "IP version, 4 or 6; 0: unknown", value=peer.version if peer else 0
    )
    yield GaugeMetricFamily(
        "probe_ip_addr_hash",
        "Hash of the IP address, to detect changes; 0: unknown",
        value=_fnv_1a(peer.packed) if peer else 0,
    )


def _http(report: Report) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "probe_http_status_code", "Status of the last response; 0: none", value=report.status or 0
    )
    yield GaugeMetricFamily(
        "probe_http_redirects", "Number of redirects followed", value=len(report.hops)
    )
    yield GaugeMetricFamily(
        "probe_http_ssl",
        "Whether the last response came over TLS",
        value=report.status is not None and report.tls is not None,
    )
    family = GaugeMetricFamily(
        "probe_http_duration_seconds",
        "Seconds by phase, summed over all redirects",
        labels=["phase"],
    )
    times = report.timings
    phases = {
        "resolve": times.dns,
        "connect": times.connect,
        "tls": times.tls,
        "processing": times.response,
        # The body is not downloaded, or not timed.
        "transfer": None,
    }
    for phase, seconds in phases.items():
        family.add_metric([phase], seconds or 0.0)
    yield family


def _tls(report: Report) -> Iterator[Metric]:
    if report.tls is None:
        return
    info = GaugeMetricFamily(
        "probe_tls_version_info", "The TLS version, as a label; its value is 1", labels=["version"]
    )
    info.add_metric([report.tls.version.replace("TLSv", "TLS ")], 1)
    yield info
    if report.tls.expires is not None:
        yield GaugeMetricFamily(
            "probe_ssl_earliest_cert_expiry",
            "Expiry of the peer's certificate, in seconds since 1970",
            value=report.tls.expires.timestamp(),
        )


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
