"""What a client trusts and shows, and where it finds a host, said by its own options."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization as forms

from tests.support.event_loops import on_each_loop
from tests.support.transports import by_each_way
from tryconnect import Client, Guard, Reason
from tryconnect import testing as peers
from tryconnect.testing.certificates import authority


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A client's certificate that the peers accept, and its key."""
    leaf = authority().issue_cert("client.test")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    leaf.cert_chain_pems[0].write_to_path(certificate)
    leaf.private_key_pem.write_to_path(key)
    return certificate, key


async def reasons(address: str, **options: Any) -> set[Reason]:
    async with Client(proxy=None, **options) as client:
        reports = await by_each_way(client, address)
        reports += await by_each_way(client, address.replace("https://", "tls://").rstrip("/"))
    return {report.reason for report in reports}


@on_each_loop
async def test_a_file_of_authorities_is_trusted(
    https_server: peers.HttpServer, ca_file: Path
) -> None:
    assert await reasons(https_server.url) == {Reason.tls_certificate}
    assert await reasons(https_server.url, ca_file=ca_file) == {Reason.ok}
    assert await reasons(https_server.url, ca_file=str(ca_file)) == {Reason.ok}


async def test_so_is_a_folder_of_them(
    https_server: peers.HttpServer, ca_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "certs"
    folder.mkdir()
    shutil.copy(ca_file, folder / "ca.pem")
    ssl_hash = _openssl_hash(folder / "ca.pem")
    (folder / f"{ssl_hash}.0").symlink_to("ca.pem")
    assert await reasons(https_server.url, ca_file=folder) == {Reason.ok}


def _openssl_hash(file: Path) -> str:
    words = ["openssl", "x509", "-hash", "-noout", "-in", str(file)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


async def test_no_other_authority_is_trusted_then(
    https_server: peers.HttpServer, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(signed_by_nobody())
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    assert await reasons(https_server.url) == {Reason.ok}
    assert await reasons(https_server.url, ca_file=other) == {Reason.tls_certificate}


def signed_by_nobody() -> bytes:
    return trustme.CA().cert_pem.bytes()


BROKEN = ["missing", "empty", "no certificate"]


@pytest.mark.parametrize("what", BROKEN)
async def test_a_file_that_is_none_is_our_own_fault(
    what: str, https_server: peers.HttpServer, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    if what != "missing":
        file.write_text("" if what == "empty" else "hello", "utf-8")
    async with Client(proxy=None, ca_file=file) as client:
        reports = await by_each_way(client, https_server.url)

    assert {report.reason for report in reports} == {Reason.local}
    assert all(f"ca_file is {file}, which cannot be read" in report.detail for report in reports)


async def test_a_clients_certificate_is_shown(pair: tuple[Path, Path], ca_file: Path) -> None:
    certificate, key = pair
    both = ca_file.parent / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    context = peers.server_context("client_certificate_demanded")
    async with peers.http_server(tls=context) as server:
        url = server.url
        async with Client(proxy=None, ca_file=ca_file) as client:
            without = await by_each_way(client, url)
        with_pair = {"ca_file": ca_file, "cert_file": certificate, "key_file": key}
        async with Client(proxy=None, **with_pair) as client:  # type: ignore[arg-type]
            good = await by_each_way(client, url)
        async with Client(proxy=None, ca_file=ca_file, cert_file=both) as client:
            good += await by_each_way(client, url)
        async with Client(proxy=None, ssl=False, cert_file=both) as client:
            good += await by_each_way(client, url)

    assert {report.reason for report in without} <= {Reason.tls_handshake, Reason.reset}
    assert {report.reason for report in good} == {Reason.ok}


async def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(
    pair: tuple[Path, Path],
) -> None:
    certificate, key = pair
    secret = forms.load_pem_private_key(key.read_bytes(), None)
    shut = forms.BestAvailableEncryption(b"pw")
    key.write_bytes(secret.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, shut))
    async with Client(proxy=None, cert_file=certificate, key_file=key) as client:
        report = await client.probe("https://127.0.0.1:1/")

    assert report.reason is Reason.local
    assert "has a password: store it without one" in report.detail


async def test_a_certificate_that_is_none_is_our_own_fault(tmp_path: Path) -> None:
    async with Client(proxy=None, cert_file=tmp_path / "none.pem") as client:
        report = await client.probe("https://127.0.0.1:1/")

    assert report.reason is Reason.local
    assert "the client's certificate cannot be read from " in report.detail


# --- the system's verification


@on_each_loop
async def test_the_system_may_verify(
    https_server: peers.HttpServer, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await reasons(https_server.url, ssl="system") == {Reason.tls_certificate}
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    assert await reasons(https_server.url, ssl="system") == {Reason.ok}


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tryconnect._options._has", lambda _: False)
    with pytest.raises(ValueError, match=r'pip install "tryconnect\[truststore\]"'):
        Client(ssl="system")


# --- addresses that stand in for a look-up


@on_each_loop
async def test_a_host_is_found_where_it_is_said_to_be(
    https_server: peers.HttpServer, http_server: peers.HttpServer, client_ssl: ssl.SSLContext
) -> None:
    resolve = {
        f"good.test:{https_server.port}": "127.0.0.1",
        f"Other.test:{http_server.port}": ["127.0.0.1"],
    }
    async with Client(proxy=None, ssl=client_ssl, resolve=resolve) as client:
        reports = await by_each_way(client, f"https://good.test:{https_server.port}/")
        reports += await by_each_way(client, f"http://other.test:{http_server.port}/")
        reports += await by_each_way(client, f"tcp://other.test:{http_server.port}")
        reports += await by_each_way(client, f"tls://good.test:{https_server.port}")
        assert await client.fetch_text(f"http://other.test:{http_server.port}/") == "hello"

    assert {report.reason for report in reports} == {Reason.ok}, reports
    assert {report.timings.dns for report in reports} == {None}
    hosts = {request.split(b"\r\n")[1] for request in http_server.requests}
    assert hosts == {f"Host: other.test:{http_server.port}".encode()}


async def test_the_next_address_is_tried(http_server: peers.HttpServer) -> None:
    resolve = {f"good.test:{http_server.port}": ["127.0.0.9", "127.0.0.1"]}
    async with Client(proxy=None, resolve=resolve) as client:
        reports = await by_each_way(client, f"http://good.test:{http_server.port}/")

    assert {report.ip for report in reports} == {"127.0.0.1"}


async def test_the_guard_looks_at_those_addresses() -> None:
    async with Client(guard=Guard.public(), resolve={"good.test:80": "127.0.0.1"}) as client:
        reports = await by_each_way(client, "http://good.test/")

    assert {report.reason for report in reports} == {Reason.blocked}
