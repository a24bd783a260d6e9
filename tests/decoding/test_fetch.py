"""The same table over the wire: what is fetched is what is decoded, whatever stands in between."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest

from tests.decoding.cases import CASES, Case
from tryconnect import Client, FetchError, Reason, fetch, fetch_text
from tryconnect import testing as peers


def _same(body: bytes) -> bytes:
    return body


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": _same,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "gzip, gzip": lambda body: gzip.compress(gzip.compress(body)),
}


def _page(case: Case, coding: str) -> peers.CannedResponse:
    headers = (("Content-Type", case.header or ""), ("Content-Encoding", coding))
    return peers.CannedResponse(PACKERS[coding](case.body), headers)


# A header's value loses the spaces around it on the wire, and cannot hold every character.
SENDABLE = [
    case
    for case in CASES
    if case.header and case.header.isprintable() and case.header == case.header.strip()
]


@pytest.mark.slow
@pytest.mark.parametrize("coding", PACKERS)
async def test_pages_are_fetched_as_the_table_says(
    coding: str, http_server: peers.HttpServer
) -> None:
    wrong = {}
    async with Client() as client:
        for case in SENDABLE:
            http_server.pages["/case"] = _page(case, coding)
            page = await client.fetch(http_server.at("/case"))
            fetched = (page.text, page.encoding, page.encoding_source)
            if fetched != (case.text, case.encoding, case.source):
                wrong[case.name] = fetched

    assert wrong == {}
    assert len(SENDABLE) > 200


UNTYPED = [case for case in CASES if case.header is None]


@pytest.mark.parametrize("case", UNTYPED, ids=lambda case: case.name)
async def test_so_is_one_without_a_type(case: Case) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(case.body)}\r\n\r\n"
    async with peers.raw(head.encode() + case.body) as server:
        page = await fetch(server.url)

    assert (page.text, page.encoding_source) == (case.text, case.source), case.why


async def test_the_caller_overrides(http_server: peers.HttpServer) -> None:
    html = (("Content-Type", "text/html; charset=utf-8"),)
    http_server.pages["/liar"] = peers.CannedResponse("镕".encode("gbk"), html)

    page = await fetch(http_server.at("/liar"), encoding="gb2312")

    assert (page.text, page.encoding, page.encoding_source) == ("镕", "gbk", "override")
    assert page.status == 200
    assert page.url == http_server.at("/liar")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.report


@pytest.mark.parametrize("label", ["hex", "idna", "no-such", "", "a\0b", "\ud800"])
async def test_an_encoding_that_there_is_not_is_refused_before_anything_is_asked(
    label: str, http_server: peers.HttpServer
) -> None:
    with pytest.raises(ValueError, match="encoding"):
        await fetch_text(http_server.url, encoding=label)

    assert http_server.connections == 0


async def test_the_last_answers_charset_counts(http_server: peers.HttpServer) -> None:
    location = (("Location", "/there"), ("Content-Type", "text/html; charset=big5"))
    http_server.pages["/here"] = peers.CannedResponse(b"", location, 302)
    korean = (("Content-Type", "text/plain; charset=euc-kr"),)
    http_server.pages["/there"] = peers.CannedResponse("한국".encode("euc-kr"), korean)

    assert await fetch_text(http_server.at("/here")) == "한국"


@pytest.mark.parametrize("cut", [10, 12, 20])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_body_cut_short_is_no_shorter_text(
    coding: str, cut: int, http_server: peers.HttpServer
) -> None:
    whole = PACKERS[coding](b"It was a dark and stormy night. " * 100)
    headers = (("Content-Type", "text/plain"), ("Content-Encoding", coding))
    http_server.pages["/cut"] = peers.CannedResponse(whole[:-cut], headers)

    with pytest.raises(FetchError) as caught:
        await fetch_text(http_server.at("/cut"))

    assert caught.value.report.reason is Reason.body


async def test_a_length_that_is_announced_is_refused_at_once(
    http_server: peers.HttpServer,
) -> None:
    http_server.pages["/long"] = peers.CannedResponse(b"x" * 1001)

    with pytest.raises(FetchError) as caught:
        await fetch_text(http_server.at("/long"), max_bytes=1000)

    assert caught.value.report.reason is Reason.too_large
    assert await fetch_text(http_server.at("/long"), max_bytes=1001) == "x" * 1001
