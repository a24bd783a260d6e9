"""Whose certificates are trusted: the environment's word, and a caller's own context."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import errno
import ipaddress
import os
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import tryconnect
from tests.support.event_loops import on_each_loop
from tryconnect import Client, FetchError, Reason, Report
from tryconnect import testing as peers
from tryconnect._model.faults import LocalFault
from tryconnect._transport.tls import Connection, TlsContexts, _contexts, _timed
from tryconnect._transport.tls_stream import TlsStream
from tryconnect.testing.certificates import authority

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
BUNDLES = VARIABLES[2:]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No variable is set, and no context is left over from or for another test."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    _contexts.clear()
    yield
    _contexts.clear()


async def context_for(setting: ssl.SSLContext | bool | None = None) -> ssl.SSLContext:  # noqa: FBT001
    return await TlsContexts(setting).context()


@pytest.fixture
def ca_folder(tmp_path: Path) -> Path:
    """A folder with the peers' authority, under the name by which OpenSSL looks it up."""
    openssl = shutil.which("openssl") or pytest.skip("there is no openssl to hash its name")
    file = tmp_path / "ca.pem"
    file.write_bytes(peers.ca_pem())
    words = [openssl, "x509", "-hash", "-noout", "-in", str(file)]
    name = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    return file.rename(tmp_path / f"{name}.0").parent


async def probed(url: str, **options: ssl.SSLContext | bool) -> Report:
    async with Client(proxy=None, ssl=options.get("ssl")) as client:
        return await client.probe(url)


async def test_the_peers_are_not_trusted_by_themselves() -> None:
    async with peers.tls_server() as server:
        report = await probed(server.url)

    assert report.reason is Reason.tls_certificate


@on_each_loop
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", *BUNDLES])
async def test_a_file_of_certificates(
    variable: str, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(ca_file))
    async with peers.tls_server() as good, peers.tls_server("unknown_ca") as unknown:
        assert await probed(good.url)
        assert (await probed(unknown.url)).reason is Reason.tls_certificate


@pytest.mark.parametrize("variable", BUNDLES)
async def test_the_functions_obey_too(
    variable: str, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(ca_file))
    async with peers.tls_server() as server:
        assert await tryconnect.try_connect(server.url)


async def test_the_first_of_the_bundles_counts(
    ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "none.pem"))
    async with peers.tls_server() as server:
        assert await probed(server.url)


async def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
    async with peers.tls_server() as server:
        assert (await probed(server.url)).reason is Reason.tls_certificate


async def test_a_bundle_adds_to_the_systems_store(
    ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_the_system = len((await context_for(None)).get_ca_certs())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))

    assert len((await context_for(None)).get_ca_certs()) == of_the_system + 1


async def test_a_change_of_the_environment_is_seen(
    ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with peers.tls_server() as server, Client(proxy=None) as client:
        assert not await client.probe(server.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
        assert await client.probe(server.url)


def missing(folder: Path) -> Path:
    return folder / "none.pem"


def garbage(folder: Path) -> Path:
    file = folder / "garbage.pem"
    file.write_bytes(bytes(range(256)))
    return file


def empty(folder: Path) -> Path:
    file = folder / "empty.pem"
    file.touch()
    return file


@pytest.mark.parametrize("variable", BUNDLES)
@pytest.mark.parametrize("make", [missing, garbage, empty], ids=lambda make: make.__name__)
async def test_a_bundle_that_cannot_be_read_is_our_own_fault(
    make: Callable[[Path], Path], variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path)
    monkeypatch.setenv(variable, str(path))
    async with peers.tls_server() as server:
        report = await probed(server.url)

        assert server.connections == 0
    assert report.reason is Reason.local
    assert report.detail.startswith(f"{variable} names {path}, which cannot be read")


@pytest.mark.parametrize("make", [missing, garbage, empty], ids=lambda make: make.__name__)
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_openssls_own_variables_fail_without_a_word(
    variable: str,
    make: Callable[[Path], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OpenSSL ignores what it cannot read; then nobody is trusted."""
    monkeypatch.setenv(variable, str(make(tmp_path)))
    async with peers.tls_server() as server:
        report = await probed(server.url)

    assert report.reason in {Reason.tls_certificate, Reason.local}


async def test_plain_http_needs_no_certificates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, http_server: peers.HttpServer
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(missing(tmp_path)))

    assert await probed(http_server.url)


@pytest.mark.parametrize("variable", ["SSL_CERT_DIR", *BUNDLES])
async def test_a_folder_of_certificates(
    variable: str, ca_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(ca_folder))
    async with peers.tls_server() as server:
        assert await probed(server.url)


# --- a caller's own


@on_each_loop
async def test_a_context_of_ones_own() -> None:
    async with peers.tls_server() as good, peers.tls_server("unknown_ca") as unknown:
        assert await probed(good.url, ssl=peers.trusting())
        assert not await probed(unknown.url, ssl=peers.trusting())


async def test_a_client_certificate_is_ones_own_contexts_matter() -> None:
    context = ssl.create_default_context(cadata=peers.ca_pem().decode())
    authority().issue_cert("me@good.test").configure_cert(context)
    async with peers.tls_server("client_certificate_demanded") as server:
        assert await probed(server.url, ssl=context)


@on_each_loop
@pytest.mark.parametrize(
    "kind", ["expired", "wrong_host", "self_signed", "unknown_ca", "not_yet_valid"]
)
async def test_without_verification_any_certificate_will_do(kind: str) -> None:
    async with peers.tls_server(kind) as server:
        report = await probed(server.url, ssl=False)

    assert report.ok
    assert report.tls is not None
    assert report.tls.expires is not None


async def test_true_is_the_default(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    async with peers.tls_server() as server:
        assert await probed(server.url, ssl=True)


async def test_a_class_of_the_callers_own_is_kept() -> None:
    class Mine(ssl.SSLObject):
        pass

    context = ssl.create_default_context()
    context.sslobject_class = Mine

    assert (await context_for(context)) is context
    assert context.sslobject_class is Mine


async def test_a_check_works_with_such_a_class() -> None:
    """Its handshake counts as connecting."""

    class Mine(ssl.SSLObject):
        pass

    context = ssl.create_default_context(cadata=peers.ca_pem().decode())
    context.sslobject_class = Mine
    async with peers.tls_server() as server:
        report = await probed(server.url, ssl=context)

    assert report.ok
    assert report.tls is not None
    assert report.timings.tls is None


async def test_a_timed_context_works_outside_of_checks() -> None:
    """Whoever shares a context with us uses it elsewhere too."""
    context = ssl.create_default_context(cadata=peers.ca_pem().decode())
    (await context_for(context))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname="good.test")

    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()


# --- one per process


async def test_there_is_one_context_per_process() -> None:
    assert (await context_for(None)) is (await context_for(None))
    assert (await context_for(None)) is (await context_for(setting=True))
    assert (await context_for(setting=False)) is (await context_for(setting=False))
    assert (await context_for(setting=False)) is not (await context_for(None))
    assert len(_contexts) == 2


async def test_a_failure_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = missing(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with pytest.raises(LocalFault):
        (await context_for(None))

    path.write_bytes(peers.ca_pem())

    assert (await context_for(None)) is (await context_for(None))


async def test_our_contexts_verify_unless_told_otherwise() -> None:
    context = await context_for(None)

    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (
        (await context_for(setting=False)).verify_mode,
        (await context_for(setting=False)).check_hostname,
    ) == (
        ssl.CERT_NONE,
        False,
    )


@pytest.mark.parametrize("setting", [None, True, False])
async def test_a_server_of_several_protocols_is_asked_for_the_one_that_is_spoken(
    setting: bool | None,  # noqa: FBT001
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some hang up on clients that offer none (RFC 7301)."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    stream = TlsStream(await context_for(setting), "good.test")
    come, gone = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = peers.server_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = context.wrap_bio(come, gone, server_side=True)
    stream.shake_hands()
    come.write(stream.to_send())
    with contextlib.suppress(ssl.SSLWantReadError):
        server.do_handshake()
    stream.receive(gone.read())

    assert stream.shake_hands()
    assert stream.connection.selected_alpn_protocol() == "http/1.1"


# --- names, authorities, and who reads what


def leaf(*names: x509.GeneralName) -> tuple[bytes, bytes]:
    """An authority of its own, and a server's certificate by it, for the common name localhost."""
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)

    def signed(subject: str, key: Key, signer: Key, *, ca: bool) -> x509.Certificate:
        issuer, owner = (x509.Name.from_rfc4514_string(f"CN={name}") for name in ("CA", subject))
        builder = x509.CertificateBuilder(issuer, owner, key.public_key(), ca + 1)
        builder = builder.not_valid_before(now - day).not_valid_after(now + day)
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca, None), True),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
            (x509.KeyUsage(True, True, True, True, True, ca, ca, False, False), True),  # noqa: FBT003
        ]
        if names and not ca:
            extensions.append((x509.SubjectAlternativeName(names), False))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256())

    ca_key, own_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = own_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    certificate = signed("localhost", own_key, ca_key, ca=False).public_bytes(pem)
    return signed("CA", ca_key, ca_key, ca=True).public_bytes(pem), certificate + private


Key: TypeAlias = ec.EllipticCurvePrivateKey


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ((), Reason.tls_certificate),
        ((x509.RFC822Name("me@localhost"),), Reason.tls_certificate),
        ((x509.IPAddress(ipaddress.ip_address("127.0.0.1")),), Reason.tls_certificate),
        ((x509.DNSName("localhost"),), Reason.ok),
    ],
    ids=["none", "e-mail", "address", "name"],
)
@on_each_loop
async def test_a_common_name_is_no_name(
    names: tuple[x509.GeneralName, ...],
    reason: Reason,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ca, own = leaf(*names)
    (tmp_path / "ca.pem").write_bytes(ca)
    (tmp_path / "leaf.pem").write_bytes(own)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "leaf.pem")
    async with peers.http_server(tls=context) as server:
        report = await probed(f"https://localhost:{server.port}/")

    assert report.reason is reason


@pytest.fixture
def nobody_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without certificates, whose folder for them is this one."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    return tmp_path


@on_each_loop
@pytest.mark.parametrize("kind", ["good", "expired", "self_signed"])
@pytest.mark.usefixtures("nobody_trusted")
async def test_a_machine_that_trusts_nobody_is_at_fault_itself(kind: str) -> None:
    async with peers.tls_server(kind) as server:
        report = await probed(server.url)

    assert report.reason is Reason.local
    assert "trusts no authority at all" in report.detail


@pytest.mark.usefixtures("nobody_trusted")
async def test_it_still_tells_that_nothing_listens() -> None:
    async with peers.closed_port() as peer:
        assert (await probed(f"https://{peer.address}/")).reason is Reason.refused


async def test_a_certificate_that_is_installed_counts_at_the_next_check(
    nobody_trusted: Path, ca_folder: Path
) -> None:
    parked = nobody_trusted / "parked"

    def renamed() -> None:
        (file,) = ca_folder.glob("*.0")
        file.rename(parked / file.name)

    parked.mkdir()
    renamed()
    async with peers.tls_server() as server:
        assert (await probed(server.url)).reason is Reason.local
        shutil.copytree(parked, nobody_trusted, dirs_exist_ok=True)
        assert await probed(server.url)


@pytest.mark.parametrize("variable", BUNDLES)
async def test_a_file_that_two_variables_name_is_read_once(
    variable: str, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def counted(self: ssl.SSLContext, *args: Any, **kwargs: Any) -> None:
        read.append(kwargs)
        load(self, *args, **kwargs)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
    (tmp_path / "link.pem").symlink_to(ca_file)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    monkeypatch.setenv(variable, str(tmp_path / "link.pem"))

    assert (await context_for(None)).cert_store_stats()["x509"] == 1
    assert read == []


async def test_two_sessions_build_one_context() -> None:
    one, other = await asyncio.gather(context_for(None), context_for(None))

    assert one is other


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EMFILE, errno.ENFILE])
async def test_no_file_is_blamed_where_there_is_no_room_to_read_it(
    number: int, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", load)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
    async with peers.tls_server() as server:
        report = await probed(server.url)

    assert report.reason is Reason.local
    assert str(ca_file) not in report.detail


# --- records that are broken

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BROKEN_RECORD = b"\x17\x03\x03\x00\x20" + b"x" * 32


async def encrypted(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pieces: list[bytes], *, apart: bool
) -> None:
    """Answer with a record for each piece, then with one that is none."""
    received, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = peers.server_context().wrap_bio(received, to_send, server_side=True)
    steps: list[Callable[[], object]] = [connection.do_handshake, lambda: connection.read(65536)]
    while steps:
        try:
            steps[0]()
        except ssl.SSLWantReadError:
            writer.write(to_send.read())
            received.write(await reader.read(65536))
        else:
            del steps[0]
    for piece in pieces:
        connection.write(piece)
        if apart:
            writer.write(to_send.read())
            await asyncio.sleep(0.02)
    writer.write(to_send.read() + BROKEN_RECORD)
    await reader.read()
    writer.close()


def test_a_broken_record_ends_the_connection_once_what_came_before_it_is_read(
    client_ssl: ssl.SSLContext,
) -> None:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = peers.server_context().wrap_bio(to_server, to_client, server_side=True)
    client = _timed(client_ssl).wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    assert isinstance(client, Connection)
    for end in (client, server, client, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    told: list[ssl.SSLError] = []
    client.on_failure = told.append
    server.write(WHOLE)
    to_client.write(BROKEN_RECORD)

    assert client.read(65536) == WHOLE
    with pytest.raises(ssl.SSLWantReadError):
        client.read(65536)
    for _ in range(2):
        with pytest.raises(ssl.SSLError) as caught:
            client.read(65536)
        assert told == [caught.value]


CUTS = [[WHOLE], [WHOLE[:10], WHOLE[10:]], [WHOLE[:-5], WHOLE[-5:]], [WHOLE[:-1], WHOLE[-1:]]]


@on_each_loop
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("pieces", CUTS, ids=range(len(CUTS)))
async def test_an_answer_that_came_whole_before_a_broken_record_counts(
    pieces: list[bytes], *, apart: bool
) -> None:
    server = await asyncio.start_server(partial(encrypted, pieces=pieces, apart=apart), "127.0.0.1")
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, Client(proxy=None, ssl=peers.trusting()) as client:
        assert await client.probe(url)
        assert await client.fetch_text(url) == "hello"


@on_each_loop
@pytest.mark.parametrize("apart", [False, True])
async def test_half_an_answer_before_a_broken_record_does_not(*, apart: bool) -> None:
    serve = partial(encrypted, pieces=[WHOLE[:20], WHOLE[20:-1]], apart=apart)
    server = await asyncio.start_server(serve, "127.0.0.1")
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, Client(proxy=None, ssl=peers.trusting()) as client:
        with pytest.raises(FetchError) as caught:
            await client.fetch(url, timeout=5)

    assert caught.value.report.reason is Reason.body
    assert caught.value.report.timings.total < 2
