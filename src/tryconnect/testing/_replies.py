"""A table of replies that servers send, or should never send.

Each row has the status that a client which stops after the headers should see, or ``None`` if it is
not an HTTP response.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reply:
    """Bytes that a server sends, and what they mean.

    Example:
        >>> from tryconnect.testing import REPLIES, raw
        >>> reply = REPLIES["no_content"]
        >>> async with raw(reply.data) as peer:
        ...     assert (await tryconnect.probe(peer.url)).status == reply.status

    .. versionadded:: 0.1
    """

    data: bytes
    remark: str
    status: int | None = None
    """The status that a client which stops after the headers sees; ``None``: not HTTP."""
    speaks_first: bool = False
    """Sent on connecting, before the request."""


def _ok(headers: bytes, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n" + body


def _empty(status_line: bytes) -> bytes:
    return status_line + b"\r\nContent-Length: 0\r\n\r\n"


REPLIES: dict[str, Reply] = {
    # Good, if unusual.
    "plain": Reply(_ok(b"Content-Length: 5\r\n", b"hello"), "an ordinary response", 200),
    "http_1_0": Reply(b"HTTP/1.0 200 OK\r\n\r\nhello", "ends with the connection", 200),
    "no_reason_phrase": Reply(_empty(b"HTTP/1.1 200 "), "RFC 9112, 4", 200),
    "no_space_after_status": Reply(_empty(b"HTTP/1.1 200"), "common, tolerated by all", 200),
    "no_length": Reply(_ok(b"", b"hello"), "the body ends with the connection", 200),
    "no_content": Reply(b"HTTP/1.1 204 No Content\r\n\r\n", "no body by definition", 204),
    "early_hints": Reply(
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + _ok(b"Content-Length: 0\r\n"),
        "the final response follows",
        200,
    ),
    "continue_first": Reply(
        b"HTTP/1.1 100 Continue\r\n\r\n" + _ok(b"Content-Length: 0\r\n"),
        "unrequested, harmless",
        200,
    ),
    "unknown_status": Reply(_empty(b"HTTP/1.1 599 What"), "treated as 5xx", 599),
    # Good headers, bad body: no difference to clients that stop after the headers.
    "short_body": Reply(_ok(b"Content-Length: 50\r\n", b"hello"), "45 bytes missing", 200),
    "long_body": Reply(_ok(b"Content-Length: 2\r\n", b"hello"), "3 bytes too many", 200),
    "broken_chunk": Reply(_ok(b"Transfer-Encoding: chunked\r\n", b"zz\r\nhello"), "no hex", 200),
    "unfinished_chunks": Reply(
        _ok(b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n"), "no last chunk", 200
    ),
    "unknown_encoding": Reply(
        _ok(b"Content-Encoding: rot13\r\nContent-Length: 5\r\n", b"uryyb"), "to be ignored", 200
    ),
    "corrupt_gzip": Reply(
        _ok(b"Content-Encoding: gzip\r\nContent-Length: 5\r\n", b"hello"), "no gzip at all", 200
    ),
    "cookie_garbage": Reply(
        _ok(b"Set-Cookie: =;;\x80=\xff; expires=never\r\nContent-Length: 0\r\n"), "ignored", 200
    ),
    # Bad headers with a remedy: the status stands.
    "length_and_chunked": Reply(
        _ok(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
        "the length is to be ignored (RFC 9112, 6.3, rule 3)",
        200,
    ),
    "same_length_twice": Reply(
        _ok(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"), "RFC 9112, 6.3, rule 5", 200
    ),
    "negative_length": Reply(
        _ok(b"Content-Length: -5\r\n", b"hello"),
        "not a number of bytes: the body goes on until the end, as in browsers",
        200,
    ),
    "nul_in_header": Reply(
        _ok(b"X-Nul: a\0b\r\nContent-Length: 0\r\n"), "a space (RFC 9110, 5.5)", 200
    ),
    "bare_cr_in_header": Reply(
        _ok(b"X-Cr: a\rb\r\nContent-Length: 0\r\n"), "a space (RFC 9112, 2.2)", 200
    ),
    "space_before_colon": Reply(
        _ok(b"X-Gap : a\r\nContent-Length: 0\r\n"), "to be removed (RFC 9112, 5.1)", 200
    ),
    "header_without_colon": Reply(_ok(b"What is this\r\nContent-Length: 0\r\n"), "ignored", 200),
    "obs_fold": Reply(
        _ok(b"X-Fold: a\r\n b\r\nContent-Length: 0\r\n"),
        "obsolete, yet a client has to unfold it (RFC 9112, 5.2)",
        200,
    ),
    "unfinished_headers": Reply(
        b"HTTP/1.1 200 OK\r\nContent-Le", "closes inside a header; browsers do not mind", 200
    ),
    "no_empty_line": Reply(b"HTTP/1.0 500 Sorry\r\n", "closes after the status line", 500),
    # Bad headers without a remedy: the status stands, the end of the body is unknown.
    "two_lengths": Reply(
        _ok(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello"), "RFC 9112, 6.3, rule 5", 200
    ),
    "unfinished_status": Reply(b"HTTP/1.1 20", "closes inside the status line"),
    # Bad status lines.
    "http_1_2": Reply(_empty(b"HTTP/1.2 200 OK"), "to be read as 1.1 (RFC 9110, 2.5)", 200),
    "two_spaces": Reply(_empty(b"HTTP/1.1  200 OK"), "any white space (RFC 9112, 4)", 200),
    "status_000": Reply(_empty(b"HTTP/1.1 000 Zero"), "below 100"),
    "status_99": Reply(_empty(b"HTTP/1.1 99 Low"), "two digits"),
    "status_999": Reply(_empty(b"HTTP/1.1 999 High"), "seen in the wild", 999),
    "status_1000": Reply(_empty(b"HTTP/1.1 1000 More"), "four digits"),
    "status_negative": Reply(_empty(b"HTTP/1.1 -1 Minus"), "no digit"),
    "status_word": Reply(_empty(b"HTTP/1.1 fine OK"), "no number"),
    "version_9": Reply(_empty(b"HTTP/9.9 200 OK"), "from the future"),
    "rtsp": Reply(_empty(b"RTSP/1.0 200 OK"), "another protocol"),
    "icy": Reply(b"ICY 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n", "Shoutcast"),
    "upgrade_unasked": Reply(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n",
        "unrequested, yet an HTTP response",
        101,
    ),
    # Not HTTP/1 at all.
    "nothing": Reply(b"", "closes"),
    "empty_lines": Reply(b"\r\n\r\n\r\n", "no status line"),
    "garbage": Reply(bytes(range(256)), "every byte once"),
    "http_0_9": Reply(b"<html><body>hello</body></html>\r\n", "a page without any head"),
    "http_2_settings": Reply(
        b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\x40\0\0\0\0\x02\0\0\0\0", "HTTP/2 only"
    ),
    "http_2_preface": Reply(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "a client's words"),
    "tls_alert": Reply(b"\x15\x03\x01\x00\x02\x02\x46", "TLS: protocol version", None),
    "redis": Reply(b"-ERR unknown command 'GET'\r\n", "Redis"),
    "memcached": Reply(b"ERROR\r\nERROR\r\n", "memcached"),
    "ssh": Reply(b"SSH-2.0-OpenSSH_9.9\r\n", "SSH", speaks_first=True),
    "smtp": Reply(b"220 mail.example ESMTP ready\r\n", "SMTP", speaks_first=True),
    "ftp": Reply(b"220 FTP server ready\r\n", "FTP", speaks_first=True),
    "mysql": Reply(
        b"\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0abcdefgh\0", "MySQL's greeting", speaks_first=True
    ),
    "telnet": Reply(b"\xff\xfd\x18\xff\xfd\x20login: ", "Telnet", speaks_first=True),
}
