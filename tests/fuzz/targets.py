"""The laws of the pure rooms, one function for each: any bytes go in, and nothing comes out.

``check(name, data)`` runs one of ``ROOMS`` and raises ``AssertionError``, or whatever the room let
out, where a law is broken. An input is text or raw bytes, in lines where it has several parts, so
that a person can read and write one. What else has to be chosen (how a body is cut into chunks) is
chosen by chance, with the input as the seed: the same bytes are the same test.
"""

import contextlib
import io
import ipaddress
import itertools
import json
import pickle
import random
import re
import time
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import unquote, urlsplit

from yarl import URL

from tests.fuzz.attempts import attempt_of
from tryconnect import Expect, Guard, Hop, InvalidAddress, Reason, Report
from tryconnect._address.target import _LONGEST as LONGEST_ADDRESS
from tryconnect._address.target import (
    Target,
    TargetKind,
    may_share_credentials,
    parse,
    resolve_redirect,
)
from tryconnect._check.verdict import judge
from tryconnect._decoding.content_encoding import PIECE_SIZE, ContentDecoder
from tryconnect._decoding.decoder import Decoder, decode
from tryconnect._decoding.labels import check_encoding
from tryconnect._model.expect import as_expect
from tryconnect._model.faults import ContentEncodingError
from tryconnect._model.redaction import redact, redact_address, redacted_error
from tryconnect._model.render import caret, line
from tryconnect._model.text import Decoded, EncodingSource
from tryconnect._transport.attempt import Attempt
from tryconnect._transport.http_head import completed, normalized, status_of
from tryconnect.testing._encoded import PACKERS

LONGEST = 1.0
"""Seconds of computing that any input may cost."""


def check(name: str, data: bytes) -> None:
    """Hold one input against the laws of one room."""
    start = time.process_time()
    ROOMS[name](data)
    taken = time.process_time() - start
    assert taken < LONGEST, f"{taken:.2f} s"


# --- inputs


def text_of(data: bytes) -> str:
    """Any text, lone surrogates included: bytes that are not UTF-8 become these."""
    return data.decode("utf-8", "surrogateescape")


def lines_of(data: bytes, count: int) -> list[str]:
    """So many texts, the last of which may have line feeds in it."""
    found = text_of(data).split("\n", count - 1)
    return found + [""] * (count - len(found))


def chance_of(data: bytes) -> random.Random:
    return random.Random(zlib.crc32(data))  # noqa: S311 - the same at each run


def chunks_of(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """The same bytes as they might come from a socket."""
    cuts = sorted(chance.randint(0, len(data)) for _ in range(chance.choice([0, 1, 2, 8])))
    return (data[start:end] for start, end in itertools.pairwise([0, *cuts, len(data)]))


# --- laws of all reports


def check_report(report: Report) -> None:
    """A report can always be shown, logged, sent and stored, and obeys no terminal's whims."""
    assert str(report) == line(report)
    assert repr(report).isprintable()
    for show_secrets in (False, True):
        plain = report.as_dict(show_secrets=show_secrets)
        assert json.loads(json.dumps(plain)) == plain
    assert pickle.loads(pickle.dumps(report)) == report  # noqa: S301 - our own
    assert bool(report) is report.ok is (report.reason is Reason.ok)
    assert line(report).isprintable()
    assert all(each.isprintable() for each in caret(report).split("\n"))
    assert all(each.isprintable() for each in report.detail.split("\n"))


def check_told(address: str, error: InvalidAddress | None, target: Target | None) -> None:
    assert error is None or 0 <= error.start <= error.end <= len(error.address)
    attempt = Attempt(target=target, error=error, status=None if error else 200)
    report = judge(address, attempt)
    assert report.reason is (Reason.invalid_address if error else Reason.ok)
    check_report(report)


# --- _target and _authority


def address(data: bytes) -> None:
    """Any text is a target, or an InvalidAddress that points into the text."""
    text = text_of(data)
    try:
        target = parse(text)
    except InvalidAddress as error:
        check_told(text, error, None)
    else:
        check_target(target)
        check_told(text, None, target)


def check_target(target: Target) -> None:
    """A target is well-formed, and whoever reads its URL again reads the same."""
    if len(target.url) > LONGEST_ADDRESS:  # percent-encoding has made it so
        return
    again = parse(target.url)
    assert (again.kind, again.url, again.port, again.path, again.authorization) == (
        *(target.kind, target.url, target.port, target.path, None),
    )
    assert one_spelling(again.host) == one_spelling(target.host)
    if target.kind is TargetKind.unix:
        assert not target.host
        assert target.path.startswith("/")
        return
    assert 1 <= target.port <= 65535
    assert target.host.isascii()
    name, _, _ = target.host.partition("%")  # interfaces have names of their own, in either case
    assert name == name.lower()
    assert not target.path
    bare = one_spelling(target.host)
    split = urlsplit(target.url)
    assert one_spelling(split.hostname) == bare
    assert split.username is split.password is None
    if target.kind is TargetKind.http:
        assert target.url.isascii()
        asked = URL(target.url, encoded=True)  # what aiohttp will ask
        assert one_spelling(asked.raw_host) == bare
        assert (asked.port, asked.user, asked.fragment) == (target.port, None, "")


def one_spelling(host: str | None) -> str:
    """A host as others spell it, too: IPv6 addresses have many spellings."""
    bare = (host or "").partition("%")[0]
    return str(ipaddress.ip_address(bare)) if ":" in bare else bare


BASE = parse("https://me:base-secret@example.com:8443/a/b?q")


def redirect(data: bytes) -> None:
    """Any Location leads to an HTTP target or to an InvalidAddress; credentials stay at home.

    Lines: the address that redirects, the ``Location``.
    """
    text, location = lines_of(data, 2)
    try:
        base = parse(text)
    except InvalidAddress:
        base = BASE
    if base.kind is not TargetKind.http:
        base = BASE
    try:
        target = resolve_redirect(base, location)
    except InvalidAddress as error:
        check_told(text, error, None)
        return
    assert target.kind is TargetKind.http
    check_target(target)
    if base.authorization and target.authorization == base.authorization:
        assert may_share_credentials(base, target) or "@" in location


# --- _redaction

SECRET = "s3cr3t"  # noqa: S105 - nobody's password


def redaction(data: bytes) -> None:
    """A secret in the password, the token, the query or the fragment of an address is hidden.

    Lines: scheme, user, what stands before the secret, what after it, the rest of the address.
    """
    if SECRET.encode() in data:
        return
    scheme, user, before, after, rest = lines_of(data, 5)
    scheme = scheme if re.fullmatch(r"\s*\w*://", scheme) else ""
    password = re.sub(r"[/?#\\]", "", f"{before}{SECRET}{after}")
    user, token = (re.sub(r"[:/?#\\]", "", each) for each in (user, password))
    # It would name a value, and names are shown, as are most values that have one.
    before, after = before.replace("=", ""), after.replace("=", "")
    for text in (
        f"{scheme}{user}:{password}@{rest}",
        f"{scheme}{token}@{rest.replace('@', '')}",
        f"{scheme}{rest}?{before}{SECRET}{after}",
        f"{scheme}{rest}#{before}{SECRET}{after}",
    ):
        if not text.strip().lower().startswith("unix://"):  # all of it would be a file's name
            check_hidden(text)


def check_hidden(text: str) -> None:
    try:
        target = parse(text)
    except InvalidAddress as error:
        report = judge(text, Attempt(target=None, error=error))
        for each in (str(error), repr(report), json.dumps(report.as_dict()), line(report)):
            assert SECRET not in each, each[:200]
        return
    assert SECRET not in unquote(target.url).partition("?")[0]
    report = judge(text, Attempt(target=target, status=200, hops=(Hop(301, text),)))
    shown = [redact_address(text), redact(target.url), repr(target).partition("url=")[0]]
    shown += [repr(report), json.dumps(report.as_dict()), line(report), repr(report.hops)]
    if re.match(r"\w+://", text) and not re.search(r"\s", text):
        shown += [redact(f"GET {text} failed"), str(redacted_error(OSError(f"at {text}")))]
    for each in shown:
        assert SECRET not in each, each[:200]


# --- _guard

PORTS = frozenset({80, 443})
NEVER_PUBLIC = (
    *("is_private", "is_loopback", "is_link_local", "is_multicast", "is_unspecified"),
    "is_reserved",
)
EMBEDDINGS = (  # what stands before the IPv4 address, and what after it
    (bytes(10) + b"\xff\xff", b""),  # IPv4-mapped
    (b"\x20\x02", bytes(10)),  # 6to4
    (b"\x00\x64\xff\x9b" + bytes(8), b""),  # NAT64
)
TEREDO = b"\x20\x01\0\0"


def guard(data: bytes) -> None:
    """Any socket address of a valid IP is judged, in all its disguises alike.

    Bytes: two for the port, then 4 or 16 for the IP.
    """
    port = int.from_bytes(data[:2])
    packed = data[2:].ljust(4, b"\0")[:4] if len(data) < 18 else data[2:18]
    ip = ipaddress.ip_address(packed)
    public = Guard.public()
    verdict = public.lets_through(sockaddr(ip, port))
    assert verdict in {True, False}
    assert Guard.public(ports=PORTS).lets_through(sockaddr(ip, port)) is (verdict and port in PORTS)
    if isinstance(ip, ipaddress.IPv4Address):
        for before, after in EMBEDDINGS:
            disguised = ipaddress.ip_address(before + packed + after)
            assert public.lets_through(sockaddr(disguised, port)) is verdict, disguised
    else:
        zoned = (f"{ip}%eth0", port, 0, 2)
        assert public.lets_through(zoned) is verdict
    embeds = (TEREDO, *(before for before, _ in EMBEDDINGS))
    if verdict and not (len(packed) > 4 and packed.startswith(embeds)):
        assert not any(getattr(ip, name) for name in NEVER_PUBLIC)


def sockaddr(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> tuple[str, int] | tuple[str, int, int, int]:
    return (str(ip), port) if ip.version == 4 else (str(ip), port, 0, 0)


# --- _text


def text(data: bytes) -> None:
    """Any bytes under any header are text, the same text however they come.

    Lines: the Content-Type, the caller's encoding (or nothing), the body.
    """
    header, label, _ = lines_of(data, 3)
    body = b"\n".join(data.split(b"\n", 2)[2:])
    encoding = None
    with contextlib.suppress(ValueError):
        encoding = check_encoding(label)
        assert check_encoding(encoding) == encoding
    whole = decode(body, header or None, encoding=encoding)
    whole.text.encode()  # no lone surrogates
    assert check_encoding(whole.encoding) == whole.encoding
    decoder = Decoder(header or None, encoding=encoding)
    for chunk in chunks_of(body, chance_of(data)):
        decoder.feed(chunk)
    for _ in decoder.finish():
        pass
    assert decoder.result == whole


# --- _coding

ENOUGH = 2**20
"""Bytes of a body that are unpacked here."""


def coding(data: bytes) -> None:
    """Any bytes are unpacked in small pieces, or are a ContentEncodingError.

    Lines: the Content-Encoding, the body.
    """
    names, _ = lines_of(data, 2)
    body = b"\n".join(data.split(b"\n", 1)[1:])
    chance = chance_of(data)
    whole, pieces = unpacked(names, [body]), unpacked(names, chunks_of(body, chance))
    if whole != pieces:
        # What is broken behind the end of an inner coding, or of what is enough, may be noticed.
        # Where all comes together, brotli's library refuses what follows its end, and zstd's a
        # frame of an empty block that claims another size.
        assert None in {whole, pieces}
        assert re.search(",|br|zstd", names.lower()) or len(whole or pieces or b"") == ENOUGH
    packers = [PACKERS.get(name.strip(" \t").lower()) for name in names.split(",")]
    if all(packers) and len(packers) <= 5:
        packed = body
        for packer in packers:
            packed = packer(packed) if packer else packed
        assert unpacked(names, chunks_of(packed, chance)) == body


def unpacked(names: str, chunks: Iterator[bytes] | list[bytes]) -> bytes | None:
    """What comes out, as far as it is enough; None: an error."""
    inflater = ContentDecoder(names)
    found = io.BytesIO()
    try:
        for piece in itertools.chain.from_iterable(map(inflater.feed, chunks)):
            assert len(piece) <= PIECE_SIZE
            found.write(piece)
            if found.tell() >= ENOUGH:
                return found.getvalue()[:ENOUGH]
        inflater.finish()
    except ContentEncodingError:
        return None
    return found.getvalue()


# --- _expect


def expect(data: bytes) -> None:
    """Any status and body make an expectation or a ValueError; it judges any answer.

    Lines: the status, the body (a pattern where it begins with ``~``), the text of an answer.
    """
    status, body, answer = lines_of(data, 3)
    with contextlib.suppress(ValueError):
        as_expect(int(status))
    wanted = patterned(body) if body.startswith("~") else body
    try:
        expected = Expect(status=status or None, body=wanted)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - most inputs are fine
        return
    for code in (100, 204, 299, 304, 599, 999):
        assert expected.accepts_status(code) in {True, False}
    assert expected.accepts_body(answer) in {True, False}
    decoded = Decoded(answer, "utf-8", EncodingSource.utf8)
    attempt = Attempt(target=BASE, status=200, body=decoded)
    report = judge("https://example.com", attempt, expected)
    assert report.reason in {Reason.ok, Reason.status, Reason.body}
    if status.isprintable():  # the detail quotes it
        check_report(report)


def patterned(body: str) -> re.Pattern[str]:
    """A pattern that only its words are the caller's of: slow ones are the caller's fault."""
    return re.compile(re.escape(body[1:]))


# --- _head


def head(data: bytes) -> None:
    """Any bytes are the head of an answer with a status, or are none; mended or not."""
    status = status_of(data)
    assert status is None or 100 <= status <= 999
    mended = normalized(data)
    assert status_of(mended) == status
    assert normalized(mended) == mended
    assert bool(completed(data)) == (status_of(completed(data)) is not None)


# --- _verdict, _sentences and _render


def verdict(data: bytes) -> None:
    """Any attempt makes a report that can be shown (for the bytes see ``attempts.py``)."""
    check_report(judge("https://me:pw@example.com/?q", attempt_of(data[:7], text_of(data[7:]))))


ROOMS: dict[str, Callable[[bytes], None]] = {
    room.__name__: room
    for room in (address, redirect, redaction, guard, text, coding, expect, head, verdict)
}
"""The rooms by name."""
