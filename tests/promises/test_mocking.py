"""Programs that use tryconnect can be tested with aioresponses.

``docs/howto/mock.rst`` includes ``MockedResponse`` and ``mocked`` from here.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest
from aioresponses import aioresponses

import tryconnect
from tryconnect import Expect, FetchError, Reason, sync

URL = "https://example.com/"


class MockedResponse(aiohttp.ClientResponse):
    """A response as aioresponses 0.7.9 makes it, with the argument that aiohttp 3.14 added."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock())
        super().__init__(*args, **kwargs)


@pytest.fixture
def mocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[aioresponses]:
    """Answer aiohttp's requests from a list."""
    monkeypatch.setattr("aioresponses.core.ClientResponse", MockedResponse)
    with aioresponses() as mock:
        yield mock


async def test_without_the_fixture_aioresponses_cannot_answer() -> None:
    """When this fails, aioresponses is fixed: remove the workaround, here and in the docs."""
    with aioresponses() as mock:
        mock.get(URL)
        report = await tryconnect.probe(URL)

    assert report.reason is Reason.unknown
    assert isinstance(report.error, TypeError)
    assert "stream_writer" in str(report.error)


@pytest.mark.parametrize("status", [200, 204, 304, 404, 500, 503, 600])
async def test_statuses(mocked: aioresponses, status: int) -> None:
    mocked.get(URL, status=status, repeat=True)

    assert await tryconnect.try_connect(URL)
    assert (await tryconnect.probe(URL)).status == status
    assert await tryconnect.try_connect(URL, expect="2xx") == (200 <= status < 300)


async def test_redirects(mocked: aioresponses) -> None:
    mocked.get(URL, status=302, headers={"Location": "/there"})
    mocked.get(f"{URL}there", status=307, headers={"Location": "https://example.org/"})
    mocked.get("https://example.org/", status=204)

    report = await tryconnect.probe(URL)

    assert report.ok
    assert [hop.status for hop in report.hops] == [302, 307]
    assert (report.status, report.url) == (204, "https://example.org/")


async def test_a_redirect_without_end(mocked: aioresponses) -> None:
    mocked.get(URL, status=302, headers={"Location": URL}, repeat=True)

    assert (await tryconnect.probe(URL)).reason is Reason.too_many_redirects


EXCEPTIONS = {
    Reason.refused: ConnectionRefusedError(111, "Connection refused"),
    Reason.reset: ConnectionResetError(104, "Connection reset by peer"),
    Reason.timeout: TimeoutError(),
    Reason.dns_not_found: socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    Reason.dns_failed: socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
    Reason.tls_certificate: ssl.SSLCertVerificationError(1, "certificate verify failed"),
    Reason.protocol: aiohttp.ClientResponseError(Mock(), (), message="Bad status line"),
}


@pytest.mark.parametrize(("reason", "error"), EXCEPTIONS.items(), ids=list(EXCEPTIONS))
async def test_exceptions(mocked: aioresponses, reason: Reason, error: Exception) -> None:
    mocked.get(URL, exception=error, repeat=True)

    report = await tryconnect.probe(URL)

    assert report.reason is reason
    assert report.error is error
    assert not await tryconnect.try_connect(URL)
    with pytest.raises(FetchError) as caught:
        await tryconnect.fetch_text(URL)
    assert caught.value.report.reason is reason


async def test_aioresponses_own_timeout(mocked: aioresponses) -> None:
    mocked.get(URL, timeout=True)

    assert (await tryconnect.probe(URL)).reason is Reason.timeout


async def test_what_nobody_mocked_does_not_answer(mocked: aioresponses) -> None:
    assert not await tryconnect.try_connect(URL)

    assert len(mocked.requests) == 1


async def test_a_body(mocked: aioresponses) -> None:
    body = "<title>Grüße</title>"
    mocked.get(URL, body=body, content_type="text/html; charset=utf-8", repeat=True)

    assert await tryconnect.fetch_text(URL) == body
    assert await tryconnect.try_connect(URL, expect=Expect(body="Grüße"))
    assert await tryconnect.try_connect(URL, expect=Expect(body=re.compile("Gr.ße<")))
    assert not await tryconnect.try_connect(URL, expect=Expect(body=""))


async def test_a_page(mocked: aioresponses) -> None:
    mocked.get(URL, body="x", content_type="text/plain; charset=gbk", headers={"X-Word": "y"})

    page = await tryconnect.fetch(URL)

    assert (page.text, page.status, page.url) == ("x", 200, URL)
    assert (page.encoding, page.encoding_source) == ("gbk", "header")
    assert page.headers["x-word"] == "y"


async def test_a_body_that_is_too_large(mocked: aioresponses) -> None:
    mocked.get(URL, body="x" * 101, content_type="text/plain")

    with pytest.raises(FetchError) as caught:
        await tryconnect.fetch_text(URL, max_bytes=100)
    assert caught.value.report.reason is Reason.too_large


async def test_an_error_page_is_no_text(mocked: aioresponses) -> None:
    mocked.get(URL, status=503, body="Sorry.", repeat=True)

    with pytest.raises(FetchError) as caught:
        await tryconnect.fetch_text(URL)
    assert caught.value.report.status == 503
    assert await tryconnect.fetch_text(URL, expect=None) == "Sorry."


async def test_a_client_of_ones_own(mocked: aioresponses) -> None:
    mocked.get(URL, repeat=True)

    async with tryconnect.Client(headers={"X-Token": "abc"}) as client:
        assert await client.try_connect(URL)

    (calls,) = mocked.requests.values()
    assert calls[0].kwargs["headers"]["X-Token"] == "abc"


def test_the_sync_functions(mocked: aioresponses) -> None:
    mocked.get(URL, body="hello", content_type="text/plain", repeat=True)

    assert sync.try_connect(URL)
    assert sync.probe(URL).status == 200
    assert sync.fetch_text(URL) == "hello"
    with sync.Client() as client:
        assert client.try_connect(URL)


@pytest.fixture
def no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make whatever opens a socket to a network fail."""

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr("tryconnect._transport.exchange.Exchange.begin", opened)
    monkeypatch.setattr("tryconnect._transport.connector.connected", opened)


@pytest.mark.usefixtures("no_socket")
async def test_a_list_that_goes_by_aiohttp(mocked: aioresponses) -> None:
    mocked.get(URL, status=503, repeat=True)

    async for report in tryconnect.probe_many([URL] * 3, transport="aiohttp"):
        assert report.status == 503


@pytest.mark.usefixtures("no_socket", "tryconnect_aiohttp_transport")
async def test_every_list_with_the_fixture(mocked: aioresponses) -> None:
    mocked.get(URL, status=503, repeat=True)

    reports = [report async for report in tryconnect.probe_many([URL] * 3)]
    async with tryconnect.Client() as client:
        reports += [report async for report in client.probe_many([URL] * 3)]

    assert [report.status for report in reports] == [503] * 6


@pytest.mark.usefixtures("no_socket", "tryconnect_aiohttp_transport")
def test_every_blocking_list_with_the_fixture(mocked: aioresponses) -> None:
    mocked.get(URL, status=503, repeat=True)

    assert [report.status for report in sync.probe_many([URL] * 3)] == [503] * 3


@pytest.mark.usefixtures("no_socket")
async def test_a_list_without_either_is_not_mocked(mocked: aioresponses) -> None:
    async for report in tryconnect.probe_many(["http://127.0.0.1:1/"]):
        assert "a socket was opened" in report.detail
    assert not mocked.requests
