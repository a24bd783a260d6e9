"""The good server's routes, as aiohttp's client sees them."""

import asyncio
import ssl

import aiohttp
import pytest

from tests.support.event_loops import on_each_loop
from tryconnect.testing import CannedResponse, HttpServer


@on_each_loop
@pytest.mark.parametrize(
    ("path", "status", "hops"),
    [
        ("/", 200, 0),
        ("/status/204", 204, 0),
        ("/status/404", 404, 0),
        ("/status/599", 599, 0),
        ("/nowhere", 404, 0),
        ("/redirect/3", 200, 3),
        ("/redirect-to?location=/status/500&status=307", 500, 1),
        ("/cookie", 200, 2),
        ("/slow-body", 200, 0),
        ("/endless", 200, 0),
    ],
)
async def test_routes(http_server: HttpServer, path: str, status: int, hops: int) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        aiohttp.ClientSession(cookie_jar=jar) as session,
        session.get(http_server.at(path)) as response,
    ):
        assert (response.status, len(response.history)) == (status, hops)

    assert len(http_server.requests) == hops + 1


async def test_a_redirect_may_lead_nowhere(http_server: HttpServer) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(http_server.at("/redirect-to?status=305")) as response,
    ):
        assert response.status == 305
        assert "Location" not in response.headers


@pytest.mark.parametrize("path", ["/loop", "/cookie"])
async def test_loops_without_a_cookie_jar(http_server: HttpServer, path: str) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        with pytest.raises(aiohttp.TooManyRedirects):
            await session.get(http_server.at(path))


async def test_echo_and_record(http_server: HttpServer) -> None:
    async with (
        aiohttp.ClientSession(headers={"X-Test": "yes"}) as session,
        session.get(http_server.at("/echo")) as response,
    ):
        assert (await response.json())["X-Test"] == "yes"

    assert http_server.connections == 1
    assert http_server.requests[0].startswith(b"GET /echo HTTP/1.1\r\n")
    assert b"\r\nX-Test: yes\r\n" in http_server.requests[0]


async def test_pages(http_server: HttpServer) -> None:
    http_server.pages["/page"] = CannedResponse(
        b"\xff", (("Content-Type", "text/x; charset=q"),), 418
    )
    async with aiohttp.ClientSession() as session, session.get(http_server.at("/page")) as response:
        assert await response.read() == b"\xff"
        assert response.status == 418
        assert response.headers.getall("Content-Type") == ["text/x; charset=q"]


@on_each_loop
async def test_tls(https_server: HttpServer, client_ssl: ssl.SSLContext) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(https_server.url, ssl=client_ssl) as response,
    ):
        assert await response.text() == "hello"


@on_each_loop
async def test_it_ends_with_clients_still_there(https_server: HttpServer) -> None:
    _, silent = await asyncio.open_connection(https_server.host, https_server.port)
    silent.write(b"\x16")
    await silent.drain()
    silent.transport.abort()
