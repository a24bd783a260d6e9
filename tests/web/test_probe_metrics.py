"""A report's metrics, read back as Prometheus' own client reads them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tryconnect import Hop, Reason, Report, Timings, Tls
from tryconnect.web._probe_metrics import metrics
from tryconnect.web._prometheus import encoded

pytestmark = pytest.mark.slow

EXPIRES = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
ISSUER_EXPIRES = datetime(2029, 1, 2, 3, 4, 5, tzinfo=UTC)

GOOD = Report(
    "https://h/old",
    Reason.ok,
    "answered 200",
    status=200,
    url="https://h/new",
    ip="127.0.0.1",
    hops=(Hop(301, "https://h/old"),),
    tls=Tls("TLSv1.3", EXPIRES, ISSUER_EXPIRES),
    timings=Timings(dns=0.01, connect=0.02, tls=0.03, response=0.04, total=0.1),
)


def told(report: Report) -> dict[str, float]:
    """Each row of what is told of a report: ``name{label}`` and value."""
    text, _ = encoded(metrics(report), "")
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_all_rows_of_a_good_report() -> None:
    assert told(GOOD) == {
        "probe_success": 1,
        "tryconnect_probe_reason{ok}": 1,
        "probe_duration_seconds": 0.1,
        "probe_dns_lookup_time_seconds": 0.01,
        "probe_failed_due_to_regex": 0,
        "probe_ip_protocol": 4,
        "probe_ip_addr_hash": 3668918509,
        "probe_http_status_code": 200,
        "probe_http_redirects": 1,
        "probe_http_ssl": 1,
        "probe_http_duration_seconds{resolve}": 0.01,
        "probe_http_duration_seconds{connect}": 0.02,
        "probe_http_duration_seconds{tls}": 0.03,
        "probe_http_duration_seconds{processing}": 0.04,
        "probe_http_duration_seconds{transfer}": 0,
        "probe_tls_version_info{TLS 1.3}": 1,
        "probe_ssl_earliest_cert_expiry": ISSUER_EXPIRES.timestamp(),
        "probe_ssl_last_chain_expiry_timestamp_seconds": ISSUER_EXPIRES.timestamp(),
    }


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_row(reason: Reason) -> None:
    rows = told(Report("h", reason, "", url="http://h/"))

    assert rows[f"tryconnect_probe_reason{{{reason}}}"] == 1
    assert rows["probe_success"] == (reason is Reason.ok)
    assert rows["probe_failed_due_to_regex"] == (reason is Reason.body)


ROWS: dict[str, tuple[Report, dict[str, Any]]] = {
    "no certificate that was verified": (
        Report("h", Reason.ok, "", status=200, url="https://h/", tls=Tls("TLSv1.2")),
        {"probe_tls_version_info{TLS 1.2}": 1, "probe_ssl_earliest_cert_expiry": None},
    ),
    "no answer over TLS": (
        Report("h", Reason.timeout, "", url="https://h/", tls=Tls("TLSv1.2")),
        {"probe_http_ssl": 0, "probe_http_status_code": 0},
    ),
    "no connection, but an address": (
        Report("h", Reason.refused, "", url="http://127.0.0.1/"),
        {"probe_ip_protocol": 4, "probe_ip_addr_hash": 3668918509},
    ),
    "no address": (
        Report("h", Reason.dns_not_found, "", url="http://h/"),
        {"probe_ip_protocol": 0, "probe_ip_addr_hash": 0},
    ),
    "a name that stands for no text": (
        Report("h", Reason.dns_not_found, "", url="http://xn--a/"),
        {"probe_ip_protocol": 0, "probe_ip_addr_hash": 0},
    ),
    "IPv6": (
        Report("h", Reason.ok, "", status=200, url="http://h/", ip="::1"),
        {"probe_ip_protocol": 6},
    ),
    "IPv6 with a zone": (
        Report("h", Reason.ok, "", status=200, url="http://h/", ip="fe80::1%lo"),
        {"probe_ip_protocol": 6},
    ),
    "tcp": (
        Report("h:1", Reason.ok, "", url="tcp://h:1", ip="127.0.0.1"),
        {"probe_http_status_code": None, "probe_http_duration_seconds{tls}": None},
    ),
    "unix": (
        Report("unix:///s", Reason.ok, "", url="unix:///s"),
        {"probe_http_status_code": None, "probe_ip_protocol": 0},
    ),
    "what is no address": (
        Report("", Reason.invalid_address, ""),
        {"probe_http_status_code": None, "probe_ip_protocol": 0, "probe_duration_seconds": 0},
    ),
}


@pytest.mark.parametrize(("report", "rows"), ROWS.values(), ids=list(ROWS))
def test_rows_where_something_is_missing(report: Report, rows: dict[str, Any]) -> None:
    found = told(report)

    assert {name: found.get(name) for name in rows} == rows


def test_openmetrics_is_told_to_who_asks_for_it() -> None:
    data, kind = encoded(metrics(GOOD), "application/openmetrics-text; version=1.0.0")

    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    assert data.endswith(b"# EOF\n")
