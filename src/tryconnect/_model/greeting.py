"""How services speak: what proves that one is there, and what answers where another should."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Self

from tryconnect._model.lazy_pattern import lazy_pattern

__all__ = ["Greeting", "greeting_of", "recognised", "schemes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """How a service answers who connects to it.

    Of one with a ``scheme``, addresses can be checked: ``redis://host`` is up where the connection
    opens and the service says what it should. No credential is ever sent. One without is only told
    by its name where it answers in the place of another service.

    :meth:`register` adds a protocol of your own, for the whole process.

    Patterns are regular expressions of bytes; they match at the beginning of what came, in any
    case of letters, and a dot matches every byte.

    Args:
        name: The protocol's.
        scheme: Of its addresses, in small letters.
        port: Where it listens if the address does not say.
        exchange: What is said, in turn: pairs of what is sent (perhaps nothing) and the pattern of
            the answer that proves that all is well so far.
        refutes: The pattern of an answer that proves the contrary. The default is any whole line;
            more than 4 KiB do, too.
        goodbye: What is sent at the end.
        begins: The pattern of how its servers begin, whatever they were asked.
        source: Where all that is written.

    Raises:
        ValueError: One of them makes no sense.

    Example:
        >>> exchange = ((b"PING", b"PONG"),)
        >>> pong = tryconnect.Greeting(name="Pong", scheme="pong", port=7, exchange=exchange)
        >>> pong.register().scheme
        'pong'

    .. versionadded:: 0.1
    """

    name: str
    scheme: str = ""
    port: int = 0
    exchange: tuple[tuple[bytes, bytes], ...] = ()
    refutes: bytes = rb"[^\n]*\n"
    goodbye: bytes = b""
    begins: bytes = b""
    source: str = ""

    def register(self) -> Self:
        """Add it to those that can be checked, and recognised; return it.

        It takes the place of one of the same scheme.

        Raises:
            ValueError: It is no whole row of the table, or the scheme is one of tryconnect's own.
        """
        if not self.name or not (self.scheme or self.begins):
            raise ValueError("a greeting needs a name, and a scheme or how its servers begin")
        if self.scheme:
            if self.scheme in _OWN or not _SCHEME.fullmatch(self.scheme):
                raise ValueError(f"{self.scheme!r} cannot be the scheme of a service")
            if not (0 < self.port <= _HIGHEST_PORT and self.exchange):
                raise ValueError(f"{self.scheme}:// needs a port and an exchange")
        for pattern in (self.refutes, self.begins, *(proof for _, proof in self.exchange)):
            try:
                compiled(pattern).match(b"")  # a text makes a pattern, but not one of bytes
            except (re.error, TypeError) as error:
                raise ValueError(f"{pattern!r} is no pattern of bytes: {error}") from error
        _add(self)
        return self


_OWN = frozenset({"http", "https", "http+unix", "tcp", "tls", "unix"})
_SCHEME = lazy_pattern(r"[a-z][a-z0-9+.\-]*")
_HIGHEST_PORT = 65_535


@cache
def compiled(pattern: bytes) -> re.Pattern[bytes]:
    """Return a pattern of the table, compiled at its first use."""
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def greeting_of(scheme: str) -> Greeting | None:
    """Return how the service of a scheme greets; ``None``: there is no such service."""
    return _by_scheme.get(_SPELLINGS.get(scheme, scheme))


_SPELLINGS = {"postgres": "postgresql", "mariadb": "mysql"}
"""Schemes of the same services, as libraries have them in their URLs."""


def schemes() -> list[str]:
    """Return the schemes of services that can be checked."""
    return [*_by_scheme]


def recognised(said: bytes) -> Greeting | None:
    """Return how the service greets that these bytes are of, or ``None``.

    Args:
        said: the beginning of what a peer sent in place of what was expected.
    """
    return next((row for row in _recognisable if compiled(row.begins).match(said)), None)


_by_scheme: dict[str, Greeting] = {}
_recognisable: list[Greeting] = []


def _add(greeting: Greeting) -> None:
    if greeting.scheme:
        _by_scheme[greeting.scheme] = greeting
    if greeting.begins:
        _recognisable.insert(0, greeting)


_TABLE: tuple[Greeting, ...] = (
    # RFC 8446, section 5.1: an alert or a handshake message, from version 3.0 to 3.4.
    Greeting(name="TLS", begins=rb"[\x15\x16]\x03[\x00-\x04]"),
    # RFC 9113, sections 3.4, 6.5 and 6.8: the server's preface is SETTINGS; it may say GOAWAY.
    Greeting(name="HTTP/2", begins=rb"\x00..[\x04\x07][\x00\x01]\x00\x00\x00\x00"),
    # RFC 4253, section 4.2; lines of other text may come before it.
    Greeting(
        name="SSH",
        scheme="ssh",
        port=22,
        exchange=((b"SSH-2.0-tryconnect\r\n", rb"(?:[^\n]*\n){0,20}?SSH-(?:2\.0|1\.99)-[^\n]*\n"),),
        refutes=rb"(?:[^\n]*\n){21}",
        source="RFC 4253, section 4.2",
        begins=rb"(?:[^\n]*\n){0,20}?SSH-[0-9.]+-",
    ),
    # RFC 5321, section 4.2, and RFC 959, section 5.4: both greet with 220, and a word of their own.
    Greeting(
        name="SMTP",
        scheme="smtp",
        port=25,
        exchange=(
            # Nobody may speak before the server (RFC 5321, section 3.1); FTP greets with 220, too.
            (b"", rb"(?:220-[^\n]*\n)*220(?: [^\n]*)?\r?\n"),
            (b"EHLO tryconnect.invalid\r\n", rb"250[ -]"),
        ),
        goodbye=b"QUIT\r\n",
        source="RFC 5321, sections 3.1, 4.2 and 4.1.1.1",
        begins=rb"(?:220|421|554)[ -][^\n]*(?:SMTP|mail|postfix|exim|sendmail)",
    ),
    Greeting(name="FTP", begins=rb"(?:220|421|530)[ -].{0,400}?FTP"),
    # RFC 2229, section 3.1.
    Greeting(name="DICT", begins=rb"220 [^\n]*<[^\n]*> *<[^\n]*>"),
    # RFC 3977, section 5.1.
    Greeting(name="NNTP", begins=rb"20[01] [^\n]*(?:NNTP|news|INN)"),
    # Any other three digits in front: one of these, in words that are its operator's own.
    Greeting(name="SMTP or FTP", begins=rb"[245][0-9][0-9][ -]"),
    # RFC 9051, section 7.1.
    Greeting(name="IMAP", begins=rb"\* (?:OK|BYE|PREAUTH|CAPABILITY)\b"),
    # RFC 1939, section 4.
    Greeting(name="POP3", begins=rb"\+OK\b"),
    # https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
    Greeting(
        name="Redis",
        scheme="redis",
        port=6379,
        # A server that wants a password, or another client, is up all the same; one that loads its
        # data is not.
        exchange=((b"PING\r\n", rb"\+PONG\r\n|-(?:NOAUTH|NOPERM|DENIED|ERR operation not perm)"),),
        source="Redis, PING and RESP",
        begins=rb"-(?:ERR|NOAUTH|DENIED|WRONGTYPE|LOADING|MISCONF|MASTERDOWN|NOPERM) ",
    ),
    # https://github.com/memcached/memcached/blob/master/doc/protocol.txt
    Greeting(name="memcached", begins=rb"ERROR\r\n|(?:CLIENT|SERVER)_ERROR "),
    # https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html:
    # a packet's length and number, then protocol version 10, or an error.
    Greeting(
        name="MySQL",
        scheme="mysql",
        port=3306,
        # The server's first packet; or 1130, which says that this host may not log in.
        exchange=((b"", rb"...\x00\x0a[0-9]+\.[^\x00]*\x00|...\x00\xff\x6a\x04"),),
        refutes=rb".{3}[^\x00]|.{4}[^\x0a\xff]|.{4}\xff.{2}",
        source="MySQL, Connection Phase: Protocol::Handshake",
        begins=rb"...[\x00\x01](?:\x0a[0-9]+\.|\xff[\x00-\xff]{2}(?:#|[A-Z]))",
    ),
    # https://www.postgresql.org/docs/current/protocol-message-formats.html: ErrorResponse.
    Greeting(
        name="PostgreSQL",
        scheme="postgresql",
        port=5432,
        # What pg_isready sends, and how it judges: a server that asks for a password, or refuses
        # this user, is up; 57P03 is one that starts, recovers or shuts down.
        exchange=(
            (
                b"\x00\x00\x00\x19\x00\x03\x00\x00user\x00tryconnect\x00\x00",
                (
                    rb"R\x00\x00\x00.\x00\x00\x00[\x00-\x0d]"
                    rb"|E\x00\x00..(?:[SV][^\x00]*\x00)+C(?!57P03)[0-9A-Z]{5}\x00"
                ),
            ),
        ),
        refutes=rb"[^RE]|R.{8}|E.{4}[^S]|E.{4}(?:[SV][^\x00]*\x00)+C.{6}",
        source="PostgreSQL, Message Formats: StartupMessage, ErrorResponse",
        begins=rb"E(?:\x00\x00..S(?:FATAL|ERROR|PANIC)|FATAL)",
    ),
    # RFC 6143, section 7.1.1.
    Greeting(name="VNC", begins=rb"RFB [0-9]{3}\."),
    # RFC 1928, section 3: the method; and the reply of version 4, which has no RFC.
    Greeting(name="SOCKS", begins=rb"\x05[\x00-\x02\xff]|\x00[\x5a-\x5d]"),
    # AMQP 0-9-1, section 4.2.2, and AMQP 1.0, section 2.2.
    Greeting(name="AMQP", begins=rb"AMQP"),
    # RFC 6120, section 4.2.
    Greeting(
        name="XMPP",
        begins=rb"\s*(?:<\?xml[^>]*>\s*)?<(?:\w+:)?(?:stream|error)[^>]*jabber|</?stream:",
    ),
    # RFC 854: a command; servers begin with WILL, WON'T, DO or DON'T.
    Greeting(name="Telnet", begins=rb"\xff[\xfb-\xfe]"),
    # RFC 2812, sections 2.3 and 3.7.4.
    Greeting(name="IRC", begins=rb":\S+ (?:NOTICE|[0-9]{3}) |NOTICE (?:AUTH|\*)|ERROR :"),
    # RFC 4511, section 4.4.1: the notice of disconnection has this name.
    Greeting(name="LDAP", begins=rb"0.{1,40}1\.3\.6\.1\.4\.1\.1466\.20036"),
    # RFC 5804, section 1.7.
    Greeting(name="ManageSieve", begins=rb'"IMPLEMENTATION"'),
    # RFC 7826, section 20, and RFC 3261, section 7.2.
    Greeting(name="RTSP", begins=rb"RTSP/"),
    Greeting(name="SIP", begins=rb"SIP/"),
    # https://cast.readme.io/docs/icy: what SHOUTcast answers a GET with.
    Greeting(name="ICY (SHOUTcast)", begins=rb"ICY |ICE/"),
    # https://docs.nats.io/reference/reference-protocols/nats-protocol#info
    Greeting(name="NATS", begins=rb"INFO \{"),
    # rsync's clientserver.c.
    Greeting(name="rsync", begins=rb"@RSYNCD:"),
    # https://github.com/apache/cassandra/blob/trunk/doc/native_protocol_v4.spec, section 2: ERROR.
    Greeting(name="Cassandra", begins=rb"[\x81-\x86]\x00\x00\x00\x00"),
)
"""Each protocol's name, how its servers answer, and where that is written; of those that are only
recognised, the first counts.

Servers that wait for a client's first word begin with an error: "GET" is none of their commands.
"""

for _row in reversed(_TABLE):
    _add(_row)
