"""Who may ask, and what a browser may do with the answers."""

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
    # Nothing but the page's own files; nothing inline, no text that becomes markup; no frame.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    # Which versions of Python and aiohttp run here is nobody's business.
    "Server": "tryconnect",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Signal ``on_response_prepare``: send the headers with every answer, streams included."""
    del request
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


def is_loopback(host: str) -> bool:
    """Tell whether a host, as it is bound to or asked for, is this machine and nothing else."""
    host = host.lower().strip("[]").rstrip(".")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def shield(*, token: str | None, local: bool) -> Middleware:
    """Return the middleware that lets nobody through who should not ask.

    Args:
        token: the secret that must come with every request; ``None``: none.
        local: the server is for this machine only, so requests must be made to a name of it. A
            page of elsewhere can make its own name lead here (DNS rebinding), and then read what
            its visitors' browsers are answered.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if local and not is_loopback(_host(request)):
            raise Problem(
                HTTPStatus.MISDIRECTED_REQUEST, "this server is for requests to localhost only"
            )
        if _is_of_another_site(request):
            raise Problem(HTTPStatus.FORBIDDEN, "another site's page may not ask here")
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
    """Tell whether a browser asks on behalf of another site's page; a link to ours is no matter."""
    if request.headers.get("Sec-Fetch-Site") != "cross-site":
        return False
    return not (request.headers.get("Sec-Fetch-Mode") == "navigate" and _name(request) == "page")


def _is_open(request: web.Request) -> bool:
    """Whoever restarts a dead server need not know its token."""
    return _name(request) == "healthz"


def _name(request: web.Request) -> str | None:
    return request.match_info.route.name


def _knows(request: web.Request, token: str) -> bool:
    """Tell whether a request brings the token: as a bearer's, or as the password of any user.

    The latter is what a browser can ask its user for.
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
