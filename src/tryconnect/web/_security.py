"""Access control, and the headers that restrict what browsers do with responses."""

from __future__ import annotations

import hmac
import ipaddress
from base64 import b64decode
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web
from yarl import URL

from tryconnect.web._problems import Problem

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

__all__ = ["HEADERS", "harden", "is_loopback", "shield"]

HEADERS = {
    # The page's own files only; nothing inline, no text parsed as markup, no framing.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    # Do not reveal the versions of Python and aiohttp.
    "Server": "tryconnect",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Signal ``on_response_prepare``: send the headers with every response, streams included."""
    del request
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


def is_loopback(host: str) -> bool:
    """Return whether a host that is bound or requested is on the loopback interface."""
    host = host.lower().strip("[]").rstrip(".")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def shield(*, token: str | None, local: bool) -> Middleware:
    """Return the middleware that rejects requests which are not allowed.

    Args:
        token: The secret that every request must send; ``None``: there is none.
        local: The server is for this machine only, so requests must be for a loopback name. A
            foreign site can point its own name here (DNS rebinding), and then read what its
            visitors' browsers receive.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if local and not is_loopback(_host(request)):
            raise Problem(
                HTTPStatus.MISDIRECTED_REQUEST, "this server only accepts requests for localhost"
            )
        if _is_of_another_site(request):
            raise Problem(HTTPStatus.FORBIDDEN, "cross-site requests are forbidden")
        if token is not None and not _is_open(request) and not _knows(request, token):
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "the token is missing or wrong",
                headers={"WWW-Authenticate": 'Basic realm="tryconnect", charset="UTF-8"'},
            )
        return await handler(request)

    return middleware


def _host(request: web.Request) -> str:
    try:
        return URL(f"//{request.host}").host or ""
    except ValueError:
        return ""


def _is_of_another_site(request: web.Request) -> bool:
    """Return whether another site's page makes this request, unless it links to our page."""
    if request.headers.get("Sec-Fetch-Site") != "cross-site":
        return False
    return not (request.headers.get("Sec-Fetch-Mode") == "navigate" and _name(request) == "page")


def _is_open(request: web.Request) -> bool:
    """Return whether no token is needed: what restarts a dead server need not know it."""
    return _name(request) == "healthz"


def _name(request: web.Request) -> str | None:
    return request.match_info.route.name


def _knows(request: web.Request, token: str) -> bool:
    """Return whether a request has the token, as a bearer token or as the password of any user.

    Browsers can ask their users for the latter.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    offered = value.strip()
    if scheme.lower() == "basic":
        try:
            offered = b64decode(offered, validate=True).decode().partition(":")[2]
        except ValueError:
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(offered.encode("utf-8", "surrogateescape"), token.encode())
