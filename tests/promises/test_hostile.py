"""What hostile peers can and cannot do; docs/explanation/threat-model.rst names these tests."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import re
import socket
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import tryconnect
from tryconnect import Client, Expect, FetchError, Guard, Reason, Report
from tryconnect import testing as peers
from tryconnect._model.guard import IPAddress
from tryconnect._transport import name_settings
from tryconnect._transport.nsswitch import NameServices
from tryconnect._transport.resolver import Resolver
from tryconnect._transport.system_lookup import MAX_THREADS
from tryconnect._transport.tls import _contexts
from tryconnect.testing import tls
from tryconnect.testing._encoded import PACKERS
from tryconnect.testing.certificates import DAY, NOW, authority, serving, showing

SHORT = 0.3
"""A deadline that is meant to pass."""

LATE = 0.25
"""Seconds by which a busy machine may miss it."""

MEBIBYTE = 2**20
SECRET = "s3cret"  # noqa: S105 - nobody's password
OBEYED = "\x1b]0;owned\x07\x1b[31m"
"""Terminal control sequences: set the window's title, and switch to red."""


@contextlib.asynccontextmanager
async def knowing(*names: str, **options: object) -> AsyncIterator[Client]:
    """Return a client that resolves these names to loopback."""
    async with peers.dns_server({name: ["127.0.0.1"] for name in names}) as dns:
        resolver = Resolver(**dns.resolver_arguments)
        try:
            async with Client(
                resolver=resolver,
                proxy=None,
                **options,  # type: ignore[arg-type]
            ) as client:
                yield client
        finally:
            await resolver.close()


async def fetched(url: str, *, max_bytes: int = 10 * MEBIBYTE, timeout: float = 30) -> Report:
    """Return the report of a fetch, however it ends."""
    try:
        page = await tryconnect.fetch(url, max_bytes=max_bytes, timeout=timeout)
    except FetchError as error:
        return error.report
    return page.report


@contextlib.contextmanager
def memory_below(limit: int) -> Iterator[None]:
    """Assert that Python never allocates more than ``limit`` bytes beyond what it held before."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < limit


def line_with(head: bytes, name: bytes) -> bool:
    return f"\r\n{name.decode()}:".encode().lower() in head.lower()


# --- servers: too much, too slow


def bomb(coding: str) -> bytes:
    """Return 200 MiB of zeros, compressed."""
    zeros = bytes(200 * MEBIBYTE)
    if coding == "br":  # its usual quality takes 10 s for this
        compressed: bytes = importlib.import_module("brotli").compress(zeros, quality=1)
        return compressed
    return PACKERS[coding](zeros)


@pytest.fixture(params=PACKERS)
def packed(request: pytest.FixtureRequest) -> bytes:
    """Return a response with a bomb; compressing it takes too long for a running loop."""
    coding: str = request.param
    body = bomb(coding)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.slow
async def test_a_bomb_is_unpacked_up_to_the_limit_and_the_deadline(packed: bytes) -> None:
    async with peers.raw(packed) as peer:
        await fetched(peer.url, max_bytes=1)  # imports the library
        with memory_below(20 * MEBIBYTE):
            report = await fetched(peer.url)

        assert (report.reason, report.status) == (Reason.too_large, 200)
        assert report.detail == "the body is longer than 10,485,760 bytes"

        looked_into = await tryconnect.probe(peer.url, expect=Expect(body="x"))
        assert looked_into.reason is Reason.body

        endless = await fetched(peer.url, max_bytes=2**30, timeout=0.1)
        assert endless.reason is Reason.timeout
        assert endless.timings.total < 0.1 + LATE


FLOODS: dict[str, tuple[Callable[[], AbstractAsyncContextManager[peers.Peer]], Reason]] = {
    "a status line": (
        partial(peers.repeats, b"x" * 65_536, before=b"HTTP/1.1 200 "),
        Reason.protocol,
    ),
    "one header": (
        partial(peers.repeats, b"x" * 65_536, before=b"HTTP/1.1 200 OK\r\nX-Long: "),
        Reason.protocol,
    ),
    "headers": (peers.endless_headers, Reason.protocol),
    "no HTTP": (partial(peers.repeats, b"x" * 65_536), Reason.protocol),
    "interim answers": (peers.endless_1xx, Reason.timeout),
    "a body": (peers.endless_body, Reason.too_large),
    "a redirect's body": (
        partial(peers.repeats, b"x" * 65_536, before=b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"),
        Reason.too_many_redirects,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_takes_little_memory_and_ends(name: str) -> None:
    flood, reason = FLOODS[name]
    async with flood() as peer:
        with memory_below(8 * MEBIBYTE):
            report = await fetched(peer.url, max_bytes=MEBIBYTE, timeout=1.0)

    # On a slow machine the deadline may come before the limit.
    assert report.reason in {reason, Reason.timeout}
    assert report.timings.total < 1.0 + LATE


@pytest.mark.parametrize("part", ["status", "headers", "body"])
async def test_a_drip_ends_with_the_deadline(part: str) -> None:
    async with peers.drip(part, interval=0.05) as peer:  # type: ignore[arg-type]
        report = await fetched(peer.url, timeout=0.2)

    assert report.reason is Reason.timeout
    assert 0.2 <= report.timings.total < 0.2 + LATE


def certificate(name: str, *extensions: x509.ExtensionType) -> bytes:
    """Return a key and its self-signed certificate, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


async def test_a_certificate_above_openssls_limit_is_not_taken() -> None:
    ballast = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(200_000))
    context = showing(certificate("localhost", ballast))
    async with peers.serve(tls.over_tls(tls.answers, context), scheme="https") as peer:
        report = await tryconnect.probe(peer.url)

    assert report.reason is Reason.tls_handshake
    assert "EXCESSIVE_MESSAGE_SIZE" in report.detail


async def test_a_search_for_the_callers_pattern_is_not_in_the_deadline() -> None:
    """A pattern with nested repetitions; the server chooses the slowest text for it."""
    slow = Expect(body=re.compile("(a+)+$"))
    body = b"a" * 20 + b"!"
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with peers.raw(head + body) as peer:
        started = time.perf_counter()
        report = await tryconnect.probe(peer.url, expect=slow)
        taken = time.perf_counter() - started

    assert report.reason is Reason.body
    assert taken > report.timings.total + 0.02


# --- servers: words that somebody obeys

WORDS = {
    "the reason phrase": f"HTTP/1.1 200 {OBEYED}\r\nContent-Length: 0\r\n\r\n",
    "the status": f"HTTP/1.1 2{OBEYED} OK\r\nContent-Length: 0\r\n\r\n",
    "a banner": f"{OBEYED}\x9b31m\r\n",
    "a header's name": f"HTTP/1.1 200 OK\r\nX{OBEYED}: a\r\n\r\n",
    "the length": f"HTTP/1.1 200 OK\r\nContent-Length: {OBEYED}\r\n\r\n",
    "the coding": f"HTTP/1.1 200 OK\r\nContent-Encoding: {OBEYED}\r\nContent-Length: 1\r\n\r\nx",
    "a chunk": f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{OBEYED}\r\n",
    "a redirect's host": f"HTTP/1.1 302 Found\r\nLocation: http://{OBEYED}/\r\n\r\n",
    "a redirect's path": f"HTTP/1.1 302 Found\r\nLocation: /{OBEYED}\x9b31m\r\n\r\n",
}


@pytest.mark.parametrize("place", WORDS)
async def test_what_a_terminal_obeys_is_escaped_wherever_a_server_says_it(
    place: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="tryconnect")
    async with peers.raw(WORDS[place].encode("latin-1")) as peer:
        reports = [await tryconnect.probe(peer.url), await fetched(peer.url)]

    for report in reports:
        shown = [report.detail, repr(report), str(report.url), str(report.error)]
        assert not [text for text in shown if not text.replace("\n", "").isprintable()]
    assert caplog.records
    assert caplog.text.replace("\n", "").isprintable()


@pytest.mark.parametrize("trusted", [False, True])
async def test_what_a_terminal_obeys_in_a_certificate_is_not_shown(*, trusted: bool) -> None:
    name = f"{OBEYED}\u202e"
    context = (
        serving(authority().issue_cert("other.test", common_name=name))
        if trusted
        else showing(certificate(name))
    )
    async with (
        peers.serve(tls.over_tls(tls.answers, context), scheme="https") as peer,
        Client(ssl=peers.trusting(), proxy=None) as client,
    ):
        report = await client.probe(peer.url)

    assert report.reason is Reason.tls_certificate
    assert all(text.isprintable() for text in (report.detail, repr(report), str(report.error)))


async def test_markup_in_a_detail_is_the_callers_to_escape() -> None:
    async with peers.raw(b"<script>alert(1)</script>\r\n\r\n") as peer:
        report = await tryconnect.probe(peer.url)

    assert "<script>" in report.detail


async def test_a_text_is_not_cleaned(http_server: peers.HttpServer) -> None:
    text = f"<script>alert(1)</script>{OBEYED}"
    http_server.pages["/"] = peers.CannedResponse(text.encode(), headers=(("X-Words", "<b>"),))

    page = await tryconnect.fetch(http_server.url)

    assert page.text == text
    assert page.headers["X-Words"] == "<b>"


@pytest.mark.parametrize("tail", ["%0D%0AX-More:%201", "\u010d\u010aX-More:1", "%E5%98%8A"])
async def test_neither_address_nor_redirect_adds_a_line_to_a_request(
    tail: str, http_server: peers.HttpServer
) -> None:
    http_server.pages["/away"] = peers.CannedResponse(
        status=302, headers=(("Location", f"/{tail}"),)
    )
    for url in (http_server.at(f"/{tail}"), http_server.at("/away")):
        assert await tryconnect.probe(url)

    assert len(http_server.requests) == 3
    assert not [head for head in http_server.requests if line_with(head, b"X-More")]


# --- servers: where a redirect leads, and with what


async def test_without_a_guard_a_redirect_leads_to_the_own_machine(
    http_server: peers.HttpServer,
) -> None:
    async with peers.http_server(host="127.0.0.2") as private:
        http_server.pages["/"] = peers.CannedResponse(
            status=302, headers=(("Location", private.url),)
        )
        async with knowing("out.test") as client:
            report = await client.probe(f"http://out.test:{http_server.port}/")

        assert (report.ok, report.ip, len(private.requests)) == (True, "127.0.0.2", 1)


async def test_other_headers_of_a_client_go_wherever_a_redirect_leads(
    http_server: peers.HttpServer,
) -> None:
    async with (
        peers.http_server() as foreign,
        Client(headers={"X-Api-Key": SECRET}, proxy=None) as client,
    ):
        http_server.pages["/"] = peers.CannedResponse(
            status=302, headers=(("Location", foreign.url),)
        )
        await client.probe(http_server.url)

        assert line_with(foreign.requests[0], b"X-Api-Key")


def moving_on(url: str, cookie: str) -> peers.CannedResponse:
    return peers.CannedResponse(status=302, headers=(("Location", url), ("Set-Cookie", cookie)))


@pytest.mark.parametrize("domain", ["", "; Domain=b.test", "; Domain=example.com"])
async def test_a_cookie_for_a_foreign_host_is_dropped(
    domain: str, http_server: peers.HttpServer
) -> None:
    async with knowing("a.test", "b.test") as client:
        there = f"http://b.test:{http_server.port}/echo"
        http_server.pages["/"] = moving_on(there, f"k=v{domain}")
        report = await client.probe(f"http://a.test:{http_server.port}/")

    assert report.url == there
    assert not line_with(http_server.requests[-1], b"Cookie")


@pytest.mark.parametrize(
    ("host", "domain", "other"), [("a.test", "test", "b.test"), ("a.co.uk", "co.uk", "b.co.uk")]
)
async def test_a_cookie_for_all_of_a_registrys_names_is_dropped(
    host: str, domain: str, other: str, http_server: peers.HttpServer
) -> None:
    """As with the public suffix list (RFC 6265, section 5.3, step 5)."""
    async with knowing(host, other) as client:
        there = f"http://{other}:{http_server.port}/echo"
        http_server.pages["/"] = moving_on(there, f"k=v; Domain={domain}")
        await client.probe(f"http://{host}:{http_server.port}/")

    assert not any(line_with(head, b"Cookie") for head in http_server.requests)


async def test_a_cookie_reaches_strangers_below_a_suffix_that_is_no_registrys(
    http_server: peers.HttpServer,
) -> None:
    async with knowing("a.pages.test", "b.pages.test") as client:
        there = f"http://b.pages.test:{http_server.port}/echo"
        http_server.pages["/"] = moving_on(there, "k=v; Domain=pages.test")
        await client.probe(f"http://a.pages.test:{http_server.port}/")
        await client.probe(there)

    assert [line_with(head, b"Cookie") for head in http_server.requests] == [False, True, False]


# --- name servers


class Many(AbstractResolver):
    """Answers every name with these addresses."""

    def __init__(self, count: int) -> None:
        self.addresses = [
            f"127.{1 + at // 65_536}.{at // 256 % 256}.{at % 256}" for at in range(count)
        ]

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=ip, port=port, family=family, proto=0, flags=0)
            for ip in self.addresses
        ]

    async def close(self) -> None:
        pass


@pytest.mark.slow
@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_thousands_of_addresses_do_not_outlast_the_deadline(
    scheme: str, *, allowed: bool
) -> None:
    async with (
        peers.closed_port() as closed,
        Client(resolver=Many(3000), guard=Guard(lambda _: allowed)) as client,
    ):
        started = time.perf_counter()
        report = await client.probe(f"{scheme}://many.test:{closed.port}", timeout=SHORT)

    assert not report
    assert time.perf_counter() - started < SHORT + LATE


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_each_address_of_a_name_is_tried_once(scheme: str) -> None:
    tries: Counter[IPAddress] = Counter()

    def counted(address: IPAddress) -> bool:
        tries[address] += 1
        return True

    async with (
        peers.closed_port() as closed,
        Client(resolver=Many(10), guard=Guard(counted)) as client,
    ):
        await client.probe(f"{scheme}://many.test:{closed.port}", timeout=5)

    assert set(tries.values()) == {1}


async def test_a_lie_about_a_name_is_found_by_https_only(
    http_server: peers.HttpServer,
) -> None:
    """The name server resolves another site's name to its owner's machine."""
    async with (
        peers.tls_server() as secure,
        knowing("bank.example", ssl=peers.trusting()) as client,
    ):
        plain = await client.probe(f"http://bank.example:{http_server.port}/")
        encrypted = await client.probe(f"https://bank.example:{secure.port}/")

    assert plain.reason is Reason.ok
    assert encrypted.reason is Reason.tls_certificate


async def test_a_guard_looks_names_up_and_refuses_afterwards() -> None:
    async with (
        peers.dns_server({"inner.test": ["127.0.0.1"]}) as dns,
        peers.http_server() as private,
    ):
        names = Resolver(**dns.resolver_arguments)
        async with Client(guard=Guard.public(), resolver=names) as client:
            report = await client.probe(f"http://inner.test:{private.port}/")
        await names.close()

        assert report.reason is Reason.blocked
        assert {query.name for query in dns.queries} == {"inner.test"}
        assert private.connections == 0


def test_a_guard_does_not_know_a_networks_own_translation_prefix() -> None:
    """NAT64 with a prefix of the network's own (RFC 6052, section 2.2), here of 127.0.0.1."""
    assert Guard.public().lets_through(("2a00:1450:4001::7f00:1", 80))


async def test_names_that_only_the_system_knows_share_a_few_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_go = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        let_go.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    others = NameServices(ours=("files",), others=True)
    monkeypatch.setattr(name_settings._nsswitch, "read", lambda: others)
    async with Client(proxy=None) as client:
        reports = await asyncio.gather(
            *(client.probe(f"tcp://host-{number}.local:80", timeout=0.1) for number in range(100))
        )
        ours = [
            thread
            for thread in threading.enumerate()
            if thread.name.startswith("tryconnect-names-")
        ]
        assert {report.reason for report in reports} == {Reason.timeout}
        assert len(ours) == MAX_THREADS

        let_go.set()
        for thread in ours:
            thread.join()
        report = await client.probe("tcp://host-101.local:80")  # a thread is free again
        assert report.reason is Reason.dns_not_found


# --- proxies


async def test_a_proxy_sees_plain_requests_whole_and_of_https_the_place(
    http_server: peers.HttpServer, https_server: peers.HttpServer
) -> None:
    secrets = {"Authorization": SECRET, "X-Api-Key": SECRET}
    async with (
        peers.proxy() as proxy,
        Client(proxy=proxy.url, ssl=peers.trusting(), headers=secrets) as client,
    ):
        assert await client.probe(http_server.at("/path?query"))
        assert await client.probe(https_server.at("/path?query"))

        plain, tunnel = proxy.requests
    assert plain.startswith(f"GET {http_server.at('/path?query')} ".encode())
    assert SECRET.encode() in plain
    assert tunnel.startswith(f"CONNECT {https_server.address} ".encode())
    assert SECRET.encode() not in tunnel
    assert b"path" not in tunnel


async def test_a_proxy_can_invent_answers_to_plain_requests_but_not_to_https() -> None:
    async def invents(connection: peers.Connection) -> None:
        head = await connection.head()
        if not head.startswith(b"CONNECT "):
            await connection.send(peers.REPLIES["plain"].data)
            return
        await connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await tls.over_tls(tls.answers, peers.server_context("unknown_ca"))(connection)

    async with (
        peers.serve(invents) as proxy,
        Client(proxy=proxy.url, ssl=peers.trusting()) as client,
    ):
        plain = await client.probe("http://127.0.0.1:1/")
        encrypted = await client.probe("https://127.0.0.1:1/")

    assert plain.reason is Reason.ok
    assert encrypted.reason is Reason.tls_certificate


# --- the environment


async def test_the_environment_can_have_session_keys_written_down(
    tmp_path: Path, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The standard library's ``ssl.create_default_context`` obeys ``SSLKEYLOGFILE``."""
    keys = tmp_path / "keys"
    _contexts.clear()
    try:
        async with peers.tls_server() as peer:  # whose own context is kept
            monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
            monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
            assert await tryconnect.probe(peer.url)
    finally:
        _contexts.clear()

    assert "TRAFFIC_SECRET" in keys.read_text()
