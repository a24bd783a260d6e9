"""The status page and its files: no build step, no third-party script."""

from __future__ import annotations

import mimetypes
from html import escape
from http import HTTPStatus
from importlib.resources import files

from aiohttp import web

from tryconnect.web._keys import TITLE
from tryconnect.web._problems import Problem

__all__ = ["ROUTES"]

FOLDER = files("tryconnect.web") / "page"
FILES = {file.name: file.read_bytes() for file in FOLDER.iterdir() if file.is_file()}
"""In memory: aiohttp's own static files take a thread of the loop's executor for each.

A packed program has no folder: :mod:`importlib.resources` finds them in a zip archive too.
"""


async def index(request: web.Request) -> web.Response:
    """``GET /``: the status page."""
    page = FILES["index.html"].decode().replace("{title}", escape(request.app[TITLE]))
    return web.Response(text=page, content_type="text/html")


async def file(request: web.Request) -> web.Response:
    """``GET /page/{name}``: a file of the page."""
    name = request.match_info["name"]
    if name not in FILES:
        raise Problem(HTTPStatus.NOT_FOUND, "there is nothing at this path")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return web.Response(body=FILES[name], content_type=kind, charset="utf-8")


ROUTES = (web.get("/", index, name="page"), web.get("/page/{name}", file, name="files"))
