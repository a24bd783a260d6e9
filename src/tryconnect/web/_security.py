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

__all__ = [
    "HEADERS",
    "OWN_HEADER",
    "credentials",
    "harden",
    "is_loopback",
    "is_same_token",
    "shield",
]

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


OWN_HEADER = "X-Tryconnect"
"""What our page sends with a request for a check: no page of another origin can, without asking
first (Fetch standard, "CORS-preflight fetch")."""

ASKING = frozenset({"probe", "check", "check-list"})
"""The names of the routes on which a request makes the server check something."""


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
        if local and not _is_for_loopback(request):
            raise Problem(
                HTTPStatus.MISDIRECTED_REQUEST, "this server only accepts requests for localhost"
            )
        if _is_of_another_origin(request):
            raise Problem(HTTPStatus.FORBIDDEN, "requests of other sites' pages are forbidden")
        if _name(request) in ASKING and _may_be_forged(request):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                f"a browser's request for a check needs the header {OWN_HEADER} (of any value) "
                "over plain HTTP, or with a password: use the page at /, or send a Bearer token",
            )
        if token is not None and not _is_open(request):
            _check_token(request, token)
        return await handler(request)

    return middleware


def _check_token(request: web.Request, token: str) -> None:
    _, offered = credentials(request)
    if not is_same_token(offered, token):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "the token is missing or wrong",
            headers={"WWW-Authenticate": 'Basic realm="tryconnect", charset="UTF-8"'},
        )


def _is_for_loopback(request: web.Request) -> bool:
    try:
        return is_loopback(URL(f"//{request.host}").host or "")
    except ValueError:
        return False


def _is_of_another_origin(request: web.Request) -> bool:
    """Return whether another origin's page makes this request, unless it links to our page.

    Browsers say so by ``Sec-Fetch-Site``, but not to plain HTTP off loopback. ``Origin`` is sent
    there too, with every ``POST`` and with whatever a script may read.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site in {"cross-site", "same-site"}:
        return not (
            request.headers.get("Sec-Fetch-Mode") == "navigate" and _name(request) == "page"
        )
    origin = request.headers.get("Origin")
    return site != "same-origin" and origin is not None and origin.lower() != _origin(request)


def _origin(request: web.Request) -> str:
    """Return the origin that a request is for, behind a proxy with TLS too: that says so.

    A page of another origin cannot add this header without asking first.
    """
    forwarded = request.headers.get("X-Forwarded-Proto", request.scheme)
    return f"{forwarded.partition(',')[0].strip()}://{request.host}".lower()


def _may_be_forged(request: web.Request) -> bool:
    """Return whether a page of another origin may have its visitor's browser make this request.

    An image or a form of that page sends neither ``Origin`` nor a header that it chooses. A browser
    that has been given the password sends it along; and over plain HTTP it says nothing of where
    the request comes from. No page can change that all browsers call themselves Mozilla.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if OWN_HEADER in request.headers or site in {"same-origin", "none"}:
        return False
    scheme, _ = credentials(request)
    is_browser = request.headers.get("User-Agent", "").startswith("Mozilla/")
    return scheme == "basic" or (scheme != "bearer" and is_browser)


def _is_open(request: web.Request) -> bool:
    """Return whether no token is needed: what restarts a dead server need not know it."""
    return _name(request) in {"healthz", "healthy", "ready", "reload"}  # reload has its own


def _name(request: web.Request) -> str | None:
    return request.match_info.route.name


def is_same_token(offered: str, token: str) -> bool:
    """Return whether a token is the right one, in a time that does not tell how much of it is."""
    return hmac.compare_digest(offered.encode("utf-8", "surrogateescape"), token.encode())


def credentials(request: web.Request) -> tuple[str, str]:
    """Return the scheme and the token of a request: a bearer token, or the password of any user.

    Browsers can ask their users for the latter.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    scheme, offered = scheme.lower(), value.strip()
    if scheme == "basic":
        try:
            offered = b64decode(offered, validate=True).decode().partition(":")[2]
        except ValueError:
            offered = ""
    return scheme, offered if scheme in {"basic", "bearer"} else ""
