"""A well-behaved HTTP server with the routes that tests of clients need."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

from aiohttp import web

from tryconnect.testing._serve import Connection, Peer, listening, serve_on


@dataclass(frozen=True)
class CannedResponse:
    """The response for one path: sent with these headers and a ``Content-Length`` only.

    Example:
        >>> from tryconnect.testing import CannedResponse, http_server
        >>> async with http_server() as server:
        ...     server.pages["/late"] = CannedResponse(b"closed", status=503)
        ...     print((await tryconnect.probe(server.at("/late"))).status)
        503

    .. versionadded:: 0.1
    """

    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200


@dataclass
class HttpServer(Peer):
    """A running ``http_server``.

    Example:
        >>> from tryconnect.testing import CannedResponse, http_server
        >>> async with http_server() as server:
        ...     server.pages["/news"] = CannedResponse(b"none")
        ...     print(await tryconnect.fetch_text(server.at("/news")))
        none

    .. versionadded:: 0.1
    """

    pages: dict[str, CannedResponse] = field(default_factory=dict)
    """Responses by path (without query); they take precedence over the routes."""

    def at(self, path: str) -> str:
        """Return the URL of a path: ``server.at("/status/404")``."""
        return self.url.removesuffix("/") + path


async def hello(_: web.Request) -> web.StreamResponse:
    return web.Response(text="hello")


async def status(request: web.Request) -> web.StreamResponse:
    return web.Response(status=int(request.match_info["code"]))


async def redirect(request: web.Request) -> web.StreamResponse:
    hops = int(request.match_info["hops"])
    return found("/" if hops <= 1 else f"/redirect/{hops - 1}")


async def redirect_to(request: web.Request) -> web.StreamResponse:
    code = int(request.query.get("status", "302"))
    location = request.query.get("location")
    return web.Response(status=code, headers={} if location is None else {"Location": location})


async def loop(_: web.Request) -> web.StreamResponse:
    return found("/loop")


async def cookie(request: web.Request) -> web.StreamResponse:
    return web.Response(text="welcome") if "seen" in request.cookies else found("/cookie-redirect")


async def cookie_redirect(_: web.Request) -> web.StreamResponse:
    response = found("/cookie")
    response.set_cookie("seen", "yes")
    return response


async def echo(request: web.Request) -> web.StreamResponse:
    return web.json_response(dict(request.headers))


async def slow_body(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        await asyncio.sleep(float(request.query.get("seconds", "60")))
        await response.write(b"hello")
    return response


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        while True:
            await response.write(b"x" * 4096)
            await asyncio.sleep(0)
    return response


async def nothing(_: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


ROUTES: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {
    "/": hello,
    "/status/{code}": status,
    "/redirect/{hops}": redirect,
    "/redirect-to": redirect_to,
    "/loop": loop,
    "/cookie": cookie,
    "/cookie-redirect": cookie_redirect,
    "/echo": echo,
    "/slow-body": slow_body,
    "/endless": endless,
}


def found(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location})


def raw_head(request: web.Request) -> bytes:
    """Return the head of a request as it was received (the headers byte for byte)."""
    version = f"HTTP/{request.version.major}.{request.version.minor}"
    first = f"{request.method} {request.raw_path} {version}".encode("utf-8", "surrogateescape")
    return b"\r\n".join([first, *(b": ".join(pair) for pair in request.raw_headers), b"", b""])


@contextlib.asynccontextmanager
async def http_server(
    *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[HttpServer]:
    """Run a well-behaved server.

    It answers any method on each route (HEAD without the body):

    ====================================  ==========================================================
    ``/``                                 200, the text ``hello``
    ``/status/{code}``                    that status; 204 and 304 without a body
    ``/redirect/{n}``                     302 to ``/redirect/{n-1}`` and so on, finally to ``/``
    ``/redirect-to?location=…&status=…``  that ``Location``, byte for byte; without one, none
    ``/loop``                             302 to itself
    ``/cookie``                           200 with the cookie, else 302 to ``/cookie-redirect``
    ``/cookie-redirect``                  sets the cookie and redirects to ``/cookie``
    ``/echo``                             the request's headers as JSON
    ``/slow-body?seconds=…``              200 with headers at once, the body after these seconds
    ``/endless``                          200 and a body that never ends
    ====================================  ==========================================================

    Further responses: ``server.pages["/page"] = CannedResponse(body=…, headers=…)``, at any time.

    Args:
        host: Where to listen.
        port: 0 is any free one; another is for a server that appears where none was.
        tls: A server's context, as from :func:`server_context`, for https.

    Example:
        >>> from tryconnect.testing import http_server
        >>> async with http_server() as server:
        ...     print(await tryconnect.fetch_text(server.at("/redirect/3")))
        hello

    .. versionadded:: 0.1
    """
    with listening(host, port) as listener:
        server = HttpServer(
            host=host, port=listener.getsockname()[1], scheme="https" if tls else "http"
        )
        async with (
            application(server) as protocol,
            serve_on(listener, talking(protocol, tls), server),
        ):
            yield server


@contextlib.asynccontextmanager
async def application(server: HttpServer) -> AsyncIterator[web.Server]:
    """Run the routes and responses of ``server`` as an aiohttp server, without a socket."""

    # No middleware: aiohttp keeps the last 1,024 applications that have one alive.
    def noted(
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def note(request: web.Request) -> web.StreamResponse:
            server.requests.append(raw_head(request))
            if page := server.pages.get(request.path):
                return web.Response(status=page.status, body=page.body, headers=page.headers)
            return await handler(request)

        return note

    app = web.Application()
    routes = {**ROUTES, r"/{anything:[\s\S]*}": nothing}
    app.add_routes([web.route("*", path, noted(handler)) for path, handler in routes.items()])
    # Handlers end with their client, and at the end nobody waits for them (0 would be "no limit").
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.001)
    await runner.setup()
    try:
        yield cast("web.Server", runner.server)  # it is there once the runner is set up
    finally:
        await runner.cleanup()


def talking(
    protocol: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None
) -> Callable[[Connection], Awaitable[None]]:
    """Return a handler that passes its connection to an asyncio protocol."""

    async def handler(connection: Connection) -> None:
        # The transport owns the socket from here on.
        sock = socket.socket(fileno=connection.sock.detach())
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
            protocol, sock, ssl=tls
        )
        try:
            await connection.for_ever()
        finally:
            transport.abort()

    return handler
