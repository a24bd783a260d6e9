"""docs/explanation/comparison.rst: the tools say of the same peers what its table shows."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import stamina

from tests.docs.rows import PLAIN, Open, rows
from tests.support.ports import free_port
from tryconnect import testing as peers

PAGE = (Path(__file__).parents[2] / "docs/explanation/comparison.rst").read_text("utf-8")


PEERS: dict[str, tuple[Open, str]] = PLAIN | {
    "sends a byte now and then": (partial(peers.drip, interval=0.05), ""),
    "closes instead of answering": (peers.closes, ""),
    "a certificate that has expired": (partial(peers.tls_server, "expired"), ""),
    "speaks SSH": (partial(peers.raw, b"SSH-2.0-OpenSSH_9.9\r\n"), ""),
    "redirects without end": (peers.http_server, "loop"),
}

SECONDS = "2"

HEADER, *TABLE = rows(PAGE, "What they say")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One without proxies, in which the authority of the peers is trusted."""
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(peers.ca_pem())
    bundles = dict.fromkeys(("SSL_CERT_FILE", "CURL_CA_BUNDLE"), str(file))
    return {k: v for k, v in os.environ.items() if "_proxy" not in k.lower()} | bundles


@pytest.fixture(scope="module")
def blackbox(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The exporter, with a module as it comes with it."""
    modules = tmp_path_factory.mktemp("blackbox") / "modules.yml"
    modules.write_text("modules: {http_2xx: {prober: http}}")
    port = free_port()
    words = ["prometheus-blackbox-exporter", f"--web.listen-address=127.0.0.1:{port}"]
    words.append(f"--config.file={modules}")
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, env=environment) as process:  # noqa: S603
        url = f"http://127.0.0.1:{port}"
        while not _answers(f"{url}/-/healthy"):
            assert process.poll() is None
            time.sleep(0.05)
        yield url
        process.terminate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url):  # noqa: S310 - ours
            return True
    except OSError:
        return False


def code(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(words, env=environment, capture_output=True, check=False, timeout=20)  # noqa: S603
    return str(done.returncode)


def success(blackbox: str, target: str) -> str:
    """What the exporter says; Prometheus' header tells it the deadline, half a second after it."""
    request = urllib.request.Request(  # noqa: S310 - ours
        f"{blackbox}/probe?module=http_2xx&target={quote(target, safe='')}",
        headers={"X-Prometheus-Scrape-Timeout-Seconds": f"{SECONDS}.5"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - ours
        text: str = answer.read().decode()
    return text.partition("\nprobe_success ")[2].partition("\n")[0]


def exception(target: str) -> str:
    @stamina.retry(on=httpx.HTTPError, attempts=2, wait_initial=0.01)
    def asked() -> None:
        httpx.get(target, timeout=float(SECONDS)).raise_for_status()

    try:
        asked()
    except httpx.HTTPError as error:
        return type(error).__name__
    return "none"


def reason(environment: dict[str, str], target: str) -> str:
    words = [sys.executable, "-m", "tryconnect", "--expect", "2xx", "--timeout", SECONDS, target]
    done = subprocess.run(words, env=environment, capture_output=True, check=False, text=True)  # noqa: S603
    return done.stdout.split()[0]


@pytest.mark.slow
@pytest.mark.wants(program="curl")
@pytest.mark.wants(program="wait-for-it")
@pytest.mark.wants(program="prometheus-blackbox-exporter")
@pytest.mark.parametrize("label", PEERS)
def test_each_says(
    label: str, environment: dict[str, str], blackbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", environment["SSL_CERT_FILE"])
    serve, path = PEERS[label]
    with peers.in_thread(serve()) as peer:
        target = peer.url + path
        said = [
            label,
            code(environment, "curl", "-fsSL", "--max-time", SECONDS, "-o", os.devnull, target),
            code(environment, "wait-for-it", "-q", "-t", SECONDS, peer.address),
            success(blackbox, target),
            exception(target),
            reason(environment, target),
        ]

    assert said in TABLE


def test_the_table_has_every_peer() -> None:
    assert [label for label, *_ in TABLE] == [*PEERS]
