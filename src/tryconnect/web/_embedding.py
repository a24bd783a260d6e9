"""Pages of other sites that may show our page in a frame, or read what the server tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web

from tryconnect.web._security import HEADERS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from aiohttp.typedefs import Handler, Middleware

__all__ = ["allow", "cross_origin", "framed_by", "origins"]

_ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.IGNORECASE)

READABLE = re.compile(r"/(?:healthz|metrics|api/(?:events|targets(?:/.*)?))$")
"""Paths that another site's page may read: what is watched. It may not have anything checked."""

_MARK = web.RequestKey("tryconnect_cross_origin", str)


def origins(texts: Iterable[str]) -> tuple[str, ...]:
    """Return origins, in lower case.

    Raises:
        ValueError: One is none; ``*`` is not, either.
    """
    found = []
    for text in texts:
        if not _ORIGIN.fullmatch(text):
            raise ValueError(f"an origin looks like https://wall.example.com, not {text!r}")
        found.append(text.lower())
    return tuple(found)


def cross_origin(allowed: Iterable[str]) -> Middleware:
    """Return the middleware that lets pages of these origins read (Fetch standard, "CORS").

    It stands before the one that rejects other sites' requests, and takes from theirs what says
    so; a token is still needed where there is one.
    """
    known = frozenset(allowed)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin", "").lower()
        if origin not in known or not READABLE.search(request.path):
            return await handler(request)
        headers = request.headers.copy()
        for name in ("Origin", "Sec-Fetch-Site"):
            headers.popall(name, None)
        request[_MARK] = origin  # whole responses are prepared for this one, streams for the other
        request = request.clone(headers=headers)
        request[_MARK] = origin
        if request.method == "OPTIONS":  # asks whether it may send a token
            response = web.Response(status=204)
            response.headers["Access-Control-Allow-Headers"] = "Authorization"
            response.headers["Access-Control-Max-Age"] = "600"
            return response
        return await handler(request)

    return middleware


async def allow(request: web.Request, response: web.StreamResponse) -> None:
    """Signal ``on_response_prepare``: let an allowed origin's page read the response."""
    if origin := request.get(_MARK):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Vary"] = "Origin"


def framed_by(
    ancestors: Iterable[str],
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Return the signal that lets these origins show our page in a frame."""
    known = " ".join(ancestors)
    policy = HEADERS["Content-Security-Policy"].replace(
        "frame-ancestors 'none'", f"frame-ancestors 'self' {known}"
    )

    async def signal(request: web.Request, response: web.StreamResponse) -> None:
        del request
        response.headers["Content-Security-Policy"] = policy
        response.headers.popall("X-Frame-Options", None)  # it cannot name origins

    return signal
