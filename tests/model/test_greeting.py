"""What speaks at a port: real first bytes of servers, and what is none of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect import Client, Reason
from tryconnect import testing as peers
from tryconnect._model import greeting
from tryconnect._model.greeting import Greeting, greeting_of, recognised, schemes

GREETINGS = [
    ("SSH", b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"),
    ("SSH", b"Authorised users only\r\nSSH-2.0-dropbear\r\n"),
    ("SMTP", b"220 mail.example.com ESMTP Postfix (Debian/GNU)\r\n"),
    ("SMTP", b"220-mail.example.com ESMTP Exim 4.96\r\n220 no spam\r\n"),
    ("SMTP", b"554 mail.example.com ESMTP not accepting messages\r\n"),
    ("SMTP", b"421 4.3.2 mail.example.com Service not available\r\n"),
    ("FTP", b"220 (vsFTPd 3.0.3)\r\n"),
    ("FTP", b"220 ProFTPD Server (Debian) [::ffff:192.0.2.1]\r\n"),
    ("FTP", b"220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n"),
    ("FTP", b"220-Hello\r\n220 FTP server ready\r\n"),
    ("SMTP or FTP", b"220 welcome\r\n"),
    ("SMTP or FTP", b"500 unknown command\r\n"),
    ("DICT", b"220 dict.example dictd 1.13 <auth.mime> <1.2.3@dict.example>\r\n"),
    ("NNTP", b"200 news.example InterNetNews NNRP server INN 2.7 ready\r\n"),
    ("NNTP", b"201 NNTP service ready, posting prohibited\r\n"),
    ("IMAP", b"* OK [CAPABILITY IMAP4rev1 LITERAL+] Dovecot ready.\r\n"),
    ("IMAP", b"* BYE too many connections\r\n"),
    ("POP3", b"+OK Dovecot ready.\r\n"),
    ("POP3", b"+OK POP3 server ready <1896.697170952@example>\r\n"),
    ("Redis", b"-ERR wrong number of arguments for 'get' command\r\n"),
    ("Redis", b"-DENIED Redis is running in protected mode\r\n"),
    ("Redis", b"-NOAUTH Authentication required.\r\n"),
    ("memcached", b"ERROR\r\nERROR\r\n"),
    ("memcached", b"CLIENT_ERROR bad command line format\r\n"),
    ("MySQL", b"\x4a\x00\x00\x00\x0a8.0.36\x00\x08\x00\x00\x00"),
    ("MySQL", b"\x5b\x00\x00\x00\x0a5.5.5-10.11.6-MariaDB-0+deb12u1\x00"),
    ("MySQL", b"\x45\x00\x00\x00\xff\x6a\x04Host '192.0.2.1' is not allowed to connect"),
    ("MySQL", b"\x21\x00\x00\x01\xff\x84\x04#08S01Got packets out of order"),
    ("PostgreSQL", b"E\x00\x00\x00\x8eSFATAL\x00VFATAL\x00C0A000\x00Munsupported frontend"),
    ("PostgreSQL", b"EFATAL:  unsupported frontend protocol\n\x00"),
    ("VNC", b"RFB 003.008\n"),
    ("SOCKS", b"\x05\xff"),
    ("SOCKS", b"\x05\x00"),
    ("SOCKS", b"\x00\x5b\x00\x00\x00\x00\x00\x00"),
    ("AMQP", b"AMQP\x00\x00\x09\x01"),
    ("XMPP", b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0'>"),
    ("Telnet", b"\xff\xfd\x18\xff\xfd\x20"),
    ("IRC", b":irc.example NOTICE * :*** Looking up your hostname...\r\n"),
    ("IRC", b"NOTICE AUTH :*** Looking up your hostname\r\n"),
    ("IRC", b"ERROR :Closing Link\r\n"),
    ("LDAP", b"\x30\x24\x02\x01\x00\x78\x1f\x0a\x01\x02\x04\x00\x04\x001.3.6.1.4.1.1466.20036"),
    ("ManageSieve", b'"IMPLEMENTATION" "Dovecot Pigeonhole"\r\n'),
    ("RTSP", b"RTSP/1.0 400 Bad Request\r\n"),
    ("SIP", b"SIP/2.0 400 Bad Request\r\n"),
    ("ICY (SHOUTcast)", b"ICY 200 OK\r\n"),
    ("NATS", b'INFO {"server_id":"NB","version":"2.10"}\r\n'),
    ("rsync", b"@RSYNCD: 31.0 sha512 sha256\n"),
    ("Cassandra", b"\x84\x00\x00\x00\x00\x00\x00\x00\x4f\x00\x00\x00\x0a"),
    ("TLS", b"\x15\x03\x01\x00\x02\x02\x16"),
    ("TLS", b"\x15\x03\x03\x00\x02\x02\x46"),
    ("HTTP/2", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80"),
    ("HTTP/2", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
    ("HTTP/2", b"\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"),
    (None, b""),
    (None, b"hello, world"),
    (None, b"HTTP/1.1 200 OK\r\n"),
    (None, b"<html><body>It works!</body></html>"),
    (None, b"\x00\x00\x00\x00"),
    (None, b"404\n"),
]


@pytest.mark.parametrize(("name", "said"), GREETINGS)
def test_a_greeting_is_recognised(name: str | None, said: bytes) -> None:
    row = recognised(said)
    assert (row and row.name) == name


@given(st.binary(max_size=1024))
def test_whatever_is_said_nothing_is_raised(said: bytes) -> None:
    assert recognised(said) is None or said


def test_nothing_takes_long() -> None:
    for piece in (b"220 ", b"a\n", b"<", b"<?xml ", b"0", b"\n", b"<a "):
        recognised((piece * 1024)[:1024])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "speaks SSH, not HTTP: try ssh://"),
        (b"\x15\x03\x01\x00\x02\x02\x16", "speaks TLS, not plain HTTP: try https://"),
        (b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", "speaks HTTP/2, and checks speak HTTP/1.1"),
    ],
)
@pytest.mark.parametrize("speaks_first", [False, True])
async def test_a_port_that_speaks_something_else_says_what(
    *, said: bytes, words: str, speaks_first: bool
) -> None:
    async with (
        peers.raw(said, speaks_first=speaks_first) as peer,
        Client(proxy=None) as client,
    ):
        report = await client.probe(peer.url)

    assert report.reason is Reason.protocol
    assert words in report.detail


# --- rows of one's own


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what a test registers."""
    monkeypatch.setattr(greeting, "_by_scheme", {**greeting._by_scheme})
    monkeypatch.setattr(greeting, "_recognisable", [*greeting._recognisable])


NO_ROWS: list[dict[str, Any]] = [
    {},
    {"scheme": "http", "port": 1, "exchange": ((b"", b"x"),)},
    {"scheme": "Gopher", "port": 70, "exchange": ((b"", b"x"),)},
    {"scheme": "gopher", "exchange": ((b"", b"x"),)},
    {"scheme": "gopher", "port": 65_536, "exchange": ((b"", b"x"),)},
    {"scheme": "gopher", "port": 70},
    {"scheme": "gopher", "port": 70, "exchange": ((b"", b"("),)},
    {"begins": "text"},
]


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("row", NO_ROWS, ids=repr)
def test_a_row_that_makes_no_sense_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Greeting(name="Gopher", **row).register()


@pytest.mark.usefixtures("restored")
def test_a_row_is_found_by_its_scheme_and_by_what_it_says() -> None:
    row = Greeting(
        name="Gopher", scheme="gopher", port=70, exchange=((b"", b"i"),), begins=rb"3[^\n]*\t"
    ).register()
    assert greeting_of("gopher") is row
    assert recognised(b"3no such thing\terror") is row
    assert "gopher" in schemes()
    assert Greeting(name="only recognised", begins=b"xyz").register() is recognised(b"XYZ")


@pytest.mark.parametrize(
    ("scheme", "name"), [("postgres", "PostgreSQL"), ("mariadb", "MySQL"), ("ssh", "SSH")]
)
def test_a_scheme_may_have_two_spellings(scheme: str, name: str) -> None:
    found = greeting_of(scheme)
    assert found is not None
    assert found.name == name


def test_most_schemes_are_no_service() -> None:
    assert greeting_of("gopher") is greeting_of("http") is None
