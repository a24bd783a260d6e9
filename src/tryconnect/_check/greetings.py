"""What speaks at a port that should speak HTTP: told by the first bytes that came from there."""

from __future__ import annotations

import re

__all__ = ["recognised"]


def recognised(said: bytes) -> str | None:
    """Return the name of the protocol that these bytes are of, or ``None``.

    Args:
        said: the beginning of what a peer sent in place of an HTTP/1 answer.
    """
    return next((name for name, pattern in _GREETINGS if pattern.match(said)), None)


_TABLE: tuple[tuple[str, bytes], ...] = (
    # RFC 8446, section 5.1: an alert or a handshake message, from version 3.0 to 3.4.
    ("TLS", rb"[\x15\x16]\x03[\x00-\x04]"),
    # RFC 9113, sections 3.4, 6.5 and 6.8: the server's preface is SETTINGS; it may say GOAWAY.
    ("HTTP/2", rb"\x00..[\x04\x07][\x00\x01]\x00\x00\x00\x00"),
    # RFC 4253, section 4.2; lines of other text may come before it.
    ("SSH", rb"(?:[^\n]*\n){0,20}?SSH-[0-9.]+-"),
    # RFC 5321, section 4.2, and RFC 959, section 5.4: both greet with 220, and a word of their own.
    ("SMTP", rb"(?:220|421|554)[ -][^\n]*(?:SMTP|mail|postfix|exim|sendmail)"),
    ("FTP", rb"(?:220|421|530)[ -].{0,400}?FTP"),
    # RFC 2229, section 3.1.
    ("DICT", rb"220 [^\n]*<[^\n]*> *<[^\n]*>"),
    # RFC 3977, section 5.1.
    ("NNTP", rb"20[01] [^\n]*(?:NNTP|news|INN)"),
    # Any other three digits in front: one of these, in words that are its operator's own.
    ("SMTP or FTP", rb"[245][0-9][0-9][ -]"),
    # RFC 9051, section 7.1.
    ("IMAP", rb"\* (?:OK|BYE|PREAUTH|CAPABILITY)\b"),
    # RFC 1939, section 4.
    ("POP3", rb"\+OK\b"),
    # https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
    ("Redis", rb"-(?:ERR|NOAUTH|DENIED|WRONGTYPE|LOADING|MISCONF|MASTERDOWN|NOPERM) "),
    # https://github.com/memcached/memcached/blob/master/doc/protocol.txt
    ("memcached", rb"ERROR\r\n|(?:CLIENT|SERVER)_ERROR "),
    # https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html:
    # a packet's length and number, then protocol version 10, or an error.
    ("MySQL", rb"...[\x00\x01](?:\x0a[0-9]+\.|\xff[\x00-\xff]{2}(?:#|[A-Z]))"),
    # https://www.postgresql.org/docs/current/protocol-message-formats.html: ErrorResponse.
    ("PostgreSQL", rb"E(?:\x00\x00..S(?:FATAL|ERROR|PANIC)|FATAL)"),
    # RFC 6143, section 7.1.1.
    ("VNC", rb"RFB [0-9]{3}\."),
    # RFC 1928, section 3: the method; and the reply of version 4, which has no RFC.
    ("SOCKS", rb"\x05[\x00-\x02\xff]|\x00[\x5a-\x5d]"),
    # AMQP 0-9-1, section 4.2.2, and AMQP 1.0, section 2.2.
    ("AMQP", rb"AMQP"),
    # RFC 6120, section 4.2.
    ("XMPP", rb"\s*(?:<\?xml[^>]*>\s*)?<(?:\w+:)?(?:stream|error)[^>]*jabber|</?stream:"),
    # RFC 854: a command; servers begin with WILL, WON'T, DO or DON'T.
    ("Telnet", rb"\xff[\xfb-\xfe]"),
    # RFC 2812, sections 2.3 and 3.7.4.
    ("IRC", rb":\S+ (?:NOTICE|[0-9]{3}) |NOTICE (?:AUTH|\*)|ERROR :"),
    # RFC 4511, section 4.4.1: the notice of disconnection has this name.
    ("LDAP", rb"0.{1,40}1\.3\.6\.1\.4\.1\.1466\.20036"),
    # RFC 5804, section 1.7.
    ("ManageSieve", rb'"IMPLEMENTATION"'),
    # RFC 7826, section 20, and RFC 3261, section 7.2.
    ("RTSP", rb"RTSP/"),
    ("SIP", rb"SIP/"),
    # https://cast.readme.io/docs/icy: what SHOUTcast answers a GET with.
    ("ICY (SHOUTcast)", rb"ICY |ICE/"),
    # https://docs.nats.io/reference/reference-protocols/nats-protocol#info
    ("NATS", rb"INFO \{"),
    # rsync's clientserver.c.
    ("rsync", rb"@RSYNCD:"),
    # https://github.com/apache/cassandra/blob/trunk/doc/native_protocol_v4.spec, section 2: ERROR.
    ("Cassandra", rb"[\x81-\x86]\x00\x00\x00\x00"),
)
"""Each protocol's name, how its servers begin, and where that is written; the first row counts.

Servers that wait for a client's first word begin with an error: "GET" is none of their commands.
"""

_GREETINGS = [(name, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for name, pattern in _TABLE]
