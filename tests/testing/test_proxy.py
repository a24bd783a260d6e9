"""The proxy passes on what it should, as aiohttp's client sees it."""

import asyncio
import ssl

import aiohttp
import pytest

from tests.support.event_loops import on_each_loop
from tryconnect.testing import HttpServer, closed_port, proxy

JANE = ("jane", "s3cret")


@on_each_loop
@pytest.mark.parametrize("tls", [None, "good"])
async def test_plain_requests_are_forwarded(
    http_server: HttpServer, client_ssl: ssl.SSLContext, tls: str | None
) -> None:
    async with proxy(tls=tls) as through, aiohttp.ClientSession() as session:
        url = http_server.at("/redirect/1?x=y")
        async with session.get(url, proxy=through.url, ssl=client_ssl) as response:
            assert await response.text() == "hello"

    assert through.asked == [("GET", url), ("GET", http_server.url)]
    assert http_server.requests[0].startswith(b"GET /redirect/1?x=y HTTP/1.1\r\n")


@on_each_loop
async def test_connect_makes_a_tunnel(https_server: HttpServer, client_ssl: ssl.SSLContext) -> None:
    hosts = {"good.test": "127.0.0.1"}
    async with proxy(hosts=hosts) as through, aiohttp.ClientSession() as session:
        url = f"https://good.test:{https_server.port}/"
        async with session.get(url, proxy=through.url, ssl=client_ssl) as response:
            assert await response.text() == "hello"

    assert through.asked == [("CONNECT", f"good.test:{https_server.port}")]


@pytest.mark.parametrize(("auth", "status"), [(None, 407), (("jane", "no"), 407), (JANE, 200)])
async def test_a_password(
    http_server: HttpServer, auth: tuple[str, str] | None, status: int
) -> None:
    async with (
        proxy(auth=JANE) as through,
        aiohttp.ClientSession() as session,
        session.get(http_server.url, proxy=through.url_for(auth)) as response,
    ):
        assert response.status == status

    assert len(http_server.requests) == (status == 200)


async def test_refusals(https_server: HttpServer, client_ssl: ssl.SSLContext) -> None:
    async with proxy(refuses=403) as through, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientHttpProxyError, match="403"):
            await session.get(https_server.url, proxy=through.url, ssl=client_ssl)

    assert https_server.connections == 0


@pytest.mark.parametrize("words", [b"", b"GET http://127.0.0.1/ HTTP/1.1\r\n"])
async def test_who_leaves_before_the_end_of_a_request_has_asked_for_nothing(words: bytes) -> None:
    async with proxy() as through:
        reader, writer = await asyncio.open_connection(through.host, through.port)
        writer.write(words)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

    assert (through.connections, through.asked) == (1, [])


async def test_what_cannot_be_reached() -> None:
    async with (
        closed_port() as nobody,
        proxy() as through,
        aiohttp.ClientSession() as session,
    ):
        for url in (nobody.url, "http://unknown.test/"):
            async with session.get(url, proxy=through.url) as response:
                assert response.status == 502
