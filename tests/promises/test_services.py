"""Services that speak are up where they say what they should, on both transports."""

from __future__ import annotations

import re
import ssl
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.event_loops import on_each_loop
from tests.support.transports import Both, both, by_each_way, options
from tryconnect import Client, Expect, Greeting, Guard, Reason, Report
from tryconnect import testing as peers
from tryconnect._check.verdict import judge
from tryconnect._model import greeting as greetings
from tryconnect._transport.dialogue import Dialogue

SSH = b"SSH-2.0-OpenSSH_9.2p1\r\n"
SMTP = b"220 mail.test ESMTP Exim 4.96\r\n"
FTP = b"220 (vsFTPd 3.0.3)\r\n"
MYSQL = b"\x4a\x00\x00\x00\x0a8.0.36\x00\x08\x00\x00\x00"
HTTP = b"HTTP/1.1 400 Bad Request\r\n\r\n"

Turns = list[tuple[bytes, bytes]]
"""What a peer waits for, and what it says then."""


def service(*turns: tuple[bytes, bytes], byte_by_byte: bool = False, stays: bool = True) -> Any:
    """A peer that speaks in turn."""

    async def handler(connection: peers.Connection) -> None:
        heard = b""
        for wanted, said in turns:
            while wanted not in heard:
                data = await connection.receive()
                if not data:
                    return
                heard += data
            for piece in [bytes([each]) for each in said] if byte_by_byte else [said]:
                await connection.send(piece)
        if stays:
            await connection.until_gone()

    return peers.serve(handler)


ROWS: list[tuple[str, Turns, Reason, str]] = [
    ("redis", [(b"PING\r\n", b"+PONG\r\n")], Reason.ok, "answered as Redis does in "),
    ("redis", [(b"PING\r\n", b"-NOAUTH Authentication required.\r\n")], Reason.ok, ""),
    (
        "redis",
        [(b"PING\r\n", b"-LOADING Redis is loading the dataset in memory\r\n")],
        Reason.protocol,
        'does not answer as Redis should ("-LOADING Redis is loading the dataset in memory")',
    ),
    ("redis", [(b"", SSH)], Reason.protocol, "speaks SSH, not Redis: try ssh://"),
    ("redis", [(b"\r\n", HTTP)], Reason.protocol, "speaks HTTP, not Redis: try http://"),
    ("redis", [(b"", MYSQL)], Reason.protocol, "speaks MySQL, not Redis: try mysql://"),
    ("redis", [(b"", b"hello\r\n")], Reason.protocol, 'not answer as Redis should ("hello")'),
    ("redis", [(b"", b"x" * 9000)], Reason.protocol, "does not answer as Redis should"),
    ("redis", [(b"", b"")], Reason.timeout, "connected in "),
    ("ssh", [(b"", SSH)], Reason.ok, "answered as SSH does in "),
    ("ssh", [(b"", b"Authorised users only\r\n" + SSH)], Reason.ok, ""),
    ("ssh", [(b"SSH-2.0-tryconnect\r\n", SSH)], Reason.ok, ""),
    ("ssh", [(b"", SMTP)], Reason.protocol, "speaks SMTP, not SSH: try smtp://"),
    ("ssh", [(b"", b"SSH-1.5-old\r\n" * 30)], Reason.protocol, "does not answer as SSH should"),
    (
        "smtp",
        [(b"", SMTP), (b"EHLO ", b"250-a\r\n250 b\r\n"), (b"QUIT", b"221\r\n")],
        Reason.ok,
        "",
    ),
    ("smtp", [(b"", b"220-a\r\n220 b\r\n"), (b"EHLO ", b"250 b\r\n")], Reason.ok, "as SMTP does"),
    ("smtp", [(b"", b"554 no\r\n")], Reason.protocol, 'not answer as SMTP should ("554 no")'),
    ("smtp", [(b"", FTP), (b"EHLO", b"530 Login\r\n")], Reason.protocol, "speaks FTP, not SMTP"),
    ("smtp", [(b"", SSH)], Reason.protocol, "speaks SSH, not SMTP: try ssh://"),
    ("mysql", [(b"", MYSQL)], Reason.ok, "answered as MySQL does in "),
    ("mysql", [(b"", b"\x45\x00\x00\x00\xff\x6a\x04Host 'x' is not allowed")], Reason.ok, ""),
    ("mysql", [(b"", b"\x17\x00\x00\x00\xff\x10\x04Too many connections")], Reason.protocol, ""),
    ("mysql", [(b"", SSH)], Reason.protocol, "speaks SSH, not MySQL: try ssh://"),
    ("postgresql", [(b"user\0", b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0")], Reason.ok, ""),
    ("postgresql", [(b"user\0", b"R\0\0\0\x08\0\0\0\0")], Reason.ok, "as PostgreSQL does in "),
    (
        "postgresql",
        [(b"user\0", b"E\0\0\0\x50SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry\0\0")],
        Reason.ok,
        "",
    ),
    (
        "postgresql",
        [
            (
                b"user\0",
                b"E\0\0\0\x50SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0",
            )
        ],
        Reason.protocol,
        "does not answer as PostgreSQL should",
    ),
    ("postgresql", [(b"", SSH)], Reason.protocol, "speaks SSH, not PostgreSQL: try ssh://"),
    ("postgresql", [(b"", MYSQL)], Reason.protocol, "speaks MySQL, not PostgreSQL"),
    ("postgresql", [(b"", HTTP)], Reason.protocol, "speaks HTTP, not PostgreSQL: try http://"),
]


async def reports(pair: Both, address: str, seconds: float) -> list[Report]:
    """What each of both transports says."""
    return [judge(address, await pair.attempt_by(each, address, seconds)) for each in (0, 1)]


@pytest.mark.parametrize(("scheme", "turns", "reason", "words"), ROWS)
async def test_both_transports_hear_what_a_service_says(
    scheme: str, turns: Turns, reason: Reason, words: str
) -> None:
    async with service(*turns) as peer, both(options()) as pair:
        address = f"{scheme}://{peer.address}"
        found = await reports(pair, address, 0.3)

    for report in found:
        assert (report.reason, report.url) == (reason, address), report
        assert words in report.detail
        assert report.timings.response is not None
    first, second = (re.sub(r"[\d.]+ m?s\b", "T", report.detail) for report in found)
    assert first == second


PROVEN = [row for row in ROWS if row[2] is Reason.ok]


@pytest.mark.parametrize(("scheme", "turns", "reason", "words"), PROVEN)
async def test_it_does_not_matter_how_the_network_cuts_it(
    scheme: str, turns: Turns, reason: Reason, words: str
) -> None:
    del words
    async with service(*turns, byte_by_byte=True) as peer, both(options()) as pair:
        found = await reports(pair, f"{scheme}://{peer.address}", 2)

    assert [report.reason for report in found] == [reason] * 2


@pytest.mark.parametrize("scheme", ["redis", "postgresql", "mysql", "smtp", "ssh"])
async def test_who_hangs_up_has_said_nothing(scheme: str) -> None:
    async with service(stays=False) as peer, both(options()) as pair:
        found = await reports(pair, f"{scheme}://{peer.address}", 2)

    assert [report.reason for report in found] == [Reason.reset] * 2


@on_each_loop
async def test_every_loop_hears_a_service() -> None:
    async with service((b"PING\r\n", b"+PONG\r\n")) as peer, Client(proxy=None) as client:
        assert await client.try_connect(f"redis://{peer.address}")
        assert [each.ok async for each in client.probe_many([f"redis://{peer.address}"])] == [True]


async def test_no_credential_is_sent_and_none_is_told() -> None:
    heard = []

    async def redis(connection: peers.Connection) -> None:
        heard.append(await connection.receive())
        await connection.send(b"+PONG\r\n")

    async with peers.serve(redis) as peer, Client(proxy=None) as client:
        report = await client.probe(f"redis://me:SECRET@{peer.address}/0?password=SECRET")

    assert report
    assert heard == [b"PING\r\n"]
    assert "SECRET" not in repr(report)
    assert report.url == f"redis://{peer.address}"


# --- the table is open


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what a test registers."""
    monkeypatch.setattr(greetings, "_by_scheme", {**greetings._by_scheme})
    monkeypatch.setattr(greetings, "_recognisable", [*greetings._recognisable])


@pytest.mark.usefixtures("restored")
async def test_a_protocol_of_ones_own_is_checked_and_recognised() -> None:
    row = Greeting(
        name="Gopher",
        scheme="gopher",
        port=70,
        exchange=((b"\r\n", rb"i[^\n]*\t"),),
        begins=rb"3[^\n]*\terror",
        source="RFC 1436",
    ).register()
    async with (
        service((b"\r\n", b"iWelcome\tfake\r\n")) as gopher,
        service((b"", b"3no such thing\terror.host\t1\r\n")) as wrong,
        Client(proxy=None) as client,
    ):
        assert await client.try_connect(f"gopher://{gopher.address}")
        report = await client.probe(wrong.url)

    assert "speaks Gopher, not HTTP: try gopher://" in report.detail
    assert row.source == "RFC 1436"


# --- tls://


@on_each_loop
async def test_a_handshake_is_all_that_tls_asks_for(
    client_ssl: ssl.SSLContext, https_server: peers.HttpServer
) -> None:
    async with Client(proxy=None, ssl=client_ssl) as client:
        reports = await by_each_way(client, f"tls://{https_server.address}")

    for report in reports:
        assert report.reason is Reason.ok, report
        assert report.detail.startswith("encrypted in ")
        assert report.tls is not None
        assert report.tls.expires is not None
        assert report.timings.tls is not None
        assert report.timings.response is None
    assert not https_server.requests


TLS = {
    "expired": Reason.tls_certificate,
    "wrong_host": Reason.tls_certificate,
    "self_signed": Reason.tls_certificate,
}


@pytest.mark.parametrize(("kind", "reason"), TLS.items())
async def test_a_certificate_is_verified(
    kind: str, reason: Reason, client_ssl: ssl.SSLContext
) -> None:
    async with (
        peers.http_server(tls=peers.server_context(kind)) as server,
        Client(proxy=None, ssl=client_ssl) as client,
        Client(proxy=None, ssl=False) as lenient,
    ):
        address = f"tls://{server.address}"
        assert {each.reason for each in await by_each_way(client, address)} == {reason}
        assert {each.reason for each in await by_each_way(lenient, address)} == {Reason.ok}


async def test_a_port_without_tls_says_so(http_server: peers.HttpServer) -> None:
    async with Client(proxy=None) as client:
        reports = await by_each_way(client, f"tls://{http_server.address}")

    assert {report.reason for report in reports} == {Reason.tls_handshake}


async def test_the_days_of_a_certificate_are_counted_by_tls_too(
    https_server: peers.HttpServer,
) -> None:
    async with Client(proxy=None, ssl=False) as client:
        address = f"tls://{https_server.address}"
        soon = await by_each_way(client, address, expect=Expect(cert_days=10**6))
        good = await by_each_way(client, address, expect=Expect(cert_days=1))

    assert {report.reason for report in soon} == {Reason.cert_expiring}
    assert {report.reason for report in good} == {Reason.ok}


@pytest.mark.parametrize("address", ["tls://127.0.0.1:1", "redis://127.0.0.1"])
async def test_the_guard_is_asked(address: str) -> None:
    async with Client(guard=Guard.public()) as client:
        reports = await by_each_way(client, address)

    assert {report.reason for report in reports} == {Reason.blocked}


# --- HTTP over a unix socket


def over(peer: peers.UnixPeer, path: str = "/") -> str:
    return f"http+unix://{quote(peer.host, safe='')}{path}"


async def app(connection: peers.Connection) -> None:
    """An application behind a socket: redirects, cookies, a page."""
    head = await connection.head()
    path = head.split(b" ")[1]
    pages = {
        b"/moved": b"302 Found\r\nSet-Cookie: a=b\r\nLocation: http://localhost/health?x\r\n",
        b"/health?x": b"200 OK\r\n",
        b"/busy": b"503 Busy\r\n",
    }
    await connection.send(b"HTTP/1.1 " + pages[path] + b"Content-Length: 5\r\n\r\nready")


@on_each_loop
async def test_http_is_asked_over_a_unix_socket() -> None:
    async with peers.unix_server(app) as peer, Client(proxy=None) as client:
        reports = await by_each_way(client, over(peer, "/moved"), expect="2xx")
        busy = await by_each_way(client, over(peer, "/busy"), expect="2xx")
        text = await client.fetch_text(over(peer, "/health?x"))

    assert {report.reason for report in reports} == {Reason.ok}, reports
    assert {report.url for report in reports} == {over(peer, "/health?x")}
    assert {report.reason for report in busy} == {Reason.status}
    assert text == "ready"
    assert all(b"\r\nHost: localhost\r\n" in request for request in peer.requests)
    followed = [request for request in peer.requests if b" /health?x " in request]
    assert sum(b"Cookie: a=b" in request for request in followed) == 3


async def test_two_sockets_share_no_connection() -> None:
    async with (
        peers.unix_server(app) as one,
        peers.unix_server(app) as other,
        Client(proxy=None) as client,
    ):
        for peer in (one, other, one, other):
            assert await client.try_connect(over(peer, "/busy"))
        assert len(one.requests) == len(other.requests) == 2


async def test_a_socket_that_is_not_there_is_refused() -> None:
    async with Client(proxy=None) as client:
        reports = await by_each_way(client, "http+unix://%2Frun%2Fnone.sock/")

    assert {report.reason for report in reports} == {Reason.refused}
    assert {"/run/none.sock" in report.detail for report in reports} == {True}


async def test_a_guard_lets_no_http_over_a_socket() -> None:
    async with peers.unix_server(app) as peer, Client(guard=Guard(lambda _: True)) as client:
        reports = await by_each_way(client, over(peer))

    assert {report.reason for report in reports} == {Reason.blocked}
    assert not peer.requests


async def test_no_proxy_stands_before_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with peers.unix_server(app) as peer, Client() as client:
        reports = await by_each_way(client, over(peer, "/busy"))

    assert {report.reason for report in reports} == {Reason.ok}


def test_two_answers_may_come_at_once_where_nothing_is_said_between_them() -> None:
    exchange = ((b"", b"one "), (b"", b"two "), (b"more?", b"three"))
    dialogue = Dialogue(Greeting(name="Count", exchange=exchange, goodbye=b"bye"))

    assert dialogue.feed(b"one two ") == b"more?"
    assert not dialogue.is_over
    assert dialogue.feed(b"three") == b"bye"
    assert dialogue.is_over
