"""The status page and its files: no build step, no third-party script."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from tryconnect.web._problems import Problem

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

__all__ = ["ROUTES", "known_files"]

FOLDER = Path(__file__).parent / "page"
FILES = frozenset(file.name for file in FOLDER.iterdir())
INDEX = (FOLDER / "index.html").read_text("utf-8")


async def index(_: web.Request) -> web.Response:
    """``GET /``: the status page."""
    return web.Response(text=INDEX, content_type="text/html")


@web.middleware
async def known_files(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: answer requests for unknown files with a problem; aiohttp would send HTML."""
    route = request.match_info.route
    if route.name == "files" and request.match_info["filename"] not in FILES:
        raise Problem(HTTPStatus.NOT_FOUND, "there is nothing at this path")
    return await handler(request)


ROUTES = (web.get("/", index, name="page"), web.static("/page", FOLDER, name="files"))
