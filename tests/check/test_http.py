"""What a check sends, what it keeps to itself, and what it reads of the answer."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import NamedTuple
from urllib.parse import quote

import pytest
from multidict import CIMultiDict

import tryconnect
from tests.support.event_loops import on_each_loop
from tryconnect import Client, Expect, FetchError, Reason, Report
from tryconnect import testing as peers
from tryconnect._address.target import parse
from tryconnect._check.http import wire_url
from tryconnect._transport.resolver import Resolver
from tryconnect.testing import tls

SHORT = 0.15
"""A deadline that is meant to pass."""

USER_AGENT = f"tryconnect/{tryconnect.__version__}"
SECRET = "s3cret"  # noqa: S105 - nobody's password


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(ssl=peers.trusting(), proxy=None) as client:
        yield client


def headers(head: bytes) -> CIMultiDict[str]:
    """The headers of a request's head."""
    lines = head.decode("latin-1").split("\r\n")[1:-2]
    return CIMultiDict((name, value) for name, _, value in (line.partition(": ") for line in lines))


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def leading_to(server: peers.HttpServer, url: str) -> str:
    """A URL of the server that redirects to another."""
    return server.at(f"/redirect-to?location={quote(url, safe='')}")


# --- the request


@on_each_loop
async def test_the_request_of_a_check_is_these_bytes(
    client: Client, http_server: peers.HttpServer
) -> None:
    await client.probe(http_server.at("/a%20b/ä?q=1&q=ü#part"))

    assert http_server.requests == [
        b"GET /a%20b/%C3%A4?q=1&q=%C3%BC HTTP/1.1\r\n"
        b"Host: " + http_server.address.encode() + b"\r\n"
        b"User-Agent: " + USER_AGENT.encode() + b"\r\n"
        b"Accept: */*\r\n"
        b"\r\n"
    ]


WRITTEN = ["/%2F%28%7e?%27=%2F", "/a?", "/?", "/a??", "//a/;b=c", "/|?^`{}|"]


@pytest.mark.parametrize("tail", WRITTEN)
async def test_a_url_is_sent_as_it_was_written(
    tail: str, client: Client, http_server: peers.HttpServer
) -> None:
    typed = http_server.at(tail)
    await client.probe(typed)
    await client.probe(leading_to(http_server, typed))

    lines = [head.partition(b"\r\n")[0].decode() for head in http_server.requests]
    assert [lines[at] for at in (0, 2)] == [f"GET {tail} HTTP/1.1"] * 2


def test_aiohttp_is_given_what_is_to_be_sent() -> None:
    """It asks yarl, which leaves out the mark of an empty query unless it is a part of the path."""
    for address in ("http://h", "http://h?", "https://h:444/a?b?", "http://h/a?", "http://[::1]?"):
        target = parse(address)
        url = wire_url(target)
        assert (url.raw_path_qs, str(url)) == (target.request_target, target.url)


async def test_a_host_goes_out_as_it_was_written(http_server: peers.HttpServer) -> None:
    async with knowing("good.test") as client:
        await client.probe(f"http://GOOD.test.:{http_server.port}/")

    assert headers(http_server.requests[0])["Host"] == f"good.test.:{http_server.port}"


@pytest.mark.skipif(not peers.ipv6_loopback(), reason="no IPv6 here")
async def test_a_zone_stays_at_home(client: Client) -> None:
    async with peers.http_server(host="::1") as server:
        await client.probe(f"http://[::1%25{socket.if_nameindex()[0][1]}]:{server.port}/")

    assert headers(server.requests[0])["Host"] == f"[::1]:{server.port}"


LOCATIONS = [
    # the bytes of a Location, what is asked for next
    (b"/\xe9?\xe9", b"/%E9?%E9"),
    ("/é?é".encode(), b"/%C3%A9?%C3%A9"),
    (b"/a b?c d", b"/a%20b?c%20d"),
    (b"/a\tb", b"/ab"),
    (b"\\x\\y", b"/x/y"),
    (b"x/../%2F?", b"/%2F?"),
]


@pytest.mark.parametrize(("location", "asked"), LOCATIONS)
async def test_the_bytes_of_a_redirect_are_followed(
    location: bytes, asked: bytes, client: Client
) -> None:
    async def moved(connection: peers.Connection) -> None:
        heads.append(await connection.head())
        status = b"302 Found\r\nLocation: " + location if len(heads) == 1 else b"200 OK"
        await connection.send(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")

    heads: list[bytes] = []
    async with peers.serve(moved) as server:
        assert await client.probe(server.url)
    assert heads[1].split()[1] == asked


async def test_the_shared_client_sends_the_same(http_server: peers.HttpServer) -> None:
    """Apart from the wish to keep no connection."""
    await tryconnect.probe(http_server.url)

    sent = headers(http_server.requests[0])
    assert sent.pop("Connection", "close") == "close"
    assert list(sent) == ["Host", "User-Agent", "Accept"]


async def test_a_callers_headers_come_in_place_of_ours(http_server: peers.HttpServer) -> None:
    chosen = {"accept": "text/html", "X-Token": "abc", "Host": "other.test", "X-Umlaut": "ü"}
    async with Client(headers=chosen, user_agent="mine/1", proxy=None) as client:
        await client.probe(http_server.url)

    sent = headers(http_server.requests[0])
    assert sent.getall("Accept") == ["text/html"]
    assert sent.getall("User-Agent") == ["mine/1"]
    assert sent.getall("Host") == ["other.test"]
    assert sent["X-Token"] == "abc"


async def test_no_referer_and_no_cookie_of_an_earlier_check(
    client: Client, http_server: peers.HttpServer
) -> None:
    for _ in range(2):
        report = await client.probe(http_server.at("/cookie"))
        assert [hop.url for hop in report.hops] == [
            http_server.at("/cookie"),
            http_server.at("/cookie-redirect"),
        ]

    first_of_each = [headers(http_server.requests[index]) for index in (0, 3)]
    assert not any("Cookie" in sent for sent in first_of_each)
    assert not any("Referer" in headers(head) for head in http_server.requests)


# --- credentials


@pytest.mark.parametrize(
    ("userinfo", "pair"),
    [
        ("me:pass", ("me", "pass")),
        ("me", ("me", "")),
        ("me:", ("me", "")),
        (":pass", ("", "pass")),
        ("m%65:p%40ss%3A", ("me", "p@ss:")),
        ("mü:ß", ("mü", "ß")),
        ("m%C3%BC:%C3%9F", ("mü", "ß")),
        ("日本:語", ("日本", "語")),
        ("me@example.com:pass", ("me@example.com", "pass")),
        ("me:pa:ss", ("me", "pa:ss")),
    ],
)
async def test_credentials_of_the_address_become_a_header(
    userinfo: str, pair: tuple[str, str], client: Client, http_server: peers.HttpServer
) -> None:
    report = await client.probe(f"http://{userinfo}@{http_server.address}/")

    assert report.ok
    assert report.url == http_server.url
    assert headers(http_server.requests[0])["Authorization"] == basic(*pair)


@pytest.mark.parametrize("path", ["/", "/redirect/2", "/status/401", "/redirect-to?location=ftp:"])
async def test_credentials_are_shown_nowhere(
    path: str,
    client: Client,
    http_server: peers.HttpServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)

    report = await client.probe(f"http://me:{SECRET}@{http_server.address}{path}", expect=200)

    coded = base64.b64encode(f"me:{SECRET}".encode()).decode()
    shown = [repr(report), str(report), report.detail, json.dumps(report.as_dict()), caplog.text]
    assert caplog.records
    assert not [text for text in shown if SECRET in text or coded in text]


class Way(NamedTuple):
    """A redirect, and whether what was meant for its start is sent to its end."""

    name: str
    start: str
    end: str
    kept: bool


WAYS = [
    Way("within the origin", "http://good.test:{http}/", "/echo", kept=True),
    Way("in full", "http://good.test:{http}/", "http://GOOD.test:{http}/echo", kept=True),
    Way("to another port", "http://good.test:{http}/", "http://good.test:{other}/echo", kept=False),
    Way("to another host", "http://good.test:{http}/", "http://127.0.0.1:{http}/echo", kept=False),
    Way(
        "to a name below",
        "http://good.test:{http}/",
        "http://www.good.test:{http}/echo",
        kept=False,
    ),
    Way(
        "to https, but not on the default ports",
        "http://good.test:{http}/",
        "https://good.test:{https}/echo",
        kept=False,
    ),
    Way("down to http", "https://good.test:{https}/", "http://good.test:{http}/echo", kept=False),
    Way("within https", "https://good.test:{https}/", "/echo", kept=True),
]

SECRETS = {
    "of the address": ({}, "me:pass@"),
    "of the client": (
        {"Authorization": "Bearer abc", "Cookie": "id=7", "Proxy-Authorization": "x"},
        "",
    ),
}


@contextlib.asynccontextmanager
async def knowing(*names: str, **options: object) -> AsyncIterator[Client]:
    """A client that finds these names on loopback."""
    async with peers.dns_server({name: ["127.0.0.1"] for name in names}) as dns:
        resolver = Resolver(**dns.resolver_arguments)
        try:
            async with Client(
                ssl=peers.trusting(),
                proxy=None,
                resolver=resolver,
                **options,  # type: ignore[arg-type]
            ) as client:
                yield client
        finally:
            await resolver.close()


@pytest.mark.parametrize("secrets", SECRETS)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_secrets_stay_with_their_party(
    way: Way,
    secrets: str,
    http_server: peers.HttpServer,
    https_server: peers.HttpServer,
) -> None:
    sent, userinfo = SECRETS[secrets]
    async with peers.http_server() as other:
        ports = {"http": http_server.port, "https": https_server.port, "other": other.port}
        start = https_server if way.start.startswith("https") else http_server
        start.pages["/"] = peers.CannedResponse(
            status=302, headers=(("Location", way.end.format(**ports)),)
        )
        async with knowing("good.test", "www.good.test", headers=sent) as client:
            address = way.start.format(**ports).replace("://", f"://{userinfo}")
            report = await client.probe(address)

        heads = [*http_server.requests, *https_server.requests, *other.requests]
    assert report.ok
    assert len(report.hops) == 1
    (first,) = (headers(head) for head in heads if head.startswith(b"GET / "))
    (last,) = (headers(head) for head in heads if head.startswith(b"GET /echo "))
    secret = set(sent) or {"Authorization"}
    assert secret <= set(first)
    assert secret & set(last) == (secret if way.kept else set())


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_a_host_of_ones_own_stays_with_its_origin(
    way: Way, http_server: peers.HttpServer, https_server: peers.HttpServer
) -> None:
    """It names a site of the first machine, which no other one has."""
    async with peers.http_server() as other:
        ports = {"http": http_server.port, "https": https_server.port, "other": other.port}
        start = https_server if way.start.startswith("https") else http_server
        there = way.end.format(**ports)
        start.pages["/"] = peers.CannedResponse(status=302, headers=(("Location", there),))
        async with knowing("good.test", "www.good.test", headers={"Host": "own.test"}) as client:
            assert (await client.probe(way.start.format(**ports))).ok

        heads = [*http_server.requests, *https_server.requests, *other.requests]
    (first,) = (headers(head)["Host"] for head in heads if head.startswith(b"GET / "))
    (last,) = (headers(head)["Host"] for head in heads if head.startswith(b"GET /echo "))
    assert first == "own.test"
    assert last == (first if way.kept else there.split("/")[2])


async def test_secrets_do_not_come_back_by_a_detour(http_server: peers.HttpServer) -> None:
    """They were dropped at the foreign host, and its redirects are not to be trusted with them."""
    async with peers.http_server() as foreign, Client(proxy=None) as client:
        back = leading_to(foreign, http_server.at("/echo"))
        start = leading_to(http_server, back).replace("://", "://me:pass@")
        report = await client.probe(start)

    assert report.ok
    assert "Authorization" not in headers(http_server.requests[-1])


async def test_a_redirect_brings_its_own_credentials(
    client: Client, http_server: peers.HttpServer
) -> None:
    there = http_server.at("/echo").replace("://", "://you:word@")
    report = await client.probe(leading_to(http_server, there).replace("://", "://me:pass@"))

    assert report.url == http_server.at("/echo")
    sent = [headers(head)["Authorization"] for head in http_server.requests]
    assert sent == [basic("me", "pass"), basic("you", "word")]


# --- cookies


async def test_cookies_live_from_hop_to_hop(client: Client, http_server: peers.HttpServer) -> None:
    report = await client.probe(http_server.at("/cookie"))

    assert (report.reason, report.status, len(report.hops)) == (Reason.ok, 200, 2)
    assert headers(http_server.requests[2])["Cookie"] == "seen=yes"


async def test_cookies_join_the_callers_own(http_server: peers.HttpServer) -> None:
    async with Client(headers={"Cookie": "id=7"}, proxy=None) as client:
        await client.probe(http_server.at("/cookie-redirect"))

    assert headers(http_server.requests[1]).getall("Cookie") == ["id=7; seen=yes"]


async def test_cookies_are_not_sent_to_another_host(http_server: peers.HttpServer) -> None:
    """Ports do not part cookies (RFC 6265, section 8.5); hosts do."""
    there = f"http://good.test:{http_server.port}/echo"
    http_server.pages["/"] = peers.CannedResponse(
        status=302, headers=(("Location", there), ("Set-Cookie", "a=b"))
    )
    async with knowing("good.test") as client:
        report = await client.probe(http_server.url)

    assert report.url == there
    assert "Cookie" not in headers(http_server.requests[1])


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        (["a=b; Path=/elsewhere"], None),
        (["a=b; Max-Age=0"], None),
        (["a=b; Secure"], None),
        (["a=b; Domain=example.com"], None),
        (["a=b", "c=d; HttpOnly"], "a=b; c=d"),
        (['a="b c"'], 'a="b c"'),
        (["sid=MTIzNDU2Nzg5MA=="], "sid=MTIzNDU2Nzg5MA=="),
        (['a={"b":"c,d"}'], 'a={"b":"c,d"}'),
        (["a b[0]=ü"], "a b[0]=\xc3\xbc"),
        (["=;;\xff=1"], None),
        (["a=b", "c"], "a=b; c"),
        (["a=b", "a=c"], "a=c"),
    ],
)
async def test_cookies_obey_their_rules(
    lines: list[str], sent: str | None, client: Client, http_server: peers.HttpServer
) -> None:
    cookies = (("Set-Cookie", line) for line in lines)
    http_server.pages["/"] = peers.CannedResponse(
        status=302, headers=(("Location", "/echo"), *cookies)
    )

    report = await client.probe(http_server.url)

    assert report.ok
    assert headers(http_server.requests[1]).get("Cookie") == sent


@pytest.mark.parametrize("proxied", [False, True])
async def test_a_cookie_that_is_not_utf_8_comes_back_byte_for_byte(proxied: bool) -> None:  # noqa: FBT001
    cookies = [b"a=\xe9\xff", "b=é".encode()]

    async def set_cookies(connection: peers.Connection) -> None:
        heads.append(await connection.head())
        lines = [b"Set-Cookie: " + cookie for cookie in cookies] if len(heads) == 1 else []
        status = b"HTTP/1.1 302 Found\r\nLocation: /" if lines else b"HTTP/1.1 200 OK"
        await connection.send(b"\r\n".join([status, *lines, b"Content-Length: 0", b"", b""]))

    heads: list[bytes] = []
    async with (
        peers.serve(set_cookies) as server,
        Client(proxy=server.url if proxied else None, headers={"Cookie": "id=7"}) as client,
    ):
        assert await client.probe("http://h.test/" if proxied else server.url)
    assert b"\r\nCookie: id=7; " + b"; ".join(cookies) + b"\r\n" in heads[1]


# --- what is read of the answer


@on_each_loop
@pytest.mark.parametrize("expect", [None, 200, "2xx"])
async def test_a_check_does_not_wait_for_the_body(
    expect: str | int | None, client: Client, http_server: peers.HttpServer
) -> None:
    started = time.perf_counter()
    reports = [
        await client.probe(http_server.at(path), expect=expect)
        for path in ("/endless", "/slow-body?seconds=60")
    ]

    assert all(reports)
    assert time.perf_counter() - started < 1


EXPECTATIONS: list[tuple[str, str | int | Expect, Reason, str]] = [
    ("/status/204", 204, Reason.ok, ""),
    ("/status/204", "200-299", Reason.ok, ""),
    ("/status/404", "2xx", Reason.status, "answered 404, where 2xx was expected"),
    ("/redirect/1", 200, Reason.ok, ""),
    ("/redirect/1", 302, Reason.status, "answered 200, where 302 was expected"),
    ("/", Expect(body="hello"), Reason.ok, ""),
    ("/", Expect(body="ell"), Reason.ok, ""),
    ("/", Expect(status=200, body="hello"), Reason.ok, ""),
    ("/", Expect(body="bye"), Reason.body, 'the body has no "bye" in it'),
    ("/", Expect(body=""), Reason.body, "the body should be empty and is not"),
    ("/", Expect(status=204, body=""), Reason.status, "answered 200, where 204 was expected"),
    ("/status/204", Expect(status=204, body=""), Reason.ok, ""),
    ("/redirect/2", Expect(body="hello"), Reason.ok, ""),
    ("/endless", Expect(body="x" * 100), Reason.ok, ""),
    ("/endless", Expect(status=204, body=""), Reason.status, "answered 200"),
]


@pytest.mark.parametrize("expectation", EXPECTATIONS)
async def test_expectations(
    expectation: tuple[str, str | int | Expect, Reason, str],
    client: Client,
    http_server: peers.HttpServer,
) -> None:
    path, expect, reason, words = expectation

    report = await client.probe(http_server.at(path), expect=expect)

    assert report.reason is reason
    assert words in report.detail
    assert report.status is not None


MEBIBYTE = 2**20


@pytest.mark.parametrize(
    ("before", "reason"), [(MEBIBYTE - 6, Reason.ok), (2 * MEBIBYTE, Reason.body)]
)
async def test_an_expected_body_is_looked_for_in_its_first_mebibyte(
    before: int, reason: Reason, client: Client, http_server: peers.HttpServer
) -> None:
    http_server.pages["/"] = peers.CannedResponse(b"." * before + b"needle" + b"." * MEBIBYTE)

    report = await client.probe(http_server.url, expect=Expect(body="needle"))

    assert report.reason is reason


async def test_an_endless_body_without_the_expected_text(
    client: Client, http_server: peers.HttpServer
) -> None:
    report = await client.probe(http_server.at("/endless"), expect=Expect(body="y"))

    assert report.reason is Reason.body


async def test_a_body_that_never_comes_misses_the_deadline(
    client: Client, http_server: peers.HttpServer
) -> None:
    report = await client.probe(
        http_server.at("/slow-body?seconds=60"), expect=Expect(body="hello"), timeout=SHORT
    )

    assert (report.reason, report.status) == (Reason.timeout, 200)
    assert "answered in " in report.detail
    assert "then no end of the body for " in report.detail


# --- texts


async def failure(client: Client, url: str, **options: object) -> Report:
    """The report of a fetch that must fail."""
    with pytest.raises(FetchError) as caught:
        await client.fetch_text(url, **options)  # type: ignore[arg-type]
    assert caught.value.__cause__ is caught.value.report.error
    return caught.value.report


@on_each_loop
async def test_a_text(client: Client, http_server: peers.HttpServer) -> None:
    assert await client.fetch_text(http_server.url) == "hello"
    assert await client.fetch_text(http_server.at("/redirect/3")) == "hello"
    assert await client.fetch_text(http_server.at("/status/204")) == ""


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("Grüße".encode(), None, "Grüße"),
        ("Grüße".encode("iso-8859-1"), "text/plain; charset=iso-8859-1", "Grüße"),
        ("Grüße".encode("utf-8-sig"), "text/plain; charset=utf-8", "Grüße"),
    ],
    ids=["UTF-8", "a charset", "a BOM"],
)
async def test_a_text_is_decoded(
    body: bytes,
    content_type: str | None,
    text: str,
    client: Client,
    http_server: peers.HttpServer,
) -> None:
    declared = (("Content-Type", content_type),) if content_type else ()
    http_server.pages["/"] = peers.CannedResponse(body, headers=declared)

    assert await client.fetch_text(http_server.url) == text


@pytest.mark.parametrize("status", [201, 302, 304, 404, 500])
async def test_an_error_page_is_no_text(
    status: int, client: Client, http_server: peers.HttpServer
) -> None:
    http_server.pages["/"] = peers.CannedResponse(b"sorry" if status != 304 else b"", status=status)

    if status == 201:
        assert await client.fetch_text(http_server.url) == "sorry"
    else:
        report = await failure(client, http_server.url)
        assert (report.reason, report.status) == (Reason.status, status)
    assert await client.fetch_text(http_server.url, expect=status) in {"sorry", ""}


async def test_an_error_page_is_not_downloaded_either(
    client: Client, http_server: peers.HttpServer
) -> None:
    report = await failure(client, http_server.at("/endless"), expect=404)

    assert (report.reason, report.status) == (Reason.status, 200)


@pytest.mark.parametrize("path", ["/", "/endless"])
async def test_a_body_above_the_limit(
    path: str, client: Client, http_server: peers.HttpServer
) -> None:
    report = await failure(client, http_server.at(path), max_bytes=4)

    assert (report.reason, report.status) == (Reason.too_large, 200)
    assert report.detail == "the body is longer than 4 bytes"


async def test_a_body_at_the_limit(client: Client, http_server: peers.HttpServer) -> None:
    assert await client.fetch_text(http_server.url, max_bytes=5) == "hello"


BROKEN: dict[str, Callable[[], AbstractAsyncContextManager[peers.Peer]]] = {
    "short_body": partial(peers.raw, peers.REPLIES["short_body"]),
    "broken_chunk": partial(peers.raw, peers.REPLIES["broken_chunk"]),
    "unfinished_chunks": partial(peers.raw, peers.REPLIES["unfinished_chunks"]),
    "reset": partial(peers.reset, "body"),
}


@on_each_loop
@pytest.mark.parametrize("kind", BROKEN)
async def test_a_body_that_breaks_off(kind: str, client: Client) -> None:
    async with BROKEN[kind]() as server:
        report = await failure(client, server.url)

        assert server.connections == 1
    assert (report.reason, report.status) == (Reason.body, 200)
    assert report.detail.startswith("the body ")


async def test_a_body_that_does_not_end_in_time(client: Client) -> None:
    async with peers.drip("body") as server:
        report = await failure(client, server.url, timeout=SHORT)

    assert (report.reason, report.status) == (Reason.timeout, 200)
    assert "answered in " in report.detail
    assert "then no end of the body for " in report.detail


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", Reason.invalid_address),
        ("http://", Reason.invalid_address),
        ("tcp://127.0.0.1:80", Reason.invalid_address),
        ("unix:///run/none", Reason.invalid_address),
        ("127.0.0.1:7", Reason.invalid_address),
    ],
)
async def test_texts_come_by_http_only(address: str, reason: Reason, client: Client) -> None:
    report = await failure(client, address)

    assert report.reason is reason


async def test_no_text_where_nothing_answers(client: Client) -> None:
    async with peers.closed_port() as closed:
        assert (await failure(client, closed.url)).reason is Reason.refused
    async with peers.silent() as silent:
        assert (await failure(client, silent.url, timeout=SHORT)).reason is Reason.timeout
    async with peers.tls_server("expired") as expired:
        assert (await failure(client, expired.url)).reason is Reason.tls_certificate
    async with peers.raw(peers.REPLIES["ssh"]) as ssh:
        assert (await failure(client, ssh.url)).reason is Reason.protocol


async def test_a_text_needs_a_head_in_order(client: Client) -> None:
    """A check takes the status of such an answer; a body without sure framing is none."""
    async with peers.raw(peers.REPLIES["two_lengths"]) as server:
        assert await client.try_connect(server.url)
        assert (await failure(client, server.url)).reason is Reason.protocol


@pytest.mark.parametrize("name", ["length_and_chunked", "same_length_twice"])
async def test_a_text_is_read_where_the_standard_says_how(name: str, client: Client) -> None:
    async with peers.raw(peers.REPLIES[name]) as server:
        assert await client.fetch_text(server.url) == "hello"
        assert await client.fetch_text(server.url) == "hello"

        assert server.connections == 2  # none is kept


async def test_a_text_whose_head_was_cut_is_missing(client: Client) -> None:
    async with peers.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n") as server:
        assert await client.try_connect(server.url)
        assert (await failure(client, server.url)).reason is Reason.body


async def test_a_redirect_is_followed_whatever_else_is_in_its_head(
    client: Client, http_server: peers.HttpServer
) -> None:
    head = f"HTTP/1.2 302 Found\r\nX: \0\r\nno header\r\nLocation: {http_server.url}\r\n"
    async with peers.raw(head.encode() + b"\r\n") as whole, peers.raw(head.encode()) as cut:
        for server in (whole, cut):
            assert await client.fetch_text(server.url) == "hello"


async def test_a_redirect_is_followed_whose_head_aiohttp_refuses(
    client: Client, http_server: peers.HttpServer
) -> None:
    """A field of early WebSockets is the one that it takes in no answer."""
    head = f"HTTP/1.1 302 Found\r\nSec-WebSocket-Key1: 1\r\nLocation: {http_server.url}\r\n\r\n"
    async with peers.raw(head.encode()) as server:
        report = await client.probe(server.url)

    assert (report.status, report.url) == (200, http_server.url)
    assert [hop.status for hop in report.hops] == [302]


# --- connections


async def test_a_kept_connection_that_died_is_not_the_answer(client: Client) -> None:
    """The server hangs up on the second request of a connection; the check opens another."""

    async def once_per_connection(connection: peers.Connection) -> None:
        await connection.head()
        await connection.send(peers.REPLIES["plain"].data)
        await connection.head()

    async with peers.serve(once_per_connection) as server:
        assert await client.probe(server.url)
        report = await client.probe(server.url)

        assert report.ok
        assert (server.connections, len(server.requests)) == (2, 3)
    assert report.timings.connect is not None


async def test_a_tls_connection_whose_body_was_left_is_closed(client: Client) -> None:
    async def talks_on(connection: peers.Connection) -> None:
        await connection.head()
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        await connection.until_gone()
        gone.append(connection)

    gone: list[peers.Connection] = []
    handler = tls.over_tls(talks_on, peers.server_context())
    async with peers.serve(handler, scheme="https") as server:
        assert await client.probe(server.url)
        assert await client.probe(server.url)

        assert server.connections == 2
    assert gone


@pytest.mark.parametrize("line", ["a b=c", "=c", "\xe9=c", ";", "nothing"])
async def test_a_cookie_that_is_none_is_passed_over_without_a_word(
    line: str, http_server: peers.HttpServer
) -> None:
    """The guard around each test hears aiohttp's warnings."""
    headers = (("Location", "/"), ("Set-Cookie", line), ("Set-Cookie", "good=1"))
    http_server.pages["/cookies"] = peers.CannedResponse(b"", headers, 302)

    assert await tryconnect.probe(http_server.at("/cookies"))
    assert b"good=1" in http_server.requests[-1]
