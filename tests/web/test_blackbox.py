"""What blackbox_exporter says of a target, we say too, by the same names and with the same meaning.

Debian's own binary probes the same targets on loopback at the same time.
"""

import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.ports import free_port
from tests.web.programs import running
from tests.web.serving import Asker, asking, unguarded
from tryconnect import Client
from tryconnect import testing as peers
from tryconnect.web import probe_app

pytestmark = [pytest.mark.wants(program="prometheus-blackbox-exporter"), pytest.mark.slow]

MODULES = """
modules:
  http_2xx:
    prober: http
    timeout: 5s
    http:
      preferred_ip_protocol: ip4
      tls_config:
        ca_file: {ca}
  tcp_connect:
    prober: tcp
    timeout: 5s
    tcp:
      preferred_ip_protocol: ip4
"""

LEFT_OUT = {
    "probe_http_content_length",
    "probe_http_uncompressed_body_length",
    "probe_http_version",
    "probe_http_last_modified_timestamp_seconds",
    "probe_ssl_last_chain_info",
}
if sys.version_info < (3, 13):  # whose ssl module cannot tell
    LEFT_OUT.add("probe_ssl_last_chain_expiry_timestamp_seconds")
"""What a check of ours does not measure; docs/reference/server.rst names it too."""

OUR_OWN = {"tryconnect_probe_reason"}

TIMES = {
    "probe_duration_seconds",
    "probe_dns_lookup_time_seconds",
    'probe_http_duration_seconds{"phase": "resolve"}',
    'probe_http_duration_seconds{"phase": "connect"}',
    'probe_http_duration_seconds{"phase": "tls"}',
    'probe_http_duration_seconds{"phase": "processing"}',
    'probe_http_duration_seconds{"phase": "transfer"}',
}
"""What differs from run to run."""

Rows = dict[str, float]


def rows(text: str) -> Rows:
    """Each row of an exposition with its value."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ", ".join(f'"{name}": "{value}"' for name, value in sample.labels.items())
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


class Both:
    """Two exporters that are asked the same."""

    def __init__(self, ours: Asker, theirs: aiohttp.ClientSession) -> None:
        self._ours = ours
        self._theirs = theirs

    async def probe(
        self, target: str, module: str, scrape: str = "5", **more: str
    ) -> tuple[Rows, Rows]:
        """What we say, and what blackbox_exporter says."""
        asked = {"target": target, "module": module, **more}
        headers = {"X-Prometheus-Scrape-Timeout-Seconds": scrape}
        ours = await self._ours.get("/probe", params=asked, headers=headers)
        assert ours.status == 200, await ours.text()
        async with self._theirs.get("/probe", params=asked, headers=headers) as theirs:
            return rows(await ours.text()), rows(await theirs.text())


@pytest.fixture
async def both(tmp_path: Path, ca_file: Path, client_ssl: ssl.SSLContext) -> AsyncIterator[Both]:
    config = tmp_path / "blackbox.yml"
    config.write_text(MODULES.format(ca=ca_file), "utf-8")
    port = free_port()
    program = running(
        "prometheus-blackbox-exporter",
        f"--config.file={config}",
        f"--web.listen-address=127.0.0.1:{port}",
        port=port,
        ready="/-/healthy",
    )
    app = probe_app(client=Client(ssl=client_ssl, proxy=None))
    async with program as url, asking(app) as asker, aiohttp.ClientSession(url) as session:
        yield Both(asker, session)


def same(ours: Rows, theirs: Rows, *, but: frozenset[str] = frozenset()) -> None:
    """Hold names and values against each other."""
    names = {row.partition("{")[0] for row in theirs} - LEFT_OUT - but
    assert {row.partition("{")[0] for row in ours} - OUR_OWN - but == names

    steady = [row for row in theirs if row.partition("{")[0] in names and row not in TIMES]
    assert {row: ours[row] for row in steady} == {row: theirs[row] for row in steady}
    assert TIMES & {row for row in theirs if row.partition("{")[0] in names} <= ours.keys()


PATHS = {
    "/": 200,
    "/status/204": 204,
    "/status/404": 404,
    "/status/503": 503,
    "/redirect/1": 200,
    "/redirect/5": 200,
    "/redirect-to": 302,
}


@pytest.mark.parametrize("path", PATHS)
async def test_an_answer_by_http(path: str, both: Both, http_server: peers.HttpServer) -> None:
    ours, theirs = await both.probe(http_server.at(path), "http_2xx")

    same(ours, theirs)
    assert ours["probe_http_status_code"] == PATHS[path]


async def test_redirects_without_end(both: Both, http_server: peers.HttpServer) -> None:
    ours, theirs = await both.probe(http_server.at("/redirect/20"), "http_2xx")

    same(ours, theirs, but=frozenset({"probe_http_redirects"}))
    # The eleventh, which neither follows, counts there, and not here.
    assert (ours["probe_http_redirects"], theirs["probe_http_redirects"]) == (10, 11)


async def test_a_virtual_host_is_asked_by_its_name(both: Both) -> None:
    async with peers.raw() as peer:
        same(*await both.probe(peer.url, "http_2xx", hostname="www.shop.test"))
        heads = [request.lower() for request in peer.requests]

    assert len(heads) == 2
    assert all(b"\r\nhost: www.shop.test\r\n" in head for head in heads)


@pytest.mark.parametrize(("hostname", "success"), [("localhost", 1), ("other.test", 0)])
async def test_its_certificate_must_be_for_that_name(
    hostname: str, success: int, both: Both, https_server: peers.HttpServer
) -> None:
    ours, theirs = await both.probe(https_server.url, "http_2xx", hostname=hostname)

    assert (ours["probe_success"], theirs["probe_success"]) == (success, success)


async def test_an_answer_by_https(both: Both, https_server: peers.HttpServer) -> None:
    ours, theirs = await both.probe(https_server.url, "http_2xx")

    same(ours, theirs)
    assert ours["probe_success"] == ours["probe_http_ssl"] == 1
    assert ours["probe_ssl_earliest_cert_expiry"] == theirs["probe_ssl_earliest_cert_expiry"]
    for phase in ("connect", "tls", "processing"):
        row = f'probe_http_duration_seconds{{"phase": "{phase}"}}'
        assert ours[row] > 0
        assert theirs[row] > 0


async def test_a_target_without_a_scheme(both: Both, http_server: peers.HttpServer) -> None:
    by_http = await both.probe(http_server.address, "http_2xx")
    by_tcp = await both.probe(http_server.address, "tcp_connect")

    same(*by_http)
    same(*by_tcp)
    assert by_http[0]["probe_success"] == by_tcp[0]["probe_success"] == 1
    assert "probe_http_status_code" not in by_tcp[0]


@pytest.mark.parametrize("module", ["http_2xx", "tcp_connect"])
async def test_a_port_where_nobody_listens(module: str, both: Both) -> None:
    async with peers.closed_port() as nobody:
        ours, theirs = await both.probe(nobody.address, module)

    same(ours, theirs)
    assert ours["probe_success"] == 0
    assert ours['tryconnect_probe_reason{"reason": "refused"}'] == 1


async def test_a_certificate_that_cannot_be_trusted(both: Both) -> None:
    async with peers.tls_server("expired") as expired:
        ours, theirs = await both.probe(expired.url, "http_2xx")

    same(ours, theirs)
    assert ours['tryconnect_probe_reason{"reason": "tls_certificate"}'] == 1


@pytest.mark.slow
async def test_a_target_that_is_silent(both: Both) -> None:
    async with peers.silent() as silent:
        ours, theirs = await both.probe(silent.url, "http_2xx", "1")

    same(ours, theirs)
    assert ours['tryconnect_probe_reason{"reason": "timeout"}'] == 1
    assert ours["probe_duration_seconds"] == pytest.approx(0.5, abs=0.2)
    assert theirs["probe_duration_seconds"] == pytest.approx(0.5, abs=0.2)


async def test_what_is_no_target(both: Both) -> None:
    ours, theirs = await both.probe("http://127.0.0.1:80443/", "http_2xx")

    assert ours["probe_success"] == theirs["probe_success"] == 0


def test_the_reference_names_what_is_left_out() -> None:
    page = (Path(__file__).parent.parent.parent / "docs/reference/server.rst").read_text("utf-8")
    for name in LEFT_OUT:
        assert name in page.replace("``\n``", "") or name.endswith("_timestamp_seconds")


async def test_a_probe_that_gets_nowhere_is_explained_without_a_host_and_a_peer() -> None:
    async with asking(unguarded()) as asker:
        told = await (await asker.get("/probe?target=::::&debug=true")).text()

    steps = told.partition("\n\n")[0].splitlines()
    assert steps[:2] == ["Logs for the probe:", "probing ::::"]
    assert steps[2].startswith("invalid_address: ")
    assert steps[3].startswith("probe failed after ")
    assert len(steps) == 4
