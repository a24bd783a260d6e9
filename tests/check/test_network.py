"""What ``probe`` says of real peers: the reason, its words, and what was seen on the way."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import re
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
from yarl import URL

from tests.support.event_loops import on_each_loop
from tests.support.limits import descriptors
from tests.support.programs import run
from tryconnect import Client, Hop, Reason, Report, Timings
from tryconnect import testing as peers
from tryconnect._transport.resolver import Resolver
from tryconnect.testing import certificates, tls
from tryconnect.testing._tls_connection import TlsConnection
from tryconnect.testing.dns import DnsServer, late

LONG = 5.0
"""A deadline that nothing here reaches."""

SHORT = 0.15
"""A deadline that is meant to pass."""

LATE = 0.25
"""Seconds by which a busy machine may miss a deadline; the promise is 0.05 s."""

EARLY = 0.005
"""Seconds that a loop's clock may be coarse by (uvloop counts milliseconds)."""

PHASES = ("dns", "connect", "tls", "response")

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own way")


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Client]:
    """A client that trusts the peers, whatever the environment says."""
    async with Client(ssl=peers.trusting(), proxy=None) as client:
        yield client


async def probed(address: str, *, timeout: float = LONG) -> Report:
    async with opened() as client:
        return await client.probe(address, timeout=timeout)


def entered(timings: Timings) -> set[str]:
    """The phases that a check went through."""
    return {name for name in PHASES if getattr(timings, name) is not None}


def on_time(report: Report, limit: float) -> bool:
    return limit - EARLY <= report.timings.total < limit + LATE


class Case(NamedTuple):
    """A peer, and what is to be said of it."""

    name: str
    serve: Callable[[], AbstractAsyncContextManager[peers.Peer]]
    reason: Reason
    words: str
    """A regular expression for the detail's end or beginning; PLACE is the peer's address."""
    status: int | None = None
    connections: int = 1
    phases: str = "connect response"
    timeout: float = LONG


def named(case: Case) -> str:
    return case.name


def says(report: Report, words: str, place: str) -> bool:
    return re.search(words.replace("PLACE", re.escape(place)), report.detail) is not None


async def assert_said(case: Case, address: Callable[[peers.Peer], str]) -> None:
    async with case.serve() as peer:
        report = await probed(address(peer), timeout=case.timeout)

        assert says(report, case.words, peer.address), report.detail
        assert (report.reason, report.status) == (case.reason, case.status)
        assert peer.connections == case.connections
    assert entered(report.timings) == set(case.phases.split())
    assert (report.error is None) == report.ok
    if case.reason is Reason.timeout:
        assert on_time(report, case.timeout)


# --- HTTP

REFUSES = r"^nothing listens at PLACE$"
CLOSES = r"^PLACE closed the connection without an answer$"
BREAKS = r"^PLACE broke the connection off before it answered$"
WAITS = r"^connected in [\d.]+ ms, then no answer for \d+ ms$"
NOT_HTTP = r"^PLACE answers, but not with HTTP \(.+\)$"
ANSWERS = r"^answered 200 in [\d.]+ m?s$"

HTTP = [
    Case("good", peers.raw, Reason.ok, ANSWERS, 200),
    Case("refuses", peers.closed_port, Reason.refused, REFUSES, connections=0, phases="connect"),
    # Whether the end is seen before or after the request is sent depends on the loop.
    Case("closes at once", partial(peers.closes, "accept"), Reason.reset, f"{CLOSES}|{BREAKS}"),
    Case("closes on the request", partial(peers.closes, "request"), Reason.reset, CLOSES),
    Case("resets at once", partial(peers.reset, "accept"), Reason.reset, BREAKS),
    Case("resets on the request", partial(peers.reset, "request"), Reason.reset, BREAKS),
    Case("resets in the status line", partial(peers.reset, "status"), Reason.reset, BREAKS),
    Case("resets in the headers", partial(peers.reset, "headers"), Reason.reset, BREAKS),
    Case("resets in the body", partial(peers.reset, "body"), Reason.ok, ANSWERS, 200),
    Case("is silent", peers.silent, Reason.timeout, WAITS, timeout=SHORT),
    Case("accepts late", partial(peers.accepts_late, 0.05), Reason.ok, ANSWERS, 200),
    Case("drips the status line", peers.drip, Reason.timeout, WAITS, timeout=SHORT),
    Case(
        "drips the headers",
        partial(peers.drip, "headers", interval=0.05),
        Reason.timeout,
        WAITS,
        timeout=SHORT,
    ),
    Case("drips the body", partial(peers.drip, "body"), Reason.ok, ANSWERS, 200),
    Case("promises for ever", peers.endless_1xx, Reason.timeout, WAITS, timeout=SHORT),
    Case("sends a body for ever", peers.endless_body, Reason.ok, ANSWERS, 200),
    Case("sends 1 MB of header", partial(peers.big_header, 2**20), Reason.protocol, NOT_HTTP),
    Case("sends 20 KB of header", partial(peers.big_header, 20_000), Reason.ok, ANSWERS, 200),
]


@on_each_loop
@pytest.mark.parametrize("case", HTTP, ids=named)
async def test_a_peer_by_http(case: Case) -> None:
    await assert_said(case, lambda peer: peer.url)


@pytest.mark.slow
async def test_headers_for_ever() -> None:
    case = Case("", peers.endless_headers, Reason.protocol, "too many headers", timeout=20)

    await assert_said(case, lambda peer: peer.url)


@linux_only
@on_each_loop
@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_a_black_hole_lets_nobody_connect(scheme: str) -> None:
    case = Case(
        "black hole",
        peers.full_backlog,
        Reason.timeout,
        r"^no connection for \d+ ms$",
        connections=0,
        phases="connect",
        timeout=SHORT,
    )

    await assert_said(case, lambda peer: f"{scheme}://{peer.address}")


UNFRAMED = ("two_lengths",)
HANGS_UP = {"nothing", "empty_lines", "unfinished_status"}


def verdict_on(name: str) -> tuple[Reason, int | None]:
    """What is to be said of a row of ``REPLIES``."""
    status = peers.REPLIES[name].status
    if status is not None:
        return Reason.ok, status
    return Reason.reset if name in HANGS_UP else Reason.protocol, None


@pytest.mark.parametrize("name", peers.REPLIES)
async def test_a_reply(name: str) -> None:
    async with peers.raw(peers.REPLIES[name]) as peer:
        report = await probed(peer.url)

        assert peer.connections == 1
    assert (report.reason, report.status) == verdict_on(name)


async def test_a_redirect_without_sure_framing_leads_nowhere() -> None:
    """Its status alone answers nothing, and its ``Location`` is not to be trusted."""
    head = b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"
    async with peers.raw(head) as peer:
        report = await probed(peer.url)

    assert (report.reason, report.status) == (Reason.protocol, None)


STRICT = """
import asyncio
from tryconnect import Client, testing

async def main():
    async with Client(proxy=None) as client:
        for name, reply in testing.REPLIES.items():
            async with testing.raw(reply) as peer:
                print(name, (await client.probe(peer.url)).status)

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_reply_is_the_same_to_a_program_in_development_mode() -> None:
    """aiohttp's parser is strict there, and lenient elsewhere."""
    done = run(STRICT)

    said = dict(line.split() for line in done.stdout.splitlines())
    assert said == {name: str(reply.status) for name, reply in peers.REPLIES.items()}, done.stderr


def byte_by_byte(reply: peers.Reply) -> AbstractAsyncContextManager[peers.Peer]:
    async def handler(connection: peers.Connection) -> None:
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not reply.speaks_first:
            await connection.head()
        for byte in reply.data:
            await connection.send(bytes([byte]))
            await asyncio.sleep(0)
        if reply.speaks_first:
            await connection.head()

    return peers.serve(handler)


@pytest.mark.parametrize("name", peers.REPLIES)
async def test_the_verdict_does_not_hang_on_how_the_bytes_are_cut(name: str) -> None:
    async with byte_by_byte(peers.REPLIES[name]) as peer:
        report = await probed(peer.url)

    assert (report.reason, report.status) == verdict_on(name)


@pytest.mark.parametrize("name", UNFRAMED)
async def test_nor_where_a_strict_parser_refuses_a_header(name: str) -> None:
    """The end of the head comes a moment after the line."""
    head, end, body = peers.REPLIES[name].data.partition(b"\r\n\r\n")

    async def handler(connection: peers.Connection) -> None:
        await connection.head()
        await connection.send(head + end[:2])
        await asyncio.sleep(0.02)
        await connection.send(end[2:] + body)

    async with peers.serve(handler) as peer:
        report = await probed(peer.url)

    assert (report.reason, report.status) == verdict_on(name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ssh", "SSH-2.0-OpenSSH_9.9"),
        ("smtp", "220 mail.example"),
        ("redis", "-ERR unknown command"),
        ("rtsp", "RTSP/1.0 200 OK"),
        ("status_000", "HTTP/1.1 000 Zero"),
        ("telnet", r"\xff\xfd\x18"),
    ],
)
async def test_a_foreign_protocol_is_shown_as_far_as_it_is_printable(name: str, shown: str) -> None:
    async with peers.raw(peers.REPLIES[name]) as peer:
        report = await probed(peer.url)

    assert shown in report.detail
    assert report.detail.isprintable()


@pytest.mark.parametrize("status", [200, 204, 304, 401, 404, 407, 418, 500, 503, 599])
async def test_any_status_is_an_answer(status: int, http_server: peers.HttpServer) -> None:
    url = http_server.at(f"/status/{status}")

    report = await probed(url)

    assert report
    assert (report.reason, report.status, report.url) == (Reason.ok, status, url)
    assert (report.ip, report.hops, report.tls, report.error) == ("127.0.0.1", (), None, None)
    assert report.detail.startswith(f"answered {status} in ")


@pytest.mark.skipif(not peers.ipv6_loopback(), reason="this machine has no ::1")
@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_ipv6(scheme: str) -> None:
    async with peers.http_server(host="::1") as server:
        report = await probed(f"{scheme}://[::1]:{server.port}")

    assert report.ok
    assert report.ip == "::1"


# --- redirects


@on_each_loop
@pytest.mark.parametrize("count", [1, 2, 10])
async def test_redirects_are_followed_and_recorded(
    count: int, http_server: peers.HttpServer
) -> None:
    report = await probed(http_server.at(f"/redirect/{count}"))

    assert (report.reason, report.status, report.url) == (Reason.ok, 200, http_server.url)
    assert report.hops == tuple(
        Hop(302, http_server.at(f"/redirect/{left}")) for left in range(count, 0, -1)
    )
    assert report.detail.endswith(f"after {count} redirect{'s' * (count > 1)}")


@pytest.mark.parametrize("path", ["/redirect/11", "/loop"])
async def test_the_eleventh_redirect_is_one_too_many(
    path: str, http_server: peers.HttpServer
) -> None:
    report = await probed(http_server.at(path))

    assert report.reason is Reason.too_many_redirects
    assert report.detail == "more than 10 redirects, and no end"
    assert len(http_server.requests) == 11
    assert {hop.status for hop in report.hops} == {302}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_these_statuses_redirect(status: int, http_server: peers.HttpServer) -> None:
    url = http_server.at(f"/redirect-to?location=/&status={status}")

    report = await probed(url)

    assert report.hops == (Hop(status, url),)
    assert report.status == 200


@pytest.mark.parametrize("status", [200, 201, 300, 304, 305, 306, 399])
async def test_no_other_status_does(status: int, http_server: peers.HttpServer) -> None:
    report = await probed(http_server.at(f"/redirect-to?location=/&status={status}"))

    assert (report.status, report.hops) == (status, ())


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
@pytest.mark.parametrize("location", ["", "location=&"])
async def test_without_a_location_a_redirect_is_an_answer(
    location: str, status: int, http_server: peers.HttpServer
) -> None:
    report = await probed(http_server.at(f"/redirect-to?{location}status={status}"))

    assert (report.reason, report.status, report.hops) == (Reason.ok, status, ())


async def test_a_redirect_leads_out_of_tls(
    https_server: peers.HttpServer, http_server: peers.HttpServer
) -> None:
    start = https_server.at(f"/redirect-to?location={quote(http_server.url)}")

    report = await probed(start)

    assert (report.reason, report.url) == (Reason.ok, http_server.url)
    assert [hop.status for hop in report.hops] == [302]
    assert report.hops[0].url.startswith(https_server.url)


async def test_a_redirects_credentials_are_not_shown(http_server: peers.HttpServer) -> None:
    async with peers.closed_port(host="127.0.0.2") as other:
        away = other.url.replace("://", "://me:s3cret@")
        http_server.pages["/away"] = peers.CannedResponse(status=302, headers=(("Location", away),))
        report = await probed(http_server.at("/away"))

    assert (report.reason, report.url) == (Reason.refused, other.url)
    assert "s3cret" not in f"{report!r} {report.detail} {report.as_dict()}"


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/status/204", "/status/204"),
        ("status/204", "/status/204"),
        ("?once", "/redirect-to?once"),
        ("//PLACE/status/204", "/status/204"),
        ("HTTP://PLACE/status/204", "/status/204"),
        ("/status/204#part", "/status/204"),
        ("/é", "/%C3%A9"),
        ("  /status/204", "/status/204"),
    ],
)
async def test_where_a_location_leads(
    location: str, path: str, http_server: peers.HttpServer
) -> None:
    there = quote(location.replace("PLACE", http_server.address))

    report = await probed(http_server.at(f"/redirect-to?location={there}"))

    assert report.ok
    assert report.url == http_server.at(path)
    assert len(report.hops) == 1


@pytest.mark.parametrize(
    "location",
    [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/plain,hello",
        "tcp://127.0.0.1:80",
        "unix:///run/secret.sock",
        "mailto:me@example.com",
        "http://[",
        "http://127.0.0.1:99999/",
        "http://127.0.0.256/",
    ],
)
async def test_a_redirect_to_nowhere_is_the_answers_fault(
    location: str, http_server: peers.HttpServer
) -> None:
    way = str(URL(http_server.at(f"/redirect-to?location={quote(location)}")))
    http_server.pages["/first"] = peers.CannedResponse(headers=(("Location", way),), status=301)

    report = await probed(http_server.at("/first"))

    assert report.reason is Reason.protocol
    assert report.hops[0] == Hop(301, http_server.at("/first"))
    assert (report.status, report.url) == (302, way)
    assert report.detail.startswith("the answer redirects, but ")


async def test_a_fault_after_a_redirect_keeps_the_hops(http_server: peers.HttpServer) -> None:
    async with peers.closed_port() as closed:
        way = http_server.at(f"/redirect-to?location={closed.url}")
        report = await probed(way)

        assert (report.reason, report.url, report.status) == (Reason.refused, closed.url, None)
        assert report.hops == (Hop(302, way),)
        assert says(report, REFUSES, closed.address)


async def test_a_deadline_covers_all_hops_and_says_so(http_server: peers.HttpServer) -> None:
    async with peers.silent() as silent:
        report = await probed(
            http_server.at(f"/redirect-to?location={quote(silent.url)}"), timeout=SHORT
        )

    assert report.reason is Reason.timeout
    assert report.detail.startswith("after 1 redirect: connected in ")
    assert on_time(report, SHORT)


async def test_the_fault_is_the_last_hops(http_server: peers.HttpServer) -> None:
    """Status and peer of the hop before are not those of the one that failed."""
    async with peers.closes() as closes:
        report = await probed(http_server.at(f"/redirect-to?location={quote(closes.url)}"))

    assert (report.reason, report.status, report.url) == (Reason.reset, None, closes.url)


# --- TLS

CERTIFICATES = {
    "expired": "it has expired",
    "not_yet_valid": "check this machine's clock",
    "wrong_host": "it is made out to another IP address",
    "self_signed": "it is self-signed; .*SSL_CERT_FILE",
    "unknown_ca": "its CA is unknown.*SSL_CERT_FILE",
    "missing_intermediate": "the server leaves out an intermediate",
    "weak_key": "its key is too weak",
    "weak_digest": "it is signed with a broken digest",
}
HANDSHAKES = {
    "sni_needed": "the server has no site of that name",
    "tls_1_0_only": "the server knows no TLS version that is still safe",
    "alert_in_handshake": "no cipher in common",
    "plain_on_tls_port": "the port does not speak TLS; try http:// or tcp://",
    "reset_in_handshake": "^PLACE broke off in the TLS handshake",
    "closes_in_handshake": "^PLACE broke off in the TLS handshake",
}

TLS = [
    *(
        Case(kind, partial(peers.tls_server, kind), Reason.ok, ANSWERS, 200)
        for kind in ("good", "address_only", "never_close_notify")
    ),
    *(
        Case(kind, partial(peers.tls_server, kind), Reason.tls_certificate, words, phases="connect")
        for kind, words in CERTIFICATES.items()
    ),
    *(
        Case(kind, partial(peers.tls_server, kind), Reason.tls_handshake, words, phases="connect")
        for kind, words in HANDSHAKES.items()
    ),
    Case(
        "client_certificate_demanded",
        partial(peers.tls_server, "client_certificate_demanded"),
        Reason.tls_handshake,
        r"client certificate: Client\(cert_file=…\) can bring one",
    ),
    Case(
        "silent_handshake",
        partial(peers.tls_server, "silent_handshake"),
        Reason.timeout,
        r"^connected in [\d.]+ ms, then no end of the TLS handshake for \d+ ms$",
        phases="connect",
        timeout=SHORT,
    ),
]


def test_every_kind_of_tls_server_is_in_the_table() -> None:
    assert {case.name for case in TLS} == set(tls.KINDS)


@on_each_loop
@pytest.mark.parametrize("case", TLS, ids=named)
async def test_a_peer_by_https(case: Case) -> None:
    await assert_said(case._replace(phases=f"{case.phases} tls"), lambda peer: peer.url)


@pytest.mark.parametrize("kind", ["wrong_host", "address_only"])
async def test_a_certificate_for_another_name(kind: str) -> None:
    async with peers.tls_server(kind) as server:
        report = await probed(f"https://localhost:{server.port}/")

    assert report.reason is Reason.tls_certificate
    assert report.detail.endswith("it is made out to another host name")


async def test_the_name_is_sent_in_the_handshake() -> None:
    """The server that has a site for this name only (SNI)."""
    async with (
        peers.tls_server("sni_needed") as server,
        peers.dns_server({"good.test": ["127.0.0.1"]}) as dns,
        asking(dns) as client,
    ):
        report = await client.probe(f"https://good.test:{server.port}/")

    assert report.ok


def serving(*, not_after: dt.datetime) -> peers.Handler:
    leaf = certificates.authority().issue_cert("127.0.0.1", not_after=not_after)
    return tls.over_tls(tls.answers, certificates.serving(leaf))


async def test_the_certificates_end_is_told() -> None:
    end = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=20)
    async with peers.serve(serving(not_after=end), scheme="https") as server:
        report = await probed(server.url)

    assert report.tls is not None
    assert (report.tls.version, report.tls.expires) == ("TLSv1.3", end)


async def test_the_version_is_told() -> None:
    context = certificates.good()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with peers.serve(tls.over_tls(tls.answers, context), scheme="https") as server:
        report = await probed(server.url)

    assert report.tls is not None
    assert report.tls.version == "TLSv1.2"


async def test_a_tls_connection_that_breaks_later_is_not_said_to_be_none() -> None:
    async def breaks(connection: peers.Connection) -> None:
        secure = TlsConnection(connection, peers.server_context())
        await secure.handshake()
        await secure.head()
        await connection.send(b"no TLS record")

    async with peers.serve(breaks, scheme="https") as server:
        report = await probed(server.url)

    assert report.reason is Reason.tls_handshake
    assert says(
        report, r"^the TLS connection with PLACE broke \(WRONG_VERSION_NUMBER\)$", server.address
    )


async def test_http_on_a_port_that_speaks_tls() -> None:
    async with peers.tls_server() as server:
        report = await probed(f"http://{server.address}/")

    assert (report.reason, report.status) == (Reason.reset, None)


BANNERS = sorted(name for name, reply in peers.REPLIES.items() if reply.speaks_first)


@pytest.mark.parametrize("name", [*BANNERS, "plain", "redis", "http_2_settings", "garbage"])
async def test_another_protocol_on_a_port_that_ought_to_speak_tls(name: str) -> None:
    async with peers.raw(peers.REPLIES[name].data, speaks_first=True) as peer:
        report = await probed(f"https://{peer.address}/")

    assert report.reason is Reason.tls_handshake
    assert report.detail.endswith("the port does not speak TLS; try http:// or tcp://")


# --- tcp and unix


@on_each_loop
@pytest.mark.parametrize("scheme", ["tcp://", ""])
async def test_an_open_port(scheme: str) -> None:
    async with peers.silent() as peer:
        report = await probed(f"{scheme}{peer.address}")
        while not peer.connections:  # noqa: ASYNC110 - it takes them up after they are open
            await asyncio.sleep(0)

        assert report.url == f"tcp://{peer.address}"
    assert (report.reason, report.status, report.ip) == (Reason.ok, None, "127.0.0.1")
    assert re.fullmatch(r"connected in [\d.]+ ms", report.detail)
    assert entered(report.timings) == {"connect"}


@on_each_loop
async def test_a_closed_port() -> None:
    case = Case(
        "closed", peers.closed_port, Reason.refused, REFUSES, connections=0, phases="connect"
    )

    await assert_said(case, lambda peer: f"tcp://{peer.address}")


async def test_a_port_that_says_something_is_open() -> None:
    async with peers.raw(peers.REPLIES["ssh"]) as peer:
        assert await probed(f"tcp://{peer.address}")


unix_only = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no unix sockets")


@unix_only
@on_each_loop
async def test_an_open_unix_socket() -> None:
    async with peers.unix_server() as peer:
        report = await probed(peer.url)
        while not peer.connections:  # noqa: ASYNC110 - it takes them up after they are open
            await asyncio.sleep(0)

        assert (report.reason, report.url) == (Reason.ok, peer.url)
    assert (report.ip, report.status, report.tls) == (None, None, None)
    assert entered(report.timings) == {"connect"}


def regular_file(folder: Path) -> Path:
    file = folder / "file"
    file.touch()
    return file


NO_SOCKETS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "none", "there is no socket at PLACE"),
    "in a missing folder": (lambda folder: folder / "no" / "none", "there is no socket at PLACE"),
    "below a file": (lambda folder: regular_file(folder) / "s", "there is no socket at PLACE"),
    "a file": (regular_file, "PLACE"),
    "a folder": (lambda folder: folder, "PLACE"),
}


@unix_only
@on_each_loop
@pytest.mark.parametrize(("make", "words"), NO_SOCKETS.values(), ids=list(NO_SOCKETS))
async def test_no_unix_socket(make: Callable[[Path], Path], words: str, tmp_path: Path) -> None:
    path = make(tmp_path)

    report = await probed(f"unix://{path}")

    assert report.reason is Reason.refused
    assert says(report, words, str(path))


@contextlib.contextmanager
def abandoned_socket(path: Path, *, full: bool) -> Iterator[None]:
    """A unix socket whose owner has gone, or one whose queue nobody empties."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        if full:
            listener.listen(0)
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(path))
        else:
            listener.close()
        yield


@unix_only
@on_each_loop
async def test_a_unix_socket_whose_owner_has_gone(tmp_path: Path) -> None:
    with abandoned_socket(tmp_path / "s", full=False):
        report = await probed(f"unix://{tmp_path / 's'}")

    assert report.reason is Reason.refused


@linux_only
@on_each_loop
async def test_a_unix_socket_whose_queue_is_full(tmp_path: Path) -> None:
    with abandoned_socket(tmp_path / "s", full=True):
        report = await probed(f"unix://{tmp_path / 's'}", timeout=SHORT)

    assert report.reason is Reason.timeout
    assert re.fullmatch(r"no connection for \d+ ms", report.detail)
    assert on_time(report, SHORT)


# --- timings


@contextlib.asynccontextmanager
async def asking(dns: DnsServer) -> AsyncIterator[Client]:
    """A client that asks this name server."""
    names = Resolver(**dns.resolver_arguments)
    try:
        async with Client(ssl=peers.trusting(), proxy=None, resolver=names) as client:
            yield client
    finally:
        await names.close()


TIMED = {
    "http to an address": ("http://127.0.0.1:{http}/", "connect response"),
    "http to a name": ("http://good.test:{http}/", "dns connect response"),
    "https to an address": ("https://127.0.0.1:{https}/", "connect tls response"),
    "https to a name": ("https://good.test:{https}/", "dns connect tls response"),
    "tcp to an address": ("tcp://127.0.0.1:{http}", "connect"),
    "tcp to a name": ("tcp://good.test:{http}", "dns connect"),
    "a name that does not exist": ("http://none.test/", "dns"),
    "tcp to such a name": ("tcp://none.test:80", "dns"),
    "no address": ("http://", ""),
}


@on_each_loop
@pytest.mark.parametrize(("address", "phases"), TIMED.values(), ids=list(TIMED))
async def test_the_phases_that_were_entered_have_a_time(
    address: str, phases: str, http_server: peers.HttpServer, https_server: peers.HttpServer
) -> None:
    async with (
        peers.dns_server({"good.test": ["127.0.0.1"]}) as dns,
        asking(dns) as client,
    ):
        report = await client.probe(address.format(http=http_server.port, https=https_server.port))

    timings = report.timings
    assert entered(timings) == set(phases.split())
    times = [getattr(timings, name) for name in entered(timings)]
    assert all(taken >= 0 for taken in times)
    assert sum(times) <= timings.total + 0.001


async def test_a_kept_connection_has_no_times_but_the_answers(
    https_server: peers.HttpServer,
) -> None:
    async with opened() as client:
        first = await client.probe(https_server.url)
        second = await client.probe(https_server.url)

    assert entered(first.timings) == {"connect", "tls", "response"}
    assert entered(second.timings) == {"response"}
    assert (second.ip, second.tls) == (first.ip, first.tls)
    assert https_server.connections == 1


async def test_times_are_added_up_over_redirects() -> None:
    """Each half of the way waits."""
    wait = 0.05
    async with peers.raw(delay=wait) as end:
        moved = f"HTTP/1.1 302 Found\r\nLocation: {end.url}\r\nContent-Length: 0\r\n\r\n"
        async with peers.raw(moved.encode(), delay=wait) as start:
            report = await probed(start.url)

    assert report.timings.response is not None
    assert 2 * wait <= report.timings.response <= report.timings.total


@pytest.mark.parametrize(("delayed", "wait"), [("dns", 0.1), ("tls", 0.1), ("response", 0.1)])
async def test_a_wait_is_booked_on_its_phase(delayed: str, wait: float) -> None:
    async def late_handshake(connection: peers.Connection) -> None:
        await asyncio.sleep(wait if delayed == "tls" else 0)
        await tls.over_tls(late_answer, peers.server_context())(connection)

    async def late_answer(connection: peers.Connection) -> None:
        await asyncio.sleep(wait if delayed == "response" else 0)
        await tls.answers(connection)

    zone = {"good.test": late(wait if delayed == "dns" else 0, "127.0.0.1")}
    async with (
        peers.serve(late_handshake, scheme="https") as server,
        peers.dns_server(zone) as dns,
        asking(dns) as client,
    ):
        report = await client.probe(f"https://good.test:{server.port}/")

    slow = {name for name in PHASES if getattr(report.timings, name) >= wait * 0.9}
    assert report.ok
    assert slow == {delayed}


# --- our own machine


@linux_only
@on_each_loop
@pytest.mark.parametrize("scheme", ["http", "https", "tcp", "unix"])
async def test_no_descriptors_left_is_our_own_fault(scheme: str) -> None:
    async with peers.silent() as peer, opened() as client:
        address = f"unix:///run/none-{peer.port}" if scheme == "unix" else peer.address
        with descriptors(0):
            report = await client.probe(f"{scheme}://{address.removeprefix('unix://')}")

    assert report.reason is Reason.local
    assert "raise the limit of open files" in report.detail
    assert peer.connections == 0


@pytest.mark.skipif(not peers.ipv6_loopback(), reason="this machine has no IPv6")
@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_a_link_local_address_without_its_interface(scheme: str) -> None:
    report = await probed(f"{scheme}://[fe80::1]:80", timeout=SHORT)

    assert report.reason is Reason.unreachable
